"""What the engine writes down: fills, round trips, payments, orders. Compiled; rows are those of :mod:`..records`."""

from __future__ import annotations

import math

from quantservice.quant.backtest.kernel.account import currency_of, leg_profit, unit_value
from quantservice.quant.backtest.kernel.layout import (
    C_RECORD,
    C_SUMS,
    CLOSED,
    I_COLUMNS,
    I_INVERSE,
    I_MARK,
    I_SIZE,
    J_COLUMNS,
    J_ORDER,
    J_TRADE,
    L_FILLED,
    L_FILLED_VALUE,
    L_ORDER,
    L_ORDER_BAR,
    L_ORDER_FEE,
    L_ORDER_TAG,
    L_ORDER_TIME,
    L_ORDERED,
    L_PENDING,
    L_QUANTITY,
    N_BAR,
    N_DONE,
    N_JOURNAL,
    N_NOW,
    N_PENDING,
    O_BAR,
    O_FEE,
    O_ID,
    O_INSTRUMENT,
    O_LEFT,
    O_LIMIT,
    O_QUANTITY,
    O_STATUS,
    O_STOP,
    O_TAG,
    O_TIME,
    O_VALUE,
    REJECTED,
    S_REJECTED,
    SIGNAL,
    STILL_OPEN,
    SUM_TRADE,
    T_BAR,
    T_ENTERED,
    T_ENTRY_VALUE,
    T_EXIT_VALUE,
    T_EXITED,
    T_FEES,
    T_FUNDING,
    T_GROSS,
    T_HIGHEST,
    T_LOWEST,
    T_SLIPPAGE,
    T_TAG,
    T_TIME,
    W_RATE,
)
from quantservice.quant.backtest.kernel.memory import Memory
from quantservice.quant.backtest.kernel.units import ADD_UP
from quantservice.quant.jit import inner


@inner
def begin_row(m: Memory, kind: float) -> int:
    """Begin a row of the journal and return its offset; -1 where nothing is recorded."""
    if m.c[C_RECORD] == 0.0:
        return -1
    row = m.n[N_JOURNAL] * J_COLUMNS
    m.n[N_JOURNAL] += 1
    m.journal[row] = kind
    m.journal[row + 1] = m.n[N_NOW]
    m.journal[row + 2] = m.n[N_BAR]
    return row


@inner
def put(m: Memory, first: int, values: tuple[float, ...]) -> None:
    """Write numbers into consecutive columns."""
    for value in values:
        m.journal[first] = value
        first += 1


@inner
def write_order(m: Memory, o: int, kind: float, state: float, why: float) -> None:
    """Write an open order with its state; ``kind`` is J_ORDER for its last state, J_ACCEPTED for its first."""
    row = begin_row(m, kind)
    if row < 0:
        return
    filled = m.orders[o + O_QUANTITY] - m.orders[o + O_LEFT]
    m.journal[row + 1] = m.orders[o + O_ID]
    m.journal[row + 2] = m.orders[o + O_TIME]
    m.journal[row + 3] = m.orders[o + O_BAR]
    m.journal[row + 4] = m.n[N_NOW]
    for column in range(O_INSTRUMENT, O_QUANTITY + 1):
        m.journal[row + 4 + column] = m.orders[o + column]
    m.journal[row + 10] = m.orders[o + O_LIMIT]
    m.journal[row + 11] = m.orders[o + O_STOP]
    average = m.orders[o + O_VALUE] / filled if filled > 0.0 else math.nan
    put(m, row + 12, (filled, average, m.orders[o + O_FEE], state, why, m.orders[o + O_TAG]))


@inner
def end_order(m: Memory, o: int, state: float, why: float) -> None:
    """Close an open order for good and write down what became of it."""
    m.orders[o + O_STATUS] = CLOSED
    m.n[N_DONE] += 1
    if state == REJECTED:
        m.stats[S_REJECTED] += 1.0
    write_order(m, o, J_ORDER, state, why)


@inner
def end_target(m: Memory, s: int, k: int, j: int, state: float, why: float) -> None:
    """Close the order that a target made and write down what became of it."""
    m.legs[j + L_PENDING] = 0.0
    m.n[N_PENDING] -= 1
    if state == REJECTED:
        m.stats[S_REJECTED] += 1.0
    row = begin_row(m, J_ORDER)
    if row < 0:
        return
    filled, ordered = m.legs[j + L_FILLED], m.legs[j + L_ORDERED]
    average = m.legs[j + L_FILLED_VALUE] / filled if filled > 0.0 else math.nan
    m.journal[row + 1] = m.legs[j + L_ORDER]
    m.journal[row + 2] = m.legs[j + L_ORDER_TIME]
    m.journal[row + 3] = m.legs[j + L_ORDER_BAR]
    m.journal[row + 4] = m.n[N_NOW]
    side = 1.0 if ordered >= 0.0 else -1.0
    put(m, row + 5, (float(s), float(k), side, SIGNAL, abs(ordered), math.nan))
    put(m, row + 11, (math.nan, filled, average, m.legs[j + L_ORDER_FEE], state, why))
    m.journal[row + 17] = m.legs[j + L_ORDER_TAG]


@inner
def write_trade(m: Memory, s: int, k: int, j: int, side: float, reason: float, tag: float) -> None:
    """Write the round trip of a leg that is flat now, or (``reason`` STILL_OPEN) as if it were closed at the mark."""
    i, rate = s * I_COLUMNS, m.cur[currency_of(m, s) + W_RATE]
    size, inverse = m.inst[i + I_SIZE], m.inst[i + I_INVERSE] != 0.0
    quantity, entry_value = m.legs[j + T_ENTERED], m.legs[j + T_ENTRY_VALUE]
    exited, exit_value, gross = m.legs[j + T_EXITED], m.legs[j + T_EXIT_VALUE], m.legs[j + T_GROSS]
    still_open = reason == STILL_OPEN
    if still_open:
        held, mark = abs(m.legs[j + L_QUANTITY]), m.inst[i + I_MARK]
        exited += held
        exit_value += held * unit_value(m, s, mark)
        gross += leg_profit(m, s, j, mark)
    entry = quantity * size / entry_value if inverse else entry_value / (quantity * size)
    leave = exited * size / exit_value if inverse else exit_value / (exited * size)
    fees, funding = m.legs[j + T_FEES] * rate, m.legs[j + T_FUNDING] * rate
    net = gross * rate - fees + funding
    change = net / (entry_value * rate)
    bars = m.n[N_BAR] - m.legs[j + T_BAR]
    if not still_open and m.c[C_SUMS] != 0.0:
        ADD_UP(m.book, (SUM_TRADE, net, change, side, m.n[N_NOW] - m.legs[j + T_TIME]))
    row = begin_row(m, J_TRADE)
    if row < 0:
        return
    worst, best = m.legs[j + T_LOWEST], m.legs[j + T_HIGHEST]
    if side < 0.0:
        worst, best = best, worst
    m.journal[row + 1] = m.legs[j + T_TIME]
    m.journal[row + 2] = m.n[N_NOW]
    m.journal[row + 3] = m.legs[j + T_BAR]
    m.journal[row + 4] = m.n[N_BAR]
    put(m, row + 5, (float(s), float(k), side, quantity, entry, leave, entry_value * rate, gross * rate, fees, funding))
    put(m, row + 15, (m.legs[j + T_SLIPPAGE] * rate, net, change, bars, min(0.0, side * (worst / entry - 1.0))))
    put(m, row + 20, (max(0.0, side * (best / entry - 1.0)), m.legs[j + T_TAG], tag, reason, 1.0 if still_open else 0.0))
