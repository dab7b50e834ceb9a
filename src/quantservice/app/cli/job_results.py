"""How commands print a job: what came of it first as tables, then figure by figure, and where the rest of it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quantservice.app.cli.console import note, show, utc, write

#: Parts of a result that are rows, in the order in which they are printed.
_ROWS: Final = ("top", "choices", "front")
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
