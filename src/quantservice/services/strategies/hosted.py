"""One deployment at work: its process, the klines it waits for, its memory, and its signals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Message, StrategySignal, Topic
from quantservice.core.periods import close_of, next_open
from quantservice.core.signals import Decision
from quantservice.core.spans import Span
from quantservice.ports import (
    Clock,
    Columns,
    Deployment,
    DeploymentSnapshot,
    HostedAccount,
    HostedBar,
    HostedBars,
    HostedStrategy,
    StateStore,
    StrategyHost,
    StrategyProcess,
)
from quantservice.services.strategies.config import StrategiesConfig

_log = structlog.get_logger(__name__)
_LATEST: Final = 2**62
_MOST_WAITING: Final = 5_000
_FLOATS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)

#: What a strategy may ask of its account at this moment; None where nothing trades for it.
AccountOf = Callable[[Deployment], Awaitable[HostedAccount | None]]


class KlineSource(Protocol):
    """What of the market store is needed."""

    async def read(self, stream: StreamId, span: Span, *, limit: int | None = None, newest: bool = False) -> Columns:
        """Current klines as float64 columns."""
        ...


class HostedDeployment:
    """Feeds one strategy. :meth:`run` lasts until it is cancelled or the strategy fails (StrategyFault)."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        host: StrategyHost,
        source: KlineSource,
        state: StateStore,
        clock: Clock,
        config: StrategiesConfig,
        account_of: AccountOf,
    ) -> None:
        self.deployment = deployment
        self.paused = deployment.state == "paused"
        self.streams = tuple(StreamId.kline(InstrumentId.parse(name), deployment.period) for name in deployment.instruments)
        self.figures = {"klines": 0, "decisions": 0, "signals": 0, "rebuilds": 0, "late_ms": 0}
        self.process: StrategyProcess | None = None
        self._host = host
        self._source = source
        self._state = state
        self._clock = clock
        self._config = config
        self._account_of = account_of
        self._waiting: dict[int, dict[StreamId, tuple[Kline, Message]]] = {}
        self._since: dict[int, float] = {}
        self._last: dict[StreamId, int] = {}
        self._began: dict[StreamId, int] = {}
        self._changed_at: float | None = None
        self._saved_at = float("-inf")
        self._wake = asyncio.Event()
        self._stopping = False

    # --- what happens outside ----------------------------------------------------------------------------------------

    def offer(self, kline: Kline, cause: Message) -> None:
        """Take a live closed kline of one of its streams."""
        last = self._last.get(kline.stream)
        if last is not None and kline.open_time <= last:
            return
        if len(self._waiting) >= _MOST_WAITING:
            oldest = min(self._waiting)
            del self._waiting[oldest], self._since[oldest]
            self.note_change(kline)  # it is in the store: the strategy begins again from there
        self._waiting.setdefault(kline.open_time, {})[kline.stream] = (kline, cause)
        self._since.setdefault(kline.open_time, self._clock.monotonic())
        self._wake.set()

    def note_change(self, kline: Kline) -> None:
        """Take that a kline was healed or revised: what the strategy saw of it is no longer true."""
        began, last = self._began.get(kline.stream), self._last.get(kline.stream)
        if began is not None and last is not None and began <= kline.open_time <= last:
            self._changed_at = self._clock.monotonic()

    def tick(self) -> None:
        """Look again: klines that were waited for may be overdue."""
        self._wake.set()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Make :meth:`run` return after what it does now, with the strategy's memory saved."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Start the process, warm up, feed until :meth:`stop`; a strategy that fails ends it with its StrategyFault."""
        hosted = HostedStrategy(
            strategy=self.deployment.strategy,
            parameters=self.deployment.parameters,
            instruments=self.deployment.instruments,
            period=self.deployment.period,
        )
        self.process = process = await self._host.start(hosted)
        try:
            await self._warm_up(process)
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                if self._changed_at is not None and self._clock.monotonic() - self._changed_at >= self._config.settle_s:
                    await self._rebuild(process)
                while not self._stopping and (open_time := self._ready()) is not None:
                    await self._feed(process, open_time)
            await self._save(process)
        finally:
            self.process = None
            await process.close()

    def _ready(self) -> int | None:
        if not self._waiting:
            return None
        first = min(self._waiting)
        whole = len(self._waiting[first]) == len(self.streams)
        overdue = self._clock.monotonic() - self._since[first] >= self._config.together_s
        return first if whole or overdue else None

    async def _feed(self, process: StrategyProcess, open_time: int) -> None:
        group = self._waiting.pop(open_time)
        del self._since[open_time]
        fresh = {stream: item for stream, item in group.items() if open_time > self._last.get(stream, -1)}
        if not fresh:
            return
        newest = max(self._last.values(), default=-1)
        if open_time < newest:  # others went on without it: out of order, so all begins again from the store
            for stream in fresh:
                self._began.setdefault(stream, open_time)
            self._changed_at = self._clock.monotonic()
            return
        await self._catch_up(process, open_time)
        fresh = {stream: item for stream, item in fresh.items() if open_time > self._last.get(stream, -1)}
        if not fresh:
            return
        klines = [kline for kline, _cause in fresh.values()]
        account = await self._account_of(self.deployment)
        decisions = await process.feed([_bar(kline) for kline in klines], account)
        for kline in klines:
            self._last[kline.stream] = kline.open_time
            self._began.setdefault(kline.stream, kline.open_time)
        self.figures["klines"] += len(klines)
        self.figures["decisions"] += len(decisions)
        now_ms = self._clock.now_ms()
        self.figures["late_ms"] = max(0, now_ms - klines[0].close_time)
        stale = now_ms > close_of(self.deployment.period, next_open(self.deployment.period, open_time))
        if decisions and not stale and not self.paused:
            await self._announce(decisions, klines[0], next(iter(fresh.values()))[1])
        if self._clock.monotonic() - self._saved_at >= self._config.snapshot_s:
            await self._save(process)

    async def _announce(self, decisions: Sequence[Decision], kline: Kline, cause: Message) -> None:
        signal = StrategySignal(
            deployment=self.deployment.id,
            name=self.deployment.name,
            strategy=self.deployment.strategy,
            version=self.deployment.version,
            account=self.deployment.account,
            open_time=kline.open_time,
            close_time=kline.close_time,
            decisions=tuple(decisions),
        )
        message = cause.caused(topic=Topic.SIGNAL, data=signal, event_type="signal.new", key=self.deployment.id)
        async with self._state.transaction() as work:
            await work.outbox.add(message)
        self.figures["signals"] += 1

    # --- memory ------------------------------------------------------------------------------------------------------

    async def _warm_up(self, process: StrategyProcess) -> None:
        async with self._state.transaction() as work:
            snapshot = await work.deployments.last_state(self.deployment.id)
        if snapshot is not None and snapshot.code_hash == self._memory_key():
            last = {StreamId.parse(name): int(time) for name, time in snapshot.state["last"].items()}
            began = {StreamId.parse(name): int(time) for name, time in snapshot.state["began"].items()}
            tables = [await self._read(stream, last.get(stream, -1) + 1, limit=None) for stream in self.streams]
            longest = max((len(table.columns["open_time"]) // 8 for table in tables), default=0)
            if longest <= self._config.warm_up_bars:
                await process.warm_up(tables, snapshot.state["memory"])
                self._last, self._began = last, began
                self._note(tables)
                return
        tables = [await self._read(stream, 0, limit=self._config.warm_up_bars) for stream in self.streams]
        count = await process.warm_up(tables)
        self._note(tables)
        _log.info("deployment.warmed_up", deployment=self.deployment.name, klines=count)

    async def _catch_up(self, process: StrategyProcess, open_time: int) -> None:
        """Give silently what is stored between the last kline seen and this one: it closed while the strategy was away."""
        tables = []
        for stream in self.streams:
            last = self._last.get(stream)
            if last is not None and next_open(self.deployment.period, last) < open_time:
                tables.append(await self._read(stream, last + 1, end=open_time, limit=None))
        tables = [table for table in tables if table.columns["open_time"]]
        if tables:
            await process.warm_up(tables)
            self._note(tables)

    async def _rebuild(self, process: StrategyProcess) -> None:
        self._changed_at = None
        tables = [await self._read(stream, self._began.get(stream, 0), limit=None) for stream in self.streams]
        await process.rebuild(tables)
        self._last.clear()
        self._note(tables)
        self.figures["rebuilds"] += 1
        _log.info("deployment.rebuilt", deployment=self.deployment.name)

    async def _save(self, process: StrategyProcess) -> None:
        self._saved_at = self._clock.monotonic()
        memory = {
            "memory": await process.snapshot(),
            "last": {str(stream): time for stream, time in self._last.items()},
            "began": {str(stream): time for stream, time in self._began.items()},
        }
        snapshot = DeploymentSnapshot(
            deployment_id=self.deployment.id, saved_ms=self._clock.now_ms(), code_hash=self._memory_key(), state=memory
        )
        try:
            async with self._state.transaction() as work:
                await work.deployments.save_state(snapshot)
        except EnvironmentFault as error:  # it is saved again soon; after a crash the klines since are replayed
            _log.warning("deployment.not_saved", deployment=self.deployment.name, reason=str(error))

    def _memory_key(self) -> str:
        """Memory fits only the code, parameters, instruments and period that it was made with."""
        made_with = (self.deployment.code_hash, self.deployment.parameters, self.deployment.instruments, self.deployment.period)
        return msgspec.json.encode(made_with, order="sorted").decode()

    async def _read(self, stream: StreamId, start: int, *, end: int = _LATEST, limit: int | None) -> HostedBars:
        columns = await self._source.read(stream, Span(max(start, 0), end), limit=limit, newest=limit is not None)
        return HostedBars(str(stream.instrument), stream.period, _bytes(columns))

    def _note(self, tables: Sequence[HostedBars]) -> None:
        for table in tables:
            opens = np.frombuffer(table.columns["open_time"], dtype="<i8")
            if len(opens):
                stream = StreamId.kline(InstrumentId.parse(table.instrument), table.period)
                self._last[stream] = int(opens[-1])
                self._began.setdefault(stream, int(opens[0]))


def _bytes(columns: Mapping[str, Any]) -> dict[str, bytes]:
    made = {name: np.ascontiguousarray(columns[name], dtype="<f8").tobytes() for name in _FLOATS}
    made["open_time"] = np.ascontiguousarray(columns["open_time"], dtype="<i8").tobytes()
    return made


def _bar(kline: Kline) -> HostedBar:
    return HostedBar(
        str(kline.instrument),
        kline.open_time,
        kline.close_time,
        float(kline.open),
        float(kline.high),
        float(kline.low),
        float(kline.close),
        float(kline.volume),
        float(kline.quote_volume),
        kline.count,
        float(kline.taker_buy_base_volume),
        float(kline.taker_buy_quote_volume),
    )
