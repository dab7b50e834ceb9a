"""What differs between OKX's markets, as rows of one frozen table, and where the venue is reached.

Sources: the venue's v5 documents as of 2026. Swaps are sized in contracts there and in base currency here; the list of instruments
tells a contract's size, and quantities are turned at this adapter's edge and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind

VENUE: Final = "okx"
MARKETS: Final = ("spot", "um")
Section = Literal["public", "business", "private"]


#: our periods and the venue's bars; those of six hours and more are the ones whose borders are UTC's ("1D" is Hong Kong's day)
BARS: Final[Mapping[str, str]] = {
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1H",
    "2h": "2H",
    "4h": "4H",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
    "1w": "1Wutc",
    "1mo": "1Mutc",
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One public REST path: so many requests in two seconds and address, so many rows at once."""

    path: str
    most: int
    rows: int = 100


_COMMON: Final[Mapping[str, Endpoint]] = {
    "time": Endpoint(path="/api/v5/public/time", most=10),
    "instruments": Endpoint(path="/api/v5/public/instruments", most=20),
    "candles": Endpoint(path="/api/v5/market/candles", most=40, rows=300),
    "history_candles": Endpoint(path="/api/v5/market/history-candles", most=20),
    "tickers": Endpoint(path="/api/v5/market/tickers", most=20),
}
_SWAPS: Final[Mapping[str, Endpoint]] = {
    "funding": Endpoint(path="/api/v5/public/funding-rate-history", most=10),
    "open_interest": Endpoint(path="/api/v5/public/open-interest", most=20),
}


class Channel(msgspec.Struct, frozen=True):
    """A channel of the WebSocket, and the section that serves it. Candles' names end with the bar."""

    name: str
    section: Section


_CHANNELS: Final[Mapping[Kind, Channel]] = {
    Kind.KLINE: Channel("candle", "business"),
    Kind.TRADE: Channel("trades", "public"),
    Kind.QUOTE: Channel("bbo-tbt", "public"),
    Kind.BOOK: Channel("books", "public"),
    Kind.TICKER: Channel("tickers", "public"),
}


class OkxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One market."""

    market: str
    inst_type: str
    positions: bool
    trade_mode: str
    endpoints: Mapping[str, Endpoint]
    channels: Mapping[Kind, Channel]


ROWS: Final[Mapping[str, OkxRow]] = {
    "spot": OkxRow(market="spot", inst_type="SPOT", positions=False, trade_mode="cash", endpoints=_COMMON, channels=_CHANNELS),
    "um": OkxRow(
        market="um",
        inst_type="SWAP",
        positions=True,
        trade_mode="cross",
        endpoints={**_COMMON, **_SWAPS},
        channels={**_CHANNELS, Kind.MARK_PRICE: Channel("mark-price", "public")},
    ),
}


def row_of(market: str) -> OkxRow:
    """Return the row of ``market``; raise :class:`UnknownName` for one that this adapter has not."""
    found = ROWS.get(market)
    if found is None:
        raise UnknownName("market", market, MARKETS)
    return found


class OkxEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs: REST without a path, WebSocket up to ``/ws/v5``."""

    rest: str = "https://www.okx.com"
    ws: str = "wss://ws.okx.com:8443/ws/v5"

    @classmethod
    def simulator(cls, rest_url: str) -> OkxEndpoints:
        """Point at the exchange simulator, which serves everything on one port."""
        return cls().with_urls(rest_url=rest_url, ws_url=rest_url.replace("http", "ws", 1))

    def with_urls(self, *, rest_url: str | None = None, ws_url: str | None = None) -> OkxEndpoints:
        """Return a copy that uses these URLs; a path after the host is the venue's own and is left out or completed."""
        rest = _base(rest_url, "rest_url", ("http", "https")) if rest_url else self.rest
        ws = f"{_base(ws_url, 'ws_url', ('ws', 'wss'))}/ws/v5" if ws_url else self.ws
        return OkxEndpoints(rest=rest, ws=ws)

    def socket(self, section: Section) -> str:
        """Return the URL of a section of the WebSocket."""
        return f"{self.ws}/{section}"


def _base(url: str, field: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.netloc:
        raise InvalidValue(field, f"{url!r} is not a URL of the form {schemes[-1]}://host")
    return f"{parts.scheme}://{parts.netloc}"
