"""How Binance's user data streams are opened and kept: by a signed subscription (spot) or by a listen key (um, cm)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_body
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading.caller import Caller
from quantservice.adapters.venues.binance.trading.decode import ANY
from quantservice.adapters.venues.binance.trading.table import TradingRow
from quantservice.adapters.venues.transport.private.stream import StreamSettings, Works
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket, SocketOwner
from quantservice.core.errors import Refused, VenueUnreachable
from quantservice.ports.trading import NotSent

_NO_SUCH_KEY: Final = -1125


class BinanceLine:
    """One market's user data stream."""

    venue = VENUE

    def __init__(self, row: TradingRow, base_url: str, *, caller: Caller, dialer: Dialer, settings: StreamSettings) -> None:
        self._row = row
        self._base_url = base_url
        self._caller = caller
        self._dialer = dialer
        self._settings = settings

    @property
    def market(self) -> str:
        """The market's name."""
        return self._row.market

    async def open(self, owner: SocketOwner, dialled: Callable[[Socket], None]) -> Socket:
        """Open a connection that delivers."""
        path = self._row.stream_path
        if self._row.stream == "listen_key":
            opened = decode_body(ANY, await self._caller.ask("key_open"))
            path = path.format(key=opened.get("listenKey", ""))
        socket = await self._dialer.open(self._base_url + path, owner)
        dialled(socket)
        if self._row.stream == "subscribe":
            await self._subscribe(socket)
        return socket

    async def probe(self, socket: Socket, timeout_s: float) -> Answered:
        """Ask an open connection something."""
        return await self._request(socket, self._row.probe, None, timeout_s)

    def answered(self, socket: Socket, key: int | str, answer: Answered) -> None:
        """Take the venue's answer to a request of ours."""
        socket.answered(key, answer)

    def works(self, renew: Callable[[str], None]) -> Works:
        """Ask the venue's clock now and then, and prolong the listen key."""
        found: Works = {"sync": (self._settings.sync_s, self._caller.sync)}
        if self._row.stream != "listen_key":
            return found
        return {**found, "keep": (self._settings.keep_s, lambda: self._keep(renew))}

    async def _keep(self, renew: Callable[[str], None]) -> None:
        try:
            await self._caller.ask("key_keep")
        except (Refused, NotSent) as error:
            if error.code == _NO_SUCH_KEY:
                renew("the listen key is gone")
            raise

    async def _subscribe(self, socket: Socket) -> None:
        await self._caller.know_time()
        for attempt in (1, 2):
            answer = await self._request(
                socket, "userDataStream.subscribe.signature", self._caller.signer.params({}), self._settings.answer_s
            )
            if answer.ok:
                return
            if attempt == 1 and "-1021" in answer.detail:
                await self._caller.sync()
        raise VenueUnreachable(f"the user data stream was refused: {answer.detail}", cause="server", venue=VENUE)

    @staticmethod
    async def _request(socket: Socket, method: str, params: Any, timeout_s: float) -> Answered:
        def build(number: int) -> bytes:
            asked: dict[str, Any] = {"id": number, "method": method}
            return msgspec.json.encode(asked if params is None else asked | {"params": params})

        return await socket.request(build, timeout_s=timeout_s)
