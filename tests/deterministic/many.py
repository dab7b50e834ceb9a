"""Many seeds on all cores, and what they show together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import msgspec
import structlog

from tests.deterministic.chance import KINDS
from tests.deterministic.run import Outcome, empty_store, live

_AT_ONCE: Final = 20
BATCH: Final = 100  # seeds of one test


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What so many seeds show. ``share`` is, per kind of fault, the share of the seeds in which it happened."""

    seeds: int
    broken: dict[int, tuple[str, ...]]
    median_faults: float
    share: dict[str, float]
    orders: int
    fills: int
    processes: int
    states: dict[str, int]

    @property
    def text(self) -> str:
        """The report for people."""
        rare = min(self.share.values(), default=0.0)
        return (
            f"{self.seeds:,} seeds: {self.orders:,} orders, {self.fills:,} fills, {self.processes:,} processes; "
            f"median {self.median_faults:g} faults a seed, the rarest kind in {rare:.0%} of them\n"
            f"ends of orders: {', '.join(f'{name} {count:,}' for name, count in sorted(self.states.items()))}\n"
            f"broken: {len(self.broken)} (none in {self.seeds:,} bounds their share by {3 / max(1, self.seeds):.3%}, at 95 %)"
        )


def report_of(outcomes: Sequence[Outcome]) -> Report:
    """Sum outcomes up."""
    count, states = max(1, len(outcomes)), Counter[str]()
    for item in outcomes:
        states.update(item.states)
    return Report(
        seeds=len(outcomes),
        broken={item.seed: item.broken for item in outcomes if item.broken},
        median_faults=statistics.median(sum(item.faults.values()) for item in outcomes),
        share={kind: sum(kind in item.faults for item in outcomes) / count for kind in KINDS},
        orders=sum(item.orders for item in outcomes),
        fills=sum(item.fills for item in outcomes),
        processes=sum(item.processes for item in outcomes),
        states=dict(states),
    )


def live_all(seeds: Sequence[int]) -> list[Outcome]:
    """Live through seeds in this process, on files in memory where the machine has such a place."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    shared = Path("/dev/shm")  # files without a disk
    folder = Path(tempfile.mkdtemp(prefix="qs-seeds-", dir=shared if os.access(shared, os.W_OK) else None))
    try:
        template = empty_store(folder)
        return [live(seed, template, folder) for seed in seeds]
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder, ignore_errors=True)


def live_many(first: int, count: int, jobs: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``count`` seeds from ``first`` on as they come, ``jobs`` processes at a time."""
    batches = [list(range(low, min(low + _AT_ONCE, first + count))) for low in range(first, first + count, _AT_ONCE)]
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(live_all, batch) for batch in batches]):
            yield from done.result()


def must_hold(first: int) -> None:
    """Live through a batch in a process of its own (coverage would double its time), and say what must be true of it."""
    report = report_of(list(live_many(first, BATCH, jobs=1)))
    assert report.seeds == BATCH
    assert report.broken == {}
    assert report.median_faults >= 10
    assert {kind: share for kind, share in report.share.items() if share < 0.05} == {}, "these faults hardly ever happen"
    assert report.orders > 10 * BATCH
    assert min(report.states.get(state, 0) for state in ("filled", "cancelled", "expired", "not_sent")) > 0
