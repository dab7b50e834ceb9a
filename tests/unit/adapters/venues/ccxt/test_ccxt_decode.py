"""Answers of the library in our words: its lean ones, its wrong words, and fees, wallets and contracts to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.ccxt.access import Access
from quantservice.adapters.venues.ccxt.client import Client
from quantservice.adapters.venues.ccxt.trading.decode import Decoder
from quantservice.adapters.venues.ccxt.trading.ids import ClientIds, Rule
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import OrderState

D = Decimal
NAME = "BTC/USDT:USDT"
BTC = InstrumentId("ccxtokx", "um", "BTC-USDT-PERP")


@pytest.fixture
async def decoder() -> Decoder:
    client = Client(Access("ccxtokx", "um", clock=SystemClock(), environment={}))
    row = {"symbol": NAME, "base": "BTC", "quote": "USDT", "settle": "USDT", "swap": True, "linear": True}
    client.rows = {NAME: row | {"contractSize": D("0.01"), "precision": {"amount": D(1), "price": D("0.1")}}}
    from quantservice.adapters.venues.ccxt.listing import instruments_of

    async def listed() -> Any:
        return instruments_of(client.rows, "ccxtokx", "um", mode=4, seen_ms=1)

    names = Names("ccxtokx", "um", listed, SystemClock())
    await names.load()
    return Decoder("main", client, names, ClientIds(Rule()), SystemClock())


def order(**more: Any) -> dict[str, Any]:
    base = {"id": "7", "clientOrderId": "MINE", "symbol": NAME, "side": "buy", "type": "limit", "price": D("100.1")}
    return {**base, "amount": D(3), "filled": D(0), "status": "open", "timestamp": 5, **more}


async def test_contracts_become_base_currency(decoder: Decoder) -> None:
    found = decoder.order(order(filled=D(1)), "query")
    assert (found.instrument, found.quantity, found.filled, found.limit_price) == (BTC, D("0.03"), D("0.01"), D("100.1"))
    assert decoder.number("MINE") == "7"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"status": "open"}, OrderState.OPEN),
        ({"status": None}, OrderState.OPEN),
        ({"status": "pending-something"}, OrderState.OPEN),  # an unknown word ends nothing
        ({"status": "closed", "filled": D(3)}, OrderState.FILLED),
        ({"status": "closed", "filled": None}, OrderState.FILLED),
        ({"status": "closed", "filled": D(1)}, OrderState.CANCELLED),  # some call what was cancelled so
        ({"status": "canceled", "filled": D(1)}, OrderState.CANCELLED),
        ({"status": "canceled", "timeInForce": "IOC"}, OrderState.EXPIRED),
        ({"status": "canceled", "type": "market"}, OrderState.EXPIRED),
        ({"status": "expired"}, OrderState.EXPIRED),
        ({"status": "rejected"}, OrderState.REJECTED),
    ],
)
async def test_states(decoder: Decoder, said: dict[str, Any], state: OrderState) -> None:
    assert decoder.order(order(**said), "query").state is state


async def test_a_lean_answer_is_filled_up_by_what_was_sent_and_is_none_without(decoder: Decoder) -> None:
    lean = {"id": "9", "clientOrderId": "LEAN", "symbol": NAME, "status": "open"}
    with pytest.raises(MalformedFrame):
        decoder.order(lean, "query")
    terms = OrderTerms(account="main", instrument=BTC, side="sell", quantity=D("0.05"), type="limit", limit_price=D("9.9"))
    decoder.note("LEAN", terms)
    found = decoder.order(lean, "query")
    assert (found.side, found.quantity, found.limit_price, found.type) == ("sell", D("0.05"), D("9.9"), "limit")


async def test_an_order_without_an_id_is_called_by_its_number(decoder: Decoder) -> None:
    found = decoder.order(order(id="12", clientOrderId=""), "query")
    assert (found.client_id, decoder.number(found.client_id)) == ("ccxt-12", "12")


async def test_a_fill_is_exact_and_named_by_its_orders_id(decoder: Decoder) -> None:
    decoder.remember("7", "MINE")
    row = {"id": "t1", "order": "7", "symbol": NAME, "side": "buy", "price": D("88043.2"), "amount": D(1), "timestamp": 6}
    row |= {"takerOrMaker": "maker", "fee": {"cost": D("-0.000000000000000001"), "currency": "USDT"}, "info": {"fillPnl": "-0.002"}}
    found = decoder.fill(row)
    assert (found.client_id, found.quantity, found.fee, found.fee_currency) == ("MINE", D("0.01"), D("-1E-18"), "USDT")
    assert (found.maker, found.realised, found.key) == (True, D("-0.002"), f"main|{BTC}|t1")


async def test_the_money_is_the_wallet_and_not_open_profit(decoder: Decoder) -> None:
    info = {"data": [{"details": [{"ccy": "USDT", "cashBal": "99.000000001", "eq": "120"}]}]}
    (found,) = decoder.balances({"info": info, "total": {"USDT": D(120)}, "free": {"USDT": D(80)}})
    assert (found.total, found.free) == (D("99.000000001"), D(80))


async def test_a_short_leg_is_negative(decoder: Decoder) -> None:
    row = {"symbol": NAME, "contracts": D(4), "side": "short", "hedged": True, "entryPrice": D(5), "leverage": D(3)}
    found = decoder.position(row)
    assert found is not None
    assert (found.quantity, found.side, found.leverage) == (D("-0.04"), "short", D(3))
    assert decoder.position(row | {"contracts": D(0)}) is None
