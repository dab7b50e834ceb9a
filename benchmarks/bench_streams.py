"""1,500 kline streams at the venue's own pace: processor time and memory of the platform's process.

    ./qs bench --only streams

1,000 um streams that push every 250 ms and 500 spot streams that push every 1 to 2 s, served by the simulator in a process
of its own; the platform runs every role but backfill and polling, whose work does not come from streams. The peer only reads
the same frames with the ``websockets`` library and ``json``.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.processes import fetch, free_port, platform, simulator
from benchmarks.results import Plan, Result, Watched
from quantservice.simulator.config import PushRates, SimulatorConfig
from quantservice.simulator.markets.catalog import many_symbols

UM, SPOT = 1_000, 500
ASKED_CORES = 0.15
ASKED_RSS_MB = 800
ROLES = ("projections", "web", "outbox", "recorder", "clientserver", "ledger", "collector", "retention")


def market(port: int) -> SimulatorConfig:
    """The venue at its own pace."""
    quiet = PushRates(kline_ms=250)
    spot = PushRates(kline_ms=1_500, depth_ms=1_000)
    symbols = {"um": many_symbols(UM), "spot": many_symbols(SPOT)}
    return SimulatorConfig(port=port, symbols=symbols, rates={"um": quiet, "spot": spot, "cm": PushRates()})  # type: ignore[arg-type]  # the market names


def ours(folder: Path, port: int, seconds: float) -> dict[str, Any]:
    """Cores and memory once all streams are live."""
    pairs = {
        "um": [f"binance:um:{spec.base}-USDT-PERP" for spec in many_symbols(UM)],
        "spot": [f"binance:spot:{spec.base}-USDT" for spec in many_symbols(SPOT)],
    }
    web_port = free_port()
    with platform(folder, port, roles=ROLES, pairs=pairs, web_port=web_port) as pid:
        watched = Watched(pid)
        status = f"http://127.0.0.1:{web_port}/api/v1/status"
        before = _settled(status, UM + SPOT)
        at = time.monotonic()
        watched.restart()
        rss = 0.0
        while time.monotonic() - at < seconds:
            time.sleep(0.5)
            rss = max(rss, watched.rss_mb())
        cores = watched.cores()
        after = _klines(fetch(status))
        taken = time.monotonic() - at
    return {"cores": cores, "rss_mb": rss, "klines_per_s": (after - before) / taken}


def _settled(status: str, streams: int) -> int:
    """Wait until the collector has every stream and some seconds have passed; return its count of klines."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            found = _service(fetch(status))
        except OSError:
            found = {}
        if found.get("streams", 0) >= streams and found.get("klines", 0) > streams * 10:
            return int(found["klines"])
        time.sleep(0.5)
    raise SystemExit(f"the platform did not have {streams:,} live streams within 180 s")


def _service(status: Any) -> dict[str, Any]:
    """The collector's figures in an answer of ``/api/v1/status``."""
    for item in status["services"]:
        if item["name"] == "collector":
            figures: dict[str, Any] = item.get("stats") or item.get("figures") or {}
            return figures
    return {}


def _klines(status: Any) -> int:
    return int(_service(status)["klines"])


# --- the peer ---------------------------------------------------------------------------------------------------------


def peer(port: int, seconds: float) -> float:
    """Cores of a process that only reads and parses the same streams."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_peer, args=(port, seconds, theirs))
    process.start()
    theirs.close()
    if not mine.poll(seconds + 60):
        process.terminate()
        raise SystemExit("the peer did not end")
    cores = float(mine.recv())
    process.join(20)
    return cores


def _peer(port: int, seconds: float, pipe: Connection) -> None:
    pipe.send(asyncio.run(_read_by_hand(port, seconds)))


async def _read_by_hand(port: int, seconds: float) -> float:
    from websockets.asyncio.client import connect

    latest: dict[str, Any] = {}

    async def read(path: str, names: list[str]) -> None:
        async with connect(f"ws://127.0.0.1:{port}{path}", compression=None) as source:
            await source.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
            async for text in source:
                k = json.loads(text).get("data", {}).get("k")
                if k is not None:
                    latest[k["s"]] = (k["t"], *(float(k[name]) for name in "ohlcvq"))

    um = [f"{spec.symbol.lower()}@kline_1m" for spec in many_symbols(UM)]
    spot = [f"{spec.symbol.lower()}@kline_1m" for spec in many_symbols(SPOT)]
    tasks = [asyncio.create_task(read("/um/market/stream", um[part : part + 200])) for part in range(0, UM, 200)]
    tasks += [asyncio.create_task(read("/spot/stream", spot[part : part + 200])) for part in range(0, SPOT, 200)]
    await asyncio.sleep(4.0)
    used, at = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cores = (time.process_time() - used) / (time.monotonic() - at)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return cores


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, simulator(market(port)):
        mine = ours(Path(folder), port, plan.seconds(60.0, 20.0))
        other = peer(port, plan.seconds(15.0, 8.0))
    return [
        Result(
            what=f"{UM + SPOT:,} kline streams at venue rate",
            asked=f"< {ASKED_CORES:.0%} of one core, RSS < {ASKED_RSS_MB} MB",
            measured=f"{mine['cores']:.1%} of one core at {mine['klines_per_s']:,.0f} klines/s, RSS {mine['rss_mb']:.0f} MB",
            peer=f"{mine['cores'] / other:.2f}x the time of websockets + json, reading alone ({other:.1%})",
            ok=mine["cores"] < ASKED_CORES and mine["rss_mb"] < ASKED_RSS_MB,
            figures={**mine, "peer_cores": other},
        )
    ]
