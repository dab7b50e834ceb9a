"""One combination after the other over one market: figures of each, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import QuantServiceError, UserError
from quantservice.quant.backtest import Assumptions, RunResult
from quantservice.quant.backtest.sweep import Sweeper
from quantservice.quant.metrics import Settings, metrics_of
from quantservice.quant.metrics.arrays import simple_returns
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.market import Market
from quantservice.quant.research import run_strategy, settlements_of, tables_of_data
from quantservice.quant.strategies.base import Strategy, is_vectorised, parameters_of_class
from quantservice.quant.strategies.feed import FeedMaker
from quantservice.quant.strategies.parameters import Value
from quantservice.quant.strategies.targets import targets_of

F64: TypeAlias = npt.NDArray[np.float64]
#: What became of a combination: figures, parameters that do not go together, or a strategy that raised.
DONE, SKIPPED, FAILED = range(3)
STATES: Final = ("done", "skipped", "failed")
_DAY_MS: Final = 86_400_000
_KEPT_BYTES: Final = 128_000_000  # of indicators, for the combinations that follow


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Of n combinations: ``figures`` (n, len(FIELDS)), ``state`` (n,) of STATES, ``reason`` for what is not done.

    ``returns`` (n, days) are daily returns where asked for, else (n, 0); ``day`` (days,) the day numbers since 1970.
    """

    figures: F64
    state: npt.NDArray[np.uint8]
    reason: tuple[str, ...]
    returns: F64
    day: npt.NDArray[np.int64]


class Evaluator:
    """Runs a strategy's combinations over a market."""

    def __init__(
        self,
        strategy: type[Strategy],
        market: Market,
        assumptions: Assumptions | None = None,
        *,
        fixed: Mapping[str, Value] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.strategy = strategy
        self.market = market
        self.assumptions = assumptions or Assumptions()
        self.fixed = dict(fixed or {})
        self.settings = settings or Settings()

    def parameters(self, combination: Mapping[str, Value]) -> dict[str, Value]:
        """Return every parameter of a combination: its own, the fixed ones, defaults for the rest."""
        return parameters_of_class(self.strategy).bind({**self.fixed, **combination})

    def on(self, market: Market) -> Evaluator:
        """Return the same over another market."""
        return Evaluator(self.strategy, market, self.assumptions, fixed=self.fixed, settings=self.settings)

    def run(self, combination: Mapping[str, Value]) -> RunResult:
        """Run one combination and keep everything; raises what the strategy raises."""
        return run_strategy(self.strategy(**self.parameters(combination)), self.market.data, self.assumptions)

    def evaluate(
        self,
        combinations: Sequence[Mapping[str, Value]],
        *,
        daily: bool = False,
        advance: Callable[[float], None] | None = None,
    ) -> Evaluation:
        """Run combinations and keep their figures. One that raises is told of in its row; the others go on."""
        count = len(combinations)
        figures = np.full((count, len(FIELDS)), np.nan)
        state = np.full(count, DONE, dtype=np.uint8)
        reasons = [""] * count
        returns: list[F64 | None] = [None] * count
        for place, combination in enumerate(combinations):
            try:
                strategy = self.strategy(**self.parameters(combination))
            except UserError as error:
                state[place], reasons[place] = SKIPPED, str(error)
            else:
                try:
                    figures[place], equity = self._figures(strategy)
                except QuantServiceError as error:
                    state[place], reasons[place] = FAILED, str(error)
                except Exception as error:  # noqa: BLE001 - a person's strategy may raise anything; its row says what
                    state[place], reasons[place] = FAILED, f"{type(error).__name__}: {error}"
                else:
                    returns[place] = simple_returns(equity) if daily else None
            if advance is not None:
                advance(1.0)
        table = np.full((count, len(self.days) if daily else 0), np.nan)
        for place, row in enumerate(returns):
            if row is not None:
                table[place] = row
        return Evaluation(figures, state, tuple(reasons), table, self.days if daily else self.days[:0])

    @cached_property
    def days(self) -> npt.NDArray[np.int64]:
        """The UTC days of the market as numbers since 1970; a day ends with the close at midnight."""
        data = self.market.data
        first, last = int(data.time[0]) // _DAY_MS, (int(data.close_time[-1]) - 1) // _DAY_MS
        return np.arange(first, last + 1, dtype=np.int64)

    @cached_property
    def _sweeper(self) -> Sweeper:
        return Sweeper(self.market.data, self.assumptions, self.settings)

    @cached_property
    def _maker(self) -> FeedMaker:
        data = self.market.data
        return FeedMaker(tables_of_data(data), settlements_of(data), keep_bytes=_KEPT_BYTES)

    def _figures(self, strategy: Strategy) -> tuple[F64, F64]:
        """Return a run's figures and its equity at the end of each day, the one before the run first."""
        if is_vectorised(strategy):
            return self._sweeper.run(targets_of(strategy, self._maker.view(strategy), start=False, copy=False))
        metrics = metrics_of(run_strategy(strategy, self.market.data, self.assumptions), settings=self.settings)
        return np.array([metrics.number(name) if name in metrics else np.nan for name in FIELDS]), metrics.daily.equity
