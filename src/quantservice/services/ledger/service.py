"""The ledger's loop: seals closed days at intervals and says when a day contradicts its seal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, IntegrityError
from quantservice.core.messages import Message, SystemEvent, Topic
from quantservice.core.periods import DAY_MS
from quantservice.ports import Clock, EventBus, StateStore
from quantservice.services.ledger import commands
from quantservice.services.ledger.sealing import LedgerStore, SealResult, SealRules, seal_days

_log = structlog.get_logger(__name__)
_RECENT_MS: Final = 3 * DAY_MS


class LedgerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``seal_every_s``: between passes; every ``whole_every``-th pass looks at all days, the others at recent ones."""

    seal_every_s: float = 600.0
    whole_every: int = 12
    settle_s: float = 900.0
    quiet_s: float = 3_600.0


class LedgerService:
    """Seals closed days. :meth:`audit` and :meth:`digest` are what a person asks for."""

    name = "ledger"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = (Topic.SYSTEM,)

    def __init__(self, store: LedgerStore, state: StateStore, bus: EventBus, clock: Clock, config: LedgerConfig) -> None:
        self._store = store
        self._state = state
        self._bus = bus
        self._clock = clock
        self._config = config
        self._passes = 0
        self._last = SealResult()
        self._sealed_days = 0
        self._sealed_rows = 0
        self._trouble = ""

    async def run(self) -> None:
        """Seal until cancelled."""
        while True:
            await self.seal_once()
            await self._clock.sleep(self._config.seal_every_s)

    async def seal_once(self) -> None:
        """Do one pass."""
        whole = self._passes % self._config.whole_every == 0
        since_ms = 0 if whole else (self._clock.now_ms() - _RECENT_MS) // DAY_MS * DAY_MS
        rules = SealRules(settle_s=self._config.settle_s, quiet_s=self._config.quiet_s)
        try:
            result = await seal_days(self._store, self._state, self._clock, rules=rules, since_ms=since_ms)
        except IntegrityError as error:
            await self._report_trouble("critical", str(error))
            return
        except EnvironmentFault as error:
            await self._report_trouble("warning", f"days wait to be sealed: {error}")
            return
        self._passes += 1
        self._last = result
        self._sealed_days += result.sealed_days
        self._sealed_rows += result.sealed_rows
        if result.sealed_days:
            _log.info("ledger.sealed", days=result.sealed_days, rows=result.sealed_rows, sequence=result.sequence)
        if result.refused:
            await self._report_trouble("critical", f"{len(result.refused)} sealed days were changed, first {result.refused[0]}")
        elif self._trouble:
            self._trouble = ""
            _log.info("ledger.recovered")

    async def audit(self, histories: commands.Histories | None = None) -> dict[str, Any]:
        """Verify everything sealed and run the cross checks; returns the report."""
        return await commands.audit(self._store, self._state, self._clock, histories=histories)

    async def digest(self) -> dict[str, Any]:
        """The head of the chain."""
        return await commands.digest(self._state)

    def stats(self) -> Mapping[str, Any]:
        """Counters since start."""
        return {
            "passes": self._passes,
            "sealed_days": self._sealed_days,
            "sealed_rows": self._sealed_rows,
            "waiting_days": self._last.waiting_days,
            "sequence": self._last.sequence,
            "changed_days": len(self._last.refused),
            "trouble": self._trouble,
        }

    async def _report_trouble(self, level: str, sentence: str) -> None:
        if sentence == self._trouble:
            return
        self._trouble = sentence
        _log.error("ledger.trouble", reason=sentence)
        event = SystemEvent(name="ledger.trouble", level=level, detail=sentence)
        await self._bus.publish([Message(topic=Topic.SYSTEM, event_type="system.ledger.trouble", key=self.name, data=event)])
