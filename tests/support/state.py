"""State stores for tests: SQLite in a folder, PostgreSQL in a database of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from tests.support.postgres import running_postgres


@asynccontextmanager
async def sqlite_store(folder: Path, name: str = "state.db") -> AsyncIterator[SqlStateStore]:
    """An open SQLite store in ``folder``."""
    store = SqlStateStore(f"sqlite:///{folder / name}", AesGcmSealer.in_folder(folder))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a running PostgreSQL's maintenance database."""
    with running_postgres() as url:
        yield url


async def create_database(maintenance_url: str) -> str:
    """Make an empty database; return its URL."""
    import asyncpg

    name = f"t{secrets.token_hex(6)}"
    connection = await asyncpg.connect(maintenance_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return maintenance_url.rsplit("/", 1)[0] + f"/{name}"
