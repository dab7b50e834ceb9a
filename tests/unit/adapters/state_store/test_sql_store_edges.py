"""The state store's edges: URLs, foreign files, read-only folders, servers that are not there, nested transactions."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.postgres import free_port
from tests.support.state import create_database, postgres_url, sqlite_store

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.state_store.urls import parse_url, shown, sqlite_path
from quantservice.core.errors import EnvironmentFault, SettingsError, StoreUnavailable

__all__ = ["postgres_url"]


def store_at(url: str, folder: Path) -> SqlStateStore:
    return SqlStateStore(url, AesGcmSealer.in_folder(folder))


@pytest.mark.parametrize(
    ("text", "driver", "database"),
    [
        ("sqlite://", "sqlite", None),
        ("sqlite:///state.db", "sqlite", "state.db"),
        ("sqlite:////var/lib/qs/state.db", "sqlite", "/var/lib/qs/state.db"),
        ("sqlite+aiosqlite:///state.db", "sqlite", "state.db"),
        ("postgresql://u:p@h:5433/trading", "postgresql+asyncpg", "trading"),
        ("postgres://u:p@h/trading", "postgresql+asyncpg", "trading"),
        ("postgresql+psycopg2://u:p@h/trading", "postgresql+asyncpg", "trading"),
        ("postgresql+asyncpg://u:p@h/trading", "postgresql+asyncpg", "trading"),
    ],
)
def test_urls_are_read_as_people_write_them(text: str, driver: str, database: str | None) -> None:
    url, _ = parse_url(text)
    assert (url.drivername, url.database) == (driver, database)


def test_the_ssl_mode_reaches_the_driver_and_the_password_no_log() -> None:
    url, arguments = parse_url("postgresql://u:hunter2@h/trading?sslmode=require")
    assert arguments["ssl"] == "require"
    assert not url.query
    assert shown(url) == "postgresql://u:***@h/trading"
    assert sqlite_path(url) is None


@pytest.mark.parametrize("text", ["", "state.db", "mysql://u:hunter2@h/db", "://", "postgresql://u:hunter2@h:port/db"])
def test_other_urls_are_refused_with_the_forms_and_without_the_password(text: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///") as caught:
        parse_url(text)
    assert "hunter2" not in str(caught.value)


async def test_the_memory_form_works(tmp_path: Path) -> None:
    store = store_at("sqlite://", tmp_path)
    await store.open()
    await store.open()
    async with store.transaction() as work:
        await work.values.put("s", "k", 1)
    async with store.transaction() as work:
        assert await work.values.get("s", "k") == 1
    await store.close()
    await store.close()


async def test_a_sqlite_file_is_the_owners_only_and_in_wal_mode(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path / "new" / "folder"):
        file = tmp_path / "new" / "folder" / "state.db"
        assert oct(os.stat(file).st_mode & 0o777) == "0o600"
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()


async def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"my diary, not a database at all" * 100)
    store = store_at(f"sqlite:///{file}", tmp_path)
    with pytest.raises(EnvironmentFault, match="no state store of QuantService"):
        await store.open()
    assert file.read_bytes().startswith(b"my diary")
    with pytest.raises(StoreUnavailable, match="not open"):
        async with store.transaction():
            pass


async def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "state.db", tmp_path):
        with pytest.raises(EnvironmentFault, match="cannot be opened for writing") as caught:
            await store_at(f"sqlite:///{path}", tmp_path).open()
        assert "\n" not in str(caught.value)


async def test_a_transaction_inside_a_transaction_is_refused_rather_than_waiting_for_itself(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, store.transaction():
        with pytest.raises(RuntimeError, match="inside another"):
            async with store.transaction():
                pass


async def test_a_full_disk_is_named_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        async with store.transaction() as work:
            connection = work.outbox._connection
            pages = (await connection.execute(sa.text("PRAGMA page_count"))).scalar_one()
            await connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))

        async def write() -> None:
            async with store.transaction() as work:
                await work.values.put("s", "k", "x" * 200_000)

        with pytest.raises(EnvironmentFault, match="no room is left"):
            await write()
        async with store.transaction() as work:
            assert await work.values.get("s", "k") is None
            await work.outbox._connection.execute(sa.text("PRAGMA max_page_count = 1000000"))
        await write()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = store_at(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/db", tmp_path)
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        await asyncio.wait_for(store.open(), 20)
    assert "hunter2" not in str(caught.value)


@pytest.mark.server
async def test_a_database_that_is_not_there_says_so(tmp_path: Path, postgres_url: str) -> None:
    with pytest.raises(EnvironmentFault, match="does not exist; create it"):
        await store_at(postgres_url.rsplit("/", 1)[0] + "/nothing", tmp_path).open()


@pytest.mark.server
async def test_a_connection_that_the_server_cut_is_replaced(tmp_path: Path, postgres_url: str) -> None:
    import asyncpg

    url = await create_database(postgres_url)
    store = store_at(url, tmp_path)
    await store.open()
    try:
        async with store.transaction() as work:
            await work.values.put("s", "k", 1)
        admin = await asyncpg.connect(postgres_url)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await admin.execute(cut, url.rsplit("/", 1)[1])
        await admin.close()
        async with store.transaction() as work:
            assert await work.values.get("s", "k") == 1
    finally:
        await store.close()


async def test_a_begin_behind_another_writer_holds_nobody_else_up(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        async def put() -> None:
            async with store.transaction() as work:
                await work.values.put("s", "k", 1)

        waiting = asyncio.create_task(put())
        for _ in range(50):
            await asyncio.sleep(0.001)  # the loop goes on while it waits
        assert not waiting.done()
        other.execute("COMMIT")
        async with asyncio.timeout(20):
            await waiting
        assert other.execute("SELECT count(*) FROM key_value").fetchone() == (1,)
        other.close()


async def test_what_a_prepared_statement_wrote_is_rolled_back_with_the_rest(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:

        async def fail(*, also: bool) -> None:
            async with store.transaction() as work:
                assert await work.inbox.first_time("c", "e", now_ns=1)
                if also:
                    await work.values.put("s", "k", 1)
                raise RuntimeError("mine")

        for also in (False, True):  # through SQLAlchemy too
            with pytest.raises(RuntimeError, match="mine"):
                await fail(also=also)
            async with store.transaction() as work:
                assert not await work.inbox.applied("c", "e")
                assert await work.values.get("s", "k") is None
        async with store.transaction() as work:
            assert await work.inbox.first_time("c", "e", now_ns=1)
        reader = sqlite3.connect(tmp_path / "state.db")
        assert reader.execute("SELECT count(*) FROM event_applied").fetchone() == (1,), "committed, and not only seen by its writer"
        reader.close()


async def test_a_cancelled_wait_for_the_file_leaves_no_transaction_open(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        async def read() -> None:
            async with store.transaction() as work:
                await work.inbox.applied("c", "e")

        waiting = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")  # nobody holds the file
        other.execute("ROLLBACK")
        other.close()
        async with store.transaction() as work:
            assert await work.inbox.first_time("c", "e", now_ns=1)


async def test_what_the_driver_refuses_is_said_as_ever_and_the_next_transaction_works(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("ALTER TABLE event_applied RENAME TO elsewhere")
        with pytest.raises(StoreUnavailable, match="no such table"):
            async with store.transaction() as work:
                await work.inbox.applied("c", "e")
        other.execute("ALTER TABLE elsewhere RENAME TO event_applied")
        other.close()
        async with store.transaction() as work:
            assert not await work.inbox.applied("c", "e")


async def test_the_foreign_version_changes_with_what_others_commit_and_not_with_ones_own(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, sqlite_store(tmp_path) as other:
        first = store.foreign_version()
        async with store.transaction() as work:
            assert store.foreign_version() == first, "within a transaction it is what it was at its begin"
            await work.values.put("a", "b", 1)
        assert store.foreign_version() == first
        async with other.transaction() as work:
            await work.values.get("a", "b")
        assert store.foreign_version() == first, "looking is no change"
        async with other.transaction() as work:
            await work.values.put("a", "b", 2)
        second = store.foreign_version()
        assert second not in {first, None}
        async with store.transaction() as work:
            assert (store.foreign_version(), await work.values.get("a", "b")) == (second, 2)
    assert store.foreign_version() is None, "closed"


async def read(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.values.get("a", "b")


async def test_while_another_process_holds_the_file_nothing_is_said_of_it(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, sqlite_store(tmp_path) as other:
        async with other.transaction() as work:
            await work.values.put("a", "b", 1)
            waiting = asyncio.create_task(read(store))
            for _ in range(3):
                await asyncio.sleep(0)
            assert store._running
            assert store.foreign_version() is None
        await waiting
        assert store.foreign_version() is not None


async def test_a_commit_runs_to_its_end_where_its_task_is_cancelled_and_the_next_one_comes(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:

        async def write(value: int) -> None:
            async with store.transaction() as work:
                await work.values.put("a", "b", value)

        committing = asyncio.create_task(write(1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert store._running
        committing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await committing
        async with store.transaction() as work:
            assert await work.values.get("a", "b") in {1, None}
        await write(2)
        async with store.transaction() as work:
            assert await work.values.get("a", "b") == 2
