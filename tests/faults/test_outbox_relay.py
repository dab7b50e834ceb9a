"""The relay between a commit and the bus: order, at least once, and effects once whatever dies when (fault BU5)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.support.clientserver import until
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import StoreUnavailable
from quantservice.core.messages import Command, Message, Overflow, Topic
from quantservice.ports import StateStore
from quantservice.services.outbox.relay import OutboxRelay, RelayConfig

WAIT_S = 20.0
CHILD = Path(__file__).parent.parent / "support" / "relay_child.py"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


def command(number: int) -> Message:
    return Message(topic=Topic.COMMAND, event_type="count.up", key="counter", data=Command(id=str(number), name="count.up"))


async def put(store: StateStore, *numbers: int) -> list[Message]:
    messages = [command(number) for number in numbers]
    for message in messages:
        async with store.transaction() as work:
            await work.outbox.add(message)
    return messages


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def waiting(store: StateStore) -> int:
    async with store.transaction() as work:
        return len(await work.outbox.pending(1_000))


async def count_up(store: StateStore, messages: Sequence[Message]) -> None:
    """A consumer's effect: note and effect in one transaction."""
    for message in messages:
        async with store.transaction() as work:
            if await work.inbox.first_time("counter", message.event_id, now_ns=1):
                await work.values.put("counter", "value", (await work.values.get("counter", "value") or 0) + 1)


async def counted(store: StateStore) -> object:
    async with store.transaction() as work:
        return await work.values.get("counter", "value")


async def test_what_was_committed_is_published_in_order_and_marked(store: SqlStateStore) -> None:
    bus = MemoryBus()
    relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(batch=4))
    sent = await put(store, *range(10))
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=100) as subscription:
        received: list[Message] = []

        async def consume() -> None:
            async for messages in subscription:
                received.extend(messages)
                await subscription.commit()

        consuming = asyncio.create_task(consume())
        assert [await relay.publish_pending() for _ in range(4)] == [4, 4, 2, 0]
        await stop(consuming)
        assert received == sent
    assert await waiting(store) == 0
    assert relay.stats()["published"] == 10


async def test_a_running_relay_is_woken_by_a_commit(store: SqlStateStore) -> None:
    bus = MemoryBus()
    relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(poll_s=3_600))
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=100) as subscription:
        running = asyncio.create_task(relay.run())
        for number in range(3):
            (message,) = await put(store, number)
            assert await asyncio.wait_for(anext(aiter(subscription)), WAIT_S) == [message]
            await subscription.commit()
        await stop(running)


async def test_what_another_process_commits_is_found_by_polling(store: SqlStateStore, tmp_path: Path) -> None:
    bus = MemoryBus()
    relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(poll_s=0.01))
    async with (
        sqlite_store(tmp_path) as other,
        bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=100) as subscription,
    ):
        running = asyncio.create_task(relay.run())
        (message,) = await put(other, 1)
        assert await asyncio.wait_for(anext(aiter(subscription)), WAIT_S) == [message]
        await stop(running)


async def test_a_relay_that_dies_before_marking_publishes_again_and_the_effect_happens_once(store: SqlStateStore) -> None:
    class DyingBus(MemoryBus):
        async def publish(self, messages: Sequence[Message]) -> None:
            await super().publish(messages)
            raise ConnectionResetError

    bus, dying = MemoryBus(), DyingBus()
    await put(store, 1, 2)
    async with dying.subscribe([Topic.COMMAND], group="counter", overflow=Overflow.BLOCK, capacity=100) as subscription:
        with pytest.raises(ConnectionResetError):
            await OutboxRelay(store, dying, SystemClock()).publish_pending()
        await count_up(store, await anext(aiter(subscription)))
    assert await waiting(store) == 2, "published, but not marked"
    async with bus.subscribe([Topic.COMMAND], group="counter", overflow=Overflow.BLOCK, capacity=100) as subscription:
        publishing = asyncio.create_task(OutboxRelay(store, bus, SystemClock()).publish_pending())
        await count_up(store, await anext(aiter(subscription)))
        await subscription.commit()
        assert await asyncio.wait_for(publishing, WAIT_S) == 2
    assert await counted(store) == 2
    assert await waiting(store) == 0


async def test_a_consumer_that_crashes_before_it_commits_gets_the_message_again(store: SqlStateStore) -> None:
    bus = MemoryBus()
    relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(retry_s=0.01, confirm_s=WAIT_S))
    (message,) = await put(store, 1)
    running = asyncio.create_task(relay.run())
    for attempt in range(2):
        async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=10) as subscription:
            assert await asyncio.wait_for(anext(aiter(subscription)), WAIT_S) == [message]
            if attempt:
                await subscription.commit()
                await until(lambda: relay.stats()["published"] == 1)
    assert await waiting(store) == 0
    await stop(running)


async def test_a_consumer_that_never_commits_does_not_hold_the_outbox_for_ever(store: SqlStateStore) -> None:
    bus = MemoryBus()
    relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(confirm_s=0.01, tries=3))
    await put(store, 1)
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=10) as subscription:
        assert [await relay.publish_pending() for _ in range(4)] == [0, 0, 1, 0]
        assert relay.stats()["unconfirmed"] == 1
        assert len(await anext(aiter(subscription))) == 3


async def test_killed_at_any_point_every_command_takes_effect_once(store: SqlStateStore, tmp_path: Path) -> None:
    """Kill -9 of a process that relays and applies, over and over; it dies by itself at a random step."""
    total = 40
    await put(store, *range(total))
    kills = 0
    for seed in range(60):
        child = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), str(tmp_path), str(seed))
        code = await asyncio.wait_for(child.wait(), WAIT_S)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    assert await waiting(store) == 0
    assert await counted(store) == total


async def test_two_relays_at_once_lose_nothing_and_effects_happen_once(store: SqlStateStore, tmp_path: Path) -> None:
    bus = MemoryBus()
    await put(store, *range(20))
    async with (
        sqlite_store(tmp_path) as other,
        bus.subscribe([Topic.COMMAND], group="counter", overflow=Overflow.BLOCK, capacity=1_000) as subscription,
    ):
        relays = [OutboxRelay(item, bus, SystemClock(), RelayConfig(batch=5)) for item in (store, other)]

        async def consume() -> None:
            async for messages in subscription:
                await count_up(store, messages)
                await subscription.commit()

        consuming = asyncio.create_task(consume())
        while await waiting(store):
            await asyncio.gather(*(relay.publish_pending() for relay in relays))
        await stop(consuming)
    assert await counted(store) == 20


async def test_a_store_that_goes_away_is_said_once_and_tried_again(store: SqlStateStore) -> None:
    class Away(SqlStateStore):
        gone = True

        def transaction(self):  # type: ignore[no-untyped-def]  # the original's type is an implementation's
            if self.gone:
                raise StoreUnavailable("gone")
            return store.transaction()

        async def wait_outbox(self, timeout_s: float) -> None:
            await store.wait_outbox(timeout_s)

    clock = ManualClock()
    bus = MemoryBus()
    away = Away("sqlite://", None)  # type: ignore[arg-type]  # it is never opened
    relay = OutboxRelay(away, bus, clock, RelayConfig(poll_s=0.01, retry_s=1))
    (message,) = await put(store, 1)
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=10) as subscription:
        running = asyncio.create_task(relay.run())
        for _ in range(3):
            await clock.advance(1)
        assert relay.stats()["failures"] >= 3
        assert relay.stats()["store_away"] == 1
        away.gone = False
        await clock.advance(1)
        assert await asyncio.wait_for(anext(aiter(subscription)), WAIT_S) == [message]
        await subscription.commit()
        await until(lambda: relay.stats()["store_away"] == 0)
        await stop(running)


async def test_old_rows_go_in_time(store: SqlStateStore) -> None:
    clock = ManualClock()
    relay = OutboxRelay(store, MemoryBus(), clock, RelayConfig(keep_days=1))
    await put(store, 1)
    await relay.publish_pending()
    async with store.transaction() as work:
        await work.inbox.first_time("c", "e", now_ns=clock.now_ns())
    for days, expected in ((0.5, (1, False)), (1.0, (0, False)), (1.0, (0, True))):
        await clock.advance(days * 86_400)
        await relay.prune()
        assert await kept(store) == expected


async def kept(store: SqlStateStore) -> tuple[int, bool]:
    """Rows of the outbox, and whether the note on event e is gone; rolled back, so that asking changes nothing."""
    answer = (0, False)
    with contextlib.suppress(ZeroDivisionError):
        async with store.transaction() as work:
            answer = (await work.outbox.prune(before_ns=2**62), await work.inbox.first_time("c", "e", now_ns=1))
            raise ZeroDivisionError
    return answer
