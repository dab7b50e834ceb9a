"""The loop of one account.

It holds the lease, hears the venue, asks where nothing is heard, and lets the venue cancel if we are gone. Start and recovery are
one path: load, reconcile, go. A reconnect brings a snapshot, which goes the same way. Between them the venue is asked at an
interval: a user stream that is silent but not dead is found by what it did not tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.orders import VenueFill
from quantservice.ports import Clock
from quantservice.ports.trading import AccountEvent, AccountMovement, AccountSnapshot, OrderReport, StreamState, Trading
from quantservice.services.execution.gateway import AccountTaken, Gateway

_log = structlog.get_logger(__name__)
#: Events that may wait to be applied; behind them the stream itself waits.
_WAITING: Final = 10_000


class ExecutionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between the things a loop does; ``dead_man_s``: after so long without us the venue cancels (0: it does not)."""

    lease_every_s: float = 3.0
    resolve_every_s: float = 1.0
    reconcile_every_s: float = 15.0
    dead_man_s: float = 60.0
    start_again_s: float = 2.0


class ExecutionService:
    """Runs a gateway until cancelled; see the room's page."""

    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()

    def __init__(self, gateway: Gateway, trading: Trading, clock: Clock, config: ExecutionConfig | None = None) -> None:
        self.name = f"execution:{gateway.account}"
        self._gateway, self._trading, self._clock = gateway, trading, clock
        self._config = config or ExecutionConfig()
        self._stream = "down"
        self._heard = 0
        self._missed = 0  # reconciliations that found what the stream had not told
        self._away = set[str]()  # what does not answer: told once when it is lost

    async def run(self) -> None:
        """Work until cancelled; works a second time on the same object."""
        try:
            while True:
                await self._start()
                error = await self._trade()
                if not isinstance(error, AccountTaken):
                    raise error or RuntimeError("the loop of an account ended by itself")
                self._tell_away("the lease", str(error))
        finally:
            with contextlib.suppress(EnvironmentFault):
                await self._gateway.release()

    async def _trade(self) -> BaseException | None:
        works = [
            self._follow(),
            self._every(self._config.lease_every_s, self._gateway.extend),
            self._every(self._config.resolve_every_s, self._gateway.resolve),
            self._every(self._config.reconcile_every_s, self._reconcile),
        ]
        if self._config.dead_man_s > 0:
            works.append(self._every(self._config.dead_man_s / 3, self._arm))
        return await _until_one_ends(*works)

    def stats(self) -> Mapping[str, Any]:
        """Whether orders may be sent, what the stream is, and what was heard."""
        return {"ready": int(self._gateway.ready), "stream": self._stream, "heard": self._heard, "missed": self._missed}

    async def _start(self) -> None:
        """Wait until the account is ours and reconciled: another process that holds it, or a venue that is away, only delays."""
        while True:
            try:
                if await self._gateway.start():
                    self._away.clear()
                    _log.info("execution.leads", account=self._gateway.account)
                    return
                self._tell_away("the lease", self._gateway.elsewhere)
            except (VenueError, EnvironmentFault) as error:
                self._tell_away("the start", str(error))
            await self._clock.sleep(self._config.start_again_s)

    async def _follow(self) -> None:
        """Hear the venue; a stream that ends or fails is followed again, and what it missed is asked for."""
        while True:
            waiting: asyncio.Queue[AccountEvent] = asyncio.Queue(_WAITING)
            error = await _until_one_ends(self._hear(waiting), self._take_all(waiting))
            if error is not None and not isinstance(error, VenueError | EnvironmentFault):
                raise error
            self._tell_away("the stream", str(error or "the venue's stream of the account ended"))
            self._stream = "down"
            await self._clock.sleep(self._config.start_again_s)

    async def _hear(self, waiting: asyncio.Queue[AccountEvent]) -> None:
        """Take what the stream tells until it ends and all of it is applied."""
        async for events in self._trading.updates():
            for event in events:
                self._heard += 1
                await waiting.put(event)
        await waiting.join()

    async def _take_all(self, waiting: asyncio.Queue[AccountEvent]) -> None:
        """Take what was heard, in order; orders and fills that came together go into one commit."""
        while True:
            events = [await waiting.get()]
            while not waiting.empty():
                events.append(waiting.get_nowait())
            for together, group in itertools.groupby(events, lambda event: isinstance(event, OrderReport | VenueFill)):
                if together:
                    done = await asyncio.gather(*map(self._take, group), return_exceptions=True)
                    for error in done:
                        if isinstance(error, BaseException):
                            raise error
                else:
                    for event in group:
                        await self._take(event)
            for _ in events:
                waiting.task_done()

    async def _take(self, event: AccountEvent) -> None:
        if isinstance(event, AccountSnapshot):
            await self._gateway.reconcile(event)
        elif isinstance(event, OrderReport):
            await self._gateway.apply_report(event)
        elif isinstance(event, VenueFill):
            await self._gateway.apply_fill(event)
        elif isinstance(event, AccountMovement):
            await self._gateway.apply_movement(event)
        elif isinstance(event, StreamState):
            self._stream = event.state
            if event.state == "live":
                self._away.discard("the stream")
            else:
                _log.warning("execution.stream", account=self._gateway.account, state=event.state, reason=event.detail)

    async def _reconcile(self) -> None:
        """Compare with the venue whatever the stream says: orders, fills, positions, balances, money that moved."""
        missed = await self._gateway.reconcile(await self._trading.snapshot())
        if missed and self._stream == "live":
            self._missed += missed
            advice = "the venue knew what its stream had not told"
            _log.warning("execution.stream_silent", account=self._gateway.account, events=missed, advice=advice)

    async def _arm(self) -> None:
        instruments = await self._gateway.traded()
        if instruments and self._gateway.holds():
            await self._trading.arm_dead_man(instruments, self._config.dead_man_s)

    async def _every(self, seconds: float, work: Any) -> None:
        """Do ``work`` at an interval. A venue or store that is away is told once, and tried again."""
        while True:
            await self._clock.sleep(seconds)
            try:
                await work()
            except (VenueError, EnvironmentFault) as error:
                self._tell_away(work.__name__, str(error))
            else:
                self._away.discard(work.__name__)

    def _tell_away(self, what: str, reason: str) -> None:
        if what not in self._away:
            self._away.add(what)
            _log.warning("execution.away", account=self._gateway.account, reason=reason)


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> BaseException | None:
    """Do works until the first of them ends, and end the others; return its error.

    A task group would not do: one whose task fails in the moment in which it is cancelled tells only of the failure, and the loop
    around it goes on for ever.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_told(work)) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
    return next((task.result() for task in done if not task.cancelled()), None)


async def _told(work: Coroutine[Any, Any, None]) -> BaseException | None:
    """Return the error of a work instead of raising it."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whoever waits for it looks at it
        return error
    return None
