"""One market of the simulated venue: its symbols, their histories and their live ends."""

from __future__ import annotations

import msgspec
import numpy as np

from quantservice.core.errors import UserError
from quantservice.core.periods import HOUR_MS
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import MarketName, SymbolSpec
from quantservice.simulator.markets.bars import History, IntTable, aggregate, rows_for
from quantservice.simulator.markets.book import Book
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.protocol.text import SymbolText


class Listing(msgspec.Struct):
    """A listed symbol; ``spec`` and ``status`` change when the venue changes its mind."""

    spec: SymbolSpec
    history: History
    text: SymbolText
    status: str = "TRADING"
    delisted: bool = False


class MarketState:
    """The symbols of one market and everything that moves."""

    def __init__(self, market: MarketName, clock: SimulatorClock, *, seed: int) -> None:
        self.market: MarketName = market
        self.clock = clock
        self.seed = seed
        self.listings: dict[str, Listing] = {}
        self.live: dict[str, LiveSymbol] = {}

    def add(self, history: History) -> Listing:
        """List a symbol."""
        spec = history.spec
        if spec.symbol in self.listings:
            raise UserError(f"the simulator already lists {spec.symbol} on {self.market}")
        listing = Listing(spec, history, SymbolText(spec, self.market))
        self.listings[spec.symbol] = listing
        return listing

    def find(self, symbol: str) -> Listing | None:
        """Return a symbol that can be asked for."""
        listing = self.listings.get(symbol)
        return None if listing is None or listing.delisted else listing

    def live_of(self, symbol: str) -> LiveSymbol:
        """Return the live end of ``symbol``, started now if nobody listened before."""
        live = self.live.get(symbol)
        if live is None:
            live = self.live[symbol] = LiveSymbol(self.listings[symbol].history, now_ms=self.clock.now_ms())
        return live

    def book_of(self, symbol: str) -> Book:
        """Return the book of ``symbol``: the one its listeners follow, else one opened at the last trade."""
        live = self.live.get(symbol)
        if live is not None and live.book is not None:
            return live.book
        book = self._open_book(symbol)
        if live is not None:
            live.book = book
        return book

    def _open_book(self, symbol: str) -> Book:
        spec, history = self.listings[symbol].spec, self.listings[symbol].history
        now_ms = self.clock.now_ms()
        # a thousand ids a millisecond: a book opened later always starts above one opened before
        book = Book(spec, seed=self.seed, first_update=now_ms * 1_000)
        recent = history.trades(max(now_ms - HOUR_MS, history.first_ms), now_ms + 1)
        if recent.times:
            book.quote(recent.bids[-1], recent.asks[-1], 1, sell=True)
        else:
            price = round(spec.level * 10**spec.price_decimals / spec.tick) * spec.tick
            book.quote(price, price + spec.tick, 1, sell=True)
        book.breathe(60)
        book.clear()
        return book

    def bars(self, listing: Listing, period: str, start_ms: int, end_ms: int) -> IntTable:
        """Return the bars of ``period`` that open in ``[start_ms, end_ms)`` and before now, the current one as it stands."""
        now_ms, history = self.clock.now_ms(), listing.history
        base_open = now_ms // history.base_ms * history.base_ms
        rows = rows_for(history, period, start_ms, min(end_ms, base_open))
        if start_ms <= base_open < end_ms:
            # a throw-away live end sees exactly the trades up to now, whoever listens meanwhile
            current = LiveSymbol(history, now_ms=now_ms).unclosed
            if current is not None:
                rows = np.concatenate([rows, np.array([msgspec.structs.astuple(current)], dtype=np.int64)])
        return aggregate(rows, period)
