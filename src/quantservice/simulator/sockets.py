"""The WebSocket side: handshake, SUBSCRIBE and its kin, message rate, pings and their deadlines, the 24 h cut."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Connection, Hub
from quantservice.simulator.protocol.streams import UM_PATHS, StreamName, parse_stream
from quantservice.simulator.protocol.text import OPCODE_CLOSE, OPCODE_PONG, frame, to_json
from quantservice.simulator.rules.referee import Referee

_SPOT_KINDS: Final = frozenset({"kline", "trade", "aggTrade", "bookTicker", "depth", "depthN", "miniTicker", "ticker"})


class SocketDoor:
    """Takes WebSocket clients of one market in and enforces what the venue enforces."""

    def __init__(self, state: MarketState, hub: Hub, limits: Limits, referee: Referee, faults: FaultScript) -> None:
        self._state = state
        self._market: MarketName = state.market
        self._hub = hub
        self._limits = limits
        self._referee = referee
        self._faults = faults
        self._next = 1
        self._opened: dict[str, deque[float]] = {}

    async def handle(self, request: web.Request, section: str, *, combined: bool) -> web.StreamResponse:
        """Serve one client until it goes."""
        address = request.remote or "?"
        if self._faults.find("refuse_connect", self._market, path=request.path) is not None:
            _abort(request)
            return web.Response(status=503)
        if self._faults.find("not_found", self._market, path=request.path) is not None:
            return web.Response(status=404, text="Not Found")
        if not self._may_connect(address):
            return web.Response(status=429, headers={"Retry-After": "60"}, text="Too many connections")
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=64 * 1024)
        await socket.prepare(request)
        connection = Connection(self._next, address, self._market, path=request.path, combined=combined)
        self._next += 1
        connection.transport = request.transport
        self._hub.join(connection)
        self._referee.counts[f"{self._market}.connections"] += 1
        try:
            if self._subscribe_from_url(connection, request, section):
                await self._listen(socket, connection, section)
        finally:
            self._hub.leave(connection)
            connection.cut_soon()
        return socket

    def watch(self) -> None:
        """Send pings that are due, and end connections past a deadline or their life."""
        now, limits = time.monotonic(), self._limits
        for connection in list(self._hub.connections.values()):
            waiting = connection.awaiting_pong_since
            if waiting is not None and now - waiting > limits.pong_within_s and not connection.muted:
                self._referee.broke(f"{self._market}.pong_deadline", connection.name, f"no pong for {now - waiting:.1f} s")
                connection.cut()
            elif now - connection.last_ping >= limits.ping_every_s:
                connection.ping(str(time.time_ns() // 1_000_000).encode())
            age = now - connection.opened
            if age >= limits.connection_life_s:
                self._referee.counts[f"{self._market}.life_ended"] += 1
                connection.queue(frame((1001).to_bytes(2, "big") + b"24h", OPCODE_CLOSE))
                connection.flush()
                connection.cut_soon()
            elif (
                self._market == "spot"
                and not connection.shutdown_sent
                and age >= limits.connection_life_s - limits.shutdown_notice_s
            ):
                self.announce_shutdown(connection)

    def announce_shutdown(self, connection: Connection) -> None:
        """Tell a client that its connection will end."""
        connection.shutdown_sent = True
        event = to_json({"e": "serverShutdown", "E": self._state.clock.server_ms()})
        connection.queue(frame(event))
        connection.flush()

    def _may_connect(self, address: str) -> bool:
        now = time.monotonic()
        opened = self._opened.setdefault(address, deque())
        while opened and opened[0] < now - self._limits.connection_window_s:
            opened.popleft()
        opened.append(now)
        if len(opened) > self._limits.connections_per_5m:
            self._referee.broke(f"{self._market}.connections_per_5m", address, f"{len(opened)} connections")
            return False
        return True

    def _subscribe_from_url(self, connection: Connection, request: web.Request, section: str) -> bool:
        texts = [text for text in request.query.get("streams", "").split("/") if text]
        tail = request.match_info.get("stream", "")
        if tail:
            texts += [text for text in tail.split("/") if text]
        names = [name for name in map(parse_stream, texts) if name is not None and self._allowed(name, section)]
        return self._take(connection, names)

    def _take(self, connection: Connection, names: list[StreamName]) -> bool:
        if not self._hub.subscribe(connection, names):
            return False
        for name in names:
            connection.silent.discard(name.text)
            if self._faults.silences(self._market, name.text):
                connection.silent.add(name.text)
        return True

    def _allowed(self, name: StreamName, section: str) -> bool:
        if self._market == "um" and section:
            return name.kind in UM_PATHS[section]
        return self._market != "spot" or name.kind in _SPOT_KINDS

    async def _listen(self, socket: web.WebSocketResponse, connection: Connection, section: str) -> None:
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return
            if message.type is WSMsgType.CLOSE:
                connection.queue(frame((message.data or 1000).to_bytes(2, "big"), OPCODE_CLOSE))
                connection.flush()
                await asyncio.sleep(0)
                return
            if not self._within_rate(connection):
                connection.queue(frame(int(WSCloseCode.POLICY_VIOLATION).to_bytes(2, "big") + b"Too many requests", OPCODE_CLOSE))
                connection.flush()
                await asyncio.sleep(0)
                return
            if message.type is WSMsgType.PING:
                connection.queue(frame(message.data, OPCODE_PONG))
                connection.flush()
            elif message.type is WSMsgType.PONG:
                # an unasked pong is allowed and means nothing; the asked one carries our payload
                if bytes(message.data) == connection.ping_payload:
                    connection.awaiting_pong_since = None
            elif message.type is WSMsgType.TEXT:
                answer = self._command(connection, message.data, section)
                if answer:
                    connection.queue(frame(answer))
                    connection.flush()

    def _within_rate(self, connection: Connection) -> bool:
        now = time.monotonic()
        inbound = connection.inbound
        while inbound and inbound[0] <= now - 1.0:
            inbound.popleft()
        inbound.append(now)
        if len(inbound) > self._limits.messages_per_second:
            self._referee.broke(f"{self._market}.messages_per_second", connection.name, f"{len(inbound)} messages in a second")
            return False
        return True

    def _command(self, connection: Connection, text: str, section: str) -> bytes:
        try:
            request = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            return _refusal(None, 3, "Invalid JSON: expected value at line 1 column 1")
        number, method, params = request.get("id"), request.get("method"), request.get("params", [])
        if not isinstance(params, list) or not all(isinstance(text, str) for text in params):
            return _refusal(number, 2, "Invalid request: params must be a list of strings")
        match method:
            case "SUBSCRIBE":
                return self._subscribe(connection, params, section, number)
            case "UNSUBSCRIBE":
                self._hub.unsubscribe(connection, params)
                return to_json({"result": None, "id": number})
            case "LIST_SUBSCRIPTIONS":
                return to_json({"result": list(connection.streams), "id": number})
            case _:
                return _refusal(number, 2, f"Invalid request: unknown variant `{method}`")

    def _subscribe(self, connection: Connection, params: list[str], section: str, number: object) -> bytes:
        names: list[StreamName] = []
        for text in params:
            name = parse_stream(text)
            if name is None:
                return _refusal(number, 2, f"Invalid request: invalid stream {text}")
            # the venue accepts a stream it will never send; so do we, and the referee says so
            if self._allowed(name, section):
                names.append(name)
            else:
                self._referee.broke(f"{self._market}.stream_on_wrong_path", connection.name, f"{text} on {connection.path}")
        if not self._take(connection, names):
            return _refusal(number, 2, "Invalid request: too many streams")
        return to_json({"result": None, "id": number})


def _refusal(number: object, code: int, message: str) -> bytes:
    return to_json({"error": {"code": code, "msg": message}, "id": number})


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
