"""Indicators in plain Python, and markets to try them on.

A step's compiled parts are replaced by the functions they were compiled from, so that a test need not compile hundreds of steps,
sees an index that leaves the state, and is counted by the coverage.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from quantservice.quant.indicators import calls
from quantservice.quant.indicators.kernel import Array, Step

Columns: TypeAlias = dict[str, npt.NDArray[Any]]

_plain: dict[Any, Any] = {}


def plain(function: Any) -> Any:
    """Return the function as plain Python, with the compiled functions that it calls made plain too."""
    source = getattr(function, "py_func", function)
    if source not in _plain:
        namespace: dict[str, Any] = {"__builtins__": builtins}
        _plain[source] = FunctionType(source.__code__, namespace, source.__name__, source.__defaults__, source.__closure__)
        for name in source.__code__.co_names:
            if name in source.__globals__:
                value = source.__globals__[name]
                namespace[name] = plain(value) if hasattr(value, "py_func") else value
    return _plain[source]


def run_plain(step: Step, state: Array, p: Array, x: Array, out: Array) -> None:
    """Do what ``kernel.run`` does."""
    with np.errstate(all="ignore"):
        for i in range(len(x)):
            if np.isnan(x[i]).any():
                out[i] = np.nan
            else:
                step(state, p, x[i], out[i])


def stepping_plain(step: Step) -> Callable[[Array, Array, Array, Array], None]:
    """Do what ``kernel.stepping`` does: take one bar."""
    walked = plain(step)
    return lambda state, p, x, out: run_plain(walked, state, p, x.reshape(1, -1), out.reshape(1, -1))


def run_many_plain(step: Step, states: Array, p: Array, x: Array, out: Array, ready: npt.NDArray[np.bool_]) -> None:
    """Do what ``kernel.run_many`` does."""
    with np.errstate(all="ignore"):
        for s in range(len(x)):
            if ready[s] and not np.isnan(x[s]).any():
                step(states[s], p, x[s], out[s])


def use_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let compute, Stepper and Bank walk plain Python for one test."""
    monkeypatch.setattr(calls, "compiled", plain)
    monkeypatch.setattr(calls, "run", run_plain)
    monkeypatch.setattr(calls, "run_many", run_many_plain)
    monkeypatch.setattr(calls, "stepping", stepping_plain, raising=False)


def market(rng: np.random.Generator, rows: int, *, level: float = 100.0, step: float = 0.01) -> Columns:
    """A random walk with every column that an indicator may read; highs and lows contain open and close."""
    close = level * np.exp(np.cumsum(rng.normal(0.0, step, rows)))
    opened = np.concatenate([[close[0]], close[:-1]]) * np.exp(rng.normal(0.0, step / 5, rows))
    volume = rng.lognormal(3.0, 1.0, rows)
    return _with_the_rest(
        rng,
        {
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, step / 3, rows))),
            "low": np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, step / 3, rows))),
            "close": close,
            "volume": volume,
        },
    )


def gridded(rng: np.random.Generator, rows: int) -> Columns:
    """A walk on whole ticks, with bars that stand still and bars without volume."""
    found = market(rng, rows)
    prices = {name: np.round(found[name]) for name in ("open", "high", "low", "close")}
    volume = np.round(found["volume"]) * (rng.random(rows) > 0.1)
    return _with_the_rest(rng, {**prices, "volume": volume})


def constant(rng: np.random.Generator, rows: int) -> Columns:
    """A price that never moves, with or without volume."""
    price = np.full(rows, rng.choice([100.1, 0.00001234, 45678.9]))
    volume = np.full(rows, rng.choice([0.0, 5.0]))
    return _with_the_rest(rng, {"open": price, "high": price, "low": price, "close": price, "volume": volume})


def _with_the_rest(rng: np.random.Generator, bars: Columns) -> Columns:
    rows, volume = len(bars["close"]), bars["volume"]
    bought = volume * rng.random(rows)
    return bars | {
        "open_time": 1_740_787_200_000 + 3_600_000 * np.arange(rows, dtype=np.int64),
        "quote_volume": volume * bars["close"],
        "count": np.ceil(volume),
        "taker_buy_base_volume": bought,
        "taker_buy_quote_volume": bought * bars["close"],
        "benchmark": bars["close"] * np.exp(rng.normal(0.0, 0.01, rows)),
        "periods": rng.integers(1, 40, rows).astype(np.float64),
    }


def rows_of(columns: Mapping[str, npt.NDArray[Any]], rows: slice) -> Columns:
    """Return some rows of all columns."""
    return {name: values[rows] for name, values in columns.items()}
