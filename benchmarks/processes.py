"""The exchange simulator and the platform as processes of their own, put up and taken down by a benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import PROJECT
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.server import serve

_START_S = 60.0


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def fetch(url: str, *, timeout_s: float = 10.0) -> Any:
    """The JSON at ``url``."""
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:
        return json.loads(answer.read())


def wait_for(url: str, *, limit_s: float = _START_S) -> None:
    """Wait until ``url`` answers."""
    until = time.monotonic() + limit_s
    while True:
        try:
            fetch(url, timeout_s=2.0)
        except (urllib.error.URLError, OSError, TimeoutError):
            if time.monotonic() > until:
                raise SystemExit(f"{url} did not answer within {limit_s:g} s") from None
            time.sleep(0.1)
        else:
            return


def _simulate(config: SimulatorConfig) -> None:
    asyncio.run(serve(config))


@contextlib.contextmanager
def simulator(config: SimulatorConfig) -> Iterator[str]:
    """Run a simulator; yields its REST address."""
    url = f"http://127.0.0.1:{config.port}"
    process = multiprocessing.get_context("spawn").Process(target=_simulate, args=(config,), daemon=True)
    process.start()
    try:
        wait_for(f"{url}/_referee")
        yield url
    finally:
        process.terminate()
        process.join(10)


@contextlib.contextmanager
def platform(
    folder: Path, port: int, *, roles: Sequence[str], pairs: Mapping[str, Sequence[str]], web_port: int = 0
) -> Iterator[int]:
    """Run ``qs up`` against the simulator at ``port``; yields the process id and ends it cleanly.

    ``pairs`` names the instruments per market; a market without any is switched off.
    """
    lines = ["binance:"]
    for market in ("spot", "um", "cm"):
        lines.append(f"  {market}:")
        if pairs.get(market):
            lines += [f"    rest_url: http://127.0.0.1:{port}", f"    ws_url: ws://127.0.0.1:{port}/{market}"]
        else:
            lines.append("    enabled: false")
    lines += ["collect:", "  periods: [1m]", "  history_days: 0.05", "  pairs:"]
    lines += [f"    - {name}" for names in pairs.values() for name in names]
    lines += ["web:", f"  port: {web_port or free_port()}", "clientserver:", f"  port: {free_port()}"]
    config = folder / "app.yaml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = folder / "said.txt"
    command = [sys.executable, "-m", "quantservice.app.cli", "up", "--no-browser", "--only", ",".join(roles)]
    command += ["--config", str(config), "--data-dir", str(folder / "data")]
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=output, stderr=output)
        try:
            yield process.pid
            if process.poll() is not None:
                raise SystemExit(f"the platform ended with {process.returncode}: {said.read_text()[-2_000:]}")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if process.returncode:
        raise SystemExit(f"the platform ended with {process.returncode}: {said.read_text()[-2_000:]}")
