"""The instruments known now: one list per venue's market, each replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId


class ListChange(msgspec.Struct, frozen=True):
    """What a replaced list changed: instruments that appeared, disappeared, or whose trading rules differ."""

    added: tuple[Instrument, ...] = ()
    removed: tuple[Instrument, ...] = ()
    changed: tuple[Instrument, ...] = ()
    first: bool = False  # there was no list before: everything is "added" and nothing is news


class InstrumentDirectory:
    """Holds the latest list of every market and hands out one immutable book over all of them.

    The book is built when asked for after a change, so that a refresh of one market costs nothing until somebody looks.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._lists: dict[tuple[str, str], dict[InstrumentId, Instrument]] = {}
        self._book: InstrumentBook | None = None
        for item in instruments:
            self._lists.setdefault((item.id.venue, item.id.market), {})[item.id] = item

    def book(self) -> InstrumentBook:
        """Return the book over all markets."""
        if self._book is None:
            self._book = InstrumentBook(item for items in self._lists.values() for item in items.values())
        return self._book

    def knows(self, venue: str, market: str) -> bool:
        """Say whether a list of this market is held, from the venue or from the store."""
        return bool(self._lists.get((venue, market)))

    def replace(self, venue: str, market: str, instruments: Sequence[Instrument]) -> ListChange:
        """Put a whole list in the place of the old one and say what is different."""
        before = self._lists.get((venue, market))
        after = {item.id: item for item in instruments}
        self._lists[venue, market] = after
        self._book = None
        if before is None:
            return ListChange(added=tuple(after.values()), first=True)
        return ListChange(
            added=tuple(item for key, item in after.items() if key not in before),
            removed=tuple(item for key, item in before.items() if key not in after),
            changed=tuple(item for key, item in after.items() if key in before and _rules(before[key]) != _rules(item)),
        )


def _rules(item: Instrument) -> tuple[object, ...]:
    return (item.venue_symbol, item.status, item.tick_size, item.lot_size, item.min_quantity, item.min_notional)
