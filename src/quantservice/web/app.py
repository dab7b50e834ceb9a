"""The app: every route behind one shell, documented by one OpenAPI that works offline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from quantservice.web import errors, models
from quantservice.web.context import WebContext
from quantservice.web.live import LiveHub
from quantservice.web.metrics import Figures
from quantservice.web.middleware import Shell
from quantservice.web.models.live import LiveKline
from quantservice.web.routes import (
    backtests,
    deployments,
    health,
    instruments,
    jobs,
    maintenance,
    margin_tiers,
    market,
    page,
    portfolio,
    quality,
    quotas,
    registry,
    research,
    risk,
    session,
    system,
    trading,
    udf,
)
from quantservice.web.security import COOKIE, CSRF_HEADER, KEY_HEADER, Guard

_DESCRIPTION = """Market data that can be audited: klines, trades, tickers, funding, open interest, mark prices, quotes and books.

Money and quantities are exact decimals as text; times are UTC milliseconds; names are the field's.

Every error is {"error": {"code", "message", "field"?, "valid"?, "id"?}}.

Bound to loopback, reads are open and writes need the owner token (Authorization: Bearer <token>, or the cookie of /login
with X-CSRF-Token). Bound elsewhere, reads need the owner token or an access key (X-Access-Key).

Live: /ws speaks JSON. Send {"action": "subscribe", "topics": ["kline:binance:um:BTC-USDT-PERP:1m", "tickers", "feed", "gaps",
"revisions", "system", "status", "jobs"]}; each message is {"type": "event", "topic", "seq", "time_ms", "data"}. After a cut send
{"action": "resume", "session", "last_seq", "topics"}: what was missed follows, or {"type": "reset"} says to read again over REST.

The client protocol (query, subscribe, subscribe_incremental) is another server, on port 8765."""
#: What no route names as its model: the errors of all of them, and what the WebSocket says.
_MORE_MODELS = (
    models.ErrorBody,
    models.LiveRequest,
    models.LiveReply,
    models.LiveEvent,
    models.LiveTicker,
    models.LiveStatus,
    LiveKline,
)


class WebApp(FastAPI):
    """FastAPI with the OpenAPI of this project and the live hub at hand."""

    live: LiveHub
    guard: Guard
    figures: Figures

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI, made once."""
        if self.openapi_schema is None:
            schema = get_openapi(
                title=self.title, version=self.version, description=_DESCRIPTION, routes=self.routes, openapi_version="3.1.0"
            )
            self.openapi_schema = _complete(schema)
        return self.openapi_schema


def create_app(context: WebContext) -> WebApp:
    """Build the app for a context. Its loops (projections, live hub) are run by :mod:`quantservice.web.server`."""
    app = WebApp(
        title="QuantService", version=context.version, docs_url=None, redoc_url=None, openapi_url=None, lifespan=_no_lifespan
    )
    app.router.redirect_slashes = False
    live, guard = LiveHub(context), Guard(context)
    metrics = Figures(context, live.stats)
    app.live, app.guard, app.figures = live, guard, metrics
    errors.install(app)
    for router in (
        market.make_router(context, guard),
        instruments.make_router(context, guard),
        *margin_tiers.make_routers(context, guard),
        *quality.make_routers(context, guard),
        system.make_router(context, guard),
        *registry.make_routers(context, guard),
        research.make_router(context, guard),
        *deployments.make_routers(context, guard),
        *jobs.make_routers(context, guard),
        *backtests.make_routers(context, guard),
        *trading.make_routers(context, guard),
        *risk.make_routers(context, guard),
        *quotas.make_routers(context, guard),
        *portfolio.make_routers(context, guard),
        session.make_router(context, guard),
        maintenance.make_router(context, guard),
        udf.make_router(context, guard),
        health.make_router(context, guard, metrics),
        page.make_router(app, context, guard, live),
    ):
        app.include_router(router)
    app.add_middleware(Shell, context=context, figures=metrics)
    return app


@asynccontextmanager
async def _no_lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Add what FastAPI cannot know: the models of errors and of the WebSocket, and who may call what."""
    parts = schema.setdefault("components", {})
    known = parts.setdefault("schemas", {})
    known.pop("HTTPValidationError", None)
    known.pop("ValidationError", None)
    _keys, more = models_json_schema(
        [(model, "serialization") for model in _MORE_MODELS], ref_template="#/components/schemas/{model}"
    )
    for name, model in more["$defs"].items():
        known.setdefault(name, model)
    parts["securitySchemes"] = {
        "owner": {"type": "http", "scheme": "bearer", "description": "The owner token made at first start."},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"Set by /login; writes also need {CSRF_HEADER}.",
        },
        "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": "An access key; reads only."},
    }
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method in ("post", "delete") and path != "/api/v1/session":
                operation["security"] = [{"owner": []}, {"cookie": []}]
    return schema
