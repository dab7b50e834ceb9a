"""One venue's market: the queue of its holes and the workers that fetch their windows.

A venue that is down pauses its own lane and no other; the holes wait where they are.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import RateLimited, StoreUnavailable, VenueError, VenueUnreachable
from quantservice.core.events import Gap, StreamId
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.periods import count_opens, period_ms
from quantservice.core.spans import Span, merge, subtract
from quantservice.ports import Clock, EventBus, MarketStore, Venue
from quantservice.services.backfill.absent import AbsentRanges
from quantservice.services.backfill.model import BackfillConfig, Job, bars_span

log = structlog.get_logger(__name__)

#: A hole and the window of it that is being fetched.
Part: TypeAlias = tuple[Job, Span]

#: Told when a job starts, advances and ends.
JobListener = Callable[[Job, str, str], Awaitable[None]]


class StoredHint(Protocol):
    """Wakes those who wait for rows of a stream to become durable."""

    async def wait(self, stream: StreamId, timeout_s: float) -> None:
        """Return soon after rows of ``stream`` were stored, or after the timeout."""
        ...


class LaneFigures(msgspec.Struct):
    """Counters of one lane, since start."""

    windows: int = 0
    pages: int = 0
    rows: int = 0
    healed: int = 0
    closed: int = 0
    failed: int = 0
    pauses: int = 0
    verified: int = 0


class Lane:
    """Holes of one venue's market, the newest first. ``run`` works until cancelled."""

    def __init__(
        self,
        venue: Venue,
        *,
        store: MarketStore,
        bus: EventBus,
        clock: Clock,
        absent: AbsentRanges,
        stored: StoredHint,
        listener: JobListener,
        config: BackfillConfig,
    ) -> None:
        self.venue = venue
        self.key = f"{venue.name}:{venue.market}"
        self.figures = LaneFigures()
        self._store = store
        self._bus = bus
        self._clock = clock
        self._absent = absent
        self._stored = stored
        self._listener = listener
        self._config = config
        self._heap: list[tuple[tuple[int, int, int], int, Job]] = []
        self._tickets = itertools.count()  # ties between two entries of one job
        self._jobs: dict[int, Job] = {}
        self._by_stream: dict[StreamId, dict[int, Job]] = {}
        self._wake = asyncio.Condition()
        self._paused_until = 0.0
        self._backoff_s = config.initial_backoff_s
        self._lost = False

    @property
    def jobs(self) -> list[Job]:
        """Holes that are waiting or being healed."""
        return list(self._jobs.values())

    @property
    def open_jobs(self) -> int:
        """Return how many holes are waiting or being healed."""
        return len(self._jobs)

    def busy(self, stream: StreamId) -> list[Span]:
        """Return the spans of ``stream`` that are waiting or being healed: nobody may take them up again."""
        return merge(job.gap.span for job in self._by_stream.get(stream, {}).values())

    def jobs_of(self, stream: StreamId) -> list[Job]:
        """Return the holes of one stream."""
        return list(self._by_stream.get(stream, {}).values())

    def register(self, job: Job) -> None:
        """Take a hole on: it is busy from now. The caller has made sure that none of it is queued already."""
        self._jobs[job.order] = job
        self._by_stream.setdefault(job.gap.stream, {})[job.order] = job

    async def start(self, jobs: Sequence[Job]) -> None:
        """Queue registered holes: together, so that the newest is first and those that lie side by side share requests."""
        async with self._wake:
            for job in jobs:
                heapq.heappush(self._heap, (job.rank, next(self._tickets), job))
            self._wake.notify(len(jobs))

    def clear(self) -> None:
        """Forget everything: the holes are computed anew from the store."""
        self._heap.clear()
        self._jobs.clear()
        self._by_stream.clear()

    async def run(self) -> None:
        """Heal until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._config.concurrency):
                group.create_task(self._work())

    def stats(self) -> dict[str, Any]:
        """Figures now, each name led by the market's key."""
        counters: dict[str, Any] = msgspec.structs.asdict(self.figures)
        counters |= {"jobs": len(self._jobs), "paused": int(self._clock.monotonic() < self._paused_until)}
        return {f"{self.key}.{name}": value for name, value in counters.items()}

    # --- workers ---

    async def _work(self) -> None:
        while True:
            pause_s = self._paused_until - self._clock.monotonic()
            if pause_s > 0.001:  # less is the rounding of the clock
                await self._clock.sleep(pause_s)
                continue
            parts = await self._take()
            for job, _ in parts:
                if not job.announced and not job.silent:
                    job.announced = True
                    await self._listener(job, "healing", "")
            try:
                await self._heal(parts)
            except (VenueUnreachable, RateLimited, StoreUnavailable) as error:
                for job, window in parts:
                    job.give_back(window)
                self._pause(error)
            except VenueError as error:
                for job, _ in parts:
                    job.failure = str(error)
            finally:
                for job, _ in parts:
                    job.busy -= 1
            for job, _ in parts:
                await self._after(job)

    async def _take(self) -> list[Part]:
        """Wait for the next window, and take along the small holes beside it that one request answers too."""
        async with self._wake:
            while True:
                while not self._heap:
                    await self._wake.wait()
                *_, job = heapq.heappop(self._heap)
                if job.has_windows:
                    break
            window = job.take_window(self._config.window_bars)
            if job.has_windows:
                heapq.heappush(self._heap, (job.rank, next(self._tickets), job))
                self._wake.notify()
            return [(job, window), *self._neighbours(job, window)]

    def _neighbours(self, job: Job, window: Span) -> list[Part]:
        """Take the untouched holes of the same stream and rank that lie with ``window`` in one page, the nearest first."""
        page_ms = self._config.page_bars * period_ms(job.gap.stream.period)
        near = [
            other
            for other in self.jobs_of(job.gap.stream)
            if other.untouched and other.priority == job.priority and _cover(window, other.gap.span).length_ms <= page_ms
        ]
        parts: list[Part] = []
        cover = window
        for other in sorted(near, key=lambda item: abs(item.gap.span.start_ms - window.start_ms)):
            wider = _cover(cover, other.gap.span)
            if wider.length_ms <= page_ms:
                cover = wider
                parts.append((other, other.take_window(self._config.page_bars)))
        return parts

    async def _heal(self, parts: Sequence[Part]) -> None:
        stream = parts[0][0].gap.stream
        windows = merge(window for _, window in parts)
        opens: list[int] = []
        async for page in self.venue.history.klines(stream, Span(windows[0].start_ms, windows[-1].end_ms)):
            rows = [kline for kline in page if kline.closed and _inside(windows, kline.open_time)]
            self.figures.pages += 1
            if not rows:
                continue
            message = Message(topic=Topic.MARKET_HISTORY, event_type="market.batch", key=self.key, data=MarketBatch(rows))
            await self._bus.publish((message,))
            self.figures.rows += len(rows)
            fetched = [kline.open_time for kline in rows]
            opens.extend(fetched)
            # Page by page: never more than one page per worker stands in the recorder's queue before the live events.
            await self._wait_stored(stream, bars_span(stream.period, sorted(fetched)))
            for job, window in parts:
                job.stored_of(window, sum(map(window.contains, fetched)))
        self._say_back()
        present = bars_span(stream.period, sorted(opens))
        await self._absent.note(stream, subtract(windows, present), present)
        self.figures.windows += 1
        for job, window in parts:
            job.windows_done += 1
            job.absent.extend(subtract([window], present))

    async def _wait_stored(self, stream: StreamId, present: list[Span]) -> None:
        """Return once the store holds all that was fetched; nothing is called healed before."""
        deadline = self._clock.monotonic() + self._config.store_wait_s
        while present:
            missing = await self._store.missing([(stream, span) for span in present])
            if not missing.get(stream):
                return
            if self._clock.monotonic() >= deadline:
                raise StoreUnavailable(f"{stream}: fetched klines were not stored within {self._config.store_wait_s:g} s")
            await self._stored.wait(stream, 0.5)

    async def _after(self, job: Job) -> None:
        if job.order not in self._jobs:
            return  # the lane was cleared meanwhile
        if not job.finished:
            if job.has_windows and (job.retry or job.untouched):
                async with self._wake:
                    heapq.heappush(self._heap, (job.rank, next(self._tickets), job))
                    self._wake.notify()
            if not job.silent and job.windows_done:
                await self._listener(job, "healing", "")
            return
        del self._jobs[job.order]
        of_stream = self._by_stream[job.gap.stream]
        del of_stream[job.order]
        if not of_stream:
            del self._by_stream[job.gap.stream]
        if job.silent:
            self.figures.verified += job.rows
            return
        state, detail = self._outcome(job)
        self.figures.healed += state == "healed"
        self.figures.closed += state == "closed"
        self.figures.failed += state == "failed"
        await self._listener(job, state, detail)
        if state == "healed":
            for span in self._unproven(job):
                await self._listener(_left_over(job.gap, span), "found", "the venue returned nothing here; it is asked again")

    def _unproven(self, job: Job) -> list[Span]:
        """Return what the venue left out and has not yet been asked for twice."""
        return subtract(merge(job.absent), self._absent.confirmed(job.gap.stream)) if job.absent else []

    def _outcome(self, job: Job) -> tuple[str, str]:
        if job.failure:
            return "failed", job.failure
        period = job.gap.stream.period
        absent = merge(job.absent)
        if not absent:
            return "healed", f"{job.rows} klines fetched from the venue and stored"
        unproven = self._unproven(job)
        job.lacking = sum(count_opens(period, span.start_ms, span.end_ms) for span in unproven)
        lacking = sum(count_opens(period, span.start_ms, span.end_ms) for span in absent)
        if unproven:
            again = f"the venue returned nothing for {lacking} klines; asked again in {self._config.ask_again_s:g} s"
            # What did come is healed; the rest becomes a gap of its own, so that a month is not called failed for a minute.
            return ("healed", f"{job.rows} klines stored; {again}") if job.rows else ("failed", again)
        if job.rows:
            return "healed", f"{job.rows} klines stored; {lacking} do not exist at the venue (asked twice)"
        return "closed", f"the venue has no klines here (asked twice): {lacking} are no gap"

    # --- a venue that is away ---

    def _pause(self, error: Exception) -> None:
        now = self._clock.monotonic()
        if isinstance(error, RateLimited):
            wait_s = max((error.retry_at_ns - self._clock.now_ns()) / 1e9, 0.1)
        elif now < self._paused_until:
            return  # another worker of this lane met the same outage
        else:
            # Jitter spreads the retries of many processes; nothing secret depends on it.
            wait_s = self._backoff_s * random.uniform(0.5, 1.0)  # noqa: S311
            self._backoff_s = min(self._backoff_s * 2, self._config.max_backoff_s)
        self._paused_until = max(self._paused_until, now + wait_s)
        self.figures.pauses += 1
        if not self._lost:
            log.warning("backfill.lane_paused", market=self.key, reason=str(error), wait_s=round(wait_s, 1))
        self._lost = True

    def _say_back(self) -> None:
        if self._lost:
            log.info("backfill.lane_back", market=self.key)
        self._lost = False
        self._backoff_s = self._config.initial_backoff_s


def _cover(one: Span, other: Span) -> Span:
    return Span(min(one.start_ms, other.start_ms), max(one.end_ms, other.end_ms))


def _inside(windows: Sequence[Span], open_ms: int) -> bool:
    """Say whether one of these spans, in order and apart, holds the instant."""
    at = bisect_right(windows, open_ms, key=lambda span: span.start_ms)
    return at > 0 and windows[at - 1].contains(open_ms)


def _left_over(gap: Gap, span: Span) -> Job:
    missing = count_opens(gap.stream.period, span.start_ms, span.end_ms)
    return Job(Gap(stream=gap.stream, span=span, missing=missing, found_ns=gap.found_ns, reason="absent"))
