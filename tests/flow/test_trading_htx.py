"""What only HTX has: ids that may come twice or are integers, orders without one, leverage in each order, gzip, its pings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio
from tests.support.trading_harness import listening
from tests.support.trading_htx import Bench, HtxHarness, bench

from quantservice.adapters.venues.htx.spec import HtxEndpoints
from quantservice.adapters.venues.htx.trading import queries
from quantservice.adapters.venues.htx.trading.adapter import HtxTrading, TradingSettings
from quantservice.adapters.venues.htx.trading.numbers import number_of
from quantservice.adapters.venues.htx.trading.signer import HtxCredentials
from quantservice.core.errors import Refused
from quantservice.core.orders import OrderState
from quantservice.ports.trading import AccountSnapshot, NotSent, OrderReport
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.htx.sockets import Door
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, TradingConfig
from quantservice.simulator.server import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def htx() -> AsyncIterator[Bench]:
    """One simulated venue."""
    async with bench() as made:
        yield made


@pytest_asyncio.fixture(params=["spot", "um"], loop_scope="module")
async def desk(request: pytest.FixtureRequest, htx: Bench) -> AsyncIterator[HtxHarness]:
    """One adapter on a new account."""
    made = HtxHarness(htx, request.param)
    try:
        yield await made.open()
    finally:
        await made.close()


async def test_another_process_names_the_open_orders_by_what_the_store_knows(desk: HtxHarness) -> None:
    order = await desk.placed()
    name = order.intent.client_id

    async def known() -> list[str]:
        return ["NOBODYS", name]

    told = await (await desk.another(known=known)).snapshot()
    assert [report.client_id for report in told.orders] == [name]
    blind = await (await desk.another()).snapshot()
    expected = name if desk.market == "spot" else str(number_of(name))
    assert [report.client_id for report in blind.orders] == [expected]


async def test_another_process_finds_cancels_and_names_the_fills_of_an_order(desk: HtxHarness) -> None:
    order = await desk.placed()
    await desk.serve(order, desk.lot)
    other, name = await desk.another(), order.intent.client_id
    found = await other.find(desk.instrument, name, since_ms=0)
    assert found is not None
    assert (found.client_id, found.filled, found.state) == (name, desk.lot, OrderState.OPEN)
    [fill] = await other.fills_since([desk.instrument], 0)
    assert (fill.client_id, fill.quantity, fill.maker) == (name, desk.lot, True)
    await other.cancel(desk.instrument, name)
    assert (await desk.ended(order, OrderState.CANCELLED)).filled == desk.lot


async def test_a_client_id_that_came_twice_is_told_of_its_latest_order(desk: HtxHarness) -> None:
    order = await desk.placed()
    other = await desk.another()  # a process that does not know that it was sent
    if desk.market == "um":
        again = await other.submit(order)
        assert again.evidence.source == "query"
        assert len((await desk.truth()).all(order.intent.client_id)) == 1
        return
    second = await other.submit(order)
    assert len((await desk.truth()).all(order.intent.client_id)) == 2, "spot takes it again: that is why it is never sent twice"
    found = await desk.find(order)
    assert found is not None
    assert found.venue_order_id == second.venue_order_id


async def test_an_order_by_hand_is_seen_found_and_cancelled(desk: HtxHarness) -> None:
    async with listening(desk.trading) as heard:
        name = await desk.manual("buy", desk.quantity, price=await desk.price("0.9"))
        await heard.until(lambda: heard.reports(name))
        assert [report.client_id for report in (await desk.trading.snapshot()).orders] == [name]
        assert (await desk.trading.find(desk.instrument, name, since_ms=0)) is not None
        await desk.trading.cancel(desk.instrument, name)
        await heard.until(lambda: heard.reports(name)[-1].state is OrderState.CANCELLED)


async def test_money_that_moves_has_one_name(desk: HtxHarness) -> None:
    async with listening(desk.trading) as heard:
        await desk.transfer(D("12.5"))
        await heard.until(lambda: any(item.amount == D("12.5") for item in heard.movements("transfer")))
        if desk.market == "um":
            await desk.trading.submit(desk.order("buy"))
            await desk.pay_funding(D("0.0001"))
            await heard.until(lambda: heard.movements("funding"))
        listed = {item.movement_id: item.amount for item in await desk.trading.movements_since(0)}
        assert {item.movement_id for item in heard.movements("transfer")} <= set(listed)


async def test_pages_are_walked_to_the_end(desk: HtxHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        await desk.trading.submit(desk.order("buy", quantity=D("0.001")))
    orders = [await desk.placed(quantity=D("0.001")) for _ in range(5)]
    if desk.market == "spot":  # the swap's page has one size
        monkeypatch.setitem(queries._PAGES, "spot", 2)
    monkeypatch.setitem(queries._OPEN_PAGE, desk.market, 2)
    assert {report.client_id for report in (await desk.trading.snapshot()).orders} == {order.intent.client_id for order in orders}
    assert len(await desk.trading.fills_since([desk.instrument], 0)) == len((await desk.truth()).fills)


async def test_leverage_is_repeated_in_each_order_and_read_again_when_it_was_changed(desk: HtxHarness) -> None:
    if desk.market == "spot":
        with pytest.raises(NotSent, match="leverage"):
            await desk.trading.set_leverage(desk.instrument, 3)
        return
    await desk.trading.set_leverage(desk.instrument, 7)
    await desk.trading.submit(desk.order("buy"))
    assert desk.desk.engine.account(desk.name).leverages == {"BTCUSDT": 7}
    desk.desk.engine.account(desk.name).leverages["BTCUSDT"] = 9  # by hand, elsewhere
    with pytest.raises(Refused) as caught:
        await desk.trading.submit(desk.order("buy"))
    assert caught.value.code == 1_037
    await desk.trading.submit(desk.order("buy"))
    assert (await desk.trading.modes([desk.instrument])).leverage == {str(desk.instrument): D(9)}


async def test_what_a_key_may_do_and_when_it_dies(desk: HtxHarness) -> None:
    rights = {key: await (await desk.another(key)).permissions() for key in ("trade", "read", "withdraw")}
    assert [(item.trade, item.withdraw) for item in rights.values()] == [(True, False), (False, False), (True, True)]
    assert rights["trade"].expires_ms is not None, "a key without addresses dies after ninety days"


async def test_an_unreadable_message_opens_the_stream_anew(desk: HtxHarness) -> None:
    async with listening(desk.trading) as heard:
        for peer in desk.bench.venue.doors[f"{desk.sim_market}.private"].peers.values():
            peer.garbage(b"\x1f\x8bno gzip at all")
        await heard.until(lambda: len(heard.of(AccountSnapshot)) > 1)


async def test_the_venues_own_limits_and_pings_are_kept() -> None:
    """The published limits, a venue that pings three times a second: nothing is broken, and an order too many is not sent."""
    config = SimulatorConfig(start_ms=1_780_000_215_000, tick_ms=10, trading=TradingConfig())
    config = msgspec.structs.replace(config, htx=msgspec.structs.replace(config.htx, ping_s=0.3, private_ping_s=0.3))
    simulator = Simulator(config)
    await simulator.start()
    made = Bench(simulator)
    await made.list()
    trading = HtxTrading(
        "main",
        HtxCredentials(DEFAULT_KEY, DEFAULT_SECRET),
        access=made.access["um"],
        clock=made.clock,
        endpoints=HtxEndpoints.simulator(simulator.rest_url),
        settings=TradingSettings(),
    )
    desk = await HtxHarness(made, "um").open()
    try:
        async with listening(trading) as heard:
            told: list[NotSent] = []
            price = await desk.price("0.9")
            for _ in range(40):
                order = desk.order("buy", type="limit", limit_price=price, quantity=D("0.001"), account="main")
                try:
                    await trading.submit(order)
                except NotSent as error:
                    told.append(error)
            assert {error.code for error in told} == {"order_count"}
            await heard.until(lambda: len({report.client_id for report in heard.of(OrderReport)}) == 40 - len(told))
            door = simulator.htx.doors["htx.um.private"]  # type: ignore[union-attr]  # it is there
            pinged = {peer.connection.last_ping for peer in door.peers.values()}
            await heard_pings(door, pinged)
        assert simulator.referee.violations == {}
    finally:
        await desk.close()
        await trading.close()
        await simulator.stop()


async def heard_pings(door: Door, before: set[float]) -> None:
    """Wait until every peer was pinged again, and had answered what came before."""
    async with asyncio.timeout(10):
        while any(peer.connection.last_ping in before for peer in door.peers.values()):  # noqa: ASYNC110  # nothing sets an event for a ping
            await asyncio.sleep(0.02)
