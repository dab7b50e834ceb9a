"""What a venue says -> what happened to an order. Pure."""

from __future__ import annotations

import msgspec

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill
from quantservice.ports.trading import OrderReport

_RESTING = (OrderState.OPEN, OrderState.AMENDING)

_CHANGES = {
    OrderState.OPEN: Change.ACCEPT,
    OrderState.FILLED: Change.COMPLETE,
    OrderState.CANCELLED: Change.CANCEL,
    OrderState.EXPIRED: Change.EXPIRE,
    OrderState.REJECTED: Change.REFUSE,
}


def event_of(report: OrderReport) -> OrderEvent:
    """Return what a report says happened; one that says *open* with something filled is a fill in part."""
    change = _CHANGES[report.state]
    if change is Change.ACCEPT and report.filled > 0:
        change = Change.FILL
    return OrderEvent(
        change=change,
        evidence=report.evidence,
        venue_order_id=report.venue_order_id,
        filled=report.filled,
        reason=report.reason,
        time_ns=report.time_ms * 1_000_000,
    )


def told_by(order: Order, report: OrderReport) -> Order:
    """Return the order after a report. A report of an older state than the one known changes nothing but what it adds."""
    if order.state in _RESTING and report.state is OrderState.REJECTED:
        report = _as_cancelled(report)  # a venue that lists an order it took as rejected ended it
    if order.state in _RESTING and order.amendment is not None and order.amendment.state != "made" and shows_change(order, report):
        order = order.apply(OrderEvent(change=Change.AMENDED, evidence=report.evidence, time_ns=report.time_ms * 1_000_000))
    return order.apply(event_of(report))


def shows_change(order: Order, report: OrderReport) -> bool:
    """Say whether a report shows the order as it was asked to become. One that shows no limit price says nothing of it."""
    asked = order.amendment
    if asked is None or report.quantity != asked.quantity:
        return False
    return asked.limit_price == (order.terms.limit_price if report.limit_price is None else report.limit_price)


def kept_by(order: Order, evidence: Evidence, reason: str, *, time_ns: int) -> Order:
    """Return an order of which a change did not come about. Its fills may be the whole of it as it was."""
    if order.state is not OrderState.AMENDING:
        return order  # it ended meanwhile, or was changed after all
    after = order.apply(OrderEvent(change=Change.KEEP, evidence=evidence, reason=reason, time_ns=time_ns))
    return _whole(after, evidence, time_ns) or after


def filled_by(order: Order, fill: VenueFill, *, time_ns: int) -> Order:
    """Return the order with one more fill. Where its fills are the whole quantity it is complete: the fills are the evidence."""
    after = order.add_fill(fill)
    evidence = Evidence(source="fills", reference=fill.trade_id, time_ns=time_ns)
    whole = _whole(after, evidence, time_ns)
    if whole is not None:
        return whole
    if after.state in (OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.NOT_SENT):
        return after.apply(OrderEvent(change=Change.FILL, evidence=evidence, filled=after.filled, time_ns=time_ns))
    return after


def _whole(order: Order, evidence: Evidence, time_ns: int) -> Order | None:
    """Return the order completed, where its fills are all of it."""
    if order.filled >= order.most:
        return order.apply(OrderEvent(change=Change.COMPLETE, evidence=evidence, filled=order.filled, time_ns=time_ns))
    return None


def external_id(account: str, instrument: InstrumentId, venue_order_id: str) -> str:
    """Return the id of an order that is not ours: the venue's own, whose client ids anybody may choose and use again."""
    return f"{account}|{instrument}|{venue_order_id}"


def adopted(report: OrderReport, *, time_ns: int) -> Order:
    """Return an order that is not ours by origin: somebody's by hand, a liquidation, another program's."""
    terms = OrderTerms(
        account=report.account,
        instrument=report.instrument,
        side=report.side,
        quantity=report.quantity,
        type="limit" if report.limit_price is not None else "market",
        limit_price=report.limit_price,
        reduce_only=report.reduce_only,
        position_side=report.position_side,
    )
    order = Order(
        order_id=external_id(report.account, report.instrument, report.venue_order_id),
        intent_id="",
        terms=terms,
        state=OrderState.OPEN,
        purpose="manual",
        tag=report.client_id,
        venue_order_id=report.venue_order_id,
        external=True,
        created_ns=time_ns,
        updated_ns=time_ns,
    )
    return order.apply(event_of(report))


def adopted_fill(fill: VenueFill, *, time_ns: int) -> Order:
    """Return the order of a fill that nobody here asked for and of which nothing else was told yet."""
    terms = OrderTerms(
        account=fill.account,
        instrument=fill.instrument,
        side=fill.side,
        quantity=fill.quantity,
        position_side=fill.position_side,
    )
    return Order(
        order_id=external_id(fill.account, fill.instrument, fill.venue_order_id or f"trade-{fill.trade_id}"),
        intent_id="",
        terms=terms,
        state=OrderState.OPEN,
        purpose="manual",
        tag=fill.client_id or fill.kind,
        venue_order_id=fill.venue_order_id,
        external=True,
        created_ns=time_ns,
        updated_ns=time_ns,
    )


def _as_cancelled(report: OrderReport) -> OrderReport:
    return msgspec.structs.replace(report, state=OrderState.CANCELLED)
