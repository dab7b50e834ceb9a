"""What may pass from a feed to the bus: each closed bar once, no bar reopened, and every skipped bar noticed.

Two overlapping connections, a replayed frame or a late one must not show: a closed bar that comes again with the same
values is absorbed, an open state of a bar that has closed is dropped. A bar that comes again with other values is the
venue's restatement and passes; the store makes it a revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from quantservice.core.events import Kline, MarketEvent, StreamId
from quantservice.core.periods import FIXED_MS, floor_open, next_open
from quantservice.core.spans import Span

#: Closed bars remembered per stream: how far back a duplicate is still known as one.
REMEMBERED_BARS = 8


class _Bars:
    """What is remembered of one stream of klines."""

    __slots__ = ("last", "length", "period", "recent")

    def __init__(self, period: str) -> None:
        self.period = period
        self.length = FIXED_MS.get(period, 0)
        self.last = -1
        self.recent: dict[int, Kline] = {}

    def after(self, open_ms: int) -> int:
        return open_ms + self.length if self.length else next_open(self.period, open_ms)


class FilterStats(msgspec.Struct):
    """Counters of one market's filter, since start."""

    events: int = 0
    klines: int = 0
    closed_klines: int = 0
    duplicates: int = 0
    reopened: int = 0
    late_klines: int = 0
    gaps: int = 0


class StreamFilter:
    """The filter of one venue's market. Not shared between tasks."""

    def __init__(self) -> None:
        self.stats = FilterStats()
        self._bars: dict[StreamId, _Bars] = {}
        self._holes: list[tuple[StreamId, Span]] = []

    def pass_on(self, events: Sequence[MarketEvent]) -> Sequence[MarketEvent]:
        """Return the events that may go on the bus, in their order; the same object when all may."""
        kept: list[MarketEvent] | None = None
        klines = 0
        bars_of = self._bars
        for index, event in enumerate(events):
            if type(event) is Kline:
                klines += 1
                bars = bars_of.get(event.stream)
                if bars is None:
                    bars = bars_of[event.stream] = _Bars(event.stream.period)
                if event.closed:
                    good = self._close(bars, event)
                else:
                    # At or before the newest closed bar: that bar is over at the venue and must not come back to life.
                    good = event.open_time > bars.last
                    self.stats.reopened += not good
                if not good:
                    if kept is None:
                        kept = list(events[:index])
                    continue
            if kept is not None:
                kept.append(event)
        self.stats.events += len(events)
        self.stats.klines += klines
        return events if kept is None else kept

    def take_holes(self) -> list[tuple[StreamId, Span]]:
        """Return the bars that were skipped since the last call."""
        holes, self._holes = self._holes, []
        return holes

    def hole_until(self, stream: StreamId, now_ms: int) -> Span | None:
        """Return the closed bars after the last one seen, up to now: what a lost connection may have missed."""
        bars = self._bars.get(stream)
        if bars is None or bars.last < 0:
            return None
        start, end = bars.after(bars.last), floor_open(bars.period, now_ms)
        return Span(start, end) if start < end else None

    def last_closed(self, stream: StreamId) -> int | None:
        """Return the open time of the stream's newest closed bar, or None."""
        bars = self._bars.get(stream)
        return bars.last if bars is not None and bars.last >= 0 else None

    def forget(self, keep: Iterable[StreamId]) -> None:
        """Drop the memory of streams that are no longer collected."""
        wanted = set(keep)
        for stream in [stream for stream in self._bars if stream not in wanted]:
            del self._bars[stream]

    def _close(self, bars: _Bars, kline: Kline) -> bool:
        open_time, last = kline.open_time, bars.last
        known = bars.recent.get(open_time)
        if known is not None:
            # An older event time is a replay from before a restatement: the newer word stands.
            if known.values == kline.values or kline.event_time < known.event_time:
                self.stats.duplicates += 1
                return False
        elif open_time < last:
            self.stats.late_klines += 1
            if open_time < min(bars.recent):
                # Older than all we remember: it can only be a replay. The history path heals what is really missing.
                return False
        elif last >= 0 and open_time != (expected := bars.after(last)):
            self._holes.append((kline.stream, Span(expected, open_time)))
            self.stats.gaps += 1
        bars.recent[open_time] = kline
        if open_time > last:
            bars.last = open_time
            self.stats.closed_klines += 1
        if len(bars.recent) > REMEMBERED_BARS:
            del bars.recent[min(bars.recent)]  # not the one that came first: of a late bar's neighbours every one stays known
        return True
