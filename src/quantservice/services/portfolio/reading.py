"""What an account earned, by deployment, instrument and day: summed from the journal, so that it is what the books say."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.money import ZERO, exact
from quantservice.core.periods import DAY_MS
from quantservice.ports import JournalRow, StateStore
from quantservice.services.portfolio.entries import WALLET

_PAGE: Final = 5_000
#: Entries that a sum reads at most, the newest ones.
MOST: Final = 200_000
_EARNED: Final = ("realised", "fee", "funding", "rebate", "insurance", "other")


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment earned with one instrument on one UTC day, in one currency. Fees paid are negative."""

    account: str
    deployment: str
    instrument: str
    day_ms: int
    currency: str
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    other: Decimal = ZERO
    trades: int = 0

    @property
    def total(self) -> Decimal:
        """All of it."""
        return _sum(self)


class Portfolio:
    """Reads the books (tables journal, positions, balances)."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    async def journal(self, *, account: str | None = None, limit: int = 200) -> list[JournalRow]:
        """Return the newest entries, newest first."""
        async with self._state.transaction() as work:
            return await work.books.journal(account=account, limit=limit, newest=True)

    async def earned(self, *, account: str | None = None) -> list[Earned]:
        """Return what was earned, newest day first; of the last :data:`MOST` entries."""
        rows: list[JournalRow] = []
        after = 0
        while len(rows) < MOST:
            async with self._state.transaction() as work:  # a page at a time: nobody else waits for all of it
                page = await work.books.journal(account=account, after=after, limit=_PAGE)
            rows += page
            if len(page) < _PAGE:
                break
            after = page[-1].sequence
        return earned_of(rows)


@exact
def earned_of(rows: list[JournalRow]) -> list[Earned]:
    """Sum entries; the opening and transfers are not earned, and what spot exchanges is no profit."""
    sums: dict[tuple[str, str, str, int, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    trades: dict[tuple[str, str, str, int, str], int] = defaultdict(int)
    for row in rows:
        entry = row.entry
        instrument = entry.entry_id.split("|")[1] if entry.entry_id.startswith("fill:") and "|" in entry.entry_id else ""
        day_ms = entry.time - entry.time % DAY_MS
        keys = set()
        for posting in entry.postings:
            if posting.account == WALLET or posting.account not in _EARNED:
                continue
            key = (row.account, row.deployment, instrument, day_ms, posting.currency)
            sums[key][posting.account] -= posting.amount  # the counter account moves against the wallet
            keys.add(key)
        for key in keys if instrument else ():
            trades[key] += 1
    found = [
        Earned(
            account=key[0],
            deployment=key[1],
            instrument=key[2],
            day_ms=key[3],
            currency=key[4],
            realised=moved["realised"],
            fees=moved["fee"],
            funding=moved["funding"],
            other=moved["rebate"] + moved["insurance"] + moved["other"],
            trades=trades[key],
        )
        for key, moved in sums.items()
    ]
    return sorted(found, key=lambda item: (-item.day_ms, item.account, item.deployment, item.instrument))


@exact
def _sum(item: Earned) -> Decimal:
    return item.realised + item.fees + item.funding + item.other
