"""Stochastic oscillators: where the close stands in the range of the last bars."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.moving import RMA, SMA, chosen, ma_push, ma_size, ma_type, ma_warm_up
from quantservice.quant.indicators.primitives import highest_push, lowest_push, rsi_push, window_full
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_GROUP: Final = "momentum"
_LANE: Final = "TA-Lib; George Lane, Lane's Stochastics (1984)"


def _bars(default: int, doc: str, low: int = 1) -> Parameter:
    return Parameter(default, low, 100_000, doc)


@jit
def _range_push(state: Array, at: int, n: int, high: float, low: float, close: float) -> float:
    """Place of the close between the lowest low and the highest high of ``n`` bars in percent, 0 without a range. Keeps 8 + 2 n.

    A range under the rounding error of its ends is none (TA-Lib), else the stochastic of an unmoved RSI would jump from 0 to 100.
    """
    highest, lowest = highest_push(state, at, n, high, False), lowest_push(state, at + n + 4, n, low, False)
    if not window_full(state, at + 2, n):
        return math.nan
    if abs(highest - lowest) <= 1e-14 * (abs(highest) + abs(lowest)):
        return 0.0
    return float(100.0 * ((close - lowest) / (highest - lowest)))


@indicator(
    inputs=("high", "low", "close"),
    outputs=("fastk", "fastd"),
    parameters={
        "fastk": _bars(5, "bars of the range"),
        "fastd": _bars(3, "bars of the average"),
        "fastd_type": ma_type(SMA),
    },
    warm_up=lambda fastk, fastd, fastd_type: fastk - 1 + ma_warm_up(chosen(fastd_type, SMA), fastd),
    state=lambda fastk, fastd, fastd_type: 8 + 2 * fastk + ma_size(chosen(fastd_type, SMA), fastd),
    prepare=lambda fastk, fastd, fastd_type: (fastk, fastd, chosen(fastd_type, SMA)),
    group=_GROUP,
    source=_LANE,
    recursive=True,
)
def stochf(state: Array, p: Array, x: Array, out: Array) -> None:
    """Fast stochastic: place of the close in the range in percent, and its average."""
    n = int(p[0])
    _write_fast(state, 8 + 2 * n, p, _range_push(state, 0, n, x[0], x[1], x[2]), out)


@jit
def _write_fast(state: Array, at: int, p: Array, fast: float, out: Array) -> None:
    """Write the fast line and its average, of length ``p[1]`` and kind ``p[2]``; neither before both are there."""
    out[:] = math.nan
    if not math.isnan(fast):
        average = ma_push(state, at, int(p[2]), int(p[1]), fast)
        if not math.isnan(average):
            out[0], out[1] = fast, average


@jit
def _slow_push(state: Array, p: Array, fast: float) -> tuple[float, float]:
    """Smooth the place in the range twice; ``p``: range, length and kind of k, of d, and where their memories stand."""
    if math.isnan(fast):
        return math.nan, math.nan
    slow = ma_push(state, int(p[5]), int(p[2]), int(p[1]), fast)
    if math.isnan(slow):
        return math.nan, math.nan
    average = ma_push(state, int(p[6]), int(p[4]), int(p[3]), slow)
    return (math.nan if math.isnan(average) else slow), average


def _slow_parameters(fastk: int, k: int, k_type: int, d: int, d_type: int) -> tuple[float, ...]:
    return fastk, k, k_type, d, d_type, 8 + 2 * fastk, 8 + 2 * fastk + ma_size(k_type, k)


def _stoch_parameters(fastk: int, slowk: int, slowk_type: int, slowd: int, slowd_type: int) -> tuple[float, ...]:
    return _slow_parameters(fastk, slowk, chosen(slowk_type, SMA), slowd, chosen(slowd_type, SMA))


def _stoch_warm_up(fastk: int, slowk: int, slowk_type: int, slowd: int, slowd_type: int) -> int:
    return fastk - 1 + ma_warm_up(chosen(slowk_type, SMA), slowk) + ma_warm_up(chosen(slowd_type, SMA), slowd)


def _stoch_size(fastk: int, slowk: int, slowk_type: int, slowd: int, slowd_type: int) -> int:
    return 8 + 2 * fastk + ma_size(chosen(slowk_type, SMA), slowk) + ma_size(chosen(slowd_type, SMA), slowd)


@indicator(
    inputs=("high", "low", "close"),
    outputs=("slowk", "slowd"),
    parameters={
        "fastk": _bars(5, "bars of the range"),
        "slowk": _bars(3, "bars of the first average"),
        "slowk_type": ma_type(SMA, " of slowk"),
        "slowd": _bars(3, "bars of the second average"),
        "slowd_type": ma_type(SMA, " of slowd"),
    },
    warm_up=_stoch_warm_up,
    state=_stoch_size,
    prepare=_stoch_parameters,
    group=_GROUP,
    source=_LANE,
    recursive=True,
)
def stoch(state: Array, p: Array, x: Array, out: Array) -> None:
    """Slow stochastic: averaged place of the close in the range in percent, and the average of that."""
    out[0], out[1] = _slow_push(state, p, _range_push(state, 0, int(p[0]), x[0], x[1], x[2]))


def _kdj_parameters(fastk: int, k: int, k_type: int, d: int, d_type: int) -> tuple[float, ...]:
    return _slow_parameters(fastk, k, chosen(k_type, RMA), d, chosen(d_type, RMA))


def _kdj_warm_up(fastk: int, k: int, k_type: int, d: int, d_type: int) -> int:
    return fastk - 1 + ma_warm_up(chosen(k_type, RMA), k) + ma_warm_up(chosen(d_type, RMA), d)


def _kdj_size(fastk: int, k: int, k_type: int, d: int, d_type: int) -> int:
    return 8 + 2 * fastk + ma_size(chosen(k_type, RMA), k) + ma_size(chosen(d_type, RMA), d)


@indicator(
    inputs=("high", "low", "close"),
    outputs=("k", "d", "j"),
    parameters={
        "fastk": _bars(9, "bars of the range"),
        "k": _bars(3, "bars of the first average"),
        "k_type": ma_type(RMA, " of k"),
        "d": _bars(3, "bars of the second average"),
        "d_type": ma_type(RMA, " of d"),
    },
    warm_up=_kdj_warm_up,
    state=_kdj_size,
    prepare=_kdj_parameters,
    group=_GROUP,
    source="TA-Lib; the stochastic of Chinese charting platforms",
    recursive=True,
)
def kdj(state: Array, p: Array, x: Array, out: Array) -> None:
    """KDJ: the slow stochastic with Wilder's averages, and j = 3 k - 2 d, which leaves 0 … 100 at extremes."""
    k, d = _slow_push(state, p, _range_push(state, 0, int(p[0]), x[0], x[1], x[2]))
    out[0], out[1], out[2] = k, d, 3.0 * k - 2.0 * d


@indicator(
    inputs=("close",),
    outputs=("fastk", "fastd"),
    parameters={
        "length": _bars(14, "bars of the relative strength index", 2),
        "fastk": _bars(5, "bars of the range"),
        "fastd": _bars(3, "bars of the average"),
        "fastd_type": ma_type(SMA),
    },
    warm_up=lambda length, fastk, fastd, fastd_type: length + fastk - 1 + ma_warm_up(chosen(fastd_type, SMA), fastd),
    state=lambda length, fastk, fastd, fastd_type: 12 + 2 * fastk + ma_size(chosen(fastd_type, SMA), fastd),
    prepare=lambda length, fastk, fastd, fastd_type: (fastk, fastd, chosen(fastd_type, SMA), length),
    group=_GROUP,
    source="TA-Lib; Tushar Chande and Stanley Kroll, The New Technical Trader (1994)",
    recursive=True,
)
def stochrsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Stochastic of the relative strength index, and its average."""
    n, strength = int(p[0]), rsi_push(state, 0, int(p[3]), x[0])
    fast = math.nan if math.isnan(strength) else _range_push(state, 4, n, strength, strength, strength)
    _write_fast(state, 12 + 2 * n, p, fast, out)
