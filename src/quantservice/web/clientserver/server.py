"""The service: accepts clients, answers them, and pushes live klines to them."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Mapping
from typing import Any, Final

import structlog
from picows import WSAutoPingStrategy, ws_create_server

from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.events import StreamId
from quantservice.core.messages import MarketBatch, Overflow, StoredBatch, Topic
from quantservice.ports import Clock, EventBus, MarketStore, StateStore
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.web.clientserver.clients import Clients
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.hub import Hub
from quantservice.web.clientserver.listener import Door
from quantservice.web.clientserver.queries import Queries, Resolve

_LIVE_CAPACITY: Final = 100_000
_STORED_CAPACITY: Final = 1_000
_CHUNK: Final = 256
_START_TIMEOUT_S: Final = 15.0
_CLOSE_TIMEOUT_S: Final = 5.0
_IDLE_S: Final = 60.0
_log = structlog.get_logger(__name__)


class ClientServer:
    """WebSocket server for client programs, a :class:`quantservice.ports.Service`.

    ``run`` listens until cancelled; then ``port`` is the port in use (of interest where the configured one is 0).
    """

    name = "clientserver"
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_STORED)
    produces: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        market_store: MarketStore,
        state_store: StateStore,
        bus: EventBus,
        clock: Clock,
        resolve: Resolve,
        config: ClientServerConfig | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._config = config or ClientServerConfig()
        self._bus = bus
        self._clock = clock
        self._ssl_context = ssl_context
        self._queries = Queries(market_store, clock, resolve, self._config)
        self._hub = Hub()
        self._wake = asyncio.Event()
        self._clients = Clients(
            config=self._config,
            clock=clock,
            hub=self._hub,
            queries=self._queries,
            access_keys=AccessKeys(state_store, clock),
            wake=self._wake.set,
        )
        self._started = asyncio.Event()
        self.port = self._config.port

    async def run(self) -> None:
        """Serve until cancelled."""
        server = await self._listen()
        try:
            async with asyncio.TaskGroup() as group:
                self._clients.start(group)
                group.create_task(self._push_live())
                group.create_task(self._watch_stored())
                group.create_task(self._flush())
                group.create_task(self._check_keys())
                self._started.set()
                _log.info("clientserver.listening", host=self._config.host, port=self.port, tls=self._ssl_context is not None)
        finally:
            self._started.clear()
            server.close()
            self._clients.close_all()
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await server.wait_closed()
            except TimeoutError:
                _log.warning("clientserver.close_timeout")

    async def wait_started(self) -> None:
        """Return once clients can connect."""
        async with asyncio.timeout(_START_TIMEOUT_S):
            await self._started.wait()

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {
            **self._clients.stats(),
            "streams": len(self._hub),
            "cache_hits": self._queries.hot.hits,
            "cache_misses": self._queries.hot.misses,
        }

    async def _listen(self) -> asyncio.Server:
        config = self._config
        door = Door(self._clients, config)
        try:
            server: asyncio.Server = await ws_create_server(
                door.admit,
                config.host,
                config.port,
                websocket_handshake_timeout=config.handshake_s,
                enable_auto_ping=True,
                auto_ping_idle_timeout=config.ping_s,
                auto_ping_reply_timeout=config.ping_s,
                # Periodically: a client that drips bytes is never idle and would never be asked.
                auto_ping_strategy=WSAutoPingStrategy.PING_PERIODICALLY,
                max_frame_size=config.max_message_bytes,
                logger_name="clientserver",
                ssl=self._ssl_context,
                ssl_handshake_timeout=config.handshake_s if self._ssl_context is not None else None,
                backlog=1_024,
            )
        except OSError as error:
            raise EnvironmentFault(_listen_fault(config, error)) from error
        self.port = server.sockets[0].getsockname()[1]
        if not config.loopback and self._ssl_context is None:
            _log.warning("clientserver.no_tls", host=config.host, advice="set a certificate, or keep this behind a TLS proxy")
        return server

    async def _push_live(self) -> None:
        async with self._bus.subscribe(
            [Topic.MARKET_LIVE], group="clientserver", overflow=Overflow.CONFLATE, capacity=_LIVE_CAPACITY
        ) as subscription:
            async for messages in subscription:
                for message in messages:
                    if type(message.data) is MarketBatch:
                        events = message.data.events
                        for start in range(0, len(events), _CHUNK):
                            self._hub.publish(events[start : start + _CHUNK])
                            if self._hub.crowded:
                                self._hub.flush(self._clock.monotonic())
                                await asyncio.sleep(0)
                self._wake.set()
                await subscription.commit()
                await asyncio.sleep(0)  # the queue may hold more already; the flush must have its turn

    async def _watch_stored(self) -> None:
        async with self._bus.subscribe(
            [Topic.MARKET_STORED], group="clientserver.cache", overflow=Overflow.DROP_OLDEST, capacity=_STORED_CAPACITY
        ) as subscription:
            async for messages in subscription:
                changed: set[StreamId] = set()
                for message in messages:
                    if type(message.data) is StoredBatch:
                        changed.update(kline.stream for kline in message.data.new)
                        changed.update(kline.stream for kline, _ in message.data.revised)
                self._queries.hot.forget(changed)
                await subscription.commit()

    async def _flush(self) -> None:
        monotonic, flush_s = self._clock.monotonic, self._config.flush_s
        flushed_at = monotonic()
        while True:
            try:
                async with asyncio.timeout(self._hub.wait_s(monotonic(), flush_s, _IDLE_S)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            else:
                # After a quiet moment at once; in a stream of klines one write per client and interval.
                await asyncio.sleep(max(0.0, flushed_at + flush_s - monotonic()))
            self._wake.clear()
            flushed_at = monotonic()
            self._hub.flush(flushed_at)

    async def _check_keys(self) -> None:
        while True:
            await self._clock.sleep(self._config.key_check_s)
            try:
                await self._clients.check_keys()
            except StoreUnavailable as error:
                _log.warning("clientserver.keys_unchecked", reason=str(error))


def _listen_fault(config: ClientServerConfig, error: OSError) -> str:
    where = f"{config.host}:{config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"the client server's port {config.port} is in use on {config.host}; stop the other program or choose another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the client server may not listen on {where}; choose a port above 1023"
    return f"the client server cannot listen on {where} ({error.strerror or error}); check host and port"
