"""The read path: one SELECT per question, values as parameters, exact text or correctly rounded float64."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from quantservice.adapters.market_store.codec import book_levels, kline_of, text_select
from quantservice.adapters.market_store.schema import KLINE, KLINE_DECIMALS, TABLE_OF, Table
from quantservice.adapters.market_store.session import Session
from quantservice.core.errors import UnknownName
from quantservice.core.events import Kind, Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.ports import Columns, StreamCoverage

_STREAM_NAMES: Final = ("venue", "market", "symbol")
_KLINE_FLOATS: Final = (
    "`open_time`",
    "`close_time`",
    *(f"`{name}_float` AS `{name}`" for name in KLINE_DECIMALS[:6]),
    "`count`",
    *(f"`{name}_float` AS `{name}`" for name in KLINE_DECIMALS[6:]),
)
_LEDGER: Final = ("`source`", "`revision`", "intDiv(`first_seen_ns`, 1000000) AS `first_seen_ms`", "`synthetic`")
_FROM_TO: Final = "`{time}` >= {{start:Int64}} AND `{time}` < {{end:Int64}}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one stream. ``known_ns``: only what was known at that instant; ``newest``: the last rows."""

    stream: StreamId
    span: Span
    limit: int | None = None
    known_ns: int | None = None
    newest: bool = False


class Reader:
    """Answers questions. Everything here runs in the store's one thread."""

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._database = database

    def columns(self, ask: Question, *, ledger: bool, revised: bool) -> Columns:
        """Rows as numpy arrays; ``revised`` says that there may be more than one row per open time."""
        table = TABLE_OF[ask.stream.kind]
        if table is KLINE:
            select = ", ".join((*_KLINE_FLOATS, *(_LEDGER if ledger else ())))
            found = self._ask(table, ask, select, revised=revised)
        else:
            hidden = () if ledger else ("source", "recv_ns")
            select = ", ".join(f"`{column.name}`" for column in table.stored if column.name not in (*_STREAM_NAMES, *hidden))
            found = self._ask(table, ask, select, revised=revised)
        return {name: _numpy(found.column(name)) for name in found.column_names}

    def rows(self, ask: Question, *, revised: bool, ledger: bool = False) -> list[dict[str, Any]]:
        """Rows as dicts: times as int, decimals as plain text."""
        table = TABLE_OF[ask.stream.kind]
        hidden = (*_STREAM_NAMES, *(() if ledger else ("period", "source", "revision", "first_seen_ns", "synthetic", "recv_ns")))
        found = self._ask(table, ask, text_select(table, hidden=hidden), revised=revised)
        rows = _dicts(found)
        if ask.stream.kind is Kind.BOOK:
            return [book_levels(row) for row in rows]
        return rows

    def klines(self, ask: Question, *, revised: bool) -> list[Kline]:
        """Klines with exact decimals."""
        return [kline_of(ask.stream, row) for row in self.rows(ask, revised=revised, ledger=True)]

    def arrow(self, ask: Question, *, revised: bool, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows as one Arrow table, decimals exact; only the named columns are read where some are named."""
        table = TABLE_OF[ask.stream.kind]
        hidden = (*_STREAM_NAMES, "period", "recv_ns")
        known = [column.name for column in table.stored if column.name not in hidden]
        unknown = sorted(set(columns or ()).difference(known))
        if unknown:
            raise UnknownName("column", unknown[0], known)
        select = ", ".join(f"`{name}`" for name in columns or known)
        return self._ask(table, ask, select, revised=revised)

    def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        """Every stored revision, oldest first."""
        select = text_select(KLINE, hidden=(*_STREAM_NAMES, "period")) + ", intDiv(`first_seen_ns`, 1000000) AS `first_seen_ms`"
        sql = f"SELECT {select} FROM {self._from(KLINE)} WHERE {_where(KLINE)} ORDER BY open_time, revision"
        return _dicts(self._session.table(sql, _parameters(stream, span)))

    def highest_revision(self, stream: StreamId, span: Span) -> int:
        """The highest revision number in ``span``: 0 when nothing was ever restated there."""
        sql = f"SELECT max(revision) AS top FROM {self._from(KLINE)} WHERE {_where(KLINE)}"
        return int(self._session.rows(sql, _parameters(stream, span))[0]["top"])

    def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        """Rows per UTC day."""
        table = TABLE_OF[stream.kind]
        first = " AND revision = 0" if table is KLINE else ""
        sql = (
            f"SELECT intDiv(`{table.time}`, {DAY_MS}) * {DAY_MS} AS day, count() AS rows FROM {self._from(table)} "
            f"WHERE {_where(table)}{first} GROUP BY day ORDER BY day"
        )
        return {row["day"]: row["rows"] for row in self._session.rows(sql, _parameters(stream, span))}

    def streams(self) -> list[StreamCoverage]:
        """Every stored stream with its extent."""
        found: list[StreamCoverage] = []
        for kind, table in TABLE_OF.items():
            names = ", ".join((*_STREAM_NAMES, *(("period",) if table is KLINE else ())))
            counts = (
                "countIf(revision = 0) AS rows, countIf(revision > 0) AS revised, countIf(synthetic) AS made"
                if table is KLINE
                else "count() AS rows, 0 AS revised, 0 AS made"
            )
            sql = (
                f"SELECT {names}, min(`{table.time}`) AS first_ms, max(`{table.time}`) AS last_ms, {counts} "
                f"FROM {self._from(table)} GROUP BY {names} ORDER BY {names}"
            )
            found.extend(_coverage_of(kind, row) for row in self._session.rows(sql))
        return found

    def _ask(self, table: Table, ask: Question, select: str, *, revised: bool) -> pa.Table:
        parameters = _parameters(ask.stream, ask.span)
        where = _where(table)
        time = f"`{table.time}`"
        direction = " DESC" if ask.newest else ""
        order = ", ".join(f"{name}{direction}" for name in (time, *_tie_breakers(table)))
        limit = ""
        if ask.limit is not None:
            parameters["limit"] = ask.limit
            limit = " LIMIT {limit:UInt64}"
        if table is KLINE and (revised or ask.known_ns is not None):
            if ask.known_ns is not None:
                parameters["known"] = ask.known_ns
                where += " AND first_seen_ns <= {known:Int64}"
            order = f"{time}{direction}, `revision` DESC"
            limit = f" LIMIT 1 BY {time}{limit}"
        sql = f"SELECT {select} FROM {self._from(table)} WHERE {where} ORDER BY {order}{limit}"
        found = self._session.table(sql, parameters)
        if ask.newest:
            return found.take(pa.array(np.arange(found.num_rows - 1, -1, -1)))
        return found

    def _from(self, table: Table) -> str:
        return f"`{self._database}`.`{table.name}`{' FINAL' if table.replacing else ''}"


def _tie_breakers(table: Table) -> Iterable[str]:
    return (f"`{name}`" for name in table.order_by if name not in (*_STREAM_NAMES, "period", "revision", table.time))


def _where(table: Table) -> str:
    names = "venue = {venue:String} AND market = {market:String} AND symbol = {symbol:String} AND "
    period = "period = {period:String} AND " if table is KLINE else ""
    return names + period + _FROM_TO.format(time=table.time)


def _parameters(stream: StreamId, span: Span) -> dict[str, Any]:
    instrument = stream.instrument
    parameters: dict[str, Any] = {
        "venue": instrument.venue,
        "market": instrument.market,
        "symbol": instrument.symbol,
        "start": span.start_ms,
        "end": span.end_ms,
    }
    if stream.kind is Kind.KLINE:
        parameters["period"] = stream.period
    return parameters


def _coverage_of(kind: Kind, row: dict[str, Any]) -> StreamCoverage:
    return StreamCoverage(
        stream=StreamId(InstrumentId(row["venue"], row["market"], row["symbol"]), kind, row.get("period", "")),
        first_ms=row["first_ms"],
        last_ms=row["last_ms"],
        rows=row["rows"],
        revised_rows=row["revised"],
        synthetic_rows=row["made"],
    )


def _numpy(column: pa.ChunkedArray) -> Any:
    if pa.types.is_decimal(column.type):
        # Arrow's cast rounds once, as float(str(value)) does; ClickHouse's toFloat64 does not.
        column = column.cast(pa.float64())
    elif pa.types.is_unsigned_integer(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_list(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()


def _dicts(table: pa.Table) -> list[dict[str, Any]]:
    names = table.column_names
    if not names or not table.num_rows:
        return []
    values = [_python_values(column) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_list(column.type):
        listed: list[Any] = column.to_pylist()
        return listed
    # Through numpy: several times faster than to_pylist, with the same Python values.
    plain: list[Any] = column.to_numpy().tolist()
    return plain
