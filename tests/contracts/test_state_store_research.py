"""What every StateStore must do for research: the queue, results, the trial ledger, deployments, studies."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.state import create_database, postgres_url

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.ports import BacktestRecord, Deployment, DeploymentSnapshot, Job, Trial

__all__ = ["postgres_url"]

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRES = pytest.param("postgresql", id="postgresql", marks=pytest.mark.server)
WAIT_S = 20.0
MOST = 3


@pytest.fixture(params=[SQLITE, POSTGRES])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], SqlStateStore]]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.db'}"
    else:
        url = await create_database(request.getfixturevalue("postgres_url"))
    made: list[SqlStateStore] = []

    def factory() -> SqlStateStore:
        made.append(SqlStateStore(url, AesGcmSealer.in_folder(tmp_path)))
        return made[-1]

    yield factory
    for store in made:
        await store.close()


@pytest.fixture
async def store(make: Callable[[], SqlStateStore]) -> SqlStateStore:
    made = make()
    await made.open()
    return made


def job(number: int = 1, **changes: Any) -> Job:
    fields: dict[str, Any] = {"id": f"j{number}", "kind": "sweep", "request": {"ü": [1, 2.5, None]}, "created_ms": 1_000 + number}
    return Job(**(fields | changes))


def trial(number: int = 1, **changes: Any) -> Trial:
    fields: dict[str, Any] = {"family": "f", "parameter_hash": f"p{number}", "run_id": "r", "number": number}
    return Trial(**({"created_ms": 100 + number} | fields | changes))


async def claim(store: SqlStateStore, holder: str, *, now_ms: int = 10_000, lease_ms: int = 1_000) -> Job | None:
    async with store.transaction() as work:
        return await work.jobs.claim(holder, now_ms=now_ms, lease_ms=lease_ms, most_attempts=MOST)


async def test_jobs_are_claimed_by_priority_then_age(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        for item in (job(2), job(1), job(3, priority=5)):
            await work.jobs.add(item)
        assert await work.jobs.get("j1") == job(1)
        assert [item.id for item in await work.jobs.list()] == ["j3", "j2", "j1"]
    claimed = [await claim(store, "me") for _ in range(4)]
    assert [item.id if item else None for item in claimed] == ["j3", "j1", "j2", None]
    first = claimed[0]
    assert first is not None
    assert (first.state, first.holder, first.attempts, first.lease_until_ms) == ("running", "me", 1, 11_000)
    async with store.transaction() as work:
        assert await work.jobs.get("j3") == first
        assert await work.jobs.counts() == {"running": 3}
        assert await work.jobs.holders() == ["me"]


async def test_a_job_is_claimed_once_however_many_ask(store: SqlStateStore, make: Callable[[], SqlStateStore]) -> None:
    second = make()
    await second.open()
    async with store.transaction() as work:
        for number in range(6):
            await work.jobs.add(job(number))
    asked = [claim(source, f"h{place}") for place, source in enumerate((store, second) * 6)]
    found = [item.id for item in await asyncio.wait_for(asyncio.gather(*asked), WAIT_S) if item is not None]
    assert sorted(found) == [f"j{number}" for number in range(6)]


async def test_a_lapsed_lease_is_claimed_again_and_the_first_holder_has_lost_it(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.jobs.add(job())
    assert await claim(store, "a", now_ms=0, lease_ms=1_000)
    assert await claim(store, "b", now_ms=1_000) is None
    async with store.transaction() as work:
        assert await work.jobs.beat("j1", "a", lease_until_ms=2_000, done=3, total=9, text="half") == "held"
    assert await claim(store, "b", now_ms=1_500) is None
    again = await claim(store, "b", now_ms=2_001)
    assert again is not None
    assert (again.holder, again.attempts, again.done, again.total, again.text) == ("b", 2, 3, 9, "half")
    async with store.transaction() as work:
        assert await work.jobs.beat("j1", "a", lease_until_ms=9_000, done=0, total=0, text="") == "lost"
        assert not await work.jobs.finish("j1", "a", "done", now_ms=5)
        assert await work.jobs.finish("j1", "b", "done", now_ms=7, result={"best": 1.5})
        ended = await work.jobs.get("j1")
        assert ended is not None
        assert (ended.state, ended.result, ended.finished_ms) == ("done", {"best": 1.5}, 7)
    assert await claim(store, "c", now_ms=10**9) is None


async def test_a_job_that_kills_its_holders_fails_in_the_end(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.jobs.add(job())
    for attempt in range(MOST):
        assert await claim(store, f"h{attempt}") is not None
        async with store.transaction() as work:
            assert await work.jobs.lapse(f"h{attempt}") == 1
    assert await claim(store, "last") is None
    async with store.transaction() as work:
        ended = await work.jobs.get("j1")
    assert ended is not None
    assert ended.state == "failed"
    assert "ended 3 times" in ended.error


async def test_a_released_job_waits_again_and_its_attempt_does_not_count(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.jobs.add(job())
    assert await claim(store, "a")
    async with store.transaction() as work:
        assert not await work.jobs.release("j1", "b")
        assert await work.jobs.release("j1", "a")
        back = await work.jobs.get("j1")
    assert back is not None
    assert (back.state, back.attempts, back.holder) == ("queued", 0, "")


async def test_cancelling(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        for number in (1, 2, 3):
            await work.jobs.add(job(number))
        waiting = await work.jobs.cancel("j3", now_ms=5)
        assert waiting is not None
        assert (waiting.state, waiting.finished_ms) == ("cancelled", 5)
        assert await work.jobs.cancel("none", now_ms=5) is None
    assert await claim(store, "a")
    async with store.transaction() as work:
        asked = await work.jobs.cancel("j1", now_ms=6)
        assert asked is not None
        assert (asked.state, asked.cancel) == ("running", True)
        assert await work.jobs.beat("j1", "a", lease_until_ms=1, done=0, total=0, text="") == "cancel"
        assert not await work.jobs.remove("j1")
    # Its holder dies before it stops: the next claim ends it instead of running it.
    other = await claim(store, "b", now_ms=10**6)
    assert other is not None
    assert other.id == "j2"
    async with store.transaction() as work:
        ended = await work.jobs.get("j1")
        assert ended is not None
        assert ended.state == "cancelled"
        again = await work.jobs.cancel("j1", now_ms=99)
        assert again == ended


async def test_chunks_are_kept_once_and_go_with_their_job(store: SqlStateStore) -> None:
    content = bytes(range(256)) * 300
    async with store.transaction() as work:
        await work.jobs.add(job())
        assert await work.jobs.add_chunk("j1", 0, content)
        assert not await work.jobs.add_chunk("j1", 0, b"other")
        assert await work.jobs.add_chunk("j1", -1, b"")
        assert await work.jobs.chunk_numbers("j1") == {0, -1}
        assert await work.jobs.chunk("j1", 0) == content
        assert await work.jobs.chunk("j1", 7) is None
        await work.jobs.drop_chunks("j1")
        assert await work.jobs.chunk_numbers("j1") == set()
        assert await work.jobs.add_chunk("j1", 0, b"again")
        await work.studies.append("j1", ["{}"])
        assert await work.jobs.remove("j1")
        assert not await work.jobs.remove("j1")
        assert await work.jobs.chunk_numbers("j1") == set()
        assert await work.studies.read("j1") == []


async def test_backtests_are_kept_with_their_tables(store: SqlStateStore) -> None:
    record = BacktestRecord(
        id="b1",
        job_id="j1",
        strategy="ma_cross",
        parameters={"fast": 10},
        family="f",
        metrics={"sharpe": 1.25, "none": None},
        versions={"numpy": "2"},
        created_ms=5,
    )
    other = BacktestRecord(id="b2", strategy="rsi", created_ms=6)
    async with store.transaction() as work:
        await work.backtests.add(record, {"trades": b"\x00\xff", "equity": b""})
        await work.backtests.add(other, {})
    async with store.transaction() as work:
        assert await work.backtests.get("b1") == record
        assert await work.backtests.get("b9") is None
        assert await work.backtests.list() == [other, record]
        assert await work.backtests.list(strategy="ma_cross", family="f", job_id="j1") == [record]
        assert await work.backtests.list(limit=1) == [other]
        assert await work.backtests.part("b1", "trades") == b"\x00\xff"
        assert await work.backtests.part("b1", "orders") is None
        assert await work.backtests.part_names("b1") == ["equity", "trades"]
        assert await work.backtests.remove("b1")
        assert not await work.backtests.remove("b1")
        assert await work.backtests.part("b1", "trades") is None


async def test_trials_are_counted_once_and_for_ever(store: SqlStateStore) -> None:
    trials = [trial(number, sharpe_daily=value, parameters={"n": number}) for number, value in enumerate((0.1, 0.3, math.nan))]
    rerun = trial(0, run_id="again", sharpe_daily=0.3)
    async with store.transaction() as work:
        assert await work.trials.add(trials) == 3
        assert await work.trials.add([*trials, rerun]) == 1
        assert await work.trials.add([]) == 0
        await work.trials.add([trial(0, family="g", run_id="g")])
    async with store.transaction() as work:
        found = await work.trials.summary("f")
        assert (found.runs, found.distinct, found.deleted, found.first_ms, found.last_ms) == (4, 3, 0, 100, 102)
        assert found.sharpe_mean == pytest.approx(0.25)  # the first set by the mean of its two runs: 0.2, and 0.3
        assert found.sharpe_variance == pytest.approx(0.005)
        assert found.sharpe_best == pytest.approx(0.3)
        assert {item.family: item.runs for item in await work.trials.families()} == {"f": 4, "g": 1}
        assert (await work.trials.summary("none")).runs == 0
        assert (await work.trials.summary("g")).sharpe_variance is None


async def test_a_deletion_leaves_a_counted_tombstone(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.trials.add([trial(1, sharpe_daily=0.5, parameters={"n": 1}, result_id="b1"), trial(2, parameters={"n": 2})])
        assert await work.trials.bury(now_ms=9, result_id="b1") == 1
        assert await work.trials.bury(now_ms=10, result_id="b1") == 0
        assert await work.trials.bury(now_ms=10) == 0
        found = await work.trials.summary("f")
        assert (found.runs, found.distinct, found.deleted, found.sharpe_best) == (2, 2, 1, 0.5)
        rows = {item.number: item for item in await work.trials.list("f")}
        assert (rows[1].deleted_ms, rows[1].parameters, rows[2].parameters) == (9, {}, {"n": 2})
        assert await work.trials.bury(now_ms=11, run_id="r") == 1


async def test_deployments_remember_who_changed_what(store: SqlStateStore) -> None:
    made = Deployment(
        id="d1",
        name="btc cross",
        strategy="ma_cross",
        parameters={"fast": 10},
        instruments=("binance:um:BTC-USDT-PERP",),
        allocation="1000.50",
        created_ms=1,
        updated_ms=1,
    )
    async with store.transaction() as work:
        first = await work.deployments.put(made, who="owner", what="created")
        faster = msgspec.structs.replace(first, parameters={"fast": 20}, updated_ms=2)
        changed = await work.deployments.put(faster, who="anna", what="configured", note="faster")
    assert (first.version, changed.version) == (1, 2)
    async with store.transaction() as work:
        assert await work.deployments.get("d1") == changed
        assert await work.deployments.find("btc cross") == changed
        assert await work.deployments.find("other") is None
        assert await work.deployments.list() == [changed]
        newest, oldest = await work.deployments.history("d1")
        assert (newest.who, newest.what, newest.note, newest.after["parameters"]) == ("anna", "configured", "faster", {"fast": 20})
        assert msgspec.convert(oldest.after, Deployment) == first
        assert await work.deployments.remove("d1", who="owner", now_ms=3)
        assert not await work.deployments.remove("d1", who="owner", now_ms=3)
        assert [item.what for item in await work.deployments.history("d1")] == ["removed", "configured", "created"]


async def test_deployment_state_keeps_the_newest_snapshots(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        for at_ms in range(1, 6):
            await work.deployments.save_state(DeploymentSnapshot(deployment_id="d", saved_ms=at_ms, state={"n": at_ms}), keep=3)
        await work.deployments.save_state(DeploymentSnapshot(deployment_id="d", saved_ms=5, state={"n": 50}), keep=3)
        await work.deployments.save_state(DeploymentSnapshot(deployment_id="e", saved_ms=1, state={}), keep=3)
        newest = await work.deployments.last_state("d")
        assert newest is not None
        assert newest.state == {"n": 50}
        before = await work.deployments.last_state("d", before_ms=4)
        assert before is not None
        assert before.saved_ms == 3
        assert await work.deployments.last_state("d", before_ms=3) is None
        assert await work.deployments.last_state("none") is None


async def test_writers_of_a_study_never_overtake_each_other(store: SqlStateStore, make: Callable[[], SqlStateStore]) -> None:
    second = make()
    await second.open()

    async def write(source: SqlStateStore, name: str) -> None:
        for number in range(5):
            async with source.transaction() as work:
                await work.studies.append("s", [f"{name}{number}a", f"{name}{number}b"])

    await asyncio.wait_for(asyncio.gather(write(store, "x"), write(second, "y")), WAIT_S)
    async with store.transaction() as work:
        lines = await work.studies.read("s")
        assert len(lines) == 20
        assert [line for line in lines if line[0] == "x"] == [f"x{number}{part}" for number in range(5) for part in "ab"]
        assert all(lines[at][:2] == lines[at + 1][:2] for at in range(0, 20, 2)), "the lines of one append were torn apart"
        assert await work.studies.read("s", after=18) == lines[18:]
        await work.studies.append("s", [])
        assert await work.studies.remove("s") == 20
        assert await work.studies.read("s") == []
