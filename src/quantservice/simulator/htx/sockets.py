"""A WebSocket door of HTX: the handshake, its own pings inside messages, gzip frames, and the end of those who do not answer."""

from __future__ import annotations

import gzip
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.htx.config import HtxConfig
from quantservice.simulator.hub import Connection, Hub
from quantservice.simulator.protocol.text import OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PONG, OPCODE_TEXT, frame
from quantservice.simulator.rules.referee import Referee

_CONNECT_SPAN_S: Final = 300.0


class Peer:
    """One client of a door: what it listens to, and its pings that wait for an answer."""

    def __init__(self, connection: Connection, *, packed: bool) -> None:
        self.connection = connection
        self.packed = packed
        self.account = ""
        self.hosts: tuple[str, ...] = ()  # what a signature may name
        self.topics: dict[str, Any] = {}
        self.asked_s = 0.0  # when it last asked for past data
        self.pings: dict[str, float] = {}
        self.missed = 0

    def say(self, message: bytes) -> None:
        """Send one message as this door sends: packed in a binary frame, or as text."""
        self.connection.queue(frame(gzip.compress(message, 1), OPCODE_BINARY) if self.packed else frame(message, OPCODE_TEXT))
        self.connection.flush()

    def garbage(self, data: bytes) -> None:
        """Send a binary frame that cannot be unpacked."""
        self.connection.queue(frame(data, OPCODE_BINARY))
        self.connection.flush()


class Door(ABC):
    """Takes clients of one path in; a subclass says what is sent and what messages mean."""

    packed = True

    def __init__(
        self, market: str, hub: Hub, config: HtxConfig, *, clock: SimulatorClock, faults: FaultScript, referee: Referee
    ) -> None:
        self.market = market
        self.hub = hub
        self.config = config
        self.clock = clock
        self.faults = faults
        self.referee = referee
        self.peers: dict[int, Peer] = {}
        self._opened: dict[str, deque[float]] = {}
        self._next = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it goes."""
        for kind, status in (("refuse_connect", 503), ("not_found", 404), ("maintenance", 503)):
            if self.faults.find(kind, self.market, path=request.path) is not None:  # type: ignore[arg-type]  # kinds of faults
                if kind == "refuse_connect" and request.transport is not None:
                    request.transport.abort()
                return web.Response(status=status)
        if not self._may_connect(request.remote or "?"):
            return web.Response(status=429, text="Too many connections")
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=64 * 1024)
        await socket.prepare(request)
        number = self._next = self._next + 1
        connection = Connection(number, request.remote or "?", self.market, path=request.path, combined=False)
        connection.transport = request.transport
        self.hub.join(connection)
        peer = self.peers[number] = Peer(connection, packed=self.packed)
        peer.hosts = hosts_of(request)
        self.referee.counts[f"{self.market}.connections"] += 1
        try:
            await self._listen(socket, peer)
        finally:
            del self.peers[number]
            self.left(peer)
            self.hub.leave(connection)
            connection.cut_soon()
        return socket

    def watch(self) -> None:
        """Ping who is due; cut who left too many pings unanswered."""
        now = time.monotonic()
        every = self.config.ping_s if self.packed else self.config.private_ping_s
        for peer in list(self.peers.values()):
            connection = peer.connection
            if connection.muted or now - connection.last_ping < every:
                continue
            if len(peer.pings) >= self.config.missed:
                self.referee.broke(f"{self.market}.pong_deadline", connection.name, f"{len(peer.pings)} pings unanswered")
                connection.cut()
                continue
            connection.last_ping = now
            number = str(self.clock.server_ms())
            peer.pings[number] = now
            peer.say(self.ping(int(number)))

    # --- what a door is ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def ping(self, number: int) -> bytes:
        """The door's ping."""

    @abstractmethod
    def take(self, peer: Peer, message: dict[str, Any]) -> None:
        """Carry a client's message out."""

    @abstractmethod
    def left(self, peer: Peer) -> None:
        """A client is gone."""

    # --- inside --------------------------------------------------------------------------------------------------------------

    def ponged(self, peer: Peer, number: Any) -> None:
        """A ping was answered: it and those before it."""
        if str(number) in peer.pings:
            peer.pings.clear()
        else:
            self.referee.broke(f"{self.market}.wrong_pong", peer.connection.name, str(number)[:40])

    def _may_connect(self, address: str) -> bool:
        now, opened = time.monotonic(), self._opened.setdefault(address, deque())
        while opened and opened[0] < now - _CONNECT_SPAN_S:
            opened.popleft()
        opened.append(now)
        if len(opened) > self.config.connections_per_5m:
            self.referee.broke(f"{self.market}.connections_per_5m", address, f"{len(opened)} connections")
            return False
        return True

    async def _listen(self, socket: web.WebSocketResponse, peer: Peer) -> None:
        connection = peer.connection
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return
            if message.type is WSMsgType.CLOSE:
                connection.queue(frame((message.data or 1000).to_bytes(2, "big"), OPCODE_CLOSE))
                connection.flush()
                return
            if message.type is WSMsgType.PING:
                connection.queue(frame(message.data, OPCODE_PONG))
                connection.flush()
            elif message.type is WSMsgType.TEXT and not self._within_rate(connection):
                connection.queue(frame(int(WSCloseCode.POLICY_VIOLATION).to_bytes(2, "big") + b"too many requests", OPCODE_CLOSE))
                connection.flush()
                return
            elif message.type is WSMsgType.TEXT:
                try:
                    asked = msgspec.json.decode(message.data, type=dict[str, Any])
                except msgspec.DecodeError:
                    self.referee.broke(f"{self.market}.bad_message", connection.name, str(message.data)[:80])
                    continue
                self.take(peer, asked)

    def _within_rate(self, connection: Connection) -> bool:
        now, inbound = time.monotonic(), connection.inbound
        while inbound and inbound[0] <= now - 1.0:
            inbound.popleft()
        inbound.append(now)
        if len(inbound) > self.config.subscribes_per_s:
            self.referee.broke(f"{self.market}.messages_per_second", connection.name, f"{len(inbound)} messages in a second")
            return False
        return True


def hosts_of(request: web.Request) -> tuple[str, ...]:
    """Return what a signature may name as the host: with the port and without."""
    named = request.headers.get("Host", "").lower()
    return named, named.rpartition(":")[0] or named
