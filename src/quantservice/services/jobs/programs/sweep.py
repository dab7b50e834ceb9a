"""Sweeps: every combination, or a sample; the best is kept, the neighbourhood of each looked at, overfitting told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics.selection import overfitting, variance_of
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize import stability
from quantservice.quant.optimize.evaluate import DONE, STATES, Evaluation
from quantservice.quant.optimize.objective import Objective
from quantservice.quant.optimize.requests import SweepRequest
from quantservice.quant.optimize.space import Space
from quantservice.quant.strategies.parameters import Value
from quantservice.services.jobs.programs.context import Context, figure, join_tables, read_table, write_table
from quantservice.services.jobs.work import Done, Finished, Item, Plan

_ITEMS_PER_WORKER: Final = 24
_MOST_IN_ITEM: Final = 256
_SHOWN: Final = 20
_MAP_CELLS: Final = 10_000
_MOST_CHECKED: Final = 100_000
I64 = npt.NDArray[np.int64]


class _Part(msgspec.Struct, frozen=True):
    """An item's result: the table of its combinations, and the daily returns of those that were asked for."""

    table: bytes
    returns: bytes = b""


class Sweep:
    """The program of ``sweep`` jobs."""

    def plan(self, context: Context) -> Plan:
        """Cut the combinations into items: small enough that workers end together, large enough to be worth a commit."""
        request = cast(SweepRequest, context.request)
        space = context.space(request.space)
        Objective.of(request.objective)
        numbers = space.numbers(request.sample, seed=request.seed)
        context.warm_up(check_some_go_together(context, space, numbers))
        return Plan(items=cut(len(numbers), context.workers), unit="combinations")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Evaluate the combinations of an item."""
        del number
        request = cast(SweepRequest, context.request)
        space = context.space(request.space)
        numbers = space.numbers(request.sample, seed=request.seed)
        start, stop = msgspec.json.decode(item, type=tuple[int, int])
        mine = numbers[start:stop]
        wanted = _kept_for_overfitting(request, len(numbers))[start:stop]
        combinations = [space.combination(int(place)) for place in mine]
        found = context.evaluator.evaluate(combinations, daily=bool(wanted.any()), advance=context.advance)
        trials = [
            context.trial(combination, found.figures[place], int(mine[place]), source="sweep")
            for place, combination in enumerate(combinations)
            if found.state[place] == DONE
        ]
        part = _Part(table_of(space, mine, found), _returns_of(found, wanted))
        return Done(content=msgspec.msgpack.encode(part), trials=trials)

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Find the best, and say how much of it may be luck."""
        request = cast(SweepRequest, context.request)
        space = context.space(request.space)
        decoded = [msgspec.msgpack.decode(part, type=_Part) for part in parts]
        table = join_tables([part.table for part in decoded])
        objective = Objective.of(request.objective)
        numbers = table["number"].to_numpy()
        scores = objective.scores(table[objective.name].to_numpy())
        best = objective.best(table[objective.name].to_numpy())
        summary = summary_of(table, space, objective, best)
        summary["stability"] = stability.stability(space, numbers, scores)
        summary["map"] = _map(space, numbers, scores)
        if best is None:
            summary["note"] = undefined(objective.name, context.market.days)
        returns = _kept_returns([part.returns for part in decoded if part.returns])
        summary["overfitting"] = None if returns is None else _overfitting(returns)
        backtests = [] if best is None else [context.stored(space.combination(int(numbers[best])), trial_returns=returns)]
        return Finished(summary=summary, tables={"combinations": write_table(_columns(table))}, backtests=backtests)


def undefined(name: str, days: float) -> str:
    """Return why a figure may be undefined for every combination."""
    return f"no combination has a {name} on these {days:.0f} days; annualised figures need 90 days, and trades figures trades"


def cut(count: int, workers: int, *, most: int = _MOST_IN_ITEM) -> list[Item]:
    """Cut ``count`` things into items of ``[start, stop)``."""
    size = max(1, min(most, math.ceil(count / (max(workers, 1) * _ITEMS_PER_WORKER))))
    return [
        Item(msgspec.json.encode((start, min(start + size, count))), float(min(size, count - start)))
        for start in range(0, count, size)
    ]


def check_some_go_together(context: Context, space: Space, numbers: I64) -> dict[str, Value]:
    """Return the first combination that is valid; raise InvalidValue with the strategy's own sentence when none is."""
    sentence = ""
    for number in numbers[:_MOST_CHECKED]:
        combination = space.combination(int(number))
        try:
            context.strategy(**context.evaluator.parameters(combination))
        except InvalidValue as error:
            sentence = sentence or str(error)
        else:
            return combination
    raise InvalidValue("space", f"no combination is valid for {context.name}: {sentence}")


def table_of(space: Space, numbers: I64, found: Evaluation) -> bytes:
    """Return combinations and figures as an Arrow table; the parameters' columns carry their names after ``p_``."""
    combinations = [space.combination(int(number)) for number in numbers]
    columns: dict[str, Any] = {"number": numbers}
    columns |= {f"p_{name}": [item[name] for item in combinations] for name in space.names}
    columns["state"] = [STATES[state] for state in found.state]
    columns["reason"] = list(found.reason)
    columns |= {name: found.figures[:, place] for place, name in enumerate(FIELDS)}
    return write_table(columns)


def summary_of(table: Any, space: Space, objective: Objective, best: int | None) -> dict[str, Any]:
    """Return what is shown of a table of combinations: counts, the best, the first rows of the ranking."""
    scores = objective.scores(table[objective.name].to_numpy())
    states = table["state"].to_pylist()
    order = [int(place) for place in np.argsort(-scores, kind="stable")[:_SHOWN] if np.isfinite(scores[place])]
    reasons: dict[str, int] = {}
    for reason in table["reason"].to_pylist():
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
    return {
        "objective": str(objective),
        "combinations": len(states),
        "space": {axis.name: len(axis.values) for axis in space.axes},
        **{state: states.count(state) for state in STATES},
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])[:5]),
        "best": None if best is None else row_of(table, space, best),
        "top": [row_of(table, space, place) for place in order],
        "sharpe_daily_variance": variance_of(table["sharpe_daily"].to_numpy()),
    }


def row_of(table: Any, space: Space, place: int) -> dict[str, Any]:
    """Return one row: its parameters and the figures that are read first."""
    row = table.slice(place, 1).to_pylist()[0]
    figures = np.array([math.nan if row[name] is None else row[name] for name in FIELDS])
    shown = (
        "total_return",
        "cagr",
        "sharpe",
        "sharpe_daily",
        "sortino",
        "calmar",
        "max_drawdown",
        "trades",
        "profit_factor",
        "psr",
    )
    return {
        "number": row["number"],
        "parameters": {name: row[f"p_{name}"] for name in space.names},
        **{name: figure(figures, name) for name in shown},
    }


def _kept_for_overfitting(request: SweepRequest, count: int) -> npt.NDArray[np.bool_]:
    """Return which combinations keep their daily returns: all, or an even random sample, the same in every worker."""
    kept = np.zeros(count, dtype=np.bool_)
    if request.overfitting >= count:
        kept[:] = request.overfitting > 0
    elif request.overfitting > 0:
        kept[np.random.default_rng(request.seed).permutation(count)[: request.overfitting]] = True
    return kept


def _returns_of(found: Evaluation, wanted: npt.NDArray[np.bool_]) -> bytes:
    rows = wanted & (found.state == DONE)
    if not rows.any() or not found.returns.shape[1]:
        return b""
    return write_table({str(place): found.returns[place] for place in np.flatnonzero(rows)})


def _kept_returns(parts: Sequence[bytes]) -> npt.NDArray[np.float64] | None:
    """Return the daily returns (T, N) of the combinations that kept them; None of fewer than two."""
    columns = [column.to_numpy() for part in parts for column in read_table(part).columns]
    if len(columns) < 2:
        return None
    returns = np.column_stack(columns)
    returns = returns[:, np.isfinite(returns).all(axis=0)]
    return returns if returns.shape[1] >= 2 else None


def _overfitting(returns: npt.NDArray[np.float64]) -> Mapping[str, Any] | None:
    """Return the probability of overfitting over the sampled combinations; None where there is too little to tell."""
    blocks = min(16, len(returns) // 2 // 2 * 2)
    if blocks < 2:
        return None
    found = overfitting(returns, blocks)
    return {
        "probability": found.probability,
        "loss": found.loss,
        "slope": None if math.isnan(found.slope) else found.slope,
        "combinations": returns.shape[1],
        "blocks": blocks,
    }


def _map(space: Space, numbers: I64, scores: npt.NDArray[np.float64]) -> Mapping[str, Any] | None:
    """Return the heat map over the two longest axes, where it is small enough to be looked at."""
    axes = sorted((axis for axis in space.axes if len(axis.values) > 1), key=lambda axis: -len(axis.values))[:2]
    if len(axes) < 2 or len(axes[0].values) * len(axes[1].values) > _MAP_CELLS or space.size > 10_000_000:
        return None
    return stability.heat_map(space, numbers, scores, axes[0].name, axes[1].name)


def _columns(table: Any) -> dict[str, Any]:
    return {name: table[name].combine_chunks() for name in table.column_names}
