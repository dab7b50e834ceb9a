"""Optimisation: a sampler that learns; the workers of a job share one study through its journal in the state store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import QuantServiceError
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.evaluate import DONE, SKIPPED, Evaluator
from quantservice.quant.optimize.objective import objectives_of, pareto
from quantservice.quant.optimize.requests import OptimizeRequest
from quantservice.quant.optimize.study import RUNGS, Search, Tried
from quantservice.quant.strategies.parameters import Value
from quantservice.services.jobs.programs.context import Context, figure, write_table
from quantservice.services.jobs.programs.sweep import check_some_go_together, undefined
from quantservice.services.jobs.work import Done, Finished, Item, Plan

_TRIALS_PER_ITEM: Final = 10
_MOST_KEPT: Final = 20


class Optimize:
    """The program of ``optimize`` jobs."""

    def plan(self, context: Context) -> Plan:
        """Cut the trials into items; what an item runs is decided when its turn comes, by what was learned until then."""
        request = cast(OptimizeRequest, context.request)
        space = context.space(request.space)
        first = check_some_go_together(context, space, space.numbers(1_000, seed=request.seed))
        _search(context, 0)
        context.warm_up(first)
        size = min(_TRIALS_PER_ITEM, max(1, math.ceil(request.trials / max(context.workers, 1) / 4)))
        items = [
            Item(msgspec.json.encode(min(size, request.trials - start)), float(min(size, request.trials - start)))
            for start in range(0, request.trials, size)
        ]
        return Plan(items=items, unit="trials")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Run an item's trials; those that an earlier attempt finished are taken over."""
        count = msgspec.json.decode(item, type=int)
        search = _search(context, number)
        done = search.resume(number) if context.attempt > 1 else []
        context.advance(float(len(done)))
        trier = _Trier(context, search, number)
        for _ in range(count - len(done)):
            trier.one()
            context.advance(1.0)
        mine = [tried for tried in search.tried() if tried.notes.get("item") == number]
        trials = [
            context.trial(tried.parameters, _figures(tried), tried.number, source="optimize")
            for tried in mine
            if tried.notes.get("figures") is not None
        ]
        return Done(trials=trials)

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Find the best, or the front of several objectives, and keep them as backtests."""
        del parts
        request = cast(OptimizeRequest, context.request)
        search = _search(context, 0)
        objectives = objectives_of(request.objectives)
        tried = search.tried()
        complete = [item for item in tried if item.values]
        signs = np.array([objective.sign for objective in objectives])
        scores = np.array([item.values for item in complete]).reshape(len(complete), len(signs)) * signs
        if not complete:
            best: list[Tried] = []
        elif len(objectives) == 1:
            best = [complete[int(np.argmax(scores[:, 0]))]]
        else:
            best = [complete[int(place)] for place in pareto(scores)]
        states = [item.state for item in tried]
        summary: dict[str, Any] = {
            "objectives": [str(objective) for objective in objectives],
            "sampler": request.sampler,
            "pruner": request.pruner,
            "trials": len(tried),
            **{state: states.count(state) for state in ("complete", "pruned", "failed")},
            "best": _row(best[0]) if len(objectives) == 1 and best else None,
            "front": [_row(item) for item in best] if len(objectives) > 1 else [],
            "importance": _importance(complete, scores[:, 0]) if len(complete) >= _MOST_KEPT else {},
        }
        if not complete:
            summary["note"] = undefined(objectives[0].name, context.market.days)
        kept = [context.stored(item.parameters) for item in _distinct(best)[:_MOST_KEPT]]
        return Finished(summary=summary, tables={"trials": _table(search, tried, request.objectives)}, backtests=kept)


class _Trier:
    """Runs one trial after the other of a search."""

    def __init__(self, context: Context, search: Search, item: int) -> None:
        self._context = context
        self._search = search
        self._item = item
        self._parts: dict[float, Evaluator] = {}

    def one(self) -> None:
        """Ask for parameters, run them, tell what came of it."""
        search = self._search
        trial, parameters = search.ask(self._item)
        known = search.known(parameters)
        if known is not None:
            search.tell(trial, known.values, {"known": known.number})
            return
        for step, share in enumerate(RUNGS if search.prunes else RUNGS[-1:], start=1):
            found = self._evaluator(share).evaluate([parameters])
            figures = found.figures[0]
            if found.state[0] != DONE:
                search.give_up(trial, found.reason[0], notes={"skipped": bool(found.state[0] == SKIPPED)})
                return
            values = [objective.value(figures) for objective in search.objectives]
            if share < 1.0 and math.isfinite(values[0]):
                trial.report(values[0], step)
                if trial.should_prune():
                    notes = {"figures": _noted(figures), "share": share}
                    search.give_up(trial, f"given up after {share:.1%} of the bars", pruned=True, notes=notes)
                    return
        search.tell(trial, values, {"figures": _noted(figures)})

    def _evaluator(self, share: float) -> Evaluator:
        if share not in self._parts:
            self._parts[share] = self._context.evaluator.on(self._context.market.head(share))
        return self._parts[share]


def _search(context: Context, item: int) -> Search:
    request = cast(OptimizeRequest, context.request)
    return Search(
        context.exchange,
        context.space(request.space),
        objectives_of(request.objectives),
        sampler=request.sampler,
        pruner=request.pruner,
        seed=request.seed * 1_000_003 + item,
        parts=context.workers,
    )


def _noted(figures: npt.NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(FIELDS, figures, strict=True) if math.isfinite(value)}


def _figures(tried: Tried) -> npt.NDArray[np.float64]:
    noted: Mapping[str, float] = tried.notes.get("figures") or {}
    return np.array([noted.get(name, math.nan) for name in FIELDS])


def _row(tried: Tried) -> dict[str, Any]:
    figures = _figures(tried)
    shown = ("total_return", "cagr", "sharpe", "sharpe_daily", "max_drawdown", "trades", "profit_factor")
    return {
        "number": tried.number,
        "parameters": tried.parameters,
        "values": list(tried.values),
        **{name: figure(figures, name) for name in shown},
    }


def _distinct(tried: Sequence[Tried]) -> list[Tried]:
    found: dict[tuple[tuple[str, Value], ...], Tried] = {}
    for item in tried:
        found.setdefault(tuple(sorted(item.parameters.items())), item)
    return list(found.values())


def _importance(complete: Sequence[Tried], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return the share of the score's variance that each parameter explains alone (correlation ratio over up to ten bins)."""
    spread = float(scores.var())
    if spread <= 0.0:
        return {}
    found = {}
    for name in complete[0].parameters:
        values = [item.parameters[name] for item in complete]
        if all(isinstance(value, int | float) for value in values) and len(set(values)) > 10:
            edges = np.quantile(np.array(values, dtype=np.float64), np.linspace(0, 1, 11)[1:-1])
            groups = np.searchsorted(edges, np.array(values, dtype=np.float64))
        else:
            groups = np.unique(np.array([str(value) for value in values]), return_inverse=True)[1]
        between = sum(
            float((groups == group).mean()) * (float(scores[groups == group].mean()) - float(scores.mean())) ** 2
            for group in np.unique(groups)
        )
        found[name] = round(between / spread, 4)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _table(search: Search, tried: Sequence[Tried], objectives: Sequence[str]) -> bytes:
    if not tried:
        raise QuantServiceError("the study of this job is empty; submit it again")
    columns: dict[str, Any] = {
        "number": np.array([item.number for item in tried], dtype=np.int64),
        "state": [item.state for item in tried],
        "reason": [str(item.notes.get("reason", "")) for item in tried],
    }
    columns |= {f"p_{name}": [item.parameters.get(name) for item in tried] for name in search.space.names}
    for place, name in enumerate(objectives):
        columns[f"value_{name.partition(':')[0]}"] = [item.values[place] if item.values else None for item in tried]
    figures = np.array([_figures(item) for item in tried])
    columns |= {name: figures[:, place] for place, name in enumerate(FIELDS)}
    return write_table(columns)
