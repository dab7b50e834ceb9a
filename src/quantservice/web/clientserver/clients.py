"""All sessions: from the first byte to the last, and what each request does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import structlog
from picows import WSCloseCode, WSTransport

from quantservice.core.errors import QuantServiceError
from quantservice.ports import AccessKey, Clock
from quantservice.services.access_keys.commands import AccessKeys, hash_key
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.frames import BINARY, frame
from quantservice.web.clientserver.hub import GZIP, Hub
from quantservice.web.clientserver.limits import TokenBucket
from quantservice.web.clientserver.protocol import (
    INTERNAL,
    ProtocolError,
    Request,
    as_protocol_error,
    compressed,
    decode,
    encode,
    encode_error,
    stream_fields,
    stream_head,
)
from quantservice.web.clientserver.queries import Queries
from quantservice.web.clientserver.session import MOST_BAD_KEYS, MOST_REFUSALS, Counters, Session

_SHORTEST_POLL_MS: Final = 100
_LONGEST_POLL_MS: Final = 60_000
_DRAIN_STEP_S: Final = 0.02
_log = structlog.get_logger(__name__)


class Clients:
    """Owns every session. A session's requests are answered one after the other by a task of its own."""

    def __init__(
        self,
        *,
        config: ClientServerConfig,
        clock: Clock,
        hub: Hub,
        queries: Queries,
        access_keys: AccessKeys,
        wake: Callable[[], None],
    ) -> None:
        self.config = config
        self.counters = Counters()
        self._clock = clock
        self._hub = hub
        self._queries = queries
        self._access_keys = access_keys
        self._wake = wake
        self._sessions: dict[Session, WSTransport] = {}
        self._connected_at: dict[Session, float] = {}
        self._key_buckets: dict[int, tuple[int, TokenBucket]] = {}
        self._numbers = itertools.count(1)
        self._group: asyncio.TaskGroup | None = None

    @property
    def full(self) -> bool:
        """Whether no further client is let in."""
        return self._group is None or len(self._sessions) >= self.config.max_clients

    def start(self, group: asyncio.TaskGroup) -> None:
        """Let clients in; their tasks belong to ``group``."""
        self._group = group

    def close_all(self) -> None:
        """Say goodbye to everyone."""
        self._group = None
        for session, transport in list(self._sessions.items()):
            self._end(session, transport, WSCloseCode.GOING_AWAY, "the server stops")

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {
            "clients": len(self._sessions),
            "slow_clients": sum(session.slow_since is not None for session in self._sessions),
            "subscriptions": sum(session.subscriptions for session in self._sessions),
            **msgspec.structs.asdict(self.counters),
        }

    # --- what the listener tells ---

    def connect(self, transport: WSTransport, api_key: str) -> Session:
        """Begin a session; a key given in the address is checked before the first request."""
        session = Session(next(self._numbers), self.config, self.counters, TokenBucket(self.config.qps, self._clock.monotonic))
        session.wire = transport.underlying_transport
        self._sessions[session] = transport
        self._connected_at[session] = self._clock.monotonic()
        self.counters.connections += 1
        if self._group is None:
            session.drop("the server stops")
            return session
        work = self._work(session, transport, api_key[:200])
        try:
            self._group.create_task(work)
        except RuntimeError:  # the group is ending: this client came in the last moment
            work.close()
            session.drop("the server stops")
        return session

    def receive(self, session: Session, payload: bytes | memoryview) -> None:
        """Take one message: count it against the limit, read it, and put it in line."""
        self.counters.requests += 1
        wait_ms = session.bucket.take()
        if wait_ms:
            self._refuse_rate(session, f"too many messages; ask again in {wait_ms} ms", wait_ms)
            return
        session.refusals = 0
        try:
            request = decode(payload)
        except ProtocolError as error:
            self.counters.bad_requests += 1
            session.send(frame(encode_error(error)))
            return
        if session.requests.qsize() >= self.config.max_requests:
            self._refuse_rate(session, "too many requests wait for their answer", None)
            return
        session.requests.put_nowait(request)

    def disconnect(self, session: Session) -> None:
        """End a session whose connection is gone."""
        transport = self._sessions.pop(session, None)
        self._connected_at.pop(session, None)
        if transport is None:
            return
        self._hub.forget(session)
        if session.drop_reason:
            _log.info("clientserver.client_dropped", client=session.number, reason=session.drop_reason)
        session.closed = True
        while not session.requests.empty():
            session.requests.get_nowait()
        session.requests.put_nowait(None)

    async def check_keys(self) -> None:
        """End the sessions of keys that were revoked, and of clients that owe a key for too long."""
        now = self._clock.monotonic()
        if any(session.key is not None for session in self._sessions):
            known = {key.id: key for key in await self._access_keys.list() if key.enabled}
        else:
            known = {}
        for session, transport in list(self._sessions.items()):
            if session.closed:
                transport.disconnect(graceful=False)  # it was told to go and has not gone
            elif session.key is not None and session.key.id not in known:
                self._end(session, transport, WSCloseCode.POLICY_VIOLATION, "the access key was revoked")
            elif session.key is not None:
                self._use_key(session, known[session.key.id])
            elif self.config.needs_key and now - self._connected_at[session] > 2 * self.config.handshake_s:
                self._end(session, transport, WSCloseCode.POLICY_VIOLATION, "an access key is needed")
        self._key_buckets = {number: bucket for number, bucket in self._key_buckets.items() if number in known}

    # --- one client's requests ---

    async def _work(self, session: Session, transport: WSTransport, api_key: str) -> None:
        if api_key:
            await self._handle(session, transport, Request(action="connect", api_key=api_key))
        while not session.closed:
            request = await session.requests.get()
            if request is None:
                return
            await self._handle(session, transport, request)
            await self._drained(session)

    async def _handle(self, session: Session, transport: WSTransport, request: Request) -> None:
        try:
            answer = await self._answer(session, request)
        except ProtocolError as error:
            answer = encode_error(error, request)
            self.counters.bad_requests += 1
            if error.code == "unauthorized":
                self.counters.unauthorized += 1
                session.bad_keys += 1
        except QuantServiceError as error:
            answer = encode_error(as_protocol_error(error), request)
            self.counters.bad_requests += 1
        except Exception:  # noqa: BLE001 - the service's edge: a fault in one answer must not end the other clients
            _log.exception("clientserver.answer_failed", action=request.action)
            answer = encode_error(ProtocolError("internal", INTERNAL), request)
        if answer:
            if request.compress == GZIP:
                session.send(frame(await asyncio.to_thread(compressed, answer), BINARY))
            else:
                session.send(frame(answer))
        if session.bad_keys >= MOST_BAD_KEYS or (request.action == "connect" and session.key is None):
            self._end(session, transport, WSCloseCode.POLICY_VIOLATION, "the access key is not known")

    async def _answer(self, session: Session, request: Request) -> bytes:
        if request.api_key:
            await self._authenticate(session, request.api_key)
        if request.action == "connect":
            return b""
        if request.action == "ping":
            return encode("pong", {"server_time_ms": self._clock.now_ms()}, request)
        if request.action == "auth":
            if session.key is None:
                raise ProtocolError("unauthorized", "give the access key as api_key")
            return encode("auth_response", {"name": session.key.name, "qps_limit": session.key.qps_limit}, request)
        if self.config.needs_key and session.key is None:
            raise ProtocolError("unauthorized", "this server needs an access key: send api_key with the first message")
        if request.action == "query":
            self.counters.queries += 1
            return encode("query_response", await self._queries.answer(request), request)
        if request.action == "unsubscribe":
            return self._unsubscribe(session, request)
        return self._subscribe(session, request)

    async def _authenticate(self, session: Session, api_key: str) -> None:
        if session.key is not None and session.key.key_hash == hash_key(api_key):
            return
        key = await self._access_keys.verify(api_key)
        if key is None:
            raise ProtocolError("unauthorized", "the access key is not known or was revoked")
        self._use_key(session, key)

    def _use_key(self, session: Session, key: AccessKey) -> None:
        """Count a client against its key's own limit, which all sessions of the key share."""
        known = self._key_buckets.get(key.id)
        if known is None or known[0] != key.qps_limit:
            known = self._key_buckets[key.id] = (key.qps_limit, TokenBucket(float(key.qps_limit), self._clock.monotonic))
        session.key = key
        session.bucket = known[1]

    def _subscribe(self, session: Session, request: Request) -> bytes:
        stream, instrument = self._queries.stream_of(request)
        known = stream in session.streams or stream in session.incrementals
        if not known and session.subscriptions >= self.config.max_subscriptions:
            raise ProtocolError("too_many_subscriptions", f"a client may have {self.config.max_subscriptions} subscriptions")
        head = stream_head(instrument, stream.period)
        fields = stream_fields(instrument, stream.period)
        if session.closed:
            return b""
        if request.action == "subscribe":
            self._hub.subscribe(session, stream, head, compress=request.compress)
            return encode("subscribe_response", fields, request)
        interval_ms = request.poll_interval_ms
        if not _SHORTEST_POLL_MS <= interval_ms <= _LONGEST_POLL_MS:
            raise ProtocolError("bad_request", f"poll_interval_ms: must be between {_SHORTEST_POLL_MS} and {_LONGEST_POLL_MS}")
        self._hub.subscribe_incremental(
            session, stream, head, interval_s=interval_ms / 1_000, compress=request.compress, now=self._clock.monotonic()
        )
        self._wake()
        return encode("subscribe_incremental_response", {**fields, "poll_interval_ms": interval_ms}, request)

    def _unsubscribe(self, session: Session, request: Request) -> bytes:
        if not request.symbol and not request.market and not request.period:
            ended = session.subscriptions
            self._hub.forget(session)
            return encode("unsubscribe_response", {"ended": ended}, request)
        stream, instrument = self._queries.stream_of(request)
        if not self._hub.unsubscribe(session, stream):
            raise ProtocolError("not_subscribed", f"there is no subscription to {stream.period} klines of {instrument.id}")
        return encode("unsubscribe_response", {**stream_fields(instrument, stream.period), "ended": 1}, request)

    async def _drained(self, session: Session) -> None:
        """Wait until the client has taken its answer before the next one is made: who does not read only waits for himself."""
        wire = session.wire
        left, since = 0, self._clock.monotonic()
        while not session.closed and wire is not None and (size := wire.get_write_buffer_size()) > self.config.slow_bytes:
            now = self._clock.monotonic()
            if size < left or not left:
                since = now
            left = size
            if now - since > self.config.stall_s:
                session.drop(f"took nothing of its answer for {self.config.stall_s:g} s")
                return
            await asyncio.sleep(_DRAIN_STEP_S)

    def _refuse_rate(self, session: Session, sentence: str, wait_ms: int | None) -> None:
        self.counters.rate_limited += 1
        session.refusals += 1
        if session.refusals > MOST_REFUSALS:
            session.drop("goes on sending over its limit")
            return
        session.send(frame(encode_error(ProtocolError("rate_limited", sentence, retry_after_ms=wait_ms))))

    def _end(self, session: Session, transport: WSTransport, code: WSCloseCode, reason: str) -> None:
        session.closed = True
        self._hub.forget(session)
        transport.send_close(code, reason.encode())
        transport.disconnect()
