"""The programmatic face: a payload, limits of its own, an idempotency key; several orders decided in one commit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.flow.test_trading_role import orders_of, platform_of, trading, until, wish
from tests.flow.test_trading_role import store as store  # noqa: PLC0414  # the fixture
from tests.support.execution_rig import RULES

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Denied
from quantservice.core.orders import Order, OrderState
from quantservice.services.execution.commands import Orders
from quantservice.services.execution.face import TradingService

D = Decimal
PAYLOAD: dict[str, Any] = {"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}


def find(symbol: str, _market: str | None) -> Instrument:
    if symbol not in ("BTCUSDT", str(RULES.id)):
        raise UnknownName("symbol", symbol, ["BTCUSDT"])
    return RULES


def service_of(platform: Any, role: TradingRole) -> TradingService:
    return TradingService(Orders(platform.state_store, platform.clock, lambda name: role.desk(name).gateway), find)


async def no_history(instrument: InstrumentId, *_: int) -> tuple[Decimal, ...]:
    raise InvalidValue("profile", f"nothing is stored of {instrument}")


def algorithm_service(platform: Any, role: TradingRole) -> TradingService:
    orders = Orders(
        platform.state_store,
        platform.clock,
        lambda name: role.desk(name).gateway,
        lambda name: role.desk(name).algorithms,
        profile_of=no_history,
    )
    return TradingService(orders, find)


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


async def test_an_open_order_is_changed_and_the_same_key_asks_once(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        service = service_of(platform, role)
        made = await service.place_order_with_risk(PAYLOAD | {"type": "limit", "limit_price": "46000"})
        assert isinstance(made, Order)
        changed = await service.amend_order_with_risk(made.order_id, {"quantity": "0.2"}, None, "k")
        assert isinstance(changed, Order)
        assert (changed.order_id, changed.state) == (made.order_id, OrderState.OPEN)
        assert (changed.terms.quantity, changed.terms.limit_price) == (D("0.2"), D(46_000))
        assert await service.amend_order_with_risk(made.order_id, {"quantity": "0.2"}, None, "k") == changed
        with pytest.raises(InvalidValue, match="Idempotency-Key"):
            await service.amend_order_with_risk(made.order_id, {"quantity": "0.3"}, None, "k")
        denied = await service.amend_order_with_risk(made.order_id, {"quantity": "0.4"}, {"max_order_value": {"limit": "10000"}})
        assert isinstance(denied, Denied)
        assert denied.rule == "max_order_value"
        zero = "quantity must be a positive number, not 0"
        for payload, words in (({}, "give a quantity"), ({"quantity": "0"}, zero), ({"side": "sell"}, "side")):
            with pytest.raises(InvalidValue, match=words):
                await service.amend_order_with_risk(made.order_id, payload)
        with pytest.raises(UnknownName):
            await service.amend_order_with_risk("NOSUCH", {"quantity": "1"})
        (kept,) = await orders_of(store)
        assert kept == changed


async def test_an_order_is_worked_off_in_parts_and_ends_with_its_cancel(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        service = algorithm_service(platform, role)
        wanted = PAYLOAD | {"quantity": "0.4", "algorithm": "twap", "minutes": 5, "slices": 4}
        made = await service.start_algorithm(wanted, "k")
        assert (made.kind, made.state, len(made.weights), made.end_ns - made.start_ns) == ("twap", "running", 4, 300_000_000_000)
        await until(lambda: any(order.parent == made.name for order in role.desk("paper").gateway._keeper.memory._orders.values()))
        assert (await service.start_algorithm(wanted, "k")).name == made.name
        orders = service._orders
        await until(lambda: role.desk("paper").algorithms._active[made.name].filled == D("0.1"))  # type: ignore[index]
        ended = await orders.cancel_algorithm(made.name)
        assert (ended.state, ended.filled) == ("cancelled", D("0.1"))
        (part,) = await orders_of(store)
        assert (part.parent, part.purpose, part.state, part.terms.quantity) == (made.name, "algorithm", OrderState.FILLED, D("0.1"))
        assert [item.name for item in await orders.algorithms(account="paper")] == [made.name]
        with pytest.raises(UnknownName):
            await orders.cancel_algorithm("NOSUCH")


async def test_cancel_all_ends_algorithms_too(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        service = algorithm_service(platform, role)
        made = await service.start_algorithm(PAYLOAD | {"algorithm": "limit", "type": "limit", "limit_price": "49000"})
        await service._orders.cancel_all("paper")
        await until(lambda: not role.desk("paper").algorithms._active)
        (found,) = await service._orders.algorithms()
        assert (found.name, found.state) == (made.name, "cancelled")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"algorithm": "magic"}, "algorithm"),
        ({"algorithm": "twap", "minutes": -1}, "minutes"),
        ({"algorithm": "twap", "minutes": float("nan")}, "minutes"),
        ({"algorithm": "twap"}, "minutes"),
        ({"algorithm": "twap", "minutes": 5, "slices": 501}, "slices"),
        ({"algorithm": "iceberg", "shown": "NaN"}, "shown"),
        ({"algorithm": "vwap", "minutes": 5, "profile": ["0", "0"]}, "profile"),
        ({"algorithm": "vwap", "minutes": 5}, "profile"),
        ({"algorithm": "twap", "minutes": 5, "type": "stop", "stop_price": "1"}, "market or limit"),
    ],
)
async def test_an_algorithm_that_makes_no_sense_is_a_sentence(store: SqlStateStore, change: dict[str, Any], words: str) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        with pytest.raises(InvalidValue, match=words):
            await algorithm_service(platform, role).start_algorithm(PAYLOAD | change)
        assert await orders_of(store) == []
