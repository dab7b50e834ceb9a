"""Filters of signal processing: John Ehlers' family, and a Kalman filter of the price's level."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_SWISS: Final = "John Ehlers, Swiss Army Knife Indicator, Stocks & Commodities 24:1 (2006)"


def _length(default: int, low: int = 3, doc: str = "bars of the cycle that the filter is tuned to") -> Parameter:
    return Parameter(default, low, 100_000, doc)


_TOOLS: Final = "0 two-pole Gaussian, 1 two-pole Butterworth, 2 high pass, 3 two-pole high pass, 4 band pass, 5 band stop"


def _swiss(length: int, delta: float, tool: int, lean: int) -> tuple[float, ...]:
    """Return the weights c0, b0, b1, b2, a1, a2 of the difference equation."""
    angle = 2.0 * math.pi / length
    beta = 2.415 * (1.0 - math.cos(angle))
    alpha = -beta + math.sqrt(beta * beta + 2.0 * beta)
    poles = (2.0 * (1.0 - alpha), -((1.0 - alpha) ** 2))
    if tool == 0:
        return (alpha * alpha, 1.0, 0.0, 0.0, *poles)
    if tool == 1:
        return (alpha * alpha / 4.0, 1.0, 2.0, 1.0, *poles)
    if tool == 2:
        alpha = (math.cos(angle) + math.sin(angle) - 1.0) / math.cos(angle)
        return ((1.0 + alpha) / 2.0 if lean else 1.0 - alpha / 2.0, 1.0, -1.0, 0.0, 1.0 - alpha, 0.0)
    if tool == 3:
        return (((1.0 + alpha) / 2.0 if lean else 1.0 - alpha / 2.0) ** 2, 1.0, -2.0, 1.0, *poles)
    beta, gamma = math.cos(angle), 1.0 / math.cos(2.0 * angle * delta)
    alpha = gamma - math.sqrt(gamma * gamma - 1.0)
    if tool == 4 and lean:
        return ((1.0 - alpha) / 2.0, 1.0, 0.0, -1.0, -beta * (1.0 - alpha), alpha)
    if tool == 4:
        return ((1.0 - alpha) / 2.0, 1.0, 0.0, -1.0, beta * (1.0 + alpha), -alpha)
    return ((1.0 + alpha) / 2.0, 1.0, -2.0 * beta, 1.0, beta * (1.0 + alpha), -alpha)


@indicator(
    inputs=("close",),
    outputs=("swiss",),
    parameters={
        "length": _length(20, 5),
        "delta": Parameter(0.1, 0.001, 0.249, "half width of the band, as a share of the length"),
        "tool": Parameter(0, 0, 5, _TOOLS),
        "lean": Parameter(0, 0, 1, "1: weights of the high and band passes, and a start from 0, as in QuantConnect LEAN"),
    },
    warm_up=lambda length, delta, tool, lean: 0 if lean else 2,
    state=5,
    prepare=lambda length, delta, tool, lean: (*_swiss(length, delta, tool, lean), tool, lean),
    group="filters",
    source=_SWISS,
    recursive=True,
)
def swiss_army_knife(state: Array, p: Array, x: Array, out: Array) -> None:
    """Ehlers' Swiss army knife: one difference equation, six filters; smoothers begin with the price, the others with 0."""
    # state: [bars seen, the two prices before, the two outputs before]
    if state[0] == 0.0:
        state[1], state[2] = x[0], x[0]
        if p[7] == 0.0 and (p[6] < 2.0 or p[6] == 5.0):
            state[3], state[4] = x[0], x[0]
    made = p[0] * (p[1] * x[0] + p[2] * state[1] + p[3] * state[2]) + p[4] * state[3] + p[5] * state[4]
    if p[7] == 0.0 and state[0] < 2.0:
        made = state[3]
    state[1], state[2], state[3], state[4] = x[0], state[1], made, state[3]
    out[0] = made if p[7] != 0.0 or state[0] >= 2.0 else math.nan
    state[0] = min(state[0] + 1.0, 3.0)


@indicator(
    inputs=("close",),
    outputs=("in_phase", "quadrature"),
    parameters={
        "length": Parameter(7, 1, 10_000, "bars over which the price is detrended"),
        "in_phase": Parameter(0.635, 0.0, 0.999, "feedback of the in-phase part"),
        "quadrature": Parameter(0.338, 0.0, 0.999, "feedback of the quadrature part"),
        "lean": Parameter(0, 0, 1, "1: detrended prices of 1 and 3 bars ago, as in QuantConnect LEAN; 0: of 2 and 4 (Ehlers)"),
    },
    warm_up=lambda length, in_phase, quadrature, lean: length + (2 if lean else 4),
    state=lambda length, in_phase, quadrature, lean: length + 15,
    group="filters",
    source="John Ehlers, Squelch Those Whipsaws, Stocks & Commodities 18:9 (2000)",
    recursive=True,
)
def hilbert_transform(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hilbert transform of the detrended price: its in-phase and quadrature parts."""
    n, near = int(p[0]), 1 if p[3] != 0.0 else 2
    far = near + 2
    # state: detrended prices (2 + 5), three in-phase parts before, two quadratures before, prices (2 + n + 1)
    window_push(state, 12, n + 1, x[0])
    out[:] = math.nan
    if int(state[12]) <= n:
        return
    detrended = x[0] - window_get(state, 12, n + 1, n)
    window_push(state, 0, 5, detrended)
    seen = int(state[0])
    second = window_get(state, 0, 5, near) if seen > near else 0.0
    fourth = window_get(state, 0, 5, far) if seen > far else 0.0
    in_phase = 1.25 * (fourth - second * p[1]) + state[9] * p[1] if seen > 2 else 0.0
    quadrature = second - detrended * p[2] + state[11] * p[2]
    state[7], state[8], state[9] = in_phase, state[7], state[8]
    state[10], state[11] = quadrature, state[10]
    if seen > (2 if near == 1 else 4):
        out[0], out[1] = in_phase, quadrature


def _super_smoother(length: int) -> tuple[float, float, float]:
    a = math.exp(-math.sqrt(2.0) * math.pi / length)
    b = 2.0 * a * math.cos(math.sqrt(2.0) * math.pi / length)
    return 1.0 - b + a * a, b, -a * a


@indicator(
    inputs=("close",),
    outputs=("super_smoother",),
    parameters={"length": _length(10)},
    state=4,
    prepare=_super_smoother,
    group="filters",
    source="John Ehlers, Cycle Analytics for Traders (2013), chapter 3",
    recursive=True,
)
def super_smoother(state: Array, p: Array, x: Array, out: Array) -> None:
    """Super smoother: two-pole Butterworth filter of the mean of two prices, begun with the first price."""
    if state[0] == 0.0:
        state[0], state[1], state[2], state[3] = 1.0, x[0], x[0], x[0]
    made = p[0] * (x[0] + state[1]) / 2.0 + p[1] * state[2] + p[2] * state[3]
    state[1], state[2], state[3] = x[0], made, state[2]
    out[0] = made


def _high_pass(length: float) -> tuple[float, float, float]:
    """Return the weights of Ehlers' two-pole high-pass filter: of the second difference and of the two outputs before."""
    angle = math.sqrt(2.0) * math.pi / length
    alpha = (math.cos(angle) + math.sin(angle) - 1.0) / math.cos(angle)
    return (1.0 - alpha / 2.0) ** 2, 2.0 * (1.0 - alpha), -((1.0 - alpha) ** 2)


@indicator(
    inputs=("close",),
    outputs=("roofing",),
    parameters={
        "short": _length(10, 3, "shorter cycles are smoothed away"),
        "long": _length(48, 6, "longer cycles are taken off as trend"),
    },
    warm_up=2,
    state=8,
    prepare=lambda short, long: (*_high_pass(long), *_super_smoother(short)),
    group="filters",
    source="John Ehlers, Cycle Analytics for Traders (2013), chapter 7",
    recursive=True,
)
def roofing_filter(state: Array, p: Array, x: Array, out: Array) -> None:
    """Roofing filter: what lies between two cycle lengths, around 0."""
    # state: [bars seen, two prices before, two high passes before, two outputs before]
    if state[0] < 2.0:
        state[0] += 1.0
        state[1], state[2] = x[0], state[1]
        out[0] = math.nan
        return
    high = p[0] * (x[0] - 2.0 * state[1] + state[2]) + p[1] * state[3] + p[2] * state[4]
    made = p[3] * (high + state[3]) / 2.0 + p[4] * state[5] + p[5] * state[6]
    state[1], state[2] = x[0], state[1]
    state[3], state[4], state[5], state[6] = high, state[3], made, state[5]
    out[0] = made


@indicator(
    inputs=("close",),
    outputs=("decycler",),
    parameters={"length": _length(60, 6, "shorter cycles are taken off")},
    warm_up=2,
    state=5,
    prepare=_high_pass,
    group="filters",
    source="John Ehlers, Decyclers, Stocks & Commodities 33:9 (2015)",
    recursive=True,
)
def decycler(state: Array, p: Array, x: Array, out: Array) -> None:
    """Decycler: the price less its two-pole high pass, a trend line with little lag."""
    if state[0] < 2.0:
        state[0] += 1.0
        state[1], state[2] = x[0], state[1]
        out[0] = math.nan
        return
    high = p[0] * (x[0] - 2.0 * state[1] + state[2]) + p[1] * state[3] + p[2] * state[4]
    state[1], state[2], state[3], state[4] = x[0], state[1], high, state[3]
    out[0] = x[0] - high


@indicator(
    inputs=("hl2",),
    outputs=("trend", "trigger"),
    parameters={"alpha": Parameter(0.07, 0.001, 0.999, "smoothing factor")},
    warm_up=2,
    state=5,
    group="filters",
    source="John Ehlers, Cybernetic Analysis for Stocks and Futures (2004), chapter 3",
    recursive=True,
)
def instantaneous_trend(state: Array, p: Array, x: Array, out: Array) -> None:
    """Instantaneous trendline, and the trigger that leads it by two bars; begun with a weighted mean of the first three prices."""
    # state: [bars seen, two prices before, two trends before]
    a = p[0]
    if state[0] < 2.0:
        state[0] += 1.0
        state[1], state[2] = x[0], state[1]
        out[:] = math.nan
        return
    if state[0] < 7.0:
        made = (x[0] + 2.0 * state[1] + state[2]) / 4.0
        if state[0] == 2.0:
            state[3], state[4] = made, made
        state[0] += 1.0
    else:
        made = (a - a * a / 4.0) * x[0] + 0.5 * a * a * state[1] - (a - 0.75 * a * a) * state[2]
        made += 2.0 * (1.0 - a) * state[3] - (1.0 - a) ** 2 * state[4]
    out[0], out[1] = made, 2.0 * made - state[4]
    state[1], state[2], state[3], state[4] = x[0], state[1], made, state[3]


@indicator(
    inputs=("close",),
    outputs=("laguerre",),
    parameters={"gamma": Parameter(0.8, 0.0, 0.999, "damping: nearer to 1 is smoother")},
    state=5,
    group="filters",
    source="John Ehlers, Time Warp - Without Space Travel (2002)",
    recursive=True,
)
def laguerre_filter(state: Array, p: Array, x: Array, out: Array) -> None:
    """Laguerre filter of four elements, begun with the first price."""
    if state[0] == 0.0:
        state[0] = 1.0
        state[1:5] = x[0]
    g = p[0]
    first, second, third, fourth = state[1], state[2], state[3], state[4]
    state[1] = (1.0 - g) * x[0] + g * first
    state[2] = -g * state[1] + first + g * second
    state[3] = -g * state[2] + second + g * third
    state[4] = -g * state[3] + third + g * fourth
    out[0] = (state[1] + 2.0 * state[2] + 2.0 * state[3] + state[4]) / 6.0


@indicator(
    inputs=("close",),
    outputs=("level", "velocity"),
    parameters={
        "noise": Parameter(1.0, 1e-12, 1e12, "variance of what the price adds to its level"),
        "drift": Parameter(1e-3, 0.0, 1e12, "variance of the change of velocity from bar to bar, in the same unit"),
    },
    warm_up=1,
    state=6,
    group="filters",
    source="Rudolf Kalman, A New Approach to Linear Filtering and Prediction Problems (1960)",
    recursive=True,
)
def kalman_trend(state: Array, p: Array, x: Array, out: Array) -> None:
    """Kalman filter of a level that moves with a drifting velocity: both as of this bar, from this and earlier prices only."""
    # state: [seen, level, velocity, covariances (level, both, velocity)]
    if state[0] == 0.0:
        state[0], state[1], state[3], state[5] = 1.0, x[0], p[0], p[0]
        out[:] = math.nan
        return
    level, both, speed = state[3] + 2.0 * state[4] + state[5], state[4] + state[5], state[5]
    level, both, speed = level + p[1] / 4.0, both + p[1] / 2.0, speed + p[1]
    surprise = x[0] - (state[1] + state[2])
    gain, turn = level / (level + p[0]), both / (level + p[0])
    state[1] += state[2] + gain * surprise
    state[2] += turn * surprise
    state[3], state[4], state[5] = (1.0 - gain) * level, (1.0 - gain) * both, speed - turn * both
    out[0], out[1] = state[1], state[2]
