"""Market stores for tests.

One process can open one chdb directory only, so a test session opens one store and empties it between tests. A test that
needs a directory of its own (crash, full disk, second owner) runs its store in a subprocess.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.market_store.schema import TABLES
from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import MarketEvent
from quantservice.ports import AppendResult
from tests.support.clock import ManualClock

PROJECT = Path(__file__).resolve().parent.parent.parent


@asynccontextmanager
async def opened(dsn: str, clock: ManualClock, *, database: str = "qs_test") -> AsyncIterator[ClickHouseStore]:
    """A store that is open and empty."""
    store = ClickHouseStore(dsn, clock=clock, database=database)
    await store.open()
    try:
        await empty(store)
        yield store
    finally:
        await store.close()


async def empty(store: ClickHouseStore) -> None:
    """Take all rows out, past the store's own knowledge of them."""
    for table in TABLES:
        await run_sql(store, f"TRUNCATE TABLE `{store.database}`.`{table.name}`")
    await reload(store)


async def run_sql(store: ClickHouseStore, sql: str) -> None:
    """What someone with a client of their own could do to the tables."""
    await store.session.run(lambda: store.session.command(sql.replace("{db}", store.database)))


async def count(store: ClickHouseStore, table: str, where: str = "1") -> int:
    sql = f"SELECT count() AS rows FROM `{store.database}`.`{table}` WHERE {where}"
    return int((await store.session.run(lambda: store.session.rows(sql)))[0]["rows"])


async def reload(store: ClickHouseStore) -> None:
    """Let the store learn anew what is stored, as at its start."""
    await store.session.run(store._appender.load)


class Leaky:
    """A store that can be taken away: every append fails while ``away``; ``after`` appends are applied and then fail."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.store = store
        self.away: Callable[[], Exception] | None = None
        self.applied_then_failed = 0
        self.appends = 0

    async def append(self, events: list[MarketEvent]) -> AppendResult:
        self.appends += 1
        if self.away is not None:
            raise self.away()
        result = await self.store.append(events)
        if self.applied_then_failed:
            self.applied_then_failed -= 1
            raise EnvironmentFault("the answer was lost")
        return result


def script(code: str, *arguments: str, wrapper: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a Python process of its own, with src and tests importable."""
    return subprocess.run(
        [*wrapper, *command(code, *arguments)], capture_output=True, text=True, timeout=100, check=False, env=environment()
    )


def command(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}"}
