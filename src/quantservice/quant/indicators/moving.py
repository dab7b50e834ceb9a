"""Moving averages as parts: each takes the state and the offset where its memory begins; ``ma_push`` chooses one by its number.

The numbers are TA-Lib's ``MA_Type``. Every average begins with the plain mean of its first inputs, as TA-Lib's do.
"""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.hilbert import MAMA_SIZE, MAMA_WARM_UP, mama_push
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, mean_push, wilder_push, window_full, window_get, window_push
from quantservice.quant.indicators.spec import Parameter
from quantservice.quant.jit import jit

SMA: Final = 0
EMA: Final = 1
WMA: Final = 2
DEMA: Final = 3
TEMA: Final = 4
TRIMA: Final = 5
KAMA: Final = 6
MAMA: Final = 7
T3: Final = 8
HMA: Final = 9
NONE: Final = 10
DEFAULT: Final = 11
ZLEMA: Final = 12
RMA: Final = 13
MA_TYPES: Final = "0 sma, 1 ema, 2 wma, 3 dema, 4 tema, 5 trima, 6 kama, 7 mama, 8 t3, 9 hma, 10 none, 11 default, 12 zlema, 13 rma"


def ma_type(default: int, of: str = "") -> Parameter:
    """Return the parameter that chooses a moving average."""
    return Parameter(default, 0, 13, f"moving average{of}: {MA_TYPES}")


def chosen(kind: float, default: int) -> int:
    """Return the number of the average: 11 stands for the function's own default."""
    return default if int(kind) == DEFAULT else int(kind)


def hma_lengths(n: int) -> tuple[int, int]:
    """Return the half and the square root of a Hull average's length, both cut to whole numbers (Alan Hull)."""
    return max(1, n // 2), max(1, math.isqrt(n))


def ma_size(kind: int, n: int) -> int:
    """Return the floats that ``ma_push`` keeps."""
    if n == 1:
        return 0
    half, root = hma_lengths(n)
    return {
        SMA: n + 3,
        EMA: 2,
        WMA: n + 5,
        DEMA: 4,
        TEMA: 6,
        TRIMA: n + 9,
        KAMA: n + 5,
        MAMA: MAMA_SIZE,
        T3: 12,
        HMA: n + half + root + 15,
        NONE: 0,
        ZLEMA: (n - 1) // 2 + 5,
        RMA: 2,
    }[kind]


def ma_warm_up(kind: int, n: int) -> int:
    """Return the inputs that ``ma_push`` takes before its first value."""
    if n == 1 or kind == NONE:
        return 0
    if kind == MAMA:
        return MAMA_WARM_UP
    if kind == HMA:
        return n + hma_lengths(n)[1] - 2
    if kind == ZLEMA:
        return n - 1 + (n - 1) // 2
    return {DEMA: 2, TEMA: 3, T3: 6}.get(kind, 1) * (n - 1) + (kind == KAMA)


@jit
def wma_push(state: Array, at: int, n: int, value: float) -> float:
    """Mean weighted 1 … n, the newest most. Keeps 5 + n floats.

    In TA-Lib's order of operations: the weighted sum falls by the plain sum when the window moves.
    """
    window_push(state, at + 3, n, value)
    seen = int(state[at + 3])
    state[at] += value
    if seen < n:
        state[at + 1] += value * seen
        return math.nan
    state[at] -= state[at + 2]
    state[at + 1] += value * n
    state[at + 2] = window_get(state, at + 3, n, n - 1)
    result = state[at + 1] / (n * (n + 1) // 2)
    state[at + 1] -= state[at]
    return float(result)


@jit
def dema_push(state: Array, at: int, n: int, value: float) -> float:
    """Double exponential average (Mulloy 1994): twice the average less the average of it. Keeps 4 floats."""
    k = 2.0 / (n + 1)
    first = ema_push(state, at, n, k, value)
    if math.isnan(first):
        return math.nan
    return 2.0 * first - ema_push(state, at + 2, n, k, first)


@jit
def tema_push(state: Array, at: int, n: int, value: float) -> float:
    """Triple exponential average (Mulloy 1994): 3 a - 3 b + c, each the average of the one before. Keeps 6 floats."""
    k = 2.0 / (n + 1)
    first = ema_push(state, at, n, k, value)
    if math.isnan(first):
        return math.nan
    second = ema_push(state, at + 2, n, k, first)
    if math.isnan(second):
        return math.nan
    return ema_push(state, at + 4, n, k, second) + (3.0 * first - 3.0 * second)


@jit
def trima_push(state: Array, at: int, n: int, value: float) -> float:
    """Triangular average: the mean of a mean, each over half of the window. Keeps 9 + n floats."""
    long, short = n // 2 + 1, (n + 1) // 2
    first = mean_push(state, at, long, value)
    if math.isnan(first):
        return math.nan
    return mean_push(state, at + 3 + long, short, first)


@jit
def efficiency_push(state: Array, at: int, n: int, value: float) -> float:
    """Kaufman's efficiency ratio: the way from the value ``n`` bars ago over the path taken. Keeps 3 + n + 1 floats.

    A window that never moved counts as efficient (TA-Lib).
    """
    m = n + 1
    if window_full(state, at + 1, m):
        oldest = window_get(state, at + 1, m, m - 1)
        state[at] -= abs(oldest - window_get(state, at + 1, m, m - 2))
    if int(state[at + 1]) > 0:
        state[at] += abs(value - window_get(state, at + 1, m, 0))
    window_push(state, at + 1, m, value)
    if not window_full(state, at + 1, m):
        return math.nan
    way, path = value - window_get(state, at + 1, m, n), state[at]
    if path <= way or abs(path) < 1e-14:
        return 1.0
    return float(abs(way / path))


@jit
def kama_push(state: Array, at: int, n: int, value: float) -> float:
    """Kaufman's adaptive average: between a 2-bar and a 30-bar one by the efficiency ratio. Keeps 5 + n floats."""
    before = window_get(state, at + 2, n + 1, 0) if int(state[at + 2]) > 0 else math.nan
    ratio = efficiency_push(state, at + 1, n, value)
    if math.isnan(ratio):
        state[at] = value  # the last value before the window is full is what it begins with
        return math.nan
    slow = 2.0 / 31.0
    weight = ratio * (2.0 / 3.0 - slow) + slow
    weight *= weight
    state[at] = (value - state[at]) * weight + state[at] if not math.isnan(before) else value
    return float(state[at])


@jit
def t3_push(state: Array, at: int, n: int, volume_factor: float, value: float) -> float:
    """Tillson's T3: six exponential averages in a row, weighted by the volume factor. Keeps 12 floats."""
    k = 2.0 / (n + 1)
    e = value
    e3, e4, e5 = 0.0, 0.0, 0.0
    for stage in range(6):
        e = ema_push(state, at + 2 * stage, n, k, e)
        if math.isnan(e):
            return math.nan
        if stage == 2:
            e3 = e
        elif stage == 3:
            e4 = e
        elif stage == 4:
            e5 = e
    square = volume_factor * volume_factor
    c1 = -(square * volume_factor)
    c2 = 3.0 * (square - c1)
    c3 = -6.0 * square - 3.0 * (volume_factor - c1)
    c4 = 1.0 + 3.0 * volume_factor - c1 + 3.0 * square
    return c1 * e + c2 * e5 + c3 * e4 + c4 * e3


@jit
def hma_push(state: Array, at: int, n: int, value: float) -> float:
    """Hull's average: a weighted mean over the root of ``n`` of twice the half-length weighted mean less the full one.

    Keeps 15 + n + n // 2 + isqrt(n) floats.
    """
    half, root = n // 2, int(math.sqrt(n))
    full = wma_push(state, at, n, value)
    quick = wma_push(state, at + 5 + n, half, value) if half > 1 else value
    if math.isnan(full):
        return math.nan
    ahead = 2.0 * quick - full
    return wma_push(state, at + 10 + n + half, root, ahead) if root > 1 else ahead


@jit
def zlema_push(state: Array, at: int, n: int, value: float) -> float:
    """Exponential average of the price led by its own lag: 2 price - price (n - 1) // 2 bars ago. Keeps 5 + (n - 1) // 2 floats."""
    lag = (n - 1) // 2
    window_push(state, at + 2, lag + 1, value)
    if not window_full(state, at + 2, lag + 1):
        return math.nan
    return ema_push(state, at, n, 2.0 / (n + 1), 2.0 * value - window_get(state, at + 2, lag + 1, lag))


@jit
def ma_push(state: Array, at: int, kind: int, n: int, value: float) -> float:
    """Push into the average numbered ``kind``. Keeps ``ma_size(kind, n)`` floats; a length of 1 does no smoothing."""
    if n == 1 or kind == NONE:
        return value
    if kind == SMA:
        return mean_push(state, at, n, value)
    if kind == EMA:
        return ema_push(state, at, n, 2.0 / (n + 1), value)
    if kind == WMA:
        return wma_push(state, at, n, value)
    if kind == DEMA:
        return dema_push(state, at, n, value)
    if kind == TEMA:
        return tema_push(state, at, n, value)
    if kind == TRIMA:
        return trima_push(state, at, n, value)
    if kind == KAMA:
        return kama_push(state, at, n, value)
    if kind == T3:
        return t3_push(state, at, n, 0.7, value)
    if kind == HMA:
        return hma_push(state, at, n, value)
    return rare_push(state, at, kind, n, value)


@jit
def rare_push(state: Array, at: int, kind: int, n: int, value: float) -> float:
    """Push into one of the averages numbered 7 and 12 upwards."""
    if kind == ZLEMA:
        return zlema_push(state, at, n, value)
    if kind == RMA:
        return wilder_push(state, at, n, value)
    return mama_push(state, at, 0.5, 0.05, value)[0]
