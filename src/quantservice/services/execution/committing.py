"""Group commit: what comes while one commit is under way goes into the next one together.

A commit waits for the disk. Fills and reports come faster than the disk turns, and none of them needs a commit of its own: each
change is still whole (it is in one commit or in none), and its caller goes on only once that commit is durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

from quantservice.core.errors import StoreUnavailable
from quantservice.ports import StateStore, UnitOfWork

_T = TypeVar("_T")
Write: TypeAlias = Callable[[UnitOfWork], Awaitable[_T]]
#: Raises within a transaction where this process may not write (any more).
Fence: TypeAlias = Callable[[UnitOfWork], Awaitable[None]]
#: Changes in one commit, and changes that may wait.
_TOGETHER: Final = 64
_MOST: Final = 10_000


class GroupCommit:
    """Runs changes in the order in which they came. ``kept`` is called after each commit, ``lost`` after each that failed.

    ``fence`` is asked first in each transaction, and raises where this process may not write (any more).

    A change may run twice: where another one of its commit raised, that one is told, and the rest is done again without it.
    """

    def __init__(self, state: StateStore, *, fence: Fence, kept: Callable[[], None], lost: Callable[[], None]) -> None:
        self._state, self._fence, self._kept, self._lost = state, fence, kept, lost
        self._waiting: deque[tuple[Write[Any], asyncio.Future[Any]]] = deque()
        self._begun: set[asyncio.Future[Any]] = set()
        self._worker: asyncio.Task[None] | None = None
        self.changes = 0  # grows when a commit begins and when it ends: between two looks at one number nothing was committed

    async def __call__(self, write: Write[_T]) -> _T:
        """Return what ``write`` returned once that is durable. A caller that is cancelled learns it after the commit's end."""
        if len(self._waiting) >= _MOST:
            raise StoreUnavailable(f"{_MOST:,} changes wait for the state store; it is too slow or away")
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain(), name="group-commit")
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await self._ended(future)
            raise

    async def _ended(self, future: asyncio.Future[Any]) -> None:
        if future not in self._begun:
            future.cancel()
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()  # looked at: the cancellation is what the caller learns

    async def _drain(self) -> None:
        while self._waiting:
            batch: list[tuple[Write[Any], asyncio.Future[Any]]] = []
            while self._waiting and len(batch) < _TOGETHER:
                item = self._waiting.popleft()
                if not item[1].cancelled():
                    batch.append(item)
            self._begun = {future for _, future in batch}
            try:
                while batch:
                    await self._commit(batch)
            except BaseException as error:
                self._lost()
                for _, future in batch:
                    _fail(future, error)
                if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                    raise  # whatever else it is, its callers have it
            finally:
                self._begun = set()

    async def _commit(self, batch: list[tuple[Write[Any], asyncio.Future[Any]]]) -> None:
        """Commit all of it, or take out what failed."""
        results: list[Any] = []
        began = False
        self.changes += 1
        try:
            async with self._state.transaction() as work:
                await self._fence(work)
                began = True
                for write, _ in batch:
                    results.append(await write(work))
        except Exception as error:  # noqa: BLE001  # its caller learns it, whatever it is
            self.changes += 1
            self._lost()
            whole = not began or len(results) == len(batch)  # the store's fault, not one change's
            for _, future in batch if whole else [batch[len(results)]]:
                _fail(future, error)
            batch[:] = [] if whole else [item for place, item in enumerate(batch) if place != len(results)]
        else:
            self.changes += 1
            self._kept()
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
            batch.clear()


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)
