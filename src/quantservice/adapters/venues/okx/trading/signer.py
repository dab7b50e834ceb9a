"""Keys and signatures: what makes a private request valid. Secrets are shown nowhere."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
from typing import Final

from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.core.errors import InvalidValue

_KEY: Final = re.compile(r"[A-Za-z0-9-]{16,128}")


class OkxCredentials:
    """An API key, its secret and its passphrase. Its text never shows the latter, and of the key only the beginning."""

    __slots__ = ("_passphrase", "_secret", "key")

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        if not _KEY.fullmatch(key):
            raise InvalidValue("venue key", "16 to 128 letters, digits and dashes are expected")
        if not secret or not secret.isascii():
            raise InvalidValue("venue key", "its secret is missing or is not plain text")
        if not passphrase or not passphrase.isascii() or not passphrase.isprintable():
            raise InvalidValue("venue key", "its passphrase is missing or is not plain text; OKX keys have one")
        self.key = key
        self._secret = secret.encode()
        self._passphrase = passphrase

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of ``text`` in base64."""
        return base64.b64encode(hmac.new(self._secret, text.encode(), hashlib.sha256).digest()).decode()

    @property
    def passphrase(self) -> str:
        """The passphrase, for a header of a request and nothing else."""
        return self._passphrase

    def __repr__(self) -> str:
        return f"OkxCredentials({self.key[:4]}…)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("venue credentials are not to be copied out of the process")


class Signer:
    """Signs the requests of one key by the venue's clock."""

    def __init__(self, credentials: OkxCredentials, time: VenueClock) -> None:
        self.time = time
        self._credentials = credentials

    def headers(self, method: str, target: str, body: str, *, older_ms: int = 0) -> dict[str, str]:
        """Return the headers of a request; ``target`` is its path with its query, exactly as it is sent.

        ``older_ms``: how much older it is to look than it is, so that the venue takes it for a shorter time.
        """
        stamp = dt.datetime.fromtimestamp((self.time.now_ms() - older_ms) / 1_000, tz=dt.UTC).isoformat(timespec="milliseconds")
        stamp = stamp.replace("+00:00", "Z")
        return {
            "OK-ACCESS-KEY": self._credentials.key,
            "OK-ACCESS-PASSPHRASE": self._credentials.passphrase,
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-SIGN": self._credentials.sign(stamp + method + target + body),
        }

    def login(self) -> dict[str, str]:
        """Return the arguments of a WebSocket login."""
        stamp = str(self.time.now_ms() // 1_000)
        return {
            "apiKey": self._credentials.key,
            "passphrase": self._credentials.passphrase,
            "timestamp": stamp,
            "sign": self._credentials.sign(f"{stamp}GET/users/self/verify"),
        }
