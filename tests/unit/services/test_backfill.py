"""Backfill with fake venues and a real bus: what is fetched, in which order, and when a gap may be called healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeMarketStore, FakeRecorder, FakeStateStore, FakeVenue, Tap, make_kline, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import RateLimited, Refused, VenueUnreachable
from quantservice.core.events import FeedStatus, Gap, Kline, MarketEvent, Source, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook
from quantservice.core.messages import GapChange, Message, Topic, heal_command
from quantservice.core.periods import floor_open
from quantservice.core.spans import Span, merge
from quantservice.ports import AppendResult, TradingPair
from quantservice.services.backfill import BackfillConfig, BackfillService

MINUTE = 60_000
HOUR = 3_600_000
QUIET = BackfillConfig(verify_every_s=0, history_days=1.0, concurrency=4)


class Rig:
    """Backfill over one market, a recorder that stores what it publishes, and a tap on what it says."""

    def __init__(
        self,
        bases: Sequence[str] = ("BTC",),
        *,
        hours: float = 2,
        config: BackfillConfig = QUIET,
        page: int = 1000,
        recorder: bool = True,
    ) -> None:
        self.clock = ManualClock()
        self.bus = MemoryBus()
        self.instruments: list[Instrument] = [instrument(base) for base in bases]
        self.venue = FakeVenue(self.clock, self.instruments, page=page)
        self.start_ms = START_MS - int(hours * HOUR)
        self.state = FakeStateStore(self.pair(item) for item in self.instruments)
        self.store = FakeMarketStore()
        self.tap = Tap(self.bus, [Topic.GAP])
        self.recorder = FakeRecorder(self.store, self.bus) if recorder else None
        self.config = config
        self.backfill = self.make()
        self.stream = self.stream_of("BTC")

    def make(self) -> BackfillService:
        return BackfillService(
            {self.venue.key: self.venue},
            state=self.state,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            instruments=lambda: InstrumentBook(self.instruments),
            config=self.config,
        )

    def pair(self, item: Instrument) -> TradingPair:
        return TradingPair(
            venue="binance", market="um", symbol=item.id.symbol, venue_symbol=item.venue_symbol, history_start_ms=self.start_ms
        )

    def stream_of(self, base: str, period: str = "1m") -> StreamId:
        return StreamId.kline(instrument(base).id, period)

    async def fill(self, *, without: Sequence[int] = ()) -> None:
        """Put the whole wanted history of BTC into the store, but for some minutes after its start."""
        end = floor_open("1m", self.clock.now_ms())
        opens = range(self.start_ms, end, MINUTE)
        skipped = {self.start_ms + index * MINUTE for index in without}
        await self.store.append([make_kline(self.stream, at) for at in opens if at not in skipped])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        async with self.tap.listening():
            services = [self.backfill.run()] if self.recorder is None else [self.recorder.run(), self.backfill.run()]
            tasks = [asyncio.ensure_future(service) for service in services]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def changes(self, state: str) -> list[GapChange]:
        return [message.data for message in self.tap.of(f"gap.{state}")]

    def expected(self) -> list[int]:
        return list(range(self.start_ms, floor_open("1m", self.clock.now_ms() - 5_000), MINUTE))


async def test_an_empty_store_is_filled_up_to_the_last_closed_bar() -> None:
    async with Rig().running() as rig:
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.store.opens(rig.stream) == rig.expected()
        found, healed = rig.changes("found")[0], rig.changes("healed")[0]
        assert (found.gap.reason, found.gap.missing) == ("history", len(rig.expected()))
        assert (healed.rows, healed.gap) == (len(rig.expected()), found.gap)
        assert all(rig.store.current(rig.stream, at).source is Source.REST for at in rig.expected())
        progress = rig.backfill.progress()
        assert progress.done
        assert progress.percent == 100.0


async def test_the_bar_that_has_just_closed_is_no_gap_yet() -> None:
    rig = Rig()
    await rig.fill(without=[119])
    await rig.clock.advance(4)
    async with rig.running():
        await until(lambda: rig.backfill.stats()["scans"] == 1)
        assert rig.tap.messages == []
        await rig.clock.advance(31)
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.changes("found")[0].gap.span == Span(START_MS - MINUTE, START_MS)


async def test_holes_are_found_by_the_scan_and_healed_exactly() -> None:
    rig = Rig()
    await rig.fill(without=[10, 11, 50])
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 2)
        at = rig.start_ms
        spans = {Span(at + 10 * MINUTE, at + 12 * MINUTE), Span(at + 50 * MINUTE, at + 51 * MINUTE)}
        assert {change.gap.span for change in rig.changes("healed")} == spans
        assert [span for _, span in rig.venue.history.asked] == [Span(at + 10 * MINUTE, at + 51 * MINUTE)], "one page holds both"
        del rig.store.rows[rig.stream][at + 30 * MINUTE]
        await rig.clock.advance(31)
        await until(lambda: len(rig.changes("healed")) == 3)
        assert rig.changes("found")[-1].gap.reason == "scan"


async def test_many_small_holes_share_requests_and_each_is_told_of() -> None:
    """What a store restored from an old copy, or long chaos, leaves behind: every third bar is missing."""
    rig = Rig(hours=20)
    holes = range(1, 1_190, 3)
    await rig.fill(without=holes)
    rig.venue.history.errors = [VenueUnreachable("reset", cause="reset")]  # the first request breaks off with all its holes
    stored: list[int] = []
    append = rig.store.append

    async def watched(events: Sequence[MarketEvent]) -> AppendResult:
        stored.extend(event.open_time for event in events if isinstance(event, Kline))
        return await append(events)

    rig.store.append = watched  # type: ignore[method-assign]
    async with rig.running():
        await until(lambda: len(rig.changes("found")) == len(holes))
        await rig.clock.advance(5)
        await until(lambda: len(rig.changes("healed")) == len(holes))
        assert not set(rig.expected()) - set(rig.store.opens(rig.stream))
        assert sorted(stored) == [rig.start_ms + index * MINUTE for index in holes], "what was there is not written again"
        assert {(change.rows, change.gap.missing) for change in rig.changes("healed")} == {(1, 1)}
        pages = [span.length_ms // MINUTE for _, span in rig.venue.history.asked]
        assert max(pages) <= QUIET.page_bars
        assert len(pages) <= 8, "one bar each would be 397 requests"
        assert rig.backfill.progress().done


async def test_a_hole_that_the_venue_lacks_does_not_spoil_its_neighbours() -> None:
    rig = Rig()
    await rig.fill(without=(10, 20, 30))
    lost = rig.start_ms + 20 * MINUTE
    rig.venue.history.absent = [Span(lost, lost + MINUTE)]
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 2 and len(rig.changes("failed")) == 1)
        assert len(rig.venue.history.asked) == 1
        assert rig.changes("failed")[0].gap.span == Span(lost, lost + MINUTE)
        assert set(rig.expected()) - set(rig.store.opens(rig.stream)) == {lost}


async def test_1m_is_scanned_every_30_s_and_1h_every_5_min() -> None:
    config = QUIET
    assert (config.scan_interval_s("1m"), config.scan_interval_s("1h")) == (30.0, 300.0)
    assert config.scan_interval_s("1s") <= 10
    assert 30 <= config.scan_interval_s("3m") <= config.scan_interval_s("15m") <= 300
    assert config.scan_interval_s("1mo") == 300.0
    rig = Rig()
    await rig.fill()
    async with rig.running():
        await until(lambda: rig.backfill.stats()["scans"] == 1)
        await rig.clock.advance(29)
        assert rig.backfill.stats()["scans"] == 1
        await rig.clock.advance(2)
        await until(lambda: rig.backfill.stats()["scans"] == 2)


async def test_the_newest_windows_come_first_over_all_pairs() -> None:
    """MD8: after a long absence the bars a trader looks at come first."""
    rig = Rig(["BTC", "ETH", "SOL"], hours=10, config=msgspec.structs.replace(QUIET, window_bars=100, concurrency=1))
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 3)
        ends = [span.end_ms for _, span in rig.venue.history.asked]
        assert ends == sorted(ends, reverse=True)
        first = {stream.instrument.symbol for stream, _ in rig.venue.history.asked[:3]}
        assert len(first) == 3, "one pair's old bars never come before another's new ones"
        for base in ("BTC", "ETH", "SOL"):
            assert rig.store.opens(rig.stream_of(base)) == rig.expected()


async def test_windows_run_in_parallel_but_never_one_gap_twice() -> None:
    rig = Rig(["BTC", "ETH"], hours=10, config=msgspec.structs.replace(QUIET, window_bars=100))
    rig.venue.history.gate.clear()
    async with rig.running():
        await until(lambda: len(rig.venue.history.running) == QUIET.concurrency)
        found = len(rig.changes("found"))
        for _ in range(5):
            await rig.clock.advance(31)
        command = heal_command(str(rig.stream), Span(rig.start_ms, rig.start_ms + HOUR))
        await rig.bus.publish([command, command])
        await rig.bus.publish([Message(topic=Topic.FEED_STATUS, data=live_status(rig), event_type="feed.status")])
        await rig.clock.advance(31)
        assert rig.backfill.stats()["scans"] > 3
        again = [change.gap.span for change in rig.changes("found")[found:]]
        assert all(span.start_ms >= START_MS - MINUTE for span in again), "only bars that closed meanwhile are new gaps"
        rig.venue.history.gate.set()
        await until(lambda: rig.backfill.progress().gaps_open == 0)
        assert rig.venue.history.overlapping == 0
        asked = [span for stream, span in rig.venue.history.asked if stream == rig.stream]
        assert sum(span.length_ms for span in asked) == sum(span.length_ms for span in merge(asked))


def live_status(rig: Rig) -> FeedStatus:
    return FeedStatus(venue="binance", market="um", connection="c", state="live", time_ns=rig.clock.now_ns(), streams=(rig.stream,))


async def test_a_gap_is_not_called_healed_before_the_store_holds_it() -> None:
    rig = Rig(recorder=False)
    async with rig.running():
        await until(lambda: rig.venue.history.requests == 1)
        await asyncio.sleep(0.02)
        assert rig.changes("healed") == []
        recorder = FakeRecorder(rig.store, rig.bus)
        late = asyncio.ensure_future(recorder.run())
        await rig.store.append([make_kline(rig.stream, at, source=Source.REST) for at in rig.expected()])
        await until(lambda: len(rig.changes("healed")) == 1)
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)


async def test_a_restart_goes_on_where_the_store_is() -> None:
    rig = Rig(hours=10, config=msgspec.structs.replace(QUIET, window_bars=60, concurrency=1))
    async with rig.running():
        await until(lambda: len(rig.venue.history.asked) >= 4)
    held = set(rig.store.opens(rig.stream))
    assert 0 < len(held) < len(rig.expected())
    rig.venue.history.asked.clear()
    rig.backfill = rig.make()
    async with rig.running():
        await until(lambda: rig.store.opens(rig.stream) == rig.expected())
        asked = rig.venue.history.asked
        fetched = {at for _, span in asked for at in range(span.start_ms, span.end_ms, MINUTE)}
        assert not fetched & held, "what is stored is not fetched again"
        await until(lambda: rig.backfill.progress().done)


async def test_the_same_service_runs_again_after_a_crash() -> None:
    rig = Rig()
    rig.venue.history.errors = [RuntimeError("bug")]
    task = asyncio.ensure_future(rig.backfill.run())
    with pytest.raises(ExceptionGroup):
        await task
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.store.opens(rig.stream) == rig.expected()


async def test_a_heal_command_fetches_again_and_answers_with_its_id() -> None:
    rig = Rig()
    await rig.fill()
    wrong = rig.start_ms + 20 * MINUTE
    rig.venue.history.changes[wrong] = {"close": Decimal("101.5")}
    async with rig.running():
        await until(lambda: rig.backfill.stats()["scans"] == 1)
        span = Span(wrong, wrong + 3 * MINUTE)
        await rig.bus.publish([heal_command(str(rig.stream), span, command_id="c-1")])
        await until(lambda: len(rig.changes("healed")) == 1)
        states = [(message.event_type, message.correlation_id) for message in rig.tap.messages]
        assert states[0] == ("gap.found", "c-1")
        assert states[1] == ("gap.healing", "c-1")
        assert states[-1] == ("gap.healed", "c-1")
        assert rig.changes("healed")[0].gap.span == span
        assert [row["close"] for row in await rig.store.revisions(rig.stream, Span(wrong, wrong + 1))][-1] == "101.5"


async def test_a_command_for_what_is_being_fetched_is_answered_by_that_work() -> None:
    rig = Rig()
    rig.venue.history.gate.clear()
    async with rig.running():
        await until(lambda: len(rig.venue.history.running) == 1)
        await rig.bus.publish([heal_command(str(rig.stream), Span(rig.start_ms, rig.start_ms + HOUR), command_id="c-2")])
        await asyncio.sleep(0.01)
        rig.venue.history.gate.set()
        await until(lambda: bool(rig.changes("healed")))
        assert rig.tap.of("gap.healed")[-1].correlation_id == "c-2"
        assert len(rig.venue.history.asked) == 1


@pytest.mark.parametrize(
    ("stream", "start", "end", "states"),
    [
        ("binance:um:BTC-USDT-PERP:kline:1m", START_MS + HOUR, START_MS + 2 * HOUR, ["gap.closed"]),
        ("nonsense", 0, 1, []),
        ("binance:um:BTC-USDT-PERP:trade", 0, 1, []),
        ("okx:um:BTC-USDT-PERP:kline:1m", 0, 1, []),
    ],
)
async def test_commands_that_cannot_be_done_hurt_nobody(stream: str, start: int, end: int, states: list[str]) -> None:
    rig = Rig()
    await rig.fill()
    async with rig.running():
        await until(lambda: rig.backfill.stats()["scans"] == 1)
        await rig.bus.publish([heal_command(stream, Span(start, end))])
        await rig.bus.publish([heal_command(str(rig.stream), Span(rig.start_ms, rig.start_ms + MINUTE), command_id="good")])
        await until(lambda: len(rig.changes("healed")) == 1)
        others = [message.event_type for message in rig.tap.messages if message.correlation_id != "good"]
        assert others == states


async def test_a_gap_the_collector_saw_is_healed_at_once_under_its_own_name() -> None:
    rig = Rig()
    await rig.fill(without=[40])
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 1)
        del rig.store.rows[rig.stream][rig.start_ms + 60 * MINUTE]
        gap = Gap(
            stream=rig.stream,
            span=Span(rig.start_ms + 60 * MINUTE, rig.start_ms + 61 * MINUTE),
            missing=1,
            found_ns=1,
            reason="live",
        )
        await rig.bus.publish([Message(topic=Topic.GAP, data=GapChange(gap=gap, state="found"), event_type="gap.found")])
        await until(lambda: len(rig.changes("healed")) == 2)
        assert rig.changes("healed")[-1].gap == gap
        assert len(rig.changes("found")) == 2, "found once by the scan, once by the collector, not repeated"
        await rig.bus.publish([Message(topic=Topic.GAP, data=GapChange(gap=gap, state="found"), event_type="gap.found")])
        await until(lambda: len(rig.changes("healed")) == 3)
        assert "late" in rig.changes("healed")[-1].detail


async def test_what_the_venue_does_not_have_is_closed_after_two_separate_attempts() -> None:
    rig = Rig()
    hole = Span(rig.start_ms + 30 * MINUTE, rig.start_ms + 40 * MINUTE)
    rig.venue.history.absent = [hole]
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 1 and len(rig.changes("found")) == 2)
        left = rig.changes("found")[1]
        assert (left.gap.span, left.gap.missing) == (hole, 10), "the rest of the history is healed, the hole a gap of its own"
        assert rig.changes("closed") == []
        progress = rig.backfill.progress()
        assert progress.wanted - progress.stored == 10, "what is not proven absent is still wanted"
        await rig.clock.advance(35)
        assert len(rig.venue.history.asked) == 1 + 1, "the resting hole is left alone, a new bar is fetched"
        await rig.clock.advance(60)
        await until(lambda: len(rig.changes("closed")) == 1)
        assert rig.changes("closed")[0].gap.span == hole
        evidence = rig.state.value_rows["maintenance", str(rig.stream)]
        assert [(item["start_ms"], item["end_ms"], item["attempts"]) for item in evidence] == [(hole.start_ms, hole.end_ms, 2)]
        await until(lambda: rig.backfill.progress().done, what="what does not exist is not waited for")
        asked = sum(span == hole for _, span in rig.venue.history.asked)
        rig.backfill = rig.make()
    async with rig.running():
        await rig.clock.advance(3_600)
        assert sum(span == hole for _, span in rig.venue.history.asked) == asked, "remembered over a restart"
        rig.venue.history.absent = []
        await rig.clock.advance(86_400)
        await until(lambda: set(rig.expected()) <= set(rig.store.opens(rig.stream)), what="the venue filled the hole late")
        assert ("maintenance", str(rig.stream)) not in rig.state.value_rows


async def test_history_begins_at_the_listing_and_ends_at_the_delisting() -> None:
    rig = Rig(hours=5)
    rig.venue.history.listed_ms = START_MS - 3 * HOUR
    rig.instruments[0] = msgspec.structs.replace(rig.instruments[0], status="delisted", delisted_ms=START_MS - HOUR)
    async with rig.running():
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.changes("found")[0].gap.span == Span(START_MS - 3 * HOUR, START_MS - HOUR)
        assert rig.state.value_rows["listing", str(rig.instruments[0].id)] == START_MS - 3 * HOUR


@pytest.mark.parametrize("error", ["unreachable", "limited"])
async def test_a_venue_that_is_away_pauses_its_lane_and_loses_nothing(error: str) -> None:
    rig = Rig(hours=5, config=msgspec.structs.replace(QUIET, window_bars=60, concurrency=2))
    retry_at = rig.clock.now_ns() + 20 * 1_000_000_000
    failure = VenueUnreachable("refused", cause="refused") if error == "unreachable" else RateLimited("429", retry_at_ns=retry_at)
    rig.venue.history.errors = [failure] * 2
    async with rig.running():
        await until(lambda: rig.backfill.stats()["binance:um.paused"] == 1)
        if error == "limited":
            await rig.clock.advance(19)
            assert len(rig.venue.history.asked) <= 2, "nothing is asked before the venue allows it, but what was under way"
        await rig.clock.advance(3)
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.changes("failed") == []
        assert rig.store.opens(rig.stream) == list(range(rig.start_ms, START_MS, MINUTE))[:-1]


async def test_a_refused_stream_fails_alone() -> None:
    rig = Rig(["BTC", "ETH"], config=msgspec.structs.replace(QUIET, concurrency=1))
    rig.venue.history.errors = [Refused("invalid symbol", code=-1121, status=400)]
    async with rig.running():
        await until(lambda: len(rig.changes("failed")) == 1 and len(rig.changes("healed")) == 1)
        assert "invalid symbol" in rig.changes("failed")[0].detail


async def test_a_store_that_is_away_is_waited_for() -> None:
    rig = Rig()
    rig.store.down = True
    async with rig.running():
        await rig.clock.advance(3)
        rig.store.down = False
        await rig.clock.advance(3)
        await until(lambda: len(rig.changes("healed")) == 1)


async def test_recent_live_bars_are_compared_with_rest() -> None:
    """MD7: a bar built from the stream that REST states otherwise becomes a revision."""
    rig = Rig(config=msgspec.structs.replace(QUIET, verify_every_s=600, verify_bars=30))
    await rig.fill()
    wrong = START_MS - 10 * MINUTE
    rig.venue.history.changes[wrong] = {"volume": Decimal("10.5")}
    async with rig.running():
        await rig.clock.advance(601)
        await until(lambda: len(rig.store.rows[rig.stream][wrong]) == 2)
        assert rig.store.current(rig.stream, wrong).volume == Decimal("10.5")
        assert all(len(versions) == 1 for at, versions in rig.store.rows[rig.stream].items() if at != wrong)
        assert {message.data.gap.reason for message in rig.tap.messages} <= {"scan", "history"}, "a check is no gap"
        earliest = min(span.start_ms for _, span in rig.venue.history.asked)
        assert earliest > START_MS - 25 * MINUTE


async def test_progress_grows_page_by_page_and_a_broken_off_window_counts_once() -> None:
    rig = Rig(hours=10, page=100, config=msgspec.structs.replace(QUIET, concurrency=1))
    rig.venue.history.break_after = 3
    async with rig.running():
        await until(lambda: rig.backfill.stats()["binance:um.paused"] == 1)
        assert rig.backfill.progress().stored == 0, "the window is fetched again: its rows are not counted twice"
        await rig.clock.advance(2)
        await until(lambda: len(rig.changes("healed")) == 1)
        assert rig.changes("healed")[0].rows == rig.changes("found")[0].gap.missing
        assert rig.backfill.progress().done


async def test_the_statistics_line() -> None:
    async with Rig(page=50).running() as rig:
        await until(lambda: len(rig.changes("healed")) == 1)
        rows = len(rig.expected())
        requests = -(-rows // 50)
        assert rig.backfill.metrics_line() == f"Metrics: req={requests} ok={requests} fail=0 rows={rows}"


async def test_a_stream_of_which_nothing_is_wanted_yet_is_looked_at_again() -> None:
    rig = Rig(hours=1)
    rig.instruments[0] = msgspec.structs.replace(rig.instruments[0], listed_ms=rig.clock.now_ms() - MINUTE)
    rig.venue.history.listed_ms = rig.clock.now_ms() - MINUTE
    async with rig.running():
        await until(lambda: rig.backfill.planned)
        for _ in range(8):
            await rig.clock.advance(60)
        await until(lambda: len(rig.store.opens(rig.stream)) >= 3, what="bars of a listing younger than the first scan")
