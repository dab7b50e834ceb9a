"""The market's list of instruments and the sizes of its contracts, as they are known now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from quantservice.adapters.venues.okx.decode_instruments import decode_instruments
from quantservice.adapters.venues.okx.spec import VENUE, OkxRow
from quantservice.adapters.venues.okx.trading.caller import Caller
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, VenueUnreachable
from quantservice.core.instruments import Instrument
from quantservice.ports import Clock


class Listing:
    """Names and contract sizes of one market."""

    def __init__(self, row: OkxRow, caller: Caller, clock: Clock) -> None:
        self._row = row
        self._caller = caller
        self._clock = clock
        self._contracts: Mapping[str, Decimal] = {}
        self._foreign: frozenset[str] = frozenset()
        self.names = Names(VENUE, row.market, self._fetch, clock)

    def contract(self, inst_id: str) -> Decimal:
        """A contract's size in base currency; MalformedFrame for an instrument that is not listed (yet)."""
        found = self._contracts.get(inst_id)
        if found is None:
            raise MalformedFrame("unknown_instrument", venue=VENUE, market=self._row.market)
        return found

    def is_foreign(self, inst_id: str) -> bool:
        """Whether the venue lists it beside ours as something else: inverse swaps are not of this market."""
        return inst_id in self._foreign

    def knows(self, inst_id: str) -> bool:
        """Whether its size is known."""
        return inst_id in self._contracts or inst_id in self._foreign

    async def _fetch(self) -> tuple[Instrument, ...]:
        body = await self._caller.raw("instruments", {"instType": self._row.inst_type})
        try:
            found = await asyncio.to_thread(decode_instruments, body, self._row, seen_ms=self._clock.now_ms())
        except MalformedFrame as error:
            raise VenueUnreachable(f"{VENUE} lists something unreadable ({error.reason})", cause="server", venue=VENUE) from None
        self._contracts, self._foreign = found.contracts, found.foreign
        return found.instruments
