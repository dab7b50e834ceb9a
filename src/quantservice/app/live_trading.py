"""Trading adapters of live accounts, made of a venue's market data adapter and the account's key."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping

from quantservice.app.settings import Settings
from quantservice.app.venues import Access, Addresses, LiveVenue, check_redirected, row_of
from quantservice.core.errors import UnknownName
from quantservice.ports import Clock, KeyPermissions, TradingAccount
from quantservice.ports.keeping import VenueSecret
from quantservice.ports.trading import Trading


class LiveTrading:
    """Makes them. ``venues`` and ``addresses`` are asked late: they are known after this is made.

    ``sent`` names the client ids of an account's orders that the store knows.
    """

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        venues: Callable[[], Mapping[tuple[str, str], LiveVenue]],
        addresses: Callable[[], Addresses],
        sent: Callable[[str], Awaitable[Iterable[str]]],
    ) -> None:
        self._clock, self._settings = clock, settings
        self._venues, self._addresses, self._sent = venues, addresses, sent

    def adapter(self, account: TradingAccount, secret: VenueSecret) -> Trading:
        """Return the adapter of an account; UnknownName where its venue's market is not enabled.

        SettingsError where its key would be shown to a wrong host.
        """
        venue = self._venues().get((account.venue, account.market))
        if venue is None:
            enabled = [":".join(pair) for pair in sorted(self._venues())]
            raise UnknownName("venue and market", f"{account.venue}:{account.market}", enabled)
        check_redirected(self._settings, account.venue, account.market)
        access = Access(
            account=account,
            secret=secret,
            venue=venue,
            clock=self._clock,
            addresses=self._addresses()[account.venue],
            settings=self._settings,
            sent=functools.partial(self._sent, account.name),
        )
        return row_of(account.venue).trading(access)

    async def permissions(self, account: TradingAccount, secret: VenueSecret) -> KeyPermissions:
        """Ask the venue what a key may do."""
        adapter = self.adapter(account, secret)
        try:
            return await adapter.permissions()
        finally:
            await adapter.close()
