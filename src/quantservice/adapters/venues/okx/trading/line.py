"""How the private channels are opened: login, subscriptions one by one, and a text ``ping`` that keeps a quiet one open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.spec import VENUE, OkxEndpoints, OkxRow, Section
from quantservice.adapters.venues.okx.trading.caller import Caller
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.adapters.venues.transport.private.stream import StreamSettings, Works
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket, SocketOwner
from quantservice.core.errors import VenueUnreachable

#: every market's orders are heard, because spot and swaps share the account's money
_CHANNELS: Final = ({"channel": "orders", "instType": "ANY"}, {"channel": "account"}, {"channel": "balance_and_position"})
#: orders that wait for a price are told by another section, over a connection of its own
_WAITING: Final = ({"channel": "orders-algo", "instType": "ANY"}, {"channel": "algo-advance", "instType": "ANY"})
_CLOCK_OFF: Final = "code 60006"


class OkxLine:
    """One account's private channels: two connections that live and die together."""

    venue = VENUE

    def __init__(
        self, row: OkxRow, endpoints: OkxEndpoints, *, caller: Caller, names: Names, dialer: Dialer, settings: StreamSettings
    ) -> None:
        self._row = row
        self._endpoints = endpoints
        self._caller = caller
        self._names = names
        self._dialer = dialer
        self._settings = settings
        self._asked: dict[tuple[Socket, str], int] = {}
        self._others: dict[Socket, Socket] = {}

    @property
    def market(self) -> str:
        """The market's name."""
        return self._row.market

    async def open(self, owner: SocketOwner, dialled: Callable[[Socket], None]) -> Socket:
        """Open a connection that delivers. Orders begin with nothing: what is open must be asked for after this."""
        await self._names.load()  # what is pushed is sized in contracts
        await self._caller.know_time()
        socket = await self._open(owner, dialled, "private", _CHANNELS)
        other = await self._open(owner, dialled, "business", _WAITING)
        self._others[socket] = other
        other.lost.add_done_callback(lambda _: socket.abort("the connection of waiting orders was lost"))
        socket.lost.add_done_callback(lambda _: self._end(socket))
        return socket

    async def _open(
        self, owner: SocketOwner, dialled: Callable[[Socket], None], section: Section, channels: tuple[dict[str, str], ...]
    ) -> Socket:
        socket = await self._dialer.open(self._endpoints.socket(section), owner)
        dialled(socket)
        await self._log_in(socket)
        for arg in channels:
            answer = await self._request(socket, f"subscribe {arg['channel']}", {"op": "subscribe", "args": [arg]})
            if not answer.ok:
                raise VenueUnreachable(f"the channel {arg['channel']} was refused: {answer.detail}", cause="server", venue=VENUE)
        return socket

    def _end(self, socket: Socket) -> None:
        other = self._others.pop(socket, None)
        if other is not None:
            other.abort("its other half is gone")

    async def probe(self, socket: Socket, timeout_s: float) -> Answered:
        """Ask both connections for a sign of life; the venue cuts one on which nothing was said for 30 s."""
        other = self._others.get(socket)
        if other is not None:
            answer = await self._request(other, "ping", None, timeout_s)
            if not answer.ok:
                return answer
        return await self._request(socket, "ping", None, timeout_s)

    def answered(self, socket: Socket, key: int | str, answer: Answered) -> None:
        """Take the venue's answer. An error names no request: it is the answer to the one that is not a ``ping``."""
        name = str(key)
        if name == "error":
            name = next((asked for at, asked in self._asked if at is socket and asked != "ping"), name)
        number = self._asked.get((socket, name))
        if number is not None:
            socket.answered(number, answer)

    def works(self, renew: Callable[[str], None]) -> Works:  # the stream's own shape: nothing here ends it
        """Ask the venue's clock now and then."""
        return {"sync": (self._settings.sync_s, self._caller.sync)}

    async def _log_in(self, socket: Socket) -> None:
        for attempt in (1, 2):
            answer = await self._request(socket, "login", {"op": "login", "args": [self._caller.signer.login()]})
            if answer.ok:
                return
            if attempt == 1 and _CLOCK_OFF in answer.detail:
                await self._caller.sync()
                continue
            break
        raise VenueUnreachable(f"the login to the private channels was refused: {answer.detail}", cause="server", venue=VENUE)

    async def _request(self, socket: Socket, name: str, message: dict[str, Any] | None, timeout_s: float | None = None) -> Answered:
        def build(number: int) -> bytes:
            self._asked[socket, name] = number
            return b"ping" if message is None else msgspec.json.encode(message)

        try:
            return await socket.request(build, timeout_s=timeout_s or self._settings.answer_s)
        finally:
            self._asked.pop((socket, name), None)
