"""What only the ccxt adapter has: questions that an exchange may not answer, refusals without a name, rights not told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from tests.support.trading_binance import Bench, bench
from tests.support.trading_ccxt import BinanceByCcxt
from tests.support.trading_harness import listening

from quantservice.adapters.venues.ccxt.trading import queries, rights
from quantservice.core.errors import Refused, VenueUnreachable
from quantservice.core.orders import OrderState
from quantservice.ports.trading import AccountSnapshot, BalanceReport, NotSent, Unknown

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def binance() -> AsyncIterator[Bench]:
    """One simulated venue."""
    async with bench() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def desk(binance: Bench) -> AsyncIterator[BinanceByCcxt]:
    """One adapter on a new account of spot."""
    made = BinanceByCcxt(binance, "spot")
    try:
        yield await made.open()
    finally:
        await made.close()


def inside(desk: BinanceByCcxt) -> Any:
    """The adapter, to be looked into."""
    return desk.trading


def as_a_stranger(trading: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make of the exchange one that is not known to be asked by client id, and that says no to it."""
    exchange = trading._client.exchange
    asked = exchange.fetch_order

    async def by_number(number: str, symbol: str | None = None, params: Any = None) -> Any:
        if not number:
            raise ccxt.ArgumentsRequired("fetchOrder() requires an id")
        return await asked(number, symbol, params or {})

    monkeypatch.setattr(exchange, "fetch_order", by_number)
    monkeypatch.setattr(trading._queries, "_by_client_id", None)
    return exchange


async def test_an_order_is_looked_for_in_the_lists_where_it_cannot_be_asked_for(
    desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting, filled = await desk.placed(), desk.order()
    await desk.trading.submit(filled)
    stranger = await desk.another()
    as_a_stranger(stranger, monkeypatch)
    for order, state in ((resting, OrderState.OPEN), (filled, OrderState.FILLED)):
        found = await stranger.find(desk.instrument, order.intent.client_id, since_ms=0)
        assert found is not None
        assert (found.state, found.client_id) == (state, order.intent.client_id)
    assert await stranger.find(desk.instrument, desk.order().intent.client_id, since_ms=0) is None


async def test_lists_that_are_not_whole_prove_no_absence(desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.placed()
    exchange = as_a_stranger(desk.trading, monkeypatch)
    name = desk.order().intent.client_id
    with monkeypatch.context() as patched:
        patched.setattr(queries, "_PAGE", 1)
        with pytest.raises(VenueUnreachable, match="cannot be told"):
            await desk.trading.find(desk.instrument, name, since_ms=0)
    for method in ("fetchOrders", "fetchCanceledAndClosedOrders", "fetchClosedOrders", "fetchCanceledOrders"):
        monkeypatch.setitem(exchange.has, method, False)
    with pytest.raises(VenueUnreachable, match="cannot be told"):
        await desk.trading.find(desk.instrument, name, since_ms=0)


async def test_an_answer_of_another_order_is_not_taken_for_the_one_that_was_asked_for(
    desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await desk.placed()
    trading: Any = await desk.another()
    report = await trading.find(desk.instrument, other.intent.client_id, since_ms=0)
    assert report is not None
    exchange = trading._client.exchange
    asked = exchange.fetch_order

    async def always_the_same(_number: str, symbol: str | None = None, _params: Any = None) -> Any:
        return await asked(report.venue_order_id, symbol)

    monkeypatch.setattr(exchange, "fetch_order", always_the_same)
    monkeypatch.setattr(trading._queries, "_by_client_id", None)
    assert await trading.find(desk.instrument, desk.order().intent.client_id, since_ms=0) is None
    assert trading._queries._by_client_id is False


async def test_a_refusal_that_nobody_can_name_is_unknown(desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.trading.snapshot()
    exchange = inside(desk)._client.exchange

    def strange(*_told: Any) -> None:
        raise ccxt.ExchangeError("something")

    monkeypatch.setattr(exchange, "handle_errors", strange)
    order = await desk.resting()
    with pytest.raises(Unknown):
        await desk.trading.submit(order)
    monkeypatch.undo()
    assert len((await desk.truth()).all(order.intent.client_id)) == 1, "it was carried out"
    again = await desk.trading.submit(order)
    assert again.evidence.source == "query"
    assert len((await desk.truth()).all(order.intent.client_id)) == 1


async def test_a_cancel_that_is_refused_while_the_order_is_open_says_nothing_final(desk: BinanceByCcxt) -> None:
    order = await desk.placed()
    reader = await desk.another("read")
    with pytest.raises(Refused):
        await reader.cancel(desk.instrument, order.intent.client_id)
    assert (await desk.truth()).order(order.intent.client_id)["live"]


async def test_a_limit_is_waited_out_for_as_long_as_the_exchange_says(desk: BinanceByCcxt) -> None:
    await desk.trading.snapshot()
    await desk.fault("rate_limit", on="submit", status=429, retry_after_s=120)
    with pytest.raises(NotSent) as caught:
        await desk.trading.submit(await desk.resting())
    assert caught.value.retry_at_ns > time.time_ns() + 100 * 1_000_000_000


async def test_orders_of_a_kind_that_is_not_spoken_are_not_sent(desk: BinanceByCcxt) -> None:
    sent = desk.received("submit")
    kinds: list[dict[str, Any]] = [
        {"type": "stop", "stop_price": D(1)},
        {"type": "stop_limit", "stop_price": D(1), "limit_price": D(1)},
    ]
    for terms in kinds:
        with pytest.raises(NotSent, match="found again") as caught:
            await desk.trading.submit(desk.order("sell", **terms))
        assert caught.value.code == "unsupported"
    assert desk.received("submit") == sent
    assert (desk.trading.stops, desk.trading.dead_man, desk.trading.window_ms) == (False, False, 0)


async def test_a_market_order_to_buy_is_of_the_approved_quantity_where_money_might_be_meant(
    desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(inside(desk)._client.exchange.options, "createMarketBuyOrderRequiresPrice", True)
    order = desk.order()
    await desk.trading.submit(order)
    truth = await desk.truth()
    assert (truth.order(order.intent.client_id)["type"], truth.filled(order.intent.client_id)) == ("LIMIT", desk.quantity)


async def test_rights_are_told_where_the_exchange_can_be_asked_and_said_to_be_unknown_elsewhere(
    desk: BinanceByCcxt, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, may in (("trade", (True, False)), ("read", (False, False)), ("withdraw", (True, True))):
        found = await (await desk.another(key)).permissions()
        assert (found.trade, found.withdraw, found.told) == (*may, True)
    monkeypatch.setattr(queries, "RIGHTS", {})
    assert await desk.trading.permissions() == rights.UNTOLD
    with pytest.raises(Refused):
        await (await desk.another("unknown")).permissions()


async def test_what_a_transfer_changed_is_told_by_balances(desk: BinanceByCcxt) -> None:
    async with listening(desk.trading) as heard:
        before = {item.currency: item.total for item in heard.of(AccountSnapshot)[0].balances}
        await desk.transfer(D("12.5"))
        await heard.until(lambda: heard.of(BalanceReport))
        told = [item for report in heard.of(BalanceReport) for item in report.balances if item.currency == "USDT"]
        assert told[-1].total == before["USDT"] + D("12.5")
