"""Deployments on live klines: real processes, a real state store; one that fails takes nobody along."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.support import hosted_child
from tests.support.clock import ManualClock
from tests.support.fakes import until
from tests.support.market import START_MS, book, instrument, kline
from tests.support.state import sqlite_store

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.strategy_host.processes import ProcessStrategyHost
from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.messages import MarketBatch, Message, StoredBatch, StrategySignal, Topic
from quantservice.core.signals import Signal
from quantservice.core.spans import Span
from quantservice.ports import Columns, Deployment, StateStore, TradingPair
from quantservice.services.strategies import StrategiesConfig, StrategiesService
from quantservice.services.strategies.commands import Deployments, StrategyFacts

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
        await until(lambda: all(item.id in running and running[item.id]._last for item in deployments), timeout_s=60)

    async def signals(self, count: int) -> list[StrategySignal]:
        found: list[StrategySignal] = []
        for _ in range(1_000):
            found += await self.relay()
            if len(found) >= count:
                return found
            await self.clock.advance(0.1)
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(found)} of {count} signals: {self.service.stats()}")


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as store:
        yield store


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


def targets(found: list[StrategySignal]) -> list[float]:
    return [round(item.target * 1000) for signal in found for item in signal.decisions if isinstance(item, Signal)]


async def test_a_deployment_warms_up_from_the_store_and_signals_live_closes(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        (found,) = await made.signals(1)
        assert (found.deployment, found.version, found.open_time) == (deployed.id, deployed.version, START_MS + WARM * MINUTE)
        assert targets([found]) == [WARM + 1]
        (decision,) = found.decisions
        assert isinstance(decision, Signal)
        assert decision.tag == f"{np.mean([100 + number % 7 for number in range(WARM - 4, WARM + 1)]):.6f}"


async def test_klines_that_close_together_are_given_together_or_after_a_wait(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC", "ETH")
        await made.warm(deployed)
        await made.live(WARM, "ETH", "BTC")
        (found,) = await made.signals(1)
        assert [item.instrument.symbol for item in found.decisions] == ["BTC-USDT-PERP", "ETH-USDT-PERP"]
        await made.live(WARM + 1, "BTC")  # the other's never comes
        (alone,) = await made.signals(1)
        assert [item.instrument.symbol for item in alone.decisions] == ["BTC-USDT-PERP"]


async def test_paused_it_follows_silently_and_resumed_it_goes_on(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        pid = made.service.running()[deployed.id]["pid"]
        await made.say(deployed.id, "pause")
        await until(lambda: made.service._hosted[deployed.id].paused)
        await made.live(WARM, "BTC")
        await until(lambda: made.service.stats()["klines"] == 1)
        await made.say(deployed.id, "resume")
        await until(lambda: not made.service._hosted[deployed.id].paused)
        await made.live(WARM + 1, "BTC")
        assert targets(await made.signals(1)) == [WARM + 2]
        assert made.service.running()[deployed.id]["pid"] == pid


async def test_stopped_and_started_it_goes_on_from_its_memory_and_the_store(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        await made.say(deployed.id, "stop")
        await until(lambda: not made.service._hosted)
        made.klines.add(bar(WARM + 1))  # it closed while the deployment was stopped
        await made.clock.advance(60)
        await made.say(deployed.id, "start")
        await until(lambda: bool(made.service._hosted) and bool(made.service._hosted[deployed.id]._last), timeout_s=60)
        await made.live(WARM + 2, "BTC")
        assert targets(await made.signals(1)) == [WARM + 3]


async def test_a_revised_kline_makes_it_begin_again_silently(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        changed = bar(WARM, close="500", source=Source.REST)
        made.klines.add(changed)
        await made.bus.publish([Message(topic=Topic.MARKET_STORED, data=StoredBatch(revised=[(changed, 1)]))])
        for _ in range(100):
            await made.clock.advance(0.5)
            await asyncio.sleep(0.02)
            if made.service.stats()["rebuilds"]:
                break
        assert made.service.stats()["rebuilds"] == 1
        await made.live(WARM + 1, "BTC")
        (found,) = await made.signals(1)
        assert targets([found]) == [WARM + 2]
        prices = [100 + number % 7 for number in range(WARM - 3, WARM)] + [500, 100 + (WARM + 1) % 7]
        assert found.decisions[0].tag == f"{np.mean(prices):.6f}"


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [("raising", "raised: ZeroDivisionError: the strategy's own mistake"), ("blocking", "blocked"), ("leaking", "leaked")],
)
async def test_one_that_misbehaves_is_stopped_with_the_reason_and_the_rest_go_on(
    state: StateStore, strategy: str, reason: str
) -> None:
    async with house(state, answer_s=1.0) as made:
        good, bad = await made.deploy("counting", "BTC"), await made.deploy(strategy, "ETH")
        await made.warm(good, bad)
        for number in range(WARM, WARM + 3):
            await made.live(number, "BTC", "ETH")
            await until(lambda: made.service._hosted[good.id].figures["signals"] == number - WARM + 1)  # noqa: B023
        failed = await made.until_state(bad.id, "failed")
        assert failed.reason.startswith(reason)
        history = await made.deployments.history(bad.id)
        assert (history[0].what, history[0].who) == ("failed", "platform")
        number = (made.clock.now_ms() - START_MS) // MINUTE
        await made.live(number, "BTC", "ETH")
        await until(lambda: made.service._hosted[good.id].figures["signals"] == 4)
        found = [item for item in await made.signals(4) if item.deployment == good.id]
        assert targets(found) == [WARM + 1, WARM + 2, WARM + 3, WARM + 4]
        assert list(made.service._hosted) == [good.id]


async def test_a_killed_process_is_a_failure_with_the_signal_named(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        os.kill(made.service.running()[deployed.id]["pid"], signal.SIGKILL)
        await made.live(WARM, "BTC")
        assert (await made.until_state(deployed.id, "failed")).reason == "died: its process ended (signal 9)"


async def test_what_cannot_be_is_refused_in_a_sentence(state: StateStore) -> None:
    async with house(state) as made:
        with pytest.raises(UnknownName, match="did you mean: counting"):
            await made.deploy("countng", "BTC")
        with pytest.raises(UnknownName, match="stepp"):
            await made.deploy("counting", "BTC", stepp=1.0)
        deployed = await made.deploy("counting", "BTC")
        with pytest.raises(InvalidValue, match="is taken"):
            await made.deploy("counting", "BTC")
        with pytest.raises(UserError, match="is running; stop it before"):
            await made.deployments.configure(deployed.id, parameters={"step": 2.0})
        await made.say(deployed.id, "stop")
        with pytest.raises(UserError, match="can be said to resume only when paused"):
            await made.deployments.say(deployed.id, "resume")
        async with state.transaction() as work:
            await work.pairs.remove(instrument("ETH").id)
        with pytest.raises(UserError, match="1m is not collected"):
            await made.deploy("counting", "ETH")


async def test_an_earlier_version_comes_back_as_a_new_one(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC", step=0.5)
        await made.say(deployed.id, "stop")
        changed = await made.deployments.configure(deployed.id, parameters={"step": 0.25})
        assert changed.parameters["step"] == 0.25
        back = await made.deployments.roll_back(deployed.id, deployed.version)
        assert back.parameters["step"] == 0.5
        assert back.version == changed.version + 1
        assert [item.what for item in await made.deployments.history(deployed.id)] == [
            "rolled_back",
            "configured",
            "stopped",
            "started",
            "created",
        ]
