"""Deployments on live klines for tests: the hosting service with real processes over klines in memory and a real state store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.strategy_host.processes import ProcessStrategyHost
from quantservice.core.errors import UnknownName
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.messages import MarketBatch, Message, StrategySignal, Topic
from quantservice.core.spans import Span
from quantservice.ports import Columns, Deployment, StateStore, TradingPair
from quantservice.services.strategies import StrategiesConfig, StrategiesService
from quantservice.services.strategies.commands import Deployments, StrategyFacts
from tests.support import hosted_child
from tests.support.clock import ManualClock
from tests.support.fakes import until
from tests.support.market import START_MS, book, instrument, kline

MINUTE = 60_000
WARM = 20
NAMES = ("BTC", "ETH")


def bar(number: int, base: str = "BTC", *, close: str | None = None, source: Source = Source.WS) -> Kline:
    price = Decimal(close) if close is not None else Decimal(100 + number % 7)
    changes = {"open": price, "high": price + 1, "low": price - 1, "close": price, "source": source}
    if number < WARM:
        changes["volume"] = Decimal(1)  # the live ones keep 12.5: the misbehaving strategies begin with them
    return msgspec.structs.replace(kline(number, base=base), **changes)


class Klines:
    """The market store's klines in memory, as arrays."""

    def __init__(self) -> None:
        self.rows: dict[StreamId, dict[int, Kline]] = {}
        self.events: dict[StreamId, list[dict[str, Any]]] = {}  # of other kinds

    def add(self, item: Kline) -> None:
        self.rows.setdefault(item.stream, {})[item.open_time] = item

    async def read(self, stream: StreamId, span: Span, *, limit: int | None = None, newest: bool = False) -> Columns:
        rows = [item for time, item in sorted(self.rows.get(stream, {}).items()) if span.contains(time)]
        if limit is not None:
            rows = rows[-limit:] if newest else rows[:limit]
        names = (
            "open",
            "high",
            "low",
            "close",
            "volume",
            "quote_volume",
            "count",
            "taker_buy_base_volume",
            "taker_buy_quote_volume",
        )
        columns: dict[str, Any] = {name: np.array([float(getattr(item, name)) for item in rows]) for name in names}
        columns["open_time"] = np.array([item.open_time for item in rows], dtype=np.int64)
        return columns

    async def read_rows(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        rows = self.events.get(stream, [])
        return [row for row in rows if span.contains(row["time"])]


async def inspect(strategy: str, parameters: Mapping[str, Any]) -> StrategyFacts:
    if strategy not in hosted_child.MADE:
        raise UnknownName("strategy", strategy, hosted_child.MADE)
    made = hosted_child.make(strategy, parameters)
    return StrategyFacts(parameters=made.parameters, code_hash="c1", family="f1")


class House:
    def __init__(self, state: StateStore, *, answer_s: float, memory_bytes: int) -> None:
        self.clock, self.bus, self.state, self.klines = ManualClock(START_MS + WARM * MINUTE), MemoryBus(), state, Klines()
        self.deployments = Deployments(state, self.clock, lambda: book(*NAMES), inspect)
        self.host = ProcessStrategyHost(
            hosted_child.main, preload=("tests.support.hosted_child",), answer_s=answer_s, memory_bytes=memory_bytes
        )
        self.service = self.make()
        for base in NAMES:
            for number in range(WARM):
                self.klines.add(bar(number, base))

    def make(self) -> StrategiesService:
        return StrategiesService(
            host=self.host,
            source=self.klines,
            state=self.state,
            bus=self.bus,
            clock=self.clock,
            deployments=self.deployments,
            config=StrategiesConfig(settle_s=0.1, memory_s=0.5),
        )

    async def collect(self) -> None:
        async with self.state.transaction() as work:
            for base in NAMES:
                id_ = instrument(base).id
                await work.pairs.put(
                    TradingPair(venue="binance", market="um", symbol=id_.symbol, venue_symbol=f"{base}USDT", periods=("1m",))
                )

    async def deploy(self, strategy: str, *bases: str, **parameters: Any) -> Deployment:
        made = await self.deployments.create(
            name=f"{strategy} {'+'.join(bases)}",
            strategy=strategy,
            instruments=[str(instrument(base).id) for base in bases],
            period="1m",
            parameters=parameters,
        )
        return await self.say(made.id, "start")

    async def say(self, reference: str, verb: str) -> Deployment:
        after = await self.deployments.say(reference, verb)
        await self.relay()
        return after

    async def relay(self) -> list[StrategySignal]:
        """Do what the outbox relay does; return the signals among the messages."""
        async with self.state.transaction() as work:
            pending = await work.outbox.pending(1_000)
            await work.outbox.mark([message.event_id for message in pending], published_ns=1)
        await self.bus.publish([message for message in pending if message.topic == Topic.COMMAND])
        return [message.data for message in pending if message.topic == Topic.SIGNAL]

    async def live(self, number: int, *bases: str) -> None:
        for base in bases:
            item = bar(number, base)
            self.klines.add(item)
            await self.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch([item]))])
        await self.clock.advance(MINUTE / 1000)

    async def until_state(self, reference: str, state: str) -> Deployment:
        for _ in range(2_000):
            await self.clock.advance(0.5)
            found = await self.deployments.get(reference)
            if found.state == state:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"{found.name} is {found.state}: {found.reason}")

    async def warm(self, *deployments: Deployment) -> None:
        running = self.service._hosted
        await until(lambda: all(item.id in running and running[item.id].warm for item in deployments), timeout_s=60)

    async def signals(self, count: int) -> list[StrategySignal]:
        found: list[StrategySignal] = []
        for _ in range(1_000):
            found += await self.relay()
            if len(found) >= count:
                return found
            await self.clock.advance(0.1)
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(found)} of {count} signals: {self.service.stats()}")


@asynccontextmanager
async def house(state: StateStore, *, answer_s: float = 10.0, memory_bytes: int = 300 << 20) -> AsyncIterator[House]:
    made = House(state, answer_s=answer_s, memory_bytes=memory_bytes)
    await made.collect()
    async with running(made):
        yield made


@asynccontextmanager
async def running(made: House) -> AsyncIterator[None]:
    task = asyncio.ensure_future(made.service.run())
    await until(lambda: len(made.bus.stats()) >= 3)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
