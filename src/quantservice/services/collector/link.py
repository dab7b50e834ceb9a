"""The collector's work on one venue's market: subscribe, pump, notice holes, keep the instrument list fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError, StoreUnavailable
from quantservice.core.events import FeedStatus, Gap, MarketEvent, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.messages import GapChange, MarketBatch, Message, Topic
from quantservice.core.periods import count_opens
from quantservice.core.spans import Span
from quantservice.ports import Clock, EventBus, MarketStore, StateStore, TradingPair, Venue
from quantservice.services.collector.directory import InstrumentDirectory, ListChange
from quantservice.services.collector.filter import StreamFilter
from quantservice.services.collector.wanted import Wanted, wanted_streams

log = structlog.get_logger(__name__)
_BATCH_EVENTS: Final = 4_000

#: Called with the new instruments of a list that was replaced; may register some of them.
NewInstruments = Callable[[Sequence[Instrument]], Awaitable[None]]


class LinkFigures(msgspec.Struct):
    """Counters of one link, since start."""

    batches: int = 0
    refreshes: int = 0
    refresh_failures: int = 0
    restarts: int = 0
    statuses: int = 0
    state: str = "starting"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all links share."""

    state: StateStore
    store: MarketStore
    bus: EventBus
    clock: Clock
    directory: InstrumentDirectory
    refresh_s: float
    recheck_s: float
    on_new: NewInstruments


class Link:
    """One venue's market. ``run`` lasts until its feed ends or fails; the service starts it again."""

    def __init__(self, venue: Venue, around: Surroundings) -> None:
        self.venue = venue
        self.key = f"{venue.name}:{venue.market}"
        self.figures = LinkFigures()
        self.filter = StreamFilter()
        self.wanted = Wanted((), {})
        self._state = around.state
        self._store = around.store
        self._bus = around.bus
        self._clock = around.clock
        self._directory = around.directory
        self._around = around
        self._changed = asyncio.Event()
        self._applied: tuple[StreamId, ...] | None = None
        self._known: frozenset[TradingPair] | None = None
        self._lost: set[str] = set()
        self._refused_logged: dict[InstrumentId, str] = {}
        self._list_lost = False
        self._store_lost = False

    def pairs_changed(self) -> None:
        """Say that the registry is different: the streams are set anew at once."""
        self._changed.set()

    async def run(self) -> None:
        """Collect until the feed ends."""
        self._applied = None
        await self._refresh_instruments(required=not self._directory.knows(self.venue.name, self.venue.market))
        await self._apply()
        self.figures.state = "running"
        async with asyncio.TaskGroup() as group:
            side = [group.create_task(self._watch_pairs()), group.create_task(self._watch_instruments())]
            try:
                await self._pump()
            finally:
                for task in side:
                    task.cancel()

    # --- what is wanted ---

    async def _watch_pairs(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._around.recheck_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            try:
                await self._apply()
            except StoreUnavailable as error:
                self._store_away(error)  # what runs goes on; the registry is read again at the next recheck

    async def _apply(self) -> None:
        async with self._state.transaction() as work:
            pairs = await work.pairs.list(enabled_only=True)
        ours = [pair for pair in pairs if (pair.venue, pair.market) == (self.venue.name, self.venue.market)]
        book = self._directory.book()
        self.wanted = wanted_streams(ours, book, self.venue.name, self.venue.market)
        self._say_refused()
        self._known = frozenset(ours) if await self._register_views(ours, book) else None
        if self.wanted.streams == self._applied:
            return
        await self.venue.feed.update(self.wanted.streams)
        self.filter.forget(self.wanted.streams)
        self._applied = self.wanted.streams
        log.info("collector.streams_set", market=self.key, streams=len(self.wanted.streams), refused=len(self.wanted.refused))

    async def _register_views(self, pairs: Sequence[TradingPair], book: InstrumentBook) -> bool:
        """Make the views of pairs not seen before; False while the store is away: feeds never wait for it."""
        try:
            for pair in pairs:
                instrument = book.get(pair.instrument)
                if instrument is not None and (self._known is None or pair not in self._known):
                    await self._store.register_pair(instrument, pair.periods)
        except StoreUnavailable as error:
            self._store_away(error)
            return False
        self._store_back()
        return True

    def _store_away(self, error: StoreUnavailable) -> None:
        if not self._store_lost:
            log.warning("collector.store_lost", market=self.key, reason=str(error))
        self._store_lost = True

    def _store_back(self) -> None:
        if self._store_lost:
            log.info("collector.store_back", market=self.key)
        self._store_lost = False

    def _say_refused(self) -> None:
        for instrument, why in self.wanted.refused.items():
            if self._refused_logged.get(instrument) != why:
                log.warning("collector.pair_refused", pair=str(instrument), reason=why)
        for instrument in self._refused_logged.keys() - self.wanted.refused.keys():
            log.info("collector.pair_back", pair=str(instrument))
        self._refused_logged = dict(self.wanted.refused)

    # --- the instrument list ---

    async def _watch_instruments(self) -> None:
        while True:
            await self._clock.sleep(self._around.refresh_s)
            await self._refresh_instruments(required=False)

    async def _refresh_instruments(self, *, required: bool) -> None:
        """Replace the whole list. A failed refresh keeps the old list, except where there is none yet."""
        try:
            instruments = await self.venue.history.instruments()
        except QuantServiceError as error:
            self.figures.refresh_failures += 1
            if required:
                raise
            if not self._list_lost:
                log.warning("collector.instruments_lost", market=self.key, reason=str(error))
            self._list_lost = True
            return
        if self._list_lost:
            log.info("collector.instruments_back", market=self.key)
        self._list_lost = False
        self.figures.refreshes += 1
        change = self._directory.replace(self.venue.name, self.venue.market, instruments)
        try:
            await self._store.put_instruments(self.venue.name, self.venue.market, instruments, seen_ms=self._clock.now_ms())
        except StoreUnavailable as error:
            self._store_away(error)  # the next refresh puts the whole list again
        else:
            self._store_back()
        await self._tell(change)

    async def _tell(self, change: ListChange) -> None:
        if change.first or not (change.added or change.removed or change.changed):
            return
        log.info(
            "collector.instruments_changed",
            market=self.key,
            added=[str(item.id) for item in change.added[:20]],
            removed=[str(item.id) for item in change.removed[:20]],
            changed=[str(item.id) for item in change.changed[:20]],
        )
        await self._around.on_new(change.added)
        self._known = None  # a rename or a new listing may need its views
        self._applied = None  # what the venue calls differently now must be asked for by its new name
        self._changed.set()

    # --- events ---

    async def _pump(self) -> None:
        async for batch in self.venue.feed.events():
            self.figures.batches += 1
            if FeedStatus not in map(type, batch):
                await self._publish_events(batch)  # type: ignore[arg-type]  # no FeedStatus in it, just checked
                continue
            run: list[MarketEvent] = []
            for event in batch:
                if type(event) is FeedStatus:
                    await self._publish_events(run)
                    run = []
                    await self._publish_status(event)
                else:
                    run.append(event)  # type: ignore[arg-type]  # not a FeedStatus, just checked
            await self._publish_events(run)

    async def _publish_events(self, events: Sequence[MarketEvent]) -> None:
        passed = self.filter.pass_on(events)
        if passed:
            # In parts, so that a burst cannot push a queue far beyond its bound.
            small = len(passed) <= _BATCH_EVENTS
            parts = (passed,) if small else (passed[at : at + _BATCH_EVENTS] for at in range(0, len(passed), _BATCH_EVENTS))
            await self._bus.publish(
                [
                    Message(topic=Topic.MARKET_LIVE, event_type="market.batch", key=self.key, data=MarketBatch(part))
                    for part in parts
                ]
            )
        holes = self.filter.take_holes()
        if holes:
            await self._publish_gaps(holes, "live")

    async def _publish_status(self, status: FeedStatus) -> None:
        """Pass a connection's change on; when a lost one is live again, report the bars that closed meanwhile."""
        self.figures.statuses += 1
        await self._bus.publish((Message(topic=Topic.FEED_STATUS, event_type="feed.status", key=self.key, data=status),))
        if status.state in ("down", "stale"):
            self._lost.add(status.connection)
            return
        if status.state == "stopped":
            self._lost.discard(status.connection)
        if status.state != "live" or status.connection not in self._lost:
            return
        self._lost.discard(status.connection)
        now_ms = self._clock.now_ms()
        streams = status.streams or self.wanted.streams
        holes = [(stream, hole) for stream in streams if stream.period and (hole := self.filter.hole_until(stream, now_ms))]
        await self._publish_gaps(holes, "reconnect")

    async def _publish_gaps(self, holes: Sequence[tuple[StreamId, Span]], reason: str) -> None:
        found_ns = self._clock.now_ns()
        messages = [
            Message(
                topic=Topic.GAP,
                event_type="gap.found",
                key=str(stream),
                data=GapChange(
                    gap=Gap(
                        stream=stream,
                        span=span,
                        missing=count_opens(stream.period, span.start_ms, span.end_ms),
                        found_ns=found_ns,
                        reason=reason,
                    ),
                    state="found",
                ),
            )
            for stream, span in holes
        ]
        if messages:
            await self._bus.publish(messages)

    def stats(self) -> dict[str, Any]:
        """Figures now, each name led by the market's key."""
        counters = msgspec.structs.asdict(self.filter.stats) | msgspec.structs.asdict(self.figures)
        counters |= {"streams": len(self.wanted.streams), "refused": len(self.wanted.refused)}
        return {f"{self.key}.{name}": value for name, value in counters.items()}
