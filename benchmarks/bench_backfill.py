"""Backfill against the exchange simulator: how much of its lane's weight does history use, and does the referee object?

    ./qs bench --only backfill

The simulator runs in a process of its own, with um's weight rate (2,400 a minute) in shorter windows, and the adapter's public
history calls go over several streams at once, with weight leases in a state store. Asked for: >= 95 % of the lane (80 % of the
limit when alone), no violation, no 429. The peer is ccxt's ``fetch_ohlcv`` with its rate limiter, over the same streams.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.processes import free_port, simulator
from benchmarks.results import Plan, Result
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
from quantservice.core.errors import VenueError
from quantservice.core.events import StreamId
from quantservice.core.periods import DAY_MS, MINUTE_MS
from quantservice.core.spans import Span
from quantservice.simulator.config import Limits, SimulatorConfig, venue_limits

LANE = 0.80
ASKED_SHARE = 0.95


async def report(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """What the referee has to say."""
    async with session.get(f"{url}/_referee") as answer:
        found: dict[str, Any] = await answer.json()
        return found


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


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    window_s, windows = plan.seconds(20.0, 10.0), 2 if plan.quick else 3
    port = free_port()
    limit = round(2400 * window_s / 60)
    um = Limits(weight_per_minute=limit, weight_window_s=window_s)
    with simulator(SimulatorConfig(port=port, limits={**venue_limits(), "um": um})) as url:
        found = asyncio.run(measure(url, port, limit=limit, window_s=window_s, windows=windows, streams=8))
        other = asyncio.run(peer(url, window_s))
    clean = not found["violations"] and not found["http_429"] and not found["failures"]
    return [
        Result(
            what=f"backfill against the simulator, {windows} windows of {window_s:g} s",
            asked=f">= {ASKED_SHARE:.0%} of its lane, 0 violations, 0 x 429",
            measured=(
                f"{found['lane_used']:.1%} of its lane, {sum(found['violations'].values())} violations, {found['http_429']} x 429, "
                f"{found['rows_per_s']:,} klines/s"
            ),
            peer=f"{found['rows_per_s'] / other:.1f}x ccxt's fetch_ohlcv with its own rate limit ({other:,.0f} klines/s)",
            ok=found["lane_used"] >= ASKED_SHARE and clean,
            figures={**found, "peer_rows_per_s": other},
        )
    ]


async def peer(url: str, window_s: float) -> float:
    """Klines per second of ccxt's own paging, rate limit on, over as many streams at once."""
    import ccxt.async_support as ccxt

    exchange = ccxt.binanceusdm({"enableRateLimit": True})
    for name, address in exchange.urls["api"].items():
        if isinstance(address, str) and "/fapi/" in address:
            exchange.urls["api"][name] = f"{url}/fapi/{address.rsplit('/fapi/', 1)[1]}"
    exchange.options["fetchMarkets"] = {"types": ["linear"]}
    exchange.options["fetchCurrencies"] = False
    rows = 0

    async def read(symbol: str, since: int) -> None:
        nonlocal rows
        while True:
            page = await exchange.fetch_ohlcv(symbol, "1m", since=since, limit=1_500)
            rows += len(page)
            since = page[-1][0] + MINUTE_MS

    try:
        markets = await exchange.load_markets()
        chosen = [symbol for symbol, market in markets.items() if market["swap"]][:8]
        since = exchange.milliseconds() - 380 * DAY_MS
        started = time.monotonic()
        tasks = [asyncio.create_task(read(symbol, since)) for symbol in chosen]
        await asyncio.wait(tasks, timeout=window_s / 2)
        taken = time.monotonic() - started
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await exchange.close()
    return rows / taken
