"""MD8: a collector that was off comes back (60 symbols here, 300 in the long run). ST2: a disk that is full for a while."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.platform_faults import Run, exchange, judge, obeyed, platform_run, play, say, until


@pytest.mark.timeout(300)
def test_a_collector_that_was_off_catches_up(tmp_path: Path) -> None:
    answer = play(__name__, "off_story", tmp_path)
    assert answer["streams"] == 120
    assert set(answer["sources"]) == {"ws", "rest"}


async def off_story(folder: Path, off_s: float = 8.0, per_market: int = 20) -> dict[str, Any]:
    """Four minutes of the market without us; then all is fetched within half of the weight, while live klines flow."""
    flags: dict[str, Any] = {
        "collect__stale_after_s": 6.0,
        "collect__heartbeat_timeout_ms": 6_000,
        "backfill__scan_1m_s": 10.0,
        "backfill__scan_1h_s": 10.0,
        "backfill__grace_s": 4.0,
    }
    async with exchange(per_market=per_market, kline_ms=1_000, speed=30.0) as simulator:
        async with platform_run(folder / "data", simulator, **flags) as run:
            await run.ready(patience_s=150.0)
            before = run.now_ms
        await asyncio.sleep(off_s)  # the fault itself: nobody collects
        began = time.monotonic()
        async with platform_run(folder / "data", simulator, **flags) as run:
            lacking = (run.now_ms - before) // 60_000
            await until(lambda: run.witness.closed_live > 300, "live klines flow")
            live = time.monotonic() - began
            spans = await run.complete(patience_s=150.0)
            whole = time.monotonic() - began
            say(f"MD8: {lacking} minutes off, live after {live:.1f} s, {len(spans)} streams whole after {whole:.1f} s")
            verdict = await judge(run, spans)
        obeyed(simulator)
    return {"streams": verdict.streams, "rows": verdict.rows, "sources": verdict.sources}


@pytest.mark.timeout(300)
def test_a_full_disk_holds_the_feeds_back_and_heals_by_itself(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a full disk needs root and unshare (a small tmpfs is mounted in a mount namespace of its own)")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=400m tmpfs {disk} && exec "$@"'
    try:
        answer = play(__name__, "full_disk_story", tmp_path, wrapper=("unshare", "-m", "sh", "-c", mount, "sh"))
    except AssertionError as error:
        if "permission denied" in str(error).lower() and "mount" in str(error).lower():
            pytest.skip("this machine does not let us mount a small disk")
        raise
    assert answer["streams"] >= 100


async def full_disk_story(folder: Path) -> dict[str, Any]:
    """The disk of the stores and of the spill file is full for some bars; then there is room again."""
    async with exchange() as simulator:
        async with platform_run(folder / "disk" / "data", simulator) as run:
            await run.ready()
            filler = folder / "disk" / "filler"
            began = time.monotonic()
            _fill(filler)
            await until(lambda: run.stats("recorder")["store_away"] == 1, "the recorder notices")
            noticed = time.monotonic() - began
            await asyncio.sleep(2.0)  # two more bars that find no room
            filler.unlink()
            await until(lambda: _whole_again(run), "writing goes on by itself")
            say(
                f"ST2: full disk noticed after {noticed:.1f} s, empty spill file {time.monotonic() - began:.1f} s after it was full"
            )
            await run.bars(2)
            spans = await run.complete()
            assert run.platform.runner.healthy, run.platform.runner.states()
            verdict = await judge(run, spans)
            names = [alarm.name for alarm in run.witness.alarms]
            assert names.count("recorder.store_lost") == names.count("recorder.store_returned") >= 1, names
        obeyed(simulator)
    return {"streams": verdict.streams, "rows": verdict.rows}


def _whole_again(run: Run) -> bool:
    figures = run.stats("recorder")
    return not figures["store_away"] and not figures["spill_bytes"]


def _fill(filler: Path) -> None:
    """Write until nothing fits any more."""
    block = bytes(1 << 20)
    with filler.open("wb", buffering=0) as file:
        size = len(block)
        while size >= 4_096:
            try:
                if file.write(block[:size]) < size:
                    size //= 2
            except OSError:
                size //= 2
