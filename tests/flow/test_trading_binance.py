"""Gateway, books and the venues' adapters against the simulator, over real sockets: the venue's own ledger is the judge.

What the simulator is told to lose it loses on the wire; what happens beside us (by hand, by the venue) happens in its engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.support import trading_binance, trading_htx, trading_okx
from tests.support.trading_desk import HARNESSES, VENUES, Desk, trading

from quantservice.core.intents import intent_id
from quantservice.core.orders import Order, OrderState

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def benches() -> AsyncIterator[dict[str, Any]]:
    """Simulators whose clock is the real one."""
    async with AsyncExitStack() as stack:
        yield {
            "binance": await stack.enter_async_context(trading_binance.bench(start_ms=None)),
            "okx": await stack.enter_async_context(trading_okx.bench(start_ms=None)),
            "htx": await stack.enter_async_context(trading_htx.bench(start_ms=None)),
        }


@pytest_asyncio.fixture(params=VENUES, ids=["-".join(names) for names in VENUES], loop_scope="module")
async def desk(request: pytest.FixtureRequest, benches: dict[str, Any], tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that may send."""
    name, market = request.param
    venue = HARNESSES[name](benches[name.removeprefix("ccxt-")], market)
    try:
        await venue.open()
        async with trading(venue, tmp_path) as made:
            yield made
    finally:
        await venue.close()


async def test_orders_fills_and_books_agree_with_the_ledger(desk: Desk) -> None:
    bought, resting = desk.intent(), desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([bought, resting])
    await desk.until(bought, OrderState.FILLED)
    assert (await desk.order(resting)).state is OrderState.OPEN
    sold = desk.intent("sell")
    await desk.gateway.submit([sold])
    await desk.until(sold, OrderState.FILLED)
    await desk.gateway.cancel(resting.client_id)
    await desk.until(resting, OrderState.CANCELLED)
    await desk.agrees()


async def test_or1_or4_lost_answers_are_one_order_each(desk: Desk) -> None:
    await desk.venue.fault("lost_answer", on="submit", count=2)
    market, resting = desk.intent(), desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([market, resting])
    await desk.until(market, OrderState.FILLED)
    await desk.until(resting, OrderState.OPEN)
    assert desk.venue.received("submit") >= 2
    await desk.agrees()


async def test_a_deployment_leaves_its_part_while_another_one_holds_the_opposite(desk: Desk) -> None:
    desk.venue.needs(desk.venue.means.positions, "positions")
    other = msgspec.structs.replace(desk.intent("sell"), deployment="d2")
    for opened in (desk.intent(), other):
        await desk.gateway.submit([opened])
        await desk.until(opened, OrderState.FILLED)
    closing = desk.intent("sell", reduce_only=True)  # the account holds nothing: the venue would refuse it as that
    await desk.gateway.submit([closing])
    await desk.until(closing, OrderState.FILLED)
    back = msgspec.structs.replace(desk.intent("buy", reduce_only=True), deployment="d2")
    await desk.gateway.submit([back])
    order = await desk.until(back, OrderState.FILLED)
    assert order.terms.reduce_only, "what the account's own position covers may only reduce"
    async with desk.store.transaction() as work:
        held = await work.books.positions(account=desk.venue.name)
    assert not any(item.position.quantity for item in held)
    await desk.agrees()


@pytest.mark.parametrize("fault", ["", "lost_answer"])
async def test_a_change_is_made_once_also_when_its_answer_is_lost(desk: Desk, fault: str) -> None:
    desk.venue.needs(desk.venue.means.amends, "amending")
    quantity, price = desk.venue.quantity * 2, await desk.venue.price("0.95")
    resting = desk.intent(type="limit", limit_price=price, quantity=quantity)
    await desk.gateway.submit([resting])
    if fault:
        await desk.venue.fault(fault, on="amend")
    smaller = desk.venue.quantity
    limit = await desk.venue.price("0.94") if desk.venue.means.amends == "any" else price
    change = msgspec.structs.replace(
        resting,
        intent_id=intent_id(desk.venue.name, "d1", f"amend:{resting.client_id}"),
        terms=msgspec.structs.replace(resting.terms, quantity=smaller, limit_price=limit),
        amends=resting.client_id,
    )
    await desk.gateway.amend(change)
    await desk.until(resting, OrderState.OPEN)
    order, asked = await desk.order(resting), desk.venue.received("amend")
    assert order.amendment is not None
    assert (order.terms.quantity, order.terms.limit_price, order.amendment.state) == (smaller, limit, "made")
    row = (await desk.venue.truth()).order(resting.client_id)
    assert (D(row["quantity"]), D(row["price"])) == (smaller, limit)
    assert await desk.gateway.amend(change) == order
    assert desk.venue.received("amend") == asked
    await desk.gateway.cancel(resting.client_id)
    await desk.until(resting, OrderState.CANCELLED)
    await desk.agrees()


async def test_or8_a_lost_answer_to_a_cancel_is_asked_after(desk: Desk) -> None:
    resting = desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([resting])
    await desk.venue.fault("lost_answer", on="cancel")
    await desk.gateway.cancel(resting.client_id)
    await desk.until(resting, OrderState.CANCELLED)
    await desk.agrees()


async def test_or8_a_lost_cancel_is_asked_again(desk: Desk) -> None:
    resting = desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([resting])
    await desk.venue.fault("lost_request", on="cancel")
    await desk.gateway.cancel(resting.client_id)
    await desk.until(resting, OrderState.CANCELLED)
    await desk.agrees()


async def test_or9_what_a_cut_stream_did_not_tell_is_taken_over_rest(desk: Desk) -> None:
    resting = desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([resting])
    desk.venue.lose_stream()
    await desk.venue.touch(await desk.venue.price("0.94"))
    other = desk.intent()
    await desk.gateway.submit([other])
    await desk.until(other, OrderState.FILLED)
    await desk.agrees()


async def test_or10_what_happens_beside_us_is_booked_and_marked(desk: Desk) -> None:
    ours = desk.intent()
    await desk.gateway.submit([ours])
    await desk.until(ours, OrderState.FILLED)
    await desk.venue.manual("buy", desk.venue.quantity)
    if desk.venue.means.tells_transfers:
        await desk.venue.transfer(D("0.125") if desk.venue.market == "cm" else D("12.5"))
    if desk.venue.means.positions:
        await desk.venue.pay_funding(D("0.0001"))
        await desk.venue.close_by_venue("liquidation")
    await asyncio.sleep(0)
    await desk.agrees()


async def test_a_new_process_on_the_same_store_finds_nothing_to_change(desk: Desk) -> None:
    bought, resting = desk.intent(), desk.intent(type="limit", limit_price=await desk.venue.price("0.95"))
    await desk.gateway.submit([bought, resting])
    await desk.until(bought, OrderState.FILLED)
    again = Desk(desk.venue, desk.store)
    again.intents = desk.intents
    assert await again.gateway.start()
    async with desk.store.transaction() as work:
        before = await work.orders.list(account=desk.venue.name)
    (known, _) = await again.gateway.submit([bought, resting])
    assert isinstance(known, Order)
    assert known.state is OrderState.FILLED
    async with desk.store.transaction() as work:
        assert await work.orders.list(account=desk.venue.name) == before
    await again.agrees()
