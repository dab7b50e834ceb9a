"""What a person asks of an optimisation: plain JSON, checked whole before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from quantservice.core.conversion import refusal
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.optimize.objective import objectives_of

Engine: TypeAlias = Literal["processes", "ray"]
_R = TypeVar("_R", bound="RunRequest")


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind has: the strategy by name, its fixed parameters, the bars, what is assumed of the account.

    ``workers``: most processes at once (None: as the settings say); ``title`` is what lists show.
    """

    strategy: str
    parameters: dict[str, Any] = {}
    data: dict[str, Any]
    assumptions: dict[str, Any] = {}
    engine: Engine = "processes"
    workers: int | None = None
    title: str = ""


class BacktestRequest(RunRequest, frozen=True, kw_only=True):
    """One run that is kept. ``repeats`` names a stored backtest that it is compared with, to the bit."""

    repeats: str = ""
    expected: dict[str, Any] = {}


class SweepRequest(RunRequest, frozen=True, kw_only=True):
    """All combinations of ``space``, or a random ``sample`` of them; the best by ``objective`` is kept as a backtest.

    ``overfitting``: the daily returns of so many combinations (a random sample where there are more) are kept, from which the
    probability of overfitting is told (0: none).
    """

    space: dict[str, Any]
    sample: int | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    objective: str = "sharpe_daily"
    overfitting: int = 200


class OptimizeRequest(RunRequest, frozen=True, kw_only=True):
    """``trials`` combinations chosen by a sampler that learns from those before; several workers share one study.

    ``sampler``: tpe, cmaes, nsga2 or random. ``pruner``: none, median or hyperband; a pruned trial is given up after a first part
    of the bars. Several objectives: no pruning, and the answer is a front.
    """

    space: dict[str, Any]
    trials: int = 100
    sampler: Literal["tpe", "cmaes", "nsga2", "random"] = "tpe"
    pruner: Literal["none", "median", "hyperband"] = "none"
    objectives: tuple[str, ...] = ("sharpe_daily",)
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0


class WalkForwardRequest(RunRequest, frozen=True, kw_only=True):
    """Choose on ``train_days``, judge on the ``test_days`` after them, move on by ``test_days``, to the end of the bars.

    ``anchored``: training always begins with the first bar. ``gap_days`` lie unused between training and test.
    """

    space: dict[str, Any]
    sample: int | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    objective: str = "sharpe_daily"
    train_days: float
    test_days: float
    anchored: bool = False
    gap_days: float = 0.0


class CrossValidateRequest(RunRequest, frozen=True, kw_only=True):
    """Combinatorial purged cross-validation: the days in ``groups``, each choice of ``test_groups`` once the test.

    ``purge_days`` before and after each test group are taken out of training (a position may reach over the border),
    ``embargo_days`` more after it.
    """

    space: dict[str, Any]
    sample: int | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    objective: Literal["sharpe_daily", "total_return", "sortino_daily"] = "sharpe_daily"
    groups: int = 8
    test_groups: int = 2
    purge_days: int = 1
    embargo_days: int = 1


class MonteCarloRequest(RunRequest, frozen=True, kw_only=True):
    """How much of one result is luck.

    ``method``: shuffle or resample (the order of the trades), bootstrap (blocks of bars) or noise (on the prices).
    ``block_bars`` is the mean length of a block, ``noise`` the size of the disturbance as a share of each bar's range.
    """

    method: Literal["shuffle", "resample", "bootstrap", "noise"] = "shuffle"
    runs: int = 1_000
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    block_bars: int = 48
    noise: float = 0.1


KINDS: Final[Mapping[str, type[RunRequest]]] = {
    "backtest": BacktestRequest,
    "sweep": SweepRequest,
    "optimize": OptimizeRequest,
    "walkforward": WalkForwardRequest,
    "crossvalidate": CrossValidateRequest,
    "montecarlo": MonteCarloRequest,
}


def read_request(kind: str, fields: Mapping[str, Any]) -> RunRequest:
    """Return a checked request; raises UserError naming the field that is wrong."""
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    return _check(_convert(KINDS[kind], fields))


def _convert(wanted: type[_R], fields: Mapping[str, Any]) -> _R:
    for name in fields:
        if name not in wanted.__struct_fields__:
            raise UnknownName("field", name, wanted.__struct_fields__)
    try:
        return msgspec.convert(dict(fields), wanted)
    except msgspec.ValidationError as error:
        raise refusal(error, wanted) from None


def _check(request: RunRequest) -> RunRequest:
    assumptions_of(request.assumptions)
    if request.workers is not None and request.workers < 1:
        raise InvalidValue("workers", f"{request.workers} processes can do nothing; give 1 or more")
    space = getattr(request, "space", None)
    if space is not None and not space:
        raise InvalidValue("space", "there is nothing to search; name at least one parameter, such as fast=5:60:5")
    counts = {name: getattr(request, name) for name in ("sample", "trials", "runs") if getattr(request, name, None) is not None}
    for name, count in counts.items():
        if not 1 <= count <= 10_000_000:
            raise InvalidValue(name, f"{count} is outside 1 … 10,000,000")
    if isinstance(request, OptimizeRequest):
        _check_optimize(request)
    elif isinstance(request, SweepRequest):
        objectives_of([request.objective])
    elif isinstance(request, WalkForwardRequest):
        objectives_of([request.objective])
        if request.train_days < 1 or request.test_days < 1 or request.gap_days < 0:
            raise InvalidValue("train_days" if request.train_days < 1 else "test_days", "training and test need a day or more")
    elif isinstance(request, CrossValidateRequest):
        _check_groups(request)
    elif isinstance(request, MonteCarloRequest) and (request.block_bars < 1 or not 0 < request.noise <= 10):
        raise InvalidValue("block_bars" if request.block_bars < 1 else "noise", "must be more than nothing")
    return request


def _check_optimize(request: OptimizeRequest) -> None:
    found = objectives_of(request.objectives)
    if len(found) > 1 and request.pruner != "none":
        raise InvalidValue("pruner", "several objectives cannot be pruned: which of them would be given up for?")
    if len(found) > 1 and request.sampler == "cmaes":
        raise InvalidValue("sampler", "cmaes seeks one objective; take nsga2, tpe or random for several")


def _check_groups(request: CrossValidateRequest) -> None:
    if not 3 <= request.groups <= 20:
        raise InvalidValue("groups", f"{request.groups} is outside 3 … 20")
    if not 1 <= request.test_groups < request.groups:
        raise InvalidValue("test_groups", f"{request.test_groups} of {request.groups} groups leave nothing to train on")
    if request.purge_days < 0 or request.embargo_days < 0:
        raise InvalidValue("purge_days", "days cannot be negative")


def assumptions_of(fields: Mapping[str, Any]) -> Assumptions:
    """Return assumptions from plain JSON; raises UserError naming what is wrong."""
    for name in fields:
        if name not in Assumptions.__struct_fields__:
            raise UnknownName("assumption", name, Assumptions.__struct_fields__)
    try:
        return msgspec.convert(dict(fields), Assumptions)
    except msgspec.ValidationError as error:
        raise refusal(error, Assumptions, "assumptions") from None
