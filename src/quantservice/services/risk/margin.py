"""The margin ratio of a futures account between two statements of its venue.

It is maintenance margin over margin balance; 1 is liquidation.

A venue says what each margin account asks for and has. From there on the maintenance margin moves with the value of what is held,
and the balance with our own equity: what a fill or a price changed counts at once, and the next statement takes the rest along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.fees import notional
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.margin import UNKNOWN_TIERS
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Position
from quantservice.ports.trading import AccountSnapshot, VenueMargin, VenuePosition
from quantservice.services.risk.exposure import InstrumentOf

#: The ratio of an account that has nothing left and still holds something.
LOST: Final = Decimal(99)
_USUAL_RATE: Final = UNKNOWN_TIERS.brackets[0].maintenance_rate
_ALL: Final = "USD"  # a venue that values all currencies together
_DOLLARS: Final = frozenset({"USD", "USDT", "USDC", "FDUSD", "BUSD"})  # whose change counts there at once


class _Account(msgspec.Struct, frozen=True):
    """A margin account as it was told. ``rate``: maintenance margin by value held.

    ``money`` is wallet and open profit by the same statement, so that only what changed since then is added to its balance.
    """

    told: VenueMargin
    rate: Decimal
    money: Decimal


class MarginBook:
    """Follows one account. Pure: who has positions, prices and the wallet brings them."""

    def __init__(self, instrument_of: InstrumentOf) -> None:
        self._instrument_of = instrument_of
        self._accounts: dict[str, _Account] = {}
        self._marks: dict[InstrumentId, Decimal] = {}

    @property
    def marks(self) -> Mapping[InstrumentId, Decimal]:
        """The venue's own marks of what was held at its last statement: a price where no market event came yet."""
        return self._marks

    @exact
    def take(self, snapshot: AccountSnapshot) -> None:
        """Take a venue's statement. Its own positions say what value its figures are of: our books may be ahead of it by a fill."""
        self._marks = {item.instrument: item.mark_price for item in snapshot.positions if item.mark_price > 0}
        values: dict[str, Decimal] = {}
        for item in snapshot.positions:
            self._add(values, item.instrument, item.quantity, item.mark_price or item.entry_price)
        values[_ALL] = sum(values.values(), ZERO)
        wallet = {item.currency: item.total for item in snapshot.balances}
        money = self._money(
            self._marks, wallet, [_position(item, self._instrument_of(item.instrument)) for item in snapshot.positions]
        )
        known = {name: account.rate for name, account in self._accounts.items()}
        self._accounts = {}
        for told in snapshot.margins:
            value = values.get(told.currency, ZERO)
            rate = told.maintenance / value if value > 0 and told.maintenance > 0 else known.get(told.currency, _USUAL_RATE)
            self._accounts[told.currency] = _Account(told=told, rate=rate, money=money.get(told.currency, ZERO))

    def _add(self, values: dict[str, Decimal], instrument: InstrumentId, quantity: Decimal, price: Decimal) -> None:
        rules = self._instrument_of(instrument)
        if rules is None or not quantity or price <= 0 or instrument.market == "spot":
            return
        value = notional(price, quantity, contract_size=rules.contract_size, inverse=rules.inverse)
        values[rules.settle] = values.get(rules.settle, ZERO) + value

    @exact
    def ratio(
        self,
        legs: Mapping[tuple[InstrumentId, str], Decimal],
        prices: Mapping[InstrumentId, Decimal],
        *,
        wallet: Mapping[str, Decimal],
        held: Iterable[Position],
    ) -> Decimal:
        """Return the highest ratio among the margin accounts; 0 where the venue told of none, or nothing is held.

        ``legs`` is what is held at this moment. ``wallet`` and ``held`` are the books of one moment, which may be a little older: a
        fill moves money between the two, and what they are worth together stays.
        """
        if not self._accounts:
            return ZERO
        values: dict[str, Decimal] = {}
        for (instrument, _), quantity in legs.items():
            self._add(values, instrument, quantity, prices.get(instrument) or self._marks.get(instrument) or ZERO)
        money = self._money(prices, wallet, held)
        values[_ALL] = sum(values.values(), ZERO)
        return max(
            _ratio(item, values.get(name, ZERO), money.get(name) if wallet else None) for name, item in self._accounts.items()
        )

    def _money(
        self, prices: Mapping[InstrumentId, Decimal], wallet: Mapping[str, Decimal], held: Iterable[Position]
    ) -> dict[str, Decimal]:
        """Return per currency the wallet and what is open, by the books."""
        money = dict(wallet)
        for position in held:
            price = prices.get(position.instrument) or self._marks.get(position.instrument)
            rules = self._instrument_of(position.instrument)
            if price is not None and rules is not None and position.quantity and position.instrument.market != "spot":
                money[rules.settle] = money.get(rules.settle, ZERO) + position.unrealised(price)
        money[_ALL] = sum((amount for name, amount in money.items() if name in _DOLLARS), ZERO)
        return money


def _position(told: VenuePosition, rules: Instrument | None) -> Position:
    """Return a position as its venue tells it; one whose price is not told has earned nothing."""
    size = told.quantity * (rules.contract_size if rules is not None else Decimal(1))
    inverse = rules is not None and rules.inverse
    entry = told.entry_price or told.mark_price or Decimal(1)
    return Position(
        instrument=told.instrument,
        side=told.side,
        quantity=told.quantity,
        cost=size / entry if inverse else size * entry,
        contract_size=rules.contract_size if rules is not None else Decimal(1),
        inverse=inverse,
    )


def _ratio(account: _Account, value: Decimal, money: Decimal | None) -> Decimal:
    """Return a margin account's ratio now; where our money is not known yet the statement's balance stands."""
    needed = account.rate * value
    if needed <= 0:
        return ZERO
    balance = account.told.balance + (ZERO if money is None else money - account.money)
    return min(needed / balance, LOST) if balance > 0 else LOST
