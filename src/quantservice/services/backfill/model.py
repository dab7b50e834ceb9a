"""The values of backfill: its configuration, one gap being healed, and how far it has come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import msgspec

from quantservice.core.events import Gap
from quantservice.core.messages import Message
from quantservice.core.periods import FIXED_MS, HOUR_MS, MINUTE_MS, floor_open, next_open, period_ms
from quantservice.core.spans import Span, merge

URGENT: Final = 0  # a person asked, or a live stream skipped a bar
NORMAL: Final = 1
VERIFY: Final = 2  # stored already; only compared with the venue's word

_ORDER: Final = itertools.count()


class BackfillConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How history is fetched. Waits in seconds."""

    concurrency: int = 8  # windows in flight per venue's market
    window_bars: int = 10_000
    page_bars: int = 499  # holes that lie within so many bars share a request; it costs no more than two requests of one bar each
    history_days: float = 30.0
    live_first_s: float = 0.0  # how long the first scan waits for live feeds at most
    scan_1m_s: float = 30.0
    scan_1h_s: float = 300.0
    grace_s: float = 5.0
    store_wait_s: float = 30.0  # how long fetched rows may take to become durable
    ask_again_s: float = 60.0  # between the two attempts that prove that a venue has nothing
    reverify_s: float = 86_400.0
    verify_every_s: float = 3_600.0  # 0: never compare recent WS-built bars with REST
    verify_bars: int = 120
    statistics_every_s: float = 60.0
    initial_backoff_s: float = 1.0
    max_backoff_s: float = 60.0
    max_jobs: int = 50_000
    message_capacity: int = 10_000

    def scan_interval_s(self, period: str) -> float:
        """Return the seconds between two scans of a period: about its own length, within what makes sense."""
        if period == "1m":
            return self.scan_1m_s
        length_ms = period_ms(period)
        if length_ms < MINUTE_MS:
            return min(10.0, self.scan_1m_s)
        if length_ms < HOUR_MS:
            return min(max(self.scan_1m_s, length_ms / 1000 / 2), self.scan_1h_s)
        return self.scan_1h_s


class BackfillProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the wanted history is stored, and when the rest will be."""

    wanted: int
    stored: int
    gaps_open: int
    windows_open: int
    rows_per_s: float
    eta_s: float | None

    @property
    def done(self) -> bool:
        """Say whether nothing is being fetched and nothing is missing."""
        return self.gaps_open == 0 and self.stored >= self.wanted

    @property
    def percent(self) -> float:
        """Stored share of what is wanted."""
        return 100.0 * self.stored / self.wanted if self.wanted else 100.0


class Job:
    """One hole being healed, newest window first. ``silent`` jobs (checks of stored bars) announce nothing."""

    __slots__ = (
        "absent",
        "announced",
        "busy",
        "causes",
        "counted",
        "failure",
        "gap",
        "lacking",
        "order",
        "priority",
        "retry",
        "rows",
        "todo",
        "windows_done",
    )

    def __init__(self, gap: Gap, *, priority: int = NORMAL, announced: bool = False, cause: Message | None = None) -> None:
        self.gap = gap
        self.priority = priority
        self.announced = announced
        self.causes: list[Message] = [cause] if cause is not None else []
        self.todo: Span | None = gap.span
        self.retry: list[Span] = []
        self.busy = 0
        self.rows = 0
        self.counted: dict[Span, int] = {}
        self.windows_done = 0
        self.absent: list[Span] = []
        self.lacking = 0  # bars that the venue left out once and may still have
        self.failure = ""
        self.order = next(_ORDER)

    @property
    def silent(self) -> bool:
        """Say whether nobody needs to hear of it."""
        return self.priority == VERIFY and not self.causes

    @property
    def has_windows(self) -> bool:
        """Say whether there is something left to start."""
        return not self.failure and (self.todo is not None or bool(self.retry))

    @property
    def untouched(self) -> bool:
        """Say whether nothing of it has been started."""
        return self.busy == 0 and self.todo == self.gap.span and not self.failure and not self.retry

    @property
    def finished(self) -> bool:
        """Say whether every window has ended."""
        return self.busy == 0 and not self.has_windows

    @property
    def rank(self) -> tuple[int, int, int]:
        """Order of service: urgent first, then the newest window of all streams."""
        ends = [span.end_ms for span in self.retry]
        if self.todo is not None:
            ends.append(self.todo.end_ms)
        return (self.priority, -max(ends, default=0), self.order)

    def take_window(self, window_bars: int) -> Span:
        """Cut off the newest window."""
        self.busy += 1
        if self.retry:
            return self.retry.pop()
        todo = self.todo
        if todo is None:
            self.busy -= 1
            raise LookupError("a job without windows was asked for one")
        period = self.gap.stream.period
        start = floor_open(period, todo.end_ms - window_bars * period_ms(period))
        if start <= todo.start_ms:
            self.todo = None
            return todo
        self.todo = Span(todo.start_ms, start)
        return Span(start, todo.end_ms)

    def stored_of(self, window: Span, rows: int) -> None:
        """Count rows of a window that are durable."""
        self.rows += rows
        self.counted[window] = self.counted.get(window, 0) + rows

    def give_back(self, window: Span) -> None:
        """Put a window back that broke off; its rows are counted when it is fetched again."""
        self.rows -= self.counted.pop(window, 0)
        if window == self.gap.span:
            self.todo = window  # as if it had never been begun, so that it may share a request again
        else:
            self.retry.append(window)


def bars_span(period: str, opens: Sequence[int]) -> list[Span]:
    """Return the time that bars with these open times cover, merged."""
    length = FIXED_MS.get(period)
    if length is not None:
        return merge(Span(open_ms, open_ms + length) for open_ms in opens)
    return merge(Span(open_ms, next_open(period, open_ms)) for open_ms in opens)
