"""What backtests and searches assume is said by one set of options."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from quantservice.app.cli import assumed, jobs, research
from quantservice.core.errors import InvalidValue
from quantservice.quant.optimize.requests import assumptions_of

OPTIONS = ("fees", "slippage", "equity", "leverage", "assume", "margin_tiers")


@pytest.mark.parametrize("command", [jobs.sweep, jobs.optimize, jobs.walkforward, jobs.crossvalidate, jobs.montecarlo])
def test_every_search_has_the_options_of_a_backtest(command: object) -> None:
    theirs, ours = inspect.signature(command), inspect.signature(research.backtest)  # type: ignore[arg-type]
    assert [theirs.parameters[name] for name in OPTIONS] == [ours.parameters[name] for name in OPTIONS]


def test_what_is_given_becomes_assumptions() -> None:
    assert assumed.assumed(None, None, None, None, None) == {}
    given = assumed.assumed("0.0004", "sqrt_impact:0.8", 500.0, 3.0, ["latency_ms=250"])
    made = assumptions_of(given)
    assert (made.fees.taker, made.slippage.model, made.slippage.coefficient) == (0.0004, "sqrt_impact", 0.8)  # type: ignore[union-attr]
    assert (made.initial_equity, made.leverage, made.latency_ms) == (500.0, 3.0, 250)
    assert assumptions_of(assumed.assumed("binance_um:vip0", "2", None, None, None)).fees == "binance_um:vip0"


@pytest.mark.parametrize(("text", "option"), [("leverage=2", "--leverage"), ("initial_equity=5", "--equity")])
def test_what_is_said_twice_is_refused(text: str, option: str) -> None:
    with pytest.raises(InvalidValue, match=f"said twice, by {option} and by --assume"):
        assumed.assumed(None, None, 100.0, 3.0, [text])


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="suffix must be"):
        assumed.tiers_of_file(tmp_path / "tiers.txt")
    with pytest.raises(InvalidValue, match="cannot be read"):
        assumed.tiers_of_file(tmp_path / "tiers.csv")
