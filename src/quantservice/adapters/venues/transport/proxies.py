"""Egresses: the ways out of this machine. Direct, by the environment's proxy, or by a registered proxy.

Each egress has its own address, so it has its own weight budget. A pool says which egress to try now and learns from how it
went: a failing proxy rests, longer each time, and the next one takes over.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec
import structlog

from quantservice.core.errors import InvalidValue, VenueUnreachable
from quantservice.ports import Clock, ProxyRecord

log = structlog.get_logger(__name__)

SCHEMES: Final = ("socks5", "http")
_WEB_SCHEME: Final = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS: Final = {"socks5": 1080, "http": 8080, "https": 443}


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the pool chooses.

    ``prefer``: "direct" tries the machine's own address first, "proxy" the registered proxies first, "proxy_only" never
    leaves directly. A resting proxy waits ``cooldown_s`` after its first failure in a row, twice as long after each further
    one, at most ``cooldown_most_s``. ``trust_environment``: honour HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
    """

    prefer: Literal["direct", "proxy", "proxy_only"] = "direct"
    cooldown_s: float = 5.0
    cooldown_most_s: float = 300.0
    trust_environment: bool = True


class Egress(msgspec.Struct, eq=False):
    """One way out. ``proxy`` is None for direct. Its name is safe to show: it carries no credentials."""

    name: str
    proxy: ProxyRecord | None = None
    failures: int = 0
    rests_until: float = 0.0
    ok: int = 0
    failed: int = 0
    last_error: str = ""

    @property
    def url(self) -> str | None:
        """The proxy's URL with credentials, for the client library only; never logged."""
        if self.proxy is None:
            return None
        user = ""
        if self.proxy.username:
            user = f"{quote(self.proxy.username, safe='')}:{quote(self.proxy.password, safe='')}@"
        host = f"[{self.proxy.host}]" if ":" in self.proxy.host else self.proxy.host
        return f"{self.proxy.scheme}://{user}{host}:{self.proxy.port}"

    def __repr__(self) -> str:
        return f"Egress({self.name})"


def parse_proxy(text: str) -> ProxyRecord:
    """Read ``scheme://user:password@host:port``. ``socks5h`` is the same as ``socks5`` here: the proxy resolves names."""
    parts = urlsplit(text if "://" in text else f"http://{text}")
    scheme = {"socks5h": "socks5", "https": "http"}.get(parts.scheme, parts.scheme)
    try:
        port = parts.port or _DEFAULT_PORTS.get(scheme, 0)
    except ValueError:
        port = 0
    if scheme not in SCHEMES or not parts.hostname or not port:
        raise InvalidValue("proxy", "must be of the form socks5://[user:password@]host:port or http://[user:password@]host:port")
    return ProxyRecord(
        scheme=scheme,
        host=parts.hostname,
        port=port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def environment_proxy(url: str, environment: Mapping[str, str]) -> ProxyRecord | None:
    """Return the proxy that the usual environment variables name for ``url``, or None. Lower case wins, as in curl."""
    parts = urlsplit(url)
    scheme = _WEB_SCHEME.get(parts.scheme, parts.scheme)
    host = (parts.hostname or "").lower()
    if _excluded(host, parts.port, environment.get("no_proxy") or environment.get("NO_PROXY") or ""):
        return None
    for name in (f"{scheme}_proxy", "all_proxy"):
        found = environment.get(name) or environment.get(name.upper())
        if found:
            return parse_proxy(found)
    return None


def _excluded(host: str, port: int | None, rules: str) -> bool:
    for rule in rules.split(","):
        name = rule.strip().lower()
        if not name:
            continue
        if name == "*":
            return True
        wanted, _, wanted_port = name.rpartition(":") if name.count(":") == 1 else (name, "", "")
        wanted = (wanted or name).removeprefix("*").lstrip(".")
        if wanted_port and str(port) != wanted_port:
            continue
        if host == wanted or host.endswith(f".{wanted}"):
            return True
    return False


class ProxyPool:
    """The egresses of one process: order, rotation, health and rest.

    ``environment`` is read once per target; it defaults to the process's own.
    """

    def __init__(
        self,
        proxies: Iterable[ProxyRecord] = (),
        *,
        clock: Clock,
        settings: ProxySettings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or ProxySettings()
        self._environment = dict(os.environ if environment is None else environment)
        self._direct = Egress("direct")
        self._by_environment: dict[str, Egress] = {}
        self._registered: list[Egress] = []
        self._turn = 0
        self.replace(proxies)

    def replace(self, proxies: Iterable[ProxyRecord]) -> None:
        """Set the registered proxies; those that stay keep their health."""
        known = {egress.proxy: egress for egress in self._registered}
        wanted = [proxy for proxy in proxies if proxy.enabled]
        self._registered = [known.get(proxy) or Egress(_name(proxy), proxy) for proxy in wanted]

    def candidates(self, url: str) -> list[Egress]:
        """Return the egresses to try for ``url``, best first.

        The rested come in order of preference, then the resting ones by how soon they are up; registered proxies take turns.
        """
        first = self._default(url)
        count = len(self._registered)
        turn = self._turn % count if count else 0
        rotated = self._registered[turn:] + self._registered[:turn]
        ordered = {
            "direct": [first, *rotated],
            "proxy": [*rotated, first],
            "proxy_only": rotated or ([first] if first.proxy else []),
        }[self._settings.prefer]
        now = self._clock.monotonic()
        rested = [egress for egress in ordered if egress.rests_until <= now]
        resting = sorted((egress for egress in ordered if egress.rests_until > now), key=lambda egress: egress.rests_until)
        return rested + resting

    def choose(self, url: str, *, avoid: Sequence[Egress] = ()) -> Egress:
        """Return the egress to use now; raises :class:`VenueUnreachable` when proxies are demanded and none is registered."""
        found = self.candidates(url)
        if not found:
            raise VenueUnreachable("only proxies may be used and none is registered: add one with `qs proxies add`", cause="proxy")
        return next((egress for egress in found if egress not in avoid), found[0])

    def rotate(self) -> None:
        """Let the next registered proxy come first."""
        self._turn += 1

    def succeeded(self, egress: Egress) -> None:
        """Book a connection that worked."""
        if egress.failures:
            log.info("egress.back", egress=egress.name, after_failures=egress.failures)
        egress.ok += 1
        egress.failures = 0
        egress.rests_until = 0.0

    def failed(self, egress: Egress, reason: str) -> None:
        """Book a connection that failed: the egress rests, longer each time, with jitter so that not all return at once."""
        if not egress.failures:
            log.warning("egress.lost", egress=egress.name, reason=reason)
        egress.failed += 1
        egress.failures += 1
        egress.last_error = reason
        rest = min(self._settings.cooldown_most_s, self._settings.cooldown_s * 2 ** min(egress.failures - 1, 16))
        egress.rests_until = self._clock.monotonic() + rest * random.uniform(0.8, 1.0)  # noqa: S311  jitter, no secret
        self.rotate()

    def egresses(self) -> list[Egress]:
        """Every egress known so far."""
        return [self._direct, *self._by_environment.values(), *self._registered]

    def stats(self) -> list[dict[str, Any]]:
        """Health per egress."""
        now = self._clock.monotonic()
        return [
            {
                "egress": egress.name,
                "ok": egress.ok,
                "failed": egress.failed,
                "failures_in_a_row": egress.failures,
                "rests_s": round(max(0.0, egress.rests_until - now), 1),
                "last_error": egress.last_error,
            }
            for egress in self.egresses()
        ]

    def _default(self, url: str) -> Egress:
        """The way out without a registered proxy: the environment's proxy where it names one, else direct."""
        if not self._settings.trust_environment:
            return self._direct
        proxy = environment_proxy(url, self._environment)
        if proxy is None:
            return self._direct
        return self._by_environment.setdefault(_name(proxy), Egress(_name(proxy), proxy))


def _name(proxy: ProxyRecord) -> str:
    return f"{proxy.scheme}://{proxy.host}:{proxy.port}"
