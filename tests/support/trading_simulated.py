"""A conformance harness on the simulator: what it asks of one of its venues is the same whichever venue it plays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic, Self, TypeVar

import msgspec

from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.core.instruments import Side
from quantservice.core.intents import Approved
from quantservice.core.money import exact
from quantservice.ports.trading import Trading
from quantservice.simulator.faults.script import Fault
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import ForcedClose, Judge, ManualOrder, MarketTrade, OutsideTransfer
from quantservice.simulator.server import Simulator
from tests.support.trading_harness import Harness, Relay, Truth

STREAM = StreamSettings(back_off_s=0.05, back_off_most_s=0.2, steady_s=5.0)
Made = TypeVar("Made", bound=Trading)


class SimulatedHarness(Harness, Generic[Made]):
    """One market of a venue that the simulator plays. ``sim_market``, ``sim_symbol``: what the simulator calls them."""

    sim_market: str
    sim_symbol: str

    def __init__(self, simulator: Simulator, name: str) -> None:
        self.simulator = simulator
        self.name = name
        self.relays: list[Relay] = []
        self.made: list[Made] = []

    @property
    @abstractmethod
    def judge(self) -> Judge:
        """The simulator's judge of the venue."""

    @property
    @abstractmethod
    def desk(self) -> Desk:
        """The simulator's desk of this market."""

    @property
    def fault_market(self) -> str:
        """What faults call the market."""
        return self.sim_market

    @abstractmethod
    def request(self, on: str) -> tuple[str, str] | None:
        """The HTTP method and the end of the path of a request; None for what is none."""

    @abstractmethod
    def event(self, on: str) -> str:
        """The pattern of an event that is pushed."""

    @abstractmethod
    def forgive(self) -> None:
        """Let the venue forget what it counted against us."""

    @abstractmethod
    async def look_up(self) -> None:
        """Learn the instrument, its tick and its lot."""

    async def open(self) -> Self:
        """Make the adapter."""
        self.trading = await self.another()
        await self.look_up()
        await self.touch(await self.price())  # the case before may have left the last price anywhere
        return self

    async def close(self) -> None:
        """Close every adapter and relay, and take the faults back."""
        for adapter in self.made:
            await adapter.close()
        for relay in self.relays:
            await relay.close()
        await self.calm()
        self.desk.engine.cancel_all(self.name, self.desk.now_ms())

    async def relay(self) -> Relay:
        """A way to the venue that can be closed."""
        made = await Relay(self.simulator.port).open()
        self.relays.append(made)
        return made

    # --- the venue -----------------------------------------------------------------------------------------------------

    async def price(self, factor: str = "1") -> Decimal:
        """The middle of the book times a factor, on the tick."""
        self.desk.symbol(self.sim_symbol)
        book = self.desk.engine.state.books[self.sim_symbol]
        middle = (book.bids[0][0] + book.asks[0][0]) / 2
        return (middle * Decimal(factor) / self.tick).quantize(Decimal(1)) * self.tick

    async def serve(self, order: Approved, quantity: Decimal) -> None:
        """Let the market fill so much of a resting order."""
        terms = order.intent.terms
        assert terms.limit_price is not None
        trade = MarketTrade(
            market=self.sim_market,
            symbol=self.sim_symbol,
            price=terms.limit_price,
            quantity=quantity,
            buyer_is_maker=terms.side == "buy",
        )
        self.judge.trade(trade)

    async def touch(self, price: Decimal) -> None:
        """Let the market trade once, of the smallest size and with nobody's resting order."""
        engine = self.desk.engine
        engine.state.books[self.sim_symbol].last = price
        engine.trade(self.sim_symbol, price, self.lot, buyer_is_maker=False, now_ms=self.desk.now_ms())

    @exact
    def _truth(self) -> Truth:
        found = self.judge.ledger(market=self.sim_market, account=self.name)
        assert found["audit"] == [], found["audit"]
        rows = found["markets"][self.sim_market]
        held = [row for row in rows["positions"].get(self.name, ()) if row["symbol"] == self.sim_symbol]
        return Truth(
            orders=self.orders_of(rows["orders"]),
            fills=self.fills_of(rows["fills"]),
            wallets={currency: Decimal(amount) for currency, amount in rows["wallets"].get(self.name, {}).items()},
            positions={row["side"]: Decimal(row["quantity"]) for row in held},
        )

    def orders_of(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """The ledger's orders by our names."""
        return rows

    def fills_of(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """The ledger's fills by our names."""
        return rows

    async def truth(self) -> Truth:
        """The ledger of the account; quantities are in base currency."""
        return self._truth()

    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force on this market."""
        asked: dict[str, Any] = {"kind": kind, "market": self.fault_market, "count": count} | fault
        request = self.request(on)
        if request is not None:
            method, path = request
            asked |= {"method": method, "path": path}
        elif on:
            asked["stream"] = self.event(on)
        self.simulator.add_fault(msgspec.convert(asked, Fault))

    async def calm(self) -> None:
        """Take every fault back, and what the venue held against us because of them."""
        self.simulator.faults.clear()
        self.forgive()

    def by_hand(self, side: Side, quantity: Decimal, price: Decimal | None) -> Any:
        """Place an order by hand, and return the ledger's row of it."""
        asked = ManualOrder(
            market=self.sim_market, symbol=self.sim_symbol, side=side, quantity=quantity, price=price, account=self.name
        )
        return self.judge.manual(asked)

    async def transfer(self, amount: Decimal) -> str:
        """Bring money in."""
        currency = self.settled_in()
        self.judge.transfer(OutsideTransfer(market=self.sim_market, currency=currency, amount=amount, account=self.name))
        return currency

    def settled_in(self) -> str:
        """The currency of the market's money."""
        return "USDT"

    async def close_by_venue(self, how: str) -> None:
        """Let the venue close the position."""
        self.judge.close(ForcedClose(market=self.sim_market, symbol=self.sim_symbol, account=self.name), kind=how)

    async def pay_funding(self, rate: Decimal) -> None:
        """Settle funding now."""
        self.desk.engine.settle_funding(self.sim_symbol, rate, self.desk.now_ms())

    async def hedge_mode(self) -> None:
        """Put the account into hedge mode."""
        self.desk.engine.account(self.name).hedge = True
