"""The parts of backfill one by one: jobs and their windows, hints, what is wanted, and the figures it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeStateStore, FakeVenue
from tests.support.market import instrument, kline, kline_stream

from quantservice.core.errors import VenueUnreachable
from quantservice.core.events import Gap, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook
from quantservice.core.messages import Message, StoredBatch, Topic
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.ports import TradingPair
from quantservice.services.backfill import BackfillConfig, BackfillProgress
from quantservice.services.backfill.hint import StoredHints
from quantservice.services.backfill.model import NORMAL, URGENT, VERIFY, Job, bars_span
from quantservice.services.backfill.planner import Planner

MINUTE = 60_000
HOUR = 3_600_000
STREAM = kline_stream()


def job(bars: int = 10, *, start_ms: int = START_MS, period: str = "1m", **options: Any) -> Job:
    stream = kline_stream(period=period)
    span = Span(start_ms, start_ms + bars * MINUTE)
    return Job(Gap(stream=stream, span=span, missing=bars, found_ns=1), **options)


class TestConfig:
    def test_the_designs_figures(self) -> None:
        config = BackfillConfig()
        assert (config.scan_1m_s, config.scan_1h_s, config.grace_s) == (30, 300, 5)
        assert (config.concurrency, config.window_bars, config.history_days) == (8, 10_000, 30)
        assert (config.ask_again_s, config.reverify_s) == (60, 86_400)
        assert (config.verify_every_s, config.verify_bars, config.store_wait_s) == (3_600, 120, 30)
        assert (config.initial_backoff_s, config.max_backoff_s, config.statistics_every_s) == (1, 60, 60)
        assert (config.max_jobs, config.message_capacity) == (50_000, 10_000)

    @pytest.mark.parametrize(
        ("period", "seconds"),
        [("1s", 10), ("1m", 30), ("3m", 90), ("5m", 150), ("15m", 300), ("30m", 300), ("1h", 300), ("1d", 300), ("1w", 300)],
    )
    def test_a_period_is_scanned_about_as_often_as_it_has_bars(self, period: str, seconds: float) -> None:
        assert BackfillConfig().scan_interval_s(period) == seconds

    def test_set_intervals_bound_the_others(self) -> None:
        config = BackfillConfig(scan_1m_s=4, scan_1h_s=60)
        assert [config.scan_interval_s(period) for period in ("1s", "1m", "3m", "1h")] == [4, 4, 60, 60]
        assert BackfillConfig(scan_1m_s=120).scan_interval_s("3m") == 120


class TestProgress:
    def test_nothing_wanted_is_everything_done(self) -> None:
        progress = BackfillProgress(wanted=0, stored=0, gaps_open=0, windows_open=0, rows_per_s=0, eta_s=0)
        assert (progress.done, progress.percent) == (True, 100)

    def test_a_share_and_what_is_open(self) -> None:
        progress = BackfillProgress(wanted=8, stored=2, gaps_open=0, windows_open=0, rows_per_s=0, eta_s=0)
        assert (progress.done, progress.percent) == (False, 25)
        assert not msgspec.structs.replace(progress, stored=8, gaps_open=1).done
        assert msgspec.structs.replace(progress, stored=9).done


class TestJobs:
    def test_windows_are_cut_from_the_newest_end_at_borders(self) -> None:
        subject = job(10)
        assert [subject.take_window(4) for _ in range(3)] == [
            Span(START_MS + 6 * MINUTE, START_MS + 10 * MINUTE),
            Span(START_MS + 2 * MINUTE, START_MS + 6 * MINUTE),
            Span(START_MS, START_MS + 2 * MINUTE),
        ]
        assert (subject.has_windows, subject.busy, subject.finished) == (False, 3, False)
        with pytest.raises(LookupError):
            subject.take_window(4)
        assert subject.busy == 3
        subject.busy = 0
        assert subject.finished

    def test_a_window_that_just_fits_is_the_last(self) -> None:
        subject = job(4)
        assert subject.take_window(4) == subject.gap.span
        assert not subject.has_windows

    def test_a_window_of_hours_ends_at_an_hour(self) -> None:
        hourly = Job(Gap(stream=kline_stream(period="1h"), span=Span(START_MS, START_MS + 5 * HOUR), missing=5, found_ns=1))
        assert hourly.take_window(2) == Span(START_MS + 3 * HOUR, START_MS + 5 * HOUR)

    def test_a_broken_off_window_goes_first_and_its_rows_are_not_counted(self) -> None:
        subject = job(10)
        first, second = subject.take_window(4), subject.take_window(4)
        subject.stored_of(first, 4)
        subject.stored_of(second, 1)
        subject.stored_of(second, 2)
        assert subject.rows == 7
        subject.give_back(second)
        assert subject.rows == 4
        assert subject.rank[1] == -second.end_ms
        assert subject.take_window(4) == second
        subject.give_back(first)
        assert subject.rows == 0
        assert subject.rank[1] == -first.end_ms

    def test_order_of_service(self) -> None:
        old, new = job(5), job(10)
        urgent, check = job(5, priority=URGENT), job(20, priority=VERIFY)
        assert sorted([check, old, new, urgent], key=lambda item: item.rank) == [urgent, new, old, check]
        twin = job(10)
        assert new.rank < twin.rank, "of equals the one that came first"

    def test_only_a_check_nobody_asked_for_is_silent(self) -> None:
        cause = Message(topic=Topic.COMMAND, data=None)
        assert job(priority=VERIFY).silent
        assert not job(priority=VERIFY, cause=cause).silent
        assert not job(priority=NORMAL).silent
        assert job(cause=cause).causes == [cause]
        assert job().causes == []

    def test_a_failed_job_starts_nothing_more(self) -> None:
        subject = job()
        subject.failure = "refused"
        assert not subject.has_windows
        assert subject.finished

    def test_the_time_bars_cover(self) -> None:
        assert bars_span("1m", [0, MINUTE, 3 * MINUTE]) == [Span(0, 2 * MINUTE), Span(3 * MINUTE, 4 * MINUTE)]
        december, january = 1_733_011_200_000, 1_735_689_600_000
        assert bars_span("1mo", [december]) == [Span(december, january)]
        assert bars_span("1m", []) == []


class TestHints:
    async def test_new_and_revised_rows_wake_their_stream_and_no_other(self) -> None:
        hints = StoredHints()
        other = kline_stream("ETH")
        waits = [asyncio.ensure_future(hints.wait(stream, 10)) for stream in (STREAM, STREAM, other)]
        await asyncio.sleep(0)
        hints.stored(StoredBatch(new=[kline(0)]))
        await asyncio.wait_for(asyncio.gather(*waits[:2]), 5)
        assert not waits[2].done()
        hints.stored(StoredBatch(revised=[(kline(0, base="ETH"), 1)]))
        await asyncio.wait_for(waits[2], 5)

    async def test_a_wait_ends_by_itself_and_leaves_nothing_behind(self) -> None:
        hints = StoredHints()
        await asyncio.wait_for(hints.wait(STREAM, 0.001), 5)
        stays = asyncio.ensure_future(hints.wait(STREAM, 10))
        leaves = asyncio.ensure_future(hints.wait(STREAM, 0.001))
        await asyncio.wait_for(leaves, 5)
        hints.stored(StoredBatch(new=[kline(0)]))
        await asyncio.wait_for(stays, 5)
        await asyncio.wait_for(hints.wait(STREAM, 0.001), 5)
        assert not hints._waiting, "a stream nobody waits for is forgotten"
        hints.stored(StoredBatch(new=[kline(1)]))


class Wants:
    """A planner over one pair whose registry entry and instrument a test changes."""

    def __init__(self, *, periods: Sequence[str] = ("1m",), now_ms: int = START_MS, **pair: Any) -> None:
        self.clock = ManualClock(now_ms)
        self.instruments: list[Instrument] = [instrument()]
        self.venue = FakeVenue(self.clock, self.instruments)
        self.state = FakeStateStore(
            [
                TradingPair(
                    venue="binance", market="um", symbol="BTC-USDT-PERP", venue_symbol="BTCUSDT", periods=tuple(periods), **pair
                )
            ]
        )
        self.asked: list[StreamId] = []
        self.answers: list[int | Exception | None] = []
        self.venue.history.first_kline_ms = self._first  # type: ignore[method-assign] # the test's own answers
        self.planner = self.make()

    def make(self) -> Planner:
        return Planner(
            {self.venue.key: self.venue},
            state=self.state,
            clock=self.clock,
            config=BackfillConfig(history_days=2),
            instruments=lambda: InstrumentBook(self.instruments),
        )

    async def _first(self, stream: StreamId) -> int | None:
        self.asked.append(stream)
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    def become(self, **changes: Any) -> None:
        self.instruments[0] = msgspec.structs.replace(self.instruments[0], **changes)

    async def span(self, period: str = "1m") -> Span | None:
        return (await self.planner.wanted()).get(kline_stream(period=period))


class TestWanted:
    async def test_from_whole_days_back_to_the_bar_that_had_its_time_to_arrive(self) -> None:
        wants = Wants(now_ms=START_MS + 90 * MINUTE + 4_999)
        assert await wants.span() == Span(START_MS - 2 * DAY_MS, START_MS + 89 * MINUTE)
        await wants.clock.advance(0.001)
        assert await wants.span() == Span(START_MS - 2 * DAY_MS, START_MS + 90 * MINUTE)

    async def test_a_set_start_counts_from_its_next_border(self) -> None:
        wants = Wants(history_start_ms=START_MS - HOUR + 1)
        assert await wants.span() == Span(START_MS - 59 * MINUTE, START_MS - MINUTE)
        assert await Wants(history_start_ms=0).span() == Span(0, START_MS - MINUTE)
        assert await Wants(history_start_ms=START_MS).span() is None

    async def test_each_period_has_its_own_span_and_others_are_left_out_on_demand(self) -> None:
        wants = Wants(periods=("1m", "1h", "1mo"), history_start_ms=START_MS - DAY_MS)
        everything = await wants.planner.wanted()
        assert {stream.period: span for stream, span in everything.items()} == {
            "1m": Span(START_MS - DAY_MS, START_MS - MINUTE),
            "1h": Span(START_MS - DAY_MS, START_MS - HOUR),
        }, "a month that began before the start is not wanted"
        assert set(await wants.planner.wanted({"1h"})) == {kline_stream(period="1h")}
        assert await wants.planner.wanted({"5m"}) == {}
        assert [stream.period for stream in wants.asked] == ["1m"], "the listing is asked for once, by the finest bars"

    async def test_the_listing_is_asked_for_once_and_remembered(self) -> None:
        wants = Wants(history_start_ms=0)
        wants.answers = [START_MS - HOUR + 7]
        assert await wants.span() == Span(START_MS - HOUR, START_MS - MINUTE), "the bar the listing lies in is wanted"
        assert await wants.span()
        again = wants.make()
        await again.load()
        assert (await again.wanted())[kline_stream()].start_ms == START_MS - HOUR
        assert len(wants.asked) == 1

    async def test_a_venue_that_knows_no_first_bar_is_asked_again_after_ten_minutes(self) -> None:
        wants = Wants(history_start_ms=START_MS - DAY_MS)
        wants.answers = [None, START_MS - HOUR]
        wants.become(listed_ms=START_MS - 2 * HOUR)
        assert (await wants.span() or Span(0, 1)).start_ms == START_MS - 2 * HOUR, "meanwhile the venue's list counts"
        await wants.clock.advance(599)
        await wants.span()
        assert len(wants.asked) == 1
        await wants.clock.advance(1)
        assert (await wants.span() or Span(0, 1)).start_ms == START_MS - HOUR
        assert len(wants.asked) == 2

    async def test_a_venue_that_is_away_hinders_nothing_and_is_asked_at_the_next_scan(self) -> None:
        wants = Wants(history_start_ms=START_MS - DAY_MS)
        wants.answers = [VenueUnreachable("away", cause="refused"), START_MS - HOUR]
        assert (await wants.span() or Span(0, 1)).start_ms == START_MS - DAY_MS
        assert (await wants.span() or Span(0, 1)).start_ms == START_MS - HOUR

    @pytest.mark.parametrize("status", ["delisted", "delivering"])
    async def test_a_life_that_ended_ends_what_is_wanted(self, status: str) -> None:
        wants = Wants(history_start_ms=START_MS - DAY_MS)
        wants.become(status=status, valid_from_ms=START_MS - 3 * HOUR + 1)
        assert (await wants.span() or Span(0, 1)).end_ms == START_MS - 3 * HOUR + MINUTE
        wants.become(delisted_ms=START_MS - 5 * HOUR)
        assert (await wants.span() or Span(0, 1)).end_ms == START_MS - 5 * HOUR
        wants.become(delisted_ms=None, valid_from_ms=0)
        assert (await wants.span() or Span(0, 1)).end_ms == START_MS - MINUTE

    async def test_a_break_does_not_end_what_is_wanted_and_a_future_delisting_not_yet(self) -> None:
        wants = Wants(history_start_ms=START_MS - DAY_MS)
        wants.become(status="break", valid_from_ms=START_MS - 3 * HOUR)
        assert (await wants.span() or Span(0, 1)).end_ms == START_MS - MINUTE
        wants.become(delisted_ms=START_MS + DAY_MS)
        assert (await wants.span() or Span(0, 1)).end_ms == START_MS - MINUTE

    @pytest.mark.parametrize(
        ("reason", "pair"),
        [("disabled", {"enabled": False}), ("no_klines", {"kinds": ("trade",)}), ("unlisted", {}), ("other_venue", {})],
    )
    async def test_pairs_that_are_not_backfilled(self, reason: str, pair: dict[str, Any]) -> None:
        wants = Wants(**pair)
        if reason == "unlisted":
            wants.instruments.clear()
        if reason == "other_venue":
            wants.planner = Planner(
                {},
                state=wants.state,
                clock=wants.clock,
                config=BackfillConfig(),
                instruments=lambda: InstrumentBook(wants.instruments),
            )
        assert await wants.planner.wanted() == {}
