"""One market of Binance, put together: feed and history over one transport, one pool of egresses, one budget per address."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from quantservice.adapters.venues.binance.catalog import Catalog
from quantservice.adapters.venues.binance.dialect import BinanceDialect
from quantservice.adapters.venues.binance.history import BinanceHistory, HistorySettings, Limits
from quantservice.adapters.venues.binance.spec import VENUE, BinanceEndpoints, spec_of
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules
from quantservice.adapters.venues.transport.feed import FeedSettings, VenueFeed
from quantservice.adapters.venues.transport.http import HttpSettings, RestClient
from quantservice.adapters.venues.transport.market import VenueMarket
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool, ProxySettings
from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.ports import Clock, ProxyRecord, StateStore


class BinanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one market that can be set; see each part.

    ``history_alone`` and ``history_shared`` are history's shares of the weight limit without and with other lanes that need
    some; ``weight_window_ms`` is the window in which the venue counts, in real time.
    """

    feed: FeedSettings = FeedSettings()
    history: HistorySettings = HistorySettings()
    http: HttpSettings = HttpSettings()
    ws: WsSettings = WsSettings()
    proxies: ProxySettings = ProxySettings()
    history_alone: float = 0.80
    history_shared: float = 0.50
    weight_window_ms: int = 60_000


class BinanceVenue(VenueMarket[VenueFeed, BinanceHistory]):
    """Implements ``ports.Venue`` for one market of Binance."""

    def __init__(
        self,
        market: str,
        endpoints: BinanceEndpoints,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        tap: RawTap | None = None,
        settings: BinanceSettings | None = None,
    ) -> None:
        self._spec = spec_of(market)
        self._settings = settings or BinanceSettings()
        self._clock = clock
        self._state_store = state_store
        self._budgets: dict[str, WeightBudget] = {}
        self._limit = self._spec.weight_per_minute
        self._venue_time: tuple[int, float] | None = None  # what the venue's clock showed at which instant of ours
        self.pool = ProxyPool(proxies, clock=clock, settings=self._settings.proxies, environment=environment)
        self._client = RestClient(
            endpoints.rest_bases(market),
            venue=VENUE,
            market=market,
            pool=self.pool,
            budget_of=self.budget_of,
            used_weight_header=self._spec.used_weight_header,
            clock=clock,
            settings=self._settings.http,
            tap=tap,
        )
        catalog = Catalog(market)
        history = BinanceHistory(
            self._spec,
            self._client,
            catalog,
            clock=clock,
            limits=Limits(set_time=self._set_time, set_limit=self._set_limit),
            settings=self._settings.history,
        )
        ws = msgspec.structs.replace(
            self._settings.ws, messages_per_second=min(self._settings.ws.messages_per_second, self._spec.messages_per_second)
        )
        dialer = Dialer(venue=VENUE, market=market, pool=self.pool, clock=clock, settings=ws)
        feed = VenueFeed(
            BinanceDialect(self._spec, endpoints, catalog=catalog, history=history),
            dialer=dialer,
            clock=clock,
            settings=self._settings.feed,
            state_store=state_store,
            tap=tap,
        )
        super().__init__(VENUE, market, pool=self.pool, budgets=self._budgets, feed=feed, history=history, dialer=dialer)

    def budget_of(self, egress: Egress) -> WeightBudget:
        """Return the weight budget of one egress: every address has its own."""
        found = self._budgets.get(egress.name)
        if found is None:
            rules = BudgetRules(
                limit=self._limit,
                window_ms=self._settings.weight_window_ms,
                history_alone=self._settings.history_alone,
                history_shared=self._settings.history_shared,
            )
            bucket = f"{egress.name}|{VENUE}:{self.market}"
            found = WeightBudget(bucket, rules, clock=self._clock, leases=self._state_store, wall_ms=self._wall_ms)
            self._budgets[egress.name] = found
        return found

    def _base(self) -> str:
        return self._client.base

    def _requests(self) -> Mapping[str, Any]:
        return {**msgspec.to_builtins(self._client.stats), "base": self._client.base}

    def _wall_ms(self) -> int:
        """Real UTC as the venue's limits are counted by: as the venue said, before that this machine's."""
        if self._venue_time is None:
            return time.time_ns() // 1_000_000
        told_ms, at = self._venue_time
        return told_ms + int((self._clock.monotonic() - at) * 1000)

    def _set_time(self, venue_ms: int) -> None:
        self._venue_time = venue_ms, self._clock.monotonic()
        for budget in self._budgets.values():
            budget.set_time(venue_ms)

    def _set_limit(self, limit: int) -> None:
        self._limit = limit
        for budget in self._budgets.values():
            budget.set_limit(limit)
