"""What backfill tells of itself and takes up from others: speed, time left, streams that came alive, jobs in their bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeMarketStore, FakeRecorder, FakeStateStore, FakeVenue, Tap, make_kline, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import RateLimited, Refused, VenueUnreachable
from quantservice.core.events import FeedStatus, Gap, Kind, Source, StreamId
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.messages import Command, GapChange, Message, Topic, heal_command
from quantservice.core.spans import Span
from quantservice.ports import TradingPair
from quantservice.services.backfill import BackfillConfig, BackfillService
from quantservice.services.backfill.service import usage_of

MINUTE = 60_000
HOUR = 3_600_000
QUIET = BackfillConfig(verify_every_s=0, concurrency=1)


class Rig:
    """Backfill of BTC over two hours, all stored but for ``without`` (minutes from the start)."""

    def __init__(self, *, without: Sequence[int] = (), config: BackfillConfig = QUIET, page: int = 1000, **pair: Any) -> None:
        self.clock = ManualClock()
        self.bus = MemoryBus()
        self.venue = FakeVenue(self.clock, [instrument()], page=page)
        self.store = FakeMarketStore()
        self.start_ms = START_MS - 2 * HOUR
        self.stream = StreamId.kline(instrument().id, "1m")
        self.without = without
        entry = TradingPair(
            venue="binance", market="um", symbol="BTC-USDT-PERP", venue_symbol="BTCUSDT", history_start_ms=self.start_ms
        )
        self.state = FakeStateStore([msgspec.structs.replace(entry, **pair)])
        self.tap = Tap(self.bus, [Topic.GAP])
        self.backfill = BackfillService(
            {self.venue.key: self.venue},
            state=self.state,
            store=self.store,
            bus=self.bus,
            clock=self.clock,
            instruments=lambda: InstrumentBook([instrument()]),
            config=config,
        )

    def minute(self, index: int, length: int = 1) -> Span:
        return Span(self.start_ms + index * MINUTE, self.start_ms + (index + length) * MINUTE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        opens = [self.start_ms + index * MINUTE for index in range(119) if index not in self.without]
        await self.store.append([make_kline(self.stream, at) for at in opens])
        recorder = FakeRecorder(self.store, self.bus)
        async with self.tap.listening():
            tasks = [asyncio.ensure_future(recorder.run()), asyncio.ensure_future(self.backfill.run())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def figure(self, name: str) -> Any:
        return self.backfill.stats()[name]

    async def scanned(self, times: int = 1) -> None:
        await until(lambda: bool(self.figure("scans") >= times))

    async def say(self, data: Any, topic: str = Topic.GAP) -> Message:
        message = Message(topic=topic, data=data, event_type="test")
        await self.bus.publish([message])
        return message

    def changes(self, state: str) -> list[GapChange]:
        return [message.data for message in self.tap.of(f"gap.{state}")]

    def status(self, state: str, *streams: StreamId) -> FeedStatus:
        return FeedStatus(venue="binance", market="um", connection="c", state=state, time_ns=1, streams=streams)

    def gap(self, index: int, length: int = 1, *, reason: str = "live") -> Gap:
        return Gap(stream=self.stream, span=self.minute(index, length), missing=length, found_ns=7, reason=reason)


class TestFigures:
    async def test_what_is_wanted_stored_and_left(self) -> None:
        rig = Rig(without=range(20))
        rig.venue.history.gate.clear()
        async with rig.running():
            await until(lambda: len(rig.venue.history.running) == 1)
            progress = rig.backfill.progress()
            assert (progress.wanted, progress.stored, progress.gaps_open, progress.windows_open) == (119, 99, 1, 1)
            assert (progress.rows_per_s, progress.eta_s, progress.done) == (0, None, False)
            assert rig.figure("percent") == pytest.approx(100 * 99 / 119, abs=0.005)
            rig.venue.history.gate.set()
            await until(lambda: bool(rig.changes("healed")))
            progress = rig.backfill.progress()
            assert (progress.wanted, progress.stored, progress.gaps_open, progress.windows_open) == (119, 119, 0, 0)
            assert (progress.eta_s, progress.done) == (0, True)
            assert (rig.figure("rows"), rig.figure("gaps_found"), rig.figure("scans")) == (20, 1, 1)
            names = ("windows", "rows", "healed", "closed", "failed", "jobs", "paused", "verified")
            assert [rig.figure(f"binance:um.{name}") for name in names] == [1, 20, 1, 0, 0, 0, 0, 0]

    async def test_rows_of_a_running_gap_count_as_stored_and_give_the_time_left(self) -> None:
        rig = Rig(without=range(100), config=msgspec.structs.replace(QUIET, window_bars=10))
        real = rig.venue.history.klines

        async def slowly(stream: StreamId, span: Span) -> AsyncIterator[Any]:
            await rig.clock.sleep(2)
            async for page in real(stream, span):
                yield page

        rig.venue.history.klines = slowly  # type: ignore[method-assign] # a venue that takes two seconds
        async with rig.running():
            await until(lambda: bool(rig.changes("found")))
            for windows in (1, 2, 3):
                await until(lambda: rig.clock.sleepers >= 3)
                await rig.clock.advance(2)
                await until(lambda done=windows: rig.figure("binance:um.windows") == done)  # type: ignore[misc]
                await until(lambda done=windows: len(rig.changes("healing")) == done + 1)  # type: ignore[misc]
            progress = rig.backfill.progress()
            assert (progress.wanted, progress.stored) == (119, 19 + 30)
            assert progress.rows_per_s == pytest.approx(5)
            assert progress.eta_s == pytest.approx(70 / 5)

    async def test_a_speed_of_long_ago_is_none(self) -> None:
        rig = Rig(without=[5, 50])
        async with rig.running():
            await until(lambda: len(rig.changes("healed")) == 2)
            await rig.clock.advance(20)
            assert rig.figure("rows_per_s") == 0.1
            await rig.clock.advance(10.5)
            await rig.scanned(2)
            assert rig.figure("eta_s") == 0

    async def test_a_gap_that_failed_is_still_wanted(self) -> None:
        rig = Rig(without=[5])
        rig.venue.history.errors = [Refused("no such symbol", code=-1121, status=400)]
        async with rig.running():
            await until(lambda: bool(rig.changes("failed")))
            progress = rig.backfill.progress()
            assert (progress.wanted - progress.stored, progress.done) == (1, False)
            assert (rig.figure("binance:um.failed"), rig.figure("binance:um.healed")) == (1, 0)
            await rig.clock.advance(31)
            await until(lambda: bool(rig.changes("healed")))

    def test_before_the_start_every_figure_is_nothing(self) -> None:
        figures = dict(Rig().backfill.stats())
        assert (figures.pop("percent"), figures.pop("eta_s")) == (100, 0)
        assert set(figures.values()) == {0}
        lane = {name.removeprefix("binance:um.") for name in figures if ":" in name}
        assert lane == {*("windows", "pages", "rows", "healed", "closed", "failed", "pauses", "verified"), "jobs", "paused"}

    async def test_a_scan_says_how_many_gaps_it_queued(self) -> None:
        rig = Rig(config=msgspec.structs.replace(QUIET, max_jobs=2))
        spans = {rig.stream: rig.minute(0, 10)}
        assert await rig.backfill.scan({}) == 0
        await rig.store.append([make_kline(rig.stream, rig.minute(index).start_ms) for index in (1, 3, 5)])
        assert await rig.backfill.scan(spans) == 2, "no more than the bound"
        assert await rig.backfill.scan(spans) == 0
        assert rig.figure("gaps_found") == 2
        assert (rig.figure("scans"), rig.figure("wanted"), rig.figure("stored")) == (2, 10, 3)

    def test_a_venue_s_requests_are_found_wherever_it_counts_them(self) -> None:
        venue = FakeVenue(ManualClock(), [instrument()])
        assert usage_of(venue)["requests"] == 0
        venue.usage = lambda: {"requests": 5, "rest": 3}  # type: ignore[method-assign] # a venue that counts flat
        assert usage_of(venue) == {"requests": 5, "rest": 3}

    def test_a_venue_without_counters_counts_nothing(self) -> None:
        rig = Rig()
        rig.venue.usage = dict  # type: ignore[method-assign] # a venue that counts nothing
        assert rig.backfill.metrics_line() == "Metrics: req=0 ok=0 fail=0 rows=0"

    async def test_bars_fetched_again_do_not_make_more_than_all(self) -> None:
        rig = Rig(config=msgspec.structs.replace(QUIET, window_bars=10))
        async with rig.running():
            await rig.scanned()
            await rig.bus.publish([heal_command(str(rig.stream), rig.minute(0, 30), command_id="c")])
            seen = []
            async with asyncio.timeout(5):
                while not rig.changes("healed"):
                    seen.append(rig.backfill.progress())
                    await asyncio.sleep(0)
            assert any(progress.gaps_open for progress in seen)
            assert {(progress.wanted, progress.stored, progress.eta_s) for progress in seen} == {(119, 119, 0)}


class TestTakenUp:
    async def test_a_stream_that_came_alive_is_scanned_at_once(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            del rig.store.rows[rig.stream][rig.minute(40).start_ms]
            await rig.say(rig.status("down", rig.stream), Topic.FEED_STATUS)
            trades = StreamId(rig.stream.instrument, Kind.TRADE)
            await rig.say(rig.status("live", trades), Topic.FEED_STATUS)
            await asyncio.sleep(0.02)
            assert (rig.figure("scans"), rig.tap.messages) == (1, [])
            await rig.say(rig.status("live", rig.stream), Topic.FEED_STATUS)
            await until(lambda: bool(rig.changes("healed")))
            assert rig.changes("healed")[0].gap.span == rig.minute(40)
            assert rig.changes("found")[0].gap.reason == "scan"

    async def test_changed_pairs_are_scanned_at_once_and_forgotten_ones_not_wanted(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            assert rig.figure("wanted") == 119
            rig.state.pair_rows.clear()
            await rig.say(Command(id="c", name="pairs.changed"), Topic.COMMAND)
            await until(lambda: rig.figure("wanted") == 0)
            await rig.say(Command(id="c", name="something.else"), Topic.COMMAND)
            await rig.clock.advance(31)
            assert rig.figure("scans") == 1, "nothing is wanted, nothing is scanned"

    async def test_a_command_without_a_range_scans_its_stream(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            del rig.store.rows[rig.stream][rig.minute(40).start_ms]
            await rig.say(Command(id="c", name="gap.heal", arguments={"stream": str(rig.stream)}), Topic.COMMAND)
            await until(lambda: bool(rig.changes("healed")))
            assert {span for _, span in rig.venue.history.asked} == {rig.minute(40)}

    async def test_a_command_covers_the_whole_bars_of_its_range(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            span = Span(rig.minute(10).start_ms - 1, rig.minute(12).start_ms - 1)
            await rig.bus.publish([heal_command(str(rig.stream), span, command_id="c")])
            await until(lambda: bool(rig.changes("healed")))
            assert rig.venue.history.asked[0][1] == rig.minute(10, 2)
            assert rig.changes("found")[0].gap.reason == "command"

    async def test_a_command_reaches_no_further_than_the_last_closed_bar(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            span = Span(rig.minute(118).start_ms, START_MS + HOUR)
            await rig.bus.publish([heal_command(str(rig.stream), span, command_id="c")])
            await until(lambda: bool(rig.changes("healed")))
            assert rig.venue.history.asked[0][1] == rig.minute(118)
            await rig.bus.publish([heal_command(str(rig.stream), Span(START_MS, START_MS + 1), command_id="d")])
            await until(lambda: bool(rig.changes("closed")))
            closed = rig.tap.of("gap.closed")[0]
            assert (closed.correlation_id, closed.data.gap.span, closed.data.gap.missing) == ("d", Span(START_MS, START_MS + 1), 0)
            assert "no bar of this range has closed yet" in closed.data.detail

    async def test_a_report_of_which_a_part_came_after_all_gives_way_to_what_is_left(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            del rig.store.rows[rig.stream][rig.minute(41).start_ms]
            report = await rig.say(GapChange(gap=rig.gap(40, 3), state="found"))
            await until(lambda: bool(rig.changes("healed")))
            assert [(change.gap.span, change.detail) for change in rig.changes("closed")] == [
                (rig.minute(40, 3), "replaced by the part that is still missing")
            ]
            healed = rig.tap.of("gap.healed")[0]
            assert (healed.data.gap.span, healed.correlation_id, healed.causation_id) == (
                rig.minute(41),
                report.event_id,
                report.event_id,
            )

    @pytest.mark.parametrize(("state", "reason"), [("healing", "live"), ("found", "scan"), ("healed", "reconnect")])
    async def test_its_own_reports_are_not_taken_up_again(self, state: str, reason: str) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            del rig.store.rows[rig.stream][rig.minute(41).start_ms]
            await rig.say(GapChange(gap=rig.gap(41, reason=reason), state=state))
            await asyncio.sleep(0.02)
            assert rig.venue.history.asked == []
            await rig.say(GapChange(gap=rig.gap(41, reason="reconnect"), state="found"))
            await until(lambda: len(rig.venue.history.asked) == 1)

    async def test_a_gap_of_another_venue_is_nobodys_business(self) -> None:
        rig = Rig()
        async with rig.running():
            await rig.scanned()
            elsewhere = StreamId.kline(InstrumentId("okx", "um", "BTC-USDT-PERP"), "1m")
            await rig.say(GapChange(gap=msgspec.structs.replace(rig.gap(1), stream=elsewhere), state="found"))
            await rig.bus.publish([heal_command(str(rig.stream), rig.minute(3), command_id="c")])
            await until(lambda: bool(rig.changes("healed")))
            assert len(rig.venue.history.asked) == 1

    async def test_more_gaps_than_the_bound_wait_for_the_next_scan(self) -> None:
        rig = Rig(without=[10, 20, 30], config=msgspec.structs.replace(QUIET, max_jobs=2))
        rig.venue.history.gate.clear()
        async with rig.running():
            await until(lambda: len(rig.venue.history.running) == 1)
            assert (len(rig.changes("found")), rig.figure("binance:um.jobs")) == (2, 2)
            rig.venue.history.gate.set()
            await until(lambda: len(rig.changes("healed")) == 2)
            await rig.clock.advance(31)
            await until(lambda: len(rig.changes("healed")) >= 3)
            assert set(range(rig.start_ms, START_MS - MINUTE, MINUTE)) <= set(rig.store.opens(rig.stream))


class TestPauses:
    async def test_each_failure_doubles_the_pause_up_to_the_bound_and_success_resets_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("quantservice.services.backfill.lane.random.uniform", lambda low, high: high)
        rig = Rig(without=[10], config=msgspec.structs.replace(QUIET, initial_backoff_s=1, max_backoff_s=3))
        rig.venue.history.errors = [VenueUnreachable("away", cause="refused")] * 4
        async with rig.running():
            for tries, pause_s in ((1, 1), (2, 2), (3, 3), (4, 3)):
                await until(lambda tries=tries: rig.figure("binance:um.pauses") == tries)  # type: ignore[misc]
                await rig.clock.advance(pause_s - 0.01)
                assert len(rig.venue.history.asked) == tries
                await rig.clock.advance(0.01)
            await until(lambda: bool(rig.changes("healed")))
            assert len(rig.venue.history.asked) == 5
            rig.venue.history.errors = [VenueUnreachable("away", cause="refused")]
            await rig.bus.publish([heal_command(str(rig.stream), rig.minute(50), command_id="c")])
            await until(lambda: rig.figure("binance:um.pauses") == 5)
            assert rig.figure("binance:um.paused") == 1
            await rig.clock.advance(1)
            await until(lambda: len(rig.changes("healed")) == 2)
            assert rig.figure("binance:um.paused") == 0

    async def test_a_venue_that_is_away_is_logged_once_and_its_return_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("quantservice.services.backfill.lane.random.uniform", lambda low, high: high)
        rig = Rig(without=[10, 20])
        rig.venue.history.errors = [VenueUnreachable("away", cause="refused")] * 3
        with capture_logs() as logs:
            async with rig.running():
                for tries, pause_s in ((1, 1), (2, 2), (3, 4)):
                    await until(lambda tries=tries: rig.figure("binance:um.pauses") == tries)  # type: ignore[misc]
                    await rig.clock.advance(pause_s)
                await until(lambda: len(rig.changes("healed")) == 2)
        assert [entry["event"] for entry in logs if "lane" in entry["event"]] == ["backfill.lane_paused", "backfill.lane_back"]

    async def test_a_store_that_is_away_is_logged_once_and_its_return_once(self) -> None:
        rig = Rig()
        with capture_logs() as logs:
            async with rig.running():
                await rig.scanned()
                rig.store.down = True
                await rig.clock.advance(31)
                await rig.clock.advance(5)
                rig.store.down = False
                del rig.store.rows[rig.stream][rig.minute(40).start_ms]
                await rig.clock.advance(1)
                await until(lambda: bool(rig.changes("healed")))
        assert [entry["event"] for entry in logs if "store" in entry["event"]] == ["backfill.store_lost", "backfill.store_back"]

    async def test_a_limit_is_waited_out_to_the_instant_the_venue_named(self) -> None:
        rig = Rig(without=[10])
        rig.venue.history.errors = [RateLimited("429", retry_at_ns=rig.clock.now_ns() + 7_000_000_000)]
        async with rig.running():
            await until(lambda: rig.figure("binance:um.paused") == 1)
            await rig.clock.advance(6.99)
            assert len(rig.venue.history.asked) == 1
            await rig.clock.advance(0.02)
            await until(lambda: bool(rig.changes("healed")))

    async def test_a_limit_in_the_past_still_pauses_a_little(self) -> None:
        rig = Rig(without=[10])
        rig.venue.history.errors = [RateLimited("429", retry_at_ns=1)]
        async with rig.running():
            await until(lambda: rig.figure("binance:um.pauses") == 1)
            assert rig.figure("binance:um.paused") == 1
            await rig.clock.advance(0.1)
            await until(lambda: bool(rig.changes("healed")))


class TestChecks:
    async def test_only_recent_bars_built_from_the_stream_are_compared(self) -> None:
        rig = Rig(config=msgspec.structs.replace(QUIET, verify_bars=30))
        async with rig.running():
            await rig.scanned()
            from_rest = [make_kline(rig.stream, rig.minute(index).start_ms, source=Source.REST) for index in range(89, 95)]
            for kline in from_rest:
                rig.store.rows[rig.stream][kline.open_time] = [kline]
            assert await rig.backfill.verify_recent() == 1
            await until(lambda: rig.figure("binance:um.verified") > 0)
            assert rig.venue.history.asked[0][1] == rig.minute(95, 24), "from the first bar of the stream to the last closed one"
            assert (rig.tap.messages, rig.figure("gaps_found"), rig.figure("gaps_open")) == ([], 0, 0)
            assert rig.figure("binance:um.verified") == 24

    async def test_where_every_bar_is_of_rest_there_is_nothing_to_compare(self) -> None:
        rig = Rig(config=msgspec.structs.replace(QUIET, verify_bars=30))
        async with rig.running():
            await rig.scanned()
            for index in range(119):
                at = rig.minute(index).start_ms
                rig.store.rows[rig.stream][at] = [make_kline(rig.stream, at, source=Source.REST)]
            assert await rig.backfill.verify_recent() == 0
            assert rig.venue.history.asked == []
