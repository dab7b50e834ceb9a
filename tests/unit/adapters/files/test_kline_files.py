"""Importing a person's own files: the accepted forms, the refusals, and that nothing of a bad file is given out unasked."""

from __future__ import annotations

import datetime as dt
import gzip
import lzma
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow
import pytest
from pyarrow import feather, parquet

from quantservice.adapters.files.klines import KlineFile
from quantservice.core.errors import InvalidValue, UserError
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.instruments import InstrumentId

MINUTE: Final = StreamId.kline(InstrumentId("binance", "um", "BTC-USDT-PERP"), "1m")
START_MS: Final = 1_769_904_000_000
HEADER: Final = "open_time,open,high,low,close,volume"


def row(index: int) -> str:
    return f"{START_MS + index * 60_000},59.{index:02},60.5,58.1,59.90,1.5"


def body(count: int = 30, header: str = HEADER) -> str:
    return "\n".join([header, *(row(index) for index in range(count))]) + "\n"


def taken(file: KlineFile) -> list[Kline]:
    return [kline for chunk in file.chunks(7) for kline in chunk]


def _write_csv(path: Path) -> Path:
    path = path / "k.csv"
    path.write_text(body())
    return path


def _write_gz(path: Path) -> Path:
    path = path / "k.csv.gz"
    path.write_bytes(gzip.compress(body().encode()))
    return path


def _write_xz(path: Path) -> Path:
    path = path / "k.csv.xz"
    path.write_bytes(lzma.compress(("\ufeff" + body()).encode()))
    return path


def _write_zip(path: Path) -> Path:
    path = path / "k.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("k.csv", body().replace("\n", "\r\n"))
    return path


def _table() -> pyarrow.Table:
    times = [dt.datetime.fromtimestamp((START_MS + index * 60_000) / 1000, tz=dt.UTC) for index in range(30)]
    return pyarrow.table(
        {
            "date": pyarrow.array(times, type=pyarrow.timestamp("ns", tz="UTC")),
            "open": [59 + index / 100 for index in range(30)],
            "high": [60.5] * 30,
            "low": [58.1] * 30,
            "close": [59.9] * 30,
            "volume": [1.5] * 30,
        }
    )


def _write_feather(path: Path) -> Path:
    path = path / "k.feather"
    feather.write_feather(_table(), str(path))
    return path


def _write_parquet(path: Path) -> Path:
    path = path / "k.parquet"
    parquet.write_table(_table(), path)
    return path


@pytest.mark.parametrize("write", [_write_csv, _write_gz, _write_xz, _write_zip, _write_feather, _write_parquet])
def test_every_form_gives_the_same_klines(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    file = KlineFile(write(tmp_path), MINUTE, clock_ns=lambda: 5)
    report = file.check()
    assert (report.accepted, report.rows, report.refused, report.fault) == (True, 30, 0, "")
    assert (report.first_ms, report.last_ms) == (START_MS, START_MS + 29 * 60_000)
    klines = taken(file)
    assert [kline.open_time for kline in klines] == [START_MS + index * 60_000 for index in range(30)]
    assert klines[7] == Kline(
        stream=MINUTE,
        open_time=START_MS + 420_000,
        close_time=START_MS + 479_999,
        open=Decimal("59.07"),
        high=Decimal("60.5"),
        low=Decimal("58.1"),
        close=Decimal("59.9"),
        volume=Decimal("1.5"),
        quote_volume=Decimal(0),
        count=0,
        taker_buy_base_volume=Decimal(0),
        taker_buy_quote_volume=Decimal(0),
        source=Source.IMPORT,
        recv_ns=5,
    )


@pytest.mark.parametrize(
    "written",
    [
        "1769904000",
        "1769904000000",
        "1769904000000000",
        "1769904000000000000",
        "1769904000.0",
        "2026-02-01",
        "20260201",
        "2026-02-01 00:00:00",
        "2026-02-01T00:00:00Z",
        "2026-02-01 00:00:00+00:00",
        "2026-02-01T08:00:00+08:00",
        "2026-02-01 12-AM",
    ],
)
def test_every_way_to_write_a_time(tmp_path: Path, written: str) -> None:
    path = tmp_path / "k.csv"
    path.write_text(f"{HEADER}\n{written},2,3,1,2,5\n")
    file = KlineFile(path, MINUTE)
    assert file.check().accepted
    assert [kline.open_time for kline in taken(file)] == [START_MS]


def test_digits_that_say_nothing_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text(f"{HEADER}\n{START_MS},59.00000000000000000000,6.1E+1,58,59,1e-18\n")
    file = KlineFile(path, MINUTE)
    assert file.check().accepted
    assert [(kline.high, kline.volume) for kline in taken(file)] == [(Decimal(61), Decimal("1e-18"))]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{t},59,58,57,59,1", "open_or_close_outside_low_high"),
        ("{t},59,60,58,nan,1", "bad_close"),
        ("{t},59,inf,58,59,1", "bad_high"),
        ("{t},59,1e999,58,59,1", "bad_high"),
        ("{t},59,60,58,59,-1", "negative_volume"),
        ("{t},59,60,58,59", "too_few_columns"),
        ("{t},59,60,58,,1", "bad_close"),
        ("{t},59,60,58,5_9,1", "bad_close"),
        ("1769904,59,60,58,59,1", "open_time_out_of_range"),
        ("yesterday,59,60,58,59,1", "bad_open_time"),
        ("1769904000000,59,60,58,59,1", "open_time_repeated"),
        ("1769904000001,59,60,58,59,1", "open_time_off_border"),
        ("{t},0,0,0,0,0", "price_not_positive"),
        ("{t},59,60,58,59,1.0000000000000000001", "too_many_digits_in_volume"),
        ("{t},59,60,58,59,1e-19", "too_many_digits_in_volume"),
        ("{t},59,60,58,59,99999999999999.1234567890123456789012", "too_many_digits_in_volume"),
        ("{t},59," + "9" * 40 + ",58,59,1", "value_too_large"),
        ("{t},59," + "9" * 5000 + ",58,59,1", "bad_high"),
    ],
)
def test_a_bad_row_refuses_the_file_or_is_flagged(tmp_path: Path, bad: str, reason: str) -> None:
    path = tmp_path / "k.csv"
    path.write_text(body() + bad.format(t=START_MS + 30 * 60_000) + "\n" + row(31) + "\n")
    report = KlineFile(path, MINUTE).check()
    assert not report.accepted
    assert [(item.line, item.reason) for item in report.refused_rows] == [(32, reason)]
    assert reason in report.summary
    told = report.as_dict()
    assert list(told["refused_rows"]) == [{"line": 32, "reason": reason}]
    assert (told["accepted"], told["summary"]) == (False, report.summary)
    flagged = KlineFile(path, MINUTE, flag_bad_rows=True)
    report = flagged.check()
    assert (report.accepted, report.rows, report.refused) == (True, 31, 1)
    assert len(taken(flagged)) == 31


def test_the_wrong_period_is_noticed_even_where_every_row_fits(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text(f"{HEADER}\n" + "".join(f"{START_MS + index * 300_000},2,3,1,2,5\n" for index in range(10)))
    report = KlineFile(path, MINUTE, flag_bad_rows=True).check()
    assert not report.accepted
    assert "rows are 300 s apart and not 60 s" in report.summary
    assert KlineFile(path, StreamId.kline(MINUTE.instrument, "5m")).check().accepted


@pytest.mark.parametrize(
    ("count", "reason"), [("7", ""), ("7.0", ""), ("1.5", "bad_count"), ("-1", "bad_count"), ("9e15", ""), ("1e16", "bad_count")]
)
def test_a_count_is_whole(tmp_path: Path, count: str, reason: str) -> None:
    path = tmp_path / "k.csv"
    path.write_text(f"{HEADER},count\n{START_MS},59,60,58,59,1,{count}\n")
    assert KlineFile(path, MINUTE).check().reasons == ({reason: 1} if reason else {})


def test_rows_may_fall_and_minutes_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("a comment,of its maker\n" + HEADER + "\n" + "\n".join(row(i) for i in range(29, -1, -1) if i % 7) + "\n")
    file = KlineFile(path, MINUTE)
    assert file.check().accepted
    assert len(taken(file)) == 25


def test_the_column_order_without_a_header_is_told_by_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    rows = [f"{START_MS + index * 60_000},59,60,61,58,{index}" for index in range(10)]  # open, close, high, low
    path.write_text("\n".join(rows))
    file = KlineFile(path, MINUTE)
    assert file.check().accepted
    kline = taken(file)[3]
    assert (kline.open, kline.high, kline.low, kline.close) == (Decimal(59), Decimal(61), Decimal(58), Decimal(60))


def test_columns_may_be_named_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("\n".join(f"x,{START_MS + index * 60_000},7,59,60,58,59" for index in range(10)))
    assert not KlineFile(path, MINUTE).check().accepted
    file = KlineFile(path, MINUTE, columns=("-", "open_time", "volume", "open", "high", "low", "close"))
    assert file.check().accepted
    assert taken(file)[0].volume == Decimal(7)
    with pytest.raises(InvalidValue, match="high, low, close"):
        KlineFile(path, MINUTE, columns=("open_time", "open", "volume"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("k.csv.gz", gzip.compress(body().encode())[:-30], "damaged after line"),
        ("k.csv.gz", b"not gzip at all", "damaged after line 0"),
        ("k.csv.xz", lzma.compress(body(400).encode())[:200], "damaged after line"),
        ("k.zip", b"PK\x03\x04 nothing", "damaged after line 0"),
        ("k.parquet", b"PAR1 nothing", "damaged after line 0"),
        ("k.feather", b"ARROW nothing", "damaged after line 0"),
        ("k.csv", body().encode() + b"\xff\xfe\x00", "damaged after line"),
        ("k.csv", b"", "no columns for time"),
        ("k.csv", b"a,b\n1,2\n", "no columns for time"),
        ("k.csv", HEADER.encode(), "no row of it is a kline"),
        ("k.csv", (HEADER + "\n" + "1," * (1 << 20)).encode(), "longer than a megabyte"),
        ("k.html", b"{}", "no known form"),
    ],
)
def test_a_file_that_is_damaged_or_none_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    report = KlineFile(path, MINUTE, flag_bad_rows=True).check()
    assert not report.accepted
    assert said in report.summary
    assert "\n" not in report.summary


def test_a_table_whose_high_repeats_close_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    rows = [f"{START_MS + index * 60_000},59,60,58,60,1" for index in range(40)]
    path.write_text("\n".join([HEADER, *rows]))
    report = KlineFile(path, MINUTE, flag_bad_rows=True).check()
    assert not report.accepted
    assert report.fault == "high repeats close in nearly every row"


def test_a_missing_file_and_a_stream_without_period(tmp_path: Path) -> None:
    assert "is not a file" in KlineFile(tmp_path / "none.csv", MINUTE).check().fault
    with pytest.raises(UserError):
        StreamId.kline(MINUTE.instrument, "7m")
