"""The bars on which a strategy is judged, cut off after any bar, or with another future behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.quant.bars import COLUMNS, Bars, Funding, Settlements
from quantservice.quant.strategies.bar import close_times

Flavour = Literal["mirrored", "higher", "lower"]
_FACTOR: Final = {"higher": 1.75, "lower": 0.55}


@dataclass(frozen=True, eq=False)
class Market:
    """Tables of one period with their funding. ``clock`` is the union of their open times."""

    tables: tuple[Bars, ...]
    funding: Mapping[str, Settlements] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tables or not all(len(table) for table in self.tables):
            raise InvalidValue("bars", "the gate needs bars of every instrument")

    @property
    def period(self) -> str:
        """The one period."""
        return self.tables[0].period

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """The full names, in the order of the tables."""
        return tuple(InstrumentId.parse(table.instrument) for table in self.tables)

    @cached_property
    def clock(self) -> npt.NDArray[np.int64]:
        """All open times, rising; asked for again and again, so it is made once."""
        return np.unique(np.concatenate([table["open_time"] for table in self.tables]))

    def last(self, bars: int) -> Market:
        """Return the last ``bars`` of the clock."""
        clock = self.clock
        return self.between(clock[max(0, len(clock) - bars)], clock[-1])

    def between(self, first: int, last: int) -> Market:
        """Return the bars that open in ``[first, last]``; instruments without any are left out."""
        kept = []
        for table in self.tables:
            rows = (table["open_time"] >= first) & (table["open_time"] <= last)
            if rows.any():
                kept.append(Bars(table.instrument, table.period, {name: table[name][rows] for name in COLUMNS}))
        return Market(tuple(kept), self.funding)

    def altered(self, after: int, until: int, flavour: Flavour) -> Market:
        """Return the bars up to ``until`` (open time), those that open later than ``after`` changed beyond recognition.

        ``mirrored``: every return has the other sign. ``higher``, ``lower``: another level, other volumes. All stay valid bars.
        """
        tables = []
        for table in self.tables:
            times = table["open_time"]
            rows = slice(0, int(np.searchsorted(times, until, side="right")))
            columns = {name: table[name][rows].copy() for name in COLUMNS}
            _alter(columns, int(np.searchsorted(times[rows], after, side="right")), flavour)
            tables.append(Bars(table.instrument, table.period, columns))
        known = int(close_times(self.period, np.array([after], dtype=np.int64))[0])
        funding = {
            name: Funding(item.time, np.where(item.time > known, -item.rate - 0.0003, item.rate))
            for name, item in self.funding.items()
        }
        return Market(tuple(table for table in tables if len(table)), funding)


def _alter(columns: dict[str, npt.NDArray[np.float64]], first: int, flavour: Flavour) -> None:
    if first >= len(columns["open"]):
        return
    future = slice(first, None)
    if flavour == "mirrored":
        pivot = columns["close"][first - 1] if first else columns["open"][0]
        squared = float(pivot) ** 2
        high, low = squared / columns["low"][future], squared / columns["high"][future]
        columns["open"][future] = squared / columns["open"][future]
        columns["close"][future] = squared / columns["close"][future]
        columns["high"][future], columns["low"][future] = high, low
        factor = 1.0
    else:
        factor = _FACTOR[flavour]
        for name in ("open", "high", "low", "close"):
            columns[name][future] *= factor
    # Volumes change bar by bar, so that one read too early is told from the right one.
    length = len(columns["open"]) - first
    wave = np.resize(np.array([3.0, 0.4, 2.1, 0.7, 5.3]), length)
    for name in ("volume", "quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume"):
        columns[name][future] = columns[name][future] * wave + 1.0
    columns["count"][future] = np.floor(columns["count"][future] * wave) + 1.0
    columns["quote_volume"][future] *= factor


def tables_of(bars: Bars | Sequence[Bars]) -> tuple[Bars, ...]:
    """Return one or several tables as a tuple."""
    return (bars,) if isinstance(bars, Bars) else tuple(bars)
