"""How well a sweep uses two cores: the queue's own path, on processes and on a local Ray, beside bare loops that share nothing.

    ./qs bench --only sweep_scaling

The ceiling is what two processes reach together that evaluate combinations of the same space, in the job's order and items, over
the same exported bars, and do nothing else; it is measured before and after, in the same run. A job's time is from its claim to
its end: export, start of the workers, plan, every commit, the best run with its report. Jobs are as long as the ceiling says two
and a half minutes of work are: what each job does once (starting its workers, the look-ahead gate on the winner) takes 8 s.
"""

# ruff: noqa: E402 - the path is set before the project is imported
from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT)]

from tests.support.market import instrument

from benchmarks.bench_store import opened
from benchmarks.results import Plan, Result
from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.compute.process_pool import ProcessPool
from quantservice.adapters.compute.ray_cluster import RayCluster
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.jobs import checks, is_alive, this_process
from quantservice.core.instruments import InstrumentBook
from quantservice.core.periods import MINUTE_MS
from quantservice.ports import Job
from quantservice.services.jobs import JobsConfig, JobsService
from quantservice.services.jobs.commands import Jobs
from quantservice.services.jobs.exports import Exporter
from quantservice.services.jobs.work import DataRequest

BARS = 525_600
START_MS = 1_704_067_200_000  # 2024-01-01
WORKERS = 2
ASKED = {"processes": 0.93, "ray": 0.8}
SAMPLE = 7_000  # about what a job of a minute tries: neighbours in it share averages as in the job
SPACE = {"fast": "2:200:1", "slow": "201:1000:1"}
_WORKER = "quantservice.app.worker"


async def fill(store: ClickHouseStore) -> None:
    """Make a year of minutes inside the engine: a slow wave, a fast one and dust."""
    wave = "30000 + 4000 * sin(number / 20000) + 600 * sin(number / 700) + 90 * sin(number / 45) + number * 7919 % 31"
    price = f"toDecimal128(round({wave}, 2), 18)"
    names = (
        "venue, market, symbol, period, open_time, close_time, open, high, low, close, volume, quote_volume, count, "
        "taker_buy_base_volume, taker_buy_quote_volume, source, revision, first_seen_ns, synthetic"
    )
    columns = (
        f"'binance', 'um', 'BTC-USDT-PERP', '1m', {START_MS} + number * {MINUTE_MS}, {START_MS} + (number + 1) * {MINUTE_MS} - 1, "
        f"{price}, {price} + 20, {price} - 20, {price}, 10, 300000, 50, 5, 150000, 'rest', 0, 1, false"
    )
    sql = f"INSERT INTO `{store.database}`.kline ({names}) SELECT {columns} FROM numbers({BARS})"
    await store.session.run(lambda: store.session.command(sql))
    await store.put_instruments("binance", "um", [instrument("BTC")], seen_ms=START_MS)


def bare(manifest: Path, seconds: float, part: int) -> None:
    """Evaluate every second item of a job's sample, in its order, for so long; print how many combinations and in what time."""
    from quantservice.app.worker import market_of
    from quantservice.quant.optimize.evaluate import Evaluator
    from quantservice.quant.optimize.space import Space
    from quantservice.quant.strategies.templates.ma_cross import MaCross
    from quantservice.services.jobs.exports import read_manifest
    from quantservice.services.jobs.programs.sweep import cut

    evaluator = Evaluator(MaCross, market_of(read_manifest(manifest), manifest.parent))
    space = Space.of(MaCross, SPACE)
    numbers = space.numbers(SAMPLE, seed=0)
    evaluator.evaluate([space.combination(int(number)) for number in numbers[:3]])
    print("ready", flush=True)
    sys.stdin.readline()
    count, began = 0, time.perf_counter()
    for item in cut(len(numbers), WORKERS)[part::WORKERS]:
        start, stop = msgspec.json.decode(item.content, type=tuple[int, int])
        evaluator.evaluate([space.combination(int(number)) for number in numbers[start:stop]])
        count += stop - start
        if time.perf_counter() - began >= seconds:
            break
    print(count, time.perf_counter() - began, flush=True)


def rate_of(manifest: Path, processes: int, seconds: float) -> float:
    """Combinations per second of bare processes at the same time."""
    command = [sys.executable, __file__, "--bare", str(manifest), "--seconds", str(seconds)]
    crew = [
        subprocess.Popen([*command, "--part", str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for part in range(processes)
    ]
    for process in crew:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in crew:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].split() for process in crew]
    return sum(int(count) / float(took) for count, took in answers)


async def run_job(jobs: Jobs, engine: str, combinations: int) -> Job:
    """Submit a sweep and wait for its end."""
    request = {
        "strategy": "ma_cross",
        "space": SPACE,
        "sample": combinations,
        "objective": "total_return",
        "data": {"symbols": ["BTCUSDT"], "market": "um", "period": "1m", "end_ms": START_MS + BARS * MINUTE_MS},
        "engine": engine,
        "workers": WORKERS,
    }
    job = await jobs.submit("sweep", request)
    while (job := await jobs.get(job.id)).state in ("queued", "running"):  # noqa: ASYNC110 - the store is asked
        await asyncio.sleep(0.25)
    assert job.state == "done", job.error
    assert job.result["done"] == combinations
    assert len(job.result["workers"]) == WORKERS, job.result["workers"]
    return job


async def measure(plan: Plan, engines: tuple[str, ...] = ("processes", "ray")) -> list[Result]:
    """Fill a store, measure the ceiling, run a job per engine."""
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with opened() as store:
            await fill(store)
            book = InstrumentBook([instrument("BTC")])
            exporter = Exporter(store, folder / "exports", lambda: book)
            manifest, _ = await exporter.export(DataRequest(symbols=("BTCUSDT",), market="um", period="1m"))
            seconds = plan.seconds(12.0, 4.0)
            one = await asyncio.to_thread(rate_of, manifest, 1, seconds)
            two = await asyncio.to_thread(rate_of, manifest, WORKERS, seconds)
            combinations = int(two * plan.seconds(150.0, 10.0))
            state = SqlStateStore(f"sqlite:///{folder / 'state.sqlite'}", AesGcmSealer.in_folder(folder))
            await state.open()
            clock, bus = SystemClock(), MemoryBus()
            service = JobsService(
                state,
                bus,
                clock,
                exporter=exporter,
                engines={
                    "processes": ProcessPool((sys.executable, "-m", _WORKER), nice=0),
                    "ray": RayCluster(f"{_WORKER}:work", nice=0),
                },
                holder=this_process(),
                is_alive=is_alive,
                config=JobsConfig(workers=WORKERS, concurrent=1),
            )
            jobs = Jobs(state, clock, checks(folder / "plugins"))
            working = asyncio.create_task(service.run())
            try:
                for engine in engines:
                    job = await run_job(jobs, engine, combinations)
                    after = await asyncio.to_thread(rate_of, manifest, WORKERS, seconds)
                    found.append(_row(engine, job, combinations, one, (two + after) / 2))
                    two = after
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                await state.close()
    return found


def _row(engine: str, job: Job, combinations: int, one: float, ceiling: float) -> Result:
    took = (job.finished_ms - job.started_ms) / 1000
    share = combinations / took / ceiling
    figures: dict[str, Any] = {
        "combinations": combinations,
        "seconds": took,
        "per_second": combinations / took,
        "ceiling_per_second": ceiling,
        "one_process_per_second": one,
        "share": share,
        "workers": job.result["workers"],
    }
    return Result(
        what=f"sweep of {combinations:,} combinations over {BARS:,} 1m bars, {engine}, {WORKERS} workers",
        asked=f">= {ASKED[engine]} of the scaling ceiling",
        measured=f"{share:.3f} ({combinations / took:.0f} of {ceiling:.0f} combinations/s, {took:.0f} s; one process {one:.0f})",
        ok=share >= ASKED[engine],
        figures=figures,
        note=f"workers {', '.join(job.result['workers'])}",
    )


def results(plan: Plan) -> list[Result]:
    """Measure both engines."""
    return asyncio.run(measure(plan))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bare", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--engine", action="append")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.bare is not None:
        bare(given.bare, given.seconds, given.part)
    else:
        for result in asyncio.run(measure(Plan(quick=given.quick), tuple(given.engine or ASKED))):
            print(msgspec.json.encode(result).decode())
