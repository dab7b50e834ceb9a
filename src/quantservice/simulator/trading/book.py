"""One symbol's order book: the clients' resting orders by price and time, and the market around them.

The market's own liquidity is what it shows: levels of price and quantity. What a taker takes of a level is gone until the market
shows the level anew. A resting order waits behind what the market showed at its price when it came; trades of the market serve it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from quantservice.core.money import ZERO
from quantservice.simulator.trading.values import Side, SimOrder

Levels = list[tuple[Decimal, Decimal]]


class SymbolBook:
    """Bids and asks of the market, and the clients' resting orders."""

    def __init__(self) -> None:
        self.bids: Levels = []
        self.asks: Levels = []
        self.last: Decimal | None = None
        self.mark: Decimal | None = None
        self.resting: dict[int, SimOrder] = {}
        self.waiting: dict[int, SimOrder] = {}

    def show(self, bids: Levels, asks: Levels) -> None:
        """Take what the market shows now, best first."""
        self.bids = [level for level in bids if level[1] > 0]
        self.asks = [level for level in asks if level[1] > 0]

    def best(self, side: Side) -> Decimal | None:
        """Best price that a taker of ``side`` meets: of the market or of a resting order."""
        levels = self.asks if side == "buy" else self.bids
        prices = [levels[0][0]] if levels else []
        prices += [order.price for order in self.resting.values() if order.side != side and order.price is not None]
        if not prices:
            return None
        return min(prices) if side == "buy" else max(prices)

    def queue_ahead(self, side: Side, price: Decimal) -> Decimal:
        """What the market shows at ``price`` on ``side``."""
        return sum((quantity for at, quantity in (self.bids if side == "buy" else self.asks) if at == price), ZERO)

    def makers(self, taker: Side, limit: Decimal | None) -> Iterator[SimOrder]:
        """Resting orders that a taker can meet, best price first, older first."""
        found = [
            order
            for order in self.resting.values()
            if order.side != taker and order.price is not None and _reaches(taker, limit, order.price)
        ]
        found.sort(key=lambda order: (_rank(taker, order.price), order.priority))
        yield from found

    def take_level(self, taker: Side, limit: Decimal | None, most: Decimal) -> tuple[Decimal, Decimal] | None:
        """Take up to ``most`` from the market's best level within ``limit``; None where there is none."""
        levels = self.asks if taker == "buy" else self.bids
        if not levels or not _reaches(taker, limit, levels[0][0]):
            return None
        price, quantity = levels[0]
        taken = min(quantity, most)
        if taken == quantity:
            levels.pop(0)
        else:
            levels[0] = (price, quantity - taken)
        return price, taken

    def available(self, taker: Side, limit: Decimal | None) -> Decimal:
        """How much a taker could take within ``limit``: for fill-or-kill."""
        levels = self.asks if taker == "buy" else self.bids
        total = sum((quantity for price, quantity in levels if _reaches(taker, limit, price)), ZERO)
        return total + sum((order.left for order in self.makers(taker, limit)), ZERO)


def _reaches(taker: Side, limit: Decimal | None, price: Decimal) -> bool:
    return limit is None or (price <= limit if taker == "buy" else price >= limit)


def _rank(taker: Side, price: Decimal | None) -> Decimal:
    at = price if price is not None else ZERO
    return at if taker == "buy" else -at
