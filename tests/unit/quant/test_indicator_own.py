"""Indicators that no reference file covers, against their definitions written another way, over windows of a random market."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.indicators import Columns, constant, gridded, market, use_plain

from quantservice.quant.indicators import REGISTRY, call_of, compute

Values = npt.NDArray[np.float64]
ROWS = 160


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_plain(monkeypatch)


@pytest.fixture(params=["walk", "ticks"])
def bars(request: pytest.FixtureRequest) -> Columns:
    rng = np.random.default_rng(7)
    return market(rng, ROWS) if request.param == "walk" else gridded(rng, ROWS)


def over_windows(length: int, function: Callable[..., float], *series: Values) -> Values:
    """Apply a function to each full window of some series; NaN before the first, and where a value is missing."""
    found = np.full(len(series[0]), np.nan)
    for end in range(length, len(found) + 1):
        windows = [values[end - length : end] for values in series]
        if not any(np.isnan(window).any() for window in windows):
            found[end - 1] = function(*windows)
    return found


def log_returns(bars: Columns) -> Values:
    return np.concatenate([[np.nan], np.diff(np.log(bars["close"]))])


def delayed(values: Values, bars: int) -> Values:
    return np.concatenate([np.full(bars, np.nan), values[:-bars]])


def same(found: Values, expected: Values, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# Volatility


def test_volatility_of_closes_and_of_ranges(bars: Columns) -> None:
    o, h, low, c = (bars[name] for name in ("open", "high", "low", "close"))
    r = log_returns(bars)
    n, year = 12, 365.0
    same(
        compute(("realised_volatility", n, year), bars)["volatility"], over_windows(n, lambda w: math.sqrt(year * w.var(ddof=1)), r)
    )
    about_zero = compute(("realised_volatility", n, 1.0, 0), bars)["volatility"]
    same(about_zero, over_windows(n, lambda w: math.sqrt(np.mean(w * w)), r))
    range_square = np.log(h / low) ** 2
    same(
        compute(("parkinson", n, year), bars)["volatility"],
        over_windows(n, lambda w: math.sqrt(year * w.sum() / (4 * n * math.log(2))), range_square),
    )
    garman = 0.5 * range_square - (2 * math.log(2) - 1) * np.log(c / o) ** 2
    same(compute(("garman_klass", n), bars)["volatility"], over_windows(n, lambda w: math.sqrt(max(0.0, w.mean())), garman))


def test_yang_zhang_puts_gaps_bodies_and_the_inner_range_together(bars: Columns) -> None:
    o, h, low, c = (bars[name] for name in ("open", "high", "low", "close"))
    n = 15
    gaps, bodies = np.log(o / delayed(c, 1)), np.log(c / o)
    inner = np.log(h / c) * np.log(h / o) + np.log(low / c) * np.log(low / o)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))

    def estimate(gap: Values, body: Values, rest: Values) -> float:
        return math.sqrt(max(0.0, gap.var(ddof=1) + k * body.var(ddof=1) + (1 - k) * rest.mean()))

    same(compute(("yang_zhang", n), bars)["volatility"], over_windows(n, estimate, gaps, bodies, inner))


def test_jumps_move_the_whole_variance_and_not_the_bipower() -> None:
    bars = market(np.random.default_rng(3), 200, step=0.001)
    calm = compute(("bipower", 50), bars)
    jumped = bars | {"close": bars["close"] * np.where(np.arange(200) >= 180, 1.1, 1.0)}
    found = compute(("bipower", 50), jumped)
    assert calm["jump"][-1] < 0.4
    assert found["jump"][-1] > 0.9
    assert found["volatility"][-1] < 10 * calm["volatility"][-1]
    halves = compute(("semi_volatility", 50), jumped)
    assert halves["skew"][-1] > 0.9
    whole = compute(("realised_volatility", 50, 1.0, 0), jumped)["volatility"]
    same(halves["up"] ** 2 + halves["down"] ** 2, whole**2)


def test_exponentially_weighted_volatility_is_its_recursion(bars: Columns) -> None:
    squares = log_returns(bars)[1:] ** 2
    expected = [squares[0]]
    for square in squares[1:]:
        expected.append(0.9 * expected[-1] + 0.1 * square)
    same(compute(("ewma_volatility", 0.9), bars)["volatility"][1:] ** 2, np.array(expected))


# Statistics


def test_standing_in_the_window(bars: Columns) -> None:
    c, n = bars["close"], 21
    found = compute(("z_score", n), bars)
    same(found["z_score"], over_windows(n, lambda w: (w[-1] - w.mean()) / w.std(ddof=1) if w.std() > 0 else 0.0, c))
    same(compute(("quantile", n, 0.3), bars)["quantile"], over_windows(n, lambda w: float(np.quantile(w, 0.3)), c))
    same(compute(("moving_median", n), bars)["moving_median"], over_windows(n, lambda w: float(np.median(w)), c))
    robust = compute(("robust_z_score", n), bars)
    same(robust["deviation"], over_windows(n, lambda w: float(np.median(np.abs(w - np.median(w)))), c))
    moved = robust["deviation"] > 0
    same(robust["z_score"][moved], 0.6745 * (c[moved] - robust["median"][moved]) / robust["deviation"][moved])


def test_shape_and_memory_of_returns(bars: Columns) -> None:
    r, n = log_returns(bars), 30

    def skewness(w: Values) -> float:
        m = w - w.mean()
        return float(np.mean(m**3) / np.mean(m**2) ** 1.5 * math.sqrt(n * (n - 1)) / (n - 2))

    def memory(w: Values) -> float:
        m = w - w.mean()
        return float((m[2:] * m[:-2]).sum() / (m * m).sum())

    same(compute(("return_moments", n), bars)["skewness"], over_windows(n, skewness, r))
    same(compute(("autocorrelation", n, 2), bars)["autocorrelation"], over_windows(n, memory, r))


def test_variance_ratio_is_of_overlapping_returns(bars: Columns) -> None:
    n, q = 60, 4

    def ratio(window: Values) -> float:
        mean = (window[-1] - window[0]) / n
        single = ((np.diff(window) - mean) ** 2).sum() / (n - 1)
        longer = ((window[q:] - window[:-q] - q * mean) ** 2).sum() / (q * (n - q + 1) * (1 - q / n))
        return float(longer / single)

    same(compute(("variance_ratio", n, q), bars)["ratio"], over_windows(n + 1, ratio, np.log(bars["close"])))


def test_variance_ratio_tells_a_trend_from_a_pendulum() -> None:
    steps = np.random.default_rng(2).normal(0, 0.01, 400)
    trending, turning = steps + 0.6 * delayed(steps, 1), steps - 0.6 * delayed(steps, 1)
    ratios = []
    for path in (trending, steps, turning):
        bars = {"close": 100 * np.exp(np.cumsum(np.nan_to_num(path)))}
        ratios.append(compute(("variance_ratio", 300, 4), bars)["ratio"][-1])
    assert ratios[0] > 1.3 > ratios[1] > 0.8 > ratios[2]


def test_hurst_exponents_order_a_trend_a_walk_and_noise() -> None:
    rng = np.random.default_rng(2)
    walk = np.cumsum(rng.normal(0, 1, 400))
    smooth = np.cumsum(np.convolve(rng.normal(0, 1, 440), np.ones(40) / 40, "valid"))[:400]
    noise = rng.normal(0, 1, 400)
    found = [compute(("hurst", 300, 20), {"close": 1_000 + path})["hurst"][-1] for path in (smooth, walk, noise)]
    assert found[0] > 0.8 > found[1] > 0.35 > found[2]
    rescaled = [
        compute(("hurst_rescaled_range", 256), {"close": np.exp(path / 1_000)})["hurst"][-1] for path in (smooth, walk, noise)
    ]
    assert rescaled[0] > rescaled[1] > rescaled[2]


def test_half_life_is_the_regression_of_steps_on_levels(bars: Columns) -> None:
    n, level = 40, np.log(bars["close"])
    found = compute(("half_life", n), bars)
    for end in (60, 110, ROWS):
        window = level[end - n - 1 : end]
        x, y = window[:-1], np.diff(window)
        design = np.column_stack([np.ones(n), x])
        beta, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
        error = math.sqrt(residual[0] / (n - 2) * np.linalg.inv(design.T @ design)[1, 1])
        assert found["t_statistic"][end - 1] == pytest.approx(beta[1] / error, rel=1e-6)
        if -1 < beta[1] < 0:
            assert found["half_life"][end - 1] == pytest.approx(min(1e6, -math.log(2) / math.log1p(beta[1])), rel=1e-6)


def test_permutation_entropy_counts_orders() -> None:
    c = np.random.default_rng(4).normal(100, 1, 60)

    def entropy(w: Values) -> float:
        counts = dict.fromkeys(itertools.permutations(range(3)), 0)
        for i in range(len(w) - 2):
            counts[tuple(int(place) for place in np.argsort(w[i : i + 3]))] += 1
        shares = np.array([count for count in counts.values() if count]) / (len(w) - 2)
        return float(-(shares * np.log(shares)).sum() / math.log(6))

    same(compute(("permutation_entropy", 25, 3), {"close": c})["entropy"], over_windows(25, entropy, c))


def test_fractional_difference_of_order_one_is_the_return(bars: Columns) -> None:
    same(compute(("fractional_difference", 5, 1.0), bars)["difference"][4:], log_returns(bars)[4:])
    half = compute(("fractional_difference", 4, 0.5), bars)["difference"]
    same(half, over_windows(4, lambda w: float(w @ [-0.0625, -0.125, -0.5, 1.0]), np.log(bars["close"])))


# Pairs and risk


def test_hedge_ratio_is_the_line_of_least_squares(bars: Columns) -> None:
    n, own, other = 25, np.log(bars["close"]), np.log(bars["benchmark"])
    found = compute(("hedge_ratio", n), bars)
    for end in (n, 90, ROWS):
        y, x = own[end - n : end], other[end - n : end]
        slope, start = np.polyfit(x, y, 1)
        left = y - slope * x - start
        assert found["hedge_ratio"][end - 1] == pytest.approx(slope, rel=1e-6)
        assert found["spread"][end - 1] == pytest.approx(left[-1], abs=1e-9)
        assert found["z_score"][end - 1] == pytest.approx(left[-1] / math.sqrt((left @ left) / (n - 2)), rel=1e-6)
        assert found["r_squared"][end - 1] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, rel=1e-6)


def test_tracking_is_of_the_excess_return(bars: Columns) -> None:
    n = 30
    own, other = (np.concatenate([[np.nan], np.diff(v) / v[:-1]]) for v in (bars["close"], bars["benchmark"]))
    found = compute(("tracking", n), bars)
    same(found["tracking_error"], over_windows(n, lambda a, b: float((a - b).std(ddof=1)), own, other))
    same(found["information_ratio"], over_windows(n, lambda a, b: float((a - b).mean() / (a - b).std(ddof=1)), own, other))
    same(found["up_capture"], over_windows(n, lambda a, b: float(a[b > 0].sum() / b[b > 0].sum()), own, other))


def test_drawdown_and_historical_risk(bars: Columns) -> None:
    n, c = 40, bars["close"]

    def falls(w: Values) -> Values:
        return w / np.maximum.accumulate(w) - 1

    found = compute(("drawdown", n), bars)
    same(found["drawdown"], over_windows(n, lambda w: w[-1] / w.max() - 1, c))
    same(found["max_drawdown"], over_windows(n, lambda w: falls(w).min(), c))
    same(found["ulcer"], over_windows(n, lambda w: math.sqrt(np.mean(falls(w) ** 2)), c))
    r = np.concatenate([[np.nan], np.diff(c) / c[:-1]])
    tail = compute(("historical_risk", n, 0.9), bars)
    same(tail["value_at_risk"], over_windows(n, lambda w: np.sort(w)[3], r))
    same(tail["expected_shortfall"], over_windows(n, lambda w: np.sort(w)[:4].mean(), r))


# Channels and levels


def test_the_cloud_is_what_a_chart_shows_at_the_bar(bars: Columns) -> None:
    h, low, c = bars["high"], bars["low"], bars["close"]
    found = compute(("ichimoku", 5, 9, 17, 8), bars)

    def middle(n: int) -> Values:
        return over_windows(n, lambda a, b: (a.max() + b.min()) / 2, h, low)

    seen = slice(call_of(("ichimoku", 5, 9, 17, 8)).warm_up, None)
    assert seen.start == 17 + 8 - 1
    same(found["tenkan"][seen], middle(5)[seen])
    same(found["kijun"][seen], middle(9)[seen])
    same(found["senkou_a"], np.where(np.isnan(delayed(middle(17), 8)), np.nan, delayed((middle(5) + middle(9)) / 2, 8)))
    same(found["senkou_b"], delayed(middle(17), 8))
    same(found["chikou"][seen], c[seen])
    same(found["behind"][seen], delayed(c, 8)[seen])


def test_channels_of_earlier_bars_and_of_lines(bars: Columns) -> None:
    n, c = 14, bars["close"]
    found = compute(("price_channel", n), bars)
    same(found["upper"], delayed(over_windows(n, lambda w: w.max(), bars["high"]), 1))
    same(found["lower"], delayed(over_windows(n, lambda w: w.min(), bars["low"]), 1))
    line = compute(("linreg_channel", n, 2.0), bars)

    def end(w: Values) -> float:
        return float(np.polyval(np.polyfit(np.arange(n), w, 1), n - 1))

    def error(w: Values) -> float:
        left = w - np.polyval(np.polyfit(np.arange(n), w, 1), np.arange(n))
        return math.sqrt(left @ left / (n - 2))

    same(line["middle"], over_windows(n, end, c), 1e-7)
    same(line["upper"] - line["middle"], over_windows(n, lambda w: 2 * error(w), c), 1e-6)
    same(compute(("lsma", n), bars)["slope"], over_windows(n, lambda w: float(np.polyfit(np.arange(n), w, 1)[0]), c), 1e-7)


def test_a_supertrend_turns_where_its_band_is_crossed(bars: Columns) -> None:
    found = compute(("supertrend_bands", 7, 2.0), bars)
    seen = range(call_of(("supertrend_bands", 7, 2.0)).warm_up + 1, ROWS)
    assert len({found["direction"][i] for i in seen}) == 2
    for i in seen:
        c = bars["close"][i]
        turned = found["direction"][i] != found["direction"][i - 1]
        assert turned == (c > found["upper"][i] if found["direction"][i - 1] < 0 else c < found["lower"][i])
        assert found["supertrend"][i] == (found["lower"][i] if found["direction"][i] > 0 else found["upper"][i])


# Sessions and flow


@pytest.mark.parametrize(
    ("reset", "key"),
    [(1, lambda t: t.date()), (2, lambda t: t.date() - timedelta(days=t.weekday())), (3, lambda t: (t.year, t.month))],
)
def test_session_vwap_begins_anew(reset: int, key: Callable[[datetime], Any]) -> None:
    bars = gridded(np.random.default_rng(5), 900)
    bars["open_time"] = 1_709_078_400_000 + 8 * 3_600_000 * np.arange(900, dtype=np.int64)  # over a leap day and two new years
    price = (bars["high"] + bars["low"] + bars["close"]) / 3
    sessions = [key(datetime.fromtimestamp(time / 1_000, UTC)) for time in bars["open_time"].tolist()]
    found = compute(("session_vwap", reset), bars)
    for i in range(0, 900, 7):
        first = sessions.index(sessions[i])
        p, v = price[first : i + 1], bars["volume"][first : i + 1]
        expected = (p * v).sum() / v.sum() if v.sum() > 0 else price[i]
        assert found["vwap"][i] == pytest.approx(expected, rel=1e-12)
        if v.sum() > 0:
            assert found["deviation"][i] == pytest.approx(math.sqrt((v * (p - expected) ** 2).sum() / v.sum()), abs=1e-7)
    ranged = compute(("session_range", reset), bars)
    assert ranged["bars"][-1] == 900 - sessions.index(sessions[-1])
    assert ranged["high"][-1] == bars["high"][sessions.index(sessions[-1]) :].max()


def test_an_anchored_vwap_counts_from_its_anchor(bars: Columns) -> None:
    anchor = int(bars["open_time"][40])
    found = compute(("anchored_vwap", anchor), bars)["vwap"]
    price = (bars["high"] + bars["low"] + bars["close"]) / 3
    volume = bars["volume"]
    assert np.isnan(found[:40]).all()
    same(found[-1:], np.array([(price[40:] * volume[40:]).sum() / volume[40:].sum()]))


def test_pressure_of_takers(bars: Columns) -> None:
    bought, volume, n = bars["taker_buy_base_volume"], bars["volume"], 10
    delta = 2 * bought - volume
    found = compute(("order_flow_imbalance", n), bars)
    same(found["imbalance"], over_windows(n, lambda d, v: d.sum() / v.sum(), delta, volume))
    same(found["delta"][n - 1 :], delta[n - 1 :])
    same(compute("cumulative_delta", bars)["cumulative"], np.cumsum(delta))
    same(compute(("bar_vpin", n), bars)["vpin"], over_windows(n, lambda d, v: np.abs(d).sum() / v.sum(), delta, volume))
    change = np.concatenate([[np.nan], np.diff(bars["close"])])
    impact = compute(("kyle_lambda", 20), bars)["impact"]
    same(impact, over_windows(20, lambda y, x: float(np.cov(y, x)[0, 1] / np.var(x, ddof=1)), change, delta), 1e-7)


def test_cumulative_delta_of_a_day(bars: Columns) -> None:
    day = bars["open_time"] // 86_400_000
    delta = 2 * bars["taker_buy_base_volume"] - bars["volume"]
    expected = np.concatenate([np.cumsum(delta[day == one]) for one in np.unique(day)])
    same(compute(("cumulative_delta", 1), bars)["cumulative"], expected)


def test_events_add_up_to_the_threshold(bars: Columns) -> None:
    found = compute(("cusum_filter", 0.03), bars)
    assert set(np.unique(found["event"][1:])) == {-1.0, 0.0, 1.0}
    assert (found["up"][1:] < 0.03).all()
    assert (found["down"][1:] > -0.03).all()
    up = down = 0.0
    for i, value in enumerate(log_returns(bars)[1:], start=1):
        up, down = max(0.0, up + value), min(0.0, down + value)
        event = 1.0 if up >= 0.03 else -1.0 if down <= -0.03 else 0.0
        up, down = (0.0 if event > 0 else up), (0.0 if event < 0 else down)
        assert found["event"][i] == event


# All of them

OWN = sorted(
    name
    for name, spec in REGISTRY.items()
    if spec.step.__module__.rpartition(".")[2]
    in ("channels", "estimators", "filters", "flow", "oscillators", "pairs", "risk", "smoothing", "statistics", "trend", "turns")
)


@pytest.mark.parametrize("name", OWN)
def test_a_market_that_stands_still_has_a_value_too(name: str) -> None:
    call = call_of(name)
    bars = constant(np.random.default_rng(6), call.warm_up + 5)
    for output, values in compute(call, bars).items():
        assert np.isfinite(values[call.warm_up :]).all(), output


def test_full_names_are_the_same_indicators(bars: Columns) -> None:
    for full, short in (("heikin_ashi", "ha"), ("keltner", "kc"), ("elder_ray", "eri"), ("williams_r", "willr")):
        assert REGISTRY[full].step is REGISTRY[short].step
        for output, values in compute(full, bars).items():
            np.testing.assert_array_equal(values, compute(short, bars)[output])
