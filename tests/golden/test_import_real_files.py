"""Real files of many makers: what is sound is taken to the last row, what is damaged is refused row by row."""

from __future__ import annotations

import csv
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from pyarrow import feather

from quantservice.adapters.files.klines import KlineFile
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId

pytestmark = pytest.mark.data
INSTRUMENT: Final = InstrumentId("binance", "spot", "BTC-USDT")


@pytest.mark.parametrize(
    ("pattern", "period", "rows"),
    [
        ("klines/binance_spot/BTC_USDT-1h.feather", "1h", 58_419),
        ("klines/binance_um/SUI_USDT_USDT-1h-futures.feather", "1h", 9_047),
        ("klines/binance_vision_spot_1h/BTCUSDT-1h-2024-12.csv", "1h", 744),
        ("klines/binance_vision_spot_1h/BTCUSDT-1h-2025-01.csv", "1h", 744),
        ("klines/coinbase/Coinbase_BTCUSD_1h.csv.gz", "1h", 20_111),
        ("klines/coinbase/Coinbase_BTCUSD_d.csv", "1d", 1_770),
        ("klines/okx_swap/BTC_5m.csv.gz", "5m", 17_300),
        ("klines/okx_swap/BTC_4h.csv", "4h", 5_263),
        ("klines/depeg_march2023/binanceus_BTCUSDC_1m.csv.gz", "1m", 30_240),
        ("klines/lean/cryptofuture_binance_hour_adausdt_trade.zip", "1h", 24),
        ("klines/binance_um_1h_2025_34symbols/SUI-USDT-SWAP.csv.gz", "1h", 4_417),
    ],
)
def test_sound_files_are_taken_whole(data_dir: Path, pattern: str, period: str, rows: int) -> None:
    report = KlineFile(data_dir / pattern, StreamId.kline(INSTRUMENT, period)).check()
    assert (report.accepted, report.rows, report.refused, report.fault) == (True, rows, 0, "")


def test_an_archive_file_is_read_value_for_value(data_dir: Path) -> None:
    path = data_dir / "klines" / "binance_vision_um_1m" / "LTCUSDT-1m-2026-02.csv.xz"
    file = KlineFile(path, StreamId.kline(INSTRUMENT, "1m"))
    klines = [kline for chunk in file.chunks() for kline in chunk]
    with lzma.open(path, "rt") as lines:
        rows = list(csv.DictReader(lines))
    assert len(klines) == len(rows) == 40_320
    for kline, row in zip(klines, rows, strict=True):
        assert (kline.open_time, kline.close_time) == (int(row["open_time"]), int(row["close_time"]))
        assert [str(value) for value in (kline.open, kline.high, kline.low, kline.close)] == [
            row[name] for name in ("open", "high", "low", "close")
        ]
        assert (kline.volume, kline.quote_volume) == (Decimal(row["volume"]), Decimal(row["quote_volume"]))
        assert kline.count == int(row["count"])
        assert kline.taker_buy_base_volume == Decimal(row["taker_buy_volume"])
        assert kline.taker_buy_quote_volume == Decimal(row["taker_buy_quote_volume"])


def test_doubles_become_the_numbers_they_print_as(data_dir: Path) -> None:
    path = data_dir / "klines" / "binance_um" / "SUI_USDT_USDT-1h-futures.feather"
    klines = [kline for chunk in KlineFile(path, StreamId.kline(INSTRUMENT, "1h")).chunks() for kline in chunk]
    for kline, row in zip(klines, feather.read_table(path).to_pylist(), strict=True):
        assert kline.open_time == int(row["date"].timestamp() * 1000)
        assert kline.close == Decimal(repr(row["close"]))
        assert kline.volume == Decimal(repr(row["volume"]))


def test_truncated_timestamps_are_refused_row_by_row(data_dir: Path) -> None:
    path = data_dir / "dirty" / "ETH_1h_truncated_timestamps.csv.gz"
    for flag in (False, True):
        file = KlineFile(path, StreamId.kline(INSTRUMENT, "1h"), flag_bad_rows=flag)
        report = file.check()
        assert (report.accepted, report.rows, report.refused) == (False, 0, 21_050)
        assert report.reasons == {"open_time_out_of_range": 21_050}
        assert [item.line for item in report.refused_rows] == list(range(2, 1_002))
        assert list(file.chunks()) == []


def test_a_high_that_repeats_close_is_refused(data_dir: Path) -> None:
    path = data_dir / "dirty" / "binance_BTCUSDT_24h_2019_high_is_wrong.csv"
    stream = StreamId.kline(INSTRUMENT, "1d")
    assert not KlineFile(path, stream, flag_bad_rows=True).check().accepted
    columns = ("open_time", "volume", "open", "high", "low", "close")
    report = KlineFile(path, stream, columns=columns, flag_bad_rows=True).check()
    assert not report.accepted
    assert report.fault == "high repeats close in nearly every row"
    assert report.reasons == {"open_or_close_outside_low_high": 176}


@pytest.mark.parametrize(
    ("pattern", "period", "said"),
    [
        ("klines/binance_um/SUI_USDT_USDT-8h-mark.feather", "1h", "28800 s apart and not 3600 s"),
        ("klines/okx_swap/BTC_5m.csv.gz", "1h", "300 s apart and not 3600 s"),
        ("klines/okx_swap/BTC_4h.csv", "1h", "14400 s apart and not 3600 s"),
    ],
)
def test_the_wrong_period_is_refused(data_dir: Path, pattern: str, period: str, said: str) -> None:
    report = KlineFile(data_dir / pattern, StreamId.kline(INSTRUMENT, period), flag_bad_rows=True).check()
    assert not report.accepted
    assert said in report.fault
