"""How far and how easily the price moves: spikes, returns, ranges and pressure beyond TA-Lib's."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.builtin.pieces import (
    average_push,
    log_return_push,
    rsi_push,
    true_range_push,
    window_deviation,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, wilder_push, window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_LONGEST: Final = 100_000


def _length(default: int, low: int = 2, doc: str = "bars averaged") -> Parameter:
    return Parameter(default, low, _LONGEST, doc)


@indicator(
    inputs=("close",),
    outputs=("spike",),
    parameters={"length": _length(20, 2, "log returns before this bar whose deviation is the measure")},
    warm_up=lambda length: length + 1,
    state=lambda length: length + 5,
    group="momentum",
    source="Jeff Augen, The Volatility Edge in Options Trading (2008), price spike",
)
def price_spike(state: Array, p: Array, x: Array, out: Array) -> None:
    """Price spike: the bar's move in standard deviations of the returns before it; 0 where those did not vary."""
    n, previous = int(p[0]), state[1]
    out[0] = math.nan
    if int(state[2]) == n:
        deviation = window_deviation(state, 2, n, 0) * previous
        out[0] = (x[0] - previous) / deviation if deviation > 0.0 else 0.0
    moved = log_return_push(state, 0, x[0])
    if not math.isnan(moved):
        window_push(state, 2, n, moved)


@indicator(
    inputs=("close",),
    outputs=("log_return",),
    parameters={"length": _length(1, 1, "bars between the two prices")},
    warm_up=lambda length: length,
    state=lambda length: length + 2,
    group="momentum",
    source="continuously compounded return",
)
def log_return(state: Array, p: Array, x: Array, out: Array) -> None:
    """Logarithm of the price over the price some bars ago."""
    before = window_push(state, 0, int(p[0]), x[0])
    out[0] = math.log(x[0] / before)


@indicator(
    inputs=("high", "low", "close"),
    outputs=("mean_true_range",),
    parameters={
        "length": _length(14, 1),
        "wilder": Parameter(0, 0, 1, "0: simple average; 1: Wilder's"),
        "first_range": Parameter(0, 0, 1, "1: the first bar's high less low counts as its true range; 0: it has none (TA-Lib)"),
    },
    warm_up=lambda length, wilder, first_range: length - first_range,
    state=lambda length, wilder, first_range: length + 6,
    group="volatility",
    source="Welles Wilder, New Concepts in Technical Trading Systems (1978), true range",
    recursive=True,
)
def mean_true_range(state: Array, p: Array, x: Array, out: Array) -> None:
    """Average true range with a choice of average and of the first bar's range."""
    n, first = int(p[0]), state[0] == 0.0
    moved = true_range_push(state, 0, x[0], x[1], x[2])
    if first:
        moved = x[0] - x[1] if p[2] != 0.0 else math.nan
    out[0] = math.nan
    if not math.isnan(moved):
        out[0] = wilder_push(state, 2, n, moved) if p[1] != 0.0 else average_push(state, 4, n, moved)


@indicator(
    inputs=("high", "low", "volume"),
    outputs=("emv",),
    parameters={
        "length": _length(14, 1),
        "scale": Parameter(1e8, 1e-300, 1e300, "volume that counts as one"),
    },
    warm_up=lambda length, scale: length,
    state=lambda length, scale: length + 4,
    group="volume",
    source="Richard Arms, Volume Cycles in the Stock Market (1983), ease of movement",
)
def ease_of_movement(state: Array, p: Array, x: Array, out: Array) -> None:
    """Ease of movement: the move of the middle price by volume and range; 0 for a bar without volume."""
    middle = (x[0] + x[1]) / 2.0
    seen, previous = state[0], state[1]
    state[0], state[1] = 1.0, middle
    out[0] = math.nan
    if seen != 0.0:
        ease = (middle - previous) * (x[0] - x[1]) / (x[2] / p[1]) if x[2] > 0.0 else 0.0
        out[0] = average_push(state, 2, int(p[0]), ease)


@indicator(
    inputs=("high", "low", "close", "volume"),
    outputs=("oscillator",),
    parameters={"fast": _length(3, 1), "slow": _length(10, 1)},
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    state=5,
    group="volume",
    source="Marc Chaikin, accumulation/distribution oscillator; averages begun with the simple average of the first bars",
    recursive=True,
)
def chaikin_oscillator(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chaikin oscillator whose averages begin with simple ones; TA-Lib's adosc begins both with the first value."""
    spread = x[0] - x[1]
    if spread > 0.0:
        state[0] += ((x[2] - x[1]) - (x[0] - x[2])) / spread * x[3]
    fast = ema_push(state, 1, int(p[0]), 2.0 / (p[0] + 1.0), state[0])
    slow = ema_push(state, 3, int(p[1]), 2.0 / (p[1] + 1.0), state[0])
    out[0] = fast - slow


@indicator(
    inputs=("high", "low"),
    outputs=("demarker",),
    parameters={"length": _length(14, 1)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * length + 7,
    group="momentum",
    source="Tom DeMark, The New Science of Technical Analysis (1994), DeMarker",
)
def demarker(state: Array, p: Array, x: Array, out: Array) -> None:
    """DeMarker: rises of the highs against falls of the lows, 0 … 1; the first bar counts as neither; 0.5 where nothing moved."""
    n = int(p[0])
    up, down = 0.0, 0.0
    if state[0] != 0.0:
        up, down = max(x[0] - state[1], 0.0), max(state[2] - x[1], 0.0)
    state[0], state[1], state[2] = 1.0, x[0], x[1]
    rises, falls = average_push(state, 3, n, up), average_push(state, 5 + n, n, down)
    out[0] = rises / (rises + falls) if rises + falls != 0.0 else 0.5


@indicator(
    inputs=("close",),
    outputs=("oscillator",),
    parameters={
        "length": _length(14, 1, "bars of the RSI"),
        "first": _length(5, 1, "bars of the first smoothing"),
        "second": _length(3, 1, "bars of the second smoothing"),
        "signal": _length(9, 1, "bars of the average taken off"),
    },
    warm_up=lambda length, first, second, signal: length + first + second + signal - 3,
    state=lambda length, first, second, signal: signal + 12,
    group="momentum",
    source="Constance Brown, Technical Analysis for the Trading Professional (1999), derivative oscillator",
    recursive=True,
)
def derivative_oscillator(state: Array, p: Array, x: Array, out: Array) -> None:
    """Derivative oscillator: a twice smoothed RSI less its simple average."""
    out[0] = math.nan
    value = rsi_push(state, 0, int(p[0]), x[0])
    if not math.isnan(value):
        value = ema_push(state, 6, int(p[1]), 2.0 / (p[1] + 1.0), value)
    if not math.isnan(value):
        value = ema_push(state, 8, int(p[2]), 2.0 / (p[2] + 1.0), value)
    if not math.isnan(value):
        out[0] = value - average_push(state, 10, int(p[3]), value)


def _frama(length: int, slow: int) -> tuple[float, float]:
    return float(length), math.log(2.0 / (slow + 1.0))


@indicator(
    inputs=("high", "low"),
    outputs=("frama",),
    parameters={
        "length": Parameter(16, 4, 10_000, "bars whose fractal dimension is taken; an odd number is taken as one less"),
        "slow": Parameter(198, 2, 1_000_000, "bars of the slowest average"),
    },
    warm_up=lambda length, slow: length // 2 * 2 - 1,
    state=lambda length, slow: 2 * (length // 2 * 2) + 5,
    prepare=_frama,
    group="overlap",
    source="John Ehlers, FRAMA: Fractal Adaptive Moving Average, Stocks & Commodities 23:10 (2005)",
    recursive=True,
)
def frama(state: Array, p: Array, x: Array, out: Array) -> None:
    """Fractal adaptive moving average of the middle price: fast where the path is straight; begun with the price."""
    half = int(p[0]) // 2
    n = 2 * half
    price = (x[0] + x[1]) / 2.0
    begun = int(state[1]) == n
    window_push(state, 1, n, x[0])
    window_push(state, 3 + n, n, x[1])
    if not begun:
        state[0] = price
        out[0] = price if int(state[1]) == n else math.nan
        return
    highest, lowest = -math.inf, math.inf
    spans, dimension = 0.0, 0.0
    for part in range(2):
        top, bottom = -math.inf, math.inf
        for back in range(part * half, (part + 1) * half):
            top = max(top, window_get(state, 1, n, back))
            bottom = min(bottom, window_get(state, 3 + n, n, back))
        highest, lowest = max(highest, top), min(lowest, bottom)
        if top <= bottom:
            spans = math.nan
        spans += (top - bottom) / half
    if spans > 0.0 and highest > lowest:
        dimension = (math.log(spans) - math.log((highest - lowest) / n)) / math.log(2.0)
    alpha = min(1.0, max(0.01, math.exp(p[1] * (dimension - 1.0))))
    state[0] += alpha * (price - state[0])
    out[0] = state[0]
