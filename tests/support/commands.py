"""Run ``qs`` as a person does: a process of its own, on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.command_server import CommandServer

PATIENCE_S = 60.0


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a clean shell, without this process's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QS_")}
    return kept | {"PYTHONUNBUFFERED": "1"} | (extra or {})


def qs(*arguments: str, cwd: Path, timeout_s: float = 90.0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a process of its own that has been loaded already."""
    return _server().run(arguments, cwd=cwd, env=environment(env), timeout_s=timeout_s)


@cache
def _server() -> CommandServer:
    return CommandServer(environment())


def wait_for(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Ask until the condition gives something true; fail naming what was waited for."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {patience_s} s")


class RunningDemo:
    """A ``qs demo`` (or ``qs up``) process with its API."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, data_dir: Path, output: Path) -> None:
        self.process = process
        self.port = port
        self.data_dir = data_dir
        self._output = output

    def said(self) -> str:
        """Everything it has printed so far."""
        return self._output.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """GET JSON; None while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def end(self, number: int = signal.SIGINT, timeout_s: float = 30.0) -> tuple[int, str]:
        """Send a signal; return the exit code and everything it said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=timeout_s), self.said()


@contextmanager
def running(command: str, *arguments: str, data_dir: Path, env: dict[str, str] | None = None) -> Iterator[RunningDemo]:
    """Start ``qs <command>`` and wait until its API answers; kill it at the end if it still runs."""
    port = free_port()
    options = [f"--port={port}", f"--data-dir={data_dir}", "--no-browser", *arguments]
    output = data_dir.parent / f"{data_dir.name}-{port}.out"
    with output.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "quantservice.app.cli", command, *options],
            cwd=data_dir.parent,
            env=environment({"QS_CLIENTSERVER__PORT": str(free_port())} | (env or {})),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    demo = RunningDemo(process, port, data_dir, output)
    try:
        wait_for(lambda: process.poll() is not None or demo.get("/health/live"), "the API's first answer")
        if process.poll() is not None:
            raise AssertionError(f"qs {command} ended with {process.returncode}: {demo.said()}")
        yield demo
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)
