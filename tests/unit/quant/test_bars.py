"""Bars: one length, no writing, and the same figures in every table library."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from quantservice.quant.bars import COLUMNS, Bars

START_MS = 1_740_787_200_000  # 2025-03-01 00:00 UTC
INSTRUMENT = "binance:um:BTC-USDT-PERP"


def columns(rows: int = 3) -> dict[str, npt.NDArray[Any]]:
    figures = {name: np.arange(rows, dtype=np.float64) + 10 * number for number, name in enumerate(COLUMNS)}
    return figures | {"open_time": START_MS + 60_000 * np.arange(rows, dtype=np.int64)}


def bars(rows: int = 3) -> Bars:
    return Bars(INSTRUMENT, "1m", columns(rows))


def test_columns_are_read_by_name_and_the_length_is_the_rows() -> None:
    table = bars(5)
    assert len(table) == 5
    assert list(table) == list(COLUMNS)
    assert table["close"].tolist() == [40.0, 41.0, 42.0, 43.0, 44.0]
    assert dict(table).keys() == set(COLUMNS)
    assert table.time.tolist() == (np.datetime64("2025-03-01T00:00", "ms") + 60_000 * np.arange(5)).tolist()


def test_an_unknown_column_is_answered_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"no column 'price'; they have open_time, open, high"):
        bars()["price"]
    assert "price" not in bars()
    assert bars().get("price") is None


def test_a_strategy_cannot_write_into_the_bars() -> None:
    table = bars()
    for name in COLUMNS:
        with pytest.raises(ValueError, match="read-only"):
            table[name][0] = 1
    with pytest.raises(TypeError):
        cast(Any, table)["close"] = np.zeros(3)
    with pytest.raises(AttributeError):
        cast(Any, table).period = "1h"


@pytest.mark.parametrize("fault", ["missing", "extra", "short"])
def test_columns_that_are_not_bars_are_refused(fault: str) -> None:
    bad = columns()
    if fault == "missing":
        del bad["count"]
    elif fault == "extra":
        bad["price"] = bad["close"]
    else:
        bad["volume"] = bad["volume"][:-1]
    with pytest.raises(ValueError, match=r"need the columns open_time, .* in one length"):
        Bars(INSTRUMENT, "1m", bad)


def test_pandas_has_utc_open_times_as_index() -> None:
    table = bars().to_pandas()
    assert list(table.columns) == list(COLUMNS[1:])
    assert table.index.name == "open_time"
    assert str(table.index.tz) == "UTC"
    assert [int(at.timestamp() * 1000) for at in table.index] == bars()["open_time"].tolist()
    assert table["high"].tolist() == bars()["high"].tolist()


@pytest.mark.parametrize("library", ["arrow", "polars"])
def test_arrow_and_polars_hold_every_column(library: str) -> None:
    table = bars()
    made = table.to_arrow() if library == "arrow" else table.to_polars()
    names = made.column_names if library == "arrow" else made.columns
    assert list(names) == list(COLUMNS)
    for name in COLUMNS:
        column = made.column(name).to_pylist() if library == "arrow" else made[name].to_list()
        assert column == table[name].tolist()


def test_what_is_printed_says_what_it_is() -> None:
    assert repr(bars()) == ("Bars(binance:um:BTC-USDT-PERP 1m, 3 bars, 2025-03-01T00:00 – 2025-03-01T00:02 UTC, last close 42)")


def test_no_bars_are_bars_too() -> None:
    nothing = bars(0)
    assert len(nothing) == 0
    assert repr(nothing) == "Bars(binance:um:BTC-USDT-PERP 1m, empty)"
    assert len(nothing.to_pandas()) == 0
    assert nothing.to_arrow().num_rows == 0
