"""Compiled walks over the finest curve: daily samples, drawdowns, worst windows, exposures. One pass each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from quantservice.quant.jit import jit
from quantservice.quant.metrics.value import F64, I64

DAY_MS: Final = 86_400_000
#: Deepest falls that are listed.
TOP: Final = 5

#: Slots of the array that ``walk_drawdowns`` returns.
DEPTH, DEPTH_PEAK, DEPTH_VALLEY, DEPTH_END = 0, 1, 2, 3
LOSS, LOSS_PEAK, LOSS_VALLEY, LOSS_END = 4, 5, 6, 7
LONGEST, CURRENT, UNDERWATER, PEAK, LOWEST, STILL_OPEN = 8, 9, 10, 11, 12, 13
SLOTS: Final = 14

#: What ``first_fault`` found: nothing, time not after the one before, equity not finite, worst equity not finite.
SOUND, UNORDERED, BAD_EQUITY, BAD_WORST = 0, 1, 2, 3


@jit
def _sound(time: I64, equity: F64, worst: F64) -> bool:
    """Say whether all rows can be measured. No branch inside the loop, so that several rows are looked at with one instruction."""
    n, bad = time.shape[0], 0
    for i in range(n):
        bad |= not np.isfinite(equity[i])
    for i in range(1, n):
        bad |= time[i] <= time[i - 1]
    for i in range(worst.shape[0]):
        bad |= not np.isfinite(worst[i])
    return bad == 0


@jit
def first_fault(time: I64, equity: F64, worst: F64) -> tuple[int, int]:
    """Return the row and kind of the first row that cannot be measured; kind 0 when there is none."""
    if _sound(time, equity, worst):
        return 0, SOUND
    for i in range(time.shape[0]):
        if i > 0 and time[i] <= time[i - 1]:
            return i, UNORDERED
        if not np.isfinite(equity[i]):
            return i, BAD_EQUITY
        if worst.shape[0] > 0 and not np.isfinite(worst[i]):
            return i, BAD_WORST
    return 0, SOUND


@jit
def _first_after(time: I64, low: int, instant: int) -> int:
    """Return the first row from ``low`` on whose time is after an instant (the length where none is): strides, then halves."""
    n, step = time.shape[0], 1
    while low + step < n and time[low + step] <= instant:
        low += step
        step *= 2
    high = min(low + step, n)
    while low < high:
        middle = (low + high) // 2
        if time[middle] <= instant:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def sample_days(time: I64, equity: F64, base_day: int, base: float) -> F64:
    """Return the equity at the end of each UTC day from ``base_day`` (whose value is ``base``) to the last mark's day.

    A mark at midnight belongs to the day that ends there. Days without a mark keep the value before them. Times rise, so that only
    the last mark of each day is looked for.
    """
    last_day = (time[time.shape[0] - 1] - 1) // DAY_MS
    out = np.empty(max(last_day - base_day, 0) + 1)
    out[0] = base
    row, value = _first_after(time, 0, (base_day + 1) * DAY_MS), base
    if row > 0:
        value = equity[row - 1]
    for day in range(1, out.shape[0]):
        after = _first_after(time, row, (base_day + day + 1) * DAY_MS)
        if after > row:
            value = equity[after - 1]
        out[day] = value
        row = after
    return out


@jit
def walk_drawdowns(time: I64, equity: F64, worst: F64, start_time: int, start: float, top: F64) -> F64:
    """Follow equity from its start; return the slots above and fill ``top`` (zeros; rows: depth, loss, peak, valley, end, open).

    Depth and loss are measured from the highest close before to the worst equity inside each bar (``worst`` may be empty:
    then to the close). An episode ends at the first close at or above its peak.
    """
    out = np.zeros(SLOTS)
    n = time.shape[0]
    peak, peak_time = start, start_time
    depth, valley_time, lowest = 0.0, start_time, start
    loss, loss_valley = 0.0, start_time
    under, longest = 0, 0.0
    open_depth = open_loss = False
    for i in range(n):
        low = equity[i]
        if worst.shape[0] > 0 and worst[i] < low:
            low = worst[i]
        lowest = min(lowest, low)
        if low < peak:
            fall = low - peak
            if fall < loss:
                loss, loss_valley = fall, time[i]
                depth = fall / peak if peak > 0.0 else -np.inf
                valley_time = time[i]
        if equity[i] < peak:
            under += 1
        if equity[i] >= peak or i == n - 1:
            recovered = equity[i] >= peak
            if loss < 0.0:
                _keep(top, depth, loss, peak_time, valley_time, time[i], not recovered)
                if depth < out[DEPTH]:
                    out[DEPTH], out[DEPTH_PEAK], out[DEPTH_VALLEY], out[DEPTH_END] = depth, peak_time, valley_time, time[i]
                    open_depth = not recovered
                if loss < out[LOSS]:
                    out[LOSS], out[LOSS_PEAK], out[LOSS_VALLEY], out[LOSS_END] = loss, peak_time, loss_valley, time[i]
                    open_loss = not recovered
                longest = max(longest, time[i] - peak_time)
            if recovered:
                peak, peak_time = equity[i], time[i]
                depth = loss = 0.0
    out[LONGEST] = longest
    out[CURRENT] = equity[n - 1] / peak - 1.0 if peak > 0.0 else np.nan
    out[UNDERWATER] = under / n
    out[PEAK] = peak
    out[LOWEST] = lowest
    out[STILL_OPEN] = (1.0 if open_depth else 0.0) + (2.0 if open_loss else 0.0)
    return out


@jit
def _keep(top: F64, depth: float, loss: float, peak_time: Any, valley_time: Any, end: Any, still_open: bool) -> None:
    """Insert an episode into the table of the deepest, deepest first."""
    rows = top.shape[0]
    if depth >= top[rows - 1, 0]:
        return
    k = rows - 1
    while k > 0 and depth < top[k - 1, 0]:
        for column in range(6):  # numba takes seconds to compile the assignment of a row
            top[k, column] = top[k - 1, column]
        k -= 1
    top[k, 0], top[k, 1] = depth, loss
    top[k, 2], top[k, 3], top[k, 4] = peak_time, valley_time, end
    top[k, 5] = 1.0 if still_open else 0.0


@jit
def worst_window(time: I64, equity: F64, start_time: int, start: float, span: int) -> float:
    """Return the lowest return from the last mark at least ``span`` milliseconds earlier to a mark; NaN if there is none."""
    low, border = np.nan, np.inf
    j = -1  # the mark that the window begins at; -1 is the start
    for i in range(time.shape[0]):
        since = time[i] - span
        while j + 1 < i and time[j + 1] <= since:
            j += 1
        began, value = (start_time, start) if j < 0 else (time[j], equity[j])
        # Only what may be lower is divided: the border lies far more than a rounding above the lowest return so far.
        if value > 0.0 and equity[i] <= value * border and began <= since:
            change = equity[i] / value - 1.0
            if not change >= low:
                low = change
                border = (1.0 + low) + 1e-12 * (1.0 + abs(low))
    return low


@jit
def walk_exposure(equity: F64, gross: F64, net: F64, margin: F64, leverage: F64) -> tuple[F64, int]:
    """Return max gross, mean gross, max net, min net, mean net, max margin, mean margin, share of bars in the market.

    All relative to equity; the first so many (the second value) of ``leverage`` (T,) receive gross / equity of the bars in the
    market. ``net`` and ``margin`` may be empty. Bars without positive equity count as bars but have no ratio: their leverage is 0.
    """
    n = equity.shape[0]
    out = np.zeros(8)
    out[2], out[3] = -np.inf, np.inf
    counted, held = 0, 0
    most, total, high, low, signed, used_most, used = 0.0, 0.0, -np.inf, np.inf, 0.0, 0.0, 0.0
    for i in range(n):
        money, ratio = equity[i], 0.0
        if money > 0.0:
            counted += 1
            if gross[i] != 0.0:  # a zero has a ratio of zero, which changes no sum
                ratio = gross[i] / money
                most = max(most, ratio)
                total += ratio
            if net.shape[0] > 0:
                part = 0.0
                if net[i] != 0.0:  # what is long only, or short only, was divided already
                    part = ratio if net[i] == gross[i] else -ratio if net[i] == -gross[i] else net[i] / money
                high, low = max(high, part), min(low, part)
                signed += part
            if margin.shape[0] > 0 and margin[i] != 0.0:
                part = margin[i] / money
                used_most = max(used_most, part)
                used += part
        if gross[i] > 0.0:
            leverage[held] = ratio
            held += 1
    share = max(counted, 1)
    out[0], out[1], out[2], out[3], out[4] = most, total / share, high, low, signed / share
    out[5], out[6], out[7] = used_most, used / share, held / max(n, 1)
    return out, held


@jit
def without_flows(equity: F64, worst: F64, flows: F64, start: float) -> tuple[F64, F64]:
    """Return equity and worst equity as if nothing had been paid in or out: time-weighted, beginning at ``start``.

    ``flows[i]`` was paid in (negative: out) during bar i and is part of ``equity[i]``.
    """
    clean = np.empty_like(equity)
    clean_worst = np.empty_like(worst)
    factor = 1.0  # clean equity per real equity
    before = start
    for i in range(equity.shape[0]):
        earned = equity[i] - flows[i]
        if worst.shape[0] > 0:
            clean_worst[i] = min(worst[i], earned) * factor
        clean[i] = earned * factor
        before = equity[i]
        factor = clean[i] / before if before != 0.0 else factor
    return clean, clean_worst
