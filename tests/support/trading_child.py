"""A process that trades: gateway, books, Binance adapter, SQLite. It stops dead at a named point, to be killed from outside there.

    python -m tests.support.trading_child '<json of Task>'

It says ``AT <point>`` and sleeps; where no point is met it says ``DONE <json>`` with what it knows once nothing is in doubt.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading, TradingSettings
from quantservice.adapters.venues.binance.trading.caller import CallSettings
from quantservice.adapters.venues.binance.trading.signer import VenueCredentials
from quantservice.adapters.venues.binance.trading.table import TradingEndpoints
from quantservice.adapters.venues.binance.venue import BinanceVenue
from quantservice.adapters.venues.htx.access import Access
from quantservice.adapters.venues.htx.spec import HtxEndpoints
from quantservice.adapters.venues.htx.trading.adapter import HtxTrading
from quantservice.adapters.venues.htx.trading.adapter import TradingSettings as HtxSettings
from quantservice.adapters.venues.htx.trading.signer import HtxCredentials
from quantservice.adapters.venues.okx.spec import OkxEndpoints
from quantservice.adapters.venues.okx.trading import adapter as okx_trading
from quantservice.adapters.venues.okx.trading.caller import CallSettings as OkxCallSettings
from quantservice.adapters.venues.okx.trading.signer import OkxCredentials
from quantservice.adapters.venues.okx.venue import OkxVenue
from quantservice.adapters.venues.transport.private.once import OnceClient, OnceSettings
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.core.errors import VenueError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import FINAL
from quantservice.ports import TradingAccount
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.execution.keeper import OrderKeeper
from quantservice.services.execution.resolving import ResolvingConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from tests.support.feeds import QUICK, QUICK_OKX
from tests.support.forked import serve
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
#: Where it may be stopped for a while by SIGSTOP: outside a commit, which would hold up whoever shares the file.
PAUSES = ("before_intent", "intent_durable", "signed", "answered", "fill_durable", "cancel_marked", "reconciling")
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
    instrument: str
    passphrase: str = ""
    quantity: Decimal
    limit_price: Decimal  # of the order that rests
    point: str = ""
    pauses: bool = False  # at the point it is stopped by SIGSTOP, and goes on when somebody lets it
    venue: str = "binance"


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
        self.store: Any = None
        self.reached = False

    async def reach(self, point: str) -> None:
        """Stop here, if this is the point: whatever happens next is the end of the process."""
        if point == self.task.point and not self.reached:
            self.reached = True
            while self.task.pauses and self.store._running:  # a commit that stands still would hold up the others
                await self.store._idle.wait()
            os.write(1, f"AT {point}\n".encode())
            if self.task.pauses:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                time.sleep(60.0)  # noqa: ASYNC251  # the whole process stands; it is killed now

    async def run(self) -> Result:
        """Trade, and say what is known once nothing is in doubt."""
        task = self.task
        makers = {"binance": self._binance, "htx": self._htx, "okx": self._okx}
        trading, listed, close = await makers.get(task.venue, self._ccxt)()
        rules = {item.id: item for item in listed.values()}
        risk = RiskDesk(RuleSet(enforced=()))
        risk.books[task.account] = ExposureBook(task.account, rules.get)
        books = Bookkeeper(TradingAccount(name=task.account, venue=task.venue, market=task.market), rules.get, self.clock)
        instrument = InstrumentId.parse(task.instrument)
        self.hook(trading, books)
        async with sqlite_store(Path(task.folder)) as store:
            self.store = store
            resolving = ResolvingConfig(settle_s=0.5, apart_s=0.2, fills_within_s=0.2, no_deadline_s=2.5)
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
                await close()

    async def _binance(self) -> tuple[Any, dict[str, Instrument], Callable[[], Awaitable[None]]]:
        """An adapter, what is listed, and how it ends."""
        task = self.task
        endpoints = BinanceEndpoints.simulator(task.rest_url, task.ws_urls)
        venue = BinanceVenue(task.market, endpoints, clock=self.clock, environment={}, settings=QUICK)
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
        return trading, {item.venue_symbol: item for item in await venue.history.instruments()}, venue.close

    async def _okx(self) -> tuple[Any, dict[str, Instrument], Callable[[], Awaitable[None]]]:
        """The same of OKX."""
        task = self.task
        endpoints = OkxEndpoints.simulator(task.rest_url)
        venue = OkxVenue(task.market, endpoints, clock=self.clock, environment={}, settings=QUICK_OKX)
        trading = okx_trading.OkxTrading(
            task.account,
            OkxCredentials(task.key, task.secret, task.passphrase),
            market=task.market,
            pool=venue.pool,
            clock=self.clock,
            endpoints=endpoints,
            settings=okx_trading.TradingSettings(
                calls=OkxCallSettings(window_ms=1_000, total_timeout_s=2.0),
                stream=StreamSettings(back_off_s=0.05, back_off_most_s=0.2),
                ws=QUICK.ws,
                connects=100,
            ),
        )
        return trading, {item.venue_symbol: item for item in await venue.history.instruments()}, venue.close

    async def _htx(self) -> tuple[Any, dict[str, Instrument], Callable[[], Awaitable[None]]]:
        """The same of HTX; its swap's integers are named by what the store knows."""
        task = self.task

        async def known() -> list[str]:
            return [] if self.store is None else [order.order_id for order in await self.orders(self.store)]

        trading = HtxTrading(
            task.account,
            HtxCredentials(task.key, task.secret),
            access=Access(task.market, clock=self.clock, environment={}),
            clock=self.clock,
            endpoints=HtxEndpoints.simulator(task.rest_url),
            settings=HtxSettings(
                calls=OnceSettings(total_timeout_s=2.0), stream=StreamSettings(back_off_s=0.05, back_off_most_s=0.2), ws=QUICK.ws
            ),
            known=known,
        )
        return trading, {item.venue_symbol: item for item in await trading.list_instruments()}, trading.close

    async def _ccxt(self) -> tuple[Any, dict[str, Instrument], Callable[[], Awaitable[None]]]:
        """The same of any exchange by ccxt, which is loaded for it alone."""
        from quantservice.adapters.venues.ccxt.client import CallSettings as CcxtCalls
        from quantservice.adapters.venues.ccxt.client import Keys
        from quantservice.adapters.venues.ccxt.trading.adapter import CcxtTrading
        from quantservice.adapters.venues.ccxt.trading.adapter import TradingSettings as CcxtSettings
        from tests.support.trading_ccxt import QUICK as QUICK_POLLS
        from tests.support.trading_ccxt import access_of

        task = self.task
        trading = CcxtTrading(
            task.account,
            Keys(task.key, task.secret, task.passphrase),
            access=access_of(task.venue, task.market, task.rest_url),
            clock=self.clock,
            settings=CcxtSettings(calls=CcxtCalls(total_timeout_s=2.0), polls=QUICK_POLLS),
        )
        instruments = await trading._client.list_instruments()
        ids = {name: str(row["id"]) for name, row in trading._client.rows.items()}
        return trading, {ids[item.venue_symbol]: item for item in instruments}, trading.close

    async def trade(self, gateway: Gateway, instrument: Any) -> None:
        """Buy at the market, let one rest, and cancel it. The same causes each time: nothing may come of them twice."""
        task = self.task
        base: dict[str, Any] = {"account": task.account, "instrument": instrument, "side": "buy", "quantity": task.quantity}
        bought = OrderTerms(**base)
        resting = OrderTerms(**base, type="limit", limit_price=task.limit_price)
        await self.reach("before_intent")
        for cause, terms in (("bought", bought), ("resting", resting)):
            intent = Intent(intent_id=intent_id(task.account, "d1", cause), terms=terms, deployment="d1")
            (order,) = await gateway.submit([intent])
            if cause == "resting":
                try:
                    await gateway.cancel(intent.client_id)
                except VenueError:
                    assert order is not None  # it is asked for again by the loop

    def hook(self, trading: Any, books: Bookkeeper) -> None:
        """Put the points where they are."""
        submit, cancel, fills_since, book = trading.submit, trading.cancel, trading.fills_since, books.book
        keep, apply_fill, send = OrderKeeper.keep, OrderKeeper.apply_fill, OnceClient.send

        async def submitting(order: Any) -> Any:
            await self.reach("intent_durable")
            try:
                report = await submit(order)
            except VenueError:
                await self.reach("answer_lost")
                raise
            await self.reach("answered")
            return report

        async def signing(client: OnceClient, method: str, *arguments: Any, **options: Any) -> Any:
            if method == "POST":
                await self.reach("signed")
            return await send(client, method, *arguments, **options)

        async def cancelling(*arguments: Any) -> Any:
            await self.reach("cancel_marked")
            return await cancel(*arguments)

        async def asking(*arguments: Any) -> Any:
            await self.reach("reconciling")
            return await fills_since(*arguments)

        async def booking(*arguments: Any, **options: Any) -> Any:
            changes = await book(*arguments, **options)
            await self.reach("fill_in_commit")
            return changes

        async def keeping(keeper: OrderKeeper, work: Any, before: Any, after: Any) -> None:
            await keep(keeper, work, before, after)
            if before is not None:
                await self.reach("answer_in_commit")

        async def filling(keeper: OrderKeeper, fill: Any) -> bool:
            new = await apply_fill(keeper, fill)
            await self.reach("fill_durable")
            return new

        for owner, name, hooked in (
            (trading, "submit", submitting),
            (trading, "cancel", cancelling),
            (trading, "fills_since", asking),
            (books, "book", booking),
            (OrderKeeper, "keep", keeping),
            (OrderKeeper, "apply_fill", filling),
            (OnceClient, "send", signing),
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


def main(task: str) -> None:
    """Be the process of a task."""
    result = asyncio.run(Child(msgspec.json.decode(task, type=Task)).run())
    os.write(1, b"DONE " + msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        import_module("quantservice.adapters.venues.ccxt.trading.adapter")  # loaded once for all that will want it
        import_module("tests.support.trading_ccxt")
        serve(main, int(sys.argv[2]))
    else:
        main(sys.argv[1])
