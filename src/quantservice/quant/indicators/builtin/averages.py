"""Averages of one price."""

from __future__ import annotations

from typing import Final

from quantservice.core.errors import InvalidValue
from quantservice.quant.indicators.hilbert import MAMA_SIZE, MAMA_WARM_UP, mama_push
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.moving import (
    DEMA,
    EMA,
    HMA,
    KAMA,
    RMA,
    SMA,
    T3,
    TEMA,
    TRIMA,
    WMA,
    ZLEMA,
    chosen,
    dema_push,
    hma_push,
    kama_push,
    ma_push,
    ma_size,
    ma_type,
    ma_warm_up,
    t3_push,
    tema_push,
    trima_push,
    wma_push,
    zlema_push,
)
from quantservice.quant.indicators.primitives import ema_push, mean_push, mean_whole, wilder_push, window_full, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_TALIB: Final = "TA-Lib"


def _length(default: int, low: int = 1) -> dict[str, Parameter]:
    return {"length": Parameter(default, low, 100_000, "bars averaged")}


@indicator(
    inputs=("close",),
    outputs=("sma",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(SMA, length),
    state=lambda length: length + 3,
    group="overlap",
    source=_TALIB,
    whole=mean_whole,
)
def sma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Simple moving average."""
    out[0] = mean_push(state, 0, int(p[0]), x[0])


@indicator(
    inputs=("close",),
    outputs=("ema",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(EMA, length),
    state=2,
    group="overlap",
    source=_TALIB,
    recursive=True,
)
def ema(state: Array, p: Array, x: Array, out: Array) -> None:
    """Exponential moving average, begun with the simple average of the first bars."""
    n = int(p[0])
    out[0] = ema_push(state, 0, n, 2.0 / (n + 1), x[0])


@indicator(
    inputs=("close",),
    outputs=("rma",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(RMA, length),
    state=2,
    group="overlap",
    source="TA-Lib; J. Welles Wilder, New Concepts in Technical Trading Systems (1978)",
    recursive=True,
)
def rma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Wilder's smoothed moving average: each bar weighs 1 / length."""
    out[0] = wilder_push(state, 0, int(p[0]), x[0])


@indicator(
    inputs=("close",),
    outputs=("wma",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(WMA, length),
    state=lambda length: length + 5,
    group="overlap",
    source=_TALIB,
)
def wma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Weighted moving average: weights 1 … length, the newest bar most."""
    n = int(p[0])
    out[0] = wma_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("dema",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(DEMA, length),
    state=4,
    group="overlap",
    source="TA-Lib; Patrick Mulloy, Technical Analysis of Stocks & Commodities, January 1994",
    recursive=True,
)
def dema(state: Array, p: Array, x: Array, out: Array) -> None:
    """Double exponential moving average: less lag than the exponential one of the same length."""
    n = int(p[0])
    out[0] = dema_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("tema",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(TEMA, length),
    state=6,
    group="overlap",
    source="TA-Lib; Patrick Mulloy, Technical Analysis of Stocks & Commodities, January 1994",
    recursive=True,
)
def tema(state: Array, p: Array, x: Array, out: Array) -> None:
    """Triple exponential moving average."""
    n = int(p[0])
    out[0] = tema_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("trima",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(TRIMA, length),
    state=lambda length: length + 9,
    group="overlap",
    source=_TALIB,
)
def trima(state: Array, p: Array, x: Array, out: Array) -> None:
    """Triangular moving average: the middle bars weigh most."""
    n = int(p[0])
    out[0] = trima_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("kama",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(KAMA, length),
    state=lambda length: length + 5,
    group="overlap",
    source="TA-Lib; Perry Kaufman, Smarter Trading (1995)",
    recursive=True,
)
def kama(state: Array, p: Array, x: Array, out: Array) -> None:
    """Kaufman adaptive moving average: quick in a trend, slow in noise."""
    n = int(p[0])
    out[0] = kama_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("t3",),
    parameters={
        "length": Parameter(5, 1, 100_000, "bars of each of the six averages"),
        "volume_factor": Parameter(0.7, 0.0, 1.0, "0: a plain average of averages; 1: twice the trend of a double exponential one"),
    },
    warm_up=lambda length, volume_factor: ma_warm_up(T3, length),
    state=12,
    group="overlap",
    source="TA-Lib; Tim Tillson, Technical Analysis of Stocks & Commodities, January 1998",
    recursive=True,
)
def t3(state: Array, p: Array, x: Array, out: Array) -> None:
    """T3 moving average: six exponential averages in a row, corrected for their lag."""
    n = int(p[0])
    out[0] = t3_push(state, 0, n, p[1], x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("hma",),
    parameters=_length(20),
    warm_up=lambda length: ma_warm_up(HMA, length),
    state=lambda length: ma_size(HMA, length),
    group="overlap",
    source="TA-Lib; Alan Hull, How to reduce lag in a moving average (2005)",
)
def hma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Hull moving average: weighted means that look half of their length ahead."""
    n = int(p[0])
    out[0] = hma_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close",),
    outputs=("zlema",),
    parameters=_length(30),
    warm_up=lambda length: ma_warm_up(ZLEMA, length),
    state=lambda length: (length - 1) // 2 + 5,
    group="overlap",
    source=_TALIB,
    recursive=True,
)
def zlema(state: Array, p: Array, x: Array, out: Array) -> None:
    """Zero-lag exponential moving average: of the price led by the average's own lag."""
    n = int(p[0])
    out[0] = zlema_push(state, 0, n, x[0]) if n > 1 else x[0]


@indicator(
    inputs=("close", "volume"),
    outputs=("vwma",),
    parameters=_length(30),
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 2),
    group="overlap",
    source=_TALIB,
)
def vwma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume weighted moving average: of the last bars, each by its volume."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    window_push(state, n + 2, n, x[1])
    if not window_full(state, 0, n):
        out[0] = float("nan")
        return
    if n == 1:
        out[0] = x[0]
        return
    weighed, volume = 0.0, 0.0
    for i in range(n):
        weighed += state[2 + i] * state[n + 4 + i]
        volume += state[n + 4 + i]
    out[0] = weighed / volume if volume != 0.0 else float("nan")


@indicator(
    inputs=("close",),
    outputs=("mama", "fama"),
    parameters={
        "fast_limit": Parameter(0.5, 0.01, 0.99, "largest weight of a bar"),
        "slow_limit": Parameter(0.05, 0.01, 0.99, "smallest weight of a bar"),
    },
    warm_up=MAMA_WARM_UP,
    state=MAMA_SIZE,
    group="overlap",
    source="TA-Lib; John F. Ehlers, MAMA: The Mother of Adaptive Moving Averages (2001)",
    recursive=True,
)
def mama(state: Array, p: Array, x: Array, out: Array) -> None:
    """MESA adaptive moving average: its weight follows how fast the phase of the cycle turns; fama follows it at half."""
    out[0], out[1] = mama_push(state, 0, p[0], p[1], x[0])


def _ma_parameters(length: float, ma_type: float) -> tuple[float, float]:
    return length, chosen(ma_type, SMA)


@indicator(
    inputs=("close",),
    outputs=("ma",),
    parameters=_length(30) | {"ma_type": ma_type(SMA)},
    warm_up=lambda length, ma_type: ma_warm_up(chosen(ma_type, SMA), length),
    state=lambda length, ma_type: ma_size(chosen(ma_type, SMA), length),
    prepare=_ma_parameters,
    group="overlap",
    source=_TALIB,
    recursive=True,
)
def ma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Moving average of a chosen kind."""
    out[0] = ma_push(state, 0, int(p[1]), int(p[0]), x[0])


def _mavp_parameters(low: float, high: float, ma_type: float) -> tuple[float, ...]:
    """The bounds, the kind, the bars before the first value, then where each length's memory begins and when it starts."""
    if low > high:
        raise InvalidValue("mavp.low", f"{low} is above mavp.high {high}")
    kind = chosen(ma_type, SMA)
    last, at, places = ma_warm_up(kind, int(high)), 1, []
    for length in range(int(low), int(high) + 1):
        places += [at, last - ma_warm_up(kind, length)]
        at += ma_size(kind, length)
    return low, high, kind, last, *places


@indicator(
    inputs=("close", "periods"),
    outputs=("mavp",),
    parameters={
        "low": Parameter(2, 1, 500, "least length; shorter wishes are lifted to it"),
        "high": Parameter(30, 2, 500, "greatest length; longer wishes are cut to it"),
        "ma_type": ma_type(SMA),
    },
    warm_up=lambda low, high, ma_type: ma_warm_up(chosen(ma_type, SMA), high),
    state=lambda low, high, ma_type: 1 + sum(ma_size(chosen(ma_type, SMA), length) for length in range(low, high + 1)),
    prepare=_mavp_parameters,
    group="overlap",
    source=_TALIB,
    recursive=True,
)
def mavp(state: Array, p: Array, x: Array, out: Array) -> None:
    """Moving average whose length is chosen bar by bar by a second input, ``periods``."""
    low, high, kind, first = int(p[0]), int(p[1]), int(p[2]), p[3]
    wanted = int(min(max(x[1], p[0]), p[1]))
    out[0] = float("nan")
    for length in range(low, high + 1):
        place = 4 + 2 * (length - low)
        if state[0] >= p[place + 1]:
            value = ma_push(state, int(p[place]), kind, length, x[0])
            if length == wanted and state[0] >= first:
                out[0] = value
    state[0] += 1.0
