"""Forced closings: a leg with a margin of its own, a cross account, an instrument that leaves. Compiled."""

from __future__ import annotations

from typing import Any

from quantservice.quant.backtest.kernel.account import (
    currency_of,
    leg_of,
)
from quantservice.quant.backtest.kernel.execution import fill
from quantservice.quant.backtest.kernel.journal import begin_row, end_order, end_target, put
from quantservice.quant.backtest.kernel.layout import (
    AT_LOWS,
    AT_OPEN,
    C_SUMS,
    CANCELLED,
    CLOSED,
    I_COLUMNS,
    I_MARK,
    J_LIQUIDATION,
    L_LIQUIDATION,
    L_MARGIN,
    L_PENDING,
    L_QUANTITY,
    LIQUIDATED,
    N_LIQUIDATION,
    N_OPEN,
    N_ORDER,
    O_COLUMNS,
    O_INSTRUMENT,
    O_STATUS,
    SUM_LIQUIDATION,
    TAKER,
    W_BALANCE,
    W_INSURED,
    W_RATE,
    WHY_LIQUIDATED,
    WHY_NOT_TRADING,
)
from quantservice.quant.backtest.kernel.memory import Memory, Origin, memory_of
from quantservice.quant.backtest.kernel.units import ADD_UP, FORCE_OUT
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
    if m.c[C_SUMS] != 0.0:
        ADD_UP(m.book, (SUM_LIQUIDATION, 0.0, 0.0, 0.0, 0.0))
    row = begin_row(m, J_LIQUIDATION)
    m.n[N_LIQUIDATION] = row
    if row >= 0:
        put(m, row + 3, (float(s), float(k), quantity, price, loss - insured, fee, insured, m.cur[w + W_RATE]))


@inner
def price_in(m: Memory, f: int, s: int, scene: float) -> float:
    """Return the open, low or high of a row, or the last mark where the instrument has no row."""
    cell = f * m.wide + s
    if m.rows[cell] == 0:
        return m.inst[s * I_COLUMNS + I_MARK]
    if scene == AT_OPEN:
        return m.open[cell]
    return m.low[cell] if scene == AT_LOWS else m.high[cell]


def force_out_unit(book: Any, s: int, k: int, price: float, margin: float, reason: float) -> None:
    """Unit: :func:`push_out`, and nothing of the instrument works any more."""
    m = memory_of(book)
    if m.legs[leg_of(m, s, k) + L_QUANTITY] != 0.0:
        push_out(m, s, k, price, margin, reason)
    cancel_all(m, s, WHY_LIQUIDATED if reason == LIQUIDATED else WHY_NOT_TRADING)


def liquidate_isolated_unit(book: Any, f: int, scene: float) -> None:
    """Unit: liquidate the legs whose own margin a row uses up, at its open (AT_OPEN) or inside it."""
    m = memory_of(book)
    opens = scene == AT_OPEN
    for s in range(m.traded):
        cell = f * m.wide + s
        if m.rows[cell] == 0:
            continue
        for k in range(m.sides):
            j = leg_of(m, s, k)
            border, quantity = m.legs[j + L_LIQUIDATION], m.legs[j + L_QUANTITY]
            opened = m.open[cell]
            if quantity > 0.0 and (opened if opens else m.low[cell]) <= border:
                FORCE_OUT(m.book, (s, k, min(opened, border), m.legs[j + L_MARGIN], LIQUIDATED))
            elif quantity < 0.0 and (opened if opens else m.high[cell]) >= border:
                FORCE_OUT(m.book, (s, k, max(opened, border), m.legs[j + L_MARGIN], LIQUIDATED))
