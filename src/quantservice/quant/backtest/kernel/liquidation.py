"""Forced closings: a leg with a margin of its own, a cross account, an instrument that leaves. Compiled."""

from __future__ import annotations

import math

from quantservice.quant.backtest.kernel.account import (
    currency_of,
    leg_of,
    leg_profit,
    liquidation_price,
    maintenance,
)
from quantservice.quant.backtest.kernel.execution import fill
from quantservice.quant.backtest.kernel.journal import begin_row, end_order, end_target, put
from quantservice.quant.backtest.kernel.layout import (
    CANCELLED,
    CLOSED,
    I_COLUMNS,
    I_CURRENCY,
    I_MARK,
    I_SPOT,
    J_LIQUIDATION,
    L_COLUMNS,
    L_COST,
    L_LIQUIDATION,
    L_MARGIN,
    L_PENDING,
    L_QUANTITY,
    LIQUIDATED,
    N_OPEN,
    N_ORDER,
    O_COLUMNS,
    O_INSTRUMENT,
    O_STATUS,
    OPEN,
    S_LIQUIDATIONS,
    W_BALANCE,
    W_COLUMNS,
    W_INSURED,
    W_RATE,
    WHY_LIQUIDATED,
)
from quantservice.quant.backtest.kernel.memory import Memory, Origin
from quantservice.quant.jit import jit


@jit
def cancel_all(m: Memory, s: int, why: int) -> None:
    """Cancel everything that works or travels on an instrument."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        if m.orders[o + O_INSTRUMENT] == s and m.orders[o + O_STATUS] != CLOSED:
            end_order(m, o, CANCELLED, why)
    for k in range(m.sides):
        if m.legs[leg_of(m, s, k) + L_PENDING] != 0.0:
            end_target(m, s, k, leg_of(m, s, k), CANCELLED, why)


@jit
def force_out(m: Memory, s: int, k: int, price: float, margin: float, reason: int) -> None:
    """Close a leg at a price whatever the volume; a liquidation loses at most ``margin``, the venue's insurance bears the rest."""
    j, w = leg_of(m, s, k), currency_of(m, s)
    quantity, before = m.legs[j + L_QUANTITY], m.cur[w + W_BALANCE]
    m.n[N_ORDER] += 1
    fee = fill(m, s, k, -quantity, price, price, False, Origin(reason, float(m.n[N_ORDER]), 0.0))
    if reason != LIQUIDATED:
        return
    loss = before - m.cur[w + W_BALANCE]
    insured = max(0.0, loss - margin)
    m.cur[w + W_BALANCE] += insured
    m.cur[w + W_INSURED] += insured
    m.stats[S_LIQUIDATIONS] += 1.0
    row = begin_row(m, J_LIQUIDATION)
    if row >= 0:
        put(m, row + 3, (float(s), float(k), quantity, price, loss - insured, fee, insured, m.cur[w + W_RATE]))


@jit
def liquidate_isolated(m: Memory, f: int, first: int, second: int) -> None:
    """Liquidate legs whose liquidation price a row reaches; ``first`` and ``second`` are the columns against longs and shorts."""
    for s in range(m.traded):
        cell = f * m.wide + s
        if m.rows[cell] == 0:
            continue
        for k in range(m.sides):
            j = leg_of(m, s, k)
            border, quantity = m.legs[j + L_LIQUIDATION], m.legs[j + L_QUANTITY]
            opened = m.px[cell * 5 + OPEN]
            if quantity > 0.0 and m.px[cell * 5 + first] <= border:
                force_out(m, s, k, min(opened, border), m.legs[j + L_MARGIN], LIQUIDATED)
                cancel_all(m, s, WHY_LIQUIDATED)
            elif quantity < 0.0 and m.px[cell * 5 + second] >= border:
                force_out(m, s, k, max(opened, border), m.legs[j + L_MARGIN], LIQUIDATED)
                cancel_all(m, s, WHY_LIQUIDATED)


@jit
def price_in(m: Memory, f: int, s: int, column: int) -> float:
    """Return a price of a row, or the last mark where the instrument has no row."""
    cell = f * m.wide + s
    return m.px[cell * 5 + column] if m.rows[cell] != 0 else m.inst[s * I_COLUMNS + I_MARK]


@jit
def cross_cushion(m: Memory, f: int, w: int, column: int) -> float:
    """Return margin balance minus maintenance margin of a settlement currency with all prices at one column of the row."""
    left = m.cur[w * W_COLUMNS + W_BALANCE]
    for s in range(m.traded):
        if int(m.inst[s * I_COLUMNS + I_CURRENCY]) != w:
            continue
        for k in range(m.sides):
            j = leg_of(m, s, k)
            quantity = m.legs[j + L_QUANTITY]
            if quantity == 0.0:
                continue
            if m.inst[s * I_COLUMNS + I_SPOT] != 0.0:
                left -= m.legs[j + L_COST]
            else:
                price = price_in(m, f, s, column)
                left += leg_profit(m, s, j, price) - maintenance(m, s, quantity, price)
    return left


@jit
def cross_legs(m: Memory, w: int) -> int:
    """Return how many futures legs a settlement currency carries."""
    count = 0
    for leg in range(m.traded * m.sides):
        i = (leg // m.sides) * I_COLUMNS
        own = int(m.inst[i + I_CURRENCY]) == w and m.inst[i + I_SPOT] == 0.0
        count += 1 if own and m.legs[leg * L_COLUMNS + L_QUANTITY] != 0.0 else 0
    return count


@jit
def liquidate_cross(m: Memory, f: int, column: int) -> None:
    """Liquidate all futures of a settlement currency whose margin balance does not cover the maintenance margin.

    All prices are taken at the same column of the row (all at their open, low or high). One leg alone is liquidated at its exact
    price; several at the point of the way from the open where the cushion, taken as a straight line, is used up.
    """
    for w in range(m.currencies):
        count = cross_legs(m, w)
        if count == 0:
            continue
        cushion = cross_cushion(m, f, w, column)
        if cushion > 0.0:
            continue
        opened = cross_cushion(m, f, w, OPEN)
        way = opened / (opened - cushion) if opened > 0.0 else 0.0
        backing = cross_backing(m, w)
        for s in range(m.traded):
            if int(m.inst[s * I_COLUMNS + I_CURRENCY]) != w or m.inst[s * I_COLUMNS + I_SPOT] != 0.0:
                continue
            start = price_in(m, f, s, OPEN)
            price = start + way * (price_in(m, f, s, column) - start)
            for k in range(m.sides):
                j = leg_of(m, s, k)
                quantity = m.legs[j + L_QUANTITY]
                if quantity == 0.0:
                    continue
                if count == 1 and way > 0.0:
                    exact = liquidation_price(m, s, quantity, m.legs[j + L_COST], backing)
                    price = price if math.isnan(exact) else exact
                force_out(m, s, k, price, max(0.0, cross_backing(m, w)) if count == 1 else math.inf, LIQUIDATED)
            cancel_all(m, s, WHY_LIQUIDATED)
        short = -cross_backing(m, w)
        if short > 0.0:
            m.cur[w * W_COLUMNS + W_BALANCE] += short
            m.cur[w * W_COLUMNS + W_INSURED] += short


@jit
def cross_backing(m: Memory, w: int) -> float:
    """Return the balance of a settlement currency that is not paid for spot holdings."""
    left = m.cur[w * W_COLUMNS + W_BALANCE]
    for s in range(m.traded):
        i = s * I_COLUMNS
        if int(m.inst[i + I_CURRENCY]) == w and m.inst[i + I_SPOT] != 0.0:
            for k in range(m.sides):
                left -= m.legs[leg_of(m, s, k) + L_COST]
    return left
