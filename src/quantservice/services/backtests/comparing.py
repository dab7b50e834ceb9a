"""Stored backtests side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.ports import BacktestRecord
from quantservice.quant.metrics import CATALOGUE
from quantservice.quant.reports.stored import table_of

F64: TypeAlias = npt.NDArray[np.float64]
_DAY_MS: Final = 86_400_000
#: Fewer common days than this tell nothing of a correlation.
_FEWEST_DAYS: Final = 10


def comparison(records: Sequence[BacktestRecord], days: Sequence[bytes | None]) -> dict[str, Any]:
    """Return every figure of each record, what differs between them, growth by the day and correlations of daily returns.

    ``days`` are the records' tables ``daily`` as Arrow streams (None: not kept).
    """
    clock, growth, returns = _curves([_daily(content) for content in days])
    return {
        "metrics": _metrics(records),
        "differences": _differences(records),
        "days": [(int(day) + 1) * _DAY_MS for day in clock],
        "growth": [[_number(value) for value in row.tolist()] for row in growth],
        "correlation": _correlation(returns),
    }


def _metrics(records: Sequence[BacktestRecord]) -> list[dict[str, Any]]:
    rows = []
    for name, definition in CATALOGUE.items():
        found: list[Mapping[str, Any]] = [record.metrics.get(name) or {} for record in records]
        rows.append(
            {
                "name": name,
                "label": definition.label,
                "chinese": definition.chinese,
                "group": definition.group,
                "unit": definition.unit,
                "formula": definition.formula,
                "values": [item.get("value") for item in found],
                "reasons": [str(item.get("reason") or ("" if item else "was not measured")) for item in found],
            }
        )
    return rows


def _differences(records: Sequence[BacktestRecord]) -> list[dict[str, Any]]:
    """Return what is not the same in all: code, parameters, bars, assumptions, versions."""
    told = [_told(record) for record in records]
    names = dict.fromkeys(name for facts in told for name in facts)
    rows = [{"name": name, "values": [facts.get(name) for facts in told]} for name in names]
    return [row for row in rows if any(value != row["values"][0] for value in row["values"])]


def _told(record: BacktestRecord) -> dict[str, Any]:
    parts: Mapping[str, Mapping[str, Any]] = {
        "parameters": record.parameters,
        "data": record.data,
        "assumptions": record.assumptions,
        "versions": record.versions,
    }
    found: dict[str, Any] = {
        "strategy": record.strategy,
        "code_hash": record.code_hash,
        "data_fingerprint": record.data_fingerprint,
    }
    for part, values in parts.items():
        found |= {f"{part}.{name}": value for name, value in values.items()}
    return found


def _daily(content: bytes | None) -> tuple[npt.NDArray[np.int64], F64]:
    """Return the days of a run and its returns on them."""
    if content is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    table = table_of("daily", content)
    return table["day"].astype("datetime64[D]").astype(np.int64), np.asarray(table["return"], dtype=np.float64)


def _curves(runs: Sequence[tuple[npt.NDArray[np.int64], F64]]) -> tuple[npt.NDArray[np.int64], list[F64], F64]:
    """Return the days of all runs, each run's growth on them, and its returns (days, runs); NaN where it did not run."""
    clock = np.unique(np.concatenate([day for day, _ in runs]))
    growth, table = [], np.full((len(clock), len(runs)), np.nan)
    for place, (day, values) in enumerate(runs):
        rows = np.searchsorted(clock, day)
        curve = np.full(len(clock), np.nan)
        curve[rows] = np.cumprod(1.0 + values)
        growth.append(curve)
        table[rows, place] = values
    return clock, growth, table


def _correlation(returns: F64) -> list[list[float | None]]:
    count = returns.shape[1]
    found: list[list[float | None]] = [[None] * count for _ in range(count)]
    for one in range(count):
        for other in range(count):
            both = returns[np.isfinite(returns[:, one]) & np.isfinite(returns[:, other])]
            left, right = both[:, one], both[:, other]
            if len(both) >= _FEWEST_DAYS and left.std() > 0 and right.std() > 0:
                found[one][other] = _number(float(np.corrcoef(left, right)[0, 1]))
    return found


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
