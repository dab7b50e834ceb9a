"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

START_MS = 1_740_787_200_000  # 2025-03-01 00:00 UTC


class ManualClock:
    """A Clock whose time a test sets. ``sleep`` returns once :meth:`advance` has passed its deadline."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self._start_ns = start_ms * 1_000_000
        self._elapsed_ns = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        return self._start_ns + self._elapsed_ns

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def monotonic(self) -> float:
        return self._elapsed_ns / 1e9

    @property
    def sleepers(self) -> int:
        """How many tasks wait for time to pass."""
        return sum(not item[2].done() for item in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_ns + int(seconds * 1e9), next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on, waking sleepers in the order of their deadlines and letting each run."""
        target = self._elapsed_ns + int(seconds * 1e9)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, future = heapq.heappop(self._sleepers)
            self._elapsed_ns = max(self._elapsed_ns, deadline)
            if not future.done():
                future.set_result(None)
                await _settle()
        self._elapsed_ns = target
        await _settle()


async def _settle(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
