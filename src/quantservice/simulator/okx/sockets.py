"""The WebSocket side: subscriptions, login, text heartbeats, the cut after silence, limits of connections and of requests."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal, cast

import msgspec
from aiohttp import WSMsgType, web

from quantservice.simulator.config import Limits as HubLimits
from quantservice.simulator.config import MarketName
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Connection, Hub
from quantservice.simulator.okx.counter import Limits
from quantservice.simulator.okx.keys import OkxKeys
from quantservice.simulator.okx.words import OkxRefusal
from quantservice.simulator.protocol.streams import StreamKind, StreamName
from quantservice.simulator.protocol.text import OPCODE_CLOSE, OPCODE_PONG, frame, to_json
from quantservice.simulator.rules.referee import Referee

Section = Literal["public", "business", "private"]
Arg = dict[str, str]
#: which path serves which channel; candles begin with "candle"
PUBLIC_CHANNELS: Final = frozenset(
    {"trades", "books", "books5", "bbo-tbt", "tickers", "funding-rate", "mark-price", "open-interest", "instruments"}
)
PRIVATE_CHANNELS: Final = frozenset({"orders", "fills", "positions", "account", "balance_and_position"})
#: on the business path, after a login there; trailing stops are told by the second
ALGO_CHANNELS: Final = frozenset({"orders-algo", "algo-advance"})
_REQUESTS_AN_HOUR: Final = 480
_CONNECTIONS_A_SECOND: Final = 3
_PER_CHANNEL: Final = 30
_ARGS_BYTES: Final = 64 * 1024


class OkxConnection(Connection):
    """One client: where it is connected, who logged in, what it hears, when it last spoke or was spoken to."""

    def __init__(self, number: int, address: str, section: Section, path: str) -> None:
        super().__init__(number, address, cast(MarketName, "okx"), path=path, combined=False)
        self.section: Section = section
        self.account = ""
        self.active = self.opened
        self.requests: deque[float] = deque()
        self.args: dict[str, Arg] = {}

    @property
    def conn_id(self) -> str:
        """The connection's name as the venue tells it."""
        return f"{self.number:08x}"

    def queue(self, data: bytes) -> None:
        """Put a frame into this tick's write; what is pushed keeps the connection open."""
        if not self.muted:
            self.active = time.monotonic()
        super().queue(data)


def stream_name(arg: Arg) -> StreamName:
    """A subscription's name: ``channel:instrument``, as faults match it."""
    channel, inst_id = arg.get("channel", ""), arg.get("instId", "")
    kind = "kline" if channel.startswith("candle") else channel
    return StreamName(f"{channel}:{inst_id}", inst_id, cast(StreamKind, kind), channel.removeprefix("candle"))


class OkxSockets:
    """Takes WebSocket clients in and enforces what the venue enforces."""

    def __init__(
        self,
        hub: Hub,
        keys: OkxKeys,
        limits: Limits,
        faults: FaultScript,
        referee: Referee,
        *,
        known: Callable[[str], bool],
        opened: Callable[[OkxConnection, Arg], None],
        idle_s: float,
    ) -> None:
        self._hub = hub
        self._keys = keys
        self._limits = limits
        self._faults = faults
        self._referee = referee
        self._known = known
        self._opened = opened
        self._idle_s = idle_s
        self._numbers = itertools.count(1)

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        sections: tuple[Section, ...] = ("public", "business", "private")
        for section in sections:
            application.router.add_get(f"/ws/v5/{section}", self._handler(section))

    def listeners(self, channel: str, account: str) -> list[tuple[OkxConnection, Arg]]:
        """Who hears a private channel of an account, and with which subscription."""
        return [
            (connection, arg)
            for connection in self.connections()
            if connection.account == account
            for arg in connection.args.values()
            if arg.get("channel") == channel
        ]

    def connections(self) -> list[OkxConnection]:
        """Every open connection."""
        return [item for item in self._hub.connections.values() if isinstance(item, OkxConnection)]

    def watch(self) -> None:
        """End connections that were silent for too long in both directions."""
        now = time.monotonic()
        for connection in self.connections():
            if now - connection.active > self._idle_s and not connection.muted:
                self._referee.counts["okx.idle_cut"] += 1
                _close(connection, 4004, f"No data received in {self._idle_s:.0f}s.")
                connection.cut_soon()

    def announce_shutdown(self) -> None:
        """Tell every client that its connection will end for an upgrade."""
        for connection in self.connections():
            message = "The connection will soon be closed for a service upgrade. Please reconnect."
            _say(connection, {"event": "notice", "code": "64008", "msg": message, "connId": connection.conn_id})

    # --- inside --------------------------------------------------------------------------------------------------------

    def _handler(self, section: Section) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, section)

        return handle

    async def _serve(self, request: web.Request, section: Section) -> web.StreamResponse:
        address = request.remote or "?"
        if self._faults.find("refuse_connect", "okx", path=request.path) is not None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        if self._faults.find("not_found", "okx", path=request.path) is not None:
            return web.Response(status=404, text="Not Found")
        if not self._limits.ask("connections", (address,), _CONNECTIONS_A_SECOND, 1.0):
            return web.Response(status=429, text="Too many connections")
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=2 * _ARGS_BYTES)
        await socket.prepare(request)
        connection = OkxConnection(next(self._numbers), address, section, request.path)
        connection.transport = request.transport
        self._hub.join(connection)
        self._referee.counts["okx.connections"] += 1
        try:
            await self._listen(socket, connection)
        finally:
            self._hub.leave(connection)
            connection.cut_soon()
        return socket

    async def _listen(self, socket: web.WebSocketResponse, connection: OkxConnection) -> None:
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return
            connection.active = time.monotonic()
            if message.type is WSMsgType.CLOSE:
                _close(connection, message.data or 1000, "")
                await asyncio.sleep(0)
                return
            if message.type is WSMsgType.PING:
                connection.queue(frame(message.data, OPCODE_PONG))
                connection.flush()
            elif message.type is WSMsgType.TEXT:
                if message.data == "ping":
                    connection.queue(frame(b"pong"))
                    connection.flush()
                else:
                    self._command(connection, message.data)

    def _command(self, connection: OkxConnection, text: str) -> None:
        try:
            request = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            self._error(connection, "60012", f"Invalid request: {text[:200]}")
            return
        operation, args, number = request.get("op"), request.get("args"), request.get("id")
        if operation not in ("subscribe", "unsubscribe", "login") or not isinstance(args, list) or not args:
            self._error(connection, "60012", f"Invalid request: {text[:200]}", number)
            return
        if not self._within_rate(connection):
            self._error(connection, "60014", "Requests too frequent", number)
            return
        if len(text) > _ARGS_BYTES:
            self._referee.broke("okx.args_bytes", connection.name, f"{len(text)} bytes")
            self._error(connection, "60015", "Connection closed as the request is too long", number)
            return
        for arg in args:
            if not isinstance(arg, dict):
                self._error(connection, "60012", f"Invalid request: {text[:200]}", number)
            elif operation == "login":
                self._log_in(connection, arg)
            elif operation == "subscribe":
                self._subscribe(connection, {name: str(value) for name, value in arg.items()}, number)
            else:
                self._unsubscribe(connection, {name: str(value) for name, value in arg.items()}, number)

    def _within_rate(self, connection: OkxConnection) -> bool:
        now = time.monotonic()
        while connection.requests and connection.requests[0] <= now - 3_600:
            connection.requests.popleft()
        connection.requests.append(now)
        if len(connection.requests) > _REQUESTS_AN_HOUR:
            self._referee.broke("okx.requests_per_hour", connection.name, f"{len(connection.requests)} requests")
            return False
        return True

    def _log_in(self, connection: OkxConnection, arg: dict[str, Any]) -> None:
        try:
            connection.account = self._keys.log_in(arg, connection.address).account
        except OkxRefusal as refused:
            self._error(connection, refused.code, str(refused))
            return
        _say(connection, {"event": "login", "msg": "", "code": "0", "connId": connection.conn_id})

    def _subscribe(self, connection: OkxConnection, arg: Arg, number: Any) -> None:
        channel, inst_id = arg.get("channel", ""), arg.get("instId", "")
        problem = self._problem(connection, channel, inst_id)
        if problem is not None:
            self._error(connection, *problem, number)
            return
        private = channel in PRIVATE_CHANNELS | ALGO_CHANNELS
        if private and len(self.listeners(channel, connection.account)) >= _PER_CHANNEL:
            self._referee.broke("okx.connections_per_channel", connection.account, channel)
            told = {"event": "channel-conn-count-error", "channel": channel, "connCount": str(_PER_CHANNEL)}
            _say(connection, told | {"connId": connection.conn_id})
            return
        name = stream_name(arg)
        if not private and not self._hub.subscribe(connection, [name]):
            self._error(connection, "60030", "Only users within the limit can subscribe", number)
            return
        connection.silent.discard(name.text)
        if self._faults.silences("okx", name.text):
            connection.silent.add(name.text)
        connection.args[_key(arg)] = arg
        self._answer(connection, "subscribe", arg, number)
        if private:
            _say(connection, {"event": "channel-conn-count", "channel": channel, "connCount": "1", "connId": connection.conn_id})
        self._opened(connection, arg)

    def _problem(self, connection: OkxConnection, channel: str, inst_id: str) -> tuple[str, str] | None:
        wanted: Section
        if channel in PRIVATE_CHANNELS:
            wanted = "private"
        elif channel in ALGO_CHANNELS or channel.startswith("candle"):
            wanted = "business"
        elif channel in PUBLIC_CHANNELS:
            wanted = "public"
        else:
            return "60018", f"Wrong URL or channel:{channel},instId:{inst_id} doesn't exist. Please use the correct URL."
        if wanted != connection.section:
            self._referee.broke("okx.channel_on_wrong_path", connection.name, f"{channel} on {connection.path}")
            return "60018", f"Wrong URL or channel:{channel},instId:{inst_id} doesn't exist. Please use the correct URL."
        if channel in PRIVATE_CHANNELS | ALGO_CHANNELS and not connection.account:
            return "60011", "Please log in"
        if channel not in PRIVATE_CHANNELS | ALGO_CHANNELS | {"instruments"} and not self._known(inst_id):
            return "60018", f"Wrong URL or channel:{channel},instId:{inst_id} doesn't exist. Please use the correct URL."
        return None

    def _unsubscribe(self, connection: OkxConnection, arg: Arg, number: Any) -> None:
        connection.args.pop(_key(arg), None)
        self._hub.unsubscribe(connection, [stream_name(arg).text])
        self._answer(connection, "unsubscribe", arg, number)

    @staticmethod
    def _answer(connection: OkxConnection, event: str, arg: Arg, number: Any) -> None:
        answer: dict[str, Any] = {"event": event, "arg": arg, "connId": connection.conn_id}
        _say(connection, {"id": number} | answer if number is not None else answer)

    @staticmethod
    def _error(connection: OkxConnection, code: str, message: str, number: Any = None) -> None:
        answer: dict[str, Any] = {"event": "error", "code": code, "msg": message, "connId": connection.conn_id}
        _say(connection, {"id": number} | answer if number is not None else answer)


def _key(arg: Arg) -> str:
    return "|".join(f"{name}={arg[name]}" for name in sorted(arg))


def _say(connection: OkxConnection, message: dict[str, Any]) -> None:
    connection.queue(frame(to_json(message)))
    connection.flush()


def _close(connection: OkxConnection, code: int, reason: str) -> None:
    connection.queue(frame(int(code).to_bytes(2, "big") + reason.encode(), OPCODE_CLOSE))
    connection.flush()


def hub_limits() -> HubLimits:
    """Return a hub's limits where the venue counts in other ways than by streams."""
    return HubLimits(streams_per_connection=100_000)
