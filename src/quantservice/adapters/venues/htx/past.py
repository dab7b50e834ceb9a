"""Questions about the past on a socket of their own: spot's older klines and the book that changes join are told nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.decode_market import read
from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.adapters.venues.transport.pacing import Pacer
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket
from quantservice.core.errors import MalformedFrame, Refused, VenueUnreachable
from quantservice.ports import Clock

_GAP_S: Final = 0.12  # one question in 100 ms is the venue's limit
_ANSWER_S: Final = 8.0


class Asker:
    """One socket, opened when something is asked; questions follow each other."""

    def __init__(self, url: str, dialer: Dialer, clock: Clock) -> None:
        self._url = url
        self._dialer = dialer
        self._pace = Pacer(1, _GAP_S, clock=clock)
        self._lock = asyncio.Lock()
        self._socket: Socket | None = None
        self._answers: dict[int, dict[str, Any]] = {}

    async def ask(self, topic: str, more: Mapping[str, int] | None = None) -> Any:
        """Ask for a topic and return the data; raises Refused or VenueUnreachable."""
        async with self._lock:
            await self._pace.wait()
            socket = self._socket
            if socket is None or socket.is_lost:
                socket = self._socket = await self._dialer.open(self._url, self)
            numbers: list[int] = []

            def build(number: int) -> bytes:
                numbers.append(number)
                return msgspec.json.encode({"req": topic, "id": str(number)} | dict(more or {}))

            answer = await socket.request(build, timeout_s=_ANSWER_S)
            found = self._answers.pop(numbers[0], None) if numbers else None
            if found is None:
                socket.abort("a question was not answered")
                raise VenueUnreachable(f"no answer about {topic}: {answer.detail}", cause="timeout", venue=VENUE)
            if not answer.ok:
                raise Refused(f"{VENUE} declined {topic}: {answer.detail}", code=answer.detail, status=200, venue=VENUE)
            return found.get("data")

    async def close(self) -> None:
        """Close the socket."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close(timeout_s=0.5)

    # --- SocketOwner ---

    def on_message(self, socket: Socket, payload: bytes, recv_ns: int) -> None:  # the port's own shape
        """Take an answer, or answer a ping."""
        try:
            message = read(payload)
        except MalformedFrame as error:
            socket.abort(f"unreadable answer: {error.reason}")
            return
        if "ping" in message:
            socket.send(msgspec.json.encode({"pong": message["ping"]}))
            return
        text = str(message.get("id") or "")
        number = int(text) if text.isdigit() else 0
        self._answers = {number: message}
        good = message.get("status") == "ok"
        socket.answered(number, Answered(ok=good, detail="" if good else str(message.get("err-msg"))[:200]))

    def on_odd_frame(self, socket: Socket, payload: bytes, reason: str) -> None:  # the port's own shape
        """What is no answer ends the socket; the question is asked again on a new one."""
        socket.abort(f"unreadable frame: {reason}")
