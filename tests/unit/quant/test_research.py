"""Backtest: what it takes, how it refuses, what its report knows, and sweeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.support.strategies import BTC, ETH, START_MS, random_bars

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest import Assumptions, FeeRates, Slippage
from quantservice.quant.bars import Bars, Funding
from quantservice.quant.optimize.grid import NOT_RUN
from quantservice.quant.research import Backtest, BacktestReport, fees_of, slippage_of
from quantservice.quant.strategies import Bar, Signal, Strategy, View
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.templates.ma_cross import MaCross

BARS = random_bars(24 * 120)


class Above(Strategy):
    """Long above a moving average."""

    length: int = 20
    leverage: float = 1.0

    def check(self) -> None:
        if self.length == 13:
            raise InvalidValue("length", "13 must not be")

    def indicators(self) -> Any:
        return {"mean": ("sma", self.length)}

    def on_bars(self, bars: BarsView) -> Any:
        if self.length == 17:
            raise ZeroDivisionError("seventeen")
        return np.where(bars["close"] > bars["mean"], 1.0, 0.0)


def test_short_forms_of_costs() -> None:
    assert fees_of("binance_um:vip0") == "binance_um:vip0"
    assert fees_of(0.001) == fees_of("0.001") == FeeRates(maker=0.001, taker=0.001)
    assert fees_of((0.0, 0.0005)) == FeeRates(maker=0.0, taker=0.0005)
    assert fees_of(FeeRates(maker=0.0, taker=0.1)) == FeeRates(maker=0.0, taker=0.1)
    assert slippage_of(2) == slippage_of("2") == slippage_of("fixed:2") == Slippage(model="fixed", bps=2.0)
    assert slippage_of("sqrt_impact:0.8") == Slippage(model="sqrt_impact", coefficient=0.8)
    assert slippage_of("none") == Slippage()
    for wrong, error in (("fixd:2", UnknownName), ("fixed:x", InvalidValue)):
        with pytest.raises(error):
            slippage_of(wrong)


def test_bars_of_any_library_give_the_same_run() -> None:
    wanted = Backtest(MaCross, BARS, fees="none").simulate()
    pandas_table = BARS.to_pandas()
    tables: list[Any] = [pandas_table, pl.from_pandas(pandas_table.reset_index()), BARS.to_arrow(), {str(BTC): pandas_table}]
    for table in tables:
        named: dict[str, Any] = {} if isinstance(table, dict) else {"instrument": BTC}
        found = Backtest("ma_cross", table, fees="none", **named).simulate()
        np.testing.assert_allclose(found.equity, wanted.equity, rtol=1e-12)
    assert isinstance(pandas_table, pd.DataFrame)
    assert BARS["close"].flags.writeable is False


def test_instances_names_and_parameters() -> None:
    assert Backtest(MaCross(fast=7), BARS).parameters["fast"] == 7
    assert Backtest("ma_cross", BARS, slow=60).parameters == {"slow": 60}
    assert "MaCross(fast=10, slow=60" in repr(Backtest(MaCross, BARS, slow=60))
    run = Backtest(MaCross, BARS, leverage=2.0, assumptions=Assumptions(initial_equity=500.0))
    assert (run.assumptions.leverage, run.assumptions.initial_equity) == (2.0, 500.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategy": "ma_cros"}, "did you mean: ma_cross"),
        ({"strategy": 3}, "neither a Strategy nor the name"),
        ({"fsat": 3}, "did you mean: fast"),
        ({"fast": 60}, "must be less than slow"),
        ({"fees": "binance_um:vip99"}, "did you mean: vip9"),
        ({"benchmark": [1.0, 2.0]}, "one value per bar"),
        ({"fill": "clos"}, "unknown fill 'clos'; did you mean: close"),
        ({"margin_mode": "crossed"}, "unknown margin_mode 'crossed'; did you mean: cross"),
        ({"rebalance": 3}, "unknown rebalance '3'; known are: change, always"),
        ({"latency_ms": "250"}, "latency_ms: '250' is not a number"),
        ({"slippage": Slippage(bps=1.0), "leverage": None}, "leverage: None is not a number"),
        ({"strategy": Above, "leverage": 2.0}, "a parameter of Above and an assumption"),
        ({"strategy": Strategy}, "Strategy: has neither on_kline nor on_bars; write one"),
    ],
)
def test_what_cannot_be_is_told_with_its_name(given: dict[str, Any], words: str) -> None:
    with pytest.raises((InvalidValue, UnknownName), match=words):
        Backtest(given.pop("strategy", MaCross), BARS, **given).simulate()


def test_a_strategy_that_raises_is_named_with_its_bar() -> None:
    class Raises(Strategy):
        def on_kline(self, kline: Bar, view: View) -> Signal:
            return Signal(kline.instrument, 1.0 / (view.bars - 50))

    with pytest.raises(InvalidValue, match=r"Raises\.on_kline: raised ZeroDivisionError at the kline of binance:um:BTC-USDT-PERP"):
        Backtest(Raises, BARS).simulate()


class Broken(Strategy):
    """Raises where it is told to."""

    where: str = "check"

    def check(self) -> None:
        self._raise("check")

    def on_start(self, instruments: Any, period: str) -> None:
        self._raise("on_start")

    def indicators(self) -> Any:
        self._raise("indicators")
        return {}

    def on_bars(self, bars: BarsView) -> Any:
        self._raise("on_bars")
        return np.zeros(len(bars))

    def _raise(self, method: str) -> None:
        if method == self.where:
            raise KeyError("no such thing")


@pytest.mark.parametrize("where", ["check", "on_start", "indicators", "on_bars"])
def test_whichever_method_raises_it_is_named_with_its_line(where: str) -> None:
    with pytest.raises(InvalidValue, match=rf"Broken\.{where}: raised KeyError in line \d+ of test_research\.py: 'no such thing'"):
        Backtest(Broken, BARS, where=where).simulate()


@pytest.mark.parametrize("cls", [Above, MaCross])
def test_an_indicator_that_needs_more_history_than_there_is_is_told(cls: type[Strategy]) -> None:
    few = random_bars(30)
    wanted = {"length": 31} if cls is Above else {"slow": 31}
    name = "mean" if cls is Above else "slow"
    result = Backtest(cls, few, parameters=wanted).simulate()
    flag = result.flag("no_history")
    assert flag is not None
    assert flag.text == (
        f"{cls.__name__}.indicators['{name}'] has no value at any of the 30 bars of {few.instrument}: it needs 31 bars of 1h"
    )
    enough = dict.fromkeys(wanted, 30)
    assert Backtest(cls, few, parameters=enough).simulate().flag("no_history") is None


def test_longer_periods_need_more_bars_and_a_rate_that_is_not_known_is_no_indicator() -> None:
    class Slow(Strategy):
        longer: str = "4h"

        def indicators(self) -> Any:
            return {"mean": ("sma", 8, {"period": self.longer}), "rate": "funding_rate"}

        def on_kline(self, kline: Bar, view: View) -> None:
            return None

    flags = Backtest(Slow, random_bars(30), fees="none").simulate().flags
    assert [item.text for item in flags if item.name == "no_history"] == [
        f"Slow.indicators['mean'] has no value at any of the 30 bars of {BTC}: it needs 8 bars of 4h"
    ]
    assert Backtest(Slow, random_bars(60), fees="none").simulate().flag("no_history") is None


def test_the_report_knows_what_was_run() -> None:
    run = Backtest(MaCross, BARS, fees="binance_um:vip0")
    report = run.run(gate_seconds=5.0)
    assert isinstance(report, BacktestReport)
    assert report.verdict is not None
    assert report.verdict.passed
    assert report.mark == "look-ahead gate passed at every one of 2,880 bars"
    assert report.about.strategy == "ma_cross"
    assert report.about.description.startswith("Long while")
    assert report.gates[0].state == "passed"
    assert report.data_fingerprint == run.data.fingerprint
    assert run.run(gate_seconds=0, fast=12).about.parameters["fast"] == 12
    assert run.run(gate_seconds=0).mark == "look-ahead gate was not run"
    assert run.check() is report.verdict  # judged once
    again = Backtest(MaCross, BARS)
    assert again.verdict_key() == run.verdict_key() != again.verdict_key(fast=11)
    assert run.run(gate_seconds=0).result.fingerprint() == report.result.fingerprint()


def test_a_leak_is_marked_in_the_report() -> None:
    class Leaks(Strategy):
        def on_bars(self, bars: BarsView) -> Any:
            return np.where(np.roll(bars["close"], -1) > bars["close"], 1.0, 0.0)

    report = Backtest(Leaks, random_bars(300)).run()
    assert "LOOK-AHEAD GATE FAILED" in report.mark
    assert report.gates[0].state == "failed"


def test_bars_bring_their_funding_and_two_instruments_share_a_clock() -> None:
    times = np.arange(START_MS, START_MS + 2_880 * 3_600_000, 8 * 3_600_000, dtype=np.int64)
    paying = Bars(BARS.instrument, BARS.period, BARS.columns, Funding(times, np.full(len(times), 1e-3)))

    class Holds(Strategy):
        def on_bars(self, bars: BarsView) -> Any:
            return np.ones(bars["close"].shape) / len(bars.instruments)

    paid = Backtest(Holds, paying, fees="none").simulate()
    assert len(paid.funding) > 300
    assert paid.final_equity < Backtest(Holds, BARS, fees="none").simulate().final_equity
    both = Backtest(Holds, [BARS, random_bars(2_000, seed=5, instrument=ETH)], fees="none")
    assert len(both.data.instruments) == 2
    assert (
        both.run(
            gate_seconds=0,
        ).result.trades.size
        >= 2
    )


def test_a_sweep_keeps_the_best_and_says_what_was_left_out() -> None:
    done: list[int] = []
    run = Backtest(Above, BARS, fees=0.0005)
    found = run.run(gate_seconds=0).sweep(length=range(10, 31), progress=lambda number, total: done.append(number))
    assert len(found) == 21
    assert done[-1] == 21
    table = found.to_pandas()
    assert table.loc[table["length"] == 13, "state"].item() == "skipped"
    assert "seventeen" in table.loc[table["length"] == 17, "reason"].item()
    best = found.report(gate_seconds=0)
    assert best.metrics.number("sharpe") == pytest.approx(table["sharpe"].max(), rel=1e-9)
    assert found.best == {"length": int(table["length"].iloc[0])}
    assert "19 of 21 combinations; best sharpe" in repr(found)
    assert "<table" in found._repr_html_()
    with pytest.raises(UnknownName, match="did you mean: length"):
        run.sweep(lenght=[1])
    with pytest.raises(InvalidValue, match="nothing to search"):
        run.sweep()


def test_a_sweep_over_two_parameters_is_a_map_and_can_be_sampled() -> None:
    run = Backtest(MaCross, BARS)
    found = run.sweep(fast=[5, 10, 15], slow=[20, 30, 40], objective="total_return")
    assert found.map().shape == (3, 3)
    assert found.to_polars().height == 9
    sample = run.sweep(fast=[5, 10, 15], slow=[20, 30, 40], sample=4, seed=1)
    assert len(sample) == 4


def test_an_interrupt_keeps_what_was_done() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    found = Backtest(MaCross, random_bars(200)).sweep(fast=range(2, 40), slow=range(60, 70), progress=stop)
    assert 0 < int((found.state != NOT_RUN).sum()) < len(found)
    assert set(found.to_pandas()["state"]) == {"done", "not run"}


def test_a_sweep_without_a_result_says_why() -> None:
    found = Backtest(Above, BARS).sweep(length=[13])
    with pytest.raises(InvalidValue, match="13 must not be"):
        found.report()
    assert "none of 1 combinations" in repr(found)
