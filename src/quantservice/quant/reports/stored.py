"""A report at rest: what is kept of it beside a stored backtest, and what can be made of that without the run.

Kept are the records and curves as Arrow streams, and ``report``: all that the page draws, as compressed JSON.
Beside them lies ``why`` (quant/why_digest.py).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, Final
from zlib import compress, decompress

import msgspec
import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.quant.backtest.results import Flag
from quantservice.quant.metrics import Metric, Settings
from quantservice.quant.metrics.value import metric_of
from quantservice.quant.reports import csvs, excel, page_html
from quantservice.quant.reports.payload import report_payload
from quantservice.quant.reports.report import TABLES, Report
from quantservice.quant.reports.story import About, Gate
from quantservice.quant.reports.table import Table
from quantservice.quant.reports.thin import keep_extremes

#: The name of the part that holds what the page draws.
REPORT: Final = "report"
#: What can be made of a stored report, by ending.
FILES: Final = ("html", "json", "xlsx", "zip")
#: Points of an equity curve that are kept: of each stretch its lowest and its highest.
CURVE_ROWS: Final = 50_000
_RECORDS: Final = ("trades", "fills", "orders", "funding", "liquidations")


def parts_of(report: Report) -> dict[str, bytes]:
    """Return what is kept of a report: ``trades``, ``equity``, ``daily``, other records where there are any, and ``report``."""
    tables = {name: report.table(name) for name in _RECORDS}
    made = {name: arrow_stream(table) for name, table in tables.items() if len(table) or name == "trades"}
    equity = report.equity
    kept = keep_extremes(np.asarray(equity["equity"], dtype=np.float64), CURVE_ROWS)
    made["equity"] = arrow_stream(Table("equity", {name: values[kept] for name, values in equity.columns.items()}))
    made["daily"] = arrow_stream(report.table("daily"))
    made[REPORT] = compress(msgspec.json.encode(report_payload(report)), 6)
    return made


def arrow_stream(table: Table) -> bytes:
    """Return a table as an Arrow IPC stream, compressed; times are UTC milliseconds, words strings."""
    pa = import_module("pyarrow")
    content = pa.table({name: _arrow(pa, values) for name, values in table.columns.items()})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, content.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(content)
    return sink.getvalue()


def _arrow(pa: Any, values: Any) -> Any:
    """Make an Arrow array from its buffers: ``pa.array`` would import pandas, a quarter of a second."""
    kind = values.dtype.kind
    if kind == "M":
        stamps = np.ascontiguousarray(values.astype("datetime64[ms]"))
        known = ~np.isnat(stamps)
        valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
        return pa.Array.from_buffers(pa.timestamp("ms", "UTC"), len(values), [valid, pa.py_buffer(stamps.view(np.int64))])
    if kind == "b":
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])
    if kind in "iuf":
        dense = np.ascontiguousarray(values)
        return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(dense)])
    words = [None if word is None else str(word).encode() for word in values.tolist()]
    ends = np.cumsum([0, *(len(word or b"") for word in words)], dtype=np.int32)
    known = np.array([word is not None for word in words], dtype=bool)
    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    text = pa.py_buffer(b"".join(word or b"" for word in words))
    return pa.Array.from_buffers(pa.string(), len(words), [valid, pa.py_buffer(ends), text])


def table_of(name: str, content: bytes) -> Table:
    """Read such a stream back."""
    pa = import_module("pyarrow")
    found = pa.ipc.open_stream(content).read_all()
    return Table(name, {key: _numpy(found[key].combine_chunks()) for key in found.column_names})


def _numpy(column: Any) -> Any:
    values = column.to_numpy(zero_copy_only=False)
    return values.astype("datetime64[ms]") if values.dtype.kind == "M" else values


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What of a run its report tells."""

    instruments: tuple[InstrumentId, ...]
    period: str
    currency: str
    bars: int
    data_fingerprint: str
    result_fingerprint: str
    flags: tuple[Flag, ...]

    def __len__(self) -> int:
        return self.bars

    def fingerprint(self) -> str:
        return self.result_fingerprint


class StoredReport:
    """A report read back from its parts: figures, gates, tables and files, all but what needs the run itself.

    ``content`` is the part `REPORT`, ``tables`` the others by name.
    """

    def __init__(self, content: bytes, tables: Mapping[str, bytes]) -> None:
        self.payload: dict[str, Any] = msgspec.json.decode(decompress(content))
        self._tables = tables

    @cached_property
    def about(self) -> About:
        """Who ran what."""
        return msgspec.convert(self.payload["about"], About)

    @cached_property
    def settings(self) -> Settings:
        """What the figures assumed."""
        return msgspec.convert(self.payload["settings"], Settings)

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Every figure of the catalogue."""
        names = ("name", "value", "unit", "sampling", "annualisation", "reason")
        return {
            row["name"]: metric_of({**{name: row[name] for name in names}, "formula": row["id"]}) for row in self.payload["metrics"]
        }

    @cached_property
    def checked(self) -> tuple[Gate, ...]:
        """What speaks for and against believing it."""
        return msgspec.convert(self.payload["gates"], tuple[Gate, ...])

    @cached_property
    def result(self) -> _Run:
        """The run, as far as it is told."""
        run = self.payload["run"]
        return _Run(
            instruments=tuple(InstrumentId.parse(name) for name in run["instruments"]),
            period=run["period"],
            currency=run["currency"],
            bars=run["bars"],
            data_fingerprint=run["data_fingerprint"],
            result_fingerprint=run["result_fingerprint"],
            flags=msgspec.convert(self.payload["flags"], tuple[Flag, ...]),
        )

    @property
    def trades(self) -> Table:
        """Round trips, open ones too."""
        return self.table("trades")

    @property
    def equity(self) -> Table:
        """Equity, drawdown, exposure and benchmark."""
        return self.table("equity")

    def table(self, name: str) -> Table:
        """Return one of the report's tables; one that was empty has no columns."""
        if name in self._tables:
            return table_of(name, self._tables[name])
        rows: list[dict[str, Any]] = self.payload["tables"].get(name, [])
        return Table(name, {key: _column(key, [row[key] for row in rows]) for key in (rows[0] if rows else ())})

    def file(self, ending: str, *, language: str = "en") -> bytes:
        """Return one of `FILES`: the page, everything as JSON, the workbook, or all tables as CSV in an archive."""
        match ending:
            case "html":
                return page_html.page_of(self.payload, self.metrics.values(), language).encode()
            case "json":
                return msgspec.json.format(msgspec.json.encode(self._exchange()), indent=1)
            case "xlsx":
                return excel.workbook(self)
        return csvs.archive(self)

    def _exchange(self) -> dict[str, Any]:
        heads = ("format", "about", "run", "assumptions", "settings", "gates", "flags")
        names = [name for name in TABLES if name in self._tables or name in self.payload["tables"]]
        return {
            **{name: self.payload[name] for name in heads},
            "metrics": {name: _figure(metric) for name, metric in self.metrics.items()},
            "tables": {name: [_plain(row) for row in self.table(name).rows()] for name in names},
        }


def _column(name: str, values: list[Any]) -> Any:
    """Return values of JSON as a column: times by their name, words, or numbers with NaN for what is undefined."""
    if name in {"peak", "valley", "recovery", "first", "last", "time"}:
        return np.array(
            [np.datetime64("NaT") if value is None else np.datetime64(value, "ms") for value in values], "datetime64[ms]"
        )
    if any(isinstance(value, str) and value not in {"inf", "-inf"} for value in values):
        return np.array(values, dtype=object)
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _figure(metric: Metric) -> dict[str, Any]:
    return {**msgspec.to_builtins(metric), "value": _value(metric.value)}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else "inf" if value > 0 else "-inf"
    return None if isinstance(value, int) and value == np.iinfo(np.int64).min else value
