"""Figures of a run: measured on arrays, each with its formula, sampling and annualisation, undefined only with a reason.

- `measure` takes `RunArrays` (a bare equity curve is enough), `metrics_of` a backtest's result; both give `Metrics`.
- `catalogue` says what each figure is. `ratios` has the formulas on returns, `bootstrap` and `selection` what can be believed.
- `summary` is the same for sweeps: compiled, of fixed size, from sums that an engine keeps.
"""

from __future__ import annotations

from quantservice.quant.metrics.arrays import RunArrays
from quantservice.quant.metrics.catalogue import CATALOGUE, Definition, definition
from quantservice.quant.metrics.credibility import Confidence
from quantservice.quant.metrics.measure import arrays_of, measure, metrics_of
from quantservice.quant.metrics.value import Daily, Drawdown, Metric, Metrics, Settings, metric_of

__all__ = [
    "CATALOGUE",
    "Confidence",
    "Daily",
    "Definition",
    "Drawdown",
    "Metric",
    "Metrics",
    "RunArrays",
    "Settings",
    "arrays_of",
    "definition",
    "measure",
    "metric_of",
    "metrics_of",
]
