"""Targets: what is wanted becomes a quantity, and the quantity fills, reductions before increases. Compiled."""

from __future__ import annotations

import math

from quantservice.quant.backtest.kernel.account import DUST, currency_of, equity_of, leg_of, unit_value
from quantservice.quant.backtest.kernel.execution import execute, lot_of, round_down, too_small
from quantservice.quant.backtest.kernel.journal import end_target
from quantservice.quant.backtest.kernel.layout import (
    C_ALWAYS,
    C_DRIFT,
    C_FILL_SIZING,
    C_LATENCY,
    C_ROW_MS,
    CANCELLED,
    FILLED,
    HIGH,
    I_COLUMNS,
    I_FIT,
    I_MARK,
    I_SPOT,
    L_ARRIVAL,
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
    L_TARGET,
    L_TO_FILL,
    L_WANTED,
    LOW,
    N_BAR,
    N_ORDER,
    N_PENDING,
    N_SHORTS,
    N_WHY,
    OPEN,
    REJECTED,
    SIGNAL,
    W_RATE,
    WHY_NOT_TRADING,
    WHY_NOTHING,
    WHY_REPLACED,
)
from quantservice.quant.backtest.kernel.memory import Memory, Origin, Terms
from quantservice.quant.jit import jit


@jit
def sized(m: Memory, s: int, j: int, target: float, price: float) -> float:
    """Return the change of quantity that brings a leg to ``target`` of the equity at a price."""
    held = m.legs[j + L_QUANTITY]
    if target == 0.0:
        return -held
    worth = unit_value(m, s, price) * m.cur[currency_of(m, s) + W_RATE]
    lot, wanted = lot_of(m, s), abs(target) * max(0.0, equity_of(m)) / worth
    wanted = round_down(wanted, lot)
    change = (wanted if target > 0.0 else -wanted) - held
    return 0.0 if abs(change) < max(0.5 * lot, DUST * abs(held)) else change


@jit
def too_small_change(m: Memory, s: int, j: int, change: float, price: float) -> int:
    """Return why the venue would not take this change; what only reduces a futures position it always takes."""
    held = m.legs[j + L_QUANTITY]
    reduces = held != 0.0 and (held > 0.0) != (change > 0.0) and abs(change) <= abs(held)
    if reduces and m.inst[s * I_COLUMNS + I_SPOT] == 0.0:
        return 0
    return too_small(m, s, abs(change), price)


@jit
def begin_target(m: Memory, j: int, target: float, change: float, tag: float, arrival: int) -> None:
    """Send the order of a target on its way."""
    m.n[N_ORDER] += 1
    m.n[N_PENDING] += 1
    m.legs[j + L_PENDING] = 1.0
    m.legs[j + L_TARGET] = target
    m.legs[j + L_TO_FILL] = change
    m.legs[j + L_ORDERED] = change
    m.legs[j + L_ARRIVAL] = arrival + m.c[C_LATENCY]
    m.legs[j + L_ORDER] = m.n[N_ORDER]
    m.legs[j + L_ORDER_TAG] = tag
    m.legs[j + L_ORDER_BAR] = m.n[N_BAR]
    m.legs[j + L_ORDER_TIME] = arrival - 1
    m.legs[j + L_FILLED] = 0.0
    m.legs[j + L_FILLED_VALUE] = 0.0
    m.legs[j + L_ORDER_FEE] = 0.0


@jit
def decide(m: Memory, s: int, k: int, target: float, tag: float, arrival: int) -> None:
    """Take a stated target: a level, so that stating it again asks nothing (unless drift is traded back)."""
    i, j = s * I_COLUMNS, leg_of(m, s, k)
    if m.sides == 2:
        target = max(0.0, target) if k == 0 else -abs(target)
    if target < 0.0 and m.inst[i + I_SPOT] != 0.0:
        m.n[N_SHORTS] += 1
        target = 0.0
    if m.c[C_ALWAYS] == 0.0 and target == m.legs[j + L_WANTED]:
        return
    m.legs[j + L_WANTED] = target
    mark = m.inst[i + I_MARK]
    change = 0.0
    if mark > 0.0:
        change = sized(m, s, j, target, mark)
        if m.c[C_ALWAYS] != 0.0 and target != 0.0:
            worth = abs(change) * unit_value(m, s, mark) * m.cur[currency_of(m, s) + W_RATE]
            change = 0.0 if worth <= m.c[C_DRIFT] * equity_of(m) else change
    if m.legs[j + L_PENDING] != 0.0:
        end_target(m, s, k, j, CANCELLED, WHY_REPLACED)
    if mark > 0.0 and change == 0.0:
        return
    why = too_small_change(m, s, j, change, mark) if mark > 0.0 else WHY_NOT_TRADING
    if m.c[C_FILL_SIZING] != 0.0 and mark > 0.0:
        why = 0
    begin_target(m, j, target, math.nan if m.c[C_FILL_SIZING] != 0.0 else change, tag, arrival)
    if why != 0:
        end_target(m, s, k, j, REJECTED, why)


@jit
def arrival_price(m: Memory, f: int, s: int, side: float, arrival: float) -> float:
    """Return the price that an order meets which arrives in a row: the open, or nearer to the worse extreme the later it is."""
    cell = (f * m.wide + s) * 5
    price = m.px[cell + OPEN]
    late = (arrival - m.times[f]) / m.c[C_ROW_MS]
    if late <= 0.0:
        return price
    return price + min(1.0, late) * (m.px[cell + (HIGH if side > 0.0 else LOW)] - price)


@jit
def size_at_fill(m: Memory, f: int, s: int, k: int, at_close: bool) -> None:
    """Turn a target that is sized at its fill into a quantity."""
    j = leg_of(m, s, k)
    side = 1.0 if m.legs[j + L_TARGET] > 0.0 or m.legs[j + L_QUANTITY] < 0.0 else -1.0
    price = m.inst[s * I_COLUMNS + I_MARK] if at_close else arrival_price(m, f, s, side, m.legs[j + L_ARRIVAL])
    change = sized(m, s, j, m.legs[j + L_TARGET], price)
    m.legs[j + L_TO_FILL] = change
    m.legs[j + L_ORDERED] = change
    why = too_small_change(m, s, j, change, price) if change != 0.0 else WHY_NOTHING
    if why != 0:
        end_target(m, s, k, j, CANCELLED if change == 0.0 else REJECTED, why)


@jit
def fill_part(m: Memory, f: int, s: int, k: int, part: int, at_close: bool) -> None:
    """Fill the reducing (1) or the opening (2) part of a target's order."""
    j = leg_of(m, s, k)
    left, held = m.legs[j + L_TO_FILL], m.legs[j + L_QUANTITY]
    reduces = held != 0.0 and (held > 0.0) != (left > 0.0)
    if part == 1 and not reduces:
        return
    side = 1.0 if left > 0.0 else -1.0
    price = m.inst[s * I_COLUMNS + I_MARK] if at_close else arrival_price(m, f, s, side, m.legs[j + L_ARRIVAL])
    change = side * min(abs(left), abs(held)) if part == 1 else left
    terms = Terms(False, math.nan, False, True, part)
    origin = Origin(SIGNAL, m.legs[j + L_ORDER], m.legs[j + L_ORDER_TAG])
    quantity, value, fee = execute(m, s, k, change, price, terms, origin)
    m.legs[j + L_FILLED] += quantity
    m.legs[j + L_FILLED_VALUE] += value
    m.legs[j + L_ORDER_FEE] += fee
    m.legs[j + L_TO_FILL] = left - side * quantity
    whole = abs(left) - quantity <= abs(left) * DUST
    if whole:
        end_target(m, s, k, j, FILLED, 0)
    elif m.n[N_WHY] != 0:
        end_target(m, s, k, j, FILLED if m.legs[j + L_FILLED] > 0.0 else REJECTED, m.n[N_WHY])


@jit
def fill_targets(m: Memory, f: int, at_close: bool) -> None:
    """Fill the targets' orders that arrive in a row: all that reduces first, so that it pays for what opens."""
    border = m.times[f] + m.c[C_ROW_MS]
    for part in range(3):
        for s in range(m.traded):
            if m.inst[s * I_COLUMNS + I_FIT] == 0.0:
                continue
            for k in range(m.sides):
                j = leg_of(m, s, k)
                arrives = m.legs[j + L_PENDING] != 0.0 and (at_close or m.legs[j + L_ARRIVAL] < border)
                if not arrives:
                    continue
                if part > 0:
                    fill_part(m, f, s, k, part, at_close)
                elif math.isnan(m.legs[j + L_TO_FILL]):
                    size_at_fill(m, f, s, k, at_close)
