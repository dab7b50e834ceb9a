"""Polls tickers, funding settlements and open interest of the registered pairs over REST.

Tickers and open interest are of now and go out live; settled funding rates are history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError, VenueError
from quantservice.core.events import Kind, MarketEvent
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.periods import DAY_MS, HOUR_MS
from quantservice.core.spans import Span
from quantservice.ports import Clock, EventBus, StateStore, Venue

log = structlog.get_logger(__name__)
#: When funding is asked for after each full hour, beside the usual interval: before the next minute's close.
_SETTLED_AFTER_MS: Final = (5_000, 30_000)


class PollingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How often each kind is asked for, in seconds; 0 leaves it out."""

    tickers_s: float = 60.0
    open_interest_s: float = 300.0
    funding_s: float = 900.0
    first_after_s: float = 0.0  # what moves now comes first at a start, what changes slowly a moment later
    funding_days: float = 30.0  # how far back the first question for funding goes
    concurrency: int = 4


class PollingFigures(msgspec.Struct):
    """Counters since start."""

    polls: int = 0
    failures: int = 0
    tickers: int = 0
    funding: int = 0
    open_interest: int = 0


class PollingService:
    """One loop per kind and venue's market; a venue that is down holds up no other."""

    name = "polling"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_HISTORY)

    def __init__(
        self,
        venues: Mapping[tuple[str, str], Venue],
        *,
        state: StateStore,
        bus: EventBus,
        clock: Clock,
        config: PollingConfig | None = None,
    ) -> None:
        self._venues = venues
        self._state = state
        self._bus = bus
        self._clock = clock
        self._config = config or PollingConfig()
        self._figures = PollingFigures()
        self._funding_from: dict[InstrumentId, int] = {}
        self._lost: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Poll until cancelled."""
        kinds: tuple[tuple[Kind, float, Callable[[Venue, set[InstrumentId]], Awaitable[None]]], ...] = (
            (Kind.TICKER, self._config.tickers_s, self._tickers),
            (Kind.OPEN_INTEREST, self._config.open_interest_s, self._open_interest),
            (Kind.FUNDING, self._config.funding_s, self._funding),
        )
        await self._clock.sleep(self._config.first_after_s)
        async with asyncio.TaskGroup() as group:
            for venue in self._venues.values():
                for kind, every_s, poll in kinds:
                    if every_s > 0 and venue.history.supports(kind):
                        group.create_task(self._repeat(venue, kind, every_s, poll))

    def stats(self) -> Mapping[str, Any]:
        """Counters since start."""
        return msgspec.structs.asdict(self._figures)

    async def _repeat(
        self, venue: Venue, kind: Kind, every_s: float, poll: Callable[[Venue, set[InstrumentId]], Awaitable[None]]
    ) -> None:
        key = (f"{venue.name}:{venue.market}", kind.value)
        while True:
            self._figures.polls += 1
            try:
                pairs = await self._pairs(venue, kind)
                if pairs:
                    await poll(venue, pairs)
            except QuantServiceError as error:
                self._figures.failures += 1
                if key not in self._lost:
                    log.warning("polling.lost", market=key[0], kind=key[1], reason=str(error))
                self._lost.add(key)
            else:
                if key in self._lost:
                    log.info("polling.back", market=key[0], kind=key[1])
                self._lost.discard(key)
            await self._clock.sleep(min(every_s, self._until_settled()) if kind is Kind.FUNDING else every_s)

    def _until_settled(self) -> float:
        """Return the seconds until a settlement may be new: venues settle on the full hour, live strategies wait for the rate."""
        now_ms = self._clock.now_ms()
        due = (((now_ms - after) // HOUR_MS + 1) * HOUR_MS + after for after in _SETTLED_AFTER_MS)
        return (min(due) - now_ms) / 1_000

    async def _pairs(self, venue: Venue, kind: Kind) -> set[InstrumentId]:
        """Return the registered pairs of a market; tickers are wanted of all, other kinds where the pair names them."""
        async with self._state.transaction() as work:
            pairs = await work.pairs.list(enabled_only=True)
        return {
            pair.instrument
            for pair in pairs
            if (pair.venue, pair.market) == (venue.name, venue.market) and (kind is Kind.TICKER or kind.value in pair.kinds)
        }

    async def _tickers(self, venue: Venue, pairs: set[InstrumentId]) -> None:
        tickers = [item for item in await venue.history.tickers() if item.stream.instrument in pairs]
        self._figures.tickers += len(tickers)
        await self._publish(venue, Topic.MARKET_LIVE, tickers)

    async def _open_interest(self, venue: Venue, pairs: set[InstrumentId]) -> None:
        async def ask(instrument: InstrumentId) -> None:
            answer = await venue.history.open_interest(instrument)
            if answer is not None:
                self._figures.open_interest += 1
                await self._publish(venue, Topic.MARKET_LIVE, [answer])

        await self._each(pairs, ask)

    async def _funding(self, venue: Venue, pairs: set[InstrumentId]) -> None:
        now_ms = self._clock.now_ms()

        async def ask(instrument: InstrumentId) -> None:
            start = self._funding_from.get(instrument, int(now_ms - self._config.funding_days * DAY_MS))
            rates = [rate for rate in await venue.history.funding(instrument, Span(start, now_ms + 1)) if rate.time >= start]
            await self._publish(venue, Topic.MARKET_HISTORY, rates)
            self._figures.funding += len(rates)
            if rates:
                self._funding_from[instrument] = max(rate.time for rate in rates) + 1

        await self._each(pairs, ask)

    async def _each(self, pairs: set[InstrumentId], ask: Callable[[InstrumentId], Awaitable[None]]) -> None:
        """Ask for every pair, a few at a time; one that fails does not keep the others from being asked."""
        gate = asyncio.Semaphore(self._config.concurrency)
        failures: list[VenueError] = []

        async def guarded(instrument: InstrumentId) -> None:
            async with gate:
                try:
                    await ask(instrument)
                except VenueError as error:
                    failures.append(error)

        async with asyncio.TaskGroup() as group:
            for instrument in sorted(pairs):
                group.create_task(guarded(instrument))
        if failures:
            raise failures[0]

    async def _publish(self, venue: Venue, topic: Topic, events: Sequence[MarketEvent]) -> None:
        if events:
            message = Message(
                topic=topic, event_type="market.batch", key=f"{venue.name}:{venue.market}:polled", data=MarketBatch(tuple(events))
            )
            await self._bus.publish((message,))
