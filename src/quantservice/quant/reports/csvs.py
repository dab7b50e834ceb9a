"""Tables as comma-separated text: times in ISO 8601 UTC, numbers in full."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantservice.quant.reports.files import write_whole
from quantservice.quant.reports.table import Table

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

#: What a folder or archive holds besides ``metrics.csv``.
EXPORTED = (
    "trades",
    "equity",
    "daily",
    "monthly",
    "fills",
    "orders",
    "funding",
    "costs",
    "instruments",
    "exit_reasons",
    "drawdowns",
)


def write(report: Report, path: Path, table: str) -> Path:
    """Write one table, an archive of all, or a folder of all, by the path's ending."""
    if path.suffix == ".csv":
        return write_whole(path, text_of(report.table(table)).encode())
    files = {f"{name}.csv": text_of(report.table(name)) for name in EXPORTED} | {"metrics.csv": metrics_text(report)}
    if path.suffix == ".zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, text in files.items():
                packed.writestr(zipfile.ZipInfo(name), text)
        return write_whole(path, archive.getvalue())
    for name, text in files.items():
        write_whole(path / name, text.encode())
    return path


def text_of(table: Table) -> str:
    """Return a table as CSV text with a head line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_column(values) for values in table.columns.values()), strict=True))
    return out.getvalue()


def _column(values: Any) -> list[Any]:
    if values.dtype.kind == "M":
        return ["" if text == "NaT" else f"{text}Z" for text in np.datetime_as_string(values, unit="ms").tolist()]
    if values.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in values.tolist()]  # noqa: PLR0124 - NaN alone differs from itself
    return list(values.tolist())


def metrics_text(report: Report) -> str:
    """Return the figures as CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "value", "unit", "formula", "sampling", "annualisation", "reason"])
    for metric in report.metrics.values():
        value = "" if not metric.defined else metric.value
        writer.writerow([metric.name, value, metric.unit, metric.formula, metric.sampling, metric.annualisation, metric.reason])
    return out.getvalue()
