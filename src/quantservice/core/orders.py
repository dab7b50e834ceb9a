"""Orders: one transition table, and the fold of what happened into what is known.

No state that ends an order is reached without the venue's evidence (or, for ``not_sent``, the proof that it never got there). A
timeout is no evidence: it makes the order ``unknown``, and its exposure stays reserved until it is found or proven absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from quantservice.core.errors import IntegrityError
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.intents import Intent, OrderTerms, Purpose
from quantservice.core.money import ZERO, check_finite, check_positive, exact
from quantservice.core.positions import Fill, PositionSide


class OrderState(StrEnum):
    """Where an order stands. ``approved``: durable, not sent yet; ``submitting``: the bytes may have left.

    ``amending``: it is open, and a change of it is asked for whose outcome is not known yet.
    """

    APPROVED = "approved"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    OPEN = "open"
    AMENDING = "amending"
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
    AMEND = "amend"  # we are about to ask for another quantity or limit price
    AMENDED = "amended"  # the venue has it so
    KEEP = "keep"  # the venue has it as it was: it refused, or never got the change


FINAL: Final = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.NOT_SENT})
#: States in which the venue may hold the order or get it yet: its exposure counts.
IN_FLIGHT: Final = frozenset({OrderState.APPROVED, OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.OPEN, OrderState.AMENDING})

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
        (_S.OPEN, _C.LOSE): _S.OPEN,  # a lost answer to a cancel: it was open and may be
        (_S.OPEN, _C.AMEND): _S.AMENDING,
        **{(_S.AMENDING, change): state for change, state in _VENUE_SAYS.items() if change is not _C.REFUSE},
        (_S.AMENDING, _C.ACCEPT): _S.AMENDING,  # it is there, which does not say in which version
        (_S.AMENDING, _C.FILL): _S.AMENDING,
        (_S.AMENDING, _C.LOSE): _S.AMENDING,
        (_S.AMENDING, _C.AMENDED): _S.OPEN,
        (_S.AMENDING, _C.KEEP): _S.OPEN,
        (_S.OPEN, _C.AMENDED): _S.OPEN,  # taken for not made, and the venue has it so after all
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
        # A process that stood still learns that it sent nothing after another one has asked, or has found that out.
        (_S.UNKNOWN, _C.DISCARD): _S.UNKNOWN,
        (_S.NOT_SENT, _C.DISCARD): _S.NOT_SENT,
    }
)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a change is true: where it was read, the venue's reference (order id, code, request id), when."""

    source: str  # answer | push | query | open_orders | fills | absence | local
    reference: str = ""
    time_ns: int = 0
    detail: str = ""


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Another quantity and limit price of an open order: the last that was asked for, and what came of it.

    ``intent_id`` is the durable wish behind it. After ``deadline_ns`` the venue no longer takes the request (0: it names no time).
    """

    intent_id: str
    quantity: Decimal
    limit_price: Decimal
    asked_ns: int = 0
    deadline_ns: int = 0
    state: Literal["asked", "made", "refused"] = "asked"
    reason: str = ""


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an order. ``filled`` is the venue's cumulative quantity where it says one."""

    change: Change
    evidence: Evidence | None = None
    venue_order_id: str = ""
    filled: Decimal | None = None
    reason: str = ""
    amendment: Amendment | None = None  # of an AMEND
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
    group: str = ""  # see Intent
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
    amendment: Amendment | None = None
    lapsed_ns: int = 0  # when its deadline passed and its cancel was asked for (0: it was not)

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL

    @property
    def remaining(self) -> Decimal:
        """What may still be filled; 0 once it has ended."""
        return ZERO if self.final else max(ZERO, self.most - max(self.filled, self.reported))

    @property
    def unbooked(self) -> Decimal:
        """What it may still change its position by: what may be filled, and what is filled and whose fills are not here yet."""
        missing = ZERO if self.external else self.reported - self.filled  # what others filled may be in the opening
        return self.remaining + missing if missing > 0 else self.remaining

    @property
    def most(self) -> Decimal:
        """Quantity that may be filled in all: of both versions the larger, while it is not known which one the venue has."""
        if self.state is OrderState.AMENDING and self.amendment is not None:
            return max(self.terms.quantity, self.amendment.quantity)
        return self.terms.quantity

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
        if event.change in (Change.AMENDED, Change.KEEP) and event.evidence is None:
            raise IntegrityError(f"order {self.order_id} cannot be {event.change} without evidence")
        if event.change is Change.AMEND and event.amendment is None:
            raise IntegrityError(f"order {self.order_id} cannot be amended to nothing")
        moved = after is not self.state
        return msgspec.structs.replace(
            self,
            state=after,
            terms=_amended(self) if event.change is Change.AMENDED else self.terms,
            amendment=_amendment(self.amendment, event),
            venue_order_id=self.venue_order_id or event.venue_order_id,
            reported=max(self.reported, event.filled) if event.filled is not None else self.reported,
            evidence=event.evidence if moved and event.evidence is not None else self.evidence,
            reason=_reason(self, event, after) if moved else self.reason,
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


def _reason(order: Order, event: OrderEvent, after: OrderState) -> str:
    """Return why it is as it is: as the venue says, or else that its deadline had passed before it was cancelled."""
    if after is OrderState.CANCELLED and order.lapsed_ns and not event.reason:
        return "its deadline passed"
    return event.reason or order.reason


def _amended(order: Order) -> OrderTerms:
    change = order.amendment
    if change is None:
        return order.terms
    return msgspec.structs.replace(order.terms, quantity=change.quantity, limit_price=change.limit_price)


def _amendment(asked: Amendment | None, event: OrderEvent) -> Amendment | None:
    """Return the change of an order after an event."""
    if event.change is Change.AMEND:
        return event.amendment
    if asked is None or event.change not in (Change.AMENDED, Change.KEEP):
        return asked
    state: Literal["made", "refused"] = "made" if event.change is Change.AMENDED else "refused"
    return msgspec.structs.replace(asked, state=state, reason=event.reason)


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
        group=intent.group,
        parent=intent.parent,
        created_ns=created_ns,
        updated_ns=created_ns,
        correlation_id=intent.correlation_id,
    )
