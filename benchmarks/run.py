"""Every row of the table "how good", in one command.

    ./qs bench [--quick] [--only decode,ingest] [--json FILE] [--markdown FILE] [--wait SECONDS] [--peers]

Each row runs in a process of its own, so that none inherits another's memory or store, with its peer in the same run.
Before a row the machine may be waited for to get quiet (``--wait``); what other programs took of it meanwhile is printed
beside the row. A row that misses its figure while others took more than a third of a core is measured once more at the end.
``--peers`` first makes the environments of peers that want their own (``.peers/``); a peer that is not there is named in its row.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT)]

from benchmarks.peers.launch import install  # noqa: E402 - the path is set first
from benchmarks.results import Plan, Result  # noqa: E402

ROWS = {
    "decode": "benchmarks.bench_decode",
    "ingest": "benchmarks.bench_ingest",
    "read": "benchmarks.bench_store",
    "http": "benchmarks.bench_http",
    "fanout": "benchmarks.bench_fanout",
    "gaps": "benchmarks.bench_gaps",
    "backfill": "benchmarks.bench_backfill",
    "streams": "benchmarks.bench_streams",
    "start": "benchmarks.bench_start",
    "bus": "benchmarks.bench_bus",
    "cold": "benchmarks.bench_cold",
    "indicators": "benchmarks.bench_indicators",
    "sweep_scaling": "benchmarks.bench_sweep_scaling",
    "sma": "benchmarks.bench_sma",
    "sweep": "benchmarks.bench_sweep",
    "events": "benchmarks.bench_events",
    "portfolio": "benchmarks.bench_portfolio",
    "orders": "benchmarks.bench_orders",
    "reaction": "benchmarks.bench_reaction",
    "recovery": "benchmarks.bench_recovery",
}
QUIET = 0.15  # of all cores: what a quiet machine does at most
DISTURBED = 0.33  # of one core: more of other work than this, and a miss says little
ROW_LIMIT_S = 900


def machine() -> str:
    """Say what this runs on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # not Linux: the short name has to do
    memory_gb = psutil.virtual_memory().total / 1e9
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{psutil.cpu_count()} cores of {model}, {memory_gb:.0f} GB, {system}"


def wait_until_quiet(limit_s: float) -> None:
    """Wait, at most ``limit_s``, until the machine has little else to do."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and psutil.cpu_percent(2.0) / 100 > QUIET:
        pass


def measure(row: str, *, quick: bool, wait_s: float) -> list[Result]:
    """Run one row in a process of its own."""
    wait_until_quiet(wait_s)
    load = os.getloadavg()[0]
    started, busy, mine = time.monotonic(), _busy_s(), _children_s()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "results.json"
        command = [sys.executable, "-m", "benchmarks.run", "--child", str(answer), "--only", row]
        try:
            ended = subprocess.run(
                [*command, "--quick"] if quick else command, cwd=PROJECT, timeout=ROW_LIMIT_S, check=False, stdout=sys.stderr
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -1
        text = answer.read_bytes() if answer.is_file() else b""
    others = max(0.0, (_busy_s() - busy) - (_children_s() - mine)) / (time.monotonic() - started)
    if not text:
        why = "did not end in time" if ended == -1 else f"ended with {ended}; what it said stands above"
        return [Result(what=row, asked="a figure", measured=why, ok=False, row=row, load=load, others=others)]
    results = msgspec.json.decode(text, type=list[Result])
    for item in results:
        item.row, item.load, item.others = row, round(load, 2), round(others, 2)
    return results


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + own.ru_utime + own.ru_stime


def child(row: str, answer: Path, *, quick: bool) -> None:
    """Measure here and leave the results in a file."""
    results: list[Result] = importlib.import_module(ROWS[row]).results(Plan(quick))
    answer.write_bytes(msgspec.json.encode(results))


def table(results: Sequence[Result]) -> str:
    """The figures as text columns."""
    rows = [("what", "asked", "measured", "beside the peer", "ok", "others")]
    rows += [(item.what, item.asked, item.measured, item.peer, _mark(item), f"{item.others:.2f} cores") for item in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, *(f"{item.what}: {item.note}" for item in results if item.note)])


def markdown(results: Sequence[Result], where: str) -> str:
    """The figures as a table for the README."""
    lines = [f"Measured with `./qs bench` on {where}.", "", "| what | asked | measured | beside the peer |", "|---|---|---|---|"]
    lines += [f"| {item.what} | {item.asked} | {item.measured}{'' if item.ok else ' (missed)'} | {item.peer} |" for item in results]
    return "\n".join(lines) + "\n"


def _mark(item: Result) -> str:
    return "yes" if item.ok else "NO"


def main() -> int:
    """Run the rows; non-zero when one misses its figure."""
    parser = argparse.ArgumentParser(prog="qs bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and shorter runs: a look, not a proof")
    parser.add_argument("--only", default="", help=f"rows, comma separated, of: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown to this file")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait before each row for a quiet machine")
    parser.add_argument("--peers", action="store_true", help="install the peers of the research rows into .peers/ first")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    wanted = [name.strip() for name in given.only.split(",") if name.strip()] or list(ROWS)
    for name in wanted:
        if name not in ROWS:
            parser.error(f"row {name!r} is unknown; rows are: {', '.join(ROWS)}")
    if given.child:
        child(wanted[0], given.child, quick=given.quick)
        return 0
    if given.peers:
        install()
    print(machine(), file=sys.stderr)
    found = {name: _told(name, quick=given.quick, wait_s=given.wait) for name in wanted}
    for name, results in found.items():
        if any(not item.ok and item.others > DISTURBED for item in results):
            print(f"{name}: missed while other programs were busy; once more", file=sys.stderr)
            found[name] = _told(name, quick=given.quick, wait_s=max(given.wait, 60.0))
    results = [item for items in found.values() for item in items]
    print(machine())
    print(table(results))
    if given.json:
        report = {"machine": machine(), "quick": given.quick, "results": results}
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if given.markdown:
        given.markdown.write_text(markdown(results, machine()), encoding="utf-8")
    return 0 if all(item.ok for item in results) else 1


def _told(name: str, *, quick: bool, wait_s: float) -> list[Result]:
    results = measure(name, quick=quick, wait_s=wait_s)
    for item in results:
        print(f"[{item.row}] {item.what}: {item.measured} (asked {item.asked}) {_mark(item)}; load {item.load}", file=sys.stderr)
    return results


if __name__ == "__main__":
    raise SystemExit(main())
