"""The bus inside one process: messages are shared by reference, queues are bounded, nothing is copied."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from operator import attrgetter

from quantservice.adapters.bus.queue import QueueSubscription, WaitingPublisher
from quantservice.core.errors import EnvironmentFault, InvalidValue
from quantservice.core.messages import Message, Overflow
from quantservice.ports import SubscriptionStats

_YIELD_EVERY_EVENTS = 4_096
_topic = attrgetter("topic")


class MemoryBus:
    """EventBus of one process and one event loop.

    Every subscription receives every message of its topics, whatever its group. ``publish`` first gives all
    subscriptions what they can take and only then waits for the full BLOCK ones, so that a slow consumer holds up its
    publisher (that is what BLOCK declares) and no peer's copy of the same messages. A publish that is cancelled while it
    waits may have reached some subscriptions: publishing again is safe, delivery is at least once.
    """

    def __init__(self) -> None:
        self._by_topic: dict[str, tuple[QueueSubscription, ...]] = {}
        self._open: list[QueueSubscription] = []
        self._closed = False
        self._since_yield = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        """Hand over to every subscription; waits while a BLOCK subscription is full."""
        if self._closed:
            raise EnvironmentFault("the bus is closed: nothing can be published after shut-down")
        places: list[tuple[QueueSubscription, WaitingPublisher]] = []
        total = 0
        for topic, wanted in _by_topic(messages):
            weight = sum([message.weight or 1 for message in wanted])
            total += weight
            for subscription in self._by_topic.get(topic, ()):
                place = subscription.offer(wanted, weight)
                if place is not None:
                    places.append((subscription, place))
        if places:
            await _wait_for(places)
            return
        self._since_yield += total
        if self._since_yield >= _YIELD_EVERY_EVENTS:
            # A publisher that never meets a full queue would otherwise never let the consumers run.
            self._since_yield = 0
            await asyncio.sleep(0)

    @asynccontextmanager
    async def subscribe(
        self, topics: Sequence[str], *, group: str, overflow: Overflow, capacity: int
    ) -> AsyncIterator[QueueSubscription]:
        """Open a subscription that lives as long as the context."""
        if isinstance(topics, str) or not topics:
            raise InvalidValue("topics", "name at least one topic, as a list")
        if capacity < 1:
            raise InvalidValue("capacity", "a subscription holds at least one event")
        if self._closed:
            raise EnvironmentFault("the bus is closed: nobody can subscribe after shut-down")
        subscription = QueueSubscription(topics, group=group, overflow=Overflow(overflow), capacity=capacity)
        self._open.append(subscription)
        self._route()
        try:
            yield subscription
        finally:
            self._open.remove(subscription)
            self._route()
            subscription.close()

    def stats(self) -> Sequence[SubscriptionStats]:
        """Figures of all open subscriptions."""
        return [subscription.stats for subscription in self._open]

    async def confirmed(self, topics: Sequence[str], *, timeout_s: float) -> bool:
        """Wait until every BLOCK subscription has committed what was published on ``topics`` so far."""
        wanted = set(topics)
        waiting = [item.confirmation() for item in self._open if wanted.intersection(item.topics)]
        try:
            async with asyncio.timeout(timeout_s):
                return all([await future for future in waiting if future is not None])
        except TimeoutError:
            return False

    async def close(self) -> None:
        """End every subscription: consumers get what is queued, then iteration stops."""
        self._closed = True
        for subscription in self._open:
            subscription.close()

    def _route(self) -> None:
        topics = {topic for subscription in self._open for topic in subscription.topics}
        self._by_topic = {topic: tuple(item for item in self._open if topic in item.topics) for topic in topics}


def _by_topic(messages: Sequence[Message]) -> list[tuple[str, Sequence[Message]]]:
    """Cut ``messages`` into stretches of one topic, in order."""
    if len(messages) == 1:
        return [(messages[0].topic, messages)]
    return [(topic, list(stretch)) for topic, stretch in itertools.groupby(messages, key=_topic)]


async def _wait_for(places: list[tuple[QueueSubscription, WaitingPublisher]]) -> None:
    try:
        for _, place in places:
            await place.future
    except asyncio.CancelledError:
        for subscription, place in places:
            subscription.withdraw(place)
        raise
