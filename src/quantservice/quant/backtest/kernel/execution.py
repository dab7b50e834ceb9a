"""How much of an order fills, at which price: volume, slippage, ticks and lots, margin. Compiled."""

from __future__ import annotations

import math
from typing import Any

from quantservice.quant.backtest.kernel.account import (
    DUST,
    affordable,
    currency_of,
    grow,
    largest,
    leg_of,
    set_liquidation,
    shrink,
    unit_value,
)
from quantservice.quant.backtest.kernel.journal import begin_row, end_order, put, write_trade
from quantservice.quant.backtest.kernel.layout import (
    C_LIQUIDATION_FEE,
    C_RULES,
    C_SLIPPAGE,
    C_SUMS,
    C_TIERED,
    CANCELLED,
    CLOSED,
    I_COLUMNS,
    I_LEFT,
    I_LOT,
    I_MAKER,
    I_MIN_NOTIONAL,
    I_MIN_QUANTITY,
    I_SPOT,
    I_TAKER,
    I_TICK,
    J_FILL,
    L_QUANTITY,
    LIQUIDATED,
    N_DAY,
    N_OPEN,
    O_COLUMNS,
    O_ID,
    O_INSTRUMENT,
    O_LEG,
    O_REDUCE,
    O_STATUS,
    S_DONE,
    S_DONE_FEE,
    S_DONE_VALUE,
    S_PRICE,
    S_VOLUME,
    S_WHY,
    SUM_FILL,
    T_FEES,
    T_HIGHEST,
    T_LOWEST,
    T_SLIPPAGE,
    TAKER,
    W_BALANCE,
    W_RATE,
    WHY_CLOSED,
    WHY_LARGEST,
    WHY_MARGIN,
    WHY_NOTIONAL,
    WHY_QUANTITY,
    WHY_SIDE,
    WHY_SPOT,
)
from quantservice.quant.backtest.kernel.memory import Memory, Origin, Terms, memory_of
from quantservice.quant.backtest.kernel.units import ADD_UP, SLIP
from quantservice.quant.jit import inner

#: A smaller part of what was wanted does not fill: it is what a rounding left of the balance or of the volume.
LEAST = 1e-9
#: What a division by a step may be off the whole number that is meant.
STEP_NOISE = 1e-9
STEP_ROUNDING = 1e-15


@inner
def steps_of(count: float, step: float) -> float:
    """Return so many steps; of a step that is a decimal fraction the float nearest to the decimal number that is meant."""
    whole = math.floor(1.0 / step + 0.5)
    return count / whole if abs(whole * step - 1.0) < STEP_NOISE else count * step


@inner
def noise_of(steps: float) -> float:
    """Return how far a number of steps may be off by rounding: of many steps more than the least, some last places of a float."""
    return max(STEP_NOISE, abs(steps) * STEP_ROUNDING)


@inner
def round_down(value: float, step: float) -> float:
    """Round a quantity down to its step; a step of zero leaves it."""
    return steps_of(math.floor(value / step + noise_of(value / step)), step) if step > 0.0 else value


@inner
def round_up(value: float, step: float) -> float:
    """Round up to a step; a step of zero leaves it."""
    return steps_of(math.ceil(value / step - noise_of(value / step)), step) if step > 0.0 else value


@inner
def lot_of(m: Memory, s: int) -> float:
    """Return the step of quantities; 0 where the venue's rules are not enforced."""
    return m.inst[s * I_COLUMNS + I_LOT] if m.c[C_RULES] != 0.0 else 0.0


@inner
def tick_of(m: Memory, s: int) -> float:
    """Return the step of prices; 0 where the venue's rules are not enforced."""
    return m.inst[s * I_COLUMNS + I_TICK] if m.c[C_RULES] != 0.0 else 0.0


@inner
def fill(m: Memory, s: int, k: int, change: float, price: float, reference: float, maker: float, origin: Origin) -> float:
    """Book one execution that either opens or reduces, never both; return its fee."""
    i, j, w = s * I_COLUMNS, leg_of(m, s, k), currency_of(m, s)
    rate, unit, amount = m.cur[w + W_RATE], unit_value(m, s, price), abs(change)
    fee_rate = m.inst[i + I_MAKER] if maker != TAKER else m.inst[i + I_TAKER]
    if origin.reason == LIQUIDATED:
        fee_rate = m.c[C_LIQUIDATION_FEE]
    fee = amount * unit * fee_rate
    slippage = amount * abs(unit - unit_value(m, s, reference))
    held = m.legs[j + L_QUANTITY]
    reducing = held != 0.0 and (held > 0.0) != (change > 0.0)
    realised = 0.0
    if reducing:
        realised = shrink(m, s, j, amount, unit)
    else:
        grow(m, s, j, change, unit, price, origin.tag)
    m.cur[w + W_BALANCE] += realised - fee
    m.legs[j + T_FEES] += fee
    m.legs[j + T_SLIPPAGE] += slippage
    m.legs[j + T_LOWEST] = min(m.legs[j + T_LOWEST], price)
    m.legs[j + T_HIGHEST] = max(m.legs[j + T_HIGHEST], price)
    if m.c[C_TIERED] != 0.0:
        m.stats[S_VOLUME + m.n[N_DAY] % 31] += amount * unit * rate
    if m.c[C_SUMS] != 0.0:
        ADD_UP(m.book, (SUM_FILL, amount * unit * rate, fee * rate, slippage * rate, 0.0))
    row = begin_row(m, J_FILL)
    if row >= 0:
        side = 1.0 if change > 0.0 else -1.0
        put(m, row + 3, (float(s), float(k), side, price, amount, fee, maker, slippage, realised, rate))
        put(m, row + 13, (origin.order, origin.reason, origin.tag))
    set_liquidation(m, s, j)
    if reducing and m.legs[j + L_QUANTITY] == 0.0:
        write_trade(m, s, k, j, 1.0 if held > 0.0 else -1.0, origin.reason, origin.tag)
        close_reducers(m, s, k, origin.order)
    return fee


@inner
def close_reducers(m: Memory, s: int, k: int, but: float) -> None:
    """Cancel the reduce-only orders of a leg that is flat now."""
    for o in range(0, m.n[N_OPEN] * O_COLUMNS, O_COLUMNS):
        own = m.orders[o + O_INSTRUMENT] == s and m.orders[o + O_LEG] == k and m.orders[o + O_ID] != but
        if own and m.orders[o + O_REDUCE] != 0.0 and m.orders[o + O_STATUS] != CLOSED:
            end_order(m, o, CANCELLED, WHY_CLOSED)


@inner
def too_small(m: Memory, s: int, quantity: float, price: float) -> float:
    """Return why the venue would not take an order of this size; 0: it would."""
    i = s * I_COLUMNS
    if m.c[C_RULES] == 0.0:
        return 0.0
    if quantity < m.inst[i + I_MIN_QUANTITY]:
        return WHY_QUANTITY
    return WHY_NOTIONAL if quantity * unit_value(m, s, price) < m.inst[i + I_MIN_NOTIONAL] else 0.0


@inner
def opening(m: Memory, s: int, k: int, side: float, wanted: float, price: float, terms: Terms) -> float:
    """Return how much of ``wanted`` may be opened; where it is less, ``S_WHY`` says why."""
    i, spot = s * I_COLUMNS, m.inst[s * I_COLUMNS + I_SPOT] != 0.0
    if m.sides == 2 and (side > 0.0) != (k == 0):
        m.stats[S_WHY] = WHY_SIDE
        return 0.0
    if spot and side < 0.0:
        m.stats[S_WHY] = WHY_SPOT
        return 0.0
    amount = wanted
    if not spot:
        most = largest(m, s, leg_of(m, s, k), price)
        if amount > most:
            m.stats[S_WHY] = WHY_LARGEST
            amount = most if terms.clip != 0.0 else 0.0
    paid = affordable(m, s, price, m.inst[i + I_MAKER] if terms.maker != TAKER else m.inst[i + I_TAKER])
    if amount > paid * (1.0 + DUST):
        m.stats[S_WHY] = WHY_MARGIN
        amount = paid if terms.clip != 0.0 else 0.0
    if amount < wanted:
        amount = round_down(amount, lot_of(m, s))
        amount = 0.0 if amount < wanted * LEAST or too_small(m, s, amount, price) != 0.0 else amount
    return amount


@inner
def execute(m: Memory, s: int, k: int, change: float, reference: float, terms: Terms, origin: Origin) -> tuple[float, float, float]:
    """Fill what can be filled of ``change`` at once; return (quantity, sum of quantity times price, fees).

    Where less was filled than asked, ``S_WHY`` says why; 0 means that the row had no more volume.
    """
    i, j, side, amount = s * I_COLUMNS, leg_of(m, s, k), 1.0 if change > 0.0 else -1.0, abs(change)
    m.stats[S_WHY] = 0.0
    if amount > m.inst[i + I_LEFT]:
        amount = round_down(m.inst[i + I_LEFT], lot_of(m, s))
    if amount <= abs(change) * LEAST:
        return 0.0, 0.0, 0.0
    price = reference
    if terms.maker == TAKER and m.c[C_SLIPPAGE] != 0.0:
        SLIP(m.book, (s, side, amount, reference))
        price = m.stats[S_PRICE]
    if not math.isnan(terms.limit):
        price = min(price, terms.limit) if side > 0.0 else max(price, terms.limit)
    held = m.legs[j + L_QUANTITY]
    closing = 0.0
    if held != 0.0 and (held > 0.0) != (side > 0.0):
        closing = abs(held) if amount >= abs(held) * (1.0 - DUST) else amount
    rest = 0.0 if terms.reduce_only != 0.0 or terms.part == 1.0 or amount - closing <= amount * DUST else amount - closing
    done, fees = 0.0, 0.0
    if closing > 0.0 and terms.part != 2.0:
        if m.inst[i + I_SPOT] != 0.0 and too_small(m, s, closing, price) == WHY_NOTIONAL:
            m.stats[S_WHY] = WHY_NOTIONAL
            return 0.0, 0.0, 0.0
        fees += fill(m, s, k, side * closing, price, reference, terms.maker, origin)
        done += closing
    if rest > 0.0:
        rest = opening(m, s, k, side, rest, price, terms)
    if rest > 0.0:
        fees += fill(m, s, k, side * rest, price, reference, terms.maker, origin)
        done += rest
    m.inst[i + I_LEFT] -= done
    return done, done * price, fees


def execute_unit(  # noqa: PLR0913, PLR0917 - a unit takes plain numbers only
    book: Any,
    s: int,
    k: int,
    change: float,
    reference: float,
    maker: float,
    limit: float,
    reduce_only: float,
    clip: float,
    part: float,
    reason: float,
    order: float,
    tag: float,
) -> None:
    """Unit: :func:`execute`."""
    m = memory_of(book)
    terms, origin = Terms(maker, limit, reduce_only, clip, part), Origin(reason, order, tag)
    quantity, value, fee = execute(m, s, k, change, reference, terms, origin)
    m.stats[S_DONE] = quantity
    m.stats[S_DONE_VALUE] = value
    m.stats[S_DONE_FEE] = fee
