"""Resampling loses nothing: whichever way bars are made, the totals and the extremes are those of what they are made of."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kind, Kline, Source, StreamId, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import MINUTE_MS, PERIODS, close_of, floor_open, next_open
from quantservice.core.resample import klines_from_trades, nests, resample
from quantservice.core.validation import kline_fault

INSTRUMENT: Final = InstrumentId("x", "spot", "A-B")
MINUTES: Final = StreamId.kline(INSTRUMENT, "1m")
START_MS: Final = 1_735_689_600_000  # a midnight
PRICES: Final = st.decimals("0.00000001", "99999999", places=8)
SIZES: Final = st.decimals("0.00000001", "1000000", places=8)


@st.composite
def trades(draw: st.DrawFn) -> list[Trade]:
    count = draw(st.integers(1, 60))
    times = sorted(draw(st.lists(st.integers(0, 90 * MINUTE_MS), min_size=count, max_size=count)))
    return [
        Trade(
            stream=StreamId(INSTRUMENT, Kind.TRADE),
            trade_id=index + 1,
            price=draw(PRICES),
            quantity=draw(SIZES),
            time=START_MS + time,
            buyer_is_maker=draw(st.booleans()),
            first_id=index * 10,
            last_id=index * 10 + draw(st.integers(0, 5)),
        )
        for index, time in enumerate(times)
    ]


@given(trades(), st.randoms(use_true_random=False))
def test_klines_from_trades_are_the_trades(found: list[Trade], random: Random) -> None:
    shuffled = [*found, *found[::3]]
    random.shuffle(shuffled)
    klines = klines_from_trades(shuffled, MINUTES)
    assert klines == klines_from_trades(found, MINUTES)
    assert [kline_fault(kline) for kline in klines] == [None] * len(klines)
    by_minute = {key: list(group) for key, group in groupby(found, key=lambda trade: floor_open("1m", trade.time))}
    assert [kline.open_time for kline in klines] == list(by_minute)
    for kline in klines:
        part = by_minute[kline.open_time]
        assert (kline.open, kline.close) == (part[0].price, part[-1].price)
        assert (kline.high, kline.low) == (max(t.price for t in part), min(t.price for t in part))
        assert kline.count == sum(t.last_id - t.first_id + 1 for t in part)
        assert Fraction(kline.volume) == sum(Fraction(t.quantity) for t in part)
        assert Fraction(kline.quote_volume) == sum(Fraction(t.quantity) * Fraction(t.price) for t in part)
        buys = [t for t in part if not t.buyer_is_maker]
        assert Fraction(kline.taker_buy_base_volume) == sum(Fraction(t.quantity) for t in buys)
        assert Fraction(kline.taker_buy_quote_volume) == sum(Fraction(t.quantity) * Fraction(t.price) for t in buys)
        assert (kline.source, kline.synthetic, kline.closed) == (Source.DERIVED, False, True)


@given(trades())
def test_bars_made_in_steps_equal_bars_made_at_once(found: list[Trade]) -> None:
    minutes = klines_from_trades(found, MINUTES)
    direct = resample(minutes, "1h", partial=True)
    for middle in ("3m", "5m", "15m", "30m"):
        steps = resample(resample(minutes, middle, partial=True), "1h", partial=True)
        assert [bar.values for bar in steps] == [bar.values for bar in direct]
    whole = klines_from_trades(found, StreamId.kline(INSTRUMENT, "1h"))
    assert [bar.values for bar in direct] == [bar.values for bar in whole]


def minute(index: int, **changes: object) -> Kline:
    opened = START_MS + index * MINUTE_MS
    fields: dict[str, object] = {
        "stream": MINUTES,
        "open_time": opened,
        "close_time": opened + MINUTE_MS - 1,
        "open": Decimal(index + 1),
        "high": Decimal(index + 3),
        "low": Decimal(index + 1),
        "close": Decimal(index + 2),
        "volume": Decimal("0.1"),
        "quote_volume": Decimal("0.3"),
        "count": 2,
        "taker_buy_base_volume": Decimal("0.05"),
        "taker_buy_quote_volume": Decimal("0.15"),
    }
    return Kline(**(fields | changes))  # type: ignore[arg-type]  # typed by the struct itself


@given(st.sets(st.integers(0, 59), max_size=4), st.sets(st.integers(0, 59), max_size=2))
def test_only_whole_bars_are_made(absent: set[int], unclosed: set[int]) -> None:
    klines = [minute(index, closed=index not in unclosed) for index in range(60) if index not in absent]
    bars = resample(klines, "5m")
    wanted = [block for block in range(12) if not any(block * 5 <= index < block * 5 + 5 for index in absent | unclosed)]
    assert [(bar.open_time - START_MS) // (5 * MINUTE_MS) for bar in bars] == wanted
    for block, bar in zip(wanted, bars, strict=True):
        assert [bar.open, bar.close, bar.low, bar.high] == [Decimal(block * 5 + shift) for shift in (1, 6, 1, 7)]
        assert (bar.volume, bar.count, bar.closed) == (Decimal("0.5"), 10, True)
    everything = resample(klines, "5m", partial=True)
    assert sum(bar.count for bar in everything) == 2 * len(klines)
    assert [bar for bar in everything if bar.closed] == bars


def test_a_synthetic_part_makes_a_synthetic_bar() -> None:
    bars = resample([minute(index, synthetic=index == 7) for index in range(15)], "5m")
    assert [bar.synthetic for bar in bars] == [False, True, False]


def test_sums_keep_digits_beyond_the_default_precision() -> None:
    big, small = Decimal("12345678901234567890.1"), Decimal("0.000000000000000001")
    bars = resample([minute(index, quote_volume=small if index else big) for index in range(5)], "5m")
    assert bars[0].quote_volume == Decimal("12345678901234567890.100000000000000004")


@given(st.sampled_from(PERIODS), st.sampled_from(PERIODS), st.integers(START_MS, START_MS + 10**12))
def test_periods_nest_when_every_border_is_a_border(fine: str, coarse: str, moment: int) -> None:
    borders = [floor_open(coarse, moment)]
    for _ in range(8):
        borders.append(next_open(coarse, borders[-1]))
    if nests(fine, coarse):
        assert all(floor_open(fine, border) == border for border in borders)
        assert close_of(fine, borders[0]) <= close_of(coarse, borders[0])


def test_what_cannot_be_resampled_says_so() -> None:
    assert not nests("1w", "1mo")
    assert not nests("3d", "1w")
    assert not nests("1h", "1m")
    assert not nests("8h", "12h")
    assert nests("12h", "1w")
    with pytest.raises(InvalidValue, match="whole"):
        resample([minute(0)], "1s")
    with pytest.raises(InvalidValue, match="rising"):
        resample([minute(1), minute(0)], "5m")
    with pytest.raises(InvalidValue, match="belong"):
        resample([minute(0), minute(1, stream=StreamId.kline(InstrumentId("x", "spot", "C-D"), "1m"))], "5m")
    assert resample([], "1h") == []


def test_an_inverse_contract_gives_its_own_value() -> None:
    trade = Trade(
        stream=StreamId(INSTRUMENT, Kind.TRADE),
        trade_id=1,
        price=Decimal(3),
        quantity=Decimal(2),
        time=START_MS,
        buyer_is_maker=False,
    )
    bars = klines_from_trades([trade], MINUTES, value=lambda price, quantity: quantity * 100 / price, end_ms=START_MS + 30_000)
    assert abs(bars[0].quote_volume - Decimal(200) / 3) < Decimal("1e-20")
    assert bars[0].closed is False
