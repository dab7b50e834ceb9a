"""jesse: a cross of two SMAs through ``research.backtest`` in its fast mode. Orders fill at the close of the decision."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.turns import Columns, market, serve

os.chdir(tempfile.mkdtemp(prefix="qs-jesse-"))  # it looks for a project of its own in the working directory
research: Any = importlib.import_module("jesse.research")
indicators: Any = importlib.import_module("jesse.indicators")
strategies: Any = importlib.import_module("jesse.strategies")

EXCHANGE, SYMBOL = "Binance Perpetual Futures", "BTC-USDT"


class Cross(strategies.Strategy):  # type: ignore[misc]
    """Long one unit while the fast average is above the slow one."""

    @property
    def above(self) -> bool:
        """Whether the fast average is above."""
        return bool(indicators.sma(self.candles, 10) > indicators.sma(self.candles, 50))

    def should_long(self) -> bool:
        """Enter."""
        return self.above

    def go_long(self) -> None:
        """Buy one unit at the market."""
        self.buy = 1, self.price

    def update_position(self) -> None:
        """Leave."""
        if not self.above:
            self.liquidate()

    def should_short(self) -> bool:
        """Never."""
        return False

    def should_cancel_entry(self) -> bool:
        """Market orders do not wait."""
        return True


def main(place: Path) -> None:
    """Serve turns over the market of a folder."""
    columns = market(place)
    names = ("open", "close", "high", "low", "volume")
    candles = np.column_stack([columns["open_time"].astype(np.float64), *(columns[name] for name in names)])
    start = int(columns["open_time"][0])

    def run(bars: int, fees: float) -> Any:
        return research.backtest(
            {
                "starting_balance": 1_000_000_000,
                "fee": fees,
                "type": "futures",
                "simulation_model": "perpetual_futures",
                "annualization": 365,
                "futures_leverage": 1,
                "futures_leverage_mode": "cross",
                "exchange": EXCHANGE,
                "warm_up_candles": 0,
            },
            [{"exchange": EXCHANGE, "strategy": Cross, "symbol": SYMBOL, "timeframe": "1m"}],
            [],
            {f"{EXCHANGE}-{SYMBOL}": {"exchange": EXCHANGE, "symbol": SYMBOL, "candles": candles[:bars].copy()}},
            fast_mode=True,
        )

    def trades(made: Any) -> Columns:
        rows = made["trades"]  # its times are the ends of the bars; a position that is open at the end it closes there
        entry, left = (np.array([(row[name] - start) // 60_000 - 1 for row in rows]) for name in ("opened_at", "closed_at"))
        return {
            "entry": entry,
            "exit": left,
            "open": left >= len(columns["close"]) - 1,
            "entry_price": np.array([row["entry_price"] for row in rows]),
            "exit_price": np.array([row["exit_price"] for row in rows]),
            "quantity": np.array([row["qty"] for row in rows]),
            "profit": np.array([row["PNL"] for row in rows]),
            "equity": np.array([made["metrics"]["finishing_balance"]]),
        }

    serve(run, trades, place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
