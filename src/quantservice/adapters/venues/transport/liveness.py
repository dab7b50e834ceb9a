"""Is each subscription alive? Pure: judged by the time since its last event, with a patience that learns.

A stream that is silent for longer than its patience is stale: it is to be subscribed again, and its patience doubles, so
that a symbol that merely trades seldom is not asked for again and again. Frequent events bring the patience back.
"""

from __future__ import annotations

from quantservice.core.events import StreamId


class StreamLife:
    """One subscription's life. ``seen`` is set by the feed at every event: the one write on the hot path."""

    __slots__ = ("base_s", "last_closed", "link", "name", "patience_s", "seen", "since", "stale", "stream")

    def __init__(self, stream: StreamId, name: str, link: str, *, patience_s: float, now: float) -> None:
        self.stream = stream
        self.name = name
        self.link = link
        self.base_s = patience_s
        self.patience_s = patience_s
        self.seen = 0.0  # monotonic instant of the last event; 0: none yet
        self.since = now  # from when on events are due
        self.stale = False
        self.last_closed = 0  # open time of the newest closed kline

    def due_from(self, now: float) -> None:
        """Expect events from now on (the connection is new)."""
        self.since = now

    def silent_s(self, now: float) -> float:
        """How long events have been overdue."""
        return now - max(self.seen, self.since)

    def check(self, now: float, most_s: float) -> str:
        """Return "stale" when it just became so (or still is, a patience later), "live" when it came back, else ""."""
        silent = self.silent_s(now)
        if silent >= self.patience_s:
            self.since = now  # the next judgement after another patience
            self.patience_s = min(self.patience_s * 2, max(most_s, self.base_s))
            self.stale = True
            return "stale"
        if self.stale and self.seen >= self.since:
            self.stale = False
            return "live"
        if not self.stale and silent < self.base_s / 4 and self.patience_s > self.base_s:
            self.patience_s = max(self.base_s, self.patience_s * 0.98)
        return ""
