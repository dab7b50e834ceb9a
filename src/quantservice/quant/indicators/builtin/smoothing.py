"""Averages of one price beyond TA-Lib's: less lag, other weights, or a speed that follows the market."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    average_push,
    change_push,
    ema_first_push,
    line_fit,
    sorted_push,
    sorted_quantile,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import wilder_push, window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_LONGEST: Final = 100_000


def _length(default: int, low: int = 2) -> Parameter:
    return Parameter(default, low, _LONGEST, "bars averaged")


def _alma_weights(length: int, offset: float, sigma: float, whole: int) -> tuple[float, ...]:
    centre, width = offset * (length - 1), length / sigma
    centre = math.floor(centre) if whole else centre
    weights = [math.exp(-((place - centre) ** 2) / (2.0 * width * width)) for place in range(length)]
    total = math.fsum(weights)
    return (float(length), *(weight / total for weight in weights))


@indicator(
    inputs=("close",),
    outputs=("alma",),
    parameters={
        "length": _length(9),
        "offset": Parameter(0.85, 0.0, 1.0, "where the weights are heaviest: 0 at the oldest bar, 1 at the newest"),
        "sigma": Parameter(6.0, 0.1, 100.0, "how sharp the weights are"),
        "whole": Parameter(0, 0, 1, "1: the centre is rounded down to a whole bar (LEAN, TradingView's floor)"),
    },
    warm_up=lambda length, offset, sigma, whole: length - 1,
    state=lambda length, offset, sigma, whole: length + 2,
    prepare=_alma_weights,
    group="overlap",
    source="Arnaud Legoux and Dimitrios Kouzis-Loukas, ALMA (2009), arnaudlegoux.com",
)
def alma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Arnaud Legoux moving average: a Gaussian of weights set towards the newest bars."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[0] = math.nan
        return
    total = 0.0
    for back in range(n):
        total += p[n - back] * window_get(state, 0, n, back)
    out[0] = total


@indicator(
    inputs=("close",),
    outputs=("ewma",),
    parameters={"length": _length(20, 1)},
    state=2,
    group="overlap",
    source="exponential smoothing as pandas ewm(span=length, adjust=False)",
    recursive=True,
)
def ewma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Exponential moving average that begins with the first price, not with a simple average."""
    out[0] = ema_first_push(state, 0, 2.0 / (p[0] + 1.0), x[0])


@indicator(
    inputs=("close",),
    outputs=("mcginley",),
    parameters={"length": _length(14)},
    warm_up=lambda length: length - 1,
    state=2,
    group="overlap",
    source="John McGinley, McGinley Dynamics, Market Technicians Association Journal (1991)",
    recursive=True,
)
def mcginley(state: Array, p: Array, x: Array, out: Array) -> None:
    """McGinley dynamic: an average whose speed follows the price, begun with the simple average of the first bars."""
    n = int(p[0])
    seen = int(state[0])
    if seen < n:
        out[0] = wilder_push(state, 0, n, x[0])
        return
    previous = state[1]
    if previous != 0.0 and x[0] != 0.0:
        state[1] = previous + (x[0] - previous) / (n * (x[0] / previous) ** 4)
    out[0] = state[1]


@indicator(
    inputs=("close",),
    outputs=("vidya",),
    parameters={
        "length": _length(9),
        "wilder": Parameter(0, 0, 1, "1: the momentum is of Wilder's averages (TA-Lib's CMO, LEAN); 0: of plain sums (Chande)"),
    },
    warm_up=lambda length, wilder: length,
    state=lambda length, wilder: length + 9,
    group="overlap",
    source="Tushar Chande, Adapting Moving Averages to Market Volatility, Stocks & Commodities 10:3 (1992)",
    recursive=True,
)
def vidya(state: Array, p: Array, x: Array, out: Array) -> None:
    """Variable index dynamic average: an exponential average whose factor is scaled by the absolute Chande momentum."""
    n = int(p[0])
    change = change_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(change):
        return
    up = wilder_push(state, 3, n, max(change, 0.0))
    down = wilder_push(state, 5, n, max(-change, 0.0))
    window_push(state, 7, n, change)
    if math.isnan(up):
        state[2] = x[0]
        return
    net, path = up - down, up + down
    if p[1] == 0.0:
        net, path = 0.0, 0.0
        for back in range(n):
            net += window_get(state, 7, n, back)
            path += abs(window_get(state, 7, n, back))
    state[2] += 2.0 / (n + 1) * (abs(net) / path if path > 0.0 else 0.0) * (x[0] - state[2])
    out[0] = state[2]


@indicator(
    inputs=("close",),
    outputs=("lsma", "slope", "angle"),
    parameters={"length": _length(20)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="statistics",
    source="least squares (C. F. Gauss)",
)
def lsma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Least-squares moving average: the newest point of the line through the window, with its slope per bar and in degrees."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    slope, end = line_fit(state, 0, n)
    out[0], out[1], out[2] = end, slope, math.degrees(math.atan(slope))


@indicator(
    inputs=("close",),
    outputs=("relative_ma",),
    parameters={"length": _length(5)},
    warm_up=lambda length: 3 * length - 1,
    state=lambda length: 3 * length + 2,
    group="overlap",
    source="QuantConnect LEAN documentation, Relative Moving Average",
)
def relative_ma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Relative moving average: the simple average of 3 lengths, less that of 2, plus that of 1."""
    n = int(p[0])
    window_push(state, 0, 3 * n, x[0])
    if int(state[0]) < 3 * n:
        out[0] = math.nan
        return
    one, two, three = 0.0, 0.0, 0.0
    for back in range(3 * n):
        value = window_get(state, 0, 3 * n, back)
        three += value
        two += value if back < 2 * n else 0.0
        one += value if back < n else 0.0
    out[0] = three / (3.0 * n) - two / (2.0 * n) + one / n


def _gaussian(length: int, poles: int) -> tuple[float, float]:
    beta = (1.0 - math.cos(2.0 * math.pi / length)) / (2.0 ** (1.0 / poles) - 1.0)
    return -beta + math.sqrt(beta * beta + 2.0 * beta), float(poles)


@indicator(
    inputs=("close",),
    outputs=("gaussian_filter",),
    parameters={"length": _length(20, 3), "poles": Parameter(4, 1, 4, "how many filters one after another")},
    state=5,
    prepare=_gaussian,
    group="overlap",
    source="John Ehlers, Gaussian and Other Low Lag Filters (2001)",
    recursive=True,
)
def gaussian_filter(state: Array, p: Array, x: Array, out: Array) -> None:
    """Gaussian filter of one to four poles: equal exponential averages one after another, begun with the first price."""
    value = x[0]
    for pole in range(int(p[1])):
        if state[0] == 0.0:
            state[1 + pole] = x[0]
        state[1 + pole] += p[0] * (value - state[1 + pole])
        value = state[1 + pole]
    state[0] = 1.0
    out[0] = value


@indicator(
    inputs=("close",),
    outputs=("gma",),
    parameters={"length": _length(20)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="overlap",
    source="geometric mean",
)
def gma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Geometric moving average: the exponential of the mean of logarithms."""
    out[0] = math.exp(average_push(state, 0, int(p[0]), math.log(x[0])))


@indicator(
    inputs=("close",),
    outputs=("moving_median",),
    parameters={"length": Parameter(20, 2, 2_000, "bars looked at")},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 2,
    group="overlap",
    source="John Tukey, Exploratory Data Analysis (1977)",
)
def moving_median(state: Array, p: Array, x: Array, out: Array) -> None:
    """Moving median: one wild bar does not move it."""
    n = int(p[0])
    sorted_push(state, 0, n, x[0])
    out[0] = sorted_quantile(state, 0, n, 0.5) if int(state[0]) == n else math.nan
