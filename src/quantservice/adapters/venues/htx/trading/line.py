"""How the private socket is opened: log-in, topics one by one; and that it lives is told by the venue's own pings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.adapters.venues.htx.trading.caller import Caller
from quantservice.adapters.venues.htx.trading.pushes import PING, SpotTalk, SwapTalk
from quantservice.adapters.venues.htx.trading.table import TradingRow
from quantservice.adapters.venues.transport.private.stream import StreamSettings, Works
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket, SocketOwner
from quantservice.core.errors import VenueUnreachable
from quantservice.ports import Clock

_PINGS: Final = 3.0  # so many spans of the venue's pings without a word are a silence


class HtxLine:
    """One account's private topics."""

    venue = VENUE

    def __init__(
        self,
        row: TradingRow,
        url: str,
        talk: SpotTalk | SwapTalk,
        *,
        caller: Caller,
        dialer: Dialer,
        clock: Clock,
        settings: StreamSettings,
    ) -> None:
        self._row = row
        self._url = url
        self._talk = talk
        self._caller = caller
        self._dialer = dialer
        self._clock = clock
        self._settings = settings
        self._asked: dict[tuple[Socket, str], int] = {}

    @property
    def market(self) -> str:
        """The market's name."""
        return self._row.market

    async def open(self, owner: SocketOwner, dialled: Callable[[Socket], None]) -> Socket:
        """Open a connection that delivers. Orders begin with nothing: what is open must be asked for after this."""
        await self._caller.know_time()
        socket = await self._dialer.open(self._url, owner)
        dialled(socket)
        answer = await self._request(socket, "auth", self._talk.log_in(self._caller.signer, self._url))
        if not answer.ok and "imestamp" in answer.detail:
            await self._caller.sync()
            answer = await self._request(socket, "auth", self._talk.log_in(self._caller.signer, self._url))
        if not answer.ok:
            raise VenueUnreachable(f"the log-in of the private stream was refused: {answer.detail}", cause="server", venue=VENUE)
        for topic in self._row.topics:
            answer = await self._request(socket, topic, self._talk.subscribe(topic))
            if not answer.ok:
                raise VenueUnreachable(f"{topic} was refused: {answer.detail}", cause="server", venue=VENUE)
        return socket

    async def probe(self, socket: Socket, timeout_s: float) -> Answered:  # the stream's own shape: nothing is waited for
        """Look whether the venue spoke: it pings at a known pace, so a silence of several is a death."""
        silent_s = self._clock.monotonic() - socket.last_data
        return Answered(ok=silent_s < _PINGS * self._row.ping_s, detail=f"no ping of the venue for {silent_s:.0f} s")

    def answered(self, socket: Socket, key: int | str, answer: Answered) -> None:
        """Take the venue's answer to a request, or answer its ping."""
        if key == PING:
            socket.send(self._talk.pong(answer.detail))
            return
        number = self._asked.get((socket, str(key)))
        if number is not None:
            socket.answered(number, answer)

    def works(self, renew: Callable[[str], None]) -> Works:  # the stream's own shape: nothing here ends it
        """Ask the venue's clock now and then."""
        return {"sync": (self._settings.sync_s, self._caller.sync)}

    async def _request(self, socket: Socket, topic: str, message: bytes) -> Answered:
        def build(number: int) -> bytes:
            self._asked[socket, topic] = number
            return message

        try:
            return await socket.request(build, timeout_s=self._settings.answer_s)
        finally:
            self._asked.pop((socket, topic), None)
