"""backtesting.py: a cross of two SMAs. Orders fill at the next open; quantities are whole units."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.turns import Columns, market, serve

pd: Any = importlib.import_module("pandas")
backtesting: Any = importlib.import_module("backtesting")


def average(values: Any, length: int) -> Any:
    """The mean of the last values."""
    return pd.Series(values).rolling(length).mean().to_numpy()


def main(place: Path) -> None:
    """Serve turns over the market of a folder."""
    columns = market(place)
    names = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
    table = pd.DataFrame({key: columns[name] for key, name in names.items()})
    table.index = pd.to_datetime(columns["open_time"], unit="ms")

    class Cross(backtesting.Strategy):  # type: ignore[misc]
        """Long while the fast average is above the slow one."""

        size, fast_length, slow_length = 1.0, 10, 50

        def init(self) -> None:
            """Compute both averages."""
            self.fast = self.I(average, self.data.Close, self.fast_length)
            self.slow = self.I(average, self.data.Close, self.slow_length)

        def next(self) -> None:
            """Follow the averages."""
            above = self.fast[-1] > self.slow[-1]
            if above and not self.position:
                self.buy(size=self.size)
            elif not above and self.position:
                self.position.close()

    def run(bars: int, fees: float, at_close: bool = False) -> Any:
        test = backtesting.Backtest(table.iloc[:bars], Cross, cash=1e9, commission=fees, trade_on_close=at_close)
        return test.run(size=1)

    def trades(stats: Any) -> Columns:
        rows = stats["_trades"]
        return {
            "entry": rows["EntryBar"].to_numpy(),
            "exit": rows["ExitBar"].to_numpy(),
            "entry_price": rows["EntryPrice"].to_numpy(),
            "exit_price": rows["ExitPrice"].to_numpy(),
            "quantity": rows["Size"].to_numpy().astype(np.float64),
            "profit": rows["PnL"].to_numpy(),
            "equity": np.array([stats["Equity Final [$]"]]),
        }

    serve(run, trades, place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
