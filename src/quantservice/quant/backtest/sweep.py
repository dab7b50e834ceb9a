"""Many runs over the same market: figures of each from sums, in memory that does not grow with their number."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.machine import Machine
from quantservice.quant.backtest.plan import Plan
from quantservice.quant.backtest.tables import F64
from quantservice.quant.backtest.targets import target_matrix
from quantservice.quant.metrics.ratios import per_period
from quantservice.quant.metrics.summary import FIELDS, finish
from quantservice.quant.metrics.value import Settings

_Combination = TypeVar("_Combination")


class Sweeper:
    """Runs targets over one market and keeps nothing but figures. Threads may share it: each has a machine of its own."""

    def __init__(self, data: MarketData, assumptions: Assumptions | None = None, settings: Settings | None = None) -> None:
        self.plan = Plan(data, assumptions or Assumptions())
        self.settings = settings or Settings()
        self._own = threading.local()

    def figures(self, targets: Any) -> F64:
        """Run targets (as :func:`run_targets` takes them); return one value per name of ``quant.metrics.summary.FIELDS``."""
        return self.run(targets)[0]

    def run(self, targets: Any) -> tuple[F64, F64]:
        """Run targets; return the figures and the equity at the end of each UTC day, the one before the run first."""
        data = self.plan.data
        matrix = target_matrix(data, targets, self.plan.assumptions)
        machine: Machine | None = getattr(self._own, "machine", None)
        if machine is None:
            machine = self._own.machine = Machine(self.plan, targets=matrix, record=False, curve=False, sums=True)
        else:
            machine.restart(matrix)
        machine.advance(len(data.time) - 1)
        machine.conclude()
        settings, out = self.settings, np.empty(len(FIELDS))
        rate, target = per_period(settings.risk_free, settings.periods), per_period(settings.target, settings.periods)
        finish(machine.sums, machine.daily, settings.periods, rate, target, settings.risk_free, settings.min_days, out)
        return out, machine.daily.copy()


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Figures of n combinations: ``figures`` (n, len(FIELDS)), NaN where not ``done`` (n,)."""

    figures: F64
    done: npt.NDArray[np.bool_]

    def column(self, name: str) -> F64:
        """Return one figure of all combinations."""
        return self.figures[:, FIELDS.index(name)]


def sweep(
    data: MarketData,
    make_targets: Callable[[_Combination], Any],
    combinations: Sequence[_Combination],
    assumptions: Assumptions | None = None,
    *,
    settings: Settings | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SweepResult:
    """Run ``make_targets(combination)`` for every combination, over ``threads`` threads (default: one per processor).

    ``progress(done, of)`` is called after each; when ``cancelled()`` says so, those not begun are left out. What
    ``make_targets`` raises comes through, after the combinations at work.
    """
    sweeper, count = Sweeper(data, assumptions, settings), len(combinations)
    figures, done = np.full((count, len(FIELDS)), np.nan), np.zeros(count, dtype=np.bool_)
    stop, lock = threading.Event(), threading.Lock()

    def one(place: int) -> None:
        if stop.is_set() or (cancelled is not None and cancelled()):
            stop.set()
            return
        try:
            figures[place] = sweeper.figures(make_targets(combinations[place]))
        except BaseException:
            stop.set()
            raise
        done[place] = True
        if progress is not None:
            with lock:
                progress(int(done.sum()), count)

    workers = max(1, min(threads or os.cpu_count() or 1, count))
    if count and workers == 1:
        for place in range(count):
            one(place)
    elif count:
        one(0)  # whatever must be compiled is, before there are threads
        with ThreadPoolExecutor(workers) as pool:
            for found in [pool.submit(one, place) for place in range(1, count)]:
                found.result()
    return SweepResult(figures, done)
