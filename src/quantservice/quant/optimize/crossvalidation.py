"""Combinatorial purged cross-validation: every choice of test groups once, and the paths that the tests make up.

López de Prado, "Advances in financial machine learning" (2018), chapters 7 (purging, embargo) and 12 (CPCV).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.selection import overfitting

F64: TypeAlias = npt.NDArray[np.float64]
B8: TypeAlias = npt.NDArray[np.bool_]
_LEAST_DAYS: Final = 2


@dataclass(frozen=True, eq=False)
class Split:
    """One choice: the numbers of its test groups, and which days (T,) train and which test."""

    groups: tuple[int, ...]
    train: B8
    test: B8


def borders(days: int, groups: int) -> list[tuple[int, int]]:
    """Cut ``days`` into groups of as equal a length as can be; return ``[start, end)`` of each."""
    if days < groups * _LEAST_DAYS:
        raise InvalidValue("groups", f"{days} days cannot be cut into {groups} groups of {_LEAST_DAYS} days or more")
    cuts = np.linspace(0, days, groups + 1).round().astype(int)
    return [(int(cuts[place]), int(cuts[place + 1])) for place in range(groups)]


def splits(days: int, groups: int, test_groups: int, *, purge: int = 0, embargo: int = 0) -> list[Split]:
    """Return every split of ``days``: C(groups, test_groups) of them.

    ``purge`` days on both sides of a test group do not train, and ``embargo`` more after it: what is held over the border, or
    remembered beyond it, would let the training see the test.
    """
    if not 1 <= test_groups < groups:
        raise InvalidValue("test_groups", f"{test_groups} of {groups} groups leave nothing to train on")
    cut = borders(days, groups)
    found = []
    for chosen in combinations(range(groups), test_groups):
        test = np.zeros(days, dtype=np.bool_)
        shut = np.zeros(days, dtype=np.bool_)
        for group in chosen:
            start, end = cut[group]
            test[start:end] = True
            shut[max(start - purge, 0) : end + purge + embargo] = True
        train = ~shut & ~test
        if train.sum() < _LEAST_DAYS:
            raise InvalidValue("purge_days", f"purge and embargo leave nothing to train on beside the test groups {chosen}")
        found.append(Split(chosen, train, test))
    return found


def path_count(groups: int, test_groups: int) -> int:
    """Return how many whole paths the splits make up: C(groups - 1, test_groups - 1)."""
    return math.comb(groups - 1, test_groups - 1)


def paths(groups: int, test_groups: int) -> npt.NDArray[np.int64]:
    """Return (paths, groups): from which split (in the order of :func:`splits`) each path takes each group's test.

    The p-th path takes the p-th split in which the group is tested, so every test of every split is used once.
    """
    chosen = list(combinations(range(groups), test_groups))
    table = np.empty((path_count(groups, test_groups), groups), dtype=np.int64)
    for group in range(groups):
        table[:, group] = [number for number, item in enumerate(chosen) if group in item]
    return table


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What the paths say.

    ``returns`` (paths, T) are the daily returns of each path, ``chosen`` (splits,) the trial that each split took. ``inside``,
    ``outside`` (splits,) are the scores of the chosen trial in training and in test.
    """

    returns: F64
    chosen: npt.NDArray[np.int64]
    inside: F64
    outside: F64
    overfit: float

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain JSON."""
        sharpes = np.array([ratios.sharpe(path) for path in self.returns])
        totals = np.array([ratios.compounded(path) for path in self.returns])
        known = sharpes[np.isfinite(sharpes)]
        return {
            "splits": len(self.chosen),
            "paths": len(self.returns),
            "sharpe_daily_mean": float(known.mean()) if len(known) else math.nan,
            "sharpe_daily_std": float(known.std(ddof=1)) if len(known) > 1 else math.nan,
            "sharpe_daily_worst": float(known.min()) if len(known) else math.nan,
            "sharpe_daily_best": float(known.max()) if len(known) else math.nan,
            "paths_that_lost": float((totals < 0).mean()),
            "total_return_median": float(np.median(totals)),
            "probability_of_overfitting": self.overfit,
            "distinct_choices": len(np.unique(self.chosen)),
        }


def scores(returns: F64, objective: str) -> F64:
    """Return the score of each trial (N,) over daily returns (T, N); -inf where it is not defined."""
    if objective == "total_return":
        found = np.prod(1.0 + returns, axis=0) - 1.0
    else:
        mean = returns.mean(axis=0)
        if objective == "sharpe_daily":
            spread = returns.std(axis=0, ddof=1)
        elif objective == "sortino_daily":
            spread = np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=0))
        else:
            raise InvalidValue("objective", f"{objective!r} is none of sharpe_daily, sortino_daily, total_return")
        # What gained and never lost has no finite Sortino and is better than any that has; a Sharpe without spread says nothing.
        without = np.where((mean > 0.0) & (objective == "sortino_daily"), np.inf, -np.inf)
        found = np.where(spread > 1e-12, mean / np.where(spread > 1e-12, spread, 1.0), without)
    return np.where(np.isnan(found), -np.inf, found)


def cross_validate(
    returns: F64, groups: int, test_groups: int, *, objective: str = "sharpe_daily", purge: int = 0, embargo: int = 0
) -> CrossValidation:
    """Cross-validate the choice among trials: ``returns`` (T, N) are daily returns of N trials, each run once over all days."""
    days, trials = returns.shape
    if trials < 1 or not np.isfinite(returns).all():
        raise InvalidValue("returns", "cross-validation needs one trial or more with a return for every day")
    found = splits(days, groups, test_groups, purge=purge, embargo=embargo)
    chosen = np.empty(len(found), dtype=np.int64)
    inside, outside = np.empty(len(found)), np.empty(len(found))
    for number, split in enumerate(found):
        within = scores(returns[split.train], objective)
        chosen[number] = int(np.argmax(within))
        inside[number] = within[chosen[number]]
        outside[number] = scores(returns[split.test][:, [chosen[number]]], objective)[0]
    cut = borders(days, groups)
    table = paths(groups, test_groups)
    made = np.empty((len(table), days))
    for path, sources in enumerate(table):
        for group, source in enumerate(sources):
            start, end = cut[group]
            made[path, start:end] = returns[start:end, chosen[source]]
    blocks = min(16, days // 2 // 2 * 2)
    overfit = overfitting(returns, blocks).probability if trials > 1 and blocks >= 2 else math.nan
    return CrossValidation(made, chosen, inside, outside, overfit)
