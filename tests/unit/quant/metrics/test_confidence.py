"""What is left of a figure after chance and choice are asked."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.curves import curve, seeded

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.metrics import Confidence, Settings, measure, ratios
from quantservice.quant.metrics.bootstrap import block_length, interval_of, percentiles, resample_statistics, significance
from quantservice.quant.metrics.selection import (
    deflated_sharpe,
    degradation,
    expected_best,
    overfitting,
    probabilistic_sharpe,
    probability_above,
    record_needed,
    variance_of,
    walk_forward_efficiency,
)


def noise(days: int, trials: int = 1, *, seed: int = 1, drift: float = 0.0) -> npt.NDArray[np.float64]:
    found = np.random.Generator(np.random.PCG64(seed)).normal(drift, 0.01, (days, trials))
    return found if trials > 1 else found[:, 0]


def test_the_example_of_the_deflated_sharpe_paper() -> None:
    """Bailey, López de Prado 2014: 100 trials of variance 1/2 a year, 2.5 a year over 1250 days, skewness -3, kurtosis 10."""
    threshold = expected_best(100, 0.5 / 250)
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    assert probability_above(2.5 / math.sqrt(250), 1250, -3.0, 10.0, threshold) == pytest.approx(0.9004, abs=5e-5)


def test_the_example_of_the_minimum_track_record() -> None:
    """Bailey, López de Prado 2012: to tell 2 a year from 1 a year takes 2.73 years of normal daily returns."""
    days = record_needed(2.0 / math.sqrt(252), 0.0, 3.0, 1.0 / math.sqrt(252))
    assert days / 252 == pytest.approx(2.73, abs=0.005)
    assert math.isnan(record_needed(0.05, 0.0, 3.0, 0.06))
    assert math.isnan(record_needed(1.0, 5.0, 3.0))


def test_one_trial_is_no_selection_and_more_trials_deflate_more() -> None:
    r = seeded(500)
    assert deflated_sharpe(r, 1, 0.5) == probabilistic_sharpe(r)
    found = [deflated_sharpe(r, n, 0.001) for n in (2, 10, 1_000, 1_000_000)]
    assert found == sorted(found, reverse=True)
    assert variance_of([0.1, math.nan, 0.3]) == pytest.approx(0.02)
    assert variance_of([0.1]) == 0.0
    for wrong in ({"trials": 0, "variance": 1.0}, {"trials": 2, "variance": -1.0}):
        with pytest.raises(InvalidValue):
            expected_best(**wrong)  # type: ignore[arg-type]


def plain_overfitting(returns: npt.NDArray[np.float64], blocks: int) -> float:
    """The definition, without any sums kept: concatenate, rank, count."""
    parts = np.split(returns[: len(returns) // blocks * blocks], blocks)
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[k] for k in chosen])
        outside = np.concatenate([parts[k] for k in range(blocks) if k not in chosen])
        sharpe_in = inside.mean(axis=0) / inside.std(axis=0, ddof=1)
        sharpe_out = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = (np.argsort(np.argsort(sharpe_out))[np.argmax(sharpe_in)] + 1) / (returns.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
    return float((np.array(logits) <= 0).mean())


def test_overfitting_equals_its_definition() -> None:
    for seed in range(4):
        trials = noise(203, 7, seed=seed)
        assert overfitting(trials, 8).probability == plain_overfitting(trials, 8)


def test_overfitting_of_luck_and_of_skill() -> None:
    luck = [overfitting(noise(320, 20, seed=seed), 8).probability for seed in range(30)]
    assert 0.35 < np.mean(luck) < 0.65
    skilled = noise(800, 40)
    skilled[:, 17] += 0.004
    skill = overfitting(skilled, 12)
    assert skill.probability == 0.0
    assert skill.loss == 0.0
    assert (skill.best_in > 0).all()
    # Copies of one trial are neither better nor worse than each other.
    assert overfitting(np.repeat(noise(100)[:, None], 5, axis=1), 4).logits == pytest.approx(np.zeros(6))


@pytest.mark.parametrize(
    ("returns", "blocks", "said"),
    [
        (noise(100, 2), 5, "even number"),
        (noise(100, 2)[:, :1], 4, "two trials"),
        (noise(5, 2), 4, "cannot be cut"),
        (np.full((100, 2), np.nan), 4, "not a number"),
    ],
)
def test_overfitting_refuses_what_it_cannot_split(returns: npt.NDArray[np.float64], blocks: int, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        overfitting(returns, blocks)


def test_a_resample_is_made_of_blocks_of_the_curve() -> None:
    r = seeded(120)
    # One block as long as the curve: a rotation, which changes neither mean nor spread.
    whole = resample_statistics(r, draws=20, seed=1, kind="circular", block=120.0)
    np.testing.assert_allclose(whole[:, 0], ratios.sharpe(r, 365.0), rtol=1e-12)
    np.testing.assert_allclose(whole[:, 1], ratios.sortino(r, 365.0), rtol=1e-12)
    np.testing.assert_allclose(whole[:, 2], ratios.annual_return(r, 365.0), rtol=1e-9)
    assert len(np.unique(whole[:, 3])) > 1  # the drawdown does depend on where it begins


def test_each_resample_has_the_statistics_of_its_own_path() -> None:
    r = seeded(50)
    found = resample_statistics(r, draws=5, seed=9, block=4.0, rate=0.0001, target=0.0002)
    generator = np.random.Generator(np.random.PCG64(9))
    starts = generator.integers(0, 50, size=(5, 50), dtype=np.int64)
    fresh = generator.random((5, 50)) < 0.25
    for d in range(5):
        at, path = 0, []
        for i in range(50):
            at = int(starts[d, i]) if i == 0 or fresh[d, i] else (at + 1) % 50
            path.append(r[at])
        p = np.array(path)
        expected = [ratios.sharpe(p, 365.0, 0.0001), ratios.sortino(p, 365.0, 0.0002), ratios.annual_return(p, 365.0)]
        np.testing.assert_allclose(found[d, :3], expected, rtol=1e-10)
        assert found[d, 3] == pytest.approx(ratios.max_drawdown(p))


def test_the_same_seed_gives_the_same_interval() -> None:
    r = seeded(300)
    low, high = interval_of(r, "sharpe", draws=400, seed=3)
    assert (low, high) == interval_of(r, "sharpe", draws=400, seed=3)
    assert (low, high) != interval_of(r, "sharpe", draws=400, seed=4)
    assert low < ratios.sharpe(r, 365.0) < high
    # About ±1.645 standard errors of a Sharpe ratio.
    assert high - low == pytest.approx(2 * 1.645 * math.sqrt(365 / 300), rel=0.25)


def test_blocks_are_longer_where_days_depend_on_each_other() -> None:
    independent = noise(2_000)
    dependent = independent.copy()
    for i in range(1, 2_000):
        dependent[i] += 0.8 * dependent[i - 1]
    assert block_length(independent) < 5 < block_length(dependent)
    assert block_length(dependent, "circular") > block_length(dependent)
    assert block_length(np.zeros(100)) == 1.0
    assert block_length(independent[:5]) == 1.0
    trending = np.linspace(-1.0, 1.0, 40)  # every lag is significant
    assert 1.0 <= block_length(trending) <= 19.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"draws": 0}, "0 resamples"),
        ({"block": 0.5}, "between 1 and"),
        ({"kind": "moving"}, "unknown bootstrap"),
        ({"returns": np.array([0.1, np.nan])}, "finite"),
    ],
)
def test_a_bootstrap_says_what_it_cannot_do(change: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"returns": seeded(30), "draws": 3, "seed": 1}
    with pytest.raises((InvalidValue, UnknownName), match=said):
        resample_statistics(**{**given, **change})  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="statistic"):
        interval_of(seeded(30), "sharp")


def test_percentiles_of_what_is_mostly_undefined_are_undefined() -> None:
    assert percentiles(np.array([1.0, np.inf, np.inf])) != percentiles(np.array([1.0, 2.0, np.inf]))
    assert all(math.isnan(x) for x in percentiles(np.array([1.0, np.inf, np.inf])))


def test_p_value_of_independent_days_is_that_of_the_normal_test() -> None:
    r = noise(4_000, drift=0.0003)
    t = r.mean() / (r.std() / math.sqrt(len(r)))
    assert significance(r) == pytest.approx(0.5 * math.erfc(t / math.sqrt(2)), abs=0.02)
    assert significance(np.repeat(r, 3)) > 1.5 * 0.5 * math.erfc(t * math.sqrt(3) / math.sqrt(2))  # copies are no evidence
    assert math.isnan(significance(np.zeros(50)))
    assert math.isnan(significance(r[:2]))


def test_out_of_sample_parts() -> None:
    assert degradation(2.0, 0.5) == 0.75
    assert math.isnan(degradation(-1.0, 1.0))
    inside, outside = (np.full(100, 0.002), np.full(50, 0.002)), (np.full(20, 0.001),)
    expected = (1.001**365 - 1) / (1.002**365 - 1)
    assert walk_forward_efficiency(inside, outside) == pytest.approx(expected)
    assert math.isnan(walk_forward_efficiency((), ()))
    r = seeded(400)
    figures = measure(curve(r), confidence=Confidence(inside=(r[:200],), outside=(r[200:],), parity=0.99))
    assert figures.number("is_oos_degradation") == pytest.approx(1 - ratios.sharpe(r[200:]) / ratios.sharpe(r[:200]))
    assert figures.number("parity_score") == 0.99


def test_a_report_has_its_intervals_and_its_overfitting() -> None:
    r = seeded(400)
    trials = noise(400, 5)
    figures = measure(curve(r), confidence=Confidence(draws=200, trials=5, trial_returns=trials, blocks=8))
    for name in ("sharpe", "sortino", "annual_return"):
        assert figures.number(f"{name}_ci_5") < figures.number(name) < figures.number(f"{name}_ci_95")
    assert figures.number("max_drawdown_ci_5") < figures.number("max_drawdown_ci_95") < 0.0
    assert figures.number("pbo") == overfitting(trials, 8).probability
    # Chance can be asked of a short run too; what is annualised stays unsaid.
    brief = measure(curve(r[:60]), confidence=Confidence(draws=50))
    assert "annualised" in brief["sharpe_ci_5"].reason
    assert brief["max_drawdown_ci_5"].defined
    assert "probabilities need 30" in measure(curve(r[:20]), Settings(), Confidence(draws=5))["psr"].reason
    assert "cut into 16" in measure(curve(r), confidence=Confidence(trial_returns=trials[:20]))["pbo"].reason
    with pytest.raises(InvalidValue, match="draws"):
        Confidence(draws=-1)
