"""Jobs: submit, list, read, cancel, delete, and the tables that they leave."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.ports import JOB_STATES
from quantservice.services.jobs.commands import job_row
from quantservice.web import models
from quantservice.web.context import ResearchDesk, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard
from quantservice.web.tables import Columns, Form, Offset, Rows, Sort, TableName, table_content, table_reply

JobId: TypeAlias = Annotated[str, Path(min_length=1, max_length=64, description="Id, or `latest`.", examples=["19777e1c2003a1f"])]
Most: TypeAlias = Annotated[int, Query(ge=1, le=1_000)]
Name: TypeAlias = Annotated[str | None, Query(max_length=128)]
State: TypeAlias = Annotated[str | None, Query(json_schema_extra={"enum": [*JOB_STATES, None]})]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does no research."""
    router, owner = readers(context, "jobs", guard), writers(context, "jobs", guard)
    if context.desk is not None:
        _add_reading(router, context.desk)
        _add_changing(owner, context.desk)
    return [router, owner]


def _add_reading(router: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/jobs", response_model=models.JobList, summary="Jobs")
    async def list_jobs(state: State = None, kind: Name = None, limit: Most = 200) -> Response:
        """Newest first."""
        rows = [job_row(job) for job in await desk.jobs.list(state=state, kind=kind, limit=limit)]
        return reply({"data": rows, "counts": await desk.jobs.counts()})

    @router.get("/jobs/{job_id}", response_model=models.JobRow, summary="One job")
    async def get_job(job_id: JobId) -> Response:
        """Its progress, and its summary once it is done."""
        return reply(job_row(await desk.jobs.get(job_id)))

    @router.get(
        "/jobs/{job_id}/tables/{name}",
        response_model=models.TableRows,
        responses=table_content(models.TableRows),
        summary="A table of a finished job",
    )
    async def job_table(
        job_id: JobId,
        name: TableName,
        columns: Columns = None,
        sort: Sort = None,
        descending: bool = True,
        offset: Offset = 0,
        limit: Rows = 1_000,
        format: Form = "json",  # noqa: A002 - the query's word
    ) -> Response:
        """What a kind of job leaves is in docs/optimisation.md."""
        content = await desk.jobs.table(job_id, name)
        return await table_reply(
            content, form=format, columns=columns, sort=sort, descending=descending, offset=offset, limit=limit
        )


def _add_changing(owner: APIRouter, desk: ResearchDesk) -> None:
    @owner.post("/jobs", response_model=models.JobRow, status_code=202, summary="Submit a job")
    async def submit(body: models.JobRequest) -> Response:
        """What cannot be done is refused here, before it waits."""
        job = await desk.jobs.submit(body.kind, body.request, title=body.title, priority=body.priority)
        return reply(job_row(job), 202, {"Location": f"/api/v1/jobs/{job.id}"})

    @owner.post("/jobs/{job_id}/cancel", response_model=models.JobRow, summary="Cancel a job")
    async def cancel(job_id: JobId) -> Response:
        """A waiting one ends at once, a running one within a second or so; a finished one stays as it is."""
        return reply(job_row(await desk.jobs.cancel(job_id)))

    @owner.delete("/jobs/{job_id}", response_model=models.Removed, summary="Delete a job")
    async def delete_job(job_id: JobId) -> Response:
        """Its tables go; its trials stay counted, its stored backtests stay."""
        return reply({"removed": (await desk.jobs.remove(job_id)).id})
