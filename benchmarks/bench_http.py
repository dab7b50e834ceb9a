"""Klines over HTTP through a real socket: 1,000,000 rows as Arrow, 100,000 rows as 20 JSON pages.

    ./qs bench --only http

The server (production app, production market store, embedded ClickHouse) runs in a process of its own; the client is this one.
Beside it in the same run: the store's own read without HTTP, and the same JSON pages made the usual way (rows as pydantic
models), so that the ratio says what the wire costs and what the column-wise encoder saves.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.results import Plan, Result

STEP_MS = 60_000
START_MS = 1_640_995_200_000
ROWS = 1_000_000
JSON_ROWS = 100_000
PAGE = 5_000
ASKED_ARROW_S = 1.5
ASKED_JSON_S = 1.0


def serve(data_dir: str, rows: int, pipe: Connection) -> None:
    """Run the server in its own process until the pipe says stop."""
    asyncio.run(_serve(data_dir, rows, pipe))


async def _serve(data_dir: str, rows: int, pipe: Connection) -> None:
    from tests.support.market import instrument
    from tests.support.state import sqlite_store

    from quantservice.adapters.bus.memory import MemoryBus
    from quantservice.adapters.clock.system import SystemClock
    from quantservice.adapters.market_store.clickhouse import ClickHouseStore
    from quantservice.core.events import StreamId
    from quantservice.core.instruments import InstrumentBook
    from quantservice.core.spans import Span
    from quantservice.services.access_keys.commands import AccessKeys
    from quantservice.services.pairs.commands import Pairs
    from quantservice.services.proxies.commands import Proxies
    from quantservice.web.context import WebConfig, WebContext
    from quantservice.web.models import KlinePage
    from quantservice.web.projections import Projections
    from quantservice.web.server import WebServer

    clock, bus = SystemClock(), MemoryBus()
    pair = instrument("BTC")
    stream = StreamId.kline(pair.id, "1m")
    book = InstrumentBook([pair])
    store = ClickHouseStore(f"chdb://{data_dir}/market", clock=clock)
    await store.open()
    await _fill(store, stream, rows)
    async with sqlite_store(Path(data_dir)) as state:
        context = WebContext(
            environment="demo",
            version="0",
            started_ms=clock.now_ms(),
            clock=clock,
            bus=bus,
            market_store=store,
            state_store=state,
            instruments=lambda: book,
            projections=Projections(bus, clock),
            pairs=Pairs(state, lambda: book),
            proxies=Proxies(state),
            access_keys=AccessKeys(state, clock),
            owner_token_hash="0" * 64,
            config=WebConfig(port=0),
        )
        server = WebServer(context)

        @server.app.get("/api/v1/peer", response_model=KlinePage)
        async def peer(start_ms: int) -> Any:
            found = await store.read_rows(stream, Span(start_ms, 4_102_444_800_000), limit=PAGE)
            head = {"instrument": "b", "venue": "b", "market": "um", "symbol": "s", "venue_symbol": "v", "has_more": True}
            return {**head, "period": "1m", "data": found}

        server.app.router.routes.insert(0, server.app.router.routes.pop())
        port = server.bind()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server.run())
            await server.ready.wait()
            bare = []
            for _ in range(3):
                begun = time.perf_counter()
                table = await store.read_arrow(stream, Span(0, 4_102_444_800_000), limit=rows)
                bare.append(time.perf_counter() - begun)
                assert table.num_rows == rows
                del table
            pipe.send((port, statistics.median(bare)))
            await asyncio.to_thread(pipe.recv)
            task.cancel()
    await store.close()


async def _fill(store: Any, stream: Any, rows: int) -> None:
    from quantservice.core.events import Kline
    from quantservice.core.spans import Span

    have = await store.day_counts(stream, Span(0, 4_102_444_800_000))
    for first in range(sum(have.values()), rows, 50_000):
        klines = []
        for index in range(first, min(first + 50_000, rows)):
            price = Decimal(6_000_000 + index * 7919 % 99_991).scaleb(-2)
            klines.append(
                Kline(
                    stream=stream,
                    open_time=START_MS + index * STEP_MS,
                    close_time=START_MS + index * STEP_MS + STEP_MS - 1,
                    open=price,
                    high=price + 5,
                    low=price - 5,
                    close=price + 1,
                    volume=Decimal(index % 9973).scaleb(-3),
                    quote_volume=Decimal(index % 997_301).scaleb(-4),
                    count=index % 1000,
                    taker_buy_base_volume=Decimal(index % 4973).scaleb(-3),
                    taker_buy_quote_volume=Decimal(index % 497_301).scaleb(-4),
                )
            )
        await store.append(klines)


def get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body[:300]
    return body


def arrow(connection: http.client.HTTPConnection, rows: int) -> int:
    body = get(connection, f"/api/v1/klines?symbol=BTCUSDT&market=um&period=1m&start_ms=0&format=arrow&limit={rows}")
    table = pa.ipc.open_stream(body).read_all()
    assert table.num_rows == rows, table.num_rows
    return len(body)


def pages(connection: http.client.HTTPConnection, rows: int) -> int:
    path = f"/api/v1/klines?symbol=BTCUSDT&market=um&period=1m&start_ms=0&limit={PAGE}"
    size, seen, cursor = 0, 0, ""
    while seen < rows:
        body = get(connection, path + cursor)
        size += len(body)
        head = json.loads(body[: body.index(b',"data":')] + b"}")
        seen += PAGE
        cursor = f"&cursor={head['next_cursor']}"
    return size


def peer_pages(connection: http.client.HTTPConnection, rows: int) -> int:
    return sum(len(get(connection, f"/api/v1/peer?start_ms={START_MS + first * STEP_MS}")) for first in range(0, rows, PAGE))


def timed(runs: int, work: Any, *arguments: Any) -> tuple[float, int]:
    took, size = [], 0
    for _ in range(runs):
        begun = time.perf_counter()
        size = work(*arguments)
        took.append(time.perf_counter() - begun)
    return statistics.median(took), size


def results(plan: Plan) -> list[Result]:
    """The two rows of the table."""
    runs = plan.rounds(7)
    with tempfile.TemporaryDirectory() as folder, _server(folder, ROWS) as (port, bare_s):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        arrow_s, arrow_bytes = timed(runs, arrow, connection, ROWS)
        json_s, json_bytes = timed(runs, pages, connection, JSON_ROWS)
        peer_s, _size = timed(max(1, runs // 2), peer_pages, connection, JSON_ROWS)
    figures = {"arrow_s": arrow_s, "bare_s": bare_s, "json_s": json_s, "peer_s": peer_s}
    return [
        Result(
            what=f"{ROWS:,} klines over HTTP as Arrow",
            asked=f"<= {ASKED_ARROW_S} s",
            measured=f"{arrow_s:.2f} s ({arrow_bytes / 1e6:.0f} MB)",
            peer=f"{arrow_s / bare_s:.2f}x the store's own read without HTTP ({bare_s:.2f} s)",
            ok=arrow_s <= ASKED_ARROW_S,
            figures=figures,
        ),
        Result(
            what=f"{JSON_ROWS:,} klines over HTTP as JSON pages of {PAGE:,}",
            asked=f"<= {ASKED_JSON_S} s",
            measured=f"{json_s:.2f} s ({json_bytes / 1e6:.0f} MB)",
            peer=f"{peer_s / json_s:.1f}x as fast as pages of pydantic rows ({peer_s:.2f} s)",
            ok=json_s <= ASKED_JSON_S,
            figures=figures,
        ),
    ]


@contextlib.contextmanager
def _server(folder: str, rows: int) -> Iterator[tuple[int, float]]:
    """Run the server in a process of its own; yields its port and the seconds of the bare read."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(folder, rows, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(600):
            raise SystemExit("the server did not start within 600 s")
        try:
            yield ours.recv()
        except EOFError:
            raise SystemExit("the server ended; what it said stands above") from None
        ours.send("stop")
    finally:
        process.join(30)
        if process.is_alive():
            process.terminate()
