"""Ten days and ten trades whose figures were computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.support.curves import DAY, START, TEN_NETS, curve, fills_of, funding_of, short, ten_days, trades_of

from quantservice.quant.metrics import Confidence, RunArrays, Settings, measure, metric_of

#: name -> value. r: 10, -10, 0, 20, 0, -10, 5, 0, 10, -10 per cent; sum 15, squares 0.0925, mean 0.015.
CURVE = {
    "total_return": 0.1114334,
    "profit": 11.14334,
    "final_equity": 111.14334,
    "duration": 10.0,
    "bars": 10.0,
    "cagr": 1.1114334 ** (365.25 / 10) - 1,
    "annual_return": 1.1114334**36.5 - 1,
    "annual_volatility": math.sqrt(0.09025 / 9 * 365),
    "sharpe_daily": 0.015 / math.sqrt(0.09025 / 9),
    "sharpe": 0.015 / math.sqrt(0.09025 / 9) * math.sqrt(365),
    "sortino": 0.015 / math.sqrt(0.003) * math.sqrt(365),
    "omega": 0.45 / 0.30,
    "gain_to_pain": 0.15 / 0.30,
    "tail_ratio": 0.155 / 0.10,  # 95th percentile lies 0.55 of the way from the 9th (0.10) to the 10th (0.20) value
    "common_sense_ratio": 1.5 * 1.55,
    "best_day": 0.2,
    "worst_day": -0.1,
    "positive_days": 0.4,
    "var_95": -0.1,
    "max_drawdown": 100.0 / 118.8 - 1.0,
    "max_drawdown_quote": 100.0 - 118.8,
    "max_underwater": 1.0 - 100.0 / 118.8,
    "max_drawdown_daily": -0.1,
    "max_drawdown_duration": 4.0,  # last at its peak at the end of day 5, recovered at the end of day 9
    "current_drawdown": -0.1,
    "avg_drawdown": -0.1,
    "avg_drawdown_duration": (3.0 + 4.0 + 1.0) / 3.0,
    "time_underwater": 0.6,  # days 2, 3, 6, 7, 8, 10
    "ulcer_index": math.sqrt((4 * 0.1**2 + 2 * (1 - 112.266 / 118.8) ** 2) / 10),
    "recovery_factor": 11.14334 / 18.8,
    "calmar": (1.1114334 ** (365.25 / 10) - 1) / (1 - 100.0 / 118.8),
    "peak_equity": 123.4926,
    "min_equity": 99.0,
    "worst_24h": -0.1,
}
TRADES = {
    "trades": 10.0,
    "trades_per_day": 1.0,
    "win_rate": 0.5,
    "break_even_trades": 1.0,
    "profit_factor": 80.0 / 40.0,
    "avg_win": 16.0,
    "avg_loss": -10.0,
    "payoff_ratio": 1.6,
    "expectancy": 4.0,
    "expectancy_return": 0.004,
    "expectancy_ratio": 2.6 * 0.5 - 1.0,
    "kelly": 0.5 - 0.5 / 1.6,
    "cpc_index": 2.0 * 0.5 * 1.6,
    "best_trade": 0.03,
    "worst_trade": -0.02,
    "max_consecutive_wins": 2.0,
    "max_consecutive_losses": 2.0,
    "sqn": math.sqrt(10) * 4.0 / math.sqrt((2200 - 160) / 9),
    "avg_trade_duration": 24.0,
    "avg_mae": -0.02,
    "avg_mfe": 0.03,
}


def worst_of_ten() -> np.ndarray:
    """Inside the sixth day equity stood at 100."""
    worst = ten_days().equity.copy()
    worst[5] = 100.0
    return worst


@pytest.mark.parametrize("name", CURVE)
def test_figures_of_the_curve(name: str) -> None:
    assert short(ten_days(worst=worst_of_ten())).number(name) == pytest.approx(CURVE[name], rel=1e-12)


@pytest.mark.parametrize("name", TRADES)
def test_figures_of_the_trades(name: str) -> None:
    assert short(ten_days(trades=trades_of(TEN_NETS))).number(name) == pytest.approx(TRADES[name], rel=1e-12)


def test_the_deepest_falls_are_listed_deepest_first_with_their_times() -> None:
    falls = short(ten_days(worst=worst_of_ten())).drawdowns
    assert [round(fall.depth, 6) for fall in falls] == [-0.158249, -0.1, -0.1]
    first = falls[0]
    assert (first.peak_time, first.valley_time, first.recovery_time) == (START + 5 * DAY, START + 6 * DAY, START + 9 * DAY)
    assert falls[2].recovery_time is None


def test_costs_and_exposure() -> None:
    fills = fills_of((0, 10.0, 5.0, 0.5), (9, 12.0, 5.0, 0.7))
    gross = np.array([0.0, 50.0, 50.0, 60.0, 60.0, 50.0, 50.0, 50.0, 60.0, 0.0])
    run = ten_days(fills=fills, gross=gross, net=-gross, margin=gross / 5, funding=funding_of((-1.0, False), (0.25, False)))
    figures = short(run)
    equity = run.equity
    expected = {
        "fees": 1.2,
        "traded_notional": 110.0,
        "turnover": 55.0 / equity.mean() / (10 / 365.25),
        "break_even_cost": (11.14334 + 1.2) / 110.0 * 1e4,
        "funding_paid": 1.0,
        "funding_received": 0.25,
        "funding_missing": 0.0,
        "gross_profit": 11.14334 + 1.2 + 1.0 - 0.25,
        "exposure_time": 0.8,
        "avg_gross_exposure": (gross / equity).mean(),
        "max_gross_exposure": (gross / equity).max(),
        "min_net_exposure": -(gross / equity).max(),
        "max_net_exposure": 0.0,
        "avg_net_exposure": -(gross / equity).mean(),
        "max_margin_use": (gross / equity).max() / 5,
        "median_leverage": np.median((gross / equity)[1:9]),
        "implementation_shortfall": 1.2 / 110.0 * 1e4,
        "maker_share": 0.0,
    }
    for name, value in expected.items():
        assert figures.number(name) == pytest.approx(value, rel=1e-12), name


def test_capacity_is_where_a_fill_takes_one_per_cent_of_its_bar() -> None:
    fills = fills_of((0, 10.0, 5.0, 0.0), (9, 10.0, 5.0, 0.0))
    figures = short(ten_days(fills=fills, volume=np.array([5_000.0, 5_000.0])))
    assert figures.number("capacity") == pytest.approx(np.percentile([110.0, 111.14334], 5))


def test_calendar_windows() -> None:
    run = curve(np.full(400, 0.001))  # 2023-01-01 .. 2024-02-04
    figures = measure(run)
    for name, days in {"return_mtd": 4, "return_ytd": 35, "return_3m": 92, "return_6m": 184, "return_1y": 365}.items():
        assert figures.number(name) == pytest.approx(1.001**days - 1), name
    assert figures.number("best_month") == pytest.approx(1.001**31 - 1)
    assert figures.number("worst_month") == pytest.approx(1.001**4 - 1)
    assert figures.number("best_year") == pytest.approx(1.001**365 - 1)
    assert figures.number("best_week") == pytest.approx(1.001**7 - 1)
    assert figures.number("worst_week") == pytest.approx(1.001 - 1)  # 2023-01-01 was a Sunday
    assert "begins" in measure(curve(np.full(20, 0.01)))["return_3m"].reason


def test_deposits_are_no_return() -> None:
    flows = np.zeros(10)
    flows[4] = 1_000.0
    plain = ten_days()
    equity = plain.equity.copy()
    equity[4:] = (equity[4] + 1_000.0) * plain.equity[4:] / plain.equity[4]
    run = RunArrays(time=plain.time, equity=equity, start_time=START, start_equity=100.0, flows=flows, worst=equity)
    figures = short(run)
    for name in ("total_return", "sharpe", "max_drawdown", "cagr", "worst_day"):
        assert figures.number(name) == pytest.approx(short(plain).number(name), rel=1e-12), name
    assert figures.number("net_deposits") == 1_000.0
    assert figures.number("profit") == pytest.approx(equity[-1] - 1_100.0)


def test_a_bare_curve_begins_at_its_first_mark() -> None:
    daily = np.array([100.0, 110.0, 99.0])
    stamps = START + DAY * np.arange(3, dtype=np.int64)
    for shift in (0, 1, -1):  # at midnight, just after, just before (a close time)
        figures = short(RunArrays(time=stamps + shift, equity=daily))
        np.testing.assert_allclose(figures.daily.returns, [0.1, -0.1])
    inside = RunArrays(
        time=START + np.array([1, 2, 3, 30], dtype=np.int64) * 3_600_000, equity=np.array([100.0, 105.0, 110.0, 99.0])
    )
    np.testing.assert_allclose(short(inside).daily.returns, [0.1, -0.1])


def test_every_figure_of_the_catalogue_is_there_and_none_is_undefined_without_reason() -> None:
    bare = measure(RunArrays(time=np.array([START], dtype=np.int64), equity=np.array([1.0])))
    full = measure(ten_days(trades=trades_of(TEN_NETS)), confidence=Confidence(draws=10, trials=3))
    for figures in (bare, full, short(curve(np.zeros(200)))):
        for metric in figures.values():
            assert metric.defined or len(metric.reason) > 8, metric.name
            assert metric.formula.startswith(metric.name)
            assert metric.sampling


def test_a_figure_survives_json() -> None:
    figures = short(ten_days(trades=trades_of([1.0, 2.0]), fingerprint="sha256:1"))
    rows = figures.to_dict()
    assert rows["profit_factor"]["value"] == "inf"
    assert rows["short_win_rate"]["value"] is None
    back = {name: metric_of(row) for name, row in rows.items()}
    assert {name: str(m) for name, m in back.items()} == {name: str(m) for name, m in figures.items()}


def test_settings_are_checked() -> None:
    wrongs: tuple[dict[str, Any], ...] = ({"periods": 0.0}, {"risk_free": -1.0}, {"target": float("nan")})
    for wrong in wrongs:
        with pytest.raises(Exception, match=next(iter(wrong))):
            Settings(**wrong)
