"""One market of OKX, put together: feed and history over one pool of egresses; each endpoint is paced by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.catalog import Catalog
from quantservice.adapters.venues.okx.dialect import OkxDialect
from quantservice.adapters.venues.okx.history import OkxHistory
from quantservice.adapters.venues.okx.spec import VENUE, OkxEndpoints, row_of
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules
from quantservice.adapters.venues.transport.feed import FeedSettings, VenueFeed
from quantservice.adapters.venues.transport.http import HttpSettings, HttpStats, RestClient
from quantservice.adapters.venues.transport.market import HistorySettings, VenueMarket
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool, ProxySettings
from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.ports import Clock, ProxyRecord, StateStore

_SPAN_S: Final = 2.0  # in which the venue counts requests
_SHARE: Final = 0.45  # of each limit: spot and swaps ask from one address
_REQUESTS: Final = 400  # of all endpoints together, in that span
_NAMES: Final = 20  # streams per request: 480 requests an hour and connection
_MESSAGES: Final = 5
_CONNECTS: Final = 1  # a second: the venue allows three an address, and there are two markets and accounts


class OkxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one market that can be set; see each part. ``pace`` multiplies the venue's limits of requests."""

    feed: FeedSettings = FeedSettings()
    history: HistorySettings = HistorySettings()
    http: HttpSettings = HttpSettings()
    ws: WsSettings = WsSettings()
    proxies: ProxySettings = ProxySettings()
    pace: float = 1.0


class OkxVenue(VenueMarket[VenueFeed, OkxHistory]):
    """Implements ``ports.Venue`` for one market of OKX."""

    def __init__(
        self,
        market: str,
        endpoints: OkxEndpoints,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        tap: RawTap | None = None,
        settings: OkxSettings | None = None,
    ) -> None:
        self._row = row_of(market)
        self._settings = settings or OkxSettings()
        self._clock = clock
        self._state_store = state_store
        self._url = endpoints.rest
        self._budgets: dict[str, WeightBudget] = {}
        self.pool = ProxyPool(proxies, clock=clock, settings=self._settings.proxies, environment=environment)
        self._clients = {name: self._client(name, endpoint.most, tap) for name, endpoint in self._row.endpoints.items()}
        catalog = Catalog()
        history = OkxHistory(self._row, self._clients, catalog, clock=clock, settings=self._settings.history)
        ws = msgspec.structs.replace(
            self._settings.ws,
            messages_per_second=min(self._settings.ws.messages_per_second, _MESSAGES),
            names_per_message=min(self._settings.ws.names_per_message, _NAMES),
            connects=_CONNECTS,
            connect_window_s=1.1,
        )
        dialer = Dialer(venue=VENUE, market=market, pool=self.pool, clock=clock, settings=ws)
        feed = VenueFeed(
            OkxDialect(self._row, endpoints, catalog=catalog, history=history),
            dialer=dialer,
            clock=clock,
            settings=self._settings.feed,
            state_store=state_store,
            tap=tap,
        )
        super().__init__(VENUE, market, pool=self.pool, budgets=self._budgets, feed=feed, history=history, dialer=dialer)

    def _client(self, name: str, most: int, tap: RawTap | None) -> RestClient:
        per_second = most / _SPAN_S * _SHARE * self._settings.pace
        own = self._settings.http.requests_per_second
        settings = msgspec.structs.replace(
            self._settings.http, requests_per_second=min(own, per_second) if own else per_second, connections=4
        )
        return RestClient(
            (self._url,),
            venue=VENUE,
            market=self._row.market,
            pool=self.pool,
            budget_of=self.budget_of,
            used_weight_header="",
            clock=self._clock,
            settings=settings,
            tap=tap,
        )

    def budget_of(self, egress: Egress) -> WeightBudget:
        """Return what bounds all requests of one egress together; what silences one of them (429) silences all."""
        found = self._budgets.get(egress.name)
        if found is None:
            rules = BudgetRules(limit=_REQUESTS, window_ms=int(_SPAN_S * 1_000))
            bucket = f"{egress.name}|{VENUE}:{self.market}"
            found = self._budgets[egress.name] = WeightBudget(bucket, rules, clock=self._clock)
        return found

    def _base(self) -> str:
        return self._url

    def _requests(self) -> Mapping[str, Any]:
        total = HttpStats()
        for client in self._clients.values():
            for field in ("requests", "ok", "failed", "retried", "received_bytes", "weight"):
                setattr(total, field, getattr(total, field) + getattr(client.stats, field))
            total.causes += client.stats.causes
            total.latency_s = max(total.latency_s, client.stats.latency_s)
        return {**msgspec.to_builtins(total), "base": self._url}
