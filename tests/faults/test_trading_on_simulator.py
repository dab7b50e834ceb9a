"""Scenarios OR5, OR10 and OR12 over real sockets: what the venue's own ledger and counter say is what counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.support import trading_binance
from tests.support.trading_desk import Desk, trading

from quantservice.core.intents import Denied, Intent, intent_id
from quantservice.core.orders import Order, OrderState
from quantservice.quant.risk_rules import rule_of
from quantservice.services.execution import GatewayConfig

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUICK = GatewayConfig(back_off_s=0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Any]:
    async with trading_binance.bench(start_ms=None) as made:
        yield made


@pytest_asyncio.fixture(params=["um", "cm"], loop_scope="module")
async def venue(request: pytest.FixtureRequest, bench: Any) -> AsyncIterator[Any]:
    made = trading_binance.BinanceHarness(bench, request.param)
    try:
        yield await made.open()
    finally:
        await made.close()


# --- OR5: 503 in its three meanings ----------------------------------------------------------------------------------------------


async def test_or5_unknown_error_is_never_sent_again(venue: Any, tmp_path: Path) -> None:
    async with trading(venue, tmp_path, config=QUICK) as desk:
        await venue.fault("order_error", on="submit", sort="timeout", executed=True)
        carried_out, asked = desk.intent(), venue.received("submit")
        await desk.gateway.submit([carried_out])
        await desk.until(carried_out, OrderState.FILLED)
        await venue.fault("order_error", on="submit", sort="timeout", executed=False)
        nowhere = desk.intent()
        await desk.gateway.submit([nowhere])
        for _ in range(3):
            await desk.gateway.resolve()
        assert (await desk.order(nowhere)).state is OrderState.UNKNOWN, "its time is not over: absence is not proven"
        assert venue.received("submit") == asked + 2, "each was sent once"
        await desk.agrees()


@pytest.mark.parametrize("sort", ["unavailable", "throttled"])
async def test_or5_all_failed_is_tried_again_so_often_at_most(venue: Any, tmp_path: Path, sort: str) -> None:
    async with trading(venue, tmp_path, config=QUICK) as desk:
        await venue.fault("order_error", on="submit", sort=sort, count=3)
        intent, asked = desk.intent(), venue.received("submit")
        await desk.gateway.submit([intent])
        await desk.until(intent, OrderState.FILLED)
        assert venue.received("submit") == asked + 4
        await venue.fault("order_error", on="submit", sort=sort, count=0)
        never, asked = desk.intent(), venue.received("submit")
        (order,) = await desk.gateway.submit([never])
        assert isinstance(order, Order)
        assert (order.state, venue.received("submit")) == (OrderState.NOT_SENT, asked + 1 + QUICK.retries)
        await venue.calm()
        assert (await venue.truth()).all(never.client_id) == []
        await desk.agrees()


async def test_or5_what_reduces_goes_first(venue: Any, tmp_path: Path) -> None:
    async with trading(venue, tmp_path, config=QUICK) as desk:
        held = desk.intent(quantity=venue.quantity * 2)
        await desk.gateway.submit([held])
        await desk.until(held, OrderState.FILLED)
        await venue.fault("order_error", on="submit", sort="throttled", count=2)
        more, less = desk.intent(), desk.intent("sell", reduce_only=True)
        await desk.gateway.submit([more, less])
        truth = await venue.truth()
        assert int(truth.order(less.client_id)["order_id"]) < int(truth.order(more.client_id)["order_id"])
        await desk.until(more, OrderState.FILLED)
        await desk.until(less, OrderState.FILLED)
        await desk.agrees()


# --- OR10: what the venue does by itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "named"), [("liquidation", "autoclose-"), ("adl", "adl_autoclose")])
async def test_or10_a_position_that_the_venue_closes_is_external_and_risk_knows(
    venue: Any, tmp_path: Path, how: str, named: str
) -> None:
    async with trading(venue, tmp_path) as desk:
        ours = desk.intent()
        await desk.gateway.submit([ours])
        await desk.until(ours, OrderState.FILLED)
        await venue.close_by_venue(how)
        await _closed(desk)
        await desk.agrees()
        async with desk.store.transaction() as work:
            orders = await work.orders.list(account=venue.name, limit=10)
            kinds = {fill.kind for fill, _, _ in await work.fills.list(account=venue.name, limit=10)}
        (external,) = [order for order in orders if order.external]
        assert (external.state, external.filled) == (OrderState.FILLED, venue.quantity)
        assert external.tag.startswith(named) or external.order_id.startswith(named) or how in kinds, (external, kinds)


async def _closed(desk: Desk) -> None:
    """Wait until risk control counts nothing as held any more: it hears of it by the stream alone."""

    def flat() -> bool:
        legs = desk.risk.books[desk.venue.name]._exposed[desk.venue.instrument].legs
        return bool(desk.told) and not any(legs.values())

    await desk.eventually(lambda: any(getattr(getattr(item, "order", None), "external", False) for item in desk.told))
    await desk.eventually(flat)


# --- OR12: a strategy that loops -------------------------------------------------------------------------------------------------


def of(desk: Desk, deployment: str, number: int, limit: Decimal) -> Intent:
    """A small order of a deployment."""
    made = desk.intent(type="limit", limit_price=limit)
    named = msgspec.structs.replace(made, deployment=deployment, intent_id=intent_id(desk.venue.name, deployment, f"e{number}"))
    desk.intents[-1] = named
    desk.venue.note(named.client_id)
    return named


async def test_or12_a_strategy_that_loops_is_stopped_alone(venue: Any, tmp_path: Path) -> None:
    rate = rule_of("order_rate", {"limit": 30, "window_s": 600, "deployment_limit": 20})
    async with trading(venue, tmp_path, enforced=(rate,)) as desk:
        limit, asked = await venue.price("0.95"), venue.received("submit")
        outcomes: list[Order | Denied] = []

        async def loops(number: int) -> None:
            outcomes.extend(await desk.gateway.submit([of(desk, "mad", number, limit)]))

        await asyncio.gather(*map(loops, range(300)))
        denied = [item for item in outcomes if isinstance(item, Denied)]
        assert (len(denied), venue.received("submit") - asked) == (280, 20)
        assert {(item.rule, item.limit) for item in denied} == {("order_rate", "20")}
        assert "the deployment sent 20 orders" in denied[0].sentence
        calm = [await desk.gateway.submit([of(desk, "calm", 1_000 + number, limit)]) for number in range(10)]
        assert all(isinstance(item, Order) and item.state is OrderState.OPEN for (item,) in calm), "the others trade on"
        (over,) = await desk.gateway.submit([of(desk, "calm", 2_000, limit)])
        assert isinstance(over, Denied)
        assert over.limit == "30", "the account's own limit stands above"
        await desk.agrees()
