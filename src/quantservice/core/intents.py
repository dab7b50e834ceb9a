"""Intents: sized orders that somebody wants, before they are sent; and what risk control answered.

An intent is durable before the first byte leaves. Its id is a pure function of what caused it, and its order's client id a pure
function of the intent: a redelivered cause is a no-op. ``Approved`` is made in one place only, :mod:`quantservice.services.risk`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.ids import client_order_id, deterministic_id
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.money import check_positive
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType, TimeInForce

#: Why an order is wanted. ``protective``: a stop that rests at the venue; ``flatten``: risk control or a person reduces.
Purpose: TypeAlias = Literal["signal", "order", "protective", "flatten", "manual", "algorithm"]


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue is asked for. Prices and quantities are already on the instrument's steps."""

    account: str
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None  # fraction of the best price since, for trailing_stop
    time_in_force: TimeInForce = "GTC"
    expire_ms: int | None = None  # after this instant the platform cancels the rest; with GTD also a venue that can
    post_only: bool = False
    reduce_only: bool = False
    position_side: PositionSide = "both"

    def __post_init__(self) -> None:
        check_positive("quantity", self.quantity)
        for name, price, needed in (
            ("limit_price", self.limit_price, self.type in ("limit", "stop_limit")),
            ("stop_price", self.stop_price, self.type in ("stop", "stop_limit", "take_profit")),
            ("trail", self.trail, self.type == "trailing_stop"),
        ):
            if price is not None:
                check_positive(name, price)
            elif needed:
                raise InvalidValue(name, f"a {self.type} order needs it")
        if self.post_only and self.type != "limit":
            raise InvalidValue("post_only", f"a {self.type} order cannot be post-only, only a limit order")
        if self.time_in_force == "GTD" and self.expire_ms is None:
            raise InvalidValue("expire_ms", "a GTD order says when it expires")

    def time_at_venue(self, taken: Iterable[str]) -> TimeInForce:
        """Return the time in force that a venue is told which takes these: without GTD it rests until the platform cancels it."""
        return "GTC" if self.time_in_force == "GTD" and "GTD" not in taken else self.time_in_force

    @property
    def signed(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity if self.side == "buy" else -self.quantity


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A sized order that is wanted. ``cause`` is the event, request or schedule it comes from; ``number`` counts within it.

    ``deployment`` is empty for a person's own orders. After ``valid_until_ns`` nothing may be sent for it any more.
    """

    intent_id: str
    terms: OrderTerms
    purpose: Purpose = "signal"
    deployment: str = ""
    strategy: str = ""
    tag: str = ""
    group: str = ""  # one-cancels-the-other: a fill of one order of the group cancels the deployment's others of its instrument
    parent: str = ""  # the intent whose algorithm or protection this is
    amends: str = ""  # the open order that shall get these terms; none is made
    created_ns: int = 0
    valid_until_ns: int = 0
    correlation_id: str = ""
    causation_id: str = ""

    @property
    def client_id(self) -> str:
        """The client id of its order at the venue."""
        return client_order_id(self.terms.account, self.intent_id)


def intent_id(account: str, deployment: str, cause: str, number: int = 0) -> str:
    """Return the id of an intent: the same cause gives the same intent."""
    return deterministic_id("intent", account, deployment, cause, number)


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """Risk control's yes: the only thing that execution sends. Made in :mod:`quantservice.services.risk` alone.

    ``intent`` is what is sent: where the account's own position does not cover a deployment's reduction, it is a plain order.
    """

    intent: Intent
    approved_ns: int
    rules: tuple[str, ...] = ()  # those that looked at it
    reserved: Decimal = Decimal(0)  # worst-case notional that stays reserved until the order ends
    reduces: bool = False  # it can only make its position smaller: it goes out while only reducing orders do
    closes: bool = False  # it only makes its deployment's part smaller: it goes out while only that deployment reduces


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """Risk control's no: the rule, its limit and the value that broke it, and a sentence for people."""

    intent: Intent
    rule: str
    limit: str
    value: str
    sentence: str
    denied_ns: int = 0
    shadow: bool = False  # a rule on trial: told, not enforced
