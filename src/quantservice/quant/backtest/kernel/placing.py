"""Orders and cancellations that are given at a close. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import currency_of, equity_of, unit_value
from quantservice.quant.backtest.kernel.execution import STEP_NOISE, lot_of, round_down, round_up, steps_of, tick_of, too_small
from quantservice.quant.backtest.kernel.journal import end_order, write_order
from quantservice.quant.backtest.kernel.layout import (
    ACCEPTED,
    ASK_ORDER,
    C_LATENCY,
    C_TELL,
    I_COLUMNS,
    I_MARK,
    I_SPOT,
    I_STATUS,
    J_ACCEPTED,
    N_BAR,
    N_OPEN,
    N_ORDER,
    O_ARRIVAL,
    O_BAR,
    O_CANCEL,
    O_CLIP,
    O_COLUMNS,
    O_EXPIRE,
    O_FORCE,
    O_GROUP,
    O_ID,
    O_INSTRUMENT,
    O_LEFT,
    O_LEG,
    O_LIMIT,
    O_POST,
    O_QUANTITY,
    O_REDUCE,
    O_SIDE,
    O_SKIP,
    O_STOP,
    O_TAG,
    O_TIME,
    O_TRAIL,
    O_TYPE,
    R_EXPIRE,
    R_FORCE,
    R_FRACTION,
    R_GROUP,
    R_INSTRUMENT,
    R_KIND,
    R_LEG,
    R_LIMIT,
    R_POST,
    R_QUANTITY,
    R_REDUCE,
    R_SIDE,
    R_STOP,
    R_TAG,
    R_TRAIL,
    R_TYPE,
    REJECTED,
    W_RATE,
    WHY_NOT_TRADING,
    WHY_QUANTITY,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.jit import inner


@inner
def better_price(price: float, side: float, tick: float) -> float:
    """Round a limit to the tick so that it never costs more: a buy down, a sell up."""
    if math.isnan(price):
        return price
    return round_down(price, tick) if side > 0.0 else round_up(price, tick)


@inner
def nearest_price(price: float, tick: float) -> float:
    """Round a stop to the nearest tick, ties to the even one; a tick of zero leaves it."""
    if tick <= 0.0 or math.isnan(price):
        return price
    middle = price / tick + 0.5
    count = math.floor(middle + STEP_NOISE)
    tie = abs(middle - count) < STEP_NOISE
    return steps_of(count - 1.0 if tie and count % 2.0 == 1.0 else float(count), tick)


@inner
def asked_quantity(m: Memory, s: int, r: int, limit: float, stop: float) -> float:
    """Return the quantity of an order, rounded down to the lot; a fraction is of the equity, at the order's own price."""
    fraction = m.requests[r + R_FRACTION]
    if math.isnan(fraction):
        return round_down(m.requests[r + R_QUANTITY], lot_of(m, s))
    price = m.inst[s * I_COLUMNS + I_MARK] if math.isnan(stop) else stop
    price = price if math.isnan(limit) else limit
    worth = unit_value(m, s, price) * m.cur[currency_of(m, s) + W_RATE]
    return round_down(fraction * max(0.0, equity_of(m)) / worth, lot_of(m, s))


@inner
def place(m: Memory, r: int, arrival: int) -> None:
    """Put an order on its way, or reject it."""
    s, side = int(m.requests[r + R_INSTRUMENT]), m.requests[r + R_SIDE]
    i, o = s * I_COLUMNS, m.n[N_OPEN] * O_COLUMNS
    m.n[N_OPEN] += 1
    m.n[N_ORDER] += 1
    limit = better_price(m.requests[r + R_LIMIT], side, tick_of(m, s))
    stop = nearest_price(m.requests[r + R_STOP], tick_of(m, s))
    trades = m.inst[i + I_MARK] > 0.0 and m.inst[i + I_STATUS] != 0.0
    quantity = asked_quantity(m, s, r, limit, stop) if trades else 0.0
    for column in range(O_COLUMNS):
        m.orders[o + column] = 0.0
    m.orders[o + O_ID] = m.n[N_ORDER]
    m.orders[o + O_INSTRUMENT] = s
    m.orders[o + O_LEG] = m.requests[r + R_LEG]
    m.orders[o + O_SIDE] = side
    m.orders[o + O_TYPE] = m.requests[r + R_TYPE]
    m.orders[o + O_QUANTITY] = quantity
    m.orders[o + O_LEFT] = quantity
    m.orders[o + O_LIMIT] = limit
    m.orders[o + O_STOP] = stop
    m.orders[o + O_TRAIL] = m.requests[r + R_TRAIL]
    m.orders[o + O_POST] = m.requests[r + R_POST]
    m.orders[o + O_REDUCE] = m.requests[r + R_REDUCE]
    m.orders[o + O_FORCE] = m.requests[r + R_FORCE]
    m.orders[o + O_EXPIRE] = m.requests[r + R_EXPIRE]
    m.orders[o + O_GROUP] = m.requests[r + R_GROUP]
    m.orders[o + O_TAG] = m.requests[r + R_TAG]
    m.orders[o + O_ARRIVAL] = arrival + m.c[C_LATENCY]
    m.orders[o + O_BAR] = m.n[N_BAR]
    m.orders[o + O_TIME] = arrival - 1
    m.orders[o + O_CANCEL] = math.inf
    m.orders[o + O_SKIP] = -1.0
    m.orders[o + O_CLIP] = 0.0 if math.isnan(m.requests[r + R_FRACTION]) else 1.0
    price = m.inst[i + I_MARK] if math.isnan(limit) else limit
    exempt = m.orders[o + O_REDUCE] != 0.0 and m.inst[i + I_SPOT] == 0.0
    why = 0.0 if exempt or not trades else too_small(m, s, quantity, price)
    if not trades:
        why = WHY_NOT_TRADING
    elif quantity <= 0.0:
        why = WHY_QUANTITY
    if why != 0.0:
        end_order(m, o, REJECTED, why)
    elif m.c[C_TELL] != 0.0:
        write_order(m, o, J_ACCEPTED, ACCEPTED, 0.0)


def submit_unit(book: Any, r: int, arrival: int) -> None:
    """Unit: take one order or cancellation; it arrives at ``arrival`` plus the latency."""
    m = memory_of(book)
    kind, s, tag = m.requests[r + R_KIND], m.requests[r + R_INSTRUMENT], m.requests[r + R_TAG]
    if kind == ASK_ORDER:
        place(m, r, arrival)
    else:
        for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
            if m.orders[o + O_INSTRUMENT] == s and (tag < 0.0 or m.orders[o + O_TAG] == tag):
                m.orders[o + O_CANCEL] = min(m.orders[o + O_CANCEL], arrival + m.c[C_LATENCY])
