"""Parameters: read from the class, checked once, shown as schema, flags and grid."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.strategies import Bar, Choices, Range, Strategy, View
from quantservice.quant.strategies.base import parameters_of_class
from quantservice.quant.strategies.registry import STRATEGIES


class Many(Strategy):
    fast: Annotated[int, Range(2, 20, step=3), "bars"] = 5
    level: Annotated[float, Range(0.0, 1.0, doc="how far")] = 0
    side: Literal["long", "both"] = "long"
    hour: Annotated[int, Choices((8, 16))] = 8
    on: bool = True
    word: str = "a"
    memory_bars: ClassVar[int] = 50
    limit: ClassVar[int] = 3
    _private = 4

    def on_kline(self, kline: Bar, view: View) -> None:
        return None


class Child(Many):
    fast = 8
    word = None  # type: ignore[assignment]  # no parameter any more


def test_class_attributes_with_a_plain_default_are_parameters() -> None:
    assert list(parameters_of_class(Many)) == ["fast", "level", "side", "hour", "on", "word"]
    assert Many().parameters == {"fast": 5, "level": 0.0, "side": "long", "hour": 8, "on": True, "word": "a"}
    assert isinstance(Many().parameters["level"], float)
    assert repr(Many(fast=7)).startswith("Many(fast=7, level=0.0, side='long'")
    assert "word" not in parameters_of_class(Child)
    assert Child().parameters["fast"] == 8
    assert parameters_of_class(Child)["fast"].high == 20


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fsat": 5}, "did you mean: fast"),
        ({"fast": 21}, "fast: 21 is outside 2 … 20"),
        ({"fast": 2.5}, "whole number"),
        ({"fast": True}, "not a number"),
        ({"level": math.nan}, "finite"),
        ({"side": "short"}, "none of 'long', 'both'"),
        ({"hour": 9}, "none of 8, 16"),
        ({"on": 1}, "true or false"),
        ({"word": 3}, "not a text"),
    ],
)
def test_wrong_values_are_answered_with_the_name(given: dict[str, Any], words: str) -> None:
    with pytest.raises((InvalidValue, UnknownName), match=words.replace("(", r"\(")):
        Many(**given)


def test_numbers_of_other_kinds_are_taken_as_they_are() -> None:
    numpy_numbers: dict[str, Any] = {"fast": np.int64(4), "level": np.float64(0.5)}
    assert Many(**numpy_numbers).parameters["fast"] == 4
    assert type(Many(fast=4.0).parameters["fast"]) is int


def test_flags_are_read_by_kind() -> None:
    read = parameters_of_class(Many).parse(["fast=7", "level=0.5", "on=no", "word=x=y", "side= both"])
    assert read == {"fast": 7, "level": 0.5, "on": False, "word": "x=y", "side": "both"}
    for wrong in ("fast", "fast=x", "on=maybe", "fats=3"):
        with pytest.raises((InvalidValue, UnknownName)):
            parameters_of_class(Many).parse([wrong])
    with pytest.raises(InvalidValue, match="twice"):
        parameters_of_class(Many).parse(["fast=3", "fast=4"])


def test_grids_come_from_the_declaration() -> None:
    specs = parameters_of_class(Many)
    assert specs["fast"].grid() == [2, 5, 8, 11, 14, 17, 20]
    assert specs["level"].grid() == pytest.approx([place / 10 for place in range(11)])
    assert specs["side"].grid() == ["long", "both"]
    assert specs["on"].grid() == [False, True]
    assert specs["word"].grid() == ["a"]


def test_the_schema_makes_a_form() -> None:
    schema = parameters_of_class(Many).schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["properties"]["fast"] == {
        "type": "integer",
        "default": 5,
        "title": "fast",
        "minimum": 2,
        "maximum": 20,
        "step": 3,
        "description": "bars",
    }
    assert schema["properties"]["side"]["enum"] == ["long", "both"]


def test_declarations_that_contradict_themselves_are_refused() -> None:
    class Outside(Strategy):
        fast: Annotated[int, Range(2, 5)] = 9

    class OtherKind(Strategy):
        fast: int = "x"  # type: ignore[assignment]

    class Reserved(Strategy):
        name: str = "mine"  # type: ignore[assignment]

    class Several(Strategy):
        fast: int | str = 3

    for cls in (Outside, OtherKind, Reserved, Several):
        with pytest.raises(InvalidValue, match=cls.__name__):
            parameters_of_class(cls)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_template_declares_its_parameters_with_words(name: str) -> None:
    entry = STRATEGIES[name]
    assert entry.doc.endswith(".")
    assert entry.cls().parameters
    for spec in parameters_of_class(entry.cls).values():
        assert spec.doc, spec.name
        assert spec.kind in {bool, str} or math.isfinite(spec.low), spec.name
        assert all(spec.check(value) == value for value in spec.grid())
    assert json.dumps(entry.describe())


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("ma_cross", {"fast": 50, "slow": 50}),
        ("rsi_reversion", {"low": 45.0, "middle": 40.0}),
        ("donchian_breakout", {"entry": 10, "leave": 20}),
        ("pairs", {"entry": 1.0, "leave": 1.0}),
        ("funding_carry", {"entry": 0.0, "leave": 0.001}),
    ],
)
def test_templates_refuse_values_that_do_not_go_together(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="must"):
        STRATEGIES[name].cls(**given)
