"""What a rule on trial noted while orders went out is what its rehearsal over the same orders says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_trading_role import orders_of, platform_of, price, signal, trading, until, wish
from tests.support.execution_rig import RULES
from tests.support.market import kline
from tests.support.state import sqlite_store
from tests.support.web import MemoryMarketStore

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentBook
from quantservice.core.orders import Order
from quantservice.ports import RiskDecision, TradingAccount
from quantservice.services.execution.commands import Orders
from quantservice.services.risk.rehearsals import Rehearsals, shown

D = Decimal
RULES_ON_TRIAL = {
    "max_order_value": {"limit": "9000"},
    "max_position": {"limit": "14000"},
    "max_exposure": {"limit": "0.16"},
    "max_open_orders": {"limit": 1},
    "order_rate": {"limit": 5, "window_s": 60},
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        async with made.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
        yield made


async def market_at(platform: Any, close: str) -> MemoryMarketStore:
    """A market store whose last minute closed a moment ago."""
    market, now_ms = MemoryMarketStore(), platform.clock.now_ms()
    bar = msgspec.structs.replace(kline(close=close), open_time=now_ms - 61_000, close_time=now_ms - 1_001)
    await market.append([bar])
    return market


def rehearsals(platform: Any, market: MemoryMarketStore) -> Rehearsals:
    book = InstrumentBook([RULES])
    return Rehearsals(platform.state_store, market, platform.risk, lambda: book, platform.clock)


async def noted(store: SqlStateStore) -> list[RiskDecision]:
    async with store.transaction() as work:
        return [item for item in await work.risk.decisions(account="paper") if item.shadow]


async def trade(store: SqlStateStore, platform: Any) -> None:
    """Six orders: a deployment's, and a person's that take, rest and reduce."""
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        await platform.bus.publish([signal(1.0)])
        await until(lambda: role.stats()["signals"] == 1)
        for terms in (
            {"type": "limit", "limit_price": D(49_000)},
            {"type": "limit", "limit_price": D(48_000)},
            {"side": "sell", "quantity": "0.05"},
            {"side": "sell", "quantity": "0.4"},
            {},
        ):
            assert isinstance(await orders.place(wish(**terms)), Order)
        await platform.bus.publish([price("51000")])
        await asyncio.sleep(0.05)


async def test_the_rehearsal_says_what_the_rule_on_trial_noted(store: SqlStateStore) -> None:
    platform = platform_of(store)
    for name, limits in RULES_ON_TRIAL.items():
        await platform.risk.set_rule(name, "shadow", limits)
    market = await market_at(platform, "50000")
    await trade(store, platform)
    live = {(item.intent_id, item.rule, item.limit, item.value, item.sentence) for item in await noted(store)}
    assert {rule for _, rule, _, _, _ in live} == set(RULES_ON_TRIAL), "each of them noted something"
    of = {order.order_id: order.intent_id for order in await orders_of(store)}
    found = set()
    for name in RULES_ON_TRIAL:
        made, _, _ = await rehearsals(platform, market).rehearse("paper", rule=name)
        for item in made.rules[0].blocked:
            denied = item.denied
            found.add((of[item.order.order_id], denied.rule, denied.limit, denied.value, denied.sentence))
    assert found == live
    counts = {row["name"]: row["noted"] for row in await platform.risk.rules()}
    assert {name: counts[name] for name in RULES_ON_TRIAL} == {
        name: sum(rule == name for _, rule, _, _, _ in live) for name in RULES_ON_TRIAL
    }


async def test_all_rules_in_force_are_asked_and_those_that_cannot_be_are_said(store: SqlStateStore) -> None:
    platform = platform_of(store)
    market = await market_at(platform, "50000")
    await trade(store, platform)
    await platform.risk.set_rule("max_order_value", "enforced", {"limit": "9000"})
    await platform.risk.set_rule("max_position", "off", {"limit": "1"})
    asked = rehearsals(platform, market)
    made, (start, end), left = await asked.rehearse("paper")
    rules = {rule.name: rule for rule in made.rules}
    assert "max_position" not in rules
    assert (made.judged, len(rules["max_order_value"].blocked), end - start) == (6, 2, 30 * 86_400_000)
    assert {name for name, _ in left} == {"fresh_data", "trusted_data", "margin_ratio", "forced_reduction"}
    wider, _, _ = await asked.rehearse("paper", rule="max_order_value", parameters={"limit": "15000"})
    assert len(wider.rules[0].blocked) == 1
    mine, _, _ = await asked.rehearse("paper", rule="max_order_value", deployment="d1")
    assert (mine.judged, len(mine.rules[0].blocked)) == (1, 1)
    row = shown(mine, limit=10)
    assert (row["blocked"][0]["deployment"], row["blocked"][0]["value"], row["together"]["blocked"]) == ("d1", "10000", 1)
    profit = D(row["blocked"][0]["profit"])
    ((saved, cost),) = [(D(item["saved"]), D(item["cost"])) for item in row["together"]["money"]]
    assert (saved, cost) == ((-profit, D(0)) if profit < 0 else (D(0), profit))
    before, _, _ = await asked.rehearse("paper", end_ms=1_000)
    assert before.judged == 0


async def test_what_is_wrong_with_the_question_is_said(store: SqlStateStore) -> None:
    asked = rehearsals(platform_of(store), MemoryMarketStore())
    with pytest.raises(UnknownName, match="account"):
        await asked.rehearse("nobody")
    with pytest.raises(UnknownName, match="rule"):
        await asked.rehearse("paper", rule="max_ordre_value")
    with pytest.raises(InvalidValue, match="positions, not orders"):
        await asked.rehearse("paper", rule="stop_loss")
    with pytest.raises(InvalidValue, match="name it"):
        await asked.rehearse("paper", parameters={"limit": "1"})
    with pytest.raises(InvalidValue, match="not before"):
        await asked.rehearse("paper", start_ms=5, end_ms=5)
    with pytest.raises(UnknownName, match="parameter of max_position"):
        await asked.rehearse("paper", rule="max_position", parameters={"limt": "1"})


async def test_a_lost_trade_of_a_deployment_counts_live_as_in_the_rehearsal(store: SqlStateStore) -> None:
    platform = platform_of(store)
    await platform.risk.set_rule("consecutive_losses", "shadow", {"limit": 1})
    market = await market_at(platform, "50000")
    async with trading(platform) as role:
        for number, target in enumerate((1.0, 0.0, 1.0), 1):  # bought and sold with slippage: lost
            await platform.bus.publish([signal(target)])
            await until(lambda number=number: role.stats()["signals"] == number)  # type: ignore[misc]
            await until(lambda: not role.desk("paper").gateway._keeper.memory.open())
    (live,) = await noted(store)
    made, _, _ = await rehearsals(platform, market).rehearse("paper", rule="consecutive_losses")
    (item,) = made.rules[0].blocked
    assert (item.order.intent_id, item.denied.rule, item.denied.value) == (live.intent_id, live.rule, live.value)
