"""What each order earned or lost with what it opened: its fills as lots, closed first in, first out.

A lot is the part of a fill that opened or enlarged a share (a deployment's, or a person's) of a leg. Later fills of the same
share on the other side close its lots in the order in which they were opened; a lot earns the difference of both prices, less
the fee of its own fill and the closing fill's, each by quantity. What is still open is marked at the last price. Funding
belongs to no order and is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.money import ONE, ZERO, exact, sign
from quantservice.core.orders import VenueFill
from quantservice.core.positions import PositionSide, profit

#: What one unit of a currency is worth in another now; None where no price is known.
RateOf: TypeAlias = Callable[[str, str], Decimal | None]


class Outcome(msgspec.Struct, kw_only=True):
    """What came of what an order opened, in the instrument's settlement currency. ``fees`` were paid (a rebate is negative).

    ``open`` is the quantity that is still held; ``unpriced`` are fees in currencies of which no price is known: not in ``fees``.
    """

    currency: str
    opened: Decimal = ZERO
    open: Decimal = ZERO
    realised: Decimal = ZERO
    marked: Decimal = ZERO
    fees: Decimal = ZERO
    unpriced: dict[str, Decimal] = {}

    @property
    def profit(self) -> Decimal:
        """All of it, after fees."""
        return _profit(self)


class _Lot(msgspec.Struct):
    order_id: str
    quantity: Decimal  # signed, what is left of it
    price: Decimal


_Share: TypeAlias = tuple[str, InstrumentId, PositionSide]  # deployment, instrument, leg


class Lots:
    """The lots of an account, and the outcomes of the orders that opened them. Fills come in their order."""

    def __init__(self, rate_of: RateOf) -> None:
        self._rate_of = rate_of
        self._lots: dict[_Share, deque[_Lot]] = {}
        self._rules: dict[InstrumentId, Instrument] = {}
        self._outcomes: dict[str, Outcome] = {}

    def open_with(self, rules: Instrument, side: PositionSide, deployment: str, quantity: Decimal, price: Decimal) -> None:
        """Take what was held before the first fill: it is no order's, and is closed first."""
        self._rules[rules.id] = rules
        self._lots.setdefault((deployment, rules.id, side), deque()).append(_Lot("", quantity, price))

    @exact
    def fill(self, rules: Instrument, fill: VenueFill, order_id: str, deployment: str) -> None:
        """Take a fill: what it closes ends lots, the rest opens one."""
        self._rules[rules.id] = rules
        lots = self._lots.setdefault((deployment, fill.instrument, fill.position_side), deque())
        left = fill.quantity if fill.side == "buy" else -fill.quantity
        while left and lots and sign(lots[0].quantity) != sign(left):
            lot = lots[0]
            closed = min(abs(left), abs(lot.quantity)) * sign(lot.quantity)
            self._close(rules, lot, closed, fill)
            lot.quantity -= closed
            left += closed
            if not lot.quantity:
                lots.popleft()
        if left:
            lots.append(_Lot(order_id, left, fill.price))
            found = self._of(order_id, rules)
            found.opened += abs(left)
            self._charge(rules, found, fill, abs(left))

    @exact
    def outcomes(self, prices: Mapping[InstrumentId, Decimal]) -> dict[str, Outcome]:
        """Return the outcome of every order that opened something, what is open marked at these prices."""
        made = {name: msgspec.structs.replace(found) for name, found in self._outcomes.items()}
        for (_, instrument, _), lots in self._lots.items():
            rules, price = self._rules[instrument], prices.get(instrument)
            for lot in lots:
                found = made.get(lot.order_id)
                if found is not None:
                    found.open += abs(lot.quantity)
                    found.marked += _earned(rules, lot, price, lot.quantity) if price is not None else ZERO
        return made

    def _close(self, rules: Instrument, lot: _Lot, closed: Decimal, fill: VenueFill) -> None:
        if lot.order_id:
            found = self._of(lot.order_id, rules)
            found.realised += _earned(rules, lot, fill.price, closed)
            self._charge(rules, found, fill, abs(closed))

    def _charge(self, rules: Instrument, found: Outcome, fill: VenueFill, quantity: Decimal) -> None:
        """Charge the part of a fill's fee that falls on a quantity."""
        if not fill.fee:
            return
        currency = fill.fee_currency or rules.settle
        part = fill.fee * quantity / fill.quantity
        rate = fill.price if (currency, rules.settle) == (rules.base, rules.quote) else self._rate(currency, rules.settle)
        if rate is None:
            found.unpriced = found.unpriced | {currency: found.unpriced.get(currency, ZERO) + part}
        else:
            found.fees += part * rate

    def _rate(self, currency: str, into: str) -> Decimal | None:
        return ONE if currency == into else self._rate_of(currency, into)

    def _of(self, order_id: str, rules: Instrument) -> Outcome:
        return self._outcomes.setdefault(order_id, Outcome(currency=rules.settle))


def _earned(rules: Instrument, lot: _Lot, price: Decimal, quantity: Decimal) -> Decimal:
    return profit(lot.price, price, quantity, contract_size=rules.contract_size, inverse=rules.inverse)


@exact
def _profit(found: Outcome) -> Decimal:
    return found.realised + found.marked - found.fees
