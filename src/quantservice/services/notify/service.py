"""Takes alerts from the bus and has them delivered.

The same alert (name, account, deployment, instrument) is sent again only after a while; that it is over is always sent. Of a flood
so many a minute are sent, and then how many were held back. One that could not be delivered is tried again. Hearing does not wait
for delivering: a receiver that is slow loses no alert of the minutes in which it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.messages import TEST_ALERT, Alert, Overflow, Topic
from quantservice.ports import Clock, EventBus
from quantservice.ports.notify import Notifier
from quantservice.services.notify.store_watch import StoreWatch
from quantservice.services.notify.watchdog import Watchdog

_log = structlog.get_logger(__name__)
_LEVELS: Final = ("info", "warning", "critical")
_MINUTE_S: Final = 60.0
_WAITING: Final = 1_000


class NotifyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """From which level on, how often the same, how many a minute; an alert that is not taken is tried so often, so far apart."""

    level: str = "warning"
    again_after_s: float = 600.0
    most_per_minute: int = 20
    tries: int = 3
    back_off_s: float = 2.0


class NotifyService:
    """Runs until cancelled; see the module."""

    name = "alerts"
    consumes: tuple[str, ...] = (Topic.ALERT,)
    produces: tuple[str, ...] = ()

    def __init__(
        self,
        bus: EventBus,
        clock: Clock,
        notifier: Notifier,
        config: NotifyConfig | None = None,
        *,
        watchdog: Watchdog | None = None,
        store: StoreWatch | None = None,
    ) -> None:
        self._store = store
        self._bus, self._clock, self._notifier, self._watchdog = bus, clock, notifier, watchdog
        self._config = config or NotifyConfig()
        self._last: dict[tuple[str, str, str, str], float] = {}  # alert -> when it was sent last
        self._sent_at: deque[float] = deque()
        self._held = 0  # since the last one that was sent
        self._sent = self._held_back = self._failed = 0

    async def run(self) -> None:
        """Deliver until cancelled."""
        waiting: asyncio.Queue[Alert] = asyncio.Queue(_WAITING)
        async with (
            self._bus.subscribe([Topic.ALERT], group=self.name, overflow=Overflow.DROP_OLDEST, capacity=_WAITING) as alerts,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._take_all(waiting))
            if self._watchdog is not None:
                tasks.create_task(self._watchdog.run())
            if self._store is not None:
                tasks.create_task(self._store.run(lambda alert: self._hear(alert, waiting)))
            async for messages in alerts:
                for item in messages:
                    if isinstance(item.data, Alert):
                        self._hear(item.data, waiting)
                await alerts.commit()

    def _hear(self, alert: Alert, waiting: asyncio.Queue[Alert]) -> None:
        said = {"name": alert.name, "account": alert.account, "severity": alert.level, "cleared": alert.cleared}
        _log.warning("alert", reason=alert.sentence, **said)
        if waiting.full():
            self._hold()
        else:
            waiting.put_nowait(alert)

    async def _take_all(self, waiting: asyncio.Queue[Alert]) -> None:
        while True:
            await self.take(await waiting.get())

    def stats(self) -> Mapping[str, Any]:
        """What was sent, held back and lost since the start."""
        own = {"places": self._notifier.targets, "sent": self._sent, "held_back": self._held_back, "failed": self._failed}
        return own if self._watchdog is None else own | dict(self._watchdog.stats())

    async def take(self, alert: Alert) -> None:
        """Deliver an alert, or hold it back."""
        if self._notifier.targets == 0 or not self._is_wanted(alert):
            return
        held, self._held = self._held, 0
        title = f"QuantService: {alert.name}{' is over' if alert.cleared else ''}"
        lines = [alert.sentence]
        lines += [f"{what}: {value}" for what, value in _named(alert) if value]
        lines += [f"{held} more alerts were held back"] if held else []
        await self._deliver(title, "\n".join(lines), "info" if alert.cleared else alert.level)

    def _is_wanted(self, alert: Alert) -> bool:
        level = _LEVELS.index(alert.level) if alert.level in _LEVELS else 1
        if level < _LEVELS.index(self._config.level) and not alert.cleared:
            return False
        now = self._clock.monotonic()
        key = (alert.name, alert.account, alert.deployment, alert.instrument)
        last = self._last.get(key)
        if alert.cleared:
            self._last.pop(key, None)
            if last is None:
                return False  # nobody was told that it began
        elif alert.name != TEST_ALERT and last is not None and now - last < self._config.again_after_s:
            self._hold()
            return False
        while self._sent_at and now - self._sent_at[0] >= _MINUTE_S:
            self._sent_at.popleft()
        if len(self._sent_at) >= self._config.most_per_minute:
            self._hold()
            return False
        self._sent_at.append(now)
        if not alert.cleared:
            self._last[key] = now
        return True

    def _hold(self) -> None:
        self._held += 1
        self._held_back += 1

    async def _deliver(self, title: str, body: str, level: str) -> None:
        for number in range(self._config.tries):
            try:
                await self._notifier.send(title, body, level=level)
            except EnvironmentFault as error:
                _log.warning("alert.not_delivered", reason=str(error), attempt=number + 1)
                if number + 1 < self._config.tries:
                    await self._clock.sleep(self._config.back_off_s * 2**number)
            else:
                self._sent += 1
                return
        self._failed += 1


def _named(alert: Alert) -> tuple[tuple[str, str], ...]:
    return (("account", alert.account), ("deployment", alert.deployment), ("instrument", alert.instrument))
