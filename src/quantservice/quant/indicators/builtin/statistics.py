"""Statistics of a window: where the price stands in it, the shape of its returns, and whether they remember."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    log_return_push,
    sorted_push,
    sorted_quantile,
    window_deviation,
    window_mean,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_FLAT: Final = 1e-12  # a deviation below this share of the mean is rounding, not movement


def _length(default: int, low: int = 2, high: int = _LONGEST, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, high, doc)


@indicator(
    inputs=("close",),
    outputs=("z_score", "mean", "deviation"),
    parameters={"length": _length(20), "freedom": Parameter(1, 0, 1, "1: sample deviation; 0: population")},
    warm_up=lambda length, freedom: length - 1,
    state=lambda length, freedom: length + 2,
    group="statistics",
    source="standard score",
)
def z_score(state: Array, p: Array, x: Array, out: Array) -> None:
    """Standard deviations that the value stands from the window's mean; 0 where nothing moved."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    mean, deviation = window_mean(state, 0, n), window_deviation(state, 0, n, int(p[1]))
    out[0] = (x[0] - mean) / deviation if deviation > _FLAT * abs(mean) else 0.0
    out[1], out[2] = mean, deviation


@indicator(
    inputs=("close",),
    outputs=("z_score", "median", "deviation"),
    parameters={"length": _length(30, 3, 1_000)},
    warm_up=lambda length: length - 1,
    state=lambda length: 3 * length + 2,
    group="statistics",
    source="Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993)",
)
def robust_z_score(state: Array, p: Array, x: Array, out: Array) -> None:
    """Modified z-score: distance from the median in median absolute deviations (times 0.6745); 0 where there are none."""
    n = int(p[0])
    sorted_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    median = sorted_quantile(state, 0, n, 0.5)
    ordered, at = 2 + n, 2 + 2 * n
    # Deviations from the median grow to both sides of it in the ordered window: merged outwards they come in order.
    right = 0
    while right < n and state[ordered + right] < median:
        right += 1
    left = right - 1
    for i in range(n):
        take_left = right >= n or (left >= 0 and median - state[ordered + left] <= state[ordered + right] - median)
        if take_left:
            state[at + i] = median - state[ordered + left]
            left -= 1
        else:
            state[at + i] = state[ordered + right] - median
            right += 1
    deviation = (state[at + (n - 1) // 2] + state[at + n // 2]) / 2.0
    out[0] = 0.6745 * (x[0] - median) / deviation if deviation > 0.0 else 0.0
    out[1], out[2] = median, deviation


@indicator(
    inputs=("close",),
    outputs=("quantile",),
    parameters={"length": _length(100, 2, 5_000), "q": Parameter(0.5, 0.0, 1.0, "share of the values below it")},
    warm_up=lambda length, q: length - 1,
    state=lambda length, q: 2 * length + 2,
    group="statistics",
    source="Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), definition 7",
)
def quantile(state: Array, p: Array, x: Array, out: Array) -> None:
    """Quantile of the window, between neighbours in proportion."""
    n = int(p[0])
    sorted_push(state, 0, n, x[0])
    out[0] = sorted_quantile(state, 0, n, p[1]) if int(state[0]) == n else math.nan


@indicator(
    inputs=("close",),
    outputs=("skewness", "kurtosis"),
    parameters={"length": _length(60, 4)},
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group="statistics",
    source="sample skewness G1 and excess kurtosis G2, Joanes and Gill (1998)",
)
def return_moments(state: Array, p: Array, x: Array, out: Array) -> None:
    """Skewness and excess kurtosis of log returns; 0 where nothing moved."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    mean, second, third, fourth = window_mean(state, 2, n), 0.0, 0.0, 0.0
    for back in range(n):
        off = window_get(state, 2, n, back) - mean
        second += off * off / n
        third += off**3 / n
        fourth += off**4 / n
    out[:] = 0.0
    if second > 1e-24:
        out[0] = third / second**1.5 * math.sqrt(n * (n - 1.0)) / (n - 2.0)
        out[1] = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (fourth / (second * second) - 3.0) + 6.0)


@indicator(
    inputs=("close",),
    outputs=("autocorrelation",),
    parameters={"length": _length(60, 4), "lag": Parameter(1, 1, 1_000, "bars between the returns compared")},
    warm_up=lambda length, lag: max(length, lag + 2),
    state=lambda length, lag: max(length, lag + 2) + 4,
    group="statistics",
    source="Box and Jenkins, Time Series Analysis (1970)",
)
def autocorrelation(state: Array, p: Array, x: Array, out: Array) -> None:
    """Autocorrelation of log returns: above 0 they go on, below 0 they turn back; 0 where nothing moved."""
    lag = int(p[1])
    n = max(int(p[0]), lag + 2)
    value = log_return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    mean, together, squares = window_mean(state, 2, n), 0.0, 0.0
    for back in range(n):
        off = window_get(state, 2, n, back) - mean
        squares += off * off
        if back + lag < n:
            together += off * (window_get(state, 2, n, back + lag) - mean)
    out[0] = together / squares if squares > 1e-24 else 0.0


@indicator(
    inputs=("close",),
    outputs=("ratio", "z_score"),
    parameters={"length": _length(120, 8), "q": Parameter(4, 2, 1_000, "bars of the longer return")},
    warm_up=lambda length, q: max(length, 2 * q),
    state=lambda length, q: max(length, 2 * q) + 3,
    group="statistics",
    source="Andrew Lo and Craig MacKinlay, Stock Market Prices Do Not Follow Random Walks (1988)",
)
def variance_ratio(state: Array, p: Array, x: Array, out: Array) -> None:
    """Variance ratio of log prices (above 1 they trend, below 1 they revert) and its z-score for a walk of even variance.

    1 and 0 where nothing moved.
    """
    q = int(p[1])
    n = max(int(p[0]), 2 * q)
    window_push(state, 0, n + 1, math.log(x[0]))
    if int(state[0]) < n + 1:
        out[:] = math.nan
        return
    mean = (window_get(state, 0, n + 1, 0) - window_get(state, 0, n + 1, n)) / n
    single, longer = 0.0, 0.0
    for back in range(n):
        single += (window_get(state, 0, n + 1, back) - window_get(state, 0, n + 1, back + 1) - mean) ** 2
        if back + q <= n:
            longer += (window_get(state, 0, n + 1, back) - window_get(state, 0, n + 1, back + q) - q * mean) ** 2
    single /= n - 1.0
    longer /= q * (n - q + 1.0) * (1.0 - q / n)
    out[0] = longer / single if single > 1e-24 else 1.0
    out[1] = (out[0] - 1.0) / math.sqrt(2.0 * (2.0 * q - 1.0) * (q - 1.0) / (3.0 * q * n))


@indicator(
    inputs=("close",),
    outputs=("hurst",),
    parameters={
        "length": _length(252, 24),
        "max_lag": Parameter(20, 4, 1_000, "lags from 2 up to this are used"),
        "logarithms": Parameter(0, 0, 1, "1: of the logarithms of prices; 0: of prices"),
    },
    warm_up=lambda length, max_lag, logarithms: max(length, max_lag + 2) - 1,
    state=lambda length, max_lag, logarithms: max(length, max_lag + 2) + 2 + 3 * (max_lag - 1),
    group="statistics",
    source="variogram method; Ernest Chan, Algorithmic Trading (2013), chapter 2; parameters as in QuantConnect LEAN",
)
def hurst(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hurst exponent: slope of the log deviation of differences over their log lag; 0.5 a random walk, above it trends.

    A lag whose differences do not deviate counts with logarithm 0.
    """
    n, lags = max(int(p[0]), int(p[1]) + 2), int(p[1]) - 1
    value = math.log(x[0]) if p[2] != 0.0 else x[0]
    _difference_sums(state, n, lags, value)
    window_push(state, 0, n, value)
    if int(state[0]) < n:
        out[0] = math.nan
        return
    sum_x, sum_y, square, product = 0.0, 0.0, 0.0, 0.0
    for lag in range(2, lags + 2):
        if int(state[1]) == 0:
            _difference_sums_anew(state, n, lag)
        at, count = n + 2 + 3 * (lag - 2), n - lag
        mean = state[at] / count
        variance = state[at + 1] / count - mean * mean if state[at + 2] > 0.0 else 0.0
        log_lag, log_deviation = math.log(lag), 0.5 * math.log(variance) if variance > 0.0 else 0.0
        sum_x += log_lag
        sum_y += log_deviation
        square += log_lag * log_lag
        product += log_lag * log_deviation
    out[0] = (lags * product - sum_x * sum_y) / (lags * square - sum_x * sum_x)


@jit
def _difference_sums(state: Array, n: int, lags: int, value: float) -> None:
    """Bring the sums of each lag's differences up to date for a value that is about to enter the window.

    For each lag: the sum, the sum of squares, and how many are not zero. Rounding adds up in running sums, so the sums are taken
    anew each time that the ring comes round, which costs as much in all as the running ones do.
    """
    seen = int(state[0])
    for lag in range(2, lags + 2):
        at = n + 2 + 3 * (lag - 2)
        if seen == n:
            step = window_get(state, 0, n, n - 1 - lag) - window_get(state, 0, n, n - 1)
            state[at] -= step
            state[at + 1] -= step * step
            state[at + 2] -= 1.0 if step != 0.0 else 0.0
        if seen >= lag:
            step = value - window_get(state, 0, n, lag - 1)
            state[at] += step
            state[at + 1] += step * step
            state[at + 2] += 1.0 if step != 0.0 else 0.0


@jit
def _difference_sums_anew(state: Array, n: int, lag: int) -> None:
    """Take the sums of one lag's differences from a full window that begins at its first place."""
    at = n + 2 + 3 * (lag - 2)
    total, squares, moved = 0.0, 0.0, 0.0
    for i in range(n - lag):
        step = state[2 + i + lag] - state[2 + i]
        total += step
        squares += step * step
        moved += 1.0 if step != 0.0 else 0.0
    state[at], state[at + 1], state[at + 2] = total, squares, moved


@indicator(
    inputs=("close",),
    outputs=("hurst",),
    parameters={"length": _length(256, 32, 10_000, "returns looked at; parts of 8, 16, … up to half of them are used")},
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group="statistics",
    source="Harold Edwin Hurst (1951); Mandelbrot and Wallis (1969), rescaled range",
)
def hurst_rescaled_range(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hurst exponent by the rescaled range of log returns: slope of log R/S over log length; 0.5 where nothing moved."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    window_push(state, 2, n, value)
    if int(state[2]) < n:
        return
    count, sum_x, sum_y, square, product = 0.0, 0.0, 0.0, 0.0, 0.0
    size = 8
    while size <= n // 2:
        scaled = _rescaled_range(state, n, size)
        if scaled > 0.0:
            log_size, log_scaled = math.log(size), math.log(scaled)
            count += 1.0
            sum_x += log_size
            sum_y += log_scaled
            square += log_size * log_size
            product += log_size * log_scaled
        size *= 2
    spread = count * square - sum_x * sum_x
    out[0] = (count * product - sum_x * sum_y) / spread if count >= 2.0 else 0.5


@jit
def _rescaled_range(state: Array, n: int, size: int) -> float:
    """Return the mean of range over deviation of the window's newest whole parts of ``size`` returns (0 without any movement)."""
    total, parts = 0.0, 0
    for part in range(n // size):
        mean, squares = 0.0, 0.0
        for i in range(size):
            mean += window_get(state, 2, n, part * size + i) / size
        walked, highest, lowest = 0.0, 0.0, 0.0
        for i in range(size):
            off = window_get(state, 2, n, part * size + i) - mean
            walked += off
            highest, lowest = max(highest, walked), min(lowest, walked)
            squares += off * off
        if squares > 1e-24:
            total += (highest - lowest) / math.sqrt(squares / size)
            parts += 1
    return total / parts if parts > 0 else 0.0


@indicator(
    inputs=("close",),
    outputs=("half_life", "t_statistic"),
    parameters={"length": _length(120, 8), "logarithms": Parameter(1, 0, 1, "1: of the logarithms of prices; 0: of prices")},
    warm_up=lambda length, logarithms: length,
    state=lambda length, logarithms: length + 3,
    group="statistics",
    source="Ornstein-Uhlenbeck fit; Dickey and Fuller (1979), regression with a constant and no lags",
)
def half_life(state: Array, p: Array, x: Array, out: Array) -> None:
    """Bars in which half a deviation from the mean dies out, and the Dickey-Fuller t of the fit (below -2.9: it reverts at 5 %).

    The half-life is capped at 1e6, which also stands for prices that do not revert.
    """
    n = int(p[0])
    window_push(state, 0, n + 1, math.log(x[0]) if p[1] != 0.0 else x[0])
    if int(state[0]) < n + 1:
        out[:] = math.nan
        return
    mean_level = (window_mean(state, 0, n + 1) * (n + 1) - window_get(state, 0, n + 1, 0)) / n
    mean_step = (window_get(state, 0, n + 1, 0) - window_get(state, 0, n + 1, n)) / n
    levels, together, steps = 0.0, 0.0, 0.0
    for back in range(n):
        level = window_get(state, 0, n + 1, back + 1) - mean_level
        step = window_get(state, 0, n + 1, back) - window_get(state, 0, n + 1, back + 1) - mean_step
        levels += level * level
        together += level * step
        steps += step * step
    out[0], out[1] = 1e6, 0.0
    if levels <= 1e-24:
        return
    speed = together / levels
    left = max(0.0, steps - speed * together)
    error = math.sqrt(left / (n - 2.0) / levels)
    out[1] = speed / error if error > 1e-12 else 0.0
    if -1.0 < speed < 0.0:
        out[0] = min(1e6, -math.log(2.0) / math.log1p(speed))
    elif speed <= -1.0:
        out[0] = 0.0


@indicator(
    inputs=("close",),
    outputs=("entropy",),
    parameters={"length": _length(100, 8), "order": Parameter(3, 2, 5, "bars of a pattern")},
    warm_up=lambda length, order: length - 1,
    state=lambda length, order: length + 2 + 120,
    group="statistics",
    source="Christoph Bandt and Bernd Pompe, Permutation Entropy (2002)",
)
def permutation_entropy(state: Array, p: Array, x: Array, out: Array) -> None:
    """Permutation entropy of the window: 1 where all orders of neighbouring prices are as likely, 0 where only one occurs."""
    n, m = int(p[0]), int(p[1])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[0] = math.nan
        return
    counts, kinds = n + 2, 1
    for i in range(2, m + 1):
        kinds *= i
    state[counts : counts + kinds] = 0.0
    for back in range(n - m + 1):
        # The Lehmer code of the pattern: for each price, how many of the later ones are smaller.
        code = 0
        for i in range(m - 1):
            smaller = 0
            for j in range(i + 1, m):
                smaller += window_get(state, 0, n, back + m - 1 - j) < window_get(state, 0, n, back + m - 1 - i)
            code = (code + smaller) * (m - 1 - i)
        state[counts + code] += 1.0
    total, patterns = 0.0, n - m + 1.0
    for kind in range(kinds):
        share = state[counts + kind] / patterns
        total -= share * math.log(share) if share > 0.0 else 0.0
    out[0] = total / math.log(kinds)


def _fraction_weights(length: int, d: float) -> tuple[float, ...]:
    weights = [1.0]
    for k in range(1, length):
        weights.append(-weights[-1] * (d - k + 1.0) / k)
    return (float(length), *weights)


@indicator(
    inputs=("close",),
    outputs=("difference",),
    parameters={
        "length": _length(50, 2, 5_000),
        "d": Parameter(0.4, 0.0, 2.0, "order of the difference: 0 the price, 1 its change"),
    },
    warm_up=lambda length, d: length - 1,
    state=lambda length, d: length + 2,
    prepare=_fraction_weights,
    group="statistics",
    source="J. R. M. Hosking, Fractional Differencing (1981); fixed window as in Lopez de Prado, Advances in Financial ML (2018)",
)
def fractional_difference(state: Array, p: Array, x: Array, out: Array) -> None:
    """Fractional difference of the logarithm of the price: stationary enough to learn from, with memory left in it."""
    n = int(p[0])
    window_push(state, 0, n, math.log(x[0]))
    if int(state[0]) < n:
        out[0] = math.nan
        return
    total = 0.0
    for back in range(n):
        total += p[1 + back] * window_get(state, 0, n, back)
    out[0] = total


@indicator(
    inputs=("close",),
    outputs=("event", "up", "down"),
    parameters={"threshold": Parameter(0.02, 1e-9, 100.0, "log return that has to add up")},
    warm_up=1,
    state=4,
    group="statistics",
    source="E. S. Page (1954); symmetric CUSUM filter, Lopez de Prado, Advances in Financial Machine Learning (2018)",
    recursive=True,
)
def cusum_filter(state: Array, p: Array, x: Array, out: Array) -> None:
    """CUSUM events: 1 (-1) at the bar where log returns up (down) have added up to the threshold; and both sums after it."""
    value = log_return_push(state, 0, x[0])
    if math.isnan(value):
        out[:] = math.nan
        return
    state[2], state[3] = max(0.0, state[2] + value), min(0.0, state[3] + value)
    out[0] = 0.0
    if state[2] >= p[0]:
        out[0], state[2] = 1.0, 0.0
    elif state[3] <= -p[0]:
        out[0], state[3] = -1.0, 0.0
    out[1], out[2] = state[2], state[3]
