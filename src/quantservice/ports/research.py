"""Research at rest: jobs, stored backtests, the lifetime ledger of trials, deployments, studies; and who computes.

Everything in a record is plain JSON or Arrow bytes; nothing here is ever a pickled object.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
JOB_STATES: tuple[JobState, ...] = ("queued", "running", "done", "failed", "cancelled")
#: What a beat of the holder learns: it still holds the job, it shall stop, or another has it (or nobody).
Hold: TypeAlias = Literal["held", "cancel", "lost"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work in the queue.

    ``holder`` has it until ``lease_until_ms``; after that anyone may claim it again. ``done`` of ``total`` is progress in the
    job's own units. ``result`` is a small JSON summary; the rows lie in its chunks.
    """

    id: str
    kind: str
    title: str = ""
    request: dict[str, Any]
    state: JobState = "queued"
    priority: int = 0
    attempts: int = 0
    holder: str = ""
    lease_until_ms: int = 0
    cancel: bool = False
    done: float = 0.0
    total: float = 0.0
    text: str = ""
    error: str = ""
    result: dict[str, Any] = {}
    created_ms: int
    started_ms: int = 0
    finished_ms: int = 0


class JobRepository(Protocol):
    """Tables job and job_chunk: a queue whose claims are leases."""

    async def add(self, job: Job) -> None: ...
    async def get(self, job_id: str) -> Job | None: ...

    async def list(self, *, state: JobState | None = None, kind: str | None = None, limit: int = 200) -> list[Job]:
        """Return jobs, newest first."""
        ...

    async def claim(self, holder: str, *, now_ms: int, lease_ms: int, most_attempts: int) -> Job | None:
        """Take the first job that waits or whose lease has run out; one with ``most_attempts`` behind it fails instead."""
        ...

    async def beat(self, job_id: str, holder: str, *, lease_until_ms: int, done: float, total: float, text: str) -> Hold:
        """Extend the lease and tell the progress."""
        ...

    async def finish(
        self, job_id: str, holder: str, state: JobState, *, now_ms: int, error: str = "", result: Mapping[str, Any] | None = None
    ) -> bool:
        """End a job that ``holder`` holds; False when it holds it no more."""
        ...

    async def release(self, job_id: str, holder: str) -> bool:
        """Put a held job back into the queue without counting the attempt."""
        ...

    async def holders(self) -> builtins.list[str]:
        """Who holds running jobs."""
        ...

    async def lapse(self, holder: str) -> int:
        """End the leases of a holder that is known to be dead; its jobs may be claimed at once."""
        ...

    async def cancel(self, job_id: str, *, now_ms: int) -> Job | None:
        """Cancel a waiting job at once, ask the holder of a running one to stop; the job as it is now, None: no such job."""
        ...

    async def remove(self, job_id: str) -> bool:
        """Forget a job that is not running, its chunks and its study; say whether it was there."""
        ...

    async def add_chunk(self, job_id: str, number: int, content: bytes) -> bool:
        """Keep one part of the work; False when that part is there already."""
        ...

    async def chunk_numbers(self, job_id: str) -> set[int]: ...
    async def chunk(self, job_id: str, number: int) -> bytes | None: ...
    async def drop_chunks(self, job_id: str) -> None: ...
    async def counts(self) -> dict[str, int]:
        """Jobs per state."""
        ...


class BacktestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished backtest: all that is needed to run it again and to see whether it is the same.

    ``code_hash`` is of the strategy's source, ``family`` of its source without parameters; ``data_fingerprint`` of the bars it
    saw, ``run_fingerprint`` of what it did. ``data`` says which bars those were, ``versions`` what computed.
    """

    id: str
    job_id: str = ""
    strategy: str
    title: str = ""
    parameters: dict[str, Any] = {}
    code_hash: str = ""
    family: str = ""
    data: dict[str, Any] = {}
    data_fingerprint: str = ""
    assumptions: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    run_fingerprint: str = ""
    gates: dict[str, Any] = {}
    versions: dict[str, str] = {}
    created_ms: int


class BacktestRepository(Protocol):
    """Tables backtest_results and backtest_part (Arrow bytes by name: trades, equity, …)."""

    async def add(self, record: BacktestRecord, parts: Mapping[str, bytes]) -> None: ...
    async def get(self, result_id: str) -> BacktestRecord | None: ...

    async def list(
        self, *, strategy: str | None = None, family: str | None = None, job_id: str | None = None, limit: int = 200
    ) -> list[BacktestRecord]:
        """Return records, newest first."""
        ...

    async def part(self, result_id: str, name: str) -> bytes | None: ...
    async def part_names(self, result_id: str) -> builtins.list[str]: ...
    async def remove(self, result_id: str) -> bool: ...


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one parameter set of a strategy family. It is counted for ever; a deleted one keeps its figures only.

    ``run_id`` and ``number`` name it: the job or session that ran it, and which of its runs it was. ``sharpe_daily`` is the
    mean over the standard deviation of daily returns, not annualised; None where it is not defined.
    """

    id: int = 0
    family: str
    strategy: str = ""
    code_hash: str = ""
    parameters: dict[str, Any] = {}
    parameter_hash: str
    run_id: str
    number: int
    source: str = ""
    data_fingerprint: str = ""
    days: int = 0
    sharpe_daily: float | None = None
    skew: float | None = None
    kurtosis: float | None = None
    result_id: str = ""
    created_ms: int
    deleted_ms: int | None = None


class TrialSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A family's life so far: all runs, distinct parameter sets, deleted ones among them, and the spread of daily Sharpes.

    ``sharpe_variance`` is the sample variance over distinct parameter sets (each by the mean of its runs); None under two.
    """

    family: str
    runs: int = 0
    distinct: int = 0
    deleted: int = 0
    sharpe_mean: float | None = None
    sharpe_variance: float | None = None
    sharpe_best: float | None = None
    first_ms: int = 0
    last_ms: int = 0


class TrialRepository(Protocol):
    """Table trial: the lifetime ledger. Rows are never removed."""

    async def add(self, trials: Sequence[Trial]) -> int:
        """Count trials; one that is there already (run and number) is not counted twice. Returns how many were new."""
        ...

    async def summary(self, family: str) -> TrialSummary: ...
    async def families(self) -> list[TrialSummary]: ...

    async def list(self, family: str, *, limit: int = 1_000) -> list[Trial]:
        """Return a family's trials, newest first."""
        ...

    async def bury(self, *, now_ms: int, run_id: str | None = None, result_id: str | None = None) -> int:
        """Leave a tombstone for the trials of a deleted job or result: parameters go, the count and the figures stay."""
        ...


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy with parameters, account and allocation that can be started, paused and stopped.

    ``version`` grows with each change. ``allocation`` is exact decimal text in the account's currency. ``state`` is one of
    created, running, paused, stopped, failed; ``reason`` says why in a sentence.
    """

    id: str
    name: str
    strategy: str
    parameters: dict[str, Any] = {}
    code_hash: str = ""
    family: str = ""
    instruments: tuple[str, ...] = ()
    period: str = ""
    account: str = ""
    allocation: str = "0"
    settings: dict[str, Any] = {}
    state: str = "created"
    reason: str = ""
    version: int = 1
    created_ms: int
    updated_ms: int


class DeploymentChange(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what: the deployment as it was after the change is in ``after``."""

    deployment_id: str
    version: int
    at_ms: int
    who: str
    what: str  # created | configured | started | paused | resumed | stopped | failed | rolled_back | removed
    note: str = ""
    after: dict[str, Any] = {}


class DeploymentSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy remembers (``save_state``), with the code that wrote it."""

    deployment_id: str
    saved_ms: int
    code_hash: str = ""
    state: dict[str, Any] = {}


class DeploymentRepository(Protocol):
    """Tables deployment, deployment_history and deployment_state."""

    async def put(self, deployment: Deployment, *, who: str, what: str, note: str = "") -> Deployment:
        """Add or change; the version grows by one and the history gains a row, in this transaction."""
        ...

    async def get(self, deployment_id: str) -> Deployment | None: ...
    async def find(self, name: str) -> Deployment | None: ...
    async def list(self) -> list[Deployment]: ...

    async def remove(self, deployment_id: str, *, who: str, now_ms: int) -> bool:
        """Forget a deployment and its state; its history stays and says who removed it."""
        ...

    async def history(self, deployment_id: str, *, limit: int = 200) -> builtins.list[DeploymentChange]:
        """Return its changes, newest first."""
        ...

    async def save_state(self, snapshot: DeploymentSnapshot, *, keep: int = 20) -> None:
        """Keep a snapshot and the ``keep - 1`` before it."""
        ...

    async def last_state(self, deployment_id: str, *, before_ms: int | None = None) -> DeploymentSnapshot | None: ...


class StudyRepository(Protocol):
    """Table study_journal: the append-only log that several optimising workers share, one numbering per study."""

    async def append(self, study: str, lines: Sequence[str]) -> None:
        """Add JSON lines at the end, all or none, after those of every other writer."""
        ...

    async def read(self, study: str, *, after: int = 0) -> list[str]:
        """Return the lines from position ``after`` (0: all), in order."""
        ...

    async def remove(self, study: str) -> int: ...


# --- computing -------------------------------------------------------------------------------------------------------

#: A worker asks its crew's owner: name of the question, its bytes -> the answer's bytes.
Answer: TypeAlias = Callable[[str, bytes], Awaitable[bytes]]
#: A task tells how far it is: done units since the last call.
Advance: TypeAlias = Callable[[float], None]


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended.

    ``done`` with its content; ``refused`` (a person can mend it), ``crashed`` (a fault of the code that ran), or ``lost`` with
    its process. ``detail`` is a sentence. ``worker`` names the process (its pid).
    """

    state: Literal["done", "refused", "crashed", "lost"]
    content: bytes = b""
    detail: str = ""
    worker: str = ""


class Crew(Protocol):
    """Worker processes that one job has to itself."""

    async def run(self, task: bytes, *, advance: Advance | None = None) -> TaskResult:
        """Have a free worker do a task; a cancelled call ends the worker that had it."""
        ...

    def stats(self) -> Mapping[str, Any]:
        """Workers alive and their names."""
        ...


class Compute(Protocol):
    """Where heavy work is done: processes of this machine at low priority, or a cluster."""

    @property
    def name(self) -> str: ...

    def crew(self, *, workers: int, files: Sequence[Path] = (), answer: Answer | None = None) -> AbstractAsyncContextManager[Crew]:
        """Open a crew of at most ``workers``; ``files`` are what its tasks read. Leaving the context ends its processes at once.

        Raises EnvironmentFault with a sentence when the engine is not there.
        """
        ...
