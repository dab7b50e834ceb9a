"""What a deployment's strategy is told of its orders, in a backtest's words, from what the gateway tells within a commit."""

from __future__ import annotations

from typing import Final

from quantservice.core.intents import Intent
from quantservice.core.messages import IntentDenied, OrderChanged, TradeCompleted
from quantservice.core.orders import Order, OrderState
from quantservice.core.signals import OrderRequest, OrderUpdate
from quantservice.core.signals import OrderState as ToldState

_ENDED: Final[dict[OrderState, ToldState]] = {
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.NOT_SENT: "rejected",
}
_UNSEEN: Final = (OrderState.APPROVED, OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.NOT_SENT)


def update_of(payload: object, now_ms: int) -> tuple[str, OrderUpdate] | None:
    """Return the deployment and what its strategy is told of a payload; None where it is nothing new to it.

    An order is accepted once, ends once, and each fill is told once; one that is filled says so with its last fill.
    """
    if isinstance(payload, TradeCompleted):
        told = _of_fill(payload)
        return (payload.deployment, told) if payload.deployment and told is not None else None
    if isinstance(payload, OrderChanged) and payload.order.deployment:
        change = _of_change(payload.before, payload.order, now_ms)
        return None if change is None else (payload.order.deployment, change)
    if isinstance(payload, IntentDenied) and payload.denied.intent.deployment:
        intent = payload.denied.intent
        if intent.purpose in ("signal", "order") and not intent.amends:
            return intent.deployment, _never(intent, payload.denied.sentence, now_ms)
    return None


def refused_request(request: OrderRequest, name: str, reason: str, now_ms: int) -> OrderUpdate:
    """Return what is told of a request that became no order: its size or price is none that the venue takes."""
    return OrderUpdate(
        instrument=request.instrument,
        order_id=name,
        side=request.side,
        state="rejected",
        tag=request.tag,
        reason=reason,
        time=now_ms,
        position_side=request.position_side,
    )


def _of_fill(payload: TradeCompleted) -> OrderUpdate | None:
    fill, order = payload.fill, payload.order
    if order is None:
        return None
    return OrderUpdate(
        instrument=fill.instrument,
        order_id=order.order_id,
        side=fill.side,
        state="filled" if order.filled >= order.terms.quantity else "partially_filled",
        tag=order.tag,
        filled_quantity=float(order.filled),
        fill_price=float(fill.price),
        fill_quantity=float(fill.quantity),
        fee=float(fill.fee),
        maker=fill.maker,
        time=fill.time_ms,
        position_side=order.terms.position_side,
    )


def _of_change(before: Order | None, order: Order, now_ms: int) -> OrderUpdate | None:
    if before is not None and before.state is order.state:
        return None
    if order.state in _ENDED:
        return _state(order, _ENDED[order.state], now_ms)
    unseen = before is None or before.state in _UNSEEN
    return _state(order, "accepted", now_ms) if order.state is OrderState.OPEN and unseen and not order.filled else None


def _state(order: Order, state: ToldState, now_ms: int) -> OrderUpdate:
    return OrderUpdate(
        instrument=order.terms.instrument,
        order_id=order.order_id,
        side=order.terms.side,
        state=state,
        tag=order.tag,
        filled_quantity=float(order.filled),
        reason="" if state == "accepted" else order.reason,
        time=now_ms,
        position_side=order.terms.position_side,
    )


def _never(intent: Intent, reason: str, now_ms: int) -> OrderUpdate:
    return OrderUpdate(
        instrument=intent.terms.instrument,
        order_id=intent.client_id,
        side=intent.terms.side,
        state="rejected",
        tag=intent.tag,
        reason=reason,
        time=now_ms,
        position_side=intent.terms.position_side,
    )
