"""Parts that several families of indicators share; each keeps its memory in the step's state from ``at`` on.

Sums over a window are taken anew at each bar where a true zero matters (volumes, deviations): a running sum would leave residues.
"""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import wilder_push, window_get, window_push
from quantservice.quant.jit import jit

DAY_MS: Final = 86_400_000.0


@jit
def window_sum(state: Array, at: int, n: int) -> float:
    """Return the sum of what is in the window."""
    total = 0.0
    for i in range(int(state[at])):
        total += state[at + 2 + i]
    return total


@jit
def window_mean(state: Array, at: int, n: int) -> float:
    """Return the mean of what is in the window."""
    return window_sum(state, at, n) / int(state[at])


@jit
def window_deviation(state: Array, at: int, n: int, freedom: int) -> float:
    """Return the standard deviation of the window: the squares are divided by its count less ``freedom``."""
    seen = int(state[at])
    mean, squares = window_sum(state, at, n) / seen, 0.0
    for i in range(seen):
        squares += (state[at + 2 + i] - mean) ** 2
    return math.sqrt(squares / (seen - freedom)) if seen > freedom else math.nan


@jit
def wma_push(state: Array, at: int, n: int, value: float) -> float:
    """Linearly weighted mean of the last ``n`` values (the newest weighs ``n``); NaN while it fills. Keeps 2 + n floats."""
    window_push(state, at, n, value)
    if int(state[at]) < n:
        return math.nan
    total = 0.0
    for back in range(n):
        total += (n - back) * window_get(state, at, n, back)
    return total / (n * (n + 1) / 2.0)


@jit
def average_push(state: Array, at: int, n: int, value: float) -> float:
    """Mean of the last ``n`` values, summed anew; NaN while it fills. Keeps 2 + n floats."""
    window_push(state, at, n, value)
    return window_mean(state, at, n) if int(state[at]) == n else math.nan


@jit
def ema_first_push(state: Array, at: int, k: float, value: float) -> float:
    """Exponential average with factor ``k``, begun with the first value. Keeps 2 floats."""
    if state[at] == 0.0:
        state[at] = 1.0
        state[at + 1] = value
    else:
        state[at + 1] += k * (value - state[at + 1])
    return float(state[at + 1])


@jit
def true_range_push(state: Array, at: int, high: float, low: float, close: float) -> float:
    """Wilder's true range; NaN at the first bar. Keeps 2 floats."""
    previous, seen = state[at + 1], state[at]
    state[at], state[at + 1] = 1.0, close
    if seen == 0.0:
        return math.nan
    return float(max(high - low, abs(high - previous), abs(low - previous)))


@jit
def change_push(state: Array, at: int, value: float) -> float:
    """Return the value less the one before; NaN at the first. Keeps 2 floats."""
    previous, seen = state[at + 1], state[at]
    state[at], state[at + 1] = 1.0, value
    return float(value - previous) if seen != 0.0 else math.nan


@jit
def log_return_push(state: Array, at: int, value: float) -> float:
    """Return the logarithm of the value over the one before; NaN at the first. Keeps 2 floats."""
    previous, seen = state[at + 1], state[at]
    state[at], state[at + 1] = 1.0, value
    return float(math.log(value / previous)) if seen != 0.0 else math.nan


@jit
def return_push(state: Array, at: int, value: float) -> float:
    """Return the value over the one before, less one; NaN at the first. Keeps 2 floats."""
    previous, seen = state[at + 1], state[at]
    state[at], state[at + 1] = 1.0, value
    return float(value / previous - 1.0) if seen != 0.0 else math.nan


@jit
def rsi_push(state: Array, at: int, n: int, value: float) -> float:
    """Wilder's relative strength index; 50 where nothing moved; NaN for ``n`` values. Keeps 6 floats."""
    change = change_push(state, at, value)
    if math.isnan(change):
        return math.nan
    up = wilder_push(state, at + 2, n, max(change, 0.0))
    down = wilder_push(state, at + 4, n, max(-change, 0.0))
    if math.isnan(up):
        return math.nan
    return 100.0 * up / (up + down) if up + down > 0.0 else 50.0


@jit
def place_in_range(value: float, low: float, high: float, otherwise: float) -> float:
    """Return where the value stands between ``low`` (0) and ``high`` (100), or ``otherwise`` where there is no range."""
    return 100.0 * (value - low) / (high - low) if high > low else otherwise


@jit
def line_fit(state: Array, at: int, n: int) -> tuple[float, float]:
    """Return slope per bar and value at the newest bar of the least-squares line through a full window."""
    middle, mean = (n - 1) / 2.0, window_mean(state, at, n)
    together = 0.0
    for back in range(n):
        together += (n - 1 - back - middle) * (window_get(state, at, n, back) - mean)
    slope = together / (n * (n * n - 1.0) / 12.0)
    return slope, mean + slope * middle


@jit
def sorted_push(state: Array, at: int, n: int, value: float) -> None:
    """Put a value into a window that is also kept in order, from ``at + 2 + n`` on. Keeps 2 + 2 n floats."""
    seen, ordered = int(state[at]), at + 2 + n
    left = window_push(state, at, n, value)
    if seen == n:
        place = 0
        while place < n - 1 and state[ordered + place] != left:  # the bound holds even when a NaN came in
            place += 1
        for i in range(place, n - 1):
            state[ordered + i] = state[ordered + i + 1]
        seen = n - 1
    place = seen
    while place > 0 and state[ordered + place - 1] > value:
        state[ordered + place] = state[ordered + place - 1]
        place -= 1
    state[ordered + place] = value


@jit
def sorted_quantile(state: Array, at: int, n: int, q: float) -> float:
    """Return the quantile ``q`` of a full sorted window, between neighbours in proportion."""
    place = q * (n - 1)
    low = math.floor(place)
    high = min(low + 1, n - 1)
    base = at + 2 + n
    return float(state[base + low] + (place - low) * (state[base + high] - state[base + low]))


@jit
def session_of(open_time: float, reset: int) -> float:
    """Return the number of the UTC day (1), the week from Monday (2) or the month (3) that a time in milliseconds lies in."""
    day = math.floor(open_time / DAY_MS)
    if reset == 1:
        return float(day)
    if reset == 2:
        return float(math.floor((day + 3) / 7))
    # Civil calendar from a count of days: years begin in March, so that the leap day is the last.
    shifted = day + 719_468
    era = math.floor(shifted / 146_097)
    day_of_era = shifted - era * 146_097
    year = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    month = (5 * (day_of_era - (365 * year + year // 4 - year // 100)) + 2) // 153
    return float((era * 400 + year) * 12 + month)
