"""Clients that misbehave (fault IN4): each is capped, dropped and counted, and the others notice nothing."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.clientserver import Running, ask, receive, running_server, until
from tests.support.market import batch, book, kline
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from quantservice.web.clientserver.config import ClientServerConfig

ETH: dict[str, Any] = {"symbol": "ETHUSDT", "market": "um", "period": "1m"}
WAIT_S = 20.0


@asynccontextmanager
async def raw_client(served: Running, *, receive_bytes: int = 4_096) -> AsyncIterator[socket.socket]:
    """A socket after the upgrade, whose owner reads only what it wants to."""
    loop = asyncio.get_running_loop()
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.setblocking(False)
    await loop.sock_connect(made, ("127.0.0.1", served.server.port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
    await loop.sock_sendall(made, f"{request}Sec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await asyncio.wait_for(loop.sock_recv(made, 4_096), WAIT_S)
    try:
        yield made
    finally:
        made.close()


async def send(made: socket.socket, request: dict[str, Any]) -> None:
    await asyncio.get_running_loop().sock_sendall(made, masked(json.dumps(request).encode()))


def masked(payload: bytes) -> bytes:
    assert len(payload) < 65_536
    head = bytes((0x81, 0x80 | len(payload))) if len(payload) < 126 else bytes((0x81, 0xFE)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


def config(**changes: Any) -> ClientServerConfig:
    return ClientServerConfig(port=0, **{"qps": 100_000.0, **changes})


async def test_ten_thousand_subscriptions_are_capped(tmp_path: Path) -> None:
    bases = [f"C{number}" for number in range(700)]
    instruments = book(*bases)
    wanted = [
        (f"{base}USDT", market, period)
        for base in bases
        for market in ("spot", "um")
        for period in ("1m", "3m", "5m", "15m", "1h", "4h", "1d", "1w")
    ]
    async with running_server(tmp_path, config=config(), instruments=instruments) as served, served.client() as client:
        replies = []
        for start in range(0, 10_000, 50):
            for symbol, market, period in wanted[start : start + 50]:
                await client.send(json.dumps({"action": "subscribe", "symbol": symbol, "market": market, "period": period}))
            replies += [await receive(client) for _ in range(50)]
        assert sum(reply["success"] for reply in replies) == 1_000
        assert {reply["error"]["code"] for reply in replies if not reply["success"]} == {"too_many_subscriptions"}
        assert served.server.stats()["subscriptions"] == 1_000
        assert (await ask(client, action="unsubscribe"))["ended"] == 1_000


async def test_a_client_that_never_reads_is_dropped_and_its_peer_gets_everything(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, config=config(slow_bytes=4_096)) as served,
        served.client() as peer,
        raw_client(served) as mute,
    ):
        await ask(peer, action="subscribe", **ETH)
        await send(mute, {"action": "subscribe", **ETH})
        await until(lambda: served.server.stats()["subscriptions"] == 2)
        sent = 0
        async with asyncio.timeout(WAIT_S):
            while not served.server.stats()["dropped_clients"]:
                await served.bus.publish([batch(*(kline(sent + index, base="ETH") for index in range(50)))])
                sent += 50
                for _ in range(50):
                    await receive(peer)
        stats = served.server.stats()
        assert (stats["clients"], stats["slow_clients"], stats["subscriptions"]) == (1, 0, 1)
        assert (await ask(peer, action="ping"))["action"] == "pong"


async def test_open_klines_of_a_slow_client_are_conflated_and_closed_ones_kept(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, config=config(slow_bytes=1_024, queue=50)) as served,
        served.client() as peer,
        raw_client(served) as slow,
    ):
        await ask(peer, action="subscribe", **ETH)
        await send(slow, {"action": "subscribe", **ETH})
        await until(lambda: served.server.stats()["subscriptions"] == 2)
        step = 0
        async with asyncio.timeout(WAIT_S):
            while served.server.stats()["conflated"] < 500:
                step += 1
                await served.bus.publish([batch(*(kline(0, base="ETH", closed=False, close=f"100.{step}") for _ in range(20)))])
                for _ in range(20):
                    await receive(peer)
        for index in range(20):
            await served.bus.publish([batch(kline(index, base="ETH"), kline(index + 1, base="ETH", closed=False))])
            for _ in range(2):
                await receive(peer)
        assert served.server.stats()["dropped_clients"] == 0
        rows = await read_until_last_open(slow, kline(20, base="ETH").open_time)
        closed = [row["open_time"] for row in rows if row["closed"]]
        assert closed == [kline(index, base="ETH").open_time for index in range(20)]
        assert rows[-1]["open_time"] == kline(20, base="ETH").open_time
        opens = [row["open_time"] for row in rows]
        assert opens == sorted(opens), "one stream stays in order"
        await until(lambda: served.server.stats()["slow_clients"] == 0)


async def read_until_last_open(made: socket.socket, last: int) -> list[dict[str, Any]]:
    """All kline rows up to the first of the last open time."""
    loop = asyncio.get_running_loop()
    data = b""
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(WAIT_S):
        while not rows or rows[-1]["open_time"] < last:
            data += await loop.sock_recv(made, 65_536)
            while len(data) >= 4:
                long = data[1] == 126
                length = int.from_bytes(data[2:4], "big") if long else data[1]
                head = 4 if long else 2
                if len(data) < head + length:
                    break
                message = json.loads(data[head : head + length]) if data[0] == 0x81 else {}
                data = data[head + length :]
                rows += message.get("data", []) if message.get("action") == "kline_update" else []
    return rows


async def test_a_client_that_takes_nothing_for_long_is_dropped_even_if_it_owes_nothing_closed(tmp_path: Path) -> None:
    async with running_server(tmp_path, config=config(slow_bytes=1_024, stall_s=0.2)) as served, raw_client(served) as mute:
        await send(mute, {"action": "subscribe", **ETH})
        await until(lambda: served.server.stats()["subscriptions"] == 1)
        async with asyncio.timeout(WAIT_S):
            while not served.server.stats()["dropped_clients"]:
                await served.bus.publish([batch(*(kline(0, base="ETH", closed=False) for _ in range(20)))])
                await asyncio.sleep(0.001)


async def test_answers_that_nobody_reads_are_bounded(tmp_path: Path) -> None:
    stored = [kline(index, base="ETH") for index in range(5_000)]
    limits = config(stall_s=0.3, max_requests=8)
    async with (
        running_server(tmp_path, config=limits, klines=stored) as served,
        raw_client(served) as mute,
        served.client() as peer,
    ):
        for _ in range(40):
            await send(mute, {"action": "query", **ETH, "start_ms": 0, "limit": 5_000})
        await until(lambda: served.server.stats()["dropped_clients"] == 1)
        assert served.server.stats()["queries"] < 20
        assert served.server.stats()["bytes_sent"] < 3 * limits.buffer_bytes
        assert (await ask(peer, action="query", **ETH, limit=5))["total"] == 5


async def test_a_client_that_goes_on_sending_over_its_limit_is_dropped(tmp_path: Path) -> None:
    async with running_server(tmp_path, config=config(qps=5.0)) as served, served.client() as client, served.client() as peer:

        async def shout() -> None:
            for _ in range(5_000):
                await client.send('{"action":"ping"}')
                await receive(client)

        with pytest.raises(ConnectionClosed):
            await shout()
        assert (await ask(peer, action="ping"))["action"] == "pong"
        assert served.server.stats()["dropped_clients"] == 1


@pytest.mark.parametrize("drip", [b"GET /ws HT", b"GET /ws HTTP/1.1\r\nHost: x\r\n"], ids=["no line", "no end"])
async def test_a_handshake_that_drips_is_cut(tmp_path: Path, drip: bytes) -> None:
    async with running_server(tmp_path, config=config(handshake_s=0.2)) as served, served.client() as peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        writer.write(drip)
        assert await asyncio.wait_for(reader.read(), WAIT_S) is not None
        writer.close()
        assert (await ask(peer, action="ping"))["action"] == "pong"
        assert served.server.stats()["clients"] == 1


async def test_a_frame_that_drips_is_cut_by_the_unanswered_ping(tmp_path: Path) -> None:
    async with running_server(tmp_path, config=config(ping_s=0.2)) as served, raw_client(served) as slow, served.client() as peer:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(slow, bytes((0x81, 0xFE)) + (60_000).to_bytes(2, "big") + bytes(4))
        async with asyncio.timeout(WAIT_S):
            while served.server.stats()["clients"] > 1:
                try:
                    await loop.sock_sendall(slow, b"x")
                except OSError:
                    break
                assert (await ask(peer, action="ping"))["action"] == "pong"
        await until(lambda: served.server.stats()["clients"] == 1)


@pytest.mark.parametrize("parts", [1, 40], ids=["one frame", "fragments"])
async def test_a_message_over_one_mebibyte_ends_the_connection(tmp_path: Path, parts: int) -> None:
    async with running_server(tmp_path, config=config()) as served, served.client() as client, served.client() as peer:
        part = "x" * (1024 * 1024 // parts + 100)

        async def send_and_wait() -> None:
            await client.send(part if parts == 1 else iter([part] * parts))
            await receive(client)

        with pytest.raises(ConnectionClosed):
            await send_and_wait()
        assert (await ask(peer, action="ping"))["action"] == "pong"
        assert served.server.stats()["clients"] == 1


async def test_it_speaks_tls_and_nothing_else_then(tmp_path: Path) -> None:
    server_side, client_side = certificates(tmp_path)
    async with running_server(tmp_path, config=config(), ssl_context=server_side, klines=[kline(0, base="ETH")]) as served:
        url = f"wss://localhost:{served.server.port}/ws"
        async with connect(url, ssl=client_side, compression=None) as client:
            assert (await ask(client, action="query", **ETH))["total"] == 1
            await ask(client, action="subscribe", **ETH)
            for step in range(50):
                await served.bus.publish([batch(kline(0, base="ETH", closed=False, close=f"100.{step:02}"))])
                assert (await receive(client))["data"][0]["close"] == f"100.{step:02}"
        with pytest.raises(InvalidMessage):
            await served.client()  # without TLS


def certificates(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate for localhost, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert_file, key_file)
    return server, ssl.create_default_context(cafile=str(cert_file))
