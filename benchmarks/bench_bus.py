"""The memory bus beside asyncio.Queue: what it costs to hand batches of klines to several subscribers.

    ./qs bench --only bus

The peer does what one would write by hand: one ``asyncio.Queue`` per subscriber, one item per event (it has no batches),
and one item per batch for the second comparison. Medians of several runs in one process; one core.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from tests.support.market import batch, kline

from benchmarks.results import Plan, Result
from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.messages import MarketBatch, Message, Overflow, Topic

SUBSCRIBERS = 4
EVENTS = 1_000_000


async def memory_bus(message: Message, batches: int) -> float:
    """Publish ``batches`` times to BLOCK subscribers that count; return seconds."""
    bus = MemoryBus()
    size = message.weight
    started = asyncio.Event()
    ready = 0

    async def consume() -> int:
        nonlocal ready
        seen = 0
        async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=Overflow.BLOCK, capacity=50_000) as subscription:
            ready += 1
            if ready == SUBSCRIBERS:
                started.set()
            async for messages in subscription:
                seen += sum(item.weight for item in messages)
                await subscription.commit()
                if seen >= batches * size:
                    return seen
        return seen

    consumers = [asyncio.create_task(consume()) for _ in range(SUBSCRIBERS)]
    await started.wait()
    begun = time.perf_counter()
    for _ in range(batches):
        await bus.publish((message,))
    seen = await asyncio.gather(*consumers)
    took = time.perf_counter() - begun
    assert seen == [batches * size] * SUBSCRIBERS
    return took


async def queues(message: Message, batches: int, *, per_event: bool) -> float:
    """The same over asyncio.Queue."""
    events = message.data.events
    lanes: list[asyncio.Queue[object]] = [asyncio.Queue(50_000 if per_event else 50) for _ in range(SUBSCRIBERS)]
    items = batches * (len(events) if per_event else 1)

    async def consume(lane: asyncio.Queue[object]) -> None:
        for _ in range(items):
            await lane.get()

    consumers = [asyncio.create_task(consume(lane)) for lane in lanes]
    begun = time.perf_counter()
    for _ in range(batches):
        for item in events if per_event else (message,):
            for lane in lanes:
                await lane.put(item)
    await asyncio.gather(*consumers)
    return time.perf_counter() - begun


async def slow_consumer(policy: Overflow, batches: int) -> tuple[float, int, int]:
    """Publish to a subscriber that never reads; return microseconds per batch of 100, conflated, dropped."""
    bus = MemoryBus()
    message = batch(*(kline(0, base=f"C{index}", closed=False) for index in range(100)))
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=policy, capacity=1_000) as subscription:
        begun = time.perf_counter()
        for _ in range(batches):
            await bus.publish((message,))
        took = time.perf_counter() - begun
        return took / batches * 1e6, subscription.stats.conflated, subscription.stats.dropped


def results(plan: Plan) -> list[Result]:
    """Two rows beside the asked table: what the bus costs, and what a reader that sleeps costs it."""
    import uvloop

    def median(run: Callable[[], Coroutine[Any, Any, float]]) -> float:
        return float(statistics.median([uvloop.run(run()) for _ in range(plan.rounds(3))]))

    events = tuple(kline(index % 100) for index in range(100))
    message = Message(topic=Topic.MARKET_LIVE, event_type="market.batch", key="binance:um", data=MarketBatch(events))
    batches = EVENTS // 100
    ours = EVENTS / median(partial(memory_bus, message, batches))
    whole = EVENTS / median(partial(queues, message, batches, per_event=False))
    single = EVENTS / 10 / median(partial(queues, message, batches // 10, per_event=True))
    asleep = {
        policy.value: round(uvloop.run(slow_consumer(policy, 2_000))[0], 1) for policy in (Overflow.CONFLATE, Overflow.DROP_OLDEST)
    }
    return [
        Result(
            what=f"memory bus, klines to {SUBSCRIBERS} subscribers, 100 a batch",
            asked="faster than asyncio.Queue of klines",
            measured=f"{ours / 1e6:,.0f} M klines/s; a reader that sleeps costs {max(asleep.values()):.0f} us a batch",
            peer=f"{ours / single:,.0f}x asyncio.Queue of klines, {ours / whole:.1f}x of batches",
            ok=ours > single,
            figures={"klines_per_s": ours, "queue_of_batches_per_s": whole, "queue_of_klines_per_s": single, "asleep_us": asleep},
        )
    ]
