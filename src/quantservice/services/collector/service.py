"""The collector: one supervised link per venue's market, fed by the registry of pairs.

A link that fails is started again with growing, jittered waits; the others never notice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError
from quantservice.core.events import FeedStatus, Kind
from quantservice.core.instruments import Instrument
from quantservice.core.messages import Command, Message, Overflow, Topic
from quantservice.ports import Clock, EventBus, MarketStore, StateStore, TradingPair, Venue
from quantservice.services.collector.directory import InstrumentDirectory
from quantservice.services.collector.link import Link, Surroundings

log = structlog.get_logger(__name__)


class CollectorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the collector behaves. Waits in seconds."""

    instruments_refresh_s: float = 3_600.0
    pairs_recheck_s: float = 60.0  # a changed registry is heard of by command; this is for writers in other processes
    initial_backoff_s: float = 0.5
    max_backoff_s: float = 30.0
    healthy_after_s: float = 60.0  # a link that lived so long starts its back-off anew
    command_capacity: int = 1_000
    #: Instruments that appear at a venue quoted in one of these are registered by themselves; others wait for a person.
    auto_register_quotes: tuple[str, ...] = ()
    default_periods: tuple[str, ...] = ("1m", "1h")


class CollectorService:
    """Supervisor of the live streams.

    ``venues`` maps (venue, market) to its adapter; ``directory`` is where the refreshed instrument lists go and what the
    rest of the process reads its InstrumentBook from.
    """

    name = "collector"
    consumes: tuple[str, ...] = (Topic.COMMAND,)
    produces: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.FEED_STATUS, Topic.GAP)

    def __init__(
        self,
        venues: Mapping[tuple[str, str], Venue],
        *,
        state: StateStore,
        store: MarketStore,
        bus: EventBus,
        clock: Clock,
        directory: InstrumentDirectory,
        config: CollectorConfig | None = None,
    ) -> None:
        self._config = config or CollectorConfig()
        self._state = state
        self._bus = bus
        self._clock = clock
        around = Surroundings(
            state=state,
            store=store,
            bus=bus,
            clock=clock,
            directory=directory,
            refresh_s=self._config.instruments_refresh_s,
            recheck_s=self._config.pairs_recheck_s,
            on_new=self._register_new,
        )
        self._links = {key: Link(venue, around) for key, venue in venues.items()}

    async def run(self) -> None:
        """Collect from every venue until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            for link in self._links.values():
                group.create_task(self._supervise(link))

    def stats(self) -> Mapping[str, Any]:
        """Totals, and the figures of each market under its key."""
        links = list(self._links.values())
        figures: dict[str, Any] = {
            "markets": len(links),
            "markets_running": sum(link.figures.state == "running" for link in links),
            "streams": sum(len(link.wanted.streams) for link in links),
            "events": sum(link.filter.stats.events for link in links),
            "klines": sum(link.filter.stats.klines for link in links),
            "closed_klines": sum(link.filter.stats.closed_klines for link in links),
            "duplicates": sum(link.filter.stats.duplicates for link in links),
            "reopened": sum(link.filter.stats.reopened for link in links),
            "gaps": sum(link.filter.stats.gaps for link in links),
            "restarts": sum(link.figures.restarts for link in links),
        }
        for link in links:
            figures |= link.stats()
        return figures

    async def _supervise(self, link: Link) -> None:
        backoff = self._config.initial_backoff_s
        lost = False
        while True:
            started = self._clock.monotonic()
            reason = "the feed ended"
            try:
                await link.run()
            except* Exception as failures:  # noqa: BLE001 - the edge of one venue's link: the other venues must go on
                reason = _reason(failures)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # a link that fails in the moment of the cancel tells only of the failure
            if self._clock.monotonic() - started >= self._config.healthy_after_s:
                backoff, lost = self._config.initial_backoff_s, False
            link.figures.restarts += 1
            link.figures.state = "backing_off"
            if not lost:
                log.error("collector.link_lost", market=link.key, reason=reason)
                await self._say_down(link, reason)
            lost = True
            # Jitter spreads the reconnects of many processes; nothing secret depends on it.
            await self._clock.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311
            backoff = min(backoff * 2, self._config.max_backoff_s)

    async def _say_down(self, link: Link, reason: str) -> None:
        status = FeedStatus(
            venue=link.venue.name,
            market=link.venue.market,
            connection=f"{link.key}:collector",
            state="down",
            time_ns=self._clock.now_ns(),
            streams=link.wanted.streams,
            detail=reason,
        )
        await self._bus.publish((Message(topic=Topic.FEED_STATUS, event_type="feed.status", key=link.key, data=status),))

    async def _listen(self) -> None:
        async with self._bus.subscribe(
            [Topic.COMMAND], group=self.name, overflow=Overflow.DROP_OLDEST, capacity=self._config.command_capacity
        ) as commands:
            async for messages in commands:
                for message in messages:
                    if isinstance(message.data, Command) and message.data.name == "pairs.changed":
                        for link in self._links.values():
                            link.pairs_changed()
                await commands.commit()

    async def _register_new(self, instruments: Sequence[Instrument]) -> None:
        chosen = [
            item
            for item in instruments
            if item.quote in self._config.auto_register_quotes and item.status in ("trading", "pre_trading")
        ]
        if not chosen:
            return
        async with self._state.transaction() as work:
            known = {pair.instrument for pair in await work.pairs.list()}
            for item in chosen:
                if item.id not in known:
                    await work.pairs.put(
                        TradingPair(
                            venue=item.id.venue,
                            market=item.id.market,
                            symbol=item.id.symbol,
                            venue_symbol=item.venue_symbol,
                            periods=self._config.default_periods,
                            kinds=(Kind.KLINE.value,),
                        )
                    )
        log.info("collector.pairs_registered", pairs=[str(item.id) for item in chosen[:20]], count=len(chosen))


def _reason(failures: BaseExceptionGroup[Exception]) -> str:
    first: BaseException = failures
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) if isinstance(first, QuantServiceError) else f"{type(first).__name__}: {first}"
