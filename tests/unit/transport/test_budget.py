"""Waiting for weight: priorities, deadlines, what the venue says, and several processes behind one address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules, Lane
from quantservice.core.errors import InvalidValue, RateLimited, StoreUnavailable

RULES = BudgetRules(limit=100, window_ms=60_000, edge_ms=200)


def make(clock: ManualClock, **options: Any) -> WeightBudget:
    return WeightBudget("direct|v:m", RULES, clock=clock, **options)


async def spend(budget: WeightBudget, lane: Lane, weight: int, *, step: int = 10) -> int:
    """Use up to ``weight`` in steps; return what was granted without waiting."""
    got = 0
    while got < weight:
        try:
            permit = await budget.acquire(lane, step, deadline_s=0.0)
        except RateLimited:
            return got
        budget.finish(permit)
        got += step
    return got


async def test_a_better_lane_that_came_later_is_served_first() -> None:
    clock = ManualClock()
    budget = make(clock)
    await spend(budget, Lane.CANCEL, 100)
    served: list[str] = []

    async def ask(lane: Lane) -> None:
        async with budget.permit(lane, 40, deadline_s=300):
            served.append(lane.name)

    async with asyncio.TaskGroup() as group:
        for lane in (Lane.HISTORY, Lane.LIVE, Lane.CANCEL):
            group.create_task(ask(lane))
            await asyncio.sleep(0)
        await clock.advance(59)
        assert served == []
        await clock.advance(63)
    assert served == ["CANCEL", "LIVE", "HISTORY"]


async def test_within_a_lane_first_come_is_first_served() -> None:
    clock = ManualClock()
    budget = make(clock)
    await spend(budget, Lane.CANCEL, 100)
    served: list[int] = []

    async def ask(number: int, weight: int) -> None:
        async with budget.permit(Lane.LIVE, weight, deadline_s=300):
            served.append(number)

    async with asyncio.TaskGroup() as group:
        for number, weight in enumerate((60, 10, 10)):
            group.create_task(ask(number, weight))
            await asyncio.sleep(0)
        await clock.advance(130)
    assert served == [0, 1, 2]


async def test_a_wait_beyond_the_deadline_is_refused_at_once_with_the_instant() -> None:
    clock = ManualClock()
    budget = make(clock)
    await spend(budget, Lane.CANCEL, 100)
    with pytest.raises(RateLimited) as caught:
        await budget.acquire(Lane.LIVE, 1, deadline_s=30)
    assert caught.value.retry_at_ns // 1_000_000 == clock.now_ms() + 60_000


async def test_the_queue_is_bounded() -> None:
    clock = ManualClock()
    budget = make(clock, max_waiters=2)
    await spend(budget, Lane.CANCEL, 100)
    waiting = [asyncio.ensure_future(budget.acquire(Lane.LIVE, 1, deadline_s=300)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited, match="already waiting"):
        await budget.acquire(Lane.LIVE, 1, deadline_s=300)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert budget.stats()["waiting"] == 0


async def test_a_request_heavier_than_its_lane_is_an_error_not_a_wait() -> None:
    with pytest.raises(InvalidValue, match="never pass"):
        await make(ManualClock()).acquire(Lane.HISTORY, 99)


async def test_retry_after_silences_every_lane_to_the_second() -> None:
    clock = ManualClock()
    budget = make(clock)
    error = await budget.rejected(429, retry_after_s=17, lane=Lane.HISTORY)
    assert not error.banned
    assert error.retry_at_ns // 1_000_000 == clock.now_ms() + 17_001
    sent: list[int] = []

    async def ask(lane: Lane) -> None:
        async with budget.permit(lane, 1, deadline_s=30):
            sent.append(clock.now_ms())

    start = clock.now_ms()
    async with asyncio.TaskGroup() as group:
        for lane in Lane:
            group.create_task(ask(lane))
        await clock.advance(20)
    assert len(sent) == 4
    assert min(sent) >= start + 17_000


@pytest.mark.parametrize(("status", "seconds", "banned"), [(429, 60.0, False), (418, 120.0, True)])
async def test_without_retry_after(status: int, seconds: float, banned: bool) -> None:
    clock = ManualClock()  # stands at a full minute
    budget = make(clock)
    error = await budget.rejected(status, retry_after_s=None, lane=Lane.LIVE)
    assert error.banned is banned
    assert error.retry_at_ns / 1e9 - clock.now_ns() / 1e9 == pytest.approx(seconds)


async def test_an_order_count_refusal_backs_off_orders_only_and_longer_each_time() -> None:
    clock = ManualClock()
    budget = make(clock)
    waits = []
    for _ in range(3):
        error = await budget.rejected(429, retry_after_s=None, lane=Lane.ORDER, order_count=True)
        waits.append(round(error.retry_at_ns / 1e9 - clock.now_ns() / 1e9))
        budget.finish(await budget.acquire(Lane.LIVE, 1, deadline_s=0))
        with pytest.raises(RateLimited):
            await budget.acquire(Lane.ORDER, 1, deadline_s=0.5)
    assert waits == [1, 2, 4]
    budget.order_accepted()
    error = await budget.rejected(429, retry_after_s=None, lane=Lane.ORDER, order_count=True)
    assert round(error.retry_at_ns / 1e9 - clock.now_ns() / 1e9) == 1


async def test_windows_follow_the_venues_clock() -> None:
    clock = ManualClock()
    budget = make(clock)
    budget.set_time(clock.now_ms() + 30_000)
    await spend(budget, Lane.CANCEL, 100)
    with pytest.raises(RateLimited) as caught:
        await budget.acquire(Lane.CANCEL, 1, deadline_s=0)
    assert caught.value.retry_at_ns // 1_000_000 == clock.now_ms() + 30_000


async def test_history_has_the_half_while_live_waits_and_four_fifths_alone() -> None:
    clock = ManualClock()
    assert await spend(make(clock), Lane.HISTORY, 100) == 80
    busy = make(clock)
    assert await spend(busy, Lane.LIVE, 10) == 10
    assert await spend(busy, Lane.HISTORY, 100) == 50


async def test_the_limit_that_the_venue_publishes_takes_force() -> None:
    clock = ManualClock()
    budget = make(clock)
    budget.set_limit(50)
    assert await spend(budget, Lane.CANCEL, 100) == 50


# --- several processes behind one address ---


@asynccontextmanager
async def shared(folder: Path, count: int) -> AsyncIterator[tuple[ManualClock, list[WeightBudget]]]:
    """Give budgets over one file, each with a store of its own as a process has it."""
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(sqlite_store(folder)) for _ in range(count)]
        yield clock, [make(clock, leases=store, chunk=5) for store in stores]


async def test_processes_share_one_limit(tmp_path: Path) -> None:
    async with shared(tmp_path, 3) as (clock, budgets):
        got = [await spend(budget, Lane.CANCEL, 60) for budget in budgets]
        assert sum(got) == 100
        await clock.advance(61)
        assert sum([await spend(budget, Lane.CANCEL, 60) for budget in budgets]) == 100


async def test_processes_share_the_history_lane(tmp_path: Path) -> None:
    async with shared(tmp_path, 2) as (clock, budgets):
        got = [await spend(budget, Lane.HISTORY, 100) for budget in budgets]
        assert sum(got) == 80
        await clock.advance(61)
        await spend(budgets[0], Lane.LIVE, 30)
        assert await spend(budgets[1], Lane.HISTORY, 100) == 50


async def test_a_ban_of_one_process_silences_the_others(tmp_path: Path) -> None:
    async with shared(tmp_path, 2) as (clock, budgets):
        await budgets[0].rejected(418, retry_after_s=90, lane=Lane.LIVE)
        with pytest.raises(RateLimited) as caught:
            await budgets[1].acquire(Lane.CANCEL, 1, deadline_s=60)
        assert caught.value.retry_at_ns // 1_000_000 >= clock.now_ms() + 90_000
        await clock.advance(91)
        budgets[1].finish(await budgets[1].acquire(Lane.CANCEL, 1, deadline_s=0))


async def test_a_ban_is_seen_by_a_process_that_has_weight_left_of_what_it_leased(tmp_path: Path) -> None:
    async with shared(tmp_path, 2) as (clock, budgets):
        assert await spend(budgets[1], Lane.ORDER, 1, step=1) == 1
        await budgets[0].rejected(418, retry_after_s=90, lane=Lane.LIVE)
        assert await spend(budgets[1], Lane.CANCEL, 1, step=1) == 0
        await clock.advance(91)
        assert await spend(budgets[1], Lane.CANCEL, 1, step=1) == 1


async def test_the_lease_table_is_asked_only_where_another_process_wrote_or_more_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shared(tmp_path, 2) as (_, (budget, other)):
        looks = 0
        transaction = SqlStateStore.transaction

        def counted(store: SqlStateStore) -> Any:
            nonlocal looks
            looks += store is budget._leases
            return transaction(store)

        monkeypatch.setattr(SqlStateStore, "transaction", counted)
        assert await spend(budget, Lane.ORDER, 5, step=1) == 5
        assert looks == 1, "a chunk of five was leased at the first"
        assert await spend(budget, Lane.ORDER, 1, step=1) == 1
        assert looks == 2
        assert await spend(other, Lane.ORDER, 1, step=1) == 1
        assert await spend(budget, Lane.ORDER, 3, step=1) == 3
        assert looks == 3, "once after what the other wrote"
        assert await spend(budget, Lane.HISTORY, 1, step=1) == 1
        assert looks == 4, "what history may use hangs on what others need"


async def test_a_foreign_user_of_the_address_is_seen_by_all(tmp_path: Path) -> None:
    async with shared(tmp_path, 2) as (_, budgets):
        permit = await budgets[0].acquire(Lane.LIVE, 1)
        await budgets[0].venue_said(85, permit=permit)
        budgets[0].finish(permit)
        assert await spend(budgets[1], Lane.CANCEL, 100, step=5) <= 15


class _LostStore:
    """A state store that does not answer."""

    def foreign_version(self) -> int:
        return 7

    def transaction(self) -> Any:
        raise StoreUnavailable("away")


async def test_without_the_lease_table_each_process_keeps_to_half() -> None:
    clock = ManualClock()
    budget = make(clock, leases=_LostStore())
    assert await spend(budget, Lane.CANCEL, 100) == 50
