"""Gateway, books and the Binance adapter against the simulator, over real sockets: the venue's own ledger is the judge.

What the simulator is told to lose it loses on the wire; what happens beside us (by hand, by the venue) happens in its engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio
from tests.support.state import sqlite_store
from tests.support.trading_binance import Bench, BinanceHarness, bench

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import FINAL, Order, OrderState
from quantservice.ports import TradingAccount
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from quantservice.simulator.config import MarketName

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal
WAIT_S = 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue_bench() -> AsyncIterator[Bench]:
    """A simulator whose clock is the real one."""
    async with bench(start_ms=None) as made:
        yield made


class Desk:
    """An account at the simulator, traded by our own gateway."""

    def __init__(self, venue: BinanceHarness, store: SqlStateStore, *, enforced: tuple[RiskRule, ...] = ()) -> None:
        self.venue, self.store, self.clock = venue, store, SystemClock()
        rules = {item.id: item for item in venue.bench.listed[venue.market].values()}
        self.risk = RiskDesk(RuleSet(enforced=enforced))
        self.risk.books[venue.name] = ExposureBook(venue.name, rules.get)
        account = TradingAccount(name=venue.name, venue="binance", market=venue.market)
        self.books = Bookkeeper(account, rules.get, self.clock)

        async def told(_work: Any, _payload: Any) -> None:
            """Nobody listens."""

        self.gateway = Gateway(
            venue.trading, store, self.clock, check=self.risk, books=self.books, told=told, holder="one", config=GatewayConfig()
        )
        config = ExecutionConfig(lease_every_s=1.0, resolve_every_s=0.1, reconcile_every_s=0.5, dead_man_s=0.0)
        self.service = ExecutionService(self.gateway, venue.trading, self.clock, config)
        self.intents: list[Intent] = []

    def intent(self, side: str = "buy", **terms: Any) -> Intent:
        """An intent of the smallest sensible size, with a cause of its own."""
        cause = f"e{len(self.intents)}"
        full: dict[str, Any] = {"account": self.venue.name, "instrument": self.venue.instrument, "side": side}
        full["quantity"] = self.venue.quantity
        made = Intent(intent_id=intent_id(self.venue.name, "d1", cause), terms=OrderTerms(**(full | terms)), deployment="d1")
        self.intents.append(made)
        return made

    async def order(self, intent: Intent) -> Order:
        """The order of an intent as it is known."""
        async with self.store.transaction() as work:
            found = await work.orders.get(intent.client_id)
        assert found is not None
        return found

    async def until(self, intent: Intent, *states: OrderState) -> Order:
        """Wait until an order is in one of the states and its fills are complete."""
        async with asyncio.timeout(WAIT_S):
            while (order := await self.order(intent)).state not in states or order.fills_missing:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return order

    async def eventually(self, there: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WAIT_S):
            while not there():  # noqa: ASYNC110  # the service works meanwhile
                await asyncio.sleep(0.02)

    async def agrees(self) -> None:
        """The books equal the venue's ledger to the last digit, orders and fills are each there once."""
        await self.gateway.reconcile(await self.venue.trading.snapshot())
        statement = self.gateway.resolver.statement
        assert statement is not None
        assert (statement.positions, dict(statement.unexplained)) == ((), {})
        truth = await self.venue.truth()
        async with self.store.transaction() as work:
            orders = await work.orders.list(account=self.venue.name, limit=100_000)
            fills = [fill for fill, _, _ in await work.fills.list(account=self.venue.name, limit=100_000)]
            wallet = wallet_of(await work.books.balances(account=self.venue.name))
            held = await work.books.positions(account=self.venue.name, deployment="")
        assert sorted(fill.trade_id for fill in fills) == sorted(str(fill["trade_id"]) for fill in truth.fills)
        assert wallet == {currency: amount for currency, amount in truth.wallets.items() if amount}
        if self.venue.means.positions:
            booked = {item.position.side: item.position.quantity for item in held if item.position.quantity}
            assert booked == {side: quantity for side, quantity in truth.positions.items() if quantity}
        ours = {intent.client_id for intent in self.intents}
        for name in ours:
            assert len(truth.all(name)) <= 1, "no intent is two orders"
        external = {order.venue_order_id for order in orders if order.external}
        assert external == {str(order["order_id"]) for order in truth.orders if order["client_id"] not in ours}
        for order in orders:
            assert order.state not in FINAL or order.evidence is not None


@asynccontextmanager
async def trading(venue: BinanceHarness, folder: Path) -> AsyncIterator[Desk]:
    """Run the loop of an account until the case is done."""
    async with sqlite_store(folder) as store:
        desk = Desk(venue, store)
        task = asyncio.create_task(desk.service.run())
        try:
            await desk.eventually(lambda: desk.gateway.ready and desk.service.stats()["stream"] == "live")
            yield desk
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest_asyncio.fixture(params=get_args(MarketName), loop_scope="module")
async def desk(request: pytest.FixtureRequest, venue_bench: Bench, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that may send."""
    venue = BinanceHarness(venue_bench, request.param)
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
