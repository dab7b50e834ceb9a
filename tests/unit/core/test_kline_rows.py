"""Reading tables row by row: names of columns, units of time, digits, and what gives a wrong table away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.support.market import START_MS, kline_stream

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.kline_rows import (
    ARCHIVE_COLUMNS,
    FIRST_MS,
    LAST_MS,
    OCHLV_COLUMNS,
    OHLCV_COLUMNS,
    RowReader,
    columns_of,
    guess_columns,
    read_header,
    read_number,
    read_time_ms,
)

D = Decimal
OHLCV = columns_of(OHLCV_COLUMNS)


def reader(columns: Sequence[str] = OHLCV_COLUMNS, *, period: str = "1m") -> RowReader:
    return RowReader(kline_stream(period=period), columns_of(columns), source=Source.IMPORT, recv_ns=7)


def names(text: str) -> list[str]:
    return text.split(",")


def row(index: int = 0, *values: Any, step_ms: int = 60_000) -> list[Any]:
    return [START_MS + index * step_ms, *(values or ("2", "3", "1", "2.5", "10"))]


class TestHeader:
    @pytest.mark.parametrize(
        "header",
        [
            "open_time,open,high,low,close,volume",
            "Open Time,OPEN,High,Low,Close,Volume",
            "\ufeff\"timestamp\",'o',h,l,c,v",
            "candle_begin_time,open,high,low,close,vol",
            "date,open,high,low,close,base_volume",
        ],
    )
    def test_names_of_others(self, header: str) -> None:
        assert read_header(names(header)) == {name: index for index, name in enumerate(OHLCV_COLUMNS)}

    def test_every_column_of_the_archive(self) -> None:
        archive = (
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
        )
        found = read_header(names(archive))
        assert found == {name: index for index, name in enumerate(ARCHIVE_COLUMNS)}

    def test_the_first_of_two_columns_of_one_name_counts(self) -> None:
        assert (read_header(["unix", "date", "open", "high", "low", "close", "volume"]) or {})["open_time"] == 0

    def test_volume_in_coins_and_in_dollars(self) -> None:
        found = read_header(["date", "open", "high", "low", "close", "volume", "volume_btc"]) or {}
        assert (found["volume"], found["quote_volume"]) == (6, 5)
        named = read_header(["date", "open", "high", "low", "close", "volume", "volume_btc", "quote_volume"]) or {}
        assert (named["volume"], named["quote_volume"]) == (5, 7)
        only = read_header(["date", "open", "high", "low", "close", "volume_btc"])
        assert only is None

    @pytest.mark.parametrize("header", ["1,2,3,4,5,6", "open_time,open,high,low,close", ""])
    def test_what_is_no_header(self, header: str) -> None:
        assert read_header(names(header)) is None


class TestColumns:
    def test_forms_are_told_by_width_and_by_what_makes_sense(self) -> None:
        ohlcv, ochlv = [row(0, "2", "3", "1", "2.5", "10")] * 3, [row(0, "2", "2.5", "3", "1", "10")] * 3
        assert guess_columns(ohlcv) == columns_of(OHLCV_COLUMNS)
        assert guess_columns(ochlv) == columns_of(OCHLV_COLUMNS)
        assert guess_columns([*ochlv, *ohlcv[:1]]) == columns_of(OCHLV_COLUMNS)
        assert guess_columns([[*row(), "x", "x", "x", "x", "x"]]) == columns_of(ARCHIVE_COLUMNS)
        assert guess_columns([[*row(), "x", "x", "x", "x"]]) == columns_of(OHLCV_COLUMNS)
        assert guess_columns([row()[:5]]) is None
        assert guess_columns([row(), row()[:5]]) is None
        assert guess_columns([]) is None

    def test_columns_by_hand(self) -> None:
        assert columns_of(("-", *OHLCV_COLUMNS, "x")) == {name: index + 1 for index, name in enumerate(OHLCV_COLUMNS)}
        with pytest.raises(InvalidValue, match=r"close, volume must be among them; known are open_time"):
            columns_of(OHLCV_COLUMNS[:4])


class TestTimes:
    @pytest.mark.parametrize(
        ("cell", "time_ms"),
        [
            (99_999_999_999, 99_999_999_999_000),
            (100_000_000_000, 100_000_000_000),
            (99_999_999_999_999, 99_999_999_999_999),
            (100_000_000_000_000, 100_000_000_000),
            (99_999_999_999_999_999, 99_999_999_999_999),
            (100_000_000_000_000_000, 100_000_000_000),
            ("1740787200", START_MS),
            ("1740787200000", START_MS),
            ("1740787200000999", START_MS),
            ("1740787200000999999", START_MS),
            (" '1740787200000.0' ", START_MS),
            ("20250301", START_MS),
            ("2025-03-01", START_MS),
            ("2025-03-01 00:00:01.5", START_MS + 1_500),
            ("2025-03-01 01-AM", START_MS + 3_600_000),
            ("2025-03-01T01:00:00+01:00", START_MS),
            (dt.datetime(2025, 3, 1, tzinfo=dt.UTC), START_MS),
            (dt.datetime(2025, 3, 1), START_MS),  # noqa: DTZ001 - a table's time without a zone is UTC
        ],
    )
    def test_units_and_ways_to_write(self, cell: Any, time_ms: int) -> None:
        assert read_time_ms(cell) == time_ms

    @pytest.mark.parametrize("cell", ["", "yesterday", "-1740787200000", "1740787200000.5", "2025-13-01", "2" * 65, None])
    def test_what_is_no_time(self, cell: Any) -> None:
        with pytest.raises(ValueError, match="bad_open_time"):
            read_time_ms(cell)

    def test_only_times_in_which_there_was_something_to_trade(self) -> None:
        subject = reader(period="1d")
        assert isinstance(subject.read([FIRST_MS, "2", "3", "1", "2", "1"]), Kline)
        assert subject.read([FIRST_MS - 1, "2", "3", "1", "2", "1"]) == "open_time_out_of_range"
        assert subject.read([LAST_MS, "2", "3", "1", "2", "1"]) == "open_time_out_of_range"
        assert isinstance(subject.read([LAST_MS - 86_400_000, "2", "3", "1", "2", "1"]), Kline)


class TestNumbers:
    @pytest.mark.parametrize(
        ("cell", "number"),
        [
            *(("1.50", "1.50"), (" 7 ", "7"), (0.1, "0.1"), (3, "3"), ("+2", "2"), ("-.5", "-0.5"), ("5.", "5"), ("1e3", "1000")),
            *(("1E-18", "1E-18"), ("0.000000000000000001", "1E-18"), ("1" + "0" * 63, "1" + "0" * 63), ("10e-19", "1e-18")),
            *(("1.5e-17", "0.000000000000000015"), ("0e-30", "0"), ("1.0000000000000000000", "1")),
        ],
    )
    def test_as_written(self, cell: Any, number: str) -> None:
        assert read_number(cell, "open") == D(number)

    @pytest.mark.parametrize("cell", ["", "nan", "inf", "1,5", "1_000", "0x1", "1e", "1e100", "--1", "1" * 65, None, "１"])
    def test_what_is_no_number(self, cell: Any) -> None:
        with pytest.raises(ValueError, match=r"^bad_open$"):
            read_number(cell, "open")

    @pytest.mark.parametrize("cell", ["1e-19", "1E-19", "0.0000000000000000001", "1.5e-18", "-1e-19", "123456.1234567890123456789"])
    def test_digits_that_would_be_lost(self, cell: str) -> None:
        with pytest.raises(ValueError, match=r"^too_many_digits_in_open$"):
            read_number(cell, "open")

    @pytest.mark.parametrize(
        ("cell", "answer"),
        [
            *(("0", 0), ("7.0", 7), ("-1", "bad_count"), ("1.5", "bad_count"), ("x", "bad_count")),
            *(("9007199254740991", 9_007_199_254_740_991), ("9007199254740992", "bad_count")),
        ],
    )
    def test_counts(self, cell: str, answer: int | str) -> None:
        found = reader((*OHLCV_COLUMNS, "count")).read([*row(), cell])
        assert (found.count if isinstance(found, Kline) else found) == answer


class TestRows:
    def test_a_row_of_the_archive(self) -> None:
        values = ("2", "3", "1", "2.5", "10", str(START_MS + 59_999), "20", "5", "4", "8")
        assert reader(ARCHIVE_COLUMNS).read(row(0, *values)) == Kline(
            stream=kline_stream(),
            open_time=START_MS,
            close_time=START_MS + 59_999,
            open=D(2),
            high=D(3),
            low=D(1),
            close=D("2.5"),
            volume=D(10),
            quote_volume=D(20),
            count=5,
            taker_buy_base_volume=D(4),
            taker_buy_quote_volume=D(8),
            source=Source.IMPORT,
            recv_ns=7,
        )
        late = row(0, *values[:5], str(START_MS + 60_000), *values[6:])
        assert reader(ARCHIVE_COLUMNS).read(late) == "close_time_off_border"

    def test_columns_that_are_not_there_are_zero(self) -> None:
        found = reader().read(row())
        assert isinstance(found, Kline)
        assert (found.quote_volume, found.count, found.taker_buy_base_volume, found.taker_buy_quote_volume) == (D(0), 0, D(0), D(0))

    def test_a_row_that_is_too_short_and_one_that_comes_again(self) -> None:
        subject = reader()
        assert subject.read(row()[:5]) == "too_few_columns"
        assert isinstance(subject.read(row()), Kline)
        assert subject.read(row()) == "open_time_repeated"

    def test_a_stream_without_period_is_refused(self) -> None:
        with pytest.raises(InvalidValue, match="is not a kline stream"):
            RowReader(StreamId.parse("binance:um:X:trade"), OHLCV, source=Source.IMPORT)


class TestTables:
    @pytest.mark.parametrize(("rows", "told"), [(5, False), (6, True)])
    def test_the_period_is_told_after_five_steps(self, rows: int, told: bool) -> None:
        subject = reader()
        for index in range(rows):
            subject.read(row(index, step_ms=300_000))
        assert (subject.table_fault() == "rows are 300 s apart and not 60 s: is the period 1m?") is told

    def test_steps_count_backwards_and_over_bad_rows_too(self) -> None:
        subject = reader()
        for index in range(9, -1, -1):
            subject.read(row(index, "2", "3", "1", "9", "10", step_ms=300_000))
        assert "300 s apart" in (subject.table_fault() or "")

    def test_holes_do_not_make_another_period(self) -> None:
        subject = reader()
        for index in (0, 1, 2, 5, 6, 9, 10, 11):
            subject.read(row(index))
        assert subject.table_fault() is None

    def test_months_have_no_one_length(self) -> None:
        subject = reader(period="1mo")
        for month in range(1, 10):
            subject.read([f"2025-{month:02}-01", "2", "3", "1", "2", "1"])
        assert subject.table_fault() is None

    @pytest.mark.parametrize(
        ("same", "other", "still", "told"),
        [(20, 0, 0, True), (19, 0, 0, False), (19, 0, 30, False), (18, 2, 0, False), (19, 1, 0, True), (20, 0, 9, True)],
    )
    def test_high_repeating_close_gives_mixed_up_columns_away(self, same: int, other: int, still: int, told: bool) -> None:
        subject = reader()
        rows = [("2", "3", "1", "3", "1")] * same + [("2", "3", "1", "2", "1")] * other + [("2", "2", "2", "2", "0")] * still
        for index, values in enumerate(rows):
            subject.read(row(index, *values))
        assert (subject.table_fault() == "high repeats close in nearly every row") is told

    def test_a_table_of_a_thousand_different_steps_stays_small(self) -> None:
        subject = reader()
        at = 0
        for step in range(1, 1_500):
            at += step
            subject.read(row(at))
        for index in range(10):
            subject.read(row(at + 1 + index))
        assert len(subject._steps) <= 1_000
