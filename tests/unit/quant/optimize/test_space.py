"""What is searched: reading, checking, numbering, sampling."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.optimize.objective import Objective, objectives_of, pareto
from quantservice.quant.optimize.requests import read_request
from quantservice.quant.optimize.space import Space, parameter_hash, read_pairs
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range


class Example(Strategy):
    """A strategy with a parameter of every kind."""

    fast: Annotated[int, Range(2, 100, step=7)] = 10
    level: Annotated[float, Range(0.0, 1.0)] = 0.5
    short: bool = False
    average: str = "sma"

    def on_bars(self, bars: Any) -> Any:
        return bars


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        ("5:20:5", [5, 10, 15, 20]),
        ("5:9", [5]),
        ("5:14:", None),
        ("5,10, 7", [5, 10, 7]),
        (range(5, 8), [5, 6, 7]),
        ([5, 5.0, np.int64(6)], [5, 6]),
        ({"low": 4, "high": 6, "step": 1}, [4, 5, 6]),
        ({"low": 4, "high": 20}, [4, 11, 18]),
        (12, [12]),
    ],
)
def test_values_are_read_from_whatever_form(wanted: Any, values: list[int] | None) -> None:
    if values is None:
        with pytest.raises(InvalidValue, match="fast"):
            Space.of(Example, {"fast": wanted})
    else:
        assert list(Space.of(Example, {"fast": wanted}).axes[0].values) == values


def test_floats_are_what_a_person_wrote() -> None:
    assert Space.of(Example, {"level": "0.1:0.7:0.2"}).axes[0].values == (0.1, 0.3, 0.5, 0.7)
    assert Space.of(Example, {"short": "true,false", "average": ["sma", "ema"]}).shape == (2, 2)
    assert len(Space.of(Example, {"fast": "*"}).axes[0].values) == 15


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({}, "there is nothing to search"),
        ({"fats": [1]}, r"unknown parameter of Example 'fats'; did you mean: fast"),
        ({"fast": []}, "fast: has no value to try"),
        ({"fast": "1:5:2"}, r"fast: 1 is outside 2 … 100"),
        ({"fast": "5:2:1"}, "fast: the range 5:2:1 holds no value"),
        ({"fast": "5:9:0"}, "holds no value"),
        ({"fast": "5:x"}, "fast: 'x' is not a number"),
        ({"fast": "2.5,3"}, "fast: 2.5 must be a whole number"),
        ({"level": "0:1:0.000001"}, "1,000,001 values are more than"),
        ({"average": {"low": 1, "high": 2}}, "average: it is no number"),
        ({"fast": {"low": 2, "hihg": 5}}, "unknown part of the range of fast 'hihg'; did you mean: high"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises((InvalidValue, UnknownName), match=sentence):
        Space.of(Example, wanted)


def test_combinations_are_numbered() -> None:
    space = Space.of(Example, {"fast": "5,10,15", "short": [False, True]})
    assert (space.size, space.shape) == (6, (3, 2))
    assert space.combination(0) == {"fast": 5, "short": False}
    assert space.combination(3) == {"fast": 10, "short": True}
    assert [space.combination(number) for number in space.numbers()] == list(space)
    assert Space.of(Example, space.describe()).axes == space.axes
    with pytest.raises(InvalidValue, match="7 is no combination"):
        space.combination(7)


def test_a_sample_repeats_nothing_and_is_the_same_again() -> None:
    space = Space.of(Example, {"fast": range(2, 100), "level": [place / 1000 for place in range(1000)], "short": [False, True]})
    found = space.numbers(500, seed=3)
    assert len(set(found.tolist())) == 500
    assert (np.diff(found) > 0).all()
    assert (found == space.numbers(500, seed=3)).all()
    assert (found != space.numbers(500, seed=4)).any()
    assert len(space.numbers(10**9)) == space.size
    huge = Space.of(Example, {"fast": range(2, 100), "level": [place / 50_000 for place in range(50_000)]})
    assert len(set(huge.numbers(1_000, seed=1).tolist())) == 1_000
    with pytest.raises(InvalidValue, match="nothing to try"):
        space.numbers(0)


def test_a_parameter_set_has_one_hash_whatever_its_order() -> None:
    assert parameter_hash({"a": 1, "b": 2.5}) == parameter_hash({"b": 2.5, "a": 1})
    assert parameter_hash({"a": 1}) != parameter_hash({"a": 2})


def test_pairs_of_the_command_line() -> None:
    assert read_pairs(["fast=5:60:5", " level = * "]) == {"fast": "5:60:5", "level": "*"}
    for pairs, sentence in ((["fast"], "not of the form"), (["a=1", "a=2"], "given twice")):
        with pytest.raises(InvalidValue, match=sentence):
            read_pairs(pairs)


def test_objectives_know_what_is_better() -> None:
    sharpe, turnover = objectives_of(["sharpe", "turnover"])
    assert (sharpe.direction, turnover.direction) == ("maximize", "minimize")
    assert Objective.of("turnover:max").sign == 1.0
    assert sharpe.best([0.5, np.nan, 2.0, 2.0]) == 2
    assert turnover.best([3.0, 1.0, np.nan]) == 1
    assert sharpe.best([np.nan, np.nan]) is None
    assert sharpe.best([]) is None
    assert Objective.of("profit_factor").best([1.0, np.inf]) == 1
    for text, sentence in (("sharp", "did you mean: sharpe"), ("sharpe:up", "neither max nor min")):
        with pytest.raises((InvalidValue, UnknownName), match=sentence):
            Objective.of(text)
    with pytest.raises(InvalidValue, match="named twice"):
        objectives_of(["sharpe", "sharpe"])


def test_the_front_is_what_nothing_beats() -> None:
    scores = np.array([[1.0, 5.0], [2.0, 4.0], [1.5, 4.0], [0.0, 0.0], [-np.inf, 9.0]])
    assert pareto(scores).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("swep", {}, "unknown kind 'swep'; did you mean: sweep"),
        ("sweep", {"spcae": {}}, "unknown field 'spcae'; did you mean: space"),
        ("sweep", {}, "request: it misses required field `space`"),
        ("sweep", {"space": {}}, "space: there is nothing to search"),
        ("sweep", {"space": {"a": [1]}, "sample": 0}, "sample: 0 is outside"),
        ("sweep", {"space": {"a": [1]}, "sample": "x"}, "sample: Expected `int | null`, got `str`"),
        ("sweep", {"space": {"a": [1]}, "objective": "sharp"}, "did you mean: sharpe"),
        ("sweep", {"space": {"a": [1]}, "assumptions": {"fee": 1}}, "unknown assumption 'fee'; did you mean: fees"),
        ("sweep", {"space": {"a": [1]}, "assumptions": {"leverage": 0.0}}, "leverage: 0.0 must be from 1"),
        ("sweep", {"space": {"a": [1]}, "workers": 0}, "workers: 0 processes"),
        ("optimize", {"space": {"a": [1]}, "objectives": ["sharpe", "cagr"], "pruner": "median"}, "cannot be pruned"),
        ("optimize", {"space": {"a": [1]}, "objectives": ["sharpe", "cagr"], "sampler": "cmaes"}, "cmaes seeks one"),
        ("walkforward", {"space": {"a": [1]}, "train_days": 0, "test_days": 5}, "train_days: training and test need a day or more"),
        ("crossvalidate", {"space": {"a": [1]}, "groups": 5, "test_groups": 5}, "leave nothing to train on"),
        ("crossvalidate", {"space": {"a": [1]}, "groups": 50}, "outside 3 … 20"),
        ("montecarlo", {"noise": 0}, "noise: must be more"),
        ("montecarlo", {"method": "magic"}, "unknown method 'magic'; known are: shuffle, resample, bootstrap, noise"),
    ],
)
def test_requests_are_checked_whole(kind: str, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises((InvalidValue, UnknownName)) as caught:
        read_request(kind, {"strategy": "ma_cross", "data": {}, **changes})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
