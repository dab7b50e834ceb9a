"""The market that a simulated account trades against."""

from __future__ import annotations

import time

from quantservice.core.periods import DAY_MS, MINUTE_MS
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.markets.catalog import default_symbols
from quantservice.simulator.markets.generator import GeneratedHistory
from quantservice.simulator.private.config import TradingConfig
from quantservice.simulator.private.desk import Desk

NOW = 1_780_000_200_000 // MINUTE_MS * MINUTE_MS


def test_both_sides_keep_their_depth_while_the_price_moves_and_nobody_watches_the_book() -> None:
    spec, clock = default_symbols()["spot"][0], SimulatorClock(start_ms=NOW)
    state = MarketState("spot", clock, seed=7)
    state.add(GeneratedHistory(spec, "spot", seed=7, first_ms=NOW - DAY_MS))
    desk = Desk(state, TradingConfig(), time.monotonic)
    desk.symbol(spec.symbol)
    for second in range(1, 301):
        clock.start(at_ms=NOW + second * 1000)
        desk.tick()
        desk.symbol(spec.symbol)
        book = desk.engine.state.books[spec.symbol]
        assert min(len(book.bids), len(book.asks)) >= 20, f"a side has run dry after {second} s"
