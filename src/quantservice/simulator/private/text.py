"""Decimals as the venue writes them."""

from __future__ import annotations

from decimal import Decimal

from quantservice.core.money import ZERO
from quantservice.simulator.exchange import Listing
from quantservice.simulator.trading import SimOrder


def money(value: Decimal) -> str:
    """Write an amount of a currency: eight digits."""
    return f"{value:.8f}"


def plain(value: Decimal) -> str:
    """Write a number with as many digits as it has."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Writer:
    """How prices and quantities of one symbol are written: with the symbol's digits, on spot always with eight."""

    def __init__(self, listing: Listing, *, spot: bool) -> None:
        self._price = 8 if spot else listing.spec.price_decimals
        self._quantity = 8 if spot else listing.spec.lot_decimals
        self.pair = listing.spec.pair

    def price(self, value: Decimal | None) -> str:
        """Write a price; none is zero."""
        return f"{value or ZERO:.{self._price}f}"

    def quantity(self, value: Decimal) -> str:
        """Write a quantity."""
        return f"{value:.{self._quantity}f}"

    def average(self, value: Decimal | None) -> str:
        """Write an average price, with more digits than a price has."""
        return f"{value or ZERO:.{max(5, self._price + 2)}f}"


def average(order: SimOrder) -> Decimal:
    """Return an order's average price, weighed by quantity; zero before its first fill."""
    return order.cost / order.filled if order.filled else ZERO
