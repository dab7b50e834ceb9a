"""Orders that go to the cheapest account: chosen once, durable, the same order for the same key however often it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_trading_role import SUBSCRIPTIONS, orders_of, platform_of, price, until
from tests.support.execution_rig import BTC, RULES
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.routing import Candidates
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.events import Kind, Quote, StreamId
from quantservice.core.intents import Denied
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.orders import Order
from quantservice.ports import AccountFees, TradingAccount
from quantservice.services.execution.commands import Orders, OrderWish
from quantservice.services.execution.face import TradingService
from quantservice.services.execution.routed import Router

D = Decimal
NAMES = ("dear", "cheap", "poor")


class House:
    """Three accounts of one venue: one pays high fees, one low ones, one has no money to speak of."""

    def __init__(self, platform: Any, role: TradingRole) -> None:
        self.platform, self.role = platform, role
        self.orders = Orders(platform.state_store, platform.clock, lambda name: role.desk(name).gateway)
        where = Candidates(platform.state_store, platform.accounts, platform.book, lambda: role.desks)
        self.router = Router(platform.state_store, self.orders, where.of)
        self.service = TradingService(self.orders, lambda _symbol, _market: RULES, self.router)

    async def fees(self, name: str, taker: str) -> None:
        paid = AccountFees(
            account=name, venue="binance", market="um", instrument=str(BTC), maker=D(0), taker=D(taker), read_ms=2**50
        )
        await self.platform.accounts.note_fees(paid)

    async def placed(self) -> list[Order]:
        async with self.platform.state_store.transaction() as work:
            return [order for name in NAMES for order in await work.orders.list(account=name)]


def wish(quantity: str = "0.1", **terms: Any) -> OrderWish:
    return OrderWish(account="", instrument=RULES, side=terms.pop("side", "buy"), quantity=D(quantity), **terms)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with sqlite_store(tmp_path) as store:
        async with store.transaction() as work:
            for name in NAMES:
                money = {"balances": {"USDT": "50" if name == "poor" else "100000"}}
                await work.accounts.put(TradingAccount(name=name, venue="binance", market="um", settings=money))
        platform = platform_of(store)
        role = TradingRole(platform)
        task = asyncio.create_task(role.run())
        try:
            await until(lambda: role.stats()["ready"] == len(NAMES) and len(platform.bus.stats()) == SUBSCRIPTIONS)
            await platform.bus.publish([price("50000")])
            await until(lambda: all(BTC in role.desk(name).prices for name in NAMES))
            made = House(platform, role)
            for name, taker in (("dear", "0.0009"), ("cheap", "0.0004"), ("poor", "0.0001")):
                await made.fees(name, taker)
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_the_cheapest_that_can_take_it_gets_it(house: House) -> None:
    made, offers = await house.router.place(wish())
    assert isinstance(made, Order)
    assert (made.terms.account, made.filled) == ("cheap", D("0.1"))
    assert [offer.account for offer in offers] == ["cheap", "dear", "poor"]
    assert offers[0].cost == D("0.0004") + D("0.001"), "the last price with what is assumed without a quote"
    assert "it has 50 USDT free" in offers[2].refusal
    quote = Quote(
        stream=StreamId(BTC, Kind.QUOTE),
        update_id=1,
        bid_price=D(49_990),
        bid_quantity=D(3),
        ask_price=D(50_010),
        ask_quantity=D(2),
    )
    await house.platform.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch([quote]))])
    await until(lambda: house.role.desk("cheap").quoted(BTC) is not None)
    _, offers = await house.router.place(wish())
    assert offers[0].spread == D("0.0002")


async def test_the_same_key_is_the_same_order_though_another_would_be_cheaper_now(house: House) -> None:
    first, _ = await house.router.place(wish(), idempotency_key="k")
    await house.fees("dear", "0.0000")
    again, offers = await house.router.place(wish(), idempotency_key="k")
    assert isinstance(first, Order)
    assert isinstance(again, Order)
    assert (again.order_id, again.terms.account, offers) == (first.order_id, "cheap", [])
    other, _ = await house.router.place(wish(), idempotency_key="another", among=["dear", "cheap"])
    assert isinstance(other, Order)
    assert other.terms.account == "dear", "with another key it goes where it is cheap now"
    assert len(await house.placed()) == 2
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await house.router.place(wish("0.2"), idempotency_key="k")


async def test_many_at_once_with_one_key_make_one_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    find = house.router._candidates_of

    async def turning(of: OrderWish) -> Any:  # each sees another account as the cheapest
        nonlocal asked
        asked += 1
        number = asked
        swapped = {"dear": "cheap", "cheap": "dear"}
        found = {item.account: item for item in await find(of)}
        if number % 2:
            return list(found.values())
        return [
            msgspec.structs.replace(item, taker=found[swapped[name]].taker) if name in swapped else item
            for name, item in found.items()
        ]

    monkeypatch.setattr(house.router, "_candidates_of", turning)
    made = await asyncio.gather(*(house.router.place(wish(), idempotency_key="k") for _ in range(6)))
    assert asked == 6
    assert len({order.order_id for order, _ in made if isinstance(order, Order)}) == 1
    assert len(await house.placed()) == 1


async def test_a_denial_stays_with_its_key_and_is_not_tried_elsewhere(house: House) -> None:
    rules = {"max_order_value": {"limit": "100"}}
    payload = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}
    for _ in range(2):
        outcome, _ = await house.service.place_routed(payload, rules, "denied")
        assert isinstance(outcome, Denied)
        assert outcome.intent.terms.account == "cheap"
        await house.fees("dear", "0.0000")
    assert await house.placed() == []


async def test_what_cannot_be_routed_is_said_in_a_sentence(house: House) -> None:
    with pytest.raises(UserError, match=r"no account can take it: poor: it has 50 USDT free and needs"):
        await house.router.place(wish(), among=["poor"])
    with pytest.raises(UnknownName, match="nobody"):
        await house.router.place(wish(), among=["nobody"])
    with pytest.raises(InvalidValue, match="names its account"):
        await house.router.place(wish(type="stop", stop_price=D(60_000)))
    with pytest.raises(InvalidValue, match="account that holds"):
        await house.router.place(wish(reduce_only=True))
    assert await orders_at(house.platform.state_store) == []


async def orders_at(store: SqlStateStore) -> list[Order]:
    return [order for order in await orders_of(store) if order.terms.account in NAMES]
