"""Seeded markets that the benchmarks of research run on, and the comparison of two programs' trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest import RunResult
from quantservice.quant.bars import COLUMNS, Bars

Columns: TypeAlias = dict[str, npt.NDArray[Any]]

MINUTE_MS: Final = 60_000
YEAR_OF_MINUTES: Final = 525_600
START_MS: Final = 1_672_531_200_000  # 2023-01-01
SPOT: Final = "binance:spot:BTC-USDT"
TICK: Final = 0.01


def minutes(count: int = YEAR_OF_MINUTES, *, seed: int = 11, start: float = 30_000.0, digits: int = 2) -> Columns:
    """One-minute bars of a random walk with drifts that change every few hours, prices of ``digits`` decimals, never overlapping.

    With eight digits two averages are never exactly equal; with two they are now and then, and the last bit of each program's
    rounding decides what it does.
    """
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0.0, 4e-5, count // 240 + 1), 240)[:count]
    close = np.round(start * np.exp(np.cumsum(drift + random.normal(0.0, 5e-4, count))), digits)
    opened = np.round(np.concatenate(([start], close[:-1])) * (1.0 + random.normal(0.0, 2e-5, count)), digits)
    spread = np.abs(random.normal(0.0, 3e-4, (2, count)))
    high = np.round(np.maximum(opened, close) * (1.0 + spread[0]) + TICK, digits)
    low = np.round(np.minimum(opened, close) * (1.0 - spread[1]) - TICK, digits)
    volume = np.round(random.lognormal(2.0, 1.0, count), 3) + 0.001
    quote = volume * close
    return {
        "open_time": START_MS + np.arange(count, dtype=np.int64) * MINUTE_MS,
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "quote_volume": quote,
        "count": np.full(count, 100.0),
        "taker_buy_base_volume": volume / 2.0,
        "taker_buy_quote_volume": quote / 2.0,
    }


def bars_of(columns: Mapping[str, npt.NDArray[Any]], name: str = SPOT, period: str = "1m") -> Bars:
    """The same as the table that a backtest takes."""
    return Bars(name, period, {column: columns[column] for column in COLUMNS})


def trades_of(result: RunResult) -> Columns:
    """Our closed trades in the columns that are compared."""
    trades = result.trades[~result.trades["open"]]
    return {
        "entry": trades["entry_bar"],
        "exit": trades["exit_bar"],
        "entry_price": trades["entry_price"],
        "exit_price": trades["exit_price"],
        "quantity": trades["quantity"],
        "profit": trades["net"],
        "equity": result.equity[-1:],
    }


def differing(ours: Columns, theirs: Columns, columns: Mapping[str, float]) -> str:
    """Name the first difference of two trade lists; empty when there is none.

    ``columns`` are those that must agree, each with its relative tolerance (0: equal). ``theirs`` may hold an ``open`` mask of
    trades that are still open, which are left out.
    """
    kept = ~theirs["open"] if "open" in theirs else slice(None)
    for name, tolerance in columns.items():
        mine, other = ours[name], theirs[name] if name == "equity" else theirs[name][kept]
        if len(mine) != len(other):
            return f"{len(mine)} trades here, {len(other)} there"
        off = mine != other if tolerance == 0.0 else np.abs(mine - other) > tolerance * np.maximum(np.abs(mine), np.abs(other))
        if off.any():
            row = int(np.argmax(off))
            return f"{name} of trade {row}: {mine[row]!r} here, {other[row]!r} there ({int(off.sum())} differ)"
    return ""


def must_agree(what: str, ours: Columns, theirs: Columns, columns: Mapping[str, float]) -> int:
    """End the benchmark where two trade lists differ; return how many trades agreed. A fast wrong answer is no figure."""
    found = differing(ours, theirs, columns)
    if found:
        raise SystemExit(f"the trades of {what} differ: {found}")
    if not len(ours["entry"]):
        raise SystemExit(f"{what}: no trade was made; nothing is compared")
    return len(ours["entry"])
