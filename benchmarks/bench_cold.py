"""``qs backtest`` from the start of its process to its end: one year of 1h bars, ``ma_cross``, result kept.

    ./qs bench --only cold

Three ways: with the machine code of an earlier run (the usual one), through a running process that owns the store, and with nothing
compiled ever (a cache folder of its own; the command says so while it compiles). Each is a new process every time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import research_store

from benchmarks.processes import free_port, platform, wait_for
from benchmarks.results import PROJECT, Plan, Result

YEAR_BARS = 8_760
ASKED_CACHED_S = 3.0
ASKED_THROUGH_S = 1.5
ASKED_FIRST_S = 12.0
_LIMIT_S = 300.0


def backtest(folder: Path, cache: Path | None = None) -> tuple[float, float, str]:
    """Wall seconds and processor seconds of one command, and what it said on the way."""
    command = [
        sys.executable,
        "-m",
        "quantservice.app.cli",
        "backtest",
        "ma_cross",
        "--symbol=BTCUSDT",
        "--market=um",
        "--period=1h",
    ]
    environment = dict(os.environ) | ({"XDG_CACHE_HOME": str(cache)} if cache else {})
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, f"--data-dir={folder}", "--json"], stdout=out, stderr=said, cwd=PROJECT, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said.seek(0)
        text = said.read()
        if process.returncode != 0:
            raise SystemExit(f"qs backtest failed: {text}")
        assert json.loads(out.read())["id"]
    return seconds, used.ru_utime + used.ru_stime, text


def through_a_process(root: Path, runs: int) -> list[tuple[float, float, str]]:
    """The same while ``qs up`` owns the store."""
    port = free_port()
    with platform(root, 0, roles=("projections", "web", "outbox", "jobs"), pairs={}, web_port=port):
        wait_for(f"http://127.0.0.1:{port}/health/live")
        time.sleep(5.0)  # what it loads after its start
        return [backtest(root / "data") for _ in range(runs)]


def results(plan: Plan) -> list[Result]:
    """The three rows."""
    with tempfile.TemporaryDirectory() as root:
        folder, cache = Path(root) / "data", Path(root) / "cache"
        subprocess.run(
            [sys.executable, str(Path(research_store.__file__)), str(folder), str(YEAR_BARS), "1h"],
            check=True, capture_output=True, timeout=_LIMIT_S, cwd=PROJECT,
        )  # fmt: skip
        backtest(folder)  # makes what later runs find
        cached = [backtest(folder) for _ in range(plan.rounds(5))]
        through = through_a_process(Path(root), plan.rounds(5))
        first_s, first_cpu, said = backtest(folder, cache)
    rows = []
    for what, asked, runs in (
        ("qs backtest, one year of 1h, cold process, machine code cached", ASKED_CACHED_S, cached),
        ("the same through a running process", ASKED_THROUGH_S, through),
    ):
        seconds, cpu = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
        rows.append(
            Result(what=what, asked=f"< {asked:g} s", measured=f"{seconds:.2f} s (processor {cpu:.2f} s)", ok=seconds < asked)
        )
    told = "compiling" in said
    rows.append(
        Result(
            what="the same, first compile ever",
            asked=f"< {ASKED_FIRST_S:g} s, with a message",
            measured=f"{first_s:.1f} s (processor {first_cpu:.1f} s), {'with' if told else 'without'} a message",
            ok=first_s < ASKED_FIRST_S and told,
        )
    )
    return rows
