"""How commands print a job: what came of it first as tables, then figure by figure, and where the rest of it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from quantservice.app.cli.console import note, show, utc, write
from quantservice.core.errors import UnknownName

#: Parts of a result that are rows, in the order in which they are printed.
_ROWS: Final = ("top", "choices", "front")
#: Columns that a table is printed with before a person says which, and the figures that come first among many.
_ROOM: Final = 14
_LEADING: Final = (
    *("total_return", "cagr", "sharpe", "sharpe_daily", "sortino", "calmar", "max_drawdown", "trades", "profit_factor", "psr"),
    *("win_rate", "fees", "turnover"),
)
_TIMES: Final = ("train_start", "train_end", "test_start", "test_end")


def print_job(job: Mapping[str, Any]) -> None:
    """Print a job for a person: its result on standard output, what was done on standard error."""
    took = "" if not job["finished_ms"] or not job["started_ms"] else f" in {(job['finished_ms'] - job['started_ms']) / 1000:.1f} s"
    workers = job["result"].get("workers") or []
    by = f" by worker{'s' if len(workers) > 1 else ''} {', '.join(workers)}" if workers else ""
    note(f"job {job['id']} {job['kind']} ({job['title']}): {job['state']}{took}{by}")
    if job["error"]:
        note(job["error"])
    result = dict(job["result"])
    for key in _ROWS:
        rows = result.pop(key, None)
        if rows:
            show([_row(row) for row in rows], json=False)
    figures = result.pop("figures", {})
    if any(isinstance(figure, Mapping) for figure in figures.values()):
        show([_figure(name, figure) for name, figure in figures.items()], json=False)
    else:
        result["figures"] = figures
    reasons, tables = result.pop("reasons", {}), result.pop("tables", {})
    for key in ("map", "workers"):
        result.pop(key, None)
    for key, value in flat(result).items():
        if value not in (None, {}, []):
            write(f"{key:<34} {_shown(value)}")
    for reason, count in reasons.items():
        write(f"{f'not run, {count} of them':<34} {reason}")
    if tables:
        note(f"its tables: {', '.join(tables)}; print one with qs jobs table {job['id']} {next(iter(tables))}")


def legible(rows: Sequence[Mapping[str, Any]], columns: str | None, sort: str | None) -> list[dict[str, Any]]:
    """Return the columns of a table that are asked for (``all``: every one), else those that a screen has room for."""
    known = list(rows[0]) if rows else []
    if columns == "all" or (columns is None and len(known) <= _ROOM):
        return [dict(row) for row in rows]
    if columns is not None:
        wanted = [name.strip() for name in columns.split(",")]
        for name in wanted if rows else ():
            if name not in known:
                raise UnknownName("column", name, known)
    else:
        told = {"reason"} if any(row.get("reason") for row in rows) else set()
        first = [name for name in known if name in {"number", "state", *told} or name.startswith("p_")]
        wanted = list(dict.fromkeys([*first, *([sort] if sort else []), *(name for name in _LEADING if name in known)]))[:_ROOM]
        note(f"{len(wanted)} of {len(known)} columns; --columns names others, --columns all or --output takes every one")
    return [{name: row[name] for name in wanted} for row in rows]


def flat(row: Mapping[str, Any], lead: str = "") -> dict[str, Any]:
    """Return nested records as one, their names joined by points; parameters of the first level keep their own names."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{lead}{key}." if lead or key != "parameters" else "")
        else:
            found[f"{lead}{key}"] = value
    return found


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: utc(value) if key in _TIMES else value for key, value in flat(row).items()}


def _figure(name: str, figure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spread of one figure over random runs as a row: how it was, and its percentiles beside it."""
    percentiles = {f"p{rank}": value for rank, value in figure.get("percentiles", {}).items()}
    return {
        "figure": name,
        "actual": figure.get("actual"),
        "mean": figure.get("mean"),
        **percentiles,
        "below actual": figure.get("share_below_actual"),
    }


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
