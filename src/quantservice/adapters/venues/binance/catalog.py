"""What the venue lists: our names and its names for one market, as of the last full list."""

from __future__ import annotations

from collections.abc import Iterable

from quantservice.adapters.venues.binance.decode_ws import StreamRegistry
from quantservice.core.errors import UnknownName
from quantservice.core.instruments import Instrument, InstrumentId


class Catalog:
    """The instruments of one market; the registry of the decoders follows it."""

    def __init__(self, market: str, instruments: Iterable[Instrument] = ()) -> None:
        self.registry = StreamRegistry(market)
        self.instruments: tuple[Instrument, ...] = ()
        self._by_id: dict[InstrumentId, Instrument] = {}
        self.replace(instruments)

    def __len__(self) -> int:
        return len(self._by_id)

    def replace(self, instruments: Iterable[Instrument]) -> None:
        """Take a whole new list. The decoders are told only when names changed: they rebuild their routes."""
        before = {item.id: item.venue_symbol for item in self.instruments}
        self.instruments = tuple(instruments)
        self._by_id = {item.id: item for item in self.instruments}
        if before != {item.id: item.venue_symbol for item in self.instruments}:
            self.registry.replace(self.instruments)

    def find(self, instrument: InstrumentId) -> Instrument | None:
        """Return what is listed under ``instrument``, or None."""
        return self._by_id.get(instrument)

    def venue_symbol(self, instrument: InstrumentId) -> str:
        """Return the venue's own name; raise :class:`UnknownName` when it is not listed."""
        found = self._by_id.get(instrument)
        if found is None:
            raise UnknownName("symbol", instrument.symbol, (item.symbol for item in self._by_id))
        return found.venue_symbol
