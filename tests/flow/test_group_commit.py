"""Group commit: changes that come together share a commit, one that fails takes no other with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support.execution_rig import BTC, Crash
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import InvalidValue, StoreUnavailable
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Order, OrderState
from quantservice.ports import UnitOfWork
from quantservice.services.execution import committing
from quantservice.services.execution.committing import GroupCommit
from quantservice.services.execution.remembering import Memory

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


async def nobody_else(_work: UnitOfWork) -> None:
    """This process may always write."""


def group_of(store: SqlStateStore) -> tuple[GroupCommit, list[str]]:
    told: list[str] = []
    return GroupCommit(store, fence=nobody_else, kept=lambda: told.append("kept"), lost=lambda: told.append("lost")), told


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


def order(number: int, **more: Any) -> Order:
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal(1))
    return Order(order_id=f"o{number}", intent_id=f"i{number}", terms=terms, created_ns=number, **more)


async def test_what_is_remembered_is_what_was_committed() -> None:
    memory = Memory()
    memory.put(order(1, venue_order_id="v1"))
    memory.book("fill")
    assert memory.order("o1") is not None, "a change of the same commit sees it"
    assert memory.of_venue(BTC, "v1") is not None
    assert (memory.committed("o1"), memory.is_booked("fill"), memory.open()) == (False, False, [])
    memory.lose()
    assert (memory.order("o1"), memory.of_venue(BTC, "v1")) == (None, None)
    memory.put(order(2, venue_order_id="v2"))
    memory.book("fill")
    memory.keep()
    assert (memory.committed("o2"), memory.is_booked("fill"), [item.order_id for item in memory.open()]) == (True, True, ["o2"])
    memory.put(order(2, venue_order_id="v2", state=OrderState.FILLED))
    memory.keep()
    assert memory.open() == []
    assert memory.order("o2") is not None, "one that has ended is known on"


async def test_what_a_commit_under_way_makes_outlives_a_new_beginning() -> None:
    memory = Memory()
    memory.put(order(1))
    memory.keep()
    memory.put(order(2))
    memory.load([order(3)])  # another process had the account meanwhile: order 1 has ended there
    memory.keep()
    assert [item.order_id for item in memory.open()] == ["o2", "o3"]
    assert memory.order("o1") is None


async def test_memory_has_an_end_and_forgets_the_oldest_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantservice.services.execution.remembering._ENDED", 2)
    monkeypatch.setattr("quantservice.services.execution.remembering._FILLS", 2)
    memory = Memory()
    memory.put(order(0))
    for number in (1, 2, 3):
        memory.put(order(number, venue_order_id=f"v{number}", state=OrderState.FILLED))
        memory.book(f"f{number}")
        memory.keep()
    assert [memory.order(f"o{number}") is not None for number in range(4)] == [True, False, True, True]
    assert memory.of_venue(BTC, "v1") is None
    assert [memory.is_booked(f"f{number}") for number in (1, 2, 3)] == [False, True, True]


@pytest.mark.parametrize(("count", "commits"), [(64, 1), (65, 2), (128, 2), (129, 3)])
async def test_sixty_four_changes_are_one_commit_at_most(store: SqlStateStore, count: int, commits: int) -> None:
    group, told = group_of(store)
    await asyncio.gather(*(group(put(f"n{number}")) for number in range(count)))
    assert (told, store.begun, group.changes) == (["kept"] * commits, commits, 2 * commits)  # type: ignore[attr-defined]


async def test_ten_thousand_changes_may_wait() -> None:
    assert committing._MOST == 10_000
