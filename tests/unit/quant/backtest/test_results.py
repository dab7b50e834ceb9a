"""Results and sweeps: tables in words, fingerprints, and figures that equal the full measurement."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from tests.support.random_backtests import make_case
from tests.support.small_market import FREE, HOUR, START, UM, flat, market, order, run_orders

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest import Assumptions, FeeRates, MarketData, Slippage, Sweeper, run_targets, sweep
from quantservice.quant.metrics import metrics_of
from quantservice.quant.metrics.summary import FIELDS

GENERATOR = np.random.default_rng(11)
CLOSE = np.round(100.0 * np.exp(np.cumsum(GENERATOR.normal(0, 0.004, 24 * 120))), 2)
LONG = market([(first, max(first, last) + 0.3, min(first, last) - 0.3, last) for first, last in itertools.pairwise(CLOSE)])
COSTLY = Assumptions(fees=FeeRates(maker=0.0, taker=0.0004), slippage=Slippage(model="fixed", bps=1.0), leverage=2.0)


def crossing(lengths: tuple[int, int]) -> np.ndarray:
    close = LONG.column("close")[:, 0]
    fast, slow = (np.convolve(close, np.ones(n) / n)[: len(close)] for n in lengths)
    return np.where(fast > slow, 1.5, -0.5)


def test_a_trade_tells_its_whole_story() -> None:
    rows = [*flat(100.0), (100, 104, 98, 103), (103, 108, 101, 107), (107, 107, 107, 107)]
    fees = FREE.replace(fees=FeeRates(maker=0.0, taker=0.001))
    result = run_orders(market(rows), (0, order("buy", tag="in")), (2, order("sell", tag="out")), assumptions=fees)
    trade = {name: result.trades[name][0] for name in result.trades.dtype.names or ()}
    assert (trade["entry_bar"], trade["exit_bar"], trade["bars"], trade["side"]) == (1, 3, 2, 1)
    assert (trade["entry_price"], trade["exit_price"], trade["quantity"], trade["value"]) == (100.0, 107.0, 1.0, 100.0)
    assert trade["gross"] == 7.0
    assert trade["fees"] == pytest.approx(0.207)
    assert trade["net"] == pytest.approx(6.793)
    assert trade["return"] == pytest.approx(0.06793)
    assert trade["mae"] == pytest.approx(-0.02)
    assert trade["mfe"] == pytest.approx(0.08)
    assert (result.tags[trade["entry_tag"]], result.tags[trade["exit_tag"]]) == ("in", "out")


def test_results_are_read_in_words() -> None:
    result = run_orders(market(flat(100.0, 100.0, 101.0)), (0, order("buy", tag="in")))
    trades, fills = result.to_pandas("trades"), result.to_pandas("fills")
    assert trades["exit_reason"].tolist() == ["open"]
    assert trades["side"].tolist() == ["long"]
    assert fills["side"].tolist() == ["buy"]
    assert fills["tag"].tolist() == ["in"]
    assert str(fills["time"][0]) == "2023-11-15 01:00:00"
    assert result.to_pandas("orders")["state"].tolist() == ["filled"]
    assert result.to_pandas("equity")["equity"].tolist() == [10_000.0, 10_000.0, 10_001.0]
    assert "1 trades, final equity 10,001.00 USDT (+0.01%)" in repr(result)
    with pytest.raises(UnknownName, match="trades"):
        result.columns("trade")


def test_a_fingerprint_is_of_all_that_happened() -> None:
    data = market(flat(100.0, 100.0, 101.0))
    first = run_orders(data, (0, order("buy")))
    assert first.fingerprint() == run_orders(data, (0, order("buy"))).fingerprint()
    assert first.fingerprint() != run_orders(data, (0, order("buy", tag="x"))).fingerprint()
    assert first.data_fingerprint == data.fingerprint


def test_a_bankrupt_account_says_when() -> None:
    data = market([*flat(100.0, 100.0), (100, 100, 90, 90), *flat(90.0, 90.0)])
    result = run_orders(
        data, (0, order("buy", fraction=9.5)), assumptions=FREE.replace(leverage=10.0, margin_mode="cross", liquidation_fee=0.1)
    )
    flag = result.flag("bankrupt")
    assert flag is not None
    assert "2023-11-15 02:59" in flag.text
    assert result.final_equity == 0.0


@pytest.mark.parametrize("assumptions", [FREE, COSTLY, COSTLY.replace(margin_mode="cross", rebalance="always")])
def test_the_figures_of_a_sweep_equal_the_full_measurement(assumptions: Assumptions) -> None:
    times = START + 8 * HOUR * np.arange(1, 350)
    rates = np.where(np.arange(349) % 50 == 7, np.nan, 0.0001)
    data = MarketData.of(
        {str(UM): {name: LONG.series[0].columns[name] for name in LONG.series[0].columns}},
        funding={str(UM): (times[~np.isnan(rates)], rates[~np.isnan(rates)])},
    )
    sweeper = Sweeper(data, assumptions)
    for lengths in ((3, 20), (10, 50)):  # the second uses the first one's memory again
        figures = sweeper.figures(crossing(lengths))
        full = metrics_of(run_targets(data, crossing(lengths), assumptions))
        for name, value in zip(FIELDS, figures.tolist(), strict=True):
            if name in full:
                assert value == pytest.approx(full.number(name), rel=1e-9, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("fill", ["close", "next_open"])
def test_a_sweep_counts_every_bar_whether_flat_or_held(fill: str) -> None:
    rows, keep = 3_000, np.ones(3_000, dtype=bool)
    keep[700:900], keep[2_000:2_003] = False, False  # days without a bar, inside what is flat and inside what is held
    random = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.004, rows)))
    table = {
        "open_time": START + np.arange(rows, dtype=np.int64) * HOUR,
        "open": np.concatenate(([100.0], close[:-1])), "close": close, "volume": np.ones(rows),
        "high": close * 1.02, "low": close * 0.98,
    }  # fmt: skip
    data = MarketData.of({str(UM): {name: values[keep] for name, values in table.items()}})
    lengths = random.choice([1, 2, 3, 30, 1_100], 200)  # of spans; the longest are more than what a sweep heaps up
    spans = np.repeat(np.resize([0.0, 1.0, np.nan, -0.5, 0.0, 2.0], 200), lengths)[: keep.sum()]
    for targets in (spans, spans[::-1].copy(), np.zeros(len(spans)), np.ones(len(spans))):
        assumptions = COSTLY.replace(fill=fill)
        figures = Sweeper(data, assumptions).figures(targets)
        full = metrics_of(run_targets(data, targets, assumptions))
        for name, value in zip(FIELDS, figures.tolist(), strict=True):
            if name in full:
                assert value == pytest.approx(full.number(name), rel=1e-12, abs=1e-9, nan_ok=True), name


def test_a_sweep_tells_its_progress_and_can_be_cancelled() -> None:
    pairs = [(fast, slow) for fast in (3, 5, 8) for slow in (20, 30, 40)]
    seen: list[tuple[int, int]] = []
    alone = sweep(LONG, crossing, pairs, COSTLY, threads=1, progress=lambda done, of: seen.append((done, of)))
    together = sweep(LONG, crossing, pairs, COSTLY, threads=3)
    assert seen == [(done, 9) for done in range(1, 10)]
    assert np.array_equal(alone.figures, together.figures, equal_nan=True)
    assert bool(alone.done.all())
    assert len(set(alone.column("total_return").tolist())) == 9
    stop = threading.Event()
    part = sweep(LONG, crossing, pairs, COSTLY, threads=1, progress=lambda done, of: stop.set(), cancelled=stop.is_set)
    assert part.done.tolist() == [True] + [False] * 8
    assert bool(np.isnan(part.figures[1:]).all())
    assert len(sweep(LONG, crossing, [], COSTLY).done) == 0


def test_what_a_maker_of_targets_raises_comes_through() -> None:
    def broken(number: int) -> np.ndarray:
        if number == 2:
            raise ValueError("no such number")
        return np.zeros(len(LONG))

    with pytest.raises(ValueError, match="no such number"):
        sweep(LONG, broken, [1, 2, 3], FREE, threads=2)
    with pytest.raises(InvalidValue, match=r"their shape is \(3,\)"):
        sweep(LONG, lambda _: np.zeros(3), [1], FREE)


def test_targets_are_checked() -> None:
    with pytest.raises(InvalidValue, match="not numbers"):
        run_targets(LONG, ["a"] * len(LONG), FREE)
    wild = np.zeros(len(LONG))
    wild[5] = np.inf
    with pytest.raises(InvalidValue, match=r"row 5 \(2023-11-15 05:00\) holds an infinite target"):
        run_targets(LONG, wild, FREE)


def test_positions_fold_from_fills() -> None:
    case = make_case(4)
    result = run_targets(case.data, orders=case.orders, assumptions=case.assumptions)
    still = {row["instrument"] for row in result.trades if row["open"]}
    assert {int(place) for place in np.flatnonzero(result.positions[-1].reshape(len(result.instruments), -1).any(axis=1))} == still
