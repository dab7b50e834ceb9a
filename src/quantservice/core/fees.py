"""What a trade costs, and what a position pays for being open.

Quantities are in base units for spot and linear contracts and in contracts (of ``contract_size`` quote units each) for inverse
ones, as in :class:`~quantservice.core.instruments.Instrument`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.money import ONE, ZERO, Rounding, check_finite, check_positive, exact, round_to_step


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """An account's fee tier on one market. ``discount`` is the share taken off (0.25: pay three quarters).

    A negative maker rate is a rebate; the discount does not apply to it.
    """

    maker: Decimal
    taker: Decimal
    discount: Decimal = ZERO

    def __post_init__(self) -> None:
        check_finite("maker", self.maker)
        check_finite("taker", self.taker)
        if not ZERO <= self.discount < ONE:
            raise InvalidValue("discount", f"{self.discount} must be a share from 0 up to, not including, 1")

    @exact
    def rate(self, *, maker: bool) -> Decimal:
        """Return the rate after the discount."""
        rate = self.maker if maker else self.taker
        return rate * (ONE - self.discount) if rate > 0 else rate


@exact
def notional(price: Decimal, quantity: Decimal, *, contract_size: Decimal = ONE, inverse: bool = False) -> Decimal:
    """Return the value of ``quantity`` at ``price``, without sign: in quote for linear, in base for inverse contracts.

    Linear: ``|q| * size * price``. Inverse: ``|q| * size / price`` (Binance, "Coin-M Futures contract specifications":
    notional in coin = contracts x multiplier / price).
    """
    check_positive("price", price)
    size = abs(quantity) * contract_size
    return size / price if inverse else size * price


@exact
def trade_fee(
    price: Decimal,
    quantity: Decimal,
    rate: Decimal,
    *,
    contract_size: Decimal = ONE,
    inverse: bool = False,
    step: Decimal = ZERO,
) -> Decimal:
    """Return the fee of one fill: ``notional * rate``, in quote (linear) or base (inverse); negative for a rebate.

    Binance, "How to calculate futures trading fees": fee = notional value x fee rate; its example: 1 BTC at 10,104 USDT as a
    taker at 0.04 % pays 4.0416 USDT. ``step`` rounds a cost up and a rebate down in our disfavour, 0 leaves it exact.
    """
    fee = notional(price, quantity, contract_size=contract_size, inverse=inverse) * rate
    return round_to_step(fee, step, Rounding.UP)


@exact
def worth_of_fees(paid: Mapping[str, Decimal], currency: str, rates: Mapping[tuple[str, str], Decimal]) -> Decimal:
    """Return what fees that were paid in other currencies are worth in ``currency``; one without a rate counts once it has one.

    ``rates`` are prices by base and quote. Fees in ``currency`` itself are in its wallet already.
    """
    known = ((amount, rates.get((name, currency))) for name, amount in paid.items() if name != currency)
    return sum((amount * rate for amount, rate in known if rate is not None), ZERO)


@exact
def funding_payment(
    mark_price: Decimal, quantity: Decimal, rate: Decimal, *, contract_size: Decimal = ONE, inverse: bool = False
) -> Decimal:
    """Return what a position of signed ``quantity`` receives at a funding settlement; negative: it pays.

    Binance, "Introduction to Binance futures funding rates": funding amount = notional value of the position (at mark price)
    x funding rate; with a positive rate longs pay shorts.
    """
    value = notional(mark_price, quantity, contract_size=contract_size, inverse=inverse)
    return -value * rate if quantity > 0 else value * rate
