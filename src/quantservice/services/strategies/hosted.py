"""One deployment at work: its process, the klines it waits for, and its signals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from quantservice.core.events import Kline, MarketEvent, StreamId
from quantservice.core.messages import Message, StrategySignal, Topic
from quantservice.core.periods import close_of, next_open
from quantservice.core.signals import Decision
from quantservice.ports import (
    Clock,
    Deployment,
    HostedAccount,
    HostedStrategy,
    HostedTicker,
    Muted,
    StateStore,
    StrategyHost,
    StrategyProcess,
)
from quantservice.services.strategies.config import StrategiesConfig
from quantservice.services.strategies.giving import Beside, MarketSource
from quantservice.services.strategies.remembering import Memory
from quantservice.services.strategies.seen import Seen, hosted_bar
from quantservice.services.strategies.writing import Act, RunWriter

_log = structlog.get_logger(__name__)
_MOST_WAITING: Final = 5_000

#: What a strategy may ask of its account at this moment; None where nothing trades for it.
AccountOf = Callable[[Deployment], Awaitable[HostedAccount | None]]


class HostedDeployment:
    """Feeds one strategy. :meth:`run` lasts until it is cancelled or the strategy fails (StrategyFault)."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        host: StrategyHost,
        source: MarketSource,
        state: StateStore,
        clock: Clock,
        config: StrategiesConfig,
        account_of: AccountOf,
        act: Act | None = None,
    ) -> None:
        self._deployment = deployment
        self.paused = deployment.state == "paused"
        self.figures = {"klines": 0, "decisions": 0, "signals": 0, "rebuilds": 0, "late_ms": 0}
        self.process: StrategyProcess | None = None
        self.warm = False  # from here on it is asked about live klines
        self._host = host
        self._clock = clock
        self._config = config
        self._account_of = account_of
        self._waiting: dict[int, dict[StreamId, tuple[Kline, Message]]] = {}
        self._since: dict[int, float] = {}
        self._changed_at: float | None = None
        self._healed: dict[StreamId, int] = {}  # the oldest kline of each that was absent, or other, when it was seen
        self._revised: dict[StreamId, int] = {}
        self._run_log = RunWriter(deployment, state, clock, act=act)
        self._seen = Seen(deployment, source)
        self._beside = Beside(deployment, source, state)
        self._memory = Memory(
            deployment, seen=self._seen, beside=self._beside, state=state, clock=clock, config=config, run_log=self._run_log
        )
        self._after: tuple[int, int, Message] | None = None  # open and close time of the last answered kline, and its cause
        self._wake = asyncio.Event()
        self._stopping = False

    @property
    def deployment(self) -> Deployment:
        """What it hosts, as it is configured now."""
        return self._deployment

    @deployment.setter
    def deployment(self, now: Deployment) -> None:
        self._deployment = self._run_log.deployment = now

    @property
    def streams(self) -> Sequence[StreamId]:
        """The klines that it lives on."""
        return self._seen.streams

    @property
    def hears_the_market(self) -> bool:
        """Whether it is given the market between klines."""
        return self._beside.wants.tickers

    # --- what happens outside ----------------------------------------------------------------------------------------

    def offer(self, kline: Kline, cause: Message) -> None:
        """Take a live closed kline of one of its streams."""
        last = self._seen.last.get(kline.stream)
        if last is not None and kline.open_time <= last:
            return
        if len(self._waiting) >= _MOST_WAITING:
            oldest = min(self._waiting)
            del self._waiting[oldest], self._since[oldest]
            self.note_change(kline)  # it is in the store: the strategy begins again from there
        self._waiting.setdefault(kline.open_time, {})[kline.stream] = (kline, cause)
        self._since.setdefault(kline.open_time, self._clock.monotonic())
        self._wake.set()

    def note_change(self, kline: Kline, *, revised: bool = False) -> None:
        """Take that a kline was healed or revised: what the strategy saw of it is no longer true."""
        began, last = self._seen.began.get(kline.stream), self._seen.last.get(kline.stream)
        if began is not None and last is not None and began <= kline.open_time <= last:
            self._changed_at = self._clock.monotonic()
            oldest = self._revised if revised else self._healed
            oldest[kline.stream] = min(oldest.get(kline.stream, kline.open_time), kline.open_time)

    def note_market(self, event: MarketEvent) -> None:
        """Take what the market says between klines."""
        self._beside.note(event)

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
            await self._memory.begin(process)
            self.warm = True
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                if self._changed_at is not None and self._clock.monotonic() - self._changed_at >= self._config.settle_s:
                    await self._rebuild(process)
                while not self._stopping and (open_time := self._ready()) is not None:
                    await self._feed(process, open_time)
                if self._beside.wants.tickers:
                    await self._tickers(process)
            await self._memory.save(process)
            await self._run_log.ended()
        finally:
            self.process, self.warm = None, False
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
        fresh = self._fresh(group, open_time)
        if not fresh:
            return
        newest = max(self._seen.last.values(), default=-1)
        if open_time < newest:  # others went on without it: out of order, so all begins again from the store
            for stream in fresh:
                self._seen.began.setdefault(stream, open_time)
                self._healed.setdefault(stream, open_time)
            self._changed_at = self._clock.monotonic()
            return
        await self._memory.catch_up(process, open_time)
        fresh = self._fresh(group, open_time)
        if fresh:
            await self._ask(process, [kline for kline, _cause in fresh.values()], next(iter(fresh.values()))[1])
            await self._memory.save_sometimes(process)

    def _fresh(self, group: dict[StreamId, tuple[Kline, Message]], open_time: int) -> dict[StreamId, tuple[Kline, Message]]:
        return {stream: item for stream, item in group.items() if open_time > self._seen.last.get(stream, -1)}

    async def _ask(self, process: StrategyProcess, klines: Sequence[Kline], cause: Message) -> None:
        """Give klines that closed together with what came beside them, and announce the answer."""
        bars = [hosted_bar(kline) for kline in klines]
        rates = await self._beside.funding.until(0, klines[0].close_time)
        muted = self._muted(klines[0].open_time)
        if muted and process.wants.acts:  # nothing would be done of its answer, and it would believe that it was
            await process.feed(bars, rates=rates, muted=True)
            self._count(klines)
            self._seen.note_bars(bars)
            self._after = None
            await self._run_log.silent(self._seen.last, acts=True)
            return
        account = await self._account_of(self.deployment)
        updates, heard = await self._beside.updates()
        decisions = await process.feed(bars, account, updates=updates, rates=rates, muted=bool(muted))
        self._beside.heard = heard
        self._count(klines, decisions)
        self._seen.note_bars(bars)
        self._after = (klines[0].open_time, klines[0].close_time, cause)
        signal = self._signal(decisions, klines[0].open_time, klines[0].close_time, cause) if decisions and not muted else None
        await self._run_log.asked(klines, bars, decisions, account=account, muted=muted, signal=signal, rates=rates, heard=heard)
        self.figures["signals"] += signal is not None

    def _muted(self, open_time: int) -> Muted:
        """Say why nothing will be done of the answer to a kline."""
        if self.paused:
            return "paused"
        period = self.deployment.period
        return "stale" if self._clock.now_ms() > close_of(period, next_open(period, open_time)) else ""

    def _count(self, klines: Sequence[Kline], decisions: Sequence[Decision] = ()) -> None:
        self.figures["klines"] += len(klines)
        self.figures["decisions"] += len(decisions)
        self.figures["late_ms"] = max(0, self._clock.now_ms() - klines[0].close_time)

    async def _tickers(self, process: StrategyProcess) -> None:
        """Give the market between klines, where there was one since."""
        if self._after is None or self.paused:
            return
        for ticker in self._beside.due(self._clock.now_ms()):
            await self._ask_between(process, ticker, *self._after)

    async def _ask_between(
        self, process: StrategyProcess, ticker: HostedTicker, open_time: int, close_time: int, cause: Message
    ) -> None:
        account = await self._account_of(self.deployment)
        decisions = await process.ticker(ticker, account)
        self.figures["decisions"] += len(decisions)
        signal = self._signal(decisions, open_time, close_time, cause) if decisions else None
        await self._run_log.ticked(
            ticker, open_time, close_time, decisions, account=account, signal=signal, heard=self._beside.heard
        )
        self.figures["signals"] += signal is not None

    def _signal(self, decisions: Sequence[Decision], open_time: int, close_time: int, cause: Message) -> Message:
        signal = StrategySignal(
            deployment=self.deployment.id,
            name=self.deployment.name,
            strategy=self.deployment.strategy,
            version=self.deployment.version,
            account=self.deployment.account,
            open_time=open_time,
            close_time=close_time,
            decisions=tuple(decisions),
        )
        return cause.caused(topic=Topic.SIGNAL, data=signal, event_type="signal.new", key=self.deployment.id)

    async def _rebuild(self, process: StrategyProcess) -> None:
        self._changed_at, healed, revised = None, dict(self._healed), dict(self._revised)
        self._healed.clear()
        self._revised.clear()
        await self._memory.rebuild(process, healed=healed, revised=revised)
        self.figures["rebuilds"] += 1
