"""Recent klines kept ready, encoded, for a few seconds: many clients that poll cost one read of the store."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from quantservice.core.events import Kline, StreamId
from quantservice.core.periods import HOUR_MS, period_ms
from quantservice.core.spans import Span
from quantservice.web.clientserver.protocol import kline_row

_CHUNK = 500
_LONGEST = 5_000


class Rows:
    """Encoded klines of one span, by open time."""

    __slots__ = ("expires", "opens", "rows", "start_ms")

    def __init__(self, start_ms: int, opens: list[int], rows: list[bytes], expires: float) -> None:
        self.start_ms = start_ms
        self.opens = opens
        self.rows = rows
        self.expires = expires


class HotCache:
    """The last hours of the streams asked for lately, at most ``most`` of them, each for ``ttl_s``."""

    def __init__(self, *, hours: float, ttl_s: float, most: int, monotonic: Callable[[], float]) -> None:
        self._hours = hours
        self._ttl_s = ttl_s
        self._most = most
        self._monotonic = monotonic
        self._entries: OrderedDict[StreamId, Rows] = OrderedDict()
        self._loading: dict[StreamId, asyncio.Lock] = {}
        self._epoch = 0
        self.hits = 0
        self.misses = 0

    def start_of(self, stream: StreamId, now_ms: int) -> int:
        """Return the instant from which this stream's klines may be kept."""
        length = period_ms(stream.period)
        return now_ms - min(int(self._hours * HOUR_MS), _LONGEST * length) // length * length

    async def rows(
        self, stream: StreamId, start_ms: int, end_ms: int, now_ms: int, load: Callable[[Span], Awaitable[list[Kline]]]
    ) -> list[bytes] | None:
        """Return the rows in ``[start_ms, end_ms)``, or None when the span reaches back too far to be kept."""
        if start_ms < self.start_of(stream, now_ms):
            return None
        entry = self._entry(stream, start_ms)
        if entry is not None:
            self.hits += 1
        else:
            entry = await self._load_once(stream, start_ms, now_ms, load)
        return entry.rows[bisect_left(entry.opens, start_ms) : bisect_left(entry.opens, end_ms)]

    def forget(self, streams: set[StreamId]) -> None:
        """The store has new rows of these streams."""
        self._epoch += 1
        for stream in streams & self._entries.keys():
            del self._entries[stream]

    def _entry(self, stream: StreamId, start_ms: int) -> Rows | None:
        entry = self._entries.get(stream)
        if entry is None or entry.expires <= self._monotonic() or start_ms < entry.start_ms:
            return None
        self._entries.move_to_end(stream)
        return entry

    async def _load_once(
        self, stream: StreamId, start_ms: int, now_ms: int, load: Callable[[Span], Awaitable[list[Kline]]]
    ) -> Rows:
        try:
            async with self._loading.setdefault(stream, asyncio.Lock()):
                entry = self._entry(stream, start_ms)  # another client may have asked while we waited
                if entry is not None:
                    self.hits += 1
                    return entry
                self.misses += 1
                return await self._load(stream, now_ms, load)
        finally:
            self._loading.pop(stream, None)

    async def _load(self, stream: StreamId, now_ms: int, load: Callable[[Span], Awaitable[list[Kline]]]) -> Rows:
        start = self.start_of(stream, now_ms)
        epoch = self._epoch
        klines = await load(Span(start, now_ms + period_ms(stream.period)))
        entry = Rows(start, [kline.open_time for kline in klines], await encode_rows(klines), self._monotonic() + self._ttl_s)
        if epoch == self._epoch:  # else something was stored while we read: this answer may go out, but is not kept
            self._entries[stream] = entry
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        return entry


async def encode_rows(klines: list[Kline]) -> list[bytes]:
    """Encode in portions, so that a long answer does not hold up the others."""
    rows: list[bytes] = []
    for start in range(0, len(klines), _CHUNK):
        rows += [kline_row(kline) for kline in klines[start : start + _CHUNK]]
        await asyncio.sleep(0)
    return rows
