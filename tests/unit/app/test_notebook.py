"""A notebook's backtests are counted where their bars came from; without a store nothing is made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.support.state import sqlite_store
from tests.support.strategies import random_bars

from quantservice.app import notebook
from quantservice.app.backtesting import Backtest
from quantservice.app.notebook import origin_of
from quantservice.app.places import Places
from quantservice.app.settings import load_settings
from quantservice.app.trials import Ledger
from quantservice.quant.honesty import family_hash
from quantservice.quant.strategies.templates.ma_cross import MaCross

BARS = random_bars(24 * 120)


def make_store(folder: Path) -> None:
    async def opened() -> None:
        async with sqlite_store(folder, "state.sqlite"):
            pass

    asyncio.run(opened())


def test_runs_and_sweeps_are_counted_and_deflate_the_sharpe_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_settings(None, environ={}, flags={"data_dir": str(tmp_path)})
    make_store(Places.of(loaded.settings).root)
    monkeypatch.setitem(notebook._origins, id(BARS), loaded)
    assert origin_of([BARS]) is loaded
    run = Backtest(MaCross, BARS, fees="none")
    assert run.ledger is not None
    first = run.run(gate_seconds=0)
    assert first.metrics.number("dsr_trials") == 1
    run.sweep(fast=[5, 10, 60], slow=[30, 50])  # one pair does not go together
    family = run.ledger.summary(family_hash(MaCross))
    assert (family.runs, family.distinct) == (5, 4)
    again = Backtest(MaCross, BARS, fees="none").run(gate_seconds=0)
    assert again.metrics.number("dsr_trials") == 6
    assert again.metrics.number("dsr") < first.metrics.number("psr")
    assert Ledger(loaded).summary("never tried").runs == 0


def test_without_a_store_nothing_is_counted_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Backtest(MaCross, BARS)
    assert run.ledger is None
    assert run.run(gate_seconds=0).metrics["dsr_trials"].reason
    assert len(run.sweep(fast=[5, 10])) == 2
    assert list(tmp_path.iterdir()) == []
