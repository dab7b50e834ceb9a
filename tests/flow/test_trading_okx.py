"""What only OKX has: one account for spot and swaps, orders without a client's id, a timer for the whole account, its notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from tests.support.trading_harness import listening
from tests.support.trading_okx import Bench, OkxHarness, bench

from quantservice.core.orders import OrderState, VenueFill
from quantservice.ports.trading import Unknown
from quantservice.simulator.okx.config import OkxKey
from quantservice.simulator.okx.trade import market_of
from quantservice.simulator.private.judge import ManualOrder

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def okx() -> AsyncIterator[Bench]:
    """One simulated venue."""
    async with bench() as made:
        yield made


@pytest_asyncio.fixture(params=["spot", "um"], loop_scope="module")
async def desk(request: pytest.FixtureRequest, okx: Bench) -> AsyncIterator[OkxHarness]:
    """One adapter on a new account."""
    made = OkxHarness(okx, request.param)
    try:
        yield await made.open()
    finally:
        await made.close()


def trade_elsewhere(desk: OkxHarness) -> None:
    """Let the account trade at its other market."""
    other, symbol = ("um", "ETH-USDT-SWAP") if desk.market == "spot" else ("spot", "ETH-USDT")
    market_of(desk.bench.exchange.markets, {"instId": symbol})
    desk.bench.exchange.judge.manual(ManualOrder(market=other, symbol=symbol, side="buy", quantity=D("1"), account=desk.name))


async def test_what_the_other_market_of_the_account_trades_is_money_that_moved(desk: OkxHarness) -> None:
    async with listening(desk.trading) as heard:
        before = {item.currency: item.total for item in heard.events[0].balances}  # type: ignore[union-attr]  # the snapshot
        trade_elsewhere(desk)
        await heard.until(lambda: heard.movements("other"))
        moved: dict[str, Decimal] = {}
        for movement in await desk.trading.movements_since(0):
            moved[movement.currency] = moved.get(movement.currency, D(0)) + movement.amount
        now = {item.currency: item.total for item in (await desk.trading.snapshot()).balances}
        assert now == moved, "what an account holds is the sum of what moved, but for its own fills"
        assert now != before
        assert all(fill.instrument.market == desk.market for fill in await desk.trading.fills_since([desk.instrument], 0))


async def test_an_order_by_hand_is_called_by_its_number_and_can_be_cancelled(desk: OkxHarness) -> None:
    name = await desk.manual("buy", desk.quantity, price=await desk.price("0.95"))
    (listed,) = (await desk.trading.snapshot()).orders
    assert (listed.client_id, f"o{listed.venue_order_id}") == (name, name)
    found = await desk.trading.find(desk.instrument, name, since_ms=0)
    assert found is not None
    await desk.trading.cancel(desk.instrument, name)
    ended = await desk.trading.find(desk.instrument, name, since_ms=0)
    assert ended is not None
    assert ended.state is OrderState.CANCELLED


async def test_a_waiting_order_that_is_cancelled_elsewhere_is_told(desk: OkxHarness) -> None:
    async with listening(desk.trading) as heard:
        stop = desk.order("sell", type="stop", stop_price=await desk.price("0.9"))
        trail = desk.order("sell", type="trailing_stop", trail=D("0.05"))
        for order in (stop, trail):
            await desk.trading.submit(order)
            await heard.until(lambda name=order.intent.client_id: heard.reports(name), "that it waits")  # type: ignore[misc]  # bound now
        other = await desk.another()
        await other.cancel_all(desk.instrument)
        for order in (stop, trail):
            assert (await heard.ended(order)).state is OrderState.CANCELLED


async def test_a_conditional_order_that_was_held_for_too_long_is_not_taken(desk: OkxHarness) -> None:
    trading = await desk.another(window_ms=300)
    await trading.snapshot()
    order = desk.order("sell", type="stop", stop_price=await desk.price("0.9"))
    before = desk.received("submit")
    await desk.fault("held_request", on="submit", delay_s=0.6, to="cut")
    with pytest.raises(Unknown) as caught:
        await trading.submit(order)
    assert caught.value.deadline_ns > 0
    async with asyncio.timeout(20):
        while desk.received("submit") == before:  # noqa: ASYNC110  # until it arrives
            await asyncio.sleep(0.02)
    assert (await desk.truth()).all(order.intent.client_id) == []
    assert (await trading.submit(order)).state is OrderState.OPEN


async def test_two_connections_live_and_die_together(desk: OkxHarness) -> None:
    async with listening(desk.trading) as heard:
        mine = [item for item in desk.bench.exchange.sockets.connections() if item.account == desk.name]
        assert sorted(item.section for item in mine) == ["business", "private"]
        next(item for item in mine if item.section == "business").cut()
        await heard.until(lambda: heard.states().count("live") >= 2)
        now = [item for item in desk.bench.exchange.sockets.connections() if item.account == desk.name]
        assert sorted(item.section for item in now) == ["business", "private"]


async def test_the_timer_is_the_whole_accounts(desk: OkxHarness) -> None:
    order = await desk.placed()
    assert await desk.trading.arm_dead_man([desk.instrument], 1.0), "shorter than the venue has: as short as it has"
    exchange = desk.bench.exchange
    assert desk.name in exchange.trade._countdowns
    exchange.trade._countdowns[desk.name] = 0.0
    exchange.trade.tick()
    assert (await desk.ended(order, OrderState.CANCELLED)).reason == "cancel source 20"
    await desk.trading.arm_dead_man([desk.instrument], 60.0)
    await desk.trading.arm_dead_man([desk.instrument], 0)
    assert desk.name not in exchange.trade._countdowns


async def test_fills_and_bills_are_walked_page_by_page(desk: OkxHarness) -> None:
    for _ in range(5):
        await desk.trading.submit(desk.order(quantity=desk.lot * 1_000 if desk.market == "spot" else desk.lot))
    desk.small_pages(2)
    try:
        fills = await desk.trading.fills_since([desk.instrument], 0)
        truth = await desk.truth()
        assert [fill.trade_id for fill in fills] == [str(row["trade_id"]) for row in truth.fills]
        movements = await desk.trading.movements_since(0)
        assert {movement.kind for movement in movements} == {"transfer"}
        assert len(movements) == 3
    finally:
        desk.small_pages(100)


async def test_a_key_says_what_it_may_do(desk: OkxHarness) -> None:
    may = await desk.trading.permissions()
    assert (may.read, may.trade, may.withdraw, may.ip_bound) == (True, True, False, False)
    assert (await (await desk.another("withdraw")).permissions()).withdraw
    assert not (await (await desk.another("read")).permissions()).trade
    bound = OkxKey(
        key=desk.keys["trade"], secret=desk.secret, passphrase=desk.passphrase, account=desk.name, addresses=("127.0.0.1",)
    )
    desk.bench.exchange.judge.issue(bound)
    assert (await desk.trading.permissions()).ip_bound


async def test_modes_and_leverage_are_read_and_set(desk: OkxHarness) -> None:
    if desk.market == "um":
        await desk.trading.set_leverage(desk.instrument, 7)
    modes = await desk.trading.modes([desk.instrument])
    assert (modes.maker_fee, modes.taker_fee) == (
        (D("0.0008"), D("0.001")) if desk.market == "spot" else (D("0.0002"), D("0.0005"))
    )
    assert modes.leverage == ({} if desk.market == "spot" else {str(desk.instrument): D(7)})
    assert not modes.hedge


async def test_a_notice_of_an_upgrade_opens_the_stream_anew(desk: OkxHarness) -> None:
    async with listening(desk.trading) as heard:
        desk.bench.exchange.sockets.announce_shutdown()
        await heard.until(lambda: heard.states().count("live") >= 2)
        order = await desk.placed()
        await heard.until(lambda: heard.reports(order.intent.client_id))


async def test_funding_and_liquidation_are_told(desk: OkxHarness) -> None:
    desk.needs(desk.means.positions, "positions")
    await desk.trading.submit(desk.order())
    async with listening(desk.trading) as heard:
        await desk.pay_funding(D("0.0001"))
        await heard.until(lambda: heard.movements("funding"))
        await desk.close_by_venue("liquidation")
        await heard.until(lambda: any(fill.kind == "liquidation" for fill in heard.of(VenueFill)))
        assert (await desk.trading.snapshot()).positions == ()
