"""What a benchmark says: one row of the table, and what it was told."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil

PROJECT = Path(__file__).resolve().parent.parent


class Plan(msgspec.Struct, frozen=True):
    """How much to measure."""

    quick: bool = False

    def rounds(self, whole: int) -> int:
        """Rounds of a full run, cut down for a quick one."""
        return max(1, whole // 3) if self.quick else whole

    def seconds(self, whole: float, quick: float) -> float:
        """Duration of a full or of a quick run."""
        return quick if self.quick else whole


class Result(msgspec.Struct, kw_only=True):
    """One row of the table. ``figures`` holds what was measured, for scripts."""

    what: str
    asked: str
    measured: str
    peer: str = ""
    ok: bool
    figures: dict[str, Any] = {}
    note: str = ""
    row: str = ""
    load: float = 0.0  # the machine's load average when the row began
    others: float = 0.0  # cores that other work took while the row ran


def data_folder() -> Path:
    """Where the recorded frames lie."""
    found = Path(os.environ.get("QS_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not (found / "MANIFEST.csv").is_file():
        raise SystemExit(f"recorded frames are not at {found}; set QS_TEST_DATA to their folder")
    return found


def medians(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call; the calls take turns, so that a disturbance meets all alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            gc.collect()
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in taken]


class Watched:
    """Memory and processor time of another process, read from outside."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._mark = (time.monotonic(), self.cpu_s())

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Resident memory now."""
        return float(self._process.memory_info().rss) / 1e6

    def restart(self) -> None:
        """Measure :meth:`cores` from now on."""
        self._mark = (time.monotonic(), self.cpu_s())

    def cores(self) -> float:
        """Cores used since the last :meth:`restart`."""
        at, used = self._mark
        return (self.cpu_s() - used) / (time.monotonic() - at)
