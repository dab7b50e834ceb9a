"""What every EventBus must do. One suite, run over each adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

import pytest
from tests.support.market import batch, kline

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import EnvironmentFault, InvalidValue
from quantservice.core.events import Kline, MarketEvent
from quantservice.core.messages import Command, MarketBatch, Message, Overflow, Topic
from quantservice.ports import EventBus, Subscription

MakeBus: TypeAlias = Callable[[], EventBus]
WAIT_S = 5.0


@pytest.fixture(params=[MemoryBus], ids=["memory"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[EventBus]:
    make: MakeBus = request.param
    made = make()
    yield made
    await made.close()


def command(number: int, *, key: str = "a", topic: str = Topic.COMMAND) -> Message:
    return Message(topic=topic, event_type="test.do", key=key, data=Command(id=str(number), name="test.do"))


async def take(subscription: Subscription) -> Sequence[Message]:
    return await asyncio.wait_for(anext(aiter(subscription)), WAIT_S)


async def take_events(subscription: Subscription) -> list[MarketEvent]:
    return [event for message in await take(subscription) for event in message.data.events]


def ids(messages: Sequence[Message]) -> list[str]:
    return [message.data.id for message in messages]


async def blocked(task: asyncio.Task[None]) -> bool:
    """Let the task run as far as it can; say whether it still waits."""
    for _ in range(20):
        await asyncio.sleep(0)
    return not task.done()


async def test_each_group_receives_every_message_in_order(bus: EventBus) -> None:
    async with (
        bus.subscribe([Topic.COMMAND], group="one", overflow=Overflow.BLOCK, capacity=100) as one,
        bus.subscribe([Topic.COMMAND], group="two", overflow=Overflow.DROP_OLDEST, capacity=100) as two,
    ):
        for number in range(10):
            await bus.publish([command(number)])
        expected = [str(number) for number in range(10)]
        assert ids(await take(one)) == expected
        assert ids(await take(two)) == expected
        await one.commit()


async def test_only_the_subscribed_topics_arrive_and_their_order_is_kept(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND, Topic.GAP], group="g", overflow=Overflow.BLOCK, capacity=100) as subscription:
        await bus.publish([command(1), command(2, topic=Topic.SYSTEM), command(3, topic=Topic.GAP), command(4)])
        assert ids(await take(subscription)) == ["1", "3", "4"]


async def test_a_publish_without_subscribers_is_no_error(bus: EventBus) -> None:
    await asyncio.wait_for(bus.publish([command(1)]), WAIT_S)
    await asyncio.wait_for(bus.publish([]), WAIT_S)


async def test_block_makes_the_publisher_wait_and_loses_nothing(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="slow", overflow=Overflow.BLOCK, capacity=3) as slow:
        publishing = asyncio.create_task(bus.publish([command(number) for number in range(8)]))
        assert await blocked(publishing)
        assert slow.stats.depth == 3
        received = ids(await take(slow))
        while len(received) < 8:
            received += ids(await take(slow))
        await asyncio.wait_for(publishing, WAIT_S)
        assert received == [str(number) for number in range(8)]
        assert slow.stats.dropped == slow.stats.conflated == 0


async def test_publishers_in_line_keep_their_order(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="slow", overflow=Overflow.BLOCK, capacity=2) as slow:
        tasks = [asyncio.create_task(bus.publish([command(3 * part + n) for n in range(3)])) for part in range(4)]
        received: list[str] = []
        while len(received) < 12:
            received += ids(await take(slow))
        await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S)
        assert received == [str(number) for number in range(12)]


async def test_a_blocked_subscription_does_not_hold_back_its_peers_copy(bus: EventBus) -> None:
    async with (
        bus.subscribe([Topic.COMMAND], group="slow", overflow=Overflow.BLOCK, capacity=1) as slow,
        bus.subscribe([Topic.COMMAND], group="fast", overflow=Overflow.BLOCK, capacity=100) as fast,
    ):
        publishing = asyncio.create_task(bus.publish([command(1), command(2), command(3)]))
        assert await blocked(publishing)
        assert ids(await take(fast)) == ["1", "2", "3"]
        assert not publishing.done()
        for _ in range(3):
            await take(slow)
        await asyncio.wait_for(publishing, WAIT_S)


async def test_a_cancelled_publisher_leaves_the_line(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="slow", overflow=Overflow.BLOCK, capacity=1) as slow:
        await bus.publish([command(0)])
        first = asyncio.create_task(bus.publish([command(1)]))
        second = asyncio.create_task(bus.publish([command(2)]))
        assert await blocked(first)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert ids(await take(slow)) == ["0"]
        await asyncio.wait_for(second, WAIT_S)
        assert ids(await take(slow)) == ["2"]


async def test_a_cancelled_consumer_can_go_on(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=10) as subscription:
        waiting = asyncio.ensure_future(anext(aiter(subscription)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await bus.publish([command(7)])
        assert ids(await take(subscription)) == ["7"]


async def test_leaving_the_context_frees_waiting_publishers(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="slow", overflow=Overflow.BLOCK, capacity=1):
        publishing = asyncio.create_task(bus.publish([command(1), command(2)]))
        assert await blocked(publishing)
    await asyncio.wait_for(publishing, WAIT_S)
    assert list(bus.stats()) == []


async def test_capacity_counts_events_not_messages(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.BLOCK, capacity=5) as subscription:
        await bus.publish([batch(*(kline(index) for index in range(4)))])
        assert subscription.stats.depth == 4
        publishing = asyncio.create_task(bus.publish([batch(kline(4), kline(5))]))
        assert await blocked(publishing)
        assert len(await take_events(subscription)) == 4
        assert len(await take_events(subscription)) == 2
        await asyncio.wait_for(publishing, WAIT_S)
        assert subscription.stats.delivered == 6


async def test_a_batch_larger_than_the_capacity_passes_alone(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.BLOCK, capacity=2) as subscription:
        await asyncio.wait_for(bus.publish([batch(*(kline(index) for index in range(5)))]), WAIT_S)
        assert len(await take_events(subscription)) == 5


async def test_drop_oldest_keeps_the_newest_and_counts(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.DROP_OLDEST, capacity=3) as subscription:
        for number in range(10):
            await asyncio.wait_for(bus.publish([command(number)]), WAIT_S)
        assert ids(await take(subscription)) == ["7", "8", "9"]
        assert subscription.stats.dropped == 7
        assert subscription.stats.delivered == 3


async def test_conflate_keeps_the_newest_open_kline_per_stream(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.CONFLATE, capacity=4) as subscription:
        for step in range(20):
            await bus.publish([batch(*(kline(0, base=base, closed=False, close=str(step)) for base in ("BTC", "ETH", "SOL")))])
        events = await take_events(subscription)
        assert [(event.stream.instrument.symbol, str(getattr(event, "close", ""))) for event in events] == [
            ("BTC-USDT-PERP", "19"),
            ("ETH-USDT-PERP", "19"),
            ("SOL-USDT-PERP", "19"),
        ]
        assert subscription.stats.conflated == 57
        assert subscription.stats.dropped == 0


async def test_conflate_never_replaces_a_closed_kline_by_a_later_bar(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.CONFLATE, capacity=8) as subscription:
        for index in range(6):
            for step in range(4):
                await bus.publish([batch(kline(index, closed=False, close=str(step)))])
            await bus.publish([batch(kline(index, close="100"))])
        await bus.publish([batch(kline(6, closed=False))])
        events = await take_events(subscription)
        opens = [event.open_time for event in events if isinstance(event, Kline) and event.closed]
        assert opens == [kline(index).open_time for index in range(6)]
        assert events[-1] == kline(6, closed=False)
        assert len(events) == 7, "open states of finished bars are gone"


async def test_conflate_is_bounded_even_by_keys_and_counts_what_had_to_go(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.CONFLATE, capacity=5) as subscription:
        for index in range(50):
            await bus.publish([batch(kline(index))])
        assert subscription.stats.depth == 5
        events = await take_events(subscription)
        assert events == [kline(index) for index in range(45, 50)]
        assert subscription.stats.dropped == 45


async def test_conflate_works_by_message_key_for_other_topics(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.CONFLATE, capacity=2) as subscription:
        await bus.publish([command(number, key="ab"[number % 2]) for number in range(10)])
        assert ids(await take(subscription)) == ["8", "9"]


async def test_conflated_messages_keep_their_ids(bus: EventBus) -> None:
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.CONFLATE, capacity=1) as subscription:
        first, second = batch(kline(0, closed=False), kline(0, base="ETH", closed=False)), batch(kline(0))
        await bus.publish([first])
        await bus.publish([second])
        (message,) = await take(subscription)
        assert message.event_id == second.event_id
        assert message.data == MarketBatch((kline(0),))


async def test_a_stalled_conflating_or_dropping_consumer_never_holds_the_publisher(bus: EventBus) -> None:
    async with (
        bus.subscribe([Topic.MARKET_LIVE], group="stalled", overflow=Overflow.CONFLATE, capacity=10) as stalled,
        bus.subscribe([Topic.MARKET_LIVE], group="lossy", overflow=Overflow.DROP_OLDEST, capacity=10) as lossy,
        bus.subscribe([Topic.MARKET_LIVE], group="peer", overflow=Overflow.BLOCK, capacity=10) as peer,
    ):
        for index in range(1_000):
            publishing = asyncio.create_task(bus.publish([batch(kline(index, closed=False))]))
            assert await take_events(peer) == [kline(index, closed=False)]
            await asyncio.wait_for(publishing, WAIT_S)
        assert stalled.stats.depth <= 10
        assert lossy.stats.depth <= 10
        assert peer.stats.delivered == 1_000
        assert lossy.stats.dropped == 990


async def test_close_ends_iteration_after_what_is_queued(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=1) as subscription:
        publishing = asyncio.create_task(bus.publish([command(1), command(2)]))
        assert await blocked(publishing)
        await bus.close()
        await asyncio.wait_for(publishing, WAIT_S)
        received = [item for messages in [batch async for batch in subscription] for item in ids(messages)]
        assert received == ["1", "2"]
        with pytest.raises(EnvironmentFault):
            await bus.publish([command(3)])


async def test_close_wakes_a_waiting_consumer(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=1) as subscription:

        async def consume() -> list[Sequence[Message]]:
            return [messages async for messages in subscription]

        consuming = asyncio.create_task(consume())
        await asyncio.sleep(0)
        await bus.close()
        assert await asyncio.wait_for(consuming, WAIT_S) == []


async def test_stats_name_the_subscription(bus: EventBus) -> None:
    async with bus.subscribe([Topic.GAP], group="watcher", overflow=Overflow.CONFLATE, capacity=7):
        (stats,) = bus.stats()
        assert (stats.group, stats.topics, stats.overflow, stats.capacity) == ("watcher", ("gap",), Overflow.CONFLATE, 7)


@pytest.mark.parametrize(("topics", "capacity"), [([], 1), ("gap", 1), ([Topic.GAP], 0)])
async def test_a_senseless_subscription_is_refused(bus: EventBus, topics: Sequence[str], capacity: int) -> None:
    with pytest.raises(InvalidValue):
        async with bus.subscribe(topics, group="g", overflow=Overflow.BLOCK, capacity=capacity):
            pass


async def test_confirmed_waits_for_the_commits_of_blocking_subscriptions(bus: EventBus) -> None:
    assert await bus.confirmed([Topic.COMMAND], timeout_s=WAIT_S), "nobody listens: nothing to wait for"
    async with (
        bus.subscribe([Topic.COMMAND], group="one", overflow=Overflow.BLOCK, capacity=2) as one,
        bus.subscribe([Topic.COMMAND], group="lossy", overflow=Overflow.DROP_OLDEST, capacity=2),
        bus.subscribe([Topic.GAP], group="other", overflow=Overflow.BLOCK, capacity=2),
    ):
        publishing = asyncio.create_task(bus.publish([command(1), command(2), command(3)]))
        assert await blocked(publishing)
        confirming = asyncio.create_task(bus.confirmed([Topic.COMMAND], timeout_s=WAIT_S))
        await take(one)
        await one.commit()
        await take(one)
        await asyncio.sleep(0)
        assert not confirming.done(), "the last message was yielded and not committed"
        await one.commit()
        assert await asyncio.wait_for(confirming, WAIT_S)
        await publishing
        await bus.publish([command(4)])
        assert not await bus.confirmed([Topic.COMMAND], timeout_s=0.01), "nobody took it in time"


async def test_a_subscription_that_ends_before_it_commits_confirms_nothing(bus: EventBus) -> None:
    async with bus.subscribe([Topic.COMMAND], group="g", overflow=Overflow.BLOCK, capacity=2) as subscription:
        await bus.publish([command(1)])
        await take(subscription)
        confirming = asyncio.create_task(bus.confirmed([Topic.COMMAND], timeout_s=WAIT_S))
        await asyncio.sleep(0)
    assert not await asyncio.wait_for(confirming, WAIT_S)
