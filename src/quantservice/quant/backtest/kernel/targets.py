"""The orders that targets make: sized, and filled with reductions before increases. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import DUST, currency_of, equity_of, leg_of, unit_value
from quantservice.quant.backtest.kernel.execution import lot_of, round_down, too_small
from quantservice.quant.backtest.kernel.journal import end_target
from quantservice.quant.backtest.kernel.layout import (
    C_ROW_MS,
    CANCELLED,
    FILLED,
    I_COLUMNS,
    I_FIT,
    I_MARK,
    I_SPOT,
    L_ARRIVAL,
    L_FILLED,
    L_FILLED_VALUE,
    L_ORDER,
    L_ORDER_FEE,
    L_ORDER_TAG,
    L_ORDERED,
    L_PENDING,
    L_QUANTITY,
    L_TARGET,
    L_TO_FILL,
    N_AT_CLOSE,
    REJECTED,
    S_DONE,
    S_DONE_FEE,
    S_DONE_VALUE,
    S_WHY,
    SIGNAL,
    TAKER,
    W_RATE,
    WHY_NOTHING,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.units import EXECUTE
from quantservice.quant.jit import inner


@inner
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


@inner
def too_small_change(m: Memory, s: int, j: int, change: float, price: float) -> float:
    """Return why the venue would not take this change; what only reduces a futures position it always takes."""
    held = m.legs[j + L_QUANTITY]
    reduces = held != 0.0 and (held > 0.0) != (change > 0.0) and abs(change) <= abs(held)
    if reduces and m.inst[s * I_COLUMNS + I_SPOT] == 0.0:
        return 0.0
    return too_small(m, s, abs(change), price)


@inner
def arrival_price(m: Memory, f: int, s: int, side: float, arrival: float) -> float:
    """Return the price that an order meets which arrives in a row: the open, or nearer to the worse extreme the later it is."""
    cell = f * m.wide + s
    price = m.open[cell]
    late = (arrival - m.times[f]) / m.c[C_ROW_MS]
    if late <= 0.0:
        return price
    return price + min(1.0, late) * ((m.high[cell] if side > 0.0 else m.low[cell]) - price)


@inner
def size_at_fill(m: Memory, f: int, s: int, k: int) -> None:
    """Turn a target that is sized at its fill into a quantity."""
    j = leg_of(m, s, k)
    side = 1.0 if m.legs[j + L_TARGET] > 0.0 or m.legs[j + L_QUANTITY] < 0.0 else -1.0
    price = m.inst[s * I_COLUMNS + I_MARK] if m.n[N_AT_CLOSE] != 0 else arrival_price(m, f, s, side, m.legs[j + L_ARRIVAL])
    change = sized(m, s, j, m.legs[j + L_TARGET], price)
    m.legs[j + L_TO_FILL] = change
    m.legs[j + L_ORDERED] = change
    why = too_small_change(m, s, j, change, price) if change != 0.0 else WHY_NOTHING
    if why != 0.0:
        end_target(m, s, k, j, CANCELLED if change == 0.0 else REJECTED, why)


@inner
def fill_part(m: Memory, f: int, s: int, k: int, part: int) -> None:
    """Fill the reducing (1) or the opening (2) part of a target's order."""
    j = leg_of(m, s, k)
    left, held = m.legs[j + L_TO_FILL], m.legs[j + L_QUANTITY]
    reduces = held != 0.0 and (held > 0.0) != (left > 0.0)
    if part == 1 and not reduces:
        return
    side = 1.0 if left > 0.0 else -1.0
    price = m.inst[s * I_COLUMNS + I_MARK] if m.n[N_AT_CLOSE] != 0 else arrival_price(m, f, s, side, m.legs[j + L_ARRIVAL])
    change = side * min(abs(left), abs(held)) if part == 1 else left
    order, tag = m.legs[j + L_ORDER], m.legs[j + L_ORDER_TAG]
    EXECUTE(m.book, (s, k, change, price, TAKER, math.nan, 0.0, 1.0, float(part), SIGNAL, order, tag))
    quantity = m.stats[S_DONE]
    m.legs[j + L_FILLED] += quantity
    m.legs[j + L_FILLED_VALUE] += m.stats[S_DONE_VALUE]
    m.legs[j + L_ORDER_FEE] += m.stats[S_DONE_FEE]
    m.legs[j + L_TO_FILL] = left - side * quantity
    whole = abs(left) - quantity <= abs(m.legs[j + L_ORDERED]) * DUST
    if whole:
        end_target(m, s, k, j, FILLED, 0.0)
    elif m.stats[S_WHY] != 0.0:
        end_target(m, s, k, j, FILLED if m.legs[j + L_FILLED] > 0.0 else REJECTED, m.stats[S_WHY])


def fill_targets_unit(book: Any, f: int) -> None:
    """Unit: fill the targets' orders that arrive in a row: all that reduces first, so that it pays for what opens."""
    m = memory_of(book)
    border = m.times[f] + m.c[C_ROW_MS]
    for part in range(3):
        for s in range(m.traded):
            if m.inst[s * I_COLUMNS + I_FIT] == 0.0:
                continue
            for k in range(m.sides):
                j = leg_of(m, s, k)
                arrives = m.legs[j + L_PENDING] != 0.0 and (m.n[N_AT_CLOSE] != 0 or m.legs[j + L_ARRIVAL] < border)
                if not arrives:
                    continue
                if part > 0:
                    fill_part(m, f, s, k, part)
                elif math.isnan(m.legs[j + L_TO_FILL]):
                    size_at_fill(m, f, s, k)
