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
        raise _off("quantity", quantity, "less than one lot", rules, rules.lot_size, code="below_lot")
    if quantity is not None and rules.round_quantity(quantity) != quantity:
        raise _off("quantity", quantity, "no multiple of the lot", rules, rules.lot_size, code="off_lot")
    if quantity is not None and quantity < rules.min_quantity:
        raise _off("quantity", quantity, "less than the least", rules, rules.min_quantity, code="below_least")
    for name, price in (("limit_price", limit_price), ("stop_price", stop_price)):
        if price is not None and rules.round_price(price) != price:
            raise _off(name, price, "no multiple of the tick", rules, rules.tick_size, code="off_tick")


def _off(field: str, given: Decimal, what: str, rules: Instrument, step: Decimal, *, code: str) -> InvalidValue:
    values = {"given": plain(given), "instrument": str(rules.id), "step": plain(step)}
    return InvalidValue(field, f"{values['given']} is {what} of {rules.id}, {values['step']}", code=code, **values)


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
        said = f"account {account.name} trades {account.venue} {account.market}, and {rules.id} is not of it"
        market = f"{account.venue} {account.market}"
        raise InvalidValue("symbol", said, code="other_market", account=account.name, market=market, instrument=str(rules.id))


@exact
def out_of_reach(rules: Instrument, quantity: Decimal, price: Decimal | None, *, reduce_only: bool) -> InvalidValue | None:
    """Return what is wrong where the venue would not take an order as its market is now; None where it may.

    What only reduces passes: venues take it below their least value, and some in a market that opens no positions any more.
    """
    if reduce_only:
        return None
    if rules.status != "trading":
        values = {"instrument": str(rules.id), "status": rules.status}
        return InvalidValue("symbol", f"{rules.id} is not trading now, it is {rules.status}", code="not_trading", **values)
    if price and (value := rules.notional(price, quantity)) < rules.min_notional:
        values = {"given": plain(quantity), "price": plain(price), "value": plain(value), "least": plain(rules.min_notional)}
        said = f"{values['given']} at {values['price']} is worth {values['value']}, less than the least that {rules.id} takes"
        return InvalidValue("quantity", f"{said}, {values['least']}", code="below_notional", instrument=str(rules.id), **values)
    return None


def plain(amount: Decimal) -> str:
    """Return an amount without an exponent and without zeros at its end."""
    return f"{amount.normalize():f}"
