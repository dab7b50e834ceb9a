"""Open orders are changed once, and what is not answered is settled by what the venue shows."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Crash, Rig

from quantservice.core.errors import EnvironmentFault, InvalidValue
from quantservice.core.intents import Denied, Intent, intent_id
from quantservice.core.orders import Order, OrderState
from quantservice.ports import RiskState
from quantservice.ports.trading import OrderReport, Unknown
from quantservice.quant.risk_rules.orders import MaxOrderValue
from quantservice.services.risk import RuleSet

D = Decimal


async def placed(rig: Rig, quantity: str = "0.1", **terms: Any) -> Order:
    (order,) = await rig.gateway.submit([rig.intent("first", quantity, type="limit", limit_price=D(50_000), **terms)])
    assert isinstance(order, Order)
    assert order.state is OrderState.OPEN
    return order


def change(rig: Rig, order: Order, quantity: str = "0.1", limit: str = "49000", cause: str = "a1") -> Intent:
    return Intent(
        intent_id=intent_id("main", "d1", f"amend:{order.order_id}:{cause}"),
        terms=msgspec.structs.replace(order.terms, quantity=D(quantity), limit_price=D(limit)),
        deployment="d1",
        amends=order.order_id,
        created_ns=rig.clock.now_ns(),
    )


async def now(rig: Rig, order: Order) -> Order:
    async with rig.store.transaction() as work:
        found = await work.orders.get(order.order_id)
    assert found is not None
    return found


def shown(order: Order | Denied) -> tuple[str, str, str, str]:
    assert isinstance(order, Order)
    assert order.amendment is not None
    return order.state.value, f"{order.terms.quantity}", f"{order.terms.limit_price}", order.amendment.state


async def test_a_change_is_durable_before_it_is_sent_and_made_after(rig: Rig) -> None:
    order = await placed(rig)
    original, seen = rig.venue.amend, list[tuple[str, str, str, str]]()

    async def watched(*args: Any, **more: Any) -> OrderReport:
        seen.append(shown(await now(rig, order)))
        return await original(*args, **more)

    rig.venue.amend = watched  # type: ignore[method-assign]
    made = await rig.gateway.amend(change(rig, order, "0.2"))
    assert seen == [("amending", "0.1", "50000", "asked")]
    assert shown(made) == ("open", "0.2", "49000", "made")
    assert made == await now(rig, order)


async def test_the_same_wish_is_asked_once_and_another_of_its_name_is_refused(rig: Rig) -> None:
    order = await placed(rig)
    first = await rig.gateway.amend(change(rig, order, "0.2"))
    assert await rig.gateway.amend(change(rig, order, "0.2")) == first
    assert len(rig.venue.amends) == 1
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await rig.gateway.amend(change(rig, order, "0.3"))
    assert shown(await rig.gateway.amend(change(rig, order, "0.3", cause="a2"))) == ("open", "0.3", "49000", "made")


async def test_a_lost_answer_is_found_and_not_asked_again(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_answer"]
    assert shown(await rig.gateway.amend(change(rig, order, "0.2"))) == ("amending", "0.1", "50000", "asked")
    assert [item.most for item in rig.desk.books["main"].in_flight(BTC)] == [D("0.2")], "the larger version counts"
    await rig.gateway.resolve()
    assert shown(await now(rig, order)) == ("open", "0.2", "49000", "made")
    assert len(rig.venue.amends) == 1


async def test_a_lost_request_is_not_made_only_after_its_time_and_several_answers(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_request"]
    await rig.gateway.amend(change(rig, order, "0.2"))
    for _ in range(5):
        await rig.gateway.resolve()
    assert shown(await now(rig, order))[0] == "amending", "its deadline has not passed: it may still arrive"
    with pytest.raises(InvalidValue, match="being changed"):
        await rig.gateway.amend(change(rig, order, "0.3", cause="a2"))
    await rig.scans(1)
    assert shown(await now(rig, order))[0] == "amending", "one answer is none"
    await rig.scans(1)
    kept = await now(rig, order)
    assert shown(kept) == ("open", "0.1", "50000", "refused")
    assert kept.evidence is not None
    assert (kept.evidence.source, kept.evidence.reference) == ("query", order.venue_order_id)
    assert [item.most for item in rig.desk.books["main"].in_flight(BTC)] == [D("0.1")]
    assert shown(await rig.gateway.amend(change(rig, order, "0.3", cause="a2"))) == ("open", "0.3", "49000", "made")


async def test_a_venue_that_is_away_proves_nothing(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_request"]
    await rig.gateway.amend(change(rig, order, "0.2"))
    await rig.scans(1)
    rig.venue.away = True
    await rig.clock.advance(6.0)
    await rig.gateway.resolve()
    rig.venue.away = False
    await rig.clock.advance(6.0)
    await rig.gateway.resolve()
    assert shown(await now(rig, order))[0] == "amending", "answers before an outage do not count"


async def test_one_that_was_taken_for_not_made_and_turns_up_is_followed(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_request"]
    await rig.gateway.amend(change(rig, order, "0.2"))
    await rig.scans(2)
    assert shown(await now(rig, order))[3] == "refused"
    late = rig.venue.change(order.order_id, OrderState.OPEN, quantity=D("0.2"), limit_price=D(49_000))
    assert shown(await rig.gateway.apply_report(late)) == ("open", "0.2", "49000", "made")


@pytest.mark.parametrize("answered", [True, False])
async def test_after_a_kill_it_is_settled_by_what_the_venue_shows(rig: Rig, answered: bool) -> None:
    order = await placed(rig)
    original = rig.venue.amend

    async def killed(*args: Any, **more: Any) -> OrderReport:
        if answered:
            await original(*args, **more)
        raise Crash

    rig.venue.amend = killed  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await rig.gateway.amend(change(rig, order, "0.2"))
    rig.venue.amend = original  # type: ignore[method-assign]
    await rig.clock.advance(61.0)
    rig.gateway = rig.make("two")
    assert await rig.gateway.start()
    if not answered:
        assert shown(await now(rig, order))[0] == "amending"
        await rig.scans(2)
    wanted = ("open", "0.2", "49000", "made") if answered else ("open", "0.1", "50000", "refused")
    assert shown(await now(rig, order)) == wanted
    assert len(rig.venue.amends) == answered, "a change is never sent by another process"


async def test_what_the_venue_refuses_leaves_the_order_as_it_was_and_says_why(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["refused"]
    kept = await rig.gateway.amend(change(rig, order, "0.2"))
    assert shown(kept) == ("open", "0.1", "50000", "refused")
    assert isinstance(kept, Order)
    assert kept.amendment is not None
    assert kept.amendment.reason == "No need to modify the order."


async def test_one_that_filled_while_it_was_asked_for_is_filled(rig: Rig) -> None:
    order = await placed(rig)
    fill = rig.venue.fill(order.order_id, "0.1")
    ended = await rig.gateway.amend(change(rig, order, "0.2"))
    assert isinstance(ended, Order)
    assert (ended.state, ended.filled, ended.terms.quantity) == (OrderState.FILLED, D("0.1"), D("0.1"))
    assert not await rig.gateway.apply_fill(fill)


async def test_one_that_ended_while_its_answer_was_lost_has_ended(rig: Rig) -> None:
    order = await placed(rig)
    original = rig.venue.amend

    async def late(*args: Any, **more: Any) -> OrderReport:
        await rig.gateway.apply_fill(rig.venue.fill(order.order_id, "0.1"))
        await rig.gateway.apply_report(rig.venue.orders[order.order_id])
        raise Unknown("no answer within 5 s", deadline_ns=rig.clock.now_ns() + 5_000_000_000)

    rig.venue.amend = late  # type: ignore[method-assign]
    made = await rig.gateway.amend(change(rig, order, "0.2"))
    rig.venue.amend = original  # type: ignore[method-assign]
    assert isinstance(made, Order)
    assert (made.state, made.filled) == (OrderState.FILLED, D("0.1"))
    assert made == await now(rig, order)


async def test_fills_of_the_old_quantity_complete_nothing_while_more_may_rest(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_answer"]
    await rig.gateway.amend(change(rig, order, "0.2"))
    await rig.gateway.apply_fill(rig.venue.fill(order.order_id, "0.1"))
    assert shown(await now(rig, order))[0] == "amending"
    await rig.gateway.resolve()
    assert shown(await now(rig, order)) == ("open", "0.2", "49000", "made")
    assert (await now(rig, order)).remaining == D("0.1")


async def test_fills_of_the_old_quantity_complete_it_once_no_more_can_rest(rig: Rig) -> None:
    order = await placed(rig)

    async def refused_late(*_: Any, **__: Any) -> OrderReport:
        await rig.gateway.apply_fill(rig.venue.fill(order.order_id, "0.1"))
        rig.venue.script = ["refused"]
        return await original(BTC, order.order_id, quantity=D("0.2"), limit_price=D(49_000))

    original, rig.venue.amend = rig.venue.amend, refused_late  # type: ignore[method-assign]
    ended = await rig.gateway.amend(change(rig, order, "0.2"))
    assert isinstance(ended, Order)
    assert (ended.state, ended.filled) == (OrderState.FILLED, D("0.1"))


async def test_an_amending_order_can_be_cancelled(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["lost_answer"]
    await rig.gateway.amend(change(rig, order, "0.2"))
    ended = await rig.gateway.cancel(order.order_id)
    assert ended.state is OrderState.CANCELLED


async def test_what_was_surely_not_taken_is_sent_again_and_a_fenced_process_sends_nothing(rig: Rig) -> None:
    order = await placed(rig)
    rig.venue.script = ["not_sent_retry", "not_sent_retry"]
    assert shown(await rig.gateway.amend(change(rig, order, "0.2"))) == ("open", "0.2", "49000", "made")
    assert len(rig.venue.amends) == 3
    await rig.clock.advance(61.0)
    assert await rig.make("two").start()
    with pytest.raises(EnvironmentFault):
        await rig.gateway.amend(change(rig, order, "0.3", cause="a2"))
    assert len(rig.venue.amends) == 3
    assert shown(await now(rig, order))[0] == "open", "nothing is decided by a process that was followed by another"


async def test_risk_control_is_asked_with_what_it_adds(rig: Rig) -> None:
    order = await placed(rig)
    book = rig.desk.books["main"]
    book.set_price(BTC, D(50_000), rig.clock.now_ns())
    book.set_equity(D(100_000), rig.clock.now_ns(), free_margin=D(100_000))
    view = book.view(change(rig, order, "0.3"), rig.clock.now_ns())
    assert (view.position_value, view.after_position_value, view.open_orders) == (D(5_000), D(15_000), 0)
    assert book.view(change(rig, order, "0.05"), rig.clock.now_ns()).after_position_value == D(5_000), "the old one may stay"
    rig.desk.rules = RuleSet(enforced=(MaxOrderValue(limit=D(10_000)),))
    denied = await rig.gateway.amend(change(rig, order, "0.3"))
    assert isinstance(denied, Denied)
    assert denied.rule == "max_order_value"
    again = await rig.gateway.amend(change(rig, order, "0.3"))
    assert isinstance(again, Denied)
    assert (again.rule, again.sentence) == (denied.rule, denied.sentence), "a denied wish stays denied"
    assert rig.venue.amends == []
    assert (await now(rig, order)).state is OrderState.OPEN


async def test_a_state_that_changed_after_the_approval_holds_it_back(rig: Rig) -> None:
    order = await placed(rig)

    async def halted(*_: Any, **__: Any) -> OrderReport:
        rig.desk.set_state(RiskState(scope="system", state="HALTED"))
        rig.venue.script = ["not_sent_retry"]
        return await original(BTC, order.order_id, quantity=D("0.2"), limit_price=D(49_000))

    original, rig.venue.amend = rig.venue.amend, halted  # type: ignore[method-assign]
    kept = await rig.gateway.amend(change(rig, order, "0.2"))
    assert shown(kept) == ("open", "0.1", "50000", "refused")
    assert len(rig.venue.amends) == 1


@pytest.mark.parametrize(
    ("quantity", "limit", "words"), [("0.1", "50000", "already"), ("0.02", "49000", "already filled"), ("0.03", "49000", "")]
)
async def test_a_change_that_is_none_or_below_what_is_filled_is_refused(rig: Rig, quantity: str, limit: str, words: str) -> None:
    order = await placed(rig)
    await rig.gateway.apply_fill(rig.venue.fill(order.order_id, "0.02"))
    if words:
        with pytest.raises(InvalidValue, match=words):
            await rig.gateway.amend(change(rig, order, quantity, limit))
        assert rig.venue.amends == []
    else:
        assert shown(await rig.gateway.amend(change(rig, order, quantity, limit)))[3] == "made"


async def test_only_open_limit_orders_of_ours_can_be_changed(rig: Rig) -> None:
    (market,) = await rig.gateway.submit([rig.intent("m")])
    assert isinstance(market, Order)
    with pytest.raises(InvalidValue, match="limit orders"):
        await rig.gateway.amend(change(rig, market))
    await rig.gateway.cancel(market.order_id)
    with pytest.raises(InvalidValue, match="is cancelled"):
        await rig.gateway.amend(change(rig, market))
    foreign = msgspec.structs.replace(rig.venue.orders[market.order_id], client_id="x", venue_order_id="77", state=OrderState.OPEN)
    external = await rig.gateway.apply_report(foreign)
    with pytest.raises(InvalidValue, match="not ours"):
        await rig.gateway.amend(change(rig, external))


async def test_two_changes_at_once_are_one(rig: Rig) -> None:
    order = await placed(rig)
    both = await asyncio.gather(
        rig.gateway.amend(change(rig, order, "0.2")),
        rig.gateway.amend(change(rig, order, "0.3", cause="a2")),
        return_exceptions=True,
    )
    assert isinstance(both[0], Order)
    assert isinstance(both[1], InvalidValue)
    assert len(rig.venue.amends) == 1
