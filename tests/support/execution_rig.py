"""A gateway on a real store, a small venue and a clock that a test moves: what the tests of execution stand on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import Order
from quantservice.ports import DayComparison, TradingAccount
from quantservice.services.execution import Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from tests.support.clock import ManualClock
from tests.support.small_venue import SmallVenue

D = Decimal
BTC = InstrumentId("binance", "um", "BTC-USDT-PERP")
RULES = Instrument(
    id=BTC, venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick_size=D("0.1"), lot_size=D("0.001")
)  # fmt: skip
SECOND_NS = 1_000_000_000


def desk_of() -> RiskDesk:
    """A risk desk with one account and no rules unless a test brings some."""
    desk = RiskDesk(RuleSet(enforced=()))
    desk.books["main"] = ExposureBook("main", {BTC: RULES}.get)
    return desk


class Crash(BaseException):  # no error: the end of a process, which nobody catches
    """The process ends here."""


class Rig:
    def __init__(self, store: SqlStateStore) -> None:
        self.store, self.clock, self.desk, self.told = store, ManualClock(), desk_of(), list[Any]()
        self.venue = SmallVenue(self.clock)
        self.gateway = self.make()

    def make(self, holder: str = "one") -> Gateway:
        """A gateway as a new process has it: nothing in memory."""

        async def tell(_work: Any, payload: Any) -> None:
            self.told.append(payload)

        account = TradingAccount(name="main", venue="binance", market="um")
        return Gateway(
            self.venue,  # type: ignore[arg-type]  # the part of the port that a gateway uses
            self.store,
            self.clock,
            check=self.desk,
            books=Bookkeeper(account, {BTC: RULES}.get, self.clock),
            told=tell,
            holder=holder,
            config=GatewayConfig(back_off_s=0.0, lease_ms=60_000),
        )

    def intent(self, cause: str = "e1", quantity: str = "0.1", **terms: Any) -> Intent:
        made = OrderTerms(account="main", instrument=BTC, side=terms.pop("side", "buy"), quantity=D(quantity), **terms)
        return Intent(intent_id=intent_id("main", "d1", cause), terms=made, deployment="d1", created_ns=self.clock.now_ns())

    async def order(self, intent: Intent) -> Order:
        async with self.store.transaction() as work:
            found = await work.orders.get(intent.client_id)
        assert found is not None
        return found

    async def compared(self) -> DayComparison:
        """Return the newest comparison that was kept."""
        async with self.store.transaction() as work:
            return (await work.statements.list(self.gateway.account))[-1]

    async def fills(self) -> int:
        async with self.store.transaction() as work:
            return len(await work.fills.list(account="main"))

    async def scans(self, count: int = 2) -> None:
        """Let an order's deadline and the venue's lag pass, and ask so often."""
        await self.clock.advance(40.0)
        for _ in range(count):
            await self.clock.advance(6.0)
            await self.gateway.extend()
            await self.gateway.resolve()
