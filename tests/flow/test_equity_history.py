"""An account's equity is written down while it trades, with what is open at its price, and never without a price."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.flow.test_trading_role import SUBSCRIPTIONS, eventually, platform_of, price, trading, until, wish
from tests.support.execution_rig import BTC, RULES
from tests.support.market import instrument, kline
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.instruments import InstrumentBook
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.orders import Order, VenueFill
from quantservice.ports import EquityPoint, TradingAccount
from quantservice.services.execution.commands import Orders

D = Decimal


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        async with made.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
        yield made


async def points(store: SqlStateStore) -> list[EquityPoint]:
    async with store.transaction() as work:
        return await work.equity.list("paper", 86_400_000, start_ms=0, end_ms=2**62)


async def test_equity_is_written_with_what_is_open_and_not_before_it_has_a_price(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        made = await orders.place(wish("1"))
        assert isinstance(made, Order)
        (fill,) = [fill for fill, _, _ in await orders.fills()]
        after = 100_000 - fill.fee + (50_000 - fill.price)

        async def written() -> bool:
            return [item.equity for item in await points(store)][-1:] == [after]

        await eventually(written)
        (found,) = await points(store)
        assert found.paid_in == D(100_000)
    again = platform_of(store)
    role = TradingRole(again)
    task = asyncio.create_task(role.run())
    try:
        await until(lambda: bool(role.stats()["ready"]) and len(again.bus.stats()) == SUBSCRIPTIONS)
        desk = role.desk("paper")
        assert BTC not in desk.prices
        desk._equity.touch()
        await desk.value()
        assert await points(store) == [found], "without a price the open loss would be missing"
        await again.bus.publish([price("48000")])

        async def fell() -> bool:
            return (await points(store))[-1].low == after - 2_000

        await until(lambda: BTC in desk.prices)
        desk._equity.touch()
        await eventually(fell)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_fee_in_another_currency_counts_in_equity_at_its_price(store: SqlStateStore) -> None:
    coin = instrument("BNB")
    platform = platform_of(store)
    platform.book = lambda: InstrumentBook([RULES, coin])
    async with trading(platform) as role:
        desk = role.desk("paper")
        for number, side in enumerate(("buy", "sell"), 1):
            fill = VenueFill(
                account="paper",
                instrument=BTC,
                trade_id=f"x{number}",
                venue_order_id=f"v{number}",
                side=side,  # type: ignore[arg-type]
                price=D(50_000),
                quantity=D("0.1"),
                fee=D("0.005"),
                fee_currency="BNB",
                time_ms=platform.clock.now_ms() + 1,
            )
            assert await desk.gateway._keeper.apply_fill(fill)
        await desk.value()
        assert desk.exposure.equity.now == 100_000, "no price of BNB is known yet"
        await platform.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch([kline(base="BNB", close="600")]))])
        await until(lambda: coin.id in desk.prices)
        await desk.value()
        assert desk.exposure.equity.now == D(100_000) - D("0.01") * 600
