"""What a strategy sees in bulk and bar by bar is equal, at every bar: longer periods, other instruments, gaps, late listings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.strategies import BTC, ETH, START_MS, random_bars

from quantservice.quant.bars import Bars, Funding
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.alignment import Resampler, resampled
from quantservice.quant.strategies.bar import close_times
from quantservice.quant.strategies.feed import feeds_of
from quantservice.quant.strategies.runner import StrategyRunner

HOUR = 3_600_000


class Asks(Strategy):
    """Asks for a bit of everything and does nothing."""

    def indicators(self) -> Mapping[str, Any]:
        return {
            "fast": ("sma", 3),
            "slow": ("ema", 5, {"period": "4h"}),
            "day": ("close", {"period": "1d"}),
            "other": ("sma", 2, {"instrument": str(ETH), "input": "hl2"}),
            "other_4h": ("high", {"instrument": str(ETH), "period": "4h"}),
            "paid": ("funding_rate", {"instrument": str(BTC)}),
        }

    def on_kline(self, kline: Bar, view: View) -> None:
        return None


@st.composite
def markets(draw: st.DrawFn) -> tuple[Bars, Bars]:
    rows = draw(st.integers(1, 120))
    tables = []
    for instrument, seed in ((BTC, 1), (ETH, 2)):
        shift = draw(st.integers(0, 30))
        holes = draw(st.sets(st.integers(0, rows - 1), max_size=rows - 1))
        tables.append(random_bars(rows, seed=seed, instrument=instrument, start_ms=START_MS + shift * HOUR, absent=sorted(holes)))
    return tables[0], tables[1]


@settings(max_examples=40, deadline=None)
@given(markets())
def test_bulk_equals_bar_by_bar(tables: tuple[Bars, Bars]) -> None:
    times = np.arange(START_MS, START_MS + 200 * HOUR, 8 * HOUR, dtype=np.int64)
    funding = {str(BTC): Funding(times, np.arange(len(times), dtype=np.float64) / 1e4)}
    feeds = {feed.instrument: feed for feed in feeds_of(Asks(), tables, funding)}
    rows = {instrument: np.column_stack(feed.values) for instrument, feed in feeds.items()}
    runner = StrategyRunner(Asks(), [BTC, ETH], "1h")
    seen = 0
    for bars, _decisions in runner.replay(tables, funding):
        for bar in bars:
            view = runner.view(bar.instrument)
            np.testing.assert_array_equal(rows[bar.instrument][view.row], list(view.values()))
            past = feeds[bar.instrument].past
            for name in ("close", "slow"):
                np.testing.assert_array_equal(past.values(name, view.row, view.bars), view.history(name, view.bars))
            assert view.time == past.close_time(view.row) == bar.close_time
            seen += 1
    assert seen == sum(map(len, tables))


@settings(max_examples=40, deadline=None)
@given(markets(), st.sampled_from(["2h", "4h", "1d", "1w", "1mo"]))
def test_longer_bars_are_equal_and_known_only_when_closed(tables: tuple[Bars, Bars], coarse: str) -> None:
    table = tables[0]
    whole = resampled("1h", table.columns, coarse)
    closes = close_times("1h", table["open_time"])
    resampler = Resampler("1h", coarse)
    made: list[dict[str, float]] = []
    for row in range(len(table)):
        bar = {name: float(values[row]) for name, values in table.columns.items()}
        made += resampler.update(bar, int(table["open_time"][row]), int(closes[row]))
        assert len(made) == np.searchsorted(whole.known_ms, closes[row], side="right")
        resampler = Resampler("1h", coarse, resampler.state)  # a restart after every bar changes nothing
    for name, values in whole.columns.items():
        np.testing.assert_array_equal(values[: len(made)], [bar[name] for bar in made])
    opens = whole.columns["open_time"]
    for place, known in enumerate(whole.known_ms):
        own = (table["open_time"] >= opens[place]) & (closes <= known)
        assert table["close"][own & (table["open_time"] < known)].size
        assert known > table["open_time"][np.flatnonzero(table["open_time"] >= opens[place])[0]]


def test_a_restart_after_every_bar_changes_nothing() -> None:
    tables = (random_bars(60, absent=(7, 8, 30)), random_bars(50, seed=2, instrument=ETH))
    straight = StrategyRunner(Asks(), [BTC, ETH], "1h")
    restarted = StrategyRunner(Asks(), [BTC, ETH], "1h")
    for bars, _decisions in straight.replay(tables):
        restarted.feed(bars)
        state = restarted.save_state()
        restarted = StrategyRunner(Asks(), [BTC, ETH], "1h")
        restarted.load_state(state)
        for instrument in (BTC, ETH):
            np.testing.assert_array_equal(list(straight.view(instrument).values()), list(restarted.view(instrument).values()))
            assert straight.view(instrument).bars == restarted.view(instrument).bars
            if straight.view(instrument).bars:
                n = straight.view(instrument).bars
                np.testing.assert_array_equal(
                    straight.view(instrument).history("fast", n), restarted.view(instrument).history("fast", n)
                )
