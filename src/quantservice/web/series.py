"""Reading a series for HTTP: what was asked, pages with a cursor, and streams of chunks for CSV and Arrow.

Rows go from the store to bytes column-wise; no Python object is made per row where the values are plain.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, check_market
from quantservice.core.periods import check_period, period_ms
from quantservice.core.spans import Span
from quantservice.web.context import WebContext
from quantservice.web.encode import csv_rows, json_rows

FORMATS: Final = ("json", "csv", "arrow")
KLINE_FIELDS: Final = (
    "open_time",
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
LEDGER_FIELDS: Final = ("source", "revision", "first_seen_ms", "synthetic")
FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.KLINE: KLINE_FIELDS,
    Kind.TRADE: ("trade_id", "price", "quantity", "time", "buyer_is_maker"),
    Kind.TICKER: ("time", "last_price", "open_price", "high_price", "low_price", "volume", "quote_volume", "count"),
    Kind.FUNDING: ("time", "rate", "mark_price"),
    Kind.OPEN_INTEREST: ("time", "open_interest"),
    Kind.MARK_PRICE: ("time", "mark_price", "index_price", "funding_rate", "next_funding_time"),
    Kind.QUOTE: ("time", "update_id", "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
    Kind.BOOK: ("time", "update_id", "bids", "asks"),
}
END_MS: Final = 4_102_444_800_000  # 2100-01-01: the end of time for an open range
_CURSOR = re.compile(r"^([fb])(\d{1,13})\.(\d{1,6})$", re.ASCII)
_FLAGS = ("synthetic", "buyer_is_maker")
_CHUNK_ROWS = 200_000
_BATCH_ROWS = 50_000
_MOST_TIES = 100_000
_SPARE_ROWS = 1_000
_ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What was asked for, checked."""

    stream: StreamId
    instrument: Instrument
    span: Span
    limit: int | None
    fields: tuple[str, ...]
    forward: bool
    skip: int = 0
    as_known_at_ns: int | None = None

    @property
    def time_field(self) -> str:
        """The field that rows are ordered by."""
        return "open_time" if self.stream.kind is Kind.KLINE else "time"


def find_instrument(context: WebContext, symbol: str, market: str | None, venue: str | None) -> Instrument:
    """Resolve what a person typed, naming the valid names of the part that is wrong."""
    if venue is not None and venue not in context.venues:
        raise UnknownName("venue", venue[:80], context.venues, hint=f"valid venues: {' '.join(context.venues)}")
    if market is not None:
        check_market(market)
    if len(symbol) > 200:
        raise InvalidValue("symbol", "may have 200 characters")
    found = context.instruments().resolve(symbol, venue=venue, market=market)
    if market is not None and found.id.market != market:
        raise InvalidValue("market", f"{market} is not the market of {found.id}")
    return found


def make_ask(
    stream: StreamId,
    instrument: Instrument,
    *,
    start_ms: int | None,
    end_ms: int | None,
    limit: int | None,
    cursor: str | None,
    as_known_at: int | None = None,
    ledger: bool = False,
) -> Ask:
    """Check the range and the cursor. With a start it goes forward; without one, back from the end."""
    start, end, skip, forward = start_ms or 0, END_MS if end_ms is None else end_ms, 0, start_ms is not None
    if cursor is not None:
        found = _CURSOR.match(cursor)
        if found is None or int(found[3]) > _MOST_TIES:
            raise InvalidValue("cursor", "is not one of ours; take next_cursor of the page before")
        at, skip, forward = min(int(found[2]), END_MS), int(found[3]), found[1] == "f"
        if forward:
            start = max(start, at)
        else:
            end = min(end, at + 1)
    if end <= start:
        if cursor is None:
            raise InvalidValue("end_ms", f"{end} must lie after start_ms {start}")
        raise InvalidValue("cursor", "lies outside the asked range")
    kline = stream.kind is Kind.KLINE
    fields = (*KLINE_FIELDS, *LEDGER_FIELDS) if kline and ledger else FIELDS[stream.kind]
    return Ask(
        stream=stream,
        instrument=instrument,
        span=Span(start, end),
        limit=limit,
        fields=fields,
        forward=forward,
        skip=skip,
        as_known_at_ns=None if as_known_at is None else as_known_at * 1_000_000,
    )


def check_format(name: str) -> str:
    """Return a known format's name."""
    if name in FORMATS:
        return name
    raise UnknownName("format", name[:80], FORMATS, hint=f"valid formats: {' '.join(FORMATS)}")


def kline_stream(instrument: Instrument, period: str) -> StreamId:
    """Name the klines of an instrument."""
    return StreamId.kline(instrument.id, check_period(period[:80]))


async def json_page(context: WebContext, ask: Ask) -> bytes:
    """Return one page as the bytes of its model."""
    limit = ask.limit or context.config.page_limit
    if ask.forward and ask.stream.kind is not Kind.BOOK:
        table = await _read(context, ask, ask.span, limit + ask.skip + 1)
        table = table.slice(ask.skip)
        more = table.num_rows > limit
        table = table.slice(0, limit)
        times = _tail_times(table, ask.time_field) if more else []
        body = json_rows(table, ask.fields)
    elif ask.stream.kind is Kind.KLINE:
        table = await _newest_klines(context, ask, limit + 1)
        more = table.num_rows > limit
        table = table.slice(table.num_rows - limit) if more else table
        times = [table.column("open_time")[0].as_py()] if more else []
        body = json_rows(table, ask.fields)
    else:
        rows, more = await _rows(context, ask, limit)
        times = [row[ask.time_field] for row in rows]
        body = msgspec.json.encode(rows)[1:-1]
    cursor = _next_cursor(ask, times) if more and times else None
    return _page(ask, body, more, cursor)


async def _read(context: WebContext, ask: Ask, span: Span, limit: int) -> Any:
    """Read the first ``limit`` rows of a span.

    A store finds the rows of a short span much faster than the first rows of a long one, so klines are first looked for where
    they lie when none is missing; only what lacks is looked for in the rest.
    """
    if ask.stream.kind is not Kind.KLINE:
        return await _read_span(context, ask, span, limit)
    dense_end = span.start_ms + limit * period_ms(ask.stream.period)
    if dense_end >= span.end_ms:
        return await _read_span(context, ask, span, limit)
    table = await _read_span(context, ask, Span(span.start_ms, dense_end), limit)
    lacking = limit - table.num_rows
    if not lacking:
        return table
    rest = await _read_span(context, ask, Span(dense_end, span.end_ms), lacking)
    return pa.concat_tables([table, rest.cast(table.schema)]) if table.num_rows else rest


async def _read_span(context: WebContext, ask: Ask, span: Span, limit: int) -> Any:
    """Read rows as a table that has the API's columns, whatever the store calls or types them."""
    wanted = ["first_seen_ns" if name == "first_seen_ms" else name for name in ask.fields]
    table = await context.market_store.read_arrow(ask.stream, span, limit=limit, as_known_at_ns=ask.as_known_at_ns, columns=wanted)
    columns = []
    for name in ask.fields:
        column = pc.divide(table.column("first_seen_ns"), 1_000_000) if name == "first_seen_ms" else table.column(name)
        if name in _FLAGS and not pa.types.is_boolean(column.type):
            column = column.cast(pa.bool_())
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        columns.append(column)
    return pa.table(columns, names=list(ask.fields))


async def _newest_klines(context: WebContext, ask: Ask, limit: int) -> Any:
    """Read the last rows of a range.

    They are looked for where they lie when the stream is live and complete; else the store is asked where they begin.
    """
    period = ask.stream.period
    live = context.projections.latest.get(ask.stream)
    last_ms = min(ask.span.end_ms, live.open_time if live is not None else context.clock.now_ms())
    likely_ms = max(ask.span.start_ms, last_ms - (limit + 2) * period_ms(period))
    if likely_ms < ask.span.end_ms:
        most = limit + _SPARE_ROWS
        table = await _read_span(context, ask, Span(likely_ms, ask.span.end_ms), most)
        if table.num_rows < most and (table.num_rows >= limit or likely_ms == ask.span.start_ms):
            return table.slice(max(0, table.num_rows - limit))
    found = await context.market_store.read(ask.stream, ask.span, limit=limit, as_known_at_ns=ask.as_known_at_ns, newest=True)
    opens = found["open_time"]
    start_ms = int(opens[0]) if len(opens) else ask.span.end_ms - 1
    return await _read(context, ask, Span(start_ms, ask.span.end_ms), limit)


async def _rows(context: WebContext, ask: Ask, limit: int) -> tuple[list[dict[str, Any]], bool]:
    rows = await context.market_store.read_rows(
        ask.stream, ask.span, limit=limit + ask.skip + 1, as_known_at_ns=ask.as_known_at_ns, newest=not ask.forward
    )
    if ask.forward:
        rows = rows[ask.skip :]
        more, rows = len(rows) > limit, rows[:limit]
    else:
        rows = rows[: len(rows) - ask.skip] if ask.skip else rows
        more, rows = len(rows) > limit, rows[-limit:]
    return [{name: row.get(name) for name in ask.fields} for row in rows], more


def _tail_times(table: Any, name: str) -> list[int]:
    """Return the last rows' times: as many as may be equal to the last."""
    column = table.column(name)
    last = column[-1].as_py()
    tail = 1
    while tail < table.num_rows and column[-1 - tail].as_py() == last:
        tail += 1
    return [last] * tail


def _next_cursor(ask: Ask, times: Sequence[int]) -> str:
    """Name the place to go on from: a time, and how many rows of that very time were given already."""
    edge = times[-1] if ask.forward else times[0]
    if ask.stream.kind is Kind.KLINE:
        return f"f{edge + 1}.0" if ask.forward else f"b{edge - 1}.0"
    given = times.count(edge)
    if edge == (ask.span.start_ms if ask.forward else ask.span.end_ms - 1):
        given += ask.skip  # the whole page lies in one millisecond, as the one before did
    return f"{'f' if ask.forward else 'b'}{edge}.{given}"


def _page(ask: Ask, rows: bytes, more: bool, cursor: str | None) -> bytes:
    name = ask.instrument.id
    head: dict[str, Any] = {
        "instrument": str(name),
        "venue": name.venue,
        "market": name.market,
        "symbol": name.symbol,
        "venue_symbol": ask.instrument.venue_symbol,
        "has_more": more,
        "next_cursor": cursor,
    }
    if ask.stream.kind is Kind.KLINE:
        head["period"] = ask.stream.period
    return b'%b,"data":[%b]}' % (msgspec.json.encode(head)[:-1], rows)


async def tables(context: WebContext, ask: Ask) -> AsyncIterator[Any]:
    """Yield the asked rows as Arrow tables of bounded size, oldest first; at least one, so that the columns are told."""
    span, left, skip = ask.span, ask.limit, ask.skip
    told = False
    while True:
        take = _CHUNK_ROWS if left is None else min(_CHUNK_ROWS, left)
        table = (await _read(context, ask, span, take + skip)).slice(skip)
        rows = table.num_rows
        if table.num_rows or not told:
            told = True
            yield table
        if left is not None:
            left -= table.num_rows
        if rows < take or left == 0:
            return
        times = _tail_times(table, ask.time_field)
        edge = times[-1]
        if ask.stream.kind is Kind.KLINE:
            edge, skip = edge + 1, 0
        else:
            skip = len(times) + (skip if edge == span.start_ms else 0)
            if skip > _MOST_TIES:
                raise InvalidValue("start_ms", f"more than {_MOST_TIES} rows share the time {edge}")
        if edge >= span.end_ms:
            return
        span = Span(edge, span.end_ms)


async def arrow_chunks(source: AsyncIterator[Any]) -> AsyncIterator[memoryview | bytes]:
    """Turn tables into an Arrow IPC stream: its schema, its batches, its end mark."""
    schema: Any = None
    async for table in source:
        if schema is None:
            schema = table.schema.remove_metadata()
            yield memoryview(schema.serialize())
        for batch in table.cast(schema).to_batches(max_chunksize=_BATCH_ROWS):
            yield memoryview(batch.serialize())
    yield _ARROW_END


async def csv_chunks(source: AsyncIterator[Any], fields: Sequence[str]) -> AsyncIterator[bytes]:
    """Turn tables into CSV with a header line."""
    yield (",".join(fields) + "\n").encode()
    async for table in source:
        for at in range(0, table.num_rows, 20_000):
            yield csv_rows(table.slice(at, 20_000), fields)
