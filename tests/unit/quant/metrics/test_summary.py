"""The sums of a sweep give the figures of the full measurement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.support.curves import DAY, HOUR, START, fills_of, funding_of, seeded, trades_of

from quantservice.core.errors import UnknownName
from quantservice.quant.metrics import RunArrays, Settings, measure, summary
from quantservice.quant.metrics.ratios import per_period


def replay(run: RunArrays, settings: Settings, *, reuse: bool = False) -> dict[str, float]:
    """Feed a run to the sums as an engine does."""
    end = int(run.time[-1])
    sums, daily, out = summary.new_sums(), summary.new_daily(run.begin, end), np.zeros(len(summary.FIELDS))
    worst, gross, trades, fills, funding = (
        np.asarray(given) for given in (run.worst, run.gross, run.trades, run.fills, run.funding)
    )
    for _ in range(2 if reuse else 1):
        summary.begin(sums, daily, run.begin, run.first)
        for i in range(len(run.time)):
            summary.add_bar(sums, daily, run.time[i], run.equity[i], worst[i], bool(gross[i] > 0))
        for row in trades:
            summary.add_trade(sums, row["net"], row["return"], row["side"], row["exit_time"] - row["entry_time"])
        for row in fills:
            summary.add_fill(sums, row["price"] * row["quantity"], row["fee"], row["slippage"])
        for row in funding:
            summary.add_funding(sums, row["amount"], bool(row["missing"]))
        summary.add_liquidation(sums)
        rate, target = per_period(settings.risk_free, 365.0), per_period(settings.target, 365.0)
        summary.finish(sums, daily, 365.0, rate, target, settings.risk_free, settings.min_days, out)
    return dict(zip(summary.FIELDS, out.tolist(), strict=True))


def sample(bars: int, step: int, *, nets: tuple[float, ...] = (5.0, -3.0, 0.0, 8.0, -2.5)) -> RunArrays:
    generator = np.random.Generator(np.random.PCG64(5))
    equity = np.asarray(1_000.0 * np.cumprod(1.0 + generator.normal(0.0004, 0.01, bars)), dtype=np.float64)
    time = START + 5 * HOUR + step * np.arange(1, bars + 1, dtype=np.int64)
    keep = np.ones(bars, dtype=bool)
    keep[bars // 3 : bars // 3 + 60] = False  # days without a bar
    equity, time = equity[keep], time[keep]
    gross = np.where(generator.random(len(equity)) < 0.6, equity, 0.0)
    return RunArrays(
        time=time,
        equity=equity,
        start_time=START + 5 * HOUR,
        start_equity=1_000.0,
        worst=equity * (1.0 - generator.random(len(equity)) * 0.01),
        gross=gross,
        trades=trades_of(nets, side=[1, -1, 1, 1, -1][: len(nets)]),
        fills=fills_of((0, 10.0, 5.0, 0.5), (9, 12.0, 5.0, 0.7)),
        funding=funding_of((-1.0, False), (0.0, True), (3.0, False)),
        liquidations=1,
    )


@pytest.mark.parametrize(
    ("run", "settings"),
    [
        (sample(4_000, HOUR), Settings(risk_free=0.03, target=0.05)),
        (sample(300, DAY), Settings()),
        (sample(700, HOUR), Settings()),  # too short for annualised figures
        (sample(700, HOUR, nets=(1.0, 2.0)), Settings(min_days=0.0)),  # no losers
        (sample(700, HOUR, nets=(-1.0,)), Settings()),
        (sample(700, HOUR, nets=()), Settings()),
    ],
)
def test_sums_give_the_figures_of_the_full_measurement(run: RunArrays, settings: Settings) -> None:
    full = measure(run, settings)
    found = replay(run, settings)
    for name in summary.FIELDS:
        expected, value = full.number(name), found[name]
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_arrays_are_used_again() -> None:
    run = sample(300, HOUR)
    assert str(replay(run, Settings(), reuse=True)) == str(replay(run, Settings()))


def test_a_run_that_lost_everything_has_no_ratios() -> None:
    equity = np.array([50.0, 10.0, -5.0, 2.0])
    time = START + DAY * np.arange(1, 5, dtype=np.int64)
    sums, daily, out = summary.new_sums(), summary.new_daily(START, int(time[-1])), np.zeros(len(summary.FIELDS))
    summary.begin(sums, daily, START, 100.0)
    for i in range(4):
        summary.add_bar(sums, daily, time[i], equity[i], equity[i], True)
    summary.finish(sums, daily, 365.0, 0.0, 0.0, 0.0, 0.0, out)
    assert math.isnan(out[summary.field("sharpe")])
    assert math.isnan(out[summary.field("sortino")])
    assert out[summary.field("max_drawdown")] == pytest.approx(-1.05)


def test_an_unknown_objective_is_answered_with_the_nearest() -> None:
    assert summary.FIELDS[summary.field("calmar")] == "calmar"
    with pytest.raises(UnknownName, match="did you mean"):
        summary.field("sharp")
    assert len(seeded(10)) == 10
