"""The REST side of the private endpoints: parameters and signatures out of requests, faults of the network around them."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from quantservice.simulator.private.counter import Answer, Counter, Request

_MAINTENANCE: Final = "<html><body><h1>503 Service Unavailable</h1>system maintenance</body></html>"


class RestDoor:
    """One market's private REST paths."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._held: set[asyncio.Task[Answer]] = set()

    def add_to(self, application: web.Application) -> None:
        """Register the paths, in front of the public ones."""
        for path in {path for _method, path in self._counter.endpoints}:
            application.router.add_route("*", path, self.handle)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one request."""
        request = await _read(http)
        if (http.method, http.path) not in self._counter.endpoints:
            return web.json_response({"code": -5000, "msg": f"Path {http.path}, Method {http.method} is invalid"}, status=405)
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
            status=answer.status, body=answer.body, content_type="application/json", charset="utf-8", headers=dict(answer.headers)
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
            return web.Response(status=503, text=_MAINTENANCE, content_type="text/html")
        if find("not_found", request) is not None:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>", content_type="text/html")
        broken = find("http_error", request)
        if broken is not None:
            return web.Response(status=broken.status, text="<html><body>upstream error</body></html>", content_type="text/html")
        return None


async def _read(http: web.Request) -> Request:
    """Take a request apart; the signed text is the query and the body as they came, without the signature."""
    query, body = http.raw_path.partition("?")[2], (await http.read()).decode("utf-8", "replace")
    if http.content_type == "application/json":
        body = ""
    payload, signature = "", ""
    for part in (query, body):
        pairs = [pair for pair in part.split("&") if pair]
        for pair in pairs:
            if pair.startswith("signature="):
                signature = pair.removeprefix("signature=")
        payload += "&".join(pair for pair in pairs if not pair.startswith("signature="))
    params = dict(parse_qsl(query, keep_blank_values=True)) | dict(parse_qsl(body, keep_blank_values=True))
    params.pop("signature", None)
    return Request(http.method, http.path, params, http.headers.get("X-MBX-APIKEY", ""), payload, signature, http.remote or "?")


def _cut(http: web.Request) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=503)
