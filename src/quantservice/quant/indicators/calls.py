"""Using indicators: a call names one with its parameters; it is computed over bars at once, or stepped bar by bar.

Both ways walk the same step, so a value that was computed in bulk equals the one a live strategy saw. An input may itself be a call
(the average of an RSI): the outer one is not stepped until the inner one has a value, in either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.indicators.kernel import Array, compiled, run, run_many, stepping
from quantservice.quant.indicators.spec import INPUTS, REGISTRY, IndicatorSpec
from quantservice.quant.indicators.text import read_call, split

Columns: TypeAlias = Mapping[str, Any]
_WORDS = ("input", "output", "period", "instrument")


class IndicatorCall(msgspec.Struct, frozen=True, order=True):
    """An indicator with its parameters, what it reads and which of its outputs is wanted.

    ``input`` replaces what the indicator reads (``close`` of most): a column, a made price (``hl2``), or another call as text
    (``rsi(14)``); of an indicator with several inputs all of them, with commas (``close,volume``). ``period`` and ``instrument``
    are empty for the bars at hand. ``str()`` is the canonical key, and :func:`call_of` reads it back.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()
    input: str = ""
    output: str = ""
    period: str = ""
    instrument: str = ""

    def __str__(self) -> str:
        values = ",".join(_number(value) for _name, value in self.parameters)
        inner = f"({self.input})" if "(" in self.input else self.input
        marks = (("/", inner), (".", self.output), ("@", self.period), ("#", self.instrument))
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
    def sources(self) -> tuple[str | IndicatorCall, ...]:
        """What it reads, in the indicator's order: names of prices, and calls whose value is read instead."""
        return tuple(name if name in INPUTS else call_of(name) for name in inputs_of(self))

    @property
    def warm_up(self) -> int:
        """Bars without a value, those of its inputs included."""
        inner = max((source.warm_up for source in self.sources if isinstance(source, IndicatorCall)), default=0)
        return inner + int(self.spec.warm_up(**self.bound))


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def call_of(value: Any) -> IndicatorCall:
    """Read what a person writes, or a call's text.

    ``"rsi"``, ``"rsi(14)"``, ``("sma", 10)``, ``("bbands", 20, {"output": "upper", "input": "hl2"})``,
    ``("sma", 10, {"input": ("rsi", 14)})``, ``("correl", 30, {"input": ("close", "benchmark")})``, or a call. Words in the
    mapping that are not parameters: ``input``, ``output``, ``period``, ``instrument``. Raises UnknownName and InvalidValue naming
    the thing.
    """
    if isinstance(value, IndicatorCall):
        return value
    if isinstance(value, str):
        name, positional, named = read_call(value)
    elif isinstance(value, Sequence) and value and isinstance(value[0], str):
        name, positional, named = value[0], tuple(value[1:]), {}
        if isinstance(value[-1], Mapping):
            positional, named = positional[:-1], dict(value[-1])
    else:
        raise InvalidValue("indicator", f'{value!r} is not a name or a tuple such as ("sma", 10)')
    spec = REGISTRY[name]
    where = {word: named.pop(word) for word in _WORDS if named.get(word)} if named else {}
    bound = spec.bind(positional, {name: given for name, given in named.items() if name not in _WORDS})
    if "input" in where:
        where["input"] = _input_text(where["input"])
    call = IndicatorCall(name=spec.name, parameters=tuple(bound.items()), **{word: str(text) for word, text in where.items()})
    _check(call)
    return call


def _input_text(given: Any) -> str:
    """The canonical text of what is read: one price or call, or several with commas.

    A tuple is one call when it begins with an indicator's name that is no price's, else it is several.
    """
    if isinstance(given, str):
        parts: Sequence[Any] = split(given)
    elif isinstance(given, IndicatorCall):
        parts = (given,)
    elif isinstance(given, Sequence) and given:
        one = isinstance(given[0], str) and given[0] not in INPUTS and given[0] in REGISTRY and not _all_inputs(given)
        parts = (given,) if one else given
    else:
        raise InvalidValue("input", f"{given!r} is neither a price nor an indicator")
    return ",".join(_one_input(part) for part in parts)


def _all_inputs(given: Sequence[Any]) -> bool:
    """Say whether every further part could be an input of its own, so that the tuple is a list of them."""
    return len(given) > 1 and all(isinstance(part, str | tuple | list | IndicatorCall) for part in given)


def _one_input(part: Any) -> str:
    if isinstance(part, str) and part.strip() in INPUTS:
        return part.strip()
    if isinstance(part, str) and "(" not in part and part.strip().lower() not in REGISTRY:
        raise UnknownName("input", part, (*INPUTS, *REGISTRY))
    return str(call_of(part))


def _check(call: IndicatorCall) -> None:
    spec = call.spec
    if call.output and call.output not in spec.outputs:
        raise UnknownName(f"output of {spec.name}", call.output, spec.outputs)
    if not call.input:
        return
    given = len(split(call.input))
    if given not in (len(spec.inputs), len(spec.inputs) - spec.benchmark):
        raise InvalidValue("input", f"{spec.name} reads {', '.join(spec.inputs)}; {given} given")
    for source in call.sources:
        if isinstance(source, IndicatorCall) and (source.period or source.instrument):
            raise InvalidValue("input", f"{source} is of another period or instrument; an input is of the same bars")


def inputs_of(call: IndicatorCall) -> tuple[str, ...]:
    """Return what the call reads, in the indicator's order: prices, and other calls as text."""
    given = tuple(split(call.input)) if call.input else ()
    return given + call.spec.inputs[len(given) :]


def columns_of(call: IndicatorCall) -> tuple[str, ...]:
    """Return the prices that must be at hand, also for the calls inside, in the order of ``inputs`` of a stepper."""
    names: list[str] = []
    for source in call.sources:
        names.extend(columns_of(source) if isinstance(source, IndicatorCall) else (source,))
    return tuple(names)


def price(columns: Columns, name: str) -> Array:
    """Return a column of bars as float64, or a price made of columns. A missing column is an InvalidValue naming it."""
    if name == "hl2":
        return (price(columns, "high") + price(columns, "low")) / 2.0
    if name == "hlc3":
        return (price(columns, "high") + price(columns, "low") + price(columns, "close")) / 3.0
    if name == "ohlc4":
        return (price(columns, "open") + price(columns, "high") + price(columns, "low") + price(columns, "close")) / 4.0
    if name == "hlcc4":
        return (price(columns, "high") + price(columns, "low") + price(columns, "close") * 2.0) / 4.0
    try:
        column = columns[name]
    except (KeyError, IndexError):
        raise InvalidValue("columns", _no_column(name)) from None
    try:
        made = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValue("columns", f"{name!r} does not hold numbers") from None
    if made.ndim != 1:
        raise InvalidValue("columns", f"{name!r} has {made.ndim} dimensions; one value per bar is wanted")
    return made


def _no_column(name: str) -> str:
    if name == "benchmark":
        return "'benchmark' is missing: the second instrument's price on the same bars, as a column of that name"
    if name == "periods":
        return "'periods' is missing: one length per bar, as a column of that name or by input"
    return f"{name!r} is missing"


def input_matrix(columns: Columns, call: IndicatorCall) -> tuple[Array, list[Array]]:
    """Return what a call reads as one read-only array (bars by inputs), and the states of the calls inside after the last bar."""
    read, states = [], []
    for source in call.sources:
        if isinstance(source, IndicatorCall):
            out, state = compute_with_state(source, columns)
            read.append(out[:, _place(source)])
            states.append(state)
        else:
            read.append(price(columns, source))
    if len({len(values) for values in read}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in zip(inputs_of(call), read, strict=True))
        raise InvalidValue("columns", f"{call.name} reads columns of one length; these have {lengths}")
    made = read[0].reshape(-1, 1) if len(read) == 1 else np.column_stack(read)
    fixed = np.ascontiguousarray(made).view()
    fixed.flags.writeable = False
    return fixed, states


def _place(call: IndicatorCall) -> int:
    return call.spec.outputs.index(call.output) if call.output else 0


def compute(call: Any, columns: Columns) -> dict[str, Array]:
    """Compute a call over bars (or any mapping of equally long columns): output name -> one value per bar, NaN in the warm-up.

    An indicator that reads ``benchmark`` takes the second instrument's price from a column of that name.
    """
    wanted = call_of(call)
    out, _state = compute_with_state(wanted, columns)
    outputs = wanted.spec.outputs
    chosen = (wanted.output,) if wanted.output else outputs
    return {name: np.ascontiguousarray(out[:, outputs.index(name)]) for name in chosen}


def compute_with_state(call: IndicatorCall, columns: Columns) -> tuple[Array, Array]:
    """Compute all outputs (bars by outputs) and return them with the state after the last bar, from which a stepper can go on."""
    spec, bound = call.spec, call.bound
    x, states = input_matrix(columns, call)
    p = spec.step_parameters(bound)
    state = spec.new_state(bound, p)
    out = np.empty((len(x), len(spec.outputs)), dtype=np.float64)
    if spec.whole is None or not spec.whole(state, p, x, out):
        run(compiled(spec.step), state, p, np.require(x, requirements="W"), out)  # read-only would be compiled for once more
    return out, np.concatenate([*states, state]) if states else state


def new_state(call: IndicatorCall) -> Array:
    """Return the state before the first bar: of the calls inside, one after another, then of the indicator itself."""
    spec, bound = call.spec, call.bound
    own = spec.new_state(bound, spec.step_parameters(bound))
    inner = [new_state(source) for source in call.sources if isinstance(source, IndicatorCall)]
    return np.concatenate([*inner, own]) if inner else own


class Stepper:
    """One call on one instrument, a bar at a time. Its memory does not grow; ``state`` may be saved and given back."""

    def __init__(self, call: Any, state: Array | None = None) -> None:
        self.call = call_of(call)
        fresh = new_state(self.call)
        if state is not None and np.shape(state) != fresh.shape:
            raise InvalidValue("state", f"{self.call} keeps {len(fresh)} numbers, not {np.size(state)}")
        self._begin(fresh if state is None else np.array(state, dtype=np.float64))

    def _begin(self, state: Array) -> None:
        spec = self.call.spec
        self.state = state
        self.inputs = columns_of(self.call)
        self._step = stepping(spec.step)
        self._p = spec.step_parameters(self.call.bound)
        self._x = np.empty(len(spec.inputs))
        self._out = np.empty(len(spec.outputs))
        self._reads: list[tuple[int, str]] = []
        self._inner: list[tuple[int, Stepper, int]] = []
        at = 0
        for place, source in enumerate(self.call.sources):
            if isinstance(source, IndicatorCall):
                inner = Stepper.__new__(Stepper)
                inner.call = source
                size = len(new_state(source))
                inner._begin(state[at : at + size])
                self._inner.append((place, inner, _place(source)))
                at += size
            else:
                self._reads.append((place, source))
        self._own = state[at:]

    def update(self, bar: Mapping[str, float]) -> dict[str, float]:
        """Take the next closed bar; return output name -> value (NaN in the warm-up)."""
        self._take(bar)
        return dict(zip(self.call.spec.outputs, self._out.tolist(), strict=True))

    def _take(self, bar: Mapping[str, float]) -> None:
        for place, name in self._reads:
            self._x[place] = _price_of(bar, name)
        for place, inner, output in self._inner:
            inner._take(bar)
            self._x[place] = inner._out[output]
        self._step(self._own, self._p, self._x, self._out)


def _price_of(bar: Mapping[str, float], name: str) -> float:
    if name == "hl2":
        return (bar["high"] + bar["low"]) / 2.0
    if name == "hlc3":
        return (bar["high"] + bar["low"] + bar["close"]) / 3.0
    if name == "ohlc4":
        return (bar["open"] + bar["high"] + bar["low"] + bar["close"]) / 4.0
    if name == "hlcc4":
        return (bar["high"] + bar["low"] + bar["close"] * 2.0) / 4.0
    try:
        return float(bar[name])
    except KeyError:
        raise InvalidValue("bar", _no_column(name)) from None


@dataclass(eq=False)
class Bank:
    """One call over many instruments at once: the online form for a market that closes a thousand bars together.

    ``states`` (instruments by floats) is the indicator's own memory; :meth:`load` and :meth:`save` take that of the calls inside
    too.
    """

    call: IndicatorCall
    size: int

    def __post_init__(self) -> None:
        spec, bound = self.call.spec, self.call.bound
        self.inputs = columns_of(self.call)
        self._step = compiled(spec.step)
        self._p = spec.step_parameters(bound)
        self.states = np.tile(spec.new_state(bound, self._p), (self.size, 1))
        self._sources = [Bank(source, self.size) if isinstance(source, IndicatorCall) else None for source in self.call.sources]

    def load(self, instrument: int, state: Array) -> None:
        """Put the state that a stepper or a bulk computation ended with in the place of one instrument."""
        at = 0
        for inner in self._inner:
            inner.load(instrument, state[at : at + inner.width])
            at += inner.width
        self.states[instrument] = state[at:]

    def save(self, instrument: int) -> Array:
        """Return the whole state of one instrument, as a stepper takes it."""
        return np.concatenate([*(inner.save(instrument) for inner in self._inner), self.states[instrument]])

    def grown(self, size: int) -> Bank:
        """Return a bank of more instruments that goes on where this one is."""
        larger = Bank(self.call, size)
        for instrument in range(self.size):
            larger.load(instrument, self.save(instrument))
        return larger

    @property
    def width(self) -> int:
        """Floats of one instrument's whole state."""
        return int(self.states.shape[1]) + sum(inner.width for inner in self._inner)

    @property
    def _inner(self) -> list[Bank]:
        return [source for source in self._sources if source is not None]

    def update(self, x: Array, ready: npt.NDArray[np.bool_]) -> Array:
        """Take one bar of each instrument (rows of ``x``, columns as ``inputs``) where ``ready``; rows that were not stay NaN."""
        given = np.ascontiguousarray(x, dtype=np.float64)
        if self._inner:
            given = self._gathered(given, ready)
        out = np.full((self.size, len(self.call.spec.outputs)), np.nan)
        run_many(self._step, self.states, self._p, given, out, ready)
        return out

    def _gathered(self, x: Array, ready: npt.NDArray[np.bool_]) -> Array:
        made, at = np.empty((self.size, len(self._sources))), 0
        for place, inner in enumerate(self._sources):
            if inner is None:
                made[:, place] = x[:, at]
                at += 1
            else:
                width = len(inner.inputs)
                made[:, place] = inner.update(x[:, at : at + width], ready)[:, _place(inner.call)]
                at += width
        return made
