"""Direction and strength of a trend."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import highest_push, lowest_push, sum_push, window_full, window_get, window_push
from quantservice.quant.indicators.ranges import (
    DIRECTION_SIZE,
    TRUE_RANGE_SIZE,
    direction_push,
    directional_index,
    plus_minus,
    share,
    true_range_push,
)
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_WILDER: Final = "TA-Lib; J. Welles Wilder, New Concepts in Technical Trading Systems (1978)"
_GROUP: Final = "momentum"


def _length(low: int, default: int = 14) -> dict[str, Parameter]:
    return {"length": Parameter(default, low, 100_000, "bars looked at")}


@indicator(
    inputs=("high", "low"),
    outputs=("plus_dm",),
    parameters=_length(1),
    warm_up=lambda length: max(1, length - 1),
    state=DIRECTION_SIZE,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def plus_dm(state: Array, p: Array, x: Array, out: Array) -> None:
    """Plus directional movement: how much higher the highs go, smoothed."""
    ready = direction_push(state, 0, int(p[0]), x[0], x[1], x[1])
    out[0] = state[0] if ready and state[3] > 1.0 else math.nan


@indicator(
    inputs=("high", "low"),
    outputs=("minus_dm",),
    parameters=_length(1),
    warm_up=lambda length: max(1, length - 1),
    state=DIRECTION_SIZE,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def minus_dm(state: Array, p: Array, x: Array, out: Array) -> None:
    """Minus directional movement: how much lower the lows go, smoothed."""
    ready = direction_push(state, 0, int(p[0]), x[0], x[1], x[1])
    out[0] = state[1] if ready and state[3] > 1.0 else math.nan


@indicator(
    inputs=("high", "low", "close"),
    outputs=("plus_di",),
    parameters=_length(1),
    warm_up=lambda length: length,
    state=DIRECTION_SIZE,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def plus_di(state: Array, p: Array, x: Array, out: Array) -> None:
    """Plus directional indicator: upward movement in percent of the true range; as a share at length 1 (TA-Lib)."""
    n = int(p[0])
    direction_push(state, 0, n, x[0], x[1], x[2])
    plus = plus_minus(state, 0)[0] if n > 1 else share(state[0], state[2])
    out[0] = plus if state[3] > n else math.nan


@indicator(
    inputs=("high", "low", "close"),
    outputs=("minus_di",),
    parameters=_length(1),
    warm_up=lambda length: length,
    state=DIRECTION_SIZE,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def minus_di(state: Array, p: Array, x: Array, out: Array) -> None:
    """Minus directional indicator: downward movement in percent of the true range; as a share at length 1 (TA-Lib)."""
    n = int(p[0])
    direction_push(state, 0, n, x[0], x[1], x[2])
    minus = plus_minus(state, 0)[1] if n > 1 else share(state[1], state[2])
    out[0] = minus if state[3] > n else math.nan


@indicator(
    inputs=("high", "low", "close"),
    outputs=("dx",),
    parameters=_length(2),
    warm_up=lambda length: length,
    state=DIRECTION_SIZE + 1,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def dx(state: Array, p: Array, x: Array, out: Array) -> None:
    """Directional movement index: how one-sided the movement is, in percent; a bar without any keeps the value before."""
    direction_push(state, 0, int(p[0]), x[0], x[1], x[2])
    if state[3] <= p[0]:
        out[0] = math.nan
        return
    index = directional_index(state, 0)
    if not math.isnan(index):
        state[DIRECTION_SIZE] = index
    out[0] = state[DIRECTION_SIZE]


_ADX_SIZE: Final = DIRECTION_SIZE + 2


@jit
def _adx_push(state: Array, n: int, high: float, low: float, close: float) -> float:
    """Wilder's average of the directional index; a bar without movement leaves it. Keeps 9 floats."""
    direction_push(state, 0, n, high, low, close)
    if state[3] <= n:
        return math.nan
    index = directional_index(state, 0)
    state[DIRECTION_SIZE] += 1.0
    if state[DIRECTION_SIZE] <= n:
        if not math.isnan(index):
            state[DIRECTION_SIZE + 1] += index
        if state[DIRECTION_SIZE] < n:
            return math.nan
        state[DIRECTION_SIZE + 1] /= n
    elif not math.isnan(index):
        state[DIRECTION_SIZE + 1] = (state[DIRECTION_SIZE + 1] * (n - 1) + index) / n
    return float(state[DIRECTION_SIZE + 1])


@indicator(
    inputs=("high", "low", "close"),
    outputs=("adx",),
    parameters=_length(2),
    warm_up=lambda length: 2 * length - 1,
    state=_ADX_SIZE,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def adx(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average directional movement index: strength of the trend, whichever its direction."""
    out[0] = _adx_push(state, int(p[0]), x[0], x[1], x[2])


@indicator(
    inputs=("high", "low", "close"),
    outputs=("adxr",),
    parameters=_length(2),
    warm_up=lambda length: 3 * length - 2,
    state=lambda length: _ADX_SIZE + length + 2,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def adxr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average directional movement index rating: the mean of today's index and the one length - 1 bars ago."""
    n = int(p[0])
    index = _adx_push(state, n, x[0], x[1], x[2])
    out[0] = math.nan
    if not math.isnan(index):
        window_push(state, _ADX_SIZE, n, index)
        if window_full(state, _ADX_SIZE, n):
            out[0] = (index + window_get(state, _ADX_SIZE, n, n - 1)) / 2.0


@indicator(
    inputs=("high", "low"),
    outputs=("down", "up"),
    parameters=_length(2),
    warm_up=lambda length: length,
    state=lambda length: 2 * (length + 5),
    group=_GROUP,
    source="TA-Lib; Tushar Chande, Technical Analysis of Stocks & Commodities, September 1995",
)
def aroon(state: Array, p: Array, x: Array, out: Array) -> None:
    """Aroon: how recent the lowest low (down) and the highest high (up) of length + 1 bars are, in percent."""
    n = int(p[0])
    lowest_push(state, 0, n + 1, x[1], True)
    highest_push(state, n + 5, n + 1, x[0], True)
    ready, factor = window_full(state, 2, n + 1), 100.0 / n
    out[0] = factor * (n - state[0]) if ready else math.nan
    out[1] = factor * (n - state[n + 5]) if ready else math.nan


@indicator(
    inputs=("high", "low"),
    outputs=("aroonosc",),
    parameters=_length(2),
    warm_up=lambda length: length,
    state=lambda length: 2 * (length + 5),
    group=_GROUP,
    source="TA-Lib; Tushar Chande, Technical Analysis of Stocks & Commodities, September 1995",
)
def aroonosc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Aroon oscillator: Aroon up less Aroon down."""
    n = int(p[0])
    lowest_push(state, 0, n + 1, x[1], True)
    highest_push(state, n + 5, n + 1, x[0], True)
    out[0] = 100.0 / n * (state[0] - state[n + 5]) if window_full(state, 2, n + 1) else math.nan


_VORTEX_SIZE: Final = TRUE_RANGE_SIZE + 2


@indicator(
    inputs=("high", "low", "close"),
    outputs=("plus_vi", "minus_vi"),
    parameters=_length(1),
    warm_up=lambda length: length,
    state=lambda length: _VORTEX_SIZE + 3 * (length + 3),
    group=_GROUP,
    source="TA-Lib; Etienne Botes and Douglas Siepman, Technical Analysis of Stocks & Commodities, January 2010",
)
def vortex(state: Array, p: Array, x: Array, out: Array) -> None:
    """Vortex: reach from high to the low before, and from low to the high before, by the sum of true ranges; 0 where that is 0."""
    n = int(p[0])
    reach = true_range_push(state, 0, x[0], x[1], x[2])
    high, low = state[2], state[3]
    state[2], state[3] = x[0], x[1]
    if math.isnan(reach):
        out[:] = math.nan
        return
    plus = sum_push(state, _VORTEX_SIZE, n, abs(x[0] - low))
    minus = sum_push(state, _VORTEX_SIZE + n + 3, n, abs(x[1] - high))
    ranges = sum_push(state, _VORTEX_SIZE + 2 * (n + 3), n, reach)
    none = abs(ranges) < 1e-14
    out[0], out[1] = 0.0 if none else plus / ranges, 0.0 if none else minus / ranges
