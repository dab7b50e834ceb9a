"""The way to one exchange's market: egresses and, per address, the budget that market data and trading share.

The library says of each request what it costs and how many of the cheapest may be sent in a second; whatever the exchange itself
says (429, 418, ``Retry-After``) silences all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules
from quantservice.adapters.venues.transport.pacing import Pacer
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool, ProxySettings
from quantservice.core.errors import RateLimited
from quantservice.ports import Clock, ProxyRecord, StateStore

#: The library's costs are broken numbers (0.2); budgets count whole ones.
_SCALE: Final = 10
#: Weight may be used up in a burst within a minute (a start asks for everything); single requests are spread over the second.
_WINDOW_MS: Final = 60_000
_REQUESTS: Final = 20  # of the cheapest: how long they take is the pause after a 429 that names none
_LEAST_PAUSE_S: Final = 2.0
_MARGIN: Final = 0.9  # of what the library says: the exchange counts by arrival


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``rate_limit_ms``: between two of the cheapest requests, as the library says (0: it does not); ``pace``: times the limits.

    ``base_url``: where requests go in the place of the exchange, such as a simulator; empty: to the exchange.
    """

    rate_limit_ms: float = 0.0
    pace: float = 1.0
    base_url: str = ""
    proxies: ProxySettings = ProxySettings()


class Access:
    """Shared by market data and trading, so that a 429 of one silences the other."""

    def __init__(
        self,
        venue: str,
        market: str,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        settings: AccessSettings | None = None,
    ) -> None:
        chosen = settings or AccessSettings()
        self.venue = venue
        self.market = market
        self.base_url = chosen.base_url.rstrip("/")
        self.clock = clock
        self.pool = ProxyPool(proxies, clock=clock, settings=chosen.proxies, environment=environment)
        self.budgets: dict[str, WeightBudget] = {}
        self._state_store = state_store
        every_ms = max(1.0, chosen.rate_limit_ms or 1_000.0)  # the library does not say: one a second
        self.pause_s = max(_LEAST_PAUSE_S, _REQUESTS * every_ms / 1_000)  # after a 429 that names no time
        self._per_second = max(1, int(1_000 / every_ms * _MARGIN * chosen.pace))
        self._pacers: dict[str, Pacer] = {}
        self._limit = max(_SCALE * 2, int(_WINDOW_MS / every_ms * _SCALE * _MARGIN * chosen.pace))

    def budget_of(self, egress: Egress) -> WeightBudget:
        """Return the budget of one egress: every address has its own."""
        found = self.budgets.get(egress.name)
        if found is None:
            rules = BudgetRules(limit=self._limit, window_ms=_WINDOW_MS)
            bucket = f"{egress.name}|{self.venue}:{self.market}"
            found = WeightBudget(bucket, rules, clock=self.clock, leases=self._state_store, wall_ms=_wall_ms)
            self.budgets[egress.name] = found
        return found

    async def pace(self, egress: Egress, deadline_s: float) -> None:
        """Wait until one more request may leave in this second; RateLimited where that is later than ``deadline_s`` from now."""
        pacer = self._pacers.get(egress.name)
        if pacer is None:
            pacer = self._pacers[egress.name] = Pacer(self._per_second, 1.0, clock=self.clock)
        until = self.clock.monotonic() + deadline_s
        while delay := pacer.take():
            if self.clock.monotonic() + delay > until:
                retry_at_ns = self.clock.now_ns() + int(delay * 1e9)
                sentence = f"{self.venue}:{self.market}: the next request may leave in {delay:.1f} s; nothing was sent"
                raise RateLimited(sentence, retry_at_ns=retry_at_ns, venue=self.venue, market=self.market)
            await self.clock.sleep(delay)

    def weight_of(self, cost: float) -> int:
        """Return a request's weight; one that costs more than a window holds takes the most that one lane may take."""
        return max(1, min(math.ceil(cost * _SCALE), int(self._limit * 0.8)))


def _wall_ms() -> int:
    """Real UTC: limits are counted in it, whatever the market's own clock tells."""
    return time.time_ns() // 1_000_000
