"""Every risk rule is fed by the running trading role, and goes on after a restart where it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_trading_role import SUBSCRIPTIONS, eventually, orders_of, platform_of, price, trading, until, wish
from tests.support.execution_rig import BTC, RULES
from tests.support.market import instrument, kline
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.events import Gap, Kind, Quote, StreamId
from quantservice.core.instruments import InstrumentBook
from quantservice.core.intents import Denied, Intent, OrderTerms
from quantservice.core.messages import Alert, GapChange, MarketBatch, Message, Topic
from quantservice.core.orders import Order, OrderState
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span, intersect
from quantservice.ports import Deployment, TradingAccount
from quantservice.ports.trading import AccountMovement
from quantservice.quant.risk_rules import POSITION_RULES
from quantservice.quant.risk_rules import RULES as ORDER_RULES
from quantservice.services.execution.commands import Orders, OrderWish

D = Decimal
ETH = instrument("ETH")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        async with made.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
        yield made


async def only(platform: Any, *names: str, **parameters: dict[str, Any]) -> None:
    """Enforce these rules and no others."""
    settings = [
        {"name": name, "mode": "enforced" if name in names else "off", "parameters": parameters.get(name, {})}
        for name in (*ORDER_RULES, *POSITION_RULES)
    ]
    async with platform.state_store.transaction() as work:
        await work.values.put("risk", "rules", settings)


def orders_through(role: TradingRole, platform: Any) -> Orders:
    return Orders(platform.state_store, platform.clock, lambda name: role.desk(name).gateway)


def closes(**prices: str) -> Message:
    return Message(
        topic=Topic.MARKET_LIVE, data=MarketBatch([kline(base=name, close=at, closed=False) for name, at in prices.items()])
    )


async def alerts(store: SqlStateStore, name: str) -> list[Alert]:
    async with store.transaction() as work:
        return [item.data for item in await work.outbox.pending(1_000) if isinstance(item.data, Alert) and item.data.name == name]


async def denial(placing: Orders, order: OrderWish) -> str:
    made = await placing.place(order)
    return made.rule if isinstance(made, Denied) else ""


# --- margin ---------------------------------------------------------------------------------------------------------------


async def test_near_liquidation_nothing_is_added_and_nearer_the_largest_position_is_reduced_until_it_is_not(
    store: SqlStateStore,
) -> None:
    platform = platform_of(store)
    platform.book = lambda: InstrumentBook([RULES, ETH])
    await only(platform, "margin_ratio", "forced_reduction")
    async with trading(platform) as role:
        desk, placing = role.desk("paper"), orders_through(role, platform)
        await platform.bus.publish([closes(ETH="2000")])
        await until(lambda: ETH.id in desk.prices)
        assert isinstance(await placing.place(wish("9")), Order)
        assert isinstance(await placing.place(OrderWish(account="paper", instrument=ETH, side="buy", quantity=D(10))), Order)

        await platform.bus.publish([price("39600")])  # maintenance 1 % of 376,400, some 6,250 are left
        await until(lambda: D("0.5") < desk.exposure.equity.margin_ratio < D("0.8"))
        assert await denial(placing, wish("0.1")) == "margin_ratio"
        assert [order.tag for order in await orders_of(store) if order.purpose == "flatten"] == []

        await platform.bus.publish([price("39400")])
        await eventually(lambda: _reduced(store))
        await until(lambda: 0 < desk._margin_ratio() < D("0.5"))
        (out,) = await _reductions(store)
        assert (out.terms.instrument, out.terms.side, out.terms.quantity, out.terms.reduce_only) == (BTC, "sell", D("4.5"), True)
        await eventually(lambda: _told(store))
        first, last = await alerts(store, "margin_reduction")
        assert (first.level, first.cleared, last.cleared) == ("critical", False, True)
        assert "BTC-USDT-PERP" in first.sentence
        held = desk.exposure.legs()
        assert held == {(BTC, "both"): D("4.5"), (ETH.id, "both"): D(10)}

    again = platform_of(store)
    again.book = platform.book
    async with trading(again) as role:
        await again.bus.publish([closes(BTC="39400", ETH="2000")])
        desk = role.desk("paper")
        await until(lambda: ETH.id in desk.prices and desk.exposure.equity.margin_ratio > 0)
        for _ in range(3):
            desk.guard.touch(held=True)
            await desk.guard.look()
        assert len(await _reductions(store)) == 1, "a restart reduces nothing twice"


async def _reductions(store: SqlStateStore) -> list[Order]:
    return [order for order in await orders_of(store) if order.tag == "forced_reduction"]


async def _reduced(store: SqlStateStore) -> bool:
    return [order.state for order in await _reductions(store)] == [OrderState.FILLED]


async def _told(store: SqlStateStore) -> bool:
    return len(await alerts(store, "margin_reduction")) == 2


# --- what is measured against --------------------------------------------------------------------------------------------


async def test_peak_and_the_days_start_are_kept_over_a_restart_and_money_paid_in_is_no_gain(store: SqlStateStore) -> None:
    platform = platform_of(store)
    await only(platform, "max_drawdown", "daily_loss", max_drawdown={"limit": "0.02"}, daily_loss={"limit": "0.01"})
    async with trading(platform) as role:
        desk, placing = role.desk("paper"), orders_through(role, platform)
        await until(lambda: desk.exposure.equity.day >= 0)
        assert isinstance(await placing.place(wish("1")), Order)
        await platform.bus.publish([price("60000")])
        await until(lambda: desk.exposure.equity.peak > 109_000)
        moved = AccountMovement(
            account="paper",
            movement_id="m1",
            kind="transfer",
            currency="USDT",
            amount=D(50_000),
            time_ms=platform.clock.now_ms() + 1,
        )
        peak = desk.exposure.equity.peak
        assert await desk.gateway.apply_movement(moved)
        await until(lambda: desk.exposure.equity.paid_in == 150_000)
        assert (desk.exposure.equity.peak, desk.exposure.equity.day_start) == (peak + 50_000, D(150_000))
        await desk.value()
        desk._standing_kept = (1, 0)
        await desk._keep_standing()
        before = (desk.exposure.equity.peak, desk.exposure.equity.day_start)

    again = platform_of(store)
    role = TradingRole(again)
    task = asyncio.create_task(role.run())
    try:
        await until(lambda: bool(role.stats()["ready"]) and len(again.bus.stats()) == SUBSCRIPTIONS)
        desk, placing = role.desk("paper"), orders_through(role, again)
        assert (desk.exposure.equity.peak, desk.exposure.equity.day_start) == before, "before any price"
        await again.bus.publish([price("56000")])
        await until(lambda: BTC in desk.prices)
        await desk.value()
        assert await denial(placing, wish("0.1")) == "max_drawdown", "2.5 % below a peak of the process before"
        await again.bus.publish([price("47000")])
        await until(lambda: desk.prices[BTC] == 47_000)
        await desk.value()
        await again.risk.set_rule("max_drawdown", "off", {})
        await role.reload_risk()
        assert await denial(placing, wish("0.1")) == "daily_loss"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_account_that_is_older_than_the_record_begins_with_its_equity_over_time(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        desk = role.desk("paper")
        await until(lambda: desk.exposure.equity.day >= 0)
        await eventually(lambda: _written(store))
    async with store.transaction() as work:
        await work.values.remove("risk_standing", "paper")
    async with trading(platform_of(store)) as role:
        equity = role.desk("paper").exposure.equity
        assert (equity.peak, equity.paid_in, equity.day) == (D(100_000), D(100_000), platform.clock.now_ms() // DAY_MS)


async def _written(store: SqlStateStore) -> bool:
    async with store.transaction() as work:
        return bool(await work.equity.list("paper", 60_000, start_ms=0, end_ms=2**62))


# --- what a process before did ------------------------------------------------------------------------------------------


async def test_rates_refusals_turns_losses_and_orders_of_the_day_count_over_a_restart(store: SqlStateStore) -> None:
    platform = platform_of(store)
    await only(platform)
    async with trading(platform) as role:
        desk = role.desk("paper")
        for number, at in enumerate(("50000", "49000", "48000", "47000")):  # bought and sold lower, twice
            await platform.bus.publish([price(at)])
            await until(lambda at=at: desk.prices[BTC] == D(at))  # type: ignore[misc]  # bound now
            await _send(desk, platform, number, "buy" if number % 2 == 0 else "sell")
        kept = desk.exposure
        view = kept.view(_intent(platform, 9, "buy"), platform.clock.now_ns())
        assert (view.losses_in_row, len(view.order_times_ns), view.deployment_orders_today) == (2, 4, 4)
    again = platform_of(store)
    async with trading(again) as role:
        found = role.desk("paper").exposure.view(_intent(again, 9, "buy"), again.clock.now_ns())
        assert (found.losses_in_row, found.deployment_orders_today) == (2, 4)
        assert found.last_loss_ns // 10**9 == view.last_loss_ns // 10**9
        assert list(found.order_times_ns) == list(view.order_times_ns) == list(found.deployment_order_times_ns)
        assert [side for _, side in found.sides_lately] == ["buy", "sell", "buy", "sell"]
        await again.risk.set_rule("consecutive_losses", "enforced", {"limit": 2})
        await role.reload_risk()
        assert await _send(role.desk("paper"), again, 10, "buy") == "consecutive_losses"
        await again.risk.set_state("account", "paper", "ACTIVE", reason="looked at")
        await role.reload_risk()
        assert await _send(role.desk("paper"), again, 11, "buy") == "", "a person has looked"
    last = platform_of(store)
    async with trading(last) as role:
        found = role.desk("paper").exposure.view(_intent(last, 12, "sell"), last.clock.now_ns())
        assert found.losses_in_row == 0, "what was before the look does not count again"


def _intent(platform: Any, number: int, side: str, deployment: str = "d1") -> Intent:
    terms = OrderTerms(account="paper", instrument=BTC, side=side, quantity=D("0.1"))  # type: ignore[arg-type]
    return Intent(intent_id=f"i{number}", terms=terms, deployment=deployment, created_ns=platform.clock.now_ns())


async def _send(desk: Any, platform: Any, number: int, side: str, *, deployment: str = "d1") -> str:
    intent = _intent(platform, number, side, deployment)
    (outcome,) = await desk.gateway.submit([intent])
    if isinstance(outcome, Denied):
        return outcome.rule

    async def filled() -> bool:
        found = await desk.gateway.find(intent.client_id)
        return found is not None and found.state is OrderState.FILLED and not found.fills_missing

    await eventually(filled)
    return ""


# --- a start --------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def started(platform: Any) -> AsyncIterator[TradingRole]:
    """The role without any price."""
    role = TradingRole(platform)
    task = asyncio.create_task(role.run())
    try:
        await until(lambda: bool(role.stats()["ready"]) and len(platform.bus.stats()) == SUBSCRIPTIONS)
        yield role
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def quote() -> Message:
    event = Quote(
        stream=StreamId(BTC, Kind.QUOTE),
        update_id=1,
        bid_price=D(49_999),
        bid_quantity=D(1),
        ask_price=D(50_001),
        ask_quantity=D(1),
    )
    return Message(topic=Topic.MARKET_LIVE, data=MarketBatch([event]))


async def test_a_market_order_on_a_fresh_quote_is_taken_by_an_account_that_was_opened_just_now(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with started(platform) as role:
        desk, placing = role.desk("paper"), orders_through(role, platform)
        assert desk.exposure.equity.now == 100_000, "known before the first order"
        assert desk.exposure.equity.peak in (0, 100_000), "never something that the opening would be a fall from"
        await platform.bus.publish([quote()])
        await until(lambda: bool(desk.exposure.price_of(BTC)))
        assert BTC not in desk.prices, "no kline came yet"
        assert isinstance(await placing.place(wish("0.1")), Order), "by all twenty rules"


# --- data -----------------------------------------------------------------------------------------------------------------


async def test_a_gap_holds_back_the_deployment_whose_klines_it_is_in_and_nobody_else(store: SqlStateStore) -> None:
    platform = platform_of(store)
    holes: list[Span] = []

    async def missing(streams: Any) -> Any:
        return {stream: intersect(holes, [span]) for stream, span in streams}

    async def running() -> list[Deployment]:
        times = {"created_ms": 0, "updated_ms": 0, "instruments": (str(BTC),), "state": "running", "account": "paper"}
        minutes = Deployment(id="d1", name="d1", strategy="s", period="1m", **times)  # type: ignore[arg-type]
        hours = Deployment(id="d2", name="d2", strategy="s", period="1h", **times)  # type: ignore[arg-type]
        return [minutes, hours]

    platform.market_store.missing, platform.deployments.list = missing, running
    async with trading(platform) as role:
        desk = role.desk("paper")
        now_ms = platform.clock.now_ms()
        lost = Span(now_ms - 30 * 60_000, now_ms - 20 * 60_000)
        holes.append(lost)
        await platform.bus.publish([_gap(lost, "found")])
        await until(lambda: bool(role.risk.data_faults))
        assert await _send(desk, platform, 1, "buy", deployment="d1") == "trusted_data"
        assert await _send(desk, platform, 2, "buy", deployment="") == "", "a person sees the price and decides"
        (kept,) = await _denied(store)
        assert (kept.rule, kept.limit, kept.value[:4]) == ("trusted_data", "none", "gap:")
        holes[:] = []
        await platform.bus.publish([_gap(lost, "healed")])
        await until(lambda: not role.risk.data_faults)
        assert await _send(desk, platform, 3, "buy", deployment="d1") == ""


async def test_an_account_that_was_not_compared_with_its_venue_for_minutes_adds_nothing(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        desk = role.desk("paper")
        assert not desk.exposure.reconciled_ns, "paper is here, whatever the clock does"
        desk._takes_market = None  # a venue of its own, as a live account has
        await desk.gateway.reconcile(await desk.trading.snapshot())
        assert desk.exposure.reconciled_ns, "a start compares"
        heard, desk.gateway.reconciled = desk.gateway.reconciled, lambda _snapshot: None  # the venue is silent from here on
        desk.exposure.reconciled_ns -= 181 * 10**9
        assert await _send(desk, platform, 1, "buy") == "trusted_data"
        desk.gateway.reconciled = heard
        await desk.gateway.reconcile(await desk.trading.snapshot())
        assert await _send(desk, platform, 2, "buy") == ""


async def test_leverage_and_free_margin_are_those_of_the_account(store: SqlStateStore) -> None:
    platform = platform_of(store)
    await only(platform, "free_margin", free_margin={"reserve": "0"})
    async with trading(platform) as role:
        placing = orders_through(role, platform)
        assert isinstance(await placing.place(wish("6")), Order), "300,000 at a leverage of five"
        denied = await placing.place(wish("5"))
        assert isinstance(denied, Denied)
        assert denied.rule == "free_margin"
        assert D(39_000) < D(denied.limit) <= D(40_000), "60,000 are bound"
        assert isinstance(await placing.place(wish("3")), Order)


def _gap(span: Span, state: str) -> Message:
    gap = Gap(stream=StreamId.kline(BTC, "1m"), span=span, missing=10, found_ns=0, reason="scan")
    return Message(topic=Topic.GAP, data=GapChange(gap=gap, state=state))


async def _denied(store: SqlStateStore) -> list[Any]:
    async with store.transaction() as work:
        return await work.risk.decisions(account="paper")
