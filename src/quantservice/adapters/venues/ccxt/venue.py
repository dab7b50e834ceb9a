"""One market of an exchange that ccxt knows, put together: feed and history over one pool of egresses and one budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from quantservice.adapters.venues.ccxt.access import Access, AccessSettings
from quantservice.adapters.venues.ccxt.client import CallSettings, Client
from quantservice.adapters.venues.ccxt.feed import CcxtFeed, FeedSettings
from quantservice.adapters.venues.ccxt.history import CcxtHistory
from quantservice.adapters.venues.ccxt.library import exchange_class, venue_name
from quantservice.adapters.venues.transport.market import VenueMarket
from quantservice.ports import Clock, ProxyRecord, StateStore


class CcxtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one market that can be set; see each part."""

    access: AccessSettings = AccessSettings()
    calls: CallSettings = CallSettings()
    feed: FeedSettings = FeedSettings()


class CcxtVenue(VenueMarket[CcxtFeed, CcxtHistory]):
    """Implements ``ports.Venue`` for one market of ``exchange`` (the library's name of it)."""

    def __init__(
        self,
        exchange: str,
        market: str,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        settings: CcxtSettings | None = None,
    ) -> None:
        self._settings = settings or CcxtSettings()
        access = self._settings.access
        if not access.rate_limit_ms:
            told = float(exchange_class(exchange)({}).rateLimit or 0)
            access = msgspec.structs.replace(access, rate_limit_ms=told)
        self.access = Access(
            venue_name(exchange),
            market,
            clock=clock,
            state_store=state_store,
            proxies=proxies,
            environment=environment,
            settings=access,
        )
        self._client = Client(self.access, settings=self._settings.calls)
        history = CcxtHistory(self._client)
        feed = CcxtFeed(self._client, history, settings=self._settings.feed)
        pool, budgets = self.access.pool, self.access.budgets
        super().__init__(self.access.venue, market, pool=pool, budgets=budgets, feed=feed, history=history)

    def _base(self) -> str:
        return self.access.base_url or f"ccxt:{self._client.exchange.id}"

    def _reached(self) -> str:
        return f"{self.name} {self.market} answers"

    def _requests(self) -> Mapping[str, Any]:
        return {"requests": self._client.requests, "weight": self._client.weight, "base": self.access.base_url}
