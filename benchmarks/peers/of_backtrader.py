"""backtrader: a cross of two SMAs, with ``runonce`` indicators, preloaded data, no observers. Orders fill at the next open."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.turns import Columns, market, serve

pd: Any = importlib.import_module("pandas")
bt: Any = importlib.import_module("backtrader")


def main(place: Path) -> None:
    """Serve turns over the market of a folder."""
    columns = market(place)
    table = pd.DataFrame({name: columns[name] for name in ("open", "high", "low", "close", "volume")})
    table.index = pd.to_datetime(columns["open_time"], unit="ms")

    class Cross(bt.Strategy):  # type: ignore[misc]
        """Long while the fast average is above the slow one."""

        def __init__(self) -> None:
            self.fast, self.slow = bt.ind.SMA(period=10), bt.ind.SMA(period=50)
            self.made: list[tuple[float, ...]] = []
            self.bought: tuple[int, float, float] | None = None

        def notify_order(self, order: Any) -> None:
            """Note a fill."""
            if order.status != order.Completed:
                return
            done = order.executed
            if order.isbuy():
                self.bought = (len(self) - 1, done.price, done.comm)
            elif self.bought is not None:
                entry, price, fee = self.bought
                self.made.append((entry, len(self) - 1, price, done.price, 1.0, done.price - price - fee - done.comm))

        def next(self) -> None:
            """Follow the averages."""
            above = self.fast[0] > self.slow[0]
            if above and not self.position:
                self.buy(size=1)
            elif not above and self.position:
                self.close()

    def run(bars: int, fees: float) -> Any:
        cerebro = bt.Cerebro(stdstats=False, runonce=True, preload=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=table.iloc[:bars], timeframe=bt.TimeFrame.Minutes))
        cerebro.addstrategy(Cross)
        cerebro.broker.setcash(1e9)
        cerebro.broker.setcommission(commission=fees)
        return cerebro.run()[0], cerebro.broker.getvalue()

    def trades(made: Any) -> Columns:
        rows = np.array(made[0].made)
        names = ("entry", "exit", "entry_price", "exit_price", "quantity", "profit")
        return {**{name: rows[:, place] for place, name in enumerate(names)}, "equity": np.array([made[1]])}

    serve(run, trades, place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
