"""Jobs, stored backtests and trials: submit, list, read, cancel, delete, repeat."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.core.errors import UnknownName
from quantservice.ports import JOB_STATES, Trial
from quantservice.services.backtests.commands import backtest_detail, backtest_row
from quantservice.services.jobs.commands import job_row
from quantservice.web import models
from quantservice.web.context import ResearchDesk, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard

JobId: TypeAlias = Annotated[str, Path(min_length=1, max_length=64, examples=["19777e1c2003a1f"])]
ResultId: TypeAlias = Annotated[str, Path(min_length=1, max_length=64, examples=["b3f1c9a0d2e4"])]
TableName: TypeAlias = Annotated[str, Path(min_length=1, max_length=64, examples=["combinations"])]
Most: TypeAlias = Annotated[int, Query(ge=1, le=1_000)]
Rows: TypeAlias = Annotated[int, Query(ge=1, le=20_000)]
Name: TypeAlias = Annotated[str | None, Query(max_length=128)]
State: TypeAlias = Annotated[str | None, Query(json_schema_extra={"enum": [*JOB_STATES, None]})]
Form: TypeAlias = Annotated[Literal["json", "arrow"], Query(description="JSON rows, or the whole table as an Arrow stream.")]
_ARROW = "application/vnd.apache.arrow.stream"


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does no research."""
    router, owner = readers(context, "jobs", guard), writers(context, "jobs", guard)
    if context.desk is not None:
        _add_jobs(router, owner, context.desk)
        _add_backtests(router, owner, context.desk)
        _add_trials(router, owner, context.desk)
    return [router, owner]


def _add_jobs(router: APIRouter, owner: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/jobs", response_model=models.JobList, summary="Jobs")
    async def list_jobs(state: State = None, kind: Name = None, limit: Most = 200) -> Response:
        """Newest first."""
        rows = [job_row(job) for job in await desk.jobs.list(state=state, kind=kind, limit=limit)]
        return reply({"data": rows, "counts": await desk.jobs.counts()})

    @router.get("/jobs/{job_id}", response_model=models.JobRow, summary="One job")
    async def get_job(job_id: JobId) -> Response:
        """Its progress, and its summary once it is done."""
        return reply(job_row(await desk.jobs.get(job_id)))

    @router.get("/jobs/{job_id}/tables/{name}", response_model=models.TableRows, summary="A table of a finished job")
    async def job_table(
        job_id: JobId,
        name: TableName,
        sort: Name = None,
        descending: bool = True,
        limit: Rows = 1_000,
        format: Form = "json",  # noqa: A002 - the query's word
    ) -> Response:
        """`sort` names a column; what is not defined comes last."""
        content = await desk.jobs.table(job_id, name)
        return await asyncio.to_thread(_table, content, sort, descending, limit, format)

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


def _add_backtests(router: APIRouter, owner: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/backtests", response_model=models.BacktestList, summary="Stored backtests")
    async def list_backtests(strategy: Name = None, family: Name = None, job_id: Name = None, limit: Most = 200) -> Response:
        """Newest first."""
        found = await desk.backtests.list(strategy=strategy, family=family, job_id=job_id, limit=limit)
        return reply({"data": [backtest_row(record) for record in found]})

    @router.get("/backtests/{result_id}", response_model=models.BacktestDetail, summary="One stored backtest")
    async def get_backtest(result_id: ResultId) -> Response:
        """Every metric with its formula, all that was assumed, and what computed it."""
        record = await desk.backtests.get(result_id)
        return reply(backtest_detail(record, await desk.backtests.parts(result_id)))

    @router.get("/backtests/{result_id}/tables/{name}", response_model=models.TableRows, summary="A table of a stored backtest")
    async def backtest_table(
        result_id: ResultId,
        name: TableName,
        limit: Rows = 1_000,
        format: Form = "json",  # noqa: A002 - the query's word
    ) -> Response:
        """Tables: equity, trades, and where there are any fills, orders, funding, liquidations."""
        content = await desk.backtests.part(result_id, name)
        return await asyncio.to_thread(_table, content, None, False, limit, format)

    @owner.post("/backtests/{result_id}/repeat", response_model=models.JobRow, status_code=202, summary="Repeat a stored backtest")
    async def repeat(result_id: ResultId) -> Response:
        """The job's result says whether the run is the same to the bit, and what changed if it is not."""
        job = await desk.jobs.submit("backtest", await desk.backtests.repetition(result_id))
        return reply(job_row(job), 202, {"Location": f"/api/v1/jobs/{job.id}"})

    @owner.delete("/backtests/{result_id}", response_model=models.Removed, summary="Delete a stored backtest")
    async def delete_backtest(result_id: ResultId) -> Response:
        """Its run stays counted in the ledger of trials."""
        return reply({"removed": (await desk.backtests.remove(result_id)).id})


def _add_trials(router: APIRouter, owner: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/trials", response_model=models.TrialFamilyList, summary="The lifetime ledger of trials")
    async def families() -> Response:
        """Families of strategies: how often each was tried."""
        return reply({"data": await desk.trials.families()})

    @router.get("/trials/{family}", response_model=models.TrialFamily, summary="The trials of one family")
    async def family(family: Annotated[str, Path(min_length=1, max_length=128, examples=["91ab"])]) -> Response:
        """Zero runs for a family that was never tried."""
        return reply(await desk.trials.summary(family))

    @owner.post("/trials", response_model=models.TrialsCounted, summary="Count runs")
    async def count(body: models.TrialsRequest) -> Response:
        """What a notebook ran is counted too."""
        trials = [msgspec.convert({**item.model_dump(), "created_ms": 0}, Trial) for item in body.trials]
        return reply({"counted": await desk.trials.count(trials)})


def _table(content: bytes, sort: str | None, descending: bool, limit: int, form: str) -> Response:
    """Return rows of an Arrow stream as JSON, or the stream itself, sorted and cut."""
    table = pa.ipc.open_stream(content).read_all()
    rows = table.num_rows
    if sort is not None:
        if sort not in table.column_names:
            raise UnknownName("column", sort, table.column_names)
        order = pc.sort_indices(table, [(sort, "descending" if descending else "ascending")], null_placement="at_end")
        table = table.take(order)
    table = table.slice(0, limit)
    if form == "arrow":
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Response(sink.getvalue().to_pybytes(), media_type=_ARROW)
    return reply({"columns": table.column_names, "rows": rows, "data": [_plain(row) for row in table.to_pylist()]})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "timestamp"):  # datetime64[ms] of trades and fills: UTC milliseconds, as everywhere
        return round(value.timestamp() * 1000)
    return value
