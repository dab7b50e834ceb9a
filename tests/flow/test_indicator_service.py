"""The indicator service over a real store: live closes, history in bulk, healed and revised klines, both averages' view."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from tests.support.clock import ManualClock
from tests.support.fakes import FakeStateStore, Tap, until
from tests.support.market import START_MS, instrument, kline
from tests.support.market_store import opened

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.messages import IndicatorUpdate, MarketBatch, Message, StoredBatch, Topic
from quantservice.core.spans import Span
from quantservice.ports import TradingPair
from quantservice.quant.indicators import call_of, compute
from quantservice.services.indicators import IndicatorConfig, IndicatorService

MINUTE = 60_000
STREAM = StreamId.kline(instrument("BTC").id, "1m")
PAIR = TradingPair(venue="binance", market="um", symbol="BTC-USDT-PERP", venue_symbol="BTCUSDT", periods=("1m",))
CALLS = tuple(call_of(item) for item in (("sma", 20), ("sma", 50), ("ema", 12)))
WHOLE = Span(0, 2**62)


def closes(count: int) -> list[Decimal]:
    steps = np.random.default_rng(7).normal(0, 1, count).cumsum()
    return [Decimal(f"{100 + step:.2f}") for step in steps]


PRICES = closes(200)


def bar(number: int, *, close: Decimal | None = None, source: Source = Source.WS) -> Kline:
    value = PRICES[number] if close is None else close
    return msgspec.structs.replace(kline(number), open=value, high=value + 1, low=value - 1, close=value, source=source)


class Line:
    def __init__(self, store: ClickHouseStore, clock: ManualClock) -> None:
        self.store, self.clock, self.bus = store, clock, MemoryBus()
        self.tap = Tap(self.bus, [Topic.INDICATOR])
        config = IndicatorConfig(keys=tuple(str(call) for call in CALLS))
        self.service = IndicatorService(store, FakeStateStore([PAIR]), self.bus, clock, config)

    async def live(self, bars: Sequence[Kline]) -> None:
        """What the collector publishes and the recorder makes durable."""
        await self.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch(bars))])
        await self.stored(bars)

    async def stored(self, bars: Sequence[Kline]) -> None:
        result = await self.store.append(bars)
        await self.bus.publish([Message(topic=Topic.MARKET_STORED, data=StoredBatch(new=result.new, revised=result.revised))])

    async def settle(self) -> None:
        """Let the service mend and write until nothing waits."""
        for _ in range(200):
            await self.clock.advance(1.0)
            await asyncio.sleep(0.005)
            stats = self.service.stats()
            if stats and not stats["to_compute"] and not stats["unwritten"] and stats["streams"]:
                return
        raise AssertionError(f"not settled: {self.service.stats()}")

    def updates(self) -> list[IndicatorUpdate]:
        return [update for message in self.tap.messages for update in message.data.updates]

    async def agrees(self) -> int:
        """Every stored value equals one computed in bulk over the stored klines; returns the bars compared."""
        bars = await self.store.read(STREAM, WHOLE)
        for call in CALLS:
            stored = await self.store.read_indicator(STREAM, str(call), WHOLE)
            np.testing.assert_array_equal(stored["open_time"], bars["open_time"])
            np.testing.assert_array_equal(stored[call.spec.outputs[0]], compute(call, bars)[call.spec.outputs[0]])
        return len(bars["open_time"])


@pytest.fixture
async def store(tmp_path_factory: pytest.TempPathFactory, clock: ManualClock) -> AsyncIterator[ClickHouseStore]:
    async with opened(f"chdb://{tmp_path_factory.getbasetemp() / 'indicator-market'}", clock) as made:
        yield made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@asynccontextmanager
async def running(store: ClickHouseStore, clock: ManualClock) -> AsyncIterator[Line]:
    line = Line(store, clock)
    async with line.tap.listening():
        task = asyncio.ensure_future(line.service.run())
        try:
            yield line
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_history_is_filled_in_bulk_and_live_bars_go_on_from_it(store: ClickHouseStore, clock: ManualClock) -> None:
    await store.append([bar(number, source=Source.REST) for number in range(100)])
    async with running(store, clock) as line:
        await line.settle()
        assert await line.agrees() == 100
        for number in range(100, 120):
            await line.live([bar(number)])
            await until(lambda at=number: line.updates()[-1].open_time == START_MS + at * MINUTE)  # type: ignore[misc]
        await line.settle()
        assert await line.agrees() == 120
        assert line.service.stats()["fills"] == 1
        bars = await store.read(STREAM, WHOLE)
        assert line.updates()[-1].values["sma(20)"] == compute(("sma", 20), bars)["sma"][-1]


async def test_only_what_is_missing_is_written_after_a_restart(store: ClickHouseStore, clock: ManualClock) -> None:
    await store.append([bar(number) for number in range(100)])
    async with running(store, clock) as line:
        await line.settle()
    await store.append([bar(number) for number in range(100, 130)])
    async with running(store, clock) as line:
        await line.settle()
        assert line.service.stats()["rows"] == 30 * len(CALLS)
        assert await line.agrees() == 130


async def test_a_revised_and_a_healed_bar_correct_what_followed(store: ClickHouseStore, clock: ManualClock) -> None:
    missing = 40
    await store.append([bar(number) for number in range(100) if number != missing])
    async with running(store, clock) as line:
        await line.settle()
        await line.stored([bar(missing, source=Source.REST)])
        await line.settle()
        assert await line.agrees() == 100
        await line.stored([bar(60, close=Decimal("250.5"), source=Source.REST)])
        await line.settle()
        assert await line.agrees() == 100
        assert [update.corrected for update in line.updates()][-2:] == [True, True]
        await line.live([bar(100)])
        await line.settle()
        assert await line.agrees() == 101


async def test_a_missed_live_bar_is_computed_from_the_store(store: ClickHouseStore, clock: ManualClock) -> None:
    await store.append([bar(number) for number in range(60)])
    async with running(store, clock) as line:
        await line.settle()
        await store.append([bar(60)])  # nobody was told
        await line.live([bar(61)])
        await line.settle()
        assert await line.agrees() == 62


async def test_the_averages_have_a_table_and_a_view_that_agree(store: ClickHouseStore, clock: ManualClock) -> None:
    await store.append([bar(number) for number in range(100)])
    async with running(store, clock) as line:
        await line.settle()
        await line.stored([bar(90, close=Decimal(300), source=Source.REST)])
        await line.settle()
    columns = "open_time, ma20, ma50"

    def both() -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        table = store.session.rows(f"SELECT {columns} FROM `{store.database}`.indicator_ma FINAL ORDER BY open_time")
        view = store.session.rows(f"SELECT {columns} FROM `{store.database}`.indicator_ma_live ORDER BY open_time")
        return table, view

    table, view = await store.session.run(both)
    assert len(table) == len(view) == 100
    for name in ("ma20", "ma50"):
        np.testing.assert_allclose([row[name] for row in table], [row[name] for row in view], rtol=1e-12, equal_nan=True)
        assert np.isnan(table[18][name])
    assert not np.isnan(table[19]["ma20"])
    assert np.isnan(table[48]["ma50"])
    assert not np.isnan(table[49]["ma50"])
