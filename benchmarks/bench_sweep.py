"""A sweep: 105 pairs of averages over a year of minutes, in combinations per second, beside vectorbt doing the same in one call.

    ./qs bench --only sweep [--peers]

Ours is ``Backtest(...).sweep(...)``, on all processors; all figures of a sweep for each combination. Number of trades and final
equity of each pair are compared with vectorbt's before times are printed, and the whole trade list of the first and the last pair.
Once more with funding, slippage and margin on, which vectorbt does not have: it runs with slippage there. ``--quick`` takes 10
pairs.
"""

from __future__ import annotations

import resource
import time
from contextlib import ExitStack
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np

from benchmarks.bench_sma import EXACT, FEE, MONEY, Cross
from benchmarks.markets import START_MS, Columns, bars_of, minutes, must_agree, trades_of
from benchmarks.peers.launch import Peer, PeerMissingError, Turn, peer
from benchmarks.results import Plan, Result
from quantservice import Backtest
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.grid import Sweep

ASKED_TIMES, ASKED_REAL_TIMES = 40.0, 15.0
ASKED_MB = 600.0
WINDOWS = list(range(10, 85, 5))  # 15 windows, 105 pairs
SLIPPAGE_BPS = 2.0
FUTURES = "binance:um:BTC-USDT-PERP"
SETTLEMENT_MS = 8 * 3_600_000


def funding(columns: Columns) -> dict[str, Any]:
    """A settlement every eight hours, rates of either sign."""
    times = np.arange(START_MS + SETTLEMENT_MS, int(columns["open_time"][-1]), SETTLEMENT_MS)
    return {FUTURES: (times, np.random.default_rng(5).normal(1e-4, 1e-4, len(times)))}


def swept(backtest: Backtest, windows: list[int]) -> tuple[float, float, Sweep]:
    """Seconds and processor seconds of one sweep, and what it found."""
    started, busy = time.perf_counter(), time.process_time()
    found = backtest.sweep(fast=windows, slow=windows)
    return time.perf_counter() - started, time.process_time() - busy, found


def figures_of(sweep: Sweep, windows: list[int]) -> dict[tuple[int, int], tuple[int, float]]:
    """(fast, slow) -> number of closed trades, final equity."""
    trades, equity = FIELDS.index("trades"), FIELDS.index("final_equity")
    found = {}
    for number, row in zip(sweep.numbers, sweep.figures, strict=True):
        pair = sweep.space.combination(int(number))
        fast, slow = int(pair["fast"]), int(pair["slow"])
        if fast < slow:
            found[fast, slow] = (int(row[trades]), float(row[equity]))
    if set(found) != set(combinations(windows, 2)):
        raise SystemExit(f"{len(found)} pairs were run, not all pairs of {len(windows)} windows")
    return found


def compare(vectorbt: Peer, backtest: Backtest, sweep: Sweep, windows: list[int]) -> int:
    """End the benchmark where a pair differs; return how many trades were counted on both sides."""
    theirs = vectorbt.trades(windows=windows, fees=FEE, single=False)
    ours, counted = figures_of(sweep, windows), 0
    pairs = list(combinations(windows, 2))
    for place, pair in enumerate(pairs):
        closed = int(np.sum((theirs["column"] == place) & ~theirs["open"]))
        trades, equity = ours[pair]
        if trades != closed or abs(equity / float(theirs["equity"][place]) - 1.0) > 1e-8:
            raise SystemExit(f"pair {pair}: {trades} trades, {equity} here; {closed} trades, {theirs['equity'][place]} there")
        counted += trades
    for place in (0, len(pairs) - 1):
        mine = trades_of(backtest.simulate(fast=pairs[place][0], slow=pairs[place][1]))
        rows = theirs["column"] == place
        one = {name: values[rows] if len(values) == len(rows) else values for name, values in theirs.items()}
        one["equity"] = theirs["equity"][place : place + 1]
        must_agree(f"pair {pairs[place]} of vectorbt {vectorbt.version}", mine, one, EXACT)
    return counted


def measured(backtest: Backtest, windows: list[int], rounds: int) -> tuple[list[tuple[float, float, Sweep]], float]:
    """Sweeps, and the peak memory of this process so far in MB."""
    swept(backtest, windows[:2])  # machine code is loaded
    runs = [swept(backtest, windows) for _ in range(rounds)]
    return runs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def results(plan: Plan) -> list[Result]:
    """The two rows of the table."""
    columns, windows = minutes(digits=8), WINDOWS[:5] if plan.quick else WINDOWS
    pairs, rounds = len(windows) * (len(windows) - 1) // 2, plan.rounds(3)
    plain = Backtest(Cross, bars_of(columns), fees=FEE, fill="close", initial_equity=MONEY)
    real = Backtest(
        Cross,
        bars_of(columns, FUTURES),
        fees=FEE,
        initial_equity=MONEY,
        slippage=SLIPPAGE_BPS,
        leverage=3.0,
        margin_mode="cross",
        funding=funding(columns),
        fill="close",
    )
    runs, memory = measured(plain, windows, rounds)
    real_runs, real_memory = measured(real, windows, rounds)
    turns: list[Turn] = []
    real_turns: list[Turn] = []
    said = ""
    with ExitStack() as stack:
        try:
            vectorbt = stack.enter_context(peer("vectorbt", "of_vectorbt", columns))
        except PeerMissingError as missing:
            said = str(missing)
        else:
            counted = compare(vectorbt, plain, runs[0][2], windows)
            said = f"vectorbt {vectorbt.version}, {counted:,} equal trades"
            for _ in range(max(1, rounds // 2)):
                turns.append(vectorbt.turn(windows=windows, fees=FEE, single=False))
                real_turns.append(vectorbt.turn(windows=windows, fees=FEE, slippage=SLIPPAGE_BPS / 1e4, single=False))
    return [
        _row(f"the same, {pairs} pairs", ASKED_TIMES, pairs, runs, turns, memory, said),
        _row(f"{pairs} pairs with funding, slippage, margin", ASKED_REAL_TIMES, pairs, real_runs, real_turns, real_memory, said),
    ]


def _row(
    what: str, asked: float, pairs: int, runs: list[tuple[float, float, Sweep]], turns: list[Turn], memory: float, said: str
) -> Result:
    took, busy = median(run[0] for run in runs), median(run[1] for run in runs)
    times = median(turn.seconds for turn in turns) / took if turns else 0.0
    beside = said
    if turns:
        theirs = turns[len(turns) // 2]
        beside = f"{times:.1f}x {said} ({pairs / theirs.seconds:.1f}/s, {theirs.seconds:.1f} s, {theirs.peak_mb:,.0f} MB)"
    return Result(
        what=what,
        asked=f"{asked:g}x vectorbt, < {ASKED_MB:g} MB",
        measured=f"{pairs / took:.0f} combinations/s ({took:.2f} s, processor {busy:.2f} s), {memory:.0f} MB",
        peer=beside,
        ok=times >= asked and memory < ASKED_MB,
        figures={
            "seconds": [run[0] for run in runs],
            "cpu_s": [run[1] for run in runs],
            "peak_mb": memory,
            "vectorbt_s": [turn.seconds for turn in turns],
            "vectorbt_cpu_s": [turn.cpu_s for turn in turns],
            "vectorbt_mb": [turn.peak_mb for turn in turns],
        },
    )
