"""``qs strategy`` and ``qs backtest``: what they print, what they refuse, and that every run is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.strategies import BTC, random_bars
from typer.testing import CliRunner, Result

from quantservice.app.cli import app
from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.quant.bars import COLUMNS
from quantservice.quant.strategies.registry import STRATEGIES

BARS = random_bars(24 * 100)


class FakeClient:
    """Answers what the commands ask of a platform that stores one instrument."""

    def __init__(self) -> None:
        self.counted: list[dict[str, Any]] = []

    def arrow(self, path: str, query: dict[str, Any]) -> Any:
        if path == "/api/v1/funding":
            times = pa.array(range(int(BARS["open_time"][0]), int(BARS["open_time"][-1]), 28_800_000), pa.int64())
            return pa.table({"time": times, "rate": pa.array([1e-4] * len(times)).cast(pa.decimal128(12, 8))})
        rows = len(BARS) if query["symbol"] in {"BTCUSDT", str(BTC)} else 0
        chunks = {name: pa.chunked_array([BARS[name][:100], BARS[name][100:rows]]) for name in COLUMNS}
        return pa.table(chunks) if rows else pa.table({name: pa.array([], pa.float64()) for name in COLUMNS})

    def get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        if path.startswith("/api/v1/trials/"):
            family = path.rpartition("/")[2]
            return {"family": family, "runs": 41, "distinct": 40, "sharpe_variance": 0.0004, "sharpe_mean": 0.01}
        if path == "/api/v1/margin-tiers":
            return {"data": []}
        row = {
            "instrument": str(BTC),
            "market": "um",
            "venue_symbol": "BTCUSDT",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
            "inverse": False,
            "status": "trading",
            "listed_ms": None,
            "delisted_ms": None,
            **dict.fromkeys(("tick_size", "lot_size", "min_quantity", "min_notional"), "0.001"),
            "contract_size": "1",
        }
        return {"data": [row]}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/api/v1/backtests"
        self.counted.append(body["trial"])
        assert {"trades", "equity", "daily", "report"} <= set(body["parts"])
        return {"id": "b0"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeClient:
    fake = FakeClient()

    @contextmanager
    def opened(*_given: Any, **_named: Any) -> Iterator[FakeClient]:
        yield fake

    monkeypatch.setattr("quantservice.app.client.platform_client", opened)
    monkeypatch.setattr("quantservice.quant.jit.cache_folder", lambda: tmp_path / "machine-code")
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    before = dict(STRATEGIES._entries)
    yield
    STRATEGIES._entries.clear()
    STRATEGIES._entries.update(before)


def qs(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_backtest_is_printed_judged_and_counted(client: FakeClient, tmp_path: Path) -> None:
    arguments = ("backtest", "ma_cross", "--symbol", "BTCUSDT", "--market", "um", "--param", "fast=12", "--slippage", "1")
    first = qs(*arguments, "--gate", "5")
    assert first.exit_code == 0, first.output
    assert "MaCross(fast=12, slow=50" in first.output
    assert "max drawdown" in first.output
    assert "look-ahead gate passed at every one of 2,400 bars" in first.output
    assert [trial["parameters"]["fast"] for trial in client.counted] == [12]
    assert client.counted[0]["source"] == "command"
    assert client.counted[0]["sharpe_daily"] is not None
    assert len(list((tmp_path / "machine-code" / "verdicts").iterdir())) == 1
    second = json.loads(qs(*arguments, "--json").stdout)
    assert second["parameters"]["fast"] == 12
    assert second["look_ahead"]["passed"]
    assert second["metrics"]["dsr_trials"] == 42
    assert second["metrics"]["funding_paid"] != 0
    assert len(client.counted) == 2
    assert client.counted[0]["run_id"] == client.counted[1]["run_id"]
    assert client.counted[0]["number"] != client.counted[1]["number"]


def test_a_backtest_writes_its_page(client: FakeClient, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = qs("backtest", "donchian_breakout", "--symbol", "BTCUSDT", "--gate", "0", "--html", str(page), "--assume", "leverage=2")
    assert done.exit_code == 0, done.output
    assert "<html" in page.read_text("utf-8")
    assert "gate was not run" in done.output


def test_a_backtest_says_why_there_was_no_trade(client: FakeClient, tmp_path: Path) -> None:
    file = tmp_path / "why.csv"
    done = qs("backtest", "ma_cross", "--symbol", "BTCUSDT", "--gate", "0", "--why", str(file))
    assert done.exit_code == 0, done.output
    assert "bars: the same target as before" in done.stdout
    lines = file.read_text().splitlines()
    assert lines[0] == '"time","instrument","said","gate"'
    assert len(lines) == len(BARS) + 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("backtest", "ma_cros", "--symbol", "BTCUSDT"), UnknownName, "did you mean: ma_cross"),
        (("backtest", "ma_cross"), InvalidValue, "name at least one instrument"),
        (("backtest", "ma_cross", "--symbol", "BTCUSDT", "--param", "fsat=3"), UnknownName, "did you mean: fast"),
        (("backtest", "ma_cross", "--symbol", "BTCUSDT", "--param", "fast=x"), InvalidValue, "not a number"),
        (("backtest", "ma_cross", "--symbol", "BTCUSDT", "--assume", "leverge=2"), UnknownName, "did you mean: leverage"),
        (("backtest", "ma_cross", "--symbol", "BTCUSDT", "--assume", "leverage"), InvalidValue, "name=value"),
        (("backtest", "ma_cross", "--symbol", "BTCUSDT", "--assume", "leverage=much"), InvalidValue, "leverage"),
        (("backtest", "ma_cross", "--symbol", "XYZ"), UserError, "no 1h klines of XYZ are stored"),
        (("backtest", "absent.py", "--symbol", "BTCUSDT"), InvalidValue, "is no file"),
        (("strategy", "new", "Bad-Name"), InvalidValue, "lower case"),
        (("strategy", "new", "ma_cross"), InvalidValue, "built-in"),
    ],
)
def test_what_cannot_be_is_a_sentence(client: FakeClient, arguments: tuple[str, ...], error: type[Exception], words: str) -> None:
    done = qs(*arguments)
    assert isinstance(done.exception, error), done.exception
    assert words in str(done.exception)
    assert client.counted == []


def test_a_new_strategy_can_be_checked_and_run_at_once(client: FakeClient, tmp_path: Path) -> None:
    made = qs("strategy", "new", "my_idea", "--dir", str(tmp_path / "own"))
    file = Path(made.stdout.strip())
    assert file == tmp_path / "own" / "my_idea.py"
    assert f"qs strategy check {file}, run it with qs backtest {file} --symbol" in made.stderr
    assert isinstance(qs("strategy", "new", "my_idea", "--dir", str(tmp_path / "own")).exception, InvalidValue)
    checked = qs("strategy", "check", str(file), "--bars", "200")
    assert checked.exit_code == 0, checked.output
    assert "my_idea: look-ahead gate passed at every one of 200 bars" in checked.output
    run = qs("backtest", str(file), "--symbol", "BTCUSDT", "--gate", "0")
    assert run.exit_code == 0, run.output
    assert "MyIdea(fast=10" in run.output


def test_a_leak_is_refused_with_its_bar_and_values(client: FakeClient, tmp_path: Path) -> None:
    file = tmp_path / "peeks.py"
    file.write_text(
        "import numpy as np\nfrom quantservice import Strategy\n\n\nclass Peeks(Strategy):\n"
        "    def on_bars(self, bars):\n        return np.where(np.roll(bars['close'], -1) > bars['close'], 1.0, 0.0)\n"
    )
    done = qs("strategy", "check", str(file), "--symbol", "BTCUSDT", "--seconds", "5")
    assert done.exit_code == 1
    assert "first at bar" in done.output
    assert "on the whole" in done.output
    row = json.loads(qs("strategy", "check", str(file), "--bars", "100", "--json").stdout)
    assert row["passed"] is False
    assert row["fault"]["kind"] == "look_ahead"
    two = tmp_path / "two.py"
    two.write_text(file.read_text().replace("Peeks", "Twice") + "\n\nclass Other(Twice):\n    pass\n")
    assert "name one" in str(qs("strategy", "check", str(two)).exception)
    two.write_text("import nothing_of_that_name\n")
    assert "was left out" in str(qs("strategy", "check", str(two)).exception)


def test_the_list_shows_parameters_and_sources(client: FakeClient) -> None:
    assert "fast=10 slow=50" in qs("strategy", "list").output
    rows = json.loads(qs("strategy", "list", "--json").stdout)
    assert {"ma_cross", "random"} <= {row["name"] for row in rows}
    assert all(row["parameters"]["type"] == "object" for row in rows)
