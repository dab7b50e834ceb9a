"""Alerts by apprise: one URL per place (``json://host/path``, ``tgram://token/chat``, ``mailtos://user:password@host``).

The URLs hold tokens and passwords: no message and no log of ours names one, only its place in the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import apprise

from quantservice.core.errors import EnvironmentFault, SettingsError

_KINDS: Final = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
_TIMEOUT_S: Final = 30.0


class AppriseNotifier:
    """Sends to every place at the same time, each on its own: one that is away keeps no other from hearing."""

    def __init__(self, urls: Sequence[str], *, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._places: list[apprise.Apprise] = []
        for number, url in enumerate(urls, 1):
            place = apprise.Apprise()
            if not place.add(url):
                raise SettingsError(f"alerts.urls: address {number} is none that apprise knows; see its list of services")
            self._places.append(place)

    @property
    def targets(self) -> int:
        """To how many places a message goes."""
        return len(self._places)

    async def send(self, title: str, body: str, *, level: str) -> None:
        """Deliver everywhere; EnvironmentFault names the places that did not take it by their number."""
        kind = _KINDS.get(level, apprise.NotifyType.WARNING)
        taken = await asyncio.gather(*(self._send(place, title, body, kind) for place in self._places))
        missed = [str(number) for number, ok in enumerate(taken, 1) if not ok]
        if missed:
            raise EnvironmentFault(f"an alert was not taken by address {', '.join(missed)} of alerts.urls")

    async def _send(self, place: apprise.Apprise, title: str, body: str, kind: apprise.NotifyType) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                return bool(await place.async_notify(body=body, title=title, notify_type=kind))
        except TimeoutError:
            return False
