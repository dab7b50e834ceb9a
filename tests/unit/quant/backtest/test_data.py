"""What may become market data, and the sentence for what may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.support.small_market import CM, FREE, HOUR, SPOT, START, UM, flat, market, order, run_orders, table

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest import BookSnapshots, Funding, MarketData
from quantservice.quant.backtest.funding import funding_of, with_missing
from quantservice.quant.bars import COLUMNS, Bars

ROWS = [(100.0, 102.0, 99.0, 101.0, 5.0), (101.0, 103.0, 100.0, 102.0, 6.0), (102.0, 104.0, 101.0, 103.0, 7.0)]


def changed(**columns: Any) -> dict[str, Any]:
    return {**table(ROWS), **columns}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (changed(close=np.array([101.0, np.nan, 103.0])), r"close: row 1 of user:spot:X \(2023-11-15 01:00\) has the price nan"),
        (changed(low=np.array([99.0, 0.0, 101.0])), r"low: row 1 of user:spot:X .* has the price 0.0"),
        (changed(open=np.array([100.0, -1.0, 102.0])), r"open: row 1 .* has the price -1.0"),
        (changed(high=np.array([102.0, 101.5, 104.0])), r"high: row 1 .* below another price: open 101, high 101.5"),
        (changed(low=np.array([99.0, 101.5, 101.0])), r"low: row 1 .* above another price"),
        (changed(volume=np.array([5.0, -6.0, 7.0])), r"volume: row 1 of user:spot:X has the volume -6.0"),
        (changed(open_time=START + HOUR * np.array([0, 2, 1])), r"row 2 .* comes after row 1"),
        (changed(open_time=START + HOUR * np.array([0, 1, 1])), r"row 2 .* repeats row 1"),
        (changed(close=np.array(["a", "b", "c"])), "close: the column of user:spot:X does not hold numbers"),
        (changed(close=np.array([1.0])), "different lengths"),
        ({"open_time": np.array([START]), "close": np.array([1.0])}, "no column open, high, low"),
        ({name: values[:0] for name, values in table(ROWS).items()}, "has no klines"),
    ],
)
def test_unsound_tables_are_refused_with_a_sentence(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        MarketData.of(columns, instrument="X")


def hourly(rows: int, **more: Any) -> dict[str, Any]:
    time = 1_700_000_000_000 // 3_600_000 * 3_600_000 + np.arange(rows) * 3_600_000
    return {"open_time": time, **dict.fromkeys(("open", "high", "low", "close"), np.full(rows, 5.0)), **more}


@pytest.mark.parametrize(("period", "rows"), [("5m", 10), ("4h", 2), ("1d", 50)])
def test_a_period_that_is_not_the_rows_is_refused(period: str, rows: int) -> None:
    said = f"the rows of user:spot:X are 1h apart, but the period is said to be {period}"
    with pytest.raises(InvalidValue, match=said):
        MarketData.of(hourly(rows), instrument="X", period=period)
    odd = hourly(3, open_time=np.array([0, 90_000, 7_300_000]) + 1_700_000_000_000)
    with pytest.raises(InvalidValue, match=r"are 90 s apart, but"):
        MarketData.of(odd, instrument="X", period="1h")
    even_in_all = hourly(3, open_time=np.array([0, 1_800_000, 7_200_000]) + 1_700_000_000_000)
    with pytest.raises(InvalidValue, match=r"are 30m apart, but"):
        MarketData.of(even_in_all, instrument="X", period="1h")


def test_rows_with_gaps_are_of_the_period_that_is_said() -> None:
    assert MarketData.of(hourly(9), instrument="X", period="5m").period == "5m", "so few may have been traded"
    assert MarketData.of(hourly(50), instrument="X", period="1h").flags == ()
    kept = np.arange(50) % 7 != 3
    holes = {name: values[kept] for name, values in hourly(50).items()}
    assert [flag.name for flag in MarketData.of(holes, instrument="X", period="1h").flags] == ["gaps"]


def test_gaps_are_flagged_or_refused() -> None:
    columns = table(ROWS)
    columns["open_time"] = START + HOUR * np.array([0, 1, 4])
    data = MarketData.of(columns, instrument="X", period="1h")
    assert data.flags[0].name == "gaps"
    assert "2 missing klines, the first after row 1 (2023-11-15 01:00)" in data.flags[0].text
    with pytest.raises(InvalidValue, match="2 missing klines"):
        MarketData.of(columns, instrument="X", period="1h", gaps="refuse")


def _pandas(columns: dict[str, Any]) -> Any:
    frame = pd.DataFrame({name.title(): values for name, values in columns.items() if name != "open_time"})
    frame.index = pd.DatetimeIndex(columns["open_time"].astype("datetime64[ms]"), name="Date").tz_localize("UTC")
    return frame


@pytest.mark.parametrize(
    "make",
    [
        _pandas,
        lambda columns: pd.DataFrame({**columns, "open_time": columns["open_time"] // 1000}),
        lambda columns: pl.DataFrame({**columns, "date": columns["open_time"].astype("datetime64[ms]")}).drop("open_time"),
        lambda columns: pa.table({"timestamp": columns["open_time"] * 1000, **{k: columns[k] for k in list(columns)[1:]}}),
        lambda columns: {**columns, "open_time": [str(time) for time in columns["open_time"].astype("datetime64[ms]")]},
        lambda columns: Bars(str(UM), "1h", {name: columns.get(name, np.zeros(3)) for name in COLUMNS}),
    ],
)
def test_anyones_table_is_read(make: Callable[[dict[str, Any]], Any]) -> None:
    data = MarketData.of(make(table(ROWS)), instrument=str(UM))
    assert data.period == "1h"
    assert data.instruments == (UM,)
    assert data.time.tolist() == [START, START + HOUR, START + 2 * HOUR]
    assert data.column("close")[:, 0].tolist() == [101.0, 102.0, 103.0]
    assert data.close_time[0] == START + HOUR - 1


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(InvalidValue, match="a int is not a table"):
        MarketData.of(3)
    with pytest.raises(InvalidValue, match="no instrument"):
        MarketData.of([])
    with pytest.raises(InvalidValue, match="given twice"):
        MarketData.of([Bars(str(UM), "1h", {name: table(ROWS).get(name, np.zeros(3)) for name in COLUMNS})] * 2)
    with pytest.raises(InvalidValue, match="different periods: 1d, 1h"):
        MarketData.of({str(UM): table(ROWS), str(SPOT): table(ROWS, step=24 * HOUR)})
    with pytest.raises(InvalidValue, match="say which period"):
        MarketData.of(table(ROWS[:1]))
    with pytest.raises(UnknownName, match="period"):
        MarketData.of(table(ROWS, step=HOUR + 1))


def test_instruments_share_one_clock_with_holes() -> None:
    late = {name: values[1:] for name, values in table(ROWS).items()}
    data = MarketData.of({str(UM): table(ROWS), str(SPOT): late})
    assert data.rows.tolist() == [[1, 0], [1, 1], [1, 1]]
    assert np.isnan(data.column("close")[0, 1])
    assert data.places[1].tolist() == [1, 2]
    assert "2 × 1h" not in repr(data)
    assert repr(data).startswith("MarketData(binance:um:BTC-USDT-PERP, binance:spot:BTC-USDT; 3 × 1h")


def test_contracts_are_known_by_name() -> None:
    data = MarketData.of({str(UM): table(ROWS), str(SPOT): table(ROWS), str(CM): table(ROWS)})
    shown = [(item.settle, item.spot, item.inverse, item.size) for item in data.contracts]
    assert shown == [("USDT", False, False, 1.0), ("USDT", True, False, 1.0), ("BTC", False, True, 100.0)]


def test_the_fingerprint_is_of_the_values() -> None:
    first, again = market(ROWS), market(ROWS)
    assert first.fingerprint == again.fingerprint
    assert market([*ROWS[:2], (102.0, 104.0, 101.0, 103.5, 7.0)]).fingerprint != first.fingerprint


def test_funding_is_read_and_its_jitter_taken_off() -> None:
    frame = pd.DataFrame({"date": [START + 8 * HOUR + 5], "open": [0.0001]})
    found = funding_of(frame, UM)
    assert (found.time.tolist(), found.rate.tolist()) == ([START + 8 * HOUR], [0.0001])
    assert np.isnan(found.mark[0])
    named = funding_of({"calc_time": np.array([START]), "last_funding_rate": np.array([0.5e-4]), "mark_price": np.array([7.0])}, UM)
    assert named.mark.tolist() == [7.0]
    for bad, message in (
        ({"time": np.array([START])}, "no funding_rate"),
        ((np.array([START, START]), np.array([0.0, 0.0])), "not after the row before"),
        ((np.array([START]), np.array([0.5])), "rates are fractions"),
    ):
        with pytest.raises(InvalidValue, match=message):
            funding_of(bad, UM)


def test_missing_settlements_are_found() -> None:
    hours = np.array([8, 16, 32, 40, 44, 48], dtype=np.int64)  # one hole, then every four hours
    known = Funding(START + hours * HOUR, np.full(6, 0.0001), np.full(6, np.nan))
    filled = with_missing(known, START, START + 60 * HOUR)
    missing = ((filled.time[np.isnan(filled.rate)] - START) // HOUR).tolist()
    assert missing == [0, 24, 52, 56]
    assert np.all(np.diff(filled.time) > 0)
    assert len(with_missing(None, START, START + 24 * HOUR)) == 3


def test_several_instruments_need_named_tables() -> None:
    both = {str(UM): table(ROWS), str(SPOT): table(ROWS)}
    with pytest.raises(InvalidValue, match="mapping of their names"):
        MarketData.of(both, funding=(np.array([START]), np.array([0.0])))
    with pytest.raises(UnknownName, match="ETH"):
        MarketData.of(both, brackets={"ETH": None})
    with pytest.raises(InvalidValue, match="spread"):
        MarketData.of(both, spread={str(UM): np.array([0.1])})


def test_detail_must_divide_and_belong() -> None:
    fine = table(flat(*[100.0] * 12), step=HOUR // 4)
    with pytest.raises(UnknownName, match="instrument of the detail"):
        market(ROWS, detail={str(SPOT): fine})
    with pytest.raises(InvalidValue, match="does not divide"):
        MarketData.of({str(UM): fine}, detail={str(UM): table(ROWS)})
    data = market(flat(100.0, 100.0, 100.0), detail={str(UM): {name: values[:8] for name, values in fine.items()}})
    assert data.starts.tolist() == [0, 4, 8, 9]  # the last bar has no detail: it is its own row
    assert data.rows[:, 0].tolist() == [1] * 9


def test_books_are_checked() -> None:
    with pytest.raises(InvalidValue, match="crossed"):
        BookSnapshots.of([(START, [(99.0, 1.0)], [(100.0, 1.0)])])
    with pytest.raises(InvalidValue, match="not after"):
        BookSnapshots.of([(START, [(101.0, 1.0)], [(100.0, 1.0)])] * 2)


def test_masks_given_by_name_replace_what_is_seen() -> None:
    data = market(flat(100.0, 100.0, 100.0), synthetic={str(UM): [False, True, False]}, stale={str(UM): [False, False, False]})
    assert data.rows[:, 0].tolist() == [1, 3, 1]
    assert run_orders(data, (0, order("buy"))).fills["bar"].tolist() == [2]


def test_a_volume_cap_needs_volumes() -> None:
    bare = {name: values for name, values in table(ROWS).items() if name != "volume"}
    data = MarketData.of({str(UM): bare}, period="1h")
    with pytest.raises(InvalidValue, match="have no volume"):
        run_orders(data, (0, order("buy")), assumptions=FREE.replace(volume_share_cap=0.1))


def test_the_fingerprint_is_of_the_values_however_often_it_is_asked() -> None:
    def table(last: float) -> Bars:
        close = np.array([10.0, 11.0, last])
        columns = {name: np.ones(3) for name in COLUMNS} | {"open_time": np.arange(3, dtype=np.int64) * 3_600_000}
        columns |= {"open": close, "high": close, "low": close, "close": close}
        return Bars("binance:spot:BTC-USDT", "1h", columns)

    first = table(12.0)
    fingerprint = MarketData.of(first).fingerprint
    assert MarketData.of(first).fingerprint == MarketData.of(table(12.0)).fingerprint == fingerprint
    for last in (13.0, 14.0):  # arrays that were freed leave their identity to others
        assert MarketData.of(table(last)).fingerprint != fingerprint
    open_table = {name: np.array(values) for name, values in first.columns.items()}
    data = MarketData.of(open_table, instrument="binance:spot:BTC-USDT", period="1h")
    before = data.fingerprint
    open_table["close"][1] = open_table["high"][1] = 11.5
    assert MarketData.of(open_table, instrument="binance:spot:BTC-USDT", period="1h").fingerprint != before
