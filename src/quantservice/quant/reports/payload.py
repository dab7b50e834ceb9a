"""A report as plain values: whole for other programs, thinned and packed for its page."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.records import FILL_REASONS
from quantservice.quant.metrics import CATALOGUE
from quantservice.quant.metrics.catalogue import GROUPS
from quantservice.quant.metrics.value import F64, I64
from quantservice.quant.reports import views
from quantservice.quant.reports.story import Candles
from quantservice.quant.reports.table import Table
from quantservice.quant.reports.thin import coarser, cut, keep_extremes, lowest_between, windows_of

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

#: How much a page carries: points of the equity curve, candles in all, candles near trades, trades, instruments drawn.
POINTS: Final = 4_000
CANDLES: Final = 9_000
NEAR: Final = 28_000
TRADES: Final = 12_000
DRAWN: Final = 8
_SMALL_TABLES: Final = (
    "monthly", "instruments", "exit_reasons", "tags", "hours", "costs", "hard_times", "rejections", "drawdowns", "conventions",
)  # fmt: skip


def exchange(report: Report) -> dict[str, Any]:
    """Return everything as JSON values, every trade and fill, the equity by the day."""
    tables = ("trades", "daily", "fills", "orders", "funding", "liquidations", "rolling", *_SMALL_TABLES)
    return {**_head(report), "metrics": report.metrics.to_dict(), "tables": {name: _rows(report.table(name)) for name in tables}}


def report_payload(report: Report) -> dict[str, Any]:
    """Return what the page shows as JSON values; long arrays are base64 of little-endian float32 or uint32 (seconds)."""
    trades, kept = _trades(report)
    return {
        **_head(report),
        "metrics": [_figure(name, report) for name in report.metrics],
        "groups": {name: list(words) for name, words in GROUPS.items()},
        "equity": _equity(report),
        "rolling": _rolling(report),
        "histogram": views.histogram(report.metrics.daily.returns),
        "trades": trades,
        "trades_total": len(report.result.trades),
        "candles": _candles(report, kept),
        "tables": {name: _rows(report.table(name)) for name in _SMALL_TABLES},
    }


def _head(report: Report) -> dict[str, Any]:
    result, about = report.result, report.about
    return {
        "format": "quantservice.report.v1",
        "about": {**msgspec.to_builtins(about), "parameters": {str(k): _value(v) for k, v in about.parameters.items()}},
        "run": {
            "instruments": [str(item) for item in result.instruments],
            "period": result.period,
            "currency": result.currency,
            "start": int(result.time[0]),
            "end": int(result.close_time[-1]) + 1,
            "bars": len(result),
            "data_fingerprint": result.data_fingerprint,
            "result_fingerprint": result.fingerprint(),
            "benchmark": report.settings.benchmark,
        },
        "assumptions": msgspec.to_builtins(result.assumptions),
        "settings": msgspec.to_builtins(report.settings),
        "gates": [msgspec.to_builtins(gate) for gate in report.checked],
        "flags": [msgspec.to_builtins(flag) for flag in result.flags],
    }


def _figure(name: str, report: Report) -> dict[str, Any]:
    metric, row = report.metrics[name], CATALOGUE[name]
    return {
        "name": name,
        "group": row.group,
        "label": row.label,
        "zh": row.chinese,
        "value": _value(metric.value),
        "text": metric.text,
        "unit": metric.unit,
        "id": metric.formula,
        "formula": row.formula,
        "sampling": metric.sampling,
        "annualisation": metric.annualisation,
        "reason": metric.reason,
    }


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value if isinstance(value, str | int | float | bool | list | dict) or value is None else str(value)


def _rows(table: Table) -> list[dict[str, Any]]:
    never = int(np.iinfo(np.int64).min)
    return [{name: None if value == never else _value(value) for name, value in row.items()} for row in table.rows()]


def floats(values: npt.NDArray[Any]) -> str:
    """Pack numbers as base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def seconds(milliseconds: npt.NDArray[Any]) -> str:
    """Pack times as base64 of little-endian uint32 seconds."""
    return base64.b64encode(np.ascontiguousarray(milliseconds // 1000, dtype="<u4").tobytes()).decode()


def _equity(report: Report) -> dict[str, Any]:
    result, equity = report.result, report.arrays.clean[0]
    ends = result.close_time + 1
    special = np.searchsorted(ends, [fall.valley_time for fall in report.metrics.drawdowns]).astype(np.int64)
    kept = keep_extremes(equity, POINTS, np.concatenate([special, [int(report.drawdown.argmin())]]).astype(np.int64))
    gross = report.arrays.gross
    return {
        "start": [int(result.time[0]) // 1000, result.initial_equity],
        "time": seconds(ends[kept]),
        "equity": floats(equity[kept]),
        "drawdown": floats(lowest_between(report.drawdown, kept)),
        "benchmark": None if report.benchmark is None else floats(report.benchmark[kept] * result.initial_equity),
        "exposure": None if gross is None else floats(_share(gross, equity)[kept]),
    }


def _share(part: F64, whole: F64) -> F64:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0.0)


def _rolling(report: Report) -> dict[str, Any]:
    table = report.table("rolling")
    found: dict[str, Any] = {"window": views.longest_window(len(report.metrics.daily.returns))}
    for name, values in table.columns.items():
        found[name] = seconds(values.astype(np.int64)) if name == "time" else floats(values)
    return found


def _trades(report: Report) -> tuple[dict[str, Any], I64]:
    """Pack the trades (the weightiest if there are too many to carry) and return which."""
    rows = report.result.trades
    kept = np.arange(len(rows), dtype=np.int64)
    if len(rows) > TRADES:
        kept = np.sort(np.argsort(-np.abs(rows["net"]), kind="stable")[:TRADES]).astype(np.int64)
    rows = rows[kept]
    packed: dict[str, Any] = {"count": len(rows)}
    for name in ("entry_time", "exit_time"):
        packed[name] = seconds(rows[name])
    for name in ("entry_price", "exit_price", "quantity", "net", "return", "fees", "funding", "mae", "mfe", "bars"):
        packed[name] = floats(rows[name])
    for name in ("instrument", "side", "exit_reason", "entry_tag", "open"):
        packed[name] = base64.b64encode(np.ascontiguousarray(rows[name], dtype="<i4").tobytes()).decode()
    packed["reasons"] = list(FILL_REASONS)
    packed["tags"] = list(report.result.tags)
    return packed, kept


def _candles(report: Report, kept: I64) -> list[dict[str, Any]]:
    """Candles of the instruments with most trades: all of them joined to a longer period, those near trades as they are."""
    rows = report.result.trades[kept]
    if not report.candles:
        return []
    count = np.bincount(rows["instrument"], minlength=len(report.candles))
    chosen = np.argsort(-count, kind="stable")[:DRAWN]
    drawn = []
    for place in sorted(int(k) for k in chosen):
        candles = report.candles[place]
        whole, step = coarser(candles, CANDLES // len(chosen))
        parts: list[dict[str, Any]] = []
        if len(whole.time) < len(candles.time):
            mine = rows[rows["instrument"] == place]
            spans = windows_of(candles, mine["entry_time"], mine["exit_time"], mine["net"], budget=NEAR // len(chosen))
            parts = [_pack(cut(candles, a, b)) for a, b in spans]
        drawn.append({"instrument": candles.instrument, "place": place, "step": step // 1000, "whole": _pack(whole), "near": parts})
    return drawn


def _pack(candles: Candles) -> dict[str, Any]:
    return {
        "time": seconds(candles.time),
        "open": floats(candles.open),
        "high": floats(candles.high),
        "low": floats(candles.low),
        "close": floats(candles.close),
        "volume": floats(candles.volume),
        "state": base64.b64encode(candles.state.tobytes()).decode() if candles.state.any() else "",
    }
