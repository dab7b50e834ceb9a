"""An event loop without the world: its time is a number, threads and sockets do not exist, and so a seed tells one history.

When nothing is ready the loop's time jumps to the next timer; an hour of waiting takes no time. Work that is sent to a thread runs
at once, in place. A loop in which nothing will ever happen again says so instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Final

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.services.execution.gateway import AccountTaken

START_NS: Final = 1_740_787_200_000_000_000  # 2025-03-01 00:00 UTC
#: The process that the running task belongs to; empty for the world.
OWNER: ContextVar[str] = ContextVar("owner", default="")


class Stuck(Exception):
    """Nothing is ready and no timer runs: everybody waits for somebody else."""


class _Timeless(selectors.SelectSelector):
    """A selector that never looks at a socket: waiting moves the loop's time on."""

    loop: SeededLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is ready and no timer runs")
        if timeout > 0:
            self.loop.now_s += timeout
        return []


class SeededLoop(asyncio.SelectorEventLoop):
    """The loop. ``tasks`` are the unfinished tasks of each process, by their owner's name."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.tasks: dict[str, dict[asyncio.Task[Any], None]] = {}
        self.failures: list[BaseException] = []  # of tasks of processes, other than a venue or a store that is away
        self._clock_resolution = 1e-6
        selector = _Timeless()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6
        self.set_task_factory(self._owned)

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run the work at once: a thread's turn would be chance."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # whoever waits for it learns it
            future.set_exception(error)
        return future

    def _owned(self, loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None, **options: Any) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context, **options)
        owner = OWNER.get()
        if owner:
            mine = self.tasks.setdefault(owner, {})
            mine[task] = None
            task.add_done_callback(lambda ended: self._ended(mine, ended))
        return task

    def _ended(self, mine: dict[asyncio.Task[Any], None], task: asyncio.Task[Any]) -> None:
        mine.pop(task, None)
        error = None if task.cancelled() else task.exception()
        for cause in _causes(error):
            if not isinstance(cause, VenueError | EnvironmentFault | AccountTaken | asyncio.CancelledError):
                self.failures.append(cause)


class InPlace:
    """The state store's thread, of a world without threads: what is given runs at once."""

    async def run(self, work: Callable[[], Any]) -> Any:
        """Return what the work returns."""
        return work()

    def end(self) -> None:
        """There is nothing to end."""


def _causes(error: BaseException | None) -> list[BaseException]:
    if error is None:
        return []
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in _causes(inner)]
    return [error]


class LoopClock:
    """The services' clock: the loop's time. Integers of nanoseconds, so that no rounding depends on what was asked before."""

    def __init__(self, loop: SeededLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return START_NS + round(self._loop.now_s * 1e6) * 1_000

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return self.now_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds."""
        return self._loop.now_s

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))
