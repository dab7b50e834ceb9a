"""The rules that keep a report honest, one test each, by their numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.support.curves import DAY, HOUR, START, TEN_NETS, curve, fills_of, funding_of, seeded, short, ten_days, trades_of

from quantservice.quant.metrics import CATALOGUE, Confidence, RunArrays, Settings, measure, ratios
from quantservice.quant.metrics.selection import expected_best


def hourly(returns: Any) -> RunArrays:
    """The same days told by the hour: each day's return is spread over its 24 hours."""
    steps = np.repeat(np.log1p(np.asarray(returns)) / 24.0, 24)
    return curve(np.expm1(steps), step=HOUR)


def test_rule_01_annualised_from_days_by_365_and_said_so() -> None:
    r = seeded(400)
    figures = measure(curve(r))
    assert figures.number("sharpe") == pytest.approx(r.mean() / r.std(ddof=1) * math.sqrt(365), rel=1e-12)
    assert figures["sharpe"].annualisation == "× √365"
    assert figures["sharpe"].sampling == "UTC day"
    assert measure(hourly(r)).number("sharpe") == pytest.approx(figures.number("sharpe"), rel=1e-9)
    # Another sampling has another factor, and it is printed.
    assert measure(curve(r), Settings(periods=252.0))["sharpe"].annualisation == "× √252"
    # Returns that follow each other get less from √time: Lo's factor.
    trending = np.repeat(r[:100], 4)
    assert measure(curve(trending)).number("lo_sharpe") < 0.8 * measure(curve(trending)).number("sharpe")
    # Nothing annualised under 90 days.
    brief = measure(curve(r[:89], trades=trades_of(TEN_NETS), fills=fills_of((0, 1.0, 1.0, 0.0))))
    annual = [name for name, row in CATALOGUE.items() if row.annual]
    assert len(annual) > 20
    for name in annual:
        assert not brief[name].defined, name
        assert "89.0 days; annualised figures need 90" in brief[name].reason
    assert measure(curve(r[:90]))["sharpe"].defined


def test_rule_02_ratios_come_from_the_curve_alone() -> None:
    r = seeded(400)
    few, many = trades_of(TEN_NETS), trades_of([net / 100 for net in TEN_NETS for _ in range(100)], hours=1)
    one, other = measure(curve(r, trades=few)), measure(curve(r, trades=many))
    for name in ("sharpe", "sortino", "calmar", "omega", "psr"):
        assert one.number(name) == other.number(name), name
        assert one[name].sampling in {"UTC day", "run"}
    assert one["sqn"].sampling == "closed trade"


def test_rule_03_days_without_a_change_count() -> None:
    flat = np.concatenate([seeded(300), np.zeros(100)])
    whole = curve(flat)
    keep = np.ones(400, dtype=bool)
    keep[300:399] = False  # the same curve with marks only where something happened
    thin = RunArrays(time=whole.time[keep], equity=whole.equity[keep], start_time=START, start_equity=100.0)
    assert len(measure(thin).daily.returns) == 400
    assert measure(thin).number("sharpe") == pytest.approx(measure(whole).number("sharpe"), rel=1e-12)
    assert measure(whole).number("sharpe") < measure(curve(flat[:300])).number("sharpe")
    assert measure(whole).number("positive_days") == pytest.approx((flat > 0).mean())


def test_rule_04_spread_divides_by_n_minus_one() -> None:
    r = np.array([0.01, 0.03])
    assert ratios.deviation(r) == pytest.approx(0.02 / math.sqrt(2))
    assert short(curve(r)).number("sharpe_daily") == pytest.approx(0.02 / (0.02 / math.sqrt(2)))


def test_rule_05_downside_is_over_all_days() -> None:
    equal_losses = np.array([0.02, -0.01, 0.0, -0.01, 0.03])
    expected = equal_losses.mean() / math.sqrt(2 * 0.01**2 / 5) * math.sqrt(365)
    assert short(curve(equal_losses)).number("sortino") == pytest.approx(expected, rel=1e-12)


def test_rule_06_calmar_is_cagr_over_the_drawdown_of_the_same_window() -> None:
    figures = measure(curve(seeded(500)))
    assert figures.number("calmar") == figures.number("cagr") / abs(figures.number("max_drawdown"))
    mean_over_drawdown = figures.daily.returns.mean() * math.sqrt(365) / abs(figures.number("max_drawdown"))
    assert figures.number("calmar") != pytest.approx(mean_over_drawdown, rel=0.5)


def test_rule_07_the_risk_free_rate_is_compounded_per_day() -> None:
    r = seeded(400)
    daily = 1.05 ** (1 / 365) - 1
    expected = (r - daily).mean() / r.std(ddof=1) * math.sqrt(365)
    assert measure(curve(r), Settings(risk_free=0.05)).number("sharpe") == pytest.approx(expected, rel=1e-12)
    assert expected > 0.7 * measure(curve(r)).number("sharpe")  # not the yearly rate off each day (2.7 would become -35)


def test_rule_08_cagr_is_by_the_calendar_and_undefined_without_equity() -> None:
    r = seeded(730)
    run = curve(r)
    assert measure(run).number("cagr") == pytest.approx((run.equity[-1] / 100.0) ** (365.25 / 730) - 1, rel=1e-12)
    keep = np.ones(730, dtype=bool)
    keep[100:200] = False  # fewer bars, the same years
    thin = RunArrays(time=run.time[keep], equity=run.equity[keep], start_time=START, start_equity=100.0)
    assert measure(thin).number("cagr") == measure(run).number("cagr")
    ruined = curve(np.array([0.1] * 100 + [-1.5] + [0.1] * 50))
    for name in ("cagr", "sharpe", "sortino", "annual_return", "worst_month"):
        assert math.isnan(measure(ruined).number(name)), name
        assert "zero or less" in measure(ruined)[name].reason


def test_rule_09_returns_are_simple_and_compound_over_time() -> None:
    r = np.array([0.5, -0.5, 0.5, -0.5])
    figures = short(curve(r))
    assert figures.number("total_return") == pytest.approx(0.75 * 0.75 - 1)
    assert figures.number("max_drawdown") == pytest.approx(1.5 * 0.5 * 1.5 * 0.5 / 1.5 - 1)  # summed returns would say -0.5
    assert figures.number("sharpe_daily") == pytest.approx(0.0, abs=1e-15)  # of log returns it would be negative


def test_rule_10_drawdown_is_of_the_finest_bar_with_its_worst_and_its_start() -> None:
    falling = short(curve(np.array([-0.1, 0.05])))
    assert falling.number("max_drawdown") == pytest.approx(-0.1)  # from the start itself
    equity = np.array([200.0, 160.0, 210.0, 1_000.0, 880.0])
    time = START + HOUR * np.arange(1, 6, dtype=np.int64)
    worst = np.array([100.0, 150.0, 160.0, 210.0, 870.0])
    figures = short(RunArrays(time=time, equity=equity, worst=worst, start_time=START, start_equity=100.0))
    assert figures.number("max_drawdown") == pytest.approx(150.0 / 200.0 - 1)
    assert figures.number("max_drawdown_quote") == pytest.approx(870.0 - 1_000.0)
    assert figures.number("max_drawdown_peak") == START + HOUR
    assert figures.number("max_drawdown_recovery") == START + 3 * HOUR
    assert figures["max_drawdown_quote_recovery"].reason == "not recovered"
    assert figures.number("max_drawdown_duration") == pytest.approx(2 / 24)
    assert "not recovered" in figures["max_drawdown_duration"].reason


def test_rule_11_nothing_undefined_has_a_number() -> None:
    still = measure(curve(np.zeros(200), trades=trades_of([3.0, 4.0])))
    for name in ("sharpe", "sortino", "calmar", "skew", "omega", "psr", "lo_sharpe", "return_volatility_ratio"):
        assert math.isnan(still.number(name)), name
        assert still[name].reason, name
    assert still.number("profit_factor") == math.inf
    assert still["profit_factor"].reason == "no losing trades"
    assert str(still["profit_factor"]) == "∞ (no losing trades)"
    assert measure(curve(np.full(200, 0.001))).number("sortino") == math.inf
    assert math.isnan(measure(curve(np.full(200, 0.001))).number("sharpe"))
    nothing = measure(curve(seeded(200), trades=trades_of([])))
    assert nothing["win_rate"].reason == "no trade was closed"


def test_rule_12_win_rate_is_net_and_draws_are_in_its_denominator() -> None:
    rows = trades_of([5.0, -5.0, 0.0, 1.0])
    rows["gross"] = [6.0, 1.0, 2.0, 2.0]  # one winner before costs is a loser after them
    figures = short(ten_days(trades=rows))
    assert figures.number("win_rate") == 0.5
    assert figures.number("break_even_trades") == 1.0


def test_rule_13_expectancy_in_money_in_r_and_as_freqtrade_has_it() -> None:
    figures = short(ten_days(trades=trades_of([30.0, -10.0]), risk=np.array([10.0, 20.0])))
    assert figures.number("expectancy") == 10.0
    assert figures.number("expectancy_r") == pytest.approx((3.0 - 0.5) / 2)
    assert figures.number("expectancy_ratio") == pytest.approx((1 + 3.0) * 0.5 - 1)
    assert "initial stop" in short(ten_days(trades=trades_of([30.0, -10.0])))["expectancy_r"].reason


def test_rule_14_sqn_counts_at_most_a_hundred_trades_and_says_what_stands_for_r() -> None:
    nets = [3.0, -1.0] * 200
    spread = np.std(nets, ddof=1)
    money = short(ten_days(trades=trades_of(nets)))
    assert money.number("sqn") == pytest.approx(10.0 * 1.0 / spread)
    assert "net profit stands for R" in money["sqn"].reason
    multiples = short(ten_days(trades=trades_of(nets), risk=np.full(400, 2.0)))
    assert multiples.number("sqn") == pytest.approx(money.number("sqn"))
    assert multiples["sqn"].reason == ""


def test_rule_15_value_at_risk_names_method_horizon_and_sign() -> None:
    r = seeded(730)
    figures = measure(curve(r))
    assert figures.number("var_95") == pytest.approx(np.percentile(r, 5))
    assert figures.number("var_95") < 0.0
    assert figures.number("cvar_95") == pytest.approx(r[r <= np.percentile(r, 5)].mean())
    assert figures.number("var_95_parametric") == pytest.approx(r.mean() - 1.6448536269514722 * r.std(ddof=1))
    assert "only 8 days" in figures["cvar_99"].reason
    for name in ("var_95", "cvar_95", "var_95_parametric"):
        assert "1 day" in CATALOGUE[name].label
        assert "historical" in CATALOGUE[name].label or "normal" in CATALOGUE[name].label


def test_rule_16_a_yearly_threshold_becomes_one_per_day() -> None:
    r = seeded(400)
    target = 1.10 ** (1 / 365) - 1
    above, below = (r - target).clip(min=0).sum(), (target - r).clip(min=0).sum()
    figures = measure(curve(r), Settings(target=0.10))
    assert figures.number("omega") == pytest.approx(above / below, rel=1e-12)
    assert figures.number("gain_to_pain") == pytest.approx((above - below) / below, rel=1e-12)


def test_rule_17_alpha_and_beta_against_a_benchmark_that_pays_its_fees() -> None:
    b, own = seeded(400, seed=3), seeded(400, seed=4)
    price = np.asarray(100.0 * np.cumprod(1.0 + b), dtype=np.float64)
    figures = measure(curve(0.5 * b + own, benchmark=price, benchmark_start=100.0, benchmark_fee=0.001))
    paid = b.copy()
    paid[0], paid[-1] = (1 + b[0]) / 1.001 - 1, (1 + b[-1]) * 0.999 - 1
    r = 0.5 * b + own
    slope = np.cov(r, paid)[0, 1] / paid.var(ddof=1)
    assert figures.number("beta") == pytest.approx(slope, rel=1e-10)
    assert figures.number("alpha") == pytest.approx((r.mean() - slope * paid.mean()) * 365, rel=1e-10)
    assert figures.number("r_squared") == pytest.approx(np.corrcoef(r, paid)[0, 1] ** 2, rel=1e-10)
    assert figures.number("buy_hold_return") == pytest.approx(price[-1] * 0.999 / 100.1 - 1, rel=1e-12)
    assert figures.number("information_ratio") == pytest.approx((r - paid).mean() / (r - paid).std(ddof=1) * math.sqrt(365))
    # Aligned on times: a benchmark of another clock is refused, not shifted.
    with pytest.raises(Exception, match="benchmark: has 399 values, the clock has 400"):
        curve(r, benchmark=price[1:])
    assert measure(curve(r))["beta"].reason == "no benchmark was given"


def test_rule_18_both_exposures_and_one_sided_turnover() -> None:
    gross = np.where(np.arange(400) % 4 == 0, 50.0, 0.0)
    run = curve(np.zeros(400), gross=gross, net=gross, fills=fills_of((0, 10.0, 5.0, 0.0), (4, 10.0, 5.0, 0.0)))
    figures = measure(run)
    assert figures.number("exposure_time") == 0.25
    assert figures.number("avg_gross_exposure") == pytest.approx(0.125)
    assert figures.number("max_gross_exposure") == pytest.approx(0.5)
    assert figures.number("turnover") == pytest.approx(100.0 / 2 / 100.0 / (400 / 365.25))


def test_rule_19_coin_amounts_are_valued_in_the_reporting_currency_at_their_time() -> None:
    fills = fills_of((0, 20_000.0, 1.0, 0.0005), (5, 40_000.0, 1.0, 0.0005))
    fills["rate"] = [20_000.0, 40_000.0]  # fees in BTC
    run = ten_days(fills=fills, notional=np.array([100.0, 100.0]), funding=funding_of((-0.001, False)))
    assert run.funding is not None
    run.funding["rate"] = 30_000.0
    figures = short(run)
    assert figures.number("fees") == pytest.approx(0.0005 * 60_000.0)
    assert figures.number("funding_paid") == pytest.approx(30.0)
    assert figures.number("traded_notional") == 200.0  # an inverse contract's notional is given, not price × quantity
    # Equity is in the reporting currency: coins that only gained in price are a return, and say so at each mark.
    assert figures.number("total_return") == pytest.approx(0.1114334)


def test_rule_20_costs_are_shown_apart_and_missing_funding_is_said() -> None:
    run = ten_days(fills=fills_of((0, 10.0, 5.0, 0.5)), funding=funding_of((-1.0, False), (0.0, True), (0.0, True)))
    figures = short(run)
    assert figures.number("funding_missing") == 2.0
    assert "2 settlements are missing" in figures["funding_paid"].reason
    assert figures.number("gross_profit") == pytest.approx(figures.number("profit") + 0.5 + 1.0)
    unknown = short(ten_days())
    for name in ("funding_paid", "funding_missing", "fees"):
        assert math.isnan(unknown.number(name)), name  # not zero


def test_rule_21_the_best_of_many_carries_how_many() -> None:
    run = curve(seeded(400))
    one = measure(run, confidence=Confidence(trials=1))
    many = measure(run, confidence=Confidence(trials=500, variance=0.002))
    assert one.number("dsr") == one.number("psr")
    assert many.number("dsr") < one.number("dsr")
    assert many.number("dsr_trials") == 500.0
    assert expected_best(500, 0.002) == pytest.approx(math.sqrt(0.002) * 3.05, rel=0.01)
    assert measure(run)["dsr"].reason == "the number of trials is not known"
    assert "worthless trials" in measure(run, confidence=Confidence(trials=5))["dsr"].reason


def test_rule_22_the_reference_curve_keeps_its_figures() -> None:
    """730 days around the clock; the conventions of other tools on the same curve stand in test_conventions."""
    figures = measure(curve(seeded(730)))
    expected = {
        "sharpe": 2.0726555985007504,
        "sortino": 3.2645853550403756,
        "calmar": 2.6544859796500444,
        "cagr": 0.8668108969448958,
        "max_drawdown": -0.32654566782046907,
        "omega": 1.3451686453938483,
        "ulcer_index": 0.08776920962907726,
        "psr": 0.9983365857193492,
        "lo_sharpe": 1.7713619384714847,
        "min_track_record": 229.83765323947026,
    }
    assert {name: figures.number(name) for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"equity": np.array([1.0, np.nan, 1.0])}, r"equity: row 1 \(2023-01-03 00:00\) is nan"),
        ({"time": START + DAY * np.array([1, 1, 2], dtype=np.int64)}, r"time: row 1 .* is not after the row before"),
        ({"worst": np.array([1.0, 1.0, np.inf])}, "worst: row 2"),
        ({"start_equity": 0.0}, "must begin with money"),
        ({"start_time": START + 5 * DAY}, "is after the first mark"),
        ({"equity": np.ones(2)}, "equity: has 2 values, the clock has 3"),
        ({"equity": np.ones(3, dtype=np.float32)}, "must be float64"),
        ({"time": np.array([], dtype=np.int64), "equity": np.array([])}, "the curve is empty"),
    ],
)
def test_what_cannot_be_measured_is_named(change: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"time": START + DAY * np.arange(1, 4, dtype=np.int64), "equity": np.ones(3), "start_time": START}
    with pytest.raises(Exception, match=said):
        RunArrays(**{**given, **change})
