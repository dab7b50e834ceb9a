"""Who may do what: owner token, owner's cookie, access keys. Deny by default; compare in constant time.

Bound to loopback, reads are open. Writes need the owner: ``Authorization: Bearer <token>``, or the cookie that ``/login``
sets together with the ``X-CSRF-Token`` header. Bound elsewhere, reads need the owner or an access key
(``X-Access-Key`` or ``Authorization: Bearer``).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import HTTPConnection

from quantservice.ports import AccessKey
from quantservice.web.context import LOOPBACK_HOSTS, WebContext
from quantservice.web.errors import Denied

COOKIE = "qs_owner"
CSRF_HEADER = "x-csrf-token"
KEY_HEADER = "x-access-key"
_SESSION_S = 7 * 24 * 3600
_LOGIN_TRIES = 5
_LOGIN_WINDOW_S = 60.0
_MOST_TRACKED = 10_000

Role = Literal["owner", "key", "open", "none"]


@dataclass
class Bucket:
    """A token bucket of one access key."""

    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take one token; return 0, or the seconds to wait."""
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


@dataclass
class Guard:
    """Decides; holds nothing but the context, the cookie's signing key and bounded counters."""

    context: WebContext
    _key: bytes = field(init=False, repr=False)
    _buckets: OrderedDict[int, Bucket] = field(default_factory=OrderedDict, init=False)
    _tries: OrderedDict[str, list[float]] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        """Take the context's signing key, or make one that lives as long as the process."""
        self._key = self.context.session_key or secrets.token_bytes(32)

    def is_owner_token(self, token: str) -> bool:
        """Compare with the stored hash in constant time."""
        given = hashlib.sha256(token.encode()).hexdigest()
        return bool(self.context.owner_token_hash) and hmac.compare_digest(given, self.context.owner_token_hash.lower())

    def new_cookie(self) -> str:
        """Make the owner's cookie: its end, a nonce, and a signature over both."""
        body = f"{int(self.context.clock.now_ms() / 1000) + _SESSION_S}.{secrets.token_hex(8)}"
        return f"{body}.{self._sign('session', body)}"

    def is_owner_cookie(self, cookie: str) -> bool:
        """Say whether a cookie is ours and not over."""
        body, _, signature = cookie.rpartition(".")
        if not body or not hmac.compare_digest(signature, self._sign("session", body)):
            return False
        until = body.partition(".")[0]
        return until.isascii() and until.isdigit() and int(until) * 1000 > self.context.clock.now_ms()

    def csrf_token(self, cookie: str) -> str:
        """Return the token that must accompany a write made with ``cookie``."""
        return self._sign("csrf", cookie)

    def _sign(self, purpose: str, body: str) -> str:
        message = f"{purpose}:{self.context.owner_token_hash}:{body}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    async def role(self, connection: HTTPConnection) -> Role:
        """Say who asks; a wrong credential is refused rather than ignored."""
        headers = connection.headers
        bearer = headers.get("authorization", "")
        scheme, _, credential = bearer.partition(" ")
        if bearer:
            if scheme.lower() != "bearer" or not credential.isascii():
                raise Denied(401, "bad_credentials", "Authorization must be: Bearer <owner token or access key>")
            if self.is_owner_token(credential):
                return "owner"
            await self._spend(await self._find_key(credential))
            return "key"
        access_key = headers.get(KEY_HEADER)
        if access_key:
            await self._spend(await self._find_key(access_key))
            return "key"
        cookie = connection.cookies.get(COOKIE)
        if cookie and self.is_owner_cookie(cookie):
            return "owner"
        return "open" if self.context.config.loopback else "none"

    async def require_read(self, connection: HTTPConnection) -> Role:
        """Let readers through, or raise :class:`Denied`."""
        role = await self.role(connection)
        if role == "none":
            raise Denied(401, "credentials_needed", "this address is not loopback: give the owner token or an access key")
        return role

    async def require_owner(self, connection: HTTPConnection) -> None:
        """Let the owner through, or raise :class:`Denied`."""
        role = await self.role(connection)
        if role == "key":
            raise Denied(403, "owner_only", "an access key may only read; writes need the owner token")
        if role != "owner":
            raise Denied(401, "owner_token_needed", "writes need the owner token: Authorization: Bearer <token>, or open /login")
        if "authorization" not in connection.headers:
            wanted = self.csrf_token(connection.cookies.get(COOKIE, ""))
            given = connection.headers.get(CSRF_HEADER, "")
            if not given.isascii() or not hmac.compare_digest(given, wanted):
                raise Denied(403, "csrf", f"a write made with the cookie needs the header {CSRF_HEADER} from /api/v1/session")

    async def _find_key(self, clear: str) -> AccessKey:
        found = await self.context.access_keys.verify(clear) if len(clear) <= 200 else None
        if found is None or not found.enabled:
            raise Denied(401, "bad_credentials", "neither the owner token nor a known access key")
        return found

    async def _spend(self, key: AccessKey) -> None:
        now = time.monotonic()
        bucket = self._buckets.get(key.id)
        if bucket is None or bucket.rate != key.qps_limit:
            bucket = self._buckets[key.id] = Bucket(float(key.qps_limit), float(key.qps_limit), now)
            while len(self._buckets) > _MOST_TRACKED:
                self._buckets.popitem(last=False)
        wait_s = bucket.take(now)
        if wait_s:
            raise Denied(429, "too_many_requests", f"this access key may ask {key.qps_limit} times a second", retry_after_s=1)

    def check_login(self, peer: str, token: str) -> None:
        """Check a typed token; at most five tries a minute from one address."""
        now = time.monotonic()
        tries = [at for at in self._tries.pop(peer, []) if now - at < _LOGIN_WINDOW_S]
        self._tries[peer] = tries
        while len(self._tries) > _MOST_TRACKED:
            self._tries.popitem(last=False)
        if len(tries) >= _LOGIN_TRIES:
            raise Denied(429, "too_many_tries", "too many wrong tokens; wait a minute", retry_after_s=int(_LOGIN_WINDOW_S))
        if not self.is_owner_token(token):
            tries.append(now)
            raise Denied(401, "bad_credentials", "this is not the owner token; `qs` prints it at start")


def host_name(host: str) -> str:
    """Return a Host header's name without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def host_is_ours(context: WebContext, host: str) -> bool:
    """Say whether a Host header names this machine: a foreign name on a loopback address is DNS rebinding."""
    config = context.config
    name = host_name(host)
    if name in LOOPBACK_HOSTS or name == config.host or name in config.allowed_hosts:
        return True
    return not config.loopback and not config.allowed_hosts


def origin_is_ours(headers: Mapping[str, str]) -> bool:
    """Say whether a request comes from our own page, or from no page at all."""
    origin = headers.get("origin")
    if origin is None:
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower() and origin.startswith(("http://", "https://"))
