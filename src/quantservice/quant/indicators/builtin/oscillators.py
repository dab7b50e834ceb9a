"""Oscillators of momentum beyond TA-Lib's."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    average_push,
    change_push,
    line_fit,
    place_in_range,
    return_push,
    rsi_push,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, window_get, window_max, window_min, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_HLC: Final = ("high", "low", "close")


def _length(default: int, low: int = 2, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, _LONGEST, doc)


@indicator(
    inputs=("close",),
    outputs=("tsi", "signal"),
    parameters={
        "slow": _length(25, 1, "bars of the first exponential average"),
        "fast": _length(13, 1, "bars of the second exponential average"),
        "signal": _length(7, 1, "bars of the signal"),
    },
    warm_up=lambda slow, fast, signal: slow + fast + signal - 2,
    state=12,
    group="momentum",
    source="William Blau, Momentum, Direction, and Divergence (1995)",
    recursive=True,
)
def true_strength(state: Array, p: Array, x: Array, out: Array) -> None:
    """True strength index with its signal: twice smoothed change over twice smoothed absolute change, -100 to 100."""
    slow, fast, n = int(p[0]), int(p[1]), int(p[2])
    change = change_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(change):
        return
    net = ema_push(state, 2, slow, 2.0 / (slow + 1), change)
    path = ema_push(state, 4, slow, 2.0 / (slow + 1), abs(change))
    if math.isnan(net):
        return
    net = ema_push(state, 6, fast, 2.0 / (fast + 1), net)
    path = ema_push(state, 8, fast, 2.0 / (fast + 1), path)
    if math.isnan(net):
        return
    value = 100.0 * net / path if path > 0.0 else 0.0
    smoothed = ema_push(state, 10, n, 2.0 / (n + 1), value)
    if not math.isnan(smoothed):
        out[0], out[1] = value, smoothed


@indicator(
    inputs=("open", "high", "low", "close"),
    outputs=("vigor", "signal"),
    parameters={"length": _length(10, 1)},
    warm_up=lambda length: length + 5,
    state=lambda length: 2 * length + 22,
    group="momentum",
    source="John Ehlers, Relative Vigor Index, Stocks & Commodities 20:1 (2002)",
)
def relative_vigor(state: Array, p: Array, x: Array, out: Array) -> None:
    """Relative vigor: closes above opens over ranges, both weighted over four bars and averaged; and its weighted signal."""
    n = int(p[0])
    body, wide = _four(state, 0, x[3] - x[0]), _four(state, 6, x[1] - x[2])
    out[:] = math.nan
    if math.isnan(body):
        return
    up, whole = average_push(state, 18, n, body), average_push(state, n + 20, n, wide)
    if math.isnan(up):
        return
    vigor = up / whole if whole != 0.0 else 0.0
    signal = _four(state, 12, vigor)
    if not math.isnan(signal):
        out[0], out[1] = vigor, signal


@jit
def _four(state: Array, at: int, value: float) -> float:
    """Mean of the last four values weighted 1, 2, 2, 1; NaN while they fill. Keeps 6 floats."""
    window_push(state, at, 4, value)
    if int(state[at]) < 4:
        return math.nan
    middle = window_get(state, at, 4, 1) + window_get(state, at, 4, 2)
    return (value + 2.0 * middle + window_get(state, at, 4, 3)) / 6.0


@indicator(
    inputs=("close",),
    outputs=("k", "d"),
    parameters={
        "rsi_length": _length(14, 1, "bars of the RSI"),
        "length": _length(14, 1, "bars of the stochastic"),
        "k": _length(3, 1, "bars of the average that %K is"),
        "d": _length(3, 1, "bars of the average that %D is"),
    },
    warm_up=lambda rsi_length, length, k, d: rsi_length + length + k + d - 3,
    state=lambda rsi_length, length, k, d: length + k + d + 12,
    group="momentum",
    source="Tushar Chande and Stanley Kroll, The New Technical Trader (1994); smoothed %K as on TradingView",
    recursive=True,
)
def stoch_rsi_smoothed(state: Array, p: Array, x: Array, out: Array) -> None:
    """Stochastic of the RSI with a smoothed %K, 0 to 100 (TA-Lib's stochrsi does not smooth %K); 0 where the RSI did not move."""
    n, k, d = int(p[1]), int(p[2]), int(p[3])
    strength = rsi_push(state, 0, int(p[0]), x[0])
    out[:] = math.nan
    if math.isnan(strength):
        return
    window_push(state, 6, n, strength)
    if int(state[6]) < n:
        return
    smoothed = average_push(state, n + 8, k, place_in_range(strength, window_min(state, 6, n), window_max(state, 6, n), 0.0))
    if math.isnan(smoothed):
        return
    signal = average_push(state, n + k + 10, d, smoothed)
    if not math.isnan(signal):
        out[0], out[1] = smoothed, signal


@indicator(
    inputs=("hl2",),
    outputs=("fisher", "signal"),
    parameters={"length": _length(10, 1), "weight": Parameter(0.33, 0.001, 1.0, "weight of the newest normalised price")},
    warm_up=lambda length, weight: length - 1,
    state=lambda length, weight: length + 4,
    group="momentum",
    source="John Ehlers, Using the Fisher Transform, Stocks & Commodities 20:11 (2002)",
    recursive=True,
)
def fisher(state: Array, p: Array, x: Array, out: Array) -> None:
    """Fisher transform of where the price stands in its range, so that turns are sharp; the signal is the value before."""
    n = int(p[0])
    window_push(state, 2, n, x[0])
    out[:] = math.nan
    if int(state[2]) < n:
        return
    low, high = window_min(state, 2, n), window_max(state, 2, n)
    place = (x[0] - low) / (high - low) - 0.5 if high > low else 0.0
    state[0] = max(-0.999, min(0.999, 2.0 * p[1] * place + (1.0 - p[1]) * state[0]))
    before, state[1] = state[1], 0.5 * math.log((1.0 + state[0]) / (1.0 - state[0])) + 0.5 * state[1]
    out[0], out[1] = state[1], before


@indicator(
    inputs=("hlc3",),
    outputs=("wave", "signal"),
    parameters={
        "channel": _length(10, 1, "bars of the price's average and of its deviation"),
        "average": _length(21, 1, "bars of the wave's average"),
        "signal": _length(4, 1, "bars of the signal"),
    },
    warm_up=lambda channel, average, signal: 2 * channel + average + signal - 4,
    state=lambda channel, average, signal: signal + 8,
    group="momentum",
    source="LazyBear, WaveTrend Oscillator (TradingView)",
    recursive=True,
)
def wave_trend(state: Array, p: Array, x: Array, out: Array) -> None:
    """Wave trend: smoothed distance of the price from its average in mean deviations; it stands still where there is none."""
    n, m, s = int(p[0]), int(p[1]), int(p[2])
    out[:] = math.nan
    middle = ema_push(state, 0, n, 2.0 / (n + 1), x[0])
    if math.isnan(middle):
        return
    around = ema_push(state, 2, n, 2.0 / (n + 1), abs(x[0] - middle))
    if math.isnan(around):
        return
    wave = ema_push(state, 4, m, 2.0 / (m + 1), (x[0] - middle) / (0.015 * around) if around > 0.0 else 0.0)
    if math.isnan(wave):
        return
    signal = average_push(state, 6, s, wave)
    if not math.isnan(signal):
        out[0], out[1] = wave, signal


@indicator(
    inputs=("close",),
    outputs=("crsi", "rsi", "streak_rsi", "rank"),
    parameters={
        "rsi_length": _length(3, 1, "bars of the RSI"),
        "streak_length": _length(2, 1, "bars of the RSI of the streak"),
        "rank_length": _length(100, 1, "changes among which this one is ranked"),
        "keep": Parameter(0, 0, 1, "0: an unchanged close ends the streak (Connors); 1: it keeps it (LEAN)"),
    },
    warm_up=lambda rsi_length, streak_length, rank_length, keep: max(rsi_length, streak_length, rank_length + 1),
    state=lambda rsi_length, streak_length, rank_length, keep: rank_length + 17,
    group="momentum",
    source="Connors Research, An Introduction to ConnorsRSI (2012)",
    recursive=True,
)
def connors_rsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Connors RSI: mean of the RSI, the RSI of the streak of rises or falls, and the share of earlier changes that were smaller."""
    n = int(p[2])
    before, first = state[1], state[0] == 0.0
    strength = rsi_push(state, 0, int(p[0]), x[0])
    if not first:
        if x[0] > before:
            state[6] = max(state[6], 0.0) + 1.0
        elif x[0] < before:
            state[6] = min(state[6], 0.0) - 1.0
        elif p[3] == 0.0:
            state[6] = 0.0
    streak = rsi_push(state, 7, int(p[1]), state[6])
    change = return_push(state, 13, x[0])
    out[:] = math.nan
    if math.isnan(change):
        return
    smaller, full = 0, int(state[15]) == n
    for back in range(int(state[15])):
        smaller += window_get(state, 15, n, back) < change
    window_push(state, 15, n, change)
    if full and not math.isnan(strength) and not math.isnan(streak):
        rank = 100.0 * smaller / n
        out[0], out[1], out[2], out[3] = (strength + streak + rank) / 3.0, strength, streak, rank


@indicator(
    inputs=_HLC,
    outputs=("ibs",),
    group="momentum",
    source="Volatility Laboratory, Internal Bar Strength; Liew and Roberts (2013)",
)
def ibs(state: Array, p: Array, x: Array, out: Array) -> None:
    """Internal bar strength: where the close stands in the bar, 0 at the low to 1 at the high; 0 where there is no range."""
    out[0] = (x[2] - x[1]) / (x[0] - x[1]) if x[0] > x[1] else 0.0


@indicator(
    inputs=("close",),
    outputs=("line", "rsi", "trend"),
    parameters={
        "length": _length(14, 1, "bars of the RSI"),
        "smooth": _length(5, 1, "bars of its exponential average"),
        "factor": Parameter(4.236, 0.0, 1_000.0, "how many average moves of the RSI the line trails behind"),
    },
    warm_up=lambda length, smooth, factor: length + smooth - 1 + 2 * (2 * length - 2) + 1,
    state=17,
    group="momentum",
    source="Igor Livshin; QQE as on MetaTrader and TradingView (Glaz)",
    recursive=True,
)
def qqe(state: Array, p: Array, x: Array, out: Array) -> None:
    """Quantitative qualitative estimation: a smoothed RSI with a line trailing it (trend 1 above it, -1 below)."""
    n, m = int(p[0]), int(p[1])
    w = 2 * n - 1
    out[:] = math.nan
    strength = rsi_push(state, 0, n, x[0])
    if math.isnan(strength):
        return
    smoothed = ema_push(state, 6, m, 2.0 / (m + 1), strength)
    if math.isnan(smoothed):
        return
    moved = change_push(state, 8, smoothed)
    if math.isnan(moved):
        return
    once = ema_push(state, 10, w, 2.0 / (w + 1), abs(moved))
    if math.isnan(once):
        return
    around = p[2] * ema_push(state, 12, w, 2.0 / (w + 1), once)
    if math.isnan(around):
        return
    # state: [14] the line, [15] its side (1 below the RSI, -1 above), [16] the RSI before
    line = state[14]
    if state[15] == 0.0:
        state[15] = 1.0
        line = smoothed - around
    elif state[15] > 0.0:
        line = max(line, smoothed - around) if state[16] > line else smoothed - around
    else:
        line = min(line, smoothed + around) if state[16] < line else smoothed + around
    if state[15] > 0.0 and smoothed < line:
        state[15], line = -1.0, smoothed + around
    elif state[15] < 0.0 and smoothed > line:
        state[15], line = 1.0, smoothed - around
    state[14], state[16] = line, smoothed
    out[0], out[1], out[2] = line, smoothed, state[15]


@indicator(
    inputs=("close",),
    outputs=("pmo", "signal"),
    parameters={"first": _length(35), "second": _length(20), "signal": _length(10, 1)},
    warm_up=lambda first, second, signal: first + second + signal - 2,
    state=8,
    group="momentum",
    source="Carl Swenlin, DecisionPoint Price Momentum Oscillator",
    recursive=True,
)
def pmo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Price momentum oscillator: per cent change twice smoothed with factors 2 / length, times 10; and its exponential average."""
    n, m, s = int(p[0]), int(p[1]), int(p[2])
    out[:] = math.nan
    change = return_push(state, 0, x[0])
    if math.isnan(change):
        return
    once = ema_push(state, 2, n, 2.0 / n, 100.0 * change)
    if math.isnan(once):
        return
    twice = ema_push(state, 4, m, 2.0 / m, 10.0 * once)
    if math.isnan(twice):
        return
    signal = ema_push(state, 6, s, 2.0 / (s + 1), twice)
    if not math.isnan(signal):
        out[0], out[1] = twice, signal


@indicator(
    inputs=("close",),
    outputs=("laguerre_rsi",),
    parameters={"gamma": Parameter(0.5, 0.0, 0.999, "damping: nearer to 1 is smoother")},
    warm_up=1,
    state=5,
    group="momentum",
    source="John Ehlers, Cybernetic Analysis for Stocks and Futures (2004), chapter 14",
    recursive=True,
)
def laguerre_rsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """RSI of a four-element Laguerre filter, 0 to 100; 50 where nothing moved."""
    if state[0] == 0.0:
        state[0] = 1.0
        state[1:5] = x[0]
        out[0] = math.nan
        return
    g = p[0]
    first, second, third, fourth = state[1], state[2], state[3], state[4]
    state[1] = (1.0 - g) * x[0] + g * first
    state[2] = -g * state[1] + first + g * second
    state[3] = -g * state[2] + second + g * third
    state[4] = -g * state[3] + third + g * fourth
    up, down = 0.0, 0.0
    for i in range(1, 4):
        up += max(state[i] - state[i + 1], 0.0)
        down += max(state[i + 1] - state[i], 0.0)
    out[0] = 100.0 * up / (up + down) if up + down > 0.0 else 50.0


@indicator(
    inputs=("close",),
    outputs=("psy",),
    parameters={"length": _length(12, 1)},
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group="momentum",
    source="psychological line, Japanese sentiment measure",
)
def psychological_line(state: Array, p: Array, x: Array, out: Array) -> None:
    """Psychological line: per cent of the bars that closed above the bar before."""
    change = change_push(state, 0, x[0])
    out[0] = math.nan
    if not math.isnan(change):
        out[0] = 100.0 * average_push(state, 2, int(p[0]), 1.0 if change > 0.0 else 0.0)


@indicator(
    inputs=("close",),
    outputs=("bias",),
    parameters={"length": _length(20, 1)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="momentum",
    source="disparity index, Steve Nison, Beyond Candlesticks (1994)",
)
def disparity(state: Array, p: Array, x: Array, out: Array) -> None:
    """Disparity: distance of the price from its simple average, per cent of the average."""
    mean = average_push(state, 0, int(p[0]), x[0])
    out[0] = 100.0 * (x[0] - mean) / mean


@indicator(
    inputs=("close",),
    outputs=("cg",),
    parameters={"length": _length(10)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="momentum",
    source="John Ehlers, Center of Gravity Oscillator, Stocks & Commodities 20:5 (2002)",
)
def center_of_gravity(state: Array, p: Array, x: Array, out: Array) -> None:
    """Center of gravity of the window's prices, counted from its middle: above 0 where the newest prices weigh more."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    out[0] = math.nan
    if int(state[0]) < n:
        return
    moment, weight = 0.0, 0.0
    for back in range(n):
        value = window_get(state, 0, n, back)
        moment += (1 + back) * value
        weight += value
    out[0] = (n + 1) / 2.0 - moment / weight if weight != 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("momentum",),
    parameters={"length": _length(90, 3)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="momentum",
    source="Andreas Clenow, Stocks on the Move (2015)",
)
def clenow_momentum(state: Array, p: Array, x: Array, out: Array) -> None:
    """Slope of the line through the logarithms of the closes, per bar, times how well it fits (R squared)."""
    n = int(p[0])
    window_push(state, 0, n, math.log(x[0]))
    out[0] = math.nan
    if int(state[0]) < n:
        return
    slope, end = line_fit(state, 0, n)
    middle, left, whole = end - slope * (n - 1) / 2.0, 0.0, 0.0
    for back in range(n):
        value = window_get(state, 0, n, back)
        left += (value - (end - slope * back)) ** 2
        whole += (value - middle) ** 2
    out[0] = slope * (1.0 - left / whole) if whole > 0.0 else 0.0


@indicator(
    inputs=_HLC,
    outputs=("k",),
    parameters={"length": _length(13), "smooth": _length(8, 1, "bars of both exponential averages")},
    warm_up=lambda length, smooth: 2 * (length - 1 + smooth - 1),
    state=lambda length, smooth: 3 * length + 10,
    group="momentum",
    source="Walter Bressert, The Power of Oscillator/Cycle Combinations (1991)",
    recursive=True,
)
def double_stochastic(state: Array, p: Array, x: Array, out: Array) -> None:
    """Double smoothed stochastic: smoothed stochastic of the smoothed stochastic; 50 where there is no range."""
    n, m = int(p[0]), int(p[1])
    k = 2.0 / (m + 1)
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    out[0] = math.nan
    if int(state[0]) < n:
        return
    once = ema_push(state, 2 * n + 4, m, k, place_in_range(x[2], window_min(state, n + 2, n), window_max(state, 0, n), 50.0))
    if math.isnan(once):
        return
    at = 2 * n + 6
    window_push(state, at, n, once)
    if int(state[at]) == n:
        again = place_in_range(once, window_min(state, at, n), window_max(state, at, n), 50.0)
        out[0] = ema_push(state, 3 * n + 8, m, k, again)


@indicator(
    inputs=("close",),
    outputs=("rsi",),
    parameters={"length": _length(14, 1)},
    warm_up=lambda length: length,
    state=lambda length: 2 * length + 6,
    group="momentum",
    source="David Cutler's RSI",
)
def cutler_rsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """RSI of simple averages: it depends on the window only, not on where the data begin; 50 where nothing moved."""
    n = int(p[0])
    change = change_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(change):
        return
    up = average_push(state, 2, n, max(change, 0.0))
    down = average_push(state, n + 4, n, max(-change, 0.0))
    if not math.isnan(up):
        out[0] = 100.0 * up / (up + down) if up + down > 0.0 else 50.0
