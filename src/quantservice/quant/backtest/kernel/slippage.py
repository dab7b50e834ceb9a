"""What a taker pays beyond the reference price. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.execution import round_down, round_up, tick_of
from quantservice.quant.backtest.kernel.layout import (
    C_BPS,
    C_COEFFICIENT,
    C_SLIPPAGE,
    N_ROW,
    S_PRICE,
    SPREAD,
    SQRT_IMPACT,
    TABLE_COLUMNS,
    VOLUME_SHARE,
)
from quantservice.quant.backtest.kernel.memory import Memory, memory_of
from quantservice.quant.jit import inner


@inner
def worse_price(price: float, side: float, tick: float) -> float:
    """Round a price to the tick against whoever takes it."""
    return round_up(price, tick) if side > 0.0 else round_down(price, tick)


@inner
def book_distance(m: Memory, row: int, side: float, quantity: float) -> float:
    """Return how far from the middle, as a fraction, a taker of ``quantity`` fills on average in a recorded book.

    The table holds (asks, bids) in one row, then that many rows of (distance, quantity) each.
    """
    asks, bids = int(m.tab[row * TABLE_COLUMNS]), int(m.tab[row * TABLE_COLUMNS + 1])
    first = row + 1 if side > 0.0 else row + 1 + asks
    left, total, distance = quantity, 0.0, 0.0
    for level in range(first, first + (asks if side > 0.0 else bids)):
        distance = m.tab[level * TABLE_COLUMNS]
        taken = min(left, m.tab[level * TABLE_COLUMNS + 1])
        total += taken * distance
        left -= taken
    return (total + left * (distance + m.c[C_BPS] * 1e-4)) / quantity


@inner
def slipped(m: Memory, s: int, side: float, quantity: float, reference: float) -> float:
    """Return the price at which a taker of ``quantity`` fills instead of ``reference``."""
    model, share = int(m.c[C_SLIPPAGE]), m.c[C_BPS] * 1e-4
    if model >= SPREAD:
        cell = m.n[N_ROW] * m.wide + s
        if model == VOLUME_SHARE:
            volume = m.volume[cell]
            part = min(1.0, quantity / volume) if volume > 0.0 else 1.0
            share += m.c[C_COEFFICIENT] * part * part
        elif model == SPREAD:
            recorded = m.aux[cell]
            share = 0.5 * (share if math.isnan(recorded) else recorded)
        elif model == SQRT_IMPACT:
            share += m.c[C_COEFFICIENT] * m.aux[cell] * math.sqrt(quantity)
        elif m.aux[cell] >= 0.0:
            share = book_distance(m, int(m.aux[cell]), side, quantity)
    if share <= 0.0:
        return reference
    tick = tick_of(m, s)
    return worse_price(max(reference * (1.0 + side * share), tick), side, tick)


def slip_unit(book: Any, s: int, side: float, quantity: float, reference: float) -> None:
    """Unit: :func:`slipped`."""
    m = memory_of(book)
    m.stats[S_PRICE] = slipped(m, s, side, quantity, reference)
