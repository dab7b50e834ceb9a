"""A coin-margined account that is reported in dollars: its coins count at their price, so that it can trade at all."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
from tests.flow.test_trading_role import SUBSCRIPTIONS, platform_of, until
from tests.support.market import kline
from tests.support.state import sqlite_store
from tests.unit.services.test_portfolio_bookkeeping import CM
from tests.unit.services.test_portfolio_bookkeeping import RULES as KNOWN

from quantservice.app.trading import TradingRole
from quantservice.core.instruments import InstrumentBook
from quantservice.core.intents import Denied
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.orders import Order, OrderState
from quantservice.ports import TradingAccount
from quantservice.services.execution.commands import Orders, OrderWish
from quantservice.services.portfolio.reading import Portfolio

D = Decimal


def coin_price(close: str) -> Message:
    bar = kline(close=close, closed=False)
    stream = msgspec.structs.replace(bar.stream, instrument=CM)
    return Message(topic=Topic.MARKET_LIVE, data=MarketBatch([msgspec.structs.replace(bar, stream=stream)]))


async def test_its_coins_count_at_their_price_and_an_order_of_a_share_of_them_is_sent(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        async with store.transaction() as work:
            settings = {"balances": {"BTC": "3"}}
            await work.accounts.put(TradingAccount(name="coins", venue="binance", market="cm", settings=settings))
        platform = platform_of(store)
        platform.book = lambda: InstrumentBook(KNOWN.values())
        role = TradingRole(platform)
        task = asyncio.create_task(role.run())
        try:
            await until(lambda: bool(role.stats()["ready"]) and len(platform.bus.stats()) == SUBSCRIPTIONS)
            desk = role.desk("coins")
            orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
            wanted = OrderWish(account="coins", instrument=KNOWN[CM], side="buy", quantity=D(500))
            assert desk.exposure.equity.now == 0, "what a coin is worth is not known yet"
            await platform.bus.publish([coin_price("50000")])
            await until(lambda: CM in desk.prices)
            await desk.value()
            figures = desk.figures()
            assert (figures["equity"], figures["peak"], desk.exposure.equity.paid_in) == (D(150_000), D(150_000), D(150_000))
            made = await orders.place(wanted, idempotency_key="a")
            assert isinstance(made, Order), made
            assert made.state is OrderState.FILLED
            assert made.terms.quantity == D(500), "500 contracts of 100 dollars: a third of its equity"
            too_much = await orders.place(msgspec.structs.replace(wanted, quantity=D(1_000)), idempotency_key="b")
            assert isinstance(too_much, Denied), "with what is held that is the whole of it"
            await platform.bus.publish([coin_price("40000")])
            await until(lambda: desk.prices[CM] == 40_000)
            await desk.value()
            lost = 500 * 100 * (1 / D(50_000) - 1 / D(40_000)) * 40_000
            assert abs(desk.exposure.equity.now - (D(120_000) + lost)) < 50, "fees apart"
            assert desk.exposure.equity.paid_in == D(120_000), "what the coin itself lost is no loss of trading"
            statements = await Portfolio(store, platform.clock).statements("coins", days=1)
            assert {row.currency for row in statements.rows} == {"BTC"}
            assert statements.balanced
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
