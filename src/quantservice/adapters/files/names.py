"""What a file's name says it holds: freqtrade's and Binance's ways of naming kline files."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from quantservice.core.periods import PERIODS

_FREQTRADE: Final = re.compile(
    r"(?P<base>[A-Za-z0-9]+)_(?P<quote>[A-Za-z0-9]+)(?:_(?P<settle>[A-Za-z0-9]+))?-(?P<period>\d+[mhdwM])"
    r"(?:-(?P<kind>futures|mark|index|premiumIndex|funding_rate))?\."
)
_ARCHIVE: Final = re.compile(r"(?P<symbol>[A-Z0-9_\u4e00-\u9fff]+)-(?P<period>\d+[smhdwM]o?)-\d{4}-\d{2}(?:-\d{2})?\.")


class NamedFile(msgspec.Struct, frozen=True):
    """Symbol, market (empty where the name does not say) and period; ``kind`` is klines or another series of the venue."""

    symbol: str
    market: str
    period: str
    kind: str = "klines"


def read_name(name: str) -> NamedFile | None:
    """Return what a file name says, or None where it says nothing that we know."""
    found = _FREQTRADE.match(name)
    if found is not None:
        settle, base, quote = found["settle"], found["base"].upper(), found["quote"].upper()
        market = "spot" if settle is None else "cm" if settle.upper() == base else "um"
        kind = found["kind"] or "klines"
        return _checked(f"{base}-{quote}", market, found["period"], "klines" if kind == "futures" else kind)
    archive = _ARCHIVE.match(name)
    return _checked(archive["symbol"], "", archive["period"], "klines") if archive is not None else None


def _checked(symbol: str, market: str, period: str, kind: str) -> NamedFile | None:
    ours = "1mo" if period in ("1M", "1mo") else period
    return NamedFile(symbol, market, ours, kind) if ours in PERIODS else None
