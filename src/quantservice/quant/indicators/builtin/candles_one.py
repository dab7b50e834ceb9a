"""Candle patterns of one bar, and those of one bar that look at the bar before for its place."""

from __future__ import annotations

from quantservice.quant.indicators.builtin.candles import (
    BODY_DOJI,
    BODY_LONG,
    BODY_SHORT,
    NEAR,
    SHADOW_LONG,
    SHADOW_SHORT,
    SHADOW_VERY_LONG,
    SHADOW_VERY_SHORT,
    body,
    bottom,
    candle,
    color,
    gap_down,
    gap_up,
    high,
    low,
    lower,
    mean,
    opened,
    top,
    upper,
)
from quantservice.quant.indicators.kernel import Array


@candle(10, (BODY_LONG, 0), (SHADOW_VERY_SHORT, 0))
def cdlbelthold(s: Array, p: Array, x: Array, out: Array) -> None:
    """Belt hold: a long body without a shadow where it opened."""
    if opened(s, p, x, out) and body(s, 0) > mean(s, p, 0):
        shadow = lower(s, 0) if color(s, 0) == 1 else upper(s, 0)
        if shadow < mean(s, p, 1):
            out[0] = color(s, 0) * 100


@candle(10, (BODY_LONG, 0), (SHADOW_VERY_SHORT, 0))
def cdlclosingmarubozu(s: Array, p: Array, x: Array, out: Array) -> None:
    """Closing marubozu: a long body without a shadow where it closed."""
    if opened(s, p, x, out) and body(s, 0) > mean(s, p, 0):
        shadow = upper(s, 0) if color(s, 0) == 1 else lower(s, 0)
        if shadow < mean(s, p, 1):
            out[0] = color(s, 0) * 100


@candle(10, (BODY_DOJI, 0))
def cdldoji(s: Array, p: Array, x: Array, out: Array) -> None:
    """Doji: open and close are nearly equal."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0):
        out[0] = 100


@candle(10, (BODY_DOJI, 0), (SHADOW_VERY_SHORT, 0))
def cdldragonflydoji(s: Array, p: Array, x: Array, out: Array) -> None:
    """Dragonfly doji: a doji at the high of its bar."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0):
        short = mean(s, p, 1)
        if upper(s, 0) < short and lower(s, 0) > short:
            out[0] = 100


@candle(10, (BODY_DOJI, 0), (SHADOW_VERY_SHORT, 0))
def cdlgravestonedoji(s: Array, p: Array, x: Array, out: Array) -> None:
    """Gravestone doji: a doji at the low of its bar."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0):
        short = mean(s, p, 1)
        if lower(s, 0) < short and upper(s, 0) > short:
            out[0] = 100


@candle(11, (BODY_SHORT, 0), (SHADOW_LONG, 0), (SHADOW_VERY_SHORT, 0), (NEAR, 1))
def cdlhammer(s: Array, p: Array, x: Array, out: Array) -> None:
    """Hammer: a small body over a long lower shadow, near the low of the bar before."""
    if (
        opened(s, p, x, out)
        and body(s, 0) < mean(s, p, 0)
        and lower(s, 0) > mean(s, p, 1)
        and upper(s, 0) < mean(s, p, 2)
        and bottom(s, 0) <= low(s, 1) + mean(s, p, 3)
    ):
        out[0] = 100


@candle(11, (BODY_SHORT, 0), (SHADOW_LONG, 0), (SHADOW_VERY_SHORT, 0), (NEAR, 1))
def cdlhangingman(s: Array, p: Array, x: Array, out: Array) -> None:
    """Hanging man: a small body over a long lower shadow, near the high of the bar before."""
    if (
        opened(s, p, x, out)
        and body(s, 0) < mean(s, p, 0)
        and lower(s, 0) > mean(s, p, 1)
        and upper(s, 0) < mean(s, p, 2)
        and bottom(s, 0) >= high(s, 1) - mean(s, p, 3)
    ):
        out[0] = -100


@candle(10, (BODY_SHORT, 0), (SHADOW_VERY_LONG, 0))
def cdlhighwave(s: Array, p: Array, x: Array, out: Array) -> None:
    """High wave: a short body between two very long shadows."""
    if opened(s, p, x, out) and body(s, 0) < mean(s, p, 0):
        long = mean(s, p, 1)
        if upper(s, 0) > long and lower(s, 0) > long:
            out[0] = color(s, 0) * 100


@candle(11, (BODY_SHORT, 0), (SHADOW_LONG, 0), (SHADOW_VERY_SHORT, 0))
def cdlinvertedhammer(s: Array, p: Array, x: Array, out: Array) -> None:
    """Inverted hammer: a small body under a long upper shadow, below the body before."""
    if (
        opened(s, p, x, out)
        and body(s, 0) < mean(s, p, 0)
        and upper(s, 0) > mean(s, p, 1)
        and lower(s, 0) < mean(s, p, 2)
        and gap_down(s, 0, 1)
    ):
        out[0] = 100


@candle(10, (BODY_DOJI, 0), (SHADOW_LONG, 0))
def cdllongleggeddoji(s: Array, p: Array, x: Array, out: Array) -> None:
    """Long-legged doji: a doji with a long shadow."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0) and max(lower(s, 0), upper(s, 0)) > mean(s, p, 1):
        out[0] = 100


@candle(10, (BODY_LONG, 0), (SHADOW_SHORT, 0))
def cdllongline(s: Array, p: Array, x: Array, out: Array) -> None:
    """Long line: a long body between short shadows."""
    if opened(s, p, x, out) and body(s, 0) > mean(s, p, 0) and max(lower(s, 0), upper(s, 0)) < mean(s, p, 1):
        out[0] = color(s, 0) * 100


@candle(10, (BODY_LONG, 0), (SHADOW_VERY_SHORT, 0))
def cdlmarubozu(s: Array, p: Array, x: Array, out: Array) -> None:
    """Marubozu: a long body with hardly a shadow."""
    if opened(s, p, x, out) and body(s, 0) > mean(s, p, 0) and max(lower(s, 0), upper(s, 0)) < mean(s, p, 1):
        out[0] = color(s, 0) * 100


@candle(10, (BODY_DOJI, 0), (SHADOW_LONG, 0), (NEAR, 0))
def cdlrickshawman(s: Array, p: Array, x: Array, out: Array) -> None:
    """Rickshaw man: a doji with two long shadows and its body near the middle of the bar."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0) and min(lower(s, 0), upper(s, 0)) > mean(s, p, 1):
        middle, near = low(s, 0) + (high(s, 0) - low(s, 0)) / 2, mean(s, p, 2)
        if bottom(s, 0) <= middle + near and top(s, 0) >= middle - near:
            out[0] = 100


@candle(11, (BODY_SHORT, 0), (SHADOW_LONG, 0), (SHADOW_VERY_SHORT, 0))
def cdlshootingstar(s: Array, p: Array, x: Array, out: Array) -> None:
    """Shooting star: a small body under a long upper shadow, above the body before."""
    if (
        opened(s, p, x, out)
        and body(s, 0) < mean(s, p, 0)
        and upper(s, 0) > mean(s, p, 1)
        and lower(s, 0) < mean(s, p, 2)
        and gap_up(s, 0, 1)
    ):
        out[0] = -100


@candle(10, (BODY_SHORT, 0), (SHADOW_SHORT, 0))
def cdlshortline(s: Array, p: Array, x: Array, out: Array) -> None:
    """Short line: a short body between short shadows."""
    if opened(s, p, x, out) and body(s, 0) < mean(s, p, 0) and max(lower(s, 0), upper(s, 0)) < mean(s, p, 1):
        out[0] = color(s, 0) * 100


@candle(10, (BODY_SHORT, 0))
def cdlspinningtop(s: Array, p: Array, x: Array, out: Array) -> None:
    """Spinning top: a short body between shadows longer than it."""
    if opened(s, p, x, out) and body(s, 0) < mean(s, p, 0) and min(lower(s, 0), upper(s, 0)) > body(s, 0):
        out[0] = color(s, 0) * 100


@candle(10, (BODY_DOJI, 0), (SHADOW_VERY_SHORT, 0), (SHADOW_VERY_LONG, 0))
def cdltakuri(s: Array, p: Array, x: Array, out: Array) -> None:
    """Takuri line: a dragonfly doji with a very long lower shadow."""
    if opened(s, p, x, out) and body(s, 0) <= mean(s, p, 0) and upper(s, 0) < mean(s, p, 1) and lower(s, 0) > mean(s, p, 2):
        out[0] = 100
