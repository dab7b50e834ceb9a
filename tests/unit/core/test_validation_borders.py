"""Every value of every event at its bound: the last that may pass, and the first that may not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
from tests.support.market import kline

from quantservice.core.events import BookDelta, BookSnapshot, Kind, Quote, StreamId, Ticker, Trade
from quantservice.core.validation import MAX_VALUE, book_fault, kline_fault, quote_fault, ticker_fault, trade_fault

D = Decimal
INSTRUMENT: Final = kline().instrument
BELOW: Final = MAX_VALUE - 1
TINY: Final = D("1e-18")

QUOTE: Final = Quote(
    stream=StreamId(INSTRUMENT, Kind.QUOTE), update_id=1, bid_price=D(1), bid_quantity=D(1), ask_price=D(2), ask_quantity=D(1)
)
TICKER: Final = Ticker(
    stream=StreamId(INSTRUMENT, Kind.TICKER),
    time=1,
    last_price=D(2),
    open_price=D(2),
    high_price=BELOW,
    low_price=D(1),
    volume=D(1),
    quote_volume=D(1),
)
TRADE: Final = Trade(stream=StreamId(INSTRUMENT, Kind.TRADE), trade_id=1, price=D(1), quantity=D(1), time=5, buyer_is_maker=True)


def changed(event: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(event, **changes)


@pytest.mark.parametrize("field", ["bid_quantity", "ask_quantity", "ask_price", "bid_price"])
def test_quotes(field: str) -> None:
    fault = "price_not_positive" if field.endswith("price") else "quantity_not_positive"
    above = {"ask_price": D(0)} if field == "bid_price" else {}
    assert quote_fault(changed(QUOTE, **above, **{field: BELOW})) is None
    assert quote_fault(changed(QUOTE, **above, **{field: MAX_VALUE})) == fault
    assert quote_fault(changed(QUOTE, **{field: -TINY})) == fault
    assert quote_fault(changed(QUOTE, **{field: D(0)})) is None


def test_a_quote_of_the_least_distance() -> None:
    assert quote_fault(changed(QUOTE, bid_price=D(2) - TINY)) is None
    assert quote_fault(changed(QUOTE, bid_price=D(2))) == "bid_not_below_ask"


@pytest.mark.parametrize("field", ["last_price", "open_price", "volume", "quote_volume", "high_price"])
def test_tickers(field: str) -> None:
    assert ticker_fault(changed(TICKER, **{field: BELOW})) is None
    assert ticker_fault(changed(TICKER, **{field: MAX_VALUE})) == "value_out_of_range"
    assert ticker_fault(changed(TICKER, **{field: -TINY})) == "value_out_of_range"


def test_a_ticker_without_trades_is_all_zeros() -> None:
    names = ("last_price", "open_price", "high_price", "low_price", "volume", "quote_volume")
    assert ticker_fault(changed(TICKER, **dict.fromkeys(names, D(0)))) is None
    assert ticker_fault(changed(TICKER, count=0)) is None
    assert ticker_fault(changed(TICKER, count=-1)) == "value_out_of_range"
    assert ticker_fault(changed(TICKER, high_price=D(1), low_price=D(1))) is None
    assert ticker_fault(changed(TICKER, high_price=D(1), low_price=D(1) + TINY)) == "low_above_high"


@pytest.mark.parametrize("field", ["price", "quantity"])
def test_trades(field: str) -> None:
    assert trade_fault(changed(TRADE, **{field: TINY})) is None
    assert trade_fault(changed(TRADE, **{field: BELOW})) is None
    assert trade_fault(changed(TRADE, **{field: MAX_VALUE})) == "value_too_large"
    assert trade_fault(changed(TRADE, **{field: D("Infinity")})) == "not_finite"
    assert trade_fault(changed(TRADE, **{field: D(0)})) == f"{field}_not_positive"
    assert trade_fault(changed(TRADE, **{field: D("-Infinity")})) == f"{field}_not_positive"
    assert trade_fault(changed(TRADE, time=-1)) == "time_not_positive"


@pytest.mark.parametrize("field", ["volume", "quote_volume", "high"])
def test_klines_too_large(field: str) -> None:
    assert kline_fault(changed(kline(), **{field: BELOW})) is None
    assert kline_fault(changed(kline(), **{field: MAX_VALUE})) == "value_too_large"
    assert kline_fault(changed(kline(), **{field: D("Infinity")})) == "not_finite"


@pytest.mark.parametrize("field", ["taker_buy_base_volume", "taker_buy_quote_volume"])
def test_the_takers_part(field: str) -> None:
    whole = {"taker_buy_base_volume": kline().volume, "taker_buy_quote_volume": kline().quote_volume}[field]
    assert kline_fault(changed(kline(), **{field: whole})) is None
    assert kline_fault(changed(kline(), **{field: D(0)})) is None
    assert kline_fault(changed(kline(), **{field: whole + TINY})) == "taker_volume_outside_volume"
    assert kline_fault(changed(kline(), **{field: -TINY})) == "taker_volume_outside_volume"


def test_a_flat_kline_of_the_least_price() -> None:
    values = dict.fromkeys(("open", "high", "low", "close"), TINY)
    nothing = dict.fromkeys(("volume", "quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume"), D(0))
    assert kline_fault(changed(kline(), **values, **nothing, count=0)) is None


@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize(
    ("level", "fault"),
    [
        ((TINY, D(0)), None),
        ((BELOW, BELOW), None),
        ((D(0), D(1)), "level_out_of_range"),
        ((MAX_VALUE, D(1)), "level_out_of_range"),
        ((D(1), MAX_VALUE), "level_out_of_range"),
        ((D(1), -TINY), "level_out_of_range"),
    ],
)
def test_levels(side: str, level: tuple[Decimal, Decimal], fault: str | None) -> None:
    stream = StreamId(INSTRUMENT, Kind.BOOK)
    sides: dict[str, tuple[tuple[Decimal, Decimal], ...]] = {"bids": (), "asks": ()} | {side: (level,)}
    assert book_fault(BookSnapshot(stream=stream, update_id=1, bids=sides["bids"], asks=sides["asks"])) == fault
    assert book_fault(BookDelta(stream=stream, first_id=1, last_id=1, bids=sides["bids"], asks=sides["asks"])) == fault


def test_a_snapshot_of_the_least_distances() -> None:
    stream = StreamId(INSTRUMENT, Kind.BOOK)

    def fault(bids: tuple[str, ...], asks: tuple[str, ...]) -> str | None:
        sides = [tuple((D(price), D(1)) for price in prices) for prices in (bids, asks)]
        return book_fault(BookSnapshot(stream=stream, update_id=1, bids=sides[0], asks=sides[1]))

    assert fault(("2", "1.9", "1.8"), ("2.1", "2.2", "2.3")) is None
    assert fault(("2", "1.9", "1.9"), ("2.1", "2.2", "2.3")) == "levels_out_of_order"
    assert fault(("2", "1.9", "1.8"), ("2.1", "2.2", "2.2")) == "levels_out_of_order"
    assert fault(("2",), ("2",)) == "bid_not_below_ask"
    assert fault(("2",), ()) is None
    assert fault((), ("2",)) is None
