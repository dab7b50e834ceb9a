"""From a low-level failure to :class:`VenueUnreachable`: the cause in one word, and a sentence of what to set."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import aiohttp_socks
import python_socks
from picows import WSError, WSHandshakeError

from quantservice.adapters.venues.transport.proxies import Egress
from quantservice.core.errors import VenueUnreachable

_PROXY_ERRORS: Final = (
    aiohttp_socks.ProxyError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
    python_socks.ProxyError,
    python_socks.ProxyConnectionError,
    python_socks.ProxyTimeoutError,
)
NETWORK_ERRORS: Final = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError, WSError, *_PROXY_ERRORS)
_BLOCKED: Final = (403, 451)


def diagnose(error: BaseException, url: str, *, egress: Egress, venue: str, market: str) -> VenueUnreachable:
    """Name the cause of a failed connection or request and say what to do about it."""
    host = urlsplit(url).netloc
    via = "" if egress.proxy is None else f" through {egress.name}"
    cause, sentence = _explain(error, host, via, has_proxy=egress.proxy is not None)
    return VenueUnreachable(sentence, cause=cause, venue=venue, market=market)


def unreadable(venue: str, reason: str) -> VenueUnreachable:
    """Return the error of an answer that cannot be read: it says nothing, like none at all."""
    return VenueUnreachable(f"{venue} answers with something unreadable ({reason})", cause="server", venue=venue)


def unreachable_status(status: int, url: str, *, egress: Egress, venue: str, market: str) -> VenueUnreachable | None:
    """Return the error that an HTTP status means for reachability, or None when it means none."""
    parts = urlsplit(url)
    via = "" if egress.proxy is None else f" through {egress.name}"
    if status in _BLOCKED:
        return VenueUnreachable(
            f"{parts.netloc} refuses this address{via} (HTTP {status}: blocked by region or firewall); "
            "register a proxy in an allowed region with `qs proxies add`, or set another host in the venue's rest_url and ws_url",
            cause="blocked",
            venue=venue,
            market=market,
        )
    if status in (404, 410):
        return VenueUnreachable(
            f"{parts.netloc}{parts.path} does not exist (HTTP {status}): the URL is retired or mistyped; "
            "check rest_url and ws_url in the configuration, or update QuantService",
            cause="not_found",
            venue=venue,
            market=market,
        )
    if status == 407:
        return VenueUnreachable(
            f"the proxy {egress.name} refuses our user name or password; mend it with `qs proxies add`",
            cause="proxy",
            venue=venue,
            market=market,
        )
    return None


def _explain(error: BaseException, host: str, via: str, *, has_proxy: bool) -> tuple[str, str]:
    chain = _chain(error)
    if any(isinstance(item, _PROXY_ERRORS) for item in chain):
        return "proxy", f"the proxy could not connect to {host}{via}: {_short(error)}; check the proxy with `qs proxies list`"
    if any(isinstance(item, ssl.SSLError | aiohttp.ClientSSLError) for item in chain):
        return "tls", (
            f"TLS to {host}{via} failed: {_short(error)}; check this machine's clock and certificates, and whether something "
            "between here and the venue intercepts TLS"
        )
    if any(isinstance(item, aiohttp.ClientConnectorDNSError | socket.gaierror) for item in chain):
        return (
            "dns",
            f"the name {host} cannot be resolved{via}; check the network and DNS, or set a proxy (HTTPS_PROXY, `qs proxies add`)",
        )
    if any(isinstance(item, TimeoutError) for item in chain):
        return "timeout", f"{host} does not answer in time{via}; the network may need a proxy (HTTPS_PROXY, `qs proxies add`)"
    if any(isinstance(item, ConnectionRefusedError) for item in chain):
        if has_proxy:
            return "proxy", f"the proxy refuses connections{via} (wanted: {host}); check that it runs"
        return "refused", f"{host} refuses connections; check rest_url and ws_url, or set a proxy (HTTPS_PROXY, `qs proxies add`)"
    return "reset", f"the connection to {host}{via} broke: {_short(error)}"


def handshake_status(error: BaseException) -> int | None:
    """Return the HTTP status with which a WebSocket handshake was declined, or None."""
    for item in _chain(error):
        if isinstance(item, WSHandshakeError) and item.response is not None:
            return int(item.response.status)
    return None


def handshake_retry_after(error: BaseException) -> float | None:
    """Return the seconds of a declined handshake's ``Retry-After``, or None."""
    for item in _chain(error):
        if isinstance(item, WSHandshakeError) and item.response is not None:
            return parse_retry_after(item.response.headers.get("Retry-After"))
    return None


def parse_retry_after(text: str | None) -> float | None:
    """Read a ``Retry-After`` of seconds; None when there is none or it is not a sane number."""
    try:
        seconds = float(text) if text else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds <= 7 * 86_400 else None


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    item: BaseException | None = error
    while item is not None and len(found) < 8:
        found.append(item)
        os_error = getattr(item, "os_error", None)
        item = os_error if isinstance(os_error, BaseException) and os_error not in found else item.__cause__ or item.__context__
    return found


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:160]
