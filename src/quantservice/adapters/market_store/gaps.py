"""What is there and what is missing, for one stream or for thousands with one scan."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from quantservice.adapters.market_store.session import Session
from quantservice.core.events import StreamId
from quantservice.core.periods import FIXED_MS, ceil_open, count_opens, next_open, opens_between, period_ms
from quantservice.core.spans import Span, merge

#: Up to so many groups (market, period, span) are counted with one query each; more need the slower join.
_MOST_GROUPS: Final = 24
_DETAIL_ROWS: Final = 4_000_000
_TUPLE: Final = "(venue, market, symbol, period)"
_WANTED: Final = (
    "arrayJoin(arrayZip({venues:Array(String)}, {markets:Array(String)}, {symbols:Array(String)}, {periods:Array(String)}))"
)
Opens = npt.NDArray[np.int64]
Wanted = tuple[StreamId, Span]


class GapFinder:
    """Scans for gaps. Everything here runs in the store's one thread.

    Every open time has exactly one row of revision 0, so rows of revision 0 are counted and nothing needs deduplication.
    """

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._table = f"`{database}`.kline"

    def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        """Spans of ``span`` for which klines are stored."""
        opens = self._opens([stream], span).get(stream)
        if opens is None or not len(opens):
            return []
        covered = list(runs(stream.period, opens))
        return [part for part in (item.clip(span) for item in covered) if part is not None]

    def missing(self, wanted: Sequence[Wanted]) -> dict[StreamId, list[Span]]:
        """The parts of each span without klines; streams that lack nothing are left out."""
        if len(wanted) == 1 and wanted[0][0].period in FIXED_MS:
            stream, span = wanted[0]
            spans = self._jumps(stream, span)
            return {stream: spans} if spans else {}
        lacking = [
            (stream, span)
            for (stream, span), have in zip(wanted, self._counts(wanted), strict=True)
            if have < count_opens(stream.period, span.start_ms, span.end_ms)
        ]
        found: dict[StreamId, list[Span]] = {}
        for chunk in _chunks(lacking):
            for stream, spans in self._details(chunk):
                found[stream] = merge([*found.get(stream, []), *spans])
        return found

    def _details(self, wanted: Sequence[Wanted]) -> Iterator[tuple[StreamId, list[Span]]]:
        empty = np.empty(0, np.int64)
        whole = Span(min(span.start_ms for _, span in wanted), max(span.end_ms for _, span in wanted))
        opens = self._opens([stream for stream, _ in wanted], whole)
        for stream, span in wanted:
            have = opens.get(stream, empty)
            first, last = np.searchsorted(have, (span.start_ms, span.end_ms))
            spans = holes(stream.period, have[first:last], span)
            if spans:
                yield stream, spans

    def _counts(self, wanted: Sequence[Wanted]) -> list[int]:
        """Count the klines of each stream in its span: one query per market, period and span while those are few."""
        groups: dict[tuple[str, str, str, Span], list[Wanted]] = {}
        for stream, span in wanted:
            venue, market, _, period = _key(stream)
            groups.setdefault((venue, market, period, span), []).append((stream, span))
        if len(groups) > _MOST_GROUPS:
            counts = self._counts_joined(wanted)
        else:
            counts = {item: rows for (*_, span), items in groups.items() for item, rows in self._counts_of_group(items, span)}
        return [counts.get(item, 0) for item in wanted]

    def _counts_of_group(self, items: Sequence[Wanted], span: Span) -> Iterator[tuple[Wanted, int]]:
        """Count streams that differ in their symbol only: the key's front is constant, so the scan touches little else."""
        venue, market, _, period = _key(items[0][0])
        sql = (
            f"SELECT symbol, count() AS rows FROM {self._table} WHERE venue = {{venue:String}} AND market = {{market:String}} "
            "AND symbol IN {symbols:Array(String)} AND period = {period:String} AND open_time >= {start:Int64} "
            "AND open_time < {end:Int64} AND revision = 0 GROUP BY symbol"
        )
        by_symbol = {stream.instrument.symbol: (stream, span) for stream, span in items}
        parameters = {
            "venue": venue,
            "market": market,
            "period": period,
            "symbols": list(by_symbol),
            "start": span.start_ms,
            "end": span.end_ms,
        }
        for row in self._session.rows(sql, parameters):
            yield by_symbol[row["symbol"]], row["rows"]

    def _counts_joined(self, wanted: Sequence[Wanted]) -> dict[Wanted, int]:
        """Count streams that each want another span: the position in ``wanted`` is the key of the join."""
        whole = (min(span.start_ms for _, span in wanted), max(span.end_ms for _, span in wanted))
        sql = (
            "SELECT position, count() AS rows FROM (SELECT venue, market, symbol, period, open_time "
            f"FROM {self._table} WHERE {_TUPLE} IN (SELECT {_WANTED}) AND revision = 0 "
            "AND open_time >= {start:Int64} AND open_time < {end:Int64}) AS kline "
            "INNER JOIN (SELECT w.1 AS venue, w.2 AS market, w.3 AS symbol, w.4 AS period, w.5 AS first_ms, w.6 AS end_ms, "
            "w.7 AS position FROM (SELECT arrayJoin(arrayZip({venues:Array(String)}, {markets:Array(String)}, "
            "{symbols:Array(String)}, {periods:Array(String)}, {firsts:Array(Int64)}, {ends:Array(Int64)}, "
            "{positions:Array(Int64)})) AS w)) AS wanted USING (venue, market, symbol, period) "
            "WHERE open_time >= first_ms AND open_time < end_ms GROUP BY position"
        )
        parameters = {
            **_names(stream for stream, _ in wanted),
            "firsts": [span.start_ms for _, span in wanted],
            "ends": [span.end_ms for _, span in wanted],
            "positions": list(range(len(wanted))),
            "start": whole[0],
            "end": whole[1],
        }
        return {wanted[row["position"]]: row["rows"] for row in self._session.rows(sql, parameters)}

    def _opens(self, streams: Sequence[StreamId], span: Span) -> dict[StreamId, Opens]:
        """The stored open times of each stream in ``span``, ascending."""
        sql = (
            f"SELECT venue, market, symbol, period, open_time FROM {self._table} WHERE {_TUPLE} IN (SELECT {_WANTED}) "
            "AND open_time >= {start:Int64} AND open_time < {end:Int64} AND revision = 0"
        )
        if len(streams) == 1:
            return {streams[0]: self._opens_of_one(streams[0], span)}
        grouped = (
            f"SELECT venue, market, symbol, period, groupArray(open_time) AS opens FROM ({sql}) "
            "GROUP BY venue, market, symbol, period"
        )
        parameters = {**_names(streams), "start": span.start_ms, "end": span.end_ms}
        table = self._session.table(grouped, parameters)
        lists = table.column("opens").combine_chunks()
        if not len(lists):
            return {}
        values, offsets = lists.values.to_numpy(), lists.offsets.to_numpy()
        keyed = {_key(stream): stream for stream in streams}
        names = zip(*(table.column(name).to_pylist() for name in ("venue", "market", "symbol", "period")), strict=True)
        return {keyed[key]: np.sort(values[offsets[index] : offsets[index + 1]]) for index, key in enumerate(names)}

    def _jumps(self, stream: StreamId, span: Span) -> list[Span]:
        """The holes of one stream, found by the engine in one pass: only its jumps leave it, however long the span."""
        step = FIXED_MS[stream.period]
        first, end = ceil_open(stream.period, span.start_ms), ceil_open(stream.period, span.end_ms)
        if first >= end:
            return []
        rows = (
            f"SELECT open_time FROM {self._table} WHERE venue = {{venue:String}} AND market = {{market:String}} "
            "AND symbol = {symbol:String} AND period = {period:String} AND open_time >= {first:Int64} "
            "AND open_time < {end:Int64} AND revision = 0"
        )
        sql = (
            "SELECT before, open_time FROM (SELECT open_time, lagInFrame(open_time, 1, {first:Int64} - {step:Int64}) OVER "
            f"(ORDER BY open_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before FROM ({rows})) "
            "WHERE open_time - before > {step:Int64} ORDER BY open_time"
        )
        venue, market, symbol, period = _key(stream)
        parameters: dict[str, object] = {"venue": venue, "market": market, "symbol": symbol, "period": period}
        parameters |= {"first": first, "end": end, "step": step}
        found = [Span(row["before"] + step, row["open_time"]) for row in self._session.rows(sql, parameters)]
        last = self._session.rows(f"{rows} ORDER BY open_time DESC LIMIT 1", parameters)
        tail = last[0]["open_time"] + step if last else first
        return [*found, Span(tail, end)] if tail < end else found

    def _opens_of_one(self, stream: StreamId, span: Span) -> Opens:
        sql = (
            f"SELECT open_time FROM {self._table} WHERE venue = {{venue:String}} AND market = {{market:String}} "
            "AND symbol = {symbol:String} AND period = {period:String} AND open_time >= {start:Int64} "
            "AND open_time < {end:Int64} AND revision = 0 ORDER BY open_time"
        )
        venue, market, symbol, period = _key(stream)
        parameters = {"venue": venue, "market": market, "symbol": symbol, "period": period}
        found = self._session.table(sql, {**parameters, "start": span.start_ms, "end": span.end_ms})
        opens: Opens = found.column("open_time").to_numpy()
        return opens


def runs(period: str, opens: Opens) -> Iterator[Span]:
    """Yield the unbroken runs of ascending ``opens`` as spans that end where the next bar would open."""
    step = FIXED_MS.get(period)
    if step is None:
        yield from merge(Span(int(item), next_open(period, int(item))) for item in opens)
        return
    breaks = np.flatnonzero(np.diff(opens) != step)
    starts = np.concatenate(([0], breaks + 1))
    ends = np.concatenate((breaks, [len(opens) - 1]))
    for first, last in zip(starts, ends, strict=True):
        yield Span(int(opens[first]), int(opens[last]) + step)


def holes(period: str, opens: Opens, span: Span) -> list[Span]:
    """Return the runs of bars of ``span`` that are not among ascending ``opens``, on the period's borders."""
    step = FIXED_MS.get(period)
    if step is None:
        have = set(opens.tolist())
        lacking = [item for item in opens_between(period, span.start_ms, span.end_ms) if item not in have]
        return merge(Span(item, next_open(period, item)) for item in lacking)
    first, end = ceil_open(period, span.start_ms), ceil_open(period, span.end_ms)
    if first >= end:
        return []
    borders = np.concatenate(([first - step], opens, [end]))
    jumps = np.flatnonzero(np.diff(borders) > step)
    return [Span(int(borders[index]) + step, int(borders[index + 1])) for index in jumps]


def _chunks(lacking: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Group streams so that one detail query, over all their spans together, returns a bounded number of rows."""
    chunk: list[Wanted] = []
    first = last = 0
    for stream, span in sorted(lacking, key=lambda item: (item[0].period, item[1])):
        first_ms, last_ms = (min(first, span.start_ms), max(last, span.end_ms)) if chunk else (span.start_ms, span.end_ms)
        if chunk:
            at_most = (len(chunk) + 1) * (last_ms - first_ms) // period_ms(stream.period)
            if at_most > _DETAIL_ROWS or stream.period != chunk[0][0].period:
                yield chunk
                chunk = []
                first_ms, last_ms = span.start_ms, span.end_ms
        chunk.append((stream, span))
        first, last = first_ms, last_ms
    if chunk:
        yield chunk


def _key(stream: StreamId) -> tuple[str, str, str, str]:
    instrument = stream.instrument
    return instrument.venue, instrument.market, instrument.symbol, stream.period


def _names(streams: Iterable[StreamId]) -> dict[str, list[str]]:
    keys = [_key(stream) for stream in streams]
    return {name: list(map(itemgetter(index), keys)) for index, name in enumerate(("venues", "markets", "symbols", "periods"))}
