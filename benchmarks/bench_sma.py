"""One backtest: the cross of two averages over a year of minutes, with fees and every metric, beside vectorbt and its stats().

    ./qs bench --only sma [--peers]

Ours is what a notebook does: ``Backtest(...).run().metrics`` over bars at hand, bootstrap and look-ahead gate off; checking the
bars and putting them on the clock is part of the time, and told beside it. Both fill at the close of the cross, as vectorbt does,
buy with all cash and pay the same fee; the trades are compared before anything is timed.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from statistics import median
from typing import Annotated, Any

import numpy as np

from benchmarks.markets import bars_of, minutes, must_agree, trades_of
from benchmarks.peers.launch import PeerMissingError, Turn, peer
from benchmarks.results import Plan, Result
from quantservice import Backtest, Strategy
from quantservice.core.errors import InvalidValue
from quantservice.quant.bars import Bars
from quantservice.quant.metrics import Confidence
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.parameters import Range

ASKED_S = 0.060
ASKED_TIMES = 5.0
FEE = 0.0002
MONEY = 1_000_000.0  # enough that no pair is left with dust, which the peers treat in ways of their own
FAST, SLOW = 10, 50
#: Every column of the trades, and the equity at the end.
EXACT = {"entry": 0.0, "exit": 0.0, "entry_price": 1e-12, "exit_price": 1e-12, "quantity": 1e-8, "profit": 1e-6, "equity": 1e-8}


class Cross(Strategy):
    """Buy where the fast average crosses above the slow one, sell where it crosses below."""

    fast: Annotated[int, Range(2, 500)] = FAST
    slow: Annotated[int, Range(3, 2_000)] = SLOW

    def check(self) -> None:
        """Refuse a fast average that is not the faster one."""
        if self.fast >= self.slow:
            raise InvalidValue("fast", f"{self.fast} must be less than slow, {self.slow}")

    def indicators(self) -> dict[str, Any]:
        """Ask for both averages."""
        return {"fast": ("sma", self.fast), "slow": ("sma", self.slow)}

    def on_bars(self, bars: BarsView) -> Any:
        """State 1 from a cross above to the next cross below."""
        above = bars["fast"] > bars["slow"]
        if above[self.slow - 1]:  # there is no cross before the first bar that has both
            first_below = int(np.argmin(above[self.slow - 1 :])) + self.slow - 1
            above = above.copy()
            above[:first_below] = False
        return above.astype(np.float64)


def prepared(bars: Bars, **more: Any) -> Backtest:
    """The backtest, its bars checked and on the clock."""
    return Backtest(Cross, bars, fees=FEE, fill="close", initial_equity=MONEY, **more)


def whole(bars: Bars) -> tuple[float, float, int]:
    """Run once; seconds in all, seconds of the preparation, and the number of metrics."""
    started = time.perf_counter()
    backtest = prepared(bars)
    ready = time.perf_counter()
    metrics = backtest.run(gate_seconds=0.0, confidence=Confidence()).metrics
    return time.perf_counter() - started, ready - started, len(metrics)


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    columns, rounds = minutes(), plan.rounds(15)
    bars = bars_of(columns)
    whole(bars)  # machine code is loaded
    ours: list[tuple[float, float, int]] = []
    turns: list[Turn] = []
    busy: list[float] = []
    with ExitStack() as stack:
        vectorbt, said = None, ""
        try:
            vectorbt = stack.enter_context(peer("vectorbt", "of_vectorbt", columns))
            mine, theirs = trades_of(prepared(bars).simulate()), vectorbt.trades(windows=[FAST, SLOW], fees=FEE)
            count = must_agree(f"vectorbt {vectorbt.version}", mine, theirs, EXACT)
            said = f"vectorbt {vectorbt.version}, {count:,} equal trades"
        except PeerMissingError as missing:
            said = str(missing)
        for _ in range(rounds):
            before = time.process_time()
            ours.append(whole(bars))
            busy.append(time.process_time() - before)
            if vectorbt is not None:
                turns.append(vectorbt.turn(windows=[FAST, SLOW], fees=FEE))
    took, ready = median(item[0] for item in ours), median(item[1] for item in ours)
    times = median(turn.seconds for turn in turns) / took if turns else 0.0
    beside = f"{times:.1f}x {said} ({median(turn.seconds for turn in turns) * 1e3:.0f} ms)" if turns else said
    return [
        Result(
            what=f"SMA 10/50 cross, {len(bars):,} bars of 1m, fees, {ours[0][2]} metrics",
            asked=f"<= {ASKED_S * 1e3:.0f} ms, {ASKED_TIMES:g}x vectorbt with stats()",
            measured=f"{took * 1e3:.0f} ms, {ready * 1e3:.0f} of them checking the bars (processor {median(busy) * 1e3:.0f} ms)",
            peer=beside,
            ok=took <= ASKED_S and times >= ASKED_TIMES,
            figures={
                "seconds": [item[0] for item in ours],
                "prepare_s": [item[1] for item in ours],
                "cpu_s": busy,
                "vectorbt_s": [turn.seconds for turn in turns],
                "vectorbt_cpu_s": [turn.cpu_s for turn in turns],
            },
        )
    ]
