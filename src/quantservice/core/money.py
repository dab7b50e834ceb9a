"""Exact arithmetic of money: one decimal context for all of it, and rounding by name.

Every computation here and in the modules built on it runs in a context of its own (50 digits), so that no result depends on
what some other code set as the thread's decimal context. Division is the only operation that can be inexact; its 50 digits
are far below any tick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from quantservice.core.errors import InvalidNumber, InvalidValue

P = ParamSpec("P")
T = TypeVar("T")

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
PRECISION: Final = 50
#: How a person writes an amount: plain digits, of a size that any venue's money has.
AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,18})?")
POSITIVE: Final = "a positive number"
NOT_NEGATIVE: Final = "a number of zero or more"
_DIGITS: Final = "in plain digits, at most 15 before the point and 18 behind it"


class Rounding(StrEnum):
    """How to round, said by what it does."""

    NEAREST_EVEN = ROUND_HALF_EVEN  # to the nearest, ties to the even one: no drift over many roundings
    NEAREST_UP = ROUND_HALF_UP  # to the nearest, ties away from zero: how venues print figures
    TOWARD_ZERO = ROUND_DOWN  # quantities: never more exposure than asked
    AWAY_FROM_ZERO = ROUND_UP  # fees and margins that we set aside: never too little
    DOWN = ROUND_FLOOR  # a buyer's price
    UP = ROUND_CEILING  # a seller's price


def money_context() -> Context:
    """Return a fresh context: 50 digits, half-even, errors instead of NaN and infinity."""
    return Context(prec=PRECISION, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])


#: Copied by each use.
_MONEY: Final = money_context()


def exact(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function in the money context, whatever the thread's context is."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(_MONEY):
            return function(*args, **kwargs)

    return inside


def round_to_step(value: Decimal, step: Decimal, rounding: Rounding | str = Rounding.NEAREST_EVEN) -> Decimal:
    """Round to a multiple of ``step``; a step of zero or less leaves the value as it is."""
    if step <= 0:
        return value
    with localcontext(money_context()) as context:
        # The division rounds the same way, so that a value with more digits than the context never crosses its multiple.
        context.rounding = str(rounding)
        return (value / step).to_integral_value() * step


@exact
def round_to_digits(value: Decimal, digits: int, rounding: Rounding | str = Rounding.NEAREST_EVEN) -> Decimal:
    """Round to so many decimals (negative: to tens, hundreds …)."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=str(rounding))


def check_finite(field: str, value: Decimal) -> Decimal:
    """Return ``value`` unless it is NaN or infinite."""
    if not value.is_finite():
        raise InvalidValue(field, f"{value} is not a finite number")
    return value


def check_positive(field: str, value: Decimal) -> Decimal:
    """Return ``value`` if it is finite and greater than zero."""
    if check_finite(field, value) <= 0:
        raise InvalidValue(field, f"{value} must be greater than zero")
    return value


def sign(value: Decimal) -> int:
    """Return -1, 0 or 1."""
    return (value > 0) - (value < 0)


def amount_of(field: str, text: str, *, zero: bool = False) -> Decimal:
    """Return an amount as a person writes it; ``zero``: none is one too. InvalidNumber says in a sentence what it must be."""
    wanted = NOT_NEGATIVE if zero else POSITIVE
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise InvalidNumber(field, wanted, text) from None
    if not amount.is_finite() or amount < 0 or (not amount and not zero):
        raise InvalidNumber(field, wanted, text)
    if AMOUNT.fullmatch(text.strip()) is None:
        raise InvalidNumber(field, f"{wanted} {_DIGITS}", text)
    return amount
