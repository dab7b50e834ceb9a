"""A venue in memory that speaks ``ports.Trading`` and loses what it is told to lose. It keeps its own list of orders: the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from quantservice.core.errors import Refused
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.core.positions import PositionSide
from quantservice.ports.trading import (
    AccountEvent,
    AccountMovement,
    AccountSnapshot,
    NotSent,
    OrderReport,
    Unknown,
    VenueBalance,
    VenuePosition,
)
from tests.support.clock import ManualClock

D = Decimal


class SmallVenue:
    """``script`` names what happens to the next requests: lost_request, lost_answer, refused, not_sent, not_sent_retry, away."""

    account, venue, market = "main", "binance", "um"

    window_ms = 5_000

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.wallet = D(10_000)
        self.held_quantity: dict[tuple[InstrumentId, PositionSide], Decimal] = {}
        self.orders: dict[str, OrderReport] = {}
        self.fills: list[VenueFill] = []
        self.sent: list[str] = []
        self.amends: list[tuple[str, Decimal, Decimal]] = []
        self.script: list[str] = []
        self.stale = False  # queries do not see orders
        self.away = False  # queries fail
        self.held: list[Approved] = []
        self.stream: asyncio.Queue[Sequence[AccountEvent] | None] = asyncio.Queue(1_000)
        self.movements: list[AccountMovement] = []
        self.armed: list[tuple[tuple[InstrumentId, ...], float]] = []

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    # --- requests ---

    async def submit(self, order: Approved) -> OrderReport:
        fault = self.script.pop(0) if self.script else ""
        self.sent.append(order.intent.client_id)
        if fault == "refused":
            raise Refused("Account has insufficient balance", code=-2010, status=400)
        if fault.startswith("not_sent"):
            raise NotSent("Service Unavailable", code=503, retry=fault.endswith("retry"))
        if fault == "lost_request":
            raise Unknown("no answer within 5 s", deadline_ns=self.now_ms * 1_000_000 + 5_000_000_000)
        if fault == "held":
            self.held.append(order)
            raise Unknown("no answer within 5 s", deadline_ns=self.now_ms * 1_000_000 + 5_000_000_000)
        report = self.take(order)
        if fault == "lost_answer":
            raise Unknown("connection reset after the request", deadline_ns=self.now_ms * 1_000_000 + 5_000_000_000)
        return report

    def take(self, order: Approved) -> OrderReport:
        terms, name = order.intent.terms, order.intent.client_id
        if name in self.orders:
            return self.orders[name]  # an adapter adopts the order that is there
        self.orders[name] = OrderReport(
            account="main",
            instrument=terms.instrument,
            client_id=name,
            venue_order_id=str(1_000 + len(self.orders)),
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            reduce_only=terms.reduce_only,
            state=OrderState.OPEN,
            time_ms=self.now_ms,
            evidence=Evidence(source="answer", reference=str(1_000 + len(self.orders))),
        )
        return self.orders[name]

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        fault = self.script.pop(0) if self.script else ""
        self.amends.append((client_id, quantity, limit_price))
        if fault == "refused":
            raise Refused("No need to modify the order.", code=-5027, status=400)
        if fault.startswith("not_sent"):
            raise NotSent("Service Unavailable", code=503, retry=fault.endswith("retry"))
        deadline_ns = self.now_ms * 1_000_000 + 5_000_000_000
        if fault == "lost_request":
            raise Unknown("no answer within 5 s", deadline_ns=deadline_ns)
        if client_id not in self.orders or self.orders[client_id].state is not OrderState.OPEN:
            raise Refused("Unknown order sent.", code=-2011, status=400)
        report = self.change(client_id, OrderState.OPEN, quantity=quantity, limit_price=limit_price)
        if fault == "lost_answer":
            raise Unknown("connection reset after the request", deadline_ns=deadline_ns)
        return report

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        fault = self.script.pop(0) if self.script else ""
        if fault == "lost_answer":
            self.change(client_id, OrderState.CANCELLED)
            raise Unknown("connection reset after the request")
        if client_id not in self.orders or self.orders[client_id].state is not OrderState.OPEN:
            raise Refused("Unknown order sent.", code=-2011, status=400)
        return self.change(client_id, OrderState.CANCELLED)

    # --- the market ---

    def change(self, client_id: str, state: OrderState, **more: Any) -> OrderReport:
        report = self.orders[client_id]
        self.orders[client_id] = msgspec.structs.replace(report, state=state, **more)
        return self.orders[client_id]

    def fill(self, client_id: str, quantity: str, price: str = "50000") -> VenueFill:
        report = self.orders[client_id]
        filled = report.filled + D(quantity)
        self.change(client_id, OrderState.FILLED if filled == report.quantity else OrderState.OPEN, filled=filled)
        made = VenueFill(
            account="main",
            instrument=report.instrument,
            trade_id=str(len(self.fills) + 1),
            side=report.side,
            price=D(price),
            quantity=D(quantity),
            client_id=client_id,
            venue_order_id=report.venue_order_id,
            fee=D("0.5"),
            fee_currency="USDT",
            position_side=report.position_side,
            time_ms=self.now_ms,
        )
        self.fills.append(made)
        leg = (report.instrument, report.position_side)
        self.held_quantity[leg] = self.held_quantity.get(leg, D(0)) + (D(quantity) if report.side == "buy" else -D(quantity))
        return made

    async def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        while (events := await self.stream.get()) is not None:
            yield events

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        self._answer()
        self.armed.append((tuple(instruments), seconds))
        return True

    # --- questions ---

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        self._answer()
        return [movement for movement in self.movements if movement.time_ms >= since_ms]

    async def snapshot(self) -> AccountSnapshot:
        self._answer()
        open_orders = () if self.stale else tuple(item for item in self.orders.values() if item.state is OrderState.OPEN)
        positions = tuple(
            VenuePosition(instrument=leg[0], side=leg[1], quantity=held, entry_price=D(50_000))
            for leg, held in self.held_quantity.items()
            if held
        )
        balance = VenueBalance(currency="USDT", total=self.wallet, free=self.wallet)
        return AccountSnapshot(account="main", balances=(balance,), positions=positions, orders=open_orders, time_ms=self.now_ms)

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:
        self._answer()
        return None if self.stale else self.orders.get(client_id)

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        self._answer()
        return [fill for fill in self.fills if fill.instrument in instruments and fill.time_ms >= since_ms]

    def _answer(self) -> None:
        if self.away:
            raise NotSent("the venue cannot be reached")
