"""The sums of a sweep, as :mod:`quantservice.quant.metrics.summary` keeps them. Compiled, and only for sweeps."""

from __future__ import annotations

from typing import Any

import numba

from quantservice.quant.backtest.kernel.layout import (
    N_HEAPED,
    SUM_FILL,
    SUM_FUNDING,
    SUM_TRADE,
    V_CASH,
    V_COLUMNS,
    V_EQUITY,
    V_GROSS,
    V_WORST,
)
from quantservice.quant.backtest.kernel.memory import memory_of
from quantservice.quant.jit import COMPILED, inner
from quantservice.quant.metrics.summary import SUMS, add_bar, add_fill, add_funding, add_liquidation, add_trade

if COMPILED:

    @inner
    def array_of(table: Any, size: int) -> Any:
        """Return the first numbers of a table as an array."""
        return numba.carray(table, size)

else:

    def array_of(table: Any, size: int) -> Any:
        """Return the first numbers of a table as an array."""
        return table[:size]


def add_bars_unit(book: Any) -> None:
    """Unit: take the bars that were heaped up into the sums."""
    m = memory_of(book)
    sums, daily = array_of(m.sums, SUMS), array_of(m.daily, m.days)
    for v in range(0, m.n[N_HEAPED] * V_COLUMNS, V_COLUMNS):
        close_time = m.closes[int(m.curve[v + V_CASH])]
        add_bar(sums, daily, close_time, m.curve[v + V_EQUITY], m.curve[v + V_WORST], m.curve[v + V_GROSS] != 0.0)
    m.n[N_HEAPED] = 0


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
