"""A request of HTX as it came, what an endpoint is, and whether the request is let in: key, signature, stamp, pace."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, quote

import msgspec

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.htx.config import HtxConfig, Pace
from quantservice.simulator.htx.wording import Style, key_refusal
from quantservice.simulator.private.calls import Call
from quantservice.simulator.private.config import KeySpec
from quantservice.simulator.private.keys import KeyRing
from quantservice.simulator.rules.referee import Referee

Need = Literal["none", "read", "trade"]
_SIGNING = frozenset({"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature"})


class HtxCall(Call, frozen=True):
    """A request that was let in: ``params`` of the query, ``body`` of a POST, ``place`` the parts of the path."""

    body: Any = None
    place: Mapping[str, str] = {}


class Endpoint(NamedTuple):
    """One private endpoint. ``pace`` names the limit that it counts against."""

    run: Callable[[HtxCall], Any]
    need: Need
    style: Style
    pace: str = "query"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came. ``hosts``: what its signature may name as the host."""

    method: str
    path: str
    route: str
    query: str
    body: bytes
    place: Mapping[str, str]
    hosts: tuple[str, ...]
    address: str

    @property
    def sent(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def params(self) -> dict[str, str]:
        """The query's fields but those of the signature."""
        return {name: value for name, value in self.sent.items() if name not in _SIGNING}


class Paces:
    """Counts requests of users per named limit."""

    def __init__(self, config: HtxConfig, *, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._wall_s = wall_s
        self._sent: dict[tuple[str, str], deque[float]] = {}

    def ask(self, who: str, pace: str) -> tuple[int, float]:
        """Count a request; return how many more may come (below zero: this one is too many) and when the span ends, in s."""
        limit: Pace = getattr(self._config, pace)
        if not limit.most:
            return 1, limit.span_s
        now, sent = self._wall_s(), self._sent.setdefault((who, pace), deque())
        while sent and sent[0] <= now - limit.span_s:
            sent.popleft()
        left = limit.most - len(sent) - 1
        if left >= 0:
            sent.append(now)
        return left, limit.span_s - (now - sent[0]) if sent else limit.span_s

    def reset(self) -> None:
        """Forget everything."""
        self._sent.clear()


class Guard:
    """Knows whose request it is, or refuses it."""

    def __init__(self, config: HtxConfig, keys: KeyRing, clock: SimulatorClock, referee: Referee) -> None:
        self._config = config
        self._keys = keys
        self._clock = clock
        self._referee = referee

    def admit(self, request: Request, endpoint: Endpoint, market: str) -> KeySpec:
        """Check key, stamp, signature and rights of a REST request."""
        sent, style = request.sent, endpoint.style
        fields = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(sent.items()) if name != "Signature"
        )
        texts = [f"{request.method}\n{host}\n{request.path}\n{fields}" for host in request.hosts]
        key = self.check(sent.get("AccessKeyId", ""), sent.get("Timestamp", ""), sent.get("Signature", ""), texts, (style, market))
        if endpoint.need == "trade" and not (key.spot if market.endswith("spot") else key.futures):
            raise key_refusal(style, "API key has no permission")
        if key.addresses and request.address not in key.addresses:
            raise key_refusal(style, "Incorrect IP address")
        return key

    def check(self, access: str, stamp: str, signature: str, texts: list[str], where: tuple[Style, str]) -> KeySpec:
        """Check key, stamp and signature; ``texts``: what may have been signed."""
        style, market = where
        key = self._keys.find(access)
        if key is None:
            self._referee.broke(f"{market}.bad_key", access[:8])
            raise key_refusal(style, "Incorrect Access key")
        self._check_stamp(stamp, key, where)
        if not any(hmac.compare_digest(signature, _signed(text, key.secret)) for text in texts):
            self._referee.broke(f"{market}.bad_signature", key.account)
            raise key_refusal(style, "Verification failure")
        return key

    def _check_stamp(self, stamp: str, key: KeySpec, where: tuple[Style, str]) -> None:
        style, market = where
        try:
            sent_ms = int(dt.datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC).timestamp()) * 1_000
        except ValueError:
            raise key_refusal(style, "Incorrect Timestamp format") from None
        patience = self._config.stamp_s * 1_000 * max(1.0, self._clock.speed)
        if abs(self._clock.server_ms() - sent_ms) > patience:
            self._referee.broke(f"{market}.timestamp", key.account, stamp)
            raise key_refusal(style, "Timestamp expired")


def _signed(text: str, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
