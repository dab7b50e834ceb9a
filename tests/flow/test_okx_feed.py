"""OKX's live data against the simulator: books in one line whatever their numbers do, quiet connections, notices, other kinds."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from tests.support.feeds import QUICK_OKX, okx_on, simulated
from tests.support.transport import Collected, until

from quantservice.core.events import BookSnapshot, Kind, MarkPrice, Quote, StreamId, Ticker, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.simulator.faults.script import Fault
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.server import Simulator

BTC = {"spot": InstrumentId("okx", "spot", "BTC-USDT"), "um": InstrumentId("okx", "um", "BTC-USDT-PERP")}
INST = {"spot": "BTC-USDT", "um": "BTC-USDT-SWAP"}


def fault(simulator: Simulator, kind: str, **terms: Any) -> None:
    """Put a fault in force."""
    simulator.add_fault(msgspec.convert({"kind": kind} | terms, Fault))


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_md4_a_sign_of_life_and_numbers_that_begin_anew_are_no_gaps(market: str) -> None:
    async with simulated(speed=1.0, symbols={}, okx=OkxConfig(keep_alive_s=0.05)) as simulator, okx_on(simulator, market) as venue:
        stream = StreamId(BTC[market], Kind.BOOK)
        async with Collected(venue.feed) as got:
            await venue.feed.update([stream])
            await until(lambda: venue.feed.stats()["books"] == 1, what="the book is readable")
            before = venue.feed.stats()["book_snapshots"]
            for _ in range(3):
                fault(simulator, "sequence_reset", market=f"okx-{market}", count=1)
                await until(lambda: simulator.faults.faults[max(simulator.faults.faults)].fired == 1, what="begun anew")
                got.events.clear()
                await until(lambda: len(got.events) > 4, what="the book goes on")
            stats = venue.feed.stats()
            assert (stats["books_invalidated"], stats["book_snapshots"]) == (0, before)
            fault(simulator, "drop_depth", market=f"okx-{market}", count=1)
            await until(lambda: venue.feed.stats()["books_invalidated"] == 1, what="a real gap is found")
            await until(lambda: venue.feed.stats()["books"] == 1, what="a new snapshot mends it")
            books = [event for event in got.events if isinstance(event, BookSnapshot)]
            assert all(book.bids[0][0] < book.asks[0][0] for book in books)
        assert simulator.report()["violations"] == {}


async def test_a_quiet_connection_is_kept_by_ping() -> None:
    settings = msgspec.structs.replace(
        QUICK_OKX,
        ws=msgspec.structs.replace(QUICK_OKX.ws, heartbeat_s=0.3, silence_s=2.0),
        feed=msgspec.structs.replace(QUICK_OKX.feed, quiet_s=60.0),
    )
    async with (
        simulated(speed=1.0, symbols={}, okx=OkxConfig(idle_s=0.8)) as simulator,
        okx_on(simulator, "um", settings=settings) as venue,
    ):
        fault(simulator, "silent_stream", market="okx", stream="trades:*", count=1)
        async with Collected(venue.feed) as got:
            await venue.feed.update([StreamId(BTC["um"], Kind.TRADE)])
            await until(lambda: "live" in got.states())
            assert simulator.okx is not None
            (connection,) = simulator.okx.sockets.connections()
            await until(lambda: time.monotonic() - connection.opened > 2.4, what="three times the venue's patience")
            assert simulator.okx.sockets.connections() == [connection]
            assert simulator.referee.counts["okx.idle_cut"] == 0


@pytest.mark.parametrize("market", ["spot", "um"])
async def test_every_kind_arrives_and_sizes_are_in_base_currency(market: str) -> None:
    async with simulated(symbols={}, okx=OkxConfig()) as simulator, okx_on(simulator, market) as venue:
        kinds = [Kind.TRADE, Kind.QUOTE, Kind.TICKER, *([Kind.MARK_PRICE] if market == "um" else [])]
        async with Collected(venue.feed) as got:
            await venue.feed.update([StreamId(BTC[market], kind) for kind in kinds])
            wanted = {Trade, Quote, Ticker} | ({MarkPrice} if market == "um" else set())
            await until(lambda: wanted <= {type(event) for event in got.events}, what="each kind")
            trade = next(event for event in got.events if isinstance(event, Trade))
            assert simulator.okx is not None
            history = simulator.okx.markets[market].state.listings[INST[market]].history  # type: ignore[index]  # one of two
            true = history.trades(trade.time, trade.time + 1)
            scale = 10 ** simulator.okx.markets[market].state.listings[INST[market]].spec.lot_decimals  # type: ignore[index]  # one of two
            assert int(trade.quantity * scale) in true.quantities
            assert trade.trade_id in true.ids


async def test_a_stream_that_the_venue_has_not_is_refused_and_the_others_run() -> None:
    async with (
        simulated(symbols={}, okx=OkxConfig(kline_ms=100)) as simulator,
        okx_on(simulator, "spot") as venue,
        Collected(venue.feed) as got,
    ):
        good = StreamId.kline(BTC["spot"], "1m")
        await venue.feed.update([good, StreamId.kline(BTC["spot"], "8h"), StreamId(BTC["spot"], Kind.MARK_PRICE)])
        await until(got.klines, what="a bar of what it has")
        refused = next(status for status in got.statuses if status.state == "stopped")
        assert {str(stream.period or stream.kind) for stream in refused.streams} == {"8h", "mark_price"}


async def test_md2_a_notice_lets_a_second_connection_take_over() -> None:
    async with (
        simulated(symbols={}, okx=OkxConfig(kline_ms=100)) as simulator,
        okx_on(simulator, "um") as venue,
        Collected(venue.feed) as got,
    ):
        await venue.feed.update([StreamId.kline(BTC["um"], "1m")])
        await until(got.klines, what="a first bar")
        fault(simulator, "shutdown", market="okx")
        await until(lambda: venue.feed.stats()["connections"][0]["rotations"] == 1, what="the second took over")
        assert "down" not in got.states()


async def test_md6_days_are_utc_and_lost_connections_come_back() -> None:
    async with simulated(symbols={}, okx=OkxConfig(kline_ms=100)) as simulator, okx_on(simulator, "spot") as venue:
        now_ms = await venue.history.server_time_ms()
        span = Span(now_ms - 5 * DAY_MS, now_ms)
        days = [row async for page in venue.history.klines(StreamId.kline(BTC["spot"], "1d"), span) for row in page]
        assert [day.open_time % DAY_MS for day in days] == [0, 0, 0, 0]
        async with Collected(venue.feed) as got:
            await venue.feed.update([StreamId.kline(BTC["spot"], "1m")])
            await until(got.klines, what="a first bar")
            fault(simulator, "cut", market="okx")
            await until(lambda: got.states()[-2:] == ["down", "live"], what="back")
