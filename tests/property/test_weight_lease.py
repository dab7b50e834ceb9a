"""A weight budget is never over-granted, whoever takes, in whatever order, from however many processes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.state import sqlite_store

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore

WAIT_S = 60.0
CHILD = """
import asyncio, sys
from pathlib import Path
from tests.support.state import sqlite_store

async def main():
    total = 0
    async with sqlite_store(Path(sys.argv[1])) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(20):
            async with store.transaction() as work:
                total += await work.leases.take("ip", 1, 17, 500)
    print(total, flush=True)

asyncio.run(main())
"""

Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(st.sampled_from(["take", "take", "take", "set_used"]), st.integers(0, 2), st.integers(0, 60)), max_size=30
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(steps, min_size=1, max_size=4), limit=st.integers(1, 100))
async def test_takers_at_once_never_get_more_than_the_limit(tmp_path: Path, plans: list[list[Step]], limit: int) -> None:
    store = SqlStateStore("sqlite://", AesGcmSealer.in_folder(tmp_path))
    await store.open()
    granted = dict.fromkeys(range(3), 0)
    told = dict.fromkeys(range(3), 0)

    async def run(plan: list[Step]) -> None:
        for action, window, weight in plan:
            async with store.transaction() as work:
                if action == "set_used":
                    before = await work.leases.used("ip", window)
                    await work.leases.set_used("ip", window, weight)
                    told[window] += max(0, weight - before)
                else:
                    got = await work.leases.take("ip", window, weight, limit)
                    assert 0 <= got <= weight
                    granted[window] += got

    try:
        await asyncio.gather(*(run(plan) for plan in plans))
        async with store.transaction() as work:
            for window in range(3):
                used = await work.leases.used("ip", window)
                assert used == granted[window] + told[window]
                assert granted[window] <= limit
                if not told[window]:
                    assert used <= limit
                assert await work.leases.take("ip", window, 1_000, limit) == max(0, limit - used)
    finally:
        await store.close()


async def test_processes_sharing_one_sqlite_file_never_get_more_than_the_limit(tmp_path: Path, project_dir: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        children = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                CHILD,
                str(tmp_path),
                cwd=project_dir,
                env={"PYTHONPATH": f"{project_dir / 'src'}:{project_dir}", "PATH": ""},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        async with asyncio.timeout(WAIT_S):
            for child in children:
                assert child.stdout is not None
                while (line := await child.stdout.readline()) != b"ready\n":
                    assert line, "the child ended early"
            answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
        totals = [int(out.split()[-1]) for out, _ in answers]
        assert sum(totals) == 500
        assert all(totals), "each process got its part"
        async with store.transaction() as work:
            assert await work.leases.used("ip", 1) == 500
