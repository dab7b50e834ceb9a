"""Bars as whole numbers: columns of an int64 table, and their exact aggregation into longer periods.

A row is ``open_time, open, high, low, close, volume, quote, count, taker_volume, taker_quote, first_id``. Prices are
in units of ``10**-price_decimals``, quantities in lots, quote amounts in units of ``10**-quote_decimals``.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.periods import DAY_MS, FIXED_MS, HOUR_MS, floor_open, next_open
from quantservice.simulator.config import MarketName, SymbolSpec

IntTable = npt.NDArray[np.int64]
TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE, COUNT, TAKER_VOLUME, TAKER_QUOTE, FIRST_ID = range(11)
COLUMNS: Final = 11


class Bar(msgspec.Struct, gc=False):
    """One bar being built; mutable, because the live market folds trades into it."""

    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    quote: int = 0
    count: int = 0
    taker_volume: int = 0
    taker_quote: int = 0
    first_id: int = -1

    @classmethod
    def of(cls, row: Any) -> Bar:
        """Return the bar of a table's row."""
        return cls(*(int(value) for value in row))

    def fold(self, other: Bar) -> None:
        """Take the bar that follows into this one."""
        self.high = max(self.high, other.high)
        self.low = min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.quote += other.quote
        self.count += other.count
        self.taker_volume += other.taker_volume
        self.taker_quote += other.taker_quote


class Trades(msgspec.Struct, frozen=True):
    """Consecutive trades as columns. ``ids`` are the last trade ids; ``first_ids`` differ for aggregated ones."""

    times: list[int]
    prices: list[int]
    quantities: list[int]
    quotes: list[int]
    sells: list[bool]
    ids: list[int]
    first_ids: list[int]
    bids: list[int]
    asks: list[int]


class History(Protocol):
    """What a symbol's market can be asked, at any instant, with the same answer every time."""

    spec: SymbolSpec
    market: MarketName
    base_ms: int
    first_ms: int
    end_ms: int | None

    def rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return the bars of the base period that open in ``[start_ms, end_ms)``, oldest first."""
        ...

    def coarse_rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return bars of the base period, or of the hour where that is cheaper, of a span between full hours."""
        ...

    async def warm(self, start_ms: int, end_ms: int) -> None:
        """Make :meth:`coarse_rows` of a long span cheap without holding up the loop."""
        ...

    def price_before(self, time_ms: int) -> int:
        """Return the price just before an instant, in the symbol's smallest unit; 0 before its first bar."""
        ...

    def trades(self, start_ms: int, end_ms: int) -> Trades:
        """Return the trades with ``start_ms <= time < end_ms``."""
        ...

    def block_end(self, time_ms: int) -> int:
        """Return the end of the block of trades that is cheap to fetch at once and contains ``time_ms``."""
        ...

    def exact_text(self, period: str, open_ms: int) -> tuple[str, ...] | None:
        """Return the source's own text of a bar's ten values, if it has one."""
        ...


def rows_for(history: History, period: str, start_ms: int, end_ms: int) -> IntTable:
    """Return rows that :func:`aggregate` can build ``period`` from; ``start_ms`` is one of its borders."""
    border = end_ms // HOUR_MS * HOUR_MS
    if history.base_ms >= HOUR_MS or FIXED_MS.get(period, DAY_MS) % HOUR_MS or border <= start_ms:
        return history.rows(start_ms, end_ms)
    return np.concatenate([history.coarse_rows(start_ms, border), history.rows(border, end_ms)])


def aggregate(rows: IntTable, period: str) -> IntTable:
    """Return the bars of ``period`` made of ``rows``; the first and last may be incomplete."""
    if len(rows) == 0:
        return rows
    times = rows[:, TIME]
    length = FIXED_MS.get(period)
    opens = times // length * length if length is not None and length < 7 * 86400000 else _calendar_opens(times, period)
    starts = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    ends = np.append(starts[1:], len(rows)) - 1
    out = np.empty((len(starts), COLUMNS), dtype=np.int64)
    out[:, TIME] = opens[starts]
    out[:, OPEN] = rows[starts, OPEN]
    out[:, HIGH] = np.maximum.reduceat(rows[:, HIGH], starts)
    out[:, LOW] = np.minimum.reduceat(rows[:, LOW], starts)
    out[:, CLOSE] = rows[ends, CLOSE]
    for column in (VOLUME, QUOTE, COUNT, TAKER_VOLUME, TAKER_QUOTE):
        out[:, column] = np.add.reduceat(rows[:, column], starts)
    out[:, FIRST_ID] = rows[starts, FIRST_ID]
    return out


def _calendar_opens(times: IntTable, period: str) -> IntTable:
    opens = np.empty_like(times)
    index = 0
    while index < len(times):
        start = floor_open(period, int(times[index]))
        stop = int(np.searchsorted(times, next_open(period, start)))
        opens[index:stop] = start
        index = stop
    return opens
