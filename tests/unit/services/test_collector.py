"""The collector with fake venues: what it subscribes, what it publishes, and that one venue's trouble is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeMarketStore, FakeStateStore, FakeVenue, Tap, make_kline, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import VenueUnreachable
from quantservice.core.events import FeedStatus, Kind, StreamId
from quantservice.core.instruments import Instrument
from quantservice.core.messages import Command, GapChange, Message, Topic
from quantservice.core.spans import Span
from quantservice.ports import TradingPair
from quantservice.services.collector import CollectorConfig, CollectorService, InstrumentDirectory
from quantservice.services.collector.wanted import pair_streams, wanted_streams

MINUTE = 60_000


def pair_of(item: Instrument, *, kinds: tuple[str, ...] = ("kline",), periods: tuple[str, ...] = ("1m",)) -> TradingPair:
    return TradingPair(
        venue=item.id.venue,
        market=item.id.market,
        symbol=item.id.symbol,
        venue_symbol=item.venue_symbol,
        kinds=kinds,
        periods=periods,
        history_start_ms=START_MS,
    )


class Rig:
    """A collector over two markets, with everything it touches."""

    def __init__(self, config: CollectorConfig | None = None) -> None:
        self.clock = ManualClock()
        self.bus = MemoryBus()
        self.um = FakeVenue(self.clock, [instrument("BTC"), instrument("ETH")])
        self.spot = FakeVenue(self.clock, [instrument("BTC", market="spot")])
        self.state = FakeStateStore([pair_of(instrument("BTC")), pair_of(instrument("BTC", market="spot"))])
        self.store = FakeMarketStore()
        self.directory = InstrumentDirectory()
        self.tap = Tap(self.bus, [Topic.MARKET_LIVE, Topic.FEED_STATUS, Topic.GAP])
        self.collector = CollectorService(
            {self.um.key: self.um, self.spot.key: self.spot},
            state=self.state,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            directory=self.directory,
            config=config,
        )
        self.stream = StreamId.kline(instrument("BTC").id, "1m")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        async with self.tap.listening():
            task = asyncio.ensure_future(self.collector.run())
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def status(self, state: str, *, streams: tuple[StreamId, ...] = ()) -> FeedStatus:
        return FeedStatus(venue="binance", market="um", connection="c1", state=state, time_ns=self.clock.now_ns(), streams=streams)

    def gaps(self) -> list[GapChange]:
        return [message.data for message in self.tap.of("gap.found")]


async def test_it_subscribes_the_registry_and_publishes_in_batches() -> None:
    async with Rig().running() as rig:
        await until(lambda: bool(rig.um.feed.wanted and rig.spot.feed.wanted))
        assert rig.um.feed.wanted[-1] == (rig.stream,)
        assert (instrument("BTC").id, ("1m",)) in rig.store.registered
        assert rig.store.lists["binance", "um"] == rig.um.history.listed
        assert rig.directory.book().get(instrument("ETH").id) is not None
        first, second = make_kline(rig.stream, START_MS), make_kline(rig.stream, START_MS + MINUTE, closed=False)
        rig.um.feed.push(first, second)
        await until(lambda: len(rig.tap.messages) == 1)
        message = rig.tap.messages[0]
        assert (message.topic, message.event_type, message.key) == (Topic.MARKET_LIVE, "market.batch", "binance:um")
        assert list(message.data.events) == [first, second]
        assert rig.collector.stats()["closed_klines"] == 1


async def test_a_burst_is_published_in_parts_and_in_its_order() -> None:
    async with Rig().running() as rig:
        burst = [make_kline(rig.stream, START_MS + index * MINUTE) for index in range(9_000)]
        rig.um.feed.push(*burst)
        await until(lambda: len(rig.tap.messages) == 3)
        assert [len(message.data.events) for message in rig.tap.messages] == [4_000, 4_000, 1_000]
        assert rig.tap.events() == burst


async def test_statuses_travel_in_line_with_the_events() -> None:
    async with Rig().running() as rig:
        before, after = make_kline(rig.stream, START_MS), make_kline(rig.stream, START_MS + MINUTE)
        rig.um.feed.push(before, rig.status("down"), after)
        await until(lambda: len(rig.tap.messages) == 3)
        kinds = [message.event_type for message in rig.tap.messages]
        assert kinds == ["market.batch", "feed.status", "market.batch"]
        assert rig.tap.events() == [before, after]


async def test_a_skipped_bar_becomes_a_gap_after_the_events_that_showed_it() -> None:
    async with Rig().running() as rig:
        rig.um.feed.push(make_kline(rig.stream, START_MS), make_kline(rig.stream, START_MS + 3 * MINUTE))
        await until(lambda: len(rig.gaps()) == 1)
        gap = rig.gaps()[0].gap
        assert (gap.span, gap.missing, gap.reason) == (Span(START_MS + MINUTE, START_MS + 3 * MINUTE), 2, "live")
        assert rig.tap.messages[-1].event_type == "gap.found"


async def test_after_a_reconnect_the_bars_that_closed_meanwhile_are_asked_for() -> None:
    async with Rig().running() as rig:
        rig.um.feed.push(make_kline(rig.stream, START_MS), rig.status("down"))
        await until(lambda: len(rig.tap.messages) == 2)
        await rig.clock.advance(250)
        rig.um.feed.push(rig.status("live", streams=(rig.stream,)))
        await until(lambda: len(rig.gaps()) == 1)
        gap = rig.gaps()[0].gap
        assert (gap.span, gap.reason) == (Span(START_MS + MINUTE, START_MS + 4 * MINUTE), "reconnect")
        rig.um.feed.push(rig.status("live", streams=(rig.stream,)))
        await until(lambda: len(rig.tap.of("feed.status")) == 3)
        assert len(rig.gaps()) == 1, "a connection that was not lost asks for nothing"


async def test_a_pair_that_is_added_is_subscribed_on_command() -> None:
    async with Rig().running() as rig:
        await until(lambda: bool(rig.um.feed.wanted))
        async with rig.state.transaction() as work:
            await work.pairs.put(pair_of(instrument("ETH")))
        command = Command(id="1", name="pairs.changed")
        await rig.bus.publish([Message(topic=Topic.COMMAND, data=command, event_type="pairs.changed")])
        await until(lambda: len(rig.um.feed.wanted) == 2)
        assert StreamId.kline(instrument("ETH").id, "1m") in rig.um.feed.wanted[-1]
        assert len(rig.spot.feed.wanted) == 1, "nothing changed there: the feed is left alone"


async def test_one_venue_down_does_not_stop_the_other_and_comes_back() -> None:
    rig = Rig()
    rig.um.history.instruments_error = VenueUnreachable("um cannot be reached: DNS", cause="dns")
    async with rig.running():
        await until(lambda: bool(rig.spot.feed.wanted))
        spot = StreamId.kline(instrument("BTC", market="spot").id, "1m")
        rig.spot.feed.push(make_kline(spot, START_MS))
        await until(lambda: len(rig.tap.events()) == 1)
        statuses = [message.data for message in rig.tap.of("feed.status")]
        assert [(status.state, status.detail) for status in statuses] == [("down", "um cannot be reached: DNS")]
        await rig.clock.advance(40)
        assert rig.collector.stats()["binance:um.restarts"] > 3
        assert len(rig.tap.of("feed.status")) == 1, "a loss is said once"
        rig.um.history.instruments_error = None
        await rig.clock.advance(31)
        await until(lambda: bool(rig.um.feed.wanted))
        assert rig.collector.stats()["binance:spot.restarts"] == 0


async def test_a_feed_that_breaks_is_started_again_with_its_streams() -> None:
    async with Rig().running() as rig:
        await until(lambda: bool(rig.um.feed.wanted))
        rig.um.feed.fail(RuntimeError("decoder fell over"))
        await until(lambda: rig.collector.stats()["binance:um.restarts"] == 1)
        await rig.clock.advance(1)
        await until(lambda: len(rig.um.feed.wanted) == 2)
        rig.um.feed.push(make_kline(rig.stream, START_MS))
        await until(lambda: len(rig.tap.events()) == 1)


async def test_the_list_is_replaced_and_its_changes_have_their_rule() -> None:
    """MD11: a new symbol waits or is taken by rule, a delisted one is refused, a rename gets its views; nothing falls over."""
    rig = Rig(CollectorConfig(instruments_refresh_s=60, auto_register_quotes=("USDT",)))
    async with rig.running():
        await until(lambda: bool(rig.um.feed.wanted))
        chinese = instrument("测试")
        renamed = msgspec.structs.replace(instrument("ETH"), venue_symbol="ETH2USDT")
        delisted = msgspec.structs.replace(instrument("BTC"), status="delisted")
        rig.um.history.listed = [chinese, renamed, delisted]
        await rig.clock.advance(61)
        await until(lambda: len(rig.um.feed.wanted) == 2)
        names = {str(stream.instrument) for stream in rig.um.feed.wanted[-1]}
        assert names == {"binance:um:测试-USDT-PERP"}
        assert rig.collector.stats()["binance:um.refused"] == 1
        rig.um.history.listed = [chinese, renamed, instrument("BTC")]
        await rig.clock.advance(61)
        await until(lambda: len(rig.um.feed.wanted) == 3)
        assert rig.stream in rig.um.feed.wanted[-1], "back in trading, back in the streams"


async def test_without_the_rule_a_new_symbol_waits_for_a_person() -> None:
    rig = Rig(CollectorConfig(instruments_refresh_s=60))
    async with rig.running():
        await until(lambda: bool(rig.um.feed.wanted))
        rig.um.history.listed.append(instrument("NEW"))
        await rig.clock.advance(61)
        await until(lambda: rig.directory.book().get(instrument("NEW").id) is not None)
        assert instrument("NEW").id not in rig.state.pair_rows


async def test_a_refresh_that_fails_keeps_the_list() -> None:
    rig = Rig(CollectorConfig(instruments_refresh_s=60))
    async with rig.running():
        await until(lambda: bool(rig.um.feed.wanted))
        rig.um.history.instruments_error = VenueUnreachable("gone", cause="timeout")
        await rig.clock.advance(61)
        await until(lambda: rig.collector.stats()["binance:um.refresh_failures"] == 1)
        assert rig.directory.book().get(instrument("BTC").id) is not None
        assert rig.collector.stats()["binance:um.restarts"] == 0


def test_streams_of_a_pair() -> None:
    every = tuple(kind.value for kind in Kind)
    um = pair_streams(pair_of(instrument("BTC"), kinds=every, periods=("1m", "1mo")))
    assert [(stream.kind, stream.period) for stream in um][:2] == [(Kind.KLINE, "1m"), (Kind.KLINE, "1mo")]
    assert {stream.kind for stream in um} == set(Kind) - {Kind.FUNDING, Kind.OPEN_INTEREST}
    spot = pair_streams(pair_of(instrument("BTC", market="spot"), kinds=every))
    assert Kind.MARK_PRICE not in {stream.kind for stream in spot}


def test_a_pair_that_the_venue_does_not_list_is_refused_with_the_reason() -> None:
    directory = InstrumentDirectory([instrument("BTC")])
    wanted = wanted_streams([pair_of(instrument("XYZ")), pair_of(instrument("BTC"))], directory.book(), "binance", "um")
    assert wanted.refused == {instrument("XYZ").id: "the venue does not list it"}
    assert [stream.instrument for stream in wanted.streams] == [instrument("BTC").id]


def test_a_replaced_list_says_what_is_different() -> None:
    directory = InstrumentDirectory()
    assert directory.replace("binance", "um", [instrument("BTC"), instrument("ETH")]).first
    finer = msgspec.structs.replace(instrument("ETH"), tick_size=instrument("ETH").tick_size / 10)
    change = directory.replace("binance", "um", [finer, instrument("SOL")])
    assert [item.base for item in change.added] == ["SOL"]
    assert [item.base for item in change.removed] == ["BTC"]
    assert [item.base for item in change.changed] == ["ETH"]
    assert directory.book().get(instrument("BTC").id) is None


async def test_it_ends_when_told_to_although_a_link_fails_in_that_moment() -> None:
    """A task group whose task fails while it is cancelled tells only of the failure: the loop around it must not go on."""
    rig = Rig()
    begun = asyncio.Event()

    class Failing:
        """A link that cannot close its socket."""

        async def run(self) -> None:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                raise OSError("the socket is gone")

    task = asyncio.ensure_future(rig.collector._supervise(Failing()))  # type: ignore[arg-type]
    await begun.wait()
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
