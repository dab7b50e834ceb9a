"""The bars of a search with what belongs to them, and any part of them as market data of a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument
from quantservice.core.margin_tiers import DatedTiers
from quantservice.quant.backtest import MarketData
from quantservice.quant.bars import Bars

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, eq=False)
class Market:
    """Klines of one or several instruments, the rules by date, settlements and margin tiers by full name."""

    bars: tuple[Bars, ...]
    instruments: tuple[Instrument, ...] = ()
    funding: Mapping[str, Any] = field(default_factory=dict)
    detail: tuple[Bars, ...] = ()
    synthetic: Mapping[str, Any] = field(default_factory=dict)
    brackets: Mapping[str, DatedTiers] = field(default_factory=dict)

    @cached_property
    def data(self) -> MarketData:
        """All of it as market data, checked; raises InvalidValue naming instrument, row and value."""
        return MarketData.of(
            list(self.bars),
            instruments=self.instruments,
            funding=self.funding or None,
            brackets=self.brackets or None,
            detail=list(self.detail) or None,
            synthetic=self.synthetic or None,
        )

    @property
    def start_ms(self) -> int:
        """Open of the first bar of any instrument."""
        return min(int(table["open_time"][0]) for table in self.bars)

    @property
    def end_ms(self) -> int:
        """Just after the open of the last bar."""
        return max(int(table["open_time"][-1]) for table in self.bars) + 1

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end_ms - self.start_ms) / _DAY_MS

    def between(self, start_ms: int, end_ms: int) -> Market:
        """Return the bars that open in ``[start_ms, end_ms)``; an instrument without any is left out."""
        kept = [(table, *_rows(table, start_ms, end_ms)) for table in self.bars]
        parts = [(table, first, last) for table, first, last in kept if first < last]
        if not parts:
            raise InvalidValue("bars", f"there is no bar between {start_ms} and {end_ms} (ms UTC)")
        names = {table.instrument for table, _, _ in parts}
        return Market(
            bars=tuple(_cut(table, first, last) for table, first, last in parts),
            instruments=self.instruments,
            funding={name: item for name, item in self.funding.items() if name in names},
            brackets={name: item for name, item in self.brackets.items() if name in names},
            detail=tuple(_cut(table, *_rows(table, start_ms, end_ms)) for table in self.detail if table.instrument in names),
            synthetic={
                table.instrument: self.synthetic[table.instrument][first:last]
                for table, first, last in parts
                if table.instrument in self.synthetic
            },
        )

    def head(self, share: float) -> Market:
        """Return the first ``share`` of its time."""
        if share >= 1.0:
            return self
        return self.between(self.start_ms, self.start_ms + max(int((self.end_ms - self.start_ms) * share), 1))

    def with_bars(self, bars: Sequence[Bars]) -> Market:
        """Return the same market with other bars: no detail, no marks of synthetic rows."""
        return Market(tuple(bars), self.instruments, self.funding, brackets=self.brackets)


def _rows(table: Bars, start_ms: int, end_ms: int) -> tuple[int, int]:
    first, last = np.searchsorted(table["open_time"], (start_ms, end_ms))
    return int(first), int(last)


def _cut(table: Bars, first: int, last: int) -> Bars:
    if first == 0 and last == len(table):
        return table
    return Bars(table.instrument, table.period, {name: table[name][first:last] for name in table})
