"""One market of HTX, put together: feed and history over one pool of egresses and one budget per address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.access import Access
from quantservice.adapters.venues.htx.decode_market import Catalog, Decoder
from quantservice.adapters.venues.htx.history import HtxHistory
from quantservice.adapters.venues.htx.packed import unpack
from quantservice.adapters.venues.htx.past import Asker
from quantservice.adapters.venues.htx.spec import PERIODS, VENUE, HtxEndpoints
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.adapters.venues.transport.feed import FeedSettings, VenueFeed
from quantservice.adapters.venues.transport.http import HttpSettings, RestClient
from quantservice.adapters.venues.transport.market import HistorySettings, VenueMarket
from quantservice.adapters.venues.transport.proxies import ProxySettings
from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.core.book import SyncRule
from quantservice.core.events import BookSnapshot, Kind, MarketEvent, StreamId
from quantservice.ports import Clock, ProxyRecord, StateStore

_TOPICS: Final[Mapping[str, Mapping[Kind, str]]] = {
    "spot": {Kind.KLINE: "kline", Kind.TRADE: "trade.detail", Kind.QUOTE: "bbo", Kind.BOOK: "mbp.150", Kind.TICKER: "detail"},
    "um": {
        Kind.KLINE: "kline",
        Kind.TRADE: "trade.detail",
        Kind.QUOTE: "bbo",
        Kind.BOOK: "depth.size_150.high_freq",
        Kind.TICKER: "detail",
    },
}


class HtxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one market that can be set; see each part."""

    feed: FeedSettings = FeedSettings(streams_per_connection=100)
    history: HistorySettings = HistorySettings()
    http: HttpSettings = HttpSettings()
    ws: WsSettings = WsSettings(messages_per_second=20)
    proxies: ProxySettings = ProxySettings()


class HtxRequests:
    """How HTX words requests: ``{"sub":"market.btcusdt.kline.1min","id":"7"}``, one topic each."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def subscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for a stream; what was seen of its bar before is forgotten, for its end may have been missed."""
        self._decoder.forget(names)
        more = {"data_type": "incremental"} if names[0].endswith("high_freq") else {}
        return msgspec.json.encode({"sub": names[0], "id": str(number)} | more)

    def unsubscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for no more of it."""
        return msgspec.json.encode({"unsub": names[0], "id": str(number)})

    def heartbeat(self) -> bytes | None:
        """The venue pings by itself."""
        return None


class HtxDialect:
    """How a feed speaks with one market of HTX."""

    venue = VENUE
    sync_rule = SyncRule.FUTURES
    streams_per_connection = 300

    def __init__(self, market: str, endpoints: HtxEndpoints, *, catalog: Catalog, history: HtxHistory) -> None:
        self._decoder = Decoder(market, catalog)
        self.requests = HtxRequests(self._decoder)
        self._market = market
        self._base = endpoints.ws[market]
        self._catalog = catalog
        self._history = history

    @property
    def market(self) -> str:
        """The market's name."""
        return self._market

    @property
    def unknown_frames(self) -> int:
        """How many frames came that are of no known stream."""
        return sum(self._decoder.unknown.values())

    async def load(self) -> None:
        """Make sure that the list of instruments is known."""
        await self._history.load()

    def name_of(self, stream: StreamId) -> str | None:
        """The venue's name of a stream; None where it does not list or serve it."""
        listed, topic = self._catalog.find(stream.instrument), _TOPICS[self._market].get(stream.kind)
        if listed is None or topic is None:
            return None
        if stream.kind is Kind.KLINE:
            word = PERIODS.get(stream.period)
            return f"market.{listed.venue_symbol}.kline.{word}" if word else None
        return f"market.{listed.venue_symbol}.{topic}"

    def route_of(self, stream: StreamId) -> str:
        """Spot's book has a path of its own."""
        return "feed" if stream.kind is Kind.BOOK and self._market == "spot" else ""

    def urls(self, route: str) -> Sequence[str]:
        """The URL of a path."""
        return [url_of(self._base, self._market, route)]

    def decode(self, payload: bytes, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | ControlMessage | None:
        """Return what a frame says."""
        return self._decoder.decode(payload, recv_ns)

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot | None:
        """Spot's is asked for; the swap's comes with its subscription."""
        return await self._history.book_snapshot(stream) if self._market == "spot" else None


def url_of(base: str, market: str, route: str) -> str:
    """Return the URL of a market's socket."""
    return f"{base}/linear-swap-ws" if market == "um" else f"{base}/{route or 'ws'}"


class HtxVenue(VenueMarket[VenueFeed, HtxHistory]):
    """Implements ``ports.Venue`` for one market of HTX."""

    def __init__(
        self,
        market: str,
        endpoints: HtxEndpoints,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        tap: RawTap | None = None,
        settings: HtxSettings | None = None,
    ) -> None:
        self._settings = settings or HtxSettings()
        self._clock = clock
        self.access = Access(
            market,
            clock=clock,
            state_store=state_store,
            proxies=proxies,
            environment=environment,
            settings=self._settings.proxies,
        )
        self._client = RestClient(
            (endpoints.rest_of(market),),
            venue=VENUE,
            market=market,
            pool=self.access.pool,
            budget_of=self.access.budget_of,
            used_weight_header="",
            clock=clock,
            settings=self._settings.http,
            tap=tap,
        )
        ws = msgspec.structs.replace(self._settings.ws, names_per_message=1)
        dialer = Dialer(venue=VENUE, market=market, pool=self.access.pool, clock=clock, settings=ws, unpack=unpack)
        catalog, base = Catalog(), endpoints.ws[market]
        history = HtxHistory(
            market,
            self._client,
            catalog,
            asker=Asker(url_of(base, market, ""), dialer, clock),
            books=Asker(url_of(base, market, "feed"), dialer, clock),
            clock=clock,
            settings=self._settings.history,
        )
        feed = VenueFeed(
            HtxDialect(market, endpoints, catalog=catalog, history=history),
            dialer=dialer,
            clock=clock,
            settings=self._settings.feed,
            state_store=state_store,
            tap=tap,
        )
        pool, budgets = self.access.pool, self.access.budgets
        super().__init__(VENUE, market, pool=pool, budgets=budgets, feed=feed, history=history, dialer=dialer)

    def _base(self) -> str:
        return self._client.base

    def _requests(self) -> Mapping[str, Any]:
        return {**msgspec.to_builtins(self._client.stats), "base": self._client.base}
