"""HTTP/1.1 for uvicorn with one bound more: a request must arrive whole within a time, however slowly its bytes drip."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Where h11 still waits for bytes of a request.
_RECEIVING: Final = (h11.IDLE, h11.SEND_BODY)


class ImpatientProtocol(H11Protocol):
    """Closes a connection whose request takes longer than ``request_s`` to arrive (slow loris)."""

    request_s: float = 20.0
    _arriving: asyncio.TimerHandle | None = None
    _upgraded: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        """Expect the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the clock of a request stops when it is whole."""
        super().data_received(data)
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over: what follows are frames, with bounds of their own."""
        self._upgraded = True
        self._stop()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._upgraded or self.conn.their_state not in _RECEIVING:
            self._stop()
        elif self._arriving is None:
            self._arriving = self.loop.call_later(self.request_s, self.transport.close)

    def _stop(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None


def impatient(request_s: float) -> type[ImpatientProtocol]:
    """Return the protocol with its bound."""
    return type("ImpatientProtocol", (ImpatientProtocol,), {"request_s": request_s})
