"""The hosting service: which deployments run, and who is told when one fails.

Each deployment has a task and a process of its own. One that raises, blocks, leaks or dies is ended with the reason; the others
do not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog

from quantservice.core.errors import EnvironmentFault, QuantServiceError
from quantservice.core.events import Kline, StreamId
from quantservice.core.messages import MarketBatch, Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.ports import Clock, Deployment, EventBus, HostedAccount, StateStore, StrategyFault, StrategyHost
from quantservice.services.strategies.commands import CHANGED, Deployments
from quantservice.services.strategies.config import GROUP, StrategiesConfig
from quantservice.services.strategies.giving import MarketSource
from quantservice.services.strategies.hosted import AccountOf, HostedDeployment
from quantservice.services.strategies.writing import Act

_log = structlog.get_logger(__name__)
_TICK_S: Final = 0.5
_CAPACITY: Final = 100_000
_RETRY_S: Final = 5.0


async def no_account(_deployment: Deployment) -> HostedAccount | None:
    """Answer for a platform that does not trade."""
    return None


class StrategiesService:
    """Runs the deployments that are started."""

    name = GROUP
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_STORED, Topic.COMMAND)
    produces: tuple[str, ...] = (Topic.SIGNAL, Topic.SYSTEM)

    def __init__(  # noqa: PLR0913 - the ports that it works with, by name
        self,
        *,
        host: StrategyHost,
        source: MarketSource,
        state: StateStore,
        bus: EventBus,
        clock: Clock,
        deployments: Deployments,
        config: StrategiesConfig,
        account_of: AccountOf = no_account,
        act: Act | None = None,
    ) -> None:
        self._host = host
        self._source = source
        self._state = state
        self._bus = bus
        self._clock = clock
        self._deployments = deployments
        self._config = config
        self._account_of = account_of
        self._act = act
        self._hosted: dict[str, HostedDeployment] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._by_stream: dict[StreamId, list[HostedDeployment]] = {}
        self._failed = 0

    async def run(self) -> None:
        """Host until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_klines())
                tasks.create_task(self._follow_stored())
                tasks.create_task(self._follow_commands())
                tasks.create_task(self._tick())
        finally:
            await asyncio.gather(*(self._end(key) for key in list(self._tasks)))
            await self._host.close()

    def stats(self) -> Mapping[str, Any]:
        """Deployments that run, and the sums of their figures since they were started."""
        figures: dict[str, Any] = {"running": len(self._hosted), "failed": self._failed}
        for name in ("klines", "decisions", "signals", "rebuilds"):
            figures[name] = sum(hosted.figures[name] for hosted in self._hosted.values())
        figures["late_ms"] = max((hosted.figures["late_ms"] for hosted in self._hosted.values()), default=0)
        return figures

    def running(self) -> dict[str, dict[str, Any]]:
        """Per running deployment: its figures, process and memory."""
        return {
            key: {
                **hosted.figures,
                "pid": hosted.process.pid if hosted.process is not None else 0,
                "memory_bytes": hosted.process.memory_bytes() if hosted.process is not None else 0,
            }
            for key, hosted in self._hosted.items()
        }

    # --- following ---------------------------------------------------------------------------------------------------

    async def _follow_klines(self) -> None:
        async with self._bus.subscribe((Topic.MARKET_LIVE,), group=GROUP, overflow=Overflow.BLOCK, capacity=_CAPACITY) as inbox:
            async for messages in inbox:
                for message in messages:
                    if type(message.data) is MarketBatch:
                        self._offer(message)
                await inbox.commit()

    def _offer(self, message: Message) -> None:
        by_stream = self._by_stream
        listening = [hosted for hosted in self._hosted.values() if hosted.hears_the_market]
        for event in message.data.events:
            for hosted in listening:
                if str(event.stream.instrument) in hosted.deployment.instruments:
                    hosted.note_market(event)
            if type(event) is Kline and event.closed:
                for hosted in by_stream.get(event.stream, ()):
                    hosted.offer(event, message)

    async def _follow_stored(self) -> None:
        async with self._bus.subscribe((Topic.MARKET_STORED,), group=GROUP, overflow=Overflow.BLOCK, capacity=_CAPACITY) as inbox:
            async for messages in inbox:
                for message in messages:
                    if type(message.data) is StoredBatch:
                        changed = [kline for kline in message.data.new if kline.source != "ws"]
                        told = [(kline, False) for kline in changed] + [(kline, True) for kline, _ in message.data.revised]
                        for kline, revised in told:
                            for hosted in self._by_stream.get(kline.stream, ()):
                                hosted.note_change(kline, revised=revised)
                await inbox.commit()

    async def _follow_commands(self) -> None:
        await self._arrange()
        async with self._bus.subscribe((Topic.COMMAND,), group=GROUP, overflow=Overflow.BLOCK, capacity=1_000) as inbox:
            await self._arrange()
            async for messages in inbox:
                if any(message.event_type == CHANGED for message in messages):
                    await self._arrange()
                await inbox.commit()

    async def _tick(self) -> None:
        looked_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(_TICK_S)
            for hosted in self._hosted.values():
                hosted.tick()
            if self._clock.monotonic() - looked_at >= self._config.memory_s:
                looked_at = self._clock.monotonic()
                for hosted in list(self._hosted.values()):
                    if hosted.process is not None:
                        await hosted.process.check_memory()

    # --- who runs ----------------------------------------------------------------------------------------------------

    async def _arrange(self) -> None:
        """Make what runs be what is started: the state store says it."""
        try:
            wanted = {item.id: item for item in await self._deployments.list() if item.state in ("running", "paused")}
        except EnvironmentFault as error:
            _log.warning("deployments.not_read", reason=str(error))
            return
        for key in [key for key, hosted in self._hosted.items() if not _same(hosted.deployment, wanted.get(key))]:
            await self._end(key)
        for key, deployment in wanted.items():
            hosted = self._hosted.get(key)
            if hosted is None:
                self._begin(deployment)
            else:
                hosted.paused = deployment.state == "paused"
                hosted.deployment = deployment

    def _begin(self, deployment: Deployment) -> None:
        hosted = HostedDeployment(
            deployment,
            host=self._host,
            source=self._source,
            state=self._state,
            clock=self._clock,
            config=self._config,
            account_of=self._account_of,
            act=self._act,
        )
        self._hosted[deployment.id] = hosted
        for stream in hosted.streams:
            self._by_stream.setdefault(stream, []).append(hosted)
        self._tasks[deployment.id] = asyncio.create_task(self._host_one(hosted), name=f"deployment:{deployment.name}")

    async def _end(self, key: str) -> None:
        task, hosted = self._tasks.pop(key, None), self._hosted.get(key)
        self._forget(key)
        if task is None or hosted is None:
            return
        hosted.stop()
        await asyncio.wait({task}, timeout=self._config.stop_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _forget(self, key: str) -> None:
        hosted = self._hosted.pop(key, None)
        if hosted is not None:
            for stream in hosted.streams:
                self._by_stream[stream].remove(hosted)

    async def _host_one(self, hosted: HostedDeployment) -> None:
        key = hosted.deployment.id
        while True:
            try:
                await hosted.run()
            except EnvironmentFault as error:  # a store is away: the strategy is not to blame
                _log.warning("deployment.waits", deployment=hosted.deployment.name, reason=str(error))
                await self._clock.sleep(_RETRY_S)
                continue
            except QuantServiceError as error:
                await self._report(hosted, error)
            self._tasks.pop(key, None)
            self._forget(key)
            return

    async def _report(self, hosted: HostedDeployment, error: QuantServiceError) -> None:
        self._failed += 1
        kind = error.kind if isinstance(error, StrategyFault) else "refused"
        trace = error.trace if isinstance(error, StrategyFault) else ""
        name = hosted.deployment.name
        _log.error("deployment.failed", deployment=name, kind=kind, reason=str(error), trace=trace)
        await self._deployments.fail(hosted.deployment.id, f"{kind}: {error}")
        event = SystemEvent(name="deployment.failed", level="critical", detail=f"{name} was stopped: {kind}: {error}")
        await self._bus.publish([Message(topic=Topic.SYSTEM, event_type="system.deployment.failed", key=name, data=event)])


def _same(running: Deployment, wanted: Deployment | None) -> bool:
    """Say whether a running deployment may go on as it is: only pausing changes nothing for its process."""
    if wanted is None:
        return False
    return (running.strategy, running.parameters, running.code_hash, running.instruments, running.period, running.account) == (
        wanted.strategy,
        wanted.parameters,
        wanted.code_hash,
        wanted.instruments,
        wanted.period,
        wanted.account,
    )
