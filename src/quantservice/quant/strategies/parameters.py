"""Parameters are class attributes: read once from the class, checked in one place, shown as form, flags and grid."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args, get_origin

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName, UserError

Value: TypeAlias = int | float | bool | str
_KINDS: Final[dict[type, str]] = {int: "integer", float: "number", bool: "boolean", str: "string"}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both included; ``step`` is the grid's default distance. ``Annotated[int, Range(2, 500)]``."""

    low: float = -math.inf
    high: float = math.inf
    step: float | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that a parameter may have. ``Annotated[str, Choices(("long", "both"))]``; a ``Literal`` says the same."""

    values: tuple[Value, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter of a strategy. ``kind`` is int, float, bool or str."""

    name: str
    default: Value
    kind: type
    low: float = -math.inf
    high: float = math.inf
    step: float | None = None
    choices: tuple[Value, ...] = ()
    doc: str = ""

    def check(self, value: object) -> Value:
        """Return ``value`` as this parameter's type within its domain, or raise InvalidValue naming it."""
        checked = self._of_kind(value)
        if self.choices and checked not in self.choices:
            raise InvalidValue(self.name, f"{checked!r} is none of {', '.join(repr(item) for item in self.choices)}")
        if isinstance(checked, int | float) and not isinstance(checked, bool) and not self.low <= checked <= self.high:
            raise InvalidValue(self.name, f"{checked:g} is outside {self.low:g} … {self.high:g}")
        return checked

    def _of_kind(self, value: object) -> Value:
        if isinstance(value, np.generic):
            value = value.item()
        if self.kind is str or self.kind is bool:
            if isinstance(value, self.kind):
                return typing.cast(Value, value)
            said = "is not a text" if self.kind is str else "is not true or false"
            raise InvalidValue(self.name, f"{value!r} {said}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidValue(self.name, f"{value!r} is not a number")
        if not math.isfinite(value):
            raise InvalidValue(self.name, f"{value} is not a finite number")
        if self.kind is int and value != int(value):
            raise InvalidValue(self.name, f"{value} must be a whole number")
        return int(value) if self.kind is int else float(value)

    def parse(self, text: str) -> Value:
        """Read the text of a flag or a form field."""
        clean = text.strip()
        if self.kind is str:
            return self.check(clean)
        if self.kind is bool:
            if clean.lower() in _TRUE + _FALSE:
                return clean.lower() in _TRUE
            raise InvalidValue(self.name, f"{text!r} is not true or false")
        try:
            number = int(clean) if self.kind is int else float(clean)
        except ValueError:
            try:
                number = float(clean)
            except ValueError:
                raise InvalidValue(self.name, f"{text!r} is not a number") from None
        return self.check(number)

    def grid(self, most: int = 11) -> list[Value]:
        """Return the values an optimiser tries when none are named: choices, both truths, or ``step`` over the bounds."""
        if self.choices:
            return list(self.choices)
        if self.kind is bool:
            return [False, True]
        if self.kind is str or not (math.isfinite(self.low) and math.isfinite(self.high)):
            return [self.default]
        step = self.step if self.step is not None else (self.high - self.low) / max(1, most - 1)
        if self.kind is int:
            step = max(1, round(step))
        count = math.floor((self.high - self.low) / step + 1e-9) + 1 if step > 0 else 1
        return [self.check(type(self.default)(round(self.low + place * step, 12))) for place in range(count)]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of this parameter, from which the page makes its form field."""
        made: dict[str, Any] = {"type": _KINDS[self.kind], "default": self.default, "title": self.name.replace("_", " ")}
        if self.choices:
            made["enum"] = list(self.choices)
        if math.isfinite(self.low):
            made["minimum"] = self.low if self.kind is float else int(self.low)
        if math.isfinite(self.high):
            made["maximum"] = self.high if self.kind is float else int(self.high)
        if self.step is not None:
            made["step"] = self.step  # a hint for sliders and grids; other values within the bounds are valid too
        if self.doc:
            made["description"] = self.doc
        return made


class Parameters(Mapping[str, ParameterSpec]):
    """The parameters of one strategy class, in the order of their declaration."""

    def __init__(self, owner: str, specs: Iterable[ParameterSpec]) -> None:
        self.owner = owner
        self._specs = {spec.name: spec for spec in specs}

    def __getitem__(self, name: str) -> ParameterSpec:
        found = self._specs.get(name)
        if found is None:
            raise self.unknown(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> typing.Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def unknown(self, name: str) -> UserError:
        """Return the error of a name that is no parameter."""
        if not self._specs:
            return InvalidValue(name, f"{self.owner} has no parameters")
        return UnknownName(f"parameter of {self.owner}", name, self._specs)

    def bind(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return every parameter's value: the given ones checked, defaults for the rest."""
        for name in values:
            if name not in self._specs:
                raise self.unknown(name)
        return {name: spec.check(values[name]) if name in values else spec.default for name, spec in self._specs.items()}

    def parse(self, pairs: Iterable[str]) -> dict[str, Value]:
        """Read ``name=value`` texts (``--param fast=10``)."""
        read: dict[str, Value] = {}
        for pair in pairs:
            name, mark, text = pair.partition("=")
            if not mark:
                raise InvalidValue("param", f"{pair!r} is not of the form name=value")
            if name.strip() in read:
                raise InvalidValue("param", f"{name.strip()} is given twice")
            read[name.strip()] = self[name.strip()].parse(text)
        return read

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of all parameters."""
        return {
            "type": "object",
            "title": self.owner,
            "properties": {name: spec.schema() for name, spec in self._specs.items()},
            "additionalProperties": False,
        }


def parameters_of(cls: type) -> Parameters:
    """Read the parameters of a strategy class: public attributes with a plain default, base classes first.

    Annotations may narrow them (``Annotated[int, Range(2, 500), "bars averaged"]``, ``Literal["long", "both"]``); a ``ClassVar``
    is none.
    """
    hints = _hints(cls)
    found: dict[str, ParameterSpec] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if name.startswith("_") or not isinstance(value, int | float | bool | str):
                found.pop(name, None)  # a base's parameter that was replaced by something else
                continue
            hint = hints.get(name)
            if _is_class_var(hint):
                continue
            found[name] = _spec(cls.__name__, name, value, hint)
    return Parameters(cls.__name__, found.values())


def _hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a class and its bases; those that cannot be evaluated stay text."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get("__annotations__", {})
        if not own:
            continue
        try:
            hints.update(typing.get_type_hints(base, include_extras=True))
        except (NameError, TypeError, AttributeError):
            hints.update(own)
    return hints


def _is_class_var(hint: Any) -> bool:
    text = hint if isinstance(hint, str) else ""
    return hint is ClassVar or get_origin(hint) is ClassVar or text.startswith(("ClassVar", "typing.ClassVar", "t.ClassVar"))


def _spec(owner: str, name: str, default: Value, hint: Any) -> ParameterSpec:
    low, high, doc = -math.inf, math.inf, ""
    step: float | None = None
    choices: tuple[Value, ...] = ()
    kind: type = type(default)
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is typing.Annotated:
        hint, *rest = get_args(hint)
        marks = tuple(rest)
    if get_origin(hint) is Literal:
        choices = get_args(hint)
    elif hint is float and kind is int:
        kind = float
    elif hint in _KINDS and hint is not kind:
        raise InvalidValue(f"{owner}.{name}", f"the default {default!r} is not of its declared type {hint.__name__}")
    elif isinstance(hint, types.UnionType):
        raise InvalidValue(f"{owner}.{name}", "a parameter has one type: int, float, bool or str")
    for mark in marks:
        if isinstance(mark, Range):
            low, high, step, doc = mark.low, mark.high, mark.step, mark.doc or doc
        elif isinstance(mark, Choices):
            choices, doc = mark.values, mark.doc or doc
        elif isinstance(mark, str):
            doc = mark
    spec = ParameterSpec(name, default, kind, low, high, step, choices, doc)
    try:
        value = spec.check(default)
    except InvalidValue as error:
        raise InvalidValue(f"{owner}.{name}", f"the default is wrong: {error.reason}") from None
    return ParameterSpec(name, value, kind, low, high, step, choices, doc)
