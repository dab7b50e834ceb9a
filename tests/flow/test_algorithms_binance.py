"""Orders in parts at the simulator over real sockets: the parts add up at the venue, also over a restart in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio
from tests.support.trading_binance import Bench, BinanceHarness
from tests.support.trading_desk import Desk, trading

from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.services.execution.algorithms import Algorithm, Algorithms
from quantservice.simulator.config import MarketName

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal


@pytest_asyncio.fixture(params=get_args(MarketName), loop_scope="module")
async def desk(request: pytest.FixtureRequest, binance_bench: Bench, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that may send."""
    venue = BinanceHarness(binance_bench, request.param)
    try:
        await venue.open()
        async with trading(venue, tmp_path) as made:
            yield made
    finally:
        await venue.close()


async def algorithms_of(desk: Desk) -> Algorithms:
    """The algorithms of a desk, as a process begins with them; the market stands still."""
    price = await desk.venue.price("1")
    rules = {item.id: item for item in desk.venue.bench.listed[desk.venue.market].values()}
    return Algorithms(desk.gateway, desk.store, desk.clock, instrument_of=rules.get, touch_of=lambda _: (price, price))


def iceberg(desk: Desk, limit: Decimal) -> Algorithm:
    terms: dict[str, Any] = {"account": desk.venue.name, "instrument": desk.venue.instrument, "side": "buy"}
    parent = Intent(
        intent_id=intent_id(desk.venue.name, "", "algorithm:x"),
        terms=OrderTerms(quantity=desk.venue.quantity * 3, type="limit", limit_price=limit, **terms),
        purpose="algorithm",
    )
    return Algorithm(parent=parent, kind="iceberg", start_ns=desk.clock.now_ns(), shown=desk.venue.quantity)


async def finish(algorithms: Algorithms, made: Algorithm, desk: Desk) -> Algorithm:
    """Look until it has ended."""
    async with asyncio.timeout(20.0):
        while True:
            await algorithms.look()
            found = await algorithms.find(made.name)
            assert found is not None
            if not found.active:
                break
            await asyncio.sleep(0.05)
    async with desk.store.transaction() as work:
        parts = [order for order in await work.orders.list(account=desk.venue.name) if order.parent == made.name]
    known = {intent.intent_id for intent in desk.intents}
    for order in parts:
        if order.intent_id not in known:
            record = await _intent(desk, order.intent_id)
            desk.intents.append(record)
    return found


async def _intent(desk: Desk, name: str) -> Intent:
    async with desk.store.transaction() as work:
        record = await work.intents.get(name)
    assert record is not None
    return record.intent


async def test_the_parts_add_up_at_the_venue(desk: Desk) -> None:
    algorithms = await algorithms_of(desk)
    made = await algorithms.place(iceberg(desk, await desk.venue.price("1.01")))
    await desk.venue.fault("lost_answer", on="submit", count=1)
    ended = await finish(algorithms, made, desk)
    assert (ended.state, ended.filled) == ("done", desk.venue.quantity * 3)
    fills = (await desk.venue.truth()).fills
    assert sum(D(fill["quantity"]) for fill in fills) == desk.venue.quantity * 3
    assert len(desk.intents) == 3
    await desk.agrees()


async def test_another_process_goes_on_where_the_first_was(desk: Desk) -> None:
    algorithms = await algorithms_of(desk)
    made = await algorithms.place(iceberg(desk, await desk.venue.price("1.01")))
    await algorithms.look()
    again = await algorithms_of(desk)
    ended = await finish(again, made, desk)
    assert (ended.state, ended.filled) == ("done", desk.venue.quantity * 3)
    assert sum(D(fill["quantity"]) for fill in (await desk.venue.truth()).fills) == desk.venue.quantity * 3
    await desk.agrees()
