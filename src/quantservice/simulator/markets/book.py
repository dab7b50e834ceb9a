"""An order book that follows the trades: its touch is where the next trade happens, its depth breathes at random."""

from __future__ import annotations

import random
from typing import Final

from quantservice.simulator.config import SymbolSpec

LEVELS: Final = 60


class Book:
    """Bids and asks of one symbol in whole units, and the changes since each reader last looked."""

    def __init__(self, spec: SymbolSpec, *, seed: int, first_update: int) -> None:
        self._tick = spec.tick
        self._mean = max(2.0, spec.minute_volume / spec.minute_trades * 10**spec.lot_decimals * 3)
        self._random = random.Random(f"{seed}:{spec.symbol}")  # noqa: S311  # market noise, nothing secret
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best_bid = 0
        self.best_ask = 0
        self.update_id = first_update
        self._touched: list[dict[int, int]] = [{}, {}]

    def quote(self, bid: int, ask: int, least: int, *, sell: bool) -> bool:
        """Move the touch to ``bid``/``ask`` with at least ``least`` on the side to be hit; true if anything changed."""
        before = self.update_id
        if bid != self.best_bid:
            for price in [price for price in self.bids if price > bid]:
                self._set(self.bids, 0, price, 0)
            self.best_bid = bid
        if ask != self.best_ask:
            for price in [price for price in self.asks if price < ask]:
                self._set(self.asks, 1, price, 0)
            self.best_ask = ask
        if bid not in self.bids or (sell and self.bids[bid] <= least):
            self._set(self.bids, 0, bid, (least if sell else 0) + self._size())
        if ask not in self.asks or (not sell and self.asks[ask] <= least):
            self._set(self.asks, 1, ask, (0 if sell else least) + self._size())
        return self.update_id != before

    def take(self, quantity: int, *, sell: bool) -> None:
        """Take ``quantity`` from the touch (it holds more than that)."""
        if sell:
            self._set(self.bids, 0, self.best_bid, self.bids[self.best_bid] - quantity)
        else:
            self._set(self.asks, 1, self.best_ask, self.asks[self.best_ask] - quantity)

    def breathe(self, changes: int = 4) -> None:
        """Change some levels behind the touch and keep the book filled to its depth."""
        for index, (side, best, step) in enumerate(
            ((self.bids, self.best_bid, -self._tick), (self.asks, self.best_ask, self._tick))
        ):
            for _ in range(changes):
                price = best + step * self._random.randrange(1, LEVELS)
                if price > 0:
                    self._set(side, index, price, 0 if price in side and self._random.random() < 0.3 else self._size())
            if len(side) < LEVELS // 2:
                for offset in range(1, LEVELS):
                    price = best + step * offset
                    if price > 0 and price not in side:
                        self._set(side, index, price, self._size())
            elif len(side) > LEVELS * 4:
                far = sorted(side, key=lambda price: abs(price - best))[LEVELS * 2 :]  # used at once
                for price in far:
                    self._set(side, index, price, 0)

    def top(self) -> tuple[int, int, int, int]:
        """Return best bid, its size, best ask, its size."""
        return self.best_bid, self.bids[self.best_bid], self.best_ask, self.asks[self.best_ask]

    def snapshot(self, limit: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the best ``limit`` levels of both sides, best first."""
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        asks = sorted(self.asks.items())[:limit]
        return bids, asks

    def watch(self) -> list[dict[int, int]]:
        """Return the shared record of changes since the last :meth:`clear`: bids and asks, price to size."""
        return self._touched

    def clear(self) -> None:
        """Forget the recorded changes."""
        self._touched = [{}, {}]

    def _set(self, side: dict[int, int], index: int, price: int, size: int) -> None:
        if size:
            side[price] = size
        elif side.pop(price, None) is None:
            return
        self._touched[index][price] = size
        self.update_id += 1

    def _size(self) -> int:
        return 1 + int(self._random.expovariate(1.0) * self._mean)
