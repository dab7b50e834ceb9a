"""The thin seam to clickhouse-connect: one client, one worker thread, our errors.

Both backends (embedded chdb, HTTP server) are synchronous and release the GIL while the engine works, so every call goes
to one dedicated thread. Nothing outside this file knows the client.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from quantservice.core.errors import EnvironmentFault, StoreUnavailable

Result = TypeVar("Result")

#: Server error codes after which the same statement may work later.
_PASSING: Final = frozenset({159, 202, 209, 210, 225, 241, 242, 243, 252, 279, 285, 319, 425, 999})
_CAUSE: Final = re.compile(r"\[Errno -?\d+\] ([\w ,]+)")
#: No wire lies between the embedded engine and us: compressing what we unpack at once would cost a fifth of every read.
_IN_PROCESS: Final = {"output_format_arrow_compression_method": "none"}
_DISK_FULL: Final = "the disk of the market store is full: free some space, writing goes on by itself"


class Session:
    """One connection to the engine. :meth:`run` is the only way in."""

    def __init__(self, dsn: str, *, timeout_s: int = 60) -> None:
        self._dsn = dsn
        self._timeout_s = timeout_s
        self._client: Any = None
        self._worker: ThreadPoolExecutor | None = None

    @property
    def embedded(self) -> bool:
        """Whether the engine lives in this process."""
        return self._dsn.startswith("chdb:")

    async def open(self) -> None:
        """Connect; raises :class:`StoreUnavailable` when the engine does not answer."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="market-store")
        await self.run(self._connect)

    async def close(self) -> None:
        """End the connection and its thread."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(worker, self._disconnect)
        finally:
            await loop.run_in_executor(None, worker.shutdown)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run ``call`` in the store's thread."""
        if self._worker is None:
            raise StoreUnavailable("the market store is not open")
        return await asyncio.get_running_loop().run_in_executor(self._worker, _translated, call)

    # What follows is called inside ``run`` only.

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns nothing."""
        self._need().command(sql, parameters=dict(parameters or {}))

    def table(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a query and return its rows as Arrow."""
        return self._need().query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its rows as dicts."""
        found: list[dict[str, Any]] = self.table(sql, parameters).to_pylist()
        return found

    def insert(self, database: str, table: str, rows: pa.Table) -> None:
        """Insert ``rows``. The token makes the client's own retry of a cut request harmless."""
        settings: dict[str, Any] = {
            "max_partitions_per_insert_block": 0,
            "insert_deduplication_token": secrets.token_hex(8),
        }
        if not self.embedded:
            settings["distributed_foreground_insert"] = 1
        self._need().insert_arrow(table, rows, database=database, settings=settings)

    def _need(self) -> Any:
        if self._client is None:
            self._connect()
        return self._client

    def _connect(self) -> None:
        if self._client is not None:
            return
        if self.embedded:
            self._client = clickhouse_connect.get_client(dsn=self._dsn, settings=_IN_PROCESS)
            return
        self._client = clickhouse_connect.get_client(
            dsn=self._dsn,
            connect_timeout=10,
            send_receive_timeout=self._timeout_s,
            autogenerate_session_id=False,
            form_encode_query_params=True,
        )

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _translated(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except ClickHouseError as error:
        raise _ours(error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreUnavailable(_DISK_FULL) from error
        raise StoreUnavailable(f"the market store does not answer: {error}") from error


def _ours(error: ClickHouseError) -> EnvironmentFault:
    text = str(error)
    code = getattr(error, "code", None)
    if code == 243 or os.strerror(errno.ENOSPC) in text or "errno: 28" in text:
        return StoreUnavailable(_DISK_FULL)
    first = text.strip().splitlines()[0][:300] if text.strip() else type(error).__name__
    cause = _CAUSE.search(text)
    if code is None and cause is not None:  # the driver's own sentence holds the whole request
        return StoreUnavailable(f"the market store does not answer ({cause[1].strip()}); check that it runs and its URL")
    if code is None or code in _PASSING:
        return StoreUnavailable(f"the market store does not answer: {first}")
    if code in (192, 193, 194, 516):
        return EnvironmentFault("the market store refused the user or password: correct them in the market store's URL")
    return EnvironmentFault(f"the market store refused a statement: {first}")
