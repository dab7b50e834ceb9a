"""Candle patterns of two bars."""

from __future__ import annotations

from quantservice.quant.indicators.builtin.candles import (
    BODY_DOJI,
    BODY_LONG,
    BODY_SHORT,
    EQUAL,
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


@jit
def _within(value: float, middle: float, reach: float) -> bool:
    return value <= middle + reach and value >= middle - reach


@jit
def _inside(s: Array, p: Array) -> float:
    """Return 100 where the newest body lies inside the one before, 80 where an end is equal (unless strict), 0 elsewhere."""
    if top(s, 0) < top(s, 1) and bottom(s, 0) > bottom(s, 1):
        return 100.0
    if p[0] == 0.0 and top(s, 0) <= top(s, 1) and bottom(s, 0) >= bottom(s, 1):
        return 80.0
    return 0.0


@candle(11, (EQUAL, 1), (BODY_LONG, 1), (BODY_LONG, 0))
def cdlcounterattack(s: Array, p: Array, x: Array, out: Array) -> None:
    """Counterattack: two long bodies of opposite colours with equal closes."""
    if (
        opened(s, p, x, out)
        and color(s, 1) == -color(s, 0)
        and body(s, 1) > mean(s, p, 1)
        and body(s, 0) > mean(s, p, 2)
        and _within(close(s, 0), close(s, 1), mean(s, p, 0))
    ):
        out[0] = color(s, 0) * 100


@candle(11, (BODY_LONG, 1), penetration=0.5)
def cdldarkcloudcover(s: Array, p: Array, x: Array, out: Array) -> None:
    """Dark cloud cover: after a long white body, a black one opens above its high and closes deep inside it."""
    if (
        opened(s, p, x, out)
        and color(s, 1) == 1
        and color(s, 0) == -1
        and body(s, 1) > mean(s, p, 0)
        and open_(s, 0) > high(s, 1)
        and close(s, 0) > open_(s, 1)
        and close(s, 0) < close(s, 1) - body(s, 1) * p[0]
    ):
        out[0] = -100


@candle(11, (BODY_LONG, 1), (BODY_DOJI, 0))
def cdldojistar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Doji star: a doji that gaps away from a long body in its direction."""
    if opened(s, p, x, out) and body(s, 1) > mean(s, p, 0) and body(s, 0) <= mean(s, p, 1):
        away = gap_up(s, 0, 1) if color(s, 1) == 1 else gap_down(s, 0, 1)
        if away:
            out[0] = -color(s, 1) * 100


@candle(2)
def cdlengulfing(s: Array, p: Array, x: Array, out: Array) -> None:
    """Engulfing: a body that wraps the body before, of the other colour (80 where one end is equal)."""
    if not opened(s, p, x, out) or color(s, 0) == color(s, 1):
        return
    end, begin, first, last = close(s, 0), open_(s, 0), open_(s, 1), close(s, 1)
    if color(s, 0) == 1:
        wraps = (end >= first and begin < last) or (end > first and begin <= last)
    else:
        wraps = (begin >= last and end < first) or (begin > last and end <= first)
    if wraps:
        out[0] = color(s, 0) * (100 if begin != last and end != first else 80)


@candle(11, (BODY_LONG, 1), (BODY_SHORT, 0), strict=True)
def cdlharami(s: Array, p: Array, x: Array, out: Array) -> None:
    """Harami: a short body inside the long body before (80 where one end is equal)."""
    if opened(s, p, x, out) and body(s, 1) > mean(s, p, 0) and body(s, 0) <= mean(s, p, 1):
        out[0] = -color(s, 1) * _inside(s, p)


@candle(11, (BODY_LONG, 1), (BODY_DOJI, 0), strict=True)
def cdlharamicross(s: Array, p: Array, x: Array, out: Array) -> None:
    """Harami cross: a doji inside the long body before (80 where one end is equal)."""
    if opened(s, p, x, out) and body(s, 1) > mean(s, p, 0) and body(s, 0) <= mean(s, p, 1):
        out[0] = -color(s, 1) * _inside(s, p)


@candle(11, (BODY_LONG, 1), (BODY_SHORT, 0))
def cdlhomingpigeon(s: Array, p: Array, x: Array, out: Array) -> None:
    """Homing pigeon: a short black body inside a long black body."""
    if (
        opened(s, p, x, out)
        and color(s, 1) == -1
        and color(s, 0) == -1
        and body(s, 1) > mean(s, p, 0)
        and body(s, 0) <= mean(s, p, 1)
        and open_(s, 0) < open_(s, 1)
        and close(s, 0) > close(s, 1)
    ):
        out[0] = 100


@jit
def _rises_from_below(s: Array, p: Array) -> bool:
    """Say whether a white bar opened below the low of a long black one."""
    return color(s, 1) == -1 and color(s, 0) == 1 and body(s, 1) > mean(s, p, 1) and open_(s, 0) < low(s, 1)


@candle(11, (EQUAL, 1), (BODY_LONG, 1))
def cdlinneck(s: Array, p: Array, x: Array, out: Array) -> None:
    """In-neck: after a long black body, a white one opens below its low and closes just into it."""
    if (
        opened(s, p, x, out)
        and _rises_from_below(s, p)
        and close(s, 0) <= close(s, 1) + mean(s, p, 0)
        and close(s, 0) >= close(s, 1)
    ):
        out[0] = -100


@candle(11, (EQUAL, 1), (BODY_LONG, 1))
def cdlonneck(s: Array, p: Array, x: Array, out: Array) -> None:
    """On-neck: after a long black body, a white one opens below its low and closes at that low."""
    if opened(s, p, x, out) and _rises_from_below(s, p) and _within(close(s, 0), low(s, 1), mean(s, p, 0)):
        out[0] = -100


@candle(11, (EQUAL, 1), (BODY_LONG, 1))
def cdlthrusting(s: Array, p: Array, x: Array, out: Array) -> None:
    """Thrusting: after a long black body, a white one opens below its low and closes in its lower half."""
    if (
        opened(s, p, x, out)
        and _rises_from_below(s, p)
        and close(s, 0) > close(s, 1) + mean(s, p, 0)
        and close(s, 0) <= close(s, 1) + body(s, 1) * 0.5
    ):
        out[0] = -100


@candle(11, (BODY_LONG, 0), (BODY_LONG, 1))
def cdlpiercing(s: Array, p: Array, x: Array, out: Array) -> None:
    """Piercing: after a long black body, a long white one opens below its low and closes in its upper half."""
    if (
        opened(s, p, x, out)
        and _rises_from_below(s, p)
        and body(s, 0) > mean(s, p, 0)
        and close(s, 0) < open_(s, 1)
        and close(s, 0) > close(s, 1) + body(s, 1) * 0.5
    ):
        out[0] = 100


@jit
def _kicks(s: Array, p: Array) -> bool:
    """Say whether two marubozus of opposite colours gap apart."""
    for back in range(2):
        if body(s, back) <= mean(s, p, 2 + back) or max(upper(s, back), lower(s, back)) >= mean(s, p, back):
            return False
    if color(s, 1) == color(s, 0):
        return False
    return low(s, 0) > high(s, 1) if color(s, 1) == -1 else high(s, 0) < low(s, 1)


@candle(11, (SHADOW_VERY_SHORT, 0), (SHADOW_VERY_SHORT, 1), (BODY_LONG, 0), (BODY_LONG, 1))
def cdlkicking(s: Array, p: Array, x: Array, out: Array) -> None:
    """Kicking: two marubozus of opposite colours with a gap between them."""
    if opened(s, p, x, out) and _kicks(s, p):
        out[0] = color(s, 0) * 100


@candle(11, (SHADOW_VERY_SHORT, 0), (SHADOW_VERY_SHORT, 1), (BODY_LONG, 0), (BODY_LONG, 1))
def cdlkickingbylength(s: Array, p: Array, x: Array, out: Array) -> None:
    """Kicking by length: as kicking, in the direction of the longer marubozu."""
    if opened(s, p, x, out) and _kicks(s, p):
        out[0] = color(s, 0 if body(s, 0) > body(s, 1) else 1) * 100


@candle(6, (EQUAL, 1))
def cdlmatchinglow(s: Array, p: Array, x: Array, out: Array) -> None:
    """Matching low: two black bars with equal closes."""
    if opened(s, p, x, out) and color(s, 1) == -1 and color(s, 0) == -1 and _within(close(s, 0), close(s, 1), mean(s, p, 0)):
        out[0] = 100


@candle(11, (SHADOW_VERY_SHORT, 0), (BODY_LONG, 0), (EQUAL, 1))
def cdlseparatinglines(s: Array, p: Array, x: Array, out: Array) -> None:
    """Separating lines: equal opens, opposite colours, the second a long belt hold."""
    if (
        opened(s, p, x, out)
        and color(s, 1) == -color(s, 0)
        and _within(open_(s, 0), open_(s, 1), mean(s, p, 2))
        and body(s, 0) > mean(s, p, 1)
    ):
        shadow = lower(s, 0) if color(s, 0) == 1 else upper(s, 0)
        if shadow < mean(s, p, 0):
            out[0] = color(s, 0) * 100
