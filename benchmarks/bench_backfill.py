"""Backfill against the exchange simulator: how much of its lane's weight does history use, and does the referee object?

``python benchmarks/bench_backfill.py`` runs the simulator in a process of its own, with um's weight rate (2,400 a minute) in
shorter windows, and the adapter's public history calls over several streams at once, with weight leases in a state store.
``--window-s 60`` is the venue's own window. Asked for: >= 95 % of the lane (80 % of the limit when alone), no violation, no 429.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
from quantservice.core.errors import VenueError
from quantservice.core.events import StreamId
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.simulator.config import Limits, SimulatorConfig, venue_limits
from quantservice.simulator.server import serve

LANE = 0.80


def run_simulator(port: int, limit: int, window_s: float) -> None:
    """The simulator's process."""
    um = Limits(weight_per_minute=limit, weight_window_s=window_s)
    asyncio.run(serve(SimulatorConfig(port=port, limits={**venue_limits(), "um": um})))


async def report(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """What the referee has to say."""
    async with session.get(f"{url}/_referee") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def wait_ready(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until the simulator's port answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                await report(session, url)
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
                continue
            return


async def backfill(venue: BinanceVenue, stream: StreamId, span: Span, rows: list[int]) -> None:
    """Fetch one stream's history until cancelled."""
    async for page in venue.history.klines(stream, span):
        rows[0] += len(page)


async def measure(url: str, port: int, *, limit: int, window_s: float, windows: int, streams: int) -> dict[str, Any]:
    """Run and measure over whole windows."""
    endpoints = BinanceEndpoints.simulator(url, {market: f"ws://127.0.0.1:{port}/{market}" for market in ("spot", "um", "cm")})
    settings = BinanceSettings(weight_window_ms=int(window_s * 1000))
    rows = [0]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await wait_ready(session, url)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = SqlStateStore(f"sqlite:///{folder / 'state.db'}", AesGcmSealer.in_folder(folder))
        await store.open()
        stack.push_async_callback(store.close)
        venue = BinanceVenue("um", endpoints, clock=SystemClock(), state_store=store, settings=settings, environment={})
        stack.push_async_callback(venue.close)
        instruments = await venue.history.instruments()
        now_ms = await venue.history.server_time_ms()
        span = Span(now_ms - 390 * DAY_MS, now_ms)
        tasks = [asyncio.create_task(backfill(venue, StreamId.kline(item.id, "1m"), span, rows)) for item in instruments[:streams]]
        await at_turn(window_s)
        before, rows_before, started = await report(session, url), rows[0], time.monotonic()
        for _ in range(windows):
            await asyncio.sleep(window_s / 2)
            await at_turn(window_s)
        after, elapsed = await report(session, url), time.monotonic() - started
        for task in tasks:
            task.cancel()
        ended: Sequence[BaseException | None] = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [repr(error) for error in ended if isinstance(error, VenueError)]
        used = after["weights"]["um"] - before["weights"]["um"]
        return {
            "windows": windows,
            "window_s": window_s,
            "lane_weight": round(windows * LANE * limit),
            "used_weight": used,
            "lane_used": round(used / (windows * LANE * limit), 4),
            "rows": rows[0] - rows_before,
            "rows_per_s": round((rows[0] - rows_before) / elapsed),
            "violations": after["violations"],
            "http_429": after["statuses"].get("um.429", 0),
            "failures": failures,
            "latency_ms": round(msgspec.to_builtins(venue.usage())["rest"]["latency_s"] * 1000, 1),
        }


async def at_turn(window_s: float) -> None:
    """Wait for the next turn of the venue's window."""
    await asyncio.sleep(window_s - time.time() % window_s)


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window-s", type=float, default=10.0)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--port", type=int, default=19443)
    flags = parser.parse_args()
    limit = round(2400 * flags.window_s / 60)
    process = multiprocessing.get_context("spawn").Process(
        target=run_simulator, args=(flags.port, limit, flags.window_s), daemon=True
    )
    process.start()
    try:
        result = asyncio.run(
            measure(
                f"http://127.0.0.1:{flags.port}",
                flags.port,
                limit=limit,
                window_s=flags.window_s,
                windows=flags.windows,
                streams=flags.streams,
            )
        )
    finally:
        process.terminate()
        process.join(10)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
