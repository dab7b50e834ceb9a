"""The market line in memory: venue -> collector -> bus -> recorder -> store, with backfill beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.fakes import FakeMarketStore, FakeStateStore, FakeVenue, Tap, make_kline, until
from tests.support.market import instrument

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.app.runner import Runner, RunnerConfig
from quantservice.core.events import FeedStatus, Source, StreamId
from quantservice.core.messages import Message, Overflow, Topic
from quantservice.core.periods import floor_open
from quantservice.core.spans import Span
from quantservice.ports import Service, TradingPair
from quantservice.services.backfill import BackfillConfig, BackfillService
from quantservice.services.collector import CollectorService, InstrumentDirectory
from quantservice.services.recorder import RecorderConfig, RecorderService

MINUTE = 60_000
MINUTES = 90


class Line:
    """The real services under the real runner, between a fake venue and a fake store, at the machine's time."""

    def __init__(self, spill: Path) -> None:
        self.clock, self.bus, self.store = SystemClock(), MemoryBus(), FakeMarketStore()
        self.venue = FakeVenue(self.clock, [instrument("BTC")])
        self.stream = StreamId.kline(instrument("BTC").id, "1m")
        # Not within the grace of a minute's first seconds: the last minutes are left to the live stream.
        self.end = floor_open("1m", self.clock.now_ms()) - 5 * MINUTE
        self.start = self.end - MINUTES * MINUTE
        pair = TradingPair(
            venue="binance", market="um", symbol="BTC-USDT-PERP", venue_symbol="BTCUSDT", history_start_ms=self.start
        )
        self.state = FakeStateStore([pair])
        self.tap = Tap(self.bus, list(Topic))
        self.spill = spill
        self.runner = self.make()

    def make(self) -> Runner:
        directory = InstrumentDirectory(self.venue.history.listed)
        services: list[Service] = [
            RecorderService(self.store, self.bus, self.clock, RecorderConfig(spill_dir=str(self.spill), flush_ms=5)),
            BackfillService(
                {self.venue.key: self.venue},
                state=self.state,
                store=self.store,
                bus=self.bus,
                clock=self.clock,
                instruments=directory.book,
                config=BackfillConfig(window_bars=20, concurrency=2, initial_backoff_s=0.02, max_backoff_s=0.05),
            ),
            CollectorService(
                {self.venue.key: self.venue},
                state=self.state,
                store=self.store,
                bus=self.bus,
                clock=self.clock,
                directory=directory,
            ),
        ]
        return Runner(services, bus=self.bus, clock=self.clock, config=RunnerConfig(initial_backoff_s=0.02))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Line]:
        async with self.tap.listening(), self.runner.running():
            await until(lambda: bool(self.venue.feed.wanted))
            yield self

    def complete(self) -> bool:
        wanted = set(range(self.start, self.end, MINUTE))
        return wanted <= set(self.store.opens(self.stream))

    def gap_states(self, span: Span) -> list[str]:
        return [m.data.state for m in self.tap.messages if m.topic == Topic.GAP and m.data.gap.span == span]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / "spill")


async def test_history_and_live_meet_in_the_store_and_every_row_says_where_it_came_from(line: Line) -> None:
    line.venue.history.absent = []
    async with line.running():
        await until(line.complete)
        live = [make_kline(line.stream, line.clock.now_ms() // MINUTE * MINUTE + index * MINUTE) for index in range(3)]
        for bar in live:
            line.venue.feed.push(make_kline(line.stream, bar.open_time, closed=False, count=3), bar, bar)
        await until(lambda: {bar.open_time for bar in live} <= set(line.store.opens(line.stream)))
        assert all(line.store.current(line.stream, bar.open_time).source is Source.WS for bar in live)
        assert all(line.store.current(line.stream, at).source is Source.REST for at in range(line.start, line.end, MINUTE))
        assert all(len(versions) == 1 for versions in line.store.rows[line.stream].values())
        history = [m for m in line.tap.messages if m.topic == Topic.MARKET_HISTORY]
        assert history
        assert all(event.source is Source.REST for m in history for event in m.data.events), "healed is never dressed as live"


async def test_a_skipped_bar_is_seen_healed_and_told_from_found_to_healed(line: Line) -> None:
    async with line.running():
        await until(line.complete)
        seen = [line.end - 4 * MINUTE, line.end - MINUTE]
        for at in range(line.end - 4 * MINUTE, line.end, MINUTE):
            line.store.rows[line.stream].pop(at, None)
        line.venue.feed.push(*[make_kline(line.stream, at) for at in seen])
        hole = Span(line.end - 3 * MINUTE, line.end - MINUTE)
        await until(lambda: line.gap_states(hole)[-1:] == ["healed"])
        assert line.gap_states(hole)[0] == "found"
        assert "healing" in line.gap_states(hole)
        assert line.complete()
        assert [line.store.current(line.stream, at).source for at in seen] == [Source.WS, Source.WS]


async def test_what_a_lost_connection_missed_comes_back(line: Line) -> None:
    async with line.running():
        await until(line.complete)
        last = line.end - 3 * MINUTE
        line.venue.feed.push(make_kline(line.stream, last))
        missed = [at for at in line.store.opens(line.stream) if at > last]
        for at in missed:
            del line.store.rows[line.stream][at]
        for state in ("down", "live"):
            line.venue.feed.push(
                FeedStatus(
                    venue="binance",
                    market="um",
                    connection="c",
                    state=state,
                    time_ns=line.clock.now_ns(),
                    streams=(line.stream,),
                )
            )
        await until(lambda: set(missed) <= set(line.store.opens(line.stream)))
        assert any(m.topic == Topic.GAP and m.data.gap.reason == "reconnect" for m in line.tap.messages)


async def test_ids_lead_from_the_frame_to_the_stored_row(line: Line) -> None:
    async with line.running():
        await until(line.complete)
        bar = make_kline(line.stream, line.clock.now_ms() // MINUTE * MINUTE)
        line.venue.feed.push(bar)

        def stored() -> list[Message]:
            return [m for m in line.tap.messages if m.event_type == "market.stored" and bar in m.data.new]

        await until(lambda: bool(stored()))
        frame = next(m for m in line.tap.messages if m.topic == Topic.MARKET_LIVE and bar in m.data.events)
        assert stored()[0].correlation_id == frame.event_id
        assert stored()[0].causation_id == frame.event_id


async def test_a_crash_of_each_service_costs_no_row(line: Line) -> None:
    """Recorder, backfill and collector each fall over once in mid-work; the runner brings them back; nothing is missing."""
    line.venue.history.errors = [RuntimeError("backfill hit a bug")]
    async with line.running():
        line.venue.feed.fail(RuntimeError("a frame broke the pump"))
        await until(line.complete, timeout_s=10)
        await until(lambda: len(line.venue.feed.wanted) >= 2)
        assert {row.name: row.restarts for row in line.runner.snapshot()}["backfill"] == 1
        assert all(len(versions) == 1 for versions in line.store.rows[line.stream].values())


async def test_the_store_away_and_back_costs_no_row(line: Line) -> None:
    async with line.running():
        await until(lambda: len(line.store.opens(line.stream)) > 0)
        line.store.down = True
        bars = [make_kline(line.stream, line.clock.now_ms() // MINUTE * MINUTE + index * MINUTE) for index in range(50)]
        for bar in bars:
            line.venue.feed.push(bar)
        await until(lambda: line.runner.states()[0]["stats"]["store_away"] == 1)
        line.store.down = False
        await until(lambda: {bar.open_time for bar in bars} <= set(line.store.opens(line.stream)), timeout_s=10)
        await until(line.complete, timeout_s=10)


async def test_a_slow_reader_holds_up_nobody_and_its_queue_is_bounded(line: Line) -> None:
    """BU6: one reader that never reads, under each policy that may lose; the recorder misses nothing."""
    async with (
        line.bus.subscribe([Topic.MARKET_LIVE], group="page", overflow=Overflow.CONFLATE, capacity=50),
        line.bus.subscribe([Topic.MARKET_LIVE], group="client", overflow=Overflow.DROP_OLDEST, capacity=50),
        line.running(),
    ):
        start = line.clock.now_ms() // MINUTE * MINUTE
        for index in range(300):
            at = start + index * MINUTE
            line.venue.feed.push(make_kline(line.stream, at, closed=False), make_kline(line.stream, at))
        await until(lambda: set(range(start, start + 300 * MINUTE, MINUTE)) <= set(line.store.opens(line.stream)))
        stats = {item.group: item for item in line.bus.stats()}
        assert stats["page"].depth <= 50
        assert stats["client"].depth <= 50
        assert stats["page"].conflated + stats["page"].dropped > 0
        assert stats["client"].dropped > 0
        assert stats["recorder"].dropped == stats["recorder"].conflated == 0


async def test_a_slow_store_holds_the_feed_back_instead_of_losing(tmp_path: Path) -> None:
    """BLOCK: while the store takes its time the collector waits; every bar arrives in the end, in order."""
    line = Line(tmp_path / "spill")
    gate = asyncio.Event()
    append = line.store.append

    async def slow_append(events: object) -> object:
        await gate.wait()
        return await append(events)  # type: ignore[arg-type]  # passed on as it came

    line.store.append = slow_append  # type: ignore[method-assign, assignment]  # the fake's method is made slow
    async with (
        line.bus.subscribe([Topic.MARKET_LIVE], group="slow", overflow=Overflow.BLOCK, capacity=10) as slow,
        line.running(),
    ):
        start = line.clock.now_ms() // MINUTE * MINUTE
        for index in range(100):
            line.venue.feed.push(make_kline(line.stream, start + index * MINUTE))
        await until(lambda: slow.stats.depth == 10)
        live = [m for m in line.tap.messages if m.topic == Topic.MARKET_LIVE]
        assert len(live) < 20, "the collector waits for its slowest BLOCK reader"
        gate.set()
        seen: list[int] = []
        async with asyncio.timeout(5):
            async for messages in slow:
                seen.extend(event.open_time for m in messages for event in m.data.events)
                if len(seen) == 100:
                    break
        assert seen == [start + index * MINUTE for index in range(100)]
        await until(lambda: set(seen) <= set(line.store.opens(line.stream)))
