"""Instruments: their one full name, the rules of trading them, and rounding to those rules.

The full name is ``venue:market:SYMBOL`` — ``binance:um:BTC-USDT-PERP``, ``binance:spot:BTC-USDT``,
``binance:cm:BTC-USD-250328``. The venue's own spelling (``BTCUSDT``, ``BTCUSD_250328``) lives in
:attr:`Instrument.venue_symbol` and nowhere else inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.money import exact, round_to_step

MARKETS: Final[tuple[str, ...]] = ("spot", "um", "cm", "dex")
InstrumentStatus = Literal["trading", "break", "pre_trading", "delivering", "delisted"]
Side = Literal["buy", "sell"]
_MAX_PART: Final = 64


def check_market(market: str) -> str:
    """Return ``market`` if it is one of ours, else raise :class:`UnknownName`."""
    if market in MARKETS:
        return market
    raise UnknownName("market", market, MARKETS, hint=f"valid markets: {' '.join(MARKETS)}")


class InstrumentId(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """The one full name of an instrument: ``venue:market:symbol``."""

    venue: str
    market: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.venue}:{self.market}:{self.symbol}"

    @classmethod
    def parse(cls, text: str) -> InstrumentId:
        """Read a full name; raise :class:`InvalidValue` or :class:`UnknownName` on anything else."""
        parts = text.split(":")
        if len(parts) != 3 or not all(0 < len(part) <= _MAX_PART and _is_clean(part) for part in parts):
            raise InvalidValue("instrument", f"{text[:80]!r} is not of the form venue:market:SYMBOL")
        return cls(parts[0], check_market(parts[1]), parts[2])


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of an instrument, valid from one instant on.

    Prices are in ``quote``, quantities in ``base`` (spot, um) or contracts (cm, ``contract_size`` of quote each).
    ``listed_ms`` / ``delisted_ms`` bound its life; ``valid_from_ms`` is when this version was first seen.
    """

    id: InstrumentId
    venue_symbol: str
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    status: InstrumentStatus = "trading"
    listed_ms: int | None = None
    delisted_ms: int | None = None
    valid_from_ms: int = 0

    @property
    def price_digits(self) -> int:
        """Decimals to show a price with."""
        return max(0, -_exponent(self.tick_size))

    @property
    def quantity_digits(self) -> int:
        """Decimals to show a quantity with."""
        return max(0, -_exponent(self.lot_size))

    def round_price(self, price: float | Decimal | str, side: Side | None = None) -> Decimal:
        """Round to the tick: a buy down, a sell up (never a worse price), no side to the nearest, ties to even."""
        rounding = {None: ROUND_HALF_EVEN, "buy": ROUND_FLOOR, "sell": ROUND_CEILING}[side]
        return round_to_step(_decimal("price", price), self.tick_size, rounding)

    def round_quantity(self, quantity: float | Decimal | str) -> Decimal:
        """Round toward zero to the lot: a rounded order never exposes more than was asked."""
        exact = _decimal("quantity", quantity)
        rounded = round_to_step(abs(exact), self.lot_size, ROUND_FLOOR)
        return rounded.copy_sign(exact) if rounded else rounded

    @exact
    def notional(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Value of ``quantity`` at ``price``: in quote for linear, in base for inverse contracts."""
        if self.inverse:
            return abs(quantity) * self.contract_size / price
        return abs(quantity) * self.contract_size * price


class AmbiguousSymbol(UserError):
    """A short form that several instruments answer to; ``candidates`` are their full names."""

    def __init__(self, text: str, candidates: Iterable[InstrumentId]) -> None:
        self.candidates = tuple(sorted(candidates))
        names = ", ".join(str(item) for item in self.candidates[:8])
        super().__init__(f"symbol {text!r} is ambiguous; say which: {names}")


class InstrumentBook:
    """An immutable index over instruments that resolves full names and the short forms of the edges."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_id: dict[InstrumentId, Instrument] = {item.id: item for item in instruments}
        self._by_short: dict[str, list[Instrument]] = {}
        self._by_venue: dict[tuple[str, str, str], Instrument] = {}
        for item in self._by_id.values():
            self._by_venue[item.id.venue, item.id.market, item.venue_symbol] = item
            names = (item.venue_symbol, item.id.symbol, f"{item.base}-{item.quote}", f"{item.base}{item.quote}")
            for name in {name.upper() for name in names}:  # HTX writes its symbols small: "btcusdt" is no second name
                self._by_short.setdefault(name, []).append(item)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_id.values())

    def get(self, instrument_id: InstrumentId) -> Instrument | None:
        """Return the instrument of a full name, or None."""
        return self._by_id.get(instrument_id)

    def by_venue_symbol(self, venue: str, market: str, venue_symbol: str) -> Instrument | None:
        """Return the instrument a venue calls ``venue_symbol``, or None."""
        return self._by_venue.get((venue, market, venue_symbol))

    def resolve(self, text: str, *, venue: str | None = None, market: str | None = None) -> Instrument:
        """Turn what a person typed into one instrument.

        Raises :class:`UnknownName` (with the nearest names) or :class:`AmbiguousSymbol` (with the candidates).
        An exact symbol wins over a base-quote pair, so ``BTCUSDT`` on um is the perpetual, not a dated future.
        """
        if text.count(":") == 2:
            wanted = InstrumentId.parse(text)
            found = self._by_id.get(wanted)
            if found is not None:
                return found
            raise UnknownName("symbol", text, (str(item) for item in self._by_id))
        if market is not None:
            check_market(market)
        key = text.strip().upper()
        matches = [
            item
            for item in self._by_short.get(key, [])
            if (venue is None or item.id.venue == venue) and (market is None or item.id.market == market)
        ]
        if len(matches) > 1:
            exact = [item for item in matches if key in (item.venue_symbol.upper(), item.id.symbol.upper())]
            perpetual = [item for item in matches if item.id.symbol.endswith("-PERP")]
            matches = exact if len(exact) == 1 else perpetual if len(perpetual) == 1 and market else matches
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise AmbiguousSymbol(text, (item.id for item in matches))
        scope = [
            item.venue_symbol
            for item in self._by_id.values()
            if (venue is None or item.id.venue == venue) and (market is None or item.id.market == market)
        ]
        raise UnknownName("symbol", text, scope)


def _is_clean(part: str) -> bool:
    return part.isprintable() and not any(char in part for char in " \t/\\'\"`;:")


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _decimal(field: str, value: float | Decimal | str) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    if not exact.is_finite():
        raise InvalidValue(field, f"{value} is not a finite number")
    return exact
