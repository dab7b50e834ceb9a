"""SQLite without a driver's thread between each statement and its answer.

A statement takes some tens of microseconds on pages in memory; handing it to another thread and back takes ten times as long, and
a trading event is a dozen of them. So statements run where they are asked for. What may wait for a lock or for the disk (the
begin, the commit with its sync, opening, migrations) runs in the store's own thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, CursorResult, Dialect

from quantservice.adapters.state_store.whole import whole

_BUSY_TIMEOUT_MS: Final = 30_000
_T = TypeVar("_T")


class SqliteConnection:
    """A connection within a transaction."""

    def __init__(self, connection: sa.Connection, away: Callable[..., Any]) -> None:
        self._connection, self._away = connection, away

    @property
    def dialect(self) -> Dialect:
        """The SQL that is spoken."""
        return self._connection.dialect

    async def execute(self, statement: sa.Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement at once."""
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[..., _T], /, **options: Any) -> _T:
        """Run what takes long with the connection, in the store's thread."""
        done: _T = await self._away(lambda: work(self._connection, **options))
        return done


class SqliteEngine:
    """One file, one connection at a time."""

    def __init__(self, url: URL) -> None:
        # hide_parameters: an error must not carry a sealed password or a key hash into a log.
        arguments = {"check_same_thread": False}
        self._engine = sa.create_engine(url, hide_parameters=True, connect_args=arguments)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state-store")
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin_immediate)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteConnection]:
        """One transaction: commits when the context ends well, rolls back otherwise."""
        began: list[sa.Connection] = []
        try:
            await self._away(lambda: began.append(_begun(self._engine)))
        except asyncio.CancelledError:
            for connection in began:
                await self._away(connection.close)
            raise
        (connection,) = began
        try:
            yield SqliteConnection(connection, self._away)
        except BaseException:
            await self._away(connection.close)  # which rolls back
            raise
        await self._away(lambda: _committed(connection))

    async def dispose(self) -> None:
        """Close the file."""
        await self._away(self._engine.dispose)
        self._thread.shutdown(wait=False)

    async def _away(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` in the store's thread, to its end also where the caller is cancelled."""

        async def run() -> _T:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

        return await whole(run())


def _begun(engine: sa.Engine) -> sa.Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


def _committed(connection: sa.Connection) -> None:
    try:
        connection.commit()
    finally:
        connection.close()


def _set_pragmas(connection: Any, _record: Any) -> None:
    # None: the driver must not open transactions by itself, _begin_immediate does.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # A transaction that starts as a reader and then writes can fail when another process wrote meanwhile; this one waits instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
