"""The venue's symbols and our instruments: the market's list, fetched when a name is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from quantservice.core.errors import Refused, UnknownName, VenueError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.ports import Clock
from quantservice.ports.trading import NotSent

_AGAIN_S: Final = 60.0  # a name that is not listed is looked for again after so long


class Names:
    """The instruments of one market. ``fetch`` asks the venue for all of them."""

    def __init__(self, venue: str, market: str, fetch: Callable[[], Awaitable[Iterable[Instrument]]], clock: Clock) -> None:
        self._venue = venue
        self._market = market
        self._fetch = fetch
        self._clock = clock
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_symbol: dict[str, InstrumentId] = {}
        self._loading = asyncio.Lock()
        self._asked_at = float("-inf")

    async def load(self) -> None:
        """Fetch the list unless it is there."""
        if not self._by_id:
            await self.look_again()

    async def symbol(self, instrument: InstrumentId) -> str:
        """Return the venue's name; NotSent where it is not listed, with the nearest names."""
        found = self._by_id.get(instrument)
        if found is None:
            await self.look_again()
            found = self._by_id.get(instrument)
        if found is None:
            missing = UnknownName("symbol", instrument.symbol, (item.symbol for item in self._by_id))
            raise NotSent(f"{missing}; nothing was sent", code="unknown_symbol", venue=self._venue, market=self._market)
        return found.venue_symbol

    async def symbol_to_act(self, instrument: InstrumentId) -> str:
        """Return the venue's name for a request that acts: a list that cannot be had means that nothing was sent."""
        try:
            return await self.symbol(instrument)
        except NotSent:
            raise
        except VenueError as error:
            raise NotSent(str(error), code="no_instruments", venue=self._venue, market=self._market) from None

    async def symbol_to_ask(self, instrument: InstrumentId) -> str:
        """Return the venue's name for a request that reads: Refused where it is not listed."""
        try:
            return await self.symbol(instrument)
        except NotSent as error:
            raise Refused(str(error), code=error.code, status=0, venue=self._venue, market=self._market) from None

    def listed(self, instrument: InstrumentId) -> Instrument | None:
        """Return what the list says of an instrument; None where it is not on it."""
        return self._by_id.get(instrument)

    def instrument(self, symbol: str) -> InstrumentId:
        """Return our name; the venue's own where its list does not have the symbol (yet), so that nothing is left out."""
        return self._by_symbol.get(symbol) or InstrumentId(self._venue, self._market, symbol)

    async def look_again(self) -> None:
        """Fetch the list, unless it was fetched a moment ago."""
        async with self._loading:
            if self._by_id and self._clock.monotonic() - self._asked_at < _AGAIN_S:
                return
            listed = list(await self._fetch())
            self._by_id = {item.id: item for item in listed}
            self._by_symbol = {item.venue_symbol: item.id for item in listed}
            self._asked_at = self._clock.monotonic()
