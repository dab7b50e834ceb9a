"""SQLite without a driver's thread between each statement and its answer.

A statement takes some microseconds on pages in memory; handing it to another thread and back takes ten times as long, and a trading
event is a dozen of them. So statements run where they are asked for, and so does the begin where the file is free and the end where
nothing was written. What waits for a lock or for the disk (a begin behind another process, a commit with its sync, opening,
migrations) runs in the store's own thread. One connection is kept, as one transaction runs at a time.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, CursorResult, Dialect

from quantservice.adapters.state_store.prepared import Compiled, Prepared, Row
from quantservice.adapters.state_store.thread import Runner

_BUSY_TIMEOUT_MS: Final = 30_000
_WAL_TRIES: Final = 500
_WAL_AGAIN_S: Final = 0.01
_T = TypeVar("_T")


class SqliteConnection:
    """A connection within a transaction."""

    def __init__(self, connection: sa.Connection, away: Callable[..., Any]) -> None:
        self._connection, self._away = connection, away
        self.driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        self._changes = self.driver.total_changes
        self._ran = False

    @property
    def dialect(self) -> Dialect:
        """The SQL that is spoken."""
        return self._connection.dialect

    @property
    def wrote(self) -> bool:
        """Whether its end waits for the disk."""
        return self._ran or self.driver.total_changes != self._changes

    async def execute(self, statement: sa.Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement at once."""
        return self._connection.execute(statement, parameters)

    async def fetch(self, prepared: Prepared, parameters: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a prepared SELECT."""
        compiled = prepared.compiled(self._connection.dialect)
        return compiled.rows(self._run(compiled, parameters).fetchall())

    async def change(self, prepared: Prepared, parameters: Mapping[str, Any]) -> int:
        """Execute a prepared statement that writes; return how many rows it wrote."""
        return self._run(prepared.compiled(self._connection.dialect), parameters).rowcount

    def _run(self, compiled: Compiled, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        try:
            return self.driver.execute(compiled.text, compiled.arguments(parameters))
        except sqlite3.Error as error:
            raise _fault(error) from error

    async def run_sync(self, work: Callable[..., _T], /, **options: Any) -> _T:
        """Run what takes long with the connection, in the store's thread."""
        self._ran = True
        if not self._connection.in_transaction():
            self._connection.begin()  # of SQLAlchemy's own count: it must not end ours
        done: _T = await self._away(lambda: work(self._connection, **options))
        return done


class SqliteEngine:
    """One file, one transaction at a time: the caller sees to that."""

    def __init__(self, url: URL, thread: Runner) -> None:
        # hide_parameters: an error must not carry a sealed password or a key hash into a log.
        arguments = {"check_same_thread": False}
        self._engine = sa.create_engine(url, hide_parameters=True, connect_args=arguments)
        self._thread = thread
        self._kept: sa.Connection | None = None
        self._within = False  # from before a begin until after the end
        self._version: int | None = None  # as it was when the transaction that runs began; None while it waits for its begin
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin_unless_begun)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteConnection]:
        """One transaction: commits when the context ends well, rolls back otherwise."""
        self._within, self._version = True, None
        try:
            async with self._begun() as connection:
                yield connection
        finally:
            self._within = False

    def foreign_version(self) -> int | None:
        """Return a number that changes with each commit of another connection; None where that cannot be said at once."""
        if self._within:
            return self._version  # nobody else can have committed since it began
        return None if self._kept is None else _version(_driver(self._kept))

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[SqliteConnection]:
        kept = self._kept
        if kept is None or not _begun_at_once(kept):
            kept = await self._begun_in_turn()
        self._version = _version(_driver(kept))
        connection = SqliteConnection(kept, self._away)
        try:
            yield connection
        except BaseException:
            await self._away(lambda: self._roll_back(kept))
            raise
        if connection.wrote:
            await self._away(lambda: self._commit(kept))
        else:
            self._commit(kept)

    async def _begun_in_turn(self) -> sa.Connection:
        try:
            return await self._away(self._open)
        except asyncio.CancelledError:  # felt after it, and so it may have begun
            if (kept := self._kept) is not None:
                await self._away(lambda: self._roll_back(kept))
            raise

    async def dispose(self) -> None:
        """Close the file."""
        await self._away(self._close)
        self._thread.end()

    # --- in the store's thread -----------------------------------------------------------------------------------------

    def _open(self) -> sa.Connection:
        """Begin, waiting for other processes."""
        kept = self._kept if self._kept is not None else self._engine.connect()
        try:
            _driver(kept).execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._leave(kept)
            raise _fault(error) from error
        self._kept = kept
        return kept

    def _commit(self, kept: sa.Connection) -> None:
        try:
            kept.commit()  # nothing where only prepared statements ran
            _driver(kept).commit()
        except sqlite3.Error as error:
            self._leave(kept)
            raise _fault(error) from error
        except BaseException:
            self._leave(kept)
            raise

    def _roll_back(self, kept: sa.Connection) -> None:
        try:
            kept.rollback()  # nothing where only prepared statements ran
            _driver(kept).rollback()
        except (sqlite3.Error, sa.exc.SQLAlchemyError):
            self._leave(kept)

    def _leave(self, kept: sa.Connection) -> None:
        """Leave the connection: whatever is wrong with it goes with it, and what it had begun."""
        self._kept = None
        kept.invalidate()
        kept.close()

    def _close(self) -> None:
        if self._kept is not None:
            self._leave(self._kept)
        self._engine.dispose()

    async def _away(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` in the store's thread, to its end also where the caller is cancelled."""
        return await self._thread.run(work)


def _version(driver: sqlite3.Connection) -> int | None:
    try:
        ((version,),) = driver.execute("PRAGMA data_version").fetchall()
    except sqlite3.Error:  # whoever needs the file for its work learns what is wrong with it
        return None
    return int(version)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
    return driver


def _fault(error: sqlite3.Error) -> Exception:
    """Return a driver's error as SQLAlchemy raises it, without the values."""
    found: Exception = sa.exc.DBAPIError.instance("", None, error, sqlite3.Error, hide_parameters=True)
    return found


def _begun_at_once(connection: sa.Connection) -> bool:
    """Begin where no other process writes; False where one does."""
    driver = _driver(connection)
    driver.execute("PRAGMA busy_timeout=0")
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        driver.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    return True


def _set_pragmas(connection: Any, _record: Any) -> None:
    # None: the driver must not open transactions by itself.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to its write-ahead log; SQLite does not wait here while another process does the same."""
    for left in range(_WAL_TRIES, -1, -1):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(_WAL_AGAIN_S)  # in the store's thread


def _begin_unless_begun(connection: sa.Connection) -> None:
    # IMMEDIATE: one that starts as a reader and then writes can fail when another process wrote meanwhile; this one waits.
    if not _driver(connection).in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
