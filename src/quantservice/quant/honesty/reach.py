"""What a strategy's code can reach by itself: the very prices and rates on which it is judged, in a variable, or in a file."""

from __future__ import annotations

import dis
import types
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
_TABLES: Final = ("csv", "parquet", "feather", "table", "json", "excel", "pickle", "hdf", "sql", "ipc", "ndjson", "text", "bytes")
#: Names that read from outside whatever they belong to, and modules: those that always do, and those whose ``load`` does.
_READERS: Final = frozenset(
    {f"{how}_{what}" for how in ("read", "scan") for what in _TABLES}
    | {"load_bars", "loadtxt", "genfromtxt", "fromfile", "memmap", "open_memmap", "urlopen"}
)
_SOURCES: Final[dict[str, str | None]] = {
    **dict.fromkeys(("requests", "httpx", "aiohttp", "socket", "sqlite3", "duckdb", "clickhouse_connect", "ccxt")),
    **dict.fromkeys(("numpy", "pickle", "json", "joblib"), "load"),
}


def prices_in_reach(cls: type[Strategy], market: Market) -> str:
    """Return the name of a global, closure or class variable used by the code that holds the market's closes or funding rates."""
    known = _known(market)
    return next((name for name, value in _used(cls) if _told(value, known)), "")


def prices_kept(strategy: Strategy, given: Market, market: Market) -> str:
    """Return the attribute in which a strategy that was given another market holds this one's closes or rates; empty: none does."""
    hidden = [np.setdiff1d(real, seen) for real, seen in zip(_known(market), _known(given), strict=True)]
    return next((f"self.{name}" for name, value in vars(strategy).items() if _told(value, hidden)), "")


def readers_in(cls: type[Strategy]) -> tuple[str, ...]:
    """Return what its code calls to read files or the network by itself. What is read there the gate can hardly know."""
    found: set[str] = set()
    for function in own_functions(cls):
        names = names_in(function.__code__)
        found |= names & _READERS
        for name in names:
            value = function.__globals__.get(name)
            if isinstance(value, types.ModuleType) and value.__name__ in _SOURCES:
                found |= {name} if _SOURCES[value.__name__] is None else {f"{name}.load"} if "load" in names else set()
        if _opens(function.__code__):
            found.add("open")
    return tuple(sorted(found))


def _opens(code: types.CodeType) -> bool:
    """Say whether the built-in ``open`` is used; ``kline.open`` is an attribute."""
    if any(item.opname in {"LOAD_GLOBAL", "LOAD_NAME"} and item.argval == "open" for item in dis.get_instructions(code)):
        return True
    return any(_opens(item) for item in code.co_consts if isinstance(item, types.CodeType))


def _known(market: Market) -> list[npt.NDArray[np.float64]]:
    """Return the closes and the funding rates of a market, each once."""
    rates = [np.asarray(item.rate, dtype=np.float64) for item in market.funding.values()]
    return [
        np.unique(np.concatenate([table["close"] for table in market.tables])),
        np.unique(np.concatenate([np.empty(0), *rates])),
    ]


def _told(value: Any, known: Sequence[npt.NDArray[np.float64]]) -> bool:
    """Say whether a value holds too many of the numbers."""
    wanted = [numbers for numbers in known if len(numbers) >= _LEAST]
    found = [array for array in _numbers(value, _DEEP) if array.size >= _LEAST] if wanted else []
    return any(_holds(array, numbers) for array in found for numbers in wanted)


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


def _holds(array: npt.NDArray[np.float64], numbers: npt.NDArray[np.float64]) -> bool:
    shared = np.isin(numbers, array)
    return int(shared.sum()) >= max(_LEAST, _SHARE * len(numbers))
