"""A value that does not fit is told by its field, and a word with the nearest known one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from quantservice.core.conversion import refusal, words_of
from quantservice.core.errors import InvalidValue, UnknownName


class Inner(msgspec.Struct):
    mode: Literal["slow", "fast"] = "slow"
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


class Outer(msgspec.Struct):
    name: str
    inner: Inner = msgspec.field(default_factory=Inner)
    many: list[Inner] = msgspec.field(default_factory=list)


def refused(value: Any, wanted: Any = Outer, place: str = "") -> Exception:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, wanted)
    return refusal(caught.value, wanted, place)


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        ({"name": "x", "inner": {"mode": "fst"}}, UnknownName, "unknown inner.mode 'fst'; did you mean: fast"),
        ({"name": "x", "inner": {"size": 0}}, InvalidValue, "inner.size: Expected `int` >= 1"),
        ({"name": "x", "many": [{"mode": "fst"}]}, UnknownName, "unknown many[0].mode 'fst'; did you mean: fast"),
        ({}, InvalidValue, "request: it misses required field `name`"),
        ({"name": 3}, InvalidValue, "name: Expected `str`, got `int`"),
    ],
)
def test_the_field_is_named_and_a_word_has_its_nearest(value: Any, kind: type[Exception], sentence: str) -> None:
    error = refused(value)
    assert type(error) is kind
    assert str(error) == sentence


def test_the_place_leads_the_field() -> None:
    assert str(refused("fst", Literal["slow", "fast"], "mode")) == "unknown mode 'fst'; did you mean: fast"
    assert str(refused({"mode": "x"}, Inner, "data")) == "unknown data.mode 'x'; known are: slow, fast"


def test_words_are_those_of_literals() -> None:
    assert words_of(Inner) == {"mode": ("slow", "fast")}
