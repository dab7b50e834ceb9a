"""StateStore over SQLAlchemy: SQLite in one file, or PostgreSQL; the URL is the whole switch."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from quantservice.adapters.state_store.repositories import SqlUnitOfWork
from quantservice.adapters.state_store.schema import migrate
from quantservice.adapters.state_store.sqlite import SqliteConnection, SqliteEngine
from quantservice.adapters.state_store.thread import StoreThread
from quantservice.adapters.state_store.urls import parse_url, shown, sqlite_path
from quantservice.adapters.state_store.whole import WholeConnection, whole
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.messages import (
    Alert,
    BalanceChanged,
    Command,
    GapChange,
    IntentDenied,
    OrderChanged,
    PositionChanged,
    RiskStateChanged,
    StrategySignal,
    SystemEvent,
    TradeCompleted,
)
from quantservice.ports import Sealer

_TURN_TIMEOUT_S: Final = 30.0
_CLOSE_PATIENCE_S: Final = 5.0
_log = structlog.get_logger(__name__)

#: Payloads that may rest in the outbox, by the name stored beside them.
DURABLE_PAYLOADS: Final[Mapping[str, type[msgspec.Struct]]] = {
    item.__name__: item
    for item in (
        Alert,
        BalanceChanged,
        Command,
        GapChange,
        IntentDenied,
        OrderChanged,
        PositionChanged,
        RiskStateChanged,
        StrategySignal,
        SystemEvent,
        TradeCompleted,
    )
}


class SqlStateStore:
    """Transactions over SQLite (WAL, one writer at a time, also across processes) or PostgreSQL."""

    def __init__(
        self, url: str, sealer: Sealer, *, payloads: Mapping[str, type[msgspec.Struct]] = DURABLE_PAYLOADS, pool_size: int = 5
    ) -> None:
        self._url, self._arguments = parse_url(url)
        self._sealer = sealer
        self._payloads = payloads
        self._pool_size = pool_size
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._engine: AsyncEngine | SqliteEngine | None = None
        self._turn = asyncio.Lock()
        self._turn_owner: asyncio.Task[Any] | None = None
        self._outbox_added = asyncio.Event()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def name(self) -> str:
        """The store's URL without its password."""
        return shown(self._url)

    async def open(self) -> None:
        """Connect and migrate to the newest schema."""
        if self._engine is not None:
            return
        self._prepare_file()
        self._engine = self._create_engine()
        try:
            async with self._connection() as connection:
                await connection.run_sync(migrate, where=self.name)
        except BaseException:
            await self.close()
            raise
        _log.info("state_store.opened", store=self.name)

    async def close(self) -> None:
        """Release every connection, once the transaction that runs has ended: a connection in use would be left behind."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_PATIENCE_S):
                await self._idle.wait()
        await engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnitOfWork]:
        """One transaction: commits when the context ends well, rolls back otherwise."""
        async with self._connection() as connection:
            work = SqlUnitOfWork(connection, self._sealer, self._payloads)
            yield work
        if work.announced:
            self._outbox_added.set()

    async def wait_outbox(self, timeout_s: float) -> None:
        """Return once this process has committed something to the outbox, or after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._outbox_added.wait()
        except TimeoutError:
            pass
        self._outbox_added.clear()

    def foreign_version(self) -> int | None:
        """Return a number that changes with each commit of another process; None where that is not known."""
        return self._engine.foreign_version() if isinstance(self._engine, SqliteEngine) else None

    # --- connections ---

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SqliteConnection | WholeConnection]:
        self._opened()
        async with self._one_writer():
            engine = self._opened()  # it may have been closed while this one waited for its turn
            with self._counted():
                entered = False
                try:
                    async with engine.begin() if isinstance(engine, SqliteEngine) else _begin(engine) as connection:
                        entered = True
                        yield connection
                except (OSError, TimeoutError, SQLAlchemyError) as error:
                    if entered and not isinstance(error, DBAPIError):
                        raise  # of the caller's own work
                    raise self._fault(error) from error

    def _opened(self) -> AsyncEngine | SqliteEngine:
        if self._engine is None:
            raise StoreUnavailable(f"the state store {self.name} is not open")
        return self._engine

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    @asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        """Let one transaction of this process at a time to a SQLite file; its lock would only make the others spin."""
        if not self._sqlite:
            yield
            return
        if self._turn_owner is not None and self._turn_owner is asyncio.current_task():
            raise RuntimeError("a transaction was opened inside another of the same task: it would wait for itself")
        try:
            async with asyncio.timeout(_TURN_TIMEOUT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"the state store {self.name} was busy for {_TURN_TIMEOUT_S:.0f} s; try again") from None
        self._turn_owner = asyncio.current_task()
        try:
            yield
        finally:
            self._turn_owner = None
            self._turn.release()

    def _create_engine(self) -> AsyncEngine | SqliteEngine:
        if self._sqlite:
            return SqliteEngine(self._url, StoreThread("state-store"))
        return create_async_engine(
            self._url,
            connect_args=self._arguments,
            hide_parameters=True,  # an error must not carry a sealed password or a key hash into a log
            pool_size=self._pool_size,
            max_overflow=0,
            pool_timeout=_TURN_TIMEOUT_S,
            pool_pre_ping=True,
        )

    def _prepare_file(self) -> None:
        path = sqlite_path(self._url)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise EnvironmentFault(
                f"the state store {path} cannot be opened for writing ({error.strerror}); choose another folder with --data-dir or "
                f"make it writable"
            ) from error

    def _fault(self, error: BaseException) -> EnvironmentFault:
        cause = getattr(error, "orig", None) or error
        text = " ".join(str(cause).split())[:200]
        lowered = text.lower()
        if "not a database" in lowered or "malformed" in lowered:
            return EnvironmentFault(f"{self.name} is no state store of QuantService ({text}); move that file away")
        if "readonly" in lowered:
            return EnvironmentFault(f"the state store {self.name} is read-only; make the file and its folder writable")
        if "disk is full" in lowered or "no space left" in lowered or "could not extend" in lowered:
            return EnvironmentFault(f"no room is left for the state store {self.name}; free disk space and start again")
        kinds = {type(item).__name__ for item in (error, cause, cause.__cause__)}  # the driver's own error is wrapped twice
        if kinds & {"InvalidPasswordError", "InvalidAuthorizationSpecificationError"}:
            return EnvironmentFault(f"the state store {self.name} refuses the user or password; check the state store's URL")
        if "InvalidCatalogNameError" in kinds:
            return EnvironmentFault(f"the database of {self.name} does not exist; create it or correct the state store's URL")
        return StoreUnavailable(f"the state store {self.name} does not answer ({text or type(cause).__name__}); it is tried again")


@asynccontextmanager
async def _begin(engine: AsyncEngine) -> AsyncIterator[WholeConnection]:
    """One transaction of PostgreSQL; a cancellation meets it between statements only."""
    connection = WholeConnection(engine)
    try:
        await whole(connection.start())
    except asyncio.CancelledError:
        await whole(connection.close())
        raise
    try:
        transaction = connection.begin()
        try:
            await whole(transaction.start())
            yield connection
        except BaseException:
            if transaction.is_active:
                await whole(transaction.rollback())
            raise
        await whole(transaction.commit())
    finally:
        await whole(connection.close())
