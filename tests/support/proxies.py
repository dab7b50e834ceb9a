"""Real proxy servers, each on a free port of loopback: danted and microsocks (SOCKS5), tinyproxy (HTTP CONNECT).

On Debian: ``apt-get install dante-server microsocks tinyproxy``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from quantservice.ports import ProxyRecord

USER, PASSWORD = "qs-user", "s3cret-w0rd"


@dataclass
class RunningProxy:
    """A proxy server and how to reach it."""

    record: ProxyRecord
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """Kill the server, and with it every connection through it."""
        if self.process.returncode is None:
            # The whole session: danted's helpers keep their clients' connections.
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


def program(name: str) -> str:
    """Path of a server's program; a missing one skips the test on a person's machine and fails it in CI."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed; CI must have it")
        pytest.skip(f"{name} is not installed: apt-get install dante-server microsocks tinyproxy")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _danted(folder: Path, port: int) -> list[str]:
    config = folder / f"danted-{port}.conf"
    config.write_text(
        f"logoutput: {folder}/danted-{port}.log\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\n"
        "socksmethod: none\nclientmethod: none\nuser.unprivileged: nobody\n"
        "client pass {\n from: 127.0.0.0/8 to: 0.0.0.0/0\n}\nsocks pass {\n from: 127.0.0.0/8 to: 0.0.0.0/0\n}\n"
    )
    return [program("danted"), "-f", str(config), "-p", str(folder / f"danted-{port}.pid")]


def _microsocks(_: Path, port: int) -> list[str]:
    return [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]


def _tinyproxy(folder: Path, port: int) -> list[str]:
    config = folder / f"tinyproxy-{port}.conf"
    config.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nBasicAuth {USER} {PASSWORD}\nMaxClients 50\n"
        f'LogFile "{folder}/tiny-{port}.log"\nPidFile "{folder}/tiny-{port}.pid"\n'
    )
    return [program("tinyproxy"), "-d", "-c", str(config)]


KINDS: dict[str, tuple[Callable[[Path, int], list[str]], str, bool]] = {
    "danted": (_danted, "socks5", False),
    "microsocks": (_microsocks, "socks5", True),
    "tinyproxy": (_tinyproxy, "http", True),
}


@asynccontextmanager
async def running_proxy(kind: str, folder: Path, *, number: int = 1) -> AsyncIterator[RunningProxy]:
    """Start a proxy server and wait until it accepts."""
    command, scheme, guarded = KINDS[kind]
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *command(folder, port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    record = ProxyRecord(
        id=number,
        scheme=scheme,
        host="127.0.0.1",
        port=port,
        username=USER if guarded else "",
        password=PASSWORD if guarded else "",
    )
    running = RunningProxy(record, process)
    try:
        await _accepts(port)
        yield running
    finally:
        await running.stop()


async def _accepts(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return
