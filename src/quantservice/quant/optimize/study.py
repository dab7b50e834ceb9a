"""Optuna over a journal that several workers share. The journal's lines lie wherever the two callables put them.

Nothing of it is pickled: a line is JSON, and a study is what its lines say when they are read from the first to the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import msgspec
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.optimize.objective import Objective
from quantservice.quant.optimize.space import Axis, Space
from quantservice.quant.strategies.parameters import Value

#: Adds lines (none: only reads), then returns the lines after a position, in one step.
Exchange: TypeAlias = Callable[[list[str], int], list[str]]

SAMPLERS: Final = ("tpe", "cmaes", "nsga2", "random")
PRUNERS: Final = ("none", "median", "hyperband")
#: Parts of the bars after which a trial that is pruned at all may be given up; the last is the whole.
RUNGS: Final = (0.125, 0.25, 0.5, 1.0)
_ITEM: Final = "item"
_NAME: Final = "study"


class Journal(BaseJournalBackend):
    """The backend of a ``JournalStorage``. Lines are held back until the storage looks, which it does after each operation."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._waiting: list[str] = []

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Take lines to be added."""
        self._waiting.extend(msgspec.json.encode(log).decode() for log in logs)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Add what waits and return what is new."""
        waiting, self._waiting = self._waiting, []
        return [msgspec.json.decode(line) for line in self._exchange(waiting, log_number_from)]


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial of a study: its place, parameters, values of the objectives and what else was noted of it."""

    number: int
    state: str  # complete | pruned | failed
    parameters: dict[str, Value]
    values: tuple[float, ...]
    notes: Mapping[str, Any]


class Search:
    """A study as one worker sees it."""

    def __init__(
        self,
        exchange: Exchange,
        space: Space,
        objectives: Sequence[Objective],
        *,
        sampler: str = "tpe",
        pruner: str = "none",
        seed: int = 0,
        parts: int = 1,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space = space
        self.objectives = tuple(objectives)
        self.prunes = pruner != "none" and len(objectives) == 1
        self._distributions = {axis.name: _distribution(axis) for axis in space.axes}
        self._study = optuna.create_study(
            study_name=_NAME,
            storage=optuna.storages.JournalStorage(Journal(exchange)),
            directions=[objective.direction for objective in objectives],
            sampler=_sampler(sampler, space, seed, parts),
            pruner=_pruner(pruner),
            load_if_exists=True,
        )

    def resume(self, item: int) -> list[Tried]:
        """Return what an earlier attempt at an item has finished; what it left running is given up."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(_ITEM) == item:
                self._study.tell(trial.number, state=TrialState.FAIL)
        return [tried for tried in self.tried() if tried.notes.get(_ITEM) == item]

    def ask(self, item: int) -> tuple[optuna.Trial, dict[str, Value]]:
        """Return the next trial and its parameters."""
        trial = self._study.ask(self._distributions)
        trial.set_user_attr(_ITEM, item)
        return trial, {axis.name: _value(axis, trial.params[axis.name]) for axis in self.space.axes}

    def tell(self, trial: optuna.Trial, values: Sequence[float], notes: Mapping[str, Any]) -> None:
        """Say what a trial came to; a value that is not defined makes it a failed one, from which the sampler learns nothing."""
        trial.set_user_attr("notes", dict(notes))
        if all(map(math.isfinite, values)):
            self._study.tell(trial, list(values))
        else:
            self._study.tell(trial, state=TrialState.FAIL)

    def give_up(self, trial: optuna.Trial, reason: str, *, pruned: bool = False, notes: Mapping[str, Any] | None = None) -> None:
        """Say that a trial came to nothing."""
        trial.set_user_attr("notes", {**(notes or {}), "reason": reason})
        self._study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)

    def known(self, parameters: Mapping[str, Value]) -> Tried | None:
        """Return a complete trial of the same parameters: it need not be run again."""
        for tried in self.tried():
            if tried.state == "complete" and tried.parameters == parameters and "known" not in tried.notes:
                return tried
        return None

    def tried(self) -> list[Tried]:
        """Return every finished trial, oldest first."""
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return [self._tried(trial) for trial in self._study.get_trials(deepcopy=False, states=states)]

    def _tried(self, trial: FrozenTrial) -> Tried:
        words = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}
        parameters = {axis.name: _value(axis, trial.params[axis.name]) for axis in self.space.axes if axis.name in trial.params}
        notes = {_ITEM: trial.user_attrs.get(_ITEM), **trial.user_attrs.get("notes", {})}
        values = tuple(trial.values) if trial.state == TrialState.COMPLETE else ()
        return Tried(trial.number, words.get(trial.state, "failed"), parameters, values, notes)


def _distribution(axis: Axis) -> BaseDistribution:
    """Return what a sampler may move on: evenly spaced numbers as a range, anything else as choices."""
    values: list[Any] = list(axis.values)
    if axis.ordered and len(values) > 1:
        steps = [after - before for before, after in pairwise(values)]
        even = steps[0] > 0 and all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)
        if even and all(isinstance(value, int) for value in values):
            return IntDistribution(values[0], values[-1], step=steps[0])
        if even:
            return FloatDistribution(float(values[0]), float(values[-1]), step=float(steps[0]))
    return CategoricalDistribution(values)


def _value(axis: Axis, value: Any) -> Value:
    """Return the axis's own value: a sampler's 0.30000000000000004 is the 0.3 of the space."""
    if isinstance(value, float) and axis.ordered:
        return min(axis.values, key=lambda known: abs(float(known) - value))
    found: Value = value
    return found


def _sampler(name: str, space: Space, seed: int, parts: int) -> optuna.samplers.BaseSampler:
    if name == "tpe":
        # With several workers others' running trials count as bad ones, so that not all go to the same place at once.
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=parts > 1)
    if name == "cmaes":
        if sum(axis.ordered and len(axis.values) > 1 for axis in space.axes) < 2:
            raise InvalidValue("sampler", "cmaes moves in two numbers or more; take tpe")
        return optuna.samplers.CmaEsSampler(seed=seed)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    raise UnknownName("sampler", name, SAMPLERS)


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=len(RUNGS), reduction_factor=2)
    if name == "none":
        return optuna.pruners.NopPruner()
    raise UnknownName("pruner", name, PRUNERS)
