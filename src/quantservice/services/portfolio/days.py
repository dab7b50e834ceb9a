"""Daily statements: what an account began a UTC day with, what moved by reason, what it ended with, and what its venue said.

The moves are summed from the counter accounts of the journal, the closing from its wallet, and both again from the balances that
are kept beside it. So the equation ``closing = opening + moves`` is checked and not made true, however old the entries are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from quantservice.core.ledger import FEE, PAID_IN, WALLET
from quantservice.core.money import ZERO, exact
from quantservice.core.periods import DAY_MS
from quantservice.ports import DayComparison, JournalRow, PositionGap

#: Counter account -> the column of a statement; whatever else there is goes to ``other``.
_COLUMNS: Final = {
    **dict.fromkeys(PAID_IN, "paid_in"),
    "market": "exchanged",
    "realised": "realised",
    FEE: "fees",
    "funding": "funding",
}
_OTHER: Final = "other"
_Balances: TypeAlias = dict[tuple[str, str], Decimal]  # ledger account, currency


class DayStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One account, UTC day and currency. Fees paid are negative; ``exchanged`` is what spot trades moved.

    ``compared_ms`` is the day's last comparison with the venue, which said ``venue``; ``unexplained`` is that minus the books then.
    All three are None where the day was not compared. ``differed_ms``: when they last differed on that day, 0 where never.
    """

    account: str
    day_ms: int
    currency: str
    opening: Decimal
    closing: Decimal
    paid_in: Decimal = ZERO
    exchanged: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    other: Decimal = ZERO
    compared_ms: int | None = None
    venue: Decimal | None = None
    unexplained: Decimal | None = None
    differed_ms: int = 0
    positions: tuple[PositionGap, ...] = ()

    @property
    def unbalanced(self) -> Decimal:
        """``closing`` minus ``opening`` and the moves: zero, or an entry of the journal does not add up."""
        return _unbalanced(self)


class BooksDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A balance that is kept as another figure than its entries add up to."""

    ledger_account: str
    currency: str
    kept: Decimal
    summed: Decimal


class AccountStatements(msgspec.Struct, frozen=True, kw_only=True):
    """Statements, newest day first, of ``entries`` entries of the journal; ``differences`` are balances that do not add up."""

    account: str
    entries: int
    rows: tuple[DayStatement, ...]
    differences: tuple[BooksDifference, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether the books add up, on every day shown and in every balance, and the venue's last word was the same."""
        last = next((row.compared_ms for row in self.rows if row.compared_ms is not None), None)
        newest = [row for row in self.rows if last is not None and row.compared_ms == last]
        explained = not any(row.unexplained or row.positions for row in newest)
        return explained and not self.differences and not any(row.unbalanced for row in self.rows)


class DaySums:
    """The journal of one account, summed per UTC day, ledger account and currency; an entry is added once."""

    def __init__(self) -> None:
        self.entries = 0
        self._days: dict[int, _Balances] = defaultdict(lambda: defaultdict(Decimal))

    @exact
    def add(self, row: JournalRow) -> None:
        """Add an entry."""
        self.entries += 1
        day = self._days[row.entry.time - row.entry.time % DAY_MS]
        for posting in row.entry.postings:
            day[posting.account, posting.currency] += posting.amount

    @exact
    def balances(self) -> _Balances:
        """Return the sums of all days."""
        sums: _Balances = defaultdict(Decimal)
        for day in self._days.values():
            for key, amount in day.items():
                sums[key] += amount
        return sums

    def differences(self, kept: Mapping[tuple[str, str], Decimal]) -> tuple[BooksDifference, ...]:
        """Return where the balances that are kept are not what the entries add up to."""
        summed = self.balances()
        return tuple(
            BooksDifference(ledger_account=key[0], currency=key[1], kept=kept.get(key, ZERO), summed=summed.get(key, ZERO))
            for key in sorted({*kept, *summed})
            if kept.get(key, ZERO) != summed.get(key, ZERO)
        )

    @exact
    def statements(self, account: str, comparisons: Iterable[DayComparison], *, start_ms: int) -> tuple[DayStatement, ...]:
        """Return a row per day with entries or a comparison, from the day that begins at ``start_ms``, and per currency."""
        compared = {item.time_ms - item.time_ms % DAY_MS: item for item in comparisons}
        wallet: dict[str, Decimal] = {}
        rows: list[DayStatement] = []
        for day_ms in sorted({*self._days, *compared}):
            moved = self._days.get(day_ms, {})
            opening = dict(wallet)
            for (name, currency), amount in moved.items():
                if name == WALLET:
                    wallet[currency] = wallet.get(currency, ZERO) + amount
            if day_ms >= start_ms:
                rows += _rows(account, day_ms, moved, opening, wallet, compared.get(day_ms))
        return tuple(sorted(rows, key=lambda row: (-row.day_ms, row.currency)))


def _rows(
    account: str,
    day_ms: int,
    moved: Mapping[tuple[str, str], Decimal],
    opening: Mapping[str, Decimal],
    closing: Mapping[str, Decimal],
    compared: DayComparison | None,
) -> list[DayStatement]:
    currencies = {name for _, name in moved} | {name for name, amount in closing.items() if amount}
    if compared is not None:
        currencies |= {*compared.booked, *compared.venue}
    made: list[DayStatement] = []
    for currency in sorted(currencies):
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for (name, of), amount in moved.items():
            if of == currency and name != WALLET:
                sums[_COLUMNS.get(name, _OTHER)] -= amount
        told = None if compared is None else compared.venue.get(currency, ZERO)
        made.append(
            DayStatement(
                account=account,
                day_ms=day_ms,
                currency=currency,
                opening=opening.get(currency, ZERO),
                closing=closing.get(currency, ZERO),
                compared_ms=None if compared is None else compared.time_ms,
                venue=told,
                unexplained=None if compared is None or told is None else told - compared.booked.get(currency, ZERO),
                differed_ms=0 if compared is None else compared.differed_ms,
                positions=() if compared is None else compared.positions,
                **sums,
            )
        )
    return made


@exact
def _unbalanced(row: DayStatement) -> Decimal:
    moves = row.paid_in + row.exchanged + row.realised + row.fees + row.funding + row.other
    return row.closing - row.opening - moves
