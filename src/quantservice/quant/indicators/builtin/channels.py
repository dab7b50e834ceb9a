"""Channels, stops and clouds around the price."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    average_push,
    line_fit,
    true_range_push,
    window_deviation,
    window_mean,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import (
    ema_push,
    wilder_push,
    window_get,
    window_max,
    window_min,
    window_push,
)
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_HLC: Final = ("high", "low", "close")


def _length(default: int, low: int = 2) -> Parameter:
    return Parameter(default, low, _LONGEST, "bars looked at")


def _multiplier(default: float, of: str) -> Parameter:
    return Parameter(default, 0.0, 1_000.0, f"how many {of}")


@indicator(
    inputs=("high", "low"),
    outputs=("upper", "middle", "lower"),
    parameters={"length": _length(20, 1)},
    warm_up=lambda length: length,
    state=lambda length: 2 * length + 4,
    group="overlap",
    source="Richard Donchian, four-week rule (1960)",
)
def price_channel(state: Array, p: Array, x: Array, out: Array) -> None:
    """Donchian channel of the bars before this one, so that this bar can break out of it."""
    n = int(p[0])
    out[:] = math.nan
    if int(state[0]) == n:
        out[0], out[2] = window_max(state, 0, n), window_min(state, n + 2, n)
        out[1] = (out[0] + out[2]) / 2.0
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])


@indicator(
    inputs=_HLC,
    outputs=("upper", "middle", "lower"),
    parameters={"length": _length(20), "multiplier": _multiplier(1.5, "average ranges")},
    warm_up=lambda length, multiplier: length - 1,
    state=lambda length, multiplier: 2 * length + 6,
    group="overlap",
    source="QuantConnect LEAN documentation, Keltner Channels; after Chester Keltner (1960)",
)
def keltner_typical(state: Array, p: Array, x: Array, out: Array) -> None:
    """Keltner channel as LEAN draws it: simple averages of the typical price and of the true range (the first bar's: its range)."""
    n = int(p[0])
    first = state[n + 2] == 0.0
    moved = true_range_push(state, n + 2, x[0], x[1], x[2])
    middle = average_push(state, 0, n, (x[0] + x[1] + x[2]) / 3.0)
    around = average_push(state, n + 4, n, x[0] - x[1] if first else moved)
    if math.isnan(around):
        out[:] = math.nan
        return
    out[0], out[1], out[2] = middle + p[1] * around, middle, middle - p[1] * around


@indicator(
    inputs=_HLC,
    outputs=("supertrend", "direction", "upper", "lower"),
    parameters={
        "length": _length(10, 1),
        "multiplier": _multiplier(3.0, "average true ranges"),
        "first_range": Parameter(0, 0, 1, "1: the first bar's high less low counts as its true range (LEAN); 0: it has none"),
    },
    warm_up=lambda length, multiplier, first_range: length - first_range,
    state=8,
    group="trend",
    source="Olivier Seban, Supertrend (2009)",
    recursive=True,
)
def supertrend_bands(state: Array, p: Array, x: Array, out: Array) -> None:
    """Supertrend: a stop some average true ranges from the middle price, against the trend (direction 1 up); with its bands."""
    n = int(p[0])
    first = state[0] == 0.0
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    if first and p[2] != 0.0:
        moved = x[0] - x[1]
    around = math.nan
    if not math.isnan(moved):
        around = wilder_push(state, 2, n, moved)
    if math.isnan(around):
        out[:] = math.nan
        return
    middle, previous = (x[0] + x[1]) / 2.0, state[7]
    upper, lower = middle + p[1] * around, middle - p[1] * around
    if state[6] == 0.0:
        state[6] = -1.0  # it begins down, as TradingView's does
    else:
        upper = min(upper, state[4]) if previous < state[4] else upper
        lower = max(lower, state[5]) if previous > state[5] else lower
        if x[2] > upper:
            state[6] = 1.0
        elif x[2] < lower:
            state[6] = -1.0
    state[4], state[5], state[7] = upper, lower, x[2]
    out[0] = lower if state[6] > 0.0 else upper
    out[1], out[2], out[3] = state[6], upper, lower


@indicator(
    inputs=_HLC,
    outputs=("tenkan", "kijun", "senkou_a", "senkou_b", "chikou", "behind"),
    parameters={
        "tenkan": _length(9, 1),
        "kijun": _length(26, 1),
        "senkou_b": _length(52, 1),
        "displacement": Parameter(26, 1, 10_000, "bars by which the cloud is drawn ahead and the chikou behind"),
    },
    warm_up=lambda tenkan, kijun, senkou_b, displacement: max(tenkan, kijun, senkou_b) + displacement - 1,
    state=lambda tenkan, kijun, senkou_b, displacement: 2 * max(tenkan, kijun, senkou_b) + 3 * displacement + 13,
    group="trend",
    source="Goichi Hosoda, Ichimoku Kinko Hyo (1969)",
)
def ichimoku(state: Array, p: Array, x: Array, out: Array) -> None:
    """Ichimoku cloud without look-ahead: each line's value at a bar is what a chart shows there at that bar's close.

    Senkou A and B were computed ``displacement`` bars ago. The chikou is this close; a chart draws it ``displacement`` bars back,
    over the close that ``behind`` gives, which is what it is compared with.
    """
    longest, shift = int(max(p[0], p[1], p[2])), int(p[3])
    lows = longest + 2
    clouds = lows + longest + 2
    window_push(state, 0, longest, x[0])
    window_push(state, lows, longest, x[1])
    middles = (
        _middle(state, 0, lows, longest, int(p[0])),
        _middle(state, 0, lows, longest, int(p[1])),
        _middle(state, 0, lows, longest, int(p[2])),
    )
    out[0], out[1] = middles[0], middles[1]
    out[2] = window_push(state, clouds, shift, (middles[0] + middles[1]) / 2.0)
    out[3] = window_push(state, clouds + shift + 2, shift, middles[2])
    out[4] = x[2]
    out[5] = window_push(state, clouds + 2 * (shift + 2), shift, x[2])
    if math.isnan(out[2]) or math.isnan(out[3]):
        out[:] = math.nan


@jit
def _middle(state: Array, highs: int, lows: int, size: int, n: int) -> float:
    """Return the middle of the highest high and the lowest low of the newest ``n`` bars of the windows."""
    if int(state[highs]) < n:
        return math.nan
    high, low = -math.inf, math.inf
    for back in range(n):
        high = max(high, window_get(state, highs, size, back))
        low = min(low, window_get(state, lows, size, back))
    return (high + low) / 2.0


@indicator(
    inputs=_HLC,
    outputs=("long_stop", "short_stop"),
    parameters={"length": _length(22, 1), "multiplier": _multiplier(3.0, "average true ranges")},
    warm_up=lambda length, multiplier: length,
    state=lambda length, multiplier: 2 * length + 8,
    group="trend",
    source="Chuck LeBeau; Alexander Elder, Come Into My Trading Room (2002)",
    recursive=True,
)
def chandelier(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chandelier exits: average true ranges below the highest high (for longs) and above the lowest low (for shorts)."""
    n = int(p[0])
    window_push(state, 4, n, x[0])
    window_push(state, n + 6, n, x[1])
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    around = math.nan
    if not math.isnan(moved):
        around = wilder_push(state, 2, n, moved)
    if math.isnan(around):
        out[:] = math.nan
        return
    out[0] = window_max(state, 4, n) - p[1] * around
    out[1] = window_min(state, n + 6, n) + p[1] * around


@indicator(
    inputs=_HLC,
    outputs=("long_stop", "short_stop"),
    parameters={
        "length": _length(10, 1),
        "multiplier": _multiplier(1.0, "average true ranges"),
        "stop_length": Parameter(9, 1, _LONGEST, "bars over which the first stops are compared"),
    },
    warm_up=lambda length, multiplier, stop_length: length + stop_length - 2,
    state=lambda length, multiplier, stop_length: 2 * length + 2 * stop_length + 12,
    group="trend",
    source="Tushar Chande and Stanley Kroll, The New Technical Trader (1994)",
    recursive=True,
)
def chande_kroll_stop(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chande Kroll stops: the extreme, over some bars, of stops some average true ranges from the highest and lowest price."""
    n, m = int(p[0]), int(p[2])
    first = state[0] == 0.0
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    around = wilder_push(state, 2, n, x[0] - x[1] if first else moved)
    window_push(state, 4, n, x[0])
    window_push(state, n + 6, n, x[1])
    out[:] = math.nan
    if math.isnan(around):
        return
    at = 2 * n + 8
    window_push(state, at, m, window_max(state, 4, n) - p[1] * around)
    window_push(state, at + m + 2, m, window_min(state, n + 6, n) + p[1] * around)
    if int(state[at]) == m:
        out[0], out[1] = window_min(state, at + m + 2, m), window_max(state, at, m)


@indicator(
    inputs=("close",),
    outputs=("upper", "middle", "lower", "slope", "r_squared"),
    parameters={"length": _length(100, 3), "multiplier": _multiplier(2.0, "standard errors")},
    warm_up=lambda length, multiplier: length - 1,
    state=lambda length, multiplier: length + 2,
    group="overlap",
    source="Gilbert Raff, Trading the Regression Channel, Stocks & Commodities 9:10 (1991)",
)
def linreg_channel(state: Array, p: Array, x: Array, out: Array) -> None:
    """Regression channel: newest point of the least-squares line, standard errors around it, its slope per bar and fit."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    slope, end = line_fit(state, 0, n)
    mean, left, whole = window_mean(state, 0, n), 0.0, 0.0
    for back in range(n):
        value = window_get(state, 0, n, back)
        left += (value - (end - slope * back)) ** 2
        whole += (value - mean) ** 2
    around = p[1] * math.sqrt(left / (n - 2))
    out[0], out[1], out[2], out[3] = end + around, end, end - around, slope
    out[4] = max(0.0, 1.0 - left / whole) if whole > 0.0 else 1.0


@indicator(
    inputs=_HLC,
    outputs=("squeeze", "momentum", "bollinger_upper", "bollinger_lower", "keltner_upper", "keltner_lower"),
    parameters={
        "length": _length(20),
        "deviations": _multiplier(2.0, "standard deviations of the Bollinger bands"),
        "multiplier": _multiplier(1.5, "average ranges of the Keltner channel"),
    },
    warm_up=lambda length, deviations, multiplier: 2 * length - 2,
    state=lambda length, deviations, multiplier: 6 * length + 14,
    group="volatility",
    source="John Carter, Mastering the Trade (2005), TTM Squeeze; momentum after LazyBear's Squeeze Momentum (TradingView)",
)
def squeeze(state: Array, p: Array, x: Array, out: Array) -> None:
    """Squeeze: 1 while the Bollinger bands lie within the Keltner channel, else -1; and the momentum that it releases."""
    n = int(p[0])
    size = n + 2
    moved = true_range_push(state, 6 * size, x[0], x[1], x[2])
    window_push(state, 0, n, x[2])
    window_push(state, size, n, x[0])
    window_push(state, 2 * size, n, x[1])
    middle = ema_push(state, 3 * size, n, 2.0 / (n + 1), (x[0] + x[1] + x[2]) / 3.0)
    around = math.nan
    if not math.isnan(moved):
        around = average_push(state, 4 * size, n, moved)
    out[:] = math.nan
    if int(state[0]) < n:
        return
    mean = window_mean(state, 0, n)
    average = ((window_max(state, size, n) + window_min(state, 2 * size, n)) / 2.0 + mean) / 2.0
    window_push(state, 5 * size, n, x[2] - average)
    if int(state[5 * size]) < n:
        return
    _slope, out[1] = line_fit(state, 5 * size, n)
    deviation = p[1] * window_deviation(state, 0, n, 0)
    out[2], out[3] = mean + deviation, mean - deviation
    out[4], out[5] = middle + p[2] * around, middle - p[2] * around
    out[0] = 1.0 if out[2] < out[4] and out[3] > out[5] else -1.0
