"""Arithmetic on prices: functions of one value, of two, and running sums and extremes. One bar each, or a window of bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.primitives import highest_push, lowest_push, sum_push, window_full
from quantservice.quant.indicators.spec import Parameter, indicator

_TALIB: Final = "TA-Lib"
_WINDOW: Final = {"length": Parameter(30, 2, 100_000, "bars looked at")}


def _of_one() -> Callable[[Step], Step]:
    return indicator(inputs=("close",), outputs=("value",), group="math transform", source=_TALIB)


def _of_two() -> Callable[[Step], Step]:
    return indicator(inputs=("high", "low"), outputs=("value",), group="math operators", source=_TALIB)


def _of_window(
    outputs: Sequence[str], state: Callable[..., int], *, anchored: bool = False, name: str = ""
) -> Callable[[Step], Step]:
    return indicator(
        name=name,
        inputs=("close",),
        outputs=outputs,
        parameters=_WINDOW,
        warm_up=lambda length: length - 1,
        state=state,
        group="math operators",
        source=_TALIB,
        recursive=anchored,
    )


@_of_one()
def acos(state: Array, p: Array, x: Array, out: Array) -> None:
    """Arc cosine in radians; NaN outside of -1 … 1."""
    out[0] = math.acos(x[0]) if -1.0 <= x[0] <= 1.0 else math.nan


@_of_one()
def asin(state: Array, p: Array, x: Array, out: Array) -> None:
    """Arc sine in radians; NaN outside of -1 … 1."""
    out[0] = math.asin(x[0]) if -1.0 <= x[0] <= 1.0 else math.nan


@_of_one()
def atan(state: Array, p: Array, x: Array, out: Array) -> None:
    """Arc tangent in radians."""
    out[0] = math.atan(x[0])


@_of_one()
def ceil(state: Array, p: Array, x: Array, out: Array) -> None:
    """Smallest whole number not below the value."""
    out[0] = math.ceil(x[0]) if abs(x[0]) < 4503599627370496.0 else x[0]  # larger ones are whole already


@_of_one()
def cos(state: Array, p: Array, x: Array, out: Array) -> None:
    """Cosine of radians."""
    out[0] = math.cos(x[0]) if abs(x[0]) < math.inf else math.nan


@_of_one()
def cosh(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hyperbolic cosine; infinite beyond about 710."""
    out[0] = math.cosh(x[0]) if abs(x[0]) < 710.4 else math.inf


@_of_one()
def exp(state: Array, p: Array, x: Array, out: Array) -> None:
    """Exponential function; infinite beyond about 709."""
    out[0] = math.exp(x[0]) if x[0] < 709.7 else math.inf


@_of_one()
def floor(state: Array, p: Array, x: Array, out: Array) -> None:
    """Largest whole number not above the value."""
    out[0] = math.floor(x[0]) if abs(x[0]) < 4503599627370496.0 else x[0]


@_of_one()
def ln(state: Array, p: Array, x: Array, out: Array) -> None:
    """Natural logarithm; NaN below zero, minus infinity at zero."""
    out[0] = math.log(x[0]) if x[0] > 0.0 else (-math.inf if x[0] == 0.0 else math.nan)


@_of_one()
def log10(state: Array, p: Array, x: Array, out: Array) -> None:
    """Logarithm to base 10; NaN below zero, minus infinity at zero."""
    out[0] = math.log10(x[0]) if x[0] > 0.0 else (-math.inf if x[0] == 0.0 else math.nan)


@_of_one()
def sin(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sine of radians."""
    out[0] = math.sin(x[0]) if abs(x[0]) < math.inf else math.nan


@_of_one()
def sinh(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hyperbolic sine; infinite beyond about 710."""
    out[0] = math.sinh(x[0]) if abs(x[0]) < 710.4 else math.copysign(math.inf, x[0])


@_of_one()
def sqrt(state: Array, p: Array, x: Array, out: Array) -> None:
    """Square root; NaN below zero."""
    out[0] = math.sqrt(x[0]) if x[0] >= 0.0 else math.nan


@_of_one()
def tan(state: Array, p: Array, x: Array, out: Array) -> None:
    """Tangent of radians."""
    out[0] = math.tan(x[0]) if abs(x[0]) < math.inf else math.nan


@_of_one()
def tanh(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hyperbolic tangent."""
    out[0] = math.tanh(x[0])


@_of_two()
def add(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sum of two inputs."""
    out[0] = x[0] + x[1]


@_of_two()
def sub(state: Array, p: Array, x: Array, out: Array) -> None:
    """First input less the second."""
    out[0] = x[0] - x[1]


@_of_two()
def mult(state: Array, p: Array, x: Array, out: Array) -> None:
    """Product of two inputs."""
    out[0] = x[0] * x[1]


@_of_two()
def div(state: Array, p: Array, x: Array, out: Array) -> None:
    """First input by the second; infinite, or NaN for 0 / 0, where the second is zero."""
    if x[1] != 0.0:
        out[0] = x[0] / x[1]
    elif x[0] == 0.0:
        out[0] = math.nan
    else:
        out[0] = math.copysign(math.inf, x[0]) * math.copysign(1.0, x[1])


@indicator(inputs=("close",), outputs=("value",), state=1, group="math operators", source=_TALIB, recursive=True)
def cumsum(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sum of all values since the first bar."""
    state[0] += x[0]
    out[0] = state[0]


@_of_window(("value",), lambda length: length + 3, name="sum")
def sum_(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sum of the last bars."""
    out[0] = sum_push(state, 0, int(p[0]), x[0])


@_of_window(("value",), lambda length: length + 4, name="max")
def max_(state: Array, p: Array, x: Array, out: Array) -> None:
    """Largest of the last bars."""
    n = int(p[0])
    highest = highest_push(state, 0, n, x[0], False)
    out[0] = highest if window_full(state, 2, n) else math.nan


@_of_window(("value",), lambda length: length + 4, name="min")
def min_(state: Array, p: Array, x: Array, out: Array) -> None:
    """Smallest of the last bars."""
    n = int(p[0])
    lowest = lowest_push(state, 0, n, x[0], False)
    out[0] = lowest if window_full(state, 2, n) else math.nan


@_of_window(("min", "max"), lambda length: 2 * (length + 4))
def minmax(state: Array, p: Array, x: Array, out: Array) -> None:
    """Smallest and largest of the last bars."""
    n = int(p[0])
    lowest, highest = lowest_push(state, 0, n, x[0], False), highest_push(state, n + 4, n, x[0], False)
    ready = window_full(state, 2, n)
    out[0] = lowest if ready else math.nan
    out[1] = highest if ready else math.nan


@_of_window(("index",), lambda length: length + 5, anchored=True)
def maxindex(state: Array, p: Array, x: Array, out: Array) -> None:
    """Number of the bar (from 0, the first bar taken) with the largest of the last values; of equal ones see TA-Lib."""
    n = int(p[0])
    highest_push(state, 1, n, x[0], False)
    out[0] = state[0] - state[1] if window_full(state, 3, n) else math.nan
    state[0] += 1.0


@_of_window(("index",), lambda length: length + 5, anchored=True)
def minindex(state: Array, p: Array, x: Array, out: Array) -> None:
    """Number of the bar (from 0, the first bar taken) with the smallest of the last values; of equal ones see TA-Lib."""
    n = int(p[0])
    lowest_push(state, 1, n, x[0], False)
    out[0] = state[0] - state[1] if window_full(state, 3, n) else math.nan
    state[0] += 1.0


@_of_window(("min_index", "max_index"), lambda length: 2 * length + 9, anchored=True)
def minmaxindex(state: Array, p: Array, x: Array, out: Array) -> None:
    """Numbers of the bars (from 0, the first bar taken) with the smallest and the largest of the last values."""
    n = int(p[0])
    lowest_push(state, 1, n, x[0], False)
    highest_push(state, n + 5, n, x[0], False)
    ready = window_full(state, 3, n)
    out[0] = state[0] - state[1] if ready else math.nan
    out[1] = state[0] - state[n + 5] if ready else math.nan
    state[0] += 1.0
