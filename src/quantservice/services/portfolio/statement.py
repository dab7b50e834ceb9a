"""The daily reconciliation: the books beside the venue's own statement, with one figure for what nobody can explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from quantservice.core.money import ZERO, exact
from quantservice.ports.trading import AccountSnapshot
from quantservice.ports.trading_store import DayComparison, HeldPosition, PositionGap


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """``unexplained`` per currency is what the venue owes minus what the books say: zero whenever every event was told."""

    account: str
    time_ms: int
    booked: dict[str, Decimal]
    venue: dict[str, Decimal]
    unexplained: dict[str, Decimal]
    positions: tuple[PositionGap, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether nothing is unexplained, to the last digit."""
        return not self.unexplained and not self.positions

    def kept(self) -> DayComparison:
        """Return it as it is kept for its day."""
        return DayComparison(
            account=self.account,
            time_ms=self.time_ms,
            booked=self.booked,
            venue=self.venue,
            positions=self.positions,
            differed_ms=0 if self.balanced else self.time_ms,
        )


@exact
def compare(snapshot: AccountSnapshot, wallet: Mapping[str, Decimal], positions: Iterable[HeldPosition]) -> Statement:
    """Compare the books (the ``wallet`` per currency, the account's ``positions``) with what the venue says."""
    venue = {balance.currency: balance.total for balance in snapshot.balances if balance.total}
    books = {currency: amount for currency, amount in wallet.items() if amount}
    unexplained = {
        currency: difference
        for currency in sorted({*venue, *books})
        if (difference := venue.get(currency, ZERO) - books.get(currency, ZERO))
    }
    held = {
        (item.position.instrument, item.position.side): item.position.quantity
        for item in positions
        if not item.deployment and item.position.instrument.market != "spot"  # what is held of a coin is a balance there
    }
    shown = {(item.instrument, item.side): item.quantity for item in snapshot.positions}
    gaps = tuple(
        PositionGap(instrument=leg[0], side=leg[1], booked=held.get(leg, ZERO), venue=shown.get(leg, ZERO))
        for leg in sorted({*held, *shown}, key=str)
        if held.get(leg, ZERO) != shown.get(leg, ZERO)
    )
    return Statement(
        account=snapshot.account,
        time_ms=snapshot.time_ms,
        booked=books,
        venue=venue,
        unexplained=unexplained,
        positions=gaps,
    )
