"""Curves and trades that metrics are tested on: small enough to compute by hand, or seeded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.records import FILL, FUNDING, TRADE
from quantservice.quant.metrics import Metrics, RunArrays, Settings, measure

DAY = 86_400_000
HOUR = 3_600_000
#: 2023-01-01 00:00 UTC
START = 1_672_531_200_000
#: Ten days of returns whose figures can be computed by hand.
TEN_RETURNS = (0.10, -0.10, 0.0, 0.20, 0.0, -0.10, 0.05, 0.0, 0.10, -0.10)
TEN_NETS = (10.0, -5.0, 20.0, 15.0, 0.0, -10.0, -5.0, 30.0, -20.0, 5.0)


def curve(returns: Any, *, start: float = 100.0, step: int = DAY, begin: int = START, **more: Any) -> RunArrays:
    """A run whose equity makes these simple returns, one mark per step, from ``begin``."""
    equity = np.asarray(start * np.cumprod(1.0 + np.asarray(returns, dtype=np.float64)), dtype=np.float64)
    time = begin + step * np.arange(1, len(equity) + 1, dtype=np.int64)
    return RunArrays(time=time, equity=equity, start_time=begin, start_equity=start, **more)


def ten_days(**more: Any) -> RunArrays:
    """The ten days."""
    return curve(TEN_RETURNS, **more)


def short(run: RunArrays, **settings: Any) -> Metrics:
    """Measure with annualised figures however short the run."""
    return measure(run, Settings(min_days=0.0, **settings))


def trades_of(nets: Any, *, side: Any = 1, hours: Any = 24.0, notional: float = 1_000.0, begin: int = START) -> npt.NDArray[Any]:
    """Closed trades with these net results, one after the other."""
    rows = np.zeros(len(nets), TRADE)
    rows["net"] = nets
    rows["return"] = rows["net"] / notional
    rows["value"] = notional
    rows["side"] = side
    length = np.broadcast_to(np.asarray(np.asarray(hours) * HOUR, dtype=np.int64), len(nets))
    rows["exit_time"] = begin + np.cumsum(length)
    rows["entry_time"] = rows["exit_time"] - length
    rows["mae"], rows["mfe"] = -0.02, 0.03
    return rows


def fills_of(*rows: tuple[int, float, float, float]) -> npt.NDArray[Any]:
    """Fills of (bar, price, quantity, fee) in the reporting currency."""
    fills = np.zeros(len(rows), FILL)
    for k, (bar, price, quantity, fee) in enumerate(rows):
        fills[k]["bar"], fills[k]["price"], fills[k]["quantity"], fills[k]["fee"], fills[k]["rate"] = bar, price, quantity, fee, 1.0
    return fills


def funding_of(*rows: tuple[float, bool]) -> npt.NDArray[Any]:
    """Settlements of (amount, missing)."""
    found = np.zeros(len(rows), FUNDING)
    for k, (amount, missing) in enumerate(rows):
        found[k]["amount"], found[k]["missing"], found[k]["rate"] = amount, missing, 1.0
    return found


def seeded(days: int = 730, *, seed: int = 20_240_101, drift: float = 0.0009, spread: float = 0.018) -> npt.NDArray[np.float64]:
    """Daily returns that depend a little on the day before, with some flat days."""
    generator = np.random.Generator(np.random.PCG64(seed))
    noise = generator.normal(drift, spread, days)
    noise[1:] += 0.08 * noise[:-1]
    noise[generator.random(days) < 0.12] = 0.0
    return noise
