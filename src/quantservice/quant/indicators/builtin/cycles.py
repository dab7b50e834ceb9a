"""Cycles: the Hilbert transform's view of the price.

Formulas: John F. Ehlers, *Rocket Science for Traders* (2001), with TA-Lib's constants and warm-up.
"""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.hilbert import CYCLE_SIZE, cycle_parts, cycle_push
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.indicators.spec import indicator
from quantservice.quant.jit import jit

_SOURCE: Final = "TA-Lib; John F. Ehlers, Rocket Science for Traders (2001)"
_DEGREES: Final = 180.0 / (4.0 * math.atan(1.0))
_TURN: Final = 8.0 * math.atan(1.0)

# State after the transform: period smoothed twice, phase, its smoothed prices, the prices, three trend values, days in trend, …
_PERIOD: Final = CYCLE_SIZE
_PHASE: Final = CYCLE_SIZE + 1
_SMOOTHED: Final = CYCLE_SIZE + 2
_PRICES: Final = _SMOOTHED + 52
_TREND: Final = _PRICES + 52
_DAYS: Final = _TREND + 3
_SINE: Final = _DAYS + 1
_LEAD: Final = _DAYS + 2
_SIZE: Final = _DAYS + 3
_PHASE_SIZE: Final = _PRICES
_LONGEST: Final = 50  # the period is at most 50 bars


@jit
def _smoothed_period(state: Array, bars: int, value: float) -> bool:
    """Take a price; return whether the transform is under way. The period is then smoothed once more."""
    if not cycle_push(state, 0, bars, value):
        return False
    state[_PERIOD] = 0.33 * cycle_parts(state, 0)[2] + 0.67 * state[_PERIOD]
    return True


@jit
def _begin_prices(state: Array, at: int) -> None:
    """Take the memory of prices as full of zeros, as TA-Lib's is."""
    if state[at] == 0.0:
        state[at] = _LONGEST


@jit
def _phase_push(state: Array, value: float) -> bool:
    """Take a price; return whether the phase of the dominant cycle is there, in ``state[_PHASE]``, degrees."""
    if not _smoothed_period(state, 37, value):
        return False
    _begin_prices(state, _SMOOTHED)
    window_push(state, _SMOOTHED, _LONGEST, cycle_parts(state, 0)[3])
    bars = int(state[_PERIOD] + 0.5)
    real, imaginary = 0.0, 0.0
    for back in range(bars):
        angle = back * _TURN / bars
        price = window_get(state, _SMOOTHED, _LONGEST, back)
        real += math.sin(angle) * price
        imaginary += math.cos(angle) * price
    phase = state[_PHASE]
    if abs(imaginary) > 0.0:
        phase = math.atan(real / imaginary) * _DEGREES
    elif real < 0.0:
        phase -= 90.0
    elif real > 0.0:
        phase += 90.0
    phase += 90.0
    phase += 360.0 / state[_PERIOD]  # the lag of the four-bar smoothing
    if imaginary < 0.0:
        phase += 180.0
    if phase > 315.0:
        phase -= 360.0
    state[_PHASE] = phase
    return True


@jit
def _trend_push(state: Array, value: float) -> float:
    """Take a price after the transform did; return the trend line: the mean over the cycle, smoothed with weights 4, 3, 2, 1."""
    bars = int(state[_PERIOD] + 0.5)
    mean = 0.0
    for back in range(bars):
        mean += window_get(state, _PRICES, _LONGEST, back)
    if bars > 0:
        mean /= bars
    line = (4.0 * mean + 3.0 * state[_TREND] + 2.0 * state[_TREND + 1] + state[_TREND + 2]) / 10.0
    state[_TREND + 2], state[_TREND + 1], state[_TREND] = state[_TREND + 1], state[_TREND], mean
    return float(line)


@indicator(
    inputs=("close",),
    outputs=("ht_dcperiod",),
    warm_up=32,
    state=CYCLE_SIZE + 1,
    group="cycle",
    source=_SOURCE,
    recursive=True,
)
def ht_dcperiod(state: Array, p: Array, x: Array, out: Array) -> None:
    """Period of the dominant cycle in bars, 6 … 50."""
    begun = _smoothed_period(state, 12, x[0])
    out[0] = state[_PERIOD] if begun and state[0] > 32.0 else math.nan


@indicator(
    inputs=("close",),
    outputs=("in_phase", "quadrature"),
    warm_up=32,
    state=CYCLE_SIZE,
    group="cycle",
    source=_SOURCE,
    recursive=True,
)
def ht_phasor(state: Array, p: Array, x: Array, out: Array) -> None:
    """In-phase and quadrature component of the cycle."""
    begun = cycle_push(state, 0, 12, x[0]) and state[0] > 32.0
    in_phase, quadrature, _period, _smooth = cycle_parts(state, 0)
    out[0], out[1] = in_phase if begun else math.nan, quadrature if begun else math.nan


@indicator(
    inputs=("close",),
    outputs=("ht_dcphase",),
    warm_up=63,
    state=_PHASE_SIZE,
    group="cycle",
    source=_SOURCE,
    recursive=True,
)
def ht_dcphase(state: Array, p: Array, x: Array, out: Array) -> None:
    """Phase of the dominant cycle in degrees, -45 … 315."""
    begun = _phase_push(state, x[0])
    out[0] = state[_PHASE] if begun and state[0] > 63.0 else math.nan


@indicator(
    inputs=("close",),
    outputs=("sine", "lead_sine"),
    warm_up=63,
    state=_PHASE_SIZE,
    group="cycle",
    source=_SOURCE,
    recursive=True,
)
def ht_sine(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sine of the dominant cycle's phase, and the sine 45 degrees ahead: they cross before the cycle turns."""
    begun = _phase_push(state, x[0]) and state[0] > 63.0
    out[0] = math.sin(state[_PHASE] / _DEGREES) if begun else math.nan
    out[1] = math.sin((state[_PHASE] + 45.0) / _DEGREES) if begun else math.nan


@indicator(
    inputs=("close",),
    outputs=("ht_trendline",),
    warm_up=63,
    state=_DAYS,
    group="overlap",
    source=_SOURCE,
    recursive=True,
)
def ht_trendline(state: Array, p: Array, x: Array, out: Array) -> None:
    """Instantaneous trend line: the mean over one dominant cycle, so that the cycle is gone from it."""
    _begin_prices(state, _PRICES)
    window_push(state, _PRICES, _LONGEST, x[0])
    out[0] = math.nan
    if _smoothed_period(state, 37, x[0]):
        line = _trend_push(state, x[0])
        out[0] = line if state[0] > 63.0 else math.nan


@indicator(
    inputs=("close",),
    outputs=("ht_trendmode",),
    warm_up=63,
    state=_SIZE,
    group="cycle",
    source=_SOURCE,
    recursive=True,
)
def ht_trendmode(state: Array, p: Array, x: Array, out: Array) -> None:
    """1 while the market trends, 0 while it cycles."""
    _begin_prices(state, _PRICES)
    window_push(state, _PRICES, _LONGEST, x[0])
    phase_before, sine_before, lead_before = state[_PHASE], state[_SINE], state[_LEAD]
    out[0] = math.nan
    if not _phase_push(state, x[0]):
        return
    line = _trend_push(state, x[0])
    sine, lead = math.sin(state[_PHASE] / _DEGREES), math.sin((state[_PHASE] + 45.0) / _DEGREES)
    state[_SINE], state[_LEAD] = sine, lead
    trend = 1.0
    if (sine > lead and sine_before <= lead_before) or (sine < lead and sine_before >= lead_before):
        state[_DAYS], trend = 0.0, 0.0
    state[_DAYS] += 1.0
    period, turned = state[_PERIOD], state[_PHASE] - phase_before
    if state[_DAYS] < 0.5 * period:
        trend = 0.0
    if period != 0.0 and 0.67 * 360.0 / period < turned < 1.5 * 360.0 / period:
        trend = 0.0
    if line != 0.0 and abs((cycle_parts(state, 0)[3] - line) / line) >= 0.015:
        trend = 1.0
    if state[0] > 63.0:
        out[0] = trend
