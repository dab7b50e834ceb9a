"""Which streams are wanted: the registered pairs, judged by what the venue lists now."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.periods import FIXED_MS, MONTH
from quantservice.ports import TradingPair

#: Kinds that venues push. Funding settlements and open interest have no stream: the polling service asks for them.
STREAMED_KINDS = frozenset({Kind.KLINE, Kind.TRADE, Kind.QUOTE, Kind.BOOK, Kind.TICKER, Kind.MARK_PRICE})

#: Statuses whose instruments are streamed. A market on break keeps its streams, so that its return needs nobody.
_COLLECTED = frozenset({"trading", "break", "pre_trading"})


class Wanted(msgspec.Struct, frozen=True):
    """The streams of one venue's market, and the pairs that were refused with the reason."""

    streams: tuple[StreamId, ...]
    refused: dict[InstrumentId, str]


def wanted_streams(pairs: Iterable[TradingPair], book: InstrumentBook, venue: str, market: str) -> Wanted:
    """Build the streams of the enabled pairs of one market; refuse by rule what the venue does not trade."""
    streams: dict[StreamId, None] = {}
    refused: dict[InstrumentId, str] = {}
    for pair in pairs:
        if not pair.enabled or (pair.venue, pair.market) != (venue, market):
            continue
        why = _refusal(book.get(pair.instrument))
        if why:
            refused[pair.instrument] = why
            continue
        streams.update(dict.fromkeys(pair_streams(pair)))
    return Wanted(tuple(streams), refused)


def pair_streams(pair: TradingPair) -> list[StreamId]:
    """Return the live streams of one pair: one per period for klines, one per other kind that is pushed."""
    streams: list[StreamId] = []
    for name in pair.kinds:
        kind = Kind(name)
        if kind is Kind.KLINE:
            streams.extend(
                StreamId.kline(pair.instrument, period) for period in pair.periods if period in FIXED_MS or period == MONTH
            )
        elif kind in STREAMED_KINDS and not (kind is Kind.MARK_PRICE and pair.market in ("spot", "dex")):
            streams.append(StreamId(pair.instrument, kind))
    return streams


def _refusal(instrument: Instrument | None) -> str:
    if instrument is None:
        return "the venue does not list it"
    if instrument.status not in _COLLECTED:
        return f"the venue says it is {instrument.status}"
    return ""
