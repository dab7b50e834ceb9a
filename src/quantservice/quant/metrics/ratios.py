"""Ratios of one series of simple returns per period; nothing here knows a clock.

``periods`` is the number of such periods in a year. Returns must be finite. What is undefined is NaN; a positive value
over nothing is infinity. Formulas and sources stand in the catalogue.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics.value import F64, INFINITE, NAN

#: A spread smaller than this part of the mean is rounding, not dispersion.
ROUNDING: Final = 1e-12


def over(numerator: float, denominator: float) -> float:
    """Divide; a positive number over zero is infinity, anything else over zero is NaN."""
    if denominator == 0.0 or math.isnan(denominator):
        return INFINITE if numerator > 0.0 and denominator == 0.0 else NAN
    return numerator / denominator


def grow(total: float, exponent: float) -> float:
    """Return ``total ** exponent - 1``; NaN where that is beyond any number or nothing is left to grow."""
    try:
        return math.pow(total, exponent) - 1.0 if total > 0.0 else NAN
    except OverflowError:
        return NAN


def per_period(yearly: float, periods: float) -> float:
    """Convert a yearly rate to one per period by compounding: ``(1 + yearly)^(1 / periods) - 1``."""
    if yearly <= -1.0:
        raise InvalidValue("rate", f"a yearly rate must be more than -1, not {yearly}")
    return math.pow(1.0 + yearly, 1.0 / periods) - 1.0


def compounded(returns: F64) -> float:
    """Return the total of simple returns over time: ``prod(1 + r) - 1``."""
    return float(np.prod(1.0 + returns) - 1.0)


def deviation(returns: F64) -> float:
    """Return the sample standard deviation (ddof=1); 0 where the spread is rounding only."""
    if len(returns) < 2:
        return NAN
    spread = float(np.std(returns, ddof=1))
    return 0.0 if spread <= ROUNDING * abs(float(np.mean(returns))) else spread


def annual_return(returns: F64, periods: float) -> float:
    """Return the geometric return per year, by the number of samples."""
    total = 1.0 + compounded(returns)
    return grow(total, periods / len(returns)) if len(returns) else NAN


def annual_volatility(returns: F64, periods: float) -> float:
    """Return the standard deviation per year (ddof=1)."""
    return deviation(returns) * math.sqrt(periods)


def sharpe(returns: F64, periods: float = 1.0, rate: float | F64 = 0.0) -> float:
    """Return mean over standard deviation (ddof=1) of ``returns - rate`` (per period), times √periods."""
    excess = returns - rate
    spread = deviation(excess)
    return float(np.mean(excess)) / spread * math.sqrt(periods) if spread > 0.0 else NAN


def downside_deviation(returns: F64, periods: float = 1.0, target: float | F64 = 0.0) -> float:
    """Return √(mean(min(0, r - target)²)) over all periods, per year."""
    if not len(returns):
        return NAN
    below = np.minimum(returns - target, 0.0)
    return math.sqrt(float(np.mean(below * below)) * periods)


def sortino(returns: F64, periods: float = 1.0, target: float | F64 = 0.0) -> float:
    """Return the mean above ``target`` (per period) over the downside deviation, times √periods."""
    if len(returns) < 2:
        return NAN
    return over(float(np.mean(returns - target)) * math.sqrt(periods), downside_deviation(returns, 1.0, target))


def omega(returns: F64, threshold: float | F64 = 0.0) -> float:
    """Return gains over losses around a threshold per period."""
    excess = returns - threshold
    return over(float(excess[excess > 0.0].sum()), float(-excess[excess < 0.0].sum()))


def gain_to_pain(returns: F64, threshold: float = 0.0) -> float:
    """Return the sum above the threshold over the sum of what fell below it."""
    excess = returns - threshold
    return over(float(excess.sum()), float(-excess[excess < 0.0].sum()))


def tail_ratio(returns: F64) -> float:
    """Return |95th percentile| / |5th percentile| (linear interpolation)."""
    if not len(returns):
        return NAN
    high, low = np.percentile(returns, (95.0, 5.0))
    return over(abs(float(high)), abs(float(low)))


def moments(returns: F64) -> tuple[float, float]:
    """Return skewness and kurtosis (3 for a normal curve) as population moments; NaN without dispersion."""
    if len(returns) < 2:
        return NAN, NAN
    centred = returns - returns.mean()
    squares = centred * centred
    variance = float(squares.mean())
    if variance <= (ROUNDING * abs(float(returns.mean()))) ** 2:
        return NAN, NAN
    return float((squares * centred).mean()) / variance**1.5, float((squares * squares).mean()) / variance**2


def skewness(returns: F64) -> float:
    """Return the adjusted Fisher-Pearson skewness (as pandas prints it)."""
    n = len(returns)
    return math.sqrt(n * (n - 1)) / (n - 2) * moments(returns)[0] if n > 2 else NAN


def excess_kurtosis(returns: F64) -> float:
    """Return the adjusted excess kurtosis (as pandas prints it)."""
    n = len(returns)
    if n < 4:
        return NAN
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (moments(returns)[1] - 3.0) + 6.0)


def drawdown_series(returns: F64) -> F64:
    """Return the drawdown after each period (0 or negative); the peak begins at 1, before the first."""
    value = np.cumprod(1.0 + returns)
    return value / np.maximum(np.maximum.accumulate(value), 1.0) - 1.0


def max_drawdown(returns: F64) -> float:
    """Return the deepest drawdown (0 or negative)."""
    return float(drawdown_series(returns).min(initial=0.0)) if len(returns) else NAN


def ulcer_index(returns: F64) -> float:
    """Return √(mean(drawdown²))."""
    return math.sqrt(float(np.mean(drawdown_series(returns) ** 2))) if len(returns) else NAN


def beta(returns: F64, benchmark: F64) -> float:
    """Return cov / var of the benchmark."""
    if len(returns) < 2:
        return NAN
    centred = benchmark - benchmark.mean()
    variance = float(np.mean(centred * centred))
    return float(np.mean(centred * returns)) / variance if variance >= 1e-30 else NAN


def alpha(
    returns: F64, benchmark: F64, periods: float, rate: float = 0.0, *, annualise: Literal["linear", "compound"] = "linear"
) -> float:
    """Return Jensen's alpha per year: linear (mean times periods), or compounded as empyrical does."""
    slope = beta(returns, benchmark)
    excess = float(np.mean(returns - rate)) - slope * float(np.mean(benchmark - rate)) if len(returns) else NAN
    return excess * periods if annualise == "linear" else math.pow(1.0 + excess, periods) - 1.0


def r_squared(returns: F64, benchmark: F64) -> float:
    """Return the squared correlation."""
    a, b = returns - returns.mean(), benchmark - benchmark.mean()
    spread = float((a * a).sum() * (b * b).sum())
    return float((a * b).sum()) ** 2 / spread if spread > 0.0 else NAN


def capture(returns: F64, benchmark: F64, periods: float, *, side: Literal["both", "up", "down"] = "both") -> float:
    """Return the annual return over the benchmark's, over all periods or those in which the benchmark rose or fell."""
    if side != "both":
        chosen = benchmark > 0.0 if side == "up" else benchmark < 0.0
        returns, benchmark = returns[chosen], benchmark[chosen]
    if not len(returns):
        return NAN
    whole = annual_return(benchmark, periods)
    return annual_return(returns, periods) / whole if whole != 0.0 else NAN


def batting_average(returns: F64, benchmark: F64) -> tuple[float, float, float]:
    """Return the share of periods better than the benchmark: of all, of those it did not fall, of those it fell."""
    better = returns > benchmark
    rising = benchmark >= 0.0
    shares = [float(part.mean()) if len(part) else NAN for part in (better, better[rising], better[~rising])]
    return shares[0], shares[1], shares[2]


def beta_fragility(returns: F64, benchmark: F64) -> float:
    """Return the heuristic of Taleb, Canetti et al. for how much losses grow with the benchmark's moves."""
    if len(returns) < 3:
        return NAN
    order = np.argsort(benchmark, kind="stable")
    low, middle, high = order[0], order[len(order) // 2], order[-1]
    span = benchmark[high] - benchmark[low]
    weight_low = weight_high = 0.5
    if span != 0.0:
        weight_low = float((benchmark[high] - benchmark[middle]) / span)
        weight_high = float((benchmark[middle] - benchmark[low]) / span)
    return float(weight_low * returns[low] + weight_high * returns[high] - returns[middle])


def stability(returns: F64) -> float:
    """Return R² of a straight line through the cumulated log returns."""
    if len(returns) < 2:
        return NAN
    path = np.cumsum(np.log1p(returns))
    return r_squared(path, np.arange(len(path), dtype=np.float64))


def autocorrelation(returns: F64, lag: int) -> float:
    """Return the autocorrelation at a lag (covariance over the whole sample's variance)."""
    centred = returns - returns.mean()
    variance = float((centred * centred).sum())
    return float((centred[lag:] * centred[:-lag]).sum()) / variance if variance > 0.0 and lag < len(returns) else NAN


def lags_of(n: int) -> int:
    """Return how many autocorrelations are trusted with n observations: ``⌊4 (n / 100)^(2/9)⌋`` (Newey, West 1994)."""
    return max(1, min(int(4.0 * (n / 100.0) ** (2.0 / 9.0)), n - 2))


def lo_sharpe(returns: F64, periods: float, rate: float = 0.0) -> float:
    """Return the Sharpe ratio per year with Lo's (2002) factor in place of √periods."""
    one = sharpe(returns, 1.0, rate)
    if math.isnan(one) or len(returns) < 4:
        return NAN
    total = sum((periods - k) * autocorrelation(returns, k) for k in range(1, lags_of(len(returns)) + 1))
    inner = periods + 2.0 * total
    return one * periods / math.sqrt(inner) if inner > 0.0 else NAN


def autocorrelation_penalty(returns: F64) -> float:
    """Return quantstats' penalty for returns that follow each other: ``√(1 + 2 Σ (n - k) / n |ρ|^k)``."""
    n = len(returns)
    if n < 3:
        return 1.0
    a, b = returns[:-1] - returns[:-1].mean(), returns[1:] - returns[1:].mean()
    spread = math.sqrt(float((a * a).sum() * (b * b).sum()))
    # Two lines that do not vary beyond the rounding of an equity curve have no correlation, only noise.
    if min(float(np.abs(a).max()), float(np.abs(b).max())) <= 1e-12 * (1.0 + float(np.abs(returns).max())):
        return 1.0
    k = np.arange(1, n)
    return math.sqrt(1.0 + 2.0 * float(np.sum((n - k) / n * abs(float((a * b).sum()) / spread) ** k)))
