"""Is the process alive, can it serve; and the figures for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from quantservice.core.errors import QuantServiceError
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.errors import reply
from quantservice.web.metrics import CONTENT_TYPE, Figures
from quantservice.web.routes.arguments import ERRORS
from quantservice.web.security import Guard

_CHECK_TIMEOUT_S = 2.0


def make_router(context: WebContext, guard: Guard, metrics: Figures) -> APIRouter:
    """Return the routes of health and metrics."""
    router = APIRouter(tags=["health"])

    async def may_read(request: Request) -> None:
        await guard.require_read(request)

    unready: dict[int | str, dict[str, Any]] = {503: {"model": models.Health, "description": "It cannot serve now."}}

    @router.get("/health/live", response_model=models.Health, summary="Alive")
    async def live() -> Response:
        """The process answers. For a supervisor that restarts it when it does not."""
        return reply(_head(context, "ok", {}))

    @router.get("/health/ready", response_model=models.Health, responses=unready, summary="Ready")
    async def ready() -> Response:
        """The stores answer. For a load balancer."""
        checks = await _checks(context)
        good = all(value == "ok" for value in checks.values())
        return reply(_head(context, "ok" if good else "unavailable", checks), 200 if good else 503)

    @router.get("/health", response_model=models.Health, responses=unready, summary="Health")
    async def health() -> Response:
        """Stores, services and live streams; `degraded` still serves."""
        checks = await _checks(context)
        status = "ok" if all(value == "ok" for value in checks.values()) else "unavailable"
        for row in context.services():
            name, state = str(row.get("name", "")), str(row.get("state", ""))
            checks[f"service.{name}"] = "ok" if state in ("running", "starting") else state
        down = [item for item in context.projections.feeds.values() if item.state in ("down", "stale")]
        checks["feeds"] = "ok" if not down else f"{len(down)} connections are {down[0].state}"
        if status == "ok" and any(value != "ok" for value in checks.values()):
            status = "degraded"
        return reply(_head(context, status, checks), 503 if status == "unavailable" else 200)

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        dependencies=[Depends(may_read)],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **{key: ERRORS[key] for key in (401, 429)}},
    )
    async def prometheus() -> Response:
        """Requests, services, queues, streams, weights and the process, in Prometheus' text format."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router


def _head(context: WebContext, status: str, checks: dict[str, str]) -> dict[str, Any]:
    return {
        "status": status,
        "environment": context.environment,
        "version": context.version,
        "uptime_s": max(0, context.clock.now_ms() - context.started_ms) / 1000,
        "checks": checks,
    }


async def _checks(context: WebContext) -> dict[str, str]:
    return {"market_store": await _market_store(context), "state_store": await _state_store(context)}


async def _market_store(context: WebContext) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            await context.market_store.statistics()
    except QuantServiceError as error:
        return str(error)
    except TimeoutError:
        return f"does not answer within {_CHECK_TIMEOUT_S:.0f} s"
    return "ok"


async def _state_store(context: WebContext) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S), context.state_store.transaction() as work:
            await work.values.get("health", "check")
    except QuantServiceError as error:
        return str(error)
    except TimeoutError:
        return f"does not answer within {_CHECK_TIMEOUT_S:.0f} s"
    return "ok"
