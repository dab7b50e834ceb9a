"""How a report looks in a notebook: a card with the figures, the curve and what was checked."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from quantservice.quant.metrics.value import F64
from quantservice.quant.reports.gates import gates_of
from quantservice.quant.reports.thin import keep_extremes, lowest_between
from quantservice.quant.reports.words import WORDS

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

_FIGURES: Final = (
    ("total_return", "Total return"),
    ("cagr", "CAGR"),
    ("sharpe", "Sharpe"),
    ("sortino", "Sortino"),
    ("max_drawdown", "Max drawdown"),
    ("calmar", "Calmar"),
    ("trades", "Trades"),
    ("win_rate", "Win rate"),
    ("profit_factor", "Profit factor"),
    ("fees", "Fees"),
)
_MARKS: Final = {"passed": ("✓", "#1a7f4b"), "failed": ("✕", "#c4342b"), "warning": ("!", "#9a6700"), "unknown": ("?", "#6b7280")}
_WIDTH: Final = 640
_HEIGHT: Final = 150


def notebook_html(report: Report) -> str:
    """Return a self-contained piece of HTML: no script, no outside style, readable on light and dark."""
    figures = report.metrics
    tiles = "".join(
        '<div><div style="font-size:11px;opacity:.65">'
        f'{label}</div><div style="font-size:16px;font-weight:600" title="{escape(str(figures[name]))}">'
        f"{escape(figures[name].text)}</div></div>"
        for name, label in _FIGURES
    )
    pills = "".join(
        f'<span title="{escape(gate.text)}" style="border:1px solid {_MARKS[gate.state][1]};color:{_MARKS[gate.state][1]};'
        'border-radius:10px;padding:1px 8px;font-size:11px;margin:0 4px 4px 0;display:inline-block">'
        f"{_MARKS[gate.state][0]} {escape(_title(gate.name))}</span>"
        for gate in gates_of(report)
    )
    names = ", ".join(str(item) for item in report.result.instruments[:3])
    parameters = ", ".join(f"{name}={value}" for name, value in report.about.parameters.items())
    return (
        '<div style="font-family:system-ui,sans-serif;border:1px solid #8884;border-radius:10px;padding:14px 16px;max-width:680px">'
        f'<div style="font-size:17px;font-weight:650">{escape(report.about.strategy or "Backtest")}'
        f'<span style="font-weight:400;font-size:12px;opacity:.7"> {escape(parameters)}</span></div>'
        f'<div style="font-size:12px;opacity:.7;margin-bottom:8px">{escape(names)} · {escape(report.result.period)} · '
        f"{escape(figures['start'].text[:10])} – {escape(figures['end'].text[:10])} · {len(report.result):,} bars</div>"
        f'<div style="margin-bottom:6px">{pills}</div>'
        f'<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:10px 12px;'
        f'margin-bottom:8px">{tiles}</div>'
        f"{_curve(report)}"
        '<div style="font-size:11px;opacity:.65">report.html("report.html") has the rest</div></div>'
    )


def _title(name: str) -> str:
    return WORDS.get(f"gate_{name}", (name.replace("_", " "), ""))[0]


def _curve(report: Report) -> str:
    equity = report.arrays.clean[0]
    kept = keep_extremes(equity, 500)
    values = np.concatenate([[report.arrays.first], equity[kept]])
    x = np.concatenate([[0.0], (kept + 1) / len(equity)]) * _WIDTH
    falls = np.concatenate([[0.0], lowest_between(report.drawdown, kept)])
    depth = min(float(falls.min()), -1e-9)
    line = _points(x, _scaled(values, 4.0, _HEIGHT - 46.0))
    below = _points(x, _HEIGHT - 38.0 + falls / depth * 36.0)
    worst = f"−{abs(depth) * 100:.1f} %" if math.isfinite(depth) else ""
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;height:auto" role="img" aria-label="equity and drawdown">'
        f'<polyline points="{line}" fill="none" stroke="#2f6feb" stroke-width="1.6"/>'
        f'<polygon points="0,{_HEIGHT - 38} {below} {_WIDTH},{_HEIGHT - 38}" fill="#c4342b" fill-opacity=".28"/>'
        f'<text x="4" y="{_HEIGHT - 4}" font-size="11" fill="#c4342b">{worst}</text></svg>'
    )


def _scaled(values: F64, top: float, bottom: float) -> F64:
    low, high = float(values.min()), float(values.max())
    return bottom - (values - low) / (high - low or 1.0) * (bottom - top)


def _points(x: F64, y: F64) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
