"""A report as a workbook: summary, metrics, trades, equity, monthly, costs."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from quantservice.quant.metrics import CATALOGUE
from quantservice.quant.metrics.catalogue import GROUPS
from quantservice.quant.reports.table import Table

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report
    from quantservice.quant.reports.stored import StoredReport

#: A sheet has 1,048,576 rows; more than this are thinned (equity) or cut (trades), and the sheet says so.
ROWS: Final = 50_000
_UNITS: Final = {
    "fraction": "0.00%",
    "ratio": "0.000",
    "quote": "#,##0.00",
    "count": "#,##0",
    "per_day": "0.00",
    "days": "#,##0.0",
    "hours": "#,##0.0",
    "ms": "#,##0",
    "bps": "0.00",
    "time": "yyyy-mm-dd hh:mm",
    "text": "@",
}
#: Column -> number format, where it is not that of a plain number.
_COLUMNS: Final = {
    **dict.fromkeys(("return", "mae", "mfe", "drawdown", "mean_return", "win_rate", "best", "worst", "benchmark_return"), "0.00%"),
    **dict.fromkeys(
        ("gross", "fees", "funding", "slippage", "net", "value", "equity", "worst_equity", "cash", "amount"), "#,##0.00"
    ),
    **dict.fromkeys(("gross_exposure", "net_exposure", "margin_used", "benchmark", "mean_net", "costs"), "#,##0.00"),
    **dict.fromkeys(("quantity", "entry_price", "exit_price"), "#,##0.########"),
    **dict.fromkeys(("bars", "trades"), "#,##0"),
}
#: Figures of the summary.
_SHOWN: Final = (
    "start",
    "end",
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "max_drawdown_duration",
    "annual_volatility",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
    "exposure_time",
    "turnover",
    "fees",
    "slippage",
    "buy_hold_return",
)
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH_DAYS: Final = 25_569  # 1970-01-01 in the workbook's days


def workbook(report: Report | StoredReport) -> bytes:
    """Return the bytes of an xlsx file."""
    xlsxwriter: Any = import_module("xlsxwriter")  # only when a workbook is asked for
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "nan_inf_to_errors": False})
    book.set_properties({"title": report.about.strategy or "Backtest", "comments": report.result.data_fingerprint})
    writer = _Writer(book)
    _summary(writer, report)
    _metrics(writer, report)
    writer.sheet("trades", [report.trades])
    writer.sheet("equity", [_thinned(report.equity)])
    _monthly(writer, report)
    writer.sheet("costs", [report.table(name) for name in ("costs", "instruments", "exit_reasons", "hours")])
    book.close()
    return out.getvalue()


def _thinned(table: Table) -> Table:
    """At most `ROWS` rows of a curve: every k-th and the last."""
    step = math.ceil(len(table) / ROWS)
    if step <= 1:
        return table
    kept = np.unique(np.append(np.arange(0, len(table), step), len(table) - 1))
    return Table(f"{table.name}, every {step}th row", {name: values[kept] for name, values in table.columns.items()})


class _Writer:
    """The workbook with its formats."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#EEF0F3", "valign": "vcenter"})
        self.title = book.add_format({"bold": True, "font_size": 16})
        self.strong = book.add_format({"bold": True})
        self.dim = book.add_format({"font_color": "#5B6472"})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.states = {
            "passed": book.add_format({"font_color": "#0B7A4B", "bold": True}),
            "failed": book.add_format({"font_color": "#C1322B", "bold": True}),
            "warning": book.add_format({"font_color": "#8A5A00", "bold": True}),
            "unknown": self.dim,
        }
        self._formats: dict[str, Any] = {}

    def format(self, text: str) -> Any:
        if text not in self._formats:
            self._formats[text] = self.book.add_format({"num_format": text})
        return self._formats[text]

    def put(self, sheet: Any, row: int, column: int, value: Any, kind: str = "") -> None:
        """Write one cell; what is undefined is written as text, infinity as its sign."""
        if isinstance(value, float) and not math.isfinite(value):
            sheet.write_string(row, column, "n/a" if math.isnan(value) else "∞" if value > 0 else "−∞", self.dim)
        elif isinstance(value, str):
            sheet.write_string(row, column, value)
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        else:
            sheet.write_number(row, column, value, self.format(kind) if kind else None)

    def sheet(self, name: str, tables: Sequence[Table]) -> Any:
        """Write tables below each other on one sheet; the head of the first stays in view."""
        sheet = self.book.add_worksheet(name)
        row = 0
        for place, table in enumerate(tables):
            if len(tables) > 1:
                sheet.write_string(row, 0, table.name.replace("_", " "), self.strong)
                row += 1
            if place == 0:
                sheet.freeze_panes(row + 1, 1)
            self.table(sheet, row, table, sized=place == 0)
            row += min(len(table), ROWS) + 3
        return sheet

    def table(self, sheet: Any, row: int, table: Table, *, sized: bool) -> None:
        for column, (name, values) in enumerate(table.columns.items()):
            sheet.write_string(row, column, name.replace("_", " "), self.head)
            kept = values[:ROWS]
            if sized:
                sheet.set_column(column, column, 18 if kept.dtype.kind == "M" else 26 if kept.dtype.kind == "O" else 14)
            if kept.dtype.kind == "M":
                known = ~np.isnat(kept)
                days = kept.astype("datetime64[ms]").astype(np.int64) / 86_400_000 + _EPOCH_DAYS
                for k in np.flatnonzero(known).tolist():
                    sheet.write_number(row + 1 + k, column, float(days[k]), self.format("yyyy-mm-dd hh:mm"))
            elif kept.dtype.kind == "f" and np.isfinite(kept).all():
                sheet.write_column(row + 1, column, kept.tolist(), self.format(_COLUMNS.get(name, "#,##0.00####")))
            else:
                for k, value in enumerate(kept.tolist()):
                    self.put(sheet, row + 1 + k, column, value, _COLUMNS.get(name, ""))
        if sized and len(table):
            sheet.autofilter(row, 0, row + min(len(table), ROWS), len(table.columns) - 1)


def _summary(writer: _Writer, report: Report | StoredReport) -> None:
    sheet = writer.book.add_worksheet("summary")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 22)
    sheet.set_column(2, 2, 90)
    result, about = report.result, report.about
    sheet.write_string(0, 0, about.strategy or "Backtest", writer.title)
    rows = [
        ("instruments", ", ".join(str(item) for item in result.instruments)),
        ("period", f"{result.period}, {len(result):,} bars"),
        ("parameters", ", ".join(f"{name} = {value}" for name, value in about.parameters.items()) or "none"),
        ("benchmark", report.settings.benchmark or "none"),
        ("data fingerprint", result.data_fingerprint),
        ("code hash", about.code_hash),
        ("result fingerprint", result.fingerprint()),
    ]
    row = 2
    for label, text in rows:
        sheet.write_string(row, 0, label, writer.dim)
        sheet.write_string(row, 1, text)
        row += 1
    row = _figures(writer, sheet, report, row + 1)
    sheet.write_string(row, 0, "checked", writer.head)
    sheet.write_string(row, 1, "", writer.head)
    sheet.write_string(row, 2, "", writer.head)
    for gate in report.checked:
        row += 1
        sheet.write_string(row, 0, gate.name.replace("_", " "))
        sheet.write_string(row, 1, gate.state, writer.states[gate.state])
        sheet.write_string(row, 2, gate.text)
    for flag in result.flags:
        row += 1
        sheet.write_string(row, 0, "note")
        sheet.write_string(row, 2, flag.text)
    sheet.freeze_panes(1, 0)


def _figures(writer: _Writer, sheet: Any, report: Report | StoredReport, row: int) -> int:
    for column, text in enumerate(("figure", "value", "note")):
        sheet.write_string(row, column, text, writer.head)
    for name in _SHOWN:
        row += 1
        metric = report.metrics[name]
        sheet.write_string(row, 0, CATALOGUE[name].label)
        _value(writer, sheet, row, metric.value, metric.unit)
        sheet.write_string(row, 2, metric.reason, writer.dim)
    return row + 2


def _value(writer: _Writer, sheet: Any, row: int, value: float | str, unit: str) -> None:
    if unit == "time" and isinstance(value, float) and math.isfinite(value):
        value = value / 86_400_000 + _EPOCH_DAYS
    writer.put(sheet, row, 1, value, _UNITS[unit])


def _metrics(writer: _Writer, report: Report | StoredReport) -> None:
    sheet = writer.book.add_worksheet("metrics")
    heads = ("metric", "value", "unit", "reason", "formula", "sampling", "annualisation", "formula id", "name")
    for column, (text, width) in enumerate(zip(heads, (38, 18, 10, 48, 70, 16, 26, 26, 26), strict=True)):
        sheet.write_string(0, column, text, writer.head)
        sheet.set_column(column, column, width)
    row = 0
    group = ""
    for name, metric in report.metrics.items():
        definition = CATALOGUE[name]
        if definition.group != group:
            group = definition.group
            row += 1
            sheet.write_string(row, 0, GROUPS[group][0], writer.strong)
        row += 1
        sheet.write_string(row, 0, definition.label)
        _value(writer, sheet, row, metric.value, metric.unit)
        texts = (metric.unit, metric.reason, definition.formula, metric.sampling, metric.annualisation, metric.formula, name)
        for column, text in enumerate(texts, start=2):
            sheet.write_string(row, column, text)
    sheet.freeze_panes(1, 1)


def _monthly(writer: _Writer, report: Report | StoredReport) -> None:
    sheet = writer.book.add_worksheet("monthly")
    table = report.table("monthly")
    names = ("year", *MONTHS, "whole year")
    for column, text in enumerate(names):
        sheet.write_string(0, column, text, writer.head)
    years = np.unique(table["year"]).tolist()
    for year, month, value in zip(table["year"].tolist(), table["month"].tolist(), table["return"].tolist(), strict=True):
        writer.put(sheet, 1 + years.index(year), 13 if month == 0 else month, value, "0.00%")
    for k, year in enumerate(years):
        sheet.write_number(1 + k, 0, year, writer.strong)
    colours = {"type": "3_color_scale", "min_color": "#E58A85", "mid_color": "#FFFFFF", "max_color": "#7CC6A0", "mid_type": "num"}
    sheet.conditional_format(1, 1, max(len(years), 1), 12, {**colours, "mid_value": 0})
    sheet.set_column(1, 13, 9)
    sheet.freeze_panes(1, 1)
