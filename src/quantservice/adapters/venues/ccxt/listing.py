"""What the library knows of an exchange's symbols, as instruments: swaps in base currency, inverse ones in contracts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.core.errors import QuantServiceError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.money import exact

_TICK_SIZE: Final = 4  # the library's precision modes: steps
_DECIMAL_PLACES: Final = 2  # numbers of digits after the point
_NO_STEP: Final = Decimal("0.00000001")  # of significant digits: the exchange's own rule depends on the price, and it refuses
_ONE: Final = Decimal(1)


def instruments_of(
    markets: Mapping[str, Mapping[str, Any]], venue: str, market: str, *, mode: int, seen_ms: int
) -> list[Instrument]:
    """Return the instruments of one of our markets; what the library cannot say in numbers is left out."""
    return list(_instruments(markets, venue, market, mode, seen_ms))


def _instruments(
    markets: Mapping[str, Mapping[str, Any]], venue: str, market: str, mode: int, seen_ms: int
) -> Iterator[Instrument]:
    for row in markets.values():
        if not belongs(row, market):
            continue
        try:
            yield _instrument(row, venue, market, mode, seen_ms)
        except (KeyError, TypeError, ValueError, ArithmeticError, QuantServiceError):
            continue


def belongs(row: Mapping[str, Any], market: str) -> bool:
    """Say whether a symbol is one of our market."""
    if market == "spot":
        return bool(row.get("spot"))
    if not (row.get("swap") or row.get("future")):
        return False
    return bool(row.get("linear")) if market == "um" else bool(row.get("inverse"))


def contract_of(row: Mapping[str, Any], market: str) -> Decimal:
    """Return how much base currency one of the exchange's units is: of linear contracts their size, else one."""
    size = row.get("contractSize") if market == "um" else None
    return Decimal(str(size)) if size else _ONE


@exact
def _instrument(row: Mapping[str, Any], venue: str, market: str, mode: int, seen_ms: int) -> Instrument:
    base, quote, settle = str(row["base"]), str(row["quote"]), str(row.get("settle") or row["quote"])
    contract = contract_of(row, market)
    lot = _step(row["precision"]["amount"], mode) * contract
    limits = row.get("limits") or {}
    least = _decimal((limits.get("amount") or {}).get("min")) * contract
    active = row.get("active")
    return Instrument(
        id=InstrumentId(venue, market, _symbol(row, base, quote)),
        venue_symbol=str(row["symbol"]),
        base=base,
        quote=quote,
        settle=settle,
        tick_size=_step(row["precision"]["price"], mode),
        lot_size=lot,
        min_quantity=max(lot, least),
        min_notional=_decimal((limits.get("cost") or {}).get("min")),
        contract_size=Decimal(str(row.get("contractSize") or 1)) if market == "cm" else _ONE,
        inverse=market == "cm",
        status="break" if active is False else "trading",
        listed_ms=int(row["created"]) if row.get("created") else None,
        delisted_ms=int(row["expiry"]) if row.get("expiry") else None,
        valid_from_ms=seen_ms,
    )


def _symbol(row: Mapping[str, Any], base: str, quote: str) -> str:
    if row.get("spot"):
        return f"{base}-{quote}"
    settle = str(row.get("settle") or quote)
    pair = f"{base}-{quote}" if settle in (base, quote) else f"{base}-{quote}_{settle}"
    if row.get("swap"):
        return f"{pair}-PERP"
    day = dt.datetime.fromtimestamp(int(row["expiry"]) / 1_000, dt.UTC)
    return f"{pair}-{day:%y%m%d}"


def _step(value: Any, mode: int) -> Decimal:
    """Return a step of prices or quantities from the library's precision."""
    found = Decimal(str(value))
    if mode == _TICK_SIZE:
        step = found.normalize() + Decimal(0)
        return step if step > 0 else _NO_STEP
    return _ONE.scaleb(-int(found)) if mode == _DECIMAL_PLACES else _NO_STEP


def _decimal(value: Any) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))
