"""A process that trades: gateway, books, Binance adapter, SQLite. It stops dead at a named point, to be killed from outside there.

    python -m tests.support.trading_child '<json of Task>'

It says ``AT <point>`` and sleeps; where no point is met it says ``DONE <json>`` with what it knows once nothing is in doubt.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading, TradingSettings
from quantservice.adapters.venues.binance.trading.caller import CallSettings
from quantservice.adapters.venues.binance.trading.signer import VenueCredentials
from quantservice.adapters.venues.binance.trading.stream import StreamSettings
from quantservice.adapters.venues.binance.trading.table import TradingEndpoints
from quantservice.adapters.venues.binance.venue import BinanceVenue
from quantservice.core.errors import VenueError
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import FINAL
from quantservice.ports import TradingAccount
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.execution.keeper import OrderKeeper
from quantservice.services.execution.resolving import ResolvingConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from tests.support.feeds import QUICK
from tests.support.state import sqlite_store

#: Where it can be killed, in the order of an order's life.
POINTS = (
    "before_intent",
    "intent_durable",
    "answer_lost",
    "answered",
    "answer_in_commit",
    "fill_in_commit",
    "fill_durable",
    "cancel_marked",
    "reconciling",
)
WAIT_S = 20.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process does."""

    folder: str
    rest_url: str
    ws_urls: dict[str, str]
    market: str
    account: str
    key: str
    secret: str
    symbol: str
    quantity: Decimal
    limit_price: Decimal  # of the order that rests
    point: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a process knows in the end."""

    orders: dict[str, tuple[str, Decimal, bool, str]]  # id -> state, filled, external, source of the evidence
    trades: list[str]
    wallet: dict[str, Decimal]
    positions: dict[str, Decimal]
    differing: list[str]
    unexplained: dict[str, Decimal]


class Child:
    """The process."""

    def __init__(self, task: Task) -> None:
        self.task, self.clock = task, SystemClock()

    def reach(self, point: str) -> None:
        """Stop here, if this is the point: whatever happens next is the end of the process."""
        if point == self.task.point:
            os.write(1, f"AT {point}\n".encode())
            time.sleep(60.0)  # the whole process stands; it is killed now

    async def run(self) -> Result:
        """Trade, and say what is known once nothing is in doubt."""
        task = self.task
        endpoints = BinanceEndpoints.simulator(task.rest_url, task.ws_urls)
        venue = BinanceVenue(task.market, endpoints, clock=self.clock, environment={}, settings=QUICK)
        listed = {item.venue_symbol: item for item in await venue.history.instruments()}
        rules = {item.id: item for item in listed.values()}
        trading = BinanceTrading(
            task.account,
            VenueCredentials(task.key, task.secret),
            venue=venue,
            clock=self.clock,
            endpoints=TradingEndpoints.simulator(task.rest_url),
            settings=TradingSettings(
                calls=CallSettings(recv_window_ms=1_000, total_timeout_s=2.0),
                stream=StreamSettings(back_off_s=0.05, back_off_most_s=0.2),
                ws=QUICK.ws,
            ),
        )
        risk = RiskDesk(RuleSet(enforced=()))
        risk.books[task.account] = ExposureBook(task.account, rules.get)
        books = Bookkeeper(TradingAccount(name=task.account, venue="binance", market=task.market), rules.get, self.clock)
        instrument = listed[task.symbol].id
        self.hook(trading, books)
        async with sqlite_store(Path(task.folder)) as store:
            resolving = ResolvingConfig(settle_s=0.5, apart_s=0.2, fills_within_s=0.2)
            config = GatewayConfig(lease_ms=1_000, lease_margin_ms=100, send_within_s=0.5, resolving=resolving)
            gateway = Gateway(
                trading, store, self.clock, check=risk, books=books, told=_nobody, holder=f"{os.getpid()}", config=config
            )
            every = ExecutionConfig(
                lease_every_s=0.3, resolve_every_s=0.1, reconcile_every_s=1.0, dead_man_s=0.0, start_again_s=0.2
            )
            service = asyncio.create_task(ExecutionService(gateway, trading, self.clock, every).run())
            try:
                async with asyncio.timeout(WAIT_S):
                    await until(lambda: gateway.ready)
                    await self.trade(gateway, instrument)
                    await until(lambda: not gateway._keeper.memory.open())
                    while any(order.fills_missing for order in await self.orders(store)):  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.05)
                    await gateway.reconcile(await trading.snapshot())
                return await self.known(store, gateway)
            finally:
                service.cancel()
                await asyncio.gather(service, return_exceptions=True)
                await trading.close()
                await venue.close()

    async def trade(self, gateway: Gateway, instrument: Any) -> None:
        """Buy at the market, let one rest, and cancel it. The same causes each time: nothing may come of them twice."""
        task = self.task
        base: dict[str, Any] = {"account": task.account, "instrument": instrument, "side": "buy", "quantity": task.quantity}
        bought = OrderTerms(**base)
        resting = OrderTerms(**base, type="limit", limit_price=task.limit_price)
        self.reach("before_intent")
        for cause, terms in (("bought", bought), ("resting", resting)):
            intent = Intent(intent_id=intent_id(task.account, "d1", cause), terms=terms, deployment="d1")
            (order,) = await gateway.submit([intent])
            if cause == "resting":
                try:
                    await gateway.cancel(intent.client_id)
                except VenueError:
                    assert order is not None  # it is asked for again by the loop

    def hook(self, trading: BinanceTrading, books: Bookkeeper) -> None:
        """Put the points where they are."""
        submit, cancel, fills_since, book = trading.submit, trading.cancel, trading.fills_since, books.book
        keep, apply_fill = OrderKeeper.keep, OrderKeeper.apply_fill

        async def submitting(order: Any) -> Any:
            self.reach("intent_durable")
            try:
                report = await submit(order)
            except VenueError:
                self.reach("answer_lost")
                raise
            self.reach("answered")
            return report

        async def cancelling(*arguments: Any) -> Any:
            self.reach("cancel_marked")
            return await cancel(*arguments)

        async def asking(*arguments: Any) -> Any:
            self.reach("reconciling")
            return await fills_since(*arguments)

        async def booking(*arguments: Any, **options: Any) -> Any:
            changes = await book(*arguments, **options)
            self.reach("fill_in_commit")
            return changes

        async def keeping(keeper: OrderKeeper, work: Any, before: Any, after: Any) -> None:
            await keep(keeper, work, before, after)
            if before is not None:
                self.reach("answer_in_commit")

        async def filling(keeper: OrderKeeper, fill: Any) -> bool:
            new = await apply_fill(keeper, fill)
            self.reach("fill_durable")
            return new

        for owner, name, hooked in (
            (trading, "submit", submitting),
            (trading, "cancel", cancelling),
            (trading, "fills_since", asking),
            (books, "book", booking),
            (OrderKeeper, "keep", keeping),
            (OrderKeeper, "apply_fill", filling),
        ):
            setattr(owner, name, hooked)

    async def orders(self, store: Any) -> list[Any]:
        """All orders as they are in the store."""
        async with store.transaction() as work:
            found: list[Any] = await work.orders.list(account=self.task.account, limit=1_000)
        return found

    async def known(self, store: Any, gateway: Gateway) -> Result:
        """Everything, of the store alone."""
        account = self.task.account
        async with store.transaction() as work:
            fills = [fill for fill, _, _ in await work.fills.list(account=account, limit=1_000)]
            wallet = wallet_of(await work.books.balances(account=account))
            held = await work.books.positions(account=account, deployment="")
        statement = gateway.resolver.statement
        assert statement is not None
        orders = {
            order.order_id: (order.state.value, order.filled, order.external, order.evidence.source if order.evidence else "")
            for order in await self.orders(store)
        }
        assert all(state in {item.value for item in FINAL} for state, *_ in orders.values())
        return Result(
            orders=orders,
            trades=sorted(fill.trade_id for fill in fills),
            wallet=wallet,
            positions={str(item.position.side): item.position.quantity for item in held if item.position.quantity},
            differing=[str(gap.instrument) for gap in statement.positions],
            unexplained=dict(statement.unexplained),
        )


async def _nobody(_work: Any, _payload: Any) -> None:
    """Nobody is told."""


async def until(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not there():  # noqa: ASYNC110  # the service works meanwhile
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    result = asyncio.run(Child(msgspec.json.decode(sys.argv[1], type=Task)).run())
    os.write(1, b"DONE " + msgspec.json.encode(result) + b"\n")
