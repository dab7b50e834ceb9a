"""Writes down what a deployment's strategy was given and what it answered, for parity to replay (table run_event)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import Kline, StreamId
from quantservice.core.messages import Message
from quantservice.core.signals import Decision
from quantservice.ports import (
    Clock,
    Deployment,
    HostedAccount,
    HostedBar,
    HostedRate,
    HostedTicker,
    HostedWants,
    Muted,
    RunAsked,
    RunBegan,
    RunEnded,
    RunFact,
    RunRebuilt,
    RunSilent,
    StateStore,
    UnitOfWork,
    kind_of,
)

_log = structlog.get_logger(__name__)
#: Acts on a signal in the commit that announces it (what is written may run twice); False: nothing was done, nothing written.
Act: TypeAlias = Callable[[Deployment, Message, Callable[[UnitOfWork], Awaitable[None]]], Awaitable[bool]]


class RunWriter:
    """One deployment's run. What a signal follows from is in the signal's own commit; the rest is lost where the store is away."""

    def __init__(self, deployment: Deployment, state: StateStore, clock: Clock, *, act: Act | None = None) -> None:
        self.deployment, self._state, self._clock, self._act = deployment, state, clock, act
        self.place = 0  # of the last row that was written

    async def last(self) -> int:
        """Return the place of the last row of the run, whoever wrote it."""
        async with self._state.transaction() as work:
            return await work.runs.last(self.deployment.id)

    async def began(
        self, *, resumed: bool, wants: HostedWants, heard: int, first: Mapping[StreamId, int], last: Mapping[StreamId, int]
    ) -> None:
        """The strategy is warm. Raises EnvironmentFault where the store is away: where it begins must be known."""
        made = self.deployment
        await self._append(
            RunBegan(
                version=made.version,
                strategy=made.strategy,
                parameters=made.parameters,
                code_hash=made.code_hash,
                instruments=made.instruments,
                period=made.period,
                account=made.account,
                resumed=resumed,
                acts=wants.acts,
                heard=heard,
                funding=wants.funding,
                first=_by_name(first),
                last=_by_name(last),
            )
        )

    async def asked(
        self,
        klines: Sequence[Kline],
        bars: Sequence[HostedBar],
        decisions: Sequence[Decision],
        *,
        account: HostedAccount | None,
        muted: Muted,
        signal: Message | None,
        rates: Sequence[HostedRate] = (),
        heard: int = 0,
    ) -> None:
        """Klines were answered; ``signal`` is announced by the same commit."""
        fact = RunAsked(
            open_time=klines[0].open_time,
            close_time=klines[0].close_time,
            bars=tuple(bars),
            received_ns=tuple(kline.recv_ns for kline in klines),
            account=account,
            decisions=tuple(decisions),
            muted=muted,
            signal="" if signal is None else signal.event_id,
            rates=tuple(rates),
            heard=heard,
        )
        await self._write(fact, signal)

    async def ticked(
        self,
        ticker: HostedTicker,
        open_time: int,
        close_time: int,
        decisions: Sequence[Decision],
        *,
        account: HostedAccount | None,
        signal: Message | None,
        heard: int,
    ) -> None:
        """The market between klines was answered, after the kline of ``open_time``."""
        fact = RunAsked(
            open_time=open_time,
            close_time=close_time,
            bars=(),
            account=account,
            decisions=tuple(decisions),
            signal="" if signal is None else signal.event_id,
            heard=heard,
            ticker=ticker,
        )
        await self._write(fact, signal)

    async def silent(self, last: Mapping[StreamId, int], *, acts: bool) -> None:
        """Klines were given without an answer being asked."""
        await self._write(RunSilent(last=_by_name(last), acts=acts))

    async def rebuilt(
        self, last: Mapping[StreamId, int], *, healed: Mapping[StreamId, int], revised: Mapping[StreamId, int]
    ) -> None:
        """The strategy began again from healed or revised klines."""
        await self._write(RunRebuilt(last=_by_name(last), healed=_by_name(healed), revised=_by_name(revised)))

    async def ended(self) -> None:
        """The process is stopped in order."""
        await self._write(RunEnded())

    async def _write(self, fact: RunFact, signal: Message | None = None) -> None:
        try:
            await self._append(fact, signal)
        except EnvironmentFault as error:
            if signal is not None:
                raise
            _log.warning("deployment.not_written", deployment=self.deployment.name, what=kind_of(fact), reason=str(error))

    async def _append(self, fact: RunFact, signal: Message | None = None) -> None:
        place = 0

        async def write(work: UnitOfWork) -> None:
            nonlocal place
            if signal is not None:
                await work.outbox.add(signal)
            place = await work.runs.append(
                self.deployment.id, kind_of(fact), msgspec.to_builtins(fact), time_ns=self._clock.now_ns()
            )

        if signal is None or self._act is None or not await self._act(self.deployment, signal, write):
            async with self._state.transaction() as work:
                await write(work)
        self.place = place


def _by_name(times: Mapping[StreamId, int]) -> dict[str, int]:
    return {str(stream.instrument): time for stream, time in times.items()}
