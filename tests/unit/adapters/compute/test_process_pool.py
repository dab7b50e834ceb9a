"""Crews of worker processes: real ones, killed for real."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.support import compute
from tests.support.compute import ARGV, task

from quantservice.adapters.compute.process_pool import ProcessPool
from quantservice.core.errors import EnvironmentFault, StoreUnavailable

WAIT_S = 30.0
OWNER = Path(compute.__file__).with_name("compute_owner.py")
POOL = ProcessPool(ARGV, nice=7)


async def test_tasks_run_in_low_priority_processes_that_are_kept() -> None:
    told: list[float] = []
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=2) as crew:
        results = [await crew.run(task("echo", "ü"), advance=told.append) for _ in range(3)]
        answers = [msgspec.json.decode(item.content) for item in results]
        assert [item.state for item in results] == ["done"] * 3
        assert {answer[0] for answer in answers} == {int(results[0].worker)}, "one task after the other is done by one process"
        assert all(answer[1] == os.nice(0) + 7 and answer[2] == "ü" for answer in answers)
        assert told == [1.0] * 3
        pids = crew.stats()["pids"]
    assert not any(map(psutil.pid_exists, pids))


async def test_tasks_at_once_run_in_as_many_processes_as_are_allowed() -> None:
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=2) as crew:
        large = 3_000_000
        results = await asyncio.gather(*(crew.run(task("fill", large)) for _ in range(6)))
        assert all(len(item.content) == large for item in results)
        assert {int(item.worker) for item in results} == set(crew.stats()["pids"])
        assert crew.stats()["workers"] == 2


async def test_what_a_person_can_mend_and_what_crashed_are_told_apart() -> None:
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=1) as crew:
        refused = await crew.run(task("refuse"))
        assert (refused.state, refused.detail) == ("refused", "fast: must be at least 2")
        crashed = await crew.run(task("raise", 1))
        assert crashed.state == "crashed"
        assert crashed.detail.startswith("ZeroDivisionError: ")
        assert "in work, compute_child.py:" in crashed.detail
        assert (await crew.run(task("echo"))).state == "done", "the worker goes on after either"


async def test_a_killed_worker_is_told_and_replaced() -> None:
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=1) as crew:
        lost = await crew.run(task("die"))
        assert lost.state == "lost"
        assert "was killed by SIGKILL" in lost.detail
        after = await crew.run(task("echo"))
        assert after.state == "done"
        assert after.worker != lost.worker
        os.kill(int(after.worker), signal.SIGKILL)  # an idle one dies: the next task notices
        states = [(await crew.run(task("echo"))).state for _ in range(2)]
        assert states in (["lost", "done"], ["done", "done"])


async def test_questions_are_answered_by_the_owner() -> None:
    async def answer(name: str, content: bytes) -> bytes:
        if name == "away":
            raise StoreUnavailable("the store is away")
        return content.upper()

    async with asyncio.timeout(WAIT_S), POOL.crew(workers=1, answer=answer) as crew:
        assert (await crew.run(task("ask", "study"))).content == b"QUESTION"
        failed = await crew.run(task("ask", "away"))
        assert (failed.state, failed.detail) == ("crashed", "the store is away")
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=1) as crew:
        assert "nobody here can answer study" in (await crew.run(task("ask", "study"))).detail


async def test_a_cancelled_task_ends_its_process() -> None:
    started = asyncio.Event()
    async with asyncio.timeout(WAIT_S), POOL.crew(workers=1) as crew:
        running = asyncio.create_task(crew.run(task("hang"), advance=lambda _: started.set()))
        await started.wait()
        (pid,) = crew.stats()["pids"]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not psutil.pid_exists(pid)
        assert (await crew.run(task("echo"))).state == "done"


def test_workers_end_when_their_owner_is_killed() -> None:
    owner = subprocess.Popen([sys.executable, str(OWNER)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        workers = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
    assert len(workers) == 2
    owner.kill()
    owner.wait(WAIT_S)
    _gone, alive = psutil.wait_procs(workers, timeout=WAIT_S)
    assert not alive


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"bars\.arrow.*is gone"):
        async with POOL.crew(workers=1, files=[tmp_path / "bars.arrow"]):
            pass
    with pytest.raises(EnvironmentFault, match="no worker process can be started"):
        async with ProcessPool([str(tmp_path / "none")]).crew(workers=1):
            pass
    async with ProcessPool([sys.executable, "-c", "raise SystemExit('no module')"]).crew(workers=1) as crew:
        lost = await crew.run(task("echo"))
        assert lost.state == "lost"
        assert "ended by itself with code 1: no module" in lost.detail
