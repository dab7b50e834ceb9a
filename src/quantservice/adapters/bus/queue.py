"""One subscription's bounded queue and its three ways of being full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence

import msgspec

from quantservice.core.events import Kline, MarketEvent
from quantservice.core.messages import MarketBatch, Message, Overflow
from quantservice.ports import SubscriptionStats

_NO_EVENTS = MarketBatch(())


class WaitingPublisher:
    """A publisher that a full BLOCK queue holds back, with what it still has to hand over."""

    __slots__ = ("future", "messages")

    def __init__(self, messages: deque[Message], future: asyncio.Future[None]) -> None:
        self.messages = messages
        self.future = future


class QueueSubscription:
    """A bounded queue on topics; the Subscription of the memory bus.

    While the consumer keeps up, messages are passed by reference whatever their size. Only a full CONFLATE queue looks
    into its batches: from then until the consumer has emptied it, it holds one event per key.
    """

    def __init__(self, topics: Sequence[str], *, group: str, overflow: Overflow, capacity: int) -> None:
        self._stats = SubscriptionStats(group=group, topics=tuple(map(str, topics)), overflow=overflow, capacity=capacity)
        self._overflow = overflow
        self._capacity = capacity
        self._queue: deque[Message] = deque()
        self._conflated: Conflation | None = None
        self._depth = 0
        self._waiting: deque[WaitingPublisher] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._closed = False
        self._uncommitted = 0
        self._put = self._taken = self._committed = 0  # messages, for those who wait for commits
        self._confirmations: list[tuple[int, asyncio.Future[bool]]] = []

    @property
    def stats(self) -> SubscriptionStats:
        """The queue's figures now."""
        self._stats.depth = self._depth if self._conflated is None else len(self._conflated)
        return self._stats

    @property
    def topics(self) -> tuple[str, ...]:
        """What it listens to."""
        return self._stats.topics

    @property
    def uncommitted(self) -> int:
        """Events yielded since the last commit."""
        return self._uncommitted

    async def commit(self) -> None:
        """Say that the effects of all batches yielded so far are durable."""
        self._uncommitted = 0
        self._committed = self._taken
        if self._confirmations:
            self._confirm()

    def confirmation(self) -> asyncio.Future[bool] | None:
        """Return what becomes true once all that waits here now is committed; None when it already is, or may be lost anyway."""
        handed = self._put + sum(len(place.messages) for place in self._waiting)
        if self._overflow is not Overflow.BLOCK or self._committed >= handed:
            return None
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_result(False)
        else:
            self._confirmations.append((handed, future))
        return future

    # --- the publisher's side ---

    def offer(self, messages: Sequence[Message], weight: int) -> WaitingPublisher | None:
        """Take what the policy lets in; for a full BLOCK queue return the place in line to wait at.

        ``weight`` is the messages' together: usually all of them fit, and nothing needs a second look.
        """
        if self._closed:
            return None
        if self._depth + weight <= self._capacity and self._conflated is None and not self._waiting:
            self._queue.extend(messages)
            self._put += len(messages)
            self._depth += weight
            self._notify()
            return None
        if self._overflow is Overflow.BLOCK:
            return self._offer_block(messages)
        for message in messages:
            if self._conflated is not None:
                self._absorb(message)
                continue
            weight = message.weight or 1
            if self._depth + weight > self._capacity and self._depth:
                self._make_room(message, weight)
            else:
                self._queue.append(message)
                self._depth += weight
        self._notify()
        return None

    def withdraw(self, place: WaitingPublisher) -> None:
        """Forget a publisher that was cancelled while it waited; what it had handed over stays."""
        if not place.future.done():
            place.future.cancel()
        if place in self._waiting:
            self._waiting.remove(place)
            self._admit()

    def close(self) -> None:
        """End the iteration after what is queued, and let waiting publishers go."""
        self._closed = True
        for place in self._waiting:
            self._queue.extend(place.messages)
            self._depth += sum(message.weight or 1 for message in place.messages)
            if not place.future.done():
                place.future.set_result(None)
        self._waiting.clear()
        for _, future in self._confirmations:
            if not future.done():
                future.set_result(False)
        self._confirmations.clear()
        self._notify()

    def _confirm(self) -> None:
        waiting, self._confirmations = self._confirmations, []
        for handed, future in waiting:
            if future.done():
                continue
            if self._committed >= handed:
                future.set_result(True)
            else:
                self._confirmations.append((handed, future))

    def _offer_block(self, messages: Sequence[Message]) -> WaitingPublisher | None:
        rest = deque(messages)
        if not self._waiting:  # behind others already in line, else one key's order would break
            self._fill_from(rest)
        self._notify()
        if not rest:
            return None
        place = WaitingPublisher(rest, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        return place

    def _fill_from(self, messages: deque[Message]) -> None:
        while messages:
            weight = messages[0].weight or 1
            if self._depth and self._depth + weight > self._capacity:
                return
            self._queue.append(messages.popleft())
            self._put += 1
            self._depth += weight

    def _admit(self) -> None:
        while self._waiting:
            place = self._waiting[0]
            self._fill_from(place.messages)
            if place.messages:
                break
            self._waiting.popleft()
            if not place.future.done():
                place.future.set_result(None)
        self._notify()

    def _make_room(self, message: Message, weight: int) -> None:
        if self._overflow is Overflow.CONFLATE:
            self._conflated = Conflation(self._capacity)
            for queued in self._queue:
                self._absorb(queued)
            self._queue.clear()
            self._depth = 0
            self._absorb(message)
            return
        while self._queue and self._depth + weight > self._capacity:
            lost = self._queue.popleft().weight or 1
            self._depth -= lost
            self._stats.dropped += lost
        self._queue.append(message)
        self._depth += weight

    def _absorb(self, message: Message) -> None:
        assert self._conflated is not None  # noqa: S101 - only called in that state
        replaced, dropped = self._conflated.add(message)
        self._stats.conflated += replaced
        self._stats.dropped += dropped

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done() and (self._queue or self._conflated is not None or self._closed):
            self._wake.set_result(None)

    # --- the consumer's side ---

    def __aiter__(self) -> QueueSubscription:
        return self

    async def __anext__(self) -> Sequence[Message]:
        while not self._queue and self._conflated is None:
            if self._closed:
                raise StopAsyncIteration
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        if self._conflated is not None:
            taken, count = self._conflated.messages(), len(self._conflated)
            self._conflated = None
        else:
            taken, count = list(self._queue), self._depth
            self._queue.clear()
        self._depth = 0
        self._stats.delivered += count
        self._uncommitted += count
        self._taken += len(taken)
        if self._waiting:
            self._admit()
        return taken


class Conflation:
    """The newest event per key, in order of arrival.

    The key of a closed kline includes its open time: a later bar never replaces a finished one. It does replace the
    open states of its own bar that still wait.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: dict[Hashable, tuple[Message, MarketEvent | None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, message: Message) -> tuple[int, int]:
        """Take a message in; return how many waiting events it replaced and how many had to go for lack of room."""
        before = len(self._kept)
        added = 0
        entries = _entries(message)
        if type(message.data) is MarketBatch:
            # Keep the header only: one event that stays must not keep its whole batch in memory.
            message = msgspec.structs.replace(message, data=_NO_EVENTS)
        for key, event in entries:
            added += 1
            # Out and in again: a replaced event moves to the end, so that one stream's events stay in order.
            self._kept.pop(key, None)
            if type(event) is Kline and event.closed:
                waiting = self._kept.get(event.stream)
                if waiting is not None and type(waiting[1]) is Kline and waiting[1].open_time <= event.open_time:
                    del self._kept[event.stream]
            self._kept[key] = (message, event)
        replaced = before + added - len(self._kept)
        dropped = 0
        while len(self._kept) > self._capacity:
            del self._kept[next(iter(self._kept))]
            dropped += 1
        return replaced, dropped

    def messages(self) -> list[Message]:
        """Rebuild the messages that remain, each with the events of it that remain."""
        rebuilt: list[Message] = []
        current: Message | None = None
        events: list[MarketEvent] = []
        for message, event in self._kept.values():
            if message is not current:
                _finish(rebuilt, current, events)
                current, events = message, []
            if event is not None:
                events.append(event)
        _finish(rebuilt, current, events)
        return rebuilt


def _entries(message: Message) -> list[tuple[Hashable, MarketEvent | None]]:
    data = message.data
    if type(data) is not MarketBatch:
        return [((message.topic, message.event_type, message.key), None)]
    return [
        ((event.stream, event.open_time) if type(event) is Kline and event.closed else event.stream, event) for event in data.events
    ]


def _finish(rebuilt: list[Message], message: Message | None, events: list[MarketEvent]) -> None:
    if message is None:
        return
    if type(message.data) is MarketBatch:
        message = msgspec.structs.replace(message, data=MarketBatch(tuple(events)))
    rebuilt.append(message)
