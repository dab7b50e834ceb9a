"""Backtests whose runs are counted in the ledger of trials: what a notebook gets from ``quantservice``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from quantservice.app import compiling
from quantservice.app.cli.console import note
from quantservice.app.cli.console import progress as console_progress
from quantservice.app.notebook import origin_of
from quantservice.app.trials import TOLD, Ledger, trial_of
from quantservice.ports import Trial
from quantservice.quant import research
from quantservice.quant.backtest import RunResult
from quantservice.quant.honesty import family_hash
from quantservice.quant.metrics import Confidence
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.evaluate import DONE
from quantservice.quant.optimize.grid import Sweep
from quantservice.quant.reports.report import DRAWS
from quantservice.quant.research import BacktestReport


class Backtest(research.Backtest):
    """A :class:`quantservice.quant.research.Backtest` whose runs are counted for ever in the ledger of trials.

    They are counted in the store that ``load_bars`` took the bars from, else in the usual one, if there is one. The report's
    deflated Sharpe ratio takes the family's number of trials from there.
    """

    def __init__(self, strategy: Any, bars: Any, **given: Any) -> None:
        super().__init__(strategy, bars, **given)
        ledger = Ledger(origin_of(bars))
        self.ledger: Ledger | None = ledger if ledger.exists else None

    def simulate(self, **parameters: Any) -> RunResult:
        """Run; the very first time on a machine it is said why that takes longer."""
        cold = compiling.is_cold()
        if cold:
            note(compiling.FIRST_TIME)
        result = super().simulate(**parameters)
        if cold:
            compiling.note_warm()
        return result

    def run(self, *, gate_seconds: float = 1.0, confidence: Confidence | None = None, **parameters: Any) -> BacktestReport:
        """Run, measure, judge and count. Arguments as in :meth:`quantservice.quant.research.Backtest.run`."""
        if self.ledger is None:
            return super().run(gate_seconds=gate_seconds, confidence=confidence, **parameters)
        family = family_hash(self.strategy)
        before = self.ledger.summary(family)
        known = confidence or Confidence(draws=DRAWS, trials=before.runs + 1, variance=before.sharpe_variance)
        report = super().run(gate_seconds=gate_seconds, confidence=known, **parameters)
        figures = {name: report.metrics.number(name) for name in TOLD}
        strategy = self.strategy(**{**self.parameters, **parameters})
        self.ledger.count([trial_of(strategy, figures, data_fingerprint=report.data_fingerprint, source="notebook")])
        return report

    def sweep(self, *, progress: Callable[[int, int], None] | None = None, **given: Any) -> Sweep:
        """Try every combination and count each; with a bar on a terminal. Arguments as in the base class."""
        with console_progress("sweep") as update:
            found = super().sweep(progress=progress or (lambda done, total: update(done, total, "")), **given)
        if self.ledger is not None:
            self.ledger.count(list(self._trials(found)))
        return found

    def _trials(self, found: Sweep) -> Iterator[Trial]:
        places = {name: FIELDS.index(name) for name in TOLD}
        for number, figures, state in zip(found.numbers, found.figures, found.state, strict=True):
            if state == DONE:
                strategy = self.strategy(**{**self.parameters, **found.space.combination(int(number))})
                known = {name: float(figures[place]) for name, place in places.items()}
                yield trial_of(strategy, known, data_fingerprint=self.data.fingerprint, source="notebook")
