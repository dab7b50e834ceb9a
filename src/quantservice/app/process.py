"""Who owns a data directory: a lock that dies with its process, and a card that says where its API listens."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

import msgspec
import psutil

from quantservice.app.places import Places
from quantservice.core.errors import EnvironmentFault

_LOCK: Final = "process.lock"
_CARD: Final = "process.json"


class RunningProcess(msgspec.Struct, frozen=True):
    """The process that owns a data directory. ``api_url`` is empty while it starts, or when it serves none."""

    pid: int
    api_url: str = ""
    client_url: str = ""
    command: str = ""
    started_ms: int = 0


def process_started_ms() -> int:
    """When this process started (ms UTC): its uptime counts from there, imports included."""
    return int(psutil.Process().create_time() * 1000)


class Ownership:
    """The held lock of a data directory; :meth:`announce` tells others where to ask."""

    def __init__(self, places: Places, handle: TextIO, command: str) -> None:
        self._card = places.root / _CARD
        self._handle = handle
        self._process = RunningProcess(os.getpid(), command=command, started_ms=time.time_ns() // 1_000_000)
        self._write()

    @property
    def command(self) -> str:
        """What this process was started as: demo, up, clientserver, or command for a short one."""
        return self._process.command

    def announce(self, *, api_url: str, client_url: str = "") -> None:
        """Say where the API and the client server listen."""
        self._process = msgspec.structs.replace(self._process, api_url=api_url, client_url=client_url)
        self._write()

    def _write(self) -> None:
        temporary = self._card.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.encode(self._process))
        temporary.replace(self._card)

    def release(self) -> None:
        """Give the directory back."""
        with contextlib.suppress(OSError):
            self._card.unlink()
        self._handle.close()


@contextlib.contextmanager
def own(places: Places, command: str, *, patience_s: float = 0.5) -> Iterator[Ownership]:
    """Hold the data directory; raises :class:`EnvironmentFault` naming the process that has it.

    ``patience_s`` waits for a short command of another process to end; one that serves an API is not waited for.
    """
    until = time.monotonic() + patience_s
    while True:
        handle = (places.root / _LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            handle.close()
        running = _card(places.root / _CARD)
        if time.monotonic() >= until or (running is not None and running.api_url):
            who = f"process {running.pid} (qs {running.command})" if running else "another process"
            raise EnvironmentFault(f"{who} is using {places.root}; end it first, or choose another --data-dir")
        time.sleep(0.05)
    ownership = Ownership(places, handle, command)
    try:
        yield ownership
    finally:
        ownership.release()


def find_running(places: Places) -> RunningProcess | None:
    """Return the process that owns the directory now, or None; a card left by a killed process does not count."""
    lock = places.root / _LOCK
    if not lock.exists():
        return None
    try:
        with lock.open("r+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return _card(places.root / _CARD) or RunningProcess(0)
    except OSError:
        return None
    return None


def _card(path: Path) -> RunningProcess | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunningProcess)
    except (OSError, msgspec.DecodeError, json.JSONDecodeError):
        return None
