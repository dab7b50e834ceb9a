"""What is asked for at intervals, and what may be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeMarketStore, FakeStateStore, FakeVenue, Tap, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import InvalidValue, VenueUnreachable
from quantservice.core.events import FundingRate, Kind, OpenInterest, StreamId, Ticker
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Topic
from quantservice.core.spans import Span
from quantservice.ports import TradingPair
from quantservice.services.polling import PollingConfig, PollingService
from quantservice.services.retention import RetentionConfig, RetentionService

HOUR = 3_600_000


def ticker(base: str) -> Ticker:
    price = Decimal(100)
    return Ticker(
        stream=StreamId(instrument(base).id, Kind.TICKER),
        time=START_MS,
        last_price=price,
        open_price=price,
        high_price=price,
        low_price=price,
        volume=Decimal(1),
        quote_volume=price,
    )


def funding(time: int, base: str = "BTC") -> FundingRate:
    return FundingRate(stream=StreamId(instrument(base).id, Kind.FUNDING), time=time, rate=Decimal("0.0001"))


class Rig:
    def __init__(self) -> None:
        self.clock, self.bus = ManualClock(), MemoryBus()
        self.venue = FakeVenue(self.clock, [instrument("BTC"), instrument("ETH")])
        self.venue.history.ticker_rows = [ticker("BTC"), ticker("ETH"), ticker("SOL")]
        pairs = [("BTC", ("kline", "funding", "open_interest")), ("ETH", ("kline",))]
        self.state = FakeStateStore(
            TradingPair(venue="binance", market="um", symbol=f"{base}-USDT-PERP", venue_symbol=f"{base}USDT", kinds=kinds)
            for base, kinds in pairs
        )
        self.tap = Tap(self.bus, [Topic.MARKET_LIVE, Topic.MARKET_HISTORY])
        self.polling = PollingService({self.venue.key: self.venue}, state=self.state, bus=self.bus, clock=self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        async with self.tap.listening():
            task = asyncio.ensure_future(self.polling.run())
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_tickers_of_registered_pairs_and_the_kinds_that_a_pair_names() -> None:
    rig = Rig()
    rig.venue.history.funding_rates = [funding(START_MS - 8 * HOUR), funding(START_MS), funding(START_MS, "ETH")]
    async with rig.running():
        await until(lambda: len(rig.tap.events()) >= 5)
        tickers = [event.stream.instrument.symbol for event in rig.tap.events() if isinstance(event, Ticker)]
        assert tickers == ["BTC-USDT-PERP", "ETH-USDT-PERP"]
        assert [event.stream for event in rig.tap.events() if isinstance(event, OpenInterest)] == [
            StreamId(instrument("BTC").id, Kind.OPEN_INTEREST)
        ]
        settled = [(m.topic, [e.time for e in m.data.events]) for m in rig.tap.messages if type(m.data.events[0]) is FundingRate]
        assert settled == [(Topic.MARKET_HISTORY, [START_MS - 8 * HOUR, START_MS])]


async def test_funding_is_asked_for_soon_after_every_full_hour() -> None:
    rig = Rig()
    asked: list[int] = []
    known = rig.venue.history.funding

    async def funding_at(stream: InstrumentId, span: Span) -> list[FundingRate]:
        asked.append((rig.clock.now_ms() - START_MS) // 1_000)
        return await known(stream, span)

    rig.venue.history.funding = funding_at  # type: ignore[assignment, method-assign]
    config = PollingConfig(tickers_s=0, open_interest_s=0, funding_s=3_000)
    rig.polling = PollingService({rig.venue.key: rig.venue}, state=rig.state, bus=rig.bus, clock=rig.clock, config=config)
    at = START_MS // 1_000 % 3_600
    async with rig.running():
        for _ in range(3 * 3_600 // 5):
            await rig.clock.advance(5)
    hours = [second for second in asked if (second + at) % 3_600 in (5, 30)]
    assert hours[-5:] == [30, 3605, 3630, 7205, 7230]
    assert len(asked) <= 12


async def test_each_kind_at_its_own_pace_and_funding_only_what_is_new() -> None:
    rig = Rig()
    rig.venue.history.funding_rates = [funding(START_MS)]
    async with rig.running():
        await until(lambda: rig.polling.stats()["funding"] == 1)
        rig.venue.history.funding_rates.append(funding(START_MS + 600_000))
        for _ in range(16):
            await rig.clock.advance(60)
        await until(lambda: rig.polling.stats()["funding"] == 2)
        assert rig.polling.stats()["tickers"] == 2 * 17
        assert rig.polling.stats()["open_interest"] == 4


async def test_what_a_venue_does_not_support_is_not_asked_and_zero_leaves_out() -> None:
    rig = Rig()
    rig.venue.history.kinds = frozenset({Kind.KLINE, Kind.TICKER})
    rig.polling = PollingService(
        {rig.venue.key: rig.venue}, state=rig.state, bus=rig.bus, clock=rig.clock, config=PollingConfig(tickers_s=0)
    )
    async with rig.running():
        await rig.clock.advance(1000)
        assert rig.tap.events() == []
        assert rig.polling.stats()["polls"] == 0


async def test_a_venue_that_is_down_is_asked_again_and_one_pair_fails_alone() -> None:
    rig = Rig()
    asked: list[InstrumentId] = []

    async def refuse(instrument: InstrumentId) -> OpenInterest | None:
        asked.append(instrument)
        raise VenueUnreachable("gone", cause="dns")

    rig.venue.history.open_interest = refuse  # type: ignore[method-assign]  # the fake's method is replaced
    async with rig.running():
        await until(lambda: rig.polling.stats()["failures"] == 1)
        await rig.clock.advance(301)
        await until(lambda: len(asked) == 2)
        assert rig.polling.stats()["tickers"] > 0


async def test_retention_prunes_at_intervals_and_survives_a_store_that_is_away() -> None:
    clock, store = ManualClock(), FakeMarketStore()
    service = RetentionService(
        store, clock, retention={"trade": 30, "quote": 7, "book": 0}, config=RetentionConfig(every_s=100, first_after_s=10)
    )
    task = asyncio.ensure_future(service.run())
    await clock.advance(9)
    assert store.pruned == []
    await clock.advance(2)
    assert store.pruned == [{"trade": 30, "quote": 7}]
    store.down = True
    await clock.advance(100)
    store.down = False
    await clock.advance(100)
    assert len(store.pruned) == 2
    assert service.stats() == {"rounds": 2, "failures": 1, "rows_pruned": 4, "kinds": 2}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("retention", [{"kline": 30}, {"funding": 1}, {"trade": -1}, {"nonsense": 3}])
def test_the_ledger_is_never_pruned(retention: dict[str, int]) -> None:
    with pytest.raises((InvalidValue, ValueError)):
        RetentionService(FakeMarketStore(), ManualClock(), retention=retention)
