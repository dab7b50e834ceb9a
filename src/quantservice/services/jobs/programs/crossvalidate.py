"""Cross-validation jobs: every combination runs once over all days; the choices are made on parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np

from quantservice.core.errors import InvalidValue, UserError
from quantservice.quant.optimize.crossvalidation import cross_validate, splits
from quantservice.quant.optimize.evaluate import DONE
from quantservice.quant.optimize.requests import CrossValidateRequest
from quantservice.services.jobs.programs.context import Context, read_table, write_table
from quantservice.services.jobs.programs.sweep import check_some_go_together, cut
from quantservice.services.jobs.work import Done, Finished, Plan

_MOST: Final = 20_000  # combinations times days must fit into memory at the end


class CrossValidate:
    """The program of ``crossvalidate`` jobs."""

    def plan(self, context: Context) -> Plan:
        """Cut the combinations into items."""
        request = cast(CrossValidateRequest, context.request)
        space = context.space(request.space)
        numbers = space.numbers(request.sample, seed=request.seed)
        if len(numbers) > _MOST:
            raise InvalidValue("space", f"{len(numbers):,} combinations are too many to cross-validate; take a sample of {_MOST:,}")
        context.warm_up(check_some_go_together(context, space, numbers))
        days = max(int(context.market.days), 1)
        splits(days, request.groups, request.test_groups, purge=request.purge_days, embargo=request.embargo_days)
        return Plan(items=cut(len(numbers), context.workers, most=64), unit="combinations")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Run the combinations of an item over all days."""
        del number
        request = cast(CrossValidateRequest, context.request)
        space = context.space(request.space)
        numbers = space.numbers(request.sample, seed=request.seed)
        start, stop = msgspec.json.decode(item, type=tuple[int, int])
        combinations = [space.combination(int(place)) for place in numbers[start:stop]]
        found = context.evaluator.evaluate(combinations, daily=True, advance=context.advance)
        columns: dict[str, Any] = {"day": found.day}
        trials = []
        for place, combination in enumerate(combinations):
            if found.state[place] == DONE:
                trials.append(context.trial(combination, found.figures[place], int(numbers[start + place]), source="crossvalidate"))
                if np.isfinite(found.returns[place]).all():
                    columns[str(numbers[start + place])] = found.returns[place]
        return Done(content=write_table(columns), trials=trials)

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Choose in every split, and put the paths together; the combination chosen most often is kept as a backtest."""
        request = cast(CrossValidateRequest, context.request)
        space = context.space(request.space)
        columns: dict[str, Any] = {}
        for part in parts:
            table = read_table(part)
            if len(table):
                columns |= {name: table[name].to_numpy() for name in table.column_names}
        day = columns.pop("day", np.empty(0, dtype=np.int64))
        if not columns:
            raise UserError("no combination ran to the end with a positive equity; there is nothing to choose among")
        numbers = np.array([int(name) for name in columns], dtype=np.int64)
        found = cross_validate(
            np.column_stack(list(columns.values())),
            request.groups,
            request.test_groups,
            objective=request.objective,
            purge=request.purge_days,
            embargo=request.embargo_days,
        )
        chosen, counts = np.unique(numbers[found.chosen], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        summary = {
            **found.summary(),
            "combinations": len(numbers),
            "objective": request.objective,
            "choices": [{"parameters": space.combination(int(chosen[place])), "times": int(counts[place])} for place in order[:10]],
        }
        paths = {"day": day, **{f"path_{place}": path for place, path in enumerate(found.returns)}}
        table = {
            "split": np.arange(len(found.chosen)),
            "number": numbers[found.chosen],
            "inside": found.inside,
            "outside": found.outside,
        }
        best = context.stored(space.combination(int(chosen[order[0]])))
        return Finished(summary=summary, tables={"paths": write_table(paths), "splits": write_table(table)}, backtests=[best])
