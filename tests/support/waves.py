"""Hourly bars that rise and fall in waves: markets on which a moving-average cross trades often."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.quant.bars import Bars

HOUR_MS = 3_600_000
START_MS = 1_672_531_200_000  # 2023-01-01, a Sunday


def waves(days: int = 120, *, seed: int = 1, instrument: str = "user:spot:WAVE", start_ms: int = START_MS) -> Bars:
    """Bars of ``days`` days; the same seed makes the same bars."""
    rows = days * 24
    source = np.random.default_rng(seed)
    place = np.arange(rows)
    close = np.round(100.0 + 10.0 * np.sin(place / 40.0) + 4.0 * np.sin(place / 9.0) + np.cumsum(source.normal(0, 0.15, rows)), 2)
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) + np.round(source.random(rows) * 0.3, 2)
    low = np.minimum(opened, close) - np.round(source.random(rows) * 0.3, 2)
    volumes = ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume")
    columns: dict[str, npt.NDArray[Any]] = {
        "open_time": start_ms + place.astype(np.int64) * HOUR_MS,
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        **{name: np.round(10.0 + source.random(rows), 3) for name in volumes},
    }
    return Bars(instrument, "1h", columns)
