"""The trading role: signals of a deployment become orders on its paper account, once, and its books survive a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, RULES
from tests.support.market import kline
from tests.support.state import sqlite_store

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.secrets.envelopes import AesGcmEnvelopes
from quantservice.adapters.secrets.key_file import FileKeyRing
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.kill_switch import kill_file
from quantservice.app.trading import TradingRole
from quantservice.core.errors import EnvironmentFault, InvalidValue, StoreUnavailable, UnknownName, UserError
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.intents import Denied, Intent, OrderTerms
from quantservice.core.messages import Command, MarketBatch, Message, StrategySignal, Topic
from quantservice.core.orders import Order, OrderState
from quantservice.core.signals import CancelOrders, OrderRequest, Signal
from quantservice.ports import (
    Deployment,
    HostedAccount,
    KeyPermissions,
    RunSized,
    TradingAccount,
    UnitOfWork,
    VenueSecret,
    fact_of,
)
from quantservice.services.accounts.commands import CHANGED, Accounts
from quantservice.services.execution.commands import Orders, OrderWish
from quantservice.services.risk.commands import RiskControl

D = Decimal
WAIT_S = 20.0
SUBSCRIPTIONS = 4  # prices, signals, accounts, gaps


class Platform(SimpleNamespace):
    """What the role uses of the platform."""

    def book(self) -> InstrumentBook:
        return InstrumentBook([RULES])


def platform_of(store: SqlStateStore, folder: Path | None = None) -> Any:
    async def get(_reference: str) -> Any:
        return SimpleNamespace(allocation="10000")

    async def none() -> list[Deployment]:
        return []

    async def whole(_streams: Any) -> dict[Any, Any]:
        return {}

    async def nobody(_account: TradingAccount, _secret: VenueSecret) -> KeyPermissions:
        raise UserError("no key is asked about here")

    clock = SystemClock()
    accounts = Accounts(store, clock, AesGcmEnvelopes(FileKeyRing(Path("never.keys"))), nobody, venues=lambda: [("binance", "um")])
    return Platform(
        state_store=store,
        clock=clock,
        bus=MemoryBus(),
        deployments=SimpleNamespace(get=get, list=none),
        market_store=SimpleNamespace(missing=whole),
        accounts=accounts,
        risk=RiskControl(store, clock, halted_by=lambda: kill_file(folder) if folder else ""),
        places=SimpleNamespace(root=folder or Path("/nonexistent")),
    )


@asynccontextmanager
async def trading(platform: Any) -> AsyncIterator[TradingRole]:
    role = TradingRole(platform)
    task = asyncio.create_task(role.run())
    try:
        await until(lambda: bool(role.stats()["ready"]) and len(platform.bus.stats()) == SUBSCRIPTIONS)
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


async def eventually(there: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await there():  # noqa: ASYNC110  # the role works meanwhile
            await asyncio.sleep(0.02)


async def sizings(store: SqlStateStore, run: str) -> list[RunSized]:
    async with store.transaction() as work:
        facts = [fact_of(event.data) for event in await work.runs.read(run)]
    return [fact for fact in facts if isinstance(fact, RunSized)]


async def intents_of(store: SqlStateStore, cause: str) -> list[str]:
    async with store.transaction() as work:
        return [item.intent.intent_id for item in await work.intents.list() if item.intent.causation_id == cause]


def resting(deployment: str) -> Intent:
    terms = OrderTerms(account="paper", instrument=BTC, side="buy", quantity=D("0.1"), type="limit", limit_price=D(49_500))
    return Intent(intent_id="resting", terms=terms, purpose="order", deployment=deployment, tag="low")


def price(close: str) -> Message:
    bar = kline(close=close, closed=False)
    return Message(topic=Topic.MARKET_LIVE, data=MarketBatch([bar]))


def signal(target: float, *, minutes_ago: int = 0) -> Message:
    open_time = (time.time_ns() // 60_000_000_000 - 1 - minutes_ago) * 60_000
    data = StrategySignal(
        deployment="d1",
        name="trend",
        strategy="ma_cross",
        version=1,
        account="paper",
        open_time=open_time,
        close_time=open_time + 59_999,
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


async def test_a_signal_that_comes_long_after_its_close_becomes_no_order(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        await platform.bus.publish([signal(1.0, minutes_ago=3)])  # left in the outbox by a process that ended
        await until(lambda: role.stats()["signals"] == 1)
        await platform.bus.publish([signal(0.5)])
        await eventually(lambda: _filled(store))
        (order,) = await orders_of(store)
        assert order.filled == D("0.1")


async def act(role: TradingRole, store: SqlStateStore, message: Message, *, fails: int = 0) -> tuple[bool, int]:
    """Follow a signal in the commit that announces it; return whether that was done, and how often it was written."""
    written = 0

    async def within(work: UnitOfWork) -> None:
        nonlocal written
        await work.outbox.add(message)
        written += 1
        if written <= fails:
            raise StoreUnavailable("it cannot write")

    deployment = Deployment(
        id="d1", name="trend", strategy="ma_cross", account="paper", allocation="10000", created_ms=0, updated_ms=0
    )
    return await role.act(deployment, message, within), written


async def pending(store: SqlStateStore) -> list[str]:
    async with store.transaction() as work:
        return [item.event_id for item in await work.outbox.pending(100)]


async def test_a_signal_of_this_process_is_durable_with_its_orders_and_followed_once(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        asked = signal(1.0)
        assert await act(role, store, asked) == (True, 1)
        assert await pending(store) == [asked.event_id]
        (intent,) = await intents_of(store, asked.event_id)
        await platform.bus.publish([asked])  # by the relay
        nothing = signal(1.0)
        unknown = InstrumentId("binance", "um", "NONE-USDT-PERP")
        nothing = msgspec.structs.replace(nothing, data=msgspec.structs.replace(nothing.data, decisions=(Signal(unknown, 1.0),)))
        await eventually(lambda: _filled(store))
        assert await act(role, store, nothing) == (True, 1), "what asks for no order is announced all the same"
        assert nothing.event_id in await pending(store)
        assert await intents_of(store, asked.event_id) == [intent]
        assert role.stats()["signals"] == 2
        assert len(await orders_of(store)) == 1


async def test_a_signal_that_is_told_again_after_a_restart_cancels_nothing_that_it_placed(store: SqlStateStore) -> None:
    limit = OrderRequest(instrument=BTC, side="buy", type="limit", quantity=0.1, limit_price=49_000.0, tag="low")
    asked = signal(1.0)
    asked = msgspec.structs.replace(
        asked, data=msgspec.structs.replace(asked.data, decisions=(CancelOrders(instrument=BTC), limit))
    )
    async with trading(platform_of(store)) as role:
        assert await act(role, store, asked) == (True, 1)
        await eventually(lambda: _open(store))
    again = platform_of(store)
    async with trading(again) as role:
        await again.bus.publish([asked])  # the process ended before the outbox was marked
        await again.bus.publish([signal(0.0)])
        await until(lambda: role.stats()["signals"] == 2)
        await eventually(lambda: _sized_twice(store))
        order = (await orders_of(store))[-1]  # the oldest
        assert (order.tag, order.state, order.cancel_asked) == ("low", OrderState.OPEN, False)


async def test_a_stop_between_the_cancels_and_the_orders_of_a_signal_loses_neither(store: SqlStateStore) -> None:
    limit = OrderRequest(instrument=BTC, side="buy", type="limit", quantity=0.1, limit_price=49_000.0, tag="low")
    first, asked = signal(1.0), signal(1.0)
    first = msgspec.structs.replace(first, data=msgspec.structs.replace(first.data, decisions=(limit,)))
    higher = msgspec.structs.replace(limit, limit_price=49_500.0, tag="high")
    asked = msgspec.structs.replace(
        asked, data=msgspec.structs.replace(asked.data, decisions=(CancelOrders(instrument=BTC), higher))
    )
    async with trading(platform_of(store)) as role:
        assert await act(role, store, first) == (True, 1)
        await eventually(lambda: _open(store))
        with pytest.raises(StoreUnavailable):  # the cancel is out, and the commit of the order does not come
            await act(role, store, asked, fails=9)
        assert [order.state for order in await orders_of(store)] == [OrderState.CANCELLED]
    again = platform_of(store)
    async with trading(again) as role:
        for number in (1, 2):  # the second time it is known
            await again.bus.publish([asked])
            await until(lambda number=number: role.stats()["signals"] == number)  # type: ignore[misc]
        assert {order.tag: order.state for order in await orders_of(store)} == {
            "low": OrderState.CANCELLED,
            "high": OrderState.OPEN,
        }


async def _sized_twice(store: SqlStateStore) -> bool:
    return len(await sizings(store, "d1")) == 2


async def _open(store: SqlStateStore) -> bool:
    return [order.state for order in await orders_of(store)] == [OrderState.OPEN]


async def _filled(store: SqlStateStore) -> bool:
    return [order.state for order in await orders_of(store)] == [OrderState.FILLED]


async def test_a_signal_that_cannot_be_kept_is_neither_announced_nor_followed(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        asked = signal(1.0)
        with pytest.raises(StoreUnavailable):
            await act(role, store, asked, fails=9)
        assert await pending(store) == []
        assert await intents_of(store, asked.event_id) == []
        role.desk("paper").gateway.ready = False
        assert await act(role, store, asked) == (False, 0), "it goes the usual way"


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


async def test_a_strategy_sees_what_its_deployment_holds_and_the_sizing_is_written_down(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        desk = role.desk("paper")
        assert await desk.follower.seen_by("d1", D(10_000)) == HostedAccount(equity=10_000.0, cash=10_000.0)
        asked = signal(0.5)
        await platform.bus.publish([asked])
        await until(lambda: role.stats()["signals"] == 1)
        await eventually(lambda: sizings(store, "d1"))
        seen = await desk.follower.seen_by("d1", D(10_000))
        (leg,) = seen.positions
        assert (leg.instrument, leg.side, leg.quantity) == (str(BTC), "both", 0.1)
        assert leg.entry_price == pytest.approx(50_005.0)  # the paper account's basis point of slippage
        assert seen.equity < seen.cash < 10_000.0  # the fee is paid, the slippage is an open loss
        assert (await desk.follower.seen_by("d2", D(10_000))).positions == ()
        await role.desk("paper").gateway.submit([resting("d1")])
        (order,) = (await desk.follower.seen_by("d1", D(10_000))).orders
        assert (order.side, order.type, order.quantity, order.limit_price, order.tag) == ("buy", "limit", 0.1, 49_500.0, "low")
        (sized,) = await sizings(store, "d1")
        (record,) = await intents_of(store, asked.event_id)
        assert (sized.signal, sized.intents, sized.equity) == (asked.event_id, (record,), {"USDT": D(10_000)})
        assert (sized.held, sized.prices) == ({}, {str(BTC): D(50_000)})


async def test_what_becomes_no_order_is_written_down_with_its_reason(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        await platform.bus.publish([signal(0.0)])
        await until(lambda: role.stats()["signals"] == 1)
        await eventually(lambda: sizings(store, "d1"))
        (sized,) = await sizings(store, "d1")
        assert (sized.intents, sized.nothing) == ((), ((0, "the target is what is held already"),))


async def test_an_account_that_is_added_trades_at_once(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        with pytest.raises(UnknownName, match="account"):
            role.desk("second")
        await platform.accounts.add("second", "binance", "um")
        command = Command(id="c1", name=CHANGED, arguments={"account": "second"})
        await platform.bus.publish([Message(topic=Topic.COMMAND, data=command, event_type=CHANGED)])
        await until(lambda: role.stats()["ready"] == 2)


async def test_what_another_process_on_the_store_changes_holds_here(store: SqlStateStore) -> None:
    """Its commands stay on its own bus: a standby's kill switch must stop the process that leads, and the other way round."""
    platform = platform_of(store)
    async with trading(platform) as role:
        other = platform_of(store)
        await other.accounts.add("second", "binance", "um")
        await until(lambda: role.stats()["ready"] == 2)
        await other.risk.set_state("system", "", "HALTED", reason="by the other one")
        await until(lambda: role.risk.state_of("paper").state == "HALTED")


async def test_a_process_that_waits_says_who_leads_and_takes_over_with_what_is_in_force(
    store: SqlStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantservice.app.trading._CHANGES_EVERY_S", 1e6)  # nothing is looked for meanwhile
    monkeypatch.setattr("quantservice.app.trading_desk.holder", lambda: "first on host a")
    first = platform_of(store)
    async with trading(first):
        monkeypatch.setattr("quantservice.app.trading_desk.holder", lambda: "second on host b")
        second = platform_of(store)
        role = TradingRole(second)
        task = asyncio.create_task(role.run())
        try:
            await until(lambda: "led by another process (first on host a)" in role.problem("paper"))
            orders = Orders(store, second.clock, lambda name: role.desk(name).gateway)
            with pytest.raises(
                EnvironmentFault, match=r"account paper is led by another process \(first on host a\); this one sends"
            ):
                await orders.place(wish())
            assert await orders_of(store) == []
            await first.risk.set_state("system", "", "HALTED", reason="by the first one")
            async with store.transaction() as work:  # as if it were killed and its lease had run out
                await work.gateways.release("paper", "first on host a")
            await until(lambda: role.desk("paper").gateway.ready)
            assert role.problem("paper") == ""
            denied = await orders.place(wish())
            assert isinstance(denied, Denied)
            assert (denied.rule, denied.value) == ("state", "HALTED")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


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
        resting = await orders.place(wish(type="limit", limit_price=D("49000.1")))
        assert isinstance(resting, Order)
        assert (resting.state, resting.terms.limit_price) == (OrderState.OPEN, D("49000.1"))
        assert [order.state for order in await orders.cancel_all("paper")] == [OrderState.CANCELLED]
        assert await orders.list(account="paper", open_only=True) == []
        assert len(await orders.fills(account="paper")) == 1
        assert (await orders.balances("paper"))["USDT"] == D(100_000) - sum(fill.fee for fill, _, _ in await orders.fills())


async def test_a_paper_accounts_stop_rests_and_closes_what_it_protects(store: SqlStateStore) -> None:
    platform = platform_of(store)
    await platform.risk.set_rule("stop_loss", "enforced", {"limit": "0.02"})
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        made = await orders.place(wish())
        assert isinstance(made, Order)
        stop: list[Order] = []

        def rests() -> bool:
            live = role.desk("paper").gateway._keeper.memory.open()  # read without waiting
            stop[:] = [order for order in live if order.purpose == "protective" and order.state is OrderState.OPEN]
            return bool(stop)

        await until(rests)
        (order,) = stop
        entry = made.average_price
        assert entry is not None
        assert (order.terms.type, order.terms.side, order.terms.quantity, order.terms.reduce_only) == (
            "stop", "sell", made.terms.quantity, True,
        )  # fmt: skip
        assert order.terms.stop_price == RULES.round_price(entry * D("0.98"))
        await platform.bus.publish([price("48900")])
        await until(lambda: not role.desk("paper").gateway._keeper.memory.open())  # read without waiting
        assert (await orders.get(order.order_id)).state is OrderState.FILLED
        assert await orders.positions(account="paper") == []
