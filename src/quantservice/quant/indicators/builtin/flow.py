"""Volume and the flow of orders: average prices weighted by volume, pressure of buyers, and what volume does to the price."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    DAY_MS,
    average_push,
    change_push,
    log_return_push,
    session_of,
    window_mean,
    window_sum,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_HLC: Final = ("high", "low", "close")


def _length(default: int, low: int = 1, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, _LONGEST, doc)


@jit
def _weigh(state: Array, at: int, price: float, volume: float, out: Array) -> None:
    """Add a price to a running mean weighted by volume, and to its variance (West's update). Keeps 3 floats.

    While there was no volume the mean is the newest price.
    """
    if volume > 0.0:
        state[at] += volume
        step = price - state[at + 1]
        state[at + 1] += step * volume / state[at]
        state[at + 2] += volume * step * (price - state[at + 1])
    elif state[at] == 0.0:
        state[at + 1] = price
    out[0] = state[at + 1]
    out[1] = math.sqrt(max(0.0, state[at + 2] / state[at])) if state[at] > 0.0 else 0.0


@indicator(
    inputs=("open_time", *_HLC, "volume"),
    outputs=("vwap", "deviation"),
    parameters={"reset": Parameter(1, 1, 3, "when it begins anew, by UTC: 1 each day, 2 each week on Monday, 3 each month")},
    state=5,
    group="volume",
    source="Berkowitz, Logue and Noser, The Total Cost of Transactions on the NYSE (1988)",
    recursive=True,
)
def session_vwap(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume-weighted average price of the session so far (typical prices), and the weighted deviation around it."""
    session = session_of(x[0], int(p[0]))
    if state[0] == 0.0 or session != state[1]:
        state[0], state[1], state[2], state[3], state[4] = 1.0, session, 0.0, 0.0, 0.0
    _weigh(state, 2, (x[1] + x[2] + x[3]) / 3.0, x[4], out)


@indicator(
    inputs=("open_time", *_HLC, "volume"),
    outputs=("vwap", "deviation"),
    parameters={"anchor_ms": Parameter(0, 0, 10**14, "time in UTC milliseconds from which prices count")},
    state=4,
    group="volume",
    source="Brian Shannon, Maximum Trading Gains With Anchored VWAP (2022)",
    recursive=True,
)
def anchored_vwap(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume-weighted average price since an anchor, and the weighted deviation around it; NaN before the anchor."""
    if x[0] < p[0]:
        out[:] = math.nan
        return
    _weigh(state, 0, (x[1] + x[2] + x[3]) / 3.0, x[4], out)


@indicator(
    inputs=("open", *_HLC, "volume"),
    outputs=("vwap",),
    parameters={
        "length": _length(50),
        "with_open": Parameter(0, 0, 1, "0: a bar's price is the mean of high, low and close; 1: of the open too (LEAN)"),
    },
    warm_up=lambda length, with_open: length - 1,
    state=lambda length, with_open: 2 * length + 4,
    group="volume",
    source="moving VWAP of typical prices",
)
def rolling_vwap(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume-weighted average of the window's typical prices; their plain mean where there was no volume."""
    n = int(p[0])
    price = (x[0] + x[1] + x[2] + x[3]) / 4.0 if p[1] != 0.0 else (x[1] + x[2] + x[3]) / 3.0
    window_push(state, 0, n, price)
    window_push(state, n + 2, n, x[4])
    if int(state[0]) < n:
        out[0] = math.nan
        return
    paid, volume = 0.0, 0.0
    for i in range(n):
        paid += state[2 + i] * state[n + 4 + i]
        volume += state[n + 4 + i]
    out[0] = paid / volume if volume > 0.0 else window_mean(state, 0, n)


@indicator(
    inputs=("taker_buy_base_volume", "volume"),
    outputs=("imbalance", "buy_share", "delta"),
    parameters={"length": _length(20)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 4,
    group="flow",
    source="taker flow of klines; cf. Cont, Kukanov and Stoikov, The Price Impact of Order Book Events (2014)",
)
def order_flow_imbalance(state: Array, p: Array, x: Array, out: Array) -> None:
    """Taker buying less taker selling over the volume (-1 to 1), buyers' share, this bar's difference (0 and 0.5 if none)."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    bought, volume = window_sum(state, 0, n), window_sum(state, n + 2, n)
    out[0] = (2.0 * bought - volume) / volume if volume > 0.0 else 0.0
    out[1] = bought / volume if volume > 0.0 else 0.5
    out[2] = 2.0 * x[0] - x[1]


@indicator(
    inputs=("open_time", "taker_buy_base_volume", "volume"),
    outputs=("cumulative", "delta"),
    parameters={
        "reset": Parameter(0, 0, 3, "when it begins anew, by UTC: 0 never, 1 each day, 2 each week on Monday, 3 each month")
    },
    state=3,
    group="flow",
    source="cumulative volume delta",
    recursive=True,
)
def cumulative_delta(state: Array, p: Array, x: Array, out: Array) -> None:
    """Running sum of taker buying less taker selling, and this bar's part of it."""
    if p[0] != 0.0:
        session = session_of(x[0], int(p[0]))
        if state[0] == 0.0 or session != state[1]:
            state[0], state[1], state[2] = 1.0, session, 0.0
    out[1] = 2.0 * x[1] - x[2]
    state[2] += out[1]
    out[0] = state[2]


@indicator(
    inputs=("taker_buy_base_volume", "volume"),
    outputs=("vpin",),
    parameters={"length": _length(50)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 4,
    group="flow",
    source="Easley, Lopez de Prado and O'Hara, Flow Toxicity and Liquidity (2012), with bars for buckets and taker volumes known",
)
def bar_vpin(state: Array, p: Array, x: Array, out: Array) -> None:
    """Flow toxicity: absolute taker imbalances of the window's bars over their volume, 0 to 1; 0 without volume."""
    n = int(p[0])
    window_push(state, 0, n, abs(2.0 * x[0] - x[1]))
    window_push(state, n + 2, n, x[1])
    out[0] = math.nan
    if int(state[0]) == n:
        volume = window_sum(state, n + 2, n)
        out[0] = window_sum(state, 0, n) / volume if volume > 0.0 else 0.0


@indicator(
    inputs=("close", "taker_buy_base_volume", "volume"),
    outputs=("impact", "r_squared"),
    parameters={"length": _length(60, 3)},
    warm_up=lambda length: length,
    state=lambda length: 2 * length + 6,
    group="flow",
    source="Albert Kyle, Continuous Auctions and Insider Trading (1985); slope as estimated by Hasbrouck (2009)",
)
def kyle_lambda(state: Array, p: Array, x: Array, out: Array) -> None:
    """Price impact: slope of the change of price on the net taker volume, and how well it fits; 0 without flow."""
    n = int(p[0])
    change = change_push(state, 0, x[0])
    out[:] = math.nan
    if math.isnan(change):
        return
    window_push(state, 2, n, change)
    window_push(state, n + 4, n, 2.0 * x[1] - x[2])
    if int(state[2]) < n:
        return
    mean_change, mean_flow = window_mean(state, 2, n), window_mean(state, n + 4, n)
    changes, flows, together = 0.0, 0.0, 0.0
    for i in range(n):
        one, flow = state[4 + i] - mean_change, state[n + 6 + i] - mean_flow
        changes += one * one
        flows += flow * flow
        together += one * flow
    out[0] = together / flows if flows > 0.0 else 0.0
    out[1] = together * together / (changes * flows) if changes > 0.0 and flows > 0.0 else 0.0


@indicator(
    inputs=("close", "quote_volume"),
    outputs=("illiquidity",),
    parameters={"length": _length(30)},
    warm_up=lambda length: length,
    state=lambda length: length + 4,
    group="flow",
    source="Yakov Amihud, Illiquidity and Stock Returns (2002)",
)
def amihud(state: Array, p: Array, x: Array, out: Array) -> None:
    """Amihud illiquidity: mean absolute log return per million of quote currency traded; a bar without volume counts as 0."""
    n = int(p[0])
    value = log_return_push(state, 0, x[0])
    out[0] = math.nan
    if not math.isnan(value):
        out[0] = average_push(state, 2, n, 1e6 * abs(value) / x[1] if x[1] > 0.0 else 0.0)


@indicator(
    inputs=("close",),
    outputs=("spread",),
    parameters={"length": _length(60, 3)},
    warm_up=lambda length: length + 1,
    state=lambda length: 2 * length + 8,
    group="flow",
    source="Richard Roll, A Simple Implicit Measure of the Effective Bid-Ask Spread (1984)",
)
def roll_spread(state: Array, p: Array, x: Array, out: Array) -> None:
    """Roll's spread, a share of the price, from the negative covariance of neighbouring log returns; 0 where it is positive."""
    n = int(p[0])
    before = state[2]
    value = log_return_push(state, 0, x[0])
    out[0] = math.nan
    if math.isnan(value):
        return
    if state[3] == 0.0:
        state[2], state[3] = value, 1.0
        return
    state[2] = value
    window_push(state, 4, n, value)
    window_push(state, n + 6, n, before)
    if int(state[4]) < n:
        return
    mean, mean_before, together = window_mean(state, 4, n), window_mean(state, n + 6, n), 0.0
    for i in range(n):
        together += (state[6 + i] - mean) * (state[n + 8 + i] - mean_before)
    out[0] = 2.0 * math.sqrt(max(0.0, -together / (n - 1)))


@indicator(
    inputs=("volume", "count"),
    outputs=("size", "ratio"),
    parameters={"length": _length(50)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 4,
    group="flow",
    source="average trade size of klines",
)
def trade_size(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean size of this bar's trades, and that over the window's mean size (above 1: larger trades); 0 and 1 without trades."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    if int(state[0]) < n:
        out[:] = math.nan
        return
    volume, count = window_sum(state, 0, n), window_sum(state, n + 2, n)
    out[0] = x[0] / x[1] if x[1] > 0.0 else 0.0
    out[1] = out[0] * count / volume if volume > 0.0 else 1.0


@indicator(
    inputs=("close", "volume"),
    outputs=("obv",),
    parameters={"length": _length(20)},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 5,
    group="volume",
    source="Joseph Granville, New Key to Stock Market Profits (1963); simple average of it",
    recursive=True,
)
def smoothed_obv(state: Array, p: Array, x: Array, out: Array) -> None:
    """On-balance volume, averaged over the last bars."""
    change = change_push(state, 0, x[0])
    if math.isnan(change):
        state[2] = x[1]
    elif change != 0.0:
        state[2] += x[1] if change > 0.0 else -x[1]
    out[0] = average_push(state, 3, int(p[0]), state[2])


@indicator(
    inputs=(*_HLC, "volume"),
    outputs=("kvo", "signal"),
    parameters={"fast": _length(34), "slow": _length(55), "signal": _length(13)},
    warm_up=lambda fast, slow, signal: max(fast, slow) + signal,
    state=11,
    group="volume",
    source="Stephen Klinger, Identifying Trends with Volume Analysis, Stocks & Commodities 15:12 (1997)",
    recursive=True,
)
def klinger(state: Array, p: Array, x: Array, out: Array) -> None:
    """Klinger volume oscillator: fast less slow exponential average of the volume force, and its exponential average."""
    # state: [bars seen, typical price, trend, range, cumulative range] of the bar before, then three averages
    typical, wide = (x[0] + x[1] + x[2]) / 3.0, x[0] - x[1]
    trend = 1.0 if typical > state[1] else -1.0
    seen, before, running = state[0], state[3], state[4]
    out[:] = math.nan
    if seen >= 2.0:
        running = wide + (running if running != 0.0 and trend == state[2] else before)
    state[0], state[1], state[2], state[3], state[4] = min(seen + 1.0, 2.0), typical, trend, wide, running
    if seen < 2.0:
        return
    force = 100.0 * x[3] * abs(2.0 * (wide / running - 1.0)) * trend if running != 0.0 else 0.0
    fast = ema_push(state, 5, int(p[0]), 2.0 / (p[0] + 1.0), force)
    slow = ema_push(state, 7, int(p[1]), 2.0 / (p[1] + 1.0), force)
    if math.isnan(fast) or math.isnan(slow):
        return
    signal = ema_push(state, 9, int(p[2]), 2.0 / (p[2] + 1.0), fast - slow)
    if not math.isnan(signal):
        out[0], out[1] = fast - slow, signal


@indicator(
    inputs=("open_time", "volume"),
    outputs=("relative_volume",),
    parameters={
        "days": Parameter(10, 1, 1_000, "earlier days averaged"),
        "bars_per_day": Parameter(24, 1, 86_400, "bars that a whole UTC day has: 24 of an hour, 1440 of a minute"),
    },
    state=lambda days, bars_per_day: 4 + (days + 1) * bars_per_day,
    group="volume",
    source="relative volume by time of day; QuantConnect LEAN documentation, Relative Daily Volume",
    recursive=True,
)
def relative_daily_volume(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume of the UTC day so far over its mean, up to the same time of day, on the days before.

    While there are fewer days it is over those there are; on the first day, or where they had no volume, it is 1.
    """
    # state: [days done, day + 1, last slot, volume so far], today's volume by slot, then a ring of days
    days, slots = int(p[0]), int(p[1])
    day = math.floor(x[0] / DAY_MS)
    slot = int((x[0] - day * DAY_MS) * slots / DAY_MS)
    if state[1] != day + 1.0:
        if state[1] != 0.0:
            for i in range(int(state[2]) + 1, slots):
                state[4 + i] = state[3]
            row = 4 + slots * (1 + int(state[0]) % days)
            for i in range(slots):
                state[row + i] = state[4 + i]
            state[0] += 1.0
        state[1], state[2], state[3] = day + 1.0, -1.0, 0.0
    for i in range(int(state[2]) + 1, slot):
        state[4 + i] = state[3]
    state[3] += x[1]
    state[2], state[4 + slot] = float(slot), state[3]
    kept, total = min(int(state[0]), days), 0.0
    for row in range(kept):
        total += state[4 + slots * (1 + row) + slot]
    out[0] = state[3] * kept / total if total > 0.0 else 1.0


@indicator(
    inputs=("close", "volume"),
    outputs=("poc", "poc_volume", "high", "low", "value", "value_high", "value_low"),
    parameters={
        "length": Parameter(24, 2, 5_000, "bars in the profile"),
        "tick": Parameter(1.0, 1e-12, 1e12, "width of a price level; closes are rounded up to it"),
        "share": Parameter(0.7, 0.01, 1.0, "share of the volume that the value area holds"),
        "by_time": Parameter(0, 0, 1, "1: each bar counts 1 (time at price); 0: its volume"),
    },
    warm_up=lambda length, tick, share, by_time: length - 1,
    state=lambda length, tick, share, by_time: 4 * length + 4,
    group="volume",
    source="J. Peter Steidlmayer, Market Profile, Chicago Board of Trade (1984); rules as in QuantConnect LEAN",
)
def market_profile(state: Array, p: Array, x: Array, out: Array) -> None:
    """Profile of the window's closes: level with most volume (of equal ones the one nearest the middle), range and value area."""
    n = int(p[0])
    prices, amounts, levels, volumes = 0, n + 2, 2 * n + 4, 3 * n + 4
    window_push(state, prices, n, math.ceil(x[0] / p[1] - 1e-9))
    window_push(state, amounts, n, 1.0 if p[3] != 0.0 else x[1])
    if int(state[prices]) < n:
        out[:] = math.nan
        return
    count = _levels(state, n, prices, amounts, levels, volumes)
    best, middle, total = 0, (count - 1) // 2, 0.0
    for i in range(count):
        here, most = state[volumes + i], state[volumes + best]
        total += here
        if here > most or (here == most and abs(middle - i) < abs(middle - best)):
            best = i
    low, high, held = best, best, state[volumes + best]
    while held <= p[2] * total and (low > 0 or high < count - 1):
        below = state[volumes + low - 1] if low > 0 else 0.0
        above = state[volumes + high + 1] if high < count - 1 else 0.0
        if high == count - 1 or (low > 0 and below > above):
            low, held = low - 1, held + below
        else:
            high, held = high + 1, held + above
    out[0], out[1] = state[levels + best] * p[1], state[volumes + best]
    out[2], out[3] = state[levels + count - 1] * p[1], state[levels] * p[1]
    out[4], out[5], out[6] = p[2] * total, state[levels + high] * p[1], state[levels + low] * p[1]


@jit
def _levels(state: Array, n: int, prices: int, amounts: int, levels: int, volumes: int) -> int:
    """Write the window's distinct levels in order, and the volume of each; return how many there are."""
    count = 0
    for back in range(n):
        level, amount = window_get(state, prices, n, back), window_get(state, amounts, n, back)
        place = count
        while place > 0 and state[levels + place - 1] > level:
            place -= 1
        if place > 0 and state[levels + place - 1] == level:
            state[volumes + place - 1] += amount
            continue
        for i in range(count, place, -1):
            state[levels + i], state[volumes + i] = state[levels + i - 1], state[volumes + i - 1]
        state[levels + place], state[volumes + place] = level, amount
        count += 1
    return count
