"""Turning points: swings, pivots, zigzags and exhaustion counts. A turn is reported at the bar that confirms it, never before."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import session_of
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_max, window_min, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_HLC: Final = ("high", "low", "close")
_RESET: Final = Parameter(1, 1, 3, "what a session is, by UTC: 1 a day, 2 a week from Monday, 3 a month")


@indicator(
    inputs=("open", "high", "low", "close"),
    outputs=("swing", "accumulated"),
    parameters={"limit_move": Parameter(20_000.0, 1e-12, 1e12, "largest move of a bar, in price")},
    warm_up=1,
    state=4,
    group="trend",
    source="Welles Wilder, New Concepts in Technical Trading Systems (1978), Swing Index",
    recursive=True,
)
def swing_index(state: Array, p: Array, x: Array, out: Array) -> None:
    """Swing index of a bar (-100 to 100 when the limit move is a true limit) and its running sum; 0 where nothing moved."""
    opened, closed = state[1], state[2]
    first = state[0] == 0.0
    state[0], state[1], state[2] = 1.0, x[0], x[3]
    if first:
        out[:] = math.nan
        return
    up, down, wide = abs(x[1] - closed), abs(x[2] - closed), x[1] - x[2]
    quarter = 0.25 * (closed - opened)
    if up >= down and up >= wide:
        path = up - 0.5 * down + abs(quarter)
    elif down >= wide:
        path = down - 0.5 * up + abs(quarter)
    else:
        path = wide + abs(quarter)
    moved = x[3] - closed + 0.5 * (x[3] - x[0]) + quarter
    out[0] = 50.0 * moved / path * max(up, down) / p[0] if path > 0.0 else 0.0
    state[3] += out[0]
    out[1] = state[3]


@jit
def _is_turn(state: Array, at: int, n: int, side: float, strict: bool) -> bool:
    """Say whether the middle of a full window of 2 n + 1 values is above (side 1) or below (side -1) all the others."""
    size = 2 * n + 1
    middle = side * window_get(state, at, size, n)
    for back in range(size):
        other = side * window_get(state, at, size, back)
        if back != n and (other > middle or (strict and other == middle)):
            return False
    return True


@indicator(
    inputs=("high", "low"),
    outputs=("pivot", "last_high", "last_low"),
    parameters={
        "high_bars": Parameter(3, 1, 10_000, "bars on each side that must be lower than a high"),
        "low_bars": Parameter(3, 1, 10_000, "bars on each side that must be higher than a low"),
        "strict": Parameter(1, 0, 1, "1: an equal neighbour forbids the pivot; 0: it does not"),
    },
    warm_up=lambda high_bars, low_bars, strict: 2 * max(high_bars, low_bars),
    state=lambda high_bars, low_bars, strict: 2 * (high_bars + low_bars) + 8,
    group="trend",
    source="Fidelity Learning Center, Pivot Points (High/Low), also Bar Count Reversals",
    recursive=True,
)
def pivot_points(state: Array, p: Array, x: Array, out: Array) -> None:
    """Confirmed pivots: 1 high, -1 low, 2 both, 0 none, reported when the bars after it are in; and the last such prices.

    Before there was a pivot, ``last_high`` and ``last_low`` are the highest and lowest price since the first bar.
    """
    n, m, strict = int(p[0]), int(p[1]), p[2] != 0.0
    lows = 2 * n + 3
    last = lows + 2 * m + 3
    window_push(state, 0, 2 * n + 1, x[0])
    window_push(state, lows, 2 * m + 1, x[1])
    out[:] = math.nan
    if int(state[0]) < 2 * n + 1 or int(state[lows]) < 2 * m + 1:
        return
    high, low = _is_turn(state, 0, n, 1.0, strict), _is_turn(state, lows, m, -1.0, strict)
    if state[last] == 0.0:
        state[last], state[last + 1] = window_max(state, 0, 2 * n + 1), window_min(state, lows, 2 * m + 1)
    if high:
        state[last] = window_get(state, 0, 2 * n + 1, n)
    if low:
        state[last + 1] = window_get(state, lows, 2 * m + 1, m)
    out[0] = 2.0 if high and low else 1.0 if high else -1.0 if low else 0.0
    out[1], out[2] = state[last], state[last + 1]


@indicator(
    inputs=("high", "low"),
    outputs=("zigzag", "direction"),
    parameters={
        "sensitivity": Parameter(0.05, 1e-9, 0.999999, "share of the price that a move must turn by"),
        "bars": Parameter(1, 1, 100_000, "least bars after a pivot before the trend may turn"),
    },
    warm_up=1,
    state=4,
    group="trend",
    source="Arthur Merrill, Filtered Waves (1977); rule of confirmation as in QuantConnect LEAN's ZigZag",
    recursive=True,
)
def zigzag(state: Array, p: Array, x: Array, out: Array) -> None:
    """Zigzag: price of the pivot that the market moves away from, and whether that is a high (1) or a low (-1); never revised."""
    # state: [seen, pivot, its kind, bars since]
    if state[0] == 0.0:
        state[0], state[1], state[2] = 1.0, x[1], -1.0
        out[:] = math.nan
        return
    turns = int(state[3]) >= int(p[1])
    moved = True
    if state[2] < 0.0:
        if x[0] >= state[1] * (1.0 + p[0]) and turns:
            state[1], state[2] = x[0], 1.0
        elif x[1] <= state[1]:
            state[1] = x[1]
        else:
            moved = False
    elif x[1] <= state[1] * (1.0 - p[0]) and turns:
        state[1], state[2] = x[1], -1.0
    elif x[0] >= state[1]:
        state[1] = x[0]
    else:
        moved = False
    state[3] = 1.0 if moved else state[3] + 1.0
    out[0], out[1] = state[1], state[2]


@indicator(
    inputs=_HLC,
    outputs=("phase", "count", "support", "resistance"),
    parameters={"flip": Parameter(1, 0, 1, "1: a setup begins only where the price flips (DeMark); 0: wherever none runs (LEAN)")},
    warm_up=lambda flip: 4 + flip,
    state=43,
    group="trend",
    source="Tom DeMark, The New Science of Technical Analysis (1994), Sequential; demark.com/sequential-indicator",
    recursive=True,
)
def td_sequential(state: Array, p: Array, x: Array, out: Array) -> None:
    """TD Sequential: setups of 9 closes beyond the close 4 bars before, then countdowns of 13; one phase at a time.

    ``phase``: 0 none, 1 buy setup, 2 sell setup, 3 buy countdown, 4 sell countdown, 5 perfect buy setup, 6 perfect sell setup;
    ``count`` is the bar's number in it (0: the bar did not count). ``support`` and ``resistance``: lowest low and highest high of
    the last sell and buy setup; before one, of the bars so far.
    """
    # state: [phase, count, support, resistance, bars seen, sign of the last comparison, -, highs, lows, closes (2 + 10 each)]
    highs, lows, closes = 7, 19, 31
    window_push(state, highs, 10, x[0])
    window_push(state, lows, 10, x[1])
    window_push(state, closes, 10, x[2])
    if state[4] < 6.0:
        state[4] += 1.0
        state[2], state[3] = window_min(state, lows, 10), window_max(state, highs, 10)
    out[:] = math.nan
    if state[4] < 5.0:
        return
    before = window_get(state, closes, 10, 4)
    sign = 1.0 if x[2] > before else -1.0 if x[2] < before else 0.0
    flipped = sign * state[5] < 0.0
    state[5] = sign if sign != 0.0 else state[5]
    if p[0] != 0.0 and state[4] < 6.0:
        return
    out[0], out[1] = 0.0, 0.0
    if state[0] > 2.0:
        _countdown(state, x[2], out)
    elif state[0] > 0.0:
        _setup(state, sign, out)
        if state[0] == 0.0 and p[0] != 0.0 and flipped:
            _begin(state, sign, out)
    elif sign != 0.0 and (flipped or p[0] == 0.0):
        _begin(state, sign, out)
    out[2], out[3] = state[2], state[3]


@jit
def _begin(state: Array, sign: float, out: Array) -> None:
    """Begin a buy setup where closes fall, a sell setup where they rise."""
    state[0], state[1] = (1.0 if sign < 0.0 else 2.0), 1.0
    out[0], out[1] = state[0], 1.0


@jit
def _setup(state: Array, sign: float, out: Array) -> None:
    """Count a bar of a running setup, or drop the setup."""
    highs, lows, buying = 7, 19, state[0] == 1.0
    if sign != (-1.0 if buying else 1.0):
        state[0], state[1] = 0.0, 0.0
        return
    state[1] += 1.0
    out[0], out[1] = state[0], state[1]
    if state[1] < 9.0:
        return
    prices, side = (lows, 1.0) if buying else (highs, -1.0)
    earlier = min(side * window_get(state, prices, 10, 3), side * window_get(state, prices, 10, 2))
    later = min(side * window_get(state, prices, 10, 1), side * window_get(state, prices, 10, 0))
    out[0] = state[0] + (4.0 if later < earlier else 0.0)
    extreme = window_get(state, highs if buying else lows, 10, 0)
    for back in range(1, 9):
        other = window_get(state, highs if buying else lows, 10, back)
        extreme = max(extreme, other) if buying else min(extreme, other)
    state[3 if buying else 2] = extreme
    state[0], state[1] = state[0] + 2.0, 0.0


@jit
def _countdown(state: Array, close: float, out: Array) -> None:
    """Count a bar of a running countdown, or drop it when the setup's extreme is broken."""
    highs, lows, buying = 7, 19, state[0] == 3.0
    if (close <= window_get(state, lows, 10, 2)) if buying else (close >= window_get(state, highs, 10, 2)):
        state[1] += 1.0
        out[0], out[1] = state[0], state[1]
        if state[1] == 13.0:
            state[0], state[1] = 0.0, 0.0
    elif (close > state[3]) if buying else (close < state[2]):
        state[0], state[1] = 0.0, 0.0


@indicator(
    inputs=("open_time", "high", "low", "close"),
    outputs=("pivot", "r1", "s1", "r2", "s2", "r3", "s3"),
    parameters={"reset": _RESET},
    state=8,
    group="overlap",
    source="floor traders' pivots; John Person, A Complete Guide to Technical Trading Tactics (2004)",
    recursive=True,
)
def session_pivots(state: Array, p: Array, x: Array, out: Array) -> None:
    """Floor pivots of the session before: constant through a session; of the running session's bars while there is none before."""
    # state: [seen, session, high, low, close, the same three of the session before]
    session = session_of(x[0], int(p[0]))
    if state[0] == 0.0 or session != state[1]:
        if state[0] != 0.0:
            state[5], state[6], state[7] = state[2], state[3], state[4]
            state[0] = 2.0
        else:
            state[0] = 1.0
        state[1], state[2], state[3] = session, x[1], x[2]
    state[2], state[3], state[4] = max(state[2], x[1]), min(state[3], x[2]), x[3]
    at = 5 if state[0] == 2.0 else 2
    high, low, close = state[at], state[at + 1], state[at + 2]
    pivot = (high + low + close) / 3.0
    out[0] = pivot
    out[1], out[2] = 2.0 * pivot - low, 2.0 * pivot - high
    out[3], out[4] = pivot + (high - low), pivot - (high - low)
    out[5], out[6] = high + 2.0 * (pivot - low), low - 2.0 * (high - pivot)


@indicator(
    inputs=("open_time", "open", "high", "low"),
    outputs=("open", "high", "low", "previous_high", "previous_low", "bars"),
    parameters={"reset": _RESET},
    state=7,
    group="overlap",
    source="session statistics by UTC calendar",
    recursive=True,
)
def session_range(state: Array, p: Array, x: Array, out: Array) -> None:
    """Open, high and low of the session so far, high and low of the one before (of this one while there is none), bars in it."""
    session = session_of(x[0], int(p[0]))
    if state[0] == 0.0:
        state[1], state[2], state[3], state[4] = session, x[1], x[2], x[3]
        state[5], state[6] = math.nan, math.nan
    elif session != state[1]:
        state[0], state[1], state[5], state[6] = 0.0, session, state[3], state[4]
        state[2], state[3], state[4] = x[1], x[2], x[3]
    state[0] += 1.0
    state[3], state[4] = max(state[3], x[2]), min(state[4], x[3])
    out[0], out[1], out[2], out[5] = state[2], state[3], state[4], state[0]
    out[3] = state[3] if math.isnan(state[5]) else state[5]
    out[4] = state[4] if math.isnan(state[6]) else state[6]
