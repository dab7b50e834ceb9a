"""Laws that hold for every curve: money has no scale, finer marks change no daily figure, inside a bar it is never better."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.curves import DAY, START, curve, trades_of

from quantservice.quant.metrics import CATALOGUE, RunArrays, Settings, measure
from quantservice.quant.metrics.bootstrap import significance
from quantservice.quant.metrics.selection import probabilistic_sharpe

RETURNS = st.lists(st.floats(-0.3, 0.3).map(lambda r: round(r, 6)), min_size=3, max_size=60)
SETTINGS = Settings(min_days=0.0, risk_free=0.02, target=0.01)


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-9)


@settings(max_examples=25)
@given(RETURNS, st.sampled_from([0.001, 7.0, 1e6]), st.lists(st.floats(-50, 50), max_size=12))
def test_money_has_no_scale(returns: list[float], scale: float, nets: list[float]) -> None:
    small = measure(curve(returns, trades=trades_of(nets)), SETTINGS)
    large_trades = trades_of([net * scale for net in nets], notional=1_000.0 * scale)
    large = measure(curve(returns, start=100.0 * scale, trades=large_trades), SETTINGS)
    for name, row in CATALOGUE.items():
        if row.unit in {"text", "time"}:
            continue
        factor = scale if row.unit == "quote" else 1.0
        assert same(small.number(name) * factor, large.number(name)), name


@settings(max_examples=15)
@given(RETURNS)
def test_finer_marks_change_no_daily_figure(returns: list[float]) -> None:
    daily = curve(returns)
    fine = np.repeat(np.log1p(returns) / 4.0, 4)
    often = curve(np.expm1(fine), step=DAY // 4)
    one, other = measure(daily, SETTINGS), measure(often, SETTINGS)
    for name, row in CATALOGUE.items():
        if row.sampling == "UTC day" and row.unit != "time" and row.annual != "calendar":
            assert same(one.number(name), other.number(name)), name


@settings(max_examples=25)
@given(RETURNS, st.lists(st.floats(0.0, 0.2), min_size=60, max_size=60))
def test_inside_the_bar_it_is_never_better(returns: list[float], inside: list[float]) -> None:
    run = curve(returns)
    worst = np.asarray(run.equity * (1.0 - np.array(inside[: len(returns)])), dtype=np.float64)
    closes = measure(run, SETTINGS)
    deep = measure(RunArrays(time=run.time, equity=run.equity, worst=worst, start_time=START, start_equity=100.0), SETTINGS)
    assert deep.number("max_drawdown") <= closes.number("max_drawdown") <= closes.number("max_drawdown_daily") + 1e-12
    assert deep.number("max_drawdown_duration") >= closes.number("max_drawdown_duration")
    assert deep.number("sharpe") == closes.number("sharpe") or math.isnan(closes.number("sharpe"))
    assert all(fall.depth <= 0.0 and fall.peak_time <= fall.valley_time for fall in deep.drawdowns)


@settings(max_examples=25)
@given(RETURNS)
def test_probabilities_are_probabilities(returns: list[float]) -> None:
    r = np.array(returns)
    for value in (probabilistic_sharpe(r), significance(r)):
        assert math.isnan(value) or 0.0 <= value <= 1.0
