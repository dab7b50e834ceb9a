"""Walk-forward, cross-validation, Monte-Carlo, stability: what would show that a find is luck."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.bars import Bars
from quantservice.quant.optimize import montecarlo, stability
from quantservice.quant.optimize.crossvalidation import cross_validate, path_count, paths, splits
from quantservice.quant.optimize.space import Axis, Space
from quantservice.quant.optimize.walkforward import Step, join, windows

DAY_MS = 86_400_000


# --- walk-forward ---


def test_windows_judge_only_what_comes_after() -> None:
    rolling = windows(0, 100 * DAY_MS, train_days=30, test_days=10, gap_days=1)
    assert [(w.train_start // DAY_MS, w.train_end // DAY_MS, w.test_start // DAY_MS, w.test_end // DAY_MS) for w in rolling] == [
        (0, 30, 31, 41),
        (10, 40, 41, 51),
        (20, 50, 51, 61),
        (30, 60, 61, 71),
        (40, 70, 71, 81),
        (50, 80, 81, 91),
        (60, 90, 91, 100),
    ]
    anchored = windows(0, 100 * DAY_MS, train_days=30, test_days=10, anchored=True)
    assert {w.train_start for w in anchored} == {0}
    assert len(windows(0, 44 * DAY_MS, train_days=30, test_days=10)) == 1, "a rest of less than half a test is left out"
    with pytest.raises(InvalidValue, match=r"30 days of training and 10 of test do not fit into the 34\.0 days"):
        windows(0, 34 * DAY_MS, train_days=30, test_days=10)


def test_only_what_was_judged_counts() -> None:
    steps = [
        Step(window, {"a": window.number % 2}, 0.1, np.full(30, 0.01), np.full(10, value), np.arange(10) + 30 + 10 * window.number)
        for window, value in zip(windows(0, 50 * DAY_MS, train_days=30, test_days=10), (0.005, -0.001), strict=True)
    ]
    summary, days, returns = join(steps[::-1])
    assert days.tolist() == list(range(30, 50))
    assert returns.tolist() == [0.005] * 10 + [-0.001] * 10
    assert summary["total_return"] == pytest.approx(1.005**10 * 0.999**10 - 1)
    assert (summary["windows"], summary["consistency"], summary["distinct_choices"]) == (2, 0.5, 2)
    assert summary["efficiency"] == pytest.approx(((1.005 * 0.999) ** (365 / 2) - 1) / (1.01**365 - 1))


# --- cross-validation ---


@settings(max_examples=60, deadline=None)
@given(groups=st.integers(3, 8), days=st.integers(60, 130), purge=st.integers(0, 2), embargo=st.integers(0, 2), data=st.data())
def test_training_never_touches_the_test(groups: int, days: int, purge: int, embargo: int, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(1, groups - 2))
    found = splits(days, groups, chosen, purge=purge, embargo=embargo)
    assert len(found) == math.comb(groups, chosen)
    for split in found:
        assert not (split.train & split.test).any()
        tested = np.flatnonzero(split.test)
        for day in np.flatnonzero(split.train):
            after = day - tested[tested < day]
            before = tested[tested > day] - day
            assert not len(before) or before.min() > purge
            assert not len(after) or after.min() > purge + embargo


@settings(max_examples=30, deadline=None)
@given(groups=st.integers(3, 9), data=st.data())
def test_every_test_of_every_split_is_on_one_path(groups: int, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(1, groups - 1))
    table = paths(groups, chosen)
    assert table.shape == (path_count(groups, chosen), groups)
    used = {(split, group) for path in table for group, split in enumerate(path)}
    every = {(number, group) for number, item in enumerate(combinations(range(groups), chosen)) for group in item}
    assert used == every
    assert len(used) == table.size


def test_a_real_edge_is_chosen_everywhere_and_noise_is_overfitted() -> None:
    source = np.random.default_rng(5)
    noise = source.normal(0.0, 0.01, (400, 30))
    real = noise.copy()
    real[:, 7] += 0.006
    found = cross_validate(real, 8, 2, purge=1, embargo=1)
    assert set(found.chosen.tolist()) == {7}
    assert np.array_equal(found.returns, np.tile(real[:, 7], (7, 1))), "every path is the one trial's own days"
    good, bad = found.summary(), cross_validate(noise, 8, 2).summary()
    assert good["probability_of_overfitting"] < 0.05
    assert bad["probability_of_overfitting"] > 0.3
    assert good["paths_that_lost"] == 0.0
    assert bad["sharpe_daily_mean"] < good["sharpe_daily_worst"]
    assert (good["splits"], good["paths"]) == (28, 7)


@pytest.mark.parametrize(("objective", "best"), [("sharpe_daily", 2), ("sortino_daily", 0), ("total_return", 2)])
def test_other_objectives_choose_too(objective: str, best: int) -> None:
    returns = np.array([[0.01, 0.0, 0.02]] * 30) + np.array([0.001, -0.001] * 15)[:, np.newaxis]
    assert cross_validate(returns, 4, 1, objective=objective).chosen.tolist() == [best] * 4


def test_too_few_days_are_said() -> None:
    with pytest.raises(InvalidValue, match="5 days cannot be cut into 4 groups"):
        splits(5, 4, 2)
    with pytest.raises(InvalidValue, match="leave nothing to train on beside the test groups"):
        splits(12, 4, 2, purge=5)
    with pytest.raises(InvalidValue, match="a return for every day"):
        cross_validate(np.full((30, 2), np.nan), 4, 1)
    with pytest.raises(InvalidValue, match="none of sharpe_daily"):
        cross_validate(np.zeros((30, 2)), 4, 1, objective="luck")


# --- Monte-Carlo ---


def bars(rows: int = 400, seed: int = 1, *, instrument: str = "binance:um:BTC-USDT-PERP", skip: int = 0) -> Bars:
    source = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(source.normal(0, 0.01, rows)))
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) * (1 + source.random(rows) * 0.005)
    low = np.minimum(opened, close) * (1 - source.random(rows) * 0.005)
    volumes = ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume")
    columns: dict[str, npt.NDArray[Any]] = {
        "open_time": np.arange(skip, rows + skip, dtype=np.int64) * 3_600_000,
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        **{name: source.random(rows) * 10 for name in volumes},
    }
    return Bars(instrument, "1h", columns)


def test_shuffled_trades_keep_their_total_and_change_their_falls() -> None:
    returns = np.array([0.05, -0.02, -0.03, 0.04, 0.01, -0.01] * 5)
    found = montecarlo.reorder_trades(returns, range(300), seed=1)
    total = np.prod(1 + returns) - 1
    assert np.allclose(found[:, 0], total)
    assert found[:, 1].max() < 0
    assert found[:, 1].std() > 0
    assert found[:, 2].min() >= 1
    again = montecarlo.reorder_trades(returns, range(100, 120), seed=1)
    assert np.array_equal(again, found[100:120]), "a run is the same whichever worker does it"
    drawn = montecarlo.reorder_trades(returns, range(300), seed=1, resample=True)
    assert drawn[:, 0].std() > 0.01
    with pytest.raises(InvalidValue, match="1 closed trades have no order"):
        montecarlo.reorder_trades(returns[:1], range(2))


def test_trades_become_shares_of_the_equity_before_them() -> None:
    found = montecarlo.trade_returns(np.array([110.0, 100.0]), np.array([9, 3]), np.array([]), 1_000.0)
    assert found.tolist() == [0.1, 0.1]


def test_bars_are_put_together_from_blocks_of_the_real_ones() -> None:
    real = bars()
    (made,) = montecarlo.bootstrap_bars([real], 3, seed=9, block=20)
    assert len(made) == len(real)
    assert np.array_equal(made["open_time"], real["open_time"])
    steps = set(np.round(real["close"][1:] / real["close"][:-1], 9))
    assert set(np.round(made["close"][1:] / made["close"][:-1], 9)) <= steps
    assert (made["high"] >= np.maximum(made["open"], made["close"])).all()
    assert (made["low"] <= np.minimum(made["open"], made["close"])).all()
    assert set(made["volume"]) <= set(real["volume"])
    follows = np.isin(made["volume"][1:], real["volume"][1:])
    places = np.searchsorted(np.sort(real["volume"]), made["volume"])
    order = np.argsort(real["volume"])[places]
    assert follows.all()
    assert 0.85 < (np.diff(order) == 1).mean() < 0.99, "blocks of twenty: about nineteen in twenty bars follow the real one before"
    (again,) = montecarlo.bootstrap_bars([real], 3, seed=9, block=20)
    (other,) = montecarlo.bootstrap_bars([real], 4, seed=9, block=20)
    assert np.array_equal(made["close"], again["close"])
    assert not np.array_equal(made["close"], other["close"])
    with pytest.raises(InvalidValue, match="hold no two blocks"):
        montecarlo.bootstrap_bars([real], 0, block=300)


def test_instruments_are_drawn_from_the_same_moments() -> None:
    one, two = bars(seed=1), bars(seed=1, instrument="binance:um:ETH-USDT-PERP", skip=5)
    first, second = montecarlo.bootstrap_bars([one, two], 0, seed=2, block=10)
    assert len(first) == len(second) == 395
    assert np.array_equal(first["open_time"], second["open_time"])


def test_noise_moves_prices_a_little_and_keeps_bars_sound() -> None:
    real = bars()
    (made,) = montecarlo.disturbed_bars([real], 0, seed=1, noise=0.2)
    assert (made["high"] >= np.maximum(made["open"], made["close"])).all()
    assert (made["low"] <= np.minimum(made["open"], made["close"])).all()
    change = np.abs(made["close"] / real["close"] - 1)
    spread = (real["high"] - real["low"]) / real["close"]
    assert 0 < change.mean() < spread.mean()
    assert np.array_equal(made["volume"], real["volume"])


def test_a_distribution_says_where_the_actual_lies() -> None:
    found = montecarlo.distribution(np.array([1.0, 2.0, 3.0, np.nan]), 2.0)
    assert (found["runs"], found["mean"], found["share_below_actual"]) == (3, 2.0, pytest.approx(2 / 3))
    assert found["percentiles"]["50"] == 2.0
    assert montecarlo.distribution(np.array([np.nan]), 1.0) == {"runs": 0, "actual": 1.0}
    table = montecarlo.summarise(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]]), {"a": 5.0})
    assert table["a"]["share_below_actual"] == 1.0
    assert math.isnan(table["b"]["actual"])


# --- stability ---

SPACE = Space([Axis("x", (1, 2, 3, 4, 5)), Axis("y", (10, 20, 30)), Axis("kind", ("a", "b"))])


def test_a_plateau_is_told_from_a_needle() -> None:
    def score(x: int, y: int, kind: str) -> float:
        if kind == "a":
            return 10.0 if (x, y) == (2, 20) else -1.0
        return 3.0 if x >= 3 else 0.0

    scores = np.array([score(item["x"], item["y"], item["kind"]) for item in SPACE])  # type: ignore[arg-type]
    found = stability.stability(SPACE, SPACE.numbers(), scores)
    assert found["best"]["parameters"] == {"x": 2, "y": 20, "kind": "a"}
    assert found["best"]["neighbours_worst"] == -1.0
    assert found["robustness"] == pytest.approx(-0.1)
    assert found["stable"]["parameters"]["kind"] == "b"
    assert found["stable"]["parameters"]["x"] >= 4
    assert found["stable"]["neighbours_mean"] == 3.0


def test_cells_that_were_not_run_say_nothing() -> None:
    numbers = np.array([0, 2, 28])
    found = stability.stability(SPACE, numbers, np.array([1.0, 2.0, -np.inf]))
    assert found["best"]["parameters"] == SPACE.combination(2)
    assert found["robustness"] == pytest.approx(0.5)
    assert stability.stability(SPACE, numbers, np.full(3, -np.inf))["best"] is None


def test_a_heat_map_of_two_parameters_takes_the_others_at_their_best() -> None:
    numbers = SPACE.numbers()
    scores = np.arange(SPACE.size, dtype=np.float64)
    table = stability.heat_map(SPACE, numbers[:-2], scores[:-2], "y", "x")
    assert (table["across_values"], table["down_values"]) == ([10, 20, 30], [1, 2, 3, 4, 5])
    assert table["cells"][0] == [1.0, 3.0, 5.0]
    assert table["cells"][4] == [25.0, 27.0, None]
    turned = stability.heat_map(SPACE, numbers, scores, "x", "y", best_of=False)
    assert turned["cells"][0] == [0.5, 6.5, 12.5, 18.5, 24.5]
    with pytest.raises(UnknownName, match="unknown parameter 'z'"):
        stability.heat_map(SPACE, numbers, scores, "z", "x")
    flat = Space(SPACE.axes[:2])
    assert stability.heat_map(flat, flat.numbers(), np.arange(15.0), "x", "y")["cells"][1] == [1.0, 4.0, 7.0, 10.0, 13.0]
