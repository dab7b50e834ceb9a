"""Keys, signatures and the venue's clock: what makes a private request valid. Secrets are shown nowhere."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from quantservice.core.errors import InvalidValue
from quantservice.ports import Clock

_KEY: Final = re.compile(r"[A-Za-z0-9]{16,128}")
_SECRETS: Final = re.compile(r"(?i)\b(signature|listenKey|streams|apiKey)=[^&\s\"']+")


class VenueCredentials:
    """An API key and its secret. Its text never shows the secret, and of the key only the beginning."""

    __slots__ = ("_secret", "key")

    def __init__(self, key: str, secret: str) -> None:
        if not _KEY.fullmatch(key):
            raise InvalidValue("venue key", "16 to 128 letters and digits are expected")
        if not secret or not secret.isascii():
            raise InvalidValue("venue key", "its secret is missing or is not plain text")
        self.key = key
        self._secret = secret.encode()

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of ``text`` in hex."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return f"VenueCredentials({self.key[:4]}…)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("venue credentials are not to be copied out of the process")


class VenueClock:
    """The venue's time, as it told it once, carried on by a clock that does not step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told_ms = 0
        self._at = 0.0
        self.known = False

    def set(self, venue_ms: int, *, asked: float) -> None:
        """Take what the venue answered to a question put at ``asked`` (monotonic): it was so in the middle of the wait."""
        now = self._clock.monotonic()
        self._told_ms, self._at = venue_ms, (asked + now) / 2
        self.known = True

    def now_ms(self) -> int:
        """The venue's UTC milliseconds now; this machine's before the venue was asked."""
        if not self.known:
            return self._clock.now_ms()
        return self._told_ms + int((self._clock.monotonic() - self._at) * 1_000)

    @property
    def age_s(self) -> float:
        """How long ago the venue was asked."""
        return self._clock.monotonic() - self._at if self.known else float("inf")


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


def scrub(text: str) -> str:
    """Take signatures, stream keys and API keys out of a text that may quote a URL."""
    return _SECRETS.sub(r"\1=…", text)
