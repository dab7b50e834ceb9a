"""Candle patterns of three bars around a gap or at one price, and those of four and five bars."""

from __future__ import annotations

import math

from quantservice.quant.indicators.builtin.candles import (
    BODY_LONG,
    BODY_SHORT,
    EQUAL,
    MEMORY,
    NEAR,
    SHADOW_VERY_SHORT,
    body,
    bottom,
    candle,
    close,
    color,
    gap_down,
    gap_up,
    high,
    low,
    lower,
    mean,
    open_,
    opened,
    top,
    upper,
)
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.jit import jit


@candle(7, (NEAR, 1), (EQUAL, 1))
def cdlgapsidesidewhite(s: Array, p: Array, x: Array, out: Array) -> None:
    """Gap side by side white: two white bars of one size and open, both beyond a gap."""
    if not opened(s, p, x, out) or color(s, 1) != 1 or color(s, 0) != 1:
        return
    up = gap_up(s, 1, 2) and gap_up(s, 0, 2)
    if not up and not (gap_down(s, 1, 2) and gap_down(s, 0, 2)):
        return
    near, equal = mean(s, p, 0), mean(s, p, 1)
    if body(s, 0) < body(s, 1) - near or body(s, 0) > body(s, 1) + near:
        return
    if open_(s, 0) >= open_(s, 1) - equal and open_(s, 0) <= open_(s, 1) + equal:
        out[0] = 100 if up else -100


@candle(7, (EQUAL, 2))
def cdlsticksandwich(s: Array, p: Array, x: Array, out: Array) -> None:
    """Stick sandwich: a white bar above the close of a black one, then a black one with that close."""
    if (
        opened(s, p, x, out)
        and color(s, 2) == -1
        and color(s, 1) == 1
        and color(s, 0) == -1
        and low(s, 1) > close(s, 2)
        and close(s, 0) <= close(s, 2) + mean(s, p, 0)
        and close(s, 0) >= close(s, 2) - mean(s, p, 0)
    ):
        out[0] = 100


@candle(7, (NEAR, 1))
def cdltasukigap(s: Array, p: Array, x: Array, out: Array) -> None:
    """Tasuki gap: a gap, a bar in its direction, and one of the same size back into the gap."""
    if not opened(s, p, x, out) or color(s, 0) == color(s, 1):
        return
    if color(s, 1) == 1:
        found = (
            gap_up(s, 1, 2)
            and open_(s, 0) < close(s, 1)
            and open_(s, 0) > open_(s, 1)
            and close(s, 0) < open_(s, 1)
            and close(s, 0) > top(s, 2)
        )
    else:
        found = (
            gap_down(s, 1, 2)
            and open_(s, 0) < open_(s, 1)
            and open_(s, 0) > close(s, 1)
            and close(s, 0) > open_(s, 1)
            and close(s, 0) < bottom(s, 2)
        )
    if found and math.fabs(body(s, 1) - body(s, 0)) < mean(s, p, 0):
        out[0] = color(s, 1) * 100


@candle(2)
def cdlxsidegap3methods(s: Array, p: Array, x: Array, out: Array) -> None:
    """Gap three methods: two bars of one colour with a gap, and a third that fills it."""
    if not opened(s, p, x, out) or color(s, 2) != color(s, 1) or color(s, 1) == color(s, 0):
        return
    fills = open_(s, 0) < top(s, 1) and open_(s, 0) > bottom(s, 1) and close(s, 0) < top(s, 2) and close(s, 0) > bottom(s, 2)
    gap = gap_up(s, 1, 2) if color(s, 2) == 1 else gap_down(s, 1, 2)
    if fills and gap:
        out[0] = color(s, 2) * 100


@candle(8, (NEAR, 3), (NEAR, 2))
def cdl3linestrike(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three-line strike: three bars in one direction, and a fourth that takes all of it back."""
    if not opened(s, p, x, out):
        return
    way = color(s, 1)
    if color(s, 3) != color(s, 2) or color(s, 2) != way or color(s, 0) == way:
        return
    for slot in range(2):
        back = 2 - slot
        near = mean(s, p, slot)
        if open_(s, back) < bottom(s, back + 1) - near or open_(s, back) > top(s, back + 1) + near:
            return
    last, second, first = close(s, 1), close(s, 2), close(s, 3)
    if way == 1:
        found = last > second > first and open_(s, 0) > last and close(s, 0) < open_(s, 3)
    else:
        found = last < second < first and open_(s, 0) < last and close(s, 0) > open_(s, 3)
    if found:
        out[0] = way * 100


@candle(13, (SHADOW_VERY_SHORT, 3), (SHADOW_VERY_SHORT, 2), (SHADOW_VERY_SHORT, 1))
def cdlconcealbabyswall(s: Array, p: Array, x: Array, out: Array) -> None:
    """Concealing baby swallow: two black marubozus, a black bar below a gap with an upper shadow, one that wraps it."""
    if not opened(s, p, x, out) or max(color(s, 3), color(s, 2), color(s, 1), color(s, 0)) == 1:
        return
    if (
        max(lower(s, 3), upper(s, 3)) < mean(s, p, 0)
        and max(lower(s, 2), upper(s, 2)) < mean(s, p, 1)
        and gap_down(s, 1, 2)
        and upper(s, 1) > mean(s, p, 2)
        and high(s, 1) > close(s, 2)
        and high(s, 0) > high(s, 1)
        and low(s, 0) < low(s, 1)
    ):
        out[0] = 100


@candle(14, (BODY_LONG, 4))
def cdlbreakaway(s: Array, p: Array, x: Array, out: Array) -> None:
    """Breakaway: a long body, a gap and three bars further on, then one back into the gap."""
    if not opened(s, p, x, out) or body(s, 4) <= mean(s, p, 0):
        return
    way = color(s, 4)
    if color(s, 3) != way or color(s, 1) != way or color(s, 0) == way:
        return
    if way == -1:
        further = high(s, 2) < high(s, 3) and low(s, 2) < low(s, 3) and high(s, 1) < high(s, 2) and low(s, 1) < low(s, 2)
        found = gap_down(s, 3, 4) and further and close(s, 0) > open_(s, 3) and close(s, 0) < close(s, 4)
    else:
        further = high(s, 2) > high(s, 3) and low(s, 2) > low(s, 3) and high(s, 1) > high(s, 2) and low(s, 1) > low(s, 2)
        found = gap_up(s, 3, 4) and further and close(s, 0) < open_(s, 3) and close(s, 0) > close(s, 4)
    if found:
        out[0] = color(s, 0) * 100


@candle(14, (SHADOW_VERY_SHORT, 1))
def cdlladderbottom(s: Array, p: Array, x: Array, out: Array) -> None:
    """Ladder bottom: three falling black bars, a black one with an upper shadow, a white one above it."""
    if (
        opened(s, p, x, out)
        and max(color(s, 4), color(s, 3), color(s, 2), color(s, 1)) == -1
        and open_(s, 4) > open_(s, 3)
        and open_(s, 3) > open_(s, 2)
        and close(s, 4) > close(s, 3)
        and close(s, 3) > close(s, 2)
        and upper(s, 1) > mean(s, p, 0)
        and color(s, 0) == 1
        and open_(s, 0) > open_(s, 1)
        and close(s, 0) > high(s, 1)
    ):
        out[0] = 100


@candle(14, (BODY_LONG, 4), (BODY_SHORT, 3), (BODY_SHORT, 2), (BODY_SHORT, 1), penetration=0.5)
def cdlmathold(s: Array, p: Array, x: Array, out: Array) -> None:
    """Mat hold: a long white body, three small bars that fall a little from a gap, and a white one above them all."""
    if not opened(s, p, x, out) or body(s, 4) <= mean(s, p, 0) or color(s, 4) != 1 or color(s, 3) != -1 or color(s, 0) != 1:
        return
    for slot in range(1, 4):
        if body(s, 4 - slot) >= mean(s, p, slot):
            return
    floor = close(s, 4) - body(s, 4) * p[0]
    if (
        gap_up(s, 3, 4)
        and max(bottom(s, 2), bottom(s, 1)) < close(s, 4)
        and min(bottom(s, 2), bottom(s, 1)) > floor
        and top(s, 2) < open_(s, 3)
        and top(s, 1) < top(s, 2)
        and open_(s, 0) > close(s, 1)
        and close(s, 0) > max(high(s, 3), high(s, 2), high(s, 1))
    ):
        out[0] = 100


@candle(14, (BODY_LONG, 4), (BODY_SHORT, 3), (BODY_SHORT, 2), (BODY_SHORT, 1), (BODY_LONG, 0))
def cdlrisefall3methods(s: Array, p: Array, x: Array, out: Array) -> None:
    """Rising and falling three methods: a long body, three small bars against it within its range, a long one beyond."""
    if not opened(s, p, x, out) or body(s, 4) <= mean(s, p, 0) or body(s, 0) <= mean(s, p, 4):
        return
    way = color(s, 4)
    if color(s, 0) != way:
        return
    for slot in range(1, 4):
        back = 4 - slot
        if body(s, back) >= mean(s, p, slot) or color(s, back) == way:
            return
        if bottom(s, back) >= high(s, 4) or top(s, back) <= low(s, 4):
            return
    if (
        close(s, 2) * way < close(s, 3) * way
        and close(s, 1) * way < close(s, 2) * way
        and open_(s, 0) * way > close(s, 1) * way
        and close(s, 0) * way > close(s, 4) * way
    ):
        out[0] = 100 * way


@jit
def _hikkake(s: Array, found: bool, out: Array) -> None:
    """Answer a found pattern, or its confirmation within three bars: a close beyond the bar that was broken out of.

    Memory: [direction of the last pattern, its bar, high and low of the inside bar].
    """
    now = s[0] - 1
    way = s[MEMORY]
    if found:
        way = 100.0 if high(s, 0) < high(s, 1) else -100.0
        s[MEMORY], s[MEMORY + 1], s[MEMORY + 2], s[MEMORY + 3] = way, now, high(s, 1), low(s, 1)
        answer = way
    elif now <= s[MEMORY + 1] + 3 and ((way > 0 and close(s, 0) > s[MEMORY + 2]) or (way < 0 and close(s, 0) < s[MEMORY + 3])):
        answer = 2 * way
        s[MEMORY + 1] = 0
    else:
        answer = 0.0
    if not math.isnan(out[0]):
        out[0] = answer


@jit
def _leaves(s: Array) -> bool:
    """Say whether the newest bar has left the one before on one side only, high and low alike."""
    return (high(s, 0) < high(s, 1) and low(s, 0) < low(s, 1)) or (high(s, 0) > high(s, 1) and low(s, 0) > low(s, 1))


@jit
def _inside(s: Array, back: int) -> bool:
    return high(s, back) < high(s, back + 1) and low(s, back) > low(s, back + 1)


@candle(5, begin=2)
def cdlhikkake(s: Array, p: Array, x: Array, out: Array) -> None:
    """Hikkake: an inside bar and a false break-out (±100), then its confirmation within three bars (±200)."""
    if opened(s, p, x, out):
        _hikkake(s, _inside(s, 1) and _leaves(s), out)


@candle(10, (NEAR, 2), begin=7)
def cdlhikkakemod(s: Array, p: Array, x: Array, out: Array) -> None:
    """Modified hikkake: two inside bars, the first closing near its end, a false break-out, then its confirmation."""
    if not opened(s, p, x, out):
        return
    falls = high(s, 0) < high(s, 1)
    near_end = close(s, 2) <= low(s, 2) + mean(s, p, 0) if falls else close(s, 2) >= high(s, 2) - mean(s, p, 0)
    _hikkake(s, _inside(s, 1) and _inside(s, 2) and _leaves(s) and near_end, out)
