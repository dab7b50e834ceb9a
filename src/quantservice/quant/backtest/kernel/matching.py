"""The strategy's own orders against a row: at its open, inside it, and at its close. Compiled.

Inside a row stops come first, then what opens, then stops again, and limits and take-profits that reduce come last: they may
only reduce what was held after the open, because nothing says that the price went there after the entry.
"""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import DUST, leg_of
from quantservice.quant.backtest.kernel.journal import end_order
from quantservice.quant.backtest.kernel.layout import (
    AT_LOWS,
    AT_MARKET,
    AT_OPEN,
    C_ROW_MS,
    C_THROUGH,
    CANCELLED,
    CLOSED,
    EXPIRED,
    FILLED,
    FOK,
    I_COLUMNS,
    I_FIT,
    I_LEFT,
    IOC,
    L_HELD,
    L_QUANTITY,
    LIMIT,
    LIMITED,
    MAKER,
    MARKET,
    N_OPEN,
    N_ROW,
    O_ARRIVAL,
    O_BEST,
    O_CANCEL,
    O_CLIP,
    O_COLUMNS,
    O_EXPIRE,
    O_FEE,
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
    O_STATUS,
    O_STOP,
    O_TAG,
    O_TRAIL,
    O_TYPE,
    O_VALUE,
    REJECTED,
    RESTING,
    S_DONE,
    S_DONE_FEE,
    S_DONE_VALUE,
    S_WHY,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT,
    TAKER,
    TRAILING,
    TRAVELLING,
    WHY_AT_ONCE,
    WHY_CANCELLED,
    WHY_CLOSED,
    WHY_GROUP,
    WHY_NOTHING,
    WHY_POST,
    WHY_TIME,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.targets import arrival_price
from quantservice.quant.backtest.kernel.units import EXECUTE
from quantservice.quant.jit import inner


@inner
def reducible(m: Memory, o: int) -> float:
    """Return the quantity that an order's side would take off its leg."""
    held = m.legs[leg_of(m, int(m.orders[o + O_INSTRUMENT]), int(m.orders[o + O_LEG])) + L_QUANTITY]
    return abs(held) if held * m.orders[o + O_SIDE] < 0.0 else 0.0


@inner
def waits(m: Memory, o: int) -> bool:
    """Say whether a reduce-only order has nothing to reduce yet."""
    return m.orders[o + O_REDUCE] != 0.0 and reducible(m, o) == 0.0


@inner
def cancel_group(m: Memory, but: int) -> None:
    """Cancel the other orders of an order's group."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        same = m.orders[o + O_INSTRUMENT] == m.orders[but + O_INSTRUMENT] and m.orders[o + O_GROUP] == m.orders[but + O_GROUP]
        if same and o != but and m.orders[o + O_STATUS] != CLOSED:
            end_order(m, o, CANCELLED, WHY_GROUP)


@inner
def fill_order(m: Memory, o: int, reference: float, maker: float, limit: float, most: float) -> None:
    """Fill at most ``most`` of an order at once and keep its books."""
    s, k, side = int(m.orders[o + O_INSTRUMENT]), int(m.orders[o + O_LEG]), m.orders[o + O_SIDE]
    left, reduce_only = m.orders[o + O_LEFT], m.orders[o + O_REDUCE] != 0.0
    asked = min(left, most)
    if reduce_only:
        asked = min(asked, reducible(m, o))
    clip, kind, number, tag = m.orders[o + O_CLIP], m.orders[o + O_TYPE], m.orders[o + O_ID], m.orders[o + O_TAG]
    only = 1.0 if reduce_only else 0.0
    EXECUTE(m.book, (s, k, side * asked, reference, maker, limit, only, clip, 0.0, kind, number, tag))
    quantity = m.stats[S_DONE]
    left -= quantity
    whole = left <= m.orders[o + O_QUANTITY] * DUST
    m.orders[o + O_LEFT] = 0.0 if whole else left
    m.orders[o + O_VALUE] += m.stats[S_DONE_VALUE]
    m.orders[o + O_FEE] += m.stats[S_DONE_FEE]
    if quantity > 0.0 and m.orders[o + O_GROUP] != 0.0:
        cancel_group(m, o)
    some = left < m.orders[o + O_QUANTITY]
    if whole:
        end_order(m, o, FILLED, 0.0)
    elif m.stats[S_WHY] != 0.0:
        end_order(m, o, CANCELLED if some else REJECTED, m.stats[S_WHY])
    elif reduce_only and quantity > 0.0 and reducible(m, o) == 0.0:
        end_order(m, o, CANCELLED, WHY_CLOSED)


@inner
def take(m: Memory, o: int, reference: float, limit: float) -> None:
    """Fill an order against the market; what is left waits, or ends by its time in force."""
    s, force = int(m.orders[o + O_INSTRUMENT]), m.orders[o + O_FORCE]
    at_once = force >= IOC
    if waits(m, o):
        if m.orders[o + O_TYPE] == MARKET:
            end_order(m, o, REJECTED, WHY_NOTHING)
        elif at_once:
            end_order(m, o, EXPIRED, WHY_NOTHING)
        return
    if force == FOK and m.orders[o + O_LEFT] > m.inst[s * I_COLUMNS + I_LEFT]:
        end_order(m, o, EXPIRED, WHY_AT_ONCE)
        return
    fill_order(m, o, reference, TAKER, limit, math.inf)
    if at_once and m.orders[o + O_STATUS] != CLOSED:
        end_order(m, o, EXPIRED, WHY_AT_ONCE)


@inner
def level_of(m: Memory, o: int) -> float:
    """Return the price that sets a stop, a trailing stop or a take-profit off."""
    if m.orders[o + O_TYPE] == TRAILING:
        return m.orders[o + O_BEST] * (1.0 + m.orders[o + O_SIDE] * m.orders[o + O_TRAIL])
    return m.orders[o + O_STOP]


@inner
def reached(m: Memory, o: int, price: float) -> bool:
    """Say whether a price sets the order off: stops on the way against a position, take-profits on the way with it."""
    buys = (m.orders[o + O_SIDE] > 0.0) != (m.orders[o + O_TYPE] == TAKE_PROFIT)
    return price >= level_of(m, o) if buys else price <= level_of(m, o)


@inner
def passes(m: Memory, o: int, price: float) -> bool:
    """Say whether a price fills a limit order that rests in the book."""
    limit, buys = m.orders[o + O_LIMIT], m.orders[o + O_SIDE] > 0.0
    if m.c[C_THROUGH] == 0.0 and price == limit:
        return True
    return price < limit if buys else price > limit


@inner
def trigger(m: Memory, o: int, price: float) -> None:
    """Set a stop, a trailing stop or a take-profit off at a price."""
    if m.orders[o + O_TYPE] != STOP_LIMIT:
        m.orders[o + O_STATUS] = AT_MARKET
        take(m, o, price, math.nan)
        return
    m.orders[o + O_STATUS] = LIMITED
    m.orders[o + O_SKIP] = m.n[N_ROW]
    limit = m.orders[o + O_LIMIT]
    if (price <= limit) if m.orders[o + O_SIDE] > 0.0 else (price >= limit):
        take(m, o, price, limit)
    elif m.orders[o + O_FORCE] >= IOC:
        end_order(m, o, EXPIRED, WHY_AT_ONCE)


@inner
def arrive(m: Memory, f: int, o: int) -> None:
    """Let an order meet the market for the first time."""
    side, kind, limit = m.orders[o + O_SIDE], m.orders[o + O_TYPE], m.orders[o + O_LIMIT]
    price = arrival_price(m, f, int(m.orders[o + O_INSTRUMENT]), side, m.orders[o + O_ARRIVAL])
    m.orders[o + O_STATUS] = RESTING
    m.orders[o + O_BEST] = price
    if kind == MARKET:
        m.orders[o + O_STATUS] = AT_MARKET
        take(m, o, price, math.nan)
    elif kind == LIMIT:
        crosses = price <= limit if side > 0.0 else price >= limit
        if crosses and m.orders[o + O_POST] != 0.0:
            end_order(m, o, REJECTED, WHY_POST)
        elif crosses:
            take(m, o, price, limit)
        elif m.orders[o + O_FORCE] >= IOC:
            end_order(m, o, EXPIRED, WHY_AT_ONCE)
    elif reached(m, o, price) and not waits(m, o):
        trigger(m, o, price)


@inner
def meet_open(m: Memory, f: int, o: int) -> None:
    """Let a working order meet the open of a row, which may have jumped over its price."""
    price = m.open[f * m.wide + int(m.orders[o + O_INSTRUMENT])]
    status, kind = m.orders[o + O_STATUS], m.orders[o + O_TYPE]
    if status == AT_MARKET:
        take(m, o, price, math.nan)
    elif kind == LIMIT or status == LIMITED:
        if passes(m, o, price) and not waits(m, o):
            fill_order(m, o, m.orders[o + O_LIMIT], MAKER, math.nan, math.inf)
    elif reached(m, o, price) and not waits(m, o):
        trigger(m, o, price)


@inner
def fill_at_open(m: Memory, f: int) -> None:
    """Do what the strategy's orders do at the open, in the order in which they were given."""
    now, border = m.times[f], m.times[f] + m.c[C_ROW_MS]
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        status = m.orders[o + O_STATUS]
        if status == CLOSED:
            continue
        if m.orders[o + O_CANCEL] <= now:
            end_order(m, o, CANCELLED, WHY_CANCELLED)
        elif m.orders[o + O_EXPIRE] <= now:
            end_order(m, o, EXPIRED, WHY_TIME)
        elif m.inst[int(m.orders[o + O_INSTRUMENT]) * I_COLUMNS + I_FIT] != 0.0:
            if status != TRAVELLING:
                meet_open(m, f, o)
            elif m.orders[o + O_ARRIVAL] < border:
                arrive(m, f, o)


@inner
def works(m: Memory, o: int) -> bool:
    """Say whether an order is in the book of an instrument that trades in this row."""
    return RESTING <= m.orders[o + O_STATUS] <= LIMITED and m.inst[int(m.orders[o + O_INSTRUMENT]) * I_COLUMNS + I_FIT] != 0.0


@inner
def touch_stops(m: Memory, f: int) -> None:
    """Set off the stops that the row's range reaches."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        kind = m.orders[o + O_TYPE]
        if m.orders[o + O_STATUS] != RESTING or not STOP <= kind <= TRAILING or not works(m, o) or waits(m, o):
            continue
        cell, buys = f * m.wide + int(m.orders[o + O_INSTRUMENT]), m.orders[o + O_SIDE] > 0.0
        if reached(m, o, m.high[cell] if buys else m.low[cell]):
            level, opened = level_of(m, o), m.open[cell]
            trigger(m, o, max(level, opened) if buys else min(level, opened))


@inner
def touches(m: Memory, f: int, o: int) -> bool:
    """Say whether the row's range fills a resting limit order whose time does not end inside the row."""
    limited = m.orders[o + O_TYPE] == LIMIT or m.orders[o + O_STATUS] == LIMITED
    if not limited or m.orders[o + O_SKIP] == f or m.orders[o + O_EXPIRE] < m.times[f] + m.c[C_ROW_MS]:
        return False
    cell, buys = f * m.wide + int(m.orders[o + O_INSTRUMENT]), m.orders[o + O_SIDE] > 0.0
    return passes(m, o, m.low[cell] if buys else m.high[cell])


@inner
def enter(m: Memory, f: int, o: int) -> None:
    """Fill a limit or set off a take-profit that the row reaches and that opens a position."""
    cell, buys = f * m.wide + int(m.orders[o + O_INSTRUMENT]), m.orders[o + O_SIDE] > 0.0
    if touches(m, f, o):
        fill_order(m, o, m.orders[o + O_LIMIT], MAKER, math.nan, math.inf)
    elif m.orders[o + O_TYPE] == TAKE_PROFIT and reached(m, o, m.low[cell] if buys else m.high[cell]):
        trigger(m, o, m.orders[o + O_STOP])


@inner
def stops_and_entries(m: Memory, f: int) -> None:
    """Do what the row's range does to orders, the worse first: stops, orders that open, and the stops of what they opened."""
    touch_stops(m, f)
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        if works(m, o) and m.orders[o + O_REDUCE] == 0.0 and reducible(m, o) == 0.0:
            enter(m, f, o)
    touch_stops(m, f)


@inner
def trail(m: Memory, o: int, cell: int) -> None:
    """Move a trailing stop with the row's better extreme; set it off if the close lies beyond where it moved to."""
    buys = m.orders[o + O_SIDE] > 0.0
    best = m.low[cell] if buys else m.high[cell]
    m.orders[o + O_BEST] = min(m.orders[o + O_BEST], best) if buys else max(m.orders[o + O_BEST], best)
    if reached(m, o, m.close[cell]) and not waits(m, o):
        trigger(m, o, level_of(m, o))


@inner
def exits(m: Memory, f: int) -> None:
    """Do what the row's range does in favour of positions: limits that reduce and take-profits; trailing stops move."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        if not works(m, o):
            continue
        s, k, kind = int(m.orders[o + O_INSTRUMENT]), int(m.orders[o + O_LEG]), m.orders[o + O_TYPE]
        cell, buys = f * m.wide + s, m.orders[o + O_SIDE] > 0.0
        allowed, can_reduce = m.legs[leg_of(m, s, k) + L_HELD], reducible(m, o)
        if kind == TRAILING:
            trail(m, o, cell)
        elif kind == TAKE_PROFIT:
            if can_reduce > 0.0 and allowed > 0.0 and reached(m, o, m.low[cell] if buys else m.high[cell]):
                trigger(m, o, m.orders[o + O_STOP])
        elif can_reduce > 0.0 and allowed > 0.0 and touches(m, f, o):
            most = math.inf if can_reduce <= allowed else allowed
            fill_order(m, o, m.orders[o + O_LIMIT], MAKER, math.nan, most)


def meet_orders_unit(book: Any, f: int, scene: float) -> None:
    """Unit: what orders do at the open (AT_OPEN), against positions inside the row (AT_LOWS), and in favour of them (AT_HIGHS)."""
    m = memory_of(book)
    if scene == AT_OPEN:
        fill_at_open(m, f)
    elif scene == AT_LOWS:
        stops_and_entries(m, f)
    else:
        exits(m, f)
