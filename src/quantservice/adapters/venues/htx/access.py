"""The way to one market of HTX: egresses and, per address, the budget that all its requests share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from quantservice.adapters.venues.htx.spec import PER_MINUTE, VENUE, check_market
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool, ProxySettings
from quantservice.ports import Clock, ProxyRecord, StateStore


class Access:
    """Shared by market data and trading, so that a 429 of one silences the other."""

    def __init__(
        self,
        market: str,
        *,
        clock: Clock,
        state_store: StateStore | None = None,
        proxies: Iterable[ProxyRecord] = (),
        environment: Mapping[str, str] | None = None,
        settings: ProxySettings | None = None,
    ) -> None:
        self.market = check_market(market)
        self.pool = ProxyPool(proxies, clock=clock, settings=settings or ProxySettings(), environment=environment)
        self.budgets: dict[str, WeightBudget] = {}
        self._clock = clock
        self._state_store = state_store

    def budget_of(self, egress: Egress) -> WeightBudget:
        """Return the budget of one egress: every address has its own."""
        found = self.budgets.get(egress.name)
        if found is None:
            bucket = f"{egress.name}|{VENUE}:{self.market}"
            rules = BudgetRules(limit=PER_MINUTE)
            found = WeightBudget(bucket, rules, clock=self._clock, leases=self._state_store, wall_ms=_wall_ms)
            self.budgets[egress.name] = found
        return found


def _wall_ms() -> int:
    """Real UTC: limits are counted in it, whatever the market's own clock tells."""
    return time.time_ns() // 1_000_000
