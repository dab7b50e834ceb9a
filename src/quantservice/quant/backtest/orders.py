"""Orders as rows of the kernel: read, checked, and collected with the bar at whose close they are given."""

from __future__ import annotations

import math

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, Signal
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.records import ORDER_TYPES
from quantservice.quant.backtest.tables import F64

_TYPES = {name: float(number) for number, name in enumerate(ORDER_TYPES)}
_FORCES = {name: float(number) for number, name in enumerate(at.FORCES)}
_NEEDS = {
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("limit_price", "stop_price"),
    "take_profit": ("stop_price",),
    "trailing_stop": ("trail",),
}
_NAN = math.nan
_UNUSED = (0.0,) * 9  # the columns of an order that a target does not have


class Words:
    """Texts as numbers, in the order in which they first came."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {"": 0.0}

    def number(self, text: str) -> float:
        """Return the number of a text."""
        found = self.numbers.get(text)
        if found is None:
            found = self.numbers[text] = float(len(self.numbers))
        return found

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts by their numbers."""
        return tuple(self.numbers)


class Requests:
    """Turns decisions into rows. ``rows`` are those not yet given to the machine."""

    def __init__(self, instruments: tuple[InstrumentId, ...], assumptions: Assumptions) -> None:
        self.places = {name: place for place, name in enumerate(instruments)}
        self.hedged = assumptions.position_mode == "hedge"
        self.tags, self.groups = Words(), Words()
        self.rows: list[tuple[float, ...]] = []

    def take(self) -> F64:
        """Return the collected rows as a table and forget them."""
        table = np.array(self.rows, dtype=np.float64).reshape(len(self.rows), at.R_COLUMNS)
        self.rows = []
        return table

    def add(self, bar: int, decision: Decision) -> None:
        """Collect one decision; raise InvalidValue or UnknownName on one that makes no sense."""
        if isinstance(decision, Signal):
            self.signal(bar, decision)
        elif isinstance(decision, CancelOrders):
            tag = self.tags.number(decision.tag) if decision.tag else -1.0
            self.rows.append((bar, at.ASK_CANCEL, self.place(decision.instrument), *([0.0] * 13), tag))
        else:
            self.order(bar, decision)

    def place(self, instrument: InstrumentId) -> int:
        """Return the number of an instrument."""
        found = self.places.get(instrument)
        if found is None:
            raise UnknownName("instrument", str(instrument), [str(name) for name in self.places])
        return found

    def leg(self, side: str, of: str) -> float:
        """Return the leg that a position side names."""
        if self.hedged:
            if side == "both":
                raise InvalidValue(of, 'in hedge mode a side is "long" or "short"')
            return 1.0 if side == "short" else 0.0
        if side != "both":
            raise InvalidValue(of, f'{side!r} needs position_mode="hedge"')
        return 0.0

    def signal(self, bar: int, signal: Signal, place: int | None = None) -> None:
        """Collect a target; ``place`` is the instrument's number where the caller knows it (to find it takes half of this)."""
        target = float(signal.target)
        if not math.isfinite(target):
            raise InvalidValue("target", f"{signal.target} of {signal.instrument} is not a finite number")
        leg = 0.0 if signal.side == "both" and not self.hedged else self.leg(signal.side, "side")
        number = self.place(signal.instrument) if place is None else place
        tag = self.tags.number(signal.tag) if signal.tag else 0.0
        self.rows.append((bar, at.ASK_SIGNAL, number, leg, 0.0, 0.0, target, *_UNUSED, tag))

    def order(self, bar: int, order: OrderRequest) -> None:
        """Collect an order."""
        check_order(order)
        self.rows.append(
            (
                bar,
                at.ASK_ORDER,
                self.place(order.instrument),
                self.leg(order.position_side, "position_side"),
                1.0 if order.side == "buy" else -1.0,
                _TYPES[order.type],
                _NAN if order.quantity is None else order.quantity,
                _NAN if order.fraction is None else order.fraction,
                _NAN if order.limit_price is None or order.type not in {"limit", "stop_limit"} else order.limit_price,
                _NAN if order.stop_price is None or order.type not in {"stop", "stop_limit", "take_profit"} else order.stop_price,
                0.0 if order.trail is None else order.trail,
                float(order.post_only),
                float(order.reduce_only),
                _FORCES[order.time_in_force],
                math.inf if order.expire_ms is None else float(order.expire_ms),
                self.groups.number(order.group),
                self.tags.number(order.tag),
            )
        )


def check_order(order: OrderRequest) -> None:
    """Raise InvalidValue naming what an order lacks or has too much of."""
    if order.type not in ORDER_TYPES[1:]:
        raise UnknownName("order type", order.type, ORDER_TYPES[1:])
    if order.time_in_force not in _FORCES:
        raise UnknownName("time_in_force", order.time_in_force, _FORCES)
    if order.side not in {"buy", "sell"}:
        raise UnknownName("side", order.side, ("buy", "sell"))
    if (order.quantity is None) == (order.fraction is None):
        raise InvalidValue("quantity", f"a {order.type} order of {order.instrument} needs a quantity or a fraction, one of them")
    for name in ("quantity", "fraction", *_NEEDS.get(order.type, ())):
        value = getattr(order, name)
        if value is None and name in _NEEDS.get(order.type, ()):
            raise InvalidValue(name, f"a {order.type} order of {order.instrument} needs it")
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise InvalidValue(name, f"{value} of a {order.type} order of {order.instrument} must be greater than zero")
    if order.trail is not None and order.trail >= 1.0:
        raise InvalidValue("trail", f"{order.trail} is a fraction of the price: 0.02 trails by two per cent")
    if order.time_in_force == "GTD" and order.expire_ms is None:
        raise InvalidValue("expire_ms", f"a GTD order of {order.instrument} needs it")
    if order.post_only and order.type != "limit":
        raise InvalidValue("post_only", f"only a limit order can be post-only, not a {order.type} order")


class OrderTable:
    """Decisions that are known beforehand: ``add(bar, order)`` places at the close of a bar. For :func:`run_targets`."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, Decision]] = []

    def add(self, bar: int, *decisions: Decision) -> None:
        """Place orders, cancel some, or state targets at the close of bar ``bar`` (an index into the clock)."""
        self._rows.extend((bar, decision) for decision in decisions)

    def __len__(self) -> int:
        return len(self._rows)

    def requests(self, data: MarketData, assumptions: Assumptions) -> tuple[F64, tuple[str, ...]]:
        """Return the rows in the order of their bars, and the tags they use."""
        collected = Requests(data.instruments, assumptions)
        for bar, decision in sorted(self._rows, key=lambda item: item[0]):
            if not 0 <= bar < len(data.time):
                raise InvalidValue("bar", f"{bar} is not one of the {len(data.time)} bars")
            collected.add(bar, decision)
        return collected.take(), collected.tags.texts
