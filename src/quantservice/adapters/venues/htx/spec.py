"""What differs between HTX spot and the USDT-margined swap: hosts, paths, limits of requests; rows of a frozen table.

Sources: the venue's documents of its spot API and of the USDT-margined swap's cross margin endpoints (v1, v3). Limits are per
user for private requests (``X-HB-RateLimit-Requests-*`` in answers) and per address for market data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName

VENUE: Final = "htx"
MARKETS: Final = ("spot", "um")
#: an own cap of requests a minute and address: the venue names none in weights
PER_MINUTE: Final = 6_000
#: our periods in the venue's words. Its days, weeks and months open at 00:00 UTC+8, which are not ours: they are made of hours
PERIODS: Final[Mapping[str, str]] = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "1h": "60min", "4h": "4hour"}


class HtxEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs per market; ``wallet`` serves what names a key's rights."""

    rest: Mapping[str, str] = msgspec.field(default_factory=lambda: {"spot": "https://api.huobi.pro", "um": "https://api.hbdm.com"})
    ws: Mapping[str, str] = msgspec.field(default_factory=lambda: {"spot": "wss://api.huobi.pro", "um": "wss://api.hbdm.com"})
    wallet: str = "https://api.huobi.pro"

    @classmethod
    def simulator(cls, rest_url: str) -> HtxEndpoints:
        """Point every market at the exchange simulator, which serves all on one port."""
        base = rest_url.rstrip("/")
        socket = base.replace("http", "ws", 1)
        return cls(rest=dict.fromkeys(MARKETS, base), ws=dict.fromkeys(MARKETS, socket), wallet=base)

    def with_urls(self, market: str, *, rest_url: str | None = None, ws_url: str | None = None) -> HtxEndpoints:
        """Return a copy whose ``market`` uses these URLs."""
        check_market(market)
        rest = {**self.rest, market: _base("rest_url", rest_url, ("http", "https"))} if rest_url else self.rest
        ws = {**self.ws, market: _base("ws_url", ws_url, ("ws", "wss"))} if ws_url else self.ws
        return msgspec.structs.replace(self, rest=rest, ws=ws)

    def rest_of(self, market: str, host: str = "market") -> str:
        """Return the base of a request."""
        return self.wallet if host == "wallet" else self.rest[market]


def check_market(market: str) -> str:
    """Return ``market``; raise :class:`UnknownName` for one that HTX has not (here)."""
    if market not in MARKETS:
        raise UnknownName("market", market, MARKETS, hint=f"htx has: {' '.join(MARKETS)}")
    return market


def _base(field: str, url: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidValue(field, f"{url[:120]!r} is not a URL: {error}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise InvalidValue(field, f"{url[:120]!r} must start with {' or '.join(f'{name}://' for name in schemes)} and a host")
    return f"{parts.scheme}://{parts.hostname}:{port}" if port else f"{parts.scheme}://{parts.hostname}"
