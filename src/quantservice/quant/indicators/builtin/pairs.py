"""Two instruments: the price at hand and a benchmark's price on the same bars (the last input)."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import return_push, sorted_push
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_TWO: Final = ("close", "benchmark")
_OF: Final = Parameter(1, 0, 1, "1: of returns per bar; 0: of prices")


def _length(default: int, low: int = 3) -> Parameter:
    return Parameter(default, low, _LONGEST, "bars looked at")


@jit
def moments(state: Array, a: int, b: int, n: int) -> tuple[float, float, float, float, float]:
    """Return both means and the sums of squares and products about them, of two full windows at ``a`` and ``b``."""
    mean_a, mean_b = 0.0, 0.0
    for i in range(n):
        mean_a += state[a + 2 + i] / n
        mean_b += state[b + 2 + i] / n
    square_a, square_b, product = 0.0, 0.0, 0.0
    for i in range(n):
        one, other = state[a + 2 + i] - mean_a, state[b + 2 + i] - mean_b
        square_a += one * one
        square_b += other * other
        product += one * other
    return mean_a, mean_b, square_a, square_b, product


@jit
def _push_both(state: Array, n: int, returns: bool, own: float, other: float) -> bool:
    """Put both values (or their returns) into windows at 4 and 6 + n; say whether they are full. Keeps 8 + 2 n floats."""
    if returns:
        own, other = return_push(state, 0, own), return_push(state, 2, other)
        if math.isnan(own) or math.isnan(other):
            return False
    window_push(state, 4, n, own)
    window_push(state, 6 + n, n, other)
    return int(state[4]) == n


@indicator(
    inputs=_TWO,
    outputs=("correlation",),
    parameters={"length": _length(60), "returns": _OF},
    warm_up=lambda length, returns: length - 1 + returns,
    state=lambda length, returns: 2 * length + 8,
    group="pairs",
    source="Karl Pearson (1895)",
)
def correlation(state: Array, p: Array, x: Array, out: Array) -> None:
    """Pearson correlation with the benchmark; 0 where either stands still."""
    n = int(p[0])
    out[0] = math.nan
    if _push_both(state, n, p[1] != 0.0, x[0], x[1]):
        _a, _b, own, other, both = moments(state, 4, 6 + n, n)
        out[0] = max(-1.0, min(1.0, both / math.sqrt(own * other))) if own > 0.0 and other > 0.0 else 0.0


@indicator(
    inputs=_TWO,
    outputs=("covariance",),
    parameters={"length": _length(60), "returns": _OF},
    warm_up=lambda length, returns: length - 1 + returns,
    state=lambda length, returns: 2 * length + 8,
    group="pairs",
    source="sample covariance",
)
def covariance(state: Array, p: Array, x: Array, out: Array) -> None:
    """Sample covariance with the benchmark."""
    n = int(p[0])
    out[0] = math.nan
    if _push_both(state, n, p[1] != 0.0, x[0], x[1]):
        _a, _b, _own, _other, both = moments(state, 4, 6 + n, n)
        out[0] = both / (n - 1)


@jit
def _rank(state: Array, ordered: int, n: int, value: float) -> float:
    """Return the rank of a value among ``n`` ordered ones (the mean rank of equal ones)."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if state[ordered + middle] < value:
            low = middle + 1
        else:
            high = middle
    first = low
    high = n
    while low < high:
        middle = (low + high) // 2
        if state[ordered + middle] <= value:
            low = middle + 1
        else:
            high = middle
    return (first + low + 1) / 2.0


@indicator(
    inputs=_TWO,
    outputs=("correlation",),
    parameters={"length": Parameter(60, 3, 2_000, "bars looked at"), "returns": _OF},
    warm_up=lambda length, returns: length - 1 + returns,
    state=lambda length, returns: 4 * length + 8,
    group="pairs",
    source="Charles Spearman (1904)",
)
def rank_correlation(state: Array, p: Array, x: Array, out: Array) -> None:
    """Spearman's rank correlation with the benchmark (equal values share their mean rank); 0 where either stands still."""
    n = int(p[0])
    own, other = x[0], x[1]
    out[0] = math.nan
    if p[1] != 0.0:
        own, other = return_push(state, 0, own), return_push(state, 2, other)
        if math.isnan(own) or math.isnan(other):
            return
    a, b = 4, 6 + 2 * n
    sorted_push(state, a, n, own)
    sorted_push(state, b, n, other)
    if int(state[a]) < n:
        return
    middle, square_a, square_b, product = (n + 1) / 2.0, 0.0, 0.0, 0.0
    for i in range(n):
        one = _rank(state, a + 2 + n, n, state[a + 2 + i]) - middle
        two = _rank(state, b + 2 + n, n, state[b + 2 + i]) - middle
        square_a += one * one
        square_b += two * two
        product += one * two
    out[0] = product / math.sqrt(square_a * square_b) if square_a > 0.0 and square_b > 0.0 else 0.0


@indicator(
    inputs=_TWO,
    outputs=("hedge_ratio", "intercept", "spread", "z_score", "r_squared"),
    parameters={"length": _length(120), "logarithms": Parameter(1, 0, 1, "1: of the logarithms of prices; 0: of prices")},
    warm_up=lambda length, logarithms: length - 1,
    state=lambda length, logarithms: 2 * length + 4,
    group="pairs",
    source="Engle and Granger, Co-integration and Error Correction, Econometrica 55:2 (1987), first step",
)
def hedge_ratio(state: Array, p: Array, x: Array, out: Array) -> None:
    """Least-squares hedge ratio against the benchmark over the window, with the newest residual and its z-score.

    A benchmark that stands still gives ratio 0; a spread without deviation has z-score 0.
    """
    n = int(p[0])
    own, other = x[0], x[1]
    if p[1] != 0.0:
        own, other = math.log(own), math.log(other)
    window_push(state, 0, n, own)
    window_push(state, n + 2, n, other)
    if int(state[0]) < n:
        out[:] = math.nan
        return
    mean_a, mean_b, square_a, square_b, product = moments(state, 0, n + 2, n)
    ratio = product / square_b if square_b > 0.0 else 0.0
    left = max(0.0, square_a - ratio * product)
    out[0], out[1] = ratio, mean_a - ratio * mean_b
    out[2] = own - out[1] - ratio * other
    deviation = math.sqrt(left / (n - 2))
    out[3] = out[2] / deviation if deviation > 1e-12 * abs(mean_a) else 0.0
    out[4] = 1.0 - left / square_a if square_a > 0.0 else 0.0


@indicator(
    inputs=_TWO,
    outputs=("ratio", "momentum", "z_score"),
    parameters={"length": _length(60)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="pairs",
    source="Robert Levy, Relative Strength as a Criterion for Investment Selection, Journal of Finance (1967)",
)
def relative_strength(state: Array, p: Array, x: Array, out: Array) -> None:
    """Price over the benchmark's, its change over the window (a share), and its z-score in the window (0 without deviation)."""
    n = int(p[0])
    ratio = x[0] / x[1]
    window_push(state, 0, n, ratio)
    if int(state[0]) < n:
        out[:] = math.nan
        return
    mean, squares = 0.0, 0.0
    for i in range(n):
        mean += state[2 + i] / n
    for i in range(n):
        squares += (state[2 + i] - mean) ** 2
    deviation = math.sqrt(squares / (n - 1))
    out[0], out[1] = ratio, ratio / window_get(state, 0, n, n - 1) - 1.0
    out[2] = (ratio - mean) / deviation if deviation > 1e-12 * abs(mean) else 0.0


@indicator(
    inputs=_TWO,
    outputs=("tracking_error", "information_ratio", "up_capture", "down_capture"),
    parameters={"length": _length(60)},
    warm_up=lambda length: length,
    state=lambda length: 2 * length + 8,
    group="pairs",
    source="Richard Grinold and Ronald Kahn, Active Portfolio Management (1999); Morningstar, Upside/Downside Capture Ratio",
)
def tracking(state: Array, p: Array, x: Array, out: Array) -> None:
    """Against the benchmark, per bar: deviation of the excess return, its mean over it, and shares of rises and falls taken.

    The captures are mean return over the benchmark's mean return on the bars where that rose (fell); 0 without such bars.
    """
    n = int(p[0])
    out[:] = math.nan
    if not _push_both(state, n, True, x[0], x[1]):
        return
    mean, squares = 0.0, 0.0
    up_own, up_other, down_own, down_other = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        own, other = state[6 + i], state[8 + n + i]
        mean += (own - other) / n
        if other > 0.0:
            up_own, up_other = up_own + own, up_other + other
        elif other < 0.0:
            down_own, down_other = down_own + own, down_other + other
    for i in range(n):
        squares += (state[6 + i] - state[8 + n + i] - mean) ** 2
    error = math.sqrt(squares / (n - 1))
    out[0], out[1] = error, mean / error if error > 1e-15 else 0.0
    out[2] = up_own / up_other if up_other > 0.0 else 0.0
    out[3] = down_own / down_other if down_other < 0.0 else 0.0
