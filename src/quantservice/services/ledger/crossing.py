"""Cross checks: one period against another, and what the WebSocket built against what REST says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from quantservice.core.events import Kind, Kline, Source, StreamId
from quantservice.core.periods import DAY_MS
from quantservice.core.resample import nests, resample
from quantservice.core.spans import Span
from quantservice.ports import History, MarketStore
from quantservice.services.ledger.reports import Difference

_FIELDS = (
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)


class CrossResult(msgspec.Struct, kw_only=True):
    """How many klines were compared, and what differed."""

    compared: int = 0
    differences: list[Difference] = []


def compare(ours: Iterable[Kline], theirs: Iterable[Kline]) -> CrossResult:
    """Compare klines by open time; those that only one side has are not compared."""
    others = {kline.open_time: kline for kline in theirs}
    result = CrossResult()
    for kline in ours:
        other = others.get(kline.open_time)
        if other is None:
            continue
        result.compared += 1
        for name in _FIELDS:
            left, right = getattr(kline, name), getattr(other, name)
            if left != right:
                stream = str(kline.stream)
                found = Difference(stream=stream, open_time=kline.open_time, field=name, ours=str(left), theirs=str(right))
                result.differences.append(found)
                break
    return result


async def cross_period(store: MarketStore, coarse: StreamId, span: Span, *, fine_period: str = "1m") -> CrossResult:
    """Compare stored klines of ``coarse`` with those that the stored ``fine_period`` klines amount to."""
    fine = StreamId.kline(coarse.instrument, fine_period)
    made = resample(await store.read_klines(fine, span), coarse.period)
    if not made:
        return CrossResult()
    return compare(await store.read_klines(coarse, span), made)


async def cross_source(store: MarketStore, history: History, stream: StreamId, span: Span) -> CrossResult:
    """Compare stored klines that the WebSocket brought with what the venue's REST says now."""
    built = [kline for kline in await store.read_klines(stream, span) if kline.source is Source.WS]
    if not built:
        return CrossResult()
    wanted = Span(built[0].open_time, built[-1].close_time + 1)
    fetched = [kline async for page in history.klines(stream, wanted) for kline in page]
    return compare(built, fetched)


async def period_pairs(store: MarketStore, *, days: int) -> list[tuple[StreamId, str, Span]]:
    """The stored streams that can be checked against a finer one: stream, fine period, the last days both have."""
    held = {row.stream: row for row in await store.streams() if row.stream.kind is Kind.KLINE}
    found: list[tuple[StreamId, str, Span]] = []
    for stream, row in held.items():
        fine = held.get(StreamId(stream.instrument, Kind.KLINE, "1m"))
        if fine is None or stream.period == "1m" or not nests("1m", stream.period):
            continue
        last = min(row.last_ms, fine.last_ms) // DAY_MS * DAY_MS + DAY_MS
        first = max(min(row.first_ms, fine.first_ms) // DAY_MS * DAY_MS, last - days * DAY_MS)
        if first < last:
            found.append((stream, "1m", Span(first, last)))
    return found


def newest_ws_streams(streams: Sequence[StreamId], most: int) -> list[StreamId]:
    """Choose the streams of a cross-source sample: the first of each market in turn."""
    by_market: dict[tuple[str, str], list[StreamId]] = {}
    for stream in sorted(streams):
        by_market.setdefault((stream.instrument.venue, stream.instrument.market), []).append(stream)
    chosen: list[StreamId] = []
    while len(chosen) < most and any(by_market.values()):
        for waiting in by_market.values():
            if waiting and len(chosen) < most:
                chosen.append(waiting.pop(0))
    return chosen
