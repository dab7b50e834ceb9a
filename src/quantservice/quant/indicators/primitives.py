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
def mean_whole(state: Array, p: Array, x: Array, out: Array) -> bool:
    """Write :func:`mean_push` of ``p[0]`` of all rows, from the first, and leave its state; False where a row is missing."""
    rows, n, missing = x.shape[0], int(p[0]), 0
    for i in range(rows):
        missing |= math.isnan(x[i, 0])
    if missing != 0:
        return False
    total = 0.0
    for i in range(min(n - 1, rows)):
        total += x[i, 0]
        out[i, 0] = math.nan
    for i in range(n - 1, rows):
        total += x[i, 0]
        out[i, 0] = total / n
        total -= x[i - n + 1, 0]
    state[0], state[1], state[2] = total, min(n, rows), rows % n
    for i in range(max(0, rows - n), rows):
        state[3 + i % n] = x[i, 0]
    return True


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
    if n == 1:  # no smoothing: (value - before) + before need not be value to the last bit
        state[at + 1] = value
    else:
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


# The extreme of a window keeps 4 + n floats: [age of the extreme, the extreme, then a window]. Only when the extreme leaves is the
# window read through again, as TA-Lib does it: of equal values the oldest is then taken (with ``latest`` the newest), while a new
# value that equals an extreme still in the window takes its place.


@jit
def highest_push(state: Array, at: int, n: int, value: float, latest: bool) -> float:
    """Put a value into a window; return its largest, whose age in bars is ``state[at]``."""
    was_full = window_full(state, at + 2, n)
    window_push(state, at + 2, n, value)
    state[at] += 1.0
    if state[at] >= n or int(state[at + 2]) == 1:
        oldest = int(state[at + 2]) - 1
        state[at], state[at + 1] = float(oldest), window_get(state, at + 2, n, oldest)
        for back in range(oldest - 1, -1, -1):
            other = window_get(state, at + 2, n, back)
            if other > state[at + 1] or (latest and other == state[at + 1]):
                state[at], state[at + 1] = float(back), other
    elif value > state[at + 1] or ((latest or was_full) and value == state[at + 1]):
        state[at], state[at + 1] = 0.0, value
    return float(state[at + 1])


@jit
def lowest_push(state: Array, at: int, n: int, value: float, latest: bool) -> float:
    """Put a value into a window; return its smallest, whose age in bars is ``state[at]``."""
    was_full = window_full(state, at + 2, n)
    window_push(state, at + 2, n, value)
    state[at] += 1.0
    if state[at] >= n or int(state[at + 2]) == 1:
        oldest = int(state[at + 2]) - 1
        state[at], state[at + 1] = float(oldest), window_get(state, at + 2, n, oldest)
        for back in range(oldest - 1, -1, -1):
            other = window_get(state, at + 2, n, back)
            if other < state[at + 1] or (latest and other == state[at + 1]):
                state[at], state[at + 1] = float(back), other
    elif value < state[at + 1] or ((latest or was_full) and value == state[at + 1]):
        state[at], state[at + 1] = 0.0, value
    return float(state[at + 1])


@jit
def window_spread(state: Array, at: int, n: int) -> tuple[float, float]:
    """Return the mean and the variance (squares divided by ``n``) of a full window, taken anew: deviations from the mean.

    A spread under the rounding error of the mean is zero, so that equal values have none.
    """
    total = 0.0
    for i in range(n):
        total += state[at + 2 + i]
    mean = total / n
    first, second = 0.0, 0.0
    for i in range(n):
        away = state[at + 2 + i] - mean
        first += away
        second += away * away
    second /= n
    variance = second - (first / n) * (first / n)
    return mean, (variance if variance > 1e-12 * second else 0.0)


@jit
def window_line(state: Array, at: int, n: int) -> tuple[float, float]:
    """Return slope and value at the oldest place of the least-squares line through a full window of ``n`` >= 2 values.

    In TA-Lib's order of operations: places count back from the newest.
    """
    places = n * (n - 1) * 0.5
    divisor = places * places - n * (n * (n - 1) * (2 * n - 1) / 6)
    weighed, total = 0.0, 0.0
    for back in range(n - 1, -1, -1):
        value = window_get(state, at, n, back)
        total += value
        weighed += back * value
    slope = (n * weighed - places * total) / divisor
    return slope, (total - slope * places) / n


@jit
def gain_loss_push(state: Array, at: int, n: int, value: float) -> bool:
    """Wilder's averages of the rises and of the falls, begun with the mean of the first ``n``; say whether they are there.

    Keeps 4 floats: values seen, the value before, the average rise ``state[at + 2]`` and fall ``state[at + 3]``.
    """
    change = value - state[at + 1]
    state[at] += 1.0
    state[at + 1] = value
    if state[at] == 1.0:
        return False
    gain, loss = (change, 0.0) if change > 0.0 else (0.0, -change)
    if state[at] <= n + 1:
        state[at + 2] += gain
        state[at + 3] += loss
        if state[at] <= n:
            return False
        state[at + 2] /= n
        state[at + 3] /= n
    else:
        state[at + 2] = (state[at + 2] * (n - 1) + gain) / n
        state[at + 3] = (state[at + 3] * (n - 1) + loss) / n
    return True


@jit
def rsi_push(state: Array, at: int, n: int, value: float) -> float:
    """Wilder's relative strength index, 0 … 100; 0 where nothing moved. Keeps 4 floats."""
    if not gain_loss_push(state, at, n, value):
        return math.nan
    total = state[at + 2] + state[at + 3]
    return float(100.0 * (state[at + 2] / total)) if abs(total) >= 1e-14 else 0.0
