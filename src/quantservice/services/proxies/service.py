"""Keeps the venues' ways out as the registry has them, and their idea of the venue's clock fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError, StoreUnavailable
from quantservice.core.messages import Command, Overflow, Topic
from quantservice.ports import Clock, EventBus, History, ProxyRecord, StateStore

log = structlog.get_logger(__name__)


class UsesProxies(Protocol):
    """The part of a venue's market that this service looks after."""

    @property
    def history(self) -> History: ...  # noqa: D102 - the class says it
    def set_proxies(self, proxies: Iterable[ProxyRecord]) -> None: ...  # noqa: D102 - the class says it


class EgressConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two readings of the venue's clock and of the registry; the latter is for writers in other processes."""

    clock_every_s: float = 3_600.0
    recheck_s: float = 60.0
    retry_s: float = 5.0
    command_capacity: int = 100


class EgressService:
    """Gives every venue the registered proxies, at once when they change. ``configured``: those of the settings, always there."""

    name = "egress"
    consumes: tuple[str, ...] = (Topic.COMMAND,)
    produces: tuple[str, ...] = ()

    def __init__(
        self,
        venues: Mapping[tuple[str, str], UsesProxies],
        *,
        state_store: StateStore,
        bus: EventBus,
        clock: Clock,
        configured: Sequence[ProxyRecord] = (),
        config: EgressConfig | None = None,
    ) -> None:
        self._venues = venues
        self._state_store = state_store
        self._bus = bus
        self._clock = clock
        self._configured = tuple(configured)
        self._config = config or EgressConfig()
        self._changed = asyncio.Event()
        self._proxies = 0
        self._clock_readings = 0
        self._clock_failures = 0

    async def run(self) -> None:
        """Look after the venues until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep_proxies())
            group.create_task(self._keep_clocks())

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {"proxies": self._proxies, "clock_readings": self._clock_readings, "clock_failures": self._clock_failures}

    async def _listen(self) -> None:
        async with self._bus.subscribe(
            [Topic.COMMAND], group=self.name, overflow=Overflow.DROP_OLDEST, capacity=self._config.command_capacity
        ) as commands:
            async for messages in commands:
                if any(isinstance(item.data, Command) and item.data.name == "proxies.changed" for item in messages):
                    self._changed.set()
                await commands.commit()

    async def _keep_proxies(self) -> None:
        known: tuple[ProxyRecord, ...] | None = None
        while True:
            wait_s = self._config.recheck_s
            try:
                known = await self._apply(known)
            except StoreUnavailable:
                wait_s = self._config.retry_s  # the venues go on with what they have; the outbox says that the store is away
            await self._until_changed(wait_s)

    async def _apply(self, known: tuple[ProxyRecord, ...] | None) -> tuple[ProxyRecord, ...]:
        async with self._state_store.transaction() as work:
            registered = await work.proxies.list(enabled_only=True)
        wanted = (*registered, *self._configured)
        if wanted != known:
            for venue in self._venues.values():
                venue.set_proxies(wanted)
            if known is not None:
                log.info("egress.proxies_changed", proxies=len(wanted))
        self._proxies = len(wanted)
        return wanted

    async def _until_changed(self, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        waits = [loop.create_task(self._clock.sleep(wait_s)), loop.create_task(self._changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self._changed.clear()

    async def _keep_clocks(self) -> None:
        while True:
            await self._clock.sleep(self._config.clock_every_s)
            for (name, market), venue in self._venues.items():
                try:
                    await venue.history.server_time_ms()
                    self._clock_readings += 1
                except QuantServiceError as error:  # the next hour asks again; requests themselves say that the venue is away
                    self._clock_failures += 1
                    log.warning("egress.clock_not_read", venue=name, market=market, reason=str(error))
