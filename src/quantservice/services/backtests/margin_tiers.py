"""Margin tiers in the state store, by instrument and date: what backtests take where they know of no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.margin_tiers import EVERY, Tier, dated_tables
from quantservice.ports import StateStore

_SCOPE: Final = "margin_tiers"
_Rows = tuple[Tier, ...]


class MarginTiers:
    """Keep, list, forget."""

    def __init__(self, state_store: StateStore, instruments: Callable[[], InstrumentBook]) -> None:
        self._state_store = state_store
        self._instruments = instruments

    async def list(self, instrument: str | None = None) -> dict[str, _Rows]:
        """Return the tiers of every instrument that has any, or of one (full name)."""
        async with self._state_store.transaction() as work:
            if instrument is None:
                kept = await work.values.items(_SCOPE)
            else:
                kept = {instrument: await work.values.get(_SCOPE, instrument) or []}
        return {name: _read(rows) for name, rows in kept.items() if rows}

    async def of(self, wanted: Iterable[InstrumentId]) -> dict[str, _Rows]:
        """Return the tiers of those instruments that have any."""
        found: dict[str, _Rows] = {}
        async with self._state_store.transaction() as work:
            for name in map(str, wanted):
                rows = await work.values.get(_SCOPE, name)
                if rows:
                    found[name] = _read(rows)
        return found

    async def keep(self, tiers: Mapping[str, Sequence[Tier]], *, venue: str, market: str | None) -> dict[str, _Rows]:
        """Keep tiers by any of the instruments' names; those of a date that is there already are replaced, others stay."""
        named: dict[str, Sequence[Tier]] = {}
        for text, rows in tiers.items():
            name = str(self._named(text, venue, market))
            dated_tables(rows, name)
            named[name] = rows
        kept: dict[str, _Rows] = {}
        async with self._state_store.transaction() as work:
            for name, rows in named.items():
                dates = {row.from_ms for row in rows}
                before = _read(await work.values.get(_SCOPE, name) or [])
                kept[name] = tuple(
                    sorted([*(row for row in before if row.from_ms not in dates), *rows], key=lambda row: (row.from_ms, row.floor))
                )
                await work.values.put(_SCOPE, name, msgspec.to_builtins(kept[name]))
        return kept

    async def remove(self, instrument: str) -> None:
        """Forget the tiers of an instrument (full name)."""
        async with self._state_store.transaction() as work:
            if not await work.values.remove(_SCOPE, instrument):
                raise UnknownName("instrument", instrument, await work.values.items(_SCOPE))

    def _named(self, text: str, venue: str, market: str | None) -> InstrumentId:
        if text == EVERY:
            raise InvalidValue("margin_tiers", "each tier must name its instrument to be kept; --margin-tiers takes such a file")
        try:
            found = InstrumentId.parse(text) if text.count(":") == 2 else None
        except UserError:
            found = None
        name = found or self._instruments().resolve(text, venue=venue, market=market).id
        if name.market == "spot":
            raise InvalidValue("margin_tiers", f"{name} is paid in full: it has no margin tiers")
        return name


def _read(rows: Any) -> _Rows:
    return msgspec.convert(rows, tuple[Tier, ...], strict=False)
