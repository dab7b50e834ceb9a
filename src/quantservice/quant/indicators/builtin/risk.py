"""Risk and reward of holding, measured over a window of returns per bar: for filters and sizing, not for reports.

Nothing here is annualised; where a ratio's denominator is zero the ratio is 0.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    return_push,
    sorted_push,
    window_deviation,
    window_mean,
    window_sum,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_max, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000


def _length(default: int, low: int = 2) -> Parameter:
    return Parameter(default, low, _LONGEST, "returns looked at")


_FREE: Final = Parameter(0.0, -1.0, 1.0, "riskless return per bar")
_TARGET: Final = Parameter(0.0, -1.0, 1.0, "least return per bar that is not a shortfall")


@jit
def _shortfall(state: Array, at: int, n: int, target: float) -> float:
    """Return the root mean square of what the window's returns lack to the target."""
    squares = 0.0
    for back in range(n):
        squares += min(0.0, window_get(state, at, n, back) - target) ** 2
    return math.sqrt(squares / n)


@indicator(
    inputs=("close",),
    outputs=("sharpe",),
    parameters={
        "length": _length(20),
        "risk_free": _FREE,
        "freedom": Parameter(1, 0, 1, "1: sample deviation; 0: population (LEAN)"),
    },
    warm_up=lambda length, risk_free, freedom: length,
    state=lambda length, risk_free, freedom: length + 4,
    group="risk",
    source="William Sharpe, The Sharpe Ratio, Journal of Portfolio Management (1994)",
)
def sharpe_ratio(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sharpe ratio per bar: mean return above the riskless one over the deviation of returns."""
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) == n:
        deviation = window_deviation(state, 2, n, int(p[2]))
        out[0] = (window_mean(state, 2, n) - p[1]) / deviation if deviation > 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("downside_deviation",),
    parameters={"length": _length(20), "target": _TARGET},
    warm_up=lambda length, target: length,
    state=lambda length, target: length + 4,
    group="risk",
    source="Rollinger and Hoffman, Sortino: A Sharper Ratio (CME Group)",
)
def downside_deviation(state: Array, p: Array, x: Array, out: Array) -> None:
    """Target downside deviation: root mean square of what returns lack to the target, over all bars of the window."""
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) == n:
        out[0] = _shortfall(state, 2, n, p[1])


@indicator(
    inputs=("close",),
    outputs=("sortino",),
    parameters={"length": _length(20), "target": _TARGET},
    warm_up=lambda length, target: length,
    state=lambda length, target: length + 4,
    group="risk",
    source="Rollinger and Hoffman, Sortino: A Sharper Ratio (CME Group)",
)
def sortino_ratio(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sortino ratio per bar: mean return above the target over the target downside deviation."""
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) == n:
        lacking = _shortfall(state, 2, n, p[1])
        out[0] = (window_mean(state, 2, n) - p[1]) / lacking if lacking > 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("value_at_risk",),
    parameters={
        "length": _length(252, 3),
        "confidence": Parameter(0.95, 0.5, 0.99999, "share of bars that should do better"),
        "partial": Parameter(0, 0, 1, "1: from the second return on, over those there are; 0: over a full window only"),
    },
    warm_up=lambda length, confidence, partial: 2 if partial else length,
    state=lambda length, confidence, partial: length + 4,
    prepare=lambda length, confidence, partial: (length, NormalDist().inv_cdf(1.0 - confidence), partial),
    group="risk",
    source="J.P. Morgan, RiskMetrics Technical Document (1996), variance-covariance method",
)
def value_at_risk(state: Array, p: Array, x: Array, out: Array) -> None:
    """Value at risk by the normal law: the return (below 0) that a bar should not fall below with the confidence given."""
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) == n or (p[2] != 0.0 and state[2] >= 2.0):
        out[0] = window_mean(state, 2, n) + p[1] * window_deviation(state, 2, n, 1)


@indicator(
    inputs=("close",),
    outputs=("value_at_risk", "expected_shortfall"),
    parameters={
        "length": Parameter(252, 3, 5_000, "returns looked at"),
        "confidence": Parameter(0.95, 0.5, 0.99999, "share of bars that should do better"),
    },
    warm_up=lambda length, confidence: length,
    state=lambda length, confidence: 2 * length + 4,
    group="risk",
    source="Rockafellar and Uryasev, Optimization of Conditional Value-at-Risk (2000); Acerbi and Tasche (2002)",
)
def historical_risk(state: Array, p: Array, x: Array, out: Array) -> None:
    """Historical value at risk (the return at the tail's edge) and expected shortfall (mean of the tail, at least one return)."""
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    sorted_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    tail = max(1, math.floor((1.0 - p[1]) * n + 1e-9))
    total = 0.0
    for i in range(tail):
        total += state[4 + n + i]
    out[0], out[1] = state[4 + n + tail - 1], total / tail


@indicator(
    inputs=("close",),
    outputs=("drawdown", "max_drawdown", "ulcer"),
    parameters={"length": _length(250)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 4,
    group="risk",
    source="Peter Martin and Byron McCann, The Investor's Guide to Fidelity Funds (1989), Ulcer Index",
)
def drawdown(state: Array, p: Array, x: Array, out: Array) -> None:
    """Fall from the window's highest close, the deepest fall within the window (both as shares below 0), and the ulcer index.

    The ulcer index is the root mean square of the falls, each from the highest close of the window up to it.
    """
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    highest, deepest, squares = -math.inf, 0.0, 0.0
    for place in range(n):
        value = window_get(state, 0, n, n - 1 - place)
        highest = max(highest, value)
        fall = value / highest - 1.0
        deepest = min(deepest, fall)
        squares += fall * fall
    out[0], out[1], out[2] = x[0] / window_max(state, 0, n) - 1.0, deepest, math.sqrt(squares / n)


@indicator(
    inputs=("close",),
    outputs=("omega", "gain_to_pain", "hit_rate"),
    parameters={"length": _length(60), "target": _TARGET},
    warm_up=lambda length, target: length,
    state=lambda length, target: length + 4,
    group="risk",
    source="Keating and Shadwick, A Universal Performance Measure (2002); Jack Schwager, Hedge Fund Market Wizards (2012)",
)
def omega_ratio(state: Array, p: Array, x: Array, out: Array) -> None:
    """Omega (gains over losses, both from the target), gain to pain (sum of returns over losses), share of bars above the target.

    Without any loss, omega and gain to pain are 0 where there is no gain either, else the number of returns.
    """
    n = int(p[0])
    value = return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    gains, losses, pain, hits = 0.0, 0.0, 0.0, 0.0
    for back in range(n):
        one = window_get(state, 2, n, back)
        gains += max(one - p[1], 0.0)
        losses += max(p[1] - one, 0.0)
        pain += max(-one, 0.0)
        hits += 1.0 if one > p[1] else 0.0
    total = window_sum(state, 2, n)
    out[0] = gains / losses if losses > 0.0 else (float(n) if gains > 0.0 else 0.0)
    out[1] = total / pain if pain > 0.0 else (float(n) if total > 0.0 else 0.0)
    out[2] = hits / n
