"""Stream names as the venue spells them: ``btcusdt@kline_1m``, ``btcusdt@depth@100ms``, ``!bookTicker``."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from quantservice.core.periods import FIXED_MS

StreamKind = Literal["kline", "trade", "aggTrade", "bookTicker", "depth", "depthN", "markPrice", "miniTicker", "ticker"]
#: The venue spells the month ``1M``; ours is ``1mo``.
VENUE_PERIODS: Final[dict[str, str]] = {**{period: period for period in FIXED_MS}, "1M": "1mo"}
_DEPTH: Final = re.compile(r"^depth(\d+)?(?:@(\d+)ms)?$")
#: Which path of the split um endpoint carries which kinds (2026-04-23: the old URLs are gone).
UM_PATHS: Final[dict[str, tuple[StreamKind, ...]]] = {
    "public": ("bookTicker", "depth", "depthN"),
    "market": ("kline", "trade", "aggTrade", "markPrice", "miniTicker", "ticker"),
    "private": (),
}


class StreamName(msgspec.Struct, frozen=True):
    """A stream name taken apart. ``symbol`` is in capitals; empty for the whole market."""

    text: str
    symbol: str
    kind: StreamKind
    period: str = ""
    levels: int = 0
    every_ms: int = 0


def parse_stream(text: str) -> StreamName | None:
    """Take a stream name apart; ``None`` when the venue knows no such stream."""
    if text.startswith("!"):
        return _whole_market(text)
    symbol, _, rest = text.partition("@")
    if not symbol or symbol != symbol.lower() or not rest:
        return None
    return _of_symbol(text, symbol.upper(), rest)


def _whole_market(text: str) -> StreamName | None:
    if text == "!bookTicker":
        return StreamName(text, "", "bookTicker")
    match text[1:].split("@"):
        case ["miniTicker", "arr"]:
            return StreamName(text, "", "miniTicker")
        case ["ticker", "arr"]:
            return StreamName(text, "", "ticker")
        case ["markPrice", "arr"]:
            return StreamName(text, "", "markPrice", every_ms=3_000)
        case ["markPrice", "arr", "1s"]:
            return StreamName(text, "", "markPrice", every_ms=1_000)
        case _:
            return None


def _of_symbol(text: str, symbol: str, rest: str) -> StreamName | None:
    if rest.startswith("kline_"):
        period = rest[6:]
        return StreamName(text, symbol, "kline", period=period) if period in VENUE_PERIODS else None
    for kind in ("trade", "aggTrade", "bookTicker", "miniTicker", "ticker"):
        if rest == kind:
            return StreamName(text, symbol, kind)
    if rest in ("markPrice", "markPrice@1s"):
        return StreamName(text, symbol, "markPrice", every_ms=1_000 if rest.endswith("1s") else 3_000)
    found = _DEPTH.match(rest)
    if found is None:
        return None
    levels, every = int(found[1] or 0), int(found[2]) if found[2] is not None else -1
    if levels not in (0, 5, 10, 20) or every not in (-1, 0, 100, 250, 500, 1_000):
        return None
    return StreamName(text, symbol, "depthN" if levels else "depth", levels=levels, every_ms=every)
