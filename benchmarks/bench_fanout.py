"""Fan-out of live klines to many WebSocket clients: deliveries per second and latency, beside a plain broadcast server.

    ./qs bench --only fanout

The server runs here, over its production path: klines published on the bus -> ClientServer -> real sockets. The clients
run in another process, read everything, count frames, and take the latency from the event's own receive time. Ours and
the peer (the ``websockets`` library's broadcast) are fed the same klines.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from tests.support.market import kline

from benchmarks.results import PROJECT, Plan, Result
from quantservice.core.events import Kline

CLIENTS = 500
STREAMS = 10
ASKED_PER_S = 180_000
ASKED_P99_MS = 50.0
STAMP = b'"count":'


# --- the clients' process ---------------------------------------------------------------------------------------------


def clients_main(port: int, clients: int, subscribe: bool) -> None:
    """Connect, subscribe to every stream, say ready, then count until the input closes; report as JSON."""
    sockets = [_connect(port, subscribe=subscribe) for _ in range(clients)]
    print("ready", flush=True)
    chooser = selectors.DefaultSelector()
    for item in sockets:
        chooser.register(item, selectors.EVENT_READ)
    chooser.register(sys.stdin, selectors.EVENT_READ)
    tails = dict.fromkeys(sockets, b"")
    frames = 0
    latencies: list[float] = []
    first = last = 0.0
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    turn = 0
    while True:
        events = chooser.select(1.0)
        for key, _ in events:
            if key.fileobj is sys.stdin:
                latencies.sort()
                report = {"frames": frames, "first": first, "last": last, "latency_ms": _percentiles(latencies)}
                print(json.dumps(report), flush=True)
                return
            source = key.fileobj
            assert isinstance(source, socket.socket)
            size = source.recv_into(buffer)
            if not size:
                raise SystemExit("the server closed a connection")
            data = tails[source] + bytes(view[:size])
            now = time.time()
            whole = 0
            at = None
            while len(data) - whole >= 4:  # every push here is 126 to 65,535 bytes long: head of four
                end = whole + 4 + int.from_bytes(data[whole + 2 : whole + 4], "big")
                if end > len(data):
                    break
                at, whole = whole, end
                frames += 1
            tails[source] = data[whole:]
            if at is not None:
                first, last = first or now, now
                turn += 1
                if turn % 7 == 0:  # a sample: the last frame of every seventh read; its count member carries the send time in µs
                    start = data.index(STAMP, at) + len(STAMP)
                    latencies.append((now - int(data[start : data.index(b",", start)]) / 1e6) * 1e3)


def _connect(port: int, *, subscribe: bool) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    made.sendall(f"{request}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += made.recv(4_096)
    answer = answer.split(b"\r\n\r\n", 1)[1]
    if subscribe:
        for number in range(STREAMS):
            wish = {"action": "subscribe", "symbol": f"C{number}USDT", "market": "um", "period": "1m"}
            made.sendall(_masked(json.dumps(wish).encode()))
            while b'"subscribe_response"' not in answer:
                answer += made.recv(4_096)
            answer = b""
    return made


def _masked(payload: bytes) -> bytes:
    head = bytes((0x81, 0x80 | len(payload))) if len(payload) < 126 else bytes((0x81, 0xFE)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {name: round(values[min(len(values) - 1, int(len(values) * part))], 2) for name, part in _PARTS}


_PARTS = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


# --- the servers ------------------------------------------------------------------------------------------------------

Feed = Callable[[list[Kline]], Awaitable[None]]


async def feed(send: Feed, *, klines_per_s: float, seconds: float) -> int:
    """Send klines at a rate, in batches as a socket read brings them; return how many."""
    templates = [kline(0, base=f"C{number}", closed=False) for number in range(STREAMS)]
    started = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - started) < seconds:
        wanted = int(elapsed * klines_per_s) - sent
        if wanted < 1:
            await asyncio.sleep(0.002)
            continue
        batch = [
            msgspec.structs.replace(templates[(sent + index) % STREAMS], count=time.time_ns() // 1_000, close=Decimal("100.25"))
            for index in range(min(wanted, 100))
        ]
        await send(batch)
        sent += len(batch)
        await asyncio.sleep(0)
    return sent


async def ours(clients: int, klines_per_s: float, seconds: float) -> dict[str, Any]:
    """Measure the client server."""
    from tests.support.clientserver import running_server
    from tests.support.market import batch, book

    from quantservice.web.clientserver.config import ClientServerConfig

    config = ClientServerConfig(port=0, qps=1_000.0)
    with tempfile.TemporaryDirectory() as folder:
        instruments = book(*(f"C{number}" for number in range(STREAMS)))
        async with running_server(Path(folder), config=config, instruments=instruments) as running:

            async def send(klines: list[Kline]) -> None:
                await running.bus.publish([batch(*klines)])

            result = await measure(running.server.port, send, clients=clients, klines_per_s=klines_per_s, seconds=seconds)
            stats = running.server.stats()
            return {**result, "conflated": stats["conflated"], "dropped": stats["dropped_clients"]}


async def peer(clients: int, klines_per_s: float, seconds: float) -> dict[str, Any]:
    """Measure a plain ``websockets`` server that broadcasts each kline to all."""
    from tests.support.market import instrument
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    from quantservice.web.clientserver.protocol import live_row, push_payload, stream_head

    head = stream_head(instrument("C0"), "1m")
    connected: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connected.add(connection)
        with contextlib.suppress(asyncio.CancelledError):
            await connection.wait_closed()
        connected.discard(connection)

    async def send(klines: list[Kline]) -> None:
        for item in klines:
            broadcast(connected, push_payload("kline_update", head, (live_row(item),)).decode())
        await asyncio.sleep(0)

    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        return await measure(port, send, clients=clients, klines_per_s=klines_per_s, seconds=seconds, subscribe=False)


async def measure(
    port: int, send: Feed, *, clients: int, klines_per_s: float, seconds: float, subscribe: bool = True
) -> dict[str, Any]:
    """Feed for ``seconds`` and ask the clients' process what arrived."""
    command = [sys.executable, "-m", "benchmarks.bench_fanout", str(port), str(clients), "subscribe" if subscribe else "listen"]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT)
    assert process.stdin is not None
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 120)
    used = time.process_time()
    sent = await feed(send, klines_per_s=klines_per_s, seconds=seconds)
    used = time.process_time() - used
    await asyncio.sleep(1.5)
    process.stdin.write(b"\n")
    await process.stdin.drain()
    report = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    process.stdin.close()
    await process.wait()
    took = max(report["last"] - report["first"], 1e-9)
    return {
        "expected": sent * clients,
        "arrived": report["frames"],
        "per_s": report["frames"] / took,
        "cpu": used / seconds,
        **report["latency_ms"],
    }


def results(plan: Plan) -> list[Result]:
    """The row of the table: full load for the rate, half of it for the latency, both servers in turn."""
    import uvloop

    seconds = plan.seconds(5.0, 3.0)
    rate = ASKED_PER_S / CLIENTS
    runs: dict[str, list[dict[str, Any]]] = {"full": [], "peer": [], "half": [], "peer_half": []}
    for _ in range(plan.rounds(3)):
        for name, server, part in (("full", ours, 1.25), ("peer", peer, 1.25), ("half", ours, 0.5), ("peer_half", peer, 0.5)):
            runs[name].append(uvloop.run(server(CLIENTS, rate * part, seconds)))
    medians = {name: {key: statistics.median(item[key] for item in found) for key in found[0]} for name, found in runs.items()}
    full, half, other = medians["full"], medians["half"], medians["peer"]
    return [
        Result(
            what=f"fan-out of live klines to {CLIENTS} WebSocket clients",
            asked=f">= {ASKED_PER_S:,} deliveries/s; p99 < {ASKED_P99_MS:.0f} ms at half",
            measured=f"{full['per_s']:,.0f} deliveries/s; p99 {half['p99']:.1f} ms at {half['per_s']:,.0f}/s",
            peer=(
                f"{full['per_s'] / other['per_s']:.1f}x websockets broadcast ({other['per_s']:,.0f}/s; "
                f"p99 {medians['peer_half']['p99']:.0f} ms at half)"
            ),
            ok=full["per_s"] >= ASKED_PER_S and half["p99"] < ASKED_P99_MS,
            figures=medians,
        )
    ]


if __name__ == "__main__":  # the clients' process
    clients_main(int(sys.argv[1]), int(sys.argv[2]), subscribe=sys.argv[3] == "subscribe")
