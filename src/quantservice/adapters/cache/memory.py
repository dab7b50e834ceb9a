"""A cache inside the process: bounded by bytes, least recently used out first, every entry with an end of life."""

from __future__ import annotations

from collections import OrderedDict

from quantservice.core.errors import InvalidValue
from quantservice.ports import Clock


class MemoryCache:
    """Cache of one process. An entry ends after its ``ttl_s``, or earlier when room is needed."""

    def __init__(self, clock: Clock, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        if max_bytes < 1:
            raise InvalidValue("max_bytes", "a cache needs room for at least one byte")
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._hits = self._misses = self._evicted = 0

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None when it is absent or over."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= self._clock.monotonic():
            self._misses += 1
            self._forget(key)
            return None
        self._hits += 1
        self._entries.move_to_end(key)
        return entry[1]

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep the value for ``ttl_s`` seconds; one too large for the whole cache is not kept."""
        if ttl_s <= 0:
            raise InvalidValue("ttl_s", "must be positive")
        self._forget(key)
        size = len(key) + len(value)
        if size > self._max_bytes:
            return
        while self._bytes + size > self._max_bytes:
            self._forget(next(iter(self._entries)))
            self._evicted += 1
        self._entries[key] = (self._clock.monotonic() + ttl_s, bytes(value))
        self._bytes += size

    async def delete(self, key: str) -> None:
        """Forget the value."""
        self._forget(key)

    def stats(self) -> dict[str, int]:
        """Figures now."""
        return {
            "entries": len(self._entries),
            "bytes": self._bytes,
            "hits": self._hits,
            "misses": self._misses,
            "evicted": self._evicted,
        }

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(key) + len(entry[1])
