"""Orders that a person asked for wrongly: one sentence each, and nothing of them is durable or sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_trading_role import orders_of, platform_of, trading, wish
from tests.flow.test_trading_role import store as store  # noqa: PLC0414  # the fixture
from tests.support.execution_rig import RULES
from tests.support.trading_api import TradingApi, trading_api

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import EnvironmentFault, InvalidValue, UnknownName
from quantservice.core.instruments import AmbiguousSymbol, Instrument, InstrumentId
from quantservice.core.intents import Denied
from quantservice.core.orders import Order
from quantservice.ports import TradingAccount
from quantservice.services.execution import commands
from quantservice.services.execution.commands import AlgorithmFields, Orders
from quantservice.services.execution.face import TradingService

D = Decimal
SMALL = msgspec.structs.replace(RULES, min_notional=D(100))
ORDER: dict[str, Any] = {"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[TradingApi]:
    async with trading_api(tmp_path, "paper") as made:
        yield made


async def test_nothing_of_a_refused_order_is_durable_or_sent(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(
            store,
            platform.clock,
            lambda name: role.desk(name).gateway,
            lambda name: role.desk(name).algorithms,
            price_of=lambda account, name: role.desk(account).prices.get(name),
        )
        closed, elsewhere = (
            msgspec.structs.replace(SMALL, status="break"),
            msgspec.structs.replace(SMALL, id=InstrumentId("okx", "um", "BTC-USDT-PERP")),
        )
        for asked, words in (
            (wish("0.1005001"), "0.1005001 is no multiple of the lot"),
            (wish(type="limit", limit_price=D("49000.07")), "49000.07 is no multiple of the tick"),
            (msgspec.structs.replace(wish("0.001"), instrument=SMALL), "worth 50, less than the least"),
            (msgspec.structs.replace(wish(), instrument=closed), "not trading now"),
            (msgspec.structs.replace(wish(), instrument=elsewhere), "account paper trades binance um"),
            (wish(limit_price=D(50_000)), "a market order has none"),
            (wish(type="limit", limit_price=D(49_000), post_only=True, time_in_force="IOC"), "never rests"),
        ):
            with pytest.raises(InvalidValue, match=words):
                await orders.place(asked)
        with pytest.raises(InvalidValue, match="account paper trades binance um"):
            await orders.start_algorithm(msgspec.structs.replace(wish(), instrument=elsewhere), AlgorithmFields(algorithm="twap"))
        async with store.transaction() as work:
            assert await work.intents.list() == []
        assert await orders_of(store) == []


async def test_a_key_returns_its_first_order_also_when_the_market_closed_meanwhile(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        first = await orders.place(wish(), idempotency_key="k")
        closed = msgspec.structs.replace(wish(), instrument=msgspec.structs.replace(RULES, status="break"))
        assert await orders.place(closed, idempotency_key="k") == first
        assert len(await orders_of(store)) == 1


async def test_the_key_of_a_denied_order_is_not_another_orders(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        assert isinstance(await orders.place(wish("50"), idempotency_key="k"), Denied)
        assert isinstance(await orders.place(wish("50"), idempotency_key="k"), Denied)
        with pytest.raises(InvalidValue, match="Idempotency-Key: it was used for another order"):
            await orders.place(wish("0.1"), idempotency_key="k")


async def test_a_change_is_on_the_steps_too(api: TradingApi) -> None:
    _, made = await api.ask("POST", "orders", ORDER | {"type": "limit", "limit_price": "46000"})
    for change, words in (({"limit_price": "46000.05"}, "multiple of the tick"), ({"quantity": "0.10001"}, "multiple of the lot")):
        status, answer = await api.ask("PUT", f"orders/{made['order_id']}", change)
        assert status == 422
        assert words in answer["error"]["message"]
    (order,) = await api.orders()
    assert (order.terms.quantity, order.terms.limit_price, order.amendment) == (D("0.1"), D(46_000), None)


async def test_a_short_name_is_the_one_that_the_account_trades(store: SqlStateStore) -> None:
    names = [RULES.id, InstrumentId("okx", "um", "BTC-USDT-PERP"), InstrumentId("binance", "spot", "BTC-USDT")]

    def find(symbol: str, _market: str | None) -> Instrument:
        if symbol == "BTC-USDT-PERP":
            raise AmbiguousSymbol(symbol, names)
        return next(msgspec.structs.replace(RULES, id=name) for name in names if str(name) == symbol)

    platform = platform_of(store)
    async with trading(platform) as role:
        service = TradingService(Orders(store, platform.clock, lambda name: role.desk(name).gateway), find)
        made = await service.place_order_with_risk(ORDER | {"symbol": "BTC-USDT-PERP"})
        assert isinstance(made, Order)
        assert made.terms.instrument == RULES.id
        with pytest.raises(AmbiguousSymbol):
            await service.place_order_with_risk(ORDER | {"symbol": "BTC-USDT-PERP", "account": "nobody"})


async def test_an_account_that_is_there_is_not_called_unknown(store: SqlStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_PATIENCE_S", 0.0)

    def nobody(name: str) -> Any:
        raise UnknownName("account", name, ())

    async with store.transaction() as work:
        await work.accounts.put(TradingAccount(name="off", venue="binance", market="um", enabled=False))
    orders = Orders(store, platform_of(store).clock, nobody)
    with pytest.raises(EnvironmentFault, match="account paper is not traded yet; ask again in a moment"):
        await orders.place(wish())
    with pytest.raises(EnvironmentFault, match="account off is switched off; nothing of it is sent"):
        await orders.place(msgspec.structs.replace(wish(), account="off"))
    with pytest.raises(UnknownName):
        await orders.place(msgspec.structs.replace(wish(), account="nobody"))


async def test_one_instrument_of_an_account_is_named_shortly(api: TradingApi) -> None:
    await api.ask("POST", "orders", ORDER | {"type": "limit", "limit_price": "46000"})
    status, answer = await api.ask("POST", "orders/cancel-all", {"account": "paper", "symbol": "BTCUSDT"})
    assert (status, [row["state"] for row in answer["data"]]) == (200, ["cancelled"])
    status, answer = await api.ask("POST", "orders/close-all", {"account": "nobody", "symbol": "BTCUSDT"})
    assert (status, answer["error"]["code"]) == (404, "unknown_account")


async def test_what_is_no_account_or_no_limit_is_told_by_field(api: TradingApi) -> None:
    live = {"name": "main", "market": "um", "mode": "live", "balances": {"USDT": "5"}}
    status, answer = await api.ask("POST", "accounts", live)
    assert (status, answer["error"]["field"]) == (422, "balances")
    assert "has what its venue says" in answer["error"]["message"]
    status, answer = await api.ask("POST", "orders", ORDER | {"risk": {"max_order_value": {"limt": "1"}}})
    assert (status, answer["error"]["code"]) == (404, "unknown_parameter")


async def test_an_order_on_an_account_that_was_added_just_now_waits_for_it(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        asked = 0

        def gateway_of(name: str) -> Any:
            nonlocal asked
            asked += 1
            if asked < 3:
                raise UnknownName("account", name, ())
            return role.desk(name).gateway

        def price_of(name: str, instrument: Any) -> Any:
            assert asked >= 3, "its prices are asked for once it is there"
            return role.desk(name).prices.get(instrument)

        made = await Orders(store, platform.clock, gateway_of, price_of=price_of).place(wish())
        assert isinstance(made, Order)
