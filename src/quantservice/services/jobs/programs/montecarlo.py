"""Monte-Carlo jobs: one run as it was, and a thousand as they might have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.backtest import RunResult
from quantservice.quant.metrics import metrics_of
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize import montecarlo
from quantservice.quant.optimize.evaluate import DONE
from quantservice.quant.optimize.requests import MonteCarloRequest
from quantservice.services.jobs.programs.context import Context, read_table, write_table
from quantservice.services.jobs.programs.sweep import cut
from quantservice.services.jobs.work import Done, Finished, Item, Plan

_TRADES: Final = ("shuffle", "resample")
_FIGURES: Final = ("total_return", "max_drawdown", "sharpe_daily", "profit_factor", "win_rate", "trades", "final_equity")


class MonteCarlo:
    """The program of ``montecarlo`` jobs. Its first item is the run as it was."""

    def plan(self, context: Context) -> Plan:
        """Cut the runs into items."""
        request = cast(MonteCarloRequest, context.request)
        context.warm_up({})
        if request.method == "bootstrap":
            montecarlo.bootstrap_bars(context.market.bars, 0, block=request.block_bars)
        if request.method in _TRADES:
            return Plan(items=[Item(msgspec.json.encode((0, request.runs)), float(request.runs))], unit="runs")
        return Plan(items=[Item(b"", 0.0), *cut(request.runs, context.workers, most=64)], unit="runs")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Do the runs of an item."""
        request = cast(MonteCarloRequest, context.request)
        if request.method in _TRADES:
            return self._trades(context, request)
        if number == 0:
            return self._actual(context, context.evaluator.run({}))
        start, stop = msgspec.json.decode(item, type=tuple[int, int])
        rows = [self._other_bars(context, request, run) for run in range(start, stop)]
        return Done(content=write_table({name: [row[name] for row in rows] for name in _FIGURES}))

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Say where the run as it was lies among those that might have been."""
        request = cast(MonteCarloRequest, context.request)
        actual, *tables = [read_table(part) for part in parts] if request.method not in _TRADES else _split(parts[0])
        names = [name for name in actual.column_names if name != "run"]
        table = {name: np.concatenate([item[name].to_numpy() for item in tables]) for name in names}
        first = actual.slice(0, 1).to_pylist()[0]
        known = {name: float("nan") if first[name] is None else float(first[name]) for name in names}
        matrix = np.column_stack([np.asarray(table[name], dtype=np.float64) for name in names])
        summary: dict[str, Any] = {
            "method": request.method,
            "runs": len(matrix),
            "figures": montecarlo.summarise(names, matrix, known),
            "loss_probability": float((matrix[:, names.index("total_return")] < 0).mean()),
        }
        return Finished(summary=summary, tables={"runs": write_table(table)}, backtests=[context.stored({}, sample="")])

    def _trades(self, context: Context, request: MonteCarloRequest) -> Done:
        result = context.evaluator.run({})
        closed = result.trades[~result.trades["open"]]
        shares = montecarlo.trade_returns(closed["net"], closed["exit_bar"], result.equity, result.initial_equity)
        if len(shares) < 2:
            raise InvalidValue("trades", f"{len(shares)} closed trades have no order to change; at least 2 are needed")
        as_it_was = montecarlo.follow(shares)
        found = montecarlo.reorder_trades(shares, range(request.runs), seed=request.seed, resample=request.method == "resample")
        context.advance(float(request.runs))
        rows = np.vstack([as_it_was, found])
        columns = {name: rows[:, place] for place, name in enumerate(montecarlo.TRADE_FIGURES)}
        return Done(content=write_table(columns), trials=self._actual(context, result).trials)

    def _actual(self, context: Context, result: RunResult) -> Done:
        metrics = metrics_of(result, settings=context.evaluator.settings)
        figures = np.array([metrics.number(name) if name in metrics else np.nan for name in FIELDS])
        return Done(
            content=write_table({name: [value] for name, value in _shown(figures).items()}),
            trials=[context.trial({}, figures, 0, source="montecarlo")],
        )

    def _other_bars(self, context: Context, request: MonteCarloRequest, run: int) -> dict[str, float]:
        bars = context.market.bars
        if request.method == "bootstrap":
            made = montecarlo.bootstrap_bars(bars, run, seed=request.seed, block=request.block_bars)
        else:
            made = montecarlo.disturbed_bars(bars, run, seed=request.seed, noise=request.noise)
        found = context.evaluator.on(context.market.with_bars(made)).evaluate([{}])
        context.advance(1.0)
        if found.state[0] != DONE:
            raise InvalidValue("method", f"run {run} cannot be done on these bars: {found.reason[0]}")
        return _shown(found.figures[0])


def _shown(figures: npt.NDArray[np.float64]) -> dict[str, float]:
    return {name: float(figures[FIELDS.index(name)]) for name in _FIGURES}


def _split(part: bytes) -> list[Any]:
    table = read_table(part)
    return [table.slice(0, 1), table.slice(1)]
