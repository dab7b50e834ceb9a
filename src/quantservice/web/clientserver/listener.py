"""The door: who may connect, and the way of a client's bytes to its session."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from quantservice.web.clientserver.clients import Clients
from quantservice.web.clientserver.config import ClientServerConfig, is_loopback
from quantservice.web.clientserver.session import Session

_PATHS = ("", "/", "/ws")


class Door:
    """Admits a connection or answers it with an HTTP error."""

    def __init__(self, clients: Clients, config: ClientServerConfig) -> None:
        self._clients = clients
        self._config = config

    def admit(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        """Look at path, origin and load before the upgrade."""
        url = urlsplit(request.path.decode("latin-1")[:4_096])
        if url.path not in _PATHS:
            return self._refuse(404, "the client protocol is spoken on /ws")
        if not self._origin_ok(request.headers.get("Origin"), request.headers.get("Host", "")):
            return self._refuse(403, "pages of this origin may not connect; name it in clientserver.allowed_origins")
        if self._clients.full:
            return self._refuse(503, "too many clients; try again later")
        return _Listener(self._clients, parse_qs(url.query).get("api_key", [""])[0])

    def _refuse(self, status: int, sentence: str) -> WSUpgradeResponseWithListener:
        self._clients.counters.refused_connections += 1
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, sentence.encode() + b"\n"), None)

    def _origin_ok(self, origin: str | None, host: str) -> bool:
        """Say whether a page of ``origin`` may connect; programs send no origin.

        On loopback the name must be loopback's: a foreign name that resolves to this machine is DNS rebinding.
        """
        if origin is None or origin in self._config.allowed_origins:
            return True
        try:
            name = urlsplit(origin).hostname or ""
            ours = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return is_loopback(name) if self._config.loopback else name == ours


class _Listener(WSListener):  # type: ignore[misc]  # picows has no types that mypy may follow
    """picows' view of one client."""

    def __init__(self, clients: Clients, api_key: str) -> None:
        super().__init__()
        self._clients = clients
        self._api_key = api_key
        self._session: Session | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin a session."""
        self._session = self._clients.connect(transport, self._api_key)
        self._api_key = ""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a frame; a message in parts is put together up to the size limit."""
        session = self._session
        if session is None or session.closed:
            return
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        if kind not in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            return
        if frame.fin and not session.fragments:
            self._clients.receive(session, frame.get_payload_as_memoryview())
            return
        session.fragments += frame.get_payload_as_memoryview()
        if len(session.fragments) > self._clients.config.max_message_bytes:
            session.drop("sent a message that is too large")
        elif frame.fin:
            whole = bytes(session.fragments)
            session.fragments.clear()
            self._clients.receive(session, whole)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """End the session."""
        if self._session is not None:
            self._clients.disconnect(self._session)
