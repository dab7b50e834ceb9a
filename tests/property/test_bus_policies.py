"""The three overflow policies under any schedule of publishing and reading."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.market import batch, kline

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.events import Kline
from quantservice.core.messages import Overflow, Topic

bars = st.builds(
    lambda base, index, closed, close: kline(index, base=base, closed=closed, close=str(close)),
    st.sampled_from(["BTC", "ETH"]),
    st.integers(0, 5),
    st.booleans(),
    st.integers(90, 110),
)
batches = st.lists(st.lists(bars, min_size=1, max_size=6), max_size=12)
reads = st.lists(st.booleans(), min_size=12, max_size=12)


async def received(sent: list[list[Kline]], reading: list[bool], overflow: Overflow, capacity: int) -> tuple[list[Kline], int]:
    """Publish, reading after those steps where ``reading`` says so and at the end; return the events and what was lost."""
    bus = MemoryBus()
    got: list[Kline] = []
    async with bus.subscribe([Topic.MARKET_LIVE], group="g", overflow=overflow, capacity=capacity) as subscription:

        async def read() -> None:
            for message in await anext(aiter(subscription)):
                got.extend(message.data.events)

        publishing: list[asyncio.Task[None]] = []
        for events, now in zip(sent, reading, strict=False):
            publishing.append(asyncio.create_task(bus.publish([batch(*events)])))
            await asyncio.sleep(0)
            assert subscription.stats.depth <= max([capacity, *map(len, sent)])
            if now and subscription.stats.depth:
                await read()
        while subscription.stats.depth or not all(task.done() for task in publishing):
            if subscription.stats.depth:
                await read()
            await asyncio.sleep(0)
        await asyncio.gather(*publishing)
        assert subscription.stats.delivered == len(got)
        return got, subscription.stats.conflated + subscription.stats.dropped


@settings(deadline=None)
@given(sent=batches, reading=reads, capacity=st.integers(1, 10))
async def test_block_delivers_everything_in_order(sent: list[list[Kline]], reading: list[bool], capacity: int) -> None:
    got, lost = await asyncio.wait_for(received(sent, reading, Overflow.BLOCK, capacity), 10)
    assert got == [event for events in sent for event in events]
    assert lost == 0


@settings(deadline=None)
@given(sent=batches, reading=reads, capacity=st.integers(1, 10))
async def test_drop_oldest_delivers_a_subsequence_that_ends_with_the_newest(
    sent: list[list[Kline]], reading: list[bool], capacity: int
) -> None:
    got, lost = await asyncio.wait_for(received(sent, reading, Overflow.DROP_OLDEST, capacity), 10)
    everything = [event for events in sent for event in events]
    remaining = iter(everything)
    assert all(any(event is other for other in remaining) for event in got)
    assert len(got) + lost == len(everything)
    if sent:
        assert got[-1] is everything[-1]


@settings(deadline=None)
@given(sent=batches, reading=reads, capacity=st.integers(12, 20))
async def test_conflate_ends_every_stream_with_its_newest_and_loses_no_closed_bar(
    sent: list[list[Kline]], reading: list[bool], capacity: int
) -> None:
    got, lost = await asyncio.wait_for(received(sent, reading, Overflow.CONFLATE, capacity), 10)
    everything = [event for events in sent for event in events]
    assert len(got) + lost == len(everything)
    for stream in {event.stream for event in everything}:
        ours = [event for event in got if event.stream == stream]
        theirs = [event for event in everything if event.stream == stream]
        assert ours[-1] is theirs[-1]
        remaining = iter(theirs)
        assert all(any(event is other for other in remaining) for event in ours), "order is kept"
        assert {event.open_time for event in ours if event.closed} == {event.open_time for event in theirs if event.closed}
