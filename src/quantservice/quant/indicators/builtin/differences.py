"""Oscillators made of the difference of averages."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.moving import EMA, SMA, chosen, ma_push, ma_size, ma_type, ma_warm_up, wma_push
from quantservice.quant.indicators.primitives import (
    ema_push,
    highest_push,
    lowest_push,
    mean_push,
    window_full,
    window_get,
    window_push,
)
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_GROUP: Final = "momentum"
_WILLIAMS: Final = "TA-Lib; Bill Williams, New Trading Dimensions (1998)"
_APPEL: Final = "TA-Lib; Gerald Appel, The Moving Average Convergence-Divergence Method (1979)"
_BLAU: Final = "TA-Lib; William Blau, Momentum, Direction and Divergence (1995)"
_MACD: Final = ("macd", "signal", "hist")


def _bars(default: int, low: int, doc: str) -> Parameter:
    return Parameter(default, low, 100_000, doc)


_FAST: Final = _bars(12, 2, "bars of the fast average (the shorter of the two is taken as the fast one)")
_SLOW: Final = _bars(26, 2, "bars of the slow average")


@indicator(
    inputs=("high", "low"),
    outputs=("ao",),
    parameters={"fast": _bars(5, 2, "bars of the fast mean"), "slow": _bars(34, 2, "bars of the slow mean")},
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    state=lambda fast, slow: fast + slow + 6,
    group=_GROUP,
    source=_WILLIAMS,
)
def ao(state: Array, p: Array, x: Array, out: Array) -> None:
    """Awesome oscillator: fast less slow mean of the bar's middle."""
    fast, slow, middle = int(p[0]), int(p[1]), (x[0] + x[1]) / 2.0
    quick = mean_push(state, 0, fast, middle)
    out[0] = quick - mean_push(state, fast + 3, slow, middle)


@indicator(
    inputs=("high", "low"),
    outputs=("ac",),
    parameters={
        "fast": _bars(5, 2, "bars of the fast mean"),
        "slow": _bars(34, 2, "bars of the slow mean"),
        "signal": _bars(5, 2, "bars of the oscillator's own mean"),
    },
    warm_up=lambda fast, slow, signal: max(fast, slow) + signal - 2,
    state=lambda fast, slow, signal: fast + slow + signal + 9,
    group=_GROUP,
    source=_WILLIAMS,
)
def ac(state: Array, p: Array, x: Array, out: Array) -> None:
    """Accelerator oscillator: the awesome oscillator less its own mean."""
    fast, slow, middle = int(p[0]), int(p[1]), (x[0] + x[1]) / 2.0
    quick = mean_push(state, 0, fast, middle)
    value = quick - mean_push(state, fast + 3, slow, middle)
    out[0] = math.nan if math.isnan(value) else value - mean_push(state, fast + slow + 6, int(p[2]), value)


def _pair(price: str, output: str, group: str) -> Callable[[Step], Step]:
    """Declare an oscillator of a fast and a slow average of one kind."""
    return indicator(
        inputs=(price,),
        outputs=(output,),
        parameters={"fast": _FAST, "slow": _SLOW, "ma_type": ma_type(EMA)},
        warm_up=lambda fast, slow, ma_type: max(ma_warm_up(chosen(ma_type, EMA), length) for length in (fast, slow)),
        state=lambda fast, slow, ma_type: sum(ma_size(chosen(ma_type, EMA), length) for length in (fast, slow)),
        prepare=_pair_parameters,
        group=group,
        source=_APPEL,
        recursive=True,
    )


def _pair_parameters(fast: int, slow: int, ma_type: int) -> tuple[float, ...]:
    kind, fast, slow = chosen(ma_type, EMA), min(fast, slow), max(fast, slow)
    return fast, slow, kind, ma_size(kind, fast)


@jit
def _averages(state: Array, p: Array, value: float) -> tuple[float, float]:
    """Return the fast and the slow average."""
    fast = ma_push(state, 0, int(p[2]), int(p[0]), value)
    return fast, ma_push(state, int(p[3]), int(p[2]), int(p[1]), value)


@_pair("close", "apo", _GROUP)
def apo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Absolute price oscillator: fast less slow moving average."""
    fast, slow = _averages(state, p, x[0])
    out[0] = fast - slow


@_pair("close", "ppo", _GROUP)
def ppo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Percentage price oscillator: fast less slow moving average in percent of the slow one; 0 where that is 0."""
    fast, slow = _averages(state, p, x[0])
    out[0] = 0.0 if abs(slow) < 1e-14 else (fast - slow) / slow * 100.0


@_pair("volume", "pvo", "volume")
def pvo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Percentage volume oscillator: fast less slow average volume in percent of the slow one; 0 where that is 0."""
    fast, slow = _averages(state, p, x[0])
    out[0] = 0.0 if abs(slow) < 1e-14 else (fast - slow) / slow * 100.0


@jit
def _write_macd(out: Array, line: float, signal: float) -> None:
    """Write the three lines; none of them before the signal has a value."""
    ready = not math.isnan(signal)
    out[0] = line if ready else math.nan
    out[1] = signal
    out[2] = line - signal


@jit
def _macd(state: Array, value: float, out: Array, signal: int, weights: tuple[int, int, float, float]) -> None:
    """State: bars seen, the fast, the slow and the signal's average."""
    fast, slow, fast_weight, slow_weight = weights
    state[0] += 1.0
    slow_line = ema_push(state, 3, slow, slow_weight, value)
    if state[0] <= slow - fast:
        out[:] = math.nan
        return
    line = ema_push(state, 1, fast, fast_weight, value) - slow_line
    if math.isnan(line):
        out[:] = math.nan
        return
    _write_macd(out, line, ema_push(state, 5, signal, 2.0 / (signal + 1), line))


@indicator(
    inputs=("close",),
    outputs=_MACD,
    parameters={"fast": _FAST, "slow": _SLOW, "signal": _bars(9, 1, "bars of the signal's average")},
    warm_up=lambda fast, slow, signal: max(fast, slow) + signal - 2,
    state=7,
    prepare=lambda fast, slow, signal: (min(fast, slow), max(fast, slow), signal),
    group=_GROUP,
    source=_APPEL,
    recursive=True,
)
def macd(state: Array, p: Array, x: Array, out: Array) -> None:
    """Moving average convergence / divergence: fast less slow exponential average, its own average, and their difference.

    The fast average begins so late that both have their first value at one bar, as in TA-Lib.
    """
    fast, slow, signal = int(p[0]), int(p[1]), int(p[2])
    _macd(state, x[0], out, signal, (fast, slow, 2.0 / (fast + 1), 2.0 / (slow + 1)))


@indicator(
    inputs=("close",),
    outputs=_MACD,
    parameters={"signal": _bars(9, 1, "bars of the signal's average")},
    warm_up=lambda signal: signal + 24,
    state=7,
    group=_GROUP,
    source=_APPEL,
    recursive=True,
)
def macdfix(state: Array, p: Array, x: Array, out: Array) -> None:
    """MACD with Appel's weights of 0.15 and 0.075 for its 12 and 26 bars."""
    _macd(state, x[0], out, int(p[0]), (12, 26, 0.15, 0.075))


def _macdext_kinds(fast: int, fast_type: int, slow: int, slow_type: int) -> tuple[int, int, int, int]:
    """The fast length and kind, the slow length and kind: the shorter length is the fast one."""
    if slow < fast:
        fast, fast_type, slow, slow_type = slow, slow_type, fast, fast_type
    return fast, chosen(fast_type, SMA), slow, chosen(slow_type, SMA)


def _macdext_parameters(fast: int, fast_type: int, slow: int, slow_type: int, signal: int, signal_type: int) -> tuple[float, ...]:
    """Lengths and kinds, the bars after which the fast and the slow average begin, and where their memories stand."""
    fast, fast_type, slow, slow_type = _macdext_kinds(fast, fast_type, slow, slow_type)
    fast_first, slow_first = ma_warm_up(fast_type, fast), ma_warm_up(slow_type, slow)
    first = max(fast_first, slow_first)
    slow_at = 1 + ma_size(fast_type, fast)
    return (
        *(fast, fast_type, slow, slow_type, signal, chosen(signal_type, SMA)),
        *(first - fast_first, first - slow_first, slow_at, slow_at + ma_size(slow_type, slow)),
    )


def _macdext_warm_up(fast: int, fast_type: int, slow: int, slow_type: int, signal: int, signal_type: int) -> int:
    fast, fast_type, slow, slow_type = _macdext_kinds(fast, fast_type, slow, slow_type)
    return max(ma_warm_up(fast_type, fast), ma_warm_up(slow_type, slow)) + ma_warm_up(chosen(signal_type, SMA), signal)


def _macdext_size(fast: int, fast_type: int, slow: int, slow_type: int, signal: int, signal_type: int) -> int:
    fast, fast_type, slow, slow_type = _macdext_kinds(fast, fast_type, slow, slow_type)
    return 1 + ma_size(fast_type, fast) + ma_size(slow_type, slow) + ma_size(chosen(signal_type, SMA), signal)


@indicator(
    inputs=("close",),
    outputs=_MACD,
    parameters={
        "fast": _FAST,
        "fast_type": ma_type(SMA, " of the fast line"),
        "slow": _SLOW,
        "slow_type": ma_type(SMA, " of the slow line"),
        "signal": _bars(9, 1, "bars of the signal's average"),
        "signal_type": ma_type(SMA, " of the signal"),
    },
    warm_up=_macdext_warm_up,
    state=_macdext_size,
    prepare=_macdext_parameters,
    group=_GROUP,
    source=_APPEL,
    recursive=True,
)
def macdext(state: Array, p: Array, x: Array, out: Array) -> None:
    """MACD of chosen kinds of averages."""
    fast, slow = math.nan, math.nan
    if state[0] >= p[6]:
        fast = ma_push(state, 1, int(p[1]), int(p[0]), x[0])
    if state[0] >= p[7]:
        slow = ma_push(state, int(p[8]), int(p[3]), int(p[2]), x[0])
    state[0] += 1.0
    line = fast - slow
    if math.isnan(line):
        out[:] = math.nan
        return
    _write_macd(out, line, ma_push(state, int(p[9]), int(p[5]), int(p[4]), line))


@indicator(
    inputs=("close",),
    outputs=("trix",),
    parameters={"length": _bars(30, 1, "bars of each of the three averages")},
    warm_up=lambda length: 3 * (length - 1) + 1,
    state=8,
    group=_GROUP,
    source="TA-Lib; Jack Hutson, Technical Analysis of Stocks & Commodities, 1983",
    recursive=True,
)
def trix(state: Array, p: Array, x: Array, out: Array) -> None:
    """Change in percent of a triple exponentially smoothed price."""
    n, value = int(p[0]), x[0]
    k = 2.0 / (n + 1)
    out[0] = math.nan
    for stage in range(3):
        value = ema_push(state, 2 * stage, n, k, value)
        if math.isnan(value):
            return
    if state[6] > 0.0:
        out[0] = (value / state[7] - 1.0) * 100.0 if state[7] != 0.0 else 0.0
    state[6], state[7] = 1.0, value


@indicator(
    inputs=("close",),
    outputs=("tsi",),
    parameters={
        "first": _bars(25, 2, "bars of the average of the change"),
        "second": _bars(13, 2, "bars of the average of that"),
    },
    warm_up=lambda first, second: first + second - 1,
    state=10,
    group=_GROUP,
    source="TA-Lib; William Blau, Technical Analysis of Stocks & Commodities, November 1991",
    recursive=True,
)
def tsi(state: Array, p: Array, x: Array, out: Array) -> None:
    """True strength index: twice smoothed change over the twice smoothed size of the change, in percent."""
    first, second = int(p[0]), int(p[1])
    change = x[0] - state[9] if state[8] > 0.0 else math.nan
    state[8], state[9] = 1.0, x[0]
    out[0] = math.nan
    if math.isnan(change):
        return
    signed = ema_push(state, 0, first, 2.0 / (first + 1), change)
    size = ema_push(state, 2, first, 2.0 / (first + 1), abs(change))
    if math.isnan(signed):
        return
    signed = ema_push(state, 4, second, 2.0 / (second + 1), signed)
    size = ema_push(state, 6, second, 2.0 / (second + 1), size)
    if not math.isnan(signed):
        out[0] = 100.0 * signed / size if size != 0.0 else 0.0


@indicator(
    inputs=("high", "low", "close"),
    outputs=("smi", "signal"),
    parameters={
        "length": _bars(13, 2, "bars of the range"),
        "fast": _bars(2, 2, "bars of the second smoothing"),
        "slow": _bars(25, 2, "bars of the first smoothing"),
        "signal": _bars(9, 2, "bars of the signal's average"),
    },
    warm_up=lambda length, fast, slow, signal: length + fast + slow + signal - 4,
    state=lambda length, fast, slow, signal: 2 * (length + 4) + 10,
    group=_GROUP,
    source=_BLAU,
    recursive=True,
)
def smi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Stochastic momentum index: twice smoothed distance of the close from the range's middle, in percent of half the range."""
    n, fast, slow, signal = int(p[0]), int(p[1]), int(p[2]), int(p[3])
    highest, lowest = highest_push(state, 0, n, x[0], False), lowest_push(state, n + 4, n, x[1], False)
    at, ready = 2 * (n + 4), window_full(state, 2, n)
    out[:] = math.nan
    if not ready:
        return
    distance = ema_push(state, at, slow, 2.0 / (slow + 1), x[2] - 0.5 * (highest + lowest))
    reach = ema_push(state, at + 2, slow, 2.0 / (slow + 1), highest - lowest)
    if math.isnan(distance):
        return
    distance = ema_push(state, at + 4, fast, 2.0 / (fast + 1), distance)
    reach = ema_push(state, at + 6, fast, 2.0 / (fast + 1), reach)
    if math.isnan(distance):
        return
    value = 100.0 * distance / (0.5 * reach) if reach != 0.0 else 0.0
    average = ema_push(state, at + 8, signal, 2.0 / (signal + 1), value)
    if not math.isnan(average):
        out[0], out[1] = value, average


@indicator(
    inputs=("close",),
    outputs=("coppock",),
    parameters={
        "length": _bars(10, 1, "bars of the weighted mean"),
        "roc1": _bars(11, 1, "bars of the first rate of change"),
        "roc2": _bars(14, 1, "bars of the second rate of change"),
    },
    warm_up=lambda length, roc1, roc2: max(roc1, roc2) + length - 1,
    state=lambda length, roc1, roc2: length + 5 + max(roc1, roc2) + 3,
    group=_GROUP,
    source="TA-Lib; Edwin Coppock, Barron's, October 1962",
)
def coppock(state: Array, p: Array, x: Array, out: Array) -> None:
    """Coppock curve: weighted mean of the sum of two rates of change, in percent."""
    n, first, second = int(p[0]), int(p[1]), int(p[2])
    at, reach = n + 5, max(first, second) + 1
    window_push(state, at, reach, x[0])
    if not window_full(state, at, reach):
        out[0] = math.nan
        return
    one, two = window_get(state, at, reach, first), window_get(state, at, reach, second)
    rates = (x[0] / one - 1.0) * 100.0 if one != 0.0 else 0.0
    rates += (x[0] / two - 1.0) * 100.0 if two != 0.0 else 0.0
    out[0] = wma_push(state, 0, n, rates) if n > 1 else rates


@indicator(
    inputs=("close",),
    outputs=("dpo",),
    parameters={"length": _bars(20, 2, "bars of the mean")},
    warm_up=lambda length: max(length - 1, length // 2 + 1),
    state=lambda length: length + 3 + length // 2 + 4,
    group=_GROUP,
    source="TA-Lib; Steven Achelis, Technical Analysis from A to Z",
)
def dpo(state: Array, p: Array, x: Array, out: Array) -> None:
    """Detrended price oscillator: the price half a length (and one) ago less the mean."""
    n = int(p[0])
    back = n // 2 + 1
    mean = mean_push(state, 0, n, x[0])
    window_push(state, n + 3, back + 1, x[0])
    out[0] = window_get(state, n + 3, back + 1, back) - mean if window_full(state, n + 3, back + 1) else math.nan


@indicator(
    inputs=("open", "close"),
    outputs=("qstick",),
    parameters={"length": _bars(10, 1, "bars of the mean")},
    warm_up=lambda length: length - 1,
    state=lambda length: length + 3,
    group=_GROUP,
    source="TA-Lib; Tushar Chande and Stanley Kroll, The New Technical Trader (1994)",
)
def qstick(state: Array, p: Array, x: Array, out: Array) -> None:
    """Mean of the bars' bodies, close less open."""
    out[0] = mean_push(state, 0, int(p[0]), x[1] - x[0])


@indicator(
    inputs=("high", "low", "close"),
    outputs=("bull", "bear"),
    parameters={"length": _bars(13, 1, "bars of the average")},
    warm_up=lambda length: length - 1,
    state=2,
    group=_GROUP,
    source="TA-Lib; Alexander Elder, Trading for a Living (1993)",
    recursive=True,
)
def eri(state: Array, p: Array, x: Array, out: Array) -> None:
    """Elder ray: how far the high (bull) and the low (bear) stand from the exponential average of the close."""
    n = int(p[0])
    average = ema_push(state, 0, n, 2.0 / (n + 1), x[2])
    out[0], out[1] = x[0] - average, x[1] - average
