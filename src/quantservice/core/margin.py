"""Margin and liquidation of futures positions: brackets, initial and maintenance margin, isolated liquidation price.

Formulas are Binance's ("Leverage and margin of USDⓈ-M futures", "How to calculate liquidation price of USDⓈ-M futures
contracts", "… of COIN-M futures contracts"). Notionals are in quote for linear and in base (coin) for inverse contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.fees import notional
from quantservice.core.money import ONE, ZERO, check_positive, exact, sign


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """One tier: positions with ``floor <= notional < cap``. ``cum`` is the maintenance amount that keeps the tiers continuous."""

    floor: Decimal
    cap: Decimal
    maintenance_rate: Decimal
    max_leverage: Decimal
    cum: Decimal


class BracketTable(msgspec.Struct, frozen=True):
    """The tiers of one instrument, lowest first."""

    brackets: tuple[Bracket, ...]

    def __post_init__(self) -> None:
        if not self.brackets:
            raise InvalidValue("brackets", "a table has at least one tier")
        if self.brackets[0].floor != 0:
            raise InvalidValue("brackets", "the lowest tier must begin at zero")
        for low, high in zip(self.brackets, self.brackets[1:], strict=False):
            if low.cap != high.floor or high.floor >= high.cap:
                raise InvalidValue("brackets", f"the tier from {high.floor} does not follow on the one up to {low.cap}")

    def bracket(self, value: Decimal) -> Bracket:
        """Return the tier of a notional value; above the highest cap, the highest."""
        for item in self.brackets:
            if value < item.cap:
                return item
        return self.brackets[-1]

    @exact
    def maintenance_margin(self, value: Decimal) -> Decimal:
        """Return ``value * rate - cum`` of the tier of ``value``."""
        tier = self.bracket(value)
        return value * tier.maintenance_rate - tier.cum

    def max_leverage(self, value: Decimal) -> Decimal:
        """Return the highest leverage allowed for a notional value."""
        return self.bracket(value).max_leverage


#: Margin of futures whose tiers are not known: one tier of 1 % maintenance, more than venues ask of small positions in majors.
UNKNOWN_TIERS: Final = BracketTable(
    (Bracket(floor=ZERO, cap=Decimal("1e30"), maintenance_rate=Decimal("0.01"), max_leverage=Decimal(1_000), cum=ZERO),)
)


@exact
def maintenance_amounts(tiers: Sequence[tuple[Decimal, Decimal]]) -> list[Decimal]:
    """Return each tier's maintenance amount from its (floor, rate).

    Binance: amount of tier n = floor of n x (rate of n - rate of n-1) + amount of tier n-1, which makes the margin continuous at
    each floor.
    """
    amounts: list[Decimal] = []
    for position, (floor, rate) in enumerate(tiers):
        if position == 0:
            amounts.append(ZERO)
        else:
            amounts.append(floor * (rate - tiers[position - 1][1]) + amounts[-1])
    return amounts


@exact
def initial_margin(
    price: Decimal, quantity: Decimal, leverage: Decimal, *, contract_size: Decimal = ONE, inverse: bool = False
) -> Decimal:
    """Return ``notional / leverage``."""
    check_positive("leverage", leverage)
    return notional(price, quantity, contract_size=contract_size, inverse=inverse) / leverage


@exact
def maintenance_margin(
    price: Decimal, quantity: Decimal, table: BracketTable, *, contract_size: Decimal = ONE, inverse: bool = False
) -> Decimal:
    """Return the maintenance margin of a position marked at ``price``."""
    return table.maintenance_margin(notional(price, quantity, contract_size=contract_size, inverse=inverse))


@exact
def liquidation_price(
    entry_price: Decimal,
    quantity: Decimal,
    wallet: Decimal,
    table: BracketTable,
    *,
    contract_size: Decimal = ONE,
    inverse: bool = False,
) -> Decimal | None:
    """Return the mark price at which an isolated one-way position of signed ``quantity`` is liquidated; None: no price does it.

    ``wallet`` is the margin set aside for the position, in the settlement currency. With ``d`` the direction (1 long, -1 short),
    ``s = |q| * size``, ``mmr`` and ``cum`` of the tier that the position is in at the liquidation price itself:

    - linear: ``LP = (wallet + cum - d * s * entry) / (s * (mmr - d))``
    - inverse: ``LP = s * (mmr + d) / (wallet + cum + d * s / entry)``

    Both solve ``wallet + unrealised(LP) = maintenance margin(LP)``.
    """
    if quantity == 0:
        return None
    check_positive("entry_price", entry_price)
    direction, size = sign(quantity), abs(quantity) * contract_size
    for tier in table.brackets:
        price = _tier_price(entry_price, direction, size, wallet, tier, inverse=inverse)
        if price is None or price <= 0:
            continue
        value = size / price if inverse else size * price
        last = tier is table.brackets[-1]
        if tier.floor <= value and (value < tier.cap or last):
            return price
    return None


def _tier_price(entry: Decimal, direction: int, size: Decimal, wallet: Decimal, tier: Bracket, *, inverse: bool) -> Decimal | None:
    rate = tier.maintenance_rate
    if inverse:
        denominator = wallet + tier.cum + direction * size / entry
        return size * (rate + direction) / denominator if denominator != 0 else None
    denominator = size * (rate - direction)
    return (wallet + tier.cum - direction * size * entry) / denominator if denominator != ZERO else None
