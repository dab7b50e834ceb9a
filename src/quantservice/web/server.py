"""The HTTP server as a service: uvicorn inside our loop, quiet, bounded, without signal handlers of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn

from quantservice.core.errors import EnvironmentFault
from quantservice.core.messages import Topic
from quantservice.web.app import WebApp, create_app
from quantservice.web.context import WebContext
from quantservice.web.http_protocol import impatient

_log = structlog.get_logger(__name__)
_BACKLOG = 512
_DRAIN_S = 5


class _Quiet(uvicorn.Server):
    """A uvicorn that leaves signals to the runner and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class WebServer:
    """Serves the app until cancelled, with the live hub beside it. The projections are a service of their own."""

    name = "web"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = (Topic.COMMAND,)

    def __init__(self, context: WebContext) -> None:
        self.context = context
        self.app: WebApp = create_app(context)
        self.ready = asyncio.Event()
        self._listener: socket.socket | None = None
        self._port = 0

    def bind(self) -> int:
        """Take the port before anything else starts, so that a port in use is said at once; return it."""
        if self._listener is None:
            # a restarted server keeps the port it was given, so that the printed address stays true
            self._listener = listen(self.context.config.host, self._port or self.context.config.port)
            self._port = int(self._listener.getsockname()[1])
        return self._port

    @property
    def port(self) -> int:
        """The bound port; binds when it is not yet."""
        return self._port or self.bind()

    @property
    def url(self) -> str:
        """The address to open."""
        host = self.context.config.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104 - not a bind
        return f"http{'s' if self.context.config.tls else ''}://{shown}:{self.port}"

    async def run(self) -> None:
        """Serve until cancelled; open answers get a few seconds to end."""
        self.bind()
        listener, self._listener = self._listener, None
        assert listener is not None  # noqa: S101 - bind() has just made it
        server = _Quiet(self._uvicorn())
        async with asyncio.TaskGroup() as group:
            hub = group.create_task(self.app.live.run())
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                await server.listening.wait()
                self.ready.set()
                _log.info("web.listening", port=listener.getsockname()[1], host=self.context.config.host)
                await asyncio.shield(serving)
            finally:
                hub.cancel()
                server.should_exit = True
                self.ready.clear()
                listener.close()

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return self.app.live.stats()

    def _uvicorn(self) -> uvicorn.Config:
        config = self.context.config
        return uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            loop="none",
            http=impatient(config.request_s),
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            timeout_keep_alive=config.keep_alive_s,
            timeout_graceful_shutdown=_DRAIN_S,
            h11_max_incomplete_event_size=config.header_limit_bytes,
            limit_concurrency=1_000,
            proxy_headers=False,
            ssl_certfile=config.tls_cert or None,
            ssl_keyfile=config.tls_key or None,
        )


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen, or say in one sentence why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise EnvironmentFault(_why(error, host, port)) from error
    listener.setblocking(False)
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; stop it or choose another with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs more rights than this user has; choose one above 1023 with --port"
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV) or isinstance(error, socket.gaierror):
        return f"{host} is not an address of this machine; choose another with --host"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"
