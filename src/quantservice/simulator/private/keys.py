"""API keys and the signatures of requests: who asks, whether they may, and whether the request is fresh."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import MarketName
from quantservice.simulator.private.config import KeySpec
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.rules.referee import Referee

Need = Literal["key", "read", "trade"]
_FORMAT: Final = re.compile(r"^[A-Za-z0-9]{16,128}$")
_MOST_WINDOW_MS: Final = 60_000
_AHEAD_MS: Final = 1_000


class KeyRing:
    """The venue's API keys."""

    def __init__(self, keys: tuple[KeySpec, ...], clock: SimulatorClock, referee: Referee) -> None:
        self._clock = clock
        self._referee = referee
        self._keys: dict[str, KeySpec] = {}
        self._public: dict[str, Ed25519PublicKey] = {}
        for spec in keys:
            self.add(spec)

    def add(self, spec: KeySpec) -> None:
        """Issue a key, or change one. An Ed25519 key whose text is not one is a ValueError."""
        if spec.public_key:
            body = "".join(line for line in spec.public_key.splitlines() if line and not line.startswith("-----"))
            loaded = load_der_public_key(base64.b64decode(body))
            if not isinstance(loaded, Ed25519PublicKey):
                raise ValueError("public_key is not an Ed25519 key")
            self._public[spec.key] = loaded
        self._keys[spec.key] = spec

    def remove(self, key: str) -> bool:
        """Revoke a key."""
        return self._keys.pop(key, None) is not None

    def find(self, key: str) -> KeySpec | None:
        """Return a key that lives, whatever protocol asks."""
        spec = self._keys.get(key)
        return None if spec is None or (spec.expires_ms and spec.expires_ms <= self._clock.now_ms()) else spec

    @property
    def accounts(self) -> list[str]:
        """Names of the accounts that have keys."""
        return sorted({spec.account for spec in self._keys.values()})

    def known(self, key: str, market: MarketName, need: Need, address: str) -> KeySpec:
        """Return the key, or refuse it: its form, its life, its address, its rights."""
        if not _FORMAT.match(key):
            raise self._refusal(market, -2014, "API-key format invalid.", address)
        spec = self._keys.get(key)
        if spec is None or (spec.expires_ms and spec.expires_ms <= self._clock.now_ms()):
            raise self._refusal(market, -2015, f"Invalid API-key, IP, or permissions for action, request ip: {address}", address)
        allowed = spec.read
        if need == "trade":
            allowed = spec.spot if market == "spot" else spec.futures
        if not allowed or (spec.addresses and address not in spec.addresses):
            raise self._refusal(market, -2015, f"Invalid API-key, IP, or permissions for action, request ip: {address}", address)
        return spec

    def check_signature(self, spec: KeySpec, payload: str, signature: str, market: MarketName) -> None:
        """Refuse a request whose signature is not the key's over the payload."""
        if not signature:
            message = "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
            raise VenueRefusal(-1102, message)
        public = self._public.get(spec.key)
        good = _is_ed25519(public, payload, signature) if public is not None else _is_hmac(spec.secret, payload, signature)
        if not good:
            self._referee.broke(f"{market}.bad_signature", spec.account)
            raise VenueRefusal(-1022, "Signature for this request is not valid.")

    def uses_hmac(self, spec: KeySpec) -> bool:
        """Tell whether a key signs by HMAC."""
        return spec.key not in self._public

    def check_time(self, spec: KeySpec, params: Mapping[str, str], market: MarketName) -> None:
        """Apply the rule of timestamp and recvWindow: ``ts < server + 1000 and server - ts <= recvWindow``.

        A market that runs faster than the wall clock is as patient in real time as the venue is.
        """
        stamp = _whole(params.get("timestamp"), "timestamp")
        window = _whole(params.get("recvWindow", "5000").split(".")[0], "recvWindow")
        if window > _MOST_WINDOW_MS:
            raise VenueRefusal(-1131, "recvWindow must be less than 60000")
        server, patience = self._clock.server_ms(), max(1.0, self._clock.speed)
        if stamp >= 10**15:
            stamp //= 1_000  # the venue takes microseconds as well
        if stamp >= server + _AHEAD_MS * patience:
            self._referee.broke(f"{market}.timestamp", spec.account, f"{stamp - server} ms ahead")
            raise VenueRefusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if server - stamp > window * patience:
            self._referee.broke(f"{market}.timestamp", spec.account, f"{server - stamp} ms late, recvWindow {window}")
            raise VenueRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")

    def _refusal(self, market: MarketName, code: int, message: str, who: str) -> VenueRefusal:
        self._referee.broke(f"{market}.bad_key", who)
        return VenueRefusal(code, message, status=401)


def _is_hmac(secret: str, payload: str, signature: str) -> bool:
    wanted = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, signature.lower())


def _is_ed25519(public: Ed25519PublicKey, payload: str, signature: str) -> bool:
    try:
        public.verify(base64.b64decode(unquote(signature), validate=True), payload.encode())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _whole(text: str | None, name: str) -> int:
    if not text or not text.isascii() or not text.isdigit():
        raise VenueRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return int(text[:17])
