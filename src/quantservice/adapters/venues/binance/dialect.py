"""How Binance calls, words and places streams: what a feed needs to know of one of its markets."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from quantservice.adapters.venues.binance.catalog import Catalog
from quantservice.adapters.venues.binance.decode_ws import Decoder
from quantservice.adapters.venues.binance.history import BinanceHistory
from quantservice.adapters.venues.binance.spec import VENUE, BinanceEndpoints, MarketSpec
from quantservice.core.book import SyncRule
from quantservice.core.events import BookSnapshot, StreamId


class BinanceRequests:
    """How Binance words requests: ``{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}``."""

    def subscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for streams."""
        return msgspec.json.encode({"method": "SUBSCRIBE", "params": list(names), "id": number})

    def unsubscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for no more of them."""
        return msgspec.json.encode({"method": "UNSUBSCRIBE", "params": list(names), "id": number})

    def heartbeat(self) -> bytes | None:
        """The venue itself pings."""
        return None


class BinanceDialect:
    """One market of Binance."""

    venue = VENUE

    def __init__(self, spec: MarketSpec, endpoints: BinanceEndpoints, *, catalog: Catalog, history: BinanceHistory) -> None:
        self.requests = BinanceRequests()
        self._spec = spec
        self._endpoints = endpoints
        self._catalog = catalog
        self._history = history
        self._decoder = Decoder(spec.market, catalog.registry)
        self.decode = self._decoder.decode  # no call in between: this is the hot path

    @property
    def market(self) -> str:
        """The market's name."""
        return self._spec.market

    @property
    def sync_rule(self) -> SyncRule:
        """How changes of a book join."""
        return self._spec.sync_rule

    @property
    def streams_per_connection(self) -> int:
        """The venue's limit."""
        return self._spec.streams_per_connection

    @property
    def unknown_frames(self) -> int:
        """How many frames came that are of no known stream."""
        return sum(self._decoder.unknown.values())

    async def load(self) -> None:
        """Make sure that the list of instruments is known."""
        await self._history.load()

    def name_of(self, stream: StreamId) -> str | None:
        """The venue's name of a stream; None where it does not list or serve it."""
        instrument, spec = stream.instrument, self._spec
        known = instrument.venue == VENUE and self._catalog.find(instrument) is not None
        if not known or not spec.supports_stream(stream.kind) or (stream.period and stream.period not in spec.periods):
            return None
        return spec.stream_name(stream, self._catalog.venue_symbol(instrument))

    def route_of(self, stream: StreamId) -> str:
        """The route of the host that serves a stream."""
        return self._spec.route_of(stream)

    def urls(self, route: str) -> Sequence[str]:
        """The URLs of a route, the best first."""
        market = self._spec.market
        return [self._endpoints.stream_url(market, route, base=base) for base in self._endpoints.ws_bases(market)]

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot | None:
        """Fetch the snapshot that a book starts from."""
        return await self._history.book_snapshot(stream)
