"""Publishes what transactions left in the outbox, in the order of their commits, at least once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import StoreUnavailable
from quantservice.core.messages import Topic
from quantservice.ports import Clock, EventBus, StateStore

_DAY_NS: Final = 86_400_000_000_000
_log = structlog.get_logger(__name__)


class RelayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the relay works. ``poll_s`` matters for rows that other processes commit; our own wake it at once.

    ``settle_s``: so long after a commit whoever waited for it goes first (an order is sent), and what comes meanwhile goes along.
    """

    batch: int = 200
    poll_s: float = 0.25
    settle_s: float = 0.005
    retry_s: float = 1.0
    keep_days: int = 7
    prune_every_s: float = 3_600.0
    confirm_s: float = 5.0  # how long consumers may take to commit a batch before it is published again
    tries: int = 3  # times a batch is published before it counts as delivered, confirmed or not


class OutboxRelay:
    """Owns the ``published`` mark of outbox rows.

    A row is marked once the consumers have committed it, not when it is on the bus: a memory bus forgets with its process.
    What a crash or a failing consumer leaves unmarked is published again: consumers note the event ids they have applied
    (``work.inbox.first_time``) in the transaction of the effect, so effects happen once.
    """

    name = "outbox"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = (Topic.ALERT, Topic.COMMAND, Topic.GAP, Topic.SYSTEM)

    def __init__(self, state_store: StateStore, bus: EventBus, clock: Clock, config: RelayConfig | None = None) -> None:
        self._state_store = state_store
        self._bus = bus
        self._clock = clock
        self._config = config or RelayConfig()
        self._published = 0
        self._failures = 0
        self._tries = 0
        self._unconfirmed = 0
        self._away = False
        self._prune_at = clock.monotonic()

    async def run(self) -> None:
        """Relay until cancelled; a store that is away is said once and tried again."""
        while True:
            try:
                published = await self.publish_pending()
                await self.prune()
                if self._away:
                    self._away = False
                    _log.info("outbox.store_back")
                if self._tries:
                    await self._clock.sleep(self._config.retry_s)
                elif published < self._config.batch:
                    await self._state_store.wait_outbox(self._config.poll_s)
                    await self._clock.sleep(self._config.settle_s)
            except StoreUnavailable as error:
                self._failures += 1
                if not self._away:
                    self._away = True
                    _log.warning("outbox.store_away", reason=str(error))
                await self._clock.sleep(self._config.retry_s)

    async def publish_pending(self) -> int:
        """Publish one batch of waiting messages; return how many of them consumers committed, so that they are marked."""
        async with self._state_store.transaction() as work:
            messages = await work.outbox.pending(self._config.batch)
        if not messages:
            return 0
        await self._bus.publish(messages)
        topics = {message.topic for message in messages}
        if await self._bus.confirmed(sorted(topics), timeout_s=self._config.confirm_s):
            self._tries = 0
        else:
            self._tries += 1
            if self._tries < self._config.tries:
                return 0
            self._tries = 0
            self._unconfirmed += len(messages)
            _log.warning("outbox.unconfirmed", messages=len(messages), topics=sorted(topics))
        async with self._state_store.transaction() as work:
            await work.outbox.mark([message.event_id for message in messages], published_ns=self._clock.now_ns())
        self._published += len(messages)
        return len(messages)

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {
            "published": self._published,
            "failures": self._failures,
            "unconfirmed": self._unconfirmed,
            "store_away": int(self._away),
        }

    async def prune(self) -> None:
        """Delete what was published long ago, once in a while."""
        if self._clock.monotonic() < self._prune_at:
            return
        before_ns = self._clock.now_ns() - self._config.keep_days * _DAY_NS
        async with self._state_store.transaction() as work:
            await work.outbox.prune(before_ns=before_ns)
            # Kept twice as long: a row of the outbox must never outlive the note that it was applied.
            await work.inbox.prune(before_ns=before_ns - self._config.keep_days * _DAY_NS)
        self._prune_at = self._clock.monotonic() + self._config.prune_every_s
