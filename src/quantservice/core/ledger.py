"""Double entry: every movement of money is a set of postings that sum to zero in each currency.

Balances are the fold of the entries; an entry that does not balance cannot be built, so neither can a ledger that leaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.money import ZERO, check_finite, exact

#: The ledger account that holds an account's money; every other one is what moved against it.
WALLET: Final = "wallet"
#: The counter account of fees: its balance is what was paid.
FEE: Final = "fee"
#: The counter accounts of money that came or went: it is neither won nor lost.
PAID_IN: Final = ("opening", "transfer")


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a movement: ``amount`` of ``currency`` into ``account`` (negative: out of it)."""

    account: str
    currency: str
    amount: Decimal

    def __post_init__(self) -> None:
        check_finite("amount", self.amount)
        if not self.account or not self.currency:
            raise InvalidValue("posting", "names an account and a currency")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement. ``entry_id`` is a pure function of what caused it, so that it counts once."""

    entry_id: str
    postings: tuple[Posting, ...]
    time: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        for currency, total in _totals(self.postings).items():
            if total != 0:
                raise InvalidValue("postings", f"{self.entry_id} leaves {total} {currency} over; postings must sum to zero")


Balances = Mapping[tuple[str, str], Decimal]


class Ledger(msgspec.Struct, frozen=True):
    """Balances per (account, currency) after some entries. ``applied`` are their ids."""

    balances: Balances = {}
    applied: frozenset[str] = frozenset()

    @exact
    def apply(self, entries: Iterable[Entry]) -> Ledger:
        """Return the ledger after more entries; one that was applied before changes nothing."""
        balances = dict(self.balances)
        applied = set(self.applied)
        for entry in entries:
            if entry.entry_id in applied:
                continue
            applied.add(entry.entry_id)
            for posting in entry.postings:
                key = (posting.account, posting.currency)
                balances[key] = balances.get(key, ZERO) + posting.amount
        return Ledger({key: amount for key, amount in balances.items() if amount != 0}, frozenset(applied))

    def balance(self, account: str, currency: str) -> Decimal:
        """Return what an account holds of a currency."""
        return self.balances.get((account, currency), ZERO)

    @exact
    def totals(self) -> dict[str, Decimal]:
        """Return the sum over all accounts per currency: zero, always."""
        totals: dict[str, Decimal] = {}
        for (_, currency), amount in self.balances.items():
            totals[currency] = totals.get(currency, ZERO) + amount
        return totals


def transfer(entry_id: str, currency: str, amount: Decimal, *, source: str, target: str, time: int = 0, reason: str = "") -> Entry:
    """Make the entry that moves ``amount`` from ``source`` to ``target``."""
    return Entry(
        entry_id=entry_id,
        postings=(
            Posting(account=source, currency=currency, amount=-amount),
            Posting(account=target, currency=currency, amount=amount),
        ),
        time=time,
        reason=reason,
    )


@exact
def spot_trade(  # noqa: PLR0913 - a trade has two currencies, two amounts and a fee
    entry_id: str,
    *,
    account: str,
    venue: str,
    base: str,
    quote: str,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal = ZERO,
    fee_currency: str = "",
    time: int = 0,
) -> Entry:
    """Make the entry of a spot fill of signed ``quantity``: base against quote, and the fee to the venue's fee account."""
    market = f"{venue}:market"
    value = quantity * price
    postings = [
        Posting(account=account, currency=base, amount=quantity),
        Posting(account=market, currency=base, amount=-quantity),
        Posting(account=account, currency=quote, amount=-value),
        Posting(account=market, currency=quote, amount=value),
    ]
    if fee:
        postings.append(Posting(account=account, currency=fee_currency, amount=-fee))
        postings.append(Posting(account=f"{venue}:fees", currency=fee_currency, amount=fee))
    return Entry(entry_id=entry_id, postings=tuple(postings), time=time, reason="trade")


@exact
def _totals(postings: Iterable[Posting]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for posting in postings:
        totals[posting.currency] = totals.get(posting.currency, ZERO) + posting.amount
    return totals
