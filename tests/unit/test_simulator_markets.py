"""Generated markets: deterministic, consistent with themselves, and exact at every period."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from quantservice.core.periods import DAY_MS, HOUR_MS, MINUTE_MS, floor_open, next_open
from quantservice.simulator.config import MarketName, SymbolSpec
from quantservice.simulator.markets.bars import (
    CLOSE,
    COUNT,
    FIRST_ID,
    HIGH,
    LOW,
    OPEN,
    QUOTE,
    TIME,
    VOLUME,
    Bar,
    aggregate,
    rows_for,
)
from quantservice.simulator.markets.book import Book
from quantservice.simulator.markets.catalog import chinese_symbol, default_symbols, many_symbols
from quantservice.simulator.markets.generator import BLOCK_MS, GeneratedHistory
from quantservice.simulator.markets.live import LiveSymbol

NOW = 1_780_000_200_000 // MINUTE_MS * MINUTE_MS
CATALOGUE = [(market, spec) for market, specs in default_symbols().items() for spec in specs]


def history(
    market: MarketName = "um", spec: SymbolSpec | None = None, seed: int = 7, first_ms: int = NOW - 90 * DAY_MS
) -> GeneratedHistory:
    return GeneratedHistory(spec or default_symbols()[market][0], market, seed=seed, first_ms=first_ms)


def test_the_same_seed_gives_the_same_market_whoever_asks_first() -> None:
    one, two = history(), history()
    two.rows(NOW - 40 * DAY_MS, NOW - 39 * DAY_MS)
    assert np.array_equal(one.rows(NOW - DAY_MS, NOW), two.rows(NOW - DAY_MS, NOW))
    assert not np.array_equal(one.rows(NOW - DAY_MS, NOW), history(seed=8).rows(NOW - DAY_MS, NOW))


@pytest.mark.parametrize(("market", "spec"), CATALOGUE, ids=lambda value: getattr(value, "symbol", value))
def test_every_bar_is_the_aggregation_of_its_trades(market: MarketName, spec: SymbolSpec) -> None:
    made = history(market, spec)
    start = NOW - 20 * MINUTE_MS
    trades, rows = made.trades(start, NOW), made.rows(start, NOW)
    assert len(rows) == 20
    for row in rows:
        bar = Bar.of(row)
        inside = [index for index, time in enumerate(trades.times) if bar.open_time <= time < bar.open_time + MINUTE_MS]
        prices = [trades.prices[index] for index in inside]
        assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert bar.volume == sum(trades.quantities[index] for index in inside)
        assert bar.quote == sum(trades.quotes[index] for index in inside)
        assert bar.count == len(inside)
        assert bar.taker_volume == sum(trades.quantities[index] for index in inside if not trades.sells[index])
        assert bar.taker_quote == sum(trades.quotes[index] for index in inside if not trades.sells[index])
        assert bar.first_id == trades.ids[inside[0]]
    assert all(price % spec.tick == 0 for price in trades.prices)


def test_trade_ids_are_consecutive_over_block_borders_and_times_never_go_back() -> None:
    border = NOW // BLOCK_MS * BLOCK_MS
    trades = history().trades(border - HOUR_MS, border + HOUR_MS)
    assert trades.ids == list(range(trades.ids[0], trades.ids[0] + len(trades.ids)))
    assert all(earlier <= later for earlier, later in itertools.pairwise(trades.times))


def test_trades_happen_at_the_touch() -> None:
    trades = history().trades(NOW - HOUR_MS, NOW)
    for index, price in enumerate(trades.prices):
        assert price == (trades.bids[index] if trades.sells[index] else trades.asks[index])
        assert trades.bids[index] < trades.asks[index]


def test_prices_are_continuous_and_volatility_clusters() -> None:
    rows = history().rows(NOW - 60 * DAY_MS, NOW)
    jumps = np.abs(np.log(rows[1:, OPEN] / rows[:-1, CLOSE]))
    assert jumps.max() < 0.01
    returns = np.abs(np.diff(np.log(rows[:, CLOSE].astype(float))))
    near = np.corrcoef(returns[:-1], returns[1:])[0, 1]
    assert near > 0.1
    level = default_symbols()["um"][0].level * 100
    assert level / math.e < rows[:, CLOSE].min() < rows[:, CLOSE].max() < level * math.e


@pytest.mark.parametrize("period", ["3m", "5m", "1h", "4h", "1d", "3d", "1w", "1mo"])
def test_longer_periods_are_exact_sums_of_minutes(period: str) -> None:
    made = history(spec=many_symbols(1)[0])
    start = floor_open(period, NOW - 20 * DAY_MS)
    end = next_open(period, next_open(period, start))
    bars = aggregate(rows_for(made, period, start, end), period)
    minutes = made.rows(start, end)
    assert [int(bar[TIME]) for bar in bars] == [start, next_open(period, start)]
    for bar in bars:
        own = minutes[(minutes[:, TIME] >= bar[TIME]) & (minutes[:, TIME] < next_open(period, int(bar[TIME])))]
        assert (bar[OPEN], bar[HIGH], bar[LOW], bar[CLOSE]) == (own[0, OPEN], own[:, HIGH].max(), own[:, LOW].min(), own[-1, CLOSE])
        assert [int(bar[column]) for column in (VOLUME, QUOTE, COUNT)] == [
            int(own[:, column].sum()) for column in (VOLUME, QUOTE, COUNT)
        ]
        assert bar[FIRST_ID] == own[0, FIRST_ID]


def test_nothing_exists_before_the_listing() -> None:
    listed = NOW - 3 * HOUR_MS - 7 * MINUTE_MS
    made = history(first_ms=listed)
    assert int(made.rows(NOW - DAY_MS, NOW)[0, TIME]) == listed
    hours = aggregate(rows_for(made, "1h", floor_open("1h", NOW - DAY_MS), NOW), "1h")
    assert int(hours[0, TIME]) == listed // HOUR_MS * HOUR_MS
    assert int(hours[0, COUNT]) == int(made.rows(listed, int(hours[1, TIME]))[:, COUNT].sum())


def test_the_price_before_an_instant_is_the_market_s_and_costs_no_trades_at_a_border() -> None:
    border = NOW // (4 * HOUR_MS) * (4 * HOUR_MS)
    made = history()
    at_border = made.price_before(border)
    assert not made._rows
    closing = int(made.rows(border - MINUTE_MS, border)[0, CLOSE])
    assert abs(at_border / closing - 1) < 0.0005
    within = border + HOUR_MS
    assert made.price_before(within) == int(made.rows(within - MINUTE_MS, within)[0, CLOSE])
    assert history(first_ms=border).price_before(border) == 0


async def test_warming_gives_what_asking_gives() -> None:
    one, two = history(), history()
    await one.warm(NOW - 5 * DAY_MS, NOW)
    start = (NOW - 5 * DAY_MS) // HOUR_MS * HOUR_MS
    assert np.array_equal(one.coarse_rows(start, start + DAY_MS), two.coarse_rows(start, start + DAY_MS))


def test_the_live_end_closes_exactly_the_bars_history_has() -> None:
    made = history()
    live = LiveSymbol(made, now_ms=NOW - 70 * MINUTE_MS + 31_000)
    for period in ("1m", "1h"):
        live.follow(period)
    closed: list[tuple[str, Bar]] = []
    trades = 0
    for now in range(NOW - 69 * MINUTE_MS, NOW + 30_001, 700):
        step = live.advance(now)
        closed += [(period, bar) for period, bar, _ in step.closed]
        trades += len(step.trades)
    minutes = [bar for period, bar in closed if period == "1m"]
    expected = [Bar.of(row) for row in made.rows(NOW - 70 * MINUTE_MS, NOW)]
    assert minutes == expected
    hours = [bar for period, bar in closed if period == "1h"]
    start = floor_open("1h", NOW - 70 * MINUTE_MS)
    assert hours == [Bar.of(row) for row in aggregate(made.rows(start, NOW // HOUR_MS * HOUR_MS), "1h")]
    assert trades == len(made.trades(NOW - 70 * MINUTE_MS + 31_001, NOW + 30_001 - 1).times)
    current = live.current("1m")
    assert current is not None
    assert current.open_time == NOW
    so_far = made.trades(NOW, NOW + 30_001 - 1)
    bought = [index for index, sell in enumerate(so_far.sells) if not sell]
    assert 0 < len(bought) < len(so_far.times)
    assert current == Bar(
        NOW,
        so_far.prices[0],
        max(so_far.prices),
        min(so_far.prices),
        so_far.prices[-1],
        sum(so_far.quantities),
        sum(so_far.quotes),
        len(so_far.times),
        sum(so_far.quantities[index] for index in bought),
        sum(so_far.quotes[index] for index in bought),
        so_far.ids[0],
    )


def test_the_book_never_crosses_and_its_changes_rebuild_it() -> None:
    made = history()
    book = Book(made.spec, seed=1, first_update=100)
    trades = made.trades(NOW - 10 * MINUTE_MS, NOW)
    book.quote(trades.bids[0], trades.asks[0], 1, sell=True)
    book.breathe(60)
    bids, asks = dict(book.bids), dict(book.asks)
    book.clear()
    for index in range(len(trades.times)):
        last = book.update_id
        book.quote(trades.bids[index], trades.asks[index], trades.quantities[index], sell=trades.sells[index])
        book.take(trades.quantities[index], sell=trades.sells[index])
        book.breathe()
        bid, bid_size, ask, ask_size = book.top()
        assert bid == max(book.bids) == trades.bids[index]
        assert ask == min(book.asks) == trades.asks[index]
        assert bid_size > 0
        assert ask_size > 0
        assert book.update_id > last
        for side, changes in zip((bids, asks), book.watch(), strict=True):
            side.update(changes)
        book.clear()
    assert {price: size for price, size in bids.items() if size} == book.bids
    assert {price: size for price, size in asks.items() if size} == book.asks


def test_the_catalogue_has_a_chinese_name_and_a_dated_future() -> None:
    symbols = {market: {spec.symbol for spec in specs} for market, specs in default_symbols().items()}
    assert chinese_symbol().symbol in symbols["um"]
    assert {"BTCUSD_PERP", "BTCUSD_261225"} <= symbols["cm"]
    assert len({spec.symbol for spec in many_symbols(1_500)}) == 1_500
