"""What the reference engine is given, and the few things it keeps: markets with their rows, legs, orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from quantservice.core.fees import notional
from quantservice.core.instruments import Instrument
from quantservice.core.margin import BracketTable
from quantservice.core.positions import Position
from quantservice.core.signals import OrderRequest

ZERO, ONE, NEVER = Decimal(0), Decimal(1), 1 << 62


def exactly(value: float | None) -> Decimal:
    return ZERO if value is None else Decimal(repr(float(value)))


class Row(NamedTuple):
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    fit: bool  # whether orders may fill on it


@dataclass(eq=False)
class Order:
    leg: Leg
    ask: OrderRequest  # of a target: a market order for a fraction of the equity
    side: int
    left: Decimal
    arrival: int
    limit: Decimal = ZERO
    stop: Decimal = ZERO
    status: str = "travelling"  # resting, limited (a stop-limit whose stop was reached), market, or how it ended
    best: Decimal = ZERO
    cancel: int = NEVER
    skip: int = -1
    filled: Decimal = ZERO


@dataclass(eq=False)
class Leg:
    market: Market
    side: str
    position: Position
    margin: Decimal = ZERO
    held: Decimal = ZERO  # what favourable orders may reduce in this row
    wanted: float | None = None
    order: Order | None = None  # of a target

    def profit(self, price: Decimal) -> Decimal:
        return self.position.unrealised(price) if self.position.quantity else ZERO


@dataclass(eq=False)
class Market:
    rules: Instrument
    rows: list[Row | None]
    maker: Decimal
    taker: Decimal
    leverage: Decimal
    brackets: BracketTable | None  # None: spot
    funding: list[tuple[int, Decimal]]
    legs: dict[str, Leg] = field(default_factory=dict)
    mark: Decimal = ZERO
    left: Decimal = ZERO
    gone: bool = False

    def __post_init__(self) -> None:
        self.kind: Any = {"contract_size": self.rules.contract_size, "inverse": self.rules.inverse}
        self.spot, self.currency = self.brackets is None, self.rules.settle

    def value(self, price: Decimal) -> Decimal:
        return notional(price, ONE, **self.kind)

    def small(self, quantity: Decimal, price: Decimal) -> bool:
        return quantity < self.rules.min_quantity or quantity * self.value(price) < self.rules.min_notional

    def lots(self, quantity: Decimal) -> Decimal:
        return self.rules.round_quantity(quantity + self.rules.lot_size / 10**9)  # what divisions left just below a lot is that lot
