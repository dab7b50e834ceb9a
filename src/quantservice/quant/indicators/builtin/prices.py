"""Prices made of one bar's prices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.primitives import window_full, window_push
from quantservice.quant.indicators.spec import Parameter, indicator

_TALIB: Final = "TA-Lib"


def _of_bar(*inputs: str) -> Callable[[Step], Step]:
    def register(step: Step) -> Step:
        return indicator(inputs=inputs, outputs=(step.__name__,), group="price transform", source=_TALIB)(step)

    return register


@_of_bar("open", "high", "low", "close")
def avgprice(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean of open, high, low and close."""
    out[0] = (x[1] + x[2] + x[3] + x[0]) / 4.0


@_of_bar("high", "low")
def medprice(state: Array, p: Array, x: Array, out: Array) -> None:
    """Middle of high and low."""
    out[0] = (x[0] + x[1]) / 2.0


@_of_bar("high", "low", "close")
def typprice(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean of high, low and close."""
    out[0] = (x[0] + x[1] + x[2]) / 3.0


@_of_bar("high", "low", "close")
def wclprice(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean of high, low and twice the close."""
    out[0] = (x[0] + x[1] + x[2] * 2.0) / 4.0


@indicator(
    inputs=("close",),
    outputs=("avgdev",),
    parameters={"length": Parameter(14, 2, 100_000, "bars looked at")},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 2,
    group="price transform",
    source=_TALIB,
)
def avgdev(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean distance of the last values from their mean."""
    n = int(p[0])
    window_push(state, 0, n, x[0])
    if not window_full(state, 0, n):
        out[0] = math.nan
        return
    total, away = 0.0, 0.0
    for i in range(n):
        total += state[2 + i]
    mean = total / n
    for i in range(n):
        away += abs(state[2 + i] - mean)
    out[0] = away / n


@indicator(
    inputs=("open", "high", "low", "close"),
    outputs=("open", "high", "low", "close"),
    state=3,
    group="price transform",
    source="TA-Lib; StockCharts ChartSchool, Heikin-Ashi Candlesticks",
    recursive=True,
)
def ha(state: Array, p: Array, x: Array, out: Array) -> None:
    """Heikin-Ashi candles: each opens in the middle of the one before and closes at the mean of the bar's four prices."""
    begin = (state[1] + state[2]) / 2.0 if state[0] > 0.0 else (x[0] + x[3]) / 2.0
    end = (x[0] + x[1] + x[2] + x[3]) / 4.0
    state[0], state[1], state[2] = 1.0, begin, end
    out[0], out[1], out[2], out[3] = begin, max(x[1], begin, end), min(x[2], begin, end), end
