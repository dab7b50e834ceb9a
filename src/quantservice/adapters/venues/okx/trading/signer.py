"""Keys and signatures: what makes a private request valid. Secrets are shown nowhere."""

from __future__ import annotations

import datetime as dt

from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.credentials import Base64Credentials
from quantservice.core.errors import InvalidValue


class OkxCredentials(Base64Credentials):
    """An API key of OKX, its secret and its passphrase, which is shown no more than the secret."""

    __slots__ = ("_passphrase",)

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        super().__init__(key, secret)
        if not passphrase or not passphrase.isascii() or not passphrase.isprintable():
            raise InvalidValue("venue key", "its passphrase is missing or is not plain text; OKX keys have one")
        self._passphrase = passphrase

    @property
    def passphrase(self) -> str:
        """The passphrase, for a header of a request and nothing else."""
        return self._passphrase


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
