"""A running client server with a market store that holds a list of klines."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook
from quantservice.core.spans import Span
from quantservice.ports import Clock, MarketStore
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.server import ClientServer
from tests.support.market import book
from tests.support.state import sqlite_store

WAIT_S = 10.0


class KlineStore:
    """The part of a MarketStore that the client server reads, over klines in memory; counts its reads."""

    def __init__(self, klines: Iterable[Kline] = ()) -> None:
        self.klines = list(klines)
        self.reads: list[Span] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        self.reads.append(span)
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        found = [item for item in self.klines if item.stream == stream and span.contains(item.open_time)]
        found.sort(key=lambda item: item.open_time)
        if limit is None:
            return found
        return found[-limit:] if newest else found[:limit]


class Running:
    """What a test needs of a running server."""

    def __init__(self, server: ClientServer, bus: MemoryBus, state_store: SqlStateStore, store: KlineStore) -> None:
        self.server = server
        self.bus = bus
        self.state_store = state_store
        self.store = store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the service; raise what it raises before clients can connect."""
        self._task = asyncio.create_task(self.server.run())
        starting = asyncio.create_task(self.server.wait_started())
        await asyncio.wait({self._task, starting}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            starting.cancel()
            await self._task
        await starting

    async def stop(self) -> None:
        """End the service; a crash of it fails the test."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def restart(self) -> None:
        """Do what the runner does after a crash: run the same object again."""
        await self.stop()
        await self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/ws"

    def client(self, path: str = "", **options: Any) -> connect:
        options.setdefault("ping_interval", None)
        options.setdefault("max_size", 16 * 1024 * 1024)
        return connect(self.url + path, compression=None, **options)


@asynccontextmanager
async def running_server(
    folder: Path,
    *,
    klines: Iterable[Kline] = (),
    config: ClientServerConfig | None = None,
    clock: Clock | None = None,
    instruments: InstrumentBook | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Running]:
    """Run a server on a free port until the context ends; a crash of it fails the test."""
    known = instruments or book("BTC", "ETH", "SOL")

    def resolve(symbol: str, market: str, venue: str | None) -> Instrument:
        return known.resolve(symbol, market=market, venue=venue)

    bus = MemoryBus()
    store = KlineStore(klines)
    async with sqlite_store(folder) as state_store:
        server = ClientServer(
            market_store=cast("MarketStore", store),
            state_store=state_store,
            bus=bus,
            clock=clock or SystemClock(),
            resolve=resolve,
            config=config or ClientServerConfig(port=0, qps=1_000.0),
            ssl_context=ssl_context,
        )
        running = Running(server, bus, state_store, store)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()
            await bus.close()


async def receive(client: ClientConnection) -> dict[str, Any]:
    """The next message, unpacked where it is compressed."""
    message = await asyncio.wait_for(client.recv(), WAIT_S)
    text = gzip.decompress(message) if isinstance(message, bytes) else message
    return cast("dict[str, Any]", json.loads(text))


async def ask(client: ClientConnection, **request: Any) -> dict[str, Any]:
    """Send a request and return the next message."""
    await client.send(json.dumps(request))
    return await receive(client)


async def until(condition: Callable[[], bool], *, wait_s: float = WAIT_S) -> None:
    """Return once the condition holds."""
    async with asyncio.timeout(wait_s):
        while not condition():  # noqa: ASYNC110 - the condition is any figure, which has no event
            await asyncio.sleep(0.005)
