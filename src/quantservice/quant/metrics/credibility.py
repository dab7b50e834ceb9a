"""Figures that say whether the others can be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.arrays import RunArrays
from quantservice.quant.metrics.bootstrap import STATISTICS, Kind, percentiles, resample_statistics, significance
from quantservice.quant.metrics.curve import FLAT, broken
from quantservice.quant.metrics.selection import (
    deflated_sharpe,
    degradation,
    minimum_track_record,
    overfitting,
    probabilistic_sharpe,
    walk_forward_efficiency,
)
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import F64, NAN

#: Daily returns without which no probability is said.
FEW_DAYS: Final = 30


@dataclass(frozen=True, eq=False, kw_only=True)
class Confidence:
    """What only the outside of a run knows, and how much is asked.

    - ``draws``: bootstrap resamples (0: none), with ``seed``, ``kind`` and ``block`` (mean days; None: chosen by the data).
    - ``trials``: runs of this strategy family ever made, this one included (0: not known); ``variance`` of their Sharpe ratios
      per day. None: the variance that worthless trials of this length would have, 1 / (n - 1).
    - ``trial_returns`` (T, N): daily returns of the trials of a sweep, for PBO, cut into ``blocks``.
    - ``inside``, ``outside``: daily returns of the in-sample and out-of-sample windows, in order.
    - ``parity``: share of live decisions that a replay repeats.
    """

    draws: int = 0
    seed: int = 1
    kind: Kind = "stationary"
    block: float | None = None
    trials: int = 0
    variance: float | None = None
    trial_returns: F64 | None = None
    blocks: int = 16
    inside: tuple[F64, ...] = ()
    outside: tuple[F64, ...] = ()
    parity: float | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "trials"):
            if getattr(self, name) < 0:
                raise InvalidValue(name, f"a count cannot be {getattr(self, name)}")


def put_credibility(sheet: Sheet, run: RunArrays, known: Confidence) -> None:
    """Write the group *Credibility*."""
    fault = broken(run)
    r = run.daily.returns if not fault else np.zeros(0)
    few = fault or (f"{len(r)} daily returns; probabilities need {FEW_DAYS}" if len(r) < FEW_DAYS else "")
    rate = ratios.per_period(sheet.settings.risk_free, sheet.settings.periods)
    sheet.ratio("psr", NAN if few else probabilistic_sharpe(r, 0.0, rate), undefined=few or FLAT)
    _put_deflated(sheet, r, few, rate, known)
    _put_overfitting(sheet, known)
    sheet.ratio("p_value_mean", NAN if few else significance(r), undefined=few or FLAT)
    losing = "the Sharpe ratio is not above zero: no length of record would do"
    length = NAN if few else minimum_track_record(r, 0.0, 0.95, rate)
    sheet.ratio("min_track_record", length, undefined=few or (FLAT if ratios.deviation(r) == 0.0 else losing))
    _put_intervals(sheet, r, few, rate, known)
    _put_windows(sheet, known)
    sheet.put("parity_score", NAN if known.parity is None else known.parity, "no live record" if known.parity is None else "")
    for name, count in (("synthetic_share", run.synthetic), ("stale_share", run.stale)):
        sheet.put(
            name, NAN if count is None else count / len(run.time), "the quality of bars was not given" if count is None else ""
        )


def _put_deflated(sheet: Sheet, r: F64, few: str, rate: float, known: Confidence) -> None:
    unknown = "the number of trials is not known"
    sheet.put("dsr_trials", float(known.trials) if known.trials else NAN, "" if known.trials else unknown)
    if few or not known.trials:
        sheet.none(few or unknown, "dsr")
        return
    variance = 1.0 / (len(r) - 1) if known.variance is None else known.variance
    assumed = "variance of the trials not recorded; that of worthless trials is assumed"
    value = deflated_sharpe(r, known.trials, variance, rate)
    sheet.put("dsr", value, FLAT if math.isnan(value) else assumed if known.variance is None and known.trials > 1 else "")


def _put_overfitting(sheet: Sheet, known: Confidence) -> None:
    trials = known.trial_returns
    if trials is None or trials.shape[1] < 2:
        sheet.none("needs the daily returns of two trials or more (a sweep)", "pbo")
    elif len(trials) < 2 * known.blocks:
        sheet.none(f"{len(trials)} days cannot be cut into {known.blocks} blocks", "pbo")
    else:
        sheet.put("pbo", overfitting(trials, known.blocks).probability)


def _put_intervals(sheet: Sheet, r: F64, few: str, rate: float, known: Confidence) -> None:
    names = [f"{name}_ci_{side}" for name in STATISTICS for side in (5, 95)]
    if few or not known.draws or ratios.deviation(r) == 0.0:
        sheet.none(few or ("the bootstrap is off" if not known.draws else FLAT), *names)
        return
    target = ratios.per_period(sheet.settings.target, sheet.settings.periods)
    found = resample_statistics(
        r,
        draws=known.draws,
        seed=known.seed,
        periods=sheet.settings.periods,
        kind=known.kind,
        block=known.block,
        rate=rate,
        target=target,
    )
    for k, name in enumerate(STATISTICS):
        low, high = percentiles(found[:, k])
        sheet.ratio(f"{name}_ci_5", low, undefined="most resamples have no value")
        sheet.ratio(f"{name}_ci_95", high, undefined="most resamples have no value")


def _put_windows(sheet: Sheet, known: Confidence) -> None:
    if not known.inside or not known.outside:
        sheet.none("no part was kept out of sample", "is_oos_degradation", "walk_forward_efficiency")
        return
    before, after = np.concatenate(known.inside), np.concatenate(known.outside)
    lost = degradation(ratios.sharpe(before), ratios.sharpe(after))
    sheet.ratio("is_oos_degradation", lost, undefined="the Sharpe ratio in sample is not positive")
    efficiency = walk_forward_efficiency(known.inside, known.outside, sheet.settings.periods)
    sheet.ratio("walk_forward_efficiency", efficiency, undefined="the return in sample is not positive")
