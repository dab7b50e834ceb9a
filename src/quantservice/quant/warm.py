"""Making the machine code by running a little of everything; what it makes lies in the cache (:mod:`quantservice.quant.jit`).

``python -m quantservice.quant.warm [events]`` makes the account's, for the engine on arrays or the one that asks at each kline.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

import numpy as np

from quantservice.quant.backtest.records import TRADE
from quantservice.quant.bars import Bars
from quantservice.quant.metrics import Confidence, RunArrays, measure
from quantservice.quant.research import Backtest
from quantservice.quant.strategies.base import is_vectorised
from quantservice.quant.strategies.registry import STRATEGIES

_ROWS: Final = 240
_HOUR_MS: Final = 3_600_000
_START_MS: Final = 1_700_000_400_000 // _HOUR_MS * _HOUR_MS


def make_account(*, kline_by_kline: bool) -> None:
    """Run a few bars through an engine."""
    close = 100.0 + np.sin(np.arange(_ROWS) / 9.0)
    flat = np.ones(_ROWS)
    table = {
        "open_time": _START_MS + np.arange(_ROWS, dtype=np.int64) * _HOUR_MS,
        "open": close, "high": close + 1.0, "low": close - 1.0, "close": close,
        "volume": flat, "quote_volume": flat, "count": flat, "taker_buy_base_volume": flat, "taker_buy_quote_volume": flat,
    }  # fmt: skip
    bars = Bars("binance:um:BTC-USDT-PERP", "1h", table)
    names = [entry for entry in STRATEGIES.values() if is_vectorised(entry.cls()) is not kline_by_kline]
    entry = next((item for item in names if item.name in {"ma_cross", "grid"}), names[0])
    Backtest(entry.cls, bars).simulate()


def make_figures() -> None:
    """Measure a small curve with trades, resampled as a report does it."""
    marks = 24 * 120
    equity = 100.0 + np.sin(np.arange(marks) / 30.0)
    trades = np.zeros(12, TRADE)
    trades["exit_time"] = _START_MS + (np.arange(12) + 1) * 48 * _HOUR_MS
    trades["entry_time"] = trades["exit_time"] - 24 * _HOUR_MS
    trades["net"], trades["return"], trades["value"], trades["side"] = 1.0, 0.01, 100.0, 1
    time = _START_MS + (np.arange(marks, dtype=np.int64) + 1) * _HOUR_MS - 1
    # Read-only columns of one table: whatever is given is laid out in the one form that is compiled.
    table = np.stack((equity - 0.5, equity * 0.5, equity * 0.5, equity * 0.1), axis=1)
    for values in (equity, time, trades, table):
        values.flags.writeable = False
    worst, gross, net, margin = table.T
    run = RunArrays(
        time=time,
        equity=equity,
        start_time=_START_MS,
        start_equity=100.0,
        worst=worst,
        gross=gross,
        net=net,
        margin=margin,
        benchmark=equity + 1.0,
        benchmark_start=100.0,
        trades=trades,
    )
    measure(run, confidence=Confidence(draws=8, trials=2, variance=0.01))


if __name__ == "__main__":
    gc.disable()  # compiling makes millions of objects and no garbage worth a second
    make_account(kline_by_kline="events" in sys.argv[1:])
