"""MD8: the collector was off; 300 symbols catch up newest first, and what is live is not delayed by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeMarketStore, FakeRecorder, FakeStateStore, FakeVenue, Tap, make_kline, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.events import StreamId
from quantservice.core.messages import Topic
from quantservice.core.periods import floor_open
from quantservice.ports import TradingPair
from quantservice.services.backfill import BackfillConfig, BackfillService
from quantservice.services.collector import CollectorService, InstrumentDirectory

MINUTE = 60_000


class House:
    """Collector, backfill and a recorder over many symbols whose bars stop some minutes ago."""

    def __init__(self, symbols: int, *, off_minutes: int, window_bars: int = 10_000) -> None:
        self.clock, self.bus, self.store = ManualClock(), MemoryBus(), FakeMarketStore()
        self.instruments = [instrument(f"C{number}") for number in range(symbols)]
        self.streams = [StreamId.kline(item.id, "1m") for item in self.instruments]
        self.venue = FakeVenue(self.clock, self.instruments)
        self.off_from = START_MS - off_minutes * MINUTE
        self.start = self.off_from - 3 * MINUTE
        self.state = FakeStateStore(
            TradingPair(
                venue="binance",
                market="um",
                symbol=item.id.symbol,
                venue_symbol=item.venue_symbol,
                history_start_ms=self.start,
            )
            for item in self.instruments
        )
        directory = InstrumentDirectory(self.instruments)
        self.backfill = BackfillService(
            {self.venue.key: self.venue},
            state=self.state,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            instruments=directory.book,
            config=BackfillConfig(verify_every_s=0, window_bars=window_bars),
        )
        self.collector = CollectorService(
            {self.venue.key: self.venue},
            state=self.state,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            directory=directory,
        )
        self.recorder = FakeRecorder(self.store, self.bus)
        self.tap = Tap(self.bus, [Topic.MARKET_LIVE, Topic.MARKET_HISTORY])

    async def held_before(self) -> None:
        """What was stored before the collector went off."""
        await self.store.append([make_kline(s, at) for s in self.streams for at in range(self.start, self.off_from, MINUTE)])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[House]:
        async with self.tap.listening():
            tasks = [asyncio.ensure_future(service.run()) for service in (self.recorder, self.backfill, self.collector)]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def expected(self) -> list[int]:
        return list(range(self.start, floor_open("1m", self.clock.now_ms() - 5_000), MINUTE))

    def complete(self) -> bool:
        expected = set(self.expected())
        return all(expected <= self.store.rows[stream].keys() for stream in self.streams)


async def test_300_symbols_after_ten_minutes() -> None:
    house = House(300, off_minutes=10)
    await house.held_before()
    async with house.running():
        await until(house.complete, timeout_s=20)
        asked = house.venue.history.asked
        assert len(asked) == 300, "each hole once"
        assert house.venue.history.overlapping == 0
        fetched = sum(span.length_ms // MINUTE for _, span in asked)
        assert fetched == 300 * (len(house.expected()) - 3), "only what is missing"
        await until(lambda: house.backfill.progress().done)


async def test_a_day_off_comes_back_newest_first() -> None:
    house = House(8, off_minutes=24 * 60, window_bars=240)
    await house.held_before()
    async with house.running():
        await until(house.complete, timeout_s=20)
        ends = [span.end_ms for _, span in house.venue.history.asked]
        assert ends == sorted(ends, reverse=True)
        assert len({stream for stream, _ in house.venue.history.asked[:8]}) == 8, "every symbol's newest window before any older"
        progress = house.backfill.progress()
        assert progress.wanted == 8 * len(house.expected())


async def test_live_bars_pass_while_history_is_fetched() -> None:
    house = House(40, off_minutes=600, window_bars=60)
    await house.held_before()
    house.venue.history.gate.clear()
    async with house.running():
        await until(lambda: bool(house.venue.feed.wanted) and len(house.venue.history.running) == 8)
        house.venue.history.gate.set()
        for index in range(200):
            house.venue.feed.push(*[make_kline(stream, START_MS + index * MINUTE) for stream in house.streams])
        await until(lambda: sum(m.topic == Topic.MARKET_LIVE for m in house.tap.messages) == 200)
        kinds = [message.topic for message in house.tap.messages]
        last_live = len(kinds) - 1 - kinds[::-1].index(Topic.MARKET_LIVE)
        history_before = kinds[:last_live].count(Topic.MARKET_HISTORY)
        assert history_before < 40 * 10, "200 live batches did not wait for the whole history"
        await until(house.complete, timeout_s=20)
        await until(lambda: all(START_MS + 199 * MINUTE in house.store.rows[stream] for stream in house.streams))


@pytest.mark.parametrize("cut_after", [1, 7, 23])
async def test_cut_off_anywhere_and_started_again_the_store_is_whole(cut_after: int) -> None:
    house = House(12, off_minutes=120, window_bars=30)
    await house.held_before()
    async with house.running():
        await until(lambda: len(house.venue.history.asked) >= cut_after)
    assert not house.complete()
    again = House(12, off_minutes=120, window_bars=30)
    again.store, again.recorder = house.store, FakeRecorder(house.store, again.bus)
    again.backfill = BackfillService(
        {again.venue.key: again.venue},
        state=house.state,
        store=house.store,
        bus=again.bus,
        clock=again.clock,
        instruments=InstrumentDirectory(again.instruments).book,
        config=BackfillConfig(verify_every_s=0, window_bars=30),
    )
    held = {stream: set(house.store.rows[stream]) for stream in house.streams}
    async with again.running():
        await until(again.complete)
        for stream, span in again.venue.history.asked:
            assert not held[stream] & set(range(span.start_ms, span.end_ms, MINUTE)), "what was stored is not fetched again"
    assert all(len(v) == 1 for stream in again.streams for v in again.store.rows[stream].values())
