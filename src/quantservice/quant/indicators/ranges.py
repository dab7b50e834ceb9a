"""The true range and Wilder's directional movement as parts."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import wilder_push
from quantservice.quant.jit import jit

TRUE_RANGE_SIZE: Final = 2
DIRECTION_SIZE: Final = 7


@jit
def true_range_push(state: Array, at: int, high: float, low: float, close: float) -> float:
    """Wilder's true range: the bar's reach, yesterday's close included; NaN at the first bar. Keeps 2 floats."""
    before = state[at + 1] if state[at] > 0.0 else math.nan
    state[at], state[at + 1] = 1.0, close
    if math.isnan(before):
        return math.nan
    return float(max(high - low, abs(high - before), abs(low - before)))


@jit
def average_true_range_push(state: Array, at: int, n: int, high: float, low: float, close: float) -> float:
    """Wilder's average of the true range, begun with the mean of the first ``n``. Keeps 4 floats."""
    reach = true_range_push(state, at, high, low, close)
    return reach if math.isnan(reach) or n == 1 else wilder_push(state, at + 2, n, reach)


@jit
def direction_push(state: Array, at: int, n: int, high: float, low: float, close: float) -> bool:
    """Wilder's smoothed directional movement and true range; say whether ``n`` - 1 movements are summed. Keeps 7 floats.

    ``state[at]`` is the smoothed upward movement, ``state[at + 1]`` the downward one, ``state[at + 2]`` the true range,
    ``state[at + 3]`` the bars seen. The first n - 1 are summed, then each sum loses its n-th part; a length of 1 does no smoothing.
    """
    state[at + 3] += 1.0
    bars, high_before, low_before, close_before = state[at + 3], state[at + 4], state[at + 5], state[at + 6]
    state[at + 4], state[at + 5], state[at + 6] = high, low, close
    if bars == 1.0:
        return n == 1
    up, down = high - high_before, low_before - low
    plus = up if up > 0.0 and up > down else 0.0
    minus = down if down > 0.0 and down > up else 0.0
    reach = max(high - low, abs(high - close_before), abs(low - close_before))
    if n == 1:
        state[at], state[at + 1], state[at + 2] = plus, minus, reach
    elif bars <= n:
        state[at] += plus
        state[at + 1] += minus
        state[at + 2] += reach
    else:
        state[at] += plus - state[at] / n
        state[at + 1] += minus - state[at + 1] / n
        state[at + 2] += reach - state[at + 2] / n
    return bool(bars >= n)


@jit
def share(movement: float, reach: float) -> float:
    """Return a movement as a share of the range; 0 where that is none."""
    return movement / reach if abs(reach) >= 1e-14 else 0.0


@jit
def plus_minus(state: Array, at: int) -> tuple[float, float]:
    """Return the directional indicators +DI and -DI in percent; 0 where the range is none."""
    return 100.0 * share(state[at], state[at + 2]), 100.0 * share(state[at + 1], state[at + 2])


@jit
def directional_index(state: Array, at: int) -> float:
    """Return Wilder's DX in percent; NaN where there is neither a range nor a movement."""
    plus, minus = plus_minus(state, at)
    if abs(plus + minus) < 1e-14:
        return math.nan
    return 100.0 * (abs(minus - plus) / (plus + minus))
