"""Forced closings: a leg with a margin of its own, a cross account, an instrument that leaves. Compiled."""

from __future__ import annotations

import math
from typing import Any

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
    AT_LOWS,
    AT_OPEN,
    C_CROSS,
    CANCELLED,
    CLOSED,
    HIGH,
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
    LOW,
    N_OPEN,
    N_ORDER,
    O_COLUMNS,
    O_INSTRUMENT,
    O_STATUS,
    OPEN,
    S_LIQUIDATIONS,
    TAKER,
    W_BALANCE,
    W_COLUMNS,
    W_INSURED,
    W_RATE,
    WHY_LIQUIDATED,
    WHY_NOT_TRADING,
)
from quantservice.quant.backtest.kernel.memory import Memory, Origin, memory_of
from quantservice.quant.backtest.kernel.units import FORCE_OUT
from quantservice.quant.jit import inner


@inner
def cancel_all(m: Memory, s: int, why: float) -> None:
    """Cancel everything that works or travels on an instrument."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        if m.orders[o + O_INSTRUMENT] == s and m.orders[o + O_STATUS] != CLOSED:
            end_order(m, o, CANCELLED, why)
    for k in range(m.sides):
        if m.legs[leg_of(m, s, k) + L_PENDING] != 0.0:
            end_target(m, s, k, leg_of(m, s, k), CANCELLED, why)


@inner
def push_out(m: Memory, s: int, k: int, price: float, margin: float, reason: float) -> None:
    """Close a leg at a price whatever the volume; a liquidation loses at most ``margin``, the venue's insurance bears the rest."""
    j, w = leg_of(m, s, k), currency_of(m, s)
    quantity, before = m.legs[j + L_QUANTITY], m.cur[w + W_BALANCE]
    m.n[N_ORDER] += 1
    fee = fill(m, s, k, -quantity, price, price, TAKER, Origin(reason, float(m.n[N_ORDER]), 0.0))
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


@inner
def liquidate_isolated(m: Memory, f: int, scene: float) -> None:
    """Liquidate legs whose liquidation price a row reaches; its open, or what is worst for each."""
    first, second = (OPEN, OPEN) if scene == AT_OPEN else (LOW, HIGH)
    for s in range(m.traded):
        cell = f * m.wide + s
        if m.rows[cell] == 0:
            continue
        for k in range(m.sides):
            j = leg_of(m, s, k)
            border, quantity = m.legs[j + L_LIQUIDATION], m.legs[j + L_QUANTITY]
            opened = m.px[cell * 5 + OPEN]
            if quantity > 0.0 and m.px[cell * 5 + first] <= border:
                FORCE_OUT(m.book, s, k, min(opened, border), m.legs[j + L_MARGIN], LIQUIDATED)
            elif quantity < 0.0 and m.px[cell * 5 + second] >= border:
                FORCE_OUT(m.book, s, k, max(opened, border), m.legs[j + L_MARGIN], LIQUIDATED)


@inner
def price_in(m: Memory, f: int, s: int, scene: float) -> float:
    """Return the open, low or high of a row, or the last mark where the instrument has no row."""
    cell = f * m.wide + s
    column = OPEN if scene == AT_OPEN else (LOW if scene == AT_LOWS else HIGH)
    return m.px[cell * 5 + column] if m.rows[cell] != 0 else m.inst[s * I_COLUMNS + I_MARK]


@inner
def cross_cushion(m: Memory, f: int, w: int, scene: float) -> float:
    """Return margin balance minus maintenance margin of a settlement currency with all prices at one scene of the row."""
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
                price = price_in(m, f, s, scene)
                left += leg_profit(m, s, j, price) - maintenance(m, s, quantity, price)
    return left


@inner
def cross_legs(m: Memory, w: int) -> int:
    """Return how many futures legs a settlement currency carries."""
    count = 0
    for leg in range(m.traded * m.sides):
        i = (leg // m.sides) * I_COLUMNS
        own = int(m.inst[i + I_CURRENCY]) == w and m.inst[i + I_SPOT] == 0.0
        count += 1 if own and m.legs[leg * L_COLUMNS + L_QUANTITY] != 0.0 else 0
    return count


@inner
def liquidate_cross(m: Memory, f: int, scene: float) -> None:
    """Liquidate all futures of a settlement currency whose margin balance does not cover the maintenance margin.

    All prices are taken at one scene of the row: all at their open, low or high. One leg alone is liquidated at its exact
    price; several at the point of the way from the open where the cushion, taken as a straight line, is used up.
    """
    for w in range(m.currencies):
        count = cross_legs(m, w)
        if count == 0:
            continue
        cushion = cross_cushion(m, f, w, scene)
        if cushion > 0.0:
            continue
        opened = cross_cushion(m, f, w, AT_OPEN)
        way = opened / (opened - cushion) if opened > 0.0 else 0.0
        backing = cross_backing(m, w)
        for s in range(m.traded):
            if int(m.inst[s * I_COLUMNS + I_CURRENCY]) != w or m.inst[s * I_COLUMNS + I_SPOT] != 0.0:
                continue
            start = price_in(m, f, s, AT_OPEN)
            price = start + way * (price_in(m, f, s, scene) - start)
            for k in range(m.sides):
                j = leg_of(m, s, k)
                quantity = m.legs[j + L_QUANTITY]
                if quantity == 0.0:
                    continue
                if count == 1 and way > 0.0:
                    exact = liquidation_price(m, s, quantity, m.legs[j + L_COST], backing)
                    price = price if math.isnan(exact) else exact
                FORCE_OUT(m.book, s, k, price, max(0.0, cross_backing(m, w)) if count == 1 else math.inf, LIQUIDATED)
        short = -cross_backing(m, w)
        if short > 0.0:
            m.cur[w * W_COLUMNS + W_BALANCE] += short
            m.cur[w * W_COLUMNS + W_INSURED] += short


@inner
def cross_backing(m: Memory, w: int) -> float:
    """Return the balance of a settlement currency that is not paid for spot holdings."""
    left = m.cur[w * W_COLUMNS + W_BALANCE]
    for s in range(m.traded):
        i = s * I_COLUMNS
        if int(m.inst[i + I_CURRENCY]) == w and m.inst[i + I_SPOT] != 0.0:
            for k in range(m.sides):
                left -= m.legs[leg_of(m, s, k) + L_COST]
    return left


def force_out_unit(book: Any, s: int, k: int, price: float, margin: float, reason: float) -> None:
    """Unit: :func:`push_out`, and nothing of the instrument works any more."""
    m = memory_of(book)
    if m.legs[leg_of(m, s, k) + L_QUANTITY] != 0.0:
        push_out(m, s, k, price, margin, reason)
    cancel_all(m, s, WHY_LIQUIDATED if reason == LIQUIDATED else WHY_NOT_TRADING)


def liquidate_unit(book: Any, f: int, scene: float) -> None:
    """Unit: liquidate what a scene of the row reaches, leg by leg or the whole account."""
    m = memory_of(book)
    if m.c[C_CROSS] != 0.0:
        liquidate_cross(m, f, scene)
    else:
        liquidate_isolated(m, f, scene)
