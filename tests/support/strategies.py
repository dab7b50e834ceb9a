"""Markets and small strategies for the tests of strategies, engines and the look-ahead gate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import FIXED_MS
from quantservice.quant.bars import Bars

BTC = InstrumentId("binance", "um", "BTC-USDT-PERP")
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")
START_MS = 1_699_833_600_000  # 2023-11-13, a Monday, 00:00 UTC


def random_bars(
    rows: int,
    *,
    seed: int = 1,
    instrument: InstrumentId = BTC,
    period: str = "1h",
    start_ms: int = START_MS,
    absent: Sequence[int] = (),
    volatility: float = 0.01,
) -> Bars:
    """A random walk without surprises; rows named in ``absent`` are missing."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, rows)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, volatility, rows))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, volatility, rows))
    volume = rng.uniform(1.0, 100.0, rows)
    columns = {
        "open_time": start_ms + np.arange(rows, dtype=np.int64) * FIXED_MS[period],
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "quote_volume": volume * close,
        "count": rng.integers(1, 500, rows).astype(np.float64),
        "taker_buy_base_volume": volume * 0.5,
        "taker_buy_quote_volume": volume * close * 0.5,
    }
    kept = np.setdiff1d(np.arange(rows), np.asarray(absent, dtype=np.int64))
    return Bars(str(instrument), period, {name: values[kept] for name, values in columns.items()})
