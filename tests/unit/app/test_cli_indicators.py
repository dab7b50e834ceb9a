"""``qs indicators``: what is printed and written, and one sentence for what cannot be computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
from typer.testing import CliRunner

from quantservice.app import notebook
from quantservice.app.cli import app
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.indicators import compute

HOUR_MS = 3_600_000
ROWS = 60


def stored(seed: int, first_hour: int = 0) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, ROWS)))
    columns: dict[str, Any] = {name: np.ones(ROWS) for name in COLUMNS}
    columns |= {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    columns["open_time"] = (first_hour + np.arange(ROWS, dtype=np.int64)) * HOUR_MS
    return Bars(f"binance:um:{seed}", "1h", columns)


ASSETS = {"BTCUSDT": stored(1), "ETHUSDT": stored(2, 10)}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def load_bars(name: str, **query: Any) -> Bars:
        calls.append(query)
        bars, start = ASSETS[name], query["start"]
        keep = bars["open_time"] >= (0 if start is None else start)
        return Bars(bars.instrument, bars.period, {column: values[keep] for column, values in bars.items()})

    monkeypatch.setattr(notebook, "load_bars", load_bars)
    monkeypatch.chdir(tmp_path)
    return calls


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["indicators", *arguments], catch_exceptions=True)


def test_list_describes_them() -> None:
    table = run("list", "--group", "volatility").stdout
    assert "atr" in table
    assert "length=14" in table
    assert "macd" not in table
    one = run("list", "macd").stdout
    assert "Gerald Appel" in one
    assert "bars of the signal's average" in one
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["bbands"]["outputs"] == ["upper", "middle", "lower"]
    assert rows["bbands"]["parameters"][1] == {
        "name": "up",
        "kind": "float",
        "default": 2.0,
        "low": -1e6,
        "high": 1e6,
        "doc": "standard deviations from the middle to the upper band",
    }
    assert json.loads(run("list", "rsi", "--json").stdout)[0]["warm_up"] == 14
    assert isinstance(run("list", "--group", "momentun").exception, UnknownName)
    assert isinstance(run("list", "macdd").exception, UnknownName)


def test_compute_reads_the_bars_that_the_warm_up_needs(asked: list[dict[str, Any]]) -> None:
    answer = run(
        "compute", "sma(5)", "macd(3,6,4).hist", "--symbol", "BTCUSDT", "--start", "1970-01-02T06:00", "--rows", "30", "--json"
    )
    rows = json.loads(answer.stdout)
    assert asked[0]["start"] == (30 - 8) * HOUR_MS
    assert [row["open_time"] for row in rows] == [hour * HOUR_MS for hour in range(30, ROWS)]
    assert all(row["sma(5)"] is not None and row["macd(3,6,4).hist"] is not None for row in rows)
    assert rows[-1]["sma(5)"] == pytest.approx(ASSETS["BTCUSDT"]["close"][-5:].mean())


def test_compute_prints_the_last_rows_and_writes_files(tmp_path: Path) -> None:
    table = run("compute", "sma(3)", "--symbol", "BTCUSDT", "--rows", "2").stdout
    assert len(table.strip().splitlines()) == 3
    assert "1970-01-03 11:00:00" in table
    answer = run("compute", "sma(3)", "bbands", "--symbol", "BTCUSDT", "--output", "out.csv")
    assert answer.exit_code == 0
    written = pyarrow.csv.read_csv(tmp_path / "out.csv")
    keys = ["sma(3)", *(f"bbands(20,2,2,0).{name}" for name in ("upper", "middle", "lower"))]
    assert written.column_names == ["open_time", "close", *keys]
    assert written.num_rows == ROWS


def test_one_that_needs_more_bars_than_there_are_says_so() -> None:
    done = run("compute", f"sma({ROWS + 1})", f"sma({ROWS})", "--symbol", "BTCUSDT")
    assert f"sma({ROWS + 1}) needs {ROWS + 1} bars, {ROWS} given" in done.stderr
    assert f"sma({ROWS}) needs" not in done.stderr


def test_a_second_instrument_is_joined_by_time() -> None:
    arguments = ("compute", "correl(5)/close,benchmark", "--symbol", "BTCUSDT", "--json", "--rows", "100")
    rows = json.loads(run(*arguments, "--benchmark", "ETHUSDT").stdout)
    assert rows[0]["open_time"] == 10 * HOUR_MS
    here, there = ASSETS["BTCUSDT"]["close"][10:], ASSETS["ETHUSDT"]["close"][:-10]
    expected = compute(("correl", 5, {"input": ("close", "benchmark")}), {"close": here, "benchmark": there})["correl"]
    assert [row["correl(5)/close,benchmark"] for row in rows[4:]] == expected[4:].tolist()
    assert "--benchmark" in str(run(*arguments).exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("smaa",), "did you mean: sma"),
        (("sma(0)",), "sma.length: 0 is outside 1"),
        (("sma(5)@4h",), "--period"),
        (("sma", "--period", "7m"), "7m"),
        (("sma", "--output", "x.xls"), ".csv, .parquet, .arrow"),
    ],
)
def test_what_cannot_be_computed_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    error = run("compute", *arguments, "--symbol", "BTCUSDT").exception
    assert isinstance(error, InvalidValue | UnknownName)
    assert said in str(error)
