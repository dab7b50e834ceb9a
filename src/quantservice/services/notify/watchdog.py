"""An outside watchdog hears from us at an interval while we are well; where nothing comes any more it raises the alarm.

What cannot be told from inside is told by silence: a machine that is off, a process that hangs, a network that is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.ports import Clock

_log = structlog.get_logger(__name__)
_ASK_S: Final = 5.0  # a health question that takes longer is answered with no


class Watchdog:
    """Pings until cancelled. ``healthy`` may wait for a store; silence is the alarm, so a failed ping is only logged, once."""

    def __init__(
        self, ping: Callable[[], Awaitable[None]], healthy: Callable[[], Awaitable[bool]], clock: Clock, *, every_s: float
    ) -> None:
        self._ping, self._healthy, self._clock, self._every_s = ping, healthy, clock, every_s
        self._sent = self._failed = 0
        self._silent = ""

    async def run(self) -> None:
        """Say that we are well, at the interval, while we are."""
        while True:
            await self.look()
            await self._clock.sleep(self._every_s)

    async def look(self) -> None:
        """Ask whether we are well, and say so if we are."""
        try:
            async with asyncio.timeout(_ASK_S):
                well = await self._healthy()
            if well:
                await self._ping()
        except TimeoutError:
            self._keep_silent(f"the question whether we are well was not answered within {_ASK_S:g} s")
        except EnvironmentFault as error:
            self._keep_silent(str(error))
        else:
            self._sent += well
            if well and self._silent:
                _log.info("watchdog.again", was=self._silent)
                self._silent = ""
            elif not well:
                self._keep_silent("a service is down")

    def _keep_silent(self, reason: str) -> None:
        self._failed += 1
        if reason != self._silent:
            _log.warning("watchdog.silent", reason=reason)
            self._silent = reason

    def stats(self) -> Mapping[str, Any]:
        """Pings sent, and looks after which none was."""
        return {"pings": self._sent, "silences": self._failed}
