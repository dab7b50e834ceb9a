"""What may happen to an embedded store and its machine: second owners, strange folders, kill -9, full disks, tiny inserts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.clock import ManualClock
from tests.support.market import START_MS, kline, kline_stream
from tests.support.market_store import command, count, environment, opened, script

from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.market_store.owner import DirectoryOwner, read_owner
from quantservice.core.errors import EnvironmentFault, SettingsError
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span

WHOLE = Span(START_MS, START_MS + 400 * DAY_MS)

WRITER = """
import asyncio, sys
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from tests.support.market import kline

async def main():
    store = ClickHouseStore(f"chdb://{sys.argv[1]}", clock=SystemClock())
    await store.open()
    store.announce("http://127.0.0.1:1234")
    number = 0
    while True:
        await store.append([kline(number * 50 + index) for index in range(50)])
        number += 1
        print(number * 50, flush=True)

asyncio.run(main())
"""

OPEN = """
import asyncio, sys
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.errors import EnvironmentFault

async def main():
    try:
        await ClickHouseStore(f"chdb://{sys.argv[1]}", clock=SystemClock()).open()
    except EnvironmentFault as error:
        print("FAULT", error)

asyncio.run(main())
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(WRITER, str(tmp_path / "m")), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    )
    yield process
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def acknowledged(process: subprocess.Popen[str], least: int) -> int:
    """Read the writer's acknowledgements up to one that is at least so high."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().isdigit() and int(line) >= least:
            return int(line)
    raise AssertionError("the writer ended")


async def test_after_kill_9_every_acknowledged_row_is_there_once(writer: subprocess.Popen[str], tmp_path: Path) -> None:
    acknowledged(writer, 500)
    writer.send_signal(signal.SIGKILL)
    assert writer.stdout is not None
    told = [int(line) for line in writer.stdout if line.strip().isdigit()]
    writer.wait(10)
    least = max([500, *told])
    store = ClickHouseStore(f"chdb://{tmp_path / 'm'}", clock=ManualClock())
    await store.open()
    try:
        opens = [bar.open_time for bar in await store.read_klines(kline_stream(), WHOLE)]
        assert len(opens) >= least
        assert opens == [kline(index).open_time for index in range(len(opens))]
        again = await store.append([kline(index) for index in range(len(opens) + 5)])
        assert (len(again.new), again.unchanged) == (5, len(opens))
        assert await count(store, "kline") == len(opens) + 5
    finally:
        await store.close()


def test_a_second_process_is_told_who_owns_the_store(writer: subprocess.Popen[str], tmp_path: Path) -> None:
    acknowledged(writer, 50)
    note = read_owner(tmp_path / "m")
    assert note is not None
    assert (note.pid, note.api_url) == (writer.pid, "http://127.0.0.1:1234")
    second = script(OPEN, str(tmp_path / "m"))
    assert f"is in use by process {writer.pid} (its API is http://127.0.0.1:1234)" in second.stdout
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    assert read_owner(tmp_path / "m") is None


def test_a_foreign_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EnvironmentFault, match="files that are not a market store"):
        DirectoryOwner(tmp_path).take(started_ns=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_directorys_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="is not a directory"):
        DirectoryOwner(tmp_path / "file").take(started_ns=1)


def test_a_read_only_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("quantservice.adapters.market_store.owner.os.open", refuse)
    with pytest.raises(EnvironmentFault, match="cannot be written: change its owner"):
        DirectoryOwner(tmp_path).take(started_ns=1)


@pytest.mark.parametrize("dsn", ["mysql://x", "chdb://", "chdb:///", "chdb://memory"])
def test_a_url_that_names_no_store_is_refused(dsn: str) -> None:
    with pytest.raises(SettingsError):
        ClickHouseStore(dsn, clock=ManualClock())


async def test_the_owner_note_goes_with_its_store(tmp_path: Path) -> None:
    async with opened(f"chdb://{tmp_path / 'm'}", ManualClock()) as store:
        note = read_owner(tmp_path / "m")
        assert note is not None
        assert note.pid == os.getpid()
        with pytest.raises(EnvironmentFault, match="in use by process"):
            await ClickHouseStore(f"chdb://{tmp_path / 'm'}", clock=ManualClock()).open()
        assert await store.read_klines(kline_stream(), WHOLE) == []
    assert read_owner(tmp_path / "m") is None


async def test_a_refused_statement_is_a_fault_and_the_store_lives(tmp_path: Path) -> None:
    async with opened(f"chdb://{tmp_path / 'm'}", ManualClock()) as store:
        with pytest.raises(EnvironmentFault, match="refused a statement"):
            await store.session.run(lambda: store.session.command("SELECT no_such_function()"))
        assert len((await store.append([kline(0)])).new) == 1
    with pytest.raises(EnvironmentFault, match="not open"):
        await store.append([kline(1)])


@pytest.mark.parametrize("inserts", [800, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_many_tiny_inserts_leave_few_parts(tmp_path: Path, inserts: int) -> None:
    async with opened(f"chdb://{tmp_path / 'm'}", ManualClock()) as store:
        for index in range(inserts):
            await store.append([kline(index)])
        tables = (await store.statistics())["tables"]
        assert tables["kline"]["rows"] == inserts
        assert tables["kline"]["parts"] < 300
        assert len(await store.read_klines(kline_stream(), WHOLE)) == inserts


FULL = """
import asyncio, os, sys
from pathlib import Path
from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.messages import Topic
from quantservice.core.spans import Span
from quantservice.services.recorder import RecorderConfig, RecorderService
from tests.support.market import START_MS, batch, kline, kline_stream

async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)

async def main():
    disk, spill = Path(sys.argv[1]), sys.argv[2]
    bus, clock = MemoryBus(), SystemClock()
    store = ClickHouseStore(f"chdb://{disk / 'm'}", clock=clock)
    await store.open()
    recorder = RecorderService(store, bus, clock, RecorderConfig(spill_dir=spill, retry_s=0.1, batch_rows=100))
    task = asyncio.create_task(recorder.run())
    await until(lambda: bus.stats())
    await bus.publish([batch(*(kline(index) for index in range(100)))])
    await until(lambda: recorder.stats()["rows"] == 100)
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 20
        while size >= 512:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    for part in range(1, 6):
        await bus.publish([batch(*(kline(part * 100 + index) for index in range(100)))])
    await until(lambda: recorder.stats()["spilled_rows"] == 500)
    assert recorder.stats()["store_away"] == 1, recorder.stats()
    ballast.unlink()
    await until(lambda: recorder.stats()["spill_bytes"] == 0 and recorder.stats()["store_away"] == 0)
    rows = await store.read_klines(kline_stream(), Span(START_MS, START_MS + 10**9))
    assert [bar.open_time for bar in rows] == [kline(index).open_time for index in range(600)], len(rows)
    print("HEALED", recorder.stats()["losses"])
    task.cancel()
    await asyncio.wait({task})
    await store.close()

asyncio.run(main())
"""


def test_a_full_disk_spools_and_heals_by_itself(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a full disk needs root and unshare (a small tmpfs is mounted in a mount namespace of its own)")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=96m tmpfs {disk} && exec "$@"'
    result = script(FULL, str(disk), str(tmp_path / "spill"), wrapper=("unshare", "-m", "sh", "-c", mount, "sh"))
    if "permission denied" in result.stderr.lower() or "operation not permitted" in result.stderr.lower():
        pytest.skip("this machine does not let us mount a small disk")
    assert "HEALED" in result.stdout, result.stdout[-2_000:] + result.stderr[-2_000:]
