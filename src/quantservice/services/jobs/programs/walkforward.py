"""Walk-forward jobs: one item per window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np

from quantservice.core.errors import UserError
from quantservice.quant.optimize.evaluate import DONE
from quantservice.quant.optimize.objective import Objective
from quantservice.quant.optimize.requests import WalkForwardRequest
from quantservice.quant.optimize.walkforward import Step, Window, join, windows
from quantservice.quant.strategies.parameters import Value
from quantservice.services.jobs.programs.context import Context, write_table
from quantservice.services.jobs.programs.sweep import check_some_go_together
from quantservice.services.jobs.work import Done, Finished, Item, Plan

_DAY_MS: Final = 86_400_000
_CHUNK: Final = 64


class _Part(msgspec.Struct, frozen=True):
    window: tuple[int, int, int, int, int]
    parameters: dict[str, Value]
    score: float
    inside: list[float]
    outside: list[float]
    outside_days: list[int]


class WalkForward:
    """The program of ``walkforward`` jobs."""

    def plan(self, context: Context) -> Plan:
        """Cut the bars into windows."""
        request = cast(WalkForwardRequest, context.request)
        space = context.space(request.space)
        numbers = space.numbers(request.sample, seed=request.seed)
        context.warm_up(check_some_go_together(context, space, numbers))
        found = windows(
            context.market.start_ms,
            context.market.end_ms,
            train_days=request.train_days,
            test_days=request.test_days,
            anchored=request.anchored,
            gap_days=request.gap_days,
        )
        weight = float(len(numbers) + 1)
        return Plan(items=[Item(msgspec.json.encode(_times(window)), weight) for window in found], unit="runs")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Choose in a window's training, judge in its test.

        The chosen combination runs through training and test in one go, so that its indicators are warm and a position it held
        is held on; only the days of the test count.
        """
        request = cast(WalkForwardRequest, context.request)
        window = Window(*msgspec.json.decode(item, type=tuple[int, int, int, int, int]))
        space = context.space(request.space)
        objective = Objective.of(request.objective)
        numbers = space.numbers(request.sample, seed=request.seed)
        training = context.evaluator.on(context.market.between(window.train_start, window.train_end))
        trials, best, score = [], None, -np.inf
        for start in range(0, len(numbers), _CHUNK):  # the figures of a chunk are all that is held of it
            combinations = [space.combination(int(place)) for place in numbers[start : start + _CHUNK]]
            found = training.evaluate(combinations, advance=context.advance)
            for place, combination in enumerate(combinations):
                if found.state[place] != DONE:
                    continue
                row = number * (len(numbers) + 1) + start + place
                trials.append(context.trial(combination, found.figures[place], row, source="walkforward"))
                reached = float(objective.scores([objective.value(found.figures[place])])[0])
                if reached > score:
                    best, score = combination, reached
        if best is None:
            raise UserError(f"window {number}: no combination has a {objective.name} in its training; train on more days")
        whole = context.evaluator.on(context.market.between(window.train_start, window.test_end)).evaluate([best], daily=True)
        if whole.state[0] != DONE:
            raise UserError(f"window {number}: {best} raised in the test: {whole.reason[0]}")
        trials.append(context.trial(best, whole.figures[0], (number + 1) * (len(numbers) + 1) - 1, source="walkforward"))
        context.advance(1.0)
        first, last = window.train_end // _DAY_MS, window.test_start // _DAY_MS
        inside, outside = whole.day < first, whole.day >= last
        part = _Part(
            window=_times(window),
            parameters=best,
            score=score * objective.sign,
            inside=whole.returns[0][inside].tolist(),
            outside=whole.returns[0][outside].tolist(),
            outside_days=whole.day[outside].tolist(),
        )
        return Done(content=msgspec.msgpack.encode(part), trials=trials)

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Join the tests; the last window's choice is kept as a backtest."""
        decoded = [msgspec.msgpack.decode(part, type=_Part) for part in parts]
        steps = [
            Step(
                Window(*part.window),
                part.parameters,
                part.score,
                np.array(part.inside),
                np.array(part.outside),
                np.array(part.outside_days, dtype=np.int64),
            )
            for part in decoded
        ]
        summary, days, returns = join(steps)
        summary["choices"] = [_choice(step) for step in steps]
        table = write_table({"day": days, "return": returns, "equity": np.cumprod(1.0 + returns)})
        return Finished(
            summary=summary, tables={"days": table, "windows": _windows(steps)}, backtests=[context.stored(steps[-1].parameters)]
        )


def _times(window: Window) -> tuple[int, int, int, int, int]:
    return (window.number, window.train_start, window.train_end, window.test_start, window.test_end)


def _choice(step: Step) -> dict[str, Any]:
    window = step.window
    return {
        "window": window.number,
        "train_start": window.train_start,
        "test_start": window.test_start,
        "test_end": window.test_end,
        "parameters": step.parameters,
        "score": step.score,
        "test_return": float(np.prod(1.0 + step.outside) - 1.0),
    }


def _windows(steps: Sequence[Step]) -> bytes:
    rows = [_choice(step) for step in steps]
    names = sorted({name for row in rows for name in row["parameters"]})
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0] if name != "parameters"}
    return write_table(columns | {f"p_{name}": [row["parameters"].get(name) for row in rows] for name in names})
