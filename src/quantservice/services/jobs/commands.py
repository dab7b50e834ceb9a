"""Submit, look at, cancel and remove jobs: plain classes over the state store."""

from __future__ import annotations

import asyncio
import builtins
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from quantservice.core.errors import UnknownName, UserError
from quantservice.core.messages import Command, Message, Topic, new_event_id
from quantservice.ports import JOB_STATES, Clock, Job, JobState, StateStore, UnitOfWork

#: Checks a kind's request and returns it complete, with a title; raises UserError naming what is wrong.
CheckRequest: TypeAlias = Callable[[Mapping[str, Any]], tuple[dict[str, Any], str]]
#: Stands for the id of the newest one.
LATEST: Final = "latest"
_MOST_LISTED = 1_000


class Jobs:
    """The queue as a person sees it. ``kinds`` maps each kind of job to what checks its request."""

    def __init__(self, state_store: StateStore, clock: Clock, kinds: Mapping[str, CheckRequest]) -> None:
        self._state_store = state_store
        self._clock = clock
        self._kinds = kinds

    async def submit(self, kind: str, request: Mapping[str, Any], *, title: str = "", priority: int = 0) -> Job:
        """Put a job into the queue; a request that cannot be done is refused here, before it waits."""
        check = self._kinds.get(kind)
        if check is None:
            raise UnknownName("kind", kind, self._kinds)
        complete, shown = await asyncio.to_thread(check, request)
        now_ms = self._clock.now_ms()
        data = complete.get("data")
        if isinstance(data, dict) and data.get("end_ms") is None:
            complete["data"] = {**data, "end_ms": now_ms}  # what closes while it waits is not meant, and a repetition can name it
        job = Job(
            id=new_job_id(now_ms), kind=kind, title=_line(title or shown), request=complete, priority=priority, created_ms=now_ms
        )
        async with self._state_store.transaction() as work:
            await work.jobs.add(job)
            await work.outbox.add(_command("job.submitted", job.id))
        return job

    async def list(self, *, state: str | None = None, kind: str | None = None, limit: int = 200) -> builtins.list[Job]:
        """Return jobs, newest first."""
        async with self._state_store.transaction() as work:
            return await work.jobs.list(state=_check_state(state), kind=kind, limit=min(limit, _MOST_LISTED))

    async def get(self, job_id: str) -> Job:
        """Return a job; ``latest`` is the newest. Raises UnknownName with the newest ids where there is none."""
        async with self._state_store.transaction() as work:
            return await _found(work, job_id)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a waiting job at once; one that runs stops within a second or so. A finished one stays as it is."""
        async with self._state_store.transaction() as work:
            found = await _found(work, job_id)
            job = await work.jobs.cancel(found.id, now_ms=self._clock.now_ms()) or await _found(work, found.id)
            if job.state == "running":
                await work.outbox.add(_command("job.cancel", job.id))
        return job

    async def remove(self, job_id: str) -> Job:
        """Forget a job and its rows; its trials stay counted and its stored backtests stay."""
        async with self._state_store.transaction() as work:
            job = await _found(work, job_id)
            if not await work.jobs.remove(job.id):
                raise UserError(f"job {job.id} is running; cancel it first")
            await work.trials.bury(now_ms=self._clock.now_ms(), run_id=job.id)
        return job

    async def table(self, job_id: str, name: str) -> bytes:
        """Return one of a finished job's tables as Arrow bytes (IPC stream); raises UnknownName with those it has."""
        async with self._state_store.transaction() as work:
            job = await _found(work, job_id)
            tables: Mapping[str, int] = job.result.get("tables", {})
            if name not in tables:
                if job.state != "done":
                    raise UserError(f"job {job.id} is {job.state}; its tables come with its end")
                raise UnknownName("table", name, tables)
            return await work.jobs.chunk(job.id, tables[name]) or b""

    async def counts(self) -> dict[str, int]:
        """Jobs per state."""
        async with self._state_store.transaction() as work:
            return await work.jobs.counts()


def _line(text: str) -> str:
    """Return a title as one line of bounded length."""
    return "".join(char for char in text if char.isprintable())[:200]


def new_job_id(now_ms: int) -> str:
    """Return a short id that sorts by age."""
    return f"{now_ms:011x}{secrets.token_hex(2)}"


def job_row(job: Job) -> dict[str, Any]:
    """Return a job as the API, the page and the command line show it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": "cancelling" if job.cancel and job.state == "running" else job.state,
        "progress": round(job.done / job.total, 4) if job.total else (1.0 if job.state == "done" else 0.0),
        "done": job.done,
        "total": job.total,
        "text": job.text,
        "error": job.error,
        "attempts": job.attempts,
        "priority": job.priority,
        "holder": job.holder if job.state == "running" else "",
        "created_ms": job.created_ms,
        "started_ms": job.started_ms or None,
        "finished_ms": job.finished_ms or None,
        "request": job.request,
        "result": job.result,
    }


async def _found(work: UnitOfWork, job_id: str) -> Job:
    if job_id == LATEST:
        newest = await work.jobs.list(limit=1)
        if not newest:
            raise UnknownName("job", job_id, (), hint="there is no job yet")
        return newest[0]
    job = await work.jobs.get(job_id)
    if job is None:
        raise UnknownName("job", job_id, [item.id for item in await work.jobs.list(limit=20)])
    return job


def _check_state(state: str | None) -> JobState | None:
    for known in JOB_STATES:
        if state == known:
            return known
    if state is not None:
        raise UnknownName("state", state, JOB_STATES)
    return None


def _command(name: str, job_id: str) -> Message:
    command = Command(id=new_event_id(), name=name, arguments={"job_id": job_id})
    return Message(topic=Topic.COMMAND, event_type=name, key=f"job:{job_id}", data=command)
