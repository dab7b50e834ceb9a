"""An account at the simulator, traded by our own gateway over real sockets; the venue's own ledger is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.messages import PositionChanged
from quantservice.core.orders import FINAL, Order, OrderState
from quantservice.ports import TradingAccount
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from quantservice.simulator.config import MARKET_NAMES
from quantservice.simulator.okx.config import OKX_MARKETS
from tests.support import trading_binance, trading_ccxt, trading_htx, trading_okx
from tests.support.state import sqlite_store

WAIT_S: Final = 20.0
#: every venue and market that has an adapter
VENUES: Final[list[tuple[str, str]]] = [
    *(("binance", market) for market in MARKET_NAMES),
    *(("okx", market) for market in OKX_MARKETS),
    *(("htx", market) for market in trading_htx.MEANS),
    *(("ccxt-binance", market) for market in MARKET_NAMES),
    *(("ccxt-okx", market) for market in OKX_MARKETS),
    ("ccxt-htx", "spot"),
]
HARNESSES: Final[dict[str, Any]] = {
    "binance": trading_binance.BinanceHarness,
    "okx": trading_okx.OkxHarness,
    "htx": trading_htx.HtxHarness,
    "ccxt-binance": trading_ccxt.BinanceByCcxt,
    "ccxt-okx": trading_ccxt.OkxByCcxt,
    "ccxt-htx": trading_ccxt.HtxByCcxt,
}


class Desk:
    """An account at the simulator, traded by our own gateway."""

    def __init__(
        self,
        venue: Any,
        store: SqlStateStore,
        *,
        enforced: tuple[RiskRule, ...] = (),
        config: GatewayConfig | None = None,
        holder: str = "one",
    ) -> None:
        self.venue, self.store, self.clock = venue, store, venue.bench.clock
        listed = venue.bench.listed[venue.market].values()
        rules = {venue.named(item.id): msgspec.structs.replace(item, id=venue.named(item.id)) for item in listed}
        self.risk = RiskDesk(RuleSet(enforced=enforced))
        self.risk.books[venue.name] = ExposureBook(venue.name, rules.get)
        account = TradingAccount(name=venue.name, venue=venue.trading.venue, market=venue.market)
        self.books = Bookkeeper(account, rules.get, self.clock)

        self.told: list[Any] = []

        async def told(_work: Any, payload: Any) -> None:
            self.told.append(payload)
            if isinstance(payload, PositionChanged):
                self.risk.books[venue.name].apply_position(payload.position, payload.deployment)

        self.gateway = Gateway(
            venue.trading,
            store,
            self.clock,
            check=self.risk,
            books=self.books,
            told=told,
            holder=holder,
            config=config or GatewayConfig(),
        )
        every = ExecutionConfig(lease_every_s=1.0, resolve_every_s=0.1, reconcile_every_s=0.5, dead_man_s=0.0)
        self.service = ExecutionService(self.gateway, venue.trading, self.clock, every)
        self.intents: list[Intent] = []

    def intent(self, side: str = "buy", **terms: Any) -> Intent:
        """An intent of the smallest sensible size, with a cause of its own."""
        cause = f"e{len(self.intents)}"
        full: dict[str, Any] = {"account": self.venue.name, "instrument": self.venue.instrument, "side": side}
        full["quantity"] = self.venue.quantity
        made = Intent(intent_id=intent_id(self.venue.name, "d1", cause), terms=OrderTerms(**(full | terms)), deployment="d1")
        self.intents.append(made)
        self.venue.note(made.client_id)
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
        told = (statement.positions, dict(statement.unexplained))
        assert told == ((), {}), told
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
        theirs = [order for order in truth.orders if order["client_id"] not in ours]
        lived = {str(order["order_id"]) for order in theirs if order["live"] or Decimal(order["filled"])}
        assert lived <= external <= {str(order["order_id"]) for order in theirs}, "what came and went unfilled may be missed"
        for order in orders:
            assert order.state not in FINAL or order.evidence is not None


@asynccontextmanager
async def trading(venue: Any, folder: Path, **options: Any) -> AsyncIterator[Desk]:
    """Run the loop of an account on a store of its own until the case is done."""
    async with sqlite_store(folder) as store, working(Desk(venue, store, **options)) as desk:
        yield desk


@asynccontextmanager
async def working(desk: Desk) -> AsyncIterator[Desk]:
    """Run the loop of a desk until the block is left: then nobody hears the venue, and the lease is free."""
    task = asyncio.create_task(desk.service.run())
    try:
        await desk.eventually(lambda: desk.gateway.ready and desk.service.stats()["stream"] == "live")
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
