"""The order machine: what may follow what, evidence at every end, fills that come late, absent orders that turn up."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.market import instrument

from quantservice.core.errors import IntegrityError, InvalidValue
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import (
    FINAL,
    TRANSITIONS,
    Amendment,
    Change,
    Evidence,
    Order,
    OrderEvent,
    OrderState,
    VenueFill,
    order_of,
)

BTC = instrument("BTC").id
TERMS = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal("2"))
SHOWN = Evidence(source="push", reference="7")
ASKED = Amendment(intent_id="i2", quantity=Decimal(3), limit_price=Decimal(99), asked_ns=15)


def new_order() -> Order:
    intent = Intent(intent_id=intent_id("main", "d1", "event-1"), terms=TERMS, deployment="d1")
    return order_of(intent, created_ns=5)


def fill(quantity: str, price: str = "100", trade_id: str = "t1") -> VenueFill:
    return VenueFill(
        account="main", instrument=BTC, trade_id=trade_id, side="buy", price=Decimal(price), quantity=Decimal(quantity), time_ms=9
    )


def in_state(state: OrderState) -> Order:
    order = new_order()
    path = {
        OrderState.APPROVED: [],
        OrderState.SUBMITTING: [Change.SUBMIT],
        OrderState.UNKNOWN: [Change.SUBMIT, Change.LOSE],
        OrderState.OPEN: [Change.SUBMIT, Change.ACCEPT],
        OrderState.AMENDING: [Change.SUBMIT, Change.ACCEPT, Change.AMEND],
        OrderState.FILLED: [Change.SUBMIT, Change.COMPLETE],
        OrderState.CANCELLED: [Change.SUBMIT, Change.ACCEPT, Change.CANCEL],
        OrderState.EXPIRED: [Change.SUBMIT, Change.EXPIRE],
        OrderState.REJECTED: [Change.SUBMIT, Change.REFUSE],
        OrderState.NOT_SENT: [Change.SUBMIT, Change.LOSE, Change.ABSENT],
    }[state]
    for change in path:
        order = order.apply(OrderEvent(change=change, evidence=SHOWN, amendment=ASKED, time_ns=10))
    assert order.state is state
    return order


def test_the_same_cause_is_the_same_order() -> None:
    assert new_order().order_id == new_order().order_id
    other = Intent(intent_id=intent_id("main", "d1", "event-2"), terms=TERMS)
    assert other.client_id != new_order().order_id
    assert len(new_order().order_id) == 26


@pytest.mark.parametrize(("state", "change"), list(product(OrderState, Change)))
def test_every_pair_follows_the_table_or_is_refused(state: OrderState, change: Change) -> None:
    order, event = in_state(state), OrderEvent(change=change, evidence=SHOWN, amendment=ASKED, time_ns=20)
    wanted = TRANSITIONS.get((state, change))
    if wanted is None:
        with pytest.raises(IntegrityError, match="cannot happen"):
            order.apply(event)
    else:
        assert order.apply(event).state is wanted


@pytest.mark.parametrize(
    ("state", "change"), [(s, c) for (s, c), after in TRANSITIONS.items() if after in FINAL and after is not s]
)
def test_no_end_without_evidence(state: OrderState, change: Change) -> None:
    with pytest.raises(IntegrityError, match="without evidence"):
        in_state(state).apply(OrderEvent(change=change, time_ns=20))


def test_a_timeout_ends_nothing() -> None:
    for state in OrderState:
        if (state, Change.LOSE) in TRANSITIONS:
            after = TRANSITIONS[state, Change.LOSE]
            assert after is state or after is OrderState.UNKNOWN


def test_an_end_gives_way_only_to_the_last_fill_and_absence_only_to_the_venue() -> None:
    moves = {(state, change, after) for (state, change), after in TRANSITIONS.items() if state in FINAL and after is not state}
    assert {(state, after) for state, _, after in moves if state is not OrderState.NOT_SENT} == {
        (OrderState.CANCELLED, OrderState.FILLED),
        (OrderState.EXPIRED, OrderState.FILLED),
    }
    late = in_state(OrderState.NOT_SENT).apply(OrderEvent(change=Change.ACCEPT, evidence=SHOWN, time_ns=30))
    assert late.revived
    assert late.state is OrderState.OPEN


def test_fills_add_up_and_a_larger_report_says_that_some_are_missing() -> None:
    order = in_state(OrderState.OPEN).add_fill(fill("0.5", "100")).add_fill(fill("1", "130", "t2"))
    assert order.filled == Decimal("1.5")
    assert order.average_price == Decimal(120)
    assert order.remaining == Decimal("0.5")
    assert not order.fills_missing
    told = order.apply(OrderEvent(change=Change.COMPLETE, evidence=SHOWN, filled=Decimal(2), time_ns=40))
    assert told.fills_missing
    assert told.remaining == 0
    lower = told.apply(OrderEvent(change=Change.FILL, evidence=SHOWN, filled=Decimal(1), time_ns=50))
    assert lower.reported == Decimal(2)


def test_while_a_change_is_asked_for_the_larger_version_may_be_filled() -> None:
    order = in_state(OrderState.AMENDING).add_fill(fill("0.5"))
    assert (order.terms.quantity, order.most, order.remaining) == (Decimal(2), Decimal(3), Decimal("2.5"))
    smaller = in_state(OrderState.OPEN).apply(
        OrderEvent(change=Change.AMEND, amendment=msgspec.structs.replace(ASKED, quantity=Decimal(1)))
    )
    assert smaller.remaining == Decimal(2)


def test_a_change_that_came_about_is_the_orders_terms_and_one_that_did_not_leaves_them() -> None:
    asked = in_state(OrderState.AMENDING)
    made = asked.apply(OrderEvent(change=Change.AMENDED, evidence=SHOWN))
    assert (made.state, made.terms.quantity, made.terms.limit_price, made.most) == (
        OrderState.OPEN,
        ASKED.quantity,
        ASKED.limit_price,
        Decimal(3),
    )
    kept = asked.apply(OrderEvent(change=Change.KEEP, evidence=SHOWN, reason="no"))
    assert (kept.state, kept.terms, kept.most) == (OrderState.OPEN, TERMS, Decimal(2))
    assert [item.amendment and item.amendment.state for item in (asked, made, kept)] == ["asked", "made", "refused"]
    assert kept.amendment is not None
    assert kept.amendment.reason == "no"


def test_what_is_asked_for_stays_asked_for_whatever_else_happens() -> None:
    asked = in_state(OrderState.AMENDING)
    for change in (Change.ACCEPT, Change.FILL, Change.LOSE):
        assert asked.apply(OrderEvent(change=change, evidence=SHOWN, filled=Decimal(1))).amendment == ASKED
    ended = asked.apply(OrderEvent(change=Change.CANCEL, evidence=SHOWN))
    assert (ended.amendment, ended.terms, ended.remaining) == (ASKED, TERMS, Decimal(0))


@pytest.mark.parametrize("change", [Change.AMENDED, Change.KEEP])
def test_whether_a_change_came_about_needs_evidence(change: Change) -> None:
    with pytest.raises(IntegrityError, match="without evidence"):
        in_state(OrderState.AMENDING).apply(OrderEvent(change=change))
    with pytest.raises(IntegrityError, match="to nothing"):
        in_state(OrderState.OPEN).apply(OrderEvent(change=Change.AMEND, evidence=SHOWN))


def test_a_fill_of_another_side_is_refused() -> None:
    with pytest.raises(IntegrityError, match="is not of order"):
        in_state(OrderState.OPEN).add_fill(
            VenueFill(account="main", instrument=BTC, trade_id="x", side="sell", price=Decimal(1), quantity=Decimal(1))
        )


@given(st.lists(st.sampled_from(Change), max_size=12))
def test_no_walk_leaves_an_end_for_a_living_state_but_revival(changes: list[Change]) -> None:
    order = new_order()
    for number, change in enumerate(changes):
        before = order
        try:
            order = order.apply(OrderEvent(change=change, evidence=SHOWN, amendment=ASKED, time_ns=number))
        except IntegrityError:
            continue
        if before.final and not order.final:
            assert before.state is OrderState.NOT_SENT
            assert order.revived


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"type": "limit"}, "limit_price"),
        ({"type": "stop", "stop_price": Decimal(-1)}, "stop_price"),
        ({"type": "trailing_stop"}, "trail"),
        ({"post_only": True}, "post_only"),
        ({"type": "limit", "limit_price": Decimal(1), "time_in_force": "GTD"}, "expire_ms"),
    ],
)
def test_terms_that_no_venue_takes_are_refused_by_field(terms: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue, match=field):
        OrderTerms(**({"account": "main", "instrument": BTC, "side": "buy", "quantity": Decimal(1)} | terms))  # type: ignore[arg-type]
