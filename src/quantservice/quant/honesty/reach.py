"""What a strategy's code can reach by itself: the very prices on which it is judged, in a variable beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.quant.honesty.code import cells_of, names_in, own_classes, own_functions
from quantservice.quant.honesty.market import Market
from quantservice.quant.strategies.base import Strategy

#: So many of the market's closes, and this share of them, are no chance.
_LEAST: Final = 20
_SHARE: Final = 0.1
_DEEP: Final = 3


def prices_in_reach(cls: type[Strategy], market: Market) -> str:
    """Return the name of a global, closure or class variable used by the code that holds the market's closes; empty: none does."""
    closes = np.unique(np.concatenate([table["close"] for table in market.tables]))
    if len(closes) < _LEAST:
        return ""
    for name, value in _used(cls):
        found = [array for array in _numbers(value, _DEEP) if array.size >= _LEAST]
        if any(_holds(array, closes) for array in found):
            return name
    return ""


def _used(cls: type[Strategy]) -> Iterator[tuple[str, Any]]:
    for base in own_classes(cls):
        for name, value in vars(base).items():
            if not name.startswith("__") and not callable(value):
                yield f"{base.__name__}.{name}", value
    for function in own_functions(cls):
        space = {**function.__globals__, **cells_of(function)}
        for name in names_in(function.__code__) | set(function.__code__.co_freevars):
            if name in space:
                yield name, space[name]
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            yield f"default of {function.__name__}", value


def _numbers(value: Any, deep: int) -> Iterator[npt.NDArray[np.float64]]:
    """Yield what numbers a value holds, a few levels down."""
    if isinstance(value, str | bytes | int | float | type) or value is None or callable(value) or deep < 0:
        return
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield value.astype(np.float64, copy=False).ravel()
    elif hasattr(value, "select_dtypes"):  # a pandas table
        yield value.select_dtypes("float").to_numpy().ravel()
    elif hasattr(value, "to_numpy"):  # a column of pandas, polars or Arrow, or one of their tables
        yield from _numbers(np.asarray(value.to_numpy()), deep)
    elif isinstance(value, Mapping):
        yield from _of_many(list(value.values()), deep)
    elif isinstance(value, Sequence | set | frozenset):
        yield from _of_many(list(value), deep)
    elif type(value).__module__ not in {"builtins", "types"} and hasattr(value, "__dict__"):
        yield from _of_many(list(vars(value).values()), deep)


def _of_many(values: list[Any], deep: int) -> Iterator[npt.NDArray[np.float64]]:
    floats = [item for item in values if type(item) is float or isinstance(item, np.floating)]
    if len(floats) >= _LEAST:
        yield np.array(floats, dtype=np.float64)
    if len(values) - len(floats) <= 1_000:
        for item in values:
            yield from _numbers(item, deep - 1)


def _holds(array: npt.NDArray[np.float64], closes: npt.NDArray[np.float64]) -> bool:
    shared = np.isin(closes, array)
    return int(shared.sum()) >= max(_LEAST, _SHARE * len(closes))
