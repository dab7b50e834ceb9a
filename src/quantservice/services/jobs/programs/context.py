"""What a program has at hand in a worker: the strategy, the market, the request, and how to tell trials and tables."""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quantservice.core.errors import UserError
from quantservice.ports import BacktestRecord, Trial, TrialSummary
from quantservice.quant.backtest import RunResult
from quantservice.quant.honesty.code import code_hash
from quantservice.quant.honesty.family import family_hash
from quantservice.quant.metrics import Confidence
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.evaluate import Evaluator
from quantservice.quant.optimize.market import Market
from quantservice.quant.optimize.requests import RunRequest, assumptions_of
from quantservice.quant.optimize.space import Space, parameter_hash
from quantservice.quant.reports import Report
from quantservice.quant.reports.report import DRAWS
from quantservice.quant.reports.stored import parts_of
from quantservice.quant.reports.story import Sample
from quantservice.quant.research import Backtest, about_of, gate_of
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Value
from quantservice.quant.why_digest import WHY, digest_of_run, pack_why
from quantservice.services.jobs.versions import versions
from quantservice.services.jobs.work import Done, Finished, Plan, StoredRun

#: Adds lines to the journal of the job's study and returns those after a position.
Exchange = Callable[[list[str], int], list[str]]
Advance = Callable[[float], None]
#: The ledger's summary of a family, as the store's owner knows it now.
KnownTrials = Callable[[str], TrialSummary]
_WARM_UP_BARS: Final = 100
_FIGURES: Final = {name: place for place, name in enumerate(FIELDS)}
#: How long the look-ahead gate may take for a run that is kept.
_GATE_S: Final = 2.0


class Program(Protocol):
    """One kind of job. All three are pure functions of the context, so that any worker may do any of them."""

    def plan(self, context: Context) -> Plan:
        """Check the request against strategy and data, and cut the work into items."""
        ...

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Do one item."""
        ...

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Put the items' results together."""
        ...


@dataclass(eq=False)
class Context:
    """Everything of a job's tasks in one worker. ``workers`` is how many share it, ``name`` the strategy's in the registry."""

    job_id: str
    name: str
    strategy: type[Strategy]
    market: Market
    request: RunRequest
    data_fingerprint: str
    advance: Advance
    exchange: Exchange
    workers: int = 1
    attempt: int = 1
    known_trials: KnownTrials = lambda family: TrialSummary(family=family)

    @cached_property
    def evaluator(self) -> Evaluator:
        """The strategy with the request's fixed parameters and assumptions, over the whole market."""
        return Evaluator(self.strategy, self.market, assumptions_of(self.request.assumptions), fixed=self.request.parameters)

    @cached_property
    def family(self) -> str:
        """The family in which its trials are counted."""
        return family_hash(self.strategy)

    @cached_property
    def code(self) -> str:
        """The hash of the strategy's text."""
        return code_hash(self.strategy)

    def space(self, wanted: Mapping[str, Any]) -> Space:
        """Return the request's space; a parameter that is fixed cannot be searched too."""
        for name in wanted:
            if name in self.request.parameters:
                raise UserError(f"parameter {name} is both fixed and varied; leave one of them away")
        return Space.of(self.strategy, wanted)

    def warm_up(self, combination: Mapping[str, Value]) -> None:
        """Run a combination over the first bars, so that one worker makes the machine code and the others find it."""
        first = self.market.start_ms
        step = int(self.market.data.close_time[0]) - first + 1  # unsound bars are said here, before anything is computed
        with contextlib.suppress(Exception):  # a strategy may need more bars than these: the runs themselves tell what it raises
            self.evaluator.on(self.market.between(first, first + _WARM_UP_BARS * step)).run(combination)

    def trial(self, combination: Mapping[str, Value], figures: npt.NDArray[np.float64], number: int, *, source: str) -> Trial:
        """Return the ledger's row of a run with these figures."""
        parameters = self.evaluator.parameters(combination)
        days = figures[_FIGURES["duration"]]
        return Trial(
            family=self.family,
            strategy=self.name,
            code_hash=self.code,
            parameters=parameters,
            parameter_hash=parameter_hash(parameters),
            run_id=self.job_id,
            number=number,
            source=source,
            data_fingerprint=self.data_fingerprint,
            days=int(days) if math.isfinite(days) else 0,
            sharpe_daily=_known(figures[_FIGURES["sharpe_daily"]]),
            skew=_known(figures[_FIGURES["skew"]]),
            kurtosis=_known(figures[_FIGURES["kurtosis"]]),
            created_ms=0,
        )

    def stored(
        self,
        combination: Mapping[str, Value],
        *,
        title: str = "",
        sample: Sample = "in",
        trial_returns: npt.NDArray[np.float64] | None = None,
    ) -> StoredRun:
        """Run a combination once more and return it as a backtest to be kept, with its report.

        ``sample`` says how its parameters were chosen, ``trial_returns`` (T, N) are daily returns of the trials beside it.
        """
        known = self.known_trials(self.family)
        confidence = Confidence(draws=DRAWS, trials=known.runs, variance=known.sharpe_variance, trial_returns=trial_returns)
        return self.keep(self.evaluator.run(combination), combination, title=title, sample=sample, confidence=confidence)

    def keep(
        self,
        result: RunResult,
        combination: Mapping[str, Value],
        *,
        title: str = "",
        sample: Sample = "",
        confidence: Confidence | None = None,
    ) -> StoredRun:
        """Return a run as a backtest to be kept: its figures with what they are compared to, what was checked, its tables."""
        parameters = self.evaluator.parameters(combination)
        data, assumptions = self.market.data, self.evaluator.assumptions
        backtest = Backtest(self.strategy, data, parameters=parameters, assumptions=assumptions)
        verdict = backtest.check(seconds=_GATE_S)
        about = msgspec.structs.replace(about_of(self.strategy(**parameters)), strategy=self.name, job=self.job_id, sample=sample)
        report = Report.of(
            result, data, about=about, gates=(gate_of(verdict),), settings=self.evaluator.settings, confidence=confidence
        )
        record = BacktestRecord(
            id=f"b{secrets.token_hex(6)}",
            job_id=self.job_id,
            strategy=self.name,
            title=title or self.request.title,
            parameters=parameters,
            code_hash=self.code,
            family=self.family,
            data=self.request.data,
            data_fingerprint=self.data_fingerprint,
            assumptions=msgspec.to_builtins(assumptions),
            metrics=report.metrics.to_dict(),
            gates={gate.name: {"state": gate.state, "text": gate.text, "chinese": gate.chinese} for gate in report.checked},
            run_fingerprint=result.fingerprint(),
            versions=versions(),
            created_ms=0,
        )
        return StoredRun(record=record, parts=parts_of(report) | {WHY: pack_why(digest_of_run(backtest))})


def figure(figures: npt.NDArray[np.float64], name: str) -> float | None:
    """Return a figure by name as JSON has it: None where it is not defined."""
    return _known(figures[_FIGURES[name]])


def number_of(metric: Mapping[str, Any] | None) -> float:
    """Return the value of a metric as it is stored: NaN where it has none, or is text."""
    value = None if metric is None else metric["value"]
    if value in ("inf", "-inf"):
        return float(value)
    return float(value) if isinstance(value, int | float) else math.nan


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def write_table(columns: Mapping[str, Any]) -> bytes:
    """Write columns as an Arrow stream, compressed."""
    table = pa.table({name: _arrow(values) for name, values in columns.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_table(content: bytes) -> Any:
    """Read an Arrow stream as a ``pyarrow.Table``."""
    return pa.ipc.open_stream(content).read_all()


def join_tables(parts: Sequence[bytes]) -> Any:
    """Return the tables of all items as one."""
    return pa.concat_tables([read_table(part) for part in parts])


def _arrow(values: Any) -> Any:
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        return pa.array(values.tolist(), type=pa.string())
    return pa.array(values)
