"""The event engine: Python is asked at every bar, reads two averages and answers with a Signal, beside other event engines.

    ./qs bench --only events [--peers]

Each peer's trades are compared with ours under the same fill model before its time is printed: entry and exit bars and both prices
of every trade. Peers are asked for one unit each time; ours states a fraction of the equity, so quantities are not compared here.
``--quick`` takes 50,000 bars, and so does jesse always: it gets slower with each bar, and a year took it more than eleven minutes.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.markets import YEAR_OF_MINUTES, Columns, bars_of, minutes, must_agree, trades_of
from benchmarks.peers.launch import PeerMissingError, Turn, peer
from benchmarks.results import Plan, Result
from quantservice import Backtest, Bar, Signal, Strategy, View

ASKED_BARS = 700_000.0
FEE = 0.0002
MONEY = 1_000_000.0
#: Peer -> script, times faster asked, whether it fills at the close of the decision.
PEERS = {
    "backtesting": ("of_backtesting", 4.5, False),
    "backtrader": ("of_backtrader", 80.0, False),
    "jesse": ("of_jesse", 12.0, True),
    "nautilus_trader": ("of_nautilus", 50.0, True),
}
SAME = {"entry": 0.0, "exit": 0.0, "entry_price": 1e-12, "exit_price": 1e-12}
#: NautilusTrader makes a spread of one tick around a bar's close.
TICK = {"entry": 0.0, "exit": 0.0, "entry_price": 5e-6, "exit_price": 5e-6}
QUICK_BARS = 50_000
#: Peers that are compared on fewer bars, ours on the same.
FEWER = {"jesse": QUICK_BARS}
#: Bars on which the averages begin with the fast one below (backtesting.py first asks one bar after both are there) and are never
#: exactly equal (where sums of cents tie, the last bit of each engine's rounding would decide).
SEED = 28


class Follow(Strategy):
    """Long while the fast average is above the slow one."""

    def indicators(self) -> dict[str, Any]:
        """Ask for both averages."""
        return {"fast": ("sma", 10), "slow": ("sma", 50)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """State what the averages want."""
        return Signal(kline.instrument, 1.0 if view["fast"] > view["slow"] else 0.0)


def prepared(columns: Columns, fill: str) -> Backtest:
    """The backtest, its bars checked and on the clock."""
    return Backtest(Follow, bars_of(columns), fees=FEE, fill=fill, initial_equity=MONEY)


def beside(module: str, columns: Columns, rounds: int) -> tuple[list[Turn], str]:
    """A peer's turns, and what is said of it; its trades agree with ours."""
    script, _, at_close = PEERS[module]
    try:
        with peer(module, script, columns) as other:
            wanted = {"bars": len(columns["close"]), "fees": FEE}
            mine = trades_of(prepared(columns, "close" if at_close else "next_open").simulate())
            count = must_agree(f"{module} {other.version}", mine, other.trades(**wanted), TICK if at_close else SAME)
            return [other.turn(**wanted) for _ in range(rounds)], f"{module} {other.version}, {count:,} equal trades"
    except PeerMissingError as missing:
        return [], str(missing)


def ours(columns: Columns, plan: Plan) -> tuple[list[float], list[float]]:
    """Seconds of our runs, and of the processor."""
    backtest = prepared(columns, "next_open")
    backtest.simulate()  # machine code is loaded
    seconds, busy = [], []
    for _ in range(plan.rounds(6)):
        started, before = time.perf_counter(), time.process_time()
        backtest.simulate()
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - before)
    return seconds, busy


def results(plan: Plan) -> list[Result]:
    """One row for our speed, one for each peer."""
    columns = minutes(QUICK_BARS if plan.quick else YEAR_OF_MINUTES, seed=SEED)
    bars = len(columns["close"])
    seconds, busy = ours(columns, plan)
    took = median(seconds)
    rows = [
        Result(
            what=f"event engine, Python on_kline with two indicators, {bars:,} bars",
            asked=f">= {ASKED_BARS:,.0f} bars/s",
            measured=f"{bars / took:,.0f} bars/s (processor {bars / median(busy):,.0f} bars/s)",
            ok=bars / took >= ASKED_BARS,
            figures={"seconds": seconds, "cpu_s": busy},
        )
    ]
    for module, (_, asked, _) in PEERS.items():
        some = {name: values[: FEWER.get(module, bars)] for name, values in columns.items()}
        count = len(some["close"])
        mine = took if count == bars else median(ours(some, plan)[0])
        turns, said = beside(module, some, 1)
        theirs = median(turn.seconds for turn in turns) if turns else 0.0
        rows.append(
            Result(
                what=f"the same beside {module}" + ("" if count == bars else f", {count:,} bars"),
                asked=f"{asked:g}x",
                measured=f"{theirs / mine:.1f}x" if turns else "not compared",
                peer=f"{said} ({count / theirs:,.0f} bars/s)" if turns else said,
                ok=theirs / mine >= asked,
                figures={"seconds": [turn.seconds for turn in turns], "cpu_s": [turn.cpu_s for turn in turns]},
            )
        )
    return rows
