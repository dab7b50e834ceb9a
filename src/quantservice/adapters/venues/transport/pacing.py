"""Counting what we send: connection attempts per address and messages per connection, both within sliding windows."""

from __future__ import annotations

from collections import deque
from typing import Final

from quantservice.ports import Clock

_LOOK_AGAIN_S: Final = 0.05  # everything that is allowed is on its way: nobody knows when the first of it is answered


class SlidingLimit:
    """At most ``most`` events in any ``window_s`` seconds. Pure: every call takes the time.

    A request is no event of one instant: we know when it left and when it was answered, and it is counted where it arrived, between
    the two. So it counts from its leaving until a window after its answer, and no travel time can bring too many into one window.
    """

    def __init__(self, most: int, window_s: float) -> None:
        self.most = most
        self.window_s = window_s
        self.blocked_until = 0.0
        self._times: deque[float] = deque()
        self._away = 0

    def leave(self) -> None:
        """Book a request that leaves; it is to be followed by :meth:`arrived`."""
        self._away += 1

    def arrived(self, now: float) -> None:
        """Take that a request was answered, or is waited for no longer: it arrived by now, if ever."""
        self._away -= 1
        self.note(now)

    def note(self, now: float) -> None:
        """Book an event."""
        self._forget(now)
        self._times.append(now)

    def delay(self, now: float) -> float:
        """Return how long to wait before the next event may happen (0: now)."""
        self._forget(now)
        wait = 0.0
        over = len(self._times) + self._away - self.most
        if over >= len(self._times) and self._away:
            wait = _LOOK_AGAIN_S
        elif over >= 0:
            wait = self._times[over] + self.window_s - now
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
