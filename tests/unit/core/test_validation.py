"""What may not pass the door, and what just may."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from quantservice.core.events import BookDelta, BookSnapshot, Kind, Kline, Quote, StreamId, Ticker, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.validation import MAX_VALUE, book_fault, kline_fault, quote_fault, ticker_fault, trade_fault

INSTRUMENT: Final = InstrumentId("x", "spot", "A-B")
JUST_BELOW: Final = MAX_VALUE - 1
D = Decimal


def kline(period: str = "1m", **changes: Any) -> Kline:
    sound = Kline(
        stream=StreamId.kline(INSTRUMENT, period),
        open_time=1_735_689_600_000,
        close_time=1_735_689_659_999,
        open=D(2),
        high=D(4),
        low=D(1),
        close=D(3),
        volume=D(10),
        quote_volume=D(20),
        count=5,
        taker_buy_base_volume=D(4),
        taker_buy_quote_volume=D(8),
    )
    return msgspec.structs.replace(sound, **changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"open": D(1), "close": D(4)}, None),
        ({"open": D("4.01")}, "open_or_close_outside_low_high"),
        ({"open": D("0.99")}, "open_or_close_outside_low_high"),
        ({"close": D("4.01")}, "open_or_close_outside_low_high"),
        ({"close": D("0.99")}, "open_or_close_outside_low_high"),
        ({"low": D(5)}, "open_or_close_outside_low_high"),
        ({"low": D(0)}, "price_not_positive"),
        ({"low": D(-1)}, "price_not_positive"),
        ({"high": JUST_BELOW}, None),
        ({"high": MAX_VALUE}, "value_too_large"),
        ({"high": D("Infinity")}, "not_finite"),
        ({"high": D("NaN")}, "not_finite"),
        ({"volume": D(0), "taker_buy_base_volume": D(0)}, None),
        ({"volume": D(-1)}, "negative_volume"),
        ({"volume": MAX_VALUE}, "value_too_large"),
        ({"volume": D("Infinity")}, "not_finite"),
        ({"quote_volume": D(-1)}, "negative_volume"),
        ({"quote_volume": MAX_VALUE}, "value_too_large"),
        ({"quote_volume": D("NaN")}, "not_finite"),
        ({"count": -1}, "negative_volume"),
        ({"count": 0}, None),
        ({"taker_buy_base_volume": D(10)}, None),
        ({"taker_buy_base_volume": D("10.1")}, "taker_volume_outside_volume"),
        ({"taker_buy_base_volume": D(-1)}, "taker_volume_outside_volume"),
        ({"taker_buy_quote_volume": D(20)}, None),
        ({"taker_buy_quote_volume": D("20.1")}, "taker_volume_outside_volume"),
        ({"taker_buy_quote_volume": D(-1)}, "taker_volume_outside_volume"),
        ({"taker_buy_quote_volume": D("sNaN")}, "not_finite"),
        ({"open_time": 1_735_689_600_001}, "open_time_off_border"),
        ({"close_time": 1_735_689_660_000}, "close_time_off_border"),
        ({"close_time": 1_735_689_659_998}, "close_time_off_border"),
    ],
)
def test_klines(changes: dict[str, Any], fault: str | None) -> None:
    assert kline_fault(kline(**changes)) == fault


@pytest.mark.parametrize(
    ("period", "open_time", "close_time", "fault"),
    [
        ("1w", 1_735_516_800_000, 1_736_121_599_999, None),  # Monday 2024-12-30
        ("1w", 1_735_603_200_000, 1_736_207_999_999, "open_time_off_border"),
        ("1w", 1_735_516_800_000, 1_736_121_600_000, "close_time_off_border"),
        ("1mo", 1_735_689_600_000, 1_738_367_999_999, None),
        ("1mo", 1_735_776_000_000, 1_738_367_999_999, "open_time_off_border"),
        ("1mo", 1_735_689_600_000, 1_738_281_599_999, "close_time_off_border"),
        ("3d", 1_735_603_200_000, 1_735_862_399_999, None),
        ("3d", 1_735_689_600_000, 1_735_948_799_999, "open_time_off_border"),
    ],
)
def test_borders_of_long_periods(period: str, open_time: int, close_time: int, fault: str | None) -> None:
    assert kline_fault(kline(period, open_time=open_time, close_time=close_time)) == fault


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"price": D(0)}, "price_not_positive"),
        ({"price": JUST_BELOW}, None),
        ({"price": MAX_VALUE}, "value_too_large"),
        ({"price": D("NaN")}, "not_finite"),
        ({"quantity": D(0)}, "quantity_not_positive"),
        ({"quantity": D("Infinity")}, "not_finite"),
        ({"quantity": MAX_VALUE}, "value_too_large"),
        ({"time": 0}, "time_not_positive"),
        ({"time": 1}, None),
        ({"first_id": 5, "last_id": 4}, "ids_reversed"),
        ({"first_id": 5, "last_id": 5}, None),
    ],
)
def test_trades(changes: dict[str, Any], fault: str | None) -> None:
    sound = Trade(stream=StreamId(INSTRUMENT, Kind.TRADE), trade_id=1, price=D(1), quantity=D(1), time=5, buyer_is_maker=True)
    assert trade_fault(msgspec.structs.replace(sound, **changes)) == fault


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ((1, 1, 2, 1), None),
        ((0, 0, 2, 1), None),
        ((1, 1, 0, 0), None),
        ((0, 0, 0, 0), None),
        ((2, 1, 2, 1), "bid_not_below_ask"),
        ((3, 1, 2, 1), "bid_not_below_ask"),
        ((-1, 1, 2, 1), "price_not_positive"),
        ((1, 1, "1e20", 1), "price_not_positive"),
        ((1, -1, 2, 1), "quantity_not_positive"),
        ((1, 1, 2, "1e20"), "quantity_not_positive"),
        (("NaN", 1, 2, 1), "not_finite"),
        ((1, 1, 2, "NaN"), "not_finite"),
    ],
)
def test_quotes(values: tuple[Any, Any, Any, Any], fault: str | None) -> None:
    bid, bid_size, ask, ask_size = (D(value) for value in values)
    quote = Quote(
        stream=StreamId(INSTRUMENT, Kind.QUOTE),
        update_id=1,
        bid_price=bid,
        bid_quantity=bid_size,
        ask_price=ask,
        ask_quantity=ask_size,
    )
    assert quote_fault(quote) == fault


@pytest.mark.parametrize(
    ("bids", "asks", "fault"),
    [
        ([(2, 1), (1, 1)], [(3, 1), (4, 1)], None),
        ([], [], None),
        ([(1, 1), (2, 1)], [], "levels_out_of_order"),
        ([(2, 1), (2, 1)], [], "levels_out_of_order"),
        ([], [(4, 1), (3, 1)], "levels_out_of_order"),
        ([(3, 1)], [(3, 1)], "bid_not_below_ask"),
        ([(0, 1)], [], "level_out_of_range"),
        ([(1, -1)], [], "level_out_of_range"),
        ([], [(1, "1e20")], "level_out_of_range"),
        ([], [("1e20", 1)], "level_out_of_range"),
        ([(1, 0)], [], None),
        ([], [("NaN", 1)], "not_finite"),
    ],
)
def test_books(bids: list[tuple[Any, Any]], asks: list[tuple[Any, Any]], fault: str | None) -> None:
    stream = StreamId(INSTRUMENT, Kind.BOOK)
    sides = [tuple((D(price), D(size)) for price, size in side) for side in (bids, asks)]
    assert book_fault(BookSnapshot(stream=stream, update_id=1, bids=sides[0], asks=sides[1])) == fault
    change = BookDelta(stream=stream, first_id=3, last_id=3, bids=sides[0], asks=sides[1])
    ordered = fault in {None, "level_out_of_range", "not_finite"}
    assert book_fault(change) == (fault if ordered else None)
    assert book_fault(BookDelta(stream=stream, first_id=4, last_id=3, bids=(), asks=())) == "ids_reversed"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"low_price": D(4)}, "low_above_high"),
        ({"low_price": D(3)}, None),
        ({"volume": D(-1)}, "value_out_of_range"),
        ({"quote_volume": MAX_VALUE}, "value_out_of_range"),
        ({"last_price": D("NaN")}, "not_finite"),
        ({"count": -1}, "value_out_of_range"),
    ],
)
def test_tickers(changes: dict[str, Any], fault: str | None) -> None:
    sound = Ticker(
        stream=StreamId(INSTRUMENT, Kind.TICKER),
        time=1,
        last_price=D(2),
        open_price=D(2),
        high_price=D(3),
        low_price=D(1),
        volume=D(0),
        quote_volume=D(0),
    )
    assert ticker_fault(msgspec.structs.replace(sound, **changes)) == fault
