"""A sweep in a notebook: every combination's figures as a table, the best one as a report."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.evaluate import DONE, STATES, Evaluator
from quantservice.quant.optimize.objective import Objective
from quantservice.quant.optimize.space import Space
from quantservice.quant.reports import Table
from quantservice.quant.strategies.base import is_vectorised

if TYPE_CHECKING:
    from quantservice.quant.optimize.market import Market
    from quantservice.quant.research import Backtest, BacktestReport
    from quantservice.quant.strategies.parameters import Value

Progress = Callable[[int, int], None]
_AT_ONCE: Final = 16
_MOST_THREADS: Final = 8  # each has an account and indicators of its own
#: Figures that are shown of each combination.
_SHOWN: Final = ("total_return", "sharpe", "max_drawdown", "trades", "fees")
NOT_RUN: Final = len(STATES)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found: ``figures`` (n, len(FIELDS)), ``state`` (n,) and ``reason`` of n combinations of ``space``.

    ``sweep.best`` are the parameters that did best by ``objective``, ``sweep.report()`` is their run. Choosing the best of many is
    how one fools oneself: its report says how many were tried.
    """

    backtest: Backtest
    space: Space
    objective: Objective
    numbers: npt.NDArray[np.int64]
    figures: npt.NDArray[np.float64]
    state: npt.NDArray[np.uint8]
    reason: tuple[str, ...]
    trials: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        """Combinations."""
        return len(self.numbers)

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Positions of the combinations, the best first."""
        scores = self.objective.scores(self.figures[:, FIELDS.index(self.objective.name)])
        return np.argsort(-scores, kind="stable").astype(np.int64)

    @property
    def best(self) -> dict[str, Value]:
        """The parameters that did best; raises InvalidValue where no combination has the figure."""
        place = self.objective.best(self.figures[:, FIELDS.index(self.objective.name)])
        if place is None:
            reasons = {reason for reason in self.reason if reason} or {f"{self.objective.name} is not defined for any of them"}
            raise InvalidValue("sweep", f"none of {len(self):,} combinations can be chosen: {sorted(reasons)[0]}")
        return self.space.combination(int(self.numbers[place]))

    def report(self, **run: Any) -> BacktestReport:
        """Run the best combination and report; arguments are those of :meth:`Backtest.run`."""
        return self.backtest.run(**{**self.best, **run})

    @property
    def table(self) -> Table:
        """One row per combination, the best first: parameters, figures, state and reason."""
        rows = [self.space.combination(int(self.numbers[place])) for place in self.order]
        columns: dict[str, npt.NDArray[Any]] = {name: np.array([row[name] for row in rows]) for name in self.space.names}
        columns |= {name: self.figures[self.order, place] for place, name in enumerate(FIELDS)}
        words = (*STATES, "not run")
        columns["state"] = np.array([words[self.state[place]] for place in self.order], dtype=object)
        columns["reason"] = np.array([self.reason[place] for place in self.order], dtype=object)
        return Table("sweep", columns)

    def to_pandas(self) -> Any:
        """Return :attr:`table` as a pandas table."""
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        """Return :attr:`table` as a polars table."""
        return self.table.to_polars()

    def map(self, rows: str = "", columns: str = "") -> Any:
        """Return the objective over two parameters as a pandas table, the best of the others in each field."""
        names = self.space.names
        first, second = rows or names[0], columns or names[-1]
        table = self.to_pandas()
        best = "max" if self.objective.sign > 0 else "min"
        return table.pivot_table(index=first, columns=second, values=self.objective.name, aggfunc=best)

    def __repr__(self) -> str:
        done = int((self.state == DONE).sum())
        try:
            shown = ", ".join(f"{name}={value}" for name, value in self.best.items())
            best = self.figures[self.order[0], FIELDS.index(self.objective.name)]
            tail = f"best {self.objective.name} {best:.3f} at {shown}"
        except InvalidValue as error:
            tail = error.reason
        return f"Sweep({self.backtest.strategy.__name__}, {done:,} of {len(self):,} combinations; {tail})"

    def _repr_html_(self) -> str:
        shown = self.to_pandas()[[*self.space.names, *_SHOWN]].head(10)
        return f"<p>{self!r}</p>{shown.to_html(index=False, float_format=lambda value: f'{value:,.3f}')}"


def sweep(
    backtest: Backtest,
    market: Market,
    wanted: Mapping[str, Any],
    *,
    objective: str = "sharpe",
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Sweep:
    """Try all combinations of ``wanted``, or a random ``sample``; an interrupt keeps what was done.

    Raises UnknownName and InvalidValue naming the parameter or value that cannot be.
    """
    fixed = {name: value for name, value in backtest.parameters.items() if name not in wanted}
    space, goal = Space.of(backtest.strategy, wanted), Objective.of(objective)
    numbers = space.numbers(sample, seed=seed)
    figures = np.full((len(numbers), len(FIELDS)), np.nan)
    state = np.full(len(numbers), NOT_RUN, dtype=np.uint8)
    reason = ["interrupted"] * len(numbers)
    own = threading.local()

    def run(part: slice) -> slice:
        if stopped.is_set():
            return part
        if not hasattr(own, "evaluator"):
            own.evaluator = Evaluator(backtest.strategy, market, backtest.assumptions, fixed=fixed)
        found = own.evaluator.evaluate([space.combination(int(number)) for number in numbers[part]])
        figures[part], state[part], reason[part] = found.figures, found.state, list(found.reason)
        return part

    parts = [slice(low, min(low + _AT_ONCE, len(numbers))) for low in range(0, len(numbers), _AT_ONCE)]
    # Whole arrays are worked on by compiled code, which lets go of the interpreter; what is asked kline by kline holds on to it.
    threads = min(os.cpu_count() or 1, _MOST_THREADS, len(parts)) if is_vectorised(backtest.strategy) else 1
    stopped = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for done, _ in enumerate(pool.map(run, parts), 1):
                if progress is not None:
                    progress(min(done * _AT_ONCE, len(numbers)), len(numbers))
        except KeyboardInterrupt:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            if not (state == DONE).any():
                raise
        except BaseException:
            stopped.set()
            raise
    return Sweep(backtest, space, goal, numbers, figures, state, tuple(reason))
