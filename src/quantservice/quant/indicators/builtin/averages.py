"""Averages of one price."""

from __future__ import annotations

from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, mean_push
from quantservice.quant.indicators.spec import Parameter, indicator

_TALIB: Final = "TA-Lib"


def _length(default: int, low: int = 2) -> dict[str, Parameter]:
    return {"length": Parameter(default, low, 100_000, "bars averaged")}


@indicator(
    inputs=("close",),
    outputs=("sma",),
    parameters=_length(30),
    warm_up=lambda length: length - 1,
    state=lambda length: length + 3,
    group="overlap",
    source=_TALIB,
)
def sma(state: Array, p: Array, x: Array, out: Array) -> None:
    """Simple moving average."""
    out[0] = mean_push(state, 0, int(p[0]), x[0])


@indicator(
    inputs=("close",),
    outputs=("ema",),
    parameters=_length(30),
    warm_up=lambda length: length - 1,
    state=2,
    group="overlap",
    source=_TALIB,
    recursive=True,
)
def ema(state: Array, p: Array, x: Array, out: Array) -> None:
    """Exponential moving average, begun with the simple average of the first bars."""
    n = int(p[0])
    out[0] = ema_push(state, 0, n, 2.0 / (n + 1), x[0])
