"""HTX's REST doors: the network's faults around a request, then its pace, key and signature, then what it asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.htx.config import SPOT, SWAP
from quantservice.simulator.htx.requests import Endpoint, Guard, HtxCall, Paces, Request
from quantservice.simulator.htx.sockets import hosts_of
from quantservice.simulator.htx.wording import Refusal, Style, wrapped
from quantservice.simulator.private.config import KeySpec
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rules.referee import Referee

Endpoints = Mapping[tuple[str, str], Endpoint]
_NOBODY: Final = KeySpec(key="", account="")
_MAINTENANCE: Final = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
#: sort of an ``order_error`` fault: HTTP status; 200: the venue's own words for an inner error
_ORDER_ERRORS: Final = {
    "timeout": 504,
    "unknown": 503,
    "unavailable": 503,
    "internal": 200,
    "throttled": 503,
    "unexpected": 502,
    "disconnected": 500,
}


class Reply(msgspec.Struct, frozen=True):
    """What goes back; ``lost``: nothing does."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    lost: bool = False


class RestDoor:
    """One market's REST paths, public and private."""

    def __init__(
        self,
        market: str,
        endpoints: Endpoints,
        guard: Guard | None,
        paces: Paces,
        *,
        clock: SimulatorClock,
        faults: FaultScript,
        referee: Referee,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.market = market
        self._endpoints = endpoints
        self._guard = guard
        self._paces = paces
        self._clock = clock
        self._faults = faults
        self._referee = referee
        self._wall_s = wall_s
        self._blocked: dict[str, float] = {}
        self._held: set[asyncio.Task[Reply]] = set()

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        for method, route in self._endpoints:
            application.router.add_route(method, route, self.handle)

    async def close(self) -> None:
        """Drop what is still on its way."""
        for task in list(self._held):
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    def reset(self) -> None:
        """Forget what was counted against anybody."""
        self._blocked.clear()

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one request."""
        request = await _read(http)
        early = await self._network(http, request)
        if early is not None:
            return early
        held = self._find("held_request", request)
        if held is not None:
            # the request is on its way, whatever becomes of the connection it left by
            task = asyncio.get_running_loop().create_task(self._later(request, held.delay_s))
            self._held.add(task)
            task.add_done_callback(self._held.discard)
            if held.to == "cut":
                return _cut(http)
            reply = await task
        else:
            reply = await self._answer(request)
        if reply.lost:
            return _cut(http)
        return web.Response(
            status=reply.status, body=reply.body, content_type="application/json", charset="utf-8", headers=dict(reply.headers)
        )

    async def _later(self, request: Request, delay_s: float) -> Reply:
        await asyncio.sleep(delay_s)
        return await self._answer(request)

    def _find(self, kind: Any, request: Request) -> Fault | None:
        if not self._faults.faults:
            return None
        return self._faults.find(kind, self.market, path=request.path, method=request.method)

    async def _network(self, http: web.Request, request: Request) -> web.StreamResponse | None:
        slow = self._find("slow", request)
        if slow is not None:
            await asyncio.sleep(slow.delay_s)
        if self._find("refuse_connect", request) is not None or self._find("lost_request", request) is not None:
            return _cut(http)
        if self._find("maintenance", request) is not None:
            return web.Response(status=503, text=_MAINTENANCE, content_type="text/html")
        if self._find("not_found", request) is not None:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>", content_type="text/html")
        broken = self._find("http_error", request)
        if broken is not None:
            return web.Response(status=broken.status, text="<html><body>upstream error</body></html>", content_type="text/html")
        return None

    async def _answer(self, request: Request) -> Reply:
        endpoint = self._endpoints[request.method, request.route]
        self._referee.requests[f"{self.market}.{request.method} {request.route}"] += 1
        try:
            reply = await self._carry_out(endpoint, request)
        except Refusal as refused:
            reply = Reply(refused.status, refused.body(endpoint.style, self._clock.server_ms()))
        self._referee.statuses[f"{self.market}.{reply.status}"] += 1
        if self._find("lost_answer", request) is not None:
            return msgspec.structs.replace(reply, lost=True)
        return reply

    async def _carry_out(self, endpoint: Endpoint, request: Request) -> Reply:
        forced = self._find("rate_limit", request)
        if forced is not None:
            if forced.retry_after_s:
                self._blocked[request.address] = self._wall_s() + forced.retry_after_s
            return self._too_many(endpoint.style, forced.status, float(forced.retry_after_s))
        blocked_s = self._blocked.get(request.address, 0.0) - self._wall_s()
        if blocked_s > 0:
            self._referee.broke(f"{self.market}.request_inside_wait", request.address, f"{blocked_s:.1f} s too early")
            return self._too_many(endpoint.style, 429, blocked_s)
        key = _NOBODY
        if endpoint.need != "none" and self._guard is not None:
            key = self._guard.admit(request, endpoint, self.market)
        left, ends_s = self._paces.ask(key.account or request.address, endpoint.pace)
        if left < 0:
            self._referee.broke(f"{self.market}.pace", key.account or request.address, endpoint.pace)
            return self._too_many(endpoint.style, 429, ends_s)
        headers = _pace_headers(left, ends_s)
        broken = self._find("order_error", request) if endpoint.need == "trade" else None
        if broken is not None and broken.sort == "too_many_orders":
            return self._too_many(endpoint.style, 429, 1.0)
        if broken is not None and not broken.executed:
            return self._order_error(endpoint.style, broken)
        stale = self._find("stale_reads", request) if endpoint.need == "read" else None
        call = HtxCall(
            params=request.params,
            key=key,
            as_of_s=self._wall_s() - stale.delay_s if stale is not None else None,
            body=_json(request.body, endpoint.style) if request.method == "POST" else None,
            place=request.place,
        )
        value = endpoint.run(call)
        if asyncio.iscoroutine(value):
            value = await value
        if broken is not None:
            return self._order_error(endpoint.style, broken)
        # what is bytes already is a whole answer: market data has a form of its own
        body = value if isinstance(value, bytes) else wrapped(endpoint.style, value, self._clock.server_ms())
        return Reply(200, body, headers)

    def _too_many(self, style: Style, status: int, wait_s: float) -> Reply:
        code: str | int = "rate-too-many-requests" if style == "v1" else 1032
        refused = Refusal(code, "exceeded rate limit")
        return Reply(status, refused.body(style, self._clock.server_ms()), _pace_headers(0, wait_s))

    def _order_error(self, style: Style, fault: Fault) -> Reply:
        status = _ORDER_ERRORS.get(fault.sort or "timeout", 504)
        if status != 200:
            return Reply(status, b"<html><body>gateway error</body></html>")
        code: str | int = "gateway-internal-error" if style == "v1" else 1004
        return Reply(200, Refusal(code, "System busy. Please try again later.").body(style, self._clock.server_ms()))


async def _read(http: web.Request) -> Request:
    resource = http.match_info.route.resource
    return Request(
        method=http.method,
        path=http.path,
        route=resource.canonical if resource is not None else http.path,
        query=http.raw_path.partition("?")[2],
        body=await http.read(),
        place=dict(http.match_info),
        hosts=hosts_of(http),
        address=http.remote or "?",
    )


def _json(body: bytes, style: Style) -> Any:
    try:
        return msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        raise Refusal("bad-request" if style == "v1" else 1030, "invalid JSON") from None


def error_body(market: str, message: str, ts: int) -> bytes:
    """The answer of market data to a question that it cannot answer."""
    code = {SPOT: "invalid-parameter", SWAP: "bad-request"}[market]
    return to_json({"ts": ts, "status": "error", "err-code": code, "err-msg": message})


def _pace_headers(left: int, ends_s: float) -> dict[str, str]:
    ends_ms = time.time_ns() // 1_000_000 + int(ends_s * 1e3)
    return {"X-HB-RateLimit-Requests-Remain": str(left), "X-HB-RateLimit-Requests-Expire": str(ends_ms)}


def _cut(http: web.Request) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=503)
