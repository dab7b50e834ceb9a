"""The sums of a sweep, as :mod:`quantservice.quant.metrics.summary` keeps them. Compiled, and only for sweeps."""

from __future__ import annotations

from typing import Any

import numba

from quantservice.quant.backtest.kernel.layout import (
    N_HEAPED,
    SUM_FILL,
    SUM_FUNDING,
    SUM_TRADE,
    V_COLUMNS,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.jit import COMPILED, inner
from quantservice.quant.metrics.summary import (
    SUMS,
    add_bars,
    add_fill,
    add_funding,
    add_liquidation,
    add_same,
    add_trade,
)

if COMPILED:

    @inner
    def array_of(table: Any, size: int) -> Any:
        """Return the first numbers of a table as an array."""
        return numba.carray(table, size)

else:

    def array_of(table: Any, size: int) -> Any:
        """Return the first numbers of a table as an array."""
        return table[:size]


@inner
def add_heap(m: Memory) -> None:
    """Take the bars that were heaped up into the sums."""
    sums, daily = array_of(m.sums, SUMS), array_of(m.daily, m.days)
    add_bars(sums, daily, array_of(m.closes, m.bars), array_of(m.curve, m.n[N_HEAPED] * V_COLUMNS))
    m.n[N_HEAPED] = 0


def add_bars_unit(book: Any) -> None:
    """Unit: take the bars that were heaped up into the sums."""
    add_heap(memory_of(book))


def add_flat_unit(book: Any, first: int, last: int, balance: float) -> None:
    """Unit: take bars from ``first`` to ``last`` at which nothing is held into the sums, after those that were heaped up."""
    m = memory_of(book)
    add_heap(m)
    sums, daily = array_of(m.sums, SUMS), array_of(m.daily, m.days)
    add_same(sums, daily, m.closes[first], m.closes[last], last - first + 1, balance)


def add_up_unit(book: Any, what: float, first: float, second: float, third: float, fourth: float) -> None:
    """Unit: take a fill, a closed round trip, a settlement or a liquidation into the sums."""
    m = memory_of(book)
    sums = array_of(m.sums, SUMS)
    if what == SUM_FILL:
        add_fill(sums, first, second, third)
    elif what == SUM_TRADE:
        add_trade(sums, first, second, int(third), int(fourth))
    elif what == SUM_FUNDING:
        add_funding(sums, first, second != 0.0)
    else:
        add_liquidation(sums)
