"""The store's own thread: pieces of work one after the other, each awaited by one future and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

_T = TypeVar("_T")
_Piece: TypeAlias = Callable[[], None]


class Runner(Protocol):
    """Where what waits for a lock or for the disk runs."""

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what ``work`` returned, run to its end also where the caller is cancelled."""
        ...

    def end(self) -> None:
        """End once what was given is done."""
        ...


class _Whole(asyncio.Future[Any]):
    """What is under way in the thread cannot be taken back: a task that is cancelled meanwhile feels it at the end of the work."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Leave it running; asyncio then raises the cancellation in the task once this is done."""
        del msg
        return False


class StoreThread:
    """Runs work in the order in which it is given.

    An executor with a shield around it takes two futures, a task and three turns of the loop for one piece; this takes one of each.
    """

    def __init__(self, name: str) -> None:
        self._pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()  # bounded by its callers: each waits for its own piece
        self._name = name
        self._thread: threading.Thread | None = None
        self._ended = False

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what ``work`` returned in the thread, run to its end also where the caller is cancelled."""
        if self._ended:
            raise RuntimeError(f"the thread {self._name} has ended")
        if self._thread is None:
            self._thread = threading.Thread(target=self._turns, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future = _Whole(loop=loop)

        def piece() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  # its caller learns it, whatever it is
                _tell(loop, future.set_exception, error)
            else:
                _tell(loop, future.set_result, result)

        self._pieces.put(piece)
        done: _T = await future
        return done

    def end(self) -> None:
        """End the thread once what was given is done; it is not waited for."""
        self._ended = True
        self._pieces.put(None)

    def _turns(self) -> None:
        while (piece := self._pieces.get()) is not None:
            piece()
            del piece  # or it would keep what it returned until the next one comes


def _tell(loop: asyncio.AbstractEventLoop, say: Callable[[Any], None], what: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(say, what)
