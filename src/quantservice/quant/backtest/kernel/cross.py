"""Liquidation of an account whose legs share one margin balance. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import leg_of, leg_profit, liquidation_price, maintenance
from quantservice.quant.backtest.kernel.layout import (
    AT_OPEN,
    C_RECORD,
    I_COLUMNS,
    I_CURRENCY,
    I_SPOT,
    L_COLUMNS,
    L_COST,
    L_QUANTITY,
    LIQUIDATED,
    N_LIQUIDATION,
    W_BALANCE,
    W_COLUMNS,
    W_INSURED,
)
from quantservice.quant.backtest.kernel.liquidation import price_in
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.backtest.kernel.units import FORCE_OUT
from quantservice.quant.jit import inner


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
def cross_backing(m: Memory, w: int) -> float:
    """Return the balance of a settlement currency that is not paid for spot holdings."""
    left = m.cur[w * W_COLUMNS + W_BALANCE]
    for s in range(m.traded):
        i = s * I_COLUMNS
        if int(m.inst[i + I_CURRENCY]) == w and m.inst[i + I_SPOT] != 0.0:
            for k in range(m.sides):
                left -= m.legs[leg_of(m, s, k) + L_COST]
    return left


def liquidate_cross_unit(book: Any, f: int, scene: float) -> None:
    """Liquidate all futures of a settlement currency whose margin balance does not cover the maintenance margin.

    All prices are taken at one scene of the row: all at their open, low or high. One leg alone is liquidated at its exact
    price; several at the point of the way from the open where the cushion, taken as a straight line, is used up.
    """
    m = memory_of(book)
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
                FORCE_OUT(m.book, (s, k, price, max(0.0, cross_backing(m, w)) if count == 1 else math.inf, LIQUIDATED))
        short = -cross_backing(m, w)
        if short > 0.0:
            m.cur[w * W_COLUMNS + W_BALANCE] += short
            m.cur[w * W_COLUMNS + W_INSURED] += short
            if m.c[C_RECORD] != 0.0:  # of several legs the last one tells what insurance bore
                m.journal[m.n[N_LIQUIDATION] + 7] -= short
                m.journal[m.n[N_LIQUIDATION] + 9] += short
