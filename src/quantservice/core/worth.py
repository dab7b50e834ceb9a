"""What an account is worth in the currency that it is reported in: its money, and what is open at the last prices. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Position, equity_of

_ONE: Final = Decimal(1)
#: What one unit of a currency is worth in the reporting currency; None where that is not known.
RateOf: TypeAlias = Callable[[str], Decimal | None]
_RulesOf: TypeAlias = Callable[[InstrumentId], Instrument | None]


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """``equity`` and what of it was ``paid_in``. ``unknown`` are currencies that are held and have no rate: they are left out."""

    equity: Decimal
    paid_in: Decimal
    unknown: tuple[str, ...] = ()


class Collateral:
    """The currencies that count as an account's money: what it is reported in, and on futures what contracts settle in.

    Coins of a spot market are positions, and count by their own prices.
    """

    def __init__(self, venue: str, market: str, currency: str) -> None:
        self._venue, self._market, self._currency = venue, market, currency
        self._seen = 0
        self._known = frozenset({currency})

    def of(self, book: InstrumentBook) -> frozenset[str]:
        """Return them by the instruments that are known."""
        if self._market != "spot" and len(book) != self._seen:
            listed = (item for item in book if (item.id.venue, item.id.market) == (self._venue, self._market))
            self._known, self._seen = frozenset({self._currency, *(item.settle for item in listed)}), len(book)
        return self._known


@exact
def worth_of(
    wallet: Mapping[str, Decimal],
    paid_in: Mapping[str, Decimal],
    held: Iterable[Position],
    prices: Mapping[InstrumentId, Decimal],
    *,
    collateral: Collection[str],
    rules_of: _RulesOf,
    rate_of: RateOf,
) -> Worth:
    """Value ``wallet`` (per currency; ``paid_in`` of it) and positions; a position without a price counts not at all."""
    equity, paid, unknown = ZERO, ZERO, set[str]()
    for currency in sorted({*wallet, *paid_in} & set(collateral)):
        rate = rate_of(currency)
        if rate is None:
            unknown.add(currency)
            continue
        equity += wallet.get(currency, ZERO) * rate
        paid += paid_in.get(currency, ZERO) * rate
    for position in held:
        rules = rules_of(position.instrument)
        currency = "" if rules is None else rules.quote if position.instrument.market == "spot" else rules.settle
        rate = rate_of(currency) if currency else _ONE
        open_value = equity_of(ZERO, (position,), prices)
        if rate is None and open_value:
            unknown.add(currency)
        equity += ZERO if rate is None else open_value * rate
    return Worth(equity=equity, paid_in=paid, unknown=tuple(sorted(unknown)))
