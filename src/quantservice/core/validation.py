"""Checks at the door: what a market event must satisfy before it may travel. A failure names its reason."""

from __future__ import annotations

from quantservice.core.events import Kline, Trade
from quantservice.core.periods import FIXED_MS, WEEK_MS, floor_open, next_open


def kline_fault(kline: Kline) -> str | None:
    """Return why ``kline`` cannot be, or None when it is sound.

    Checked: low <= open, close <= high; low > 0; volumes >= 0; taker parts within the whole; times on the period's border.
    Comparisons with a NaN raise in Decimal's own way and are reported as ``not_finite``.
    """
    try:
        low, high = kline.low, kline.high
        if not (low <= kline.open <= high and low <= kline.close <= high):
            return "open_or_close_outside_low_high"
        if low <= 0:
            return "price_not_positive"
        if high.is_infinite():
            return "not_finite"
        if kline.volume < 0 or kline.quote_volume < 0 or kline.count < 0:
            return "negative_volume"
        if kline.taker_buy_base_volume > kline.volume or kline.taker_buy_base_volume < 0:
            return "taker_volume_outside_volume"
    except ArithmeticError:
        return "not_finite"
    period = kline.stream.period
    length = FIXED_MS.get(period)
    if length is not None and length != WEEK_MS:
        if kline.open_time % length:
            return "open_time_off_border"
        if kline.close_time != kline.open_time + length - 1:
            return "close_time_off_border"
    elif floor_open(period, kline.open_time) != kline.open_time:
        return "open_time_off_border"
    elif kline.close_time != next_open(period, kline.open_time) - 1:
        return "close_time_off_border"
    return None


def trade_fault(trade: Trade) -> str | None:
    """Return why ``trade`` cannot be, or None when it is sound."""
    try:
        if trade.price <= 0:
            return "price_not_positive"
        if trade.quantity <= 0:
            return "quantity_not_positive"
        if trade.price.is_infinite() or trade.quantity.is_infinite():
            return "not_finite"
    except ArithmeticError:
        return "not_finite"
    if trade.time <= 0:
        return "time_not_positive"
    return None
