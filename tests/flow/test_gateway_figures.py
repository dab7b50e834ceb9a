"""A gateway's figures and sentences: when the lease is sure, who leads, how many cancels go at once, what may be changed."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Rig

from quantservice.core.errors import EnvironmentFault, InvalidValue, Refused
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved, Denied, Intent, OrderTerms, intent_id
from quantservice.core.messages import Alert
from quantservice.core.orders import Order, OrderState
from quantservice.ports import IntentRecord
from quantservice.services.execution import gateway
from quantservice.services.execution.amending import check_change, denied_by, record_of, suspected

D = Decimal
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")


async def resting(rig: Rig, cause: str, **more: Any) -> Order:
    (order,) = await rig.gateway.submit([rig.intent(cause, type="limit", limit_price=D(50_000), **more)])
    assert isinstance(order, Order)
    return order


# --- the lease ------------------------------------------------------------------------------------------------------------


async def test_the_lease_is_sure_until_half_a_second_before_its_end(rig: Rig) -> None:
    await rig.gateway.extend()
    assert rig.gateway.holds()
    await rig.clock.advance(59.25)
    assert rig.gateway.holds()
    await rig.clock.advance(0.25)
    assert not rig.gateway.holds()
    with pytest.raises(EnvironmentFault, match="begins anew"):
        await rig.gateway.submit([rig.intent()])
    assert not rig.gateway.ready
    assert rig.venue.sent == []


async def test_who_leads_is_said_by_those_who_wait(rig: Rig) -> None:
    other = rig.make("two")
    assert (other.token, other.elsewhere, other.holds()) == (0, "", False)
    assert other.closed == "account main is not reconciled with its venue yet; nothing is sent before that"
    assert not await other.start()
    said = "account main is led by another process (one); this one sends nothing and takes over once that one is gone"
    assert (other.elsewhere, other.closed, other.ready, other.token) == (said, said, False, 0)
    assert (rig.gateway.elsewhere, rig.gateway.closed, rig.gateway.ready) == ("", "", True)
    token = rig.gateway.token
    assert token > 0
    await rig.gateway.release()
    assert (rig.gateway.token, rig.gateway.ready) == (0, False)
    assert await other.start(), "nobody waits for the end of what was given up"
    assert (other.elsewhere, other.closed) == ("", "")
    assert other.token > token


# --- cancels --------------------------------------------------------------------------------------------------------------


async def test_sixteen_cancels_go_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateway._CANCELS_AT_ONCE == 16
    monkeypatch.setattr(gateway, "_CANCELS_AT_ONCE", 3)
    for number in range(7):
        await resting(rig, f"e{number}")
    original, under_way, most = rig.venue.cancel, [0], [0]

    async def cancel(instrument: InstrumentId, name: str) -> Any:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.001)
        under_way[0] -= 1
        return await original(instrument, name)

    monkeypatch.setattr(rig.venue, "cancel", cancel)
    ended = await rig.gateway.cancel_all()
    assert ([order.state for order in ended], most) == ([OrderState.CANCELLED] * 7, [3])


async def test_those_of_an_instrument_or_a_deployment_are_cancelled(rig: Rig) -> None:
    mine = await resting(rig, "e1")
    theirs = msgspec.structs.replace(rig.intent("e2", type="limit", limit_price=D(1)), deployment="d2")
    await rig.gateway.submit([theirs])
    assert await rig.gateway.cancel_all(ETH) == []
    assert [order.order_id for order in await rig.gateway.cancel_all(BTC, deployment="d1")] == [mine.order_id]
    assert [order.order_id for order in await rig.gateway.cancel_all(deployment="d2")] == [theirs.client_id]


async def test_a_fault_of_one_cancel_is_told_and_holds_no_other_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await resting(rig, "e1"), await resting(rig, "e2")
    original = rig.gateway.cancel

    async def cancel(order_id: str, *, lapsed: bool = False) -> Order:
        if order_id == first.order_id:
            raise EnvironmentFault("away")
        return await original(order_id, lapsed=lapsed)

    monkeypatch.setattr(rig.gateway, "cancel", cancel)
    with pytest.raises(EnvironmentFault, match="away"):
        await rig.gateway.cancel_all()
    assert rig.venue.orders[second.order_id].state is OrderState.CANCELLED


# --- orders ---------------------------------------------------------------------------------------------------------------


async def test_outcomes_come_in_the_order_that_was_asked_and_what_is_decided_is_told_before_the_first_is_sent(rig: Rig) -> None:
    told: list[tuple[str, int]] = []
    plain, closing = rig.intent("e1"), rig.intent("e2", side="sell", reduce_only=True)

    async def within(_work: Any) -> None:
        told.append(("within", len(rig.venue.sent)))

    outcomes = await rig.gateway.submit(
        [plain, closing], within=within, decided=lambda: told.append(("decided", len(rig.venue.sent)))
    )
    assert [order.intent_id for order in outcomes if isinstance(order, Order)] == [plain.intent_id, closing.intent_id]
    assert rig.venue.sent == [closing.client_id, plain.client_id]
    assert told == [("within", 0), ("decided", 0)]
    assert rig.gateway.resolver.sending == set()


async def test_what_is_sent_is_known_with_the_instant_after_which_no_venue_takes_it(rig: Rig) -> None:
    order = await resting(rig, "e1")
    assert order.deadline_ns == order.sent_ns + 15 * 10**9, "ten seconds to be sent, and the venue's window"
    assert order.created_ns == order.sent_ns == rig.clock.now_ns()
    rig.venue.window_ms = 0
    assert (await resting(rig, "e2")).deadline_ns == 0


async def test_a_long_refusal_is_kept_to_five_hundred_letters(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_order: Any) -> Any:
        raise Refused("x" * 501, code=-1, status=400)

    monkeypatch.setattr(rig.venue, "submit", refuse)
    (order,) = await rig.gateway.submit([rig.intent()])
    assert isinstance(order, Order)
    assert order.evidence is not None
    assert (order.evidence.detail, order.evidence.time_ns) == ("x" * 500, rig.clock.now_ns())


async def test_an_order_that_nobody_knows_is_not_found(rig: Rig) -> None:
    order = await resting(rig, "e1")
    assert await rig.gateway.find(order.order_id) == order
    assert await rig.gateway.find("nobody's") is None
    assert await rig.gateway.traded() == [BTC]
    assert rig.gateway.unbooked() == []
    rig.venue.fill(order.order_id, "0.1")
    await rig.gateway.apply_report(rig.venue.orders[order.order_id])
    assert [item.order_id for item in rig.gateway.unbooked()] == [order.order_id]
    assert await rig.gateway.traded() == []
    alert = Alert(name="test", sentence="something")
    await rig.gateway.alert(alert)
    assert rig.told[-1] == alert


# --- changes --------------------------------------------------------------------------------------------------------------


def wish(rig: Rig, order: Order, quantity: str, **more: Any) -> Intent:
    terms = msgspec.structs.replace(order.terms, quantity=D(quantity), limit_price=D(49_000), **more)
    return Intent(
        intent_id=intent_id("main", "d1", f"amend:{order.order_id}:{quantity}"), terms=terms, deployment="d1", amends=order.order_id
    )


async def test_a_larger_order_is_more_of_what_the_venue_holds_otherwise_than_the_books(rig: Rig) -> None:
    order, closing = await resting(rig, "e1"), await resting(rig, "e2", side="sell", reduce_only=True)
    rig.gateway.resolver.suspect = frozenset({BTC})
    denied = await rig.gateway.amend(wish(rig, order, "0.2"))
    assert isinstance(denied, Denied)
    assert (denied.rule, denied.limit, denied.value, denied.denied_ns) == (
        "position_differs",
        "equal",
        "different",
        rig.clock.now_ns(),
    )
    for quantity, changed in (("0.1", order), ("0.09", order), ("0.2", closing)):
        assert isinstance(await rig.gateway.amend(wish(rig, changed, quantity)), Order), quantity


async def test_a_change_carries_when_it_was_asked_and_until_when_it_may_come_about(rig: Rig) -> None:
    order = await resting(rig, "e1")
    for fault, deadline_s in (("lost_answer", 5), ("lost_request", 5)):
        rig.venue.script = [fault]
        made = await rig.gateway.amend(wish(rig, order, "0.2" if fault == "lost_answer" else "0.3"))
        assert isinstance(made, Order)
        assert made.amendment is not None
        assert (made.amendment.asked_ns, made.amendment.deadline_ns) == (
            rig.clock.now_ns(),
            rig.clock.now_ns() + deadline_s * 10**9,
        )
        await rig.gateway.resolve()
    assert order.order_id not in rig.gateway.resolver.sending


async def test_an_answer_that_shows_something_else_is_looked_at_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await resting(rig, "e1")

    async def other(*_: Any, **__: Any) -> Any:
        return rig.venue.orders[order.order_id]

    monkeypatch.setattr(rig.venue, "amend", other)
    made = await rig.gateway.amend(wish(rig, order, "0.2"))
    assert isinstance(made, Order)
    assert made.amendment is not None
    assert (made.state, made.amendment.deadline_ns) == (OrderState.AMENDING, made.amendment.asked_ns + 15 * 10**9)


TERMS = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(2), type="limit", limit_price=D(100))


def an_order(state: OrderState = OrderState.OPEN, **more: Any) -> Order:
    return Order(order_id="o1", intent_id="i1", terms=TERMS, state=state, **more)


def asked(quantity: str = "1", price: str | None = "99") -> Intent:
    kind = {"type": "market", "limit_price": None} if price is None else {"limit_price": D(price)}
    return Intent(intent_id="i2", terms=msgspec.structs.replace(TERMS, quantity=D(quantity), **kind), amends="o1")


@pytest.mark.parametrize(
    ("order", "intent", "words"),
    [
        (an_order(), asked(), ""),
        (an_order(), asked("2", "99"), ""),
        (an_order(), asked("1", "100"), ""),
        (an_order(), asked("2", "100"), "of this quantity and limit price already"),
        (an_order(), asked(price=None), "only limit orders can be changed"),
        (an_order(cancel_asked=True), asked(), "is to be cancelled"),
        (an_order(OrderState.CANCELLED, cancel_asked=True), asked(), "is cancelled"),
        (an_order(OrderState.SUBMITTING), asked(), "is submitting"),
        (an_order(OrderState.AMENDING), asked(), "wait for its outcome"),
        (an_order(external=True), asked(), "is not ours"),
        (an_order(filled=D("0.5"), reported=D(1)), asked(), "not more than the 1 already filled"),
        (an_order(filled=D(1), reported=D("0.5")), asked(), "not more than the 1 already filled"),
        (an_order(filled=D("0.9"), reported=D("0.9")), asked(), ""),
    ],
)
def test_what_can_be_changed(order: Order, intent: Intent, words: str) -> None:
    if not words:
        check_change(order, intent)
        return
    with pytest.raises(InvalidValue, match=words):
        check_change(order, intent)


def test_a_decision_is_kept_as_it_was() -> None:
    intent = asked()
    denied = Denied(intent=intent, rule="r", limit="1", value="2", sentence="no", denied_ns=7)
    record = record_of(intent, denied, 7)
    assert record == IntentRecord(intent=intent, state="denied", rule="r", limit="1", value="2", sentence="no", decided_ns=7)
    assert denied_by(record, intent) == denied
    approved = Approved(intent=intent, approved_ns=7)
    assert record_of(intent, approved, 7) == IntentRecord(intent=intent, state="approved", decided_ns=7)
    assert suspected(intent, 9).denied_ns == 9
