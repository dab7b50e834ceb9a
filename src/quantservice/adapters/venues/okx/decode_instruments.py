"""``public/instruments`` -> instruments, and how large the contracts of swaps are."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.spec import VENUE, OkxRow
from quantservice.adapters.venues.okx.wire import rows_of
from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId, InstrumentStatus
from quantservice.core.money import exact

_STATUS: Final[Mapping[str, InstrumentStatus]] = {
    "live": "trading",
    "suspend": "break",
    "preopen": "pre_trading",
    "test": "break",
    "post_only": "break",
    "rebase": "break",
}
_SMALLEST: Final = Decimal("1e-18")


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """All instruments of a market. ``contracts``: base currency per contract, by the venue's name (1 on spot).

    ``foreign`` are listed there and not ours (inverse swaps, say); ``refused`` could not be read: (name, reason).
    """

    instruments: tuple[Instrument, ...]
    contracts: Mapping[str, Decimal]
    foreign: frozenset[str] = frozenset()
    refused: tuple[tuple[str, str], ...] = ()


def decode_instruments(body: bytes, row: OkxRow, *, seen_ms: int) -> Listed:
    """Decode the list of a market; a row that cannot be read is refused, the others stay."""
    found: dict[InstrumentId, Instrument] = {}
    contracts: dict[str, Decimal] = {}
    foreign: set[str] = set()
    refused: list[tuple[str, str]] = []
    for item in rows_of(body):
        name = str(item.get("instId", "")) if isinstance(item, dict) else ""
        try:
            if row.positions and (item["ctType"] != "linear" or item["settleCcy"] not in _family(item).split("-")[1:]):
                foreign.add(name)
                continue
            made, contract = _instrument(item, row, seen_ms)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, InvalidValue) as error:
            refused.append((name, str(error)[:200] or type(error).__name__))
            continue
        found[made.id] = made
        contracts[name] = contract
    return Listed(instruments=tuple(found.values()), contracts=contracts, foreign=frozenset(foreign), refused=tuple(refused))


def _family(item: Mapping[str, Any]) -> str:
    """``BTC-USDT``; rows of older days say it as the underlying only."""
    return str(item.get("instFamily") or item["uly"])


@exact
def _instrument(item: Mapping[str, Any], row: OkxRow, seen_ms: int) -> tuple[Instrument, Decimal]:
    name = item["instId"]
    contract = Decimal(1)
    if row.positions:
        base, quote = _family(item).split("-")
        settle, symbol = item["settleCcy"], f"{base}-{quote}-PERP"
        contract = Decimal(item["ctVal"]) * Decimal(item.get("ctMult") or 1)
        if item["ctValCcy"] != base:
            raise InvalidValue("ctValCcy", f"a contract of {name} is not counted in {base}")
    else:
        base, quote, settle = item["baseCcy"], item["quoteCcy"], item["quoteCcy"]
        symbol = f"{base}-{quote}"
    tick, lot, smallest = Decimal(item["tickSz"]), Decimal(item["lotSz"]) * contract, Decimal(item["minSz"]) * contract
    for field, size in (("tickSz", tick), ("lotSz", lot), ("ctVal", contract)):
        if not size.is_finite() or size < _SMALLEST:
            raise InvalidValue(field, f"{size} of {name} is no step")
    made = Instrument(
        id=InstrumentId(VENUE, row.market, symbol),
        venue_symbol=name,
        base=base,
        quote=quote,
        settle=settle,
        tick_size=tick,
        lot_size=lot,
        min_quantity=smallest,
        status=_STATUS.get(item["state"], "break"),
        listed_ms=int(item["listTime"]) if item.get("listTime") else None,
        delisted_ms=int(item["expTime"]) if item.get("expTime") else None,
        valid_from_ms=seen_ms,
    )
    return made, contract
