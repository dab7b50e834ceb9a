"""A sign of life to an outside watchdog: an HTTP GET. Its URL holds a token: no message and no log of ours names it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import aiohttp

from quantservice.core.errors import EnvironmentFault, SettingsError

_TIMEOUT_S: Final = 10.0


class HttpPing:
    """Calls one URL."""

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("alerts.watchdog_url is no http or https address")
        self._url, self._timeout = url, aiohttp.ClientTimeout(total=timeout_s)

    async def ping(self) -> None:
        """Call it once; EnvironmentFault says what is wrong, without the address."""
        try:
            async with aiohttp.ClientSession(timeout=self._timeout) as session, session.get(self._url) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EnvironmentFault(f"the watchdog of alerts.watchdog_url was not reached ({type(error).__name__})") from None
        if status >= 400:
            raise EnvironmentFault(f"the watchdog of alerts.watchdog_url answered {status}")
