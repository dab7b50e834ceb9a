"""The queue's loop: claims jobs, keeps their leases, has them worked off, and says how far they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, QuantServiceError, StoreUnavailable, UnknownName, UserError
from quantservice.core.messages import Command, JobChange, Message, Overflow, Topic
from quantservice.ports import Clock, Compute, EventBus, Job, JobState, StateStore
from quantservice.services.jobs.exports import Exporter
from quantservice.services.jobs.running import STORE_RETRY_S, Run, keep_finished
from quantservice.services.jobs.work import Finished

_log = structlog.get_logger(__name__)
_COMMANDS: Final = ("job.submitted", "job.cancel")
_RELEASE_S: Final = 3.0


class JobsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue works. ``workers`` caps the processes of all jobs together; waits in seconds."""

    workers: int = 1
    concurrent: int = 2
    lease_s: float = 15.0
    beat_s: float = 0.5
    poll_s: float = 1.0
    most_attempts: int = 5  # processes that may die over a job before it fails
    tries: int = 3  # workers that may die over one item before the job fails
    clean_every_s: float = 3_600.0


class JobsService:
    """Owns the running jobs of this process. ``holder`` names the process in leases; ``is_alive`` says whether a holder lives."""

    name = "jobs"
    consumes: tuple[str, ...] = (Topic.COMMAND,)
    produces: tuple[str, ...] = (Topic.JOB,)

    def __init__(  # noqa: PLR0913 - the ports that it stands on
        self,
        state_store: StateStore,
        bus: EventBus,
        clock: Clock,
        *,
        exporter: Exporter,
        engines: Mapping[str, Compute],
        holder: str,
        is_alive: Callable[[str], bool],
        folders: Callable[[], Sequence[str]] = tuple,
        config: JobsConfig | None = None,
    ) -> None:
        self._state_store = state_store
        self._bus = bus
        self._clock = clock
        self._exporter = exporter
        self._engines = engines
        self._holder = holder
        self._is_alive = is_alive
        self._folders = folders
        self._config = config or JobsConfig()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(self._config.workers)
        self._runs: dict[str, tuple[Run, asyncio.Event]] = {}
        self._away = False
        self._counts = {"done": 0, "failed": 0, "cancelled": 0}
        self._cleaned_at = 0.0

    async def run(self) -> None:
        """Work off the queue until cancelled; running jobs are put back then."""
        self._slots = asyncio.Semaphore(self._config.workers)
        self._runs.clear()
        async with (
            self._bus.subscribe((Topic.COMMAND,), group=self.name, overflow=Overflow.DROP_OLDEST, capacity=1_000) as commands,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._listen(commands))
            while True:
                self._wake.clear()
                try:
                    await self._recover()
                    await self._fill(group)
                    await self._clean()
                    self._say_back()
                except EnvironmentFault as error:  # StoreUnavailable is one
                    self._say_away(error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._config.poll_s):
                        await self._wake.wait()

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {"running": len(self._runs), "store_away": int(self._away), **self._counts}

    # --- the queue ---

    async def _listen(self, commands: Any) -> None:
        async for batch in commands:
            for message in batch:
                command = message.data
                if isinstance(command, Command) and command.name in _COMMANDS:
                    self._wake.set()
                    running = self._runs.get(str(command.arguments.get("job_id")))
                    if running is not None:
                        running[1].set()
            await commands.commit()

    async def _recover(self) -> None:
        """Take the leases from holders that are dead: their jobs need not wait for the lease to run out."""
        async with self._state_store.transaction() as work:
            for holder in await work.jobs.holders():
                if holder != self._holder and not self._is_alive(holder):
                    lapsed = await work.jobs.lapse(holder)
                    _log.warning("jobs.holder_dead", holder=holder, jobs=lapsed)

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        while len(self._runs) < self._config.concurrent:
            async with self._state_store.transaction() as work:
                job = await work.jobs.claim(
                    self._holder,
                    now_ms=self._clock.now_ms(),
                    lease_ms=int(self._config.lease_s * 1000),
                    most_attempts=self._config.most_attempts,
                )
            if job is None or job.id in self._runs:
                return
            asked = asyncio.Event()
            try:
                run = self._make_run(job)
            except UserError as error:
                await self._end(job, "failed", str(error))
                continue
            self._runs[job.id] = (run, asked)
            group.create_task(self._attend(run, asked), name=f"job:{job.id}")

    def _make_run(self, job: Job) -> Run:
        engine = str(job.request.get("engine") or "processes")
        compute = self._engines.get(engine)
        if compute is None:
            raise UnknownName("engine", engine, self._engines)
        wanted = job.request.get("workers")
        workers = min(int(wanted), self._config.workers) if isinstance(wanted, int) and wanted > 0 else self._config.workers
        return Run(
            job,
            state_store=self._state_store,
            clock=self._clock,
            exporter=self._exporter,
            compute=compute,
            slots=self._slots,
            workers=workers,
            tries=self._config.tries,
            folders=self._folders(),
        )

    async def _clean(self) -> None:
        if self._clock.monotonic() >= self._cleaned_at:
            self._cleaned_at = self._clock.monotonic() + self._config.clean_every_s
            await self._exporter.clean(run.manifest for run, _ in self._runs.values() if isinstance(run.manifest, Path))

    # --- one job ---

    async def _attend(self, run: Run, asked: asyncio.Event) -> None:
        """Have a job worked off, extending its lease and looking for a wish to cancel meanwhile."""
        job = run.job
        await self._tell(job, "running", run)
        working = asyncio.create_task(run.work(), name=f"job:{job.id}:work")
        try:
            verdict = await self._watch(run, working, asked)
            if verdict == "cancel":
                await self._end(job, "cancelled", "", run=run)
            elif verdict == "held":
                await self._conclude(run, working)
        except asyncio.CancelledError:
            await self._stop(working)
            await self._release(job)
            raise
        finally:
            await self._stop(working)
            self._runs.pop(job.id, None)
            self._wake.set()

    async def _watch(self, run: Run, working: asyncio.Task[Any], asked: asyncio.Event) -> str:
        while not working.done():
            waiting = asyncio.create_task(asked.wait())
            await asyncio.wait((working, waiting), timeout=self._config.beat_s, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            asked.clear()
            done, total, text = run.progress()
            try:
                async with self._state_store.transaction() as work:
                    lease = self._clock.now_ms() + int(self._config.lease_s * 1000)
                    hold = await work.jobs.beat(run.job.id, self._holder, lease_until_ms=lease, done=done, total=total, text=text)
            except EnvironmentFault as error:
                self._say_away(error)  # the work goes on: its results are kept until the store is back
                continue
            if hold != "held":
                await self._stop(working)
                if hold == "lost":
                    _log.warning("job.lost", job=run.job.id, reason="another process has it now, or it was removed")
                return hold
            await self._tell(run.job, "running", run)
        return "held"

    async def _conclude(self, run: Run, working: asyncio.Task[Any]) -> None:
        job = run.job
        try:
            finished = working.result()
            while not await self._keep(run, finished):
                await self._clock.sleep(STORE_RETRY_S)
        except StoreUnavailable as error:
            self._say_away(error)
            await self._release(job)  # it begins again where it ended, once the stores answer
        except QuantServiceError as error:
            await self._end(job, "failed", str(error), run=run)
        except Exception as error:  # noqa: BLE001 - the edge of a job: the others go on, and this one says what happened
            _log.exception("job.failed", job=job.id)
            await self._end(job, "failed", f"the queue failed over it ({type(error).__name__}: {error}); see the log", run=run)

    async def _keep(self, run: Run, finished: Finished) -> bool:
        """Write results and end in one commit; what another process has meanwhile is not touched. False: the store is away."""
        job, now_ms = run.job, self._clock.now_ms()
        done, total, _ = run.progress()
        try:
            async with self._state_store.transaction() as work:
                lease = now_ms + int(self._config.lease_s * 1000)
                hold = await work.jobs.beat(job.id, self._holder, lease_until_ms=lease, done=done, total=total, text="")
                if hold != "lost":
                    result = await keep_finished(work, job, finished, now_ms=now_ms, more={"workers": sorted(run.workers_seen)})
                    await work.jobs.finish(job.id, self._holder, "done", now_ms=now_ms, result=result)
        except EnvironmentFault as error:
            self._say_away(error)
            return False
        if hold == "lost":
            _log.warning("job.lost", job=job.id, reason="another process has it now, or it was removed")
            return True
        self._counts["done"] += 1
        run.text = ""
        await self._tell(job, "done", run)
        return True

    async def _end(self, job: Job, state: JobState, error: str, *, run: Run | None = None) -> None:
        try:
            async with self._state_store.transaction() as work:
                await work.jobs.finish(job.id, self._holder, state, now_ms=self._clock.now_ms(), error=error)
        except EnvironmentFault as fault:
            # It stays held until its lease runs out, and is claimed again when the store takes writes.
            _log.error("job.end_not_kept", job=job.id, state=state, error=error, reason=str(fault))
            return
        self._counts[state] = self._counts.get(state, 0) + 1
        if error:
            _log.warning("job.ended", job=job.id, state=state, reason=error)
        await self._tell(job, state, run, error=error)

    async def _release(self, job: Job) -> None:
        with contextlib.suppress(EnvironmentFault, TimeoutError):
            async with asyncio.timeout(_RELEASE_S), self._state_store.transaction() as work:
                await work.jobs.release(job.id, self._holder)

    async def _stop(self, working: asyncio.Task[Any]) -> None:
        working.cancel()
        await asyncio.wait((working,))
        if not working.cancelled():
            working.exception()  # looked at: what the work died of no longer matters

    async def _tell(self, job: Job, state: JobState, run: Run | None, *, error: str = "") -> None:
        done, total, text = run.progress() if run is not None else (job.done, job.total, job.text)
        change = JobChange(
            job_id=job.id, kind=job.kind, title=job.title, state=state, done=done, total=total, text=text, error=error
        )
        await self._bus.publish((Message(topic=Topic.JOB, event_type=f"job.{state}", key=job.id, data=change),))

    # --- saying it once ---

    def _say_away(self, error: EnvironmentFault) -> None:
        if not self._away:
            self._away = True
            _log.warning("jobs.store_away", reason=str(error), lost=isinstance(error, StoreUnavailable))

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            _log.info("jobs.store_back")
