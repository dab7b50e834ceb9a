"""Whether an order as a person asks for it fits its account and its instrument: said before anything is durable or sent.

Strategies' orders are put on the instrument's steps by sizing. What a person types is taken as it stands or refused: an order of
another size than was asked for is another order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument
from quantservice.core.money import exact
from quantservice.core.signals import OrderType, TimeInForce
from quantservice.ports import TradingAccount

_LIMITS: Final = ("limit", "stop_limit")
_STOPS: Final = ("stop", "stop_limit", "take_profit")


def check_steps(
    rules: Instrument, *, quantity: Decimal | None = None, limit_price: Decimal | None = None, stop_price: Decimal | None = None
) -> None:
    """Raise InvalidValue for an amount that is not on the instrument's steps, with the step and the amount."""
    if quantity is not None and quantity < rules.lot_size:
        raise InvalidValue("quantity", f"{plain(quantity)} is less than one lot of {rules.id}, {plain(rules.lot_size)}")
    if quantity is not None and rules.round_quantity(quantity) != quantity:
        raise InvalidValue("quantity", f"{plain(quantity)} is no multiple of the lot of {rules.id}, {plain(rules.lot_size)}")
    if quantity is not None and quantity < rules.min_quantity:
        raise InvalidValue("quantity", f"{plain(quantity)} is less than the least of {rules.id}, {plain(rules.min_quantity)}")
    for name, price in (("limit_price", limit_price), ("stop_price", stop_price)):
        if price is not None and rules.round_price(price) != price:
            raise InvalidValue(name, f"{plain(price)} is no multiple of the tick of {rules.id}, {plain(rules.tick_size)}")


def check_prices(type: OrderType, limit_price: Decimal | None, stop_price: Decimal | None) -> None:  # noqa: A002 - the field's word
    """Raise InvalidValue for a price that an order of this type would leave out: whoever gives it expects it to hold."""
    for name, price, taken_by in (("limit_price", limit_price, _LIMITS), ("stop_price", stop_price, _STOPS)):
        if price is not None and type not in taken_by:
            raise InvalidValue(name, f"a {type} order has none ({plain(price)} was given); it is for {', '.join(taken_by)}")


def check_resting(*, post_only: bool, time_in_force: TimeInForce) -> None:
    """Raise InvalidValue for an order that may only rest and may not rest."""
    if post_only and time_in_force in ("IOC", "FOK"):
        raise InvalidValue("post_only", f"an order that is {time_in_force} never rests, and a post-only one may do nothing else")


def check_account(account: TradingAccount, rules: Instrument) -> None:
    """Raise InvalidValue for an instrument that the account cannot trade."""
    if (rules.id.venue, rules.id.market) != (account.venue, account.market):
        raise InvalidValue("symbol", f"account {account.name} trades {account.venue} {account.market}, and {rules.id} is not of it")


@exact
def out_of_reach(rules: Instrument, quantity: Decimal, price: Decimal | None, *, reduce_only: bool) -> tuple[str, str] | None:
    """Return field and sentence where the venue would not take an order as its market is now; None where it may.

    What only reduces passes: venues take it below their least value, and some in a market that opens no positions any more.
    """
    if reduce_only:
        return None
    if rules.status != "trading":
        return "symbol", f"{rules.id} is not trading now, it is {rules.status}"
    if price and (value := rules.notional(price, quantity)) < rules.min_notional:
        least = f"the least that {rules.id} takes, {plain(rules.min_notional)}"
        return "quantity", f"{plain(quantity)} at {plain(price)} is worth {plain(value)}, less than {least}"
    return None


def plain(amount: Decimal) -> str:
    """Return an amount without an exponent and without zeros at its end."""
    return f"{amount.normalize():f}"
