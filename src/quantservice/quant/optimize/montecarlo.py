"""How much of a result is luck: trades in another order, other trades like them, other bars like them, the same bars disturbed.

Randomness is numpy's PCG64 seeded with (seed, run number), so that run 17 is the same whichever worker does it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.bars import Bars
from quantservice.quant.jit import jit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
#: Percentiles that are told of every figure.
PERCENTILES: Final = (1, 5, 25, 50, 75, 95, 99)
TRADE_FIGURES: Final = ("total_return", "max_drawdown", "longest_losing_run")


def generator(seed: int, run: int) -> np.random.Generator:
    """Return the source of randomness of one run."""
    return np.random.Generator(np.random.PCG64([seed, run]))


def reorder_trades(returns: F64, runs: range, *, seed: int = 0, resample: bool = False) -> F64:
    """Return (runs, 3): total return, deepest fall and longest losing run of trades in a random order.

    ``returns`` (n,) are each trade's profit as a share of the equity before it. ``resample``: draw n trades with repetition instead
    of shuffling the n that were (then the total varies too).
    """
    if len(returns) < 2:
        raise InvalidValue("trades", f"{len(returns)} closed trades have no order to change; at least 2 are needed")
    out = np.empty((len(runs), len(TRADE_FIGURES)))
    for place, run in enumerate(runs):
        source = generator(seed, run)
        order = source.integers(0, len(returns), len(returns)) if resample else source.permutation(len(returns))
        _follow(returns, order, out[place])
    return out


def follow(returns: F64) -> F64:
    """Return the same three figures of the trades in the order in which they were."""
    out = np.empty(len(TRADE_FIGURES))
    _follow(returns, np.arange(len(returns), dtype=np.int64), out)
    return out


@jit
def _follow(returns: F64, order: I64, out: F64) -> None:
    equity, peak, deepest, losing, longest = 1.0, 1.0, 0.0, 0, 0
    for place in order:
        equity *= 1.0 + returns[place]
        peak = max(peak, equity)
        deepest = min(deepest, equity / peak - 1.0)
        losing = losing + 1 if returns[place] < 0.0 else 0
        longest = max(longest, losing)
    out[0], out[1], out[2] = equity - 1.0, deepest, longest


def trade_returns(net: F64, exit_bars: I64, equity: F64, initial: float) -> F64:
    """Return each closed trade's profit as a share of the equity before it closed, in the order of closing."""
    order = np.argsort(exit_bars, kind="stable")
    running = initial + np.concatenate(([0.0], np.cumsum(net[order])[:-1]))
    base = np.where(running > 0.0, running, np.nan)
    found = net[order] / base
    return found[np.isfinite(found)]


def bootstrap_bars(tables: Sequence[Bars], run: int, *, seed: int = 0, block: int = 48) -> list[Bars]:
    """Return bars put together from random blocks of the given ones, all instruments from the same blocks.

    Stationary bootstrap (Politis, Romano 1994): blocks of geometric length, ``block`` on average, wrapped around the end. A bar
    keeps its shape relative to the close before it and its volumes; times stay. Instruments are cut to the times they share.
    """
    cut = _shared(tables)
    rows = len(cut[0])
    if rows < 2 * block:
        raise InvalidValue("block_bars", f"{rows} bars hold no two blocks of {block}")
    draw = _draw(rows - 1, block, generator(seed, run)) + 1  # a bar needs the close before it
    return [_rebuilt(table, draw) for table in cut]


def _draw(rows: int, block: int, source: np.random.Generator) -> I64:
    fresh = source.random(rows) < 1.0 / block
    fresh[0] = True
    starts = source.integers(0, rows, rows)
    place = np.arange(rows)
    last = np.maximum.accumulate(np.where(fresh, place, 0))
    return (starts[last] + place - last) % rows


def _rebuilt(table: Bars, draw: I64) -> Bars:
    close = table["close"]
    previous = close[draw - 1]
    steps = np.concatenate(([1.0], close[draw] / previous))
    closes = close[0] * np.cumprod(steps)
    before = closes[:-1]
    columns: dict[str, npt.NDArray[Any]] = {"open_time": table["open_time"].copy(), "close": closes}
    for name in ("open", "high", "low"):
        columns[name] = np.concatenate((table[name][:1], before * table[name][draw] / previous))
    # The rounding of the factors must not leave a close outside its bar.
    columns["high"] = np.maximum.reduce([columns["high"], columns["open"], closes])
    columns["low"] = np.minimum.reduce([columns["low"], columns["open"], closes])
    for name in ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume"):
        columns[name] = np.concatenate((table[name][:1], table[name][draw]))
    return Bars(table.instrument, table.period, columns)


def _shared(tables: Sequence[Bars]) -> list[Bars]:
    times = tables[0]["open_time"]
    for table in tables[1:]:
        times = np.intersect1d(times, table["open_time"], assume_unique=True)
    return [_rows(table, np.searchsorted(table["open_time"], times)) for table in tables]


def _rows(table: Bars, rows: I64) -> Bars:
    return Bars(table.instrument, table.period, {name: table[name][rows] for name in table})


def disturbed_bars(tables: Sequence[Bars], run: int, *, seed: int = 0, noise: float = 0.1) -> list[Bars]:
    """Return the same bars with every price moved by a normal error of ``noise`` times the bar's own range.

    High and low still hold open and close; a price stays positive.
    """
    source = generator(seed, run)
    return [_disturbed(table, source, noise) for table in tables]


def _disturbed(table: Bars, source: np.random.Generator, noise: float) -> Bars:
    columns: dict[str, npt.NDArray[Any]] = {name: table[name].copy() for name in table}
    spread = (table["high"] - table["low"]) / table["close"]
    for name in ("open", "high", "low", "close"):
        columns[name] = table[name] * np.exp(noise * spread * source.standard_normal(len(spread)))
    columns["high"] = np.maximum.reduce([columns[name] for name in ("open", "high", "low", "close")])
    columns["low"] = np.minimum.reduce([columns[name] for name in ("open", "high", "low", "close")])
    return Bars(table.instrument, table.period, columns)


def distribution(values: F64, actual: float) -> dict[str, Any]:
    """Return mean, spread and percentiles of a figure over the runs, and the share of runs that were no better than the actual."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"runs": 0, "actual": actual}
    marks = np.percentile(known, PERCENTILES)
    return {
        "runs": len(known),
        "actual": actual,
        "mean": float(known.mean()),
        "std": float(known.std(ddof=1)) if len(known) > 1 else math.nan,
        "percentiles": {str(mark): float(value) for mark, value in zip(PERCENTILES, marks, strict=True)},
        "share_below_actual": float((known <= actual).mean()) if math.isfinite(actual) else math.nan,
    }


def summarise(names: Sequence[str], table: F64, actual: Mapping[str, float]) -> dict[str, Any]:
    """Return the distribution of every figure; ``table`` is (runs, figures)."""
    return {name: distribution(table[:, place], float(actual.get(name, math.nan))) for place, name in enumerate(names)}
