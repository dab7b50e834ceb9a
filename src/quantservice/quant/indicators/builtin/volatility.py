"""How far prices move: ranges of bars and what is made of them."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import (
    ema_push,
    mean_push,
    sum_push,
    wilder_push,
    window_full,
    window_get,
    window_push,
    window_spread,
)
from quantservice.quant.indicators.ranges import TRUE_RANGE_SIZE, average_true_range_push, true_range_push
from quantservice.quant.indicators.spec import Parameter, indicator

_GROUP: Final = "volatility"
_WILDER: Final = "TA-Lib; J. Welles Wilder, New Concepts in Technical Trading Systems (1978)"


def _bars(default: int, low: int, doc: str = "bars averaged") -> Parameter:
    return Parameter(default, low, 100_000, doc)


@indicator(
    inputs=("high", "low", "close"),
    outputs=("trange",),
    warm_up=1,
    state=TRUE_RANGE_SIZE,
    group=_GROUP,
    source=_WILDER,
)
def trange(state: Array, p: Array, x: Array, out: Array) -> None:
    """True range: the bar's range, extended to the close before."""
    out[0] = true_range_push(state, 0, x[0], x[1], x[2])


@indicator(
    inputs=("high", "low", "close"),
    outputs=("atr",),
    parameters={"length": _bars(14, 1)},
    warm_up=lambda length: length,
    state=TRUE_RANGE_SIZE + 2,
    group=_GROUP,
    source=_WILDER,
    recursive=True,
)
def atr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average true range, smoothed as Wilder smooths."""
    out[0] = average_true_range_push(state, 0, int(p[0]), x[0], x[1], x[2])


@indicator(
    inputs=("high", "low", "close"),
    outputs=("natr",),
    parameters={"length": _bars(14, 1)},
    warm_up=lambda length: length,
    state=TRUE_RANGE_SIZE + 2,
    group=_GROUP,
    source="TA-Lib; John Forman, Technical Analysis of Stocks & Commodities, May 2006",
    recursive=True,
)
def natr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average true range in percent of the close; 0 where that is 0. Length 1 is the plain true range, as in TA-Lib."""
    n = int(p[0])
    average = average_true_range_push(state, 0, n, x[0], x[1], x[2])
    if not math.isnan(average) and n > 1:
        average = average / x[2] * 100.0 if abs(x[2]) >= 1e-14 else 0.0
    out[0] = average


@indicator(
    inputs=("high", "low"),
    outputs=("adr",),
    parameters={"length": _bars(14, 1)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 3,
    group=_GROUP,
    source="TA-Lib",
)
def adr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average range of the bars, high less low, gaps not counted."""
    out[0] = mean_push(state, 0, int(p[0]), x[0] - x[1])


@indicator(
    inputs=("high", "low"),
    outputs=("cvi",),
    parameters={"length": _bars(10, 2), "roc": _bars(10, 1, "bars of the rate of change")},
    warm_up=lambda length, roc: length + roc - 1,
    state=lambda length, roc: roc + 4,
    group=_GROUP,
    source="TA-Lib; Marc Chaikin, in Steven Achelis, Technical Analysis from A to Z",
    recursive=True,
)
def cvi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chaikin's volatility: change in percent of the exponentially averaged range."""
    n, back = int(p[0]), int(p[1])
    average = ema_push(state, 0, n, 2.0 / (n + 1), x[0] - x[1])
    out[0] = math.nan
    if not math.isnan(average):
        before = window_push(state, 2, back, average)
        if not math.isnan(before):
            out[0] = 100.0 * (average - before) / before if before != 0.0 else 0.0


@indicator(
    inputs=("high", "low"),
    outputs=("massi",),
    parameters={"fast": _bars(9, 2, "bars of each of the two averages"), "slow": _bars(25, 2, "bars of the sum")},
    warm_up=lambda fast, slow: 2 * (fast - 1) + slow - 1,
    state=lambda fast, slow: slow + 7,
    group=_GROUP,
    source="TA-Lib; Donald Dorsey, Technical Analysis of Stocks & Commodities, June 1992",
    recursive=True,
)
def massi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mass index: sum of the averaged range over its own average; about slow while ranges stay as they are."""
    n, slow = int(p[0]), int(p[1])
    single = ema_push(state, 0, n, 2.0 / (n + 1), x[0] - x[1])
    out[0] = math.nan
    if not math.isnan(single):
        double = ema_push(state, 2, n, 2.0 / (n + 1), single)
        if not math.isnan(double):
            out[0] = sum_push(state, 4, slow, single / double if double != 0.0 else 1.0)


@indicator(
    inputs=("close",),
    outputs=("rvi",),
    parameters={"length": _bars(14, 1), "deviation": _bars(10, 2, "bars of the standard deviation")},
    warm_up=lambda length, deviation: deviation + length - 2,
    state=lambda length, deviation: deviation + 6,
    group=_GROUP,
    source="TA-Lib; Donald Dorsey, Technical Analysis of Stocks & Commodities, June 1993",
    recursive=True,
)
def rvi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Relative volatility index: the deviation on rising bars in percent of that on all that moved; 50 without any."""
    n, spread = int(p[0]), int(p[1])
    before = window_get(state, 4, spread, 0) if state[4] > 0.0 else x[0]
    window_push(state, 4, spread, x[0])
    out[0] = math.nan
    if window_full(state, 4, spread):
        deviation = math.sqrt(window_spread(state, 4, spread)[1])
        up = wilder_push(state, 0, n, deviation if x[0] > before else 0.0)
        down = wilder_push(state, 2, n, deviation if x[0] < before else 0.0)
        if not math.isnan(up):
            out[0] = 100.0 * up / (up + down) if up + down != 0.0 else 50.0
