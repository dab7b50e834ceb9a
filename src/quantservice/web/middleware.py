"""What every request passes, as plain ASGI: figures, the Host check, body and header bounds, security headers, the last resort."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantservice.web.context import WebContext
from quantservice.web.errors import answer_for, error_reply
from quantservice.web.metrics import Figures
from quantservice.web.security import host_is_ours, origin_is_ours

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_READS = ("GET", "HEAD", "OPTIONS")
#: A whole backtest with its tables comes in here.
_RESULTS = "/api/v1/backtests"


class BodyTooLarge(HTTPException):
    """A request body beyond the bound; as an HTTPException it passes FastAPI's reading of bodies unchanged."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"a body may have {limit} bytes")


class Shell:
    """The outermost layer. It never lets an exception out and never answers without the security headers."""

    def __init__(self, app: ASGIApp, context: WebContext, figures: Figures) -> None:
        self._app = app
        self._context = context
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 500
        begun = False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun, status = True, message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._context.config.tls:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                if scope["path"].startswith(("/api/", "/udf", "/health", "/metrics", "/login")):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        self._figures.in_progress.inc()
        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, answer)
            else:
                await self._app(scope, self._bounded(receive, self._body_limit(scope)), answer)
        except asyncio.CancelledError:  # the server ends and waited long enough
            if begun:
                raise
            await error_reply(503, "ending", "QuantService is ending; ask again once it is back")(scope, receive, answer)
        except Exception as error:
            if not begun:
                await answer_for(error)(scope, receive, answer)
            else:  # the answer has begun; only a cut tells the reader that it is not whole
                answer_for(error)
                raise
        finally:
            self._figures.in_progress.dec()
            route = getattr(scope.get("route"), "path", "(none)")
            self._figures.observe(scope["method"], route, status, time.perf_counter() - started)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if host_is_ours(self._context, headers.get("host", "")) and origin_is_ours(headers):
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "foreign host or origin"})

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        config = self._context.config
        headers = Headers(scope=scope)
        if not host_is_ours(self._context, headers.get("host", "")):
            return error_reply(421, "foreign_host", "this Host is not served here; add it to the allowed hosts")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > config.header_limit_bytes:
            return error_reply(431, "headers_too_large", f"headers may have {config.header_limit_bytes} bytes")
        if scope["method"] not in _READS and not origin_is_ours(headers):
            return error_reply(403, "foreign_origin", "writes are taken from this machine's own page only")
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # PostgreSQL takes none, and nothing here has such a name
            return error_reply(422, "invalid_argument", "an address holds no NUL character")
        length = headers.get("content-length", "0")
        limit = self._body_limit(scope)
        if length.isascii() and length.isdigit() and int(length) > limit:
            return error_reply(413, "body_too_large", f"a body may have {limit} bytes")
        return None

    def _body_limit(self, scope: Scope) -> int:
        config = self._context.config
        if scope["method"] == "POST" and scope["path"] == _RESULTS:
            return config.result_limit_bytes
        return config.body_limit_bytes

    def _bounded(self, receive: Receive, limit: int) -> Receive:
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > limit:
                    raise BodyTooLarge(limit)
            return message

        return bounded
