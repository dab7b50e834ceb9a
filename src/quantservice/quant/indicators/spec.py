"""What an indicator declares, and the registry that built-ins and plugins enter by the same door."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.indicators.kernel import Array, Step, Whole

#: What an input may be named: a column of bars, or a price made of one bar's columns.
PRICES: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)
MADE_PRICES: Final = ("hl2", "hlc3", "ohlc4", "hlcc4", "open_time")
#: Inputs that bars do not have: a second instrument's price on the same clock, and lengths that change from bar to bar.
OUTSIDE_INPUTS: Final = ("benchmark", "periods")
INPUTS: Final = PRICES + MADE_PRICES + OUTSIDE_INPUTS


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that changes what an indicator computes. A default of type int takes whole numbers only."""

    default: float
    low: float = -math.inf
    high: float = math.inf
    doc: str = ""

    def check(self, name: str, value: object) -> float:
        """Return ``value`` as a number within the bounds, or raise InvalidValue naming the parameter."""
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
            raise InvalidValue(name, f"{value!r} is not a finite number")
        whole = isinstance(self.default, int)
        if whole and float(value) != int(value):
            raise InvalidValue(name, f"{value} must be a whole number")
        if not self.low <= value <= self.high:
            raise InvalidValue(name, f"{value} is outside {self.low:g} … {self.high:g}")
        return int(value) if whole else float(value)


@dataclass(frozen=True, eq=False)
class IndicatorSpec:
    """One indicator: what it takes, what it gives, and its step.

    ``inputs`` are columns of bars; a single input ``close`` may be replaced by any other price when the indicator is used.
    ``warm_up(**parameters)`` is the number of bars whose outputs are NaN; ``state_size(**parameters)`` the floats that the step
    keeps, the same at bar 100,000 as at bar 1,000. ``prepare(**parameters)`` may turn the parameters into the array that the step
    reads (default: the parameters in their order) and raise InvalidValue for values that do not go together; ``initial_state(state,
    p)`` may fill the zeroed state. ``recursive``: the value
    depends on all bars before it, however faintly, so that it is comparable only between runs that began at one bar. ``whole`` may
    do all bars at once, faster: with the same bits in outputs and state as step after step.
    """

    name: str
    step: Step
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    warm_up: Callable[..., int]
    state_size: Callable[..., int]
    group: str
    source: str
    doc: str
    prepare: Callable[..., Sequence[float]] | None = None
    initial_state: Callable[[Array, Array], None] | None = None
    recursive: bool = False
    whole: Whole | None = None
    benchmark: bool = False  # whether a second instrument's price is the last input

    def bind(self, values: Sequence[Any] = (), named: Mapping[str, Any] | None = None) -> dict[str, float]:
        """Return all parameters: positional ``values`` in the declared order, then ``named``, then defaults; each checked."""
        names = list(self.parameters)
        if len(values) > len(names):
            raise InvalidValue(self.name, f"takes {len(names)} parameters ({', '.join(names) or 'none'}), not {len(values)}")
        given: dict[str, Any] = dict(zip(names, values, strict=False))
        for name, value in (named or {}).items():
            if name not in self.parameters:
                raise UnknownName(f"parameter of {self.name}", name, names)
            if name in given:
                raise InvalidValue(name, f"is given twice to {self.name}")
            given[name] = value
        bound = {
            name: parameter.check(f"{self.name}.{name}", given[name]) if name in given else parameter.default
            for name, parameter in self.parameters.items()
        }
        if self.prepare is not None:
            self.prepare(**bound)  # refuses values that do not go together
        return bound

    def step_parameters(self, bound: Mapping[str, float]) -> Array:
        """Return the array that the step reads."""
        values = self.prepare(**bound) if self.prepare is not None else tuple(bound.values())
        return np.asarray(values if len(values) else (0.0,), dtype=np.float64)

    def new_state(self, bound: Mapping[str, float], p: Array) -> Array:
        """Return the state before the first bar."""
        state = np.zeros(max(1, self.state_size(**bound)), dtype=np.float64)
        if self.initial_state is not None:
            self.initial_state(state, p)
        return state


class Registry(Mapping[str, IndicatorSpec]):
    """The indicators by name; an unknown name is answered with the nearest ones."""

    def __init__(self) -> None:
        self._specs: dict[str, IndicatorSpec] = {}

    def add(self, spec: IndicatorSpec) -> None:
        """Register one; a name is taken once."""
        if spec.name in self._specs:
            raise InvalidValue("indicator", f"{spec.name!r} is registered twice")
        wrong = [name for name in spec.inputs if name not in INPUTS]
        if wrong:
            raise InvalidValue("inputs", f"{spec.name} takes {wrong[0]!r}; valid: {', '.join(INPUTS)}")
        self._specs[spec.name] = spec

    def discard(self, module: str) -> None:
        """Take out what a module (or one inside it) registered."""
        own = [name for name, spec in self._specs.items() if f"{spec.step.__module__}.".startswith(f"{module}.")]
        for name in own:
            del self._specs[name]

    def __getitem__(self, name: str) -> IndicatorSpec:
        found = self._specs.get(name) or self._specs.get(str(name).lower())
        if found is None:
            raise UnknownName("indicator", str(name), difflib.get_close_matches(str(name).lower(), self._specs, n=5) or self._specs)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


REGISTRY: Final = Registry()


def indicator(  # noqa: PLR0913 - a declaration, all by name
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    group: str,
    source: str,
    parameters: Mapping[str, Parameter] | None = None,
    warm_up: Callable[..., int] | int = 0,
    state: Callable[..., int] | int = 0,
    prepare: Callable[..., Sequence[float]] | None = None,
    initial_state: Callable[[Array, Array], None] | None = None,
    recursive: bool = False,
    whole: Whole | None = None,
    name: str = "",
) -> Callable[[Step], Step]:
    """Register the decorated step as an indicator; its docstring's first line says what it measures."""

    def register(step: Step) -> Step:
        REGISTRY.add(
            IndicatorSpec(
                name=name or step.__name__,
                step=step,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                parameters=dict(parameters or {}),
                warm_up=warm_up if callable(warm_up) else _constant(warm_up),
                state_size=state if callable(state) else _constant(state),
                group=group,
                source=source,
                doc=(step.__doc__ or "").strip().partition("\n")[0],
                prepare=prepare,
                initial_state=initial_state,
                recursive=recursive,
                whole=whole,
                benchmark=inputs[-1:] == ["benchmark"] or tuple(inputs[-1:]) == ("benchmark",),
            )
        )
        return step

    return register


def _constant(value: int) -> Callable[..., int]:
    def constant(**_parameters: float) -> int:
        return value

    return constant
