"""Bands, channels and stops around the price."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.moving import SMA, chosen, ma_push, ma_size, ma_type, ma_warm_up
from quantservice.quant.indicators.primitives import (
    ema_push,
    highest_push,
    lowest_push,
    mean_push,
    window_full,
    window_push,
    window_spread,
)
from quantservice.quant.indicators.ranges import TRUE_RANGE_SIZE, average_true_range_push
from quantservice.quant.indicators.spec import Parameter, indicator

_TALIB: Final = "TA-Lib"
_BANDS: Final = ("upper", "middle", "lower")


def _length(default: int, doc: str = "bars looked at") -> dict[str, Parameter]:
    return {"length": Parameter(default, 2, 100_000, doc)}


def _bbands_parameters(length: float, up: float, down: float, ma_type: float) -> tuple[float, ...]:
    return length, up, down, chosen(ma_type, SMA)


@indicator(
    inputs=("close",),
    outputs=_BANDS,
    parameters={
        "length": Parameter(20, 2, 100_000, "bars of the average and of the deviation"),
        "up": Parameter(2.0, -1e6, 1e6, "standard deviations from the middle to the upper band"),
        "down": Parameter(2.0, -1e6, 1e6, "standard deviations from the middle to the lower band"),
        "ma_type": ma_type(SMA, " in the middle"),
    },
    warm_up=lambda length, up, down, ma_type: max(length - 1, ma_warm_up(chosen(ma_type, SMA), length)),
    state=lambda length, up, down, ma_type: length + 2 + ma_size(chosen(ma_type, SMA), length),
    prepare=_bbands_parameters,
    group="overlap",
    source="TA-Lib; John Bollinger, Bollinger on Bollinger Bands (2001)",
    recursive=True,
)
def bbands(state: Array, p: Array, x: Array, out: Array) -> None:
    """Bollinger bands: a moving average and so many standard deviations (of all, not of a sample) above and below."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    middle = ma_push(state, n + 2, int(p[3]), n, x[0])
    if math.isnan(middle) or not window_full(state, 0, n):
        out[:] = math.nan
        return
    deviation = math.sqrt(window_spread(state, 0, n)[1])
    out[0] = middle + deviation * p[1]
    out[1] = middle
    out[2] = middle - deviation * p[2]


@indicator(
    inputs=("high", "low", "close"),
    outputs=_BANDS,
    parameters=_length(20, "bars averaged"),
    warm_up=lambda length: length - 1,
    state=lambda length: 3 * (length + 3),
    group="overlap",
    source="TA-Lib; Price Headley, Big Trends in Trading (2002)",
)
def accbands(state: Array, p: Array, x: Array, out: Array) -> None:
    """Acceleration bands: averages of the high and the low moved outward by the bar's relative range."""
    n, high, low = int(p[0]), x[0], x[1]
    if abs(high + low) > 1e-14:
        wide = 4.0 * (high - low) / (high + low)
        high, low = high * (1.0 + wide), low * (1.0 - wide)
    out[0] = mean_push(state, 0, n, high)
    out[1] = mean_push(state, n + 3, n, x[2])
    out[2] = mean_push(state, 2 * (n + 3), n, low)


@indicator(
    inputs=("close",),
    outputs=("midpoint",),
    parameters=_length(14),
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 4),
    group="overlap",
    source=_TALIB,
)
def midpoint(state: Array, p: Array, x: Array, out: Array) -> None:
    """Middle between the highest and the lowest value of the last bars."""
    n = int(p[0])
    middle = (highest_push(state, 0, n, x[0], False) + lowest_push(state, n + 4, n, x[0], False)) / 2.0
    out[0] = middle if window_full(state, 2, n) else math.nan


@indicator(
    inputs=("high", "low"),
    outputs=("midprice",),
    parameters=_length(14),
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 4),
    group="overlap",
    source=_TALIB,
)
def midprice(state: Array, p: Array, x: Array, out: Array) -> None:
    """Middle between the highest high and the lowest low of the last bars."""
    n = int(p[0])
    middle = (highest_push(state, 0, n, x[0], False) + lowest_push(state, n + 4, n, x[1], False)) / 2.0
    out[0] = middle if window_full(state, 2, n) else math.nan


@indicator(
    inputs=("high", "low"),
    outputs=_BANDS,
    parameters=_length(20),
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 4),
    group="overlap",
    source="TA-Lib; Richard Donchian",
)
def donchian(state: Array, p: Array, x: Array, out: Array) -> None:
    """Donchian channel: the highest high and the lowest low of the last bars, this one included, and their middle."""
    n = int(p[0])
    highest, lowest = highest_push(state, 0, n, x[0], False), lowest_push(state, n + 4, n, x[1], False)
    if not window_full(state, 2, n):
        out[:] = math.nan
        return
    out[0], out[1], out[2] = highest, (highest + lowest) / 2.0, lowest


def _kc_parameters(length: float, atr_length: float, multiplier: float) -> tuple[float, ...]:
    """The parameters, and the bars after which each of the two averages begins, so that both have their first value together."""
    first = max(length - 1, atr_length)
    return length, atr_length, multiplier, first - (length - 1), first - atr_length


@indicator(
    inputs=("high", "low", "close"),
    outputs=_BANDS,
    parameters={
        "length": Parameter(20, 2, 100_000, "bars of the average in the middle"),
        "atr_length": Parameter(10, 1, 100_000, "bars of the average true range"),
        "multiplier": Parameter(2.0, -1e6, 1e6, "average true ranges from the middle to a band"),
    },
    warm_up=lambda length, atr_length, multiplier: max(length - 1, atr_length),
    state=TRUE_RANGE_SIZE + 5,
    prepare=_kc_parameters,
    group="overlap",
    source="TA-Lib; Chester Keltner, How to Make Money in Commodities (1960), in its typical-price form with a true range",
    recursive=True,
)
def kc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Keltner channel: exponential average of the typical price and a multiple of the average true range around it."""
    n, middle, reach = int(p[0]), math.nan, math.nan
    if state[0] >= p[3]:
        middle = ema_push(state, 1, n, 2.0 / (n + 1), (x[0] + x[1] + x[2]) / 3.0)
    if state[0] >= p[4]:
        reach = average_true_range_push(state, 3, int(p[1]), x[0], x[1], x[2]) * p[2]
    state[0] += 1.0
    if math.isnan(middle) or math.isnan(reach):
        out[:] = math.nan
        return
    out[0], out[1], out[2] = middle + reach, middle, middle - reach


@indicator(
    inputs=("high", "low", "close"),
    outputs=("supertrend", "trend"),
    parameters={
        "length": Parameter(10, 2, 100_000, "bars of the average true range"),
        "multiplier": Parameter(3.0, 0.0, 1e6, "average true ranges from the middle of the bar to a band"),
    },
    warm_up=lambda length, multiplier: length,
    state=TRUE_RANGE_SIZE + 6,
    group="overlap",
    source="TA-Lib; Olivier Seban, Tout le monde mérite d'être riche",
    recursive=True,
)
def supertrend(state: Array, p: Array, x: Array, out: Array) -> None:
    """SuperTrend: the band that the trend rides (below the price while it rises), and the trend, 1 up and -1 down.

    State after the true range: both bands, the close before, the trend (0 before the first).
    """
    reach = average_true_range_push(state, 0, int(p[0]), x[0], x[1], x[2]) * p[1]
    at = TRUE_RANGE_SIZE + 2
    if math.isnan(reach):
        out[:] = math.nan
        return
    middle = (x[0] + x[1]) / 2.0
    upper, lower = middle + reach, middle - reach
    trend = state[at + 3]
    if trend == 0.0:
        trend = 1.0
    else:
        if not (upper < state[at] or state[at + 2] > state[at]):
            upper = state[at]
        if not (lower > state[at + 1] or state[at + 2] < state[at + 1]):
            lower = state[at + 1]
        if trend > 0.0 and x[2] < lower:
            trend = -1.0
        elif trend < 0.0 and x[2] > upper:
            trend = 1.0
    state[at], state[at + 1], state[at + 2], state[at + 3] = upper, lower, x[2], trend
    out[0], out[1] = lower if trend > 0.0 else upper, trend
