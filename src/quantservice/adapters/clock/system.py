"""The machine's own time."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The Clock of a running process: the operating system's UTC and monotonic clocks."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return time.time_ns()

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellation ends it."""
        await asyncio.sleep(seconds)
