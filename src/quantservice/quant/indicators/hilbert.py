"""The Hilbert transform of a price as a part: the in-phase and quadrature components and the period of the dominant cycle.

Formulas: John F. Ehlers, *Rocket Science for Traders* (2001), chapters 6 to 8 and 11, with the constants and the warm-up of TA-Lib.
"""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.jit import jit

_RADIANS_TO_DEGREES: Final = 180.0 / (4.0 * math.atan(1.0))

# What ``cycle_push`` keeps, from ``at`` on.
_BARS: Final = 0
_PERIOD: Final = 1  # of the dominant cycle, smoothed once
_I2: Final = 2
_Q2: Final = 3
_RE: Final = 4
_IM: Final = 5
_IN_PHASE: Final = 6
_QUADRATURE: Final = 7
_SMOOTH_PRICE: Final = 8
_PRICES: Final = 9  # a window of 4
_SMOOTH: Final = 15  # of 7
_DETRENDED: Final = 24  # of 10
_QUADRATURES: Final = 36  # of 7
CYCLE_SIZE: Final = 45

MAMA_SIZE: Final = CYCLE_SIZE + 3
MAMA_WARM_UP: Final = 32


@jit
def _transform(state: Array, at: int, n: int, first: int, scale: float) -> float:
    """Four taps of Ehlers' Hilbert filter on a window of ``n``, beginning ``first`` bars ago."""
    a, b = 0.0962, 0.5769
    result = a * window_get(state, at, n, first) - a * window_get(state, at, n, first + 6)
    return float((result - b * window_get(state, at, n, first + 4) + b * window_get(state, at, n, first + 2)) * scale)


@jit
def cycle_begun(state: Array, at: int, bars: int, value: float) -> bool:
    """Take a price; say whether the transform is under way: its smoothing is fed ``bars`` prices before it begins.

    The smoothed price (weights 4, 3, 2, 1) is kept in any case.
    """
    window_push(state, at + _PRICES, 4, value)
    state[at + _BARS] += 1.0
    if state[at + _BARS] < 4.0:
        return False
    total = 4.0 * value
    for back in range(1, 4):
        total += (4 - back) * window_get(state, at + _PRICES, 4, back)
    state[at + _SMOOTH_PRICE] = total * 0.1
    if state[at + _BARS] == 4.0:  # the filters' memory begins as zeros
        state[at + _SMOOTH] = 7.0
        state[at + _DETRENDED] = 10.0
        state[at + _QUADRATURES] = 7.0
    return bool(state[at + _BARS] > bars)


@jit
def cycle_components(state: Array, at: int) -> None:
    """Take the smoothed price into the filters: the components of this bar, and those a quarter turn on, smoothed."""
    window_push(state, at + _SMOOTH, 7, state[at + _SMOOTH_PRICE])
    scale = 0.075 * state[at + _PERIOD] + 0.54
    window_push(state, at + _DETRENDED, 10, _transform(state, at + _SMOOTH, 7, 0, scale))
    quadrature = _transform(state, at + _DETRENDED, 10, 0, scale)
    window_push(state, at + _QUADRATURES, 7, quadrature)
    in_phase = window_get(state, at + _DETRENDED, 10, 3)
    ahead_in_phase = _transform(state, at + _DETRENDED, 10, 3, scale)
    ahead_quadrature = _transform(state, at + _QUADRATURES, 7, 0, scale)
    q2 = 0.2 * (quadrature + ahead_in_phase) + 0.8 * state[at + _Q2]
    i2 = 0.2 * (in_phase - ahead_quadrature) + 0.8 * state[at + _I2]
    state[at + _RE] = 0.2 * (i2 * state[at + _I2] + q2 * state[at + _Q2]) + 0.8 * state[at + _RE]
    state[at + _IM] = 0.2 * (i2 * state[at + _Q2] - q2 * state[at + _I2]) + 0.8 * state[at + _IM]
    state[at + _Q2], state[at + _I2] = q2, i2
    state[at + _IN_PHASE], state[at + _QUADRATURE] = in_phase, quadrature


@jit
def cycle_period(state: Array, at: int) -> float:
    """Return the period of the dominant cycle after this bar, 6 to 50 bars, changing by at most a half per bar, smoothed."""
    before = state[at + _PERIOD]
    period = before
    if state[at + _IM] != 0.0 and state[at + _RE] != 0.0:
        period = 360.0 / (math.atan(state[at + _IM] / state[at + _RE]) * _RADIANS_TO_DEGREES)
    period = max(min(period, 1.5 * before), 0.67 * before)
    period = max(min(period, 50.0), 6.0)
    state[at + _PERIOD] = 0.2 * period + 0.8 * before
    return float(state[at + _PERIOD])


@jit
def cycle_push(state: Array, at: int, bars: int, value: float) -> bool:
    """Take a price; return whether the transform is under way. Keeps ``CYCLE_SIZE`` floats."""
    if not cycle_begun(state, at, bars, value):
        return False
    cycle_components(state, at)
    cycle_period(state, at)
    return True


@jit
def mama_push(state: Array, at: int, fast_limit: float, slow_limit: float, value: float) -> tuple[float, float]:
    """MESA adaptive average and its follower: the faster the phase turns, the slower the average. Keeps ``MAMA_SIZE`` floats."""
    own = at + CYCLE_SIZE  # the phase before, the average, its follower
    if not cycle_begun(state, at, 12, value):
        return math.nan, math.nan
    cycle_components(state, at)
    in_phase = state[at + _IN_PHASE]
    phase = math.atan(state[at + _QUADRATURE] / in_phase) * _RADIANS_TO_DEGREES if in_phase != 0.0 else 0.0
    turned = max(state[own] - phase, 1.0)
    state[own] = phase
    alpha = max(fast_limit / turned, slow_limit) if turned > 1.0 else fast_limit
    state[own + 1] = alpha * value + (1.0 - alpha) * state[own + 1]
    alpha *= 0.5
    state[own + 2] = alpha * state[own + 1] + (1.0 - alpha) * state[own + 2]
    cycle_period(state, at)
    if state[at + _BARS] <= 32.0:
        return math.nan, math.nan
    return float(state[own + 1]), float(state[own + 2])


@jit
def cycle_parts(state: Array, at: int) -> tuple[float, float, float, float]:
    """Return the in-phase and the quadrature component, the period and the smoothed price after the last bar."""
    return (
        float(state[at + _IN_PHASE]),
        float(state[at + _QUADRATURE]),
        float(state[at + _PERIOD]),
        float(state[at + _SMOOTH_PRICE]),
    )
