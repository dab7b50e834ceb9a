"""Statistics over a window of bars: spread, regression, dependence on another series, rank."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.primitives import window_full, window_line, window_push, window_spread
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_TALIB: Final = "TA-Lib"
_GROUP: Final = "statistics"


def _length(default: int, low: int = 2, high: int = 100_000) -> Parameter:
    return Parameter(default, low, high, "bars looked at")


@indicator(
    inputs=("close",),
    outputs=("var",),
    parameters={"length": _length(5, 1), "deviations": Parameter(1.0, -1e6, 1e6, "not used (TA-Lib keeps it for its own sake)")},
    warm_up=lambda length, deviations: length - 1,
    state=lambda length, deviations: length + 2,
    group=_GROUP,
    source=_TALIB,
)
def var(state: Array, p: Array, x: Array, out: Array) -> None:
    """Variance of the last values (of all, not of a sample)."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    out[0] = window_spread(state, 0, n)[1] if window_full(state, 0, n) else math.nan


@indicator(
    inputs=("close",),
    outputs=("stddev",),
    parameters={"length": _length(5), "deviations": Parameter(1.0, -1e6, 1e6, "factor of the result")},
    warm_up=lambda length, deviations: length - 1,
    state=lambda length, deviations: length + 2,
    group=_GROUP,
    source=_TALIB,
)
def stddev(state: Array, p: Array, x: Array, out: Array) -> None:
    """Standard deviation of the last values (of all, not of a sample)."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    out[0] = math.sqrt(window_spread(state, 0, n)[1]) * p[1] if window_full(state, 0, n) else math.nan


def _line() -> Callable[[Step], Step]:
    """Declare an indicator of the least-squares line through the last bars."""

    def register(step: Step) -> Step:
        return indicator(
            inputs=("close",),
            outputs=(step.__name__,),
            parameters={"length": _length(14)},
            warm_up=lambda length: length - 1,
            state=lambda length: length + 2,
            group=_GROUP,
            source=_TALIB,
        )(step)

    return register


@jit
def _line_push(state: Array, n: int, value: float) -> tuple[float, float]:
    """Take a value; return slope and begin of the line through the last ``n``, NaN while the window fills."""
    window_push(state, 0, n, value)
    return window_line(state, 0, n) if window_full(state, 0, n) else (math.nan, math.nan)


@_line()
def linearreg(state: Array, p: Array, x: Array, out: Array) -> None:
    """Value at the newest bar of the least-squares line through the last bars."""
    slope, begin = _line_push(state, int(p[0]), x[0])
    out[0] = begin + slope * (p[0] - 1.0)


@_line()
def linearreg_slope(state: Array, p: Array, x: Array, out: Array) -> None:
    """Slope per bar of the least-squares line through the last bars."""
    out[0] = _line_push(state, int(p[0]), x[0])[0]


@_line()
def linearreg_angle(state: Array, p: Array, x: Array, out: Array) -> None:
    """Slope of the least-squares line as an angle in degrees."""
    out[0] = math.atan(_line_push(state, int(p[0]), x[0])[0]) * (180.0 / math.pi)


@_line()
def linearreg_intercept(state: Array, p: Array, x: Array, out: Array) -> None:
    """Value at the oldest bar of the least-squares line through the last bars."""
    out[0] = _line_push(state, int(p[0]), x[0])[1]


@_line()
def tsf(state: Array, p: Array, x: Array, out: Array) -> None:
    """Time series forecast: value of the least-squares line at the next bar."""
    slope, begin = _line_push(state, int(p[0]), x[0])
    out[0] = begin + slope * p[0]


@jit
def _moments(state: Array, one: int, two: int, n: int) -> tuple[float, float, float, float, float]:
    """Return squares and products about the means of two full windows, and the squares before rounding was taken off."""
    first, second = 0.0, 0.0
    for i in range(n):
        first += state[one + 2 + i]
        second += state[two + 2 + i]
    first /= n
    second /= n
    a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        x, y = state[one + 2 + i] - first, state[two + 2 + i] - second
        a += x
        b += y
        aa += x * x
        bb += y * y
        ab += x * y
    return aa - a * a / n, bb - b * b / n, ab - a * b / n, aa, bb


@indicator(
    inputs=("high", "low"),
    outputs=("beta",),
    parameters={"length": _length(5, 1)},
    warm_up=lambda length: length,
    state=lambda length: 3 + 2 * (length + 2),
    group=_GROUP,
    source=_TALIB,
)
def beta(state: Array, p: Array, x: Array, out: Array) -> None:
    """Slope of the second input's returns over the first one's (the market's); 0 where that did not vary."""
    n = int(p[0])
    begun, first, second = state[0], state[1], state[2]
    state[0], state[1], state[2] = 1.0, x[0], x[1]
    out[0] = math.nan
    if begun == 0.0:
        return
    window_push(state, 3, n, (x[0] - first) / first if abs(first) >= 1e-14 else 0.0)
    window_push(state, n + 5, n, (x[1] - second) / second if abs(second) >= 1e-14 else 0.0)
    if window_full(state, 3, n):
        squares, _other, product, scale, _scale = _moments(state, 3, n + 5, n)
        out[0] = product / squares if squares > 1e-14 * scale else 0.0


@indicator(
    inputs=("high", "low"),
    outputs=("correl",),
    parameters={"length": _length(30, 1)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 2),
    group=_GROUP,
    source=_TALIB,
)
def correl(state: Array, p: Array, x: Array, out: Array) -> None:
    """Pearson's correlation of two inputs, -1 … 1; 0 where one did not vary."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    if not window_full(state, 0, n):
        out[0] = math.nan
        return
    one, two, product, one_scale, two_scale = _moments(state, 0, n + 2, n)
    out[0] = 0.0
    if one > 1e-14 * one_scale and two > 1e-14 * two_scale:
        out[0] = max(-1.0, min(1.0, product / math.sqrt(one * two)))


@jit
def _place(state: Array, at: int, count: int, value: float) -> int:
    """Return how many of ``count`` sorted values from ``at`` on are below ``value``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if state[at + middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@indicator(
    inputs=("close",),
    outputs=("percentile",),
    parameters={
        "length": _length(30, 2, 10_000),
        "percentile": Parameter(50.0, 0.0, 100.0, "percent of the window that is at or below the value"),
    },
    warm_up=lambda length, percentile: length - 1,
    state=lambda length, percentile: 2 * length + 2,
    group=_GROUP,
    source="TA-Lib; nearest rank: Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), type 1",
)
def percentile(state: Array, p: Array, x: Array, out: Array) -> None:
    """Value at a percentage of the sorted window: one that occurred, never one in between.

    State: the window, then the same values sorted.
    """
    n = int(p[0])
    at, count = n + 2, int(state[0])
    left = window_push(state, 0, n, x[0])
    if count == n:
        for i in range(at + _place(state, at, n, left), at + n - 1):
            state[i] = state[i + 1]
        count -= 1
    place = at + _place(state, at, count, x[0])
    for i in range(at + count, place, -1):
        state[i] = state[i - 1]
    state[place] = x[0]
    rank = max(1, min(n, math.ceil(p[1] * n / 100.0)))
    out[0] = state[at + rank - 1] if count + 1 == n else math.nan


@indicator(
    inputs=("close",),
    outputs=("percentrank",),
    parameters={"length": _length(100, 2, 10_000)},
    warm_up=lambda length: length,
    state=lambda length: length + 2,
    group=_GROUP,
    source="TA-Lib; Connors Research, An Introduction to ConnorsRSI (2012)",
)
def percentrank(state: Array, p: Array, x: Array, out: Array) -> None:
    """Percent of the values before this one that it exceeds."""
    n, below = int(p[0]), 0
    out[0] = math.nan
    if window_full(state, 0, n):
        for i in range(n):
            below += state[2 + i] < x[0]
        out[0] = below / n * 100.0
    window_push(state, 0, n, x[0])
