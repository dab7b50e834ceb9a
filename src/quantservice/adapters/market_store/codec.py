"""Events to Arrow columns and back. Exact decimals travel as text that Arrow parses: no value is ever rounded.

Arrow refuses what Decimal(38, 18) cannot hold; only then is each row looked at, so that one bad row costs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import pyarrow as pa

from quantservice.adapters.market_store.schema import KLINE, KLINE_DECIMALS, TABLE_OF, Column, Table
from quantservice.core.events import Kind, Kline, MarketEvent, Source, StreamId

DECIMAL_TYPE: Final = pa.decimal128(38, 18)
_DECIMALS_TYPE: Final = pa.list_(DECIMAL_TYPE)
_WHOLE_DIGITS: Final = 20
_FRACTION_DIGITS: Final = 18

ToText = Callable[[Decimal], str]
Refused = tuple[MarketEvent, str]


def plain(value: Decimal) -> str:
    """Print ``value`` in plain notation without trailing zeros ("3800.5", "0.0000001"): the one form of stored decimals."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal_fault(value: Decimal) -> str | None:
    """Return why the store cannot hold ``value`` exactly, or None."""
    if not value.is_finite():
        return "not a finite number"
    # Digit by digit: Decimal's arithmetic rounds to the context's precision.
    _, digits, exponent = value.as_tuple()
    if not value or not isinstance(exponent, int):
        return None
    text = "".join(map(str, digits))
    if len(text) + exponent > _WHOLE_DIGITS:
        return f"{_WHOLE_DIGITS} digits before the point are the most the store holds"
    if -exponent - (len(text) - len(text.rstrip("0"))) > _FRACTION_DIGITS:
        return f"{_FRACTION_DIGITS} digits after the point are the most the store holds"
    return None


def event_fault(event: MarketEvent) -> str | None:
    """Return why the store cannot hold ``event`` exactly, naming the field, or None."""
    for field in event.__struct_fields__:
        value = getattr(event, field)
        if isinstance(value, Decimal):
            fault = decimal_fault(value)
            if fault:
                return f"{field}: {fault}"
        elif isinstance(value, tuple):
            for level in value:
                fault = next(filter(None, map(decimal_fault, level)), None)
                if fault:
                    return f"{field}: {fault}"
    return None


def sound(events: Sequence[MarketEvent]) -> tuple[list[MarketEvent], list[Refused]]:
    """Part the events that can be stored exactly from those that cannot."""
    good: list[MarketEvent] = []
    bad: list[Refused] = []
    for event in events:
        fault = event_fault(event)
        if fault is None:
            good.append(event)
        else:
            bad.append((event, fault))
    return good, bad


def kline_table(rows: Sequence[Kline], revisions: Sequence[int], first_seen_ns: int, *, text: ToText = str) -> pa.Table:
    """Make the insert of klines. Raises ``pa.ArrowInvalid`` on a value too fine.

    ``text`` is ``str`` for speed; :func:`plain` also brings long runs of trailing zeros into the store's digits.
    """
    columns = _stream_columns([row.stream for row in rows], period=True)
    for name in ("open_time", "close_time", "count"):
        columns[name] = pa.array(list(map(attrgetter(name), rows)), pa.int64())
    for name in KLINE_DECIMALS:
        columns[name] = _decimals(map(attrgetter(name), rows), text)
    columns["source"] = pa.array(list(map(attrgetter("source"), rows)), pa.string())
    columns["revision"] = pa.array(revisions, pa.uint32())
    columns["first_seen_ns"] = pa.repeat(pa.scalar(first_seen_ns, pa.int64()), len(rows))
    columns["synthetic"] = pa.array(list(map(attrgetter("synthetic"), rows)), pa.bool_())
    return pa.table({column.name: columns[column.name] for column in KLINE.stored})


def event_table(kind: Kind, events: Sequence[MarketEvent], *, text: ToText = str) -> pa.Table:
    """Make the insert of events of one kind that is not kline; ``text`` as in :func:`kline_table`."""
    table = TABLE_OF[kind]
    getters = _GETTERS.get(kind, {})
    columns = _stream_columns([event.stream for event in events], period=False)
    for column in table.stored:
        if column.name not in columns:
            values = map(getters.get(column.name) or attrgetter(column.name), events)
            columns[column.name] = _column(column, values, text)
    return pa.table({column.name: columns[column.name] for column in table.stored})


def event_time_ms(event: Any) -> int:
    """The time a row is ordered by: the venue's, or ours where the venue gives none."""
    return int(event.time) or event.recv_ns // 1_000_000


def _stream_columns(streams: Sequence[StreamId], *, period: bool) -> dict[str, pa.Array]:
    index: dict[StreamId, int] = {}
    codes = [index.setdefault(stream, len(index)) for stream in streams]
    indices = pa.array(codes, pa.int32())
    parts: dict[str, list[str]] = {
        "venue": [stream.instrument.venue for stream in index],
        "market": [stream.instrument.market for stream in index],
        "symbol": [stream.instrument.symbol for stream in index],
    }
    if period:
        parts["period"] = [stream.period for stream in index]
    return {name: pa.array(values, pa.string()).take(indices) for name, values in parts.items()}


def _decimals(values: Iterable[Decimal | None], text: ToText) -> pa.Array:
    return pa.array([None if value is None else text(value) for value in values], pa.string()).cast(DECIMAL_TYPE)


def _column(column: Column, values: Iterable[Any], text: ToText) -> pa.Array:
    if column.kind in ("decimal", "decimal?"):
        return _decimals(values, text)
    if column.kind == "decimals":
        return pa.array([[text(item) for item in items] for items in values], pa.list_(pa.string())).cast(_DECIMALS_TYPE)
    types = {"int": pa.int64(), "bool": pa.bool_(), "name": pa.string(), "text": pa.string()}
    return pa.array(list(values), types[column.kind])


def _side(name: str, index: int) -> Callable[[Any], list[Decimal]]:
    return lambda event: [level[index] for level in getattr(event, name)]


_GETTERS: Final[Mapping[Kind, Mapping[str, Callable[[Any], Any]]]] = {
    Kind.QUOTE: {"time": event_time_ms},
    Kind.BOOK: {
        "time": event_time_ms,
        "bid_prices": _side("bids", 0),
        "bid_quantities": _side("bids", 1),
        "ask_prices": _side("asks", 0),
        "ask_quantities": _side("asks", 1),
    },
}


def text_select(table: Table, *, hidden: Iterable[str]) -> str:
    """Return the SELECT list that prints every decimal as text, without the ``hidden`` columns."""
    left_out = set(hidden)
    parts = []
    for column in table.stored:
        if column.name in left_out:
            continue
        name = f"`{column.name}`"
        if column.kind in ("decimal", "decimal?"):
            # The column is named with its table: a bare name would mean this very alias elsewhere in the query.
            parts.append(f"toString(`{table.name}`.{name}) AS {name}")
        elif column.kind == "decimals":
            parts.append(f"arrayMap(x -> toString(x), `{table.name}`.{name}) AS {name}")
        else:
            parts.append(name)
    return ", ".join(parts)


def kline_of(stream: StreamId, row: Mapping[str, Any]) -> Kline:
    """Rebuild a kline from a row whose decimals are text."""
    return Kline(
        stream=stream,
        open_time=row["open_time"],
        close_time=row["close_time"],
        open=Decimal(row["open"]),
        high=Decimal(row["high"]),
        low=Decimal(row["low"]),
        close=Decimal(row["close"]),
        volume=Decimal(row["volume"]),
        quote_volume=Decimal(row["quote_volume"]),
        count=row["count"],
        taker_buy_base_volume=Decimal(row["taker_buy_base_volume"]),
        taker_buy_quote_volume=Decimal(row["taker_buy_quote_volume"]),
        source=Source(row["source"]),
        synthetic=row["synthetic"],
        recv_ns=row["first_seen_ns"],
    )


def book_levels(row: dict[str, Any]) -> dict[str, Any]:
    """Turn a book row's four arrays into ``bids`` and ``asks`` of [price, quantity] pairs."""
    bids = list(zip(row.pop("bid_prices"), row.pop("bid_quantities"), strict=True))
    asks = list(zip(row.pop("ask_prices"), row.pop("ask_quantities"), strict=True))
    row["bids"] = [list(level) for level in bids]
    row["asks"] = [list(level) for level in asks]
    return row
