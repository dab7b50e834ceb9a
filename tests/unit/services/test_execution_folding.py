"""What a report or fill makes of an order, and what is adopted of orders that nobody here asked for. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC

from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Amendment, Change, Evidence, Order, OrderState, VenueFill
from quantservice.ports.trading import OrderReport
from quantservice.services.execution.folding import adopted, adopted_fill, event_of, external_id, filled_by, told_by

D = Decimal
SHOWN = Evidence(source="push", reference="7")


def report(state: OrderState = OrderState.OPEN, **more: Any) -> OrderReport:
    fields: dict[str, Any] = {"account": "main", "instrument": BTC, "client_id": "c1", "venue_order_id": "77", "side": "buy"}
    return OrderReport(**(fields | {"type": "market", "quantity": D(2), "state": state, "evidence": SHOWN} | more))


def order(state: OrderState = OrderState.OPEN, **more: Any) -> Order:
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(2))
    return Order(order_id="c1", intent_id="i1", terms=terms, state=state, **more)


def fill(quantity: str = "1", **more: Any) -> VenueFill:
    fields: dict[str, Any] = {"account": "main", "instrument": BTC, "trade_id": "t1", "side": "buy", "price": D(100)}
    return VenueFill(**(fields | {"quantity": D(quantity)} | more))


@pytest.mark.parametrize(
    ("state", "filled", "change"),
    [
        (OrderState.OPEN, "0", Change.ACCEPT),
        (OrderState.OPEN, "0.001", Change.FILL),
        (OrderState.OPEN, "1.5", Change.FILL),
        (OrderState.FILLED, "2", Change.COMPLETE),
        (OrderState.CANCELLED, "0.5", Change.CANCEL),
        (OrderState.EXPIRED, "0.5", Change.EXPIRE),
        (OrderState.REJECTED, "0", Change.REFUSE),
    ],
)
def test_a_report_is_what_happened(state: OrderState, filled: str, change: Change) -> None:
    event = event_of(report(state, filled=D(filled), reason="why", time_ms=1_500))
    assert (event.change, event.filled, event.evidence, event.venue_order_id) == (change, D(filled), SHOWN, "77")
    assert (event.reason, event.time_ns) == ("why", 1_500_000_000)


def test_an_order_that_was_taken_and_is_listed_as_rejected_was_ended() -> None:
    assert told_by(order(), report(OrderState.REJECTED)).state is OrderState.CANCELLED
    assert told_by(order(OrderState.SUBMITTING), report(OrderState.REJECTED)).state is OrderState.REJECTED
    assert told_by(order(OrderState.UNKNOWN), report(OrderState.REJECTED)).state is OrderState.REJECTED
    assert told_by(order(), report(OrderState.EXPIRED)).state is OrderState.EXPIRED


@pytest.mark.parametrize(
    ("shown", "made"),
    [
        ({"quantity": D(3), "limit_price": D(99)}, True),
        ({"quantity": D(3), "limit_price": D(100)}, False),  # one of the two is not enough
        ({"quantity": D(2), "limit_price": D(99)}, False),
        ({"quantity": D(3)}, False),  # it shows no price: that it is the new one is not shown
        ({"quantity": D(3), "limit_price": D(99), "state": OrderState.FILLED, "filled": D(3)}, True),
    ],
)
def test_a_report_shows_a_change_by_quantity_and_price(shown: dict[str, Any], made: bool) -> None:
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(2), type="limit", limit_price=D(100))
    asked = Amendment(intent_id="i2", quantity=D(3), limit_price=D(99), asked_ns=1)
    before = Order(order_id="c1", intent_id="i1", terms=terms, state=OrderState.AMENDING, amendment=asked)
    after = told_by(before, report(**shown))
    assert after.amendment is not None
    assert (after.amendment.state == "made", after.terms.quantity == D(3), after.terms.limit_price == D(99)) == (made,) * 3
    same_price = msgspec.structs.replace(before, amendment=msgspec.structs.replace(asked, limit_price=D(100)))
    after = told_by(same_price, report(quantity=D(3)))
    assert (after.state, after.terms.quantity) == (OrderState.OPEN, D(3)), "the price was to stay: the quantity shows it"


def test_the_last_fill_completes_and_its_trade_is_the_evidence() -> None:
    half = filled_by(order(), fill("1"), time_ns=5)
    assert (half.state, half.filled, half.evidence) == (OrderState.OPEN, D(1), None)
    whole = filled_by(half, fill("1", trade_id="t2"), time_ns=6)
    assert (whole.state, whole.filled, whole.evidence) == (
        OrderState.FILLED,
        D(2),
        Evidence(source="fills", reference="t2", time_ns=6),
    )
    over = filled_by(half, fill("1.5", trade_id="t3"), time_ns=7)
    assert (over.state, over.remaining) == (OrderState.FILLED, D(0))


@pytest.mark.parametrize("state", [OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.NOT_SENT])
def test_a_fill_shows_that_the_venue_has_the_order(state: OrderState) -> None:
    after = filled_by(order(state), fill("0.5"), time_ns=5)
    assert (after.state, after.reported) == (OrderState.OPEN, D("0.5"))
    assert after.revived == (state is OrderState.NOT_SENT)
    assert after.evidence == Evidence(source="fills", reference="t1", time_ns=5)


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.EXPIRED])
def test_a_late_fill_is_added_to_an_order_that_ended(state: OrderState) -> None:
    after = filled_by(order(state, evidence=SHOWN), fill("0.5"), time_ns=5)
    assert (after.state, after.filled, after.evidence) == (state, D("0.5"), SHOWN)
    assert filled_by(after, fill("1.5", trade_id="t2"), time_ns=6).state is OrderState.FILLED


def test_what_others_asked_for_is_adopted_under_the_venue_s_id() -> None:
    told = report(side="sell", limit_price=D(9), reduce_only=True, position_side="short", filled=D("0.5"), time_ms=3)
    made = adopted(told, time_ns=8_000_000)
    assert made.order_id == external_id("main", BTC, "77") == f"main|{BTC}|77"
    assert (made.external, made.intent_id, made.purpose, made.tag, made.venue_order_id) == (True, "", "manual", "c1", "77")
    assert (made.state, made.reported, made.created_ns, made.updated_ns) == (OrderState.OPEN, D("0.5"), 8_000_000, 8_000_000)
    terms = made.terms
    assert (terms.side, terms.quantity, terms.type, terms.limit_price) == ("sell", D(2), "limit", D(9))
    assert (terms.reduce_only, terms.position_side, terms.account, terms.instrument) == (True, "short", "main", BTC)
    ended = adopted(report(OrderState.FILLED, filled=D(2)), time_ns=8)
    assert (ended.state, ended.evidence, ended.terms.type, ended.terms.limit_price) == (OrderState.FILLED, SHOWN, "market", None)
    assert not ended.terms.reduce_only


def test_a_fill_that_nobody_asked_for_is_an_order_of_its_own() -> None:
    made = adopted_fill(fill("0.5", venue_order_id="9", client_id="web", position_side="long"), time_ns=8)
    assert (made.order_id, made.tag, made.venue_order_id) == (f"main|{BTC}|9", "web", "9")
    assert (made.external, made.intent_id, made.purpose, made.state) == (True, "", "manual", OrderState.OPEN)
    assert (made.terms.quantity, made.terms.side, made.terms.position_side) == (D("0.5"), "buy", "long")
    assert (made.created_ns, made.updated_ns, made.filled) == (8, 8, D(0))
    bare = adopted_fill(fill("0.5", kind="liquidation"), time_ns=8)
    assert (bare.order_id, bare.tag) == (f"main|{BTC}|trade-t1", "liquidation")
