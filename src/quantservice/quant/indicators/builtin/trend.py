"""Whether there is a trend and which way: its strength, its direction and its cycle."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    average_push,
    place_in_range,
    true_range_push,
    window_sum,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import (
    ema_push,
    wilder_push,
    window_get,
    window_max,
    window_min,
    window_push,
)
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_LONGEST: Final = 100_000
_HLC: Final = ("high", "low", "close")


def _length(default: int, low: int = 2, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, _LONGEST, doc)


@indicator(
    inputs=_HLC,
    outputs=("chop",),
    parameters={"length": _length(14)},
    warm_up=lambda length: length - 1,
    state=lambda length: 3 * length + 8,
    group="trend",
    source="E. W. Dreiss, Choppiness Index, Australian commodity trader (1993)",
)
def chop(state: Array, p: Array, x: Array, out: Array) -> None:
    """Choppiness index: 100 where the path is long in a small range, 0 in a straight trend; 100 where nothing moved."""
    n = int(p[0])
    first = state[0] == 0.0
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    window_push(state, 2, n, x[0])
    window_push(state, n + 4, n, x[1])
    window_push(state, 2 * n + 6, n, x[0] - x[1] if first else moved)
    if int(state[2 * n + 6]) < n:
        out[0] = math.nan
        return
    path, wide = window_sum(state, 2 * n + 6, n), window_max(state, 2, n) - window_min(state, n + 4, n)
    out[0] = 100.0 * math.log10(path / wide) / math.log10(n) if wide > 0.0 and path > 0.0 else 100.0


@indicator(
    inputs=("close",),
    outputs=("kst", "signal"),
    parameters={
        "roc1": _length(10, 1),
        "average1": _length(10, 1),
        "roc2": _length(15, 1),
        "average2": _length(10, 1),
        "roc3": _length(20, 1),
        "average3": _length(10, 1),
        "roc4": _length(30, 1),
        "average4": _length(15, 1),
        "signal": _length(9, 1),
    },
    warm_up=lambda roc1, average1, roc2, average2, roc3, average3, roc4, average4, signal: (
        max(roc1 + average1, roc2 + average2, roc3 + average3, roc4 + average4) + signal - 2
    ),
    state=lambda roc1, average1, roc2, average2, roc3, average3, roc4, average4, signal: (
        max(roc1, roc2, roc3, roc4) + average1 + average2 + average3 + average4 + signal + 13
    ),
    group="momentum",
    source="Martin Pring, Summed Rate of Change (KST), Stocks & Commodities 10:9 (1992)",
)
def kst(state: Array, p: Array, x: Array, out: Array) -> None:
    """Know sure thing: four smoothed rates of change weighted 1 to 4, and the average of their sum."""
    longest = int(max(p[0], p[2], p[4], p[6]))
    window_push(state, 0, longest + 1, x[0])
    at, total = longest + 3, 0.0
    for part in range(4):
        back, n = int(p[2 * part]), int(p[2 * part + 1])
        if int(state[0]) > back:
            before = window_get(state, 0, longest + 1, back)
            total += (part + 1) * average_push(state, at, n, 100.0 * (x[0] - before) / before)
        else:
            total = math.nan
        at += n + 2
    out[:] = math.nan
    if not math.isnan(total):
        out[0], out[1] = total, average_push(state, at, int(p[8]), total)
        if math.isnan(out[1]):
            out[0] = math.nan


@indicator(
    inputs=("close",),
    outputs=("stc",),
    parameters={
        "cycle": _length(10, 2, "bars of both stochastics"),
        "fast": _length(23),
        "slow": _length(50),
        "smooth": _length(3, 1, "bars of both smoothings"),
        "cold": Parameter(0, 0, 1, "1: what is not ready counts as 0 instead of being waited for (the charts of LEAN's reference)"),
    },
    warm_up=lambda cycle, fast, slow, smooth, cold: max(fast, slow) - 1 + (0 if cold else 2 * (cycle - 1) + 2 * (smooth - 1)),
    state=lambda cycle, fast, slow, smooth, cold: 2 * cycle + 12,
    group="momentum",
    source="Doug Schaff, The Schaff Trend Cycle (1999)",
    recursive=True,
)
def stc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Schaff trend cycle: stochastic of the stochastic of MACD, each smoothed; 0 where there is no range."""
    n, m, cold = int(p[0]), int(p[3]), p[4] != 0.0
    k = 2.0 / (m + 1)
    out[0] = math.nan
    fast = ema_push(state, 0, int(p[1]), 2.0 / (p[1] + 1.0), x[0])
    slow = ema_push(state, 2, int(p[2]), 2.0 / (p[2] + 1.0), x[0])
    ready = not (math.isnan(fast) or math.isnan(slow))
    if not ready and not cold:
        return
    macd = (0.0 if math.isnan(fast) else fast) - (0.0 if math.isnan(slow) else slow)
    window_push(state, 4, n, macd)
    if int(state[4]) < n and not cold:
        return
    smoothed = ema_push(state, n + 6, m, k, place_in_range(macd, window_min(state, 4, n), window_max(state, 4, n), 0.0))
    if math.isnan(smoothed):
        if not cold:
            return
        smoothed = 0.0
    window_push(state, n + 8, n, smoothed)
    if int(state[n + 8]) < n and not cold:
        return
    second = place_in_range(smoothed, window_min(state, n + 8, n), window_max(state, n + 8, n), 0.0)
    result = ema_push(state, 2 * n + 10, m, k, second)
    out[0] = result if ready else math.nan


@indicator(
    inputs=_HLC,
    outputs=("pso",),
    parameters={"length": _length(8), "smooth": _length(5, 1, "bars of both exponential averages")},
    warm_up=lambda length, smooth: length - 1 + 2 * (smooth - 1),
    state=lambda length, smooth: 2 * length + 8,
    group="momentum",
    source="Lee Leibfarth, Premier Stochastic Oscillator, Stocks & Commodities 26:8 (2008)",
    recursive=True,
)
def pso(state: Array, p: Array, x: Array, out: Array) -> None:
    """Premier stochastic: twice smoothed stochastic, pressed between -1 and 1."""
    n, m = int(p[0]), int(p[1])
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    out[0] = math.nan
    if int(state[0]) < n:
        return
    fast = place_in_range(x[2], window_min(state, n + 2, n), window_max(state, 0, n), 50.0)
    once = ema_push(state, 2 * n + 4, m, 2.0 / (m + 1), 0.1 * (fast - 50.0))
    if not math.isnan(once):
        out[0] = math.tanh(ema_push(state, 2 * n + 6, m, 2.0 / (m + 1), once) / 2.0)


@indicator(
    inputs=("close",),
    outputs=("trend_intensity",),
    parameters={"length": _length(30, 2, "newest bars whose deviations count"), "mean": _length(60, 2, "bars of the mean")},
    warm_up=lambda length, mean: max(length, mean) - 1,
    state=lambda length, mean: max(length, mean) + 2,
    group="trend",
    source="M. H. Pee, Trend Intensity Index, Stocks & Commodities 20:6 (2002)",
)
def trend_intensity(state: Array, p: Array, x: Array, out: Array) -> None:
    """Trend intensity: share of the newest deviations from a longer mean that is above it, 0 to 100; 50 where nothing deviates."""
    size = int(max(p[0], p[1]))
    window_push(state, 0, size, x[0])
    out[0] = math.nan
    if int(state[0]) < size:
        return
    mean, above, below = 0.0, 0.0, 0.0
    for back in range(int(p[1])):
        mean += window_get(state, 0, size, back) / p[1]
    for back in range(int(p[0])):
        off = window_get(state, 0, size, back) - mean
        above += max(off, 0.0)
        below += max(-off, 0.0)
    out[0] = 100.0 * above / (above + below) if above + below > 0.0 else 50.0


_WILDER: Final = "Welles Wilder, New Concepts in Technical Trading Systems (1978), begun as in the book and on StockCharts"


@jit
def _directional_push(state: Array, n: int, x: Array) -> tuple[float, float, float]:
    """Return +DI, -DI and DX of the bar; NaN for ``n`` bars. Keeps 10 floats."""
    high, low = state[2], state[3]
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    state[2], state[3] = x[0], x[1]
    if math.isnan(moved):
        return math.nan, math.nan, math.nan
    up, down = x[0] - high, low - x[1]
    wide = wilder_push(state, 4, n, moved)
    plus = wilder_push(state, 6, n, up if up > down and up > 0.0 else 0.0)
    minus = wilder_push(state, 8, n, down if down > up and down > 0.0 else 0.0)
    if math.isnan(wide):
        return math.nan, math.nan, math.nan
    plus, minus = (100.0 * plus / wide, 100.0 * minus / wide) if wide > 0.0 else (0.0, 0.0)
    return plus, minus, 100.0 * abs(plus - minus) / (plus + minus) if plus + minus > 0.0 else 0.0


@indicator(
    inputs=_HLC,
    outputs=("plus_di", "minus_di", "dx"),
    parameters={"length": _length(14)},
    warm_up=lambda length: length,
    state=10,
    group="trend",
    source=_WILDER,
    recursive=True,
)
def wilder_dmi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Directional movement begun with the whole first sums (TA-Lib's functions begin one bar short of them)."""
    out[0], out[1], out[2] = _directional_push(state, int(p[0]), x)


@indicator(
    inputs=_HLC,
    outputs=("adx",),
    parameters={"length": _length(14)},
    warm_up=lambda length: 2 * length - 1,
    state=12,
    group="trend",
    source=_WILDER,
    recursive=True,
)
def wilder_adx(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average directional index begun with the whole first sums."""
    n = int(p[0])
    _plus, _minus, spread = _directional_push(state, n, x)
    out[0] = math.nan if math.isnan(spread) else wilder_push(state, 10, n, spread)


@indicator(
    inputs=_HLC,
    outputs=("adxr",),
    parameters={"length": _length(14)},
    warm_up=lambda length: 3 * length - 2,
    state=lambda length: length + 14,
    group="trend",
    source=_WILDER,
    recursive=True,
)
def wilder_adxr(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean of the average directional index and the one ``length - 1`` bars ago, begun with the whole first sums."""
    n = int(p[0])
    _plus, _minus, spread = _directional_push(state, n, x)
    smoothed = math.nan if math.isnan(spread) else wilder_push(state, 10, n, spread)
    out[0] = math.nan
    if not math.isnan(smoothed):
        window_push(state, 12, n, smoothed)
        if int(state[12]) == n:
            out[0] = (smoothed + window_get(state, 12, n, n - 1)) / 2.0
