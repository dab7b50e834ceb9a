"""Candle patterns of three bars that turn a move: stars, crows, soldiers and babies."""

from __future__ import annotations

from quantservice.quant.indicators.builtin.candles import (
    BODY_DOJI,
    BODY_LONG,
    BODY_SHORT,
    EQUAL,
    FAR,
    NEAR,
    SHADOW_LONG,
    SHADOW_SHORT,
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
def _all(s: Array, wanted: int) -> bool:
    """Say whether the last three bars have one colour."""
    return color(s, 2) == wanted and color(s, 1) == wanted and color(s, 0) == wanted


@candle(12, (BODY_LONG, 2))
def cdl2crows(s: Array, p: Array, x: Array, out: Array) -> None:
    """Two crows: after a long white body and a gap up, two black bars, the second closing inside the white body."""
    if (
        opened(s, p, x, out)
        and color(s, 2) == 1
        and color(s, 1) == -1
        and color(s, 0) == -1
        and body(s, 2) > mean(s, p, 0)
        and gap_up(s, 1, 2)
        and open_(s, 0) < open_(s, 1)
        and open_(s, 0) > close(s, 1)
        and close(s, 0) > open_(s, 2)
        and close(s, 0) < close(s, 2)
    ):
        out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_SHORT, 1))
def cdlupsidegap2crows(s: Array, p: Array, x: Array, out: Array) -> None:
    """Upside gap two crows: after a long white body and a gap up, a small black body and a larger one around it."""
    if (
        opened(s, p, x, out)
        and color(s, 2) == 1
        and color(s, 1) == -1
        and color(s, 0) == -1
        and body(s, 2) > mean(s, p, 0)
        and body(s, 1) <= mean(s, p, 1)
        and gap_up(s, 1, 2)
        and open_(s, 0) > open_(s, 1)
        and close(s, 0) < close(s, 1)
        and close(s, 0) > close(s, 2)
    ):
        out[0] = -100


@candle(13, (SHADOW_VERY_SHORT, 0), (SHADOW_VERY_SHORT, 1), (SHADOW_VERY_SHORT, 2))
def cdl3blackcrows(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three black crows: three falling black bars without lower shadows, each opening inside the body before."""
    if not opened(s, p, x, out) or color(s, 3) != 1 or not _all(s, -1):
        return
    for back in range(3):
        if lower(s, back) >= mean(s, p, back):
            return
    for back in range(2):
        if open_(s, back) >= open_(s, back + 1) or open_(s, back) <= close(s, back + 1):
            return
    if high(s, 3) > close(s, 2) and close(s, 2) > close(s, 1) and close(s, 1) > close(s, 0):
        out[0] = -100


@candle(12, (SHADOW_VERY_SHORT, 0), (SHADOW_VERY_SHORT, 1), (SHADOW_VERY_SHORT, 2), (EQUAL, 1), (EQUAL, 2))
def cdlidentical3crows(s: Array, p: Array, x: Array, out: Array) -> None:
    """Identical three crows: three falling black bars without lower shadows, each opening at the close before."""
    if not opened(s, p, x, out) or not _all(s, -1) or close(s, 2) <= close(s, 1) or close(s, 1) <= close(s, 0):
        return
    for back in range(3):
        if lower(s, back) >= mean(s, p, back):
            return
    for back in range(2):
        last, reach = close(s, back + 1), mean(s, p, 3 + back)
        if open_(s, back) > last + reach or open_(s, back) < last - reach:
            return
    out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_SHORT, 1))
def cdl3inside(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three inside: a harami and a third bar that closes beyond the first one's open."""
    if not opened(s, p, x, out) or body(s, 2) <= mean(s, p, 0) or body(s, 1) > mean(s, p, 1):
        return
    if top(s, 1) >= top(s, 2) or bottom(s, 1) <= bottom(s, 2) or color(s, 0) == color(s, 2):
        return
    beyond = close(s, 0) < open_(s, 2) if color(s, 2) == 1 else close(s, 0) > open_(s, 2)
    if beyond:
        out[0] = -color(s, 2) * 100


@candle(3)
def cdl3outside(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three outside: an engulfing and a third bar that closes further on."""
    if not opened(s, p, x, out) or color(s, 1) == color(s, 2):
        return
    if color(s, 1) == 1:
        found = close(s, 1) > open_(s, 2) and open_(s, 1) < close(s, 2) and close(s, 0) > close(s, 1)
    else:
        found = open_(s, 1) > close(s, 2) and close(s, 1) < open_(s, 2) and close(s, 0) < close(s, 1)
    if found:
        out[0] = color(s, 1) * 100


@candle(12, (BODY_LONG, 2), (SHADOW_LONG, 2), (SHADOW_VERY_SHORT, 1), (SHADOW_VERY_SHORT, 0), (BODY_SHORT, 0))
def cdl3starsinsouth(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three stars in the south: three black bars that shrink, each within the range before."""
    if not opened(s, p, x, out) or not _all(s, -1) or body(s, 2) <= mean(s, p, 0) or lower(s, 2) <= mean(s, p, 1):
        return
    second = (
        body(s, 1) < body(s, 2)
        and open_(s, 1) > close(s, 2)
        and open_(s, 1) <= high(s, 2)
        and low(s, 1) < close(s, 2)
        and low(s, 1) >= low(s, 2)
        and lower(s, 1) > mean(s, p, 2)
    )
    third = (
        body(s, 0) < mean(s, p, 4)
        and max(lower(s, 0), upper(s, 0)) < mean(s, p, 3)
        and low(s, 0) > low(s, 1)
        and high(s, 0) < high(s, 1)
    )
    if second and third:
        out[0] = 100


@jit
def _rising_near(s: Array, p: Array, near: int) -> bool:
    """Say whether three white bars close higher, each opening in or near the body before (slots ``near``, ``near`` + 1)."""
    if not _all(s, 1):
        return False
    for back in range(2):
        begin, first, last = open_(s, back), open_(s, back + 1), close(s, back + 1)
        if close(s, back) <= last or begin <= first or begin > last + mean(s, p, near + back):
            return False
    return True


@candle(
    12,
    (SHADOW_VERY_SHORT, 0),
    (SHADOW_VERY_SHORT, 1),
    (SHADOW_VERY_SHORT, 2),
    (NEAR, 1),
    (NEAR, 2),
    (FAR, 1),
    (FAR, 2),
    (BODY_SHORT, 0),
)
def cdl3whitesoldiers(s: Array, p: Array, x: Array, out: Array) -> None:
    """Three white soldiers: three rising white bars without upper shadows, none much smaller than the one before."""
    if not opened(s, p, x, out) or not _rising_near(s, p, 3) or body(s, 0) <= mean(s, p, 7):
        return
    for back in range(3):
        if upper(s, back) >= mean(s, p, back):
            return
    if body(s, 1) > body(s, 2) - mean(s, p, 6) and body(s, 0) > body(s, 1) - mean(s, p, 5):
        out[0] = 100


@candle(
    12,
    (SHADOW_SHORT, 0),
    (SHADOW_SHORT, 1),
    (SHADOW_SHORT, 2),
    (SHADOW_LONG, 0),
    (NEAR, 1),
    (NEAR, 2),
    (FAR, 1),
    (FAR, 2),
    (BODY_LONG, 2),
)
def cdladvanceblock(s: Array, p: Array, x: Array, out: Array) -> None:
    """Advance block: three rising white bars that weaken: shrinking bodies or growing upper shadows."""
    if not opened(s, p, x, out) or not _rising_near(s, p, 4) or body(s, 2) <= mean(s, p, 8) or upper(s, 2) >= mean(s, p, 2):
        return
    first, second, third = body(s, 2), body(s, 1), body(s, 0)
    if (
        (second < first - mean(s, p, 7) and third < second + mean(s, p, 4))
        or third < second - mean(s, p, 6)
        or (third < second and second < first and (upper(s, 0) > mean(s, p, 0) or upper(s, 1) > mean(s, p, 1)))
        or (third < second and upper(s, 0) > mean(s, p, 3))
    ):
        out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_LONG, 1), (BODY_SHORT, 0), (SHADOW_VERY_SHORT, 1), (NEAR, 1), (NEAR, 2))
def cdlstalledpattern(s: Array, p: Array, x: Array, out: Array) -> None:
    """Stalled pattern: two long white bars and a small one at the second one's end."""
    if (
        opened(s, p, x, out)
        and _all(s, 1)
        and close(s, 0) > close(s, 1)
        and close(s, 1) > close(s, 2)
        and body(s, 2) > mean(s, p, 0)
        and body(s, 1) > mean(s, p, 1)
        and upper(s, 1) < mean(s, p, 3)
        and open_(s, 1) > open_(s, 2)
        and open_(s, 1) <= close(s, 2) + mean(s, p, 5)
        and body(s, 0) < mean(s, p, 2)
        and open_(s, 0) >= close(s, 1) - body(s, 0) - mean(s, p, 4)
    ):
        out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_DOJI, 1), (BODY_SHORT, 0), penetration=0.3)
def cdlabandonedbaby(s: Array, p: Array, x: Array, out: Array) -> None:
    """Abandoned baby: a doji with a gap on both sides, between a long body and one that closes deep inside it."""
    if not opened(s, p, x, out) or body(s, 2) <= mean(s, p, 0) or body(s, 1) > mean(s, p, 1) or body(s, 0) <= mean(s, p, 2):
        return
    if color(s, 2) == 1 and color(s, 0) == -1:
        alone = low(s, 1) > high(s, 2) and high(s, 0) < low(s, 1)
        if alone and close(s, 0) < close(s, 2) - body(s, 2) * p[0]:
            out[0] = -100
    elif color(s, 2) == -1 and color(s, 0) == 1:
        alone = high(s, 1) < low(s, 2) and low(s, 0) > high(s, 1)
        if alone and close(s, 0) > close(s, 2) + body(s, 2) * p[0]:
            out[0] = 100


@jit
def _evening(s: Array, p: Array) -> bool:
    return (
        body(s, 2) > mean(s, p, 0)
        and color(s, 2) == 1
        and body(s, 1) <= mean(s, p, 1)
        and gap_up(s, 1, 2)
        and body(s, 0) > mean(s, p, 2)
        and color(s, 0) == -1
        and close(s, 0) < close(s, 2) - body(s, 2) * p[0]
    )


@jit
def _morning(s: Array, p: Array) -> bool:
    return (
        body(s, 2) > mean(s, p, 0)
        and color(s, 2) == -1
        and body(s, 1) <= mean(s, p, 1)
        and gap_down(s, 1, 2)
        and body(s, 0) > mean(s, p, 2)
        and color(s, 0) == 1
        and close(s, 0) > close(s, 2) + body(s, 2) * p[0]
    )


@candle(12, (BODY_LONG, 2), (BODY_DOJI, 1), (BODY_SHORT, 0), penetration=0.3)
def cdleveningdojistar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Evening doji star: a doji above a long white body, then a black one that closes deep inside it."""
    if opened(s, p, x, out) and _evening(s, p):
        out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_SHORT, 1), (BODY_SHORT, 0), penetration=0.3)
def cdleveningstar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Evening star: a short body above a long white one, then a black one that closes deep inside it."""
    if opened(s, p, x, out) and _evening(s, p):
        out[0] = -100


@candle(12, (BODY_LONG, 2), (BODY_DOJI, 1), (BODY_SHORT, 0), penetration=0.3)
def cdlmorningdojistar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Morning doji star: a doji below a long black body, then a white one that closes deep inside it."""
    if opened(s, p, x, out) and _morning(s, p):
        out[0] = 100


@candle(12, (BODY_LONG, 2), (BODY_SHORT, 1), (BODY_SHORT, 0), penetration=0.3)
def cdlmorningstar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Morning star: a short body below a long black one, then a white one that closes deep inside it."""
    if opened(s, p, x, out) and _morning(s, p):
        out[0] = 100


@candle(12, (BODY_DOJI, 2))
def cdltristar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Tristar: three dojis, the middle one gapping away."""
    if not opened(s, p, x, out):
        return
    doji = mean(s, p, 0)
    if body(s, 2) > doji or body(s, 1) > doji or body(s, 0) > doji:
        return
    if gap_up(s, 1, 2) and top(s, 0) < top(s, 1):
        out[0] = -100
    if gap_down(s, 1, 2) and bottom(s, 0) > bottom(s, 1):
        out[0] = 100


@candle(12, (BODY_LONG, 2), (BODY_SHORT, 0))
def cdlunique3river(s: Array, p: Array, x: Array, out: Array) -> None:
    """Unique three river: a long black body, a black harami with a lower low, a small white bar below it."""
    if (
        opened(s, p, x, out)
        and body(s, 2) > mean(s, p, 0)
        and color(s, 2) == -1
        and color(s, 1) == -1
        and close(s, 1) > close(s, 2)
        and open_(s, 1) <= open_(s, 2)
        and low(s, 1) < low(s, 2)
        and body(s, 0) < mean(s, p, 1)
        and color(s, 0) == 1
        and open_(s, 0) > low(s, 1)
    ):
        out[0] = 100
