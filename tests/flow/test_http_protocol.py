"""A request that drips is ended; one that is whole, and a connection that waits for an answer, are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.web import serving, web_context
from websockets.asyncio.client import connect

from quantservice.web.context import WebConfig
from quantservice.web.server import WebServer

HEAD = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WebServer]:
    async with web_context(tmp_path, config=WebConfig(port=0, request_s=0.3)) as context, serving(context) as running:
        yield running


async def talk(server: WebServer, *parts: bytes, pause_s: float = 0.05) -> bytes:
    """Send parts with pauses; return all that came until the server closed the connection."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause_s)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


async def test_a_head_that_never_ends(server: WebServer) -> None:
    assert await talk(server, HEAD + b"X-Slow: ", *[b"a"] * 40) == b""


async def test_a_body_that_never_ends(server: WebServer) -> None:
    head = b"POST /api/v1/pairs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    assert b" 2" not in (await talk(server, head, *[b"1"] * 40))[:13]


async def test_a_second_request_that_never_ends(server: WebServer) -> None:
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(HEAD + b"X-Slow: ")
        assert b"HTTP" not in await reader.read()
        writer.close()


async def test_a_live_socket_stays(server: WebServer) -> None:
    async with asyncio.timeout(60), connect(f"ws://127.0.0.1:{server.port}/ws") as socket:
        await asyncio.sleep(0.6)  # twice the bound for requests: a socket is none
        await socket.send('{"subscribe":[]}')
        assert await socket.recv()
