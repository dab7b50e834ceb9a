"""The sums of a sweep, as :mod:`quantservice.quant.metrics.summary` keeps them. Compiled."""

from __future__ import annotations

from typing import Any

import numba

from quantservice.quant.backtest.kernel.layout import (
    C_SUMS,
    C_TIERED,
    N_DAY,
    S_VOLUME,
)
from quantservice.quant.backtest.kernel.memory import Memory
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


@inner
def sum_bar(m: Memory, close_time: int, equity: float, worst: float, held: bool) -> None:
    """Take the state at a close."""
    if m.c[C_SUMS] != 0.0:
        add_bar(array_of(m.sums, SUMS), array_of(m.daily, m.days), close_time, equity, worst, held)


@inner
def sum_fill(m: Memory, notional: float, fee: float, slippage: float) -> None:
    """Take a fill, in the reporting currency."""
    if m.c[C_TIERED] != 0.0:
        m.stats[S_VOLUME + m.n[N_DAY] % 31] += notional
    if m.c[C_SUMS] != 0.0:
        add_fill(array_of(m.sums, SUMS), notional, fee, slippage)


@inner
def sum_trade(m: Memory, net: float, change: float, side: float, milliseconds: float) -> None:
    """Take a closed round trip."""
    if m.c[C_SUMS] != 0.0:
        add_trade(array_of(m.sums, SUMS), net, change, int(side), int(milliseconds))


@inner
def sum_funding(m: Memory, amount: float, missing: bool) -> None:
    """Take a settlement of an open position."""
    if m.c[C_SUMS] != 0.0:
        add_funding(array_of(m.sums, SUMS), amount, missing)


@inner
def sum_liquidation(m: Memory) -> None:
    """Take a forced closing."""
    if m.c[C_SUMS] != 0.0:
        add_liquidation(array_of(m.sums, SUMS))
