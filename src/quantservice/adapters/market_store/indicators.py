"""Computed indicator values as tables: ``indicator`` (one row per output and bar) and ``indicator_ma`` (ma20, ma50)."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from quantservice.adapters.market_store.schema import INDICATOR, INDICATOR_MA
from quantservice.adapters.market_store.session import Session
from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.ports import Columns, IndicatorExtent, IndicatorValues

#: The averages that have a table of their own, by the indicator's key.
MOVING_AVERAGES: Final = {"sma(20)": "ma20", "sma(50)": "ma50"}
_OF_STREAM: Final = "venue = {venue:String} AND market = {market:String} AND symbol = {symbol:String} AND period = {period:String}"


class IndicatorTable:
    """Reads and writes values. Everything here runs in the store's one thread."""

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._database = database

    def put(self, rows: Sequence[IndicatorValues], now_ns: int) -> int:
        """Write values; the two moving averages go to their own table too."""
        parts = [_table(item, place, now_ns) for item in rows for place in range(len(item.outputs)) if len(item.open_times)]
        if not parts:
            return 0
        table = pa.concat_tables(parts)
        self._session.insert(self._database, INDICATOR.name, table)
        averages = _averages(rows, now_ns)
        if averages is not None:
            self._session.insert(self._database, INDICATOR_MA.name, averages)
        return int(table.num_rows)

    def read(self, stream: StreamId, indicator: str, span: Span, *, limit: int | None, newest: bool) -> Columns:
        """Values as columns: open_time and one per output."""
        parameters = _parameters(stream) | {"indicator": indicator, "start": span.start_ms, "end": span.end_ms}
        where = f"{_OF_STREAM} AND indicator = {{indicator:String}} AND open_time >= {{start:Int64}} AND open_time < {{end:Int64}}"
        source = f"`{self._database}`.`{INDICATOR.name}` FINAL WHERE {where}"
        names = [row["output"] for row in self._session.rows(f"SELECT DISTINCT output FROM {source} ORDER BY output", parameters)]
        if limit is not None:
            parameters["limit"] = limit
        order = "DESC" if newest else "ASC"
        tail = " LIMIT {limit:UInt64}" if limit is not None else ""
        sql = (
            f"SELECT open_time, groupArray(output) AS outputs, groupArray(value) AS values FROM {source} "
            f"GROUP BY open_time ORDER BY open_time {order}{tail}"
        )
        found = self._session.rows(sql, parameters)
        if newest:
            found.reverse()
        columns: dict[str, Any] = {"open_time": np.array([row["open_time"] for row in found], dtype=np.int64)}
        by_bar = [dict(zip(row["outputs"], row["values"], strict=True)) for row in found]
        for name in names:
            columns[name] = np.array([values.get(name, np.nan) for values in by_bar], dtype=np.float64)
        return columns

    def extents(self, stream: StreamId) -> dict[str, IndicatorExtent]:
        """First and last bar and the number of bars of every indicator of a stream."""
        sql = (
            "SELECT indicator, min(open_time) AS first_ms, max(open_time) AS last_ms, uniqExact(open_time) AS bars "
            f"FROM `{self._database}`.`{INDICATOR.name}` WHERE {_OF_STREAM} GROUP BY indicator"
        )
        return {
            row["indicator"]: IndicatorExtent(first_ms=row["first_ms"], last_ms=row["last_ms"], bars=row["bars"])
            for row in self._session.rows(sql, _parameters(stream))
        }


def _table(item: IndicatorValues, place: int, now_ns: int) -> pa.Table:
    count = len(item.open_times)
    instrument = item.stream.instrument
    texts = {
        "venue": instrument.venue,
        "market": instrument.market,
        "symbol": instrument.symbol,
        "period": item.stream.period,
        "indicator": item.indicator,
        "output": item.outputs[place],
    }
    columns: dict[str, Any] = {name: pa.array([text] * count, pa.string()) for name, text in texts.items()}
    columns["open_time"] = pa.array(np.asarray(item.open_times, dtype=np.int64))
    columns["value"] = pa.array(np.ascontiguousarray(item.values[:, place], dtype=np.float64))
    columns["written_ns"] = pa.array(np.full(count, now_ns, dtype=np.int64))
    return pa.table(columns)


def _averages(rows: Sequence[IndicatorValues], now_ns: int) -> pa.Table | None:
    """Join the two averages of one stream by bar: a row needs both, or the later one would blank the earlier."""
    found: dict[tuple[StreamId, int], dict[str, float]] = {}
    for item in rows:
        name = MOVING_AVERAGES.get(item.indicator)
        if name is not None:
            for open_time, value in zip(item.open_times.tolist(), item.values[:, 0].tolist(), strict=True):
                found.setdefault((item.stream, open_time), {})[name] = value
    whole = [(stream, time, values) for (stream, time), values in found.items() if len(values) == len(MOVING_AVERAGES)]
    if not whole:
        return None
    return pa.table(
        {
            "venue": pa.array([stream.instrument.venue for stream, _, _ in whole], pa.string()),
            "market": pa.array([stream.instrument.market for stream, _, _ in whole], pa.string()),
            "symbol": pa.array([stream.instrument.symbol for stream, _, _ in whole], pa.string()),
            "period": pa.array([stream.period for stream, _, _ in whole], pa.string()),
            "open_time": pa.array([time for _, time, _ in whole], pa.int64()),
            "ma20": pa.array([values["ma20"] for _, _, values in whole], pa.float64()),
            "ma50": pa.array([values["ma50"] for _, _, values in whole], pa.float64()),
            "written_ns": pa.array([now_ns] * len(whole), pa.int64()),
        }
    )


def _parameters(stream: StreamId) -> dict[str, Any]:
    instrument = stream.instrument
    return {"venue": instrument.venue, "market": instrument.market, "symbol": instrument.symbol, "period": stream.period}
