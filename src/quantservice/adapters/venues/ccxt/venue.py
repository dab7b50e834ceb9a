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
from quantservice.adapters.venues.transport.reachability import Reachability
from quantservice.core.errors import QuantServiceError, VenueUnreachable
from quantservice.ports import Clock, ProxyRecord, StateStore


class CcxtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one market that can be set; see each part."""

    access: AccessSettings = AccessSettings()
    calls: CallSettings = CallSettings()
    feed: FeedSettings = FeedSettings()


class CcxtVenue:
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
        self._history = CcxtHistory(self._client)
        self._feed = CcxtFeed(self._client, self._history, settings=self._settings.feed)
        self.pool = self.access.pool

    @property
    def name(self) -> str:
        """The venue's name."""
        return self.access.venue

    @property
    def market(self) -> str:
        """The market's name."""
        return self.access.market

    @property
    def feed(self) -> CcxtFeed:
        """Live data."""
        return self._feed

    @property
    def history(self) -> CcxtHistory:
        """Past data."""
        return self._history

    def set_proxies(self, proxies: Iterable[ProxyRecord]) -> None:
        """Take the registry's proxies as they are now."""
        self.pool.replace(proxies)

    async def check_reachable(self) -> Reachability:
        """Ask the exchange for its time once and say in a sentence how that went."""
        url = self.access.base_url or f"ccxt:{self._client.exchange.id}"
        try:
            await self._history.server_time_ms()
        except VenueUnreachable as error:
            return Reachability(False, error.cause, str(error), url)
        except QuantServiceError as error:
            return Reachability(False, "refused", str(error), url)
        return Reachability(True, "", f"{self.name} {self.market} answers", url)

    def usage(self) -> Mapping[str, Any]:
        """Requests made and allowed, connections."""
        return {
            "venue": self.name,
            "market": self.market,
            "rest": {"requests": self._client.requests, "weight": self._client.weight, "base": self.access.base_url},
            "budgets": {name: dict(budget.stats()) for name, budget in self.access.budgets.items()},
            "egresses": self.pool.stats(),
            "feed": self._feed.stats(),
            "clock_offset_ms": self._history.offset_ms,
            "refused_rows": self._history.refused_rows,
        }

    async def close(self) -> None:
        """End the feed and all connections."""
        await self._feed.close()
        await self._history.close()
