"""Jobs and their chunks, and the journal of studies. A claim is a lease: who does not beat in time has lost the job."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.rows import Statements, insert_once, pack, unpack
from quantservice.ports import Hold, Job, JobState

_JSON: Final = ("request", "result")
_STUDY_LOCK: Final = 0x5153_0003


class SqlJobs:
    """Tables job and job_chunk."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.job

    async def add(self, job: Job) -> None:
        """Put a job into the queue."""
        await self._connection.execute(sa.insert(self._table).values(**pack(job, _JSON)))

    async def get(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        query = sa.select(self._table).where(self._table.c.id == job_id)
        row = (await self._connection.execute(query)).mappings().first()
        return unpack(Job, row, _JSON) if row is not None else None

    async def list(self, *, state: JobState | None = None, kind: str | None = None, limit: int = 200) -> builtins.list[Job]:
        """Return jobs, newest first."""
        table = self._table
        query = sa.select(table).order_by(table.c.created_ms.desc(), table.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(table.c.state == state)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        return [unpack(Job, row, _JSON) for row in (await self._connection.execute(query)).mappings()]

    async def claim(self, holder: str, *, now_ms: int, lease_ms: int, most_attempts: int) -> Job | None:
        """Take the first job that waits or whose lease has run out; one with ``most_attempts`` behind it fails instead."""
        table = self._table
        lapsed = (table.c.state == "running") & (table.c.lease_until_ms < now_ms)
        first = (
            sa.select(table)
            .where((table.c.state == "queued") | lapsed)
            .order_by(table.c.priority.desc(), table.c.created_ms, table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # another process claims the next one meanwhile
        )
        while (row := (await self._connection.execute(first)).mappings().first()) is not None:
            job = unpack(Job, row, _JSON)
            if job.cancel:  # its holder died between being asked to stop and stopping
                await self._end(job.id, "cancelled", now_ms, "", None)
            elif job.attempts >= most_attempts:
                sentence = f"the process that ran it ended {job.attempts} times before the work was done; see its log"
                await self._end(job.id, "failed", now_ms, sentence, None)
            else:
                changes: dict[str, Any] = {
                    "state": "running",
                    "holder": holder,
                    "attempts": job.attempts + 1,
                    "lease_until_ms": now_ms + lease_ms,
                    "started_ms": job.started_ms or now_ms,
                }
                await self._connection.execute(sa.update(table).where(table.c.id == job.id).values(**changes))
                return msgspec.structs.replace(job, **changes)
        return None

    async def beat(self, job_id: str, holder: str, *, lease_until_ms: int, done: float, total: float, text: str) -> Hold:
        """Extend the lease and tell the progress."""
        table = self._table
        extended = (
            sa.update(table)
            .where(table.c.id == job_id, table.c.holder == holder, table.c.state == "running")
            .values(lease_until_ms=lease_until_ms, done=done, total=total, text=text)
            .returning(table.c.cancel)
        )
        row = (await self._connection.execute(extended)).first()
        if row is None:
            return "lost"
        return "cancel" if row[0] else "held"

    async def finish(
        self, job_id: str, holder: str, state: JobState, *, now_ms: int, error: str = "", result: Mapping[str, Any] | None = None
    ) -> bool:
        """End a job that ``holder`` holds; False when it holds it no more."""
        return await self._end(job_id, state, now_ms, error, result, holder=holder)

    async def release(self, job_id: str, holder: str) -> bool:
        """Put a held job back into the queue without counting the attempt."""
        table = self._table
        back = (
            sa.update(table)
            .where(table.c.id == job_id, table.c.holder == holder, table.c.state == "running")
            .values(state="queued", holder="", lease_until_ms=0, attempts=table.c.attempts - 1)
        )
        return (await self._connection.execute(back)).rowcount > 0

    async def holders(self) -> builtins.list[str]:
        """Who holds running jobs."""
        query = sa.select(self._table.c.holder).where(self._table.c.state == "running").distinct()
        return sorted((await self._connection.execute(query)).scalars())

    async def lapse(self, holder: str) -> int:
        """End the leases of a holder that is known to be dead; its jobs may be claimed at once."""
        table = self._table
        ended = sa.update(table).where(table.c.holder == holder, table.c.state == "running").values(lease_until_ms=0)
        return (await self._connection.execute(ended)).rowcount

    async def cancel(self, job_id: str, *, now_ms: int) -> Job | None:
        """Cancel a waiting job at once, ask the holder of a running one to stop; return the job as it is now."""
        table = self._table
        job = await self.get(job_id)
        if job is None or job.state not in ("queued", "running"):
            return job
        asked = sa.update(table).where(table.c.id == job_id, table.c.state == "running").values(cancel=True)
        if (await self._connection.execute(asked)).rowcount == 0:
            ended = sa.update(table).where(table.c.id == job_id, table.c.state == "queued")
            await self._connection.execute(ended.values(state="cancelled", cancel=True, finished_ms=now_ms))
        return await self.get(job_id)

    async def remove(self, job_id: str) -> bool:
        """Forget a job that is not running, its chunks and its study; say whether it was there."""
        table = self._table
        gone = sa.delete(table).where(table.c.id == job_id, table.c.state != "running")
        if (await self._connection.execute(gone)).rowcount == 0:
            return False
        await self.drop_chunks(job_id)
        await self._connection.execute(sa.delete(tables.study_journal).where(tables.study_journal.c.study == job_id))
        return True

    async def add_chunk(self, job_id: str, number: int, content: bytes) -> bool:
        """Keep one part of the work; False when that part is there already."""
        kept = insert_once(self._connection, tables.job_chunk).values(job_id=job_id, number=number, content=content)
        return (await self._connection.execute(kept.on_conflict_do_nothing())).rowcount == 1

    async def chunk_numbers(self, job_id: str) -> set[int]:
        """Return which parts are there."""
        query = sa.select(tables.job_chunk.c.number).where(tables.job_chunk.c.job_id == job_id)
        return set((await self._connection.execute(query)).scalars())

    async def chunk(self, job_id: str, number: int) -> bytes | None:
        """Return one part."""
        table = tables.job_chunk
        query = sa.select(table.c.content).where(table.c.job_id == job_id, table.c.number == number)
        content = (await self._connection.execute(query)).scalar()
        return None if content is None else bytes(content)

    async def drop_chunks(self, job_id: str) -> None:
        """Forget all parts: the work begins again."""
        await self._connection.execute(sa.delete(tables.job_chunk).where(tables.job_chunk.c.job_id == job_id))

    async def counts(self) -> dict[str, int]:
        """Jobs per state."""
        query = sa.select(self._table.c.state, sa.func.count()).group_by(self._table.c.state)
        return {row[0]: row[1] for row in await self._connection.execute(query)}

    async def _end(
        self,
        job_id: str,
        state: JobState,
        now_ms: int,
        error: str,
        result: Mapping[str, Any] | None,
        *,
        holder: str | None = None,
    ) -> bool:
        table = self._table
        ended = sa.update(table).where(table.c.id == job_id, table.c.state == "running")
        if holder is not None:
            ended = ended.where(table.c.holder == holder)
        values: dict[str, Any] = {"state": state, "finished_ms": now_ms, "error": error.replace("\x00", ""), "lease_until_ms": 0}
        if result is not None:
            values["result"] = msgspec.json.encode(result).decode()
        return (await self._connection.execute(ended.values(**values))).rowcount > 0


class SqlStudies:
    """Table study_journal. Writers take turns, so a position is never seen before the one below it."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.study_journal

    async def append(self, study: str, lines: Sequence[str]) -> None:
        """Add JSON lines at the end, all or none, after those of every other writer."""
        if not lines:
            return
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_STUDY_LOCK)))
        table = self._table
        last = sa.select(sa.func.coalesce(sa.func.max(table.c.position), 0)).where(table.c.study == study)
        start = int((await self._connection.execute(last)).scalar_one())
        rows = [{"study": study, "position": start + place, "line": line} for place, line in enumerate(lines, 1)]
        await self._connection.execute(sa.insert(table), rows)

    async def read(self, study: str, *, after: int = 0) -> list[str]:
        """Return the lines from position ``after`` (0: all), in order."""
        table = self._table
        query = sa.select(table.c.line).where(table.c.study == study, table.c.position > after).order_by(table.c.position)
        return list((await self._connection.execute(query)).scalars())

    async def remove(self, study: str) -> int:
        """Forget a study; return how many lines it had."""
        return (await self._connection.execute(sa.delete(self._table).where(self._table.c.study == study))).rowcount
