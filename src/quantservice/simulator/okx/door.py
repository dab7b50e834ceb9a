"""The REST side: requests taken apart, and the faults of the network around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from quantservice.simulator.okx.counter import Answer, Counter, Request
from quantservice.simulator.okx.words import OkxRefusal

_MAINTENANCE: Final = '{"code":"50001","msg":"Service temporarily unavailable. Try again later","data":[]}'


class OkxDoor:
    """The venue's REST paths. ``market_of`` names the market of an instrument or of a kind of instruments."""

    def __init__(self, counter: Counter, market_of: Callable[[str, str], str]) -> None:
        self._counter = counter
        self._market_of = market_of
        self._held: set[asyncio.Task[Answer]] = set()

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        application.router.add_route("*", "/api/v5/{endpoint:.+}", self.handle)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            request = await self._read(http)
        except OkxRefusal as refused:
            return web.Response(status=refused.status, body=refused.body, content_type="application/json")
        early = await self._network(http, request)
        if early is not None:
            return early
        held = self._counter.find("held_request", request)
        if held is not None:
            # the request is on its way, whatever becomes of the connection it left by
            task = asyncio.get_running_loop().create_task(self._later(request, held.delay_s))
            self._held.add(task)
            task.add_done_callback(self._held.discard)
            if held.to == "cut":
                return _cut(http)
            answer = await task
        else:
            answer = self._counter.handle(request)
        if answer.lost:
            return _cut(http)
        return web.Response(
            status=answer.status, body=answer.body, content_type="text/html" if answer.html else "application/json", charset="utf-8"
        )

    async def close(self) -> None:
        """Drop what is still on its way."""
        for task in list(self._held):
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    async def _later(self, request: Request, delay_s: float) -> Answer:
        await asyncio.sleep(delay_s)
        return self._counter.handle(request)

    async def _network(self, http: web.Request, request: Request) -> web.StreamResponse | None:
        """Return what happens to a request on its way to the venue, instead of an answer."""
        find = self._counter.find
        slow = find("slow", request)
        if slow is not None:
            await asyncio.sleep(slow.delay_s)
        if find("refuse_connect", request) is not None or find("lost_request", request) is not None:
            return _cut(http)
        if find("maintenance", request) is not None:
            return web.Response(status=503, text=_MAINTENANCE, content_type="application/json")
        if find("not_found", request) is not None:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>", content_type="text/html")
        broken = find("http_error", request)
        if broken is not None:
            return web.Response(status=broken.status, text="<html><body>upstream error</body></html>", content_type="text/html")
        return None

    async def _read(self, http: web.Request) -> Request:
        body = (await http.read()).decode("utf-8", "replace")
        params: dict[str, Any] = dict(http.query)
        items: tuple[dict[str, Any], ...] = ()
        if body and http.method != "GET":
            try:
                sent = msgspec.json.decode(body)
            except msgspec.DecodeError:
                raise OkxRefusal("50002", "JSON syntax error", status=400) from None
            if isinstance(sent, list) and all(isinstance(item, dict) for item in sent):
                items = tuple(sent)
            elif isinstance(sent, dict):
                params |= sent
            else:
                raise OkxRefusal("50002", "JSON syntax error", status=400)
        first = items[0] if items else params
        market = self._market_of(str(first.get("instId", "")), str(first.get("instType", "")))
        return Request(http.method, http.path, http.raw_path, params, items, body, http.headers, http.remote or "?", market)


def _cut(http: web.Request) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=503)
