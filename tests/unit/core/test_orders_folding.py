"""What an order keeps of each event: figures, times, references and reasons, to the last digit; and what it begins with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.market import instrument

from quantservice.core.errors import IntegrityError, InvalidValue
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import FINAL, IN_FLIGHT, Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of

D = Decimal
BTC = instrument("BTC").id
TERMS = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(2))
PUSH, QUERY = Evidence(source="push", reference="7"), Evidence(source="query", reference="8", time_ns=80)


def sent() -> Order:
    order = order_of(Intent(intent_id=intent_id("main", "d1", "e1"), terms=TERMS, deployment="d1"), created_ns=5)
    return order.apply(OrderEvent(change=Change.SUBMIT, time_ns=6))


def fill(quantity: str = "1", price: str = "100", **more: Any) -> VenueFill:
    fields: dict[str, Any] = {
        "account": "main",
        "instrument": BTC,
        "trade_id": "t1",
        "side": "buy",
        "price": D(price),
        "quantity": D(quantity),
    }
    return VenueFill(**(fields | more))


def test_what_is_not_said_is_nothing() -> None:
    """No event, order or fill begins with a time, a mark or a quantity that nobody gave it."""
    order = Order(order_id="o", intent_id="i", terms=TERMS)
    assert (order.created_ns, order.sent_ns, order.deadline_ns, order.updated_ns) == (0, 0, 0, 0)
    assert (order.cancel_asked, order.external, order.revived) == (False, False, False)
    assert (order.filled, order.cost, order.reported, order.state) == (D(0), D(0), D(0), OrderState.APPROVED)
    assert (order.average_price, order.fills_missing, order.final, order.remaining) == (None, False, False, D(2))
    assert (OrderEvent(change=Change.ACCEPT).time_ns, OrderEvent(change=Change.ACCEPT).filled) == (0, None)
    assert (Evidence(source="push").time_ns, fill().maker, fill().time_ms, fill().realised) == (0, False, 0, None)


def test_an_order_has_ended_or_is_in_flight_and_never_both() -> None:
    assert FINAL.isdisjoint(IN_FLIGHT)
    assert set(OrderState) == FINAL | IN_FLIGHT
    done = sent().apply(OrderEvent(change=Change.CANCEL, evidence=PUSH, filled=D("0.5"), time_ns=9))
    assert done.final is True
    assert sent().final is False
    assert done.remaining == 0


def test_the_time_of_sending_is_that_of_the_submit_alone() -> None:
    order = sent()
    assert (order.created_ns, order.sent_ns, order.updated_ns) == (5, 6, 6)
    order = order.apply(OrderEvent(change=Change.ACCEPT, evidence=PUSH, time_ns=9))
    assert (order.sent_ns, order.updated_ns) == (6, 9)
    order = order.apply(OrderEvent(change=Change.ACCEPT, evidence=QUERY, time_ns=8))
    assert order.updated_ns == 9, "an event that comes late does not turn the clock back"


def test_the_venue_s_first_id_stays() -> None:
    order = sent().apply(OrderEvent(change=Change.ACCEPT, evidence=PUSH, venue_order_id="77"))
    assert order.venue_order_id == "77"
    assert order.apply(OrderEvent(change=Change.FILL, evidence=PUSH, venue_order_id="78")).venue_order_id == "77"
    assert order.apply(OrderEvent(change=Change.FILL, evidence=PUSH)).venue_order_id == "77"
    assert sent().add_fill(fill(venue_order_id="79")).venue_order_id == "79"
    assert order.add_fill(fill(venue_order_id="79")).venue_order_id == "77"


def test_evidence_and_reason_are_those_of_the_last_move() -> None:
    order = sent().apply(OrderEvent(change=Change.LOSE, reason="no answer", time_ns=7))
    assert (order.evidence, order.reason) == (None, "no answer")
    order = order.apply(OrderEvent(change=Change.ACCEPT, evidence=PUSH, time_ns=8))
    assert (order.evidence, order.reason) == (PUSH, "no answer"), "a move without a reason keeps the one before"
    same = order.apply(OrderEvent(change=Change.ACCEPT, evidence=QUERY, reason="told again", time_ns=9))
    assert (same.evidence, same.reason) == (PUSH, "no answer"), "what moves nothing shows nothing"
    lost = order.apply(OrderEvent(change=Change.LOSE, reason="the answer to a cancel was lost"))
    assert (lost.state, lost.evidence, lost.reason) == (OrderState.OPEN, PUSH, "no answer")
    ended = order.apply(OrderEvent(change=Change.CANCEL, evidence=QUERY, reason="by hand", time_ns=9))
    assert (ended.evidence, ended.reason) == (QUERY, "by hand")


def test_a_move_without_evidence_keeps_the_evidence_before() -> None:
    held = sent().apply(OrderEvent(change=Change.LOSE)).apply(OrderEvent(change=Change.ABSENT, evidence=PUSH))
    assert held.apply(OrderEvent(change=Change.ACCEPT)).evidence == PUSH


def test_only_what_was_taken_for_absent_is_revived() -> None:
    order = sent().apply(OrderEvent(change=Change.LOSE))
    found = order.apply(OrderEvent(change=Change.ACCEPT, evidence=PUSH))
    assert not found.revived
    absent = order.apply(OrderEvent(change=Change.ABSENT, evidence=PUSH))
    assert not absent.revived
    assert not absent.apply(OrderEvent(change=Change.ABSENT, evidence=QUERY)).revived
    turned_up = absent.apply(OrderEvent(change=Change.COMPLETE, evidence=QUERY))
    assert turned_up.revived
    assert turned_up.apply(OrderEvent(change=Change.FILL, evidence=QUERY)).revived, "and stays marked"


def test_what_is_reported_never_falls_and_counts_against_what_remains() -> None:
    order = sent().apply(OrderEvent(change=Change.FILL, evidence=PUSH, filled=D("1.5")))
    assert (order.reported, order.remaining, order.fills_missing) == (D("1.5"), D("0.5"), True)
    order = order.add_fill(fill("1"))
    assert (order.filled, order.reported, order.remaining) == (D(1), D("1.5"), D("0.5"))
    order = order.add_fill(fill("0.75"))
    assert (order.filled, order.reported, order.fills_missing) == (D("1.75"), D("1.75"), False)
    assert order.apply(OrderEvent(change=Change.FILL, evidence=PUSH)).reported == D("1.75"), "an event that says no figure"
    over = order.add_fill(fill("0.75"))
    assert over.remaining == 0, "never less than nothing"


def test_a_fill_s_time_is_milliseconds_and_the_order_s_nanoseconds() -> None:
    order = sent().add_fill(fill(time_ms=1_740_787_200_123))
    assert order.updated_ns == 1_740_787_200_123_000_000
    assert order.add_fill(fill(time_ms=5)).updated_ns == 1_740_787_200_123_000_000


@pytest.mark.parametrize("wrong", [{"side": "sell"}, {"instrument": instrument("ETH").id}])
def test_a_fill_of_another_order_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="is not of order"):
        sent().add_fill(fill(**wrong))


@pytest.mark.parametrize("wrong", [{"price": D(0)}, {"quantity": D(0)}, {"quantity": D("-1")}, {"fee": D("NaN")}])
def test_a_fill_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        fill(**wrong)


def test_a_fill_s_name_and_how_positions_see_it() -> None:
    told = fill("0.5", "101", fee=D("-0.01"), fee_currency="BNB", position_side="long", time_ms=12)
    assert told.key == f"main|{BTC}|t1"
    seen = told.as_fill()
    assert (seen.fill_id, seen.instrument, seen.side, seen.price, seen.quantity) == (told.key, BTC, "buy", D(101), D("0.5"))
    assert (seen.fee, seen.fee_currency, seen.position_side, seen.time) == (D("-0.01"), "BNB", "long", 12)


def test_an_order_is_what_its_intent_says() -> None:
    intent = Intent(
        intent_id="i1", terms=TERMS, purpose="protective", deployment="d1", tag="stop", parent="i0", correlation_id="frame-1"
    )
    order = order_of(intent, created_ns=5)
    assert (order.order_id, order.intent_id, order.terms, order.state) == (intent.client_id, "i1", TERMS, OrderState.APPROVED)
    assert (order.purpose, order.deployment, order.tag, order.parent) == ("protective", "d1", "stop", "i0")
    assert (order.created_ns, order.updated_ns, order.correlation_id, order.external) == (5, 5, "frame-1", False)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**9)), min_size=1, max_size=20))
def test_fills_add_up_exactly_in_any_number(parts: list[tuple[int, int]]) -> None:
    order = sent()
    for number, (lots, ticks) in enumerate(parts):
        order = order.add_fill(fill(str(D(lots) / 1_000), str(D(ticks) / 100), trade_id=str(number)))
    assert order.filled == sum((D(lots) for lots, _ in parts), D(0)) / 1_000
    assert order.cost == sum((D(lots) * D(ticks) for lots, ticks in parts), D(0)) / 100_000
    assert order.reported == order.filled
    assert order.average_price is not None
    assert abs(order.average_price * order.filled - order.cost) < D("1e-15")
