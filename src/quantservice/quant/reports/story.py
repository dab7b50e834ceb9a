"""What stands round the figures of a report: who ran what on which data, and what was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.kernel.layout import STALE, SYNTHETIC

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]

State: TypeAlias = Literal["passed", "failed", "warning", "unknown"]
Sample: TypeAlias = Literal["", "in", "out", "walk_forward"]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Who ran what.

    ``strategy`` is its name and ``description`` its first line; ``sample`` says whether the parameters were chosen on this very
    window (``in``), on an earlier one (``out``), window by window (``walk_forward``), or that nobody said (empty).
    ``created_ms`` is when the run was made, ``job`` its id, ``version`` that of the platform.
    """

    strategy: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = {}
    code_hash: str = ""
    family: str = ""
    sample: Sample = ""
    created_ms: int = 0
    job: str = ""
    version: str = ""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was checked. ``state`` is passed, failed, warning, or unknown (nobody checked).

    ``text`` says it in a few words, ``chinese`` the same; empty: as ``text``.
    """

    name: str
    state: State
    text: str
    chinese: str = ""


@dataclass(frozen=True, eq=False)
class Candles:
    """Klines of one instrument to be drawn: ``time`` (n,) open times in milliseconds UTC, ``state`` bits 2 synthetic, 4 stale."""

    instrument: str
    time: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    state: npt.NDArray[np.uint8]


def candles_of(data: MarketData) -> tuple[Candles, ...]:
    """Return the klines that a backtest ran on."""
    found = []
    for place, item in enumerate(data.series):
        rows = data.rows[:, place] if len(item) == len(data.rows) else data.rows[data.starts[:-1][data.places[place]], place]
        opened, high, low, close, volume = (
            np.asarray(item.columns[name], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")
        )
        state = rows & np.uint8(SYNTHETIC | STALE)
        found.append(Candles(str(item.instrument), np.asarray(item.times), opened, high, low, close, volume, state))
    return tuple(found)


def buy_and_hold(data: MarketData, close_time: I64) -> F64:
    """Return the value of one unit of money split equally over the instruments at their first open and held, at each close.

    An instrument that is listed later waits in cash until then; one that ends keeps its last value.
    """
    only = data.series[0]
    if len(data.series) == 1 and len(only) == len(close_time):
        return np.asarray(only.columns["close"] / float(only.columns["open"][0]), dtype=np.float64)
    total = np.zeros(len(close_time))
    for place, item in enumerate(data.series):
        first, closes = float(item.columns["open"][0]), np.asarray(item.columns["close"], dtype=np.float64)
        if len(closes) == len(total):
            total += closes / first
            continue
        known = np.searchsorted(data.places[place], np.arange(len(total)), side="right") - 1  # the last kline at or before a bar
        total += np.where(known < 0, 1.0, closes[np.maximum(known, 0)] / first)
    return np.asarray(total / len(data.series), dtype=np.float64)


def market_change(data: MarketData) -> float:
    """Return the mean over instruments of last close / first open - 1."""
    return float(np.mean([item.columns["close"][-1] / item.columns["open"][0] - 1.0 for item in data.series]))
