"""The recorder over a store that can be taken away. No clock is waited for: conditions are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.market import batch, instrument, kline

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.events import BookDelta, Kind, Kline, MarketEvent, OpenInterest, StreamId
from quantservice.core.messages import Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.ports import AppendResult, MarketStore
from quantservice.services.recorder import RecorderConfig, RecorderService
from quantservice.services.recorder.spool import Spool

WAIT_S = 10.0


class FakeStore:
    """A dict by natural key that can be away, hang, or apply and then fail."""

    def __init__(self) -> None:
        self.rows: dict[tuple[StreamId, int], MarketEvent] = {}
        self.appends: list[int] = []
        self.error: Exception | None = None
        self.apply_then_fail = 0
        self.gate: asyncio.Event | None = None
        self.tries = 0

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        self.tries += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        new = []
        for event in events:
            key = (event.stream, event.open_time if isinstance(event, Kline) else id(event))
            if key not in self.rows:
                self.rows[key] = event
                new.append(event)
        self.appends.append(len(events))
        if self.apply_then_fail:
            self.apply_then_fail -= 1
            raise StoreUnavailable("timed out")
        klines = [event for event in new if isinstance(event, Kline)]
        return AppendResult(new=klines, rows=len(new), unchanged=len(events) - len(new))

    @property
    def opens(self) -> list[int]:
        return [event.open_time for event in self.rows.values() if isinstance(event, Kline)]


class Bench:
    def __init__(self, folder: Path, **config: Any) -> None:
        self.bus = MemoryBus()
        self.store = FakeStore()
        self.folder = folder
        settings = {"batch_rows": 100, "flood_rows": 0, "flush_ms": 20, "retry_s": 0.02, "spill_dir": str(folder), **config}
        self.recorder = RecorderService(cast(MarketStore, self.store), self.bus, SystemClock(), RecorderConfig(**settings))
        self.stored: list[Message] = []
        self.system: list[SystemEvent] = []

    async def publish(self, *events: Kline, topic: str = Topic.MARKET_LIVE) -> None:
        await self.bus.publish([batch(*events, topic=topic)])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110 - the conditions are figures of others, nobody sets an event
                await asyncio.sleep(0.002)

    async def listen(self) -> None:
        topics = [Topic.MARKET_STORED, Topic.SYSTEM]
        async with self.bus.subscribe(topics, group="test", overflow=Overflow.DROP_OLDEST, capacity=10_000) as inbox:
            async for messages in inbox:
                self.stored.extend(message for message in messages if message.topic == Topic.MARKET_STORED)
                self.system.extend(message.data for message in messages if message.topic == Topic.SYSTEM)


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    tasks = [asyncio.create_task(bench.listen()), asyncio.create_task(bench.recorder.run())]
    await bench.until(lambda: len(bench.bus.stats()) == 2)
    try:
        yield bench
    finally:
        tasks[1].cancel()
        await asyncio.wait({tasks[1]}, timeout=WAIT_S)
        tasks[0].cancel()
        await asyncio.wait(tasks, timeout=WAIT_S)


async def test_closed_klines_of_both_topics_are_stored_and_announced(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        cause = batch(kline(0), kline(1, closed=False))
        await bench.bus.publish([cause])
        await bench.publish(kline(2), topic=Topic.MARKET_HISTORY)
        await bench.until(lambda: len(bench.store.rows) == 2 and bool(bench.stored))
        await bench.until(lambda: sum(len(message.data.new) for message in bench.stored) == 2)
        assert bench.store.opens == [kline(0).open_time, kline(2).open_time]
        assert all(isinstance(message.data, StoredBatch) and message.event_type == "market.stored" for message in bench.stored)
        assert bench.recorder.stats()["rows"] == 2


async def test_what_is_announced_names_its_cause(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        cause = batch(kline(0))
        await bench.bus.publish([cause])
        await bench.until(lambda: bool(bench.stored))
        assert bench.stored[0].causation_id == cause.event_id
        assert bench.stored[0].correlation_id == cause.event_id


async def test_rows_are_batched_by_size(tmp_path: Path) -> None:
    async with running(Bench(tmp_path, batch_rows=50, flush_ms=60_000)) as bench:
        await bench.publish(*(kline(index) for index in range(30)))
        await bench.until(lambda: bench.recorder.stats()["waiting_rows"] == 30)
        assert bench.store.appends == []
        await bench.publish(*(kline(index) for index in range(30, 60)))
        await bench.until(lambda: bench.store.appends == [60])


async def test_kinds_that_are_not_wanted_and_book_changes_are_left_out(tmp_path: Path) -> None:
    streams = {kind: StreamId(instrument().id, kind) for kind in Kind}
    interest = OpenInterest(stream=streams[Kind.OPEN_INTEREST], time=1, open_interest=kline(0).close)
    delta = BookDelta(stream=streams[Kind.BOOK], first_id=1, last_id=2, bids=(), asks=())
    async with running(Bench(tmp_path, kinds=("kline", "book"))) as bench:
        await bench.bus.publish([batch(cast(Kline, interest), cast(Kline, delta), kline(0))])
        await bench.until(lambda: len(bench.store.rows) == 1)
        assert bench.store.opens == [kline(0).open_time]


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), EnvironmentFault("disk full")])
async def test_while_the_store_is_away_rows_wait_on_disk_and_follow_in_order(tmp_path: Path, error: Exception) -> None:
    async with running(Bench(tmp_path, batch_rows=1)) as bench:
        bench.store.error = error
        for index in range(20):
            await bench.publish(kline(index))
        await bench.until(lambda: bench.recorder.stats()["spilled_rows"] == 20)
        assert bench.recorder.stats()["store_away"] == 1
        assert bench.recorder.stats()["spill_bytes"] > 0
        bench.store.error = None
        await bench.until(lambda: bench.recorder.stats()["spill_bytes"] == 0 and len(bench.store.rows) == 20)
        assert bench.store.opens == [kline(index).open_time for index in range(20)]
        await bench.publish(kline(20))
        await bench.until(lambda: len(bench.store.rows) == 21)
        assert [event.name for event in bench.system] == ["recorder.store_lost", "recorder.store_returned"]
        assert bench.recorder.stats()["losses"] == 1
        await bench.until(lambda: sum(len(message.data.new) for message in bench.stored) == 21)


async def test_an_append_that_was_applied_and_then_failed_leaves_each_row_once(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        bench.store.apply_then_fail = 1
        await bench.publish(*(kline(index) for index in range(10)))
        await bench.until(lambda: bench.recorder.stats()["unchanged"] == 10 and bench.recorder.stats()["spill_bytes"] == 0)
        assert len(bench.store.rows) == 10


async def test_a_store_that_hangs_is_away_too(tmp_path: Path) -> None:
    async with running(Bench(tmp_path, append_timeout_s=0.02)) as bench:
        bench.store.gate = asyncio.Event()
        await bench.publish(kline(0))
        await bench.until(lambda: bench.recorder.stats()["spilled_rows"] == 1)
        bench.store.gate.set()
        await bench.until(lambda: len(bench.store.rows) == 1 and bench.recorder.stats()["spill_bytes"] == 0)


async def test_at_the_bound_the_bus_is_held_back_and_one_alarm_is_raised(tmp_path: Path) -> None:
    bench = Bench(tmp_path, batch_rows=1, spill_limit_bytes=3_000, queue_events=2)
    async with running(bench):
        bench.store.error = StoreUnavailable("gone")
        publishing = asyncio.create_task(_publish_many(bench, 60))
        await bench.until(lambda: any(event.name == "recorder.spill_full" for event in bench.system))
        tries = bench.store.tries
        await bench.until(lambda: bench.store.tries >= tries + 3)
        assert not publishing.done()
        assert bench.recorder.stats()["spill_bytes"] <= 3_000
        bench.store.error = None
        await asyncio.wait_for(publishing, WAIT_S)
        await bench.until(lambda: len(bench.store.rows) == 60)
        assert bench.store.opens == [kline(index).open_time for index in range(60)]
        full = [event for event in bench.system if event.name == "recorder.spill_full"]
        assert [event.level for event in full] == ["critical"]


async def _publish_many(bench: Bench, count: int) -> None:
    for index in range(count):
        await bench.publish(kline(index))


async def test_a_full_disk_below_the_spill_holds_the_bus_back_until_it_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    async with running(Bench(tmp_path, batch_rows=1)) as bench:
        with monkeypatch.context() as patch:
            patch.setattr("quantservice.services.recorder.spool.os.write", full)
            bench.store.error = StoreUnavailable("the disk is full")
            await bench.publish(kline(0), kline(1))
            await bench.until(lambda: any(event.name == "recorder.spill_full" for event in bench.system))
        bench.store.error = None
        await bench.until(lambda: len(bench.store.rows) == 2 and bench.recorder.stats()["store_away"] == 0)


async def test_what_an_earlier_run_left_on_disk_is_stored_at_the_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=1_000_000)
    spool.open()
    spool.write([kline(0), kline(1)])
    spool.close()
    async with running(Bench(tmp_path)) as bench:
        await bench.publish(kline(2))
        await bench.until(lambda: len(bench.store.rows) == 3)
        assert bench.store.opens == [kline(index).open_time for index in range(3)]


async def test_on_the_way_out_what_is_held_becomes_durable(tmp_path: Path) -> None:
    bench = Bench(tmp_path, flush_ms=60_000, batch_rows=10_000)
    async with running(bench):
        await bench.publish(*(kline(index) for index in range(7)))
        await bench.until(lambda: bench.recorder.stats()["waiting_rows"] == 7)
        await bench.publish(kline(7))
    assert len(bench.store.rows) == 8


async def test_on_the_way_out_with_the_store_away_rows_go_to_disk(tmp_path: Path) -> None:
    bench = Bench(tmp_path, flush_ms=60_000)
    bench.store.error = StoreUnavailable("gone")
    async with running(bench):
        await bench.publish(*(kline(index) for index in range(7)))
        await bench.until(lambda: bench.recorder.stats()["waiting_rows"] == 7)
    spool = Spool(tmp_path, limit_bytes=1_000_000)
    spool.open()
    assert spool.read(most_events=100)[0] == [kline(index) for index in range(7)]


async def test_an_end_of_the_bus_ends_the_recorder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, flush_ms=60_000)
    run = asyncio.create_task(bench.recorder.run())
    await bench.until(lambda: len(bench.bus.stats()) == 1)
    await bench.publish(kline(0))
    await bench.bus.close()
    await asyncio.wait_for(run, WAIT_S)
    assert len(bench.store.rows) == 1


async def test_it_runs_a_second_time_on_the_same_object(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.error = StoreUnavailable("gone")
    async with running(bench):
        await bench.publish(kline(0))
        await bench.until(lambda: bench.recorder.stats()["spilled_rows"] == 1)
    bench.store.error = None
    async with running(bench):
        await bench.publish(kline(1))
        await bench.until(lambda: len(bench.store.rows) == 2)
    assert bench.store.opens == [kline(0).open_time, kline(1).open_time]


async def test_a_crash_of_the_store_loses_no_row_that_was_taken(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.error = ValueError("a bug")
    listening = asyncio.create_task(bench.recorder.run())
    await bench.until(lambda: len(bench.bus.stats()) == 1)
    await bench.publish(kline(0))
    with pytest.raises(ValueError, match="a bug"):
        await asyncio.wait_for(listening, WAIT_S)
    bench.store.error = None
    async with running(bench):
        await bench.until(lambda: len(bench.store.rows) == 1)
