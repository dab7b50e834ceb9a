"""The message bus: publish, subscribe, commit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from quantservice.core.messages import Message, Overflow


class SubscriptionStats(msgspec.Struct):
    """Figures of one subscription, for /metrics and the System page."""

    group: str
    topics: tuple[str, ...]
    overflow: Overflow
    capacity: int
    depth: int = 0
    delivered: int = 0
    conflated: int = 0
    dropped: int = 0


class Subscription(Protocol):
    """A bounded queue on topics. Iterating yields batches; order holds per key; delivery is at least once."""

    @property
    def stats(self) -> SubscriptionStats:
        """The queue's figures now."""
        ...

    def __aiter__(self) -> AsyncIterator[Sequence[Message]]: ...

    async def commit(self) -> None:
        """Say that the effects of all batches yielded so far are durable."""
        ...


class EventBus(Protocol):
    """Publish and subscribe. ``capacity`` and depth count events, not messages (a batch weighs its events)."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Hand over to every subscription; waits while a BLOCK subscription is full."""
        ...

    def subscribe(
        self, topics: Sequence[str], *, group: str, overflow: Overflow, capacity: int
    ) -> AbstractAsyncContextManager[Subscription]:
        """Open a subscription that lives as long as the context."""
        ...

    def stats(self) -> Sequence[SubscriptionStats]:
        """Figures of all open subscriptions."""
        ...

    async def confirmed(self, topics: Sequence[str], *, timeout_s: float) -> bool:
        """Wait until every BLOCK subscription has committed what was published on ``topics`` so far.

        False: not in time, or one ended before it did. A bus that keeps messages itself answers True at once.
        """
        ...

    async def close(self) -> None:
        """End every subscription; iteration stops."""
        ...
