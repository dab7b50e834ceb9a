"""For each order the chain from the exchange's frame to the books: what was kept on its way, in order, with times that follow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_trading_role import eventually, orders_of, platform_of, signal, trading, until, wish
from tests.support.execution_rig import BTC
from tests.support.market import kline
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.errors import UnknownName
from quantservice.core.messages import Message
from quantservice.core.orders import Order, OrderState
from quantservice.core.signals import Signal
from quantservice.ports import Deployment, HostedAccount, HostedPosition, TradingAccount
from quantservice.services.execution.commands import Orders
from quantservice.services.portfolio.chain import Chain, Step
from quantservice.services.portfolio.tracing import Chains
from quantservice.services.strategies.seen import hosted_bar
from quantservice.services.strategies.writing import RunWriter

D = Decimal
STEPS = ["closed", "received", "decided", "sized", "checked", "sent", "ended", "filled", "booked"]
DEPLOYMENT = Deployment(id="d1", name="trend", strategy="ma_cross", account="paper", allocation="10000", created_ms=1, updated_ms=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as opened:
        async with opened.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
            await work.deployments.put(DEPLOYMENT, who="owner", what="created")
        yield opened


async def decide(platform: Any, store: SqlStateStore, message: Message, *, act: Any = None, received_ns: int | None = None) -> None:
    """Write down what a strategy was given and answered, and announce its signal: as the deployment's host does."""
    told = message.data
    bar = msgspec.structs.replace(
        kline(close="50000"),
        open_time=told.open_time,
        close_time=told.close_time,
        recv_ns=time.time_ns() if received_ns is None else received_ns,
    )
    account = HostedAccount(equity=10_000.5, cash=9_000.0, positions=(HostedPosition(str(BTC), "both", 0.25, 1.0),))
    writer = RunWriter(DEPLOYMENT, store, platform.clock, act=act)
    await writer.asked([bar], [hosted_bar(bar)], told.decisions, account=account, muted="", signal=message)


async def chain(store: SqlStateStore, order: Order) -> Chain:
    return await Chains(store).of(order.order_id)


async def filled(store: SqlStateStore) -> list[Order]:
    async def there() -> bool:
        found = await orders_of(store)
        return bool(found) and all(order.state is OrderState.FILLED for order in found)

    await eventually(there)
    return await orders_of(store)


async def sized(store: SqlStateStore) -> None:
    async def there() -> bool:
        async with store.transaction() as work:
            return bool(await work.runs.read("d1", kind="sized"))

    await eventually(there)


def steps(found: Chain) -> dict[str, Step]:
    return {step.step: step for step in found.steps}


@pytest.mark.parametrize("way", ["one commit", "the bus"])
async def test_an_order_of_a_strategy_is_followed_from_the_frame_to_the_books(store: SqlStateStore, way: str) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        asked = signal(1.0)
        await decide(platform, store, asked, act=role.act if way == "one commit" else None)
        if way == "the bus":
            await platform.bus.publish([asked])
        (order,) = await filled(store)
        await sized(store)
        found = await chain(store, order)
    shown = steps(found)
    assert [step.step for step in found.steps] == STEPS
    assert (found.origin, found.strategy, found.deployment, found.missing) == ("strategy", "ma_cross", "trend", ())
    assert shown["closed"].time_ns == (asked.data.close_time + 1) * 1_000_000
    assert "50000" in shown["closed"].sentence
    assert shown["decided"].sentence == f"the strategy wanted 1 of its equity in {BTC}"
    decided = dict(shown["decided"].facts)
    assert (decided["equity"], decided["position"], decided["signal"]) == ("10000.5", "0.25", asked.event_id)
    assert shown["sized"].sentence == "with equity of 10000 USDT at 50000 and 0 held that is to buy 0.2"
    assert dict(shown["filled"].facts)["fee"].endswith(" USDT")
    async with store.transaction() as work:
        (entry,) = [row for row in await work.books.journal(account="paper") if row.entry.reason == "trade"]
    assert shown["booked"].sentence == f"booked as entry {entry.sequence} of the journal"
    assert shown["ended"].sentence.startswith("filled, by its ")
    ours = [step.time_ns for step in found.steps if step.clock == "ours"]
    assert None not in ours
    assert ours == sorted(ours, key=lambda at: at or 0), "no step of ours is before the one that led to it"
    assert all(step.gap_ns is None or step.gap_ns >= 0 for step in found.steps)
    assert shown["sized"].gap_ns is not None


async def test_each_of_two_decisions_of_one_signal_has_its_own_chain(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        one = signal(0.5)
        both = (Signal(BTC, target=0.5), Signal(BTC, target=0.25, tag="less"))
        asked = msgspec.structs.replace(one, data=msgspec.structs.replace(one.data, decisions=both))
        await decide(platform, store, asked, act=role.act)
        await decide(platform, store, signal(0.0), act=role.act)  # a later one: it is not of theirs
        await filled(store)
        found = [steps(await chain(store, order))["decided"].sentence for order in await orders_of(store)]
    wanted = {f"the strategy wanted 0.5 of its equity in {BTC}", f"the strategy wanted 0.25 of its equity in {BTC} (less)"}
    assert wanted <= set(found)


async def test_a_persons_order_begins_with_the_person_and_what_rests_has_no_end(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = orders_face(platform, role)
        made = await orders.place(wish(type="limit", limit_price=D(49_000)), idempotency_key="mine")
        assert isinstance(made, Order)
        resting = await chain(store, made)
        assert [step.step for step in resting.steps] == ["asked", "checked", "sent", "accepted"]
        assert (resting.origin, resting.missing) == ("person", ())
        assert dict(resting.steps[0].facts) == {"idempotency_key": "mine"}
        assert steps(resting)["accepted"].sentence == "the venue has it, by its answer"
        await orders.cancel(made.order_id)
        await until(lambda: not role.desk("paper").gateway._keeper.memory.open())
        assert (await chain(store, made)).steps[-1].sentence.startswith("cancelled, by its ")
    with pytest.raises(UnknownName, match="order"):
        await Chains(store).of("nobody's")


async def test_what_is_not_kept_is_said(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        await platform.bus.publish([signal(1.0)])
        await until(lambda: role.stats()["signals"] == 1)
        (order,) = await filled(store)
        await sized(store)
        found = await chain(store, order)
    assert [step.step for step in found.steps] == STEPS[3:]
    assert found.missing == ("decision",)


def orders_face(platform: Any, role: TradingRole) -> Orders:
    return Orders(
        platform.state_store,
        platform.clock,
        lambda name: role.desk(name).gateway,
        lambda name: role.desk(name).algorithms,
    )
