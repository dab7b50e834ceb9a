"""A piece of compiled work done on another processor meanwhile.

Only for work that lets go of the interpreter and shares nothing that is written to: what comes out is the same bits either way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Rows below which a thread costs more than it saves.
LEAST_ROWS: Final = 100_000


class Beside(Generic[T]):
    """``Beside(work, rows).result()`` is ``work()``, begun at once in a thread where there are many rows and a second processor."""

    def __init__(self, work: Callable[[], T], rows: int) -> None:
        self._work = work
        self._found: T
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        if rows >= LEAST_ROWS and (os.cpu_count() or 1) > 1:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error

    def result(self) -> T:
        """Return what the work made, or raise what it raised."""
        if self._thread is None:
            return self._work()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found
