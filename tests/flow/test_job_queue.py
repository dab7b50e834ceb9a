"""The queue with real worker processes: progress, cancelling, faults, kills, restarts."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from tests.support import jobs as support
from tests.support.fakes import until
from tests.support.jobs import Queue
from tests.support.state import sqlite_store

from quantservice.core.errors import EnvironmentFault, UnknownName, UserError
from quantservice.core.messages import JobChange, Overflow, Topic
from quantservice.ports import Job, StateStore, UnitOfWork

WAIT_S = 60.0


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    async with sqlite_store(tmp_path) as store:
        yield Queue(store, tmp_path)


@asynccontextmanager
async def running(queue: Queue) -> AsyncIterator[list[JobChange]]:
    """Run the queue's service around a block; yields what it says of its jobs."""
    said: list[JobChange] = []
    async with queue.bus.subscribe((Topic.JOB,), group="test", overflow=Overflow.BLOCK, capacity=10_000) as changes:

        async def listen() -> None:
            async for batch in changes:
                said.extend(message.data for message in batch)

        tasks = [asyncio.create_task(listen()), asyncio.create_task(queue.service.run())]
        try:
            yield said
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def ended(queue: Queue, job_id: str, *, timeout_s: float = WAIT_S) -> Job:
    async with asyncio.timeout(timeout_s):
        while (job := await queue.jobs.get(job_id)).state in ("queued", "running"):  # noqa: ASYNC110 - the store is asked
            await asyncio.sleep(0.01)
    return job


async def kept(queue: Queue, job_id: str, count: int) -> None:
    """Wait until so many chunks (the plan is one) are in the store."""
    async with asyncio.timeout(WAIT_S):
        while len(await chunks(queue, job_id)) < count:  # noqa: ASYNC110 - the store is asked
            await asyncio.sleep(0.01)


async def submit(queue: Queue, folder: Path, items: int, **request: Any) -> str:
    job = await queue.jobs.submit("count", {"items": items, "folder": str(folder), **request})
    return job.id


def attempts(folder: Path) -> dict[int, int]:
    """How often each item was begun."""
    counted: dict[int, int] = {}
    for path in folder.glob("*.*.*"):
        number = int(path.name.split(".")[0])
        counted[number] = counted.get(number, 0) + 1
    return counted


def workers_of(folder: Path) -> list[int]:
    """The process ids that began items."""
    return [int(path.name.split(".")[2]) for path in folder.iterdir()]


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


async def test_a_job_is_done_by_two_processes_and_keeps_what_it_found(queue: Queue, marks: Path) -> None:
    job_id = await submit(queue, marks, 8, data={"symbols": ["BTCUSDT", "ETH-USDT"], "market": "um"})
    async with running(queue) as said:
        job = await ended(queue, job_id)
        await until(lambda: bool(said) and said[-1].state == "done")
    assert (job.state, job.done, job.total, job.error) == ("done", 16.0, 16.0, "")
    assert job.result["sum"] == 28
    first = queue.bars.start_ms // support.HOUR_MS
    assert job.result["closes"] == [sum(100.0 + (first + place) % 7 for place in range(50))] * 2
    assert 1 <= len(job.result["workers"]) <= 2
    assert await queue.jobs.table(job_id, "rows") == b"arrow"
    with pytest.raises(UnknownName, match="rows"):
        await queue.jobs.table(job_id, "row")
    async with queue.state_store.transaction() as work:
        (record,) = await work.backtests.list(job_id=job_id)
        assert (record.id, await work.backtests.part(record.id, "trades")) == (f"b-{job_id}", b"t")
        counted = await work.trials.summary("f")
    assert (counted.runs, counted.distinct) == (8, 8)
    assert [change.state for change in said if change.state != "running"] == ["done"]
    assert all(said[at].done <= said[at + 1].done for at in range(len(said) - 1))
    removed = await queue.jobs.remove(job_id)
    assert removed.id == job_id
    async with queue.state_store.transaction() as work:
        assert (await work.trials.summary("f")).deleted == 8
        assert await work.backtests.get(record.id) is not None


async def test_the_same_bars_are_exported_once_and_old_files_go(queue: Queue, marks: Path, tmp_path: Path) -> None:
    request = {"data": {"symbols": ["binance:um:BTC-USDT-PERP"]}}
    async with running(queue):
        for _ in range(2):
            await ended(queue, await submit(queue, marks, 1, **request))
    files = sorted((tmp_path / "exports").iterdir())
    assert [path.suffix for path in files] == [".arrow", ".arrow", ".json"], "klines, funding and the manifest, each once"
    os.utime(files[0], (0, 0))
    assert await queue.exporter.clean([files[2]]) == 0, "what a running job reads stays"
    assert await queue.exporter.clean() == 1
    assert not files[0].exists()


async def test_a_job_waits_for_a_market_store_that_is_away(queue: Queue, marks: Path) -> None:
    queue.bars.away = 2
    job_id = await submit(queue, marks, 2, data={"symbols": ["BTCUSDT"]})
    async with running(queue):
        job = await ended(queue, job_id)
    assert (job.state, job.attempts, queue.bars.reads) == ("done", 1, 3)


async def test_a_running_job_is_cancelled_at_once_and_leaves_no_process(queue: Queue, marks: Path) -> None:
    job_id = await submit(queue, marks, 4, hang=1)
    waiting = await submit(queue, marks, 4)
    await queue.jobs.cancel(waiting)
    async with running(queue) as said:
        await until(lambda: 1 in attempts(marks), timeout_s=WAIT_S)
        pids = workers_of(marks)
        assert (await queue.jobs.cancel(job_id)).state == "running"
        with pytest.raises(UserError, match="cancel it first"):
            await queue.jobs.remove(job_id)
        job = await ended(queue, job_id)
        assert job.state == "cancelled"
        assert not any(map(psutil.pid_exists, pids))
        await until(lambda: said[-1].state == "cancelled")
    assert (await queue.jobs.get(waiting)).state == "cancelled"
    assert attempts(marks).keys() <= {0, 1, 2, 3}


async def test_faults_are_one_sentence_and_the_next_job_goes_on(queue: Queue, marks: Path) -> None:
    jobs = {
        "fast: must be at least 2": await submit(queue, marks, 2, refuse=True),
        "ZeroDivisionError: 1 (in _item, job_child.py": await submit(queue, marks, 3, **{"raise": 1}),
        "unknown symbol 'BTCUSD'; did you mean: BTCUSDT": await submit(queue, marks, 1, data={"symbols": ["BTCUSD"]}),
        "unknown period '7m'": await submit(queue, marks, 1, data={"symbols": ["BTCUSDT"], "period": "7m"}),
        "no 1h klines of binance:um:BTC-USDT-PERP": await submit(queue, marks, 1, data={"symbols": ["BTCUSDT"], "end_ms": 5}),
        "unknown field of data 'symbol'; did you mean: symbols": await submit(queue, marks, 1, data={"symbol": "BTCUSDT"}),
        "unknown engine 'dask'; known are: processes": await submit(queue, marks, 1, engine="dask"),
        "its worker process ended 3 times: worker": await submit(queue, marks, 1, die=0, die_times=9),
    }
    last = await submit(queue, marks, 1)
    async with running(queue):
        assert (await ended(queue, last)).state == "done"
        for sentence, job_id in jobs.items():
            job = await ended(queue, job_id)
            assert job.state == "failed"
            assert sentence in job.error
            assert "\n" not in job.error


async def test_a_killed_worker_costs_one_item_not_the_job(queue: Queue, marks: Path) -> None:
    job_id = await submit(queue, marks, 6, die=2)
    async with running(queue):
        job = await ended(queue, job_id)
    assert (job.state, job.result["sum"]) == ("done", 15)
    assert attempts(marks) == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 1}


async def test_a_job_goes_on_after_its_owner_was_killed(queue: Queue, marks: Path, tmp_path: Path) -> None:
    job_id = await submit(queue, marks, 6, hang=4, data={"symbols": ["BTCUSDT"]})
    with owner(tmp_path) as process:
        await until(lambda: attempts(marks).keys() == set(range(6)), timeout_s=WAIT_S)  # one hangs, the others are through
        await kept(queue, job_id, 6)
        workers = process.children(recursive=True)
        process.send_signal(signal.SIGKILL)
        _gone, alive = psutil.wait_procs([process, *workers], timeout=WAIT_S)
        assert not alive
    assert (await queue.jobs.get(job_id)).state == "running"
    async with queue.state_store.transaction() as work:
        await work.jobs.add_chunk(job_id, 4, b"4")  # so that the item does not hang once more
    async with running(queue):
        job = await ended(queue, job_id)
    assert (job.state, job.result["sum"], job.attempts) == ("done", 15, 2)
    assert attempts(marks) == dict.fromkeys(range(6), 1), "what was done before the kill is not done again"


async def test_stopping_the_service_puts_its_jobs_back(queue: Queue, marks: Path) -> None:
    job_id = await submit(queue, marks, 3, hang=2)
    async with running(queue):
        await until(lambda: 2 in attempts(marks), timeout_s=WAIT_S)
    job = await queue.jobs.get(job_id)
    assert (job.state, job.attempts) == ("queued", 0)


async def test_bars_that_changed_meanwhile_begin_the_job_again(queue: Queue, marks: Path) -> None:
    job_id = await submit(queue, marks, 3, hang=2, data={"symbols": ["BTCUSDT"]})
    async with running(queue):
        await until(lambda: 2 in attempts(marks), timeout_s=WAIT_S)
        await kept(queue, job_id, 3)
    queue.bars.restated = {3: 500.0}
    async with running(queue):
        await until(lambda: attempts(marks) == {0: 2, 1: 2, 2: 2}, timeout_s=WAIT_S, what="every item is begun again")
        await kept(queue, job_id, 3)
        await queue.jobs.cancel(job_id)
        await ended(queue, job_id)
    async with queue.state_store.transaction() as work:
        assert (await work.trials.summary("f")).runs == 2, "a run is counted once, however often it was interrupted"


async def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(
    queue: Queue, marks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(_self: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", replace)
    job_id = await submit(queue, marks, 1, data={"symbols": ["BTCUSDT"]})
    async with running(queue):
        job = await ended(queue, job_id)
    assert job.state == "failed"
    assert "No space left on device" in job.error
    assert "free disk space" in job.error
    assert list((tmp_path / "exports").iterdir()) == []


class FullStore:
    """A state store whose disk a test can fill: what would be committed then is not."""

    def __init__(self, inner: StateStore) -> None:
        self._inner = inner
        self.full = False
        self.refused = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        async with self._inner.transaction() as work:
            yield work
            if self.full:
                self.refused += 1
                raise EnvironmentFault("no room is left for the state store; free disk space and start again")


async def test_a_full_state_store_loses_nothing_and_the_job_goes_on_when_there_is_room(
    queue: Queue, marks: Path, tmp_path: Path
) -> None:
    store = FullStore(queue.state_store)
    full = Queue(cast(StateStore, store), tmp_path)
    job_id = await submit(queue, marks, 6)
    async with running(full):
        await kept(queue, job_id, 2)
        store.full = True
        await until(lambda: store.refused > 5, timeout_s=WAIT_S)
        assert (await queue.jobs.get(job_id)).state == "running"
        store.full = False
        job = await ended(queue, job_id)
    assert (job.state, job.error, job.result["sum"]) == ("done", "", 15)
    assert attempts(marks) == dict.fromkeys(range(6), 1), "no result in hand was thrown away"
    async with queue.state_store.transaction() as work:
        assert (await work.trials.summary("f")).runs == 6


async def test_what_is_not_there_is_said_with_what_is(queue: Queue, marks: Path) -> None:
    with pytest.raises(UnknownName, match="unknown kind 'swep'"):
        await queue.jobs.submit("swep", {})
    job_id = await submit(queue, marks, 1)
    for call in (queue.jobs.get, queue.jobs.cancel, queue.jobs.remove):
        with pytest.raises(UnknownName, match=job_id):
            await call(job_id[:-1])
    with pytest.raises(UserError, match="is queued; its tables come with its end"):
        await queue.jobs.table(job_id, "rows")
    with pytest.raises(UnknownName, match="unknown state 'wating'"):
        await queue.jobs.list(state="wating")
    listed = await queue.jobs.list(state="queued", kind="count")
    assert [job.id for job in listed] == [job_id]
    named = await queue.jobs.submit("count", {}, title="two\nlines\x00" + "x" * 300)
    assert named.title == "twolines" + "x" * 192
    await queue.jobs.remove(named.id)
    assert await queue.jobs.counts() == {"queued": 1}


async def chunks(queue: Queue, job_id: str) -> set[int]:
    async with queue.state_store.transaction() as work:
        return await work.jobs.chunk_numbers(job_id)


@contextmanager
def owner(folder: Path) -> Iterator[psutil.Process]:
    """Another process that works off the queue."""
    script = Path(support.__file__).with_name("job_owner.py")
    process = subprocess.Popen([sys.executable, str(script), str(folder)])
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait(WAIT_S)
