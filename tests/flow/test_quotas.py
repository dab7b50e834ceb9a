"""A quota that is set holds from the next order on and over restarts, and its use is what the deployment did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_trading_role import orders_of, platform_of, signal, trading, until
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.ports import Deployment, TradingAccount

D = Decimal


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    made = Deployment(id="d1", name="trend", strategy="ma_cross", account="paper", allocation="10000", created_ms=1, updated_ms=1)
    async with sqlite_store(tmp_path) as opened:
        async with opened.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
            await work.deployments.put(made, who="owner", what="created")
        yield opened


async def follow(platform: Any, role: TradingRole, target: float) -> None:
    done = role.stats()["signals"]
    await platform.bus.publish([signal(target)])
    await until(lambda: role.stats()["signals"] == done + 1)
    await until(lambda: not role.desk("paper").gateway._keeper.memory.open())


async def denials(store: SqlStateStore) -> list[tuple[str, str, str]]:
    async with store.transaction() as work:
        return [(item.rule, item.limit, item.value) for item in await work.risk.decisions(account="paper")]


async def test_a_quota_holds_from_the_next_order_on_and_over_restarts(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        await follow(platform, role, 0.2)
        await platform.risk.set_quota("d1", max_position=D(5_000), orders_per_day=0)
        await role.reload_risk()
        await follow(platform, role, 0.8)
        assert await denials(store) == [("strategy_quota", "5000", "7950")]
        used = role.desk("paper").figures()["used"]["d1"]
        assert (used.largest, used.gross, used.orders_today) == (D(2_000), D(2_000), 1)
        await platform.risk.set_quota("d1", max_position=D(0), orders_per_day=2)
        await role.reload_risk()
        await follow(platform, role, 0.4)
    again = platform_of(store)
    async with trading(again) as role:
        assert role.desk("paper").figures()["used"]["d1"].orders_today == 2, "read from the store"
        await follow(again, role, 0.8)
        assert (await denials(store))[0] == ("strategy_quota", "2", "3")
        await follow(again, role, 0.0)  # what reduces passes
        await until(lambda: role.desk("paper").figures()["exposure"] == 0)
        assert len(await orders_of(store)) == 3


async def test_what_is_wrong_with_a_quota_is_said(store: SqlStateStore) -> None:
    risk = platform_of(store).risk
    with pytest.raises(UnknownName, match="deployment"):
        await risk.set_quota("nobody", max_position=D(1), orders_per_day=1)
    for wrong in ("-1", "NaN", "Infinity"):
        with pytest.raises(InvalidValue, match="max_position"):
            await risk.set_quota("d1", max_position=D(wrong), orders_per_day=1)
    with pytest.raises(InvalidValue, match="orders_per_day"):
        await risk.set_quota("d1", max_position=D(1), orders_per_day=-1)
    made = await risk.set_quota("d1", max_position=D("1.50"), orders_per_day=7)
    assert (made.account, made.allocation) == ("paper", D(10_000))
    assert await risk.quotas() == {"d1": made}
