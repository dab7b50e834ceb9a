"""Momentum of one price and of bars: rates of change, strength of rises against falls, efficiency of a move."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.moving import efficiency_push
from quantservice.quant.indicators.primitives import (
    gain_loss_push,
    highest_push,
    lowest_push,
    rsi_push,
    sum_push,
    window_full,
    window_get,
    window_line,
    window_push,
)
from quantservice.quant.indicators.spec import Parameter, indicator

_GROUP: Final = "momentum"
_TALIB: Final = "TA-Lib"
_WILDER: Final = "TA-Lib; J. Welles Wilder, New Concepts in Technical Trading Systems (1978)"
_CHANDE: Final = "TA-Lib; Tushar Chande and Stanley Kroll, The New Technical Trader (1994)"


def _length(default: int, low: int = 2) -> dict[str, Parameter]:
    return {"length": Parameter(default, low, 100_000, "bars looked at")}


def _change(default: int = 10) -> Callable[[Step], Step]:
    """Declare an indicator of a price and the price ``length`` bars before."""

    def register(step: Step) -> Step:
        return indicator(
            inputs=("close",),
            outputs=(step.__name__,),
            parameters=_length(default, 1),
            warm_up=lambda length: length,
            state=lambda length: length + 2,
            group=_GROUP,
            source=_TALIB,
        )(step)

    return register


@_change()
def mom(state: Array, p: Array, x: Array, out: Array) -> None:
    """Momentum: the price less the price length bars before."""
    out[0] = x[0] - window_push(state, 0, int(p[0]), x[0])


@_change()
def roc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Rate of change in percent: (price / price before - 1) 100; 0 where that was 0."""
    before = window_push(state, 0, int(p[0]), x[0])
    out[0] = (x[0] / before - 1.0) * 100.0 if before != 0.0 else 0.0


@_change()
def rocp(state: Array, p: Array, x: Array, out: Array) -> None:
    """Rate of change as a share: (price - price before) / price before; 0 where that was 0."""
    before = window_push(state, 0, int(p[0]), x[0])
    out[0] = (x[0] - before) / before if before != 0.0 else 0.0


@_change()
def rocr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Rate of change as a ratio: price / price before; 0 where that was 0."""
    before = window_push(state, 0, int(p[0]), x[0])
    out[0] = x[0] / before if before != 0.0 else 0.0


@_change()
def rocr100(state: Array, p: Array, x: Array, out: Array) -> None:
    """Rate of change as a ratio in percent: 100 price / price before; 0 where that was 0."""
    before = window_push(state, 0, int(p[0]), x[0])
    out[0] = x[0] / before * 100.0 if before != 0.0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("rsi",),
    parameters=_length(14),
    warm_up=lambda length: length,
    state=4,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def rsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Relative strength index: smoothed rises in percent of smoothed rises and falls."""
    out[0] = rsi_push(state, 0, int(p[0]), x[0])


@indicator(
    inputs=("close",),
    outputs=("cmo",),
    parameters=_length(14),
    warm_up=lambda length: length,
    state=4,
    group=_GROUP,
    source=_CHANDE,
    recursive=True,
)
def cmo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chande momentum oscillator, smoothed as Wilder smooths: rises less falls in percent of both."""
    out[0] = math.nan
    if gain_loss_push(state, 0, int(p[0]), x[0]):
        total = state[2] + state[3]
        out[0] = 100.0 * ((state[2] - state[3]) / total) if abs(total) >= 1e-14 else 0.0


@indicator(
    inputs=("close",),
    outputs=("cmou",),
    parameters=_length(14),
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group=_GROUP,
    source=_CHANDE,
)
def cmou(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chande momentum oscillator as Chande wrote it: of plain sums of the rises and the falls; 0 where nothing moved."""
    n = int(p[0])
    change = x[0] - state[1]
    state[1] = x[0]
    state[0] += 1.0
    out[0] = math.nan
    if state[0] == 1.0:
        return
    window_push(state, 2, n, change)
    if not window_full(state, 2, n):
        return
    gain, loss = 0.0, 0.0
    for i in range(n):
        move = state[4 + i]
        if move > 0.0:
            gain += move
        else:
            loss -= move
    out[0] = 100.0 * ((gain - loss) / (gain + loss)) if gain + loss != 0.0 else 0.0


@indicator(
    inputs=("open", "close"),
    outputs=("imi",),
    parameters=_length(14),
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group=_GROUP,
    source=_CHANDE,
)
def imi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Intraday momentum index: rising bodies in percent of all bodies; 50 where there are none."""
    n = int(p[0])
    window_push(state, 0, n, x[1] - x[0])
    if not window_full(state, 0, n):
        out[0] = math.nan
        return
    gain, loss = 0.0, 0.0
    for i in range(n):
        body = state[2 + i]
        if body > 0.0:
            gain += body
        else:
            loss -= body
    out[0] = 100.0 * (gain / (gain + loss)) if gain + loss != 0.0 else 50.0


@indicator(
    inputs=("high", "low", "close", "volume"),
    outputs=("mfi",),
    parameters=_length(14),
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group=_GROUP,
    source="TA-Lib; Gene Quong and Avrum Soudack, Technical Analysis of Stocks & Commodities, March 1989",
)
def mfi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Money flow index: turnover of bars with a rising typical price in percent of that of all that moved; 0 without any."""
    n, typical = int(p[0]), (x[0] + x[1] + x[2]) / 3.0
    change = typical - state[1]
    state[1] = typical
    state[0] += 1.0
    out[0] = math.nan
    if state[0] == 1.0:
        return
    flow = typical * x[3]
    window_push(state, 2, n, flow if change > 0.0 else (-flow if change < 0.0 else 0.0))
    if not window_full(state, 2, n):
        return
    gain, loss = 0.0, 0.0
    for i in range(n):
        flow = state[4 + i]
        if flow > 0.0:
            gain += flow
        else:
            loss -= flow
    out[0] = 100.0 * (gain / (gain + loss)) if gain + loss > 0.0 else 0.0


@indicator(
    inputs=("open", "high", "low", "close"),
    outputs=("bop",),
    group=_GROUP,
    source="TA-Lib; Igor Livshin, Technical Analysis of Stocks & Commodities, August 2001",
)
def bop(state: Array, p: Array, x: Array, out: Array) -> None:
    """Balance of power: the body as a share of the bar's range; 0 without a range."""
    reach = x[1] - x[2]
    out[0] = (x[3] - x[0]) / reach if reach >= 1e-14 else 0.0


@indicator(
    inputs=("high", "low", "close"),
    outputs=("cci",),
    parameters=_length(14),
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group=_GROUP,
    source="TA-Lib; Donald Lambert, Commodities, October 1980",
)
def cci(state: Array, p: Array, x: Array, out: Array) -> None:
    """Commodity channel index: distance of the typical price from its mean, in 0.015 mean deviations; 0 without any."""
    n, typical = int(p[0]), (x[0] + x[1] + x[2]) / 3.0
    window_push(state, 0, n, typical)
    if not window_full(state, 0, n):
        out[0] = math.nan
        return
    total, away = 0.0, 0.0
    for i in range(n):
        total += state[2 + i]
    mean = total / n
    for i in range(n):
        away += abs(state[2 + i] - mean)
    distance = typical - mean
    still = abs(distance) <= 1e-14 * (abs(typical) + abs(mean)) or away == 0.0
    out[0] = 0.0 if still else distance / (0.015 * (away / n))


@indicator(
    inputs=("high", "low", "close"),
    outputs=("willr",),
    parameters=_length(14),
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 4),
    group=_GROUP,
    source="TA-Lib; Larry Williams, How I Made One Million Dollars (1973)",
)
def willr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Williams %R: distance of the close from the highest high, -100 … 0 percent of the range; 0 without one."""
    n = int(p[0])
    highest, lowest = highest_push(state, 0, n, x[0], False), lowest_push(state, n + 4, n, x[1], False)
    if not window_full(state, 2, n):
        out[0] = math.nan
    else:
        out[0] = (highest - x[2]) / (highest - lowest) * -100.0 if highest != lowest else 0.0


def _longest(first: int, second: int, third: int) -> int:
    return max(first, second, third)


@indicator(
    inputs=("high", "low", "close"),
    outputs=("ultosc",),
    parameters={
        "first": Parameter(7, 1, 100_000, "bars of one of the three windows; the shortest weighs 4"),
        "second": Parameter(14, 1, 100_000, "bars of another; the middle one weighs 2"),
        "third": Parameter(28, 1, 100_000, "bars of another; the longest weighs 1"),
    },
    warm_up=_longest,
    state=lambda first, second, third: 2 + 2 * (first + second + third + 9),
    prepare=lambda first, second, third: tuple(sorted((first, second, third))),
    group=_GROUP,
    source="TA-Lib; Larry Williams, Technical Analysis of Stocks & Commodities, April 1985",
)
def ultosc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Ultimate oscillator: buying pressure by true range over three windows, 0 … 100."""
    before = state[1] if state[0] > 0.0 else math.nan
    state[0], state[1] = 1.0, x[2]
    out[0] = math.nan
    if math.isnan(before):
        return
    pressure, reach = x[2] - min(x[1], before), max(x[0] - x[1], abs(before - x[0]), abs(before - x[1]))
    at, total, weight = 2, 0.0, 4.0
    for window in range(3):
        n = int(p[window])
        bought, moved = sum_push(state, at, n, pressure), sum_push(state, at + n + 3, n, reach)
        at += 2 * (n + 3)
        if abs(moved) >= 1e-14 or math.isnan(moved):
            total += weight * (bought / moved)
        weight /= 2.0
    out[0] = 100.0 * (total / 7.0)


@indicator(
    inputs=("close",),
    outputs=("er",),
    parameters=_length(10),
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group=_GROUP,
    source="TA-Lib; Perry Kaufman, Smarter Trading (1995)",
)
def er(state: Array, p: Array, x: Array, out: Array) -> None:
    """Kaufman's efficiency ratio: the distance covered over the path taken, 0 … 1; 1 where nothing moved."""
    out[0] = efficiency_push(state, 0, int(p[0]), x[0])


@indicator(
    inputs=("close",),
    outputs=("fosc",),
    parameters=_length(5),
    warm_up=lambda length: length,
    state=lambda length: length + 2,
    group=_GROUP,
    source=_CHANDE,
)
def fosc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Forecast oscillator: distance of the price from the line drawn through the bars before it, in percent of the price."""
    n = int(p[0])
    out[0] = math.nan
    if window_full(state, 0, n):
        slope, begin = window_line(state, 0, n)
        out[0] = 100.0 * (x[0] - (begin + slope * n)) / x[0] if x[0] != 0.0 else 0.0
    window_push(state, 0, n, x[0])


@indicator(
    inputs=("close",),
    outputs=("vhf",),
    parameters=_length(28),
    warm_up=lambda length: length,
    state=lambda length: 3 * length + 12,
    group=_GROUP,
    source="TA-Lib; Adam White, Futures Magazine, August 1991",
)
def vhf(state: Array, p: Array, x: Array, out: Array) -> None:
    """Vertical horizontal filter: range of the closes over the path they took, 0 … 1; 0 where nothing moved."""
    n = int(p[0])
    moved = abs(x[0] - state[1]) if state[0] > 0.0 else math.nan
    state[0], state[1] = 1.0, x[0]
    highest, lowest = highest_push(state, 2, n, x[0], False), lowest_push(state, n + 6, n, x[0], False)
    out[0] = math.nan
    if not math.isnan(moved):
        window_push(state, 2 * n + 10, n, moved)
        if window_full(state, 2 * n + 10, n):
            path = 0.0
            for i in range(n):
                path += state[2 * n + 12 + i]
            out[0] = (highest - lowest) / path if path != 0.0 else 0.0


@indicator(
    inputs=("high", "low", "close"),
    outputs=("wad",),
    state=3,
    group=_GROUP,
    recursive=True,
    source="TA-Lib; Larry Williams, in Steven Achelis, Technical Analysis from A to Z",
)
def wad(state: Array, p: Array, x: Array, out: Array) -> None:
    """Williams' accumulation / distribution: sum of the closes' moves, measured from the true low or the true high. Begins at 0."""
    before = state[1]
    if state[0] > 0.0:
        if x[2] > before:
            state[2] += x[2] - min(before, x[1])
        elif x[2] < before:
            state[2] += x[2] - max(before, x[0])
    state[0], state[1] = 1.0, x[2]
    out[0] = state[2]


@indicator(
    inputs=("high", "low"),
    outputs=("swing_high", "swing_low"),
    parameters={
        "left": Parameter(2, 1, 100_000, "bars before that it must exceed"),
        "right": Parameter(2, 1, 100_000, "bars after that it must exceed; the answer comes so many bars later"),
    },
    warm_up=lambda left, right: left + right,
    state=lambda left, right: 2 * (left + right + 3),
    group=_GROUP,
    source="TA-Lib; Bill Williams, Trading Chaos (1995)",
)
def fractal(state: Array, p: Array, x: Array, out: Array) -> None:
    """Williams fractal: 100 where the bar ``right`` bars ago was a strict swing high (or low), told when it is known, else 0."""
    right, n = int(p[1]), int(p[0]) + int(p[1]) + 1
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    if not window_full(state, 0, n):
        out[:] = math.nan
        return
    top, bottom = window_get(state, 0, n, right), window_get(state, n + 2, n, right)
    highs, lows = 0, 0
    for i in range(n):
        highs += state[2 + i] >= top
        lows += state[n + 4 + i] <= bottom
    out[0] = 100.0 if highs == 1 else 0.0
    out[1] = 100.0 if lows == 1 else 0.0
