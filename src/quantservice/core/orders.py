"""Orders: one transition table, and the fold of what happened into what is known.

No state that ends an order is reached without the venue's evidence (or, for ``not_sent``, the proof that it never got there). A
timeout is no evidence: it makes the order ``unknown``, and its exposure stays reserved until it is found or proven absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from quantservice.core.errors import IntegrityError
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.intents import Intent, OrderTerms, Purpose
from quantservice.core.money import ZERO, check_finite, check_positive, exact
from quantservice.core.positions import Fill, PositionSide


class OrderState(StrEnum):
    """Where an order stands. ``approved``: durable, not sent yet; ``submitting``: the bytes may have left."""

    APPROVED = "approved"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"


class Change(StrEnum):
    """What can happen to an order."""

    SUBMIT = "submit"  # we are about to send
    DISCARD = "discard"  # we decide not to send: expired approval, halted, denied locally
    REFUSE = "refuse"  # the venue answered no
    LOSE = "lose"  # no answer, or one that says nothing
    ACCEPT = "accept"  # the venue has it: an answer, a push or a query says so
    FILL = "fill"  # filled in part; it goes on
    COMPLETE = "complete"  # filled whole
    CANCEL = "cancel"  # the venue ended it unfilled or partly filled
    EXPIRE = "expire"  # the venue let it lapse (IOC, FOK, GTD, post-only)
    ABSENT = "absent"  # proven: the venue never got it


FINAL: Final = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.NOT_SENT})
#: States in which the venue may hold the order or get it yet: its exposure counts.
IN_FLIGHT: Final = frozenset({OrderState.APPROVED, OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.OPEN})

_S, _C = OrderState, Change
_VENUE_SAYS: Final = {
    _C.ACCEPT: _S.OPEN,
    _C.FILL: _S.OPEN,
    _C.COMPLETE: _S.FILLED,
    _C.CANCEL: _S.CANCELLED,
    _C.EXPIRE: _S.EXPIRED,
    _C.REFUSE: _S.REJECTED,
}
#: (state, change) -> state. What is not here cannot happen and is an IntegrityError. What arrives late never turns an end back:
#: the same state stands there again. Only ``not_sent`` gives way to the venue's word, because it rests on absence.
TRANSITIONS: Final[Mapping[tuple[OrderState, Change], OrderState]] = MappingProxyType(
    {
        (_S.APPROVED, _C.SUBMIT): _S.SUBMITTING,
        (_S.APPROVED, _C.DISCARD): _S.NOT_SENT,
        **{(_S.SUBMITTING, change): state for change, state in _VENUE_SAYS.items()},
        (_S.SUBMITTING, _C.LOSE): _S.UNKNOWN,
        (_S.SUBMITTING, _C.DISCARD): _S.NOT_SENT,  # no byte was written: the connection was refused before
        **{(_S.UNKNOWN, change): state for change, state in _VENUE_SAYS.items()},
        (_S.UNKNOWN, _C.LOSE): _S.UNKNOWN,
        (_S.UNKNOWN, _C.ABSENT): _S.NOT_SENT,
        **{(_S.OPEN, change): state for change, state in _VENUE_SAYS.items() if change is not _C.REFUSE},
        (_S.OPEN, _C.LOSE): _S.OPEN,  # a lost answer to a cancel or an amend: it was open and may be
        **{
            (ended, change): ended
            for ended in (_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED)
            for change in (*_VENUE_SAYS, _C.LOSE)
        },
        (_S.CANCELLED, _C.COMPLETE): _S.FILLED,  # the last fill overtook the cancel and arrives after it
        (_S.EXPIRED, _C.COMPLETE): _S.FILLED,
        **{(_S.NOT_SENT, change): state for change, state in _VENUE_SAYS.items()},
        (_S.NOT_SENT, _C.ABSENT): _S.NOT_SENT,
        (_S.NOT_SENT, _C.LOSE): _S.NOT_SENT,
    }
)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a change is true: where it was read, the venue's reference (order id, code, request id), when."""

    source: str  # answer | push | query | open_orders | fills | absence | local
    reference: str = ""
    time_ns: int = 0
    detail: str = ""


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an order. ``filled`` is the venue's cumulative quantity where it says one."""

    change: Change
    evidence: Evidence | None = None
    venue_order_id: str = ""
    filled: Decimal | None = None
    reason: str = ""
    time_ns: int = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as known now. ``external``: not ours by origin, adopted from the venue.

    ``filled`` and ``cost`` (sum of price times quantity) come from fills alone; ``reported`` is the venue's cumulative quantity:
    where it is larger, fills are still missing.
    """

    order_id: str  # the client id
    intent_id: str
    terms: OrderTerms
    state: OrderState = OrderState.APPROVED
    purpose: Purpose = "signal"
    deployment: str = ""
    tag: str = ""
    parent: str = ""
    venue_order_id: str = ""
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    reported: Decimal = ZERO
    cancel_asked: bool = False
    external: bool = False
    evidence: Evidence | None = None
    reason: str = ""
    created_ns: int = 0
    sent_ns: int = 0
    deadline_ns: int = 0  # after this instant the venue no longer takes the request (0: it names none)
    updated_ns: int = 0
    correlation_id: str = ""
    revived: bool = False  # was taken for absent and turned up: an alarm

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL

    @property
    def remaining(self) -> Decimal:
        """What may still be filled; 0 once it has ended."""
        return ZERO if self.final else max(ZERO, self.terms.quantity - max(self.filled, self.reported))

    @property
    def average_price(self) -> Decimal | None:
        """Average price of what is filled."""
        return _average(self)

    @property
    def fills_missing(self) -> bool:
        """Whether the venue reports more than our fills add up to."""
        return self.reported > self.filled

    def apply(self, event: OrderEvent) -> Order:
        """Return the order after ``event``; IntegrityError where the table has no such change or its evidence is missing."""
        after = TRANSITIONS.get((self.state, event.change))
        if after is None:
            raise IntegrityError(f"order {self.order_id} is {self.state}: {event.change} cannot happen to it")
        if after in FINAL and after is not self.state and event.evidence is None:
            raise IntegrityError(f"order {self.order_id} cannot become {after} without evidence")
        moved = after is not self.state
        return msgspec.structs.replace(
            self,
            state=after,
            venue_order_id=self.venue_order_id or event.venue_order_id,
            reported=max(self.reported, event.filled) if event.filled is not None else self.reported,
            evidence=event.evidence if moved and event.evidence is not None else self.evidence,
            reason=event.reason if moved and event.reason else self.reason,
            sent_ns=event.time_ns if event.change is Change.SUBMIT else self.sent_ns,
            updated_ns=max(self.updated_ns, event.time_ns),
            revived=self.revived or (moved and self.state is OrderState.NOT_SENT),
        )

    @exact
    def add_fill(self, fill: VenueFill) -> Order:
        """Return the order with one more fill, which the caller has never applied before (see the inbox of fills)."""
        if fill.instrument != self.terms.instrument or fill.side != self.terms.side:
            raise IntegrityError(f"fill {fill.trade_id} of {fill.side} {fill.instrument} is not of order {self.order_id}")
        filled = self.filled + fill.quantity
        return msgspec.structs.replace(
            self,
            filled=filled,
            cost=self.cost + fill.price * fill.quantity,
            reported=max(self.reported, filled),
            venue_order_id=self.venue_order_id or fill.venue_order_id,
            updated_ns=max(self.updated_ns, fill.time_ms * 1_000_000),
        )


@exact
def _average(order: Order) -> Decimal | None:
    return order.cost / order.filled if order.filled else None


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as the venue tells it. ``(account, instrument, trade_id)`` is its name: it counts once, however often told.

    ``client_id`` is empty where the venue does not repeat it; ``kind``: trade, liquidation or adl. ``realised`` is the profit that
    the venue itself booked for it, rounded as it rounds (None where it does not say): books follow the venue to the last digit.
    """

    account: str
    instrument: InstrumentId
    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    client_id: str = ""
    venue_order_id: str = ""
    fee: Decimal = ZERO
    fee_currency: str = ""
    maker: bool = False
    realised: Decimal | None = None
    position_side: PositionSide = "both"
    kind: str = "trade"
    time_ms: int = 0

    def __post_init__(self) -> None:
        check_positive("price", self.price)
        check_positive("quantity", self.quantity)
        check_finite("fee", self.fee)

    @property
    def key(self) -> str:
        """The fill's one name."""
        return f"{self.account}|{self.instrument}|{self.trade_id}"

    def as_fill(self) -> Fill:
        """Return it as positions fold it."""
        return Fill(
            fill_id=self.key,
            instrument=self.instrument,
            side=self.side,
            price=self.price,
            quantity=self.quantity,
            fee=self.fee,
            fee_currency=self.fee_currency,
            position_side=self.position_side,
            time=self.time_ms,
        )


def order_of(intent: Intent, *, created_ns: int) -> Order:
    """Return the order of an approved intent, before it is sent."""
    return Order(
        order_id=intent.client_id,
        intent_id=intent.intent_id,
        terms=intent.terms,
        purpose=intent.purpose,
        deployment=intent.deployment,
        tag=intent.tag,
        parent=intent.parent,
        created_ns=created_ns,
        updated_ns=created_ns,
        correlation_id=intent.correlation_id,
    )
