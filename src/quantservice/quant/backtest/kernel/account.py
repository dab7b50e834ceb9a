"""What a fill does to an account: profit, fee, margin, and the round trip it belongs to. Compiled.

``s`` numbers an instrument, ``k`` its leg (0 or 1); ``i`` and ``j`` are the offsets of their columns.
"""

from __future__ import annotations

import math

from quantservice.quant.backtest.kernel.layout import (
    B_AMOUNT,
    B_CAP,
    B_FLOOR,
    B_LEVERAGE,
    B_RATE,
    C_CROSS,
    I_COLUMNS,
    I_CURRENCY,
    I_INVERSE,
    I_LEVERAGE,
    I_MARK,
    I_SIZE,
    I_SPOT,
    I_TIERS,
    I_TIERS_END,
    L_COLUMNS,
    L_COST,
    L_HELD,
    L_LIQUIDATION,
    L_MARGIN,
    L_QUANTITY,
    N_BAR,
    N_HELD,
    N_NOW,
    T_BAR,
    T_ENTERED,
    T_ENTRY_VALUE,
    T_EXIT_VALUE,
    T_EXITED,
    T_GROSS,
    T_HIGHEST,
    T_LOWEST,
    T_TAG,
    T_TIME,
    TABLE_COLUMNS,
    W_BALANCE,
    W_COLUMNS,
    W_RATE,
)
from quantservice.quant.backtest.kernel.memory import Memory
from quantservice.quant.jit import inner

#: Below this share of a quantity a remainder is the dust of a rounding.
DUST = 1e-12


@inner
def leg_of(m: Memory, s: int, k: int) -> int:
    """Return the offset of a leg."""
    return (s * m.sides + k) * L_COLUMNS


@inner
def currency_of(m: Memory, s: int) -> int:
    """Return the offset of an instrument's settlement currency."""
    return int(m.inst[s * I_COLUMNS + I_CURRENCY]) * W_COLUMNS


@inner
def unit_value(m: Memory, s: int, price: float) -> float:
    """Return the value of one unit or contract at a price, in the settlement currency."""
    i = s * I_COLUMNS
    size = m.inst[i + I_SIZE]
    return size / price if m.inst[i + I_INVERSE] != 0.0 else size * price


@inner
def open_profit(m: Memory, s: int, quantity: float, cost: float, price: float) -> float:
    """Return the profit of what is open, marked at a price."""
    value = quantity * unit_value(m, s, price)
    return cost - value if m.inst[s * I_COLUMNS + I_INVERSE] != 0.0 else value - cost


@inner
def leg_profit(m: Memory, s: int, j: int, price: float) -> float:
    """Return the open profit of a leg at a price; 0 when flat."""
    quantity = m.legs[j + L_QUANTITY]
    return open_profit(m, s, quantity, m.legs[j + L_COST], price) if quantity != 0.0 else 0.0


@inner
def equity_of(m: Memory) -> float:
    """Return the equity in the reporting currency at the present marks."""
    total = 0.0
    for w in range(0, m.currencies * W_COLUMNS, W_COLUMNS):
        total += m.cur[w + W_BALANCE] * m.cur[w + W_RATE]
    for s in range(m.traded):
        for k in range(m.sides):
            j = leg_of(m, s, k)
            if m.legs[j + L_QUANTITY] != 0.0:
                total += leg_profit(m, s, j, m.inst[s * I_COLUMNS + I_MARK]) * m.cur[currency_of(m, s) + W_RATE]
    return total


@inner
def liquidation_price(m: Memory, s: int, quantity: float, cost: float, wallet: float) -> float:
    """Return the price at which ``wallet`` plus the open profit equals the maintenance margin; NaN: none does.

    The formulas of :func:`quantservice.core.margin.liquidation_price`, with the entry value in place of the entry price.
    """
    i = s * I_COLUMNS
    direction = 1.0 if quantity > 0.0 else -1.0
    size = abs(quantity) * m.inst[i + I_SIZE]
    inverse = m.inst[i + I_INVERSE] != 0.0
    last = int(m.inst[i + I_TIERS_END]) - 1
    for row in range(int(m.inst[i + I_TIERS]), last + 1):
        b = row * TABLE_COLUMNS
        rate, backing = m.tab[b + B_RATE], wallet + m.tab[b + B_AMOUNT]
        above = size * (rate + direction) if inverse else backing - cost
        below = backing + cost if inverse else size * (rate - direction)
        price = above / below if below != 0.0 else 0.0
        if price > 0.0:
            value = size / price if inverse else size * price
            if m.tab[b + B_FLOOR] <= value and (value < m.tab[b + B_CAP] or row == last):
                return price
    return math.nan


@inner
def maintenance(m: Memory, s: int, quantity: float, price: float) -> float:
    """Return the maintenance margin of a position marked at a price."""
    i = s * I_COLUMNS
    value = abs(quantity) * unit_value(m, s, price)
    last = int(m.inst[i + I_TIERS_END]) - 1
    row = int(m.inst[i + I_TIERS])
    while row < last and value >= m.tab[row * TABLE_COLUMNS + B_CAP]:
        row += 1
    b = row * TABLE_COLUMNS
    return value * m.tab[b + B_RATE] - m.tab[b + B_AMOUNT]


@inner
def set_liquidation(m: Memory, s: int, j: int) -> None:
    """Refresh the price at which a leg with a margin of its own is liquidated."""
    quantity = m.legs[j + L_QUANTITY]
    m.legs[j + L_LIQUIDATION] = math.nan
    if quantity != 0.0 and m.inst[s * I_COLUMNS + I_SPOT] == 0.0 and m.c[C_CROSS] == 0.0:
        m.legs[j + L_LIQUIDATION] = liquidation_price(m, s, quantity, m.legs[j + L_COST], m.legs[j + L_MARGIN])


@inner
def affordable(m: Memory, s: int, price: float, fee_rate: float) -> float:
    """Return the quantity that the free balance can open at a price, its fee included."""
    w, cross = currency_of(m, s), m.c[C_CROSS] != 0.0
    free = m.cur[w + W_BALANCE]
    for leg in range(m.traded * m.sides):
        other, j = leg // m.sides, leg * L_COLUMNS
        o = other * I_COLUMNS
        held = m.legs[j + L_QUANTITY]
        if held != 0.0 and currency_of(m, other) == w:
            if m.inst[o + I_SPOT] != 0.0:
                free -= m.legs[j + L_COST]
            elif cross:
                mark = m.inst[o + I_MARK]
                free += leg_profit(m, other, j, mark) - abs(held) * unit_value(m, other, mark) / m.inst[o + I_LEVERAGE]
            else:
                free -= m.legs[j + L_MARGIN]
    return max(0.0, free) / (unit_value(m, s, price) * (1.0 / m.inst[s * I_COLUMNS + I_LEVERAGE] + max(0.0, fee_rate)))


@inner
def largest(m: Memory, s: int, j: int, price: float) -> float:
    """Return the quantity that the tiers still allow to open at the instrument's leverage."""
    i, most = s * I_COLUMNS, 0.0
    for row in range(int(m.inst[i + I_TIERS]), int(m.inst[i + I_TIERS_END])):
        if m.tab[row * TABLE_COLUMNS + B_LEVERAGE] >= m.inst[i + I_LEVERAGE]:
            most = m.tab[row * TABLE_COLUMNS + B_CAP]
    return max(0.0, most / unit_value(m, s, price) - abs(m.legs[j + L_QUANTITY]))


@inner
def shrink(m: Memory, s: int, j: int, amount: float, unit: float) -> float:
    """Take ``amount`` off a leg at ``unit`` value each; return the profit that this realises."""
    held, cost = m.legs[j + L_QUANTITY], m.legs[j + L_COST]
    whole = amount >= abs(held) * (1.0 - DUST)
    part = 1.0 if whole else amount / abs(held)
    entry = cost * part
    leaving = -amount * unit if held > 0.0 else amount * unit
    realised = entry + leaving if m.inst[s * I_COLUMNS + I_INVERSE] != 0.0 else -(entry + leaving)
    m.legs[j + T_EXITED] += amount
    m.legs[j + T_EXIT_VALUE] += amount * unit
    m.legs[j + T_GROSS] += realised
    m.legs[j + L_HELD] = max(0.0, m.legs[j + L_HELD] - amount)
    left = held - amount if held > 0.0 else held + amount
    m.legs[j + L_QUANTITY] = 0.0 if whole else left
    m.n[N_HELD] -= 1 if whole else 0
    m.legs[j + L_COST] = 0.0 if whole else cost - entry
    m.legs[j + L_MARGIN] *= 1.0 - part
    return realised


@inner
def grow(m: Memory, s: int, j: int, change: float, unit: float, price: float, tag: float) -> None:
    """Add ``change`` to a leg at ``unit`` value each; a flat one begins a round trip."""
    i, value = s * I_COLUMNS, abs(change) * unit
    if m.legs[j + L_QUANTITY] == 0.0:
        m.n[N_HELD] += 1
        for column in range(T_ENTERED, T_TIME):
            m.legs[j + column] = 0.0
        m.legs[j + T_TIME] = m.n[N_NOW]
        m.legs[j + T_BAR] = m.n[N_BAR]
        m.legs[j + T_LOWEST] = price
        m.legs[j + T_HIGHEST] = price
        m.legs[j + T_TAG] = tag
    m.legs[j + L_QUANTITY] += change
    m.legs[j + L_COST] += change * unit
    m.legs[j + T_ENTERED] += abs(change)
    m.legs[j + T_ENTRY_VALUE] += value
    if m.inst[i + I_SPOT] == 0.0:
        m.legs[j + L_MARGIN] += value / m.inst[i + I_LEVERAGE]
