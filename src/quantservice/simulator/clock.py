"""The simulated venue's clock: real time, or real time times a speed."""

from __future__ import annotations

import time


class SimulatorClock:
    """Market time in milliseconds, running at ``speed`` from ``start_ms`` (default: now) once started."""

    def __init__(self, *, speed: float = 1.0, start_ms: int | None = None) -> None:
        self.speed = speed
        self._start_ms = start_ms if start_ms is not None else time.time_ns() // 1_000_000
        self._started = time.monotonic()
        self.skew_ms = 0
        #: market time stands still here: the end of what is replayed
        self.end_ms: int | None = None

    def start(self, *, at_ms: int | None = None) -> None:
        """Begin to run from the start instant, or from ``at_ms``."""
        if at_ms is not None:
            self._start_ms = at_ms
        self._started = time.monotonic()

    def now_ms(self) -> int:
        """Return the market's time."""
        now = self._start_ms + int((time.monotonic() - self._started) * 1000 * self.speed)
        return now if self.end_ms is None else min(now, self.end_ms)

    def server_ms(self) -> int:
        """Return the time the venue tells its clients, clock skew fault included."""
        return self.now_ms() + self.skew_ms
