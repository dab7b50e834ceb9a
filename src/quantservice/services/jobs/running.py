"""One job on its way: data, plan, items, finish. Whatever is done is committed item by item, so nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.conversion import refusal
from quantservice.core.errors import EnvironmentFault, QuantServiceError, UnknownName, UserError
from quantservice.ports import Clock, Compute, Crew, Job, StateStore, TaskResult, UnitOfWork
from quantservice.services.jobs.exports import Export, Exporter
from quantservice.services.jobs.work import (
    FIRST_TABLE_CHUNK,
    PLAN_CHUNK,
    DataRequest,
    Done,
    Finished,
    Item,
    Plan,
    Task,
    pack,
    unpack,
)

_log = structlog.get_logger(__name__)
STORE_RETRY_S: Final = 1.0


class Run:
    """A claimed job, worked off step by step. ``progress`` is what the queue's beat writes down."""

    def __init__(  # noqa: PLR0913 - the parts of the service that it uses
        self,
        job: Job,
        *,
        state_store: StateStore,
        clock: Clock,
        exporter: Exporter,
        compute: Compute,
        slots: asyncio.Semaphore,
        workers: int,
        tries: int,
        folders: Sequence[str],
    ) -> None:
        self.job = job
        self.done = 0.0
        self.total = 0.0
        self.text = "waiting for the data"
        self.manifest: Path | None = None
        self.workers_seen: set[str] = set()
        self._state_store = state_store
        self._clock = clock
        self._exporter = exporter
        self._compute = compute
        self._slots = slots
        self._workers = workers
        self._tries = tries
        self._folders = tuple(folders)
        self._partial: dict[int, float] = {}

    async def work(self) -> Finished:
        """Do all that is left of the job; return what its finish says. The caller commits it with the job's end."""
        named = self.job.request.get("data")
        request = read_data_request(named) if named is not None else None
        files: list[Path] = []
        export: Export | None = None
        if request is not None:
            self.manifest, export = await self._exporter.export(request)
            files = [self.manifest, *(self.manifest.parent / table.file for table in export.tables)]
        async with self._compute.crew(workers=self._workers, files=files, answer=self._answer) as crew:
            plan = await self._plan(crew, export)
            self.total = sum(item.weight for item in plan.items)
            await self._items(crew, plan)
            self.text = "putting the results together"
            parts = [await self._chunk(number) for number in range(len(plan.items))]
            return unpack((await self._do(crew, self._task("finish", parts=parts), None)).content, Finished)

    def progress(self) -> tuple[float, float, str]:
        """Done, total and what is going on."""
        return min(self.done + sum(self._partial.values()), self.total or float("inf")), self.total, self.text

    # --- steps ---

    async def _plan(self, crew: Crew, export: Export | None) -> Plan:
        """Return the plan that was kept, or make one. Where the data is not what the kept plan saw, the work begins again."""
        fingerprint = export.fingerprint if export is not None else ""
        async with self._state_store.transaction() as work:
            kept = await work.jobs.chunk(self.job.id, PLAN_CHUNK)
            if kept is not None:
                plan = unpack(kept, Plan)
                if plan.fingerprint == fingerprint:
                    return plan
                await work.jobs.drop_chunks(self.job.id)
                await work.studies.remove(self.job.id)
                _log.warning("job.data_changed", job=self.job.id, reason="the stored bars changed since it began; it begins again")
        self.text = "looking at the work; the first time on a machine its arithmetic is compiled"
        result = await self._do(crew, self._task("plan"), None)
        plan = msgspec.structs.replace(unpack(result.content, Plan), fingerprint=fingerprint)
        await self._commit(lambda work: work.jobs.add_chunk(self.job.id, PLAN_CHUNK, pack(plan)))
        return plan

    async def _items(self, crew: Crew, plan: Plan) -> None:
        async with self._state_store.transaction() as work:
            there = await work.jobs.chunk_numbers(self.job.id)
        self.done = sum(item.weight for number, item in enumerate(plan.items) if number in there)
        left = iter([(number, item) for number, item in enumerate(plan.items) if number not in there])
        self.text = plan.unit
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._worker(crew, left))
        except* QuantServiceError as faults:
            raise faults.exceptions[0] from None

    async def _worker(self, crew: Crew, left: Iterator[tuple[int, Item]]) -> None:
        for number, item in left:
            result = await self._do(crew, self._task("work", number=number, item=item.content), item, number=number)
            done = unpack(result.content, Done)
            now_ms = self._clock.now_ms()
            trials = [msgspec.structs.replace(trial, run_id=self.job.id, created_ms=now_ms) for trial in done.trials]

            async def keep(work: UnitOfWork, number: int = number, done: Done = done, trials: Any = trials) -> None:
                if await work.jobs.add_chunk(self.job.id, number, done.content):
                    await work.trials.add(trials)

            await self._commit(keep)
            self._partial.pop(number, None)
            self.done += item.weight

    async def _do(self, crew: Crew, task: Task, item: Item | None, *, number: int = 0) -> TaskResult:
        """Have a task done; one that is lost with its process is done again a few times."""
        lost = ""
        for attempt in range(1, self._tries + 1):
            self._partial.pop(number, None)

            def advance(units: float) -> None:
                if item is not None:
                    self._partial[number] = min(self._partial.get(number, 0.0) + units, item.weight)

            async with self._slots:
                result = await crew.run(pack(msgspec.structs.replace(task, attempt=attempt)), advance=advance)
            self.workers_seen.add(result.worker)
            if result.state == "done":
                return result
            if result.state == "refused":
                raise UserError(result.detail)
            if result.state == "crashed":
                raise QuantServiceError(result.detail)
            lost = result.detail
            _log.warning("job.worker_lost", job=self.job.id, number=number, attempt=attempt, reason=lost)
        raise QuantServiceError(f"its worker process ended {self._tries} times: {lost}")

    def _task(self, operation: Any, *, number: int = 0, item: bytes = b"", parts: Sequence[bytes] = ()) -> Task:
        return Task(
            job_id=self.job.id,
            kind=self.job.kind,
            operation=operation,
            request=self.job.request,
            manifest=str(self.manifest or ""),
            folders=self._folders,
            workers=self._workers,
            number=number,
            item=item,
            parts=parts,
        )

    # --- the state store ---

    async def _chunk(self, number: int) -> bytes:
        async with self._state_store.transaction() as work:
            return await work.jobs.chunk(self.job.id, number) or b""

    async def _commit(self, change: Any) -> None:
        """Commit; while the store is away or full the result in hand is kept and tried again."""
        while True:
            try:
                async with self._state_store.transaction() as work:
                    await change(work)
            except EnvironmentFault as error:  # StoreUnavailable is one
                self.text = str(error)
                await self._clock.sleep(STORE_RETRY_S)
            else:
                return

    async def _answer(self, name: str, content: bytes) -> bytes:
        """Answer a worker: the study's journal, which the workers of a job share, and how often a family was tried."""
        if name == "trials":
            async with self._state_store.transaction() as work:
                return msgspec.msgpack.encode(await work.trials.summary(content.decode()))
        if name != "study":
            raise UserError(f"a worker asked for {name}, which is not known here")
        asked = msgspec.msgpack.decode(content, type=JournalRequest)
        async with self._state_store.transaction() as work:
            await work.studies.append(self.job.id, asked.append)
            lines = await work.studies.read(self.job.id, after=asked.after) if asked.read else []
        return msgspec.msgpack.encode(lines)


class JournalRequest(msgspec.Struct, frozen=True):
    """What a worker asks of the study's journal: lines to add, then those after a position."""

    append: list[str]
    after: int = 0
    read: bool = True


async def keep_finished(work: UnitOfWork, job: Job, finished: Finished, *, now_ms: int, more: Mapping[str, Any]) -> dict[str, Any]:
    """Write what a finished job leaves, in the transaction of its end; return its result."""
    tables: dict[str, int] = {}
    for place, (name, content) in enumerate(finished.tables.items()):
        tables[name] = FIRST_TABLE_CHUNK - place
        await work.jobs.add_chunk(job.id, tables[name], content)
    results: list[str] = []
    for stored in finished.backtests:
        record = msgspec.structs.replace(stored.record, job_id=job.id, created_ms=stored.record.created_ms or now_ms)
        await work.backtests.add(record, stored.parts)
        results.append(record.id)
    trials = [msgspec.structs.replace(trial, run_id=job.id, created_ms=now_ms) for trial in finished.trials]
    await work.trials.add(trials)
    return {**finished.summary, **more, "tables": tables, "backtests": results}


def read_data_request(fields: Mapping[str, Any]) -> DataRequest:
    """Return which bars a request names; raises UserError naming what is wrong."""
    for name in fields:
        if name not in DataRequest.__struct_fields__:
            raise UnknownName("field of data", name, DataRequest.__struct_fields__)
    try:
        return msgspec.convert(dict(fields), DataRequest)
    except msgspec.ValidationError as error:
        raise refusal(error, DataRequest, "data") from None
