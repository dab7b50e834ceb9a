"""The system at a glance: status, settings, logs, topology."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import psutil
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from quantservice.core.errors import QuantServiceError, UnknownName
from quantservice.core.messages import Topic
from quantservice.web import figures, models
from quantservice.web.context import WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers
from quantservice.web.security import Guard

_LEVELS = ("debug", "info", "warning", "error", "critical")
_LINE_NAMES = ("time_ms", "level", "event", "logger")


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the routes of the system."""
    router = readers(context, "system", guard)
    process = psutil.Process()

    @router.get("/status", response_model=models.Status, summary="The whole system at a glance")
    async def status(request: Request) -> Response:
        """Services, throughput, weights, queues, stores, the progress of history, and the last system events."""
        now_ms = context.clock.now_ms()
        projections = context.projections
        return reply(
            {
                "environment": context.environment,
                "version": context.version,
                "now_ms": now_ms,
                "started_ms": context.started_ms,
                "uptime_s": max(0, now_ms - context.started_ms) / 1000,
                "read_only": await guard.role(request) != "owner",
                "venues": list(context.venues),
                "instruments": len(context.instruments()),
                "services": service_rows(context),
                "connections": [figures.connection_row(item) for item in projections.feeds.values()],
                "throughput": figures.throughput(context),
                "weights": figures.weight_rows(context),
                "queues": figures.queue_rows(context),
                "history": figures.history_row(context),
                "gaps_open": projections.gaps_open(),
                "held_back": figures.held_rows(context),
                "stores": {"market": await store_figures(context)},
                "process": figures.process_figures(process),
                "probes": {name: figures.probe_figures(probe) for name, probe in context.probes.items()},
                "events": [figures.event_row(event) for event in list(reversed(projections.events))[:50]],
            }
        )

    @router.get("/settings", response_model=models.SettingList, summary="Settings")
    async def settings() -> Response:
        """Every setting with its value and where that came from; secrets are masked."""
        rows = [
            {
                "key": str(row.get("key", "")),
                "value": _as_text(row.get("value")),
                "source": str(row.get("source", "default")),
                "doc": str(row.get("doc", "")),
            }
            for row in context.settings_rows()
        ]
        return reply({"data": rows})

    @router.get("/logs", response_model=models.LogList, summary="The end of the log")
    async def logs(
        limit: Annotated[int, Query(ge=1, le=2_000)] = 200,
        level: Annotated[
            str, Query(max_length=80, description="Least level shown.", json_schema_extra={"enum": list(_LEVELS)})
        ] = "debug",
    ) -> Response:
        """The last log events, newest last; secrets are redacted before they are written."""
        if level not in _LEVELS:
            raise UnknownName("level", level, _LEVELS)
        least = _LEVELS.index(level)
        lines = [_line(line) for line in context.log_tail(2_000 if least else limit)]
        chosen = [line for line in lines if line["level"] not in _LEVELS or _LEVELS.index(line["level"]) >= least]
        return reply({"data": chosen[-limit:]})

    @router.get("/topology", response_model=models.Topology, summary="Who talks to whom")
    async def topology() -> Response:
        """The services and the topics that they read and write."""
        names = ("name", "consumes", "produces")
        nodes = [{name: row[name] for name in names} for row in service_rows(context)]
        return reply({"topics": [topic.value for topic in Topic], "services": nodes})

    return router


def service_rows(context: WebContext) -> list[dict[str, Any]]:
    """Return the runner's states as the API shows them."""
    return [
        {
            "name": str(row.get("name", "")),
            "state": str(row.get("state", "unknown")),
            "restarts": int(row.get("restarts", 0)),
            "since_ms": row.get("since_ms"),
            "detail": str(row.get("detail") or ""),
            "consumes": [str(topic) for topic in row.get("consumes", ())],
            "produces": [str(topic) for topic in row.get("produces", ())],
            "stats": figures.plain_figures(row.get("stats") or {}),
        }
        for row in context.services()
    ]


async def store_figures(context: WebContext) -> dict[str, Any]:
    """Return the market store's figures, or why it has none: the status page works while a store is away."""
    try:
        return figures.plain_figures(await context.market_store.statistics())
    except QuantServiceError as error:
        return {"error": str(error)}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in line.items() if key not in _LINE_NAMES and key != "fields"}
    rest.update(line.get("fields") or {})
    time_ms = line.get("time_ms")
    if time_ms is None and "timestamp" in rest:
        time_ms = _time_ms(rest.pop("timestamp"))
    return {
        "time_ms": time_ms,
        "level": str(line.get("level", "info")).lower(),
        "event": str(line.get("event", "")),
        "logger": str(line.get("logger", "")),
        "fields": figures.plain_figures(rest),
    }


def _time_ms(text: Any) -> int | None:
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
