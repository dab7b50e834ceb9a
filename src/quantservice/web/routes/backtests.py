"""Stored backtests and the lifetime ledger of trials: list, read, compare, take away as files, repeat, delete."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from quantservice.core.errors import InvalidValue
from quantservice.ports import BacktestRecord, Trial
from quantservice.services.backtests.commands import backtest_detail, backtest_row
from quantservice.services.jobs.commands import job_row
from quantservice.web import models
from quantservice.web.context import ResearchDesk, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.routes.jobs import Most, Name
from quantservice.web.security import Guard
from quantservice.web.tables import Columns, Form, Offset, Rows, Sort, TableName, table_content, table_reply

ResultId: TypeAlias = Annotated[
    str, Path(min_length=1, max_length=64, description="Id, `latest`, or `latest-1`, the one before it.", examples=["b3f1c9a0d2e4"])
]
Ending: TypeAlias = Annotated[
    Literal["html", "json", "xlsx", "zip"], Path(description="The page, everything as JSON, a workbook, all tables as CSV.")
]
Family: TypeAlias = Annotated[str, Path(min_length=1, max_length=128, examples=["91ab"])]
_MOST_COMPARED: Final = 12
_PART: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
#: A report is a page of its own with its style and script inside: it may run them and reach nothing else, not this origin either.
_ALONE: Final = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'none'"
)
_FILE_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES.values()},
    }
}


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does no research."""
    router, owner = readers(context, "backtests", guard), writers(context, "backtests", guard)
    if context.desk is not None:
        _add_lists(router, context.desk)
        _add_one(router, context.desk)
        _add_changing(owner, context.desk)
        _add_trials(router, owner, context.desk)
    return [router, owner]


def _add_lists(router: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/backtests", response_model=models.BacktestList, summary="Stored backtests")
    async def list_backtests(strategy: Name = None, family: Name = None, job_id: Name = None, limit: Most = 200) -> Response:
        """Newest first."""
        found = await desk.backtests.list(strategy=strategy, family=family, job_id=job_id, limit=limit)
        return reply({"data": [backtest_row(record) for record in found]})

    @router.get("/backtests/compare", response_model=models.BacktestComparison, summary="Stored backtests side by side")
    async def compare(
        ids: Annotated[str, Query(min_length=1, max_length=1_000, description="Two ids or more, with commas between them.")],
    ) -> Response:
        """Every figure of each, what is different between them, and their growth on one clock."""
        wanted = list(dict.fromkeys(part.strip() for part in ids.split(",") if part.strip()))
        if not 2 <= len(wanted) <= _MOST_COMPARED:
            raise InvalidValue(
                "ids", f"{len(wanted)} backtests cannot be compared; give 2 to {_MOST_COMPARED}, commas between them"
            )
        return reply(await desk.backtests.compare(wanted))


def _add_one(router: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/backtests/{result_id}", response_model=models.BacktestDetail, summary="One stored backtest")
    async def get_backtest(result_id: ResultId) -> Response:
        """Every metric with its formula, all that was assumed, what was checked, and what computed it."""
        record = await desk.backtests.get(result_id)
        return reply(backtest_detail(record, await desk.backtests.parts(result_id)))

    @router.get("/backtests/{result_id}/report", response_model=models.BacktestReport, summary="What a report draws")
    async def report(result_id: ResultId, accept_encoding: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
        """Thinned curves, candles and trades as base64 of little-endian numbers, and the small tables."""
        packed = await desk.backtests.report(result_id)
        if "deflate" in accept_encoding:
            return Response(
                packed, headers={"Content-Encoding": "deflate", "Vary": "Accept-Encoding"}, media_type="application/json"
            )
        return Response(zlib.decompress(packed), media_type="application/json")

    @router.get("/backtests/{result_id}/why", response_model=models.BacktestWhy, summary="Why a stored backtest did not trade")
    async def why(result_id: ResultId) -> Response:
        """The gates that said no: how often, when first and last, and the stretches of bars."""
        return reply(await desk.backtests.why(result_id))

    @router.get("/backtests/{result_id}/files/{ending}", responses=_FILE_CONTENT, summary="A report as a file")
    async def file(
        result_id: ResultId,
        ending: Ending,
        language: Annotated[Literal["en", "zh"], Query(description="The one that the page is first shown in.")] = "en",
    ) -> Response:
        """The page is one file that asks nobody for anything."""
        name, content = await desk.backtests.file(result_id, ending, language=language)
        place = "inline" if ending == "html" else "attachment"
        headers = {"Content-Disposition": f'{place}; filename="{name}.{ending}"'}
        if ending == "html":
            headers["Content-Security-Policy"] = _ALONE
        return Response(content, headers=headers, media_type=_TYPES[ending])

    @router.get(
        "/backtests/{result_id}/tables/{name}",
        response_model=models.TableRows,
        responses=table_content(models.TableRows),
        summary="A table of a stored backtest",
    )
    async def backtest_table(
        result_id: ResultId,
        name: TableName,
        columns: Columns = None,
        sort: Sort = None,
        descending: bool = False,
        offset: Offset = 0,
        limit: Rows = 1_000,
        format: Form = "json",  # noqa: A002 - the query's word
    ) -> Response:
        """Tables: equity, daily, trades, and where there are any fills, orders, funding, liquidations."""
        content = await desk.backtests.part(result_id, name)
        return await table_reply(
            content, form=format, columns=columns, sort=sort, descending=descending, offset=offset, limit=limit
        )


def _add_changing(owner: APIRouter, desk: ResearchDesk) -> None:
    @owner.post("/backtests", response_model=models.BacktestKept, status_code=201, summary="Keep a backtest that was run elsewhere")
    async def keep(body: models.BacktestBody) -> Response:
        """The command line and notebooks keep their runs with it."""
        parts = {name: _bytes(name, text) for name, text in body.parts.items()}
        told = body.model_dump(exclude={"parts", "trial"})
        record = msgspec.convert({**told, "id": "", "created_ms": 0}, BacktestRecord)
        trial = None if body.trial is None else msgspec.convert({**body.trial.model_dump(), "created_ms": 0}, Trial)
        kept = await desk.backtests.keep(record, parts, trial)
        return reply({"id": kept.id}, 201, {"Location": f"/api/v1/backtests/{kept.id}"})

    @owner.post("/backtests/{result_id}/repeat", response_model=models.JobRow, status_code=202, summary="Repeat a stored backtest")
    async def repeat(result_id: ResultId) -> Response:
        """The job's result says whether the run is the same to the bit, and what changed if it is not."""
        job = await desk.jobs.submit("backtest", await desk.backtests.repetition(result_id))
        return reply(job_row(job), 202, {"Location": f"/api/v1/jobs/{job.id}"})

    @owner.delete("/backtests/{result_id}", response_model=models.Removed, summary="Delete a stored backtest")
    async def delete_backtest(result_id: ResultId) -> Response:
        """Its run stays counted in the ledger of trials."""
        return reply({"removed": (await desk.backtests.remove(result_id)).id})


def _bytes(name: str, text: str) -> bytes:
    if not _PART.fullmatch(name):
        raise InvalidValue("parts", f"{name!r} is no name of a table: a-z, 0-9 and _")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidValue("parts", f"{name} is not base64") from None


def _add_trials(router: APIRouter, owner: APIRouter, desk: ResearchDesk) -> None:
    @router.get("/trials", response_model=models.TrialFamilyList, summary="The lifetime ledger of trials")
    async def families() -> Response:
        """Families of strategies: how often each was tried."""
        return reply({"data": await desk.trials.families()})

    @router.get("/trials/{family}", response_model=models.TrialFamily, summary="The trials of one family")
    async def family(family: Family) -> Response:
        """Zero runs for a family that was never tried."""
        return reply(await desk.trials.summary(family))

    @owner.post("/trials", response_model=models.TrialsCounted, summary="Count runs")
    async def count(body: models.TrialsRequest) -> Response:
        """What a notebook ran is counted too."""
        trials = [msgspec.convert({**item.model_dump(), "created_ms": 0}, Trial) for item in body.trials]
        return reply({"counted": await desk.trials.count(trials)})
