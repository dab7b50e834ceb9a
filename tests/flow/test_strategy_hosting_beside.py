"""What a live strategy is given beside klines, and what one that acts remembers: real processes, a real state store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import until
from tests.support.hosting import MINUTE, WARM, House, bar, house
from tests.support.market import START_MS, instrument
from tests.support.state import sqlite_store

from quantservice.core.events import Kind, Quote, Source, StreamId, Ticker
from quantservice.core.messages import MarketBatch, Message, StoredBatch, StrategySignal, Topic
from quantservice.core.signals import OrderUpdate
from quantservice.ports import Deployment, DeploymentSnapshot, RunAsked, RunSilent, RunTold, StateStore, fact_of, kind_of

BTC = instrument("BTC").id


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as store:
        yield store


def tags(signals: list[StrategySignal]) -> list[str]:
    return [decision.tag for signal in signals for decision in signal.decisions]


async def tell(state: StateStore, deployment: Deployment, order_state: str, tag: str) -> None:
    """Write down what became of an order, as the trading side does in the order's own commit."""
    update = OrderUpdate(instrument=BTC, order_id=f"o-{tag}", side="buy", state=order_state, tag=tag)  # type: ignore[arg-type]
    fact = RunTold(update=update)
    async with state.transaction() as work:
        await work.runs.append(deployment.id, kind_of(fact), msgspec.to_builtins(fact), time_ns=1)


async def facts(state: StateStore, deployment: Deployment) -> list[object]:
    async with state.transaction() as work:
        return [fact_of(event.data) for event in await work.runs.read(deployment.id)]


async def start_again(made: House, deployed: Deployment) -> None:
    await made.say(deployed.id, "start")
    await until(lambda: bool(made.service._hosted) and made.service._hosted[deployed.id].warm, timeout_s=60)


async def test_orders_of_a_silent_warm_up_are_not_remembered(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("ordering", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        mean = sum(100 + number % 7 for number in range(WARM - 2, WARM + 1)) / 3
        assert tags(await made.signals(1)) == [f"1 {mean:g} "]


async def test_what_became_of_orders_is_told_at_the_next_close_before_its_kline_once(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("hearing", "BTC")
        await tell(state, deployed, "filled", "older")  # before it began: not its own
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        (first,) = await made.signals(1)
        assert first.decisions[0].tag.startswith("1 ")
        await tell(state, deployed, "accepted", "a")
        await tell(state, deployed, "filled", "a")
        await made.live(WARM + 1, "BTC")
        (second,) = await made.signals(1)
        mean = sum(100 + number % 7 for number in range(WARM - 1, WARM + 2)) / 3
        assert second.decisions[0].tag == f"after a at {mean:g}"
        assert second.decisions[1].tag.endswith(" accepted:a,filled:a")
        await made.live(WARM + 2, "BTC")
        (third,) = await made.signals(1)
        assert len(third.decisions) == 1
        assert third.decisions[0].tag.endswith(" accepted:a,filled:a")


async def first_save(state: StateStore, deployment: str) -> DeploymentSnapshot:
    """Return what was saved of a deployment, once it is: that comes after the signal."""
    async with asyncio.timeout(20):
        while True:
            async with state.transaction() as work:
                saved = await work.deployments.last_state(deployment)
            if saved is not None:
                return saved
            await asyncio.sleep(0.01)


async def test_after_a_crash_it_remembers_what_it_did_and_heard_since_the_last_save(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("hearing", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        saved = await first_save(state, deployed.id)
        await tell(state, deployed, "filled", "a")
        await made.live(WARM + 1, "BTC")
        await made.signals(1)
        await made.say(deployed.id, "stop")
        await until(lambda: not made.service._hosted)
        async with state.transaction() as work:  # a crash leaves only the older save
            await work.deployments.save_state(msgspec.structs.replace(saved, saved_ms=made.clock.now_ns()))
        await tell(state, deployed, "cancelled", "b")  # while it was away
        made.klines.add(bar(WARM + 2))
        await start_again(made, deployed)
        await made.live(WARM + 3, "BTC")
        (found,) = await made.signals(1)
        prices = [100 + number % 7 for number in (WARM + 1, WARM + 2, WARM + 3)]
        # three asked closes; the one while it was away was taken by the indicator alone
        assert found.decisions[0].tag == f"3 {sum(prices) / 3:g} filled:a,cancelled:b"


async def test_paused_it_is_not_asked_and_hears_later(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("hearing", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        await made.say(deployed.id, "pause")
        await until(lambda: made.service._hosted[deployed.id].paused)
        await tell(state, deployed, "cancelled", "a")
        await made.live(WARM + 1, "BTC")
        await until(lambda: made.service._hosted[deployed.id].figures["klines"] == 2)
        await made.say(deployed.id, "resume")
        await until(lambda: not made.service._hosted[deployed.id].paused)
        await made.live(WARM + 2, "BTC")
        (found,) = await made.signals(1)
        assert found.decisions[0].tag.startswith("2 ")
        assert found.decisions[0].tag.endswith(" cancelled:a")
        assert [fact.acts for fact in await facts(state, deployed) if isinstance(fact, RunSilent)] == [True]


async def test_a_healed_past_changes_its_indicators_and_not_what_it_did(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("ordering", "BTC")
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
        await made.live(WARM + 1, "BTC")
        mean = (100 + (WARM - 1) % 7 + 500 + 100 + (WARM + 1) % 7) / 3
        assert tags(await made.signals(1)) == [f"2 {mean:g} "]


async def test_funding_rates_are_given_with_the_first_close_after_them(state: StateStore) -> None:
    async with house(state) as made:
        rates = made.klines.events.setdefault(StreamId(BTC, Kind.FUNDING), [])
        rates.append({"time": START_MS + 3, "rate": "0.0001"})  # venues stamp it some milliseconds late
        deployed = await made.deploy("paid", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        assert tags(await made.signals(1)) == ["0.0001"]
        rates.append({"time": START_MS + (WARM + 2) * MINUTE + 3, "rate": "0.0002"})
        await made.live(WARM + 1, "BTC")  # it closes a millisecond before the settlement
        assert tags(await made.signals(1)) == ["0.0001"]
        await made.live(WARM + 2, "BTC")
        assert tags(await made.signals(1)) == ["0.0002"]
        given = [fact.rates for fact in await facts(state, deployed) if isinstance(fact, RunAsked)]
        assert [[rate.rate for rate in rates] for rates in given] == [[], [], [0.0002]]
        rates.append({"time": START_MS + (WARM + 3) * MINUTE, "rate": "0.0003"})
        await made.say(deployed.id, "stop")
        await until(lambda: not made.service._hosted)
        made.klines.add(bar(WARM + 3))
        await start_again(made, deployed)
        await made.live(WARM + 4, "BTC")
        assert tags(await made.signals(1)) == ["0.0003"]


async def test_the_market_between_klines_is_given_at_most_once_a_second(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("watching", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        found = await made.signals(2)
        assert tags(found) == ["kline", f"{100 + WARM % 7} nan nan nan"]
        now = made.clock.now_ms()
        quote = Quote(
            stream=StreamId(BTC, Kind.QUOTE),
            update_id=1,
            bid_price=Decimal(90),
            bid_quantity=Decimal(1),
            ask_price=Decimal(92),
            ask_quantity=Decimal(1),
            time=now,
        )
        zero = Decimal(0)
        ticker = Ticker(
            stream=StreamId(BTC, Kind.TICKER),
            time=now,
            last_price=Decimal(91),
            open_price=zero,
            high_price=zero,
            low_price=zero,
            volume=Decimal(7),
            quote_volume=zero,
        )
        later = msgspec.structs.replace(ticker, last_price=Decimal(95))
        await made.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch([quote, ticker, later]))])
        found = await made.signals(1)
        assert tags(found) == ["95 90 92 7"]
        assert [signal.open_time for signal in found] == [START_MS + WARM * MINUTE]
        asked = [fact for fact in await facts(state, deployed) if isinstance(fact, RunAsked)]
        assert [(fact.ticker is None, len(fact.bars)) for fact in asked] == [(True, 1), (False, 0), (False, 0)]
