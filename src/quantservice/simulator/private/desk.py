"""One market's trading: its matching engine fed by the simulator's own market, trades, touch, marks and funding alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.core.margin import Bracket, BracketTable, maintenance_amounts
from quantservice.core.money import exact
from quantservice.simulator.config import MarketName
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.book import Book
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.private.config import TradingConfig
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import AccountEvent, Engine, FillEvent, OrderEvent, SimOrder, Symbol

_UM_TIERS: Final = (
    (0, "0.004", 125),
    (50_000, "0.005", 100),
    (600_000, "0.01", 50),
    (3_000_000, "0.02", 25),
    (12_000_000, "0.05", 10),
)
_CM_TIERS: Final = ((0, "0.004", 125), (5, "0.005", 100), (10, "0.01", 50), (20, "0.025", 20), (50, "0.05", 10))
_LAST_CAP: Final = Decimal(10**12)


class Seen(msgspec.Struct, frozen=True):
    """An order as it was from an instant of the wall clock on; stale reads look back into these."""

    wall_s: float
    order: SimOrder


class _Followed:
    """A symbol that somebody trades: its own walk along the market's trades, and a book where the public one is not open."""

    __slots__ = ("book", "listing", "live", "shown")

    def __init__(self, listing: Listing, live: LiveSymbol, book: Book) -> None:
        self.listing = listing
        self.live = live
        self.book = book
        self.shown = (-1, -1)


class Desk:
    """One market's engine and what it is fed with."""

    def __init__(
        self,
        state: MarketState,
        config: TradingConfig,
        wall_s: Callable[[], float],
        *,
        engine: Engine | None = None,
        described: Callable[[Listing], Symbol] | None = None,
    ) -> None:
        """``engine``: one that several desks of a venue share; ``described``: the engine's symbol of a listing at that venue."""
        self.market: MarketName = state.market
        self.exchange = state
        self.config = config
        self._described = described or (lambda listing: describe(self.market, listing, config))
        self.engine = engine or Engine(first_order_id=config.first_order_id or state.clock.now_ms())
        self.engine.listen(self._note)
        self.seen: dict[int, deque[Seen]] = {}
        self.fills_seen: list[float] = []
        self.fills_of: dict[int, list[FillEvent]] = {}
        self.cancel_ids: dict[int, str] = {}
        self.moved: dict[tuple[str, str], int] = {}
        self._wall_s = wall_s
        self._followed: dict[str, _Followed] = {}
        self._funded = state.clock.now_ms() // figures.FUNDING_MS

    # --- the market --------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """Market time."""
        return self.exchange.clock.now_ms()

    def symbol(self, name: str) -> Symbol:
        """A tradable symbol, fed from now on; refused as the venue refuses an unknown one."""
        listing = self.exchange.find(name) if name else None
        if listing is None:
            if not name:
                raise VenueRefusal(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
            raise VenueRefusal(-1121, "Invalid symbol.")
        if name not in self._followed:
            self._follow(listing)
        followed, known = self._followed[name], self.engine.state.symbols[name]
        if known.status != listing.status or known.tick != _tick(listing):
            self.engine.list_symbol(self._described(listing))
        self._show(followed)
        return self.engine.state.symbols[name]

    def listing(self, name: str) -> Listing:
        """The listing of a symbol that was traded, delisted ones included."""
        return self.exchange.listings[name]

    def tick(self) -> None:
        """Bring the engine to the clock's now."""
        now_ms, state = self.now_ms(), self.engine.state
        self.engine.expire_due(now_ms)
        for name, followed in self._followed.items():
            traded = followed.live.advance(now_ms).trades
            for trades, index in traded:
                sell, quantity = trades.sells[index], trades.quantities[index]
                followed.book.quote(trades.bids[index], trades.asks[index], quantity, sell=sell)
                followed.book.take(quantity, sell=sell)
                price, size = self._price(followed, trades.prices[index]), self._quantity(followed, quantity)
                self.engine.trade(name, price, size, buyer_is_maker=sell, now_ms=trades.times[index])
            if traded:
                followed.book.breathe()  # who makes the market follows the price: both sides keep their depth
                followed.book.clear()
            book = state.books[name]
            if book.resting or book.waiting:
                self._show(followed)
        self._marks(now_ms)
        self._funding(now_ms)

    def mark(self, name: str) -> Decimal:
        """Mark price of a symbol, followed or not."""
        followed = self._followed.get(name)
        if followed is not None:
            return self._mark(followed)
        return Decimal(figures.mark_price(self.exchange, self.exchange.listings[name])[0])

    def _follow(self, listing: Listing) -> None:
        now_ms, spec = self.now_ms(), listing.spec
        live = LiveSymbol(listing.history, now_ms=now_ms)
        if not live.last_price:
            live.last_price = listing.history.price_before(now_ms) or 1
        public = self.exchange.live.get(spec.symbol)
        own = Book(spec, seed=self.exchange.seed, first_update=1)
        top = public.book.top() if public is not None and public.book is not None else self.exchange.book_of(spec.symbol).top()
        own.quote(top[0], top[2], 1, sell=True)
        own.breathe(60)
        followed = self._followed[spec.symbol] = _Followed(listing, live, own)
        self.engine.list_symbol(self._described(listing))
        self.engine.state.books[spec.symbol].mark = self._mark(followed)

    def _show(self, followed: _Followed) -> None:
        """Show the market's levels to the engine where they changed: those of the public book where one is open."""
        name = followed.listing.spec.symbol
        public = self.exchange.live.get(name)
        book, which = followed.book, 0
        if public is not None and public.book is not None:
            book, which = public.book, 1
        if followed.shown == (which, book.update_id):
            return
        followed.shown = (which, book.update_id)
        bids, asks = book.snapshot(self.config.levels)
        self.engine.show(
            name,
            [(self._price(followed, price), self._quantity(followed, size)) for price, size in bids],
            [(self._price(followed, price), self._quantity(followed, size)) for price, size in asks],
            self.now_ms(),
        )

    def _marks(self, now_ms: int) -> None:
        if self.market == "spot" or not self._followed:
            return
        self.engine.set_marks({name: self._mark(followed) for name, followed in self._followed.items()}, now_ms)

    def _mark(self, followed: _Followed) -> Decimal:
        spec = followed.listing.spec
        units = followed.live.last_price * 10 ** (8 - spec.price_decimals)
        # the same figure as the premium index and the mark price stream show
        return Decimal(max(1, units - units // 40_000)).scaleb(-8)

    def _funding(self, now_ms: int) -> None:
        """Settle funding at each border that was passed, at the rate and mark that the market data names."""
        last = now_ms // figures.FUNDING_MS
        while self._funded < last and self.market != "spot":
            self._funded += 1
            at = self._funded * figures.FUNDING_MS
            for name in {name for account in self.engine.state.accounts.values() for name, _side in account.positions}:
                followed = self._followed.get(name)
                rows = figures.funding_rates(self.exchange, followed.listing, at, at, 1) if followed is not None else []
                if rows:
                    self.engine.state.books[name].mark = Decimal(rows[0]["markPrice"])
                    self.engine.settle_funding(name, Decimal(rows[0]["fundingRate"]), at)

    @staticmethod
    def _price(followed: _Followed, units: int) -> Decimal:
        return Decimal(units).scaleb(-followed.listing.spec.price_decimals)

    @staticmethod
    def _quantity(followed: _Followed, units: int) -> Decimal:
        return Decimal(units).scaleb(-followed.listing.spec.lot_decimals)

    # --- what was, for stale reads -------------------------------------------------------------------------------------

    def order_as_seen(self, order: SimOrder, before_s: float) -> SimOrder | None:
        """The order as it was at an instant of the wall clock; None when it did not exist yet."""
        found = [seen.order for seen in self.seen.get(order.order_id, ()) if seen.wall_s <= before_s]
        return found[-1] if found else None

    def _note(self, event: AccountEvent) -> None:
        if isinstance(event, FillEvent):
            self.fills_seen.append(self._wall_s())
            self.fills_of.setdefault(event.order.order_id, []).append(event)
            self.moved[event.account, event.order.symbol] = event.time_ms
        if isinstance(event, FillEvent | OrderEvent):
            self.seen.setdefault(event.order.order_id, deque(maxlen=64)).append(Seen(self._wall_s(), event.order))


def _tick(listing: Listing) -> Decimal:
    return Decimal(listing.spec.tick).scaleb(-listing.spec.price_decimals)


def describe(market: MarketName, listing: Listing, config: TradingConfig) -> Symbol:
    """Return the engine's symbol of a listing, with the filters that the exchange information names."""
    spec, fees = listing.spec, config.fees[market]
    lot = Decimal(1).scaleb(-spec.lot_decimals)
    values: dict[str, Any] = {
        "name": spec.symbol,
        "base": spec.base,
        "quote": spec.quote,
        "settle": spec.base if market == "cm" else spec.quote,
        "tick": _tick(listing),
        "lot": lot,
        "min_quantity": lot,
        "max_quantity": Decimal(9_000_000 if market == "spot" else 10_000_000),
        "maker_fee": Decimal(fees.maker),
        "taker_fee": Decimal(fees.taker),
        "status": listing.status,
    }
    if market == "spot":
        values |= {"spot": True, "min_notional": Decimal(5), "price_band": Decimal(4)}
    else:
        values |= {"price_band": Decimal("0.15"), "band_both_sides": False, "brackets": brackets(market)}
        values |= (
            {"inverse": True, "contract_size": Decimal(spec.contract_size)} if market == "cm" else {"min_notional": Decimal(5)}
        )
    return Symbol(**values)


@exact
def brackets(market: MarketName) -> BracketTable:
    """Return the market's tiers: of notional in USDT on um, in coins on cm."""
    tiers = _CM_TIERS if market == "cm" else _UM_TIERS
    floors = [Decimal(floor) for floor, _rate, _leverage in tiers]
    sums = maintenance_amounts([(Decimal(floor), Decimal(rate)) for floor, rate, _leverage in tiers])
    return BracketTable(
        tuple(
            Bracket(
                floor=floors[at],
                cap=floors[at + 1] if at + 1 < len(floors) else _LAST_CAP,
                maintenance_rate=Decimal(rate),
                max_leverage=Decimal(leverage),
                cum=sums[at],
            )
            for at, (_floor, rate, leverage) in enumerate(tiers)
        )
    )
