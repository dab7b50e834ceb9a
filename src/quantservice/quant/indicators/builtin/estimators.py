"""Volatility estimators of a window of bars: standard deviations of log returns per bar, or of ``per_year`` bars together."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    log_return_push,
    place_in_range,
    window_deviation,
    window_mean,
    window_sum,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_max, window_min, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_LONGEST: Final = 100_000
_OHLC: Final = ("open", "high", "low", "close")
_YEAR: Final = Parameter(1.0, 1.0, 1e8, "bars of the span that the result is for (365 days, 8760 hours a year); 1: per bar")


def _length(default: int, low: int = 2, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, _LONGEST, doc)


@indicator(
    inputs=("close",),
    outputs=("volatility",),
    parameters={"length": _length(30), "per_year": _YEAR, "mean": Parameter(1, 0, 1, "1: about the mean return; 0: about zero")},
    warm_up=lambda length, per_year, mean: length,
    state=lambda length, per_year, mean: length + 4,
    group="volatility",
    source="close-to-close estimator: sample deviation of log returns",
)
def realised_volatility(state: Array, p: Array, x: Array, out: Array) -> None:
    """Realised volatility of closes: deviation of log returns (about zero: the root of their mean square)."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    if p[2] != 0.0:
        out[0] = math.sqrt(p[1]) * window_deviation(state, 2, n, 1)
        return
    squares = 0.0
    for back in range(n):
        squares += window_get(state, 2, n, back) ** 2
    out[0] = math.sqrt(p[1] * squares / n)


@indicator(
    inputs=("high", "low"),
    outputs=("volatility",),
    parameters={"length": _length(30, 1), "per_year": _YEAR},
    warm_up=lambda length, per_year: length - 1,
    state=lambda length, per_year: length + 2,
    group="volatility",
    source="Michael Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return (1980)",
)
def parkinson(state: Array, p: Array, x: Array, out: Array) -> None:
    """Parkinson volatility: of highs over lows, with no drift and no gaps between bars assumed."""
    n = int(p[0])
    window_push(state, 0, n, math.log(x[0] / x[1]) ** 2)
    out[0] = math.sqrt(p[1] * window_mean(state, 0, n) / (4.0 * math.log(2.0))) if int(state[0]) == n else math.nan


@indicator(
    inputs=_OHLC,
    outputs=("volatility",),
    parameters={"length": _length(30, 1), "per_year": _YEAR},
    warm_up=lambda length, per_year: length - 1,
    state=lambda length, per_year: length + 2,
    group="volatility",
    source="Mark Garman and Michael Klass, On the Estimation of Security Price Volatilities from Historical Data (1980)",
)
def garman_klass(state: Array, p: Array, x: Array, out: Array) -> None:
    """Garman-Klass volatility: of the whole bar, with no drift and no gaps between bars assumed."""
    n = int(p[0])
    body = math.log(x[3] / x[0])
    window_push(state, 0, n, 0.5 * math.log(x[1] / x[2]) ** 2 - (2.0 * math.log(2.0) - 1.0) * body * body)
    out[0] = math.sqrt(p[1] * max(0.0, window_mean(state, 0, n))) if int(state[0]) == n else math.nan


@indicator(
    inputs=_OHLC,
    outputs=("volatility",),
    parameters={"length": _length(30, 1), "per_year": _YEAR},
    warm_up=lambda length, per_year: length - 1,
    state=lambda length, per_year: length + 2,
    group="volatility",
    source="Chris Rogers and Stephen Satchell, Estimating Variance from High, Low and Closing Prices (1991)",
)
def rogers_satchell(state: Array, p: Array, x: Array, out: Array) -> None:
    """Rogers-Satchell volatility: of the whole bar, whatever the drift; no gaps between bars assumed."""
    n = int(p[0])
    up = math.log(x[1] / x[3]) * math.log(x[1] / x[0])
    down = math.log(x[2] / x[3]) * math.log(x[2] / x[0])
    window_push(state, 0, n, up + down)
    out[0] = math.sqrt(p[1] * max(0.0, window_mean(state, 0, n))) if int(state[0]) == n else math.nan


@indicator(
    inputs=_OHLC,
    outputs=("volatility",),
    parameters={"length": _length(30), "per_year": _YEAR},
    warm_up=lambda length, per_year: length,
    state=lambda length, per_year: 3 * length + 8,
    group="volatility",
    source="Dennis Yang and Qiang Zhang, Drift-Independent Volatility Estimation (2000)",
)
def yang_zhang(state: Array, p: Array, x: Array, out: Array) -> None:
    """Yang-Zhang volatility: of the gaps, the bodies and Rogers-Satchell together; whatever the drift and the gaps."""
    n = int(p[0])
    before, first = state[1], state[0] == 0.0
    state[0], state[1] = 1.0, x[3]
    out[0] = math.nan
    if first:
        return
    gaps, bodies, inner = 2, n + 4, 2 * n + 6
    window_push(state, gaps, n, math.log(x[0] / before))
    window_push(state, bodies, n, math.log(x[3] / x[0]))
    up = math.log(x[1] / x[3]) * math.log(x[1] / x[0])
    down = math.log(x[2] / x[3]) * math.log(x[2] / x[0])
    window_push(state, inner, n, up + down)
    if int(state[gaps]) < n:
        return
    weight = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    variance = window_deviation(state, gaps, n, 1) ** 2 + weight * window_deviation(state, bodies, n, 1) ** 2
    out[0] = math.sqrt(p[1] * max(0.0, variance + (1.0 - weight) * window_mean(state, inner, n)))


@indicator(
    inputs=("close",),
    outputs=("volatility",),
    parameters={"decay": Parameter(0.94, 0.5, 0.9999, "weight of the variance before"), "per_year": _YEAR},
    warm_up=1,
    state=4,
    group="volatility",
    source="J.P. Morgan, RiskMetrics Technical Document (1996)",
    recursive=True,
)
def ewma_volatility(state: Array, p: Array, x: Array, out: Array) -> None:
    """Exponentially weighted volatility, begun with the first return squared."""
    value = log_return_push(state, 0, x[0])
    if math.isnan(value):
        out[0] = math.nan
        return
    state[2] = value * value if state[3] == 0.0 else p[0] * state[2] + (1.0 - p[0]) * value * value
    state[3] = 1.0
    out[0] = math.sqrt(p[1] * state[2])


@indicator(
    inputs=("close",),
    outputs=("volatility", "jump"),
    parameters={"length": _length(60, 3), "per_year": _YEAR},
    warm_up=lambda length, per_year: length,
    state=lambda length, per_year: length + 4,
    group="volatility",
    source="Ole Barndorff-Nielsen and Neil Shephard, Power and Bipower Variation (2004)",
)
def bipower(state: Array, p: Array, x: Array, out: Array) -> None:
    """Bipower volatility, which jumps do not move, and the share of the whole variance that jumps made (0 to 1)."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    squares, products = value * value, 0.0
    for back in range(1, n):
        one = window_get(state, 2, n, back)
        squares += one * one
        products += abs(one) * abs(window_get(state, 2, n, back - 1))
    smooth = math.pi / 2.0 * products * n / (n - 1.0)
    out[0] = math.sqrt(p[1] * smooth / n)
    out[1] = max(0.0, 1.0 - smooth / squares) if squares > 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("up", "down", "skew"),
    parameters={"length": _length(60, 2), "per_year": _YEAR},
    warm_up=lambda length, per_year: length,
    state=lambda length, per_year: length + 4,
    group="volatility",
    source="Barndorff-Nielsen, Kinnebrock and Shephard, Measuring Downside Risk - Realised Semivariance (2008)",
)
def semi_volatility(state: Array, p: Array, x: Array, out: Array) -> None:
    """Realised volatility of rises and of falls, and their difference in variance as a share of the whole (-1 to 1)."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    up, down = 0.0, 0.0
    for back in range(n):
        one = window_get(state, 2, n, back)
        up += one * one if one > 0.0 else 0.0
        down += one * one if one < 0.0 else 0.0
    out[0], out[1] = math.sqrt(p[1] * up / n), math.sqrt(p[1] * down / n)
    out[2] = (up - down) / (up + down) if up + down > 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("percent_b", "bandwidth"),
    parameters={"length": _length(20), "deviations": Parameter(2.0, 0.01, 100.0, "standard deviations of the bands")},
    warm_up=lambda length, deviations: length - 1,
    state=lambda length, deviations: length + 2,
    group="volatility",
    source="John Bollinger, Bollinger on Bollinger Bands (2001)",
)
def bollinger_place(state: Array, p: Array, x: Array, out: Array) -> None:
    """Where the price stands in the Bollinger bands (0 lower, 1 upper; 0.5 without width) and their width over their middle."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    middle, wide = window_mean(state, 0, n), p[1] * window_deviation(state, 0, n, 0)
    out[0] = place_in_range(x[0], middle - wide, middle + wide, 50.0) / 100.0
    out[1] = 2.0 * wide / middle if middle != 0.0 else 0.0


@indicator(
    inputs=("high", "low", "close"),
    outputs=("spread",),
    parameters={"length": _length(20, 1)},
    warm_up=lambda length: length,
    state=lambda length: length + 6,
    group="volatility",
    source="Shane Corwin and Paul Schultz, A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices (2012)",
)
def corwin_schultz(state: Array, p: Array, x: Array, out: Array) -> None:
    """Corwin-Schultz spread: mean bid-ask spread, a share of the price, that two-bar ranges imply; negative ones count as 0."""
    n = int(p[0])
    high, low, close, first = state[1], state[2], state[3], state[0] == 0.0
    state[0], state[1], state[2], state[3] = 1.0, x[0], x[1], x[2]
    out[0] = math.nan
    if first:
        return
    # The gap between the bars is taken off, as the paper advises.
    shift = min(0.0, x[0] - close) + max(0.0, x[1] - close)
    above, below = x[0] - shift, x[1] - shift
    single = math.log(high / low) ** 2 + math.log(above / below) ** 2
    double = math.log(max(high, above) / min(low, below)) ** 2
    root = 3.0 - 2.0 * math.sqrt(2.0)
    alpha = (math.sqrt(2.0 * single) - math.sqrt(single)) / root - math.sqrt(double / root)
    window_push(state, 4, n, max(0.0, 2.0 * (math.exp(alpha) - 1.0) / (1.0 + math.exp(alpha))))
    if int(state[4]) == n:
        out[0] = window_sum(state, 4, n) / n


@indicator(
    inputs=("close",),
    outputs=("rank", "percentile"),
    parameters={
        "length": _length(20, 2, "returns of a volatility"),
        "history": _length(252, 2, "volatilities that the newest is ranked among"),
    },
    warm_up=lambda length, history: length + history - 1,
    state=lambda length, history: length + history + 6,
    group="volatility",
    source="IV rank and IV percentile of options trading, of realised volatility",
)
def volatility_rank(state: Array, p: Array, x: Array, out: Array) -> None:
    """Where realised volatility stands in its own range (0 to 100; 50 without range), and per cent of its history below it."""
    n, m = int(p[0]), int(p[1])
    value = log_return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    at, newest = n + 4, window_deviation(state, 2, n, 1)
    window_push(state, at, m, newest)
    if int(state[at]) < m:
        return
    below = 0.0
    for back in range(m):
        below += 1.0 if window_get(state, at, m, back) < newest else 0.0
    out[0] = place_in_range(newest, window_min(state, at, m), window_max(state, at, m), 50.0)
    out[1] = 100.0 * below / m
