"""Tells that the state store is away. Alerts come through the store's outbox: of its own absence none would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from quantservice.core.errors import EnvironmentFault
from quantservice.core.messages import Alert
from quantservice.ports import Clock

NAME: Final = "store_away"
_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 3.0  # a store that is restarted in good order is no alarm
_ASK_S: Final = 5.0


class StoreWatch:
    """Asks the store at an interval. ``ask`` raises EnvironmentFault where it does not answer."""

    def __init__(self, ask: Callable[[], Awaitable[None]], clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._since: float | None = None  # when it did not answer first
        self._told = False

    async def run(self, tell: Callable[[Alert], None]) -> None:
        """Watch until cancelled."""
        while True:
            alert = await self.look()
            if alert is not None:
                tell(alert)
            await self._clock.sleep(_EVERY_S)

    async def look(self) -> Alert | None:
        """Ask once; return what is to be told."""
        before = self._clock.monotonic()
        try:
            async with asyncio.timeout(_ASK_S):
                await self._ask()
        except (TimeoutError, EnvironmentFault) as error:
            self._since = before if self._since is None else self._since
            if self._told or self._clock.monotonic() - self._since < _PATIENCE_S:
                return None
            self._told = True
            return self._alert(f"{str(error) or 'the state store does not answer'}; nothing new is sent, cancels still go out")
        away_s, told = before - (self._since if self._since is not None else before), self._told
        self._since, self._told = None, False
        return self._alert(f"the state store answers again; it was away for {away_s:.0f} s", cleared=True) if told else None

    def _alert(self, sentence: str, *, cleared: bool = False) -> Alert:
        return Alert(name=NAME, level="critical", sentence=sentence, cleared=cleared, time_ms=self._clock.now_ms())
