"""Trading adapters of live accounts, made of a venue's market data adapter and the account's key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from quantservice.core.errors import UnknownName
from quantservice.ports import Clock, KeyPermissions, TradingAccount
from quantservice.ports.keeping import VenueSecret

if TYPE_CHECKING:
    from quantservice.adapters.venues.binance.spec import BinanceEndpoints
    from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading
    from quantservice.adapters.venues.binance.trading.table import TradingEndpoints
    from quantservice.adapters.venues.binance.venue import BinanceVenue


class LiveTrading:
    """Makes them. ``venues`` and ``endpoints`` are asked late: they are known after this is made."""

    def __init__(
        self,
        clock: Clock,
        venues: Callable[[], Mapping[tuple[str, str], BinanceVenue]],
        endpoints: Callable[[], BinanceEndpoints],
    ) -> None:
        self._clock, self._venues, self._endpoints = clock, venues, endpoints

    def adapter(self, account: TradingAccount, secret: VenueSecret) -> BinanceTrading:
        """Return the adapter of an account; UnknownName where its venue's market is not enabled."""
        from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading
        from quantservice.adapters.venues.binance.trading.signer import VenueCredentials

        venue = self._venues().get((account.venue, account.market))
        if venue is None:
            enabled = [":".join(pair) for pair in sorted(self._venues())]
            raise UnknownName("venue and market", f"{account.venue}:{account.market}", enabled)
        credentials = VenueCredentials(secret.key, secret.secret)
        return BinanceTrading(
            account.name, credentials, venue=venue, clock=self._clock, endpoints=trading_endpoints(self._endpoints())
        )

    async def permissions(self, account: TradingAccount, secret: VenueSecret) -> KeyPermissions:
        """Ask the venue what a key may do."""
        adapter = self.adapter(account, secret)
        try:
            return await adapter.permissions()
        finally:
            await adapter.close()


def trading_endpoints(data: BinanceEndpoints) -> TradingEndpoints:
    """Return the private side's addresses: Binance's, or a simulator's for a market whose data comes from one."""
    from quantservice.adapters.venues.binance.spec import BinanceEndpoints
    from quantservice.adapters.venues.binance.trading.table import TradingEndpoints

    real, found = BinanceEndpoints(), TradingEndpoints()
    for market in ("spot", "um", "cm"):
        base = data.rest_bases(market)[0]
        if base not in real.rest_bases(market):
            there = TradingEndpoints.simulator(base)
            rest, stream = {**found.rest, market: there.rest[market]}, {**found.stream, market: there.stream[market]}
            found = msgspec.structs.replace(found, rest=rest, stream=stream, wallet=there.wallet)
    return found
