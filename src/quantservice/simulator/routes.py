"""The paths of one market: REST through the weight gate and the faults, WebSocket through the door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from quantservice.simulator.config import MarketName
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.private.plane import TradingPlane
from quantservice.simulator.protocol.streams import UM_PATHS
from quantservice.simulator.rest import RestApi, VenueRefusal
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate, weight_of
from quantservice.simulator.sockets import SocketDoor

_PREFIXES: dict[MarketName, tuple[str, ...]] = {"spot": ("/api/v3",), "um": ("/fapi/v1", "/fapi/v2"), "cm": ("/dapi/v1",)}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MarketRoutes:
    """One market's HTTP and WebSocket paths."""

    def __init__(
        self,
        market: MarketName,
        api: RestApi,
        gate: WeightGate,
        door: SocketDoor,
        referee: Referee,
        faults: FaultScript,
        *,
        private: TradingPlane | None = None,
    ) -> None:
        self._market: MarketName = market
        self._api = api
        self._gate = gate
        self._door = door
        self._referee = referee
        self._faults = faults
        self._private = private

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        router = application.router
        for prefix in _PREFIXES[self._market]:
            router.add_get(prefix + "/{endpoint:.+}", self.rest)
        if self._market == "um":
            for section in UM_PATHS:
                self._sockets(router, f"/um/{section}", section)
        else:
            self._sockets(router, f"/{self._market}", "")

    def _sockets(self, router: web.UrlDispatcher, prefix: str, section: str) -> None:
        router.add_get(f"{prefix}/stream", self._socket(section, combined=True))
        router.add_get(f"{prefix}/ws", self._socket(section, combined=False))
        router.add_get(prefix + "/ws/{stream:.+}", self._socket(section, combined=False))

    def _socket(self, section: str, *, combined: bool) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            private = self._private.private_stream(self._market, request) if self._private is not None else None
            if private is not None:
                return await private.handle_stream(request)
            return await self._door.handle(request, section, combined=combined)

        return handle

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """Answer one REST request."""
        address, endpoint = request.remote or "?", request.match_info["endpoint"]
        self._referee.requests[f"{self._market}.{endpoint}"] += 1
        early = await self._faulty(request)
        if early is not None:
            return early
        limit = self._api.weight_limit(endpoint, request.query)
        weight = weight_of(self._market, endpoint, limit=limit, has_symbol=bool(request.query.get("symbol")))
        forced = self._faults.find("rate_limit", self._market, path=request.path)
        if forced is not None:
            self._gate.block(address, forced.retry_after_s, banned=forced.status == 418)
            return self._answer(
                forced.status if forced.status in (418, 429) else 429, _TOO_MANY, 0, retry_after_s=forced.retry_after_s
            )
        verdict = self._gate.ask(address, weight)
        if verdict.status != 200:
            return self._answer(verdict.status, _TOO_MANY, verdict.used, retry_after_s=verdict.retry_after_s)
        self._referee.weights[self._market] += weight
        try:
            body, status = await self._api.answer(endpoint, request.query, address), 200
        except VenueRefusal as refusal:
            body, status = refusal.body, refusal.status
        return self._answer(status, body, verdict.used)

    async def _faulty(self, request: web.Request) -> web.StreamResponse | None:
        """Return the answer a fault gives instead, after the delay a fault wants."""
        faults, path = self._faults, request.path
        slow = faults.find("slow", self._market, path=path)
        if slow is not None:
            await asyncio.sleep(slow.delay_s)
        if faults.find("refuse_connect", self._market, path=path) is not None and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)
        if faults.find("not_found", self._market, path=path) is not None:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>", content_type="text/html")
        broken = faults.find("http_error", self._market, path=path)
        if broken is not None:
            self._referee.statuses[f"{self._market}.{broken.status}"] += 1
            return web.Response(status=broken.status, text="<html><body>upstream error</body></html>", content_type="text/html")
        return None

    def _answer(self, status: int, body: bytes, used: int, *, retry_after_s: int = 0) -> web.Response:
        self._referee.statuses[f"{self._market}.{status}"] += 1
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        if self._market == "spot":
            headers["X-MBX-USED-WEIGHT"] = str(used)
        if retry_after_s:
            headers["Retry-After"] = str(retry_after_s)
        return web.Response(status=status, body=body, content_type="application/json", charset="utf-8", headers=headers)


_TOO_MANY = (
    b'{"code":-1003,"msg":"Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."}'
)
