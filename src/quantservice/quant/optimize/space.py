"""What is searched: for each parameter the values it may have; all combinations, numbered, or a random sample of them.

A combination is known by its number alone, so that a sweep of ten million costs no memory and a worker needs no list.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.strategies.base import Strategy, parameters_of_class
from quantservice.quant.strategies.parameters import ParameterSpec, Value

_MOST_VALUES: Final = 100_000
_FORM: Final = "write values as 5,10,20, a range as low:high:step, or * for the declared grid"


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one parameter, in their order; ``ordered``: numbers, between which an optimiser may move."""

    name: str
    values: tuple[Value, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers, so that nearness means something."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


class Space:
    """Axes and their combinations; the last axis turns fastest."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        if not axes:
            raise InvalidValue("space", f"there is nothing to search; name at least one parameter ({_FORM})")
        for axis in axes:
            if not axis.values:
                raise InvalidValue(axis.name, "has no value to try")
        self.axes = tuple(axes)
        self.names = tuple(axis.name for axis in axes)
        self.shape = tuple(len(axis.values) for axis in axes)

    @classmethod
    def of(cls, strategy: type[Strategy], wanted: Mapping[str, Any]) -> Space:
        """Read a space for a strategy; every value is checked against the parameter's own domain.

        ``wanted``: name -> list, Python range, ``{"low", "high", "step"}`` or text (``"5:60:5"`` with both ends, ``"5,10"``, or
        ``"*"``, the declared grid).
        Raises UnknownName with the nearest parameters, InvalidValue naming parameter and value.
        """
        known = parameters_of_class(strategy)
        axes = []
        for name, item in wanted.items():
            if name not in known:
                raise known.unknown(name)
            values = dict.fromkeys(known[name].check(value) for value in _values(known[name], item))
            axes.append(Axis(name, tuple(values)))
        return cls(axes)

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(self.shape)

    def combination(self, number: int) -> dict[str, Value]:
        """Return combination ``number`` (0 … size - 1)."""
        if not 0 <= number < self.size:
            raise InvalidValue("number", f"{number} is no combination of a space of {self.size}")
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, self.places(number), strict=True)}

    def places(self, number: int) -> tuple[int, ...]:
        """Return the position of a combination on each axis."""
        return tuple(int(place) for place in np.unravel_index(number, self.shape))

    def numbers(self, sample: int | None = None, *, seed: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the numbers of all combinations, or of a random sample without repetition, rising."""
        if sample is None or sample >= self.size:
            return np.arange(self.size, dtype=np.int64)
        if sample < 1:
            raise InvalidValue("sample", f"{sample} combinations are nothing to try")
        generator = np.random.default_rng(seed)
        if self.size <= 1_000_000:
            return np.sort(generator.permutation(self.size)[:sample]).astype(np.int64)
        found: set[int] = set()
        while len(found) < sample:
            found.update(int(value) for value in generator.integers(0, self.size, size=sample - len(found)))
        return np.array(sorted(found), dtype=np.int64)

    def describe(self) -> dict[str, list[Value]]:
        """Return the space as plain JSON; :meth:`of` reads it back."""
        return {axis.name: list(axis.values) for axis in self.axes}

    def __iter__(self) -> Iterator[dict[str, Value]]:
        return (self.combination(number) for number in range(self.size))

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        shown = ", ".join(f"{axis.name}: {len(axis.values)}" for axis in self.axes)
        return f"Space({self.size:,} combinations; {shown})"


def parameter_hash(parameters: Mapping[str, Value]) -> str:
    """Return a short hash of a full set of parameters: the same values, the same hash, whatever their order."""
    text = json.dumps(dict(sorted(parameters.items())), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``name=values`` texts of the command line."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name.strip():
            raise InvalidValue("param", f"{pair!r} is not of the form name=values; {_FORM}")
        if name.strip() in found:
            raise InvalidValue("param", f"{name.strip()} is given twice")
        found[name.strip()] = text.strip()
    return found


def _values(spec: ParameterSpec, item: Any) -> Sequence[object]:
    if isinstance(item, str):
        return _read(spec, item)
    if isinstance(item, Mapping):
        unknown = set(item) - {"low", "high", "step"}
        if unknown or not {"low", "high"} <= set(item):
            raise UnknownName(f"part of the range of {spec.name}", str(min(unknown or {"low"})), ("low", "high", "step"))
        return _steps(spec, item["low"], item["high"], item.get("step"))
    if isinstance(item, range | list | tuple | np.ndarray):
        _check_count(spec.name, len(item))
        return list(item)
    return [item]


def _read(spec: ParameterSpec, text: str) -> Sequence[object]:
    if text == "*":
        return spec.grid()
    if spec.kind in (int, float) and ":" in text:
        parts = text.split(":")
        if len(parts) not in (2, 3):
            raise InvalidValue(spec.name, f"{text!r} cannot be read; {_FORM}")
        numbers = [_number(spec, part) for part in parts]
        return _steps(spec, numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None)
    return [spec.parse(part) for part in text.split(",") if part.strip()]


def _number(spec: ParameterSpec, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidValue(spec.name, f"{text!r} is not a number; {_FORM}") from None


def _steps(spec: ParameterSpec, low: Any, high: Any, step: Any) -> list[object]:
    """Return low, low + step, … up to and with ``high``."""
    if spec.kind not in (int, float):
        raise InvalidValue(spec.name, f"it is no number and has no range; {_FORM}")
    low, high = _plain_number(spec, low), _plain_number(spec, high)
    size = _plain_number(spec, step if step is not None else spec.step if spec.step is not None else 1)
    if not all(map(math.isfinite, (low, high, size))) or size <= 0 or high < low:
        raise InvalidValue(
            spec.name, f"the range {low:g}:{high:g}:{size:g} holds no value; it rises from low to high by a positive step"
        )
    count = math.floor((high - low) / size + 1e-9) + 1
    _check_count(spec.name, count)
    # Rounded: 0.1 + 2 * 0.1 is meant to be 0.3, and a parameter's value is its name in every table.
    return [round(low + place * size, 12) for place in range(count)]


def _plain_number(spec: ParameterSpec, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InvalidValue(spec.name, f"{value!r} is not a number")
    return float(value)


def _check_count(name: str, count: int) -> None:
    if count > _MOST_VALUES:
        raise InvalidValue(name, f"{count:,} values are more than the {_MOST_VALUES:,} one axis may have; take a larger step")
