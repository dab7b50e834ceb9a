"""Parabolic stop and reverse.

J. Welles Wilder, *New Concepts in Technical Trading Systems* (1978), with TA-Lib's choices: the first position is long unless the
second bar moved further down than up, and the stop begins at the first bar's extreme.
"""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_SOURCE: Final = "TA-Lib; J. Welles Wilder, New Concepts in Technical Trading Systems (1978)"

# State: bars seen, long?, stop, extreme of this position, acceleration, previous high, previous low.
_BARS: Final = 0
_LONG: Final = 1
_STOP: Final = 2
_EXTREME: Final = 3
_SPEED: Final = 4
_HIGH: Final = 5
_LOW: Final = 6
_SIZE: Final = 7


def _speed(default: float, doc: str) -> Parameter:
    return Parameter(default, 0.0, 1e6, doc)


@jit
def _fell_more(state: Array, high: float, low: float) -> bool:
    """Say whether the second bar moved further down than up (Wilder's directional movement)."""
    down, up = state[_LOW] - low, high - state[_HIGH]
    return bool(down > 0.0 and up < down)


@jit
def _advance(state: Array, high: float, low: float, step: float, limit: float) -> None:
    """Take the bar's extreme into the position and move its stop; the stop stays outside of the last two bars."""
    if state[_LONG] > 0.0:
        if high > state[_EXTREME]:
            state[_EXTREME] = high
            state[_SPEED] = min(state[_SPEED] + step, limit)
        stop = state[_STOP] + state[_SPEED] * (state[_EXTREME] - state[_STOP])
        state[_STOP] = min(stop, state[_LOW], low)
    else:
        if low < state[_EXTREME]:
            state[_EXTREME] = low
            state[_SPEED] = min(state[_SPEED] + step, limit)
        stop = state[_STOP] + state[_SPEED] * (state[_EXTREME] - state[_STOP])
        state[_STOP] = max(stop, state[_HIGH], high)


@jit
def _turn(state: Array, high: float, low: float, speed: float, away: float) -> float:
    """Turn the position at the stop; return the stop of this bar: the old position's extreme, outside of the last two bars."""
    if state[_LONG] > 0.0:
        stop = max(state[_EXTREME], state[_HIGH], high)
        stop += stop * away
        state[_LONG], state[_EXTREME], state[_SPEED] = 0.0, low, speed
        state[_STOP] = max(stop + speed * (low - stop), state[_HIGH], high)
    else:
        stop = min(state[_EXTREME], state[_LOW], low)
        stop -= stop * away
        state[_LONG], state[_EXTREME], state[_SPEED] = 1.0, high, speed
        state[_STOP] = min(stop + speed * (high - stop), state[_LOW], low)
    return float(stop)


def _sar_parameters(acceleration: float, maximum: float) -> tuple[float, float]:
    return min(acceleration, maximum), maximum


@indicator(
    inputs=("high", "low"),
    outputs=("sar",),
    parameters={
        "acceleration": _speed(0.02, "first acceleration, and what each new extreme adds"),
        "maximum": _speed(0.2, "largest acceleration"),
    },
    warm_up=1,
    state=_SIZE,
    prepare=_sar_parameters,
    group="overlap",
    source=_SOURCE,
    recursive=True,
)
def sar(state: Array, p: Array, x: Array, out: Array) -> None:
    """Parabolic stop and reverse: a stop that closes in on the price the further it runs."""
    high, low = x[0], x[1]
    state[_BARS] += 1.0
    if state[_BARS] == 1.0:
        state[_HIGH], state[_LOW] = high, low
        out[0] = math.nan
        return
    if state[_BARS] == 2.0:
        falling = _fell_more(state, high, low)
        state[_LONG], state[_SPEED] = 0.0 if falling else 1.0, p[0]
        state[_EXTREME] = low if falling else high
        state[_STOP] = state[_HIGH] if falling else state[_LOW]
        state[_HIGH], state[_LOW] = high, low  # the second bar counts as its own predecessor
    if low <= state[_STOP] if state[_LONG] > 0.0 else high >= state[_STOP]:
        out[0] = _turn(state, high, low, p[0], 0.0)
    else:
        out[0] = state[_STOP]
        _advance(state, high, low, p[0], p[1])
    state[_HIGH], state[_LOW] = high, low


def _sarext_parameters(
    start: float,
    offset_on_reverse: float,
    first_long: float,
    step_long: float,
    limit_long: float,
    first_short: float,
    step_short: float,
    limit_short: float,
) -> tuple[float, ...]:
    return (
        start,
        offset_on_reverse,
        min(first_long, limit_long),
        min(step_long, limit_long),
        limit_long,
        min(first_short, limit_short),
        min(step_short, limit_short),
        limit_short,
    )


@indicator(
    inputs=("high", "low"),
    outputs=("sarext",),
    parameters={
        "start": Parameter(0.0, -1e12, 1e12, "0: by the second bar's movement; above: long with this stop; below: short with it"),
        "offset_on_reverse": _speed(0.0, "share of the stop added when the position turns"),
        "first_long": _speed(0.02, "first acceleration of a long position"),
        "step_long": _speed(0.02, "what each new high adds"),
        "limit_long": _speed(0.2, "largest acceleration of a long position"),
        "first_short": _speed(0.02, "first acceleration of a short position"),
        "step_short": _speed(0.02, "what each new low adds"),
        "limit_short": _speed(0.2, "largest acceleration of a short position"),
    },
    warm_up=1,
    state=_SIZE,
    prepare=_sarext_parameters,
    group="overlap",
    source=_SOURCE,
    recursive=True,
)
def sarext(state: Array, p: Array, x: Array, out: Array) -> None:
    """Parabolic stop and reverse with separate accelerations long and short; negative while the position is short."""
    high, low = x[0], x[1]
    state[_BARS] += 1.0
    if state[_BARS] == 1.0:
        state[_HIGH], state[_LOW] = high, low
        out[0] = math.nan
        return
    if state[_BARS] == 2.0:
        short = _fell_more(state, high, low) if p[0] == 0.0 else p[0] < 0.0
        state[_LONG], state[_SPEED] = 0.0 if short else 1.0, p[5] if short else p[2]
        state[_EXTREME] = low if short else high
        state[_STOP] = abs(p[0]) if p[0] != 0.0 else (state[_HIGH] if short else state[_LOW])
        state[_HIGH], state[_LOW] = high, low
    long = state[_LONG] > 0.0
    if low <= state[_STOP] if long else high >= state[_STOP]:
        stop = _turn(state, high, low, p[5] if long else p[2], p[1])
        out[0] = -stop if long else stop
    else:
        out[0] = state[_STOP] if long else -state[_STOP]
        _advance(state, high, low, p[3] if long else p[6], p[4] if long else p[7])
    state[_HIGH], state[_LOW] = high, low
