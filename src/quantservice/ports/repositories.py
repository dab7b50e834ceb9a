"""The tables of the state store, one repository each; a unit of work hands them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Message
from quantservice.ports.records import AccessKey, ProxyRecord, TradingPair


class PairRepository(Protocol):
    """Table trading_pair_config."""

    async def list(self, *, enabled_only: bool = False) -> list[TradingPair]: ...
    async def put(self, pair: TradingPair) -> TradingPair: ...
    async def remove(self, instrument: InstrumentId) -> bool: ...


class ProxyRepository(Protocol):
    """Table proxy_config."""

    async def list(self, *, enabled_only: bool = False) -> list[ProxyRecord]: ...
    async def put(self, proxy: ProxyRecord) -> ProxyRecord: ...
    async def remove(self, proxy_id: int) -> bool: ...


class AccessKeyRepository(Protocol):
    """Table api_keys."""

    async def list(self) -> list[AccessKey]: ...
    async def put(self, key: AccessKey) -> AccessKey: ...
    async def find(self, key_hash: str) -> AccessKey | None: ...
    async def remove(self, key_id: int) -> bool: ...


class SubscriptionRepository(Protocol):
    """Table subscriptions: which stream runs on which connection."""

    async def replace(self, venue: str, market: str, placed: Mapping[str, Sequence[StreamId]]) -> None: ...
    async def list(self, venue: str, market: str) -> dict[str, list[StreamId]]: ...


class LeaseRepository(Protocol):
    """Weight leases per (egress, bucket, window): how processes behind one IP share one budget."""

    async def take(self, bucket: str, window: int, weight: int, limit: int) -> int:
        """Lease up to ``weight`` of what is left of ``limit`` in ``window``; returns what was granted (0: none left)."""
        ...

    async def used(self, bucket: str, window: int) -> int: ...

    async def set_used(self, bucket: str, window: int, used: int) -> None:
        """Raise the used figure to what the venue's own header says."""
        ...

    async def block(self, bucket: str, until_ms: int) -> None:
        """Forbid the bucket until an instant (429/418), for all processes."""
        ...

    async def blocked_until(self, bucket: str) -> int: ...


class KeyValueRepository(Protocol):
    """Small durable facts by (scope, key): owner token hash, digest heads, heal windows, maintenance."""

    async def get(self, scope: str, key: str) -> Any | None: ...
    async def put(self, scope: str, key: str, value: Any) -> None: ...
    async def remove(self, scope: str, key: str) -> bool: ...
    async def items(self, scope: str) -> dict[str, Any]: ...


class Outbox(Protocol):
    """Messages written in the same commit as the state they speak of; the relay publishes them after it."""

    async def add(self, message: Message) -> None: ...
    async def pending(self, limit: int) -> list[Message]:
        """Return the oldest messages not yet published, in the order of their commits."""
        ...

    async def mark(self, event_ids: Sequence[str], *, published_ns: int) -> None:
        """Say that these messages are on the bus."""
        ...

    async def prune(self, *, before_ns: int) -> int:
        """Delete what was published before an instant; return how many."""
        ...


class Inbox(Protocol):
    """Which events a consumer has applied: asked in the transaction of the effect, so that an event counts once."""

    async def first_time(self, consumer: str, event_id: str, *, now_ns: int) -> bool:
        """Note the event as applied; False when it already was."""
        ...

    async def applied(self, consumer: str, event_id: str) -> bool:
        """Tell whether the event was applied by ``consumer``; nothing is noted."""
        ...

    async def prune(self, *, before_ns: int) -> int:
        """Forget events applied before an instant; return how many."""
        ...
