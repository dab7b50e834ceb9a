"""Laws of every registered indicator: warm-up, prefixes, equal values in bulk and bar by bar, constant memory, sound refusals."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from tests.support.indicators import Columns, market, plain, rows_of, run_plain, use_plain

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.indicators import REGISTRY, Bank, IndicatorCall, IndicatorSpec, Stepper, call_of, compute
from quantservice.quant.indicators.calls import compute_with_state, price

AFTER = 50  # bars looked at behind the warm-up
#: Steps of every kind of part, for which the machine code is compared with plain Python; compiling all would take minutes.
COMPILED = (
    *("adosc", "adxr", "bbands", "correl", "ema", "ht_trendmode", "kama", "macd", "mfi", "percentile", "sarext", "supertrend"),
    *("t3", "ultosc", "cdlengulfing"),
)
BUILT_IN = sorted(name for name, spec in REGISTRY.items() if spec.step.__module__.startswith("quantservice."))


@pytest.fixture
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_plain(monkeypatch)


def rng_of(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def markets(name: str, rows: int) -> Columns:
    """Prices between 0 and 1, for which every function of one value is defined."""
    return market(rng_of(name), rows, level=0.5, step=0.004)


def small(spec: IndicatorSpec) -> IndicatorCall:
    """A call with random short parameters."""
    rng = rng_of(spec.name)
    while True:
        values: list[float] = []
        for parameter in spec.parameters.values():
            if isinstance(parameter.default, int):
                least = int(max(parameter.low, -3))
                values.append(int(rng.integers(least, int(min(parameter.high, least + 12)) + 1)))
            else:
                low, high = sorted((parameter.default / 2, parameter.default * 1.5))
                values.append(round(float(rng.uniform(max(parameter.low, low), min(parameter.high, high))), 3))
        try:
            return call_of((spec.name, *values))
        except InvalidValue:  # values that do not go together
            continue


def stepped(stepper: Stepper, columns: Columns, rows: range) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = [stepper.update({column: float(values[row]) for column, values in columns.items()}) for row in rows]
    return np.array([list(values.values()) for values in found]).reshape(len(rows), -1)


@pytest.mark.usefixtures("plain_steps")
@pytest.mark.parametrize("name", BUILT_IN)
def test_values_come_after_the_warm_up_and_are_the_same_in_every_form(name: str) -> None:
    spec = REGISTRY[name]
    for call in (call_of(name), small(spec)):
        warm_up = call.warm_up
        rows = warm_up + AFTER
        columns = markets(name, rows)
        whole, state = compute_with_state(call, columns)
        assert whole.shape == (rows, len(spec.outputs))
        assert np.isnan(whole[:warm_up]).all(), f"{call} has a value in its warm-up of {warm_up} bars"
        assert not np.isnan(whole[warm_up:]).any(), f"{call} has no value after its warm-up of {warm_up} bars"

        # Bars to come cannot matter: those of a prefix are not there, and others are put in their place.
        cut = warm_up + AFTER // 2
        prefix, middle = compute_with_state(call, rows_of(columns, slice(cut)))
        np.testing.assert_array_equal(prefix, whole[:cut], f"{call}: the result on a prefix is not the prefix of the result")

        # One bar at a time, from the start and from a state that was saved; the memory stays as large as it was.
        begun = Stepper(call)
        size = begun.state.shape
        np.testing.assert_array_equal(stepped(begun, columns, range(rows)), whole, f"{call}: Stepper is not compute")
        np.testing.assert_array_equal(begun.state, state)
        assert begun.state.shape == size == middle.shape
        resumed = Stepper(call, middle)
        np.testing.assert_array_equal(stepped(resumed, columns, range(cut, rows)), whole[cut:], f"{call}: resumed differs")


@pytest.mark.usefixtures("plain_steps")
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_bank_gives_each_instrument_what_a_stepper_gives_and_leaves_out_those_not_ready(name: str) -> None:
    call = small(REGISTRY[name])
    rows, rng = call.warm_up + 12, rng_of(name)
    of_instrument = [market(np.random.default_rng(number), rows, level=0.5, step=0.004) for number in range(3)]
    bank, steppers = Bank(call, 3), [Stepper(call) for _ in range(3)]
    inputs = np.array([[price(columns, column) for column in bank.inputs] for columns in of_instrument])
    for row in range(rows):
        ready = rng.random(3) > 0.2
        ready[0] = True
        out = bank.update(inputs[:, :, row], ready)
        for number in range(3):
            if ready[number]:
                np.testing.assert_array_equal(out[number], stepped(steppers[number], of_instrument[number], range(row, row + 1))[0])
            else:
                assert np.isnan(out[number]).all()
    np.testing.assert_array_equal(bank.save(1), steppers[1].state)


@pytest.mark.usefixtures("plain_steps")
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_bar_with_a_missing_input_is_not_stepped(name: str) -> None:
    call = small(REGISTRY[name])
    rows = call.warm_up + 12
    columns = markets(name, rows)
    holed = {column: np.insert(values.astype(np.float64), 5, np.nan) for column, values in columns.items()}
    whole, _ = compute_with_state(call, columns)
    found, _ = compute_with_state(call, holed)
    assert np.isnan(found[5]).all()
    np.testing.assert_array_equal(np.delete(found, 5, axis=0), whole)


@pytest.mark.parametrize("name", BUILT_IN)
def test_parameters_out_of_their_domain_are_refused_by_name(name: str) -> None:
    spec = REGISTRY[name]
    assert spec.doc
    assert spec.source
    for word, parameter in spec.parameters.items():
        assert parameter.low <= parameter.default <= parameter.high, f"{name}.{word}"
        assert parameter.doc, f"{name}.{word} is not explained"
        wrong: list[Any] = [float("nan"), float("inf"), "12", True, None]
        wrong += [value for value in (_beyond(parameter.low, -1), _beyond(parameter.high, 1)) if np.isfinite(value)]
        wrong += [parameter.default + 0.5] if isinstance(parameter.default, int) else []
        for value in wrong:
            with pytest.raises(InvalidValue, match=f"{name}.{word}"):
                spec.bind((), {word: value})
    with pytest.raises(UnknownName, match=f"unknown parameter of {name} 'lenght'"):
        spec.bind((), {"lenght": 5})
    with pytest.raises(InvalidValue, match=f"{name}: takes {len(spec.parameters)} parameters"):
        spec.bind((1,) * (len(spec.parameters) + 1))


def _beyond(bound: float, direction: int) -> float:
    return bound + direction * max(1.0, abs(bound) / 1000.0)


@pytest.mark.parametrize("name", COMPILED)
def test_machine_code_and_plain_python_agree_to_the_last_bit(name: str) -> None:
    """Nothing is fused or reordered by the compiler, so that a value is the same on every machine."""
    spec = REGISTRY[name]
    call = small(spec)
    columns = markets(name, call.warm_up + AFTER)
    found = compute(call, columns)
    p = spec.step_parameters(call.bound)
    x = np.column_stack([price(columns, column) for column in spec.inputs])
    out = np.empty((len(x), len(spec.outputs)))
    run_plain(plain(spec.step), spec.new_state(call.bound, p), p, x, out)
    np.testing.assert_array_equal(np.column_stack(list(found.values())), out)
