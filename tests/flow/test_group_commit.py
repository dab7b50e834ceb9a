"""Group commit: changes that come together share a commit, one that fails takes no other with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.execution_rig import Crash
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import InvalidValue, StoreUnavailable
from quantservice.ports import UnitOfWork
from quantservice.services.execution.committing import GroupCommit

pytestmark = pytest.mark.asyncio


class Counted(SqlStateStore):
    """A store that counts its transactions."""

    begun = 0

    def transaction(self):  # type: ignore[no-untyped-def]  # as the store's
        self.begun += 1
        return super().transaction()


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        made.__class__ = Counted
        yield made


def put(name: str, then: Callable[[], None] = lambda: None) -> Callable[[UnitOfWork], Awaitable[str]]:
    async def write(work: UnitOfWork) -> str:
        await work.values.put("test", name, 1)
        then()
        return name

    return write


def fails() -> None:
    raise InvalidValue("this", "does not go")


async def there(store: SqlStateStore, *names: str) -> list[str]:
    async with store.transaction() as work:
        return [name for name in names if await work.values.get("test", name) is not None]


def group_of(store: SqlStateStore) -> tuple[GroupCommit, list[str]]:
    told: list[str] = []
    return GroupCommit(store, kept=lambda: told.append("kept"), lost=lambda: told.append("lost")), told


async def test_what_comes_together_is_one_commit_in_the_order_in_which_it_came(store: SqlStateStore) -> None:
    group, told = group_of(store)
    done = await asyncio.gather(*(group(put(f"n{number}")) for number in range(40)))
    assert done == [f"n{number}" for number in range(40)]
    assert (told, store.begun) == (["kept"], 1)  # type: ignore[attr-defined]


async def test_one_that_fails_takes_no_other_with_it_and_leaves_nothing(store: SqlStateStore) -> None:
    group, told = group_of(store)
    made = await asyncio.gather(group(put("a")), group(put("b", fails)), group(put("c")), return_exceptions=True)
    assert [made[0], made[2]] == ["a", "c"]
    assert isinstance(made[1], InvalidValue)
    assert await there(store, "a", "b", "c") == ["a", "c"]
    assert told == ["lost", "kept"]


async def test_a_store_that_is_away_is_told_to_every_caller(store: SqlStateStore) -> None:
    group, told = group_of(store)
    await store.close()
    made = await asyncio.gather(*(group(put(name)) for name in "abc"), return_exceptions=True)
    assert [type(item) for item in made] == [StoreUnavailable] * 3
    assert told == ["lost"]


async def test_a_caller_that_is_cancelled_learns_it_when_its_change_is_durable(store: SqlStateStore) -> None:
    group, _ = group_of(store)
    began = asyncio.Event()
    first = asyncio.create_task(group(put("a", began.set)))
    await began.wait()
    second = asyncio.create_task(group(put("b")))  # waits for the next commit
    await asyncio.sleep(0)
    for task in (first, second):
        task.cancel()
    made = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(item) for item in made] == [asyncio.CancelledError] * 2
    assert await there(store, "a", "b") == ["a"]


async def test_the_end_of_the_process_within_a_commit_leaves_nothing(store: SqlStateStore) -> None:
    group, told = group_of(store)

    def ends() -> None:
        raise Crash

    made = await asyncio.gather(group(put("a")), group(put("b", ends)), return_exceptions=True)
    assert [type(item) for item in made] == [Crash, Crash]
    assert (await there(store, "a", "b"), told) == ([], ["lost"])


async def test_the_queue_has_an_end(store: SqlStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantservice.services.execution.committing._MOST", 2)
    group, _ = group_of(store)
    made = await asyncio.gather(*(group(put(name)) for name in "abc"), return_exceptions=True)
    assert [type(item) for item in made] == [str, str, StoreUnavailable]
