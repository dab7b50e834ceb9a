"""Orders are neither lost nor doubled: what the gateway does when requests, answers and processes are lost."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Crash, Rig, desk_of

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.intents import Denied
from quantservice.core.messages import IntentDenied, OrderChanged, TradeCompleted
from quantservice.core.orders import Evidence, Order, OrderState
from quantservice.ports.trading import OrderReport
from quantservice.quant.risk_rules import DEFAULT_RULES
from quantservice.services.execution import AccountTaken
from quantservice.services.risk import RuleSet

D = Decimal


async def test_an_order_is_durable_before_it_is_sent_and_open_after(rig: Rig) -> None:
    intent = rig.intent()
    original, seen = rig.venue.submit, list[OrderState]()

    async def watched(order: Any) -> OrderReport:
        seen.append((await rig.order(intent)).state)
        return await original(order)

    rig.venue.submit = watched  # type: ignore[method-assign]
    (order,) = await rig.gateway.submit([intent])
    assert seen == [OrderState.SUBMITTING], "what is sent was committed first"
    assert isinstance(order, Order)
    assert (order.state, order.venue_order_id, order.deployment) == (OrderState.OPEN, "1000", "d1")
    assert [payload.order.state for payload in rig.told if isinstance(payload, OrderChanged)] == ["submitting", "open"]


async def test_the_same_cause_is_sent_once(rig: Rig) -> None:
    first = await rig.gateway.submit([rig.intent()])
    again = await rig.gateway.submit([rig.intent(), rig.intent("e2")])
    assert len(rig.venue.sent) == 2
    assert again[0] == first[0]


async def test_or1_a_lost_answer_is_found_and_its_fills_count_once(rig: Rig) -> None:
    rig.venue.script = ["lost_answer"]
    intent = rig.intent()
    (order,) = await rig.gateway.submit([intent])
    assert isinstance(order, Order)
    assert order.state is OrderState.UNKNOWN
    assert rig.desk.books["main"].in_flight(BTC), "its exposure stays reserved"
    fill = rig.venue.fill(intent.client_id, "0.1")
    assert await rig.gateway.resolve()
    found = await rig.order(intent)
    assert (found.state, found.filled, await rig.fills()) == (OrderState.FILLED, D("0.1"), 1)
    assert not await rig.gateway.apply_fill(fill)
    assert len(rig.venue.sent) == 1
    assert not rig.desk.books["main"].in_flight(BTC)


async def test_or2_a_lost_request_is_absent_only_after_its_time_and_several_answers(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    for _ in range(5):
        assert not await rig.gateway.resolve(), "its deadline has not passed: it may still arrive"
    await rig.scans()
    order = await rig.order(intent)
    assert (order.state, order.evidence.source if order.evidence else "") == (OrderState.NOT_SENT, "absence")
    assert rig.venue.orders == {}


async def test_or3_a_held_request_that_arrives_late_is_taken_back_with_an_alarm(rig: Rig) -> None:
    rig.venue.script = ["held"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.scans()
    assert (await rig.order(intent)).state is OrderState.NOT_SENT
    await rig.gateway.apply_report(rig.venue.take(rig.venue.held[0]))
    order = await rig.order(intent)
    assert (order.state, order.revived, len(rig.venue.sent)) == (OrderState.OPEN, True, 1)


async def test_an_outage_is_no_evidence(rig: Rig) -> None:
    rig.venue.script = ["lost_answer"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.away = True
    for _ in range(72):
        await rig.clock.advance(50.0)
        await rig.gateway.extend()
    for _ in range(10):
        assert not await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.UNKNOWN
    rig.venue.away = False
    assert await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.OPEN


async def test_stale_reads_do_not_prove_absence_before_the_deadline(rig: Rig) -> None:
    rig.venue.script, rig.venue.stale = ["lost_answer"], True
    intent = rig.intent()
    await rig.gateway.submit([intent])
    for _ in range(10):
        await rig.gateway.resolve()
    rig.venue.stale = False
    await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.OPEN


async def test_a_refusal_ends_with_the_venues_code(rig: Rig) -> None:
    rig.venue.script = ["refused"]
    (order,) = await rig.gateway.submit([rig.intent()])
    assert isinstance(order, Order)
    assert (order.state, order.evidence.reference if order.evidence else "") == (OrderState.REJECTED, "-2010")
    assert order.reason == "Account has insufficient balance"


async def test_what_was_surely_not_taken_is_tried_again_with_the_same_id(rig: Rig) -> None:
    rig.venue.script = ["not_sent_retry", "not_sent_retry"]
    (order,) = await rig.gateway.submit([rig.intent()])
    assert isinstance(order, Order)
    assert (order.state, len(rig.venue.sent), len(set(rig.venue.sent))) == (OrderState.OPEN, 3, 1)
    rig.venue.script = ["not_sent"]
    (other,) = await rig.gateway.submit([rig.intent("e2")])
    assert isinstance(other, Order)
    assert (other.state, len(rig.venue.sent)) == (OrderState.NOT_SENT, 4)


async def test_tries_end_with_the_time_of_the_intent(rig: Rig) -> None:
    rig.venue.script = ["not_sent_retry"] * 9
    late = msgspec.structs.replace(rig.intent(), valid_until_ns=rig.clock.now_ns() + 1)
    original = rig.venue.submit

    async def slow(order: Any) -> OrderReport:
        await rig.clock.advance(1.0)
        return await original(order)

    rig.venue.submit = slow  # type: ignore[method-assign]
    (order,) = await rig.gateway.submit([late])
    assert isinstance(order, Order)
    assert (order.state, len(rig.venue.sent)) == (OrderState.NOT_SENT, 1)


async def test_a_denial_is_kept_and_nothing_is_sent(rig: Rig) -> None:
    rig.desk.rules = RuleSet(enforced=DEFAULT_RULES)
    (denied,) = await rig.gateway.submit([rig.intent(quantity="5")])
    assert isinstance(denied, Denied)
    assert rig.venue.sent == []
    async with rig.store.transaction() as work:
        record = await work.intents.get(denied.intent.intent_id)
        (decision,) = await work.risk.decisions(account="main")
    assert record is not None
    assert (record.state, record.rule, decision.sentence) == ("denied", denied.rule, denied.sentence)
    assert any(isinstance(payload, IntentDenied) for payload in rig.told)


async def test_or7_fills_before_the_answer_twice_and_out_of_order(rig: Rig) -> None:
    intent = rig.intent(quantity="0.3")
    rig.venue.script = ["lost_answer"]
    await rig.gateway.submit([intent])
    fills = [rig.venue.fill(intent.client_id, "0.1", price) for price in ("50000", "50010", "50020")]
    for fill in (fills[2], fills[0], fills[2]):
        await rig.gateway.apply_fill(fill)
    partly = await rig.order(intent)
    assert (partly.state, partly.filled) == (OrderState.OPEN, D("0.2"))
    await rig.gateway.apply_report(rig.venue.orders[intent.client_id])  # says 0.3 are filled: the stream may bring it yet
    assert await rig.fills() == 2
    await rig.clock.advance(1.5)  # it did not: the missing one is asked for
    await rig.gateway.resolve()
    order = await rig.order(intent)
    assert (order.state, order.filled, order.average_price, await rig.fills()) == (OrderState.FILLED, D("0.3"), D(50010), 3)
    stale = msgspec.structs.replace(rig.venue.orders[intent.client_id], state=OrderState.OPEN, filled=D("0.1"))
    assert (await rig.gateway.apply_report(stale)).state is OrderState.FILLED, "a late report turns nothing back"


async def test_or8_a_cancel_that_races_a_fill_ends_as_the_venue_says(rig: Rig) -> None:
    first, second = rig.intent("e1"), rig.intent("e2")
    await rig.gateway.submit([first, second])
    rig.venue.fill(first.client_id, "0.1")
    assert (await rig.gateway.cancel(first.client_id)).state is OrderState.FILLED
    rig.venue.script = ["lost_answer"]
    assert (await rig.gateway.cancel(second.client_id)).state is OrderState.CANCELLED
    assert (await rig.gateway.cancel(second.client_id)).state is OrderState.CANCELLED, "and it is not asked again"


async def test_or10_orders_and_fills_of_others_are_adopted_and_marked(rig: Rig) -> None:
    report = OrderReport(
        account="main", instrument=BTC, client_id="autoclose-77", venue_order_id="9", side="sell", type="market",
        quantity=D("0.2"), state=OrderState.OPEN, evidence=Evidence(source="push", reference="9"),
    )  # fmt: skip
    order = await rig.gateway.apply_report(report)
    assert (order.external, order.deployment, order.tag) == (True, "", "autoclose-77")
    rig.venue.orders["by-hand"] = msgspec.structs.replace(report, client_id="by-hand", venue_order_id="10")
    fill = rig.venue.fill("by-hand", "0.2")
    assert await rig.gateway.apply_fill(msgspec.structs.replace(fill, client_id="", venue_order_id="10"))
    async with rig.store.transaction() as work:
        held = await work.books.position("main", str(BTC))
    assert held is not None
    assert held.position.quantity == D("-0.2")


@pytest.mark.parametrize("lost", ["", "lost_answer", "lost_request"])
async def test_cr1_a_new_process_finds_every_order_as_it_is(rig: Rig, lost: str) -> None:
    """The old process is gone after the send and before its answer was kept."""
    intent = rig.intent(quantity="0.3")
    original = rig.venue.submit

    async def killed(order: Any) -> OrderReport:
        rig.venue.script = [lost] if lost else []
        with contextlib.suppress(VenueError):
            await original(order)
        raise Crash

    rig.venue.submit = killed  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await rig.gateway.submit([intent])
    rig.venue.submit = original  # type: ignore[method-assign]
    assert (await rig.order(intent)).state is OrderState.SUBMITTING
    if lost != "lost_request":
        rig.venue.fill(intent.client_id, "0.1")
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    if lost == "lost_request":
        assert rig.gateway.ready, "it blocks its own intent only"
        assert rig.desk.books["main"].in_flight(BTC), "its exposure is reserved"
        await rig.scans()
        assert (await rig.order(intent)).state is OrderState.NOT_SENT
    else:
        assert ((await rig.order(intent)).state, (await rig.order(intent)).filled) == (OrderState.OPEN, D("0.1"))
        assert await rig.gateway.start()
        assert await rig.fills() == 1, "a second reconciliation finds nothing new"
    assert rig.gateway.ready
    assert len(rig.venue.sent) == 1


async def test_what_ended_while_nobody_looked_is_found_at_the_start(rig: Rig) -> None:
    cancelled, filled = rig.intent("e1"), rig.intent("e2")
    await rig.gateway.submit([cancelled, filled])
    rig.venue.change(cancelled.client_id, OrderState.CANCELLED)
    rig.venue.fill(filled.client_id, "0.1")
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert [(await rig.order(intent)).state for intent in (cancelled, filled)] == [OrderState.CANCELLED, OrderState.FILLED]
    assert rig.gateway.ready


async def test_what_was_not_reconciled_sends_nothing(rig: Rig) -> None:
    with pytest.raises(EnvironmentFault, match="not reconciled"):
        await rig.make("one").submit([rig.intent()])
    with pytest.raises(EnvironmentFault, match="not reconciled"):
        await rig.make("one").amend(rig.intent(type="limit", limit_price=D(1)))
    assert rig.venue.sent == []


async def test_cr2_of_two_gateways_one_sends_also_after_the_other_slept(rig: Rig) -> None:
    other = rig.make("two")
    assert not await other.start()
    await rig.clock.advance(61.0)  # the first slept past its lease
    assert await other.start()
    with pytest.raises(EnvironmentFault, match="traded by another process"):
        await rig.gateway.submit([rig.intent()])
    assert rig.venue.sent == []
    assert not rig.gateway.ready
    await other.submit([rig.intent()])
    assert len(rig.venue.sent) == 1


async def test_an_order_that_was_on_its_way_while_the_account_begins_anew_is_told_so(rig: Rig) -> None:
    """A changed key ends the gateway: no other process is to be blamed for it."""
    await rig.gateway.release()
    rig.gateway.ready = True  # it had been, when the order was let in
    with pytest.raises(EnvironmentFault, match="account main begins anew; nothing was sent, ask again in a moment"):
        await rig.gateway.submit([rig.intent()])
    assert rig.venue.sent == []


async def test_a_lease_that_was_lost_and_came_back_needs_a_reconciliation(rig: Rig) -> None:
    other = rig.make("two")
    await rig.clock.advance(61.0)
    assert await other.start()
    with pytest.raises(AccountTaken):
        await rig.gateway.extend()
    await other.submit([rig.intent("e9")])
    await rig.clock.advance(61.0)  # the other is gone
    with pytest.raises(AccountTaken):
        await rig.gateway.extend()
    with pytest.raises(EnvironmentFault):
        await rig.gateway.reconcile(await rig.venue.snapshot())
    assert not rig.gateway.ready, "what the other did is not known here yet"
    assert await rig.gateway.start()
    assert rig.gateway.ready
    assert [order.order_id for order in await rig.gateway._keeper.open()] == [rig.intent("e9").client_id]


async def test_an_order_that_is_unknown_blocks_no_other(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    lost = rig.intent("e1")
    await rig.gateway.submit([lost])
    assert not await rig.gateway.resolve()
    (other,) = await rig.gateway.submit([rig.intent("e2")])
    assert isinstance(other, Order)
    assert other.state is OrderState.OPEN
    (again,) = await rig.gateway.submit([lost])
    assert isinstance(again, Order)
    assert (again.state, len(rig.venue.sent)) == (OrderState.UNKNOWN, 2), "and its own intent is not sent again"


async def test_a_store_that_cannot_write_sends_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from quantservice.adapters.state_store.trading_orders import SqlOrders

    async def full(*_: Any) -> None:
        raise EnvironmentFault("no room is left for the state store")

    monkeypatch.setattr(SqlOrders, "put", full)
    with pytest.raises(EnvironmentFault, match="no room is left"):
        await rig.gateway.submit([rig.intent()])
    assert rig.venue.sent == []
    assert rig.desk.books["main"].in_flight(BTC) == [], "nothing is reserved for it"


async def test_reductions_go_first_and_fills_are_told(rig: Rig) -> None:
    opening, closing = rig.intent("e1"), rig.intent("e2", side="sell", reduce_only=True)
    await rig.gateway.submit([opening, closing])
    assert rig.venue.sent == [closing.client_id, opening.client_id]
    assert await rig.gateway.apply_fill(rig.venue.fill(opening.client_id, "0.1"))
    (told,) = [payload for payload in rig.told if isinstance(payload, TradeCompleted)]
    assert (told.order_id, told.deployment, told.fill.quantity) == (opening.client_id, "d1", D("0.1"))
