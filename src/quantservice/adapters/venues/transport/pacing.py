"""Counting what we send: connection attempts per address and messages per connection, both within sliding windows."""

from __future__ import annotations

from collections import deque

from quantservice.ports import Clock


class SlidingLimit:
    """At most ``most`` events in any ``window_s`` seconds. Pure: every call takes the time."""

    def __init__(self, most: int, window_s: float) -> None:
        self.most = most
        self.window_s = window_s
        self.blocked_until = 0.0
        self._times: deque[float] = deque()

    def note(self, now: float) -> None:
        """Book an event."""
        self._forget(now)
        self._times.append(now)

    def delay(self, now: float) -> float:
        """Return how long to wait before the next event may happen (0: now)."""
        self._forget(now)
        wait = 0.0
        if len(self._times) >= self.most:
            wait = self._times[len(self._times) - self.most] + self.window_s - now
        return max(0.0, wait, self.blocked_until - now)

    def block(self, until: float) -> None:
        """Forbid events until an instant."""
        self.blocked_until = max(self.blocked_until, until)

    def used(self, now: float) -> int:
        """Events within the window now."""
        self._forget(now)
        return len(self._times)

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] <= now - self.window_s:
            self._times.popleft()


class Pacer:
    """Waits for a :class:`SlidingLimit`. One per connection for messages, one per address for connection attempts."""

    def __init__(self, most: int, window_s: float, *, clock: Clock) -> None:
        self._limit = SlidingLimit(max(1, most), window_s)
        self._clock = clock

    async def wait(self) -> None:
        """Wait until one more is allowed, and book it."""
        while delay := self.take():
            await self._clock.sleep(delay)

    def take(self) -> float:
        """Book one if it may go now, and return 0; else return how long to wait before asking again."""
        now = self._clock.monotonic()
        delay = self._limit.delay(now)
        if delay <= 0:
            self._limit.note(now)
        return max(0.0, delay)

    def block(self, seconds: float) -> None:
        """Forbid all for a while (a 429 on connect)."""
        self._limit.block(self._clock.monotonic() + seconds)

    def used(self) -> int:
        """How many fell into the window that ends now."""
        return self._limit.used(self._clock.monotonic())
