"""A target that is stated at a close becomes an order of its own. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import currency_of, equity_of, leg_of, unit_value
from quantservice.quant.backtest.kernel.journal import end_target
from quantservice.quant.backtest.kernel.layout import (
    C_ALWAYS,
    C_DRIFT,
    C_FILL_SIZING,
    C_LATENCY,
    CANCELLED,
    I_COLUMNS,
    I_MARK,
    I_SPOT,
    I_STATUS,
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
    L_TARGET,
    L_TO_FILL,
    L_WANTED,
    N_BAR,
    N_IDLE,
    N_ORDER,
    N_PENDING,
    N_SHORTS,
    REJECTED,
    W_RATE,
    WHY_REPLACED,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.targets import sized, too_small_change
from quantservice.quant.jit import inner


@inner
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


@inner
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
    mark = m.inst[i + I_MARK]
    if mark <= 0.0 or m.inst[i + I_STATUS] == 0.0:  # not listed yet, or gone: it counts when it is stated again
        m.n[N_IDLE] += 1 if target != 0.0 else 0
        return
    m.legs[j + L_WANTED] = target
    change = sized(m, s, j, target, mark)
    if m.c[C_ALWAYS] != 0.0 and target != 0.0:
        worth = abs(change) * unit_value(m, s, mark) * m.cur[currency_of(m, s) + W_RATE]
        change = 0.0 if worth <= m.c[C_DRIFT] * equity_of(m) else change
    if m.legs[j + L_PENDING] != 0.0:
        end_target(m, s, k, j, CANCELLED, WHY_REPLACED)
    if change == 0.0:
        return
    later = m.c[C_FILL_SIZING] != 0.0
    begin_target(m, j, target, math.nan if later else change, tag, arrival)
    why = 0.0 if later else too_small_change(m, s, j, change, mark)
    if why != 0.0:
        end_target(m, s, k, j, REJECTED, why)


def decide_unit(book: Any, s: int, k: int, target: float, tag: float, arrival: int) -> None:
    """Unit: :func:`decide`."""
    decide(memory_of(book), s, k, target, tag, arrival)
