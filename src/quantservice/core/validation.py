"""Checks at the door: what a market event must satisfy before it may travel. A failure names its reason."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Final

from quantservice.core.events import BookDelta, BookSnapshot, Kline, Level, Quote, Ticker, Trade
from quantservice.core.periods import FIXED_MS, WEEK_MS, floor_open, next_open

#: No price, quantity or volume reaches this; it is what 38 digits with 18 of them behind the point can hold.
MAX_VALUE: Final = Decimal("1e20")
_ZERO: Final = Decimal(0)  # comparing with an int costs half as much again


def kline_fault(kline: Kline) -> str | None:
    """Return why ``kline`` cannot be, or None when it is sound.

    Checked: low <= open, close <= high; low > 0; volumes >= 0; taker parts within the whole; all below :data:`MAX_VALUE`;
    times on the period's border. Comparisons with a NaN raise in Decimal's own way and are reported as ``not_finite``.
    """
    try:
        low, high, volume, quote_volume = kline.low, kline.high, kline.volume, kline.quote_volume
        if not (
            _ZERO < low <= kline.open <= high < MAX_VALUE
            and low <= kline.close <= high
            and _ZERO <= kline.taker_buy_base_volume <= volume < MAX_VALUE
            and _ZERO <= kline.taker_buy_quote_volume <= quote_volume < MAX_VALUE
            and kline.count >= 0
        ):
            return _kline_value_fault(kline)
    except ArithmeticError:
        return "not_finite"
    period, open_time = kline.stream.period, kline.open_time
    length = FIXED_MS.get(period)
    if length is None or length == WEEK_MS:
        return _calendar_fault(kline)
    if open_time % length:
        return "open_time_off_border"
    if kline.close_time != open_time + length - 1:
        return "close_time_off_border"
    return None


def _kline_value_fault(kline: Kline) -> str:
    """Name what is wrong with values of which something is."""
    low, high = kline.low, kline.high
    if not (low <= kline.open <= high and low <= kline.close <= high):
        return "open_or_close_outside_low_high"
    if low <= 0:
        return "price_not_positive"
    if kline.volume < 0 or kline.quote_volume < 0 or kline.count < 0:
        return "negative_volume"
    if high >= MAX_VALUE or kline.volume >= MAX_VALUE or kline.quote_volume >= MAX_VALUE:
        return "not_finite" if _infinite(high, kline.volume, kline.quote_volume) else "value_too_large"
    return "taker_volume_outside_volume"


def _calendar_fault(kline: Kline) -> str | None:
    """Check the times of a week or a month, whose borders are not multiples of their length."""
    period, open_time = kline.stream.period, kline.open_time
    if floor_open(period, open_time) != open_time:
        return "open_time_off_border"
    if kline.close_time != next_open(period, open_time) - 1:
        return "close_time_off_border"
    return None


def trade_fault(trade: Trade) -> str | None:
    """Return why ``trade`` cannot be, or None when it is sound."""
    try:
        price, quantity = trade.price, trade.quantity
        if not (_ZERO < price < MAX_VALUE and _ZERO < quantity < MAX_VALUE):
            if price <= 0:
                return "price_not_positive"
            if quantity <= 0:
                return "quantity_not_positive"
            return "not_finite" if _infinite(price, quantity) else "value_too_large"
    except ArithmeticError:
        return "not_finite"
    if trade.time <= 0:
        return "time_not_positive"
    if trade.last_id < trade.first_id:
        return "ids_reversed"
    return None


def quote_fault(quote: Quote) -> str | None:
    """Return why ``quote`` cannot be, or None. A side without offers has price and quantity 0."""
    try:
        bid, ask = quote.bid_price, quote.ask_price
        if not (_ZERO <= bid < MAX_VALUE and _ZERO <= ask < MAX_VALUE):
            return "price_not_positive"
        if not (_ZERO <= quote.bid_quantity < MAX_VALUE and _ZERO <= quote.ask_quantity < MAX_VALUE):
            return "quantity_not_positive"
        if bid >= ask > _ZERO:
            return "bid_not_below_ask"
    except ArithmeticError:
        return "not_finite"
    return None


def book_fault(book: BookDelta | BookSnapshot) -> str | None:
    """Return why a book event cannot be, or None: prices > 0, quantities >= 0, ids in order; a snapshot best first, not crossed."""
    try:
        if not (_levels_are_sound(book.bids) and _levels_are_sound(book.asks)):
            return "level_out_of_range"
        if isinstance(book, BookDelta):
            return "ids_reversed" if book.first_id > book.last_id else None
        bids, asks = book.bids, book.asks
        if any(lower[0] >= upper[0] for upper, lower in pairwise(bids)):
            return "levels_out_of_order"
        if any(upper[0] <= lower[0] for lower, upper in pairwise(asks)):
            return "levels_out_of_order"
        if bids and asks and bids[0][0] >= asks[0][0]:
            return "bid_not_below_ask"
    except ArithmeticError:
        return "not_finite"
    return None


def ticker_fault(ticker: Ticker) -> str | None:
    """Return why ``ticker`` cannot be, or None. A symbol without trades in the window has zeros throughout."""
    try:
        values = (ticker.last_price, ticker.open_price, ticker.high_price, ticker.low_price, ticker.volume, ticker.quote_volume)
        if not all(0 <= value < MAX_VALUE for value in values) or ticker.count < 0:
            return "value_out_of_range"
        if ticker.low_price > ticker.high_price:
            return "low_above_high"
    except ArithmeticError:
        return "not_finite"
    return None


def _levels_are_sound(levels: Iterable[Level]) -> bool:
    return all(_ZERO < price < MAX_VALUE and _ZERO <= quantity < MAX_VALUE for price, quantity in levels)


def _infinite(*values: Decimal) -> bool:
    return any(value.is_infinite() for value in values)
