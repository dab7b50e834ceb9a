"""The web face for tests: a market store in memory, a context around it, and a client that asks it in-process."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from websockets.asyncio.client import ClientConnection, connect

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.market_store.codec import event_table, kline_table
from quantservice.core.errors import StoreUnavailable
from quantservice.core.events import Kind, Kline, MarketEvent, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.ports import AppendResult, Clock, Columns, StreamCoverage
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.services.pairs.commands import Pairs
from quantservice.services.proxies.commands import Proxies
from quantservice.web.app import WebApp, create_app
from quantservice.web.context import WebConfig, WebContext
from quantservice.web.encode import plain
from quantservice.web.projections import Projections
from quantservice.web.server import WebServer
from tests.support import market
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

TOKEN = "the-owner-token-of-the-tests"
OWNER = {"Authorization": f"Bearer {TOKEN}"}
_HIDDEN = ("venue", "market", "symbol", "period", "recv_ns")


class MemoryMarketStore:
    """A MarketStore that holds lists; ``away`` makes every call say that the store does not answer."""

    def __init__(self) -> None:
        self.klines: dict[StreamId, dict[int, list[tuple[Kline, int, int]]]] = defaultdict(dict)
        self.events: dict[StreamId, list[Any]] = defaultdict(list)
        self.away = False
        self.now_ns = 1

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the market store does not answer; nothing is lost, try again in a moment")

    async def open(self) -> None:
        self._check()

    async def close(self) -> None:
        self.klines.clear()

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        self._check()
        for event in events:
            if isinstance(event, Kline):
                known = self.klines[event.stream].setdefault(event.open_time, [])
                if not known or known[-1][0].values != event.values:
                    known.append((event, len(known), self.now_ns))
            else:
                self.events[event.stream].append(event)
        return AppendResult()

    def _klines(self, stream: StreamId, span: Span, known_ns: int | None) -> list[tuple[Kline, int, int]]:
        found = []
        for open_time, versions in sorted(self.klines.get(stream, {}).items()):
            seen = [item for item in versions if known_ns is None or item[2] <= known_ns]
            if span.contains(open_time) and seen:
                found.append(seen[-1])
        return found

    def _events(self, stream: StreamId, span: Span) -> list[Any]:
        found = [event for event in self.events.get(stream, []) if span.contains(event.time)]
        return sorted(found, key=lambda event: (event.time, getattr(event, "trade_id", 0)))

    async def read(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        ledger: bool = False,
        newest: bool = False,
    ) -> Columns:
        self._check()
        rows = _cut(self._klines(stream, span, as_known_at_ns), limit, newest)
        names = ("open_time", "close_time", "open", "high", "low", "close", "volume", "quote_volume", "count")
        return {name: np.array([float(getattr(row[0], name)) for row in rows]) for name in names}

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        self._check()
        return [row[0] for row in _cut(self._klines(stream, span, as_known_at_ns), limit, newest)]

    async def read_rows(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[dict[str, Any]]:
        self._check()
        rows = []
        for event in _cut(self._events(stream, span), limit, newest):
            row = {name: getattr(event, name) for name in event.__struct_fields__ if name not in ("stream", "recv_ns")}
            rows.append({name: _as_json(value) for name, value in row.items()})
        return rows

    async def read_arrow(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        self._check()
        table: pa.Table
        if stream.kind is Kind.KLINE:
            rows = self._klines(stream, span, as_known_at_ns)[:limit]
            table = kline_table([row[0] for row in rows], [row[1] for row in rows], 0, text=plain)
            place = table.column_names.index("first_seen_ns")
            table = table.set_column(place, "first_seen_ns", pa.array([row[2] for row in rows], pa.int64()))
        else:
            table = event_table(stream.kind, self._events(stream, span)[:limit], text=plain)
        return table.select(columns or [name for name in table.column_names if name not in _HIDDEN])

    async def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        self._check()
        found = []
        for open_time, versions in sorted(self.klines.get(stream, {}).items()):
            for kline, revision, seen_ns in versions if span.contains(open_time) else ():
                row = {
                    name: _as_json(getattr(kline, name))
                    for name in ("open", "high", "low", "close", "volume", "source", "synthetic")
                }
                found.append({**row, "open_time": open_time, "revision": revision, "first_seen_ms": seen_ns // 1_000_000})
        return found

    async def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        self._check()
        return []

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        self._check()
        return {}

    async def streams(self) -> list[StreamCoverage]:
        self._check()
        found = []
        for stream, bars in sorted(self.klines.items()):
            revised = sum(len(versions) - 1 for versions in bars.values())
            found.append(StreamCoverage(stream=stream, first_ms=min(bars), last_ms=max(bars), rows=len(bars), revised_rows=revised))
        for stream, events in sorted(self.events.items()):
            times = [event.time for event in events]
            found.append(StreamCoverage(stream=stream, first_ms=min(times), last_ms=max(times), rows=len(times)))
        return found

    async def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        self._check()
        counts: dict[int, int] = defaultdict(int)
        for open_time in self.klines.get(stream, {}):
            if span.contains(open_time):
                counts[open_time // DAY_MS * DAY_MS] += 1
        return dict(counts)

    async def put_instruments(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int) -> int:
        return 0

    async def instruments(
        self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None
    ) -> list[Instrument]:
        return []

    async def register_pair(self, instrument: Instrument, periods: Sequence[str]) -> None:
        self._check()

    async def statistics(self) -> Mapping[str, Any]:
        self._check()
        return {"total_rows": sum(len(bars) for bars in self.klines.values())}


def _cut(rows: list[Any], limit: int | None, newest: bool) -> list[Any]:
    if limit is None:
        return rows
    return rows[-limit:] if newest else rows[:limit]


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return str(value) if hasattr(value, "value") else value
    return plain(value)


@asynccontextmanager
async def web_context(
    folder: Path,
    *,
    store: MemoryMarketStore | None = None,
    book: InstrumentBook | None = None,
    config: WebConfig | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[WebContext]:
    """A context around a memory store, a memory bus and a SQLite state store in ``folder``."""
    clock, bus = clock or ManualClock(), MemoryBus()
    instruments = book or market.book()
    async with sqlite_store(folder) as state:
        yield WebContext(
            environment="demo",
            version="0.0.0",
            started_ms=clock.now_ms() - 5_000,
            clock=clock,
            bus=bus,
            market_store=store or MemoryMarketStore(),
            state_store=state,
            instruments=lambda: instruments,
            projections=Projections(bus, clock),
            pairs=Pairs(state, lambda: instruments),
            proxies=Proxies(state),
            access_keys=AccessKeys(state, clock),
            owner_token_hash=hashlib.sha256(TOKEN.encode()).hexdigest(),
            config=config or WebConfig(),
            **more,
        )
    await bus.close()


def client(context: WebContext, app: WebApp | None = None, *, host: str = "127.0.0.1:8080") -> httpx.AsyncClient:
    """A client that asks the app in-process."""
    transport = httpx.ASGITransport(app=app or create_app(context), client=("127.0.0.1", 50_000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@asynccontextmanager
async def serving(context: WebContext) -> AsyncIterator[WebServer]:
    """The whole face on a real socket, with its projections."""
    server = WebServer(context)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(context.projections.run()), group.create_task(server.run())]
        async with asyncio.timeout(10):
            await server.ready.wait()
        yield server
        for task in tasks:
            task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a condition of the code under test, not of the test
            await asyncio.sleep(0.01)


class Page:
    """A page's WebSocket: says things and waits, with a bound, for what it wants to hear."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def say(self, **parts: Any) -> None:
        await self.socket.send(json.dumps(parts))

    async def hear(self, **wanted: Any) -> dict[str, Any]:
        """Return the next message whose fields are as wanted."""
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.heard.append(message)
                if all(message.get(key) == value for key, value in wanted.items()):
                    return message


@asynccontextmanager
async def page(server: WebServer) -> AsyncIterator[Page]:
    """A connected page."""
    async with connect(server.url.replace("http", "ws", 1) + "/ws", open_timeout=60) as socket:
        yield Page(socket)
