"""Start a simulator in a test, and talk to it like any client would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from quantservice.simulator.config import Limits, MarketName, SimulatorConfig, venue_limits
from quantservice.simulator.server import Simulator

#: a Friday afternoon, three quarters through a minute, so that a test meets a closing bar soon
START_MS = 1_780_000_215_000
WAIT_S = 10.0


def small(market: MarketName, **limits: Any) -> dict[MarketName, Limits]:
    """Return the venue's limits with some of one market's made small."""
    own = venue_limits()
    own[market] = msgspec.structs.replace(own[market], **limits)
    return own


@asynccontextmanager
async def running(config: SimulatorConfig | None = None) -> AsyncIterator[Client]:
    """Run a simulator and give a client of it."""
    simulator = Simulator(config or SimulatorConfig(start_ms=START_MS))
    await simulator.start()
    session = aiohttp.ClientSession()
    try:
        yield Client(simulator, session)
    finally:
        await session.close()
        await simulator.stop()


class Client:
    """REST and WebSocket requests to one simulator."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    async def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a request that must succeed."""
        async with self.session.get(self.simulator.rest_url + path, params=params) as response:
            body = await response.text()
            assert response.status == 200, (response.status, body)
            return json.loads(body)

    async def status(self, path: str, **params: Any) -> tuple[int, Any, dict[str, str]]:
        """Return a request's status, JSON (or text) and headers."""
        async with self.session.get(self.simulator.rest_url + path, params=params) as response:
            text = await response.text()
            try:
                body = json.loads(text)
            except ValueError:
                body = text
            return response.status, body, dict(response.headers)

    async def fault(self, **fault: Any) -> int:
        """Put a fault in force through the simulator's own path; return its number."""
        async with self.session.post(self.simulator.rest_url + "/_faults", json=fault) as response:
            body = await response.json()
            assert response.status == 200, body
            number: int = body["ids"][0]
            return number

    async def connect(self, path: str, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket on a path below the port (``/um/market/stream``)."""
        socket: aiohttp.ClientWebSocketResponse
        socket = await self.session.ws_connect(f"ws://127.0.0.1:{self.simulator.port}{path}", **options)
        return socket

    async def subscribe(self, path: str, *streams: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket and subscribe; the acknowledgement is checked and taken away."""
        socket = await self.connect(path)
        await socket.send_json({"method": "SUBSCRIBE", "params": list(streams), "id": 1})
        await until(socket, lambda message: message.get("id") == 1)
        return socket

    @property
    def violations(self) -> dict[str, Any]:
        """What the referee holds against anybody."""
        found: dict[str, Any] = self.simulator.report()["violations"]
        return found


async def receive(socket: aiohttp.ClientWebSocketResponse, wait_s: float = WAIT_S) -> Any:
    """Return the next message's JSON."""
    message = await socket.receive(timeout=wait_s)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


async def until(socket: aiohttp.ClientWebSocketResponse, wanted: Callable[[Any], bool], wait_s: float = WAIT_S) -> Any:
    """Return the first message that is wanted."""
    async with asyncio.timeout(wait_s):
        while True:
            message = await receive(socket)
            if wanted(message):
                return message


async def collect(
    socket: aiohttp.ClientWebSocketResponse, enough: Callable[[list[Any]], bool], wait_s: float = WAIT_S
) -> list[Any]:
    """Return all messages up to the one that makes it enough."""
    messages: list[Any] = []
    async with asyncio.timeout(wait_s):
        while not enough(messages):
            messages.append(await receive(socket))
    return messages


async def closes(socket: aiohttp.ClientWebSocketResponse, wait_s: float = WAIT_S) -> aiohttp.WSMsgType:
    """Read until the other side ends the connection; return how it did."""
    async with asyncio.timeout(wait_s):
        while True:
            message = await socket.receive()
            if message.type in (
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
                aiohttp.WSMsgType.CLOSING,
            ):
                return message.type


async def eventually(condition: Callable[[], bool], wait_s: float = WAIT_S) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(wait_s):
        while not condition():  # noqa: ASYNC110  # the condition is any plain fact of the simulator, nothing sets an event for it
            await asyncio.sleep(0.01)
