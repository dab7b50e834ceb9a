"""A portfolio: 34 real symbols, 184 days of hours, equal weights over the ten strongest of a week, weekly.

    ./qs bench --only portfolio

Timed is ``Backtest(...).run().metrics`` with the bars on the clock; checking them is told beside it. The data is that of
``QS_TEST_DATA`` (klines/binance_um_1h_2025_34symbols).
"""

from __future__ import annotations

import csv
import gzip
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.results import Plan, Result, data_folder
from quantservice import Backtest, Strategy
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.metrics import Confidence
from quantservice.quant.strategies.feed import BarsView

ASKED_S = 0.040
WEEK = 168
HELD = 10
SYMBOLS = 34


class Strongest(Strategy):
    """Hold the strongest of the last week in equal parts, chosen anew each week."""

    def on_bars(self, bars: BarsView) -> Any:
        """State the weights at each week's end, nothing in between."""
        close = bars["close"]
        targets = np.full(close.shape, np.nan)
        for row in range(WEEK, len(close), WEEK):
            change = close[row] / close[row - WEEK] - 1.0
            change[np.isnan(change)] = -np.inf
            targets[row] = 0.0
            targets[row, np.argsort(-change, kind="stable")[:HELD]] = 1.0 / HELD
        return targets


def table(file: Path) -> Bars:
    """One symbol's bars."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = {key.lower(): key for key in rows[0]}
    opened = np.array([row[names[key]] for key in ("open_time", "timestamp", "ts", "time") if key in names for row in rows])
    times = opened.astype("int64") if opened[0].isdigit() else opened.astype("datetime64[ms]").astype("int64")
    columns: dict[str, Any] = {name: np.zeros(len(rows)) for name in COLUMNS}
    columns["open_time"] = times
    for name in ("open", "high", "low", "close", "volume"):
        columns[name] = np.array([float(row[names[name]]) for row in rows])
    order = np.argsort(times, kind="stable")
    symbol = file.name.split(".")[0].removesuffix("-SWAP")
    return Bars(f"binance:um:{symbol}-PERP", "1h", {name: values[order] for name, values in columns.items()})


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    bars = [table(file) for file in sorted((data_folder() / "klines" / "binance_um_1h_2025_34symbols").glob("*.csv.gz"))]
    if len(bars) != SYMBOLS:
        raise SystemExit(f"{len(bars)} symbols were read, {SYMBOLS} are wanted")
    started = time.perf_counter()
    backtest = Backtest(Strongest, bars, fees=0.0005, rebalance="always")
    prepared = time.perf_counter() - started
    fills = len(backtest.run(gate_seconds=0.0, confidence=Confidence()).result.fills)  # machine code is loaded
    if not fills:
        raise SystemExit("the portfolio never traded")
    seconds, busy = [], []
    for _ in range(plan.rounds(21)):
        started, before = time.perf_counter(), time.process_time()
        metrics = backtest.run(gate_seconds=0.0, confidence=Confidence()).metrics
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - before)
    took = median(seconds)
    days = (int(backtest.data.close_time[-1]) - int(backtest.data.time[0])) / 86_400_000
    return [
        Result(
            what=f"portfolio of {len(bars)} symbols, {days:.0f} days of 1h, weekly, {fills:,} fills, {len(metrics)} metrics",
            asked=f"< {ASKED_S * 1e3:.0f} ms",
            measured=f"{took * 1e3:.0f} ms (processor {median(busy) * 1e3:.0f} ms; checking the bars {prepared * 1e3:.0f} ms)",
            ok=took < ASKED_S,
            figures={"seconds": seconds, "cpu_s": busy, "prepare_s": prepared, "fills": fills},
        )
    ]
