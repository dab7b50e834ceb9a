"""One connected client: what it is subscribed to and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any, Final, Protocol

import msgspec

from quantservice.core.events import StreamId
from quantservice.ports import AccessKey
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.limits import TokenBucket
from quantservice.web.clientserver.protocol import Request

#: Refusals in a row after which a client that goes on shouting is dropped.
MOST_REFUSALS: Final = 200
MOST_BAD_KEYS: Final = 5


class Wire(Protocol):
    """What a session needs of a transport; asyncio's and uvloop's have it."""

    def write(self, data: bytes) -> None: ...  # noqa: D102 - asyncio's own word
    def get_write_buffer_size(self) -> int: ...  # noqa: D102 - asyncio's own word
    def abort(self) -> None: ...  # noqa: D102 - asyncio's own word


class Push(msgspec.Struct, frozen=True, gc=False):
    """One kline's frame on its way to many clients. ``key`` is what a newer one replaces while a client is slow."""

    key: Hashable
    closed: bool
    frame: bytes


class Counters(msgspec.Struct):
    """Figures of the whole server."""

    connections: int = 0
    refused_connections: int = 0
    requests: int = 0
    queries: int = 0
    bad_requests: int = 0
    rate_limited: int = 0
    unauthorized: int = 0
    delivered: int = 0
    conflated: int = 0
    dropped_clients: int = 0
    bytes_sent: int = 0
    writes: int = 0


class Session:
    """State of one client. Everything here runs in the event loop and never waits."""

    __slots__ = (
        "bad_keys",
        "bucket",
        "closed",
        "config",
        "counters",
        "drop_reason",
        "fragments",
        "held",
        "held_closed",
        "incrementals",
        "key",
        "last_left",
        "number",
        "pending",
        "refusals",
        "requests",
        "slow_since",
        "streams",
        "wire",
    )

    def __init__(self, number: int, config: ClientServerConfig, counters: Counters, bucket: TokenBucket) -> None:
        self.number = number
        self.config = config
        self.counters = counters
        self.bucket = bucket
        self.wire: Wire | None = None
        self.key: AccessKey | None = None
        self.requests: asyncio.Queue[Request | None] = asyncio.Queue(config.max_requests + 1)
        self.fragments = bytearray()
        self.streams: dict[StreamId, str] = {}  # -> "gzip" or ""
        self.incrementals: dict[StreamId, Any] = {}
        self.pending: list[Push] = []
        self.held: dict[Hashable, Push] = {}
        self.held_closed = 0
        self.slow_since: float | None = None
        self.last_left = 0
        self.refusals = 0
        self.bad_keys = 0
        self.closed = False
        self.drop_reason = ""

    @property
    def subscriptions(self) -> int:
        """How many streams it listens to."""
        return len(self.streams) + len(self.incrementals)

    def send(self, data: bytes) -> None:
        """Write an answer's frame now, behind what was pushed before it."""
        if self.closed or self.wire is None:
            return
        self.wire.write(data)
        self.counters.bytes_sent += len(data)
        self.counters.writes += 1
        if self.wire.get_write_buffer_size() > self.config.buffer_bytes:
            self.drop("does not read its answers")

    def flush(self, now: float) -> None:
        """Write the pushes that wait; hold them back, conflated, while the client has not taken the earlier ones."""
        wire = self.wire
        if self.closed or wire is None:
            self.pending.clear()
            return
        left = wire.get_write_buffer_size()
        if left > self.config.slow_bytes:
            self._hold(now, left)
            return
        if self.slow_since is not None:
            self._resume()
        pending = self.pending
        if not pending:
            return
        data = pending[0].frame if len(pending) == 1 else b"".join([push.frame for push in pending])
        wire.write(data)
        counters = self.counters
        counters.delivered += len(pending)
        counters.bytes_sent += len(data)
        counters.writes += 1
        pending.clear()

    def drop(self, reason: str) -> None:
        """Cut the connection at once; a slow or abusive client costs nothing more."""
        if self.closed:
            return
        self.closed = True
        self.drop_reason = reason
        self.counters.dropped_clients += 1
        self.pending.clear()
        self.held.clear()
        if self.wire is not None:
            self.wire.abort()

    def _hold(self, now: float, left: int) -> None:
        if self.slow_since is None or left < self.last_left:
            self.slow_since = now  # it takes something, if slowly
        self.last_left = left
        for push in self.pending:
            if self.held.pop(push.key, None) is not None:  # out and in again: one stream's pushes stay in order
                self.counters.conflated += 1
            elif push.closed:
                self.held_closed += 1
            self.held[push.key] = push
        self.pending.clear()
        if self.held_closed > max(self.config.queue, self.subscriptions):
            self.drop("is too slow for the closed klines it asked for")
        elif now - self.slow_since > self.config.stall_s:
            self.drop(f"took nothing for {self.config.stall_s:g} s")

    def _resume(self) -> None:
        self.slow_since = None
        self.last_left = 0
        self.held_closed = 0
        self.pending[:0] = self.held.values()
        self.held.clear()
