"""Bars forward: the loop that both engines run, and the account at each close. Compiled."""

from __future__ import annotations

import math

from quantservice.quant.backtest.kernel.account import currency_of, leg_of, leg_profit, liquidation_price, unit_value
from quantservice.quant.backtest.kernel.journal import end_target, write_order, write_trade
from quantservice.quant.backtest.kernel.layout import (
    ACCEPTED,
    ASK_SIGNAL,
    C_ALWAYS,
    C_CLOSE_FILL,
    C_CROSS,
    C_CURVE,
    C_END_EVENT,
    C_PLAIN,
    C_RECORD,
    C_SUMS,
    C_TARGETS,
    HEAP,
    I_COLUMNS,
    I_MARK,
    I_SIZE,
    I_SPOT,
    J_ORDER,
    L_COLUMNS,
    L_COST,
    L_FILLED,
    L_LIQUIDATION,
    L_MARGIN,
    L_PENDING,
    L_QUANTITY,
    L_WANTED,
    LAST,
    N_ASKED,
    N_AT_CLOSE,
    N_BAR,
    N_DONE,
    N_EVENT,
    N_HEAPED,
    N_HELD,
    N_JOURNAL,
    N_JOURNAL_END,
    N_NEXT,
    N_NOW,
    N_OPEN,
    N_ORDERS_END,
    N_PENDING,
    N_REQUEST,
    N_ROW,
    O_COLUMNS,
    O_LEFT,
    O_QUANTITY,
    PARTIAL,
    R_COLUMNS,
    R_INSTRUMENT,
    R_KIND,
    R_LEG,
    R_QUANTITY,
    R_TAG,
    S_BAR_WORST,
    S_EQUITY,
    STILL_OPEN,
    T_HIGHEST,
    T_LOWEST,
    TABLE_COLUMNS,
    V_CASH,
    V_COLUMNS,
    V_EQUITY,
    V_GROSS,
    V_MARGIN,
    V_NET,
    V_WORST,
    W_BALANCE,
    W_COLUMNS,
    W_RATE,
    WHY_END,
)
from quantservice.quant.backtest.kernel.memory import Memory
from quantservice.quant.backtest.kernel.rows import compact, look
from quantservice.quant.backtest.kernel.units import ADD_BARS, ADD_FLAT, DECIDE, FILL_TARGETS, RUN_ROW, SUBMIT
from quantservice.quant.jit import inner


@inner
def write_curve(m: Memory, t: int, equity: float, worst: float, cash: float, gross: float, net: float, margin: float) -> None:
    """Write the account at the close of a bar: into the curve, or for a sweep into the rows that are added up together."""
    m.stats[S_EQUITY] = equity
    if m.c[C_CURVE] != 0.0:
        m.curve[V_EQUITY * m.bars + t] = equity
        m.curve[V_WORST * m.bars + t] = worst
        m.curve[V_CASH * m.bars + t] = cash
        m.curve[V_GROSS * m.bars + t] = gross
        m.curve[V_NET * m.bars + t] = net
        m.curve[V_MARGIN * m.bars + t] = margin
    elif m.c[C_SUMS] != 0.0:
        place = m.n[N_HEAPED]
        if place > 0 and m.curve[(place - 1) * V_COLUMNS + V_CASH] == t:
            place -= 1  # the bar is written again, after fills at its close
        elif place == HEAP:
            ADD_BARS(m.book, ())
            place = 0
        v = place * V_COLUMNS
        m.curve[v + V_EQUITY] = equity
        m.curve[v + V_WORST] = worst
        m.curve[v + V_CASH] = t
        m.curve[v + V_GROSS] = m.n[N_HELD]
        m.n[N_HEAPED] = place + 1


@inner
def write_flat(m: Memory, first: int, end: int, balance: float) -> None:
    """Write bars from ``first`` to before ``end`` at which nothing is held."""
    if first >= end:
        return
    if m.c[C_CURVE] != 0.0:
        m.stats[S_EQUITY] = balance
        bars = m.bars
        for t in range(first, end):
            m.curve[V_EQUITY * bars + t] = balance
            m.curve[V_WORST * bars + t] = balance
            m.curve[V_CASH * bars + t] = balance
            m.curve[V_GROSS * bars + t] = 0.0
            m.curve[V_NET * bars + t] = 0.0
            m.curve[V_MARGIN * bars + t] = 0.0
        return
    if m.c[C_SUMS] != 0.0 and first < end - 1:
        ADD_FLAT(m.book, (first, end - 2, balance))
    write_curve(m, end - 1, balance, balance, balance, 0.0, 0.0, 0.0)  # by itself: it may be written again


@inner
def mark(m: Memory, t: int) -> None:
    """Value the account at the close of a bar."""
    balance, spent, margin, gross, net, profit = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for w in range(0, m.currencies * W_COLUMNS, W_COLUMNS):
        balance += m.cur[w + W_BALANCE] * m.cur[w + W_RATE]
    for leg in range(m.traded * m.sides if m.n[N_HELD] > 0 else 0):
        s, j = leg // m.sides, leg * L_COLUMNS
        i, quantity = s * I_COLUMNS, m.legs[j + L_QUANTITY]
        if quantity == 0.0:
            continue
        rate, price = m.cur[currency_of(m, s) + W_RATE], m.inst[i + I_MARK]
        value = quantity * unit_value(m, s, price) * rate
        profit += leg_profit(m, s, j, price) * rate
        gross += abs(value)
        net += value
        if m.inst[i + I_SPOT] != 0.0:
            spent += m.legs[j + L_COST] * rate
        else:
            margin += m.legs[j + L_MARGIN] * rate
    equity = balance + profit
    write_curve(m, t, equity, min(equity, m.stats[S_BAR_WORST]), balance - spent, gross, net, margin)


@inner
def take_request(m: Memory, r: int, arrival: int) -> None:
    """Take what a strategy asked."""
    if m.requests[r + R_KIND] != ASK_SIGNAL:
        SUBMIT(m.book, (r, arrival))
        return
    s, k = int(m.requests[r + R_INSTRUMENT]), int(m.requests[r + R_LEG])
    DECIDE(m.book, (s, k, m.requests[r + R_QUANTITY], m.requests[r + R_TAG], arrival))


@inner
def finish(m: Memory, t: int) -> None:
    """Take what was decided at the close of a bar."""
    arrival = m.closes[t] + 1
    m.n[N_NOW] = m.closes[t]
    while m.n[N_REQUEST] < m.n[N_ASKED] and m.requests[m.n[N_REQUEST] * R_COLUMNS] <= t:
        take_request(m, m.n[N_REQUEST] * R_COLUMNS, arrival)
        m.n[N_REQUEST] += 1
    if m.c[C_TARGETS] != 0.0:
        first = t * m.traded * m.sides
        for s in range(m.traded):
            for k in range(m.sides):
                target = m.targets[first + s * m.sides + k]
                wanted = m.legs[leg_of(m, s, k) + L_WANTED]
                if not math.isnan(target) and (target != wanted or m.c[C_ALWAYS] != 0.0):
                    DECIDE(m.book, (s, k, target, 0.0, arrival))
    if m.c[C_CLOSE_FILL] != 0.0 and m.n[N_PENDING] > 0:
        last = t if m.c[C_PLAIN] != 0.0 else m.starts[t + 1] - 1
        m.n[N_AT_CLOSE] = 1
        m.n[N_ROW] = last
        look(m, last)
        FILL_TARGETS(m.book, (last,))
        mark(m, t)
        m.n[N_AT_CLOSE] = 0
    if m.n[N_DONE] > 0:
        compact(m)


@inner
def room(m: Memory, t: int) -> bool:
    """Say whether the journal and the order table have room for all that one more bar can write."""
    asked = 0
    while m.n[N_REQUEST] + asked < m.n[N_ASKED] and m.requests[(m.n[N_REQUEST] + asked) * R_COLUMNS] <= t:
        asked += 1
    orders = m.n[N_OPEN] + asked
    first, last = t + 1, t + 1  # rows of the next bar; where each bar is one row, nothing far away is looked up
    if m.c[C_PLAIN] == 0.0:
        first, last = m.starts[t + 1], m.starts[t + 2] - 1
    rows = (last - first + 2) * 8 * (m.traded * m.sides + orders) + 64
    due = m.n[N_EVENT]
    while due < int(m.c[C_END_EVENT]) and m.tab[due * TABLE_COLUMNS] <= m.times[last]:
        due += 1
        rows += m.sides
    return orders <= m.n[N_ORDERS_END] and (m.c[C_RECORD] == 0.0 or m.n[N_JOURNAL] + rows <= m.n[N_JOURNAL_END])


@inner
def quiet_until(m: Memory, t: int, until: int) -> int:
    """Return the bar, ``until`` at the latest, up to which nothing is due and a single instrument stays and is not to change."""
    wanted, due, follows = m.legs[L_WANTED], m.n[N_NEXT], m.c[C_TARGETS] != 0.0
    while t < until and m.times[t + 1] < due and m.rows[t + 1] & LAST == 0:
        if follows and t >= 0 and m.targets[t] != wanted and not math.isnan(m.targets[t]):
            break
        t += 1
    return t


@inner
def cruise_flat(m: Memory, until: int, balance: float) -> None:
    """Take bars up to and with ``until`` at which nothing is held."""
    t = m.n[N_BAR]
    if until <= t:
        return
    write_flat(m, t + 1, until + 1, balance)
    last = until
    while last > t and m.rows[last] == 0:
        last -= 1
    if last > t:
        m.inst[I_MARK] = m.close[last]
    m.stats[S_BAR_WORST] = balance
    m.n[N_BAR] = until


@inner
def cruise_held(m: Memory, until: int, balance: float) -> None:
    """Take bars up to and with ``until`` at which a position is held, to before the one that would liquidate it.

    It is :mod:`.rows` and :func:`mark` without what cannot happen there, in the same order of operations.
    """
    quantity, cost, border, margin = m.legs[L_QUANTITY], m.legs[L_COST], m.legs[L_LIQUIDATION], m.legs[L_MARGIN]
    if m.c[C_CROSS] != 0.0:
        border = liquidation_price(m, 0, quantity, cost, balance)
    size, spot, long = m.inst[I_SIZE], m.inst[I_SPOT] != 0.0, quantity > 0.0
    worst, cash = m.stats[S_BAR_WORST], balance - cost if spot else balance
    lowest, highest, price = m.legs[T_LOWEST], m.legs[T_HIGHEST], m.inst[I_MARK]
    curved, summed, place = m.c[C_CURVE] != 0.0, m.c[C_SUMS] != 0.0, m.n[N_HEAPED]
    bars, equity, t = m.bars, 0.0, m.n[N_BAR]
    while t < until:
        low, high = price, price
        if m.rows[t + 1] != 0:
            low, high = m.low[t + 1], m.high[t + 1]
            if (low <= border) if long else (high >= border):
                break
            price = m.close[t + 1]
            lowest, highest = min(lowest, low), max(highest, high)
        t += 1
        value = quantity * (size * price)
        equity = balance + (value - cost)
        worst = min(balance + (quantity * (size * low) - cost), balance + (quantity * (size * high) - cost))
        worst = min(equity, worst)
        if curved:  # as write_curve does it
            m.curve[t] = equity
            m.curve[V_WORST * bars + t] = worst
            m.curve[V_CASH * bars + t] = cash
            m.curve[V_GROSS * bars + t] = abs(value)
            m.curve[V_NET * bars + t] = value
            m.curve[V_MARGIN * bars + t] = margin
        elif summed:
            if place == HEAP:
                m.n[N_HEAPED] = place
                ADD_BARS(m.book, ())
                place = 0
            m.curve[place * V_COLUMNS + V_EQUITY] = equity
            m.curve[place * V_COLUMNS + V_WORST] = worst
            m.curve[place * V_COLUMNS + V_CASH] = t
            m.curve[place * V_COLUMNS + V_GROSS] = 1.0
            place += 1
    m.n[N_HEAPED] = place
    if t > m.n[N_BAR]:
        m.stats[S_EQUITY] = equity
    m.legs[T_LOWEST] = lowest
    m.legs[T_HIGHEST] = highest
    m.inst[I_MARK] = price
    m.stats[S_BAR_WORST] = worst
    m.n[N_BAR] = t


@inner
def cruise(m: Memory, until: int) -> None:
    """Take bars of a single instrument for as long as nothing can happen: nothing is due, wanted, at work or in danger."""
    t = m.n[N_BAR]
    if m.n[N_ASKED] > m.n[N_REQUEST]:
        until = min(until, max(t, int(m.requests[m.n[N_REQUEST] * R_COLUMNS])))
    until = quiet_until(m, t, until)
    balance = m.cur[W_BALANCE] * m.cur[W_RATE]
    if m.legs[L_QUANTITY] == 0.0:
        cruise_flat(m, until, balance)
    else:
        cruise_held(m, until, balance)


@inner
def advance(m: Memory, until: int) -> bool:
    """Take bars up to and with ``until``; False: a table is full, give it room and call again."""
    finished = -1  # the bar whose decisions were taken already
    while m.n[N_BAR] < until:
        if m.c[C_PLAIN] != 0.0 and m.n[N_PENDING] == 0 and m.n[N_OPEN] == 0:
            cruise(m, until)
            if m.n[N_BAR] >= until:
                break
        t = m.n[N_BAR]
        if t != finished and not room(m, t):
            return False
        if t >= 0 and t != finished:
            finish(m, t)
            finished = t
            if m.c[C_PLAIN] != 0.0 and m.n[N_PENDING] == 0 and m.n[N_OPEN] == 0:
                continue  # all that was decided is done: the bars that follow may be quiet too
        t += 1
        m.n[N_BAR] = t
        m.stats[S_BAR_WORST] = math.inf
        for f in range(m.starts[t], m.starts[t + 1]):
            RUN_ROW(m.book, (f,))
        mark(m, t)
    return True


@inner
def conclude(m: Memory) -> None:
    """Take the last bar's decisions and write down what is still open: orders, and positions as if closed at the last mark."""
    finish(m, m.n[N_BAR])
    if m.c[C_SUMS] != 0.0:
        ADD_BARS(m.book, ())
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        left = m.orders[o + O_LEFT] < m.orders[o + O_QUANTITY]
        write_order(m, o, J_ORDER, PARTIAL if left else ACCEPTED, WHY_END)
    for s in range(m.traded):
        for k in range(m.sides):
            j = leg_of(m, s, k)
            quantity = m.legs[j + L_QUANTITY]
            if m.legs[j + L_PENDING] != 0.0:
                end_target(m, s, k, j, PARTIAL if m.legs[j + L_FILLED] > 0.0 else ACCEPTED, WHY_END)
            if quantity != 0.0:
                write_trade(m, s, k, j, 1.0 if quantity > 0.0 else -1.0, STILL_OPEN, 0.0)
