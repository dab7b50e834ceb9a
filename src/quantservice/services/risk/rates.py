"""What positions and orders are worth in the currency that an account is reported in, by the prices that its venue told. Pure.

Values of linear instruments are of their quote currency, those of inverse contracts too: beside an equity of another currency they
say nothing. Dollars and the coins that stand for one count as equal: a rule's limit is no price.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quantservice.core.instruments import Instrument
from quantservice.core.money import ZERO, round_to_digits

_ONE: Final = Decimal(1)
_DIGITS: Final = 12  # of a rate that is divided: a sentence shows what it makes
_DOLLAR: Final = "USD"
_DOLLARS: Final = frozenset({"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "DAI", "USD1", "USDE"})


class Rates:
    """Of one account. ``currency``: what it is reported in; empty: nothing is converted."""

    def __init__(self, currency: str = "") -> None:
        self._currency = _name(currency)
        self._known: dict[tuple[str, str], Decimal] = {}

    def note(self, rules: Instrument | None, price: Decimal) -> None:
        """Take an instrument's price: it is a rate of two currencies too."""
        if rules is not None and self._currency and price > 0:
            self._known[_name(rules.base), _name(rules.quote)] = price

    def of(self, rules: Instrument | None) -> Decimal:
        """Return what one unit of an instrument's quote currency is worth; 1 where that is not known, which ``faults`` tells."""
        return self._of(rules) or _ONE

    def faults(self, rules: Instrument | None) -> tuple[str, ...]:
        """Return why the value of an instrument cannot be told."""
        if rules is None or self._of(rules) is not None:
            return ()
        return (f"what one {rules.quote} is worth in {self._currency} is not known: its price is not collected",)

    def of_currency(self, currency: str) -> Decimal | None:
        """Return what one unit of a currency is worth; None where that is not known."""
        name = _name(currency)
        if name == self._currency or not self._currency:
            return _ONE
        straight = self._known.get((name, self._currency))
        if straight is not None:
            return straight
        back = self._known.get((self._currency, name))
        return None if back is None else round_to_digits(_ONE / back, _DIGITS)

    def _of(self, rules: Instrument | None) -> Decimal | None:
        return _ONE if rules is None else self.of_currency(rules.quote)


def value_of(rules: Instrument | None, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a quantity is worth in its quote currency, without sign."""
    if not quantity:
        return ZERO
    if rules is not None and rules.inverse:
        return abs(quantity) * rules.contract_size  # contracts of so many quote units each
    if price <= 0:
        return ZERO
    value = price * abs(quantity)  # as core.fees.notional, whose own context a check of microseconds cannot afford
    return value if rules is None else value * rules.contract_size


def _name(currency: str) -> str:
    return _DOLLAR if currency in _DOLLARS else currency
