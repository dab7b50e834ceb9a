"""What the venue lists: our names, its names and the sizes of its contracts for one market, as of the last full list."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quantservice.adapters.venues.okx.decode_instruments import Listed
from quantservice.core.instruments import Instrument, InstrumentId


class Known(msgspec.Struct, frozen=True):
    """An instrument and how large a contract of it is, in base currency."""

    instrument: Instrument
    contract: Decimal


class Catalog:
    """The instruments of one market."""

    def __init__(self) -> None:
        self._by_id: dict[InstrumentId, Known] = {}
        self._by_name: dict[str, Known] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def instruments(self) -> list[Instrument]:
        """All that are listed."""
        return [known.instrument for known in self._by_id.values()]

    def replace(self, listed: Listed) -> None:
        """Take a whole new list."""
        known = [Known(item, listed.contracts[item.venue_symbol]) for item in listed.instruments]
        self._by_id = {item.instrument.id: item for item in known}
        self._by_name = {item.instrument.venue_symbol: item for item in known}

    def find(self, instrument: InstrumentId) -> Known | None:
        """Return what is listed under our name, or None."""
        return self._by_id.get(instrument)

    def named(self, inst_id: str) -> Known | None:
        """Return what the venue calls so, or None."""
        return self._by_name.get(inst_id)
