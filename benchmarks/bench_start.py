"""How long a person waits: ``qs --help``, and the first live kline on the page after ``qs demo``.

    ./qs bench --only start

The demo's clock starts when its process does and stops when both are there: the page's HTML, and a kline pushed on the page's
own WebSocket (``/ws``). The peer of the help is the bare interpreter, and ``import ccxt``, a library a script would begin with.
"""

from __future__ import annotations

import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.processes import free_port
from benchmarks.results import PROJECT, Plan, Result, Watched, medians

ASKED_HELP_S = 0.25
ASKED_KLINE_S = 5.0
TOPIC = "kline:binance:um:BTC-USDT-PERP:1m"
HELP_RUNS = 5
_LIMIT_S = 60.0


def run(*command: str) -> None:
    """Run to the end."""
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=PROJECT)


def time_of_children() -> float:
    """Processor seconds of all commands that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_kline(folder: Path) -> tuple[float, float, float]:
    """Seconds from the start of ``qs demo`` to its page, to the first live kline, and the processor's until then."""
    port = free_port()
    command = [sys.executable, "-m", "quantservice.app.cli", "demo", "--no-browser", "--port", str(port)]
    with (folder / "said.txt").open("wb") as said:
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--data-dir", str(folder / "data")], stdout=said, stderr=said, cwd=PROJECT)
        try:
            page = _page(port, started)
            kline = _kline(port, started)
            return page, kline, Watched(process.pid).cpu_s()
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _page(port: int, started: float) -> float:
    while time.perf_counter() - started < _LIMIT_S:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                if b"<html" in answer.read().lower():
                    return time.perf_counter() - started
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"the page was not there within {_LIMIT_S:g} s")


def _kline(port: int, started: float) -> float:
    while time.perf_counter() - started < _LIMIT_S:
        try:
            with connect(f"ws://127.0.0.1:{port}/ws", compression=None) as page:
                page.send(json.dumps({"action": "subscribe", "topics": [TOPIC]}))
                while time.perf_counter() - started < _LIMIT_S:
                    told = json.loads(page.recv(timeout=_LIMIT_S))
                    if told.get("topic") == TOPIC and told.get("data"):
                        return time.perf_counter() - started
                    if told.get("error"):
                        break  # the symbol is not registered yet
        except (OSError, WebSocketException):
            pass
        time.sleep(0.02)
    raise SystemExit(f"no live kline came within {_LIMIT_S:g} s")


def results(plan: Plan) -> list[Result]:
    """The two rows of the table."""
    qs_help, bare, ccxt = medians(
        plan.rounds(9),
        lambda: run("-m", "quantservice.app.cli", "--help"),
        lambda: run("-c", "pass"),
        lambda: run("-c", "import ccxt"),
    )
    used = time_of_children()
    for _ in range(HELP_RUNS):
        run("-m", "quantservice.app.cli", "--help")
    help_cpu = (time_of_children() - used) / HELP_RUNS
    pages, klines, cpus = [], [], []
    for _ in range(plan.rounds(3)):
        with tempfile.TemporaryDirectory() as folder:
            page, kline, cpu = first_kline(Path(folder))
        cpus.append(cpu)
        pages.append(page)
        klines.append(kline)
    page, kline, cpu = statistics.median(pages), statistics.median(klines), statistics.median(cpus)
    return [
        Result(
            what="qs --help",
            asked=f"< {ASKED_HELP_S} s",
            measured=f"{qs_help:.3f} s (processor {help_cpu:.3f} s)",
            peer=f"{qs_help / bare:.1f}x the bare interpreter ({bare:.3f} s); {qs_help / ccxt:.2f}x import ccxt ({ccxt:.2f} s)",
            ok=qs_help < ASKED_HELP_S,
            figures={"help_s": qs_help, "python_s": bare, "ccxt_s": ccxt, "help_cpu_s": help_cpu},
        ),
        Result(
            what="first live kline on the page after the start of qs demo",
            asked=f"< {ASKED_KLINE_S:g} s",
            measured=f"{kline:.2f} s (the page itself {page:.2f} s; processor {cpu:.2f} s)",
            ok=kline < ASKED_KLINE_S,
            figures={"kline_s": klines, "page_s": pages, "cpu_s": cpus},
        ),
    ]
