"""Keys and signatures: what makes a private request valid. Secrets are shown nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.credentials import KeyAndSecret
from quantservice.core.errors import InvalidValue

_KEY: Final = (re.compile(r"[A-Za-z0-9]{16,128}"), "16 to 128 letters and digits are expected")


class VenueCredentials(KeyAndSecret):
    """An API key of Binance and its secret."""

    __slots__ = ()

    def __init__(self, key: str, secret: str) -> None:
        super().__init__(key, secret, shape=_KEY)

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of ``text`` in hex."""
        return self.digest(text).hex()


class Signer:
    """Signs the requests of one key by the venue's clock."""

    def __init__(self, credentials: VenueCredentials, time: VenueClock, *, recv_window_ms: int = 5_000) -> None:
        if not 1 <= recv_window_ms <= 60_000:
            raise InvalidValue("recv_window_ms", "must be 1 to 60000, the venue's limit")
        self.time = time
        self.recv_window_ms = recv_window_ms
        self._credentials = credentials

    @property
    def headers(self) -> dict[str, str]:
        """The header that names the key."""
        return {"X-MBX-APIKEY": self._credentials.key}

    def query(self, parameters: Mapping[str, str]) -> str:
        """Return the signed query of a REST request: what is signed is what is sent, percent-encoding included."""
        full = {**parameters, "recvWindow": str(self.recv_window_ms), "timestamp": str(self.time.now_ms())}
        text = urlencode(full, quote_via=quote)
        return f"{text}&signature={self._credentials.sign(text)}"

    def params(self, parameters: Mapping[str, str]) -> dict[str, str | int]:
        """Return the signed parameters of a WS-API request: the text signed is sorted by name and not encoded."""
        full: dict[str, str | int] = {
            **parameters,
            "apiKey": self._credentials.key,
            "recvWindow": self.recv_window_ms,
            "timestamp": self.time.now_ms(),
        }
        text = "&".join(f"{name}={full[name]}" for name in sorted(full))
        return full | {"signature": self._credentials.sign(text)}
