"""What a strategy is told of its orders: each thing once, in a backtest's words."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests.support.execution_rig import BTC

from quantservice.core.intents import Denied, Intent, OrderTerms
from quantservice.core.messages import IntentDenied, OrderChanged, TradeCompleted
from quantservice.core.orders import Order, OrderState, VenueFill
from quantservice.core.signals import OrderRequest
from quantservice.services.execution.telling import refused_request, update_of

D = Decimal
NOW_MS = 77
TERMS = OrderTerms(account="a", instrument=BTC, side="buy", quantity=D(3), type="limit", limit_price=D(100))


def order(state: OrderState, filled: str = "0", **changes: object) -> Order:
    made = Order(order_id="c1", intent_id="i1", terms=TERMS, state=state, deployment="d1", tag="level 2", filled=D(filled))
    return msgspec.structs.replace(made, **changes)


def changed(before: OrderState | None, after: OrderState, filled: str = "0") -> str | None:
    was = None if before is None else order(before, filled)
    found = update_of(OrderChanged(order=order(after, filled, reason="why"), before=was), NOW_MS)
    if found is None:
        return None
    deployment, update = found
    assert (deployment, update.order_id, update.tag, update.time, update.side) == ("d1", "c1", "level 2", NOW_MS, "buy")
    assert update.reason == ("" if update.state == "accepted" else "why")
    return update.state


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, OrderState.SUBMITTING, None),
        (OrderState.SUBMITTING, OrderState.UNKNOWN, None),
        (OrderState.SUBMITTING, OrderState.OPEN, "accepted"),
        (OrderState.UNKNOWN, OrderState.OPEN, "accepted"),
        (OrderState.NOT_SENT, OrderState.OPEN, "accepted"),
        (OrderState.OPEN, OrderState.OPEN, None),
        (OrderState.OPEN, OrderState.AMENDING, None),
        (OrderState.AMENDING, OrderState.OPEN, None),
        (OrderState.OPEN, OrderState.CANCELLED, "cancelled"),
        (OrderState.OPEN, OrderState.EXPIRED, "expired"),
        (OrderState.SUBMITTING, OrderState.REJECTED, "rejected"),
        (OrderState.UNKNOWN, OrderState.NOT_SENT, "rejected"),
        (OrderState.CANCELLED, OrderState.CANCELLED, None),
        (OrderState.OPEN, OrderState.FILLED, None),  # its last fill says so
    ],
)
def test_an_order_is_accepted_once_and_ends_once(before: OrderState | None, after: OrderState, told: str | None) -> None:
    assert changed(before, after) == told


def test_one_that_is_found_by_its_fill_is_not_accepted_after_it() -> None:
    assert changed(OrderState.SUBMITTING, OrderState.OPEN, filled="1") is None


@pytest.mark.parametrize(("filled", "state"), [("1", "partially_filled"), ("3", "filled")])
def test_each_fill_is_told_and_the_last_says_that_it_is_filled(filled: str, state: str) -> None:
    fill = VenueFill(
        account="a", instrument=BTC, trade_id="t", side="buy", price=D(99), quantity=D(1), fee=D("0.5"), maker=True, time_ms=5
    )
    done = TradeCompleted(fill=fill, order_id="c1", deployment="d1", order=order(OrderState.OPEN, filled))
    found = update_of(done, NOW_MS)
    assert found is not None
    update = found[1]
    assert (found[0], update.state, update.tag, update.filled_quantity) == ("d1", state, "level 2", float(filled))
    assert (update.fill_price, update.fill_quantity, update.fee, update.maker, update.time) == (99.0, 1.0, 0.5, True, 5)


def test_what_is_nobodys_is_told_to_nobody() -> None:
    assert update_of(OrderChanged(order=order(OrderState.CANCELLED, deployment="")), NOW_MS) is None
    assert update_of(object(), NOW_MS) is None


def test_what_risk_control_denied_is_a_rejection_and_a_denied_change_is_none() -> None:
    intent = Intent(intent_id="i1", terms=TERMS, purpose="order", deployment="d1", tag="level 2")
    denied = Denied(intent=intent, rule="r", limit="1", value="2", sentence="too large")
    found = update_of(IntentDenied(denied=denied), NOW_MS)
    assert found is not None
    assert (found[0], found[1].state, found[1].tag, found[1].reason) == ("d1", "rejected", "level 2", "too large")
    amends = msgspec.structs.replace(denied, intent=msgspec.structs.replace(intent, amends="c0"))
    assert update_of(IntentDenied(denied=amends), NOW_MS) is None


def test_a_request_that_became_no_order_is_rejected_by_its_tag() -> None:
    request = OrderRequest(instrument=BTC, side="sell", quantity=1.0, tag="x")
    update = refused_request(request, "e:0", "its quantity is less than one step", NOW_MS)
    assert (update.state, update.tag, update.side, update.order_id) == ("rejected", "x", "sell", "e:0")
    assert update.reason == "its quantity is less than one step"
