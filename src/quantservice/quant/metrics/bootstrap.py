"""Block bootstrap of daily returns: how far the figures could have been elsewhere by chance."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.jit import jit
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.value import F64, I64

Kind: TypeAlias = Literal["stationary", "circular"]

#: What is computed of each resample, one column each.
STATISTICS: Final = ("sharpe", "sortino", "annual_return", "max_drawdown")
#: Values drawn at once; bounds the memory of a long curve.
_CHUNK: Final = 2_000_000


def block_length(returns: F64, kind: Kind = "stationary") -> float:
    """Return the expected block length of Politis and White (2004, corrected by Patton, Politis, White 2009), at least 1."""
    n = len(returns)
    if n < 8:
        return 1.0
    centred = returns - returns.mean()
    variance = float((centred * centred).mean())
    if variance <= 0.0:
        return 1.0
    most = math.ceil(math.sqrt(n)) + max(5, math.ceil(math.log10(n)))
    rho = (
        np.array([float((centred[k:] * centred[: n - k]).mean()) * (n - k) / n for k in range(1, min(most, n - 1) + 1)]) / variance
    )
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    need = max(5, math.ceil(math.sqrt(math.log10(n))))
    small = np.abs(rho) < bound
    reach = next((k for k in range(len(rho) - need + 1) if small[k : k + need].all()), None)
    if reach is None:
        large = np.flatnonzero(~small)
        reach = int(large[-1]) + 1 if len(large) else 1
    m = min(2 * max(reach, 1), len(rho))
    k = np.arange(1, m + 1)
    window = np.where(k / m <= 0.5, 1.0, 2.0 * (1.0 - k / m))
    covariance = rho[:m] * variance
    slope = 2.0 * float((window * k * covariance).sum())
    level = variance + 2.0 * float((window * covariance).sum())
    spread = (2.0 if kind == "stationary" else 4.0 / 3.0) * level * level
    if spread <= 0.0:
        return 1.0
    length = (2.0 * slope * slope / spread) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(min(max(length, 1.0), math.ceil(min(3.0 * math.sqrt(n), n / 3.0))))


def resample_statistics(
    returns: F64,
    *,
    draws: int,
    seed: int,
    periods: float = 365.0,
    kind: Kind = "stationary",
    block: float | None = None,
    rate: float = 0.0,
    target: float = 0.0,
) -> F64:
    """Return (draws, 4): sharpe, sortino, annual return and max drawdown of each resample of the same length.

    Blocks follow each other round the end of the curve. ``stationary``: their length is random with mean ``block`` (Politis,
    Romano 1994); ``circular``: it is ``block`` rounded (Politis, Romano 1992). One seed gives one answer on every machine.
    ``rate`` and ``target`` are per period.
    """
    if kind not in {"stationary", "circular"}:
        raise UnknownName("bootstrap", kind, ("stationary", "circular"))
    if draws < 1:
        raise InvalidValue("draws", f"{draws} resamples say nothing; 1000 are usual")
    if len(returns) < 2 or not np.isfinite(returns).all():
        raise InvalidValue("returns", "a bootstrap needs two finite returns or more")
    length = block_length(returns, kind) if block is None else block
    if not 1.0 <= length <= len(returns):
        raise InvalidValue("block", f"{length} days is not between 1 and the {len(returns)} days of the curve")
    generator = np.random.Generator(np.random.PCG64(seed))
    out = np.empty((draws, len(STATISTICS)))
    step = max(1, _CHUNK // len(returns))
    for first in range(0, draws, step):
        shape = (min(step, draws - first), len(returns))
        starts = generator.integers(0, len(returns), size=shape, dtype=np.int64)
        if kind == "stationary":
            fresh = generator.random(shape) < 1.0 / length
        else:
            fresh = np.broadcast_to(np.arange(len(returns)) % round(length) == 0, shape)
        _measure_draws(returns, starts, np.ascontiguousarray(fresh), rate, target, periods, out[first : first + shape[0]])
    return out


def percentiles(values: F64) -> tuple[float, float]:
    """Return the 5th and 95th percentile of the finite values; NaN when fewer than half of them are."""
    finite = values[np.isfinite(values)]
    if len(finite) * 2 < len(values):
        return math.nan, math.nan
    low, high = np.percentile(finite, (5.0, 95.0))
    return float(low), float(high)


@jit
def _measure_draws(returns: F64, starts: I64, fresh: F64, rate: float, target: float, periods: float, out: F64) -> None:
    """Walk each row's blocks once and write its statistics; two-pass arithmetic, as the figures themselves."""
    draws, n = starts.shape
    path = np.empty(n)
    for d in range(draws):
        at = 0
        total = 0.0
        value, peak, depth = 1.0, 1.0, 0.0
        below = 0.0
        for i in range(n):
            at = starts[d, i] if i == 0 or fresh[d, i] else at + 1
            if at == n:
                at = 0
            r = returns[at]
            path[i] = r
            total += r
            value *= 1.0 + r
            peak = max(peak, value)
            depth = min(depth, value / peak - 1.0)
            if r < target:
                below += (r - target) * (r - target)
        mean = total / n
        squares = 0.0
        for i in range(n):
            squares += (path[i] - mean) * (path[i] - mean)
        spread = np.sqrt(squares / (n - 1))
        out[d, 0] = (mean - rate) / spread * np.sqrt(periods) if spread > 0.0 else np.nan
        out[d, 1] = (mean - target) / np.sqrt(below / n) * np.sqrt(periods) if below > 0.0 else np.inf
        out[d, 2] = value ** (periods / n) - 1.0 if value > 0.0 else -1.0
        out[d, 3] = depth


def interval_of(returns: F64, statistic: str, *, draws: int = 2000, seed: int = 1, periods: float = 365.0) -> tuple[float, float]:
    """Return the 5 % and 95 % bounds of one of `STATISTICS`."""
    if statistic not in STATISTICS:
        raise UnknownName("statistic", statistic, STATISTICS)
    found = resample_statistics(returns, draws=draws, seed=seed, periods=periods)
    return percentiles(found[:, STATISTICS.index(statistic)])


def significance(returns: F64) -> float:
    """Return the one-sided p-value of a mean above zero with the Newey-West standard error (Bartlett weights)."""
    n = len(returns)
    if n < 3:
        return math.nan
    lags = ratios.lags_of(n)
    centred = returns - returns.mean()
    variance = float((centred * centred).mean())
    for k in range(1, lags + 1):
        variance += 2.0 * (1.0 - k / (lags + 1.0)) * float((centred[k:] * centred[:-k]).sum()) / n
    if variance <= 0.0:
        return math.nan
    return 0.5 * math.erfc(float(returns.mean()) / math.sqrt(variance / n) / math.sqrt(2.0))
