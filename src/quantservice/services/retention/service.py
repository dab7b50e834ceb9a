"""Removes rows older than their kind is kept. Klines, funding and instruments are never touched: they are the ledger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import structlog

from quantservice.core.errors import InvalidValue, StoreUnavailable
from quantservice.core.events import Kind
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

#: Kinds that are kept for ever, whatever the settings say.
KEPT: Final = frozenset({Kind.KLINE, Kind.FUNDING})


class Prunable(Protocol):
    """The part of a market store that forgets."""

    async def prune(self, retention: Mapping[str, int]) -> Mapping[str, int]:
        """Delete rows older than ``retention`` days per kind; return what went per kind."""
        ...


class RetentionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two rounds, and before the first."""

    every_s: float = 3_600.0
    first_after_s: float = 60.0


class RetentionService:
    """Prunes the market store at intervals. ``retention`` gives days per kind; 0 keeps for ever."""

    name = "retention"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()

    def __init__(
        self, store: Prunable, clock: Clock, *, retention: Mapping[str, int], config: RetentionConfig | None = None
    ) -> None:
        for kind, days in retention.items():
            if Kind(kind) in KEPT and days:
                raise InvalidValue("retention", f"{kind} is part of the ledger and is kept for ever")
            if days < 0:
                raise InvalidValue("retention", f"{kind}: {days} days; give 0 to keep for ever")
        self._retention = {kind: days for kind, days in retention.items() if days}
        self._config = config or RetentionConfig()
        self._store = store
        self._clock = clock
        self._rounds = 0
        self._failures = 0
        self._pruned = 0

    async def run(self) -> None:
        """Prune until cancelled."""
        await self._clock.sleep(self._config.first_after_s)
        while True:
            await self.prune_once()
            await self._clock.sleep(self._config.every_s)

    async def prune_once(self) -> int:
        """Do one round; return the rows removed, where the store counts them."""
        if not self._retention:
            return 0
        try:
            removed = await self._store.prune(self._retention)
        except StoreUnavailable as error:
            self._failures += 1
            log.warning("retention.skipped", reason=str(error))
            return 0
        self._rounds += 1
        total = sum(removed.values()) if removed else 0
        self._pruned += total
        if total:
            log.info("retention.pruned", **dict(removed))
        return total

    def stats(self) -> Mapping[str, Any]:
        """Counters since start."""
        return {"rounds": self._rounds, "failures": self._failures, "rows_pruned": self._pruned, "kinds": len(self._retention)}
