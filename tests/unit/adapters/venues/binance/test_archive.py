"""Binance's bulk archive: names, checksums, rows, refusals."""

from __future__ import annotations

import datetime as dt
import hashlib
import zipfile
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from quantservice.adapters.venues.binance.archive import ArchiveReader, archive_file, archive_files, check_sha256
from quantservice.core.errors import IntegrityError, InvalidValue
from quantservice.core.events import Kind, Kline, Source, StreamId, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.spans import Span

BASE: Final = "https://data.binance.vision/data"
SPOT: Final = InstrumentId("binance", "spot", "BTC-USDT")
BARS: Final = StreamId.kline(SPOT, "1m")
TRADES: Final = StreamId(SPOT, Kind.TRADE)
KLINE_HEADER: Final = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def bar(index: int, *, micro: bool = False) -> str:
    start = 1_735_689_600_000 + index * 60_000
    end = start + 59_999
    first, last = (start * 1000, end * 1000 + 999) if micro else (start, end)
    return f"{first},2.10,3.0,1.0,2.5,10,{last},25.0,7,4,10.5,0"


def pack(tmp_path: Path, text: str, name: str = "BTCUSDT-1m-2025-01-01") -> Path:
    path = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", text)
    return path


@pytest.mark.parametrize(
    ("stream", "symbol", "monthly", "url"),
    [
        (BARS, "BTCUSDT", False, "spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01-31.zip"),
        (BARS, "BTCUSDT", True, "spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01.zip"),
        (TRADES, "BTCUSDT", False, "spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2025-01-31.zip"),
        (
            StreamId.kline(InstrumentId("binance", "um", "BTC-USDT-PERP"), "1mo"),
            "BTCUSDT",
            True,
            "futures/um/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip",
        ),
        (
            StreamId.kline(InstrumentId("binance", "cm", "BTC-USD-PERP"), "1h"),
            "BTCUSD_PERP",
            False,
            "futures/cm/daily/klines/BTCUSD_PERP/1h/BTCUSD_PERP-1h-2025-01-31.zip",
        ),
    ],
)
def test_the_name_of_a_file(stream: StreamId, symbol: str, monthly: bool, url: str) -> None:
    file = archive_file(BASE, stream, symbol, dt.date(2025, 1, 31), monthly=monthly)
    assert file.url == f"{BASE}/{url}"
    assert file.checksum_url == f"{BASE}/{url}.CHECKSUM"
    assert file.name == url.rpartition("/")[2]
    with pytest.raises(InvalidValue):
        archive_file(BASE, StreamId(SPOT, Kind.QUOTE), symbol, dt.date(2025, 1, 31))


def test_a_span_is_covered_without_holes_or_overlap_by_months_and_days() -> None:
    span = Span(_ms(2024, 11, 20) + 5_000, _ms(2025, 2, 3) + 5_000)
    files = archive_files(BASE, BARS, "BTCUSDT", span, today=dt.date(2025, 2, 3))
    names = [file.name for file in files]
    assert names[0] == "BTCUSDT-1m-2024-11-20.zip"
    assert "BTCUSDT-1m-2024-12.zip" in names
    assert "BTCUSDT-1m-2025-01.zip" in names
    assert names[-1] == "BTCUSDT-1m-2025-02-02.zip"  # the day that runs has no file yet
    assert len(names) == 11 + 2 + 2
    assert all(before.span.end_ms == after.span.start_ms for before, after in pairwise(files))
    assert archive_files(BASE, BARS, "BTCUSDT", span, today=dt.date(2024, 11, 20)) == []


def _ms(year: int, month: int, day: int) -> int:
    return int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp()) * 1000


def test_the_checksum_must_fit_the_file_and_its_name(tmp_path: Path) -> None:
    path = pack(tmp_path, bar(0))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check_sha256(path, f"{digest}  {path.name}\n")
    check_sha256(path, f"{digest.upper()} *{path.name}")
    for wrong in (f"{digest}  other.zip", f"{'0' * 64}  {path.name}", "", "hello", f"{digest[:-1]}  {path.name}"):
        with pytest.raises(IntegrityError):
            check_sha256(path, wrong)


@pytest.mark.parametrize("micro", [False, True])
@pytest.mark.parametrize("header", [False, True])
def test_klines_with_or_without_header_in_ms_or_us(tmp_path: Path, micro: bool, header: bool) -> None:
    lines = [KLINE_HEADER] if header else []
    path = pack(tmp_path, "\n".join([*lines, *(bar(index, micro=micro) for index in range(25))]) + "\n")
    reader = ArchiveReader(path, BARS, recv_ns=4)
    report = reader.check()
    assert (report.accepted, report.rows, report.refused) == (True, 25, 0)
    chunks = list(reader.chunks(10))
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert chunks[0][1] == Kline(
        stream=BARS,
        open_time=1_735_689_660_000,
        close_time=1_735_689_719_999,
        open=Decimal("2.10"),
        high=Decimal("3.0"),
        low=Decimal("1.0"),
        close=Decimal("2.5"),
        volume=Decimal(10),
        quote_volume=Decimal("25.0"),
        count=7,
        taker_buy_base_volume=Decimal(4),
        taker_buy_quote_volume=Decimal("10.5"),
        source=Source.ARCHIVE,
        recv_ns=4,
    )


@pytest.mark.parametrize("header", [False, True])
def test_aggregate_trades_of_spot_and_futures(tmp_path: Path, header: bool) -> None:
    head = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n" if header else ""
    rows = "7,0.5,10.0,20,22,1735689600000123,True,True\n8,0.6,1,23,23,1735689600001,false\n"
    reader = ArchiveReader(pack(tmp_path, head + rows), TRADES)
    assert reader.check().accepted
    first, second = next(reader.chunks())
    assert first == Trade(
        stream=TRADES,
        trade_id=7,
        price=Decimal("0.5"),
        quantity=Decimal("10.0"),
        time=1_735_689_600_000,
        buyer_is_maker=True,
        first_id=20,
        last_id=22,
        aggregate=True,
        source=Source.ARCHIVE,
    )
    assert isinstance(second, Trade)
    assert (second.time, second.buyer_is_maker) == (1_735_689_600_001, False)


@pytest.mark.parametrize(
    ("stream", "bad", "reason"),
    [
        (BARS, bar(1).replace(",3.0,", ",0.5,"), "open_or_close_outside_low_high"),
        (BARS, bar(1).replace(",10,", ",NaN,"), "bad_volume"),
        (BARS, bar(1)[:20], "too_few_columns"),
        (BARS, bar(0), "open_time_repeated"),
        (BARS, bar(1).replace("19999", "19998"), "close_time_off_border"),
        (TRADES, "9,0.5,1,1,1,1735689600000", "too_few_columns"),
        (TRADES, "9,0.5,1,1,1,1735689600000,maybe", "bad_buyer_is_maker"),
        (TRADES, "9,0,1,1,1,1735689600000,true", "price_not_positive"),
        (TRADES, "9,1,1,5,1,1735689600000,true", "ids_reversed"),
        (TRADES, "9,1,1,1,1,17356896,true", "bad_open_time"),
        (TRADES, "9,1,1,1,1,1735689,true", "time_out_of_range"),
        (TRADES, "1,1,1,1,1,1735689600000,true", "ids_not_rising"),
        (TRADES, "x,1,1,1,1,1735689600000,true", "bad_id"),
    ],
)
def test_a_bad_row_refuses_the_file_or_is_flagged(tmp_path: Path, stream: StreamId, bad: str, reason: str) -> None:
    good = bar(0) if stream is BARS else "5,0.5,1,1,1,1735689600000,true"
    path = pack(tmp_path, f"{good}\n{bad}\n")
    report = ArchiveReader(path, stream).check()
    assert not report.accepted
    assert [(row.line, row.reason) for row in report.refused_rows] == [(2, reason)]
    flagged = ArchiveReader(path, stream, flag_bad_rows=True)
    assert flagged.check().accepted
    assert [len(chunk) for chunk in flagged.chunks()] == [1]


def test_a_file_that_is_damaged_or_of_another_period_is_refused(tmp_path: Path) -> None:
    whole = pack(tmp_path, "\n".join(bar(index) for index in range(200)))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-100])
    flipped = tmp_path / "flipped.zip"
    content = bytearray(whole.read_bytes())
    content[120] ^= 0xFF
    flipped.write_bytes(bytes(content))
    empty = pack(tmp_path, "", "empty")
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as archive:
        archive.writestr("a.csv", bar(0))
        archive.writestr("b.csv", bar(0))
    long = pack(tmp_path, "1" * 5_000, "long")
    for path in (cut, flipped, empty, many, long, tmp_path / "absent.zip"):
        report = ArchiveReader(path, BARS, flag_bad_rows=True).check()
        assert not report.accepted, path
        assert report.fault, path
    other = ArchiveReader(whole, StreamId.kline(SPOT, "1s"), flag_bad_rows=True).check()
    assert not other.accepted
    with pytest.raises(InvalidValue):
        ArchiveReader(whole, StreamId(SPOT, Kind.QUOTE))


@pytest.mark.data
def test_a_real_day_of_trades(data_dir: Path) -> None:
    path = data_dir / "trades" / "binance_vision_aggtrades" / "spot-PEPEUSDT-aggTrades-2024-10-27.zip"
    reader = ArchiveReader(path, StreamId(InstrumentId("binance", "spot", "PEPE-USDT"), Kind.TRADE))
    with zipfile.ZipFile(path) as archive:
        rows = [line.split(",") for line in archive.read(archive.namelist()[0]).decode().splitlines()]
    report = reader.check()
    assert (report.accepted, report.rows, report.fault) == (True, len(rows), "")
    events = [event for chunk in reader.chunks() for event in chunk]
    for event, row in zip(events, rows, strict=True):
        assert isinstance(event, Trade)
        assert [str(event.trade_id), str(event.price), str(event.quantity)] == row[:3]
        assert [str(event.first_id), str(event.last_id), str(event.time), str(event.buyer_is_maker)] == row[3:7]
