"""What candle patterns are made of: the last sixteen bars, and TA-Lib's running averages of candle sizes over them.

A pattern compares bodies, shadows and gaps of its last bars with averages over the bars before each of them. TA-Lib keeps these
averages as running totals that begin at a pattern's first bar with a value; the same sums are kept here in the same order, so that
ties on gridded prices fall as they do there. ``back`` counts bars from the newest (0).

Source of the settings and of all patterns: TA-Lib (ta_global.c and the CDL functions), after Morris, "Candlestick Charting
Explained".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from quantservice.quant.indicators.kernel import Array, Step
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit

#: Candle sizes: the measure that is averaged (0 body, 1 high to low, 2 both shadows), over how many bars, times which factor.
BODY_LONG: Final = 0
BODY_SHORT: Final = 1
BODY_DOJI: Final = 2
SHADOW_LONG: Final = 3
SHADOW_VERY_LONG: Final = 4
SHADOW_SHORT: Final = 5
SHADOW_VERY_SHORT: Final = 6
NEAR: Final = 7
FAR: Final = 8
EQUAL: Final = 9
_MEASURE: Final = (0, 0, 1, 0, 0, 2, 1, 1, 1, 1)
_BARS: Final = (10, 10, 10, 0, 0, 10, 10, 5, 5, 5)
_FACTOR: Final = (1.0, 1.0, 0.1, 1.0, 2.0, 1.0, 0.1, 0.2, 0.6, 0.05)

# State: [bars seen, place of the newest, memory of a pattern (6), totals (12 at most), open high low close of 16 bars].
MEMORY: Final = 2
_TOTALS: Final = 8
_RING: Final = 20
_SIZE: Final = _RING + 4 * 16
# Parameters of a step: [penetration or strict, first bar evaluated, first bar with a value, number of averages, (setting, back) …].
_PLAN: Final = 4


@jit
def open_(s: Array, back: int) -> float:
    """Return the open of a bar."""
    return float(s[_RING + 4 * ((int(s[1]) - back) & 15)])


@jit
def high(s: Array, back: int) -> float:
    """Return the high of a bar."""
    return float(s[_RING + 4 * ((int(s[1]) - back) & 15) + 1])


@jit
def low(s: Array, back: int) -> float:
    """Return the low of a bar."""
    return float(s[_RING + 4 * ((int(s[1]) - back) & 15) + 2])


@jit
def close(s: Array, back: int) -> float:
    """Return the close of a bar."""
    return float(s[_RING + 4 * ((int(s[1]) - back) & 15) + 3])


@jit
def color(s: Array, back: int) -> int:
    """Return 1 for a bar that closed at or above its open, else −1."""
    return 1 if close(s, back) >= open_(s, back) else -1


@jit
def body(s: Array, back: int) -> float:
    """Return the distance from open to close."""
    return math.fabs(close(s, back) - open_(s, back))


@jit
def top(s: Array, back: int) -> float:
    """Return the upper end of the body."""
    return max(open_(s, back), close(s, back))


@jit
def bottom(s: Array, back: int) -> float:
    """Return the lower end of the body."""
    return min(open_(s, back), close(s, back))


@jit
def upper(s: Array, back: int) -> float:
    """Return the length of the upper shadow."""
    return high(s, back) - top(s, back)


@jit
def lower(s: Array, back: int) -> float:
    """Return the length of the lower shadow."""
    return bottom(s, back) - low(s, back)


@jit
def gap_up(s: Array, later: int, earlier: int) -> bool:
    """Say whether the later body lies wholly above the earlier one."""
    return bottom(s, later) > top(s, earlier)


@jit
def gap_down(s: Array, later: int, earlier: int) -> bool:
    """Say whether the later body lies wholly below the earlier one."""
    return top(s, later) < bottom(s, earlier)


@jit
def _measure(s: Array, setting: int, back: int) -> float:
    kind = _MEASURE[setting]
    if kind == 0:
        return body(s, back)
    if kind == 1:
        return high(s, back) - low(s, back)
    return upper(s, back) + lower(s, back)


@jit
def mean(s: Array, p: Array, slot: int) -> float:
    """Return the pattern's average number ``slot`` times its factor: what counts as long, short, near … at that bar."""
    setting, back = int(p[_PLAN + 2 * slot]), int(p[_PLAN + 2 * slot + 1])
    bars = _BARS[setting]
    size = s[_TOTALS + slot] / bars if bars else _measure(s, setting, back)
    return float(_FACTOR[setting] * size / (2.0 if _MEASURE[setting] == 2 else 1.0))


@jit
def opened(s: Array, p: Array, x: Array, out: Array) -> bool:
    """Take a bar in and bring the averages up to it; say whether the pattern is looked for at this bar. Writes 0, or NaN."""
    seen = int(s[0])
    place = (int(s[1]) + 1) & 15
    s[0], s[1] = seen + 1, place
    for field in range(4):
        s[_RING + 4 * place + field] = x[field]
    out[0] = 0.0 if seen >= p[2] else math.nan
    if seen < p[1]:
        return False
    for slot in range(int(p[3])):
        setting, back = int(p[_PLAN + 2 * slot]), int(p[_PLAN + 2 * slot + 1])
        bars = _BARS[setting]
        if bars == 0:
            continue
        if seen == p[1]:
            for i in range(bars, 0, -1):
                s[_TOTALS + slot] += _measure(s, setting, back + i)
        else:
            s[_TOTALS + slot] += _measure(s, setting, back + 1) - _measure(s, setting, back + 1 + bars)
    return True


def candle(
    warm_up: int, *averages: tuple[int, int], penetration: float | None = None, begin: int | None = None, strict: bool = False
) -> Callable[[Step], Step]:
    """Register a pattern: bars without a value, then the (setting, back) of every average, in the order of their slots.

    ``penetration`` is the default of that parameter where the pattern has it: how deep, in parts of the first body, the last close
    must reach into it. ``begin`` is the first bar looked at, where it is before the first with a value. ``strict`` gives the
    pattern a parameter of that name: 1 leaves out what TA-Lib before 0.6 did not count (answers of 80). Either is ``p[0]``.
    """
    plan = [float(warm_up if begin is None else begin), float(warm_up), float(len(averages))]
    plan += [float(number) for average in averages for number in average]
    own: dict[str, Parameter] = {}
    if penetration is not None:
        own["penetration"] = Parameter(penetration, 0.0, 1e6, "part of the first body reached into")
    if strict:
        own["strict"] = Parameter(0, 0, 1, "1: an equal end does not count (TA-Lib before 0.6)")

    def prepare(**parameters: float) -> Sequence[float]:
        return (next(iter(parameters.values()), 0.0), *plan)

    return indicator(
        inputs=("open", "high", "low", "close"),
        outputs=("pattern",),
        parameters=own,
        warm_up=warm_up,
        state=_SIZE,
        prepare=prepare,
        group="candles",
        source="TA-Lib",
    )
