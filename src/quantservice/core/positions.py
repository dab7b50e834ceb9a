"""Positions: profit and loss, and the fold of fills into one-way or hedged positions with their average entry.

A position is a fold over its fills and nothing else: the same fills give the same position, in one pass or in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.money import ONE, ZERO, check_finite, check_positive, exact, sign

PositionSide = Literal["both", "long", "short"]


@exact
def profit(
    entry_price: Decimal, exit_price: Decimal, quantity: Decimal, *, contract_size: Decimal = ONE, inverse: bool = False
) -> Decimal:
    """Return the profit of holding signed ``quantity`` from ``entry_price`` to ``exit_price``.

    Linear (quote): ``q * size * (exit - entry)``. Inverse (base): ``q * size * (1/entry - 1/exit)`` (Binance, "How to calculate
    PNL in Coin-M futures": PNL = contracts x multiplier x (1/entry - 1/exit), with the sign of the direction).
    """
    check_positive("entry_price", entry_price)
    check_positive("exit_price", exit_price)
    size = quantity * contract_size
    if inverse:
        # One division over the product keeps what two reciprocals would each round.
        return size * (exit_price - entry_price) / (entry_price * exit_price)
    return size * (exit_price - entry_price)


@exact
def break_even_price(
    entry_price: Decimal,
    quantity: Decimal,
    costs: Decimal,
    *,
    exit_rate: Decimal = ZERO,
    contract_size: Decimal = ONE,
    inverse: bool = False,
) -> Decimal:
    """Return the price at which closing leaves nothing won or lost, after ``costs`` so far and the exit fee.

    Solves ``profit(entry, p) - costs - exit_rate * notional(p) = 0`` for ``p``; ``costs`` are fees paid minus funding received, in
    the settlement currency.
    """
    if quantity == 0:
        raise InvalidValue("quantity", "a flat position has no break-even price")
    check_positive("entry_price", entry_price)
    direction, size = sign(quantity), abs(quantity) * contract_size
    if inverse:
        # d*size*(1/entry - 1/p) - costs - rate*size/p = 0
        numerator = size * (direction + exit_rate)
        denominator = direction * size / entry_price - costs
    else:
        # d*size*(p - entry) - costs - rate*size*p = 0
        numerator = direction * size * entry_price + costs
        denominator = size * (direction - exit_rate)
    if denominator == 0 or numerator / denominator <= 0:
        raise InvalidValue("costs", "so high that no price breaks even")
    return numerator / denominator


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. ``fee`` is in ``fee_currency``; ``position_side`` is "both" in one-way mode, else the hedge leg."""

    fill_id: str
    instrument: InstrumentId
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal = ZERO
    fee_currency: str = ""
    position_side: PositionSide = "both"
    time: int = 0

    def __post_init__(self) -> None:
        check_positive("price", self.price)
        check_positive("quantity", self.quantity)
        check_finite("fee", self.fee)

    @property
    def signed(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity if self.side == "buy" else -self.quantity


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is held. ``cost`` is the entry value of what is open, signed: the average entry is derived from it.

    Keeping the entry value instead of the average makes the fold exact for linear contracts, however many fills it takes.
    For linear contracts it is ``sum(q * size * price)``; for inverse ones ``sum(q * size / price)``.
    """

    instrument: InstrumentId
    side: PositionSide = "both"
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: dict[str, Decimal] = {}
    contract_size: Decimal = ONE
    inverse: bool = False
    fills: int = 0

    @property
    def average_entry(self) -> Decimal | None:
        """Average entry price; None when flat."""
        return _average(self)

    @exact
    def unrealised(self, mark_price: Decimal) -> Decimal:
        """Return the profit if what is open were closed at ``mark_price``, before fees."""
        check_positive("mark_price", mark_price)
        size = self.quantity * self.contract_size
        return self.cost - size / mark_price if self.inverse else size * mark_price - self.cost

    @exact
    def apply(self, fill: Fill) -> Position:
        """Return the position after one more fill. Beyond zero it flips: the old one is realised, the rest opens anew."""
        self._check(fill)
        change, value = fill.signed, _value(fill.signed, fill.price, self)
        quantity, cost, realised = self.quantity, self.cost, self.realised
        if quantity == 0 or sign(quantity) == sign(change):
            quantity, cost = quantity + change, cost + value
        else:
            closing = min(abs(change), abs(quantity))
            # Closing everything takes the whole entry value along, so that no dust of a division stays behind.
            entry = cost if closing == abs(quantity) else cost * closing / abs(quantity)
            leaving = _value(sign(change) * closing, fill.price, self)
            realised += entry + leaving if self.inverse else -(entry + leaving)
            quantity, cost = quantity + change, cost - entry
            if closing < abs(change):
                cost = _value(quantity, fill.price, self)
        fees = self.fees
        if fill.fee:
            fees = fees | {fill.fee_currency: fees.get(fill.fee_currency, ZERO) + fill.fee}
        return msgspec.structs.replace(self, quantity=quantity, cost=cost, realised=realised, fees=fees, fills=self.fills + 1)

    def _check(self, fill: Fill) -> None:
        if fill.instrument != self.instrument:
            raise InvalidValue("fill", f"is of {fill.instrument}, the position of {self.instrument}")
        if fill.position_side != self.side:
            raise InvalidValue("fill", f"belongs to side {fill.position_side!r}, the position is {self.side!r}")
        after = self.quantity + fill.signed
        if (self.side == "long" and after < 0) or (self.side == "short" and after > 0):
            raise InvalidValue("fill", f"would turn the {self.side} leg over: {self.quantity} {fill.side} {fill.quantity}")


def fold(position: Position, fills: Iterable[Fill]) -> Position:
    """Return the position after all ``fills``, in their order. That each fill counts once is the caller's inbox's work."""
    for fill in fills:
        position = position.apply(fill)
    return position


@exact
def equity_of(wallet: Decimal, positions: Iterable[Position], prices: Mapping[InstrumentId, Decimal]) -> Decimal:
    """Return money and what is open at the last prices; what was bought on spot counts at its price, what has none not at all."""
    total = wallet
    for position in positions:
        price = prices.get(position.instrument)
        if price is None or not position.quantity:
            continue
        total += position.quantity * price if position.instrument.market == "spot" else position.unrealised(price)
    return total


@exact
def _value(signed: Decimal, price: Decimal, position: Position) -> Decimal:
    size = signed * position.contract_size
    return size / price if position.inverse else size * price


@exact
def _average(position: Position) -> Decimal | None:
    if position.quantity == 0:
        return None
    size = position.quantity * position.contract_size
    return size / position.cost if position.inverse else position.cost / size
