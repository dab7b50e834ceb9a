"""Backfill: what is wanted minus what is stored is fetched, whatever the reason it is missing.

Initial history, a restart after a night off and the healing of a gap are one path: the holes are computed from the store,
queued newest first, fetched in windows, published on ``market.history`` for the recorder, and called healed once the store
holds them. Nothing about running work is kept, so a crash needs no recovery: the next scan finds what is still missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from quantservice.core.errors import StoreUnavailable, UserError
from quantservice.core.events import FeedStatus, Gap, Source, StreamId
from quantservice.core.instruments import InstrumentBook
from quantservice.core.messages import Command, GapChange, Message, Overflow, StoredBatch, Topic
from quantservice.core.periods import ceil_open, count_opens, period_ms
from quantservice.core.spans import Span, subtract
from quantservice.ports import Clock, EventBus, MarketStore, StateStore, Subscription, Venue
from quantservice.services.backfill.absent import AbsentRanges
from quantservice.services.backfill.hint import StoredHints
from quantservice.services.backfill.lane import Lane
from quantservice.services.backfill.model import NORMAL, URGENT, VERIFY, BackfillConfig, BackfillProgress, Job
from quantservice.services.backfill.planner import Planner

log = structlog.get_logger(__name__)

_RATE_WINDOW_S = 30.0


class BackfillService:
    """Gap scan and healing over all registered pairs.

    ``instruments`` gives the book known now (the collector keeps it fresh): listing, delisting and status bound what is
    wanted.
    """

    name = "backfill"
    consumes: tuple[str, ...] = (Topic.COMMAND, Topic.FEED_STATUS, Topic.GAP, Topic.MARKET_STORED)
    produces: tuple[str, ...] = (Topic.MARKET_HISTORY, Topic.GAP)

    def __init__(
        self,
        venues: Mapping[tuple[str, str], Venue],
        *,
        state: StateStore,
        store: MarketStore,
        bus: EventBus,
        clock: Clock,
        instruments: Callable[[], InstrumentBook],
        config: BackfillConfig | None = None,
    ) -> None:
        self._config = config or BackfillConfig()
        self._store = store
        self._bus = bus
        self._clock = clock
        self._hints = StoredHints()
        self._absent = AbsentRanges(state, clock, ask_again_s=self._config.ask_again_s, reverify_s=self._config.reverify_s)
        self._planner = Planner(venues, state=state, clock=clock, config=self._config, instruments=instruments)
        self._lanes = {
            key: Lane(
                venue,
                store=store,
                bus=bus,
                clock=clock,
                absent=self._absent,
                stored=self._hints,
                listener=self._tell,
                config=self._config,
            )
            for key, venue in venues.items()
        }
        self._venues = venues
        self._wake = asyncio.Event()
        self._asked: set[StreamId] = set()
        self._found: deque[Message] = deque(maxlen=self._config.message_capacity)
        self._due: dict[str, float] = {}
        self._all_due = True
        self._wanted: dict[StreamId, tuple[int, int]] = {}
        self._rates: deque[tuple[float, int]] = deque(maxlen=64)
        self.planned = False  # whether it is known what is wanted: before the first scan nothing can be called complete
        self._scans = 0
        self._gaps_found = 0
        self._store_lost = False

    async def run(self) -> None:
        """Scan and heal until cancelled."""
        for lane in self._lanes.values():
            lane.clear()
        self._due.clear()
        self._all_due = True
        await self._absent.load()
        await self._planner.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen([Topic.COMMAND, Topic.FEED_STATUS, Topic.GAP], self._hear))
            group.create_task(self._listen([Topic.MARKET_STORED], self._hear_stored))
            for lane in self._lanes.values():
                group.create_task(lane.run())
            group.create_task(self._scan_forever())
            group.create_task(self._say_figures())
            if self._config.verify_every_s > 0:
                group.create_task(self._verify_forever())

    # --- what comes in ---

    async def _listen(self, topics: list[str], hear: Callable[[Message], None]) -> None:
        async with self._bus.subscribe(
            topics, group=self.name, overflow=Overflow.DROP_OLDEST, capacity=self._config.message_capacity
        ) as subscription:
            await _consume(subscription, hear)

    def _hear(self, message: Message) -> None:
        data = message.data
        if isinstance(data, FeedStatus):
            if data.state == "live":
                self._asked.update(stream for stream in data.streams if stream.period)
                self._wake.set()
        elif isinstance(data, GapChange):
            if data.state == "found" and data.gap.reason in ("live", "reconnect"):
                self._found.append(message)
                self._wake.set()
        elif isinstance(data, Command):
            if data.name == "gap.heal":
                self._found.append(message)
                self._wake.set()
            elif data.name == "pairs.changed":
                self._all_due = True
                self._wake.set()

    def _hear_stored(self, message: Message) -> None:
        if isinstance(message.data, StoredBatch):
            self._hints.stored(message.data)

    # --- scanning ---

    async def _scan_forever(self) -> None:
        await self._until_live()
        while True:
            try:
                await self._take_up()
                await self._scan_due()
            except StoreUnavailable as error:
                if not self._store_lost:
                    log.warning("backfill.store_lost", reason=str(error))
                self._store_lost = True
                self._all_due = True
                await self._clock.sleep(self._config.initial_backoff_s)
                continue
            if self._store_lost:
                log.info("backfill.store_back")
            self._store_lost = False
            await self._until_due()

    async def _until_live(self) -> None:
        """Let live data flow before history is fetched, where feeds are about to come."""
        try:
            async with asyncio.timeout(self._config.live_first_s):
                while not self._asked and not self._found:
                    await self._wake.wait()
                    self._wake.clear()
        except TimeoutError:
            pass

    async def _until_due(self) -> None:
        """Wait for the next scan or for something to do."""
        soonest = min(self._due.values(), default=self._clock.monotonic() + self._config.scan_1m_s)
        wait_s = max(soonest - self._clock.monotonic(), 0.0)
        loop = asyncio.get_running_loop()
        waits = [loop.create_task(self._clock.sleep(wait_s)), loop.create_task(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self._wake.clear()

    async def _scan_due(self) -> None:
        now = self._clock.monotonic()
        everything, self._all_due = self._all_due, False
        asked, self._asked = self._asked, set()
        timely = {period for period, at in self._due.items() if at <= now}
        if everything:
            wanted = await self._planner.wanted()
            self._wanted = {stream: figures for stream, figures in self._wanted.items() if stream in wanted}
            timely = set(self._planner.periods)  # a stream of which nothing is wanted yet is looked at again in its time
            self._due = {}
        elif timely or asked:
            found = await self._planner.wanted(timely | {stream.period for stream in asked})
            wanted = {stream: span for stream, span in found.items() if stream.period in timely or stream in asked}
        else:
            return
        for period in timely:
            self._due[period] = now + self._config.scan_interval_s(period)
        await self.scan(wanted)
        self.planned = True

    async def scan(self, wanted: Mapping[StreamId, Span]) -> int:
        """Compare what is wanted with the store and queue every hole; return how many were queued."""
        if not wanted:
            return 0
        missing = await self._store.missing(list(wanted.items()))
        self._scans += 1
        queued: list[Job] = []
        for stream, span in wanted.items():
            holes = subtract(missing.get(stream, ()), self._absent.resting(stream))
            unproven = subtract(missing.get(stream, ()), self._absent.confirmed(stream))
            lacking = sum(count_opens(stream.period, hole.start_ms, hole.end_ms) for hole in unproven)
            self._wanted[stream] = (count_opens(stream.period, span.start_ms, span.end_ms), lacking)
            for hole in subtract(holes, self._lane(stream).busy(stream)):
                reason = "history" if hole.start_ms == span.start_ms else "restart" if self._scans == 1 else "scan"
                queued += await self._register(stream, hole, reason)
        await self._start(queued)
        return len(queued)

    async def _register(
        self, stream: StreamId, hole: Span, reason: str, *, priority: int = NORMAL, cause: Message | None = None
    ) -> list[Job]:
        """Take a hole on and tell of it; nothing where there are too many or it has no bar."""
        lane = self._lane(stream)
        if sum(item.open_jobs for item in self._lanes.values()) >= self._config.max_jobs:
            return []  # the next scan finds it again
        gap = Gap(
            stream=stream,
            span=hole,
            missing=count_opens(stream.period, hole.start_ms, hole.end_ms),
            found_ns=self._clock.now_ns(),
            reason=reason,
        )
        if gap.missing == 0:
            return []
        job = Job(gap, priority=priority, cause=cause)
        lane.register(job)
        if priority != VERIFY:
            self._gaps_found += 1
            await self._tell(job, "found", "")
        return [job]

    async def _start(self, jobs: Sequence[Job]) -> None:
        for key, lane in self._lanes.items():
            await lane.start([job for job in jobs if (job.gap.stream.instrument.venue, job.gap.stream.instrument.market) == key])

    def _lane(self, stream: StreamId) -> Lane:
        return self._lanes[stream.instrument.venue, stream.instrument.market]

    # --- gaps that somebody else found, and commands ---

    async def _take_up(self) -> None:
        while self._found:
            message = self._found.popleft()
            try:
                if isinstance(message.data, GapChange):
                    await self._take_reported(message, message.data.gap)
                elif isinstance(message.data, Command):
                    await self._take_command(message, message.data)
            except StoreUnavailable:
                self._found.appendleft(message)
                raise
            except UserError as error:
                log.warning("backfill.command_refused", reason=str(error))

    async def _take_reported(self, message: Message, gap: Gap) -> None:
        """Heal what the collector saw skipped, unless it came after all."""
        if (gap.stream.instrument.venue, gap.stream.instrument.market) not in self._lanes:
            return
        missing = (await self._store.missing([(gap.stream, gap.span)])).get(gap.stream, [])
        if not missing:
            late = GapChange(gap=gap, state="healed", rows=gap.missing, detail="the klines arrived late and are stored")
            await self._announce(late, message)
            return
        holes = subtract(missing, self._lane(gap.stream).busy(gap.stream))
        if holes == [gap.span]:
            job = Job(gap, priority=URGENT, cause=message)
            self._lane(gap.stream).register(job)
            self._gaps_found += 1
            await self._start([job])
            return
        # Part of it is stored or being healed already: the report gives way to what is really left.
        part = GapChange(gap=gap, state="closed", detail="replaced by the part that is still missing")
        await self._announce(part, message)
        for hole in holes:
            await self._start(await self._register(gap.stream, hole, "scan", priority=URGENT, cause=message))

    async def _take_command(self, message: Message, command: Command) -> None:
        stream = StreamId.parse(str(command.arguments.get("stream", "")))
        if (stream.instrument.venue, stream.instrument.market) not in self._lanes or not stream.period:
            raise UserError(f"{stream} is not a kline stream of a connected venue; qs data list names those there are")
        start, end = command.arguments.get("start_ms"), command.arguments.get("end_ms")
        if start is None or end is None:
            self._asked.add(stream)
            return
        until = min(ceil_open(stream.period, int(end)), self._planner.closed_until(stream.period))
        begin = ceil_open(stream.period, int(start))
        if begin >= until:
            await self._answer_nothing(message, command, stream, Span(int(start), max(int(end), int(start) + 1)))
            return
        asked = Span(begin, until)
        lane = self._lane(stream)
        free = subtract([asked], lane.busy(stream))
        for job in lane.jobs_of(stream):
            if job.gap.span.overlaps(asked) and not free:
                job.causes.append(message)  # it is being fetched already: that work answers this command too
                return
        for hole in free:
            await self._start(await self._register(stream, hole, "command", priority=URGENT, cause=message))

    async def _answer_nothing(self, message: Message, command: Command, stream: StreamId, span: Span) -> None:
        gap = Gap(stream=stream, span=span, missing=0, found_ns=self._clock.now_ns(), reason="command")
        await self._announce(GapChange(gap=gap, state="closed", detail="no bar of this range has closed yet"), message)

    async def _tell(self, job: Job, state: str, detail: str) -> None:
        self._note_progress(job, state)
        change = GapChange(gap=job.gap, state=state, rows=job.rows, detail=detail)
        if not job.causes:
            await self._announce(change, None)
        for cause in job.causes:
            await self._announce(change, cause)

    async def _announce(self, change: GapChange, cause: Message | None) -> None:
        correlation = ""
        if cause is not None:
            # A person's command is answered by its id; anything else carries on its own trail.
            correlation = cause.data.id if isinstance(cause.data, Command) else cause.correlation_id or cause.event_id
        message = Message(
            topic=Topic.GAP,
            event_type=f"gap.{change.state}",
            key=str(change.gap.stream),
            data=change,
            correlation_id=correlation,
            causation_id=cause.event_id if cause is not None else "",
        )
        await self._bus.publish((message,))

    # --- checking what was built from the live streams ---

    async def _verify_forever(self) -> None:
        while True:
            await self._clock.sleep(self._config.verify_every_s)
            try:
                await self.verify_recent()
            except StoreUnavailable as error:
                log.warning("backfill.verify_skipped", reason=str(error))

    async def verify_recent(self) -> int:
        """Fetch the newest WS-built bars again: where REST says otherwise, the store makes it a revision. Return windows queued."""
        queued: list[Job] = []
        for stream, span in (await self._planner.wanted()).items():
            start = max(span.start_ms, span.end_ms - self._config.verify_bars * period_ms(stream.period))
            if start >= span.end_ms:
                continue
            rows = await self._store.read(stream, Span(start, span.end_ms), ledger=True)
            opens = [int(at) for at, source in zip(rows["open_time"], rows["source"], strict=True) if source == Source.WS]
            if not opens:
                continue
            check = Span(opens[0], span.end_ms)
            for free in subtract([check], self._lane(stream).busy(stream)):
                queued += await self._register(stream, free, "verify", priority=VERIFY)
        await self._start(queued)
        return len(queued)

    # --- figures ---

    def progress(self) -> BackfillProgress:
        """How far the wanted history is stored, for a progress bar."""
        wanted = sum(count for count, _ in self._wanted.values())
        lacking = sum(missing for _, missing in self._wanted.values())
        rate = self._rate()
        jobs = [job for lane in self._lanes.values() for job in lane.jobs if not job.silent]
        lacking = max(lacking - sum(job.rows for job in jobs), 0)
        return BackfillProgress(
            wanted=wanted,
            stored=max(wanted - lacking, 0),
            gaps_open=len(jobs),
            windows_open=sum(job.busy for job in jobs),
            rows_per_s=rate,
            eta_s=lacking / rate if rate > 0 and lacking else (0.0 if not lacking else None),
        )

    def stats(self) -> Mapping[str, Any]:
        """Totals, and the figures of each market under its key."""
        progress = self.progress()
        figures: dict[str, Any] = {
            "scans": self._scans,
            "gaps_found": self._gaps_found,
            "rows": sum(lane.figures.rows for lane in self._lanes.values()),
            "wanted": progress.wanted,
            "stored": progress.stored,
            "percent": round(progress.percent, 2),
            "gaps_open": progress.gaps_open,
            "windows_open": progress.windows_open,
            "rows_per_s": round(progress.rows_per_s, 1),
            "eta_s": progress.eta_s,
        }
        for lane in self._lanes.values():
            figures |= lane.stats()
        return figures

    def _note_progress(self, job: Job, state: str) -> None:
        self._rates.append((self._clock.monotonic(), sum(lane.figures.rows for lane in self._lanes.values())))
        stream = job.gap.stream
        if stream in self._wanted and state in ("healed", "closed", "failed"):
            wanted, missing = self._wanted[stream]
            ended = job.rows if state == "failed" else job.gap.missing - job.lacking
            self._wanted[stream] = (wanted, max(missing - ended, 0))

    def _rate(self) -> float:
        now = self._clock.monotonic()
        recent = [item for item in self._rates if now - item[0] <= _RATE_WINDOW_S]
        if len(recent) < 2:
            return 0.0
        elapsed = now - recent[0][0]
        return (recent[-1][1] - recent[0][1]) / elapsed if elapsed > 0 else 0.0

    async def _say_figures(self) -> None:
        while True:
            await self._clock.sleep(self._config.statistics_every_s)
            log.info(self.metrics_line())

    def metrics_line(self) -> str:
        """Return the statistics line: requests, answers, failures and rows since the start, over all venues."""
        rest = [usage_of(venue) for venue in self._venues.values()]
        rows = sum(lane.figures.rows for lane in self._lanes.values())
        total = {name: sum(int(item.get(name, 0)) for item in rest) for name in ("requests", "ok", "failed")}
        return f"Metrics: req={total['requests']} ok={total['ok']} fail={total['failed']} rows={rows}"


def usage_of(venue: Venue) -> Mapping[str, Any]:
    """Return the request counters of a venue, wherever its usage keeps them."""
    usage = venue.usage()
    rest = usage.get("rest")
    return rest if isinstance(rest, Mapping) else usage


async def _consume(subscription: Subscription, hear: Callable[[Message], None]) -> None:
    async for messages in subscription:
        for message in messages:
            hear(message)
        await subscription.commit()
