"""How many messages a client may send."""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """``rate`` messages per second, and as many at once after a quiet second."""

    __slots__ = ("_at", "_monotonic", "_rate", "_size", "_tokens")

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._size = max(1.0, rate)
        self._tokens = self._size
        self._monotonic = monotonic
        self._at = monotonic()

    def take(self) -> int:
        """Take one token and return 0, or return how many milliseconds to wait for one."""
        now = self._monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, int((1 - self._tokens) / self._rate * 1_000))
