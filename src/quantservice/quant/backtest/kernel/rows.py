"""One row of the finest clock: what happens inside it, in its order. Compiled.

The calendar and funding at the open, liquidation by a gap, what fills at the open, what is touched inside (stops, then entries,
then stops again), liquidation, what is touched in favour (exits), the close. The worse comes first.
"""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import currency_of, leg_of, leg_profit
from quantservice.quant.backtest.kernel.layout import (
    AT_HIGHS,
    AT_LOWS,
    AT_OPEN,
    C_CAP,
    C_CONVERTS,
    C_CROSS,
    C_MARGIN,
    C_ROW_MS,
    C_UNFIT,
    CLOSED,
    DELISTED,
    I_COLUMNS,
    I_FIT,
    I_LEFT,
    I_MARK,
    I_ROW,
    I_STATUS,
    L_COLUMNS,
    L_HELD,
    L_LIQUIDATION,
    L_QUANTITY,
    LAST,
    N_AT_CLOSE,
    N_DONE,
    N_HELD,
    N_NEXT,
    N_NOW,
    N_OPEN,
    N_PENDING,
    N_ROW,
    O_COLUMNS,
    O_STATUS,
    S_BAR_WORST,
    T_HIGHEST,
    T_LOWEST,
    W_BALANCE,
    W_COLUMNS,
    W_RATE,
    W_SOURCE,
)
from quantservice.quant.backtest.kernel.liquidation import price_in
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.units import (
    APPLY_DUE,
    FILL_TARGETS,
    FORCE_OUT,
    LIQUIDATE_CROSS,
    LIQUIDATE_ISOLATED,
    MEET_ORDERS,
)
from quantservice.quant.jit import inner


@inner
def compact(m: Memory) -> None:
    """Take closed orders out of the table; the others keep their order."""
    kept = 0
    for place in range(m.n[N_OPEN]):
        if m.orders[place * O_COLUMNS + O_STATUS] == CLOSED:
            continue
        if kept != place:
            for column in range(O_COLUMNS):
                m.orders[kept * O_COLUMNS + column] = m.orders[place * O_COLUMNS + column]
        kept += 1
    m.n[N_OPEN] = kept
    m.n[N_DONE] = 0


@inner
def look(m: Memory, f: int) -> None:
    """Mark every instrument at a price of the row, and note what may fill in it."""
    unfit, cap = int(m.c[C_UNFIT]), m.c[C_CAP]
    closed = m.n[N_AT_CLOSE] != 0
    for s in range(m.wide):
        cell, i = f * m.wide + s, s * I_COLUMNS
        state = m.rows[cell]
        if state != 0:
            m.inst[i + I_MARK] = m.close[cell] if closed else m.open[cell]
        m.inst[i + I_FIT] = 1.0 if state != 0 and (state & unfit) == 0 and m.inst[i + I_STATUS] != 0.0 else 0.0
        if m.inst[i + I_ROW] != f:
            m.inst[i + I_ROW] = f
            m.inst[i + I_LEFT] = cap * m.volume[cell] if cap > 0.0 else math.inf
    convert(m)


@inner
def convert(m: Memory) -> None:
    """Take the marks that convert settlement currencies into the reporting currency."""
    for w in range(0, m.currencies * W_COLUMNS, W_COLUMNS):
        source = int(m.cur[w + W_SOURCE])
        if source >= 0 and m.inst[source * I_COLUMNS + I_MARK] > 0.0:
            m.cur[w + W_RATE] = m.inst[source * I_COLUMNS + I_MARK]


@inner
def begin_open(m: Memory, f: int) -> None:
    """Do what happens at the open of a row."""
    look(m, f)
    APPLY_DUE(m.book, ())
    if m.n[N_HELD] > 0:
        if m.c[C_CROSS] != 0.0:
            LIQUIDATE_CROSS(m.book, (f, AT_OPEN))
        elif m.c[C_MARGIN] != 0.0:
            LIQUIDATE_ISOLATED(m.book, (f, AT_OPEN))
    if m.n[N_PENDING] > 0:
        FILL_TARGETS(m.book, (f,))
    if m.n[N_OPEN] > 0:
        MEET_ORDERS(m.book, (f, AT_OPEN))
    for j in range(0, m.traded * m.sides * L_COLUMNS, L_COLUMNS):
        m.legs[j + L_HELD] = abs(m.legs[j + L_QUANTITY])


@inner
def rate_at(m: Memory, f: int, w: int, scene: float) -> float:
    """Return what a settlement currency is worth at the open, low or high of a row."""
    source = int(m.cur[w + W_SOURCE])
    return price_in(m, f, source, scene) if source >= 0 and m.rows[f * m.wide + source] != 0 else m.cur[w + W_RATE]


@inner
def equity_at(m: Memory, f: int, scene: float) -> float:
    """Return the equity with all prices at their open, low or high of a row."""
    total = 0.0
    for w in range(0, m.currencies * W_COLUMNS, W_COLUMNS):
        total += m.cur[w + W_BALANCE] * rate_at(m, f, w, scene)
    for s in range(m.traded):
        for k in range(m.sides):
            j = leg_of(m, s, k)
            if m.legs[j + L_QUANTITY] != 0.0:
                total += leg_profit(m, s, j, price_in(m, f, s, scene)) * rate_at(m, f, currency_of(m, s), scene)
    return total


@inner
def in_danger(m: Memory, f: int) -> bool:
    """Say whether a row reaches the liquidation price of a leg."""
    danger = False
    for s in range(m.traded):
        cell = f * m.wide + s
        if m.rows[cell] != 0:
            for k in range(m.sides):
                j = leg_of(m, s, k)
                long, border = m.legs[j + L_QUANTITY] > 0.0, m.legs[j + L_LIQUIDATION]
                danger = danger or (m.low[cell] <= border if long else m.high[cell] >= border)
    return danger


@inner
def see_extremes(m: Memory, f: int) -> None:
    """Liquidate what the row's extremes reach, note the worst equity and how far prices went against and for each leg."""
    if m.c[C_CROSS] != 0.0:
        LIQUIDATE_CROSS(m.book, (f, AT_LOWS))
        LIQUIDATE_CROSS(m.book, (f, AT_HIGHS))
    elif in_danger(m, f):
        LIQUIDATE_ISOLATED(m.book, (f, AT_LOWS))
    worst = min(equity_at(m, f, AT_LOWS), equity_at(m, f, AT_HIGHS))
    m.stats[S_BAR_WORST] = min(m.stats[S_BAR_WORST], worst)
    for s in range(m.traded):
        cell = f * m.wide + s
        if m.rows[cell] == 0:
            continue
        for k in range(m.sides):
            j = leg_of(m, s, k)
            if m.legs[j + L_QUANTITY] != 0.0:
                m.legs[j + T_LOWEST] = min(m.legs[j + T_LOWEST], m.low[cell])
                m.legs[j + T_HIGHEST] = max(m.legs[j + T_HIGHEST], m.high[cell])


@inner
def leave(m: Memory, f: int, s: int) -> None:
    """Close what is held of an instrument at its last price."""
    m.n[N_NOW] = m.times[f] + int(m.c[C_ROW_MS]) - 1
    for k in range(m.sides if s < m.traded else 0):
        FORCE_OUT(m.book, (s, k, m.inst[s * I_COLUMNS + I_MARK], 0.0, DELISTED))
    m.inst[s * I_COLUMNS + I_STATUS] = 0.0
    compact(m)


def run_row_unit(book: Any, f: int) -> None:
    """Unit: take one row of the finest clock."""
    m = memory_of(book)
    m.n[N_ROW] = f
    m.n[N_NOW] = m.times[f]
    if m.n[N_PENDING] > 0 or m.n[N_OPEN] > 0 or m.times[f] >= m.n[N_NEXT]:
        begin_open(m, f)
    working = m.n[N_OPEN] > 0
    if working:
        MEET_ORDERS(m.book, (f, AT_LOWS))
    if working or m.n[N_HELD] > 0 or m.c[C_CONVERTS] != 0.0:
        see_extremes(m, f)
    if working:
        MEET_ORDERS(m.book, (f, AT_HIGHS))
        compact(m)
    for s in range(m.wide):
        state = m.rows[f * m.wide + s]
        if state != 0:
            m.inst[s * I_COLUMNS + I_MARK] = m.close[f * m.wide + s]
            if state & LAST != 0:
                leave(m, f, s)
    convert(m)
