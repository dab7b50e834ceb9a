"""The venue's symbols and our instruments: the market's list, fetched when a name is missing, and the limits told with it."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from quantservice.adapters.venues.binance.decode_instruments import RateLimit, decode_exchange_info
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading.caller import Caller
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.core.errors import UnknownName, VenueError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.ports import Clock
from quantservice.ports.trading import NotSent

log = structlog.get_logger(__name__)

_AGAIN_S: Final = 60.0  # a name that is not listed is looked for again after so long
_MARGIN: Final = 0.95  # of the venue's limits of orders: it counts by arrival, we by departure


class Names:
    """The instruments of one market."""

    def __init__(self, market: str, caller: Caller, clock: Clock) -> None:
        self._market = market
        self._caller = caller
        self._clock = clock
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_symbol: dict[str, InstrumentId] = {}
        self._loading = asyncio.Lock()
        self._asked_at = float("-inf")

    async def load(self) -> None:
        """Fetch the list unless it is there."""
        if not self._by_id:
            await self._fetch()

    async def symbol(self, instrument: InstrumentId) -> str:
        """Return the venue's name; NotSent where it is not listed, with the nearest names."""
        found = self._by_id.get(instrument)
        if found is None:
            await self._fetch()
            found = self._by_id.get(instrument)
        if found is None:
            missing = UnknownName("symbol", instrument.symbol, (item.symbol for item in self._by_id))
            raise NotSent(f"{missing}; nothing was sent", code="unknown_symbol", venue=VENUE, market=self._market)
        return found.venue_symbol

    async def symbol_to_act(self, instrument: InstrumentId) -> str:
        """Return the venue's name for a request that acts: a list that cannot be had means that nothing was sent."""
        try:
            return await self.symbol(instrument)
        except NotSent:
            raise
        except VenueError as error:
            raise NotSent(str(error), code="no_instruments", venue=VENUE, market=self._market) from None

    def instrument(self, symbol: str) -> InstrumentId:
        """Return our name; the venue's own where its list does not have the symbol (yet), so that nothing is left out."""
        return self._by_symbol.get(symbol) or InstrumentId(VENUE, self._market, symbol)

    async def _fetch(self) -> None:
        async with self._loading:
            if self._by_id and self._clock.monotonic() - self._asked_at < _AGAIN_S:
                return
            body = await self._caller.public("exchange_info")
            info = await asyncio.to_thread(decode_exchange_info, body, self._market, seen_ms=self._clock.now_ms())
            self._by_id = {item.id: item for item in info.instruments}
            self._by_symbol = {item.venue_symbol: item.id for item in info.instruments}
            self._asked_at = self._clock.monotonic()
            self._take_limits(info.rate_limits)

    def _take_limits(self, limits: tuple[RateLimit, ...]) -> None:
        if self._caller.order_limits:
            return  # those in force have counted what was sent
        self._caller.order_limits = [
            SlidingLimit(max(1, int(limit.limit * _MARGIN)), float(limit.window_s))
            for limit in limits
            if limit.rate_limit_type == "ORDERS" and limit.window_s
        ]
