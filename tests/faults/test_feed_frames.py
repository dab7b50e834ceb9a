"""MD3, MD5, MD9, MD11, MD13: frames that are lost, doubled, swapped, late, malformed, unknown, or too many."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import pytest
from tests.support.feeds import quick, simulated, venue_on
from tests.support.transport import Collected, FakeVenue, depth_frame, fake_venue, kline_frame, trade_frame, um_stream, until

from quantservice.adapters.venues.binance.venue import BinanceVenue
from quantservice.adapters.venues.transport.ws import Socket
from quantservice.core.events import BookSnapshot, Kind, StreamId, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.simulator.faults.malformed import SORTS

OPEN = 1_700_000_040_000
AAA = InstrumentId("binance", "um", "AAA-USDT-PERP")
BOOK = StreamId(AAA, Kind.BOOK)
TRADES = StreamId(AAA, Kind.TRADE)


def lost_more(venue: BinanceVenue, before: int) -> bool:
    return int(venue.feed.stats()["books_invalidated"]) > before


def books(got: Collected) -> list[BookSnapshot]:
    return [event for event in got.events if isinstance(event, BookSnapshot)]


async def test_md3_a_lost_change_makes_the_book_unreadable_until_a_new_snapshot() -> None:
    async with fake_venue() as fake, venue_on(fake) as venue, Collected(venue.feed) as got:
        gate = asyncio.Event()

        async def answer(request: object) -> None:
            if "depth" in request.path:  # type: ignore[attr-defined]  # a web.Request
                await gate.wait()

        await venue.feed.update([BOOK])
        await until(fake.names)
        await fake.push(depth_frame("AAAUSDT", 99, 101, 98, [["9", "2"]], []))
        await until(lambda: books(got), what="the first book")
        assert books(got)[-1].bids[0][1] == 2
        await fake.push(depth_frame("AAAUSDT", 102, 103, 101, [["9.5", "1"]], []))
        await until(lambda: books(got)[-1].update_id == 103)
        # 104 is lost
        fake.answer = answer
        await fake.push(depth_frame("AAAUSDT", 105, 106, 104, [["9.7", "1"]], []))
        await until(lambda: got.states()[-1] == "stale", what="said on that event")
        assert got.statuses[-1].streams == (BOOK,)
        await fake.push(depth_frame("AAAUSDT", 107, 108, 106, [["9.8", "1"]], []))
        shown = len(books(got))
        await until(lambda: fake.counts["depth"] == 2, what="a snapshot is asked for")
        assert len(books(got)) == shown, "an unreadable book was shown"
        fake.depth = {"lastUpdateId": 106, "E": 1, "T": 1, "bids": [["9.7", "1"]], "asks": [["11", "1"]]}
        gate.set()
        await until(lambda: got.states()[-1] == "live" and books(got)[-1].update_id == 108, what="whole again")
        assert [str(price) for price, _ in books(got)[-1].bids] == ["9.8", "9.7"]
        assert venue.feed.stats()["books_invalidated"] == 1


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
async def test_md3_against_the_simulator_no_book_ever_crosses_or_steps_back(market: str) -> None:
    async with simulated() as simulator, venue_on(simulator, market) as venue, Collected(venue.feed) as got:
        instruments = await venue.history.instruments()
        streams = [StreamId(item.id, Kind.BOOK) for item in instruments[:3]]
        await venue.feed.update(streams)
        await until(lambda: venue.feed.stats()["books"] == 3, what="all books stand")
        for _ in range(3):
            before = venue.feed.stats()["books_invalidated"]
            simulator.add_fault({"kind": "drop_depth", "market": market, "count": 1})
            await until(partial(lost_more, venue, before), what="the loss is seen")
            await until(lambda: venue.feed.stats()["books"] == 3, what="and mended")
        for stream in streams:
            ids = [book.update_id for book in books(got) if book.stream == stream]
            assert ids == sorted(ids)
        assert all(book.bids[0][0] < book.asks[0][0] for book in books(got))
        assert simulator.report()["violations"] == {}


async def test_md5_a_closed_bar_is_never_opened_again() -> None:
    async with fake_venue() as fake, venue_on(fake) as venue, Collected(venue.feed) as got:
        await venue.feed.update([um_stream("AAA")])
        await until(fake.names)
        frames = [
            kline_frame("AAAUSDT", OPEN, closed=False),
            kline_frame("AAAUSDT", OPEN, closed=True),
            kline_frame("AAAUSDT", OPEN, closed=False, close="9.9"),  # late
            kline_frame("AAAUSDT", OPEN + 60_000, closed=False),
            kline_frame("AAAUSDT", OPEN, closed=True),  # doubled: the same values
        ]
        for frame in frames:
            await fake.push(frame)
        await until(lambda: len(got.klines()) == 4)
        assert [(kline.open_time - OPEN, kline.closed) for kline in got.klines()] == [
            (0, False),
            (0, True),
            (60_000, False),
            (0, True),
        ]
        assert venue.feed.stats()["late_klines"] == 1


async def test_md5_doubled_swapped_and_late_frames_leave_the_same_closed_bars() -> None:
    async with simulated() as simulator, venue_on(simulator) as venue, Collected(venue.feed) as got:
        instruments = await venue.history.instruments()
        streams = [StreamId.kline(item.id, "1m") for item in instruments[:5]]
        await venue.feed.update(streams)
        for kind, extra in (("duplicate", {}), ("reorder", {"every": 3}), ("late", {"every": 7, "delay_s": 0.4})):
            simulator.add_fault({"kind": kind, "market": "um", **extra})
        await until(lambda: len(got.klines(closed=True)) >= 30, what="six minutes of five symbols")
        values: dict[tuple[StreamId, int], set[object]] = {}
        for kline in got.klines(closed=True):
            values.setdefault((kline.stream, kline.open_time), set()).add(kline.values)
        assert {len(found) for found in values.values()} == {1}, "two closed versions of one bar"
        closed: dict[StreamId, int] = {}
        for kline in got.klines():
            if kline.closed:
                closed[kline.stream] = max(closed.get(kline.stream, 0), kline.open_time)
            else:
                assert kline.open_time > closed.get(kline.stream, 0), "an open bar after its close"


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
async def test_md9_malformed_frames_are_quarantined_and_the_connection_lives(market: str) -> None:
    async with simulated() as simulator, venue_on(simulator, market) as venue, Collected(venue.feed) as got:
        instruments = await venue.history.instruments()
        await venue.feed.update([StreamId.kline(item.id, "1m") for item in instruments[:4]])
        await until(lambda: len(got.klines()) > 4)
        fault = simulator.add_fault({"kind": "malformed", "market": market, "every": 1})
        await until(lambda: venue.feed.quarantine.total >= 2 * len(SORTS), what="every sort came twice", timeout_s=20)
        simulator.faults.lift(fault.id)
        good = len(got.klines())
        await until(lambda: len(got.klines()) > good + 8, what="good frames still come")
        stats = venue.feed.stats()
        assert stats["connections"][0]["connects"] == 1, "the connection must live"
        assert len(stats["reasons"]) >= 3, stats["reasons"]
        assert all(frame["reason"] and frame["head"] is not None for frame in stats["newest"])
        assert simulator.report()["violations"] == {}


async def test_md9_fragments_binary_and_oversized_frames() -> None:
    async with fake_venue() as fake, venue_on(fake) as venue, Collected(venue.feed) as got:
        await venue.feed.update([um_stream("AAA")])
        await until(fake.names)
        peer = fake.open_peers[0]
        await peer.socket.send_bytes(b"\x1f\x8b\x08 not for you")
        await peer.socket.send_str("[" * 100_000)
        await peer.socket.send_str("x" * 2_000_000)
        await fake.push(kline_frame("AAAUSDT", OPEN, closed=True))
        await until(got.klines)
        assert venue.feed.quarantine.reasons["binary_frame"] == 1
        assert venue.feed.quarantine.total == 3
        assert len(fake.connects) == 1


async def test_md11_unlisted_streams_are_refused_by_a_status_and_the_others_run() -> None:
    async with fake_venue(symbols=("AAA", "测试")) as fake, venue_on(fake) as venue, Collected(venue.feed) as got:
        gone = um_stream("GONE")
        funding = StreamId(AAA, Kind.FUNDING)
        second = StreamId(AAA, Kind.KLINE, "1s")
        chinese = um_stream("测试")
        await venue.feed.update([um_stream("AAA"), gone, funding, second, chinese])
        await until(lambda: len(fake.names()) == 2)
        await fake.push(kline_frame("测试USDT", OPEN, closed=True))
        await until(got.klines)
        assert got.klines()[0].stream == chinese
        refused = next(status for status in got.statuses if status.state == "stopped")
        assert set(refused.streams) == {gone, funding, second}
        assert "does not list or serve" in refused.detail


async def test_md13_a_burst_is_held_by_back_pressure_and_nothing_is_lost() -> None:
    settings = quick(feed={"high_water": 2_000, "low_water": 100})
    async with fake_venue() as fake, venue_on(fake, settings=settings) as venue, Collected(venue.feed) as got:
        await venue.feed.update([TRADES])
        await until(fake.names)
        got.hold.clear()  # the consumer stops
        count = 60_000
        sending = asyncio.create_task(burst(fake, count))
        await until(lambda: venue.feed.stats().get("pauses"), what="reading stopped")
        assert venue.feed.stats()["waiting"] < 20_000, "the queue is bounded"
        got.hold.set()
        await until(lambda: len(got.events) == count, timeout_s=20, what="all of it arrived")
        await sending
        ids = [event.trade_id for event in got.events if isinstance(event, Trade)]
        assert ids == list(range(count)), "in order, once each"
        assert len(fake.connects) == 1, "a pause is no silence"


@pytest.mark.skipif(not hasattr(socket, "TCP_WINDOW_CLAMP"), reason="the kernel has no such bound")
async def test_md13_the_kernel_holds_no_more_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded: list[int] = []
    bound_window = Socket.bound_window

    def seen(self: Socket, size: int) -> None:
        bound_window(self, size)
        assert self._transport is not None
        raw = self._transport.underlying_transport.get_extra_info("socket")
        bounded.append(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP))

    monkeypatch.setattr(Socket, "bound_window", seen)
    async with fake_venue() as fake, venue_on(fake, settings=quick(ws={"window_bytes": 100_000})) as venue, Collected(venue.feed):
        await venue.feed.update([TRADES])
        await until(fake.names)
    assert bounded == [100_000]


async def burst(fake: FakeVenue, count: int) -> None:
    for number in range(count):
        await fake.push(trade_frame("AAAUSDT", number, OPEN))
        if number % 500 == 0:
            await asyncio.sleep(0)


async def test_dropping_and_adding_streams_changes_only_the_difference() -> None:
    async with fake_venue() as fake, venue_on(fake) as venue, Collected(venue.feed):
        await venue.feed.update([um_stream("AAA"), um_stream("BBB")])
        await until(lambda: len(fake.names()) == 2)
        await venue.feed.update([um_stream("BBB"), um_stream("CCC")])
        await until(lambda: fake.names() == {"bbbusdt@kline_1m", "cccusdt@kline_1m"})
        methods = [message.split('"')[3] for _, message in fake.open_peers[0].messages]
        assert methods == ["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]
        await venue.feed.update([])
        await until(lambda: not fake.open_peers, what="no stream, no connection")
        assert len(fake.connects) == 1
