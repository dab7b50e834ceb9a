"""What the recorder says of itself: counters, speed, lag, and what it announces when rows are restated or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from tests.support.clock import ManualClock
from tests.support.fakes import Tap, until
from tests.support.market import batch, kline, kline_stream

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.events import BookDelta, BookSnapshot, Kind, MarketEvent, Quote, StreamId, Trade
from quantservice.core.messages import Command, MarketBatch, Message, StoredBatch, Topic
from quantservice.ports import AppendResult, MarketStore
from quantservice.services.recorder import RecorderConfig, RecorderService, Spool


class Scripted:
    """A store that answers every append as it was told, else with everything as new."""

    def __init__(self) -> None:
        self.answers: list[AppendResult | Exception] = []
        self.appends: list[list[MarketEvent]] = []

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        self.appends.append(list(events))
        answer = self.answers.pop(0) if self.answers else AppendResult(rows=len(events))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    """A recorder on a clock that a test moves; rows are written when ``batch_rows`` are there."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.bus = MemoryBus()
        self.store = Scripted()
        self.clock = ManualClock()
        self.tap = Tap(self.bus, [Topic.MARKET_STORED, Topic.SYSTEM])
        settings = {"batch_rows": 2, "flood_rows": 0, "flush_ms": 60_000, "retry_s": 0.02, "spill_dir": str(folder), **config}
        self.recorder = RecorderService(cast(MarketStore, self.store), self.bus, self.clock, RecorderConfig(**settings))

    async def record(self, *events: MarketEvent) -> None:
        """Publish one batch and wait until the recorder has dealt with it."""
        before = self.figure("batches")
        await self.bus.publish([Message(topic=Topic.MARKET_LIVE, data=MarketBatch(events), event_type="market.batch")])
        await until(lambda: self.figure("batches") == before + 1)

    def figure(self, name: str) -> Any:
        return self.recorder.stats()[name]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    async with bench.tap.listening():
        task = asyncio.ensure_future(bench.recorder.run())
        await until(lambda: len(bench.bus.stats()) == 2)
        try:
            yield bench
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_the_designs_figures() -> None:
    config = RecorderConfig(spill_dir="x")
    assert (config.batch_rows, config.flush_ms, config.queue_events) == (5_000, 250, 20_000)
    assert (config.spill_limit_bytes, config.drain_rows) == (1_024_000_000, 20_000)
    assert (config.retry_s, config.append_timeout_s) == (1, 20)
    assert set(config.kinds) == set(Kind)


def test_before_the_start_every_figure_is_nothing(tmp_path: Path) -> None:
    assert set(Bench(tmp_path).recorder.stats().values()) == {0}


async def test_new_restated_unchanged_and_refused_rows_are_counted_apart(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        first, second, third = kline(0), kline(1), kline(2)
        answer = AppendResult(
            new=[first], revised=[(second, 3)], rows=5, unchanged=4, refused=[(third, "too long"), (third, "odd")]
        )
        bench.store.answers = [answer, answer]
        await bench.record(first, second)
        await bench.record(first, second)
        names = ("rows", "revised", "unchanged", "refused", "batches")
        assert [bench.figure(name) for name in names] == [10, 2, 8, 4, 2]
        await until(lambda: len(bench.tap.messages) == 2)
        assert bench.tap.messages[0].data == StoredBatch(new=[first], revised=[(second, 3)], other_rows=3)
        assert bench.tap.messages[0].topic == Topic.MARKET_STORED


async def test_rows_that_were_known_already_are_not_announced(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        bench.store.answers = [AppendResult(unchanged=2)]
        await bench.record(kline(0), kline(1))
        await bench.record(kline(2), kline(3))
        await until(lambda: bool(bench.tap.messages))
        assert [message.data.other_rows for message in bench.tap.messages] == [2]


async def test_the_speed_is_rows_per_second_since_it_was_last_taken(tmp_path: Path) -> None:
    async with running(Bench(tmp_path)) as bench:
        await bench.clock.advance(0.5)
        await bench.record(kline(0), kline(1))
        assert bench.figure("rows_per_s") == 0, "less than a second says little"
        await bench.clock.advance(0.5)
        await bench.record(kline(2), kline(3))
        assert bench.figure("rows_per_s") == 4
        await bench.clock.advance(4)
        await bench.record(kline(4), kline(5))
        assert bench.figure("rows_per_s") == 0.5
        await bench.clock.advance(5)
        assert bench.figure("rows_per_s") == 0.5
        await bench.clock.advance(0.001)
        assert bench.figure("rows_per_s") == 0, "a figure of long ago is none"


async def test_in_a_flood_more_than_a_batch_is_written_together(tmp_path: Path) -> None:
    async with running(Bench(tmp_path, flood_rows=4, flush_ms=1_000)) as bench:
        await bench.record(kline(0), kline(1))
        await bench.bus.publish([batch(kline(2), kline(3))])
        await until(lambda: bench.figure("waiting_rows") == 2)
        assert bench.figure("batches") == 1, "the last write was a moment ago: a batch alone waits for more"
        await bench.record(kline(4), kline(5))
        assert bench.figure("rows") == 6
        await bench.clock.advance(1.0)
        await bench.record(kline(6), kline(7))
        assert bench.figure("batches") == 3, "once a flush has passed, a batch is enough again"


async def test_the_lag_is_the_wait_of_the_first_row(tmp_path: Path) -> None:
    async with running(Bench(tmp_path, batch_rows=3)) as bench:
        await bench.bus.publish([batch(kline(0))])
        await until(lambda: bench.figure("waiting_rows") == 1)
        await bench.clock.advance(1.5)
        await bench.bus.publish([batch(kline(1))])
        await until(lambda: bench.figure("waiting_rows") == 2)
        await bench.clock.advance(0.25)
        await bench.record(kline(2))
        assert bench.figure("lag_ms") == 1_750
        assert bench.figure("waiting_rows") == 0
        await bench.record(kline(3), kline(4), kline(5))
        assert bench.figure("lag_ms") == 0


async def test_rows_are_written_when_the_first_has_waited_long_enough(tmp_path: Path) -> None:
    async with running(Bench(tmp_path, batch_rows=100, flush_ms=1_000)) as bench:
        await bench.bus.publish([batch(kline(0))])
        await until(lambda: bench.figure("waiting_rows") == 1)
        await bench.clock.advance(0.999)
        await asyncio.sleep(0.05)
        assert bench.store.appends == []
        await bench.clock.advance(0.001)
        await until(lambda: bench.store.appends == [[kline(0)]])


async def test_every_kind_but_book_changes_and_open_bars_is_stored(tmp_path: Path) -> None:
    instrument = kline_stream().instrument
    price = kline(0).close
    trade = Trade(stream=StreamId(instrument, Kind.TRADE), trade_id=1, price=price, quantity=price, time=1, buyer_is_maker=True)
    book = BookSnapshot(stream=StreamId(instrument, Kind.BOOK), update_id=1, bids=(), asks=())
    change = BookDelta(stream=StreamId(instrument, Kind.BOOK), first_id=1, last_id=2, bids=(), asks=())
    quote = Quote(
        stream=StreamId(instrument, Kind.QUOTE),
        update_id=1,
        bid_price=price,
        bid_quantity=price,
        ask_price=price,
        ask_quantity=price,
    )
    async with running(Bench(tmp_path, batch_rows=4)) as bench:
        await bench.bus.publish([Message(topic=Topic.MARKET_LIVE, data=Command(id="c", name="not.market"))])
        await bench.record(kline(0, closed=False), change, trade, book, quote, kline(1))
        assert bench.store.appends == [[trade, book, quote, kline(1)]]


async def test_without_klines_among_the_kinds_none_is_stored(tmp_path: Path) -> None:
    instrument = kline_stream().instrument
    book = BookSnapshot(stream=StreamId(instrument, Kind.BOOK), update_id=1, bids=(), asks=())
    async with running(Bench(tmp_path, batch_rows=1, kinds=("book",))) as bench:
        await bench.record(kline(0), book, kline(1))
        assert bench.store.appends == [[book]]


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), EnvironmentFault("disk full")])
async def test_a_loss_and_a_return_are_told_with_what_waits(tmp_path: Path, error: Exception) -> None:
    async with running(Bench(tmp_path)) as bench:
        bench.store.answers = [error, error]
        await bench.record(kline(0), kline(1))
        assert (bench.figure("store_away"), bench.figure("losses"), bench.figure("spilled_rows")) == (1, 1, 2)
        await bench.record(kline(2), kline(3))
        assert len(bench.store.appends) == 1, "the store is left alone until it is time to try again"
        await bench.clock.advance(0.02)
        await until(lambda: len(bench.store.appends) == 2)
        assert bench.figure("losses") == 1
        await asyncio.sleep(0.05)
        assert len(bench.store.appends) == 2
        await bench.clock.advance(0.02)
        await until(lambda: bench.figure("spill_bytes") == 0)
        assert (bench.figure("drained_rows"), bench.figure("store_away"), bench.figure("rows")) == (4, 0, 4)
        assert bench.store.appends[2:] == [[kline(0), kline(1), kline(2), kline(3)]]
        system = [message for message in bench.tap.messages if message.topic == Topic.SYSTEM]
        assert [(message.data.name, message.data.level) for message in system] == [
            ("recorder.store_lost", "warning"),
            ("recorder.store_returned", "info"),
        ]
        assert [message.event_type for message in system] == ["system.recorder.store_lost", "system.recorder.store_returned"]
        assert str(error) in system[0].data.detail
        assert system[1].data.data["spill_bytes"] > 0
        assert {message.key for message in system} == {"recorder"}


async def test_the_spool_is_drained_in_parts_of_the_set_size(tmp_path: Path) -> None:
    bench = Bench(tmp_path, batch_rows=2, drain_rows=3)
    spool = Spool(tmp_path, limit_bytes=1_000_000)
    spool.open()
    for index in range(4):
        spool.write([kline(index)])
    spool.close()
    async with running(bench):
        await until(lambda: bench.figure("spill_bytes") == 0)
        assert bench.store.appends == [[kline(0), kline(1), kline(2)], [kline(3)]]
        assert bench.figure("drained_rows") == 4


def tear(folder: Path) -> None:
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes() + b"torn")


async def test_a_torn_spool_is_told_and_the_rest_stored(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=1_000_000)
    spool.open()
    spool.write([kline(0)])
    spool.close()
    tear(tmp_path)
    async with running(Bench(tmp_path)) as bench:
        await until(lambda: bench.store.appends == [[kline(0)]])
        assert bench.figure("spill_torn_bytes") == 4


async def test_a_loss_is_logged_once_and_so_is_the_return(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running(Bench(tmp_path)) as bench:
            bench.store.answers = [StoreUnavailable("gone")] * 3
            await bench.record(kline(0), kline(1))
            for tries in (2, 3, 4):
                await bench.clock.advance(0.02)
                await until(lambda tries=tries: len(bench.store.appends) == tries)  # type: ignore[misc]
            await until(lambda: bench.figure("spill_bytes") == 0)
            await bench.record(kline(2), kline(3))
    assert [entry["event"] for entry in logs] == ["recorder.store_lost", "recorder.store_returned"]
    assert logs[1]["spill_bytes"] > 0


async def test_what_waits_from_an_earlier_run_is_logged_and_nothing_else(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running(Bench(tmp_path)) as bench:
            await bench.record(kline(0), kline(1))
    assert logs == []
    spool = Spool(tmp_path, limit_bytes=1_000_000)
    spool.open()
    spool.write([kline(0)])
    spool.close()
    with capture_logs() as logs:
        async with running(Bench(tmp_path)) as bench:
            await until(lambda: bench.figure("spill_bytes") == 0)
    assert [entry["event"] for entry in logs] == ["recorder.spool_found"]
