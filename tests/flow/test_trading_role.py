"""The trading role: signals of a deployment become orders on its paper account, once, and its books survive a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.execution_rig import BTC, RULES
from tests.support.market import kline
from tests.support.state import sqlite_store

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentBook
from quantservice.core.intents import Denied
from quantservice.core.messages import Command, MarketBatch, Message, StrategySignal, Topic
from quantservice.core.orders import Order, OrderState
from quantservice.core.signals import Signal
from quantservice.ports import TradingAccount
from quantservice.services.accounts.commands import CHANGED
from quantservice.services.execution.commands import Orders, OrderWish
from quantservice.services.risk.commands import RiskControl

D = Decimal
WAIT_S = 20.0


class Platform(SimpleNamespace):
    """What the role uses of the platform."""

    def book(self) -> InstrumentBook:
        return InstrumentBook([RULES])


def platform_of(store: SqlStateStore, folder: Path | None = None) -> Any:
    async def get(_reference: str) -> Any:
        return SimpleNamespace(allocation="10000")

    async def accounts() -> list[TradingAccount]:
        async with store.transaction() as work:
            return await work.accounts.list()

    clock = SystemClock()
    return Platform(
        state_store=store,
        clock=clock,
        bus=MemoryBus(),
        deployments=SimpleNamespace(get=get),
        accounts=SimpleNamespace(list=accounts),
        risk=RiskControl(store, clock),
        places=SimpleNamespace(root=folder or Path("/nonexistent")),
    )


@asynccontextmanager
async def trading(platform: Any) -> AsyncIterator[TradingRole]:
    role = TradingRole(platform)
    task = asyncio.create_task(role.run())
    try:
        await until(lambda: bool(role.stats()["ready"]) and len(platform.bus.stats()) == 3)
        await platform.bus.publish([price("50000")])
        await until(lambda: BTC in role.desk("paper").prices)
        yield role
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        async with made.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
        yield made


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not there():  # noqa: ASYNC110  # the role works meanwhile
            await asyncio.sleep(0.02)


def price(close: str) -> Message:
    bar = kline(close=close, closed=False)
    return Message(topic=Topic.MARKET_LIVE, data=MarketBatch([bar]))


def signal(target: float) -> Message:
    data = StrategySignal(
        deployment="d1",
        name="trend",
        strategy="ma_cross",
        version=1,
        account="paper",
        open_time=0,
        close_time=59_999,
        decisions=(Signal(BTC, target=target),),
    )
    return Message(topic=Topic.SIGNAL, data=data, key="d1")


async def held(store: SqlStateStore, deployment: str) -> Decimal:
    async with store.transaction() as work:
        found = await work.books.position("paper", str(BTC), deployment=deployment)
    return D(0) if found is None else found.position.quantity


async def orders_of(store: SqlStateStore) -> list[Order]:
    async with store.transaction() as work:
        return await work.orders.list(account="paper")


def wish(quantity: str = "0.1", **terms: Any) -> OrderWish:
    return OrderWish(account="paper", instrument=RULES, side=terms.pop("side", "buy"), quantity=D(quantity), **terms)


async def test_a_signal_becomes_one_order_of_the_allocation(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        asked = signal(1.0)
        await platform.bus.publish([asked])
        await until(lambda: role.stats()["signals"] == 1)
        await platform.bus.publish([asked])  # told twice: the same cause
        await until(lambda: role.stats()["signals"] == 2)
        await asyncio.sleep(0.05)
        (order,) = await orders_of(store)
        assert (order.state, order.deployment, order.filled) == (OrderState.FILLED, "d1", D("0.2"))
        assert (await held(store, "d1"), await held(store, "")) == (D("0.2"), D("0.2"))
    again = platform_of(store)
    async with trading(again) as role:
        await again.bus.publish([signal(0.0)])
        await until(lambda: role.stats()["signals"] == 1)
        await asyncio.sleep(0.05)
        assert (await held(store, "d1"), await held(store, "")) == (D(0), D(0))
        assert all(order.final for order in await orders_of(store))


async def test_an_account_that_is_added_trades_at_once(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        with pytest.raises(UnknownName, match="account"):
            role.desk("second")
        async with store.transaction() as work:
            await work.accounts.put(TradingAccount(name="second", venue="binance", market="um"))
        command = Command(id="c1", name=CHANGED, arguments={"account": "second"})
        await platform.bus.publish([Message(topic=Topic.COMMAND, data=command, event_type=CHANGED)])
        await until(lambda: role.stats()["ready"] == 2)


async def test_orders_of_a_person(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        first = await orders.place(wish(), idempotency_key="k")
        assert isinstance(first, Order)
        assert (first.state, first.purpose, first.external) == (OrderState.FILLED, "manual", False)
        assert await orders.place(wish(), idempotency_key="k") == first
        with pytest.raises(InvalidValue, match="another order"):
            await orders.place(wish("0.2"), idempotency_key="k")
        with pytest.raises(InvalidValue, match="less than one lot"):
            await orders.place(wish("0.0001"))
        denied = await orders.place(wish("50"))
        assert isinstance(denied, Denied)
        (kept,) = await orders.denials(account="paper")
        assert (kept.rule, kept.limit, kept.value) == (denied.rule, denied.limit, denied.value)
        resting = await orders.place(wish(type="limit", limit_price=D("49000.07")))
        assert isinstance(resting, Order)
        assert (resting.state, resting.terms.limit_price) == (OrderState.OPEN, D("49000.0")), "never a worse price"
        assert [order.state for order in await orders.cancel_all("paper")] == [OrderState.CANCELLED]
        assert await orders.list(account="paper", open_only=True) == []
        assert len(await orders.fills(account="paper")) == 1
        assert (await orders.balances("paper"))["USDT"] == D(100_000) - sum(fill.fee for fill, _, _ in await orders.fills())
