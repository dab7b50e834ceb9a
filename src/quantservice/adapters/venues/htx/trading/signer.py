"""Keys and signatures of HTX: version 2 for REST and the swap's socket, 2.1 for spot's. Secrets are shown nowhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.credentials import Base64Credentials


class HtxCredentials(Base64Credentials):
    """An access key of HTX and its secret."""

    __slots__ = ()


class Signer:
    """Signs requests by the venue's clock: the text signed names method, host, path and the sorted fields."""

    def __init__(self, credentials: HtxCredentials, time: VenueClock) -> None:
        self.time = time
        self.key = credentials.key
        self._credentials = credentials

    def query(self, method: str, url: str, fields: Mapping[str, str]) -> str:
        """Return the signed query of a REST request: what is signed is what is sent."""
        full = {
            **fields,
            "AccessKeyId": self._credentials.key,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": self._stamp(),
        }
        text = _fields(full)
        return f"{text}&Signature={quote(self._sign(method, url, text), safe='')}"

    def socket_fields(self, url: str, *, version: str) -> dict[str, Any]:
        """Return the fields of a log-in on a socket: spot's names for version 2.1, the swap's for 2."""
        short = version == "2.1"
        names = ("accessKey", "signatureMethod", "signatureVersion", "timestamp") if short else _LONG
        fields = dict(zip(names, (self._credentials.key, "HmacSHA256", version, self._stamp()), strict=True))
        signature = self._sign("GET", url, _fields(fields))
        return fields | {"signature" if short else "Signature": signature}

    def _sign(self, method: str, url: str, text: str) -> str:
        parts = urlsplit(url)
        return self._credentials.sign(f"{method}\n{parts.netloc.lower()}\n{parts.path}\n{text}")

    def _stamp(self) -> str:
        return dt.datetime.fromtimestamp(self.time.now_ms() / 1_000, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


_LONG: Final = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp")


def _fields(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(str(fields[name]), safe='')}" for name in sorted(fields))
