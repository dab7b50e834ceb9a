"""Using indicators: a call names one with its parameters; it is computed over bars at once, or stepped bar by bar.

Both ways walk the same step, so a value that was computed in bulk equals the one a live strategy saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.indicators.kernel import Array, compiled, run, run_many
from quantservice.quant.indicators.spec import MADE_PRICES, PRICES, REGISTRY, IndicatorSpec

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]


class IndicatorCall(msgspec.Struct, frozen=True, order=True):
    """An indicator with its parameters, what it reads and which of its outputs is wanted.

    ``input`` replaces the single price input (``close``); it is a column, a made price (``hl2``), or another call as text
    (``rsi(14)``). ``period`` and ``instrument`` are empty for the bars at hand. ``str()`` is the canonical key.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()
    input: str = ""
    output: str = ""
    period: str = ""
    instrument: str = ""

    def __str__(self) -> str:
        values = ",".join(f"{value:g}" if value == int(value) else repr(value) for _name, value in self.parameters)
        marks = (("/", self.input), (".", self.output), ("@", self.period), ("#", self.instrument))
        tail = "".join(f"{mark}{text}" for mark, text in marks if text)
        return f"{self.name}({values}){tail}"

    @property
    def spec(self) -> IndicatorSpec:
        """The indicator's declaration."""
        return REGISTRY[self.name]

    @property
    def bound(self) -> dict[str, float]:
        """All parameters by name."""
        return dict(self.parameters)

    @property
    def warm_up(self) -> int:
        """Bars without a value."""
        return int(self.spec.warm_up(**self.bound))


def call_of(value: Any) -> IndicatorCall:
    """Read what a person writes: ``"rsi"``, ``("sma", 10)``, ``("bbands", 20, {"output": "upper", "input": "hl2"})``, or a call.

    Words in the mapping that are not parameters: ``input``, ``output``, ``period``, ``instrument``.
    """
    if isinstance(value, IndicatorCall):
        return value
    parts: Sequence[Any] = (value,) if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or not parts or not isinstance(parts[0], str):
        raise InvalidValue("indicator", f'{value!r} is not a name or a tuple such as ("sma", 10)')
    named = dict(parts[-1]) if isinstance(parts[-1], Mapping) else {}
    positional = parts[1:-1] if isinstance(parts[-1], Mapping) else parts[1:]
    spec = REGISTRY[parts[0]]
    where = {word: str(named.pop(word)) for word in ("input", "output", "period", "instrument") if word in named}
    bound = spec.bind(tuple(positional), named)
    call = IndicatorCall(name=spec.name, parameters=tuple(bound.items()), **where)
    _check(call)
    return call


def _check(call: IndicatorCall) -> None:
    spec = call.spec
    if call.output and call.output not in spec.outputs:
        raise UnknownName(f"output of {spec.name}", call.output, spec.outputs)
    if call.input:
        if len(spec.inputs) - spec.benchmark != 1:
            raise InvalidValue("input", f"{spec.name} reads {', '.join(spec.inputs)}; only a single price can be replaced")
        if call.input not in PRICES and call.input not in MADE_PRICES:
            raise UnknownName("input", call.input, PRICES + MADE_PRICES)


def inputs_of(call: IndicatorCall) -> tuple[str, ...]:
    """Return the columns that the call reads."""
    return (call.input, *call.spec.inputs[1:]) if call.input else call.spec.inputs


def price(columns: Columns, name: str) -> Array:
    """Return a column of bars as float64, or a price made of columns."""
    if name == "hl2":
        made = (columns["high"] + columns["low"]) / 2.0
    elif name == "hlc3":
        made = (columns["high"] + columns["low"] + columns["close"]) / 3.0
    elif name == "ohlc4":
        made = (columns["open"] + columns["high"] + columns["low"] + columns["close"]) / 4.0
    elif name == "hlcc4":
        made = (columns["high"] + columns["low"] + columns["close"] * 2.0) / 4.0
    else:
        made = columns[name]
    return np.asarray(made, dtype=np.float64)


def input_matrix(columns: Columns, names: Sequence[str]) -> Array:
    """Return the inputs as one array, bars by inputs."""
    return np.ascontiguousarray(np.column_stack([price(columns, name) for name in names]))


def compute(call: Any, columns: Columns) -> dict[str, Array]:
    """Compute a call over bars (or any mapping of equally long columns): output name -> one value per bar, NaN in the warm-up."""
    wanted = call_of(call)
    out, _state = compute_with_state(wanted, columns)
    outputs = wanted.spec.outputs
    chosen = (wanted.output,) if wanted.output else outputs
    return {name: np.ascontiguousarray(out[:, outputs.index(name)]) for name in chosen}


def compute_with_state(call: IndicatorCall, columns: Columns) -> tuple[Array, Array]:
    """Compute all outputs (bars by outputs) and return them with the state after the last bar, from which a stepper can go on."""
    spec, bound = call.spec, call.bound
    p = spec.step_parameters(bound)
    state = spec.new_state(bound, p)
    x = input_matrix(columns, inputs_of(call))
    out = np.empty((len(x), len(spec.outputs)), dtype=np.float64)
    run(compiled(spec.step), state, p, x, out)
    return out, state


class Stepper:
    """One call on one instrument, a bar at a time. Its memory does not grow; ``state`` may be saved and given back."""

    def __init__(self, call: Any, state: Array | None = None) -> None:
        self.call = call_of(call)
        spec, bound = self.call.spec, self.call.bound
        self.inputs = inputs_of(self.call)
        self._step = compiled(spec.step)
        self._p = spec.step_parameters(bound)
        self.state = spec.new_state(bound, self._p) if state is None else np.array(state, dtype=np.float64)
        self._x = np.empty((1, len(self.inputs)))
        self._out = np.empty((1, len(spec.outputs)))

    def update(self, bar: Mapping[str, float]) -> dict[str, float]:
        """Take the next closed bar; return output name -> value (NaN in the warm-up)."""
        for place, name in enumerate(self.inputs):
            self._x[0, place] = _price_of(bar, name)
        run(self._step, self.state, self._p, self._x, self._out)
        return dict(zip(self.call.spec.outputs, self._out[0].tolist(), strict=True))


def _price_of(bar: Mapping[str, float], name: str) -> float:
    if name == "hl2":
        return (bar["high"] + bar["low"]) / 2.0
    if name == "hlc3":
        return (bar["high"] + bar["low"] + bar["close"]) / 3.0
    if name == "ohlc4":
        return (bar["open"] + bar["high"] + bar["low"] + bar["close"]) / 4.0
    if name == "hlcc4":
        return (bar["high"] + bar["low"] + bar["close"] * 2.0) / 4.0
    return float(bar[name])


@dataclass(eq=False)
class Bank:
    """One call over many instruments at once: the online form for a market that closes a thousand bars together."""

    call: IndicatorCall
    size: int

    def __post_init__(self) -> None:
        spec, bound = self.call.spec, self.call.bound
        self.inputs = inputs_of(self.call)
        self._step = compiled(spec.step)
        self._p = spec.step_parameters(bound)
        self.states = np.tile(spec.new_state(bound, self._p), (self.size, 1))

    def update(self, x: Array, ready: npt.NDArray[np.bool_]) -> Array:
        """Take one bar of each instrument (rows of ``x``, columns as ``inputs``) where ``ready``; rows that were not stay NaN."""
        out = np.full((self.size, len(self.call.spec.outputs)), np.nan)
        run_many(self._step, self.states, self._p, np.ascontiguousarray(x, dtype=np.float64), out, ready)
        return out
