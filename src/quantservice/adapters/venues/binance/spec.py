"""What differs between Binance spot, um and cm, as rows of one frozen table; code elsewhere never asks for the market's name.

Sources: the venue's API documents as of 2026 (streams split into /public and /market for um since 2026-04-23, weights per
endpoint, limits per IP). The budget itself is read from ``exchangeInfo`` and response headers at run time; the figures here
are what holds before the first answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from quantservice.core.book import SyncRule
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind, StreamId
from quantservice.core.periods import DAY_MS, PERIODS, check_period

VENUE: Final = "binance"
MARKETS: Final = ("spot", "um", "cm")
NO_LIMIT: Final = 1 << 31


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One REST path. ``weights`` are steps (up to and including this ``limit``, weight), rising."""

    path: str
    weights: tuple[tuple[int, int], ...] = ((NO_LIMIT, 1),)
    max_limit: int = 0
    weight_all: int = 0  # without a symbol; 0: as with one
    max_range_ms: int = 0  # longest startTime..endTime; 0: none

    def weight(self, limit: int | None = None, *, all_symbols: bool = False) -> int:
        """Return what one request costs."""
        if all_symbols and self.weight_all:
            return self.weight_all
        wanted = limit or 1
        for upper, weight in self.weights:
            if wanted <= upper:
                return weight
        raise InvalidValue("limit", f"{wanted} is more than {self.path} serves at once ({self.weights[-1][0]})")


class StreamKind(msgspec.Struct, frozen=True):
    """How a kind of event is called on the WebSocket: its suffix after ``symbol@`` and the route of the host that has it."""

    suffix: str
    route: str = ""


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One market of Binance. Times in ms or s as named; limits are per IP unless said otherwise."""

    market: str
    rest_prefix: str  # first path segment, to find the base in a configured URL
    endpoints: Mapping[str, Endpoint]
    streams: Mapping[Kind, StreamKind]
    sync_rule: SyncRule
    periods: tuple[str, ...]
    weight_per_minute: int
    messages_per_second: int  # what we may send on one connection; PING and PONG count
    ping_interval_s: int
    pong_timeout_s: int
    archive_path: str  # below https://data.binance.vision/data/
    routes: tuple[str, ...] = ("",)
    streams_per_connection: int = 1024
    connections_per_window: int = 300
    connection_window_s: int = 300
    connection_life_s: int = 24 * 3600
    used_weight_header: str = "x-mbx-used-weight-1m"

    def endpoint(self, name: str) -> Endpoint:
        """Return the endpoint called ``name``; raise :class:`UnknownName` where this market has none."""
        found = self.endpoints.get(name)
        if found is None:
            raise UnknownName("endpoint", name, self.endpoints)
        return found

    def supports_stream(self, kind: Kind) -> bool:
        """Say whether ``kind`` can be had over the WebSocket."""
        return kind in self.streams

    def route_of(self, stream: StreamId) -> str:
        """Return the route ("", "public", "market") of the host that serves ``stream``."""
        return self._stream_kind(stream).route

    def stream_name(self, stream: StreamId, venue_symbol: str) -> str:
        """Return the venue's name of ``stream``: ``btcusdt@kline_1m``."""
        suffix = self._stream_kind(stream).suffix
        if stream.kind is Kind.KLINE:
            suffix += self.venue_period(stream.period)
        return f"{venue_symbol.lower()}@{suffix}"

    def venue_period(self, period: str) -> str:
        """Return the venue's spelling of one of our periods; raise :class:`UnknownName` where the market lacks it."""
        if check_period(period) not in self.periods:
            raise UnknownName("period", period, self.periods, hint=f"binance {self.market} does not serve it")
        return TO_VENUE_PERIOD[period]

    def _stream_kind(self, stream: StreamId) -> StreamKind:
        found = self.streams.get(stream.kind)
        if found is None:
            raise UnknownName("kind", stream.kind.value, (kind.value for kind in self.streams))
        return found


TO_VENUE_PERIOD: Final[Mapping[str, str]] = {period: "1M" if period == "1mo" else period for period in PERIODS}
FROM_VENUE_PERIOD: Final[Mapping[str, str]] = {venue: ours for ours, venue in TO_VENUE_PERIOD.items()}

_FUTURES_PERIODS: Final = tuple(period for period in PERIODS if period != "1s")
_FUTURES_KLINE_WEIGHTS: Final = ((99, 1), (499, 2), (1000, 5), (1500, 10))
_FUTURES_DEPTH_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))


def _futures_endpoints(prefix: str, *, premium_weights: tuple[int, int], kline_range_ms: int) -> dict[str, Endpoint]:
    one, every = premium_weights
    return {
        "time": Endpoint(path=f"/{prefix}/v1/time"),
        "exchange_info": Endpoint(path=f"/{prefix}/v1/exchangeInfo"),
        "klines": Endpoint(
            path=f"/{prefix}/v1/klines", weights=_FUTURES_KLINE_WEIGHTS, max_limit=1500, max_range_ms=kline_range_ms
        ),
        "depth": Endpoint(path=f"/{prefix}/v1/depth", weights=_FUTURES_DEPTH_WEIGHTS, max_limit=1000),
        "agg_trades": Endpoint(path=f"/{prefix}/v1/aggTrades", weights=((1000, 20),), max_limit=1000),
        "ticker_24h": Endpoint(path=f"/{prefix}/v1/ticker/24hr", weight_all=40),
        "funding": Endpoint(path=f"/{prefix}/v1/fundingRate", max_limit=1000),
        "premium_index": Endpoint(path=f"/{prefix}/v1/premiumIndex", weights=((NO_LIMIT, one),), weight_all=every),
        "open_interest": Endpoint(path=f"/{prefix}/v1/openInterest"),
        "open_interest_history": Endpoint(path="/futures/data/openInterestHist", max_limit=500),
    }


_SPOT: Final = MarketSpec(
    market="spot",
    rest_prefix="api",
    endpoints={
        "time": Endpoint(path="/api/v3/time"),
        "exchange_info": Endpoint(path="/api/v3/exchangeInfo", weights=((NO_LIMIT, 20),)),
        "klines": Endpoint(path="/api/v3/klines", weights=((1000, 2),), max_limit=1000),
        "depth": Endpoint(path="/api/v3/depth", weights=((100, 5), (500, 25), (1000, 50), (5000, 250)), max_limit=5000),
        "agg_trades": Endpoint(path="/api/v3/aggTrades", weights=((1000, 4),), max_limit=1000),
        "ticker_24h": Endpoint(path="/api/v3/ticker/24hr", weights=((NO_LIMIT, 2),), weight_all=80),
    },
    streams={
        Kind.KLINE: StreamKind("kline_"),
        Kind.TRADE: StreamKind("trade"),
        Kind.QUOTE: StreamKind("bookTicker"),
        Kind.BOOK: StreamKind("depth@100ms"),
        Kind.TICKER: StreamKind("ticker"),
    },
    sync_rule=SyncRule.SPOT,
    periods=PERIODS,
    weight_per_minute=6000,
    messages_per_second=5,
    ping_interval_s=20,
    pong_timeout_s=60,
    archive_path="spot",
)
_UM: Final = MarketSpec(
    market="um",
    rest_prefix="fapi",
    endpoints=_futures_endpoints("fapi", premium_weights=(1, 10), kline_range_ms=0),
    streams={
        Kind.KLINE: StreamKind("kline_", "market"),
        Kind.TRADE: StreamKind("aggTrade", "market"),
        Kind.QUOTE: StreamKind("bookTicker", "public"),
        Kind.BOOK: StreamKind("depth@100ms", "public"),
        Kind.TICKER: StreamKind("ticker", "market"),
        Kind.MARK_PRICE: StreamKind("markPrice@1s", "market"),
    },
    sync_rule=SyncRule.FUTURES,
    periods=_FUTURES_PERIODS,
    weight_per_minute=2400,
    messages_per_second=10,
    ping_interval_s=180,
    pong_timeout_s=600,
    archive_path="futures/um",
    routes=("public", "market"),
)
_CM: Final = MarketSpec(
    market="cm",
    rest_prefix="dapi",
    endpoints=_futures_endpoints("dapi", premium_weights=(10, 10), kline_range_ms=200 * DAY_MS),
    streams={
        Kind.KLINE: StreamKind("kline_"),
        Kind.TRADE: StreamKind("aggTrade"),
        Kind.QUOTE: StreamKind("bookTicker"),
        Kind.BOOK: StreamKind("depth@100ms"),
        Kind.TICKER: StreamKind("ticker"),
        Kind.MARK_PRICE: StreamKind("markPrice@1s"),
    },
    sync_rule=SyncRule.FUTURES,
    periods=_FUTURES_PERIODS,
    weight_per_minute=2400,
    messages_per_second=10,
    ping_interval_s=180,
    pong_timeout_s=600,
    archive_path="futures/cm",
)
SPECS: Final[Mapping[str, MarketSpec]] = {"spot": _SPOT, "um": _UM, "cm": _CM}


def spec_of(market: str) -> MarketSpec:
    """Return the row of ``market``; raise :class:`UnknownName` for a market Binance has not."""
    found = SPECS.get(market)
    if found is None:
        raise UnknownName("market", market, MARKETS, hint=f"binance has: {' '.join(MARKETS)}")
    return found


_REST_URLS: Final[Mapping[str, tuple[str, ...]]] = {
    "spot": ("https://data-api.binance.vision", "https://api.binance.com", "https://api-gcp.binance.com"),
    "um": ("https://fapi.binance.com",),
    "cm": ("https://dapi.binance.com",),
}
_WS_URLS: Final[Mapping[str, tuple[str, ...]]] = {
    "spot": ("wss://stream.binance.com:9443", "wss://stream.binance.com:443", "wss://data-stream.binance.vision"),
    "um": ("wss://fstream.binance.com",),
    "cm": ("wss://dstream.binance.com",),
}


class BinanceEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs per market, the preferred one first; the others are tried when it cannot be reached."""

    rest: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(_REST_URLS))
    ws: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(_WS_URLS))
    archive: str = "https://data.binance.vision/data"

    @classmethod
    def simulator(cls, rest_url: str, ws_urls: Mapping[str, str]) -> BinanceEndpoints:
        """Point every market at the exchange simulator."""
        return cls(
            rest={market: (rest_base(rest_url),) for market in MARKETS},
            ws={market: (ws_base(ws_urls[market]),) for market in MARKETS if market in ws_urls},
        )

    def with_urls(self, market: str, *, rest_url: str | None = None, ws_url: str | None = None) -> BinanceEndpoints:
        """Return a copy whose ``market`` uses these URLs alone; full paths (``…/fapi/v1/klines``, ``…/ws/``) are cut to bases."""
        spec_of(market)
        rest = {**self.rest, market: (rest_base(rest_url),)} if rest_url else self.rest
        ws = {**self.ws, market: (ws_base(ws_url),)} if ws_url else self.ws
        return msgspec.structs.replace(self, rest=rest, ws=ws)

    def rest_bases(self, market: str) -> tuple[str, ...]:
        """Return the REST bases of ``market`` in the order to try them."""
        return self._of(self.rest, market, "rest_url")

    def ws_bases(self, market: str) -> tuple[str, ...]:
        """Return the WebSocket bases of ``market`` in the order to try them."""
        return self._of(self.ws, market, "ws_url")

    def stream_url(self, market: str, route: str, names: Sequence[str] = (), *, base: str | None = None) -> str:
        """Return the combined-stream URL of one ``route``, with ``names`` subscribed from the start."""
        host = base or self.ws_bases(market)[0]
        path = f"{host}/{route}/stream" if route else f"{host}/stream"
        return f"{path}?streams={'/'.join(names)}" if names else path

    @staticmethod
    def _of(bases: Mapping[str, tuple[str, ...]], market: str, field: str) -> tuple[str, ...]:
        found = bases.get(market, ())
        if not found:
            raise InvalidValue(field, f"no URL is configured for binance {market}")
        return found


def rest_base(url: str) -> str:
    """Cut a REST URL of any of the accepted forms to ``scheme://host[:port][/prefix]``."""
    return _base("rest_url", url, ("http", "https"), {"api", "fapi", "dapi", "futures"})


def ws_base(url: str) -> str:
    """Cut a WebSocket URL of any of the accepted forms to ``scheme://host[:port][/prefix]``."""
    return _base("ws_url", url, ("ws", "wss"), {"ws", "stream", "public", "market", "private"})


def _base(field: str, url: str, schemes: tuple[str, ...], known: set[str]) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidValue(field, f"{url[:120]!r} is not a URL: {error}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise InvalidValue(field, f"{url[:120]!r} must start with {' or '.join(f'{scheme}://' for scheme in schemes)} and a host")
    kept: list[str] = []
    for segment in parts.path.split("/"):
        if segment in known:
            break
        if segment:
            kept.append(segment)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = f"{host}:{port}" if port else host
    return "/".join([f"{parts.scheme}://{authority}", *kept])
