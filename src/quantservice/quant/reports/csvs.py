"""Tables as comma-separated text: times in ISO 8601 UTC, numbers in full, empty where undefined."""

from __future__ import annotations

import csv
import io
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantservice.quant.reports.files import write_whole
from quantservice.quant.reports.table import Table

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report
    from quantservice.quant.reports.stored import StoredReport

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
        return write_whole(path, csv_of(report.table(table)))
    if path.suffix == ".zip":
        return write_whole(path, archive(report))
    for name, content in _files(report).items():
        write_whole(path / name, content)
    return path


def archive(report: Report | StoredReport) -> bytes:
    """Return a zip of all tables and the figures."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as writer:
        for name, content in _files(report).items():
            writer.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 3)
    return packed.getvalue()


def _files(report: Report | StoredReport) -> dict[str, bytes]:
    return {f"{name}.csv": csv_of(report.table(name)) for name in EXPORTED} | {"metrics.csv": metrics_csv(report)}


def csv_of(table: Table) -> bytes:
    """Return a table as CSV with a head line."""
    arrow, writer = import_module("pyarrow"), import_module("pyarrow.csv")  # only when a file is asked for
    columns: dict[str, Any] = {}
    for name, values in table.columns.items():
        kind = arrow.timestamp("ms", "UTC") if values.dtype.kind == "M" else arrow.string() if values.dtype.kind == "O" else None
        plain = values.astype("datetime64[ms]") if values.dtype.kind == "M" else values
        columns[name] = arrow.array(plain, kind, from_pandas=True)
    out = io.BytesIO()
    writer.write_csv(arrow.table(columns), out, writer.WriteOptions(quoting_style="needed"))
    return out.getvalue()


def metrics_csv(report: Report | StoredReport) -> bytes:
    """Return the figures as CSV."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["name", "value", "unit", "formula", "sampling", "annualisation", "reason"])
    for metric in report.metrics.values():
        value = "" if not metric.defined else metric.value
        rows.writerow([metric.name, value, metric.unit, metric.formula, metric.sampling, metric.annualisation, metric.reason])
    return out.getvalue().encode()
