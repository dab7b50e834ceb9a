"""vectorbt: an SMA cross, one pair or all pairs of several windows, with its stats().

As its documentation has it: ``MA.run`` and ``MA.run_combs``, ``Portfolio.from_signals``, all columns in one call; the engine is
``auto``, which takes the compiled Rust functions where they are installed and support a call, else numba.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.turns import Columns, market, serve

vbt: Any = importlib.import_module("vectorbt")
pd: Any = importlib.import_module("pandas")


class Crosses:
    """Runs over one market."""

    def __init__(self, columns: Columns) -> None:
        self.step = int(columns["open_time"][1] - columns["open_time"][0])
        index = pd.to_datetime(columns["open_time"], unit="ms")
        self.close = pd.Series(columns["close"], index=index)

    def run(self, windows: list[int], fees: float, slippage: float = 0.0, single: bool = True) -> tuple[Any, Any]:
        """One pair of windows, or all pairs of them; the portfolio and its statistics."""
        if single:
            fast, slow = (vbt.MA.run(self.close, window) for window in windows)
        else:
            fast, slow = vbt.MA.run_combs(self.close, window=np.array(windows), r=2, short_names=["fast", "slow"])
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        portfolio = vbt.Portfolio.from_signals(
            self.close,
            entries,
            exits,
            fees=fees,
            slippage=slippage,
            init_cash=1_000_000.0,
            freq=pd.Timedelta(milliseconds=self.step),
        )
        return portfolio, portfolio.stats() if single else portfolio.stats(agg_func=None)

    def trades(self, made: tuple[Any, Any]) -> Columns:
        """Its trade records; ``column`` numbers the pairs."""
        portfolio = made[0]
        rows = portfolio.trades.records
        return {
            "column": rows["col"].to_numpy(),
            "entry": rows["entry_idx"].to_numpy(),
            "exit": rows["exit_idx"].to_numpy(),
            "entry_price": rows["entry_price"].to_numpy(),
            "exit_price": rows["exit_price"].to_numpy(),
            "quantity": rows["size"].to_numpy(),
            "profit": rows["pnl"].to_numpy(),
            "open": (rows["status"] == 0).to_numpy(),
            "equity": np.atleast_1d(np.asarray(portfolio.final_value())),
        }


if __name__ == "__main__":
    place = Path(sys.argv[1])
    crosses = Crosses(market(place))
    serve(crosses.run, crosses.trades, place)
