"""Calls: how they are written and read back, what they read, indicators of indicators, and sentences for what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.support.indicators import market, use_plain

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.indicators import REGISTRY, Bank, IndicatorCall, Parameter, Stepper, call_of, compute, indicator
from quantservice.quant.indicators.calls import columns_of, compute_with_state
from quantservice.quant.indicators.kernel import Array

ROWS = 120
BARS = market(np.random.default_rng(5), ROWS)


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_plain(monkeypatch)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("rsi", "rsi(14)"),
        (("sma", 10), "sma(10)"),
        (("bbands", 20, 2.5, {"output": "upper", "input": "hl2"}), "bbands(20,2.5,2,0)/hl2.upper"),
        (("bbands", {"length": 10, "ma_type": 1}), "bbands(10,2,2,1)"),
        (("sma", 10, {"input": ("rsi", 14)}), "sma(10)/(rsi(14))"),
        (("sma", 10, {"input": ("macd", 12, 26, 9, {"output": "hist"})}), "sma(10)/(macd(12,26,9).hist)"),
        (("sma", 5, {"input": call_of(("ema", 3))}), "sma(5)/(ema(3))"),
        (("sma", 5, {"input": "ema(3)/(rsi(4))"}), "sma(5)/(ema(3)/(rsi(4)))"),
        (("correl", 30, {"input": ("close", "benchmark")}), "correl(30)/close,benchmark"),
        (("correl", {"input": ("rsi", "volume")}), "correl(30)/(rsi(14),volume)"),
        (("correl", {"input": (("rsi", 5), ("sma", 7))}), "correl(30)/(rsi(5),sma(7))"),
        (("rsi", 14, {"period": "4h", "instrument": "binance:um:BTC-USDT-PERP"}), "rsi(14)@4h#binance:um:BTC-USDT-PERP"),
        (("mama", 0.5, 0.05, {"output": "fama"}), "mama(0.5,0.05).fama"),
        (("sma", 100_000), "sma(100000)"),
        ("SMA(12)", "sma(12)"),
        ("rsi( length = 9 )", "rsi(9)"),
    ],
)
def test_a_call_is_written_in_many_ways_and_its_key_is_read_back(written: Any, key: str) -> None:
    call = call_of(written)
    assert str(call) == key
    assert call_of(key) == call
    assert call_of(call) is call


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        ("smaa", UnknownName, "unknown indicator 'smaa'; did you mean: sma"),
        (("sma", 10, 20), InvalidValue, "sma: takes 1 parameters (length), not 2"),
        (("sma", 10, {"length": 5}), InvalidValue, "length: is given twice to sma"),
        (("sma", {"lenght": 5}), UnknownName, "did you mean: length"),
        (("sma", 2.5), InvalidValue, "sma.length: 2.5 must be a whole number"),
        (("bbands", {"output": "uper"}), UnknownName, "unknown output of bbands 'uper'; did you mean: upper"),
        (("sma", {"input": "clsoe"}), UnknownName, "unknown input 'clsoe'; did you mean: close"),
        (("sma", {"input": ("close", "open")}), InvalidValue, "sma reads close; 2 given"),
        (("atr", {"input": "close"}), InvalidValue, "atr reads high, low, close; 1 given"),
        (("sma", {"input": ("rsi", 14, {"period": "4h"})}), InvalidValue, "rsi(14)@4h is of another period or instrument"),
        (("sma", {"input": 5}), InvalidValue, "5 is neither a price nor an indicator"),
        (("mavp", 9, 5), InvalidValue, "mavp.low: 9 is above mavp.high 5"),
        (("macd", float("nan")), InvalidValue, "macd.fast: nan is not a finite number"),
        (5, InvalidValue, "5 is not a name or a tuple"),
        ((), InvalidValue, "is not a name or a tuple"),
        ("sma(10", InvalidValue, "has an open bracket"),
        ("sma(ten)", InvalidValue, "'ten' in 'sma(ten)' is not a number"),
        ("sma(10)!", InvalidValue, "cannot be read from '!' on"),
        ("(10)", InvalidValue, "does not begin with a name"),
        ("sma(10).a.b", InvalidValue, "cannot be read"),
    ],
)
def test_a_wrong_call_is_a_sentence(written: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        call_of(written)
    assert said in str(caught.value)


def test_made_prices_and_other_columns_are_read_instead_of_the_close() -> None:
    expected = {
        "hl2": (BARS["high"] + BARS["low"]) / 2,
        "hlc3": (BARS["high"] + BARS["low"] + BARS["close"]) / 3,
        "ohlc4": (BARS["open"] + BARS["high"] + BARS["low"] + BARS["close"]) / 4,
        "hlcc4": (BARS["high"] + BARS["low"] + 2 * BARS["close"]) / 4,
        "volume": BARS["volume"],
        "open_time": BARS["open_time"].astype(np.float64),
    }
    for name, values in expected.items():
        call = call_of(("mom", 1, {"input": name}))
        np.testing.assert_array_equal(compute(call, BARS)["mom"], np.concatenate([[np.nan], np.diff(values)]))
        last = Stepper(call)
        found = [last.update({column: BARS[column][row] for column in BARS})["mom"] for row in range(3)]
        np.testing.assert_array_equal(found, compute(call, BARS)["mom"][:3])


@pytest.mark.parametrize(
    "key", ["sma(5)/(rsi(7))", "correl(6)/(rsi(5),sma(9))", "sma(4)/(macd(3,6,4).hist)", "ema(3)/(ema(3)/(ema(3)))"]
)
def test_an_indicator_of_an_indicator_is_stepped_once_the_inner_one_has_a_value(key: str) -> None:
    call = call_of(key)
    inner = {name: np.asarray(values) for name, values in BARS.items()}
    for place, source in enumerate(call.sources):
        assert isinstance(source, IndicatorCall)
        inner[f"{place}"] = compute(source, BARS)[source.output or source.spec.outputs[0]]
    begun = max(int(np.isnan(inner[f"{place}"]).sum()) for place in range(len(call.sources)))
    by_hand = compute(
        IndicatorCall(call.name, call.parameters), {name: inner[f"{place}"][begun:] for place, name in enumerate(call.spec.inputs)}
    )
    out, state = compute_with_state(call, BARS)
    assert np.isnan(out[:begun]).all()
    np.testing.assert_array_equal(out[begun:, 0], by_hand[call.spec.outputs[0]])
    assert call.warm_up == int(np.isnan(out[:, 0]).sum())

    stepper, bank = Stepper(call), Bank(call, 2)
    rows = []
    for row in range(ROWS):
        bar = {name: float(values[row]) for name, values in BARS.items()}
        rows.append(list(stepper.update(bar).values()))
        x = np.array([[bar[name] for name in bank.inputs]] * 2)
        both = bank.update(x, np.array([True, row % 2 == 0]))
        np.testing.assert_array_equal(both[0], rows[-1])
    np.testing.assert_array_equal(np.array(rows), out)
    np.testing.assert_array_equal(stepper.state, state)
    np.testing.assert_array_equal(bank.save(0), state)
    assert columns_of(call) == stepper.inputs == bank.inputs


def test_a_state_goes_from_bulk_to_stepper_and_bank_and_a_bank_grows() -> None:
    call = call_of("sma(5)/(rsi(7))")
    head = {name: values[:80] for name, values in BARS.items()}
    whole, _ = compute_with_state(call, BARS)
    _, state = compute_with_state(call, head)
    bank = Bank(call, 1)
    bank.load(0, state)
    larger = bank.grown(3)
    assert larger.width == len(state)
    stepper = Stepper(call, state)
    for row in range(80, ROWS):
        bar = {name: float(values[row]) for name, values in BARS.items()}
        x = np.array([[bar[name] for name in larger.inputs]] * 3)
        assert stepper.update(bar)["sma"] == larger.update(x, np.array([True, False, True]))[0, 0] == whole[row, 0]
    with pytest.raises(InvalidValue, match=r"state: sma\(5\)/\(rsi\(7\)\) keeps 12 numbers, not 3"):
        Stepper(call, np.zeros(3))


def test_columns_come_from_any_table_and_what_is_wrong_with_them_is_a_sentence() -> None:
    call = ("bbands", 5)
    expected = compute(call, BARS)
    tables: list[Any] = [
        pd.DataFrame(BARS),
        pl.DataFrame(BARS),
        pa.table(BARS),
        {name: list(values) for name, values in BARS.items()},
    ]
    for table in tables:
        for name, values in compute(call, table).items():
            np.testing.assert_array_equal(values, expected[name])
    with pytest.raises(InvalidValue, match="'high' is missing"):
        compute("atr", {"close": BARS["close"]})
    with pytest.raises(InvalidValue, match="'benchmark' is missing: the second instrument's price"):
        compute("correl(5)/close,benchmark", {"close": BARS["close"]})
    with pytest.raises(InvalidValue, match="'periods' is missing"):
        compute("mavp", {"close": BARS["close"]})
    with pytest.raises(InvalidValue, match="'close' does not hold numbers"):
        compute("sma", {"close": ["a", "b"]})
    with pytest.raises(InvalidValue, match="'close' has 2 dimensions"):
        compute("sma", {"close": np.ones((3, 2))})
    with pytest.raises(InvalidValue, match="these have high 3, low 2"):
        compute("add", {"high": np.ones(3), "low": np.ones(2)})
    with pytest.raises(InvalidValue, match="'close' is missing"):
        Stepper("sma").update({"open": 1.0})


def test_an_output_is_chosen_and_empty_bars_give_empty_values() -> None:
    assert list(compute("macd.hist", BARS)) == ["hist"]
    assert list(compute("macd", BARS)) == ["macd", "signal", "hist"]
    assert compute("sma", {"close": np.empty(0)})["sma"].shape == (0,)


def test_a_declaration_is_checked_when_it_registers() -> None:
    def step(state: Array, p: Array, x: Array, out: Array) -> None:
        """A step."""

    declared: dict[str, Any] = {"outputs": ("value",), "group": "own", "source": "a test"}
    with pytest.raises(InvalidValue, match="'sma' is registered twice"):
        indicator(name="sma", inputs=("close",), **declared)(step)
    with pytest.raises(InvalidValue, match="own_one takes 'price'; valid: open, high"):
        indicator(name="own_one", inputs=("price",), **declared)(step)
    parameters = {"length": Parameter(3, 1, 9, "bars")}
    indicator(name="own_two", inputs=("close",), parameters=parameters, warm_up=lambda length: length, **declared)(step)
    assert call_of(("own_two", 4)).warm_up == 4
    REGISTRY.discard(__name__)
    assert "own_two" not in REGISTRY
