"""What is due at a time: rules, margin tiers and fees of a date, funding settlements. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import currency_of, leg_of, set_liquidation, unit_value
from quantservice.quant.backtest.kernel.journal import begin_row, put
from quantservice.quant.backtest.kernel.layout import (
    C_END_EVENT,
    C_SUMS,
    C_TIERED,
    E_FIRST,
    E_INSTRUMENT,
    E_KIND,
    E_SECOND,
    E_TIME,
    EVENT_FEES,
    EVENT_FUNDING,
    EVENT_RULES,
    EVENT_TIERS,
    I_COLUMNS,
    I_FEES,
    I_FEES_END,
    I_MAKER,
    I_MARK,
    I_STATUS,
    I_TAKER,
    I_TICK,
    I_TIERS,
    I_TIERS_END,
    J_FUNDING,
    L_QUANTITY,
    N_DAY,
    N_EVENT,
    N_NEXT,
    N_NOW,
    S_VOLUME,
    SUM_FUNDING,
    T_FUNDING,
    TABLE_COLUMNS,
    W_BALANCE,
    W_RATE,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.units import ADD_UP
from quantservice.quant.jit import inner

DAY_MS = 86_400_000
NEVER = 1 << 62


@inner
def settle_funding(m: Memory, s: int, time: float, rate: float, mark: float) -> None:
    """Pay or receive a settlement on what is held; one without a rate is written down as missing."""
    w = currency_of(m, s)
    price = m.inst[s * I_COLUMNS + I_MARK] if math.isnan(mark) else mark
    for k in range(m.sides):
        j = leg_of(m, s, k)
        quantity = m.legs[j + L_QUANTITY]
        if quantity == 0.0:
            continue
        missing = math.isnan(rate)
        amount = 0.0 if missing else -quantity * unit_value(m, s, price) * rate
        m.cur[w + W_BALANCE] += amount
        m.legs[j + T_FUNDING] += amount
        if m.c[C_SUMS] != 0.0:
            ADD_UP(m.book, (SUM_FUNDING, amount * m.cur[w + W_RATE], 1.0 if missing else 0.0, 0.0, 0.0))
        row = begin_row(m, J_FUNDING)
        if row >= 0:
            m.journal[row + 1] = time
            put(m, row + 3, (float(s), float(k), quantity, price, rate, amount, m.cur[w + W_RATE], 1.0 if missing else 0.0))


@inner
def set_fees(m: Memory, s: int) -> None:
    """Take the fee tier that the traded volume of the last 30 days has earned."""
    i, volume = s * I_COLUMNS, 0.0
    if m.c[C_TIERED] != 0.0:
        for day in range(31):
            volume += m.stats[S_VOLUME + day]
    for row in range(int(m.inst[i + I_FEES]), int(m.inst[i + I_FEES_END])):
        b = row * TABLE_COLUMNS
        if m.tab[b] <= volume:
            m.inst[i + I_MAKER] = m.tab[b + 1]
            m.inst[i + I_TAKER] = m.tab[b + 2]


@inner
def begin_day(m: Memory, day: int) -> None:
    """Forget the volume of the days that are gone and look the fee tiers up again, once a day as venues do."""
    for gone in range(max(m.n[N_DAY] + 1, day - 30), day + 1):
        m.stats[S_VOLUME + gone % 31] = 0.0
    m.n[N_DAY] = day
    for s in range(m.traded):
        set_fees(m, s)


@inner
def apply_event(m: Memory, e: int) -> None:
    """Apply one row of the calendar."""
    kind, s = int(m.tab[e + E_KIND]), int(m.tab[e + E_INSTRUMENT])
    i, first = s * I_COLUMNS, m.tab[e + E_FIRST]
    if kind == EVENT_FUNDING:
        settle_funding(m, s, m.tab[e + E_TIME], first, m.tab[e + E_SECOND])
    elif kind == EVENT_RULES:
        for column in range(4):
            m.inst[i + I_TICK + column] = m.tab[int(first) * TABLE_COLUMNS + column]
    elif kind == EVENT_TIERS:
        m.inst[i + I_TIERS] = first
        m.inst[i + I_TIERS_END] = m.tab[e + E_SECOND]
        for k in range(m.sides):
            set_liquidation(m, s, leg_of(m, s, k))
    elif kind == EVENT_FEES:
        m.inst[i + I_FEES] = first
        m.inst[i + I_FEES_END] = m.tab[e + E_SECOND]
        set_fees(m, s)
    else:
        m.inst[i + I_STATUS] = first


def apply_due_unit(book: Any) -> None:
    """Unit: apply everything that is due by now, in the order of its time."""
    m = memory_of(book)
    now, last = m.n[N_NOW], int(m.c[C_END_EVENT])
    if m.c[C_TIERED] != 0.0 and now // DAY_MS != m.n[N_DAY]:
        begin_day(m, now // DAY_MS)
    while m.n[N_EVENT] < last and m.tab[m.n[N_EVENT] * TABLE_COLUMNS] <= now:
        apply_event(m, m.n[N_EVENT] * TABLE_COLUMNS)
        m.n[N_EVENT] += 1
    due = NEVER if m.n[N_EVENT] >= last else int(m.tab[m.n[N_EVENT] * TABLE_COLUMNS])
    m.n[N_NEXT] = min(due, (m.n[N_DAY] + 1) * DAY_MS) if m.c[C_TIERED] != 0.0 else due
