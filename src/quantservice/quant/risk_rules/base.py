"""What a rule is given and what it answers.

Everything in flight counts as if it were filled at its worst: the view's exposures already include open and unknown orders, and the
``after_…`` figures the order that is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.money import ZERO
from quantservice.core.positions import PositionSide

_AMOUNT_DIGITS: Final = 8
_SHARE_DIGITS: Final = 2
_MOST_DIGITS: Final = 30  # a quotient has 28


class Breach(msgspec.Struct, frozen=True):
    """A rule's no: its limit, the value that broke it, and a sentence for people."""

    limit: str
    value: str
    sentence: str


class RiskView(msgspec.Struct, kw_only=True):
    """An order in its surroundings. Money is in the account's reporting currency; shares are fractions of equity.

    ``reduces``: the order can only make the exposure smaller, also at its worst; rules that bound exposure let it pass.
    ``closes``: it only makes its deployment's part smaller, which rules of the deployment let pass; where others hold the
    opposite, the account's exposure may grow by it.
    ``reference_price`` is the mark, or the last price; 0 where none is known.
    """

    terms: OrderTerms
    venue: str
    market: str
    deployment: str = ""
    now_ns: int = 0
    reduces: bool = False
    closes: bool = False
    reference_price: Decimal = ZERO
    order_price: Decimal = ZERO  # the limit or stop price, else the reference
    order_value: Decimal = ZERO
    equity: Decimal = ZERO
    peak_equity: Decimal = ZERO
    day_start_equity: Decimal = ZERO
    free_margin: Decimal = ZERO
    margin_ratio: Decimal = ZERO  # maintenance margin over margin balance; 1 is liquidation
    position_value: Decimal = ZERO  # of this instrument now, worst case, absolute
    after_position_value: Decimal = ZERO
    after_gross_exposure: Decimal = ZERO
    after_largest_exposure: Decimal = ZERO  # of the instrument that will be the largest
    deployment_position_value: Decimal = ZERO  # after the order, of this deployment alone
    open_orders: int = 0  # of the account on this instrument, this one not counted
    order_times_ns: Sequence[int] = ()  # of the account's recent orders, oldest first
    deployment_order_times_ns: Sequence[int] = ()  # of the deployment's among them
    deployment_orders_today: int = 0
    rejects_in_row: int = 0
    losses_in_row: int = 0
    last_loss_ns: int = 0
    sides_lately: Sequence[tuple[int, str]] = ()  # (time, side) of this instrument's recent orders, oldest first
    data_age_ms: int = 0
    data_faults: Sequence[str] = ()  # why the instrument's data is not to be trusted now: gap, stale, synthetic
    leverage: Decimal = ZERO
    quota_position: Decimal = ZERO  # 0: none set
    quota_orders_per_day: int = 0


class RiskRule(msgspec.Struct, frozen=True, kw_only=True):
    """A question asked of every order before it is sent. Parameters are fields; ``name`` is the rule's code in a denial."""

    name: ClassVar[str] = ""
    doc: ClassVar[str] = ""

    def check(self, view: RiskView) -> Breach | None:
        """Return why the order may not be sent, or None."""
        raise TypeError(f"{type(self).__name__} asks nothing")


class WatchedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """An open position as position rules see it: ``best_price`` is the most favourable mark since it was opened."""

    account: str
    instrument: InstrumentId
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    best_price: Decimal
    opened_ns: int = 0
    margin_ratio: Decimal = ZERO


class Exit(msgspec.Struct, frozen=True):
    """A position rule's order to get out: of ``share`` of the position, for a reason."""

    share: Decimal
    limit: str
    value: str
    sentence: str


class PositionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A question asked of every open position whenever its price moves."""

    name: ClassVar[str] = ""
    doc: ClassVar[str] = ""

    def watch(self, position: WatchedPosition) -> Exit | None:
        """Return how much to get out of and why, or None."""
        raise TypeError(f"{type(self).__name__} watches nothing")


def without_equity(limit: str) -> Breach:
    """Say that there is nothing an order could be measured against: its share of nothing is no figure."""
    return Breach(limit, "no equity", "the account has no equity that the order could be measured against")


def percent(share: Decimal) -> str:
    """Write a share for a sentence, with at most two decimals."""
    return f"{_written(share * 100, _SHARE_DIGITS)} %"


def percents(limit: Decimal, value: Decimal) -> tuple[str, str]:
    """Write a limit and the value that broke it, both shares: with as many decimals as they need to differ, two at least."""
    shown = _apart(limit * 100, value * 100, _SHARE_DIGITS)
    return f"{shown[0]} %", f"{shown[1]} %"


def plain(value: Decimal) -> str:
    """Write an amount for a sentence: without exponent, at most eight decimals."""
    return _written(value, _AMOUNT_DIGITS)


def plains(limit: Decimal, value: Decimal, *, digits: int = _AMOUNT_DIGITS) -> tuple[str, str]:
    """Write a limit and the value that broke it: with as many decimals as they need to differ, ``digits`` at least."""
    return _apart(limit, value, digits)


def _apart(limit: Decimal, value: Decimal, digits: int) -> tuple[str, str]:
    """Write two numbers so that the reader sees which is the larger: rounded alike, 10.0004 would be no more than 10."""
    shown = _written(limit, digits), _written(value, digits)
    for more in range(digits + 1, _MOST_DIGITS + 1):
        if shown[0] != shown[1] or limit == value:
            break
        shown = _written(limit, more), _written(value, more)
    return shown


def _written(value: Decimal, digits: int) -> str:
    """Write a number without exponent, with at most so many decimals and no zeros at the end."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
