"""What steps are made of: windows and averages that keep their memory in a slice of the step's state.

Each takes the state and the offset ``at`` where its memory begins, and says how many floats it keeps. All are O(1) in the number
of bars seen; those over a window may be O(window).
"""

from __future__ import annotations

import math

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.jit import jit

# A window of n values keeps 2 + n floats: [values seen (at most n), place of the oldest, values …].


@jit
def window_push(state: Array, at: int, n: int, value: float) -> float:
    """Put a value into a window of ``n``; return the one that left it (NaN while it fills). Keeps 2 + n floats."""
    seen, place = int(state[at]), int(state[at + 1])
    left = math.nan
    if seen == n:
        left = state[at + 2 + place]
    else:
        state[at] = seen + 1
    state[at + 2 + place] = value
    state[at + 1] = place + 1 if place + 1 < n else 0
    return left


@jit
def window_full(state: Array, at: int, n: int) -> bool:
    """Say whether ``n`` values are in the window."""
    return int(state[at]) == n


@jit
def window_get(state: Array, at: int, n: int, back: int) -> float:
    """Return the value ``back`` pushes ago (0: the newest); ask only for what was pushed."""
    place = int(state[at + 1]) - 1 - back
    return float(state[at + 2 + (place if place >= 0 else place + n)])


@jit
def window_max(state: Array, at: int, n: int) -> float:
    """Return the largest value of the window."""
    seen, best = int(state[at]), -math.inf
    for i in range(seen):
        best = max(best, state[at + 2 + i])
    return best


@jit
def window_min(state: Array, at: int, n: int) -> float:
    """Return the smallest value of the window."""
    seen, best = int(state[at]), math.inf
    for i in range(seen):
        best = min(best, state[at + 2 + i])
    return best


@jit
def sum_push(state: Array, at: int, n: int, value: float) -> float:
    """Sum of the last ``n`` values; NaN while it fills. Keeps 3 + n floats.

    In TA-Lib's order of operations: the new value is added, the sum given, then the oldest taken off.
    """
    state[at] += value
    window_push(state, at + 1, n, value)
    if int(state[at + 1]) < n:
        return math.nan
    total = state[at]
    state[at] -= state[at + 3 + int(state[at + 2])]
    return float(total)


@jit
def mean_push(state: Array, at: int, n: int, value: float) -> float:
    """Mean of the last ``n`` values; NaN while it fills. Keeps 3 + n floats."""
    return sum_push(state, at, n, value) / n


@jit
def ema_push(state: Array, at: int, n: int, k: float, value: float) -> float:
    """Exponential average with factor ``k``, begun with the mean of the first ``n`` values (TA-Lib). Keeps 2 floats."""
    seen = int(state[at])
    if seen < n:
        state[at] = seen + 1
        state[at + 1] += value
        if seen + 1 < n:
            return math.nan
        state[at + 1] /= n
        return float(state[at + 1])
    state[at + 1] += k * (value - state[at + 1])
    return float(state[at + 1])


@jit
def wilder_push(state: Array, at: int, n: int, value: float) -> float:
    """Wilder's average: the mean of the first ``n``, then ``(previous (n - 1) + value) / n``. Keeps 2 floats."""
    seen = int(state[at])
    if seen < n:
        state[at] = seen + 1
        state[at + 1] += value
        if seen + 1 < n:
            return math.nan
        state[at + 1] /= n
        return float(state[at + 1])
    state[at + 1] = (state[at + 1] * (n - 1) + value) / n
    return float(state[at + 1])
