"""What an account earned, by deployment, instrument and day, and its daily statements: summed from the journal."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from quantservice.core.errors import EnvironmentFault
from quantservice.core.money import ZERO, exact
from quantservice.core.periods import DAY_MS
from quantservice.ports import Clock, JournalRow, StateStore, UnitOfWork
from quantservice.services.portfolio.days import AccountStatements, DaySums

_PAGE: Final = 5_000
_TRIES: Final = 50
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


_Key: TypeAlias = tuple[str, str, str, int, str]  # account, deployment, instrument, day, currency


class Sums:
    """What was earned so far, by its keys; the opening and transfers are not, and what spot exchanges is no profit."""

    def __init__(self) -> None:
        self._moved: dict[_Key, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._trades: dict[_Key, int] = defaultdict(int)

    @exact
    def add(self, row: JournalRow) -> None:
        """Add an entry: each posting of a counter account moves against the wallet."""
        entry = row.entry
        instrument = entry.entry_id.split("|")[1] if entry.entry_id.startswith("fill:") and "|" in entry.entry_id else ""
        keys = set()
        for posting in entry.postings:
            if posting.account in _EARNED:
                key = (row.account, row.deployment, instrument, entry.time - entry.time % DAY_MS, posting.currency)
                self._moved[key][posting.account] -= posting.amount
                keys.add(key)
        for key in keys if instrument else ():
            self._trades[key] += 1

    @exact
    def rows(self, account: str | None = None) -> list[Earned]:
        """Return the sums, newest day first."""
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
                trades=self._trades[key],
            )
            for key, moved in self._moved.items()
            if account in {None, key[0]}
        ]
        return sorted(found, key=lambda item: (-item.day_ms, item.account, item.deployment, item.instrument))


class Portfolio:
    """Reads the books (tables journal, positions, balances). An entry is summed once, however often one looks.

    Per account: its gateway commits one entry after the other, so behind the last sequence that was read none can turn up late.
    """

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._sums = Sums()
        self._days: dict[str, DaySums] = defaultdict(DaySums)  # by account
        self._read: dict[str, int] = {}  # account -> the last sequence that is summed
        self._reading = asyncio.Lock()

    async def journal(self, *, account: str | None = None, limit: int = 200) -> list[JournalRow]:
        """Return the newest entries, newest first."""
        async with self._state.transaction() as work:
            return await work.books.journal(account=account, limit=limit, newest=True)

    async def earned(self, *, account: str | None = None) -> list[Earned]:
        """Return what was earned, newest day first."""
        async with self._reading:
            async with self._state.transaction() as work:
                names = [item.name for item in await work.accounts.list() if account in {None, item.name}]
            for name in names:
                await self._catch_up(name)
        return self._sums.rows(account)

    async def statements(self, account: str, *, days: int) -> AccountStatements:
        """Return the statements of an account's last UTC days, today's as it is by now, and whether the books add up."""
        start_ms = (self._clock.now_ms() // DAY_MS - days + 1) * DAY_MS
        async with self._reading:
            for _ in range(_TRIES):
                await self._catch_up(account)
                async with self._state.transaction() as work:
                    balances = await work.books.balances(account=account)
                    comparisons = await work.statements.list(account, start_ms=start_ms)
                    moved_on = bool(await self._page(work, account, limit=1))
                if moved_on:
                    continue  # balances of more entries than were summed: nothing could be said of them
                sums = self._days[account]
                return AccountStatements(
                    account=account,
                    entries=sums.entries,
                    rows=sums.statements(account, comparisons, start_ms=start_ms),
                    differences=sums.differences({(name, currency): amount for (_, name, currency), amount in balances.items()}),
                )
        raise EnvironmentFault(f"the books of {account} change faster than they can be added up; ask again")

    async def _catch_up(self, account: str) -> None:
        while True:
            async with self._state.transaction() as work:  # a page at a time: nobody else waits for all of it
                page = await self._page(work, account, limit=_PAGE)
            for row in page:
                self._sums.add(row)
                self._days[account].add(row)
                self._read[account] = row.sequence
            if len(page) < _PAGE:
                return

    async def _page(self, work: UnitOfWork, account: str, *, limit: int) -> list[JournalRow]:
        return await work.books.journal(account=account, after=self._read.get(account, 0), limit=limit)


@exact
def _sum(item: Earned) -> Decimal:
    return item.realised + item.fees + item.funding + item.other
