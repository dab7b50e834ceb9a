"""What is left of a Sharpe ratio once one asks how it was found: probabilistic, deflated, overfitting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.jit import jit
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.value import F64, I64, NAN

_NORMAL: Final = NormalDist()
EULER_GAMMA: Final = 0.577_215_664_901_532_9


def probability_above(one: float, n: int, skew: float, kurtosis: float, threshold: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above ``threshold``, both per period.

    ``one`` was measured on ``n`` returns of this skewness and kurtosis (3 for a normal curve). Bailey, López de Prado, "The
    Sharpe ratio efficient frontier", Journal of Risk 15 (2012), equation 8.
    """
    inner = _spread(one, skew, kurtosis)
    return _NORMAL.cdf((one - threshold) * math.sqrt(n - 1) / math.sqrt(inner)) if n > 1 and not math.isnan(inner) else NAN


def probabilistic_sharpe(returns: F64, threshold: float = 0.0, rate: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio of these returns is above ``threshold``, both per period."""
    return probability_above(ratios.sharpe(returns, 1.0, rate), len(returns), *ratios.moments(returns), threshold)


def _spread(one: float, skew: float, kurtosis: float) -> float:
    """``1 - γ₃ SR + (γ₄ - 1) / 4 SR²``; NaN where it is not positive."""
    inner = 1.0 - skew * one + (kurtosis - 1.0) / 4.0 * one * one
    return inner if inner > 0.0 else NAN


def expected_best(trials: int, variance: float) -> float:
    """Return the Sharpe ratio (per period) that the best of so many worthless trials is expected to show.

    ``variance`` is that of the trials' Sharpe ratios. Bailey, López de Prado, "The deflated Sharpe ratio", Journal of
    Portfolio Management 40 (2014), equation 1. One trial is no selection: 0.
    """
    if trials < 1:
        raise InvalidValue("trials", f"a result comes from one trial or more, not from {trials}")
    if not variance >= 0.0:
        raise InvalidValue("variance", f"a variance of Sharpe ratios cannot be {variance}")
    if trials == 1:
        return 0.0
    usual = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    extreme = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * usual + EULER_GAMMA * extreme)


def deflated_sharpe(returns: F64, trials: int, variance: float, rate: float = 0.0) -> float:
    """Return the probability that the Sharpe ratio is real after ``trials`` tries: PSR against the expected best."""
    return probabilistic_sharpe(returns, expected_best(trials, variance), rate)


def record_needed(one: float, skew: float, kurtosis: float, threshold: float = 0.0, confidence: float = 0.95) -> float:
    """Return how many periods are needed to believe that a Sharpe ratio is above ``threshold`` (both per period).

    Bailey, López de Prado 2012, equation 11; NaN when the ratio is not above the threshold.
    """
    inner = _spread(one, skew, kurtosis)
    if math.isnan(inner) or one <= threshold:
        return NAN
    return 1.0 + inner * (_NORMAL.inv_cdf(confidence) / (one - threshold)) ** 2


def minimum_track_record(returns: F64, threshold: float = 0.0, confidence: float = 0.95, rate: float = 0.0) -> float:
    """Return how many periods are needed to believe that the Sharpe ratio of these returns is above ``threshold``."""
    return record_needed(ratios.sharpe(returns, 1.0, rate), *ratios.moments(returns), threshold, confidence)


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What combinatorially symmetric cross-validation found.

    ``probability`` is the PBO; ``logits`` (C,) one per split, negative where the best in sample was below the median out of
    sample; ``best_in``, ``best_out`` (C,) the Sharpe ratio (per period) of the one chosen in sample, in and out of sample.
    ``loss`` is the share of splits in which it lost out of sample, ``slope`` that of out-of-sample on in-sample.
    """

    probability: float
    logits: F64
    best_in: F64
    best_out: F64
    loss: float
    slope: float


def overfitting(returns: F64, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting of a set of trials.

    ``returns`` is (T, N): daily returns of each of the N trials, on one clock. The T days are cut into an even number of
    ``blocks``; each half of them once plays the sample. Bailey, Borwein, López de Prado, Zhu, "The probability of backtest
    overfitting", Journal of Computational Finance 20 (2017).
    """
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise InvalidValue("trials", "overfitting is asked of two trials or more")
    if blocks < 2 or blocks % 2 or blocks > 20:
        raise InvalidValue("blocks", f"{blocks} is not an even number from 2 to 20")
    size = len(returns) // blocks
    if size < 2:
        raise InvalidValue("returns", f"{len(returns)} days cannot be cut into {blocks} blocks of two days or more")
    cut = np.ascontiguousarray(returns[: size * blocks], dtype=np.float64)
    if not np.isfinite(cut).all():
        raise InvalidValue("returns", "a trial has a return that is not a number")
    parts = cut.reshape(blocks, size, -1)
    sums, squares = parts.sum(axis=1), (parts * parts).sum(axis=1)
    halves = np.array(list(combinations(range(blocks), blocks // 2)), dtype=np.int64)
    logits, best_in, best_out = np.empty(len(halves)), np.empty(len(halves)), np.empty(len(halves))
    _compare_halves(sums, squares, halves, size, logits, best_in, best_out)
    spread = best_in - best_in.mean()
    slope = ratios.over(float((spread * best_out).sum()), float((spread * spread).sum()))
    return Overfitting(float((logits <= 0.0).mean()), logits, best_in, best_out, float((best_out < 0.0).mean()), slope)


@jit
def _compare_halves(sums: F64, squares: F64, halves: I64, size: int, logits: F64, best_in: F64, best_out: F64) -> None:
    """For each choice of blocks find the best trial inside and its rank outside."""
    blocks, trials = sums.shape
    days = size * (blocks // 2)
    total, total_squares = np.zeros(trials), np.zeros(trials)
    for b in range(blocks):
        for t in range(trials):
            total[t] += sums[b, t]
            total_squares[t] += squares[b, t]
    inside, outside = np.empty(trials), np.empty(trials)
    for c in range(halves.shape[0]):
        for t in range(trials):
            s, q = 0.0, 0.0
            for k in range(halves.shape[1]):
                s += sums[halves[c, k], t]
                q += squares[halves[c, k], t]
            inside[t] = _ratio(s, q, days)
            outside[t] = _ratio(total[t] - s, total_squares[t] - q, days)
        chosen = 0
        for t in range(1, trials):
            if inside[t] > inside[chosen]:
                chosen = t
        # The rank is the middle one among equals, so that identical trials are neither good nor bad.
        worse, equal = 0, 0
        for t in range(trials):
            if outside[t] < outside[chosen]:
                worse += 1
            elif outside[t] == outside[chosen]:
                equal += 1
        rank = (worse + (equal + 1) / 2.0) / (trials + 1.0)
        logits[c] = np.log(rank / (1.0 - rank))
        best_in[c], best_out[c] = inside[chosen], outside[chosen]


@jit
def _ratio(total: float, squares: float, days: int) -> float:
    """Sharpe ratio per day of sums; 0 where returns do not vary."""
    mean = total / days
    variance = (squares - total * mean) / (days - 1)
    return mean / np.sqrt(variance) if variance > 1e-24 else 0.0


def degradation(sharpe_in: float, sharpe_out: float) -> float:
    """Return the part of the Sharpe ratio that was lost out of sample; NaN unless it was positive in sample."""
    return 1.0 - sharpe_out / sharpe_in if sharpe_in > 0.0 else NAN


def walk_forward_efficiency(inside: Sequence[F64], outside: Sequence[F64], periods: float = 365.0) -> float:
    """Return annual return out of sample over annual return in sample, of all windows joined (Pardo, 1992)."""
    if not len(inside) or not len(outside):
        return NAN
    before = ratios.annual_return(np.concatenate(list(inside)), periods)
    after = ratios.annual_return(np.concatenate(list(outside)), periods)
    return after / before if before > 0.0 else NAN


def variance_of(sharpes: npt.ArrayLike) -> float:
    """Return the sample variance of trials' Sharpe ratios (per period), those that are undefined left out; 0 of one trial."""
    values = np.asarray(sharpes, dtype=np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.var(ddof=1)) if len(finite) > 1 else 0.0
