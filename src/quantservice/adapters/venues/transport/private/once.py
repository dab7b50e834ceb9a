"""One request, sent once: whether its first byte left is known afterwards, and nothing is ever sent again from here."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

from quantservice.adapters.venues.transport.diagnosis import NETWORK_ERRORS, diagnose
from quantservice.adapters.venues.transport.http import make_connector
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import MalformedFrame, VenueUnreachable
from quantservice.ports import Clock
from quantservice.ports.trading import LEAVE_BY_NS

_MOST_BYTES: Final = 64 * 1024 * 1024


class Reply(msgspec.Struct, frozen=True):
    """What came back, good or not."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Broken(Exception):
    """An exchange without an answer. ``began``: bytes may have left, so that the venue may have carried it out."""

    def __init__(self, sentence: str, cause: str, *, began: bool) -> None:
        self.sentence = sentence
        self.cause = cause
        self.began = began
        super().__init__(sentence)


class OnceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a request, in seconds."""

    connect_timeout_s: float = 4.0
    total_timeout_s: float = 12.0
    connections: int = 16


class OnceClient:
    """Sends requests through the pool's egresses, each once."""

    def __init__(self, *, venue: str, market: str, pool: ProxyPool, settings: OnceSettings) -> None:
        self.closed = False
        self._venue = venue
        self._market = market
        self._pool = pool
        self._settings = settings
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def send(self, method: str, url: URL, *, egress: Egress, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Send a request and return whatever was answered; Broken where nothing was."""
        progress = SimpleNamespace(began=False)
        try:
            async with self._session(egress).request(
                method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=progress
            ) as response:
                data = await self._read(response)
                reply = Reply(response.status, data, response.headers)
        except (*NETWORK_ERRORS, MalformedFrame) as error:
            raise self._broken(error, str(url.origin()), egress, began=progress.began) from None
        self._pool.succeeded(egress)
        return reply

    async def close(self) -> None:
        """Close all connections."""
        self.closed = True
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def _broken(self, error: BaseException, url: str, egress: Egress, *, began: bool) -> Broken:
        if isinstance(error, MalformedFrame):
            problem = VenueUnreachable(error.reason, cause="server", venue=self._venue, market=self._market)
        else:
            problem = diagnose(error, url, egress=egress, venue=self._venue, market=self._market)
            self._pool.failed(egress, problem.cause)
        return Broken(scrub(str(problem)), problem.cause, began=began)

    def _session(self, egress: Egress) -> aiohttp.ClientSession:
        found = self._sessions.get(egress.name)
        if found is None or found.closed:
            settings = self._settings
            timeout = aiohttp.ClientTimeout(total=settings.total_timeout_s, connect=None, sock_connect=settings.connect_timeout_s)
            found = aiohttp.ClientSession(
                connector=make_connector(egress, limit=settings.connections),
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[_tracing()],
            )
            # A PUT or DELETE whose kept connection turns out dead would be sent a second time by the library.
            found._retry_connection = False
            self._sessions[egress.name] = found
        return found

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > _MOST_BYTES:
                response.close()
                raise MalformedFrame("answer_too_large", venue=self._venue)
            parts.append(part)
        return b"".join(parts)


def leaves_too_late(clock: Clock) -> str:
    """Say why a request that acts may not leave now, or nothing: asked right before it is signed."""
    until_ns = LEAVE_BY_NS.get()
    return "the account was no longer surely ours when it was to leave" if until_ns and clock.now_ns() >= until_ns else ""


def _tracing() -> aiohttp.TraceConfig:
    """Note that a request's bytes are about to leave: from then on its outcome is the venue's to tell."""

    async def leaves(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: Any) -> None:
        context.trace_request_ctx.began = True

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(leaves)
    return config


def cause_of(status: int) -> str:
    """Name why an address is not served, from an answer without the venue's code."""
    return {403: "blocked", 451: "blocked", 404: "not_found", 407: "proxy"}.get(status, "server")
