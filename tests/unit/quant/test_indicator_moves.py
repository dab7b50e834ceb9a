"""What the formulas say where nothing moves or nothing trades, and against plain numpy elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from quantservice.quant.indicators import Stepper, call_of, compute

ROWS = 160
FLAT = {name: np.full(ROWS, 100.0) for name in ("open", "high", "low", "close", "benchmark")} | {"volume": np.zeros(ROWS)}


def _walk(seed: int, rows: int = ROWS) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    benchmark = 50.0 * np.exp(np.cumsum(0.5 * np.diff(np.log(close), prepend=0.0) + random.normal(0, 0.005, rows)))
    return {"open": opened, "high": high, "low": low, "close": close, "volume": random.uniform(1, 9, rows), "benchmark": benchmark}


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("price_spike", 0.0),
        ("log_return", 0.0),
        ("mean_true_range", 0.0),
        ("ease_of_movement", 0.0),
        ("chaikin_oscillator", 0.0),
        ("demarker", 0.5),
        ("derivative_oscillator", 0.0),
        ("frama", 100.0),
        ("market_beta", 0.0),
        ("arima_forecast", 100.0),
        (("arima_forecast", 50, 2, 1, 2), 100.0),
    ],
)
def test_flat_market(call: object, value: float) -> None:
    """Every value after the warm-up is defined where nothing moves."""
    for values in compute(call, FLAT).values():
        np.testing.assert_allclose(values[call_of(call).warm_up :], value, atol=1e-12)


def test_arima_is_two_regressions() -> None:
    """The forecast equals the two least-squares fits of numpy."""
    close = _walk(1)["close"]
    ours = compute(("arima_forecast", 60, 2, 1, 1), {"close": close})["forecast"]
    for end in (60, 100, ROWS):
        window = close[end - 60 : end]
        moved = np.diff(window)
        mean, size, order = moved.mean(), 59, 7
        y = moved - mean
        past = np.column_stack([np.ones(size - order), *(y[order - k : size - k] for k in range(1, order + 1))])
        shocks = np.zeros(size)
        shocks[order:] = y[order:] - past @ np.linalg.lstsq(past, y[order:], rcond=None)[0]
        begin = order + 2
        terms = np.column_stack(
            [np.ones(size - begin), y[begin - 1 : size - 1], y[begin - 2 : size - 2], shocks[begin - 1 : size - 1]]
        )
        fitted = np.linalg.lstsq(terms, y[begin:], rcond=None)[0]
        expected = window[-1] + mean + float(fitted @ np.array([1.0, y[-1], y[-2], shocks[-1]]))
        assert ours[end - 1] == pytest.approx(expected, rel=1e-9)


def test_arima_finds_an_autoregression() -> None:
    """On a strong autoregression about a level it errs much less than the last price does."""
    random = np.random.default_rng(3)
    level = np.zeros(1_500)
    for i in range(1, len(level)):
        level[i] = 0.2 * level[i - 1] + random.normal()
    close = 100.0 + level
    forecast = compute(("arima_forecast", 200, 1, 0, 0), {"close": close})["forecast"]
    ours, last = forecast[199:-1] - close[200:], close[199:-1] - close[200:]
    assert np.mean(ours**2) < 0.75 * np.mean(last**2)


def test_beta_is_a_regression() -> None:
    """Beta and alpha are slope and intercept of returns on the benchmark's returns."""
    bars = _walk(2)
    found = compute(("market_beta", 40), bars)
    own, other = (np.diff(bars[name]) / bars[name][:-1] for name in ("close", "benchmark"))
    slope, intercept = np.polyfit(other[-40:], own[-40:], 1)
    assert found["beta"][-1] == pytest.approx(slope, rel=1e-9)
    assert found["alpha"][-1] == pytest.approx(intercept, rel=1e-9, abs=1e-12)


def test_spike_is_in_deviations_of_earlier_returns() -> None:
    """A planted jump is measured by the returns before it, not by itself."""
    close = _walk(4)["close"]
    close[-1] = close[-2] * 1.2
    returns = np.diff(np.log(close))
    expected = (close[-1] - close[-2]) / (np.std(returns[-21:-1]) * close[-2])
    assert compute("price_spike", {"close": close})["spike"][-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("call", ["frama", ("arima_forecast", 30, 2, 1, 2), ("market_beta", 20, 5), "price_spike"])
def test_bar_by_bar(call: object) -> None:
    """The stepper gives what the bulk form gives."""
    bars = _walk(5)
    bulk, stepper = compute(call, bars), Stepper(call)
    for i in range(ROWS):
        values = stepper.update({name: float(column[i]) for name, column in bars.items()})
        for output, value in values.items():
            np.testing.assert_array_equal(value, bulk[output][i])
