"""HTX's live data against the simulator: bars without a closed flag, books that mend, days of UTC+8, pings, spoilt frames."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.feeds import htx_on, simulated
from tests.support.transport import Collected, until

from quantservice.core.errors import UnknownName
from quantservice.core.events import BookSnapshot, Kind, Quote, StreamId, Ticker, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import HOUR_MS, MINUTE_MS
from quantservice.core.spans import Span
from quantservice.simulator.faults.script import Fault
from quantservice.simulator.htx.config import HtxConfig
from quantservice.simulator.server import Simulator

BTC = {"spot": InstrumentId("htx", "spot", "BTC-USDT"), "um": InstrumentId("htx", "um", "BTC-USDT-PERP")}
QUICK = HtxConfig(kline_ms=100)


def fault(simulator: Simulator, kind: str, **terms: Any) -> None:
    """Put a fault in force."""
    simulator.add_fault(msgspec.convert({"kind": kind} | terms, Fault))


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_md6_a_bar_is_closed_by_the_next_one_alone(market: str) -> None:
    async with simulated(htx=QUICK) as simulator, htx_on(simulator, market) as venue, Collected(venue.feed) as got:
        stream = StreamId.kline(BTC[market], "1m")
        await venue.feed.update([stream])
        await until(lambda: len(got.klines(closed=True)) >= 2, what="two bars closed")
        last_of: dict[int, bool] = {}
        for kline in got.klines():
            assert not last_of.get(kline.open_time), "a bar that was closed is not told again"
            last_of[kline.open_time] = kline.closed
        closed = [kline.open_time for kline in got.klines(closed=True)]
        assert closed == list(range(closed[0], closed[0] + len(closed) * MINUTE_MS, MINUTE_MS))


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_a_bar_whose_end_was_missed_with_the_connection_is_left_to_history(market: str) -> None:
    async with simulated(htx=QUICK) as simulator, htx_on(simulator, market) as venue, Collected(venue.feed) as got:
        await venue.feed.update([StreamId.kline(BTC[market], "1m")])
        await until(lambda: got.klines(closed=True), what="a bar closed")
        fault(simulator, "cut", market=f"htx.{market}")
        await until(lambda: got.states()[-2:] == ["down", "live"], what="back")
        known = len(got.klines(closed=True))
        await until(lambda: len(got.klines(closed=True)) >= known + 2, what="two more bars")
        for kline in got.klines(closed=True):
            span = Span(kline.open_time, kline.open_time + MINUTE_MS)
            await venue.history.server_time_ms()
            past = [row async for page in venue.history.klines(kline.stream, span) for row in page]
            assert [row.values for row in past] == [kline.values], "what is told as closed is what the venue's history says"


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_a_missed_change_makes_the_book_unreadable_until_it_is_mended(market: str) -> None:
    async with simulated(speed=1.0, htx=QUICK) as simulator, htx_on(simulator, market) as venue, Collected(venue.feed) as got:
        await venue.feed.update([StreamId(BTC[market], Kind.BOOK)])
        await until(lambda: venue.feed.stats()["books"] == 1, what="the book is readable")
        fault(simulator, "drop_depth", market=f"htx.{market}", count=1)
        await until(lambda: venue.feed.stats()["books_invalidated"] == 1, what="the gap is found")
        await until(lambda: venue.feed.stats()["books"] == 1, what="a new snapshot mends it")
        books = [event for event in got.events if isinstance(event, BookSnapshot)]
        assert books
        assert all(book.bids[0][0] < book.asks[0][0] for book in books)
    assert simulator.report()["violations"] == {}


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_every_kind_arrives_and_sizes_are_in_base_currency(market: str) -> None:
    async with simulated(htx=QUICK) as simulator, htx_on(simulator, market) as venue, Collected(venue.feed) as got:
        await venue.feed.update([StreamId(BTC[market], kind) for kind in (Kind.TRADE, Kind.QUOTE, Kind.TICKER)])
        await until(lambda: {type(event) for event in got.events} >= {Trade, Quote, Ticker}, what="each kind")
        trade = next(event for event in got.events if isinstance(event, Trade))
        listing = simulator.markets["spot" if market == "spot" else "um"].listings["BTCUSDT"]
        true = listing.history.trades(trade.time, trade.time + 1)
        at = true.ids.index(trade.trade_id)
        assert int(trade.quantity * 10**listing.spec.lot_decimals) == true.quantities[at]
        assert trade.buyer_is_maker == true.sells[at]


async def test_the_venues_pings_are_answered_in_time() -> None:
    config = msgspec.structs.replace(QUICK, ping_s=0.1)
    async with simulated(htx=config) as simulator, htx_on(simulator, "spot") as venue, Collected(venue.feed) as got:
        await venue.feed.update([StreamId.kline(BTC["spot"], "1m"), StreamId(BTC["spot"], Kind.BOOK)])
        await until(lambda: len(got.klines(closed=True)) >= 3, what="three bars: thirty pings")
    assert simulator.report()["violations"] == {}
    assert "down" not in got.states()


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_days_that_open_elsewhere_are_not_taken_for_ours(market: str) -> None:
    async with simulated(htx=QUICK) as simulator, htx_on(simulator, market) as venue, Collected(venue.feed) as got:
        good = StreamId.kline(BTC[market], "1m")
        await venue.feed.update([good, StreamId.kline(BTC[market], "1d"), StreamId(BTC[market], Kind.MARK_PRICE)])
        await until(got.klines, what="a bar of what it has")
        refused = next(status for status in got.statuses if status.state == "stopped")
        assert {str(stream.period or stream.kind) for stream in refused.streams} == {"1d", "mark_price"}
        with pytest.raises(UnknownName, match=r"UTC\+8"):
            async for _ in venue.history.klines(StreamId.kline(BTC[market], "1d"), Span(0, HOUR_MS)):
                pass


async def test_md9_spoilt_frames_are_quarantined_and_the_connection_lives() -> None:
    async with (
        simulated(htx=QUICK) as simulator,
        htx_on(simulator, "um") as venue,
        Collected(venue.feed) as got,
    ):
        await venue.feed.update([StreamId.kline(BTC["um"], "1m")])
        await until(got.klines, what="a first bar")
        for sort in ("truncated", "nan", "infinity", "not_json", "binary", "deep"):
            fault(simulator, "malformed", market="htx.um", sort=sort, count=2)
        await until(lambda: venue.feed.stats()["quarantined"] >= 6, what="spoilt frames were set aside")
        await until(lambda: len(got.klines(closed=True)) >= 2, what="bars go on")
        assert "down" not in got.states()
