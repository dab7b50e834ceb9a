"""Connections and what they listen to; the one way a frame leaves the simulator."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

from quantservice.simulator.config import Limits
from quantservice.simulator.protocol.streams import StreamName
from quantservice.simulator.protocol.text import OPCODE_PING, OPCODE_TEXT, frame
from quantservice.simulator.rules.referee import Access, Referee

_FLUSH_BYTES: Final = 256 * 1024


class Connection:
    """One WebSocket client. ``combined`` decides the form of its frames."""

    def __init__(self, number: int, address: str, market: str, *, path: str, combined: bool) -> None:
        self.name = f"{market}-ws-{number}"
        self.number = number
        self.address = address
        self.market = market
        self.path = path
        self.combined = combined
        self.streams: dict[str, StreamName] = {}
        self.opened = time.monotonic()
        self.last_ping = self.opened
        self.awaiting_pong_since: float | None = None
        self.ping_payload = b""
        self.inbound: deque[float] = deque()
        self.transport: asyncio.Transport | None = None
        self.muted = False
        self.shutdown_sent = False
        self.silent: set[str] = set()
        self._out: list[bytes] = []
        self._size = 0

    def queue(self, data: bytes) -> None:
        """Put a whole WebSocket frame into this tick's write."""
        if self.muted:
            return
        self._out.append(data)
        self._size += len(data)
        if self._size > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what this tick gathered."""
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._size = 0
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(data)

    def ping(self, payload: bytes) -> None:
        """Send a ping and start to wait for its pong."""
        if self.muted:
            return
        self.ping_payload = payload
        self.last_ping = time.monotonic()
        if self.awaiting_pong_since is None:
            self.awaiting_pong_since = self.last_ping
        self.queue(frame(payload, OPCODE_PING))
        self.flush()

    def cut_soon(self) -> None:
        """Close after what is already written has left."""
        if self.transport is not None:
            self.transport.close()

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self.transport is not None:
            self.transport.abort()


class Hub:
    """Who listens to which stream of one market."""

    def __init__(self, market: str, limits: Limits, referee: Referee) -> None:
        self.market = market
        self._limits = limits
        self._referee = referee
        self.connections: dict[int, Connection] = {}
        self.listeners: dict[str, dict[int, Connection]] = {}
        self.names: dict[str, StreamName] = {}
        #: changes with every subscription, so that a feed knows when to look again
        self.version = 0

    def join(self, connection: Connection) -> None:
        """Take a connection in."""
        self.connections[connection.number] = connection

    def leave(self, connection: Connection) -> None:
        """Let a connection go."""
        self.connections.pop(connection.number, None)
        self.unsubscribe(connection, list(connection.streams))

    def subscribe(self, connection: Connection, names: list[StreamName]) -> bool:
        """Add streams; false, and nothing added, when the connection would hold too many."""
        if len(connection.streams.keys() | {name.text for name in names}) > self._limits.streams_per_connection:
            self._referee.broke(f"{self.market}.streams_per_connection", connection.name, f"{len(names)} more")
            return False
        for name in names:
            connection.streams[name.text] = name
            self.listeners.setdefault(name.text, {})[connection.number] = connection
            self.names[name.text] = name
        self.version += 1
        return True

    def unsubscribe(self, connection: Connection, texts: list[str]) -> None:
        """Remove streams."""
        for text in texts:
            if connection.streams.pop(text, None) is None:
                continue
            holders = self.listeners[text]
            holders.pop(connection.number, None)
            if not holders:
                del self.listeners[text]
                del self.names[text]
        self.version += 1

    def publish(self, stream: str, payload: bytes, access: Access | None = None, *, opcode: int = OPCODE_TEXT) -> None:
        """Send one message to everybody who listens to ``stream``."""
        listeners = self.listeners.get(stream)
        if not listeners:
            return
        raw = combined = b""
        for connection in listeners.values():
            if connection.muted or stream in connection.silent:
                continue
            if connection.combined:
                combined = combined or frame(b'{"stream":"%b","data":%b}' % (stream.encode(), payload), opcode)
                connection.queue(combined)
            else:
                raw = raw or frame(payload, opcode)
                connection.queue(raw)
            if access is not None:
                self._referee.served(
                    Access("ws", connection.name, access.market, access.symbol, access.interval, access.start, access.end, 1)
                )

    def flush(self) -> None:
        """End of a tick: write everything; drop who does not read."""
        for connection in list(self.connections.values()):
            connection.flush()
            transport = connection.transport
            if transport is not None and transport.get_write_buffer_size() > self._limits.outbound_buffer_bytes:
                self._referee.counts[f"{self.market}.slow_reader_dropped"] += 1
                connection.cut()
