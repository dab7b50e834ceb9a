"""The memory bus beside asyncio.Queue: what it costs to hand batches of klines to several subscribers.

    python benchmarks/bench_bus.py

The peer does what one would write by hand: one ``asyncio.Queue`` per subscriber, one item per event (it has no batches),
and one item per batch for the second comparison. Medians of several runs in one process; one core.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT)]

from tests.support.market import batch, kline  # noqa: E402 - the path is set first

from quantservice.adapters.bus.memory import MemoryBus  # noqa: E402 - the path is set first
from quantservice.core.messages import MarketBatch, Message, Overflow, Topic  # noqa: E402 - the path is set first

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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    import uvloop

    def median(run: Callable[[], Coroutine[Any, Any, float]]) -> float:
        return float(statistics.median([uvloop.run(run()) for _ in range(arguments.runs)]))

    print(f"{EVENTS:,} klines to {SUBSCRIBERS} subscribers, medians of {arguments.runs} runs")
    for size in (1, 100, 1_000):
        events = tuple(kline(index % 100) for index in range(size))
        message = Message(topic=Topic.MARKET_LIVE, event_type="market.batch", key="binance:um", data=MarketBatch(events))
        batches = min(EVENTS // size, 100_000)
        bus = median(partial(memory_bus, message, batches))
        rate = batches * size / bus
        print(f"memory bus, {size:>5} per batch   {rate:>14,.0f} klines/s   {bus / batches * 1e6:8.2f} µs per batch")
        if size > 1:
            peer = median(partial(queues, message, batches, per_event=False))
            print(f"asyncio.Queue of batches          {batches * size / peer:>14,.0f} klines/s   ratio {peer / bus:.1f}x")
        few = max(1, batches // 10)
        peer = few * size / median(partial(queues, message, few, per_event=True))
        print(f"asyncio.Queue of events           {peer:>14,.0f} klines/s   ratio {rate / peer:.1f}x")
    for policy in (Overflow.CONFLATE, Overflow.DROP_OLDEST):
        cost, conflated, dropped = uvloop.run(slow_consumer(policy, 2_000))
        name = f"a consumer that never reads, {policy.value:<12}"
        print(f"{name} {cost:8.1f} µs per batch of 100   conflated {conflated:,} dropped {dropped:,}")


if __name__ == "__main__":
    main()
