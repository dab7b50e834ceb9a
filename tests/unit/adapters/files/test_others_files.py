"""Data files of freqtrade and Jesse: their forms, their names, and what is refused of them."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.market import kline_stream

from quantservice.adapters.files.klines import KlineFile
from quantservice.adapters.files.names import NamedFile, read_name
from quantservice.core.events import Kline

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01
ROWS = [(START + n * HOUR, 100.1 + n, 103.25 + n, 99.5 + n, 101.7 + n, 12.5 + n) for n in range(30)]
STREAM = kline_stream(period="1h")


def read(path: Path) -> list[Kline]:
    file = KlineFile(path, STREAM)
    report = file.check()
    assert report.accepted, report.summary
    return [kline for chunk in file.chunks() for kline in chunk]


def check(klines: list[Kline]) -> None:
    assert [kline.open_time for kline in klines] == [row[0] for row in ROWS]
    last = klines[-1]
    assert (last.open, last.high, last.low, last.close, last.volume) == tuple(Decimal(repr(value)) for value in ROWS[-1][1:])


@pytest.mark.parametrize("ending", ["feather", "parquet"])
def test_freqtrade_tables(tmp_path: Path, ending: str) -> None:
    table = pd.DataFrame(ROWS, columns=["date", "open", "high", "low", "close", "volume"])
    table["date"] = pd.to_datetime(table["date"], unit="ms", utc=True)
    path = tmp_path / f"BTC_USDT_USDT-1h-futures.{ending}"
    getattr(table, f"to_{ending}")(path)
    check(read(path))


@pytest.mark.parametrize("packed", [False, True])
def test_freqtrade_json(tmp_path: Path, packed: bool) -> None:
    text = json.dumps(ROWS).encode()
    path = tmp_path / ("BTC_USDT-1h.json.gz" if packed else "BTC_USDT-1h.json")
    path.write_bytes(gzip.compress(text) if packed else text)
    check(read(path))


def test_jesse_candles_have_the_close_second(tmp_path: Path) -> None:
    path = tmp_path / "candles.npy"
    np.save(path, np.array([(t, o, c, h, low, v) for t, o, h, low, c, v in ROWS]))
    check(read(path))
    text = tmp_path / "candles.csv"
    text.write_text(
        "timestamp,open,close,high,low,volume\n" + "\n".join(f"{t},{o},{c},{h},{low},{v}" for t, o, h, low, c, v in ROWS)
    )
    check(read(text))


def test_pickled_objects_and_odd_shapes_are_refused(tmp_path: Path) -> None:
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    flat = tmp_path / "flat.npy"
    np.save(flat, np.arange(10.0))
    broken = tmp_path / "broken.json"
    broken.write_text("[[1704067200000, 1, 2, 0.5, 1.5, 3], [17040672")
    named = tmp_path / "named.json"
    named.write_text('{"data": []}')
    for path in (objects, flat, broken, named):
        report = KlineFile(path, STREAM).check()
        assert not report.accepted
        assert "is damaged after line 0" in report.fault


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("BTC_USDT-1h.feather", NamedFile("BTC-USDT", "spot", "1h")),
        ("BTC_USDT_USDT-5m-futures.feather", NamedFile("BTC-USDT", "um", "5m")),
        ("BTC_USD_BTC-1M-futures.parquet", NamedFile("BTC-USD", "cm", "1mo")),
        ("BTC_USDT_USDT-8h-funding_rate.feather", NamedFile("BTC-USDT", "um", "8h", "funding_rate")),
        ("1000PEPE_USDT_USDT-1h-mark.feather", NamedFile("1000PEPE-USDT", "um", "1h", "mark")),
        ("ETHUSDT-1m-2024-01.zip", NamedFile("ETHUSDT", "", "1m")),
        ("ETHUSDT-1mo-2024-01-02.csv", NamedFile("ETHUSDT", "", "1mo")),
        ("BTC_USDT-7m.feather", None),
        ("candles.npy", None),
    ],
)
def test_names_say_what_a_file_is_of(name: str, wanted: NamedFile | None) -> None:
    assert read_name(name) == wanted
