"""A strategy's memory: made from the store, saved, taken up again after a restart, mended when its past was healed.

The memory of a strategy that acts (see HostedWants.acts) is never made again from klines, because that would invent acts. After a
crash it goes on from the last save by what the run's log says it was asked since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import StreamId
from quantservice.core.periods import close_of
from quantservice.ports import (
    WINDOW_SCOPE,
    Clock,
    Deployment,
    DeploymentSnapshot,
    HostedBars,
    HostedRate,
    RunAsked,
    RunRebuilt,
    StateStore,
    StrategyProcess,
    fact_of,
)
from quantservice.services.strategies.config import StrategiesConfig
from quantservice.services.strategies.giving import Beside
from quantservice.services.strategies.seen import Seen, length_of, span_of
from quantservice.services.strategies.writing import RunWriter

_log = structlog.get_logger(__name__)
_PAGE: Final = 5_000


class Memory:
    """What the process of one deployment remembers, and how far that reaches."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        seen: Seen,
        beside: Beside,
        state: StateStore,
        clock: Clock,
        config: StrategiesConfig,
        run_log: RunWriter,
    ) -> None:
        self.seen, self.beside = seen, beside
        self._deployment, self._state, self._clock = deployment, state, clock
        self._config, self._run_log = config, run_log
        self._saved_at = float("-inf")
        self._window_bars = 0  # as kept

    # --- beginning ---------------------------------------------------------------------------------------------------

    async def begin(self, process: StrategyProcess) -> None:
        """Go on from what was saved, or warm up from the newest stored klines."""
        self.beside.wants = process.wants
        async with self._state.transaction() as work:
            snapshot = await work.deployments.last_state(self._deployment.id)
        if snapshot is not None and snapshot.code_hash == self._key() and await self._go_on(process, snapshot.state):
            resumed = True
        else:
            self.beside.heard = await self._run_log.last()  # what became of orders before is not its own
            await self._begin_anew(process)
            resumed = False
        await self._run_log.began(
            resumed=resumed, wants=process.wants, heard=self.beside.heard, first=self.seen.began, last=self.seen.last
        )
        await self._keep_window(process)

    async def _begin_anew(self, process: StrategyProcess) -> None:
        tables = await self.seen.newest(self._config.warm_up_bars)
        count = await process.warm_up(tables, rates=await self._rates(tables))
        self.seen.note(tables)
        _log.info("deployment.warmed_up", deployment=self._deployment.name, klines=count)

    async def _go_on(self, process: StrategyProcess, saved: Mapping[str, Any]) -> bool:
        """Take up what was saved; False, and nothing is changed, where too much happened since."""
        last = {StreamId.parse(name): int(time) for name, time in saved["last"].items()}
        self.seen.last = last
        missed = await self.seen.unseen()
        far = max(map(length_of, missed), default=0) > self._config.warm_up_bars
        acts = process.wants.acts or bool(saved["memory"].get("acts"))
        if far and not acts:
            self.seen.last = {}
            return False
        self.seen.began = {StreamId.parse(name): int(time) for name, time in saved["began"].items()}
        self.beside.funding.given = {name: int(time) for name, time in saved.get("paid", {}).items()}
        self.beside.heard = int(saved.get("heard", 0))
        await process.warm_up([], saved["memory"])
        if acts:
            await self._relive(process, after=int(saved.get("place", 0)))
        if far:  # what it did stays remembered; its indicators begin with the newest klines
            tables = await self.seen.newest(self._config.warm_up_bars)
            await process.rebuild(tables, rates=await self._rates(tables))
            self.seen.note(tables)
        else:
            await self._give(process, await self.seen.unseen())
        return True

    async def _relive(self, process: StrategyProcess, *, after: int) -> None:
        """Give again what was given since the memory was saved: with what was seen then, so that it answers the same."""
        rebuilt = False
        while True:
            async with self._state.transaction() as work:
                events = await work.runs.read(self._deployment.id, after=after, limit=_PAGE)
            for event in events:
                fact = fact_of(event.data)
                rebuilt |= isinstance(fact, RunRebuilt)
                if isinstance(fact, RunAsked):
                    await self._ask_again(process, fact)
            if len(events) < _PAGE:
                break
            after = events[-1].sequence
        if rebuilt:
            await self._anew_from_store(process)

    async def _ask_again(self, process: StrategyProcess, fact: RunAsked) -> None:
        if fact.ticker is not None:
            await process.ticker(fact.ticker, fact.account)
            return
        await self._give(process, await self.seen.unseen(before=fact.open_time))
        updates, _ = await self.beside.updates(fact.heard)
        await process.feed(fact.bars, fact.account, updates=updates, rates=fact.rates, muted=bool(fact.muted))
        self.beside.heard = max(self.beside.heard, fact.heard)
        self.beside.funding.note(fact.rates)
        self.seen.note_bars(fact.bars)

    # --- on the way --------------------------------------------------------------------------------------------------

    async def catch_up(self, process: StrategyProcess, open_time: int) -> None:
        """Give silently what is stored between the last kline seen and this one: it closed while the strategy was away."""
        if await self._give(process, await self.seen.unseen(before=open_time)):
            await self._run_log.silent(self.seen.last, acts=process.wants.acts)

    async def rebuild(self, process: StrategyProcess, *, healed: Mapping[StreamId, int], revised: Mapping[StreamId, int]) -> None:
        """Begin again silently from the store, where klines of the past are no longer what the strategy saw."""
        await self._anew_from_store(process)
        await self._run_log.rebuilt(self.seen.last, healed=healed, revised=revised)
        _log.info("deployment.rebuilt", deployment=self._deployment.name)

    async def _anew_from_store(self, process: StrategyProcess) -> None:
        tables = await self.seen.whole()
        await process.rebuild(tables, rates=await self._rates(tables))
        self.seen.last.clear()
        self.seen.note(tables)

    async def _give(self, process: StrategyProcess, tables: Sequence[HostedBars]) -> bool:
        if tables:
            span = span_of(tables)
            rates = [] if span is None else await self.beside.funding.until(0, close_of(self._deployment.period, span[1]))
            await process.warm_up(tables, rates=rates)
            self.seen.note(tables)
        return bool(tables)

    async def _rates(self, tables: Sequence[HostedBars]) -> list[HostedRate]:
        """Return the funding rates of the times of tables, which begin a memory."""
        self.beside.funding.given.clear()
        span = span_of(tables)
        return [] if span is None else await self.beside.funding.until(span[0], close_of(self._deployment.period, span[1]))

    # --- saving ------------------------------------------------------------------------------------------------------

    async def save_sometimes(self, process: StrategyProcess) -> None:
        """Save where the last save is long ago; on how many bars its answers rest, at once."""
        await self._keep_window(process)
        if self._clock.monotonic() - self._saved_at >= self._config.snapshot_s:
            await self.save(process)

    async def save(self, process: StrategyProcess) -> None:
        """Save; a store that is away is said, not raised."""
        self._saved_at = self._clock.monotonic()
        memory = {
            "memory": await process.snapshot(),
            "last": {str(stream): time for stream, time in self.seen.last.items()},
            "began": {str(stream): time for stream, time in self.seen.began.items()},
            "paid": self.beside.funding.given,
            "heard": self.beside.heard,
            "place": self._run_log.place,
        }
        snapshot = DeploymentSnapshot(
            deployment_id=self._deployment.id, saved_ms=self._clock.now_ms(), code_hash=self._key(), state=memory
        )
        try:
            async with self._state.transaction() as work:
                await work.deployments.save_state(snapshot)
        except EnvironmentFault as error:  # it is saved again soon; after a crash what was given since is given again
            _log.warning("deployment.not_saved", deployment=self._deployment.name, reason=str(error))

    async def _keep_window(self, process: StrategyProcess) -> None:
        """Keep on how many bars its answers rest, which risk control asks for."""
        bars = process.wants.window_bars
        if bars == self._window_bars:
            return
        try:
            async with self._state.transaction() as work:
                await work.values.put(WINDOW_SCOPE, self._deployment.id, bars)
            self._window_bars = bars
        except EnvironmentFault as error:  # it is tried again after the next kline
            _log.warning("deployment.not_saved", deployment=self._deployment.name, reason=str(error))

    def _key(self) -> str:
        """Memory fits only the code, parameters, instruments and period that it was made with."""
        made = self._deployment
        return msgspec.json.encode((made.code_hash, made.parameters, made.instruments, made.period), order="sorted").decode()
