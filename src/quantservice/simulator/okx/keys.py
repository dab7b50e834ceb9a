"""API keys: the signature of REST requests and of the WebSocket login, passphrase, time and rights."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.okx.config import OkxKey
from quantservice.simulator.okx.words import OkxRefusal
from quantservice.simulator.rules.referee import Referee

_WINDOW_MS: Final = 30_000


class OkxKeys:
    """The venue's API keys."""

    def __init__(self, keys: tuple[OkxKey, ...], clock: SimulatorClock, referee: Referee) -> None:
        self._clock = clock
        self._referee = referee
        self._keys: dict[str, OkxKey] = {}
        for key in keys:
            self.add(key)

    def add(self, key: OkxKey) -> None:
        """Issue a key, or change one."""
        self._keys[key.key] = key

    def remove(self, key: str) -> bool:
        """Revoke a key."""
        return self._keys.pop(key, None) is not None

    @property
    def accounts(self) -> list[str]:
        """Names of the accounts that have keys."""
        return sorted({key.account for key in self._keys.values()})

    def admit(self, method: str, target: str, body: str, headers: Mapping[str, str], address: str) -> OkxKey:
        """Return the key of a signed request, or refuse it. ``target`` is the path with its query, ``body`` the text as sent."""
        for name, code in _HEADERS.items():
            if not headers.get(name):
                raise self._no(code, f'Request header "{name}" cannot be empty.', address)
        stamp = headers["OK-ACCESS-TIMESTAMP"]
        key = self._known(headers["OK-ACCESS-KEY"], headers["OK-ACCESS-PASSPHRASE"], address)
        self._check_stamp(stamp, key)
        wanted = sign(key.secret, stamp + method + target + body)
        if not hmac.compare_digest(wanted, headers["OK-ACCESS-SIGN"]):
            raise self._no("50113", "Invalid Sign", address)
        return key

    def log_in(self, argument: Mapping[str, Any], address: str) -> OkxKey:
        """Return the key of a WebSocket login; refused with the codes of the WebSocket (60004 …)."""
        key = self._keys.get(str(argument.get("apiKey", "")))
        if key is None or (key.addresses and address not in key.addresses):
            raise self._no("60005", "Invalid apiKey", address)
        stamp = str(argument.get("timestamp", ""))
        off_ms = abs(_seconds(stamp) * 1_000 - self._clock.server_ms())
        if off_ms > _WINDOW_MS * max(1.0, self._clock.speed):
            self._referee.broke("okx.timestamp", key.account, f"{off_ms:.0f} ms off at the login")
            raise OkxRefusal("60006", "Timestamp request expired")
        wanted = sign(key.secret, f"{stamp}GET/users/self/verify")
        if not hmac.compare_digest(wanted, str(argument.get("sign", ""))):
            raise self._no("60007", "Invalid sign", address)
        if not hmac.compare_digest(key.passphrase, str(argument.get("passphrase", ""))):
            raise self._no("60024", "Wrong passphrase", address)
        return key

    def check_expiry(self, text: str) -> None:
        """Refuse a request whose ``expTime`` has passed: it is not carried out."""
        if not text:
            return
        if not text.isascii() or not text.isdigit():
            raise OkxRefusal("51000", "Parameter expTime error", status=400)
        if self._clock.server_ms() > int(text[:17]):
            self._referee.counts["okx.expired_requests"] += 1
            raise OkxRefusal("51149", "Order timed out. Please try again.", whole=False)

    def _known(self, name: str, passphrase: str, address: str) -> OkxKey:
        key = self._keys.get(name)
        if key is None:
            raise self._no("50119", "API key doesn't exist", address)
        if key.addresses and address not in key.addresses:
            raise self._no("50110", f"Your IP {address} is not included in your API key's IP whitelist.", address)
        if not hmac.compare_digest(key.passphrase, passphrase):
            raise self._no("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', address)
        return key

    def _check_stamp(self, stamp: str, key: OkxKey) -> None:
        try:
            sent = dt.datetime.fromisoformat(stamp)
        except ValueError:
            raise OkxRefusal("50112", "Invalid OK-ACCESS-TIMESTAMP", status=401) from None
        if sent.tzinfo is None:
            raise OkxRefusal("50112", "Invalid OK-ACCESS-TIMESTAMP", status=401)
        off_ms = abs(sent.timestamp() * 1_000 - self._clock.server_ms())
        # a market that runs faster than the wall clock is as patient in real time as the venue is
        if off_ms > _WINDOW_MS * max(1.0, self._clock.speed):
            self._referee.broke("okx.timestamp", key.account, f"{off_ms:.0f} ms off")
            raise OkxRefusal("50102", "Timestamp request expired", status=401)

    def _no(self, code: str, message: str, who: str) -> OkxRefusal:
        self._referee.broke("okx.bad_key", who, f"{code} {message}")
        return OkxRefusal(code, message, status=401)


_HEADERS: Final = {
    "OK-ACCESS-KEY": "50103",
    "OK-ACCESS-PASSPHRASE": "50104",
    "OK-ACCESS-SIGN": "50106",
    "OK-ACCESS-TIMESTAMP": "50107",
}


def sign(secret: str, payload: str) -> str:
    """Return the base64 of the HMAC-SHA256 of a text."""
    return base64.b64encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
