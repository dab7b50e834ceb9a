"""What the recorded feed amounts to: klines rebuilt from trades, books rebuilt from changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from pyarrow import feather
from tests.support.binance import (
    RECORDINGS,
    btc,
    captured_answers,
    captured_frames,
    make_instrument,
    raw_feed,
    stream_of,
    symbols_in,
)

from quantservice.adapters.venues.binance.decode_rest import decode_depth
from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.adapters.venues.binance.spec import spec_of
from quantservice.core.book import OrderBook, Step
from quantservice.core.events import BookDelta, BookSnapshot, Kind, Quote, Trade
from quantservice.core.periods import MINUTE_MS
from quantservice.core.resample import klines_from_trades
from quantservice.core.validation import kline_fault

pytestmark = pytest.mark.data

MARKETS: Final = ("spot", "um", "cm")
#: 2024-08-08 23:55 to 24:00 UTC: the minutes that were recorded from their first to their last trade.
FIRST_FULL_MS: Final = 1_723_161_300_000
FULL_MINUTES: Final = 5


def _events(data_dir: Path, market: str) -> Iterator[Trade | Quote | BookDelta | BookSnapshot]:
    decoder = Decoder(market, StreamRegistry(market, [btc(market)]))
    for received, frame in raw_feed(data_dir, market):
        if frame.startswith(b'{"lastUpdateId"'):
            yield decode_depth(frame, stream_of(market, Kind.BOOK), recv_ns=received)
            continue
        event = decoder.decode(frame, received)
        assert isinstance(event, Trade | Quote | BookDelta)
        yield event


def test_klines_from_the_recorded_trades_equal_the_exchanges_own(data_dir: Path) -> None:
    trades = [event for event in _events(data_dir, "spot") if isinstance(event, Trade)]
    assert [trade.trade_id for trade in trades] == list(range(trades[0].trade_id, trades[-1].trade_id + 1))
    built = {kline.open_time: kline for kline in klines_from_trades(trades, stream_of("spot", Kind.KLINE, "1m"))}
    table = feather.read_table(data_dir / "klines" / "binance_spot" / "BTC_USDT-1m.feather")
    recorded = {int(row["date"].timestamp() * 1000): row for row in table.to_pylist()}
    compared = 0
    for open_time in range(FIRST_FULL_MS, FIRST_FULL_MS + FULL_MINUTES * MINUTE_MS, MINUTE_MS):
        kline, row = built[open_time], recorded[open_time]
        assert kline_fault(kline) is None
        for field in ("open", "high", "low", "close", "volume"):
            # the file holds doubles: the exact sum must be the number that the double prints as
            assert getattr(kline, field).normalize() == Decimal(repr(row[field])).normalize(), (open_time, field)
        compared += 1
    assert compared == FULL_MINUTES


@pytest.mark.parametrize("market", MARKETS)
def test_trades_rebuild_sound_klines_on_every_market(data_dir: Path, market: str) -> None:
    trades = [event for event in _events(data_dir, market) if isinstance(event, Trade)]
    klines = klines_from_trades(trades, stream_of(market, Kind.KLINE, "1m"))
    assert len(klines) >= FULL_MINUTES
    assert [kline_fault(kline) for kline in klines] == [None] * len(klines)
    assert sum(kline.count for kline in klines) == len(trades)
    assert sum(kline.volume for kline in klines) == sum(trade.quantity for trade in trades)


@pytest.mark.parametrize("market", MARKETS)
def test_the_recorded_book_never_misses_a_change_and_never_crosses(data_dir: Path, market: str) -> None:
    book = OrderBook(stream_of(market, Kind.BOOK), spec_of(market).sync_rule)
    steps: Counter[Step] = Counter()
    for event in _events(data_dir, market):
        if not isinstance(event, BookDelta | BookSnapshot):
            continue
        steps[book.apply(event)] += 1
        top = book.top()
        if top is not None:
            assert top[0][0] < top[1][0]
        assert book.valid or steps[Step.APPLIED] == 0, event
    assert steps[Step.INVALIDATED] == 0
    assert book.gaps == 0
    assert steps[Step.APPLIED] > 3_000
    assert steps[Step.BUFFERED] + steps[Step.STALE] < 60


@pytest.mark.parametrize("market", MARKETS)
def test_the_best_bid_and_ask_stream_agrees_with_the_book(data_dir: Path, market: str) -> None:
    """Both streams carry the same update ids; where a quote and the book stand at the same one they must be equal."""
    book = OrderBook(stream_of(market, Kind.BOOK), spec_of(market).sync_rule)
    quotes: dict[int, Quote] = {}
    compared = 0
    tops: list[tuple[int, tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]]] = []
    for event in _events(data_dir, market):
        if isinstance(event, Quote):
            quotes[event.update_id] = event
        elif isinstance(event, BookDelta | BookSnapshot):
            book.apply(event)
            top = book.top()
            if top is not None:
                tops.append((book.last_id, top))
    for update_id, (bid, ask) in tops:
        quote = quotes.get(update_id)
        if quote is not None:
            compared += 1
            assert (quote.bid_price, quote.bid_quantity) == bid, update_id
            assert (quote.ask_price, quote.ask_quantity) == ask, update_id
    assert compared > 500


@pytest.mark.parametrize("market", MARKETS)
def test_a_lost_change_is_noticed_at_once_and_mended_by_a_snapshot(data_dir: Path, market: str) -> None:
    deltas = [event for event in _events(data_dir, market) if isinstance(event, BookDelta)]
    snapshot = next(event for event in _events(data_dir, market) if isinstance(event, BookSnapshot))
    rule = spec_of(market).sync_rule
    whole, lossy = OrderBook(snapshot.stream, rule), OrderBook(snapshot.stream, rule)
    for book in (whole, lossy):
        for delta in deltas[:20]:
            book.apply(delta)
        assert book.top() is None
        assert book.apply(snapshot) is Step.APPLIED
    for delta in deltas[20:500]:
        whole.apply(delta)
        if delta is not deltas[200]:
            step = lossy.apply(delta)
            if delta is deltas[201]:
                assert step is Step.INVALIDATED
            assert lossy.valid == (delta.last_id < deltas[200].last_id)
    mended = whole.snapshot(10_000)
    assert mended is not None
    assert lossy.apply(mended) is Step.APPLIED
    for delta in deltas[500:600]:
        assert whole.apply(delta) is lossy.apply(delta) is Step.APPLIED
    assert whole.snapshot(50) == lossy.snapshot(50)


@pytest.mark.parametrize("market", MARKETS)
def test_books_of_many_symbols_join_their_captured_snapshots(data_dir: Path, market: str) -> None:
    """The captured answers came seconds into the captured frames, so most frames are older: what is left must join."""
    frames = captured_frames(data_dir, market)
    registry = StreamRegistry(market, [make_instrument(market, symbol) for symbol in symbols_in(frames)])
    decoder = Decoder(market, registry)
    books: dict[str, OrderBook] = {}
    for url, body in captured_answers(data_dir, RECORDINGS[market][3]):
        symbol = url.split("symbol=")[1].split("&")[0]
        instrument = registry.instrument(symbol) or make_instrument(market, symbol).id
        stream = stream_of(market, Kind.BOOK).__class__(instrument, Kind.BOOK)
        books[symbol] = OrderBook(stream, spec_of(market).sync_rule)
        assert books[symbol].apply(decode_depth(body, stream, recv_ns=1)) is Step.APPLIED
    steps: Counter[Step] = Counter()
    for frame in frames:
        event = decoder.decode(frame, 1)
        if isinstance(event, BookDelta) and event.stream.instrument.symbol in books:
            steps[books[event.stream.instrument.symbol].apply(event)] += 1
    assert steps[Step.INVALIDATED] == 0
    assert steps[Step.APPLIED] > 0
    assert all(book.valid for book in books.values())
