"""The programmatic face: a payload, limits of its own, an idempotency key; several orders decided in one commit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.flow.test_trading_role import orders_of, platform_of, trading, wish
from tests.flow.test_trading_role import store as store  # noqa: PLC0414  # the fixture
from tests.support.execution_rig import RULES

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument
from quantservice.core.intents import Denied
from quantservice.core.orders import Order, OrderState
from quantservice.services.execution.commands import Orders
from quantservice.services.execution.face import TradingService

D = Decimal
PAYLOAD: dict[str, Any] = {"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}


def find(symbol: str, _market: str | None) -> Instrument:
    if symbol != "BTCUSDT":
        raise UnknownName("symbol", symbol, ["BTCUSDT"])
    return RULES


def service_of(platform: Any, role: TradingRole) -> TradingService:
    return TradingService(Orders(platform.state_store, platform.clock, lambda name: role.desk(name).gateway), find)


async def test_limits_of_the_order_are_asked_besides_those_in_force(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        service = service_of(platform, role)
        denied = await service.place_order_with_risk(PAYLOAD, {"max_order_value": {"limit": "1000"}})
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.limit, denied.value) == ("max_order_value", "1000", "5000")
        made = await service.place_order_with_risk(PAYLOAD, {"max_order_value": {"limit": "6000"}}, "once")
        assert isinstance(made, Order)
        assert (made.state, made.filled) == (OrderState.FILLED, D("0.1"))
        again = await service.place_order_with_risk(PAYLOAD, None, "once")
        assert isinstance(again, Order)
        assert again.order_id == made.order_id
        assert len(await orders_of(store)) == 1
        wide = await service.place_order_with_risk(PAYLOAD | {"quantity": "50"}, {"max_order_value": {"limit": "100000000"}})
        assert isinstance(wide, Denied), "an order cannot widen what is in force"


@pytest.mark.parametrize(
    ("change", "risk", "words"),
    [
        ({"quantity": "NaN"}, {}, "quantity"),
        ({"quantity": "-1"}, {}, "quantity"),
        ({"quantity": "much"}, {}, "quantity"),
        ({"side": "hold"}, {}, "side"),
        ({"qty": "1"}, {}, "qty"),
        ({"symbol": "NOSUCH"}, {}, "NOSUCH"),
        ({"account": "nobody"}, {}, "nobody"),
        ({"type": "limit", "limit_price": "Infinity"}, {}, "limit_price"),
        ({}, {"no_rule": {}}, "no_rule"),
        ({}, {"max_order_value": {"limt": "1"}}, "limt"),
        ({}, {"stop_loss": {}}, "positions"),
    ],
)
async def test_what_makes_no_sense_is_a_sentence_and_nothing_is_sent(
    store: SqlStateStore, change: dict[str, Any], risk: dict[str, Any], words: str
) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        with pytest.raises((InvalidValue, UnknownName), match=words):
            await service_of(platform, role).place_order_with_risk(PAYLOAD | change, risk)
        assert await orders_of(store) == []


async def test_several_orders_count_each_other_and_are_answered_in_their_order(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        made = await orders.place_all([wish("0.6"), wish("0.6"), wish("0.3")], idempotency_key="k")
        assert [type(item).__name__ for item in made] == ["Order", "Denied", "Order"], "0.6 and 0.6 are above half the equity"
        again = await orders.place_all([wish("0.6"), wish("0.6"), wish("0.3")], idempotency_key="k")
        first, second = ([item.order_id for item in answers if isinstance(item, Order)] for answers in (made, again))
        assert first == second
        assert len(await orders_of(store)) == 2
        with pytest.raises(InvalidValue, match="one account"):
            await orders.place_all([])
