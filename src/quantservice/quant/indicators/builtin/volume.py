"""Volume and money flow."""

from __future__ import annotations

import math
from typing import Final

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import ema_push, window_full, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

_GROUP: Final = "volume"
_CHAIKIN: Final = "TA-Lib; Marc Chaikin"
_BAR: Final = ("high", "low", "close", "volume")


def _bars(default: int, low: int, doc: str = "bars looked at") -> Parameter:
    return Parameter(default, low, 100_000, doc)


@jit
def _money_flow(x: Array) -> float:
    """Volume by where the close stands in the bar: all of it at the high, minus all at the low; 0 without a range."""
    reach = x[0] - x[1]
    return float(((x[2] - x[1]) - (x[0] - x[2])) / reach * x[3]) if reach > 0.0 else 0.0


@indicator(inputs=_BAR, outputs=("ad",), state=1, group=_GROUP, source=_CHAIKIN, recursive=True)
def ad(state: Array, p: Array, x: Array, out: Array) -> None:
    """Accumulation / distribution: sum of the volumes, each by where the close stands in its bar."""
    state[0] += _money_flow(x)
    out[0] = state[0]


@indicator(
    inputs=_BAR,
    outputs=("adosc",),
    parameters={"fast": _bars(3, 2, "bars of the fast average"), "slow": _bars(10, 2, "bars of the slow average")},
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    state=4,
    group=_GROUP,
    source=_CHAIKIN,
    recursive=True,
)
def adosc(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chaikin oscillator: fast less slow exponential average of accumulation / distribution, both begun with its first value."""
    state[1] += _money_flow(x)
    state[0] += 1.0
    fast, slow = 2.0 / (p[0] + 1.0), 2.0 / (p[1] + 1.0)
    if state[0] == 1.0:
        state[2], state[3] = state[1], state[1]
    else:
        state[2] = fast * state[1] + (1.0 - fast) * state[2]
        state[3] = slow * state[1] + (1.0 - slow) * state[3]
    out[0] = state[2] - state[3] if state[0] >= max(p[0], p[1]) else math.nan


@indicator(
    inputs=_BAR,
    outputs=("cmf",),
    parameters={"length": _bars(20, 2)},
    warm_up=lambda length: length - 1,
    state=lambda length: 2 * (length + 2),
    group=_GROUP,
    source=_CHAIKIN,
)
def cmf(state: Array, p: Array, x: Array, out: Array) -> None:
    """Chaikin money flow: money flow over volume, -1 … 1; 0 without volume."""
    n = int(p[0])
    window_push(state, 0, n, _money_flow(x))
    window_push(state, n + 2, n, x[3])
    if not window_full(state, 0, n):
        out[0] = math.nan
        return
    flow, volume = 0.0, 0.0
    for i in range(n):
        flow += state[2 + i]
        volume += state[n + 4 + i]
    out[0] = flow / volume if volume != 0.0 else 0.0


@indicator(
    inputs=("close", "volume"),
    outputs=("efi",),
    parameters={"length": _bars(13, 1, "bars of the average")},
    warm_up=lambda length: length,
    state=4,
    group=_GROUP,
    source="TA-Lib; Alexander Elder, Trading for a Living (1993)",
    recursive=True,
)
def efi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Elder's force index: exponential average of the change times the volume."""
    n = int(p[0])
    force = (x[0] - state[1]) * x[1] if state[0] > 0.0 else math.nan
    state[0], state[1] = 1.0, x[0]
    out[0] = force if math.isnan(force) else ema_push(state, 2, n, 2.0 / (n + 1), force)


@indicator(
    inputs=("high", "low", "volume"), outputs=("marketfi",), group=_GROUP, source="TA-Lib; Bill Williams, Trading Chaos (1995)"
)
def marketfi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Market facilitation index: the bar's range per unit of volume; 0 without volume."""
    out[0] = (x[0] - x[1]) / x[2] if x[2] != 0.0 else 0.0


@jit
def _volume_index(state: Array, x: Array, counts: bool) -> float:
    """Grow an index begun at 1000 by the bar's return if it ``counts``. State: bars, close, volume, index."""
    if state[0] == 0.0:
        state[3] = 1000.0
    elif counts and state[1] != 0.0:
        grown = state[3] + (x[0] - state[1]) / state[1] * state[3]
        if abs(grown) < math.inf:
            state[3] = grown
    state[0], state[1], state[2] = 1.0, x[0], x[1]
    return float(state[3])


@indicator(
    inputs=("close", "volume"),
    outputs=("nvi",),
    state=4,
    group=_GROUP,
    recursive=True,
    source="TA-Lib; Norman Fosback, Stock Market Logic (1976)",
)
def nvi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Negative volume index: grows by the returns of bars whose volume fell. Begins at 1000."""
    out[0] = _volume_index(state, x, x[1] < state[2])


@indicator(
    inputs=("close", "volume"),
    outputs=("pvi",),
    state=4,
    group=_GROUP,
    recursive=True,
    source="TA-Lib; Norman Fosback, Stock Market Logic (1976)",
)
def pvi(state: Array, p: Array, x: Array, out: Array) -> None:
    """Positive volume index: grows by the returns of bars whose volume rose. Begins at 1000."""
    out[0] = _volume_index(state, x, x[1] > state[2])


@indicator(
    inputs=("close", "volume"),
    outputs=("obv",),
    state=3,
    group=_GROUP,
    recursive=True,
    source="TA-Lib; Joseph Granville, New Key to Stock Market Profits (1963)",
)
def obv(state: Array, p: Array, x: Array, out: Array) -> None:
    """On balance volume: volumes of rising bars less those of falling ones. Begins with the first bar's."""
    if state[0] == 0.0 or x[0] > state[1]:
        state[2] += x[1]
    elif x[0] < state[1]:
        state[2] -= x[1]
    state[0], state[1] = 1.0, x[0]
    out[0] = state[2]


@indicator(inputs=("close", "volume"), outputs=("pvt",), state=3, group=_GROUP, source="TA-Lib", recursive=True)
def pvt(state: Array, p: Array, x: Array, out: Array) -> None:
    """Price volume trend: sum of volume times return. Begins at 0."""
    if state[0] > 0.0 and state[1] != 0.0:
        state[2] += x[1] * (x[0] - state[1]) / state[1]
    state[0], state[1] = 1.0, x[0]
    out[0] = state[2]


@indicator(
    inputs=("volume",),
    outputs=("rvol",),
    parameters={"length": _bars(20, 1, "bars before this one")},
    warm_up=lambda length: length,
    state=lambda length: length + 2,
    group=_GROUP,
    source="TA-Lib",
)
def rvol(state: Array, p: Array, x: Array, out: Array) -> None:
    """Relative volume: this bar's over the mean of the bars before it; infinite, or NaN for 0 / 0, where that is 0."""
    n = int(p[0])
    out[0] = math.nan
    if window_full(state, 0, n):
        total = 0.0
        for i in range(n):
            total += state[2 + i]
        if total != 0.0:
            out[0] = x[0] / (total / n)
        elif x[0] != 0.0:
            out[0] = math.copysign(math.inf, x[0])
    window_push(state, 0, n, x[0])


@indicator(inputs=_BAR, outputs=("vwap",), state=3, group=_GROUP, source="TA-Lib", recursive=True)
def vwap(state: Array, p: Array, x: Array, out: Array) -> None:
    """Volume weighted average price since the first bar taken; 0 until there is volume."""
    state[0] += (x[0] + x[1] + x[2]) / 3.0 * x[3]
    state[1] += x[3]
    if state[1] != 0.0:
        state[2] = state[0] / state[1]
    out[0] = state[2]
