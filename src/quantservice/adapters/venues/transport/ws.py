"""WebSocket connections over picows: one socket, its limits and its opening. What keeps one alive is in ``link``."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from quantservice.adapters.venues.transport.diagnosis import (
    NETWORK_ERRORS,
    diagnose,
    handshake_retry_after,
    handshake_status,
    unreachable_status,
)
from quantservice.adapters.venues.transport.pacing import Pacer
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import MalformedFrame, VenueUnreachable
from quantservice.ports import Clock

_TEXT: Final = WSMsgType.TEXT
_CONTINUATION: Final = WSMsgType.CONTINUATION
_MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024


class WsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of WebSocket connections. Times in seconds.

    ``silence_s``: a connection without a frame for so long is stale and is opened anew. ``life_s``: the venue cuts
    after 24 h, so a second connection takes over ``lead_s`` before. ``connects`` per ``connect_window_s`` and address stays
    below the venue's own limit. ``messages_per_second`` is the venue's cap; pongs count, and one message of it is never used.
    """

    connect_timeout_s: float = 8.0
    handshake_timeout_s: float = 8.0
    acknowledge_timeout_s: float = 10.0
    silence_s: float = 8.0
    silence_most_s: float = 120.0
    check_s: float = 0.5
    life_s: float = 23.5 * 3600
    lead_s: float = 60.0
    back_off_s: float = 0.5
    back_off_most_s: float = 30.0
    heartbeat_s: float = 5.0  # silent for so long: something is said, where the venue wants that
    steady_s: float = 30.0  # a connection that lived so long ends the back-off
    connects: int = 240
    connect_window_s: float = 300.0
    messages_per_second: int = 5
    names_per_message: int = 200
    max_frame_bytes: int = 4 * 1024 * 1024
    close_timeout_s: float = 2.0
    window_bytes: int = 1024 * 1024  # what may wait in the kernel unread, per connection


class SocketOwner(Protocol):
    """Who gets what a socket receives. Called from the socket's read callback: must not wait."""

    def on_message(self, socket: Socket, payload: bytes, recv_ns: int) -> None:
        """Take one text message."""
        ...

    def on_odd_frame(self, socket: Socket, payload: bytes, reason: str) -> None:
        """Take a frame that a market stream never sends."""
        ...


class Answered(msgspec.Struct, frozen=True):
    """The venue's answer to a request of ours."""

    ok: bool
    detail: str = ""


class Socket(WSListener):  # type: ignore[misc]  # picows ships without types for subclassing
    """One connection. Frames go to the owner as they come; pings are answered and counted."""

    def __init__(
        self,
        owner: SocketOwner,
        *,
        clock: Clock,
        pacer: Pacer,
        url: str,
        unpack: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__()
        self.url = url
        self.opened = clock.monotonic()
        self.last_data = self.opened  # when the last text message came
        self.frames = 0
        self.subscribed: set[str] = set()
        self.refused: set[str] = set()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._clock = clock
        self._pacer = pacer
        self._unpack = unpack
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._pending: dict[int, asyncio.Future[Answered]] = {}
        self._next_id = 0
        self._read_ns = 0
        self._read_at = self.opened
        self._paused = False

    # --- picows calls these ---

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Route one frame. The receive time is that of the read that brought it."""
        read_ns = self._read_ns
        if not read_ns:
            read_ns = self._clock.now_ns()
            self._read_at = self._clock.monotonic()
        self._read_ns = 0 if frame.last_in_buffer else read_ns
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and not self._parts:
            self.frames += 1
            self.last_data = self._read_at
            self._owner.on_message(self, frame.get_payload_as_bytes(), read_ns)
        elif kind == WSMsgType.PING:
            self._pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif kind in (_TEXT, _CONTINUATION):
            self._assemble(frame, read_ns)
        elif kind == WSMsgType.BINARY and frame.fin and self._unpack is not None:
            self._packed(frame.get_payload_as_bytes(), read_ns)
        elif kind == WSMsgType.BINARY:
            self._owner.on_odd_frame(self, frame.get_payload_as_bytes(), "binary_frame")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Wake everyone who waits on this socket."""
        if not self.lost.done():
            handshake = transport.close_handshake
            received = handshake.recv if handshake is not None else None
            self.lost.set_result(f"closed by the venue ({received.code} {received.reason})" if received else "connection lost")
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_result(Answered(ok=False, detail="connection lost"))

    # --- ours ---

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self.lost.done()

    async def request(self, build: Callable[[int], bytes], *, timeout_s: float) -> Answered:
        """Send what ``build`` makes of a fresh id and wait for the venue's answer to that id."""
        await self._pacer.wait()
        if self._transport is None or self.is_lost:
            return Answered(ok=False, detail="connection lost")
        self._next_id += 1
        number = self._next_id
        waiting: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._pending[number] = waiting
        self._transport.send(_TEXT, build(number))
        try:
            async with asyncio.timeout(timeout_s):
                return await waiting
        except TimeoutError:
            return Answered(ok=False, detail="no answer in time")
        finally:
            del self._pending[number]

    def say(self, payload: bytes) -> None:
        """Send a text that asks for no answer; left out while the venue's message cap is reached."""
        if self._transport is not None and not self.is_lost and not self._pacer.take():
            self._transport.send(_TEXT, payload)

    def send(self, message: bytes) -> None:
        """Send a message that has no answer (a pong inside a message), now or as soon as the venue's cap allows."""
        if self._transport is None or self.is_lost:
            return
        delay = self._pacer.take()
        if delay:
            asyncio.get_running_loop().call_later(delay, self.send, message)
        else:
            self._transport.send(_TEXT, message)

    def answered(self, number: object, answer: Answered) -> None:
        """Take the venue's answer to a request."""
        waiting = self._pending.get(number) if isinstance(number, int) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def bound_window(self, size: int) -> None:
        """Let no more than ``size`` bytes wait in the kernel.

        The kernel lets a window grow to tens of megabytes while we are busy; one read would then bring them all at once, past
        every bound behind it, and the reader's buffer would keep that size.
        """
        assert self._transport is not None  # noqa: S101 - called once connected
        raw = self._transport.underlying_transport.get_extra_info("socket")
        if raw is not None and hasattr(sockets, "TCP_WINDOW_CLAMP"):
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_WINDOW_CLAMP, size)
        elif raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, size)

    def pause(self) -> None:
        """Stop reading: the kernel's buffer fills and the venue feels it."""
        if not self._paused and self._transport is not None and not self.is_lost:
            self._paused = True
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._transport is not None and not self.is_lost:
            self._paused = False
            self.last_data = self._clock.monotonic()
            self._transport.underlying_transport.resume_reading()

    async def close(self, *, timeout_s: float = 2.0) -> None:
        """Say goodbye, and leave after ``timeout_s`` in any case."""
        transport = self._transport
        if transport is None or self.is_lost:
            return
        self.resume()
        transport.send_close()
        try:
            async with asyncio.timeout(timeout_s):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)

    def abort(self, reason: str) -> None:
        """Drop the connection now."""
        if not self.lost.done():
            self.lost.set_result(reason)
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _pong(self, payload: bytes) -> None:
        """Answer a ping: now, or as soon as the venue's message cap allows (its deadline is many times longer)."""
        if self._transport is None or self.is_lost:
            return
        delay = self._pacer.take()
        if delay:
            asyncio.get_running_loop().call_later(delay, self._pong, payload)
        else:
            self._transport.send_pong(payload)

    def _packed(self, payload: bytes, read_ns: int) -> None:
        """Unpack a binary frame, of a venue whose frames are."""
        assert self._unpack is not None  # noqa: S101 - asked by the caller
        try:
            message = self._unpack(payload)
        except MalformedFrame as error:
            self._owner.on_odd_frame(self, payload, error.reason)
            return
        self.frames += 1
        self.last_data = self._read_at
        self._owner.on_message(self, message, read_ns)

    def _assemble(self, frame: WSFrame, read_ns: int) -> None:
        """Put a fragmented message together within the size limit."""
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_size += frame.payload_size
        if self._parts_size > _MAX_MESSAGE_BYTES:
            self._parts.clear()
            self._parts_size = 0
            self._owner.on_odd_frame(self, b"", "fragments_too_large")
        elif frame.fin:
            message = b"".join(self._parts)
            self._parts.clear()
            self._parts_size = 0
            self.frames += 1
            self.last_data = self._read_at
            self._owner.on_message(self, message, read_ns)


class Dialer:
    """Opens sockets for one venue's market: limits attempts per address, uses the pool's egresses, names failures.

    ``unpack``: what a binary frame holds, of a venue whose messages are packed; it raises MalformedFrame.
    """

    def __init__(
        self,
        *,
        venue: str,
        market: str,
        pool: ProxyPool,
        clock: Clock,
        settings: WsSettings,
        gates: dict[str, Pacer] | None = None,
        unpack: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._unpack = unpack
        self.settings = settings
        self.attempts = 0
        self._venue = venue
        self._market = market
        self._pool = pool
        self._clock = clock
        self._gates = gates if gates is not None else {}

    def gate(self, egress_name: str) -> Pacer:
        """The limiter of connection attempts from one address."""
        found = self._gates.get(egress_name)
        if found is None:
            found = Pacer(self.settings.connects, self.settings.connect_window_s, clock=self._clock)
            self._gates[egress_name] = found
        return found

    async def open(self, url: str, owner: SocketOwner) -> Socket:
        """Open ``url`` or raise :class:`VenueUnreachable` with the cause."""
        settings = self.settings
        egress = self._pool.choose(url)
        gate = self.gate(egress.name)
        await gate.wait()
        self.attempts += 1
        pacer = Pacer(settings.messages_per_second - 1, 1.1, clock=self._clock)

        def make() -> Socket:
            return Socket(owner, clock=self._clock, pacer=pacer, url=url, unpack=self._unpack)

        try:
            async with asyncio.timeout(settings.connect_timeout_s + settings.handshake_timeout_s):
                _, socket = await ws_connect(
                    make,
                    url,
                    proxy=egress.url,
                    enable_auto_pong=False,
                    websocket_handshake_timeout=settings.handshake_timeout_s,
                    max_frame_size=settings.max_frame_bytes,
                    max_redirects=0,
                    read_buffer_init_size=1 << 18,
                )
        except NETWORK_ERRORS as error:
            raise self._problem(error, url, egress) from error
        if not isinstance(socket, Socket):
            # What the library returns when the other side hangs up in the middle of the handshake.
            raise self._problem(ConnectionResetError("hung up during the handshake"), url, egress)
        self._pool.succeeded(egress)
        socket.bound_window(settings.window_bytes)
        return socket

    def _problem(self, error: BaseException, url: str, egress: Egress) -> VenueUnreachable:
        status = handshake_status(error)
        problem = diagnose(error, url, egress=egress, venue=self._venue, market=self._market)
        if status is not None:
            found = unreachable_status(status, url, egress=egress, venue=self._venue, market=self._market)
            problem = found or VenueUnreachable(
                f"{url.split('?', maxsplit=1)[0]} declined the connection with HTTP {status}",
                cause="limited" if status in (418, 429) else "server",
                venue=self._venue,
                market=self._market,
            )
            if status in (418, 429):
                self.gate(egress.name).block(handshake_retry_after(error) or 30.0)
        if problem.cause not in ("server", "limited", "not_found"):
            self._pool.failed(egress, problem.cause)
        return problem
