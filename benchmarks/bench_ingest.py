"""Closed klines from a loopback WebSocket into the store: rate, loss, memory; beside what one would write by hand.

    ./qs bench --only ingest

Ours is ``qs up --only collector,recorder`` in a process of its own against the simulator's firehose in another: picows ->
decode and validation -> filter -> bus -> recorder -> store with its ledger columns. It is judged by what the store then
holds: every frame the simulator sent is one row, each stream's open times follow each other, no row twice. The rate is rows
over the time between the first and the last append (``first_seen``). The peer reads the same firehose with the ``websockets``
library and ``json``, keeps floats, and inserts batches with clickhouse-connect: no checks, no ledger, no supervision.
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
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.simulator.config import FirehoseConfig, SimulatorConfig
from quantservice.simulator.markets.catalog import many_symbols

STREAMS = 600
OFFERED_PER_S = 66_000
ASKED_PER_S = 60_000
ASKED_RSS_MB = 900
ASKED_GROWTH_MB = 80
STEADY_FROM_S = 20.0


def names() -> list[str]:
    """The instruments that are collected."""
    return [f"binance:um:{spec.base}-USDT-PERP" for spec in many_symbols(STREAMS)]


def firehose(port: int, seconds: float, *, rate: int = OFFERED_PER_S) -> SimulatorConfig:
    """A simulator that sends closed klines at a rate once all streams are there."""
    hose = FirehoseConfig(rate=rate, wait_streams=STREAMS, frames=int(ASKED_PER_S * seconds * 1.02))
    return SimulatorConfig(port=port, symbols={"um": many_symbols(STREAMS)}, firehose=hose)


def ours(folder: Path, seconds: float) -> dict[str, Any]:
    """Run the platform under the firehose and judge its store."""
    port = free_port()
    config = firehose(port, seconds)
    assert config.firehose is not None
    frames = config.firehose.frames
    samples: list[tuple[float, float]] = []
    with simulator(config) as url, platform(folder, port, roles=("collector", "recorder"), pairs={"um": names()}) as pid:
        watched = Watched(pid)
        _wait_sent(url, 1, 120)
        began = time.monotonic()
        watched.restart()
        while (sent := _sent(url)) < frames:
            samples.append((time.monotonic() - began, watched.rss_mb()))
            if samples[-1][0] > seconds * 4 + 30:
                raise SystemExit(f"only {sent:,} of {frames:,} frames were taken in {samples[-1][0]:.0f} s")
            time.sleep(0.25)
        cores = watched.cores()
        _wait_idle(watched)
        samples.append((time.monotonic() - began, watched.rss_mb()))
    rows, whole, rate = asyncio.run(judge(folder / "data" / "market"))
    steady = [rss for at, rss in samples if at >= min(STEADY_FROM_S, seconds / 2)]
    return {
        "sent": frames,
        "stored": rows,
        "streams_whole": whole,
        "klines_per_s": rate,
        "cores": cores,
        "rss_mb": max(rss for _, rss in samples),
        "growth_mb": max(steady) - steady[0],
        "rss_each_2_s_mb": [round(rss) for _, rss in samples[::8]],
    }


def _sent(url: str) -> int:
    return int(fetch(f"{url}/_referee")["counts"].get("firehose_frames", 0))


def _wait_sent(url: str, count: int, limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while _sent(url) < count:
        if time.monotonic() > until:
            raise SystemExit(f"the platform did not subscribe {STREAMS} streams within {limit_s:g} s")
        time.sleep(0.1)


def _wait_idle(watched: Watched) -> None:
    """Wait for what is still in the sockets and queues: the process has little to do for a second."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        watched.restart()
        time.sleep(1.0)
        if watched.cores() < 0.08:
            return


async def judge(folder: Path) -> tuple[int, int, float]:
    """Count what is stored: rows, streams without a hole or a double, klines per second."""
    store = ClickHouseStore(f"chdb://{folder}", clock=SystemClock())
    await store.open()
    try:
        table = f"`{store.database}`.kline"
        streams = await store.session.run(
            lambda: store.session.rows(
                f"SELECT symbol, count() AS n, uniqExact(open_time) AS times, "
                f"(max(open_time) - min(open_time)) / 60000 + 1 AS long, min(open_time) AS first FROM {table} GROUP BY symbol"
            )
        )
        appends = await store.session.run(
            lambda: store.session.rows(
                f"SELECT first_seen_ns AS at, count() AS n FROM {table} GROUP BY first_seen_ns ORDER BY first_seen_ns"
            )
        )
    finally:
        await store.close()
    start = min(row["first"] for row in streams)
    whole = sum(row["n"] == row["times"] == row["long"] and row["first"] == start for row in streams)
    later = sum(row["n"] for row in appends[1:])
    rate = later / max((appends[-1]["at"] - appends[0]["at"]) / 1e9, 1e-9)
    return sum(row["n"] for row in streams), whole, rate


# --- the peer ---------------------------------------------------------------------------------------------------------


def peer(folder: Path, seconds: float) -> float:
    """Klines per second of the hand-written reader, in a process of its own."""
    port = free_port()
    with simulator(firehose(port, seconds * 4, rate=0)):
        mine, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_peer, args=(port, seconds, str(folder), theirs))
        process.start()
        theirs.close()
        if not mine.poll(120):
            process.terminate()
            raise SystemExit("the peer did not end")
        rate = float(mine.recv())
        process.join(20)
    return rate


def _peer(port: int, seconds: float, folder: str, pipe: Connection) -> None:
    pipe.send(asyncio.run(_read_by_hand(port, seconds, folder)))


async def _read_by_hand(port: int, seconds: float, folder: str) -> float:
    import clickhouse_connect
    from websockets.asyncio.client import connect

    client = clickhouse_connect.get_client(dsn=f"chdb://{folder}/peer")
    columns = ["symbol", "open_time", "close_time", "open", "high", "low", "close", "volume", "quote_volume", "count"]
    kinds = ["String", "Int64", "Int64", *["Float64"] * 6, "Int64"]
    fields = ", ".join(f"{name} {kind}" for name, kind in zip(columns, kinds, strict=True))
    client.command(f"CREATE TABLE kline ({fields}) ENGINE = MergeTree ORDER BY (symbol, open_time)")
    streams = [f"{spec.symbol.lower()}@kline_1m" for spec in many_symbols(STREAMS)]
    rows: list[list[Any]] = []
    done = 0
    started = 0.0
    async with connect(f"ws://127.0.0.1:{port}/um/market/stream", compression=None, max_size=None) as source:
        for part in range(0, STREAMS, 150):
            await source.send(json.dumps({"method": "SUBSCRIBE", "params": streams[part : part + 150], "id": part}))
            await asyncio.sleep(0.2)
        async for text in source:
            k = json.loads(text).get("data", {}).get("k")
            if k is None or not k["x"]:
                continue
            started = started or time.perf_counter()
            prices = [float(k[name]) for name in "ohlcvq"]
            rows.append([k["s"], k["t"], k["T"], *prices, k["n"]])
            if len(rows) >= 5_000:
                await asyncio.to_thread(client.insert, "kline", rows, column_names=columns)
                done += len(rows)
                rows = []
                if time.perf_counter() - started > seconds:
                    break
    return done / (time.perf_counter() - started)


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    seconds = plan.seconds(60.0, 10.0)
    with tempfile.TemporaryDirectory() as folder:
        mine = ours(Path(folder), seconds)
        other = peer(Path(folder), plan.seconds(8.0, 4.0))
    lost = mine["sent"] - mine["stored"]
    complete = lost == 0 and mine["streams_whole"] == STREAMS
    fast = mine["klines_per_s"] >= ASKED_PER_S
    small = mine["rss_mb"] < ASKED_RSS_MB and mine["growth_mb"] < ASKED_GROWTH_MB
    return [
        Result(
            what=f"loopback WebSocket -> decode -> bus -> store, {seconds:g} s",
            asked=f">= {ASKED_PER_S:,} klines/s, no loss; RSS < {ASKED_RSS_MB} MB, growth < {ASKED_GROWTH_MB} MB",
            measured=(
                f"{mine['klines_per_s']:,.0f} klines/s, {mine['stored']:,} of {mine['sent']:,} rows, RSS {mine['rss_mb']:.0f} MB, "
                f"growth {mine['growth_mb']:.0f} MB, {mine['cores']:.2f} cores"
            ),
            peer=f"{mine['klines_per_s'] / other:.1f}x websockets + json + insert of floats ({other:,.0f}/s)",
            ok=complete and fast and small,
            figures={**mine, "peer_per_s": other},
            note="" if complete else f"{lost:,} rows are missing; {mine['streams_whole']} of {STREAMS} streams are whole",
        )
    ]
