"""Figures that no property names: times, source and taker of a made bar; fills of a position; prices that are none."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec
import pytest
from tests.support.market import START_MS, kline, kline_stream

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kind, Kline, Source, StreamId, Trade
from quantservice.core.fees import funding_payment, notional, trade_fee
from quantservice.core.positions import Fill, Position, fold
from quantservice.core.resample import klines_from_trades, nests, resample

D = Decimal


def part(index: int, **changes: object) -> Kline:
    return msgspec.structs.replace(kline(index), **changes)


def trade(number: int, at_ms: int, **changes: object) -> Trade:
    stream = StreamId(kline_stream().instrument, Kind.TRADE)
    made = Trade(
        stream=stream,
        trade_id=number,
        price=D(100 + number),
        quantity=D(number),
        time=START_MS + at_ms,
        buyer_is_maker=number % 2 == 0,
        first_id=10 * number,
        last_id=10 * number + 2,
        event_time=START_MS + at_ms + 1,
        recv_ns=1_000 - number,
    )
    return msgspec.structs.replace(made, **changes)


def test_a_bar_of_parts() -> None:
    parts = [
        part(0, open=D(100), high=D(120), recv_ns=9, event_time=3),
        part(1, low=D(80), recv_ns=5, event_time=8),
        part(2, close=D(99), recv_ns=7, event_time=6),
    ]
    (bar,) = resample(parts, "3m")
    assert bar == Kline(
        stream=kline_stream(period="3m"),
        open_time=START_MS,
        close_time=START_MS + 179_999,
        open=D(100),
        high=D(120),
        low=D(80),
        close=D(99),
        volume=D("37.5"),
        quote_volume=D("3765.75"),
        count=267,
        taker_buy_base_volume=D("18.75"),
        taker_buy_quote_volume=D(1881),
        closed=True,
        source=Source.DERIVED,
        synthetic=False,
        event_time=8,
        recv_ns=9,
    )


def test_an_unfinished_bar_only_on_demand_and_marked() -> None:
    parts = [part(0), part(1, closed=False)]
    assert resample(parts, "3m") == []
    (bar,) = resample(parts, "3m", partial=True)
    assert (bar.closed, bar.count) == (False, 178)
    assert [bar.closed for bar in resample([part(0), part(1), part(2), part(3)], "3m", partial=True)] == [True, False]
    assert len(resample([part(0), part(1), part(2), part(3)], "3m")) == 1
    assert resample([], "3m") == []


def test_parts_out_of_order_or_of_another_stream_are_refused() -> None:
    with pytest.raises(InvalidValue, match="rising order"):
        resample([part(1), part(0)], "3m")
    with pytest.raises(InvalidValue, match="rising order"):
        resample([part(0), part(0)], "3m")
    with pytest.raises(InvalidValue, match="rising order"):
        resample([part(0), part(2), part(1)], "3m")
    with pytest.raises(InvalidValue, match="does not belong"):
        resample([part(0), kline(1, base="ETH")], "3m")


def test_a_bar_of_trades() -> None:
    trades = [trade(3, 5), trade(1, 50), trade(2, 59_999), trade(4, 60_000)]
    first, second = klines_from_trades(reversed(trades), kline_stream(), end_ms=START_MS + 60_000)
    assert first == Kline(
        stream=kline_stream(),
        open_time=START_MS,
        close_time=START_MS + 59_999,
        open=D(101),
        high=D(103),
        low=D(101),
        close=D(103),
        volume=D(6),
        quote_volume=D(101 + 2 * 102 + 3 * 103),
        count=9,
        taker_buy_base_volume=D(4),
        taker_buy_quote_volume=D(101 + 3 * 103),
        closed=True,
        source=Source.DERIVED,
        event_time=START_MS + 6,
        recv_ns=999,
    )
    assert (second.open_time, second.closed, second.taker_buy_base_volume) == (START_MS + 60_000, False, D(0))
    assert all(bar.closed for bar in klines_from_trades(trades, kline_stream()))
    assert [bar.closed for bar in klines_from_trades(trades, kline_stream(), end_ms=START_MS + 59_999)] == [False, False]


@pytest.mark.parametrize(
    ("fine", "coarse", "fits"),
    [
        ("1m", "1m", True),
        ("1mo", "1mo", True),
        ("1m", "1h", True),
        ("1h", "1m", False),
        ("3m", "5m", False),
        ("12h", "1w", True),
        ("1d", "1mo", True),
        ("3d", "1w", False),
        ("3d", "1mo", False),
        ("1w", "1mo", False),
        ("1mo", "1w", False),
        ("8h", "12h", False),
        ("1s", "1mo", True),
    ],
)
def test_which_bars_are_made_of_which(fine: str, coarse: str, fits: bool) -> None:
    assert nests(fine, coarse) is fits


def test_a_position_begins_flat() -> None:
    position = Position(instrument=kline_stream().instrument)
    assert (position.quantity, position.cost, position.realised, position.fees, position.fills) == (D(0), D(0), D(0), {}, 0)
    assert (position.contract_size, position.inverse, position.average_entry) == (D(1), False, None)
    assert position.side == "both"


def test_a_position_counts_its_fills_whatever_they_do_to_it() -> None:
    instrument = kline_stream().instrument
    sides: list[Literal["buy", "sell"]] = ["buy", "sell", "sell", "buy"]
    fills = [
        Fill(fill_id=str(number), instrument=instrument, side=side, price=D(10), quantity=D(1), fee=D(number), fee_currency="USDT")
        for number, side in enumerate(sides)
    ]
    position = fold(Position(instrument=instrument), fills)
    assert (position.fills, position.fees) == (4, {"USDT": D(6)})
    assert (position.quantity, position.realised) == (D(0), D(0))
    assert (fills[0].position_side, fills[0].time, fills[0].signed, fills[1].signed) == ("both", 0, D(1), D(-1))


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none_has_no_notional_fee_or_funding(price: str) -> None:
    with pytest.raises(InvalidValue, match="price"):
        notional(D(price), D(1))
    with pytest.raises(InvalidValue, match="price"):
        trade_fee(D(price), D(1), D("0.001"))
    with pytest.raises(InvalidValue, match="price"):
        funding_payment(D(price), D(1), D("0.0001"))
