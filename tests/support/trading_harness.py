"""What the conformance suite of ``ports.trading.Trading`` needs of a venue to test an adapter: one subclass per adapter.

The suite speaks to the adapter through the port alone, and asks the venue's own ledger what is true.
"""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest

from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.intents import Approved, Intent, OrderTerms
from quantservice.core.orders import OrderState, VenueFill
from quantservice.ports.trading import (
    AccountEvent,
    AccountMovement,
    AccountSnapshot,
    OrderReport,
    StreamState,
    Trading,
)

T = TypeVar("T")
WAIT_S = 20.0


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue's market has; a case that needs what it lacks is skipped, or checks that the lack is told."""

    types: frozenset[str]
    times: frozenset[str]
    positions: bool  # reduce-only, hedge mode, leverage, funding, liquidation
    amends: str  # "any": price and quantity; "smaller": the quantity down; "": nothing
    dead_man: bool
    listen_key: bool = False
    lists_movements: bool = False
    says_all_failed: bool = True  # has answers that say that all of the request failed (503 B and C, -1008)
    acknowledges: bool = False  # answers that an order was taken in, and no more
    refuses_post_only: bool = True  # else one that would take is taken in and lapses
    lapsed_post_only: OrderState = OrderState.EXPIRED  # what it is then: HTX does not say who ended it
    smallest: bool = True  # has orders of more than a lot that are too small
    limits_by_address: bool = True  # silences an address, for as long as it says
    deadline: bool = True  # names an instant after which a request is taken no more
    tells_transfers: bool = True


class Truth(msgspec.Struct, frozen=True):
    """The venue's own ledger of one account."""

    orders: Sequence[Mapping[str, Any]]
    fills: Sequence[Mapping[str, Any]]
    wallets: Mapping[str, Decimal]
    positions: Mapping[str, Decimal]  # by leg

    def order(self, client_id: str) -> Mapping[str, Any]:
        """The one order of a client id."""
        (found,) = self.all(client_id)
        return found

    def all(self, client_id: str) -> list[Mapping[str, Any]]:
        """Every order of a client id."""
        return [order for order in self.orders if order["client_id"] == client_id]

    def filled(self, client_id: str) -> Decimal:
        """What its fills add up to."""
        return sum((Decimal(fill["quantity"]) for fill in self.fills if fill["client_id"] == client_id), Decimal(0))


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's own codes, and where they lie: least and most."""

    least: int
    most: int
    unknown_key: int | str
    too_many_orders: int | str

    def has(self, code: int | str) -> bool:
        """Whether a code is one of the venue's."""
        return isinstance(code, int) and self.least <= code <= self.most


class Harness(ABC):
    """One adapter on an account of its own."""

    codes: Codes

    trading: Trading
    means: Means
    instrument: InstrumentId
    quantity: Decimal
    tick: Decimal
    lot: Decimal
    _made = itertools.count(1)

    @property
    def account(self) -> str:
        """The account's name."""
        return self.trading.account

    # --- orders --------------------------------------------------------------------------------------------------------

    def order(self, side: Side = "buy", *, quantity: Decimal | None = None, **terms: Any) -> Approved:
        """An approved order with an id of its own; at the market unless ``terms`` say otherwise."""
        number = next(self._made)
        full: dict[str, Any] = {"account": self.account, "instrument": self.instrument} | terms
        made = OrderTerms(side=side, quantity=self.quantity if quantity is None else quantity, **full)
        intent = Intent(intent_id=f"{self.account}-{number}", terms=made)
        return Approved(intent=intent, approved_ns=1)

    def note(self, client_id: str) -> None:  # noqa: B027  most venues keep the id as it is
        """Hear of an id that is sent for this account; a venue that keeps another word for it needs to know."""

    def named(self, instrument: InstrumentId) -> InstrumentId:
        """The adapter's name of an instrument that the venue lists."""
        return instrument

    async def resting(self, side: Side = "buy", **terms: Any) -> Approved:
        """A limit order that is too far off to be filled by the market's own trades."""
        price = await self.price("0.95" if side == "buy" else "1.05")
        return self.order(side, type="limit", limit_price=price, **terms)

    async def placed(self, side: Side = "buy", **terms: Any) -> Approved:
        """The same, placed."""
        order = await self.resting(side, **terms)
        report = await self.trading.submit(order)
        assert report.state is OrderState.OPEN
        return order

    async def became(self, order: Approved, report: OrderReport, state: OrderState) -> OrderReport:
        """What an order became: as its answer says, or, where that only acknowledges, as it is found."""
        assert report.evidence.source == "answer"
        if self.means.acknowledges:
            assert (report.state, report.filled) == (OrderState.OPEN, Decimal(0))
            return await self.ended(order, state)
        assert report.state is state
        return report

    async def find(self, order: Approved) -> OrderReport | None:
        """Ask the adapter for an order."""
        return await self.trading.find(self.instrument, order.intent.client_id, since_ms=0)

    async def ended(self, order: Approved, state: OrderState) -> OrderReport:
        """Ask until the order has ended so."""
        async with asyncio.timeout(WAIT_S):
            while (found := await self.find(order)) is None or found.state is not state:  # noqa: ASYNC110  # a question each time
                await asyncio.sleep(0.02)
        return found

    # --- the venue -----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def price(self, factor: str = "1") -> Decimal:
        """The last price times a factor, on the tick."""

    @abstractmethod
    async def serve(self, order: Approved, quantity: Decimal) -> None:
        """Let the market fill so much of a resting order, at its price."""

    @abstractmethod
    async def touch(self, price: Decimal) -> None:
        """Let the market trade once at a price, which wakes conditional orders."""

    @abstractmethod
    async def truth(self) -> Truth:
        """The venue's ledger of the account; its audit must be clean."""

    @abstractmethod
    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force; ``on``: submit, amend, cancel, query, or the name of an event (new, fill)."""

    @abstractmethod
    async def calm(self) -> None:
        """Take every fault back."""

    @abstractmethod
    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""

    @abstractmethod
    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Let the account's owner place an order by hand; return its client id."""

    @abstractmethod
    async def transfer(self, amount: Decimal) -> str:
        """Bring money in; return its currency."""

    @abstractmethod
    async def close_by_venue(self, how: str) -> None:
        """Let the venue close the position: by liquidation or adl."""

    @abstractmethod
    async def pay_funding(self, rate: Decimal) -> None:
        """Settle funding on the instrument now."""

    @abstractmethod
    async def hedge_mode(self) -> None:
        """Put the account into hedge mode."""

    @abstractmethod
    def lose_stream(self) -> None:
        """Cut the account's stream."""

    @abstractmethod
    async def another(self, key: str = "trade", **settings: Any) -> Trading:
        """A second adapter on the same account: with a key that only reads ("read"), may withdraw, or is unknown.

        ``settings``: timeout_s of requests; life_s, probe_s of the stream; waiting events; ``port`` it goes through; page size.
        """

    @property
    @abstractmethod
    def secrets(self) -> Sequence[str]:
        """What no text may show."""

    @abstractmethod
    async def relay(self) -> Relay:
        """A way to the venue that can be closed."""

    def needs(self, condition: object, what: str) -> None:
        """Skip a case on a market that has no such thing."""
        if not condition:
            pytest.skip(f"{self.trading.venue} {self.trading.market} has no {what}")


class Relay:
    """A port that passes everything on to the venue until it is closed."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> Relay:
        """Listen."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            while self._writers:  # noqa: ASYNC110  # each pump leaves by itself once its transport is gone
                await asyncio.sleep(0.005)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there}
        try:
            await asyncio.gather(_pump(reader, there), _pump(there_reader, writer))
        finally:
            self._writers -= {writer, there}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # aborted: that is what the relay is for
    finally:
        writer.close()


class Heard:
    """What an adapter's updates told, in their order."""

    def __init__(self) -> None:
        self.events: list[AccountEvent] = []
        self.first: list[AccountEvent] = []
        self.done = False
        self._more = asyncio.Event()

    def take(self, batch: Sequence[AccountEvent]) -> None:
        """Take a batch."""
        self.events += batch
        self._more.set()

    def of(self, kind: type[T]) -> list[T]:
        """Every event of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def reports(self, client_id: str) -> list[OrderReport]:
        """Reports of one order."""
        return [report for report in self.of(OrderReport) if report.client_id == client_id]

    def fills(self, client_id: str) -> list[VenueFill]:
        """Fills of one order."""
        return [fill for fill in self.of(VenueFill) if fill.client_id == client_id]

    def movements(self, kind: str) -> list[AccountMovement]:
        """Movements of a kind, each once."""
        found = {item.movement_id: item for item in self.of(AccountMovement) if item.kind == kind}
        return list(found.values())

    def states(self) -> list[str]:
        """The stream's states."""
        return [state.state for state in self.of(StreamState)]

    async def until(self, wanted: Callable[[], Any], what: str = "") -> None:
        """Wait until something was told."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not wanted():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"was not told in {WAIT_S} s: {what or wanted}; told: {self.events}") from None

    async def ended(self, order: Approved) -> OrderReport:
        """Wait until an order's end was told."""
        name = order.intent.client_id
        await self.until(lambda: any(report.state is not OrderState.OPEN for report in self.reports(name)), f"the end of {name}")
        return self.reports(name)[-1]


@asynccontextmanager
async def listening(trading: Trading) -> AsyncIterator[Heard]:
    """Listen to an adapter; its first snapshot is there when the block begins."""
    heard = Heard()

    async def listen() -> None:
        async for batch in trading.updates():
            heard.first = heard.first or list(batch)
            heard.take(batch)
        heard.done = True

    task = asyncio.get_running_loop().create_task(listen())
    try:
        await heard.until(lambda: task.done() or heard.of(AccountSnapshot))
        if task.done():
            task.result()
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
