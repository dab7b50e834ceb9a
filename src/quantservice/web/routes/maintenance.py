"""Operations on the stores that a person asks for; each tells its progress line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
import structlog
from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import StreamingResponse

from quantservice.core.errors import QuantServiceError, UnknownName
from quantservice.core.kline_rows import LAST_MS
from quantservice.web.context import MaintenanceWork, WebContext
from quantservice.web.models.common import Body
from quantservice.web.routes.arguments import writers
from quantservice.web.security import Guard

_log = structlog.get_logger(__name__)
_WAITING_LINES = 1_000


class MaintenanceRequest(Body):
    """What the operation needs; see ``qs <operation> --help``. Fields that are not needed are left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    folder: str | None = None
    file: str | None = None
    symbol: str | None = None
    market: str | None = None
    venue: str | None = None
    period: str | None = None
    flag_bad_rows: bool | None = None
    kind: Literal["kline", "trade"] | None = None
    start_ms: int | None = Field(default=None, ge=0, le=LAST_MS)
    end_ms: int | None = Field(default=None, ge=0, le=LAST_MS)


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the route; only the owner may use it."""
    router = writers(context, "maintenance", guard)

    @router.post(
        "/maintenance/{operation}",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "Progress, then the result."}
        },
        summary="Import, back up, restore, prune, seal or check the stores",
    )
    async def run(operation: str, body: MaintenanceRequest) -> StreamingResponse:
        """Answers lines of JSON: `{"done", "total", "text"}` while it works, then `{"result"}` or `{"error"}`."""
        work = context.maintenance.get(operation)
        if work is None:
            raise UnknownName("operation", operation, context.maintenance)
        given = body.model_dump(exclude_none=True)
        return StreamingResponse(_lines(work, given), media_type="application/x-ndjson")

    return router


async def _lines(work: MaintenanceWork, body: dict[str, Any]) -> AsyncIterator[bytes]:
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_WAITING_LINES)

    def progress(done: float, total: float | None = None, text: str = "") -> None:
        if not queue.full():
            queue.put_nowait({"done": done, "total": total, "text": text})

    async def run() -> None:
        try:
            await queue.put({"result": dict(await work(body, progress))})
        except QuantServiceError as error:
            await queue.put({"error": {"code": "refused", "message": str(error)}})
        except Exception as error:  # noqa: BLE001  # the edge: the stream has begun, so the fault is told in it
            _log.exception("maintenance.failed", operation=str(work))
            await queue.put(
                {"error": {"code": "internal", "message": f"the operation failed ({type(error).__name__}); see the log"}}
            )

    task = asyncio.create_task(run())
    try:
        while True:
            item = await queue.get()
            yield msgspec.json.encode(item) + b"\n"
            if "result" in item or "error" in item:
                return
    finally:
        task.cancel()
