"""A queue for tests: a real SQLite store, real worker processes, a bus in memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.compute.process_pool import ProcessPool
from quantservice.core.errors import StoreUnavailable
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook
from quantservice.core.spans import Span
from quantservice.ports import EventBus, MarketStore, StateStore
from quantservice.services.jobs import JobsConfig, JobsService
from quantservice.services.jobs.commands import Jobs
from quantservice.services.jobs.exports import Exporter
from tests.support.market import instrument

ARGV = (sys.executable, str(Path(__file__).with_name("job_child.py")))
HOUR_MS = 3_600_000


class BarStore:
    """The part of a market store that exports read: hourly bars of two instruments, which a test may restate."""

    def __init__(self, rows: int = 50) -> None:
        self.listed = [instrument("BTC"), instrument("ETH")]
        self.start_ms = 1_700_000_000_000 // HOUR_MS * HOUR_MS
        self.rows = rows
        self.restated: dict[int, float] = {}
        self.reads = 0
        self.away = 0  # so many reads fail

    async def read(self, stream: StreamId, span: Span, *, ledger: bool = False) -> Mapping[str, Any]:
        assert ledger
        self.reads += 1
        if self.reads <= self.away:
            raise StoreUnavailable("the market store does not answer")
        times = self.start_ms + HOUR_MS * np.arange(self.rows, dtype=np.int64)
        times = times[(times >= span.start_ms) & (times < span.end_ms)]
        close = 100.0 + (times // HOUR_MS % 7)
        revision = np.zeros(len(times), dtype=np.int64)
        for place, value in self.restated.items():
            close[place], revision[place] = value, 1
        floats = {"open": close, "high": close + 1, "low": close - 1, "close": close}
        volumes = ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume")
        return {
            "open_time": times,
            **floats,
            **{name: np.ones(len(times)) for name in volumes},
            "revision": revision,
            "synthetic": np.zeros(len(times), dtype=bool),
        }

    async def read_rows(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        assert stream.kind is Kind.FUNDING
        return [{"time": self.start_ms, "rate": "0.0001", "mark_price": None}]

    async def instruments(self, *, as_of_ms: int | None = None) -> list[Instrument]:
        return self.listed

    def book(self) -> InstrumentBook:
        """The instruments known now."""
        return InstrumentBook(self.listed)


def check_anything(request: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """A kind of job whose request is always right."""
    return dict(request), "count"


class Queue:
    """Commands and service over one state store."""

    def __init__(self, state_store: StateStore, folder: Path, *, holder: str = "me", bus: EventBus | None = None) -> None:
        self.state_store = state_store
        self.bus = bus or MemoryBus()
        self.clock = SystemClock()
        self.bars = BarStore()
        self.alive = {"me"}
        self.exporter = Exporter(cast(MarketStore, self.bars), folder / "exports", self.bars.book)
        self.jobs = Jobs(state_store, self.clock, {"count": check_anything})
        self.config = JobsConfig(workers=2, beat_s=0.02, poll_s=0.02, lease_s=600)
        self.service = JobsService(
            state_store,
            self.bus,
            self.clock,
            exporter=self.exporter,
            engines={"processes": ProcessPool(ARGV)},
            holder=holder,
            is_alive=lambda name: name in self.alive,
            config=self.config,
        )
