"""Replayed files: every way they come, their own text kept, bad ones refused with the line."""

from __future__ import annotations

import gzip
import lzma
import zipfile
from pathlib import Path

import pytest

from quantservice.core.errors import UserError
from quantservice.simulator.markets.bars import COUNT, FIRST_ID, Bar
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.markets.replay import histories, market_of, read_file, symbol_of

HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
ROWS = [
    "1769904000000,10.1130,10.1300,10.1090,10.1280,38521,1769904059999,389800.3310,1077,28754,290983.0070,0",
    "1769904060000,10.1270,10.1270,10.1150,10.1250,23960,1769904119999,242525.8300,764,15799,159927.0170,0",
    "1769904120000,10.1250,10.1250,10.1250,10.1250,0,1769904179999,0.0000,0,0,0.0000,0",
]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".xz":
        path.write_bytes(lzma.compress(data))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem + ".csv", data)
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.xz", "zip"])
@pytest.mark.parametrize("header", [HEADER, ""])
@pytest.mark.parametrize("unit", ["", "000"])
def test_files_come_in_many_coats(tmp_path: Path, suffix: str, header: str, unit: str) -> None:
    rows = [row.replace("0000,10.", f"0000{unit},10.").replace("9999,", f"9999{unit},") for row in ROWS]
    read = read_file(write(tmp_path / f"AVAXUSDT-1m-2026-02.{suffix}", header + "\n".join(rows) + "\n"))
    assert read.symbol == "AVAXUSDT"
    assert [open_ms for open_ms, _ in read.lines] == [1769904000000, 1769904060000, 1769904120000]
    assert read.lines[0][1] == ("10.1130", "10.1300", "10.1090", "10.1280", "38521", "389800.3310", "1077", "28754", "290983.0070")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1769904000000,10.1\n", "line 1"),
        (ROWS[0] + "\n" + ROWS[1].replace("10.1250", "ten") + "\n", "line 2"),
        (ROWS[0] + "\n" + ROWS[0].replace("38521", "38522") + "\n", "two different klines"),
        (HEADER, "no klines"),
        (ROWS[0] + "\n" + ROWS[1].replace("1769904060000", "1769904007000") + "\n", "7000 ms apart"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "binance_um" / "AVAXUSDT-1m.csv", text)
    with pytest.raises(UserError, match=says):
        histories([str(path)], None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        histories([str(tmp_path / "nothing.csv")], "um")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("AVAXUSDT-1m-2026-02.csv.xz", "AVAXUSDT"),
        ("BTC_USDT-1m.feather", "BTCUSDT"),
        ("ADA-USDT-SWAP.csv.gz", "ADAUSDT"),
        ("BTCUSD_PERP-1m-2026-02.zip", "BTCUSD_PERP"),
        ("BTCUSD_261225-1m-2026-02.zip", "BTCUSD_261225"),
        ("测试USDT-1m-2026-02.csv", "测试USDT"),
        ("1000PEPE_USDT_USDT-1h-futures.feather", "1000PEPEUSDT"),
    ],
)
def test_the_symbol_is_in_the_files_name(name: str, symbol: str) -> None:
    assert symbol_of(Path(name)) == symbol


def test_the_market_is_in_the_folders_name(tmp_path: Path) -> None:
    assert market_of(Path("binance_vision_um_1m/AVAXUSDT-1m.csv")) == "um"
    assert market_of(Path("binance_spot/BTC_USDT-1m.feather")) == "spot"
    with pytest.raises(UserError, match="spot, um or cm"):
        market_of(tmp_path / "somewhere" / "AVAXUSDT-1m.csv")


def test_bars_keep_their_text_and_the_live_end_closes_them_value_for_value(tmp_path: Path) -> None:
    path = write(tmp_path / "binance_um" / "AVAXUSDT-1m.csv", HEADER + "\n".join(ROWS))
    (made,) = histories([str(path)], None)
    assert made.exact_text("1m", 1769904000000) == (*ROWS[0].split(",")[1:6], "389800.3310", "1077", "28754", "290983.0070", "1")
    assert made.exact_text("1h", 1769904000000) is None
    assert made.end_ms == 1769904180000
    live = LiveSymbol(made, now_ms=made.first_ms)
    live.follow("1m")
    closed = []
    for now in range(made.first_ms, made.end_ms + 1, 1_000):
        closed += [bar for _, bar, _ in live.advance(now).closed]
    assert closed == [Bar.of(row) for row in made.rows(made.first_ms, made.end_ms)]
    assert made.rows(made.first_ms, made.end_ms)[:, FIRST_ID].tolist() == [1, 1078, 1842]


def test_invented_trades_touch_the_bars_corners_and_add_up(tmp_path: Path) -> None:
    path = write(tmp_path / "binance_um" / "AVAXUSDT-1m.csv", "\n".join(ROWS))
    (made,) = histories([str(path)], None)
    bar = Bar.of(made.rows(made.first_ms, made.first_ms + 1)[0])
    trades = made.trades(made.first_ms, made.first_ms + 60_000)
    assert (trades.prices[0], max(trades.prices), min(trades.prices), trades.prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert (sum(trades.quantities), sum(trades.quotes)) == (bar.volume, bar.quote)
    ids = [number for first, last in zip(trades.first_ids, trades.ids, strict=True) for number in range(first, last + 1)]
    assert ids == list(range(bar.first_id, bar.first_id + bar.count))
    assert made.trades(made.first_ms + 120_000, made.end_ms or 0).times == []
    assert int(made.rows(made.first_ms + 120_000, made.end_ms or 0)[0, COUNT]) == 0
