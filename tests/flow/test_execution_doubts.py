"""Doubts: what the gateway may conclude from what the venue says, does not say, or says late."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Crash, Rig, desk_of

from quantservice.adapters.state_store.trading_orders import SqlOrders
from quantservice.core.errors import EnvironmentFault
from quantservice.core.intents import Denied
from quantservice.core.messages import Alert
from quantservice.core.orders import Evidence, Order, OrderState
from quantservice.ports.trading import NotSent, OrderReport, Unknown
from quantservice.quant.risk_rules import DEFAULT_RULES
from quantservice.services.execution import AccountTaken, ExecutionConfig, ExecutionService
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.risk import RuleSet

D = Decimal


async def test_lease_lost_during_back_off_sends_nothing_more(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    other = rig.make("two")
    calls = 0

    async def submit(order: Any) -> OrderReport:
        nonlocal calls
        calls += 1
        if calls == 1:
            await rig.clock.advance(61.0)
            assert await other.start()
            raise NotSent("Service Unavailable", code=503, retry=True)
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    with contextlib.suppress(EnvironmentFault):
        await rig.gateway.submit([rig.intent()])
    assert calls == 1, f"fenced process sent {calls} requests"


async def test_a_batch_stops_when_the_lease_is_lost(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    other = rig.make("two")
    sent = []

    async def submit(order: Any) -> OrderReport:
        sent.append(order.intent.client_id)
        if len(sent) == 1:
            await rig.clock.advance(61.0)
            assert await other.start()
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    with contextlib.suppress(EnvironmentFault):
        await rig.gateway.submit([rig.intent("e1"), rig.intent("e2")])
    assert len(sent) == 1


async def test_an_order_past_its_deadline_is_not_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, late = rig.intent("e1"), msgspec.structs.replace(rig.intent("e2"), valid_until_ns=rig.clock.now_ns() + 1_000_000_000)
    original = rig.venue.submit

    async def submit(order: Any) -> OrderReport:
        if order.intent == slow:
            await rig.clock.advance(5.0)
        return await original(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    await rig.gateway.submit([slow, late])
    assert late.client_id not in rig.venue.sent


async def test_retry_after_is_obeyed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    until = rig.clock.now_ns() + 30_000_000_000
    times = []

    async def submit(order: Any) -> OrderReport:
        times.append(rig.clock.now_ns())
        if len(times) == 1:
            raise NotSent("Too many requests", code=429, retry=True, retry_at_ns=until)
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    task = asyncio.ensure_future(rig.gateway.submit([rig.intent()]))
    for _ in range(40):
        await asyncio.sleep(0.005)
        if task.done():
            break
        await rig.clock.advance(1.0)
    await asyncio.wait_for(task, 20)
    assert all(time >= until for time in times[1:]), "sent again inside Retry-After"


async def test_resolve_while_a_send_backs_off_breaks_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def submit(order: Any) -> OrderReport:
        nonlocal calls
        calls += 1
        await rig.gateway.resolve()  # the loop does this every second
        raise NotSent("Service Unavailable", code=503, retry=calls < 2)

    monkeypatch.setattr(rig.venue, "submit", submit)
    (order,) = await rig.gateway.submit([rig.intent()])
    assert isinstance(order, Order)
    assert order.state is OrderState.NOT_SENT


async def test_a_request_in_flight_is_not_taken_for_absent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[OrderState] = []
    intent = rig.intent()

    async def submit(order: Any) -> OrderReport:
        for _ in range(4):
            await rig.clock.advance(4.0)
            await rig.gateway.resolve()
        seen.append((await rig.order(intent)).state)
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    await rig.gateway.submit([intent])
    assert seen == [OrderState.SUBMITTING]
    assert not (await rig.order(intent)).revived


async def test_absence_needs_open_orders_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.venue.script = ["lost_answer"]
    intent = rig.intent()
    await rig.gateway.submit([intent])

    async def blind(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(rig.venue, "find", blind)
    await rig.clock.advance(50.0)
    await rig.gateway.extend()
    for _ in range(4):
        await rig.gateway.resolve()
    assert (await rig.order(intent)).state is not OrderState.NOT_SENT, "the venue's list of open orders has it"


async def test_answers_before_the_deadline_do_not_count(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    for _ in range(5):
        await rig.gateway.resolve()
    await rig.clock.advance(59.0)
    await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.UNKNOWN, "one answer after the deadline was enough"


async def test_answers_are_five_seconds_apart(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.clock.advance(59.0)
    for _ in range(3):
        await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.UNKNOWN, "three answers at the same instant were enough"


async def test_a_venue_without_deadline_waits_ten_minutes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.venue, "window_ms", 0)

    async def submit(order: Any) -> OrderReport:
        raise Unknown("timeout", deadline_ns=0)

    monkeypatch.setattr(rig.venue, "submit", submit)
    intent = rig.intent()
    await rig.gateway.submit([intent])
    for _ in range(6):
        await rig.clock.advance(7.0)
        await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.UNKNOWN


async def test_missing_fills_are_asked_again_after_an_outage(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.fill(intent.client_id, "0.1")
    rig.venue.away = True
    await rig.gateway.apply_report(rig.venue.orders[intent.client_id])
    rig.venue.away = False
    for _ in range(3):
        await rig.clock.advance(10.0)
        await rig.gateway.extend()
        await rig.gateway.resolve()
        await rig.gateway.reconcile(await rig.venue.snapshot())
    assert await rig.fills() == 1


async def test_a_liquidation_while_away_is_found(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.gateway.apply_fill(rig.venue.fill(intent.client_id, "0.1"))
    rig.venue.orders["autoclose-1"] = OrderReport(
        account="main",
        instrument=BTC,
        client_id="autoclose-1",
        venue_order_id="77",
        side="sell",
        type="market",
        quantity=D("0.1"),
        state=OrderState.OPEN,
        evidence=Evidence(source="push", reference="77"),
    )
    rig.venue.fill("autoclose-1", "0.1")
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    async with rig.store.transaction() as work:
        held = await work.books.position("main", str(BTC))
    assert held is None or held.position.quantity == 0, f"books say {held.position.quantity}, the venue 0"


async def test_a_position_mismatch_bars_new_exposure(rig: Rig) -> None:
    rig.venue.held_quantity[BTC, "both"] = D(3)
    await rig.gateway.reconcile(await rig.venue.snapshot())
    (answer,) = await rig.gateway.submit([rig.intent()])
    (alert,) = [item for item in rig.told if isinstance(item, Alert)]
    assert isinstance(answer, Denied)
    assert (answer.rule, alert.name, alert.level) == ("position_differs", "position_differs", "critical")
    (order,) = await rig.gateway.submit([rig.intent("e2", side="sell", reduce_only=True)])
    assert isinstance(order, Order), "what reduces is sent"
    del rig.venue.held_quantity[BTC, "both"]
    await rig.gateway.reconcile(await rig.venue.snapshot())
    (order,) = await rig.gateway.submit([rig.intent("e3")])
    assert isinstance(order, Order)
    assert [item.cleared for item in rig.told if isinstance(item, Alert)] == [False, True]


async def test_a_hundred_millionth_that_the_books_do_not_explain_is_told_once(rig: Rig) -> None:
    def told() -> list[tuple[str, bool]]:
        return [(item.name, item.cleared) for item in rig.told if isinstance(item, Alert)]

    rig.venue.wallet += D("0.00000001")
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert told() == [], "one comparison may have met a movement on its way"
    for _ in range(3):
        await rig.clock.advance(1.0)
        await rig.gateway.reconcile(await rig.venue.snapshot())
    (alert,) = [item for item in rig.told if isinstance(item, Alert)]
    assert (alert.name, alert.level) == ("balance_differs", "warning")
    assert "0.00000001 USDT" in alert.sentence
    differing = await rig.compared()
    assert differing.venue["USDT"] - differing.booked["USDT"] == D("0.00000001")
    assert differing.differed_ms == differing.time_ms
    rig.venue.wallet -= D("0.00000001")
    await rig.clock.advance(1.0)
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert told() == [("balance_differs", False), ("balance_differs", True)]
    agreed = await rig.compared()
    assert (agreed.venue, agreed.differed_ms) == (agreed.booked, differing.time_ms), "that they differed today stays known"


async def test_a_cancel_of_an_unknown_is_done_when_it_turns_up(rig: Rig) -> None:
    rig.venue.script = ["held"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.gateway.cancel(intent.client_id)
    rig.venue.take(rig.venue.held[0])
    for _ in range(5):
        await rig.clock.advance(2.0)
        await rig.gateway.resolve()
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert rig.venue.orders[intent.client_id].state is OrderState.CANCELLED


async def test_cancels_go_when_the_store_cannot_write(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])

    async def full(*_: Any) -> None:
        raise EnvironmentFault("no room is left for the state store")

    monkeypatch.setattr(SqlOrders, "put", full)
    with contextlib.suppress(EnvironmentFault):
        await rig.gateway.cancel(intent.client_id)
    assert rig.venue.orders[intent.client_id].state is OrderState.CANCELLED


async def test_a_denied_intent_stays_denied(rig: Rig) -> None:
    rig.desk.rules = RuleSet(enforced=DEFAULT_RULES)
    intent = rig.intent(quantity="5")
    await rig.gateway.submit([intent])
    rig.desk.rules = RuleSet(enforced=())
    await rig.gateway.submit([intent])
    async with rig.store.transaction() as work:
        record = await work.intents.get(intent.intent_id)
    assert record is not None
    assert not (record.state == "denied" and rig.venue.sent), "the record says denied, the order was sent"


async def test_a_batch_counts_its_own_orders(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = rig.desk.check

    def check(intent: Any, now_ns: int, _also: Any = ()) -> Any:
        seen.append(len(rig.desk.books["main"].in_flight(BTC)))
        return original(intent, now_ns)

    monkeypatch.setattr(rig.desk, "check", check)
    await rig.gateway.submit([rig.intent("e1"), rig.intent("e2"), rig.intent("e3")])
    assert seen == [0, 1, 2]


async def test_exposure_of_an_open_order_is_reserved_after_a_restart_on_stale_reads(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.stale = True
    rig.desk = desk_of()
    rig.gateway = rig.make()
    await rig.gateway.start()
    assert not rig.gateway.ready or rig.desk.books["main"].in_flight(BTC)


async def test_external_orders_of_two_accounts_do_not_meet(rig: Rig) -> None:
    def report(account: str) -> OrderReport:
        return OrderReport(
            account=account,
            instrument=BTC,
            client_id="web_1",
            venue_order_id="9",
            side="sell",
            type="limit",
            limit_price=D(60_000),
            quantity=D("0.2"),
            state=OrderState.OPEN,
            evidence=Evidence(source="push", reference="9"),
        )

    await rig.gateway.apply_report(report("main"))
    rig.venue.account = "second"
    other = rig.make("two")
    assert await other.start()
    order = await other.apply_report(report("second"))
    assert order.terms.account == "second"


async def test_a_reused_external_client_id_is_another_order(rig: Rig) -> None:
    first = OrderReport(
        account="main",
        instrument=BTC,
        client_id="web",
        venue_order_id="9",
        side="sell",
        type="market",
        quantity=D("0.2"),
        state=OrderState.CANCELLED,
        evidence=Evidence(source="push", reference="9"),
    )
    await rig.gateway.apply_report(first)
    order = await rig.gateway.apply_report(msgspec.structs.replace(first, venue_order_id="10", state=OrderState.OPEN))
    assert (order.venue_order_id, order.state) == ("10", OrderState.OPEN)


async def test_exists_is_adopted(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent()

    async def submit(order: Any) -> OrderReport:
        rig.venue.take(order)
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    await rig.gateway.submit([intent])
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert (await rig.order(intent)).state is OrderState.OPEN, "it is live at the venue"


async def test_a_fenced_process_does_not_arm_the_timer(rig: Rig) -> None:
    service = ExecutionService(rig.gateway, rig.venue, rig.clock, ExecutionConfig())  # type: ignore[arg-type]
    await rig.gateway.submit([rig.intent()])
    await rig.clock.advance(61.0)
    assert await rig.make("two").start()
    with pytest.raises(AccountTaken):
        await rig.gateway.extend()
    await service._arm()
    assert rig.venue.armed == []


async def test_an_outage_while_a_snapshot_is_taken_does_not_end_the_loop(rig: Rig) -> None:
    service = ExecutionService(rig.gateway, rig.venue, rig.clock, ExecutionConfig())  # type: ignore[arg-type]
    task = asyncio.ensure_future(service.run())
    try:
        for _ in range(200):
            await asyncio.sleep(0.01)
            if rig.clock.sleepers >= 4:
                break
        shown = await rig.venue.snapshot()
        rig.venue.away = True
        await rig.venue.stream.put([shown])
        for _ in range(100):
            await asyncio.sleep(0.01)
            if task.done():
                break
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_stream_that_ends_is_followed_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    service = ExecutionService(rig.gateway, rig.venue, rig.clock, ExecutionConfig())  # type: ignore[arg-type]
    task = asyncio.ensure_future(service.run())
    calls = 0
    original = rig.venue.updates

    def updates() -> Any:
        nonlocal calls
        calls += 1
        return original()

    monkeypatch.setattr(rig.venue, "updates", updates)
    try:
        for _ in range(200):
            await asyncio.sleep(0.01)
            if calls:
                break
        await rig.venue.stream.put(None)
        for _ in range(40):
            await rig.clock.advance(2.0)
            await asyncio.sleep(0.01)
        assert calls > 1 or task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lost_cancel_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    original, calls = rig.venue.cancel, 0

    async def cancel(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unknown("the request was lost")
        return await original(*given)

    monkeypatch.setattr(rig.venue, "cancel", cancel)
    await rig.gateway.cancel(intent.client_id)
    for _ in range(5):
        await rig.clock.advance(2.0)
        await rig.gateway.resolve()
        await rig.gateway.reconcile(await rig.venue.snapshot())
    assert rig.venue.orders[intent.client_id].state is OrderState.CANCELLED


async def test_an_order_that_works_for_weeks_is_not_forgotten(rig: Rig) -> None:
    """Bug bank 1: an order older than any look-back is open all the same, and so are its late fills."""
    intent = rig.intent(type="limit", limit_price=D(40_000))
    await rig.gateway.submit([intent])
    await rig.clock.advance(40 * 86_400.0)
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert (await rig.order(intent)).state is OrderState.OPEN
    assert rig.desk.books["main"].in_flight(BTC)
    rig.venue.fill(intent.client_id, "0.1", "40000")
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert ((await rig.order(intent)).state, await rig.fills()) == (OrderState.FILLED, 1)


async def test_a_fill_that_could_not_be_booked_counts_when_it_is_told_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug bank 2: seen, applied and booked are one commit; a crash between them leaves nothing."""
    intent = rig.intent()
    await rig.gateway.submit([intent])
    fill = rig.venue.fill(intent.client_id, "0.1")

    async def dies(*_: Any, **__: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Bookkeeper, "book", dies)
        with pytest.raises(Crash):
            await rig.gateway.apply_fill(fill)
    assert (await rig.fills(), (await rig.order(intent)).filled) == (0, D(0))
    rig.gateway = rig.make()
    assert await rig.gateway.start(), "a start asks for what was filled"
    assert not await rig.gateway.apply_fill(fill)
    async with rig.store.transaction() as work:
        held = await work.books.position("main", str(BTC))
    assert held is not None
    assert (held.position.quantity, await rig.fills(), (await rig.order(intent)).filled) == (D("0.1"), 1, D("0.1"))


async def test_a_process_that_lost_the_account_writes_nothing(rig: Rig) -> None:
    """Found by the deterministic simulation: a process that was frozen went on hearing, and wrote what it remembered of old."""
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.clock.advance(61.0)
    other = rig.make("two")
    assert await other.start()
    fill = rig.venue.fill(intent.client_id, "0.1")
    with pytest.raises(EnvironmentFault):
        await rig.gateway.apply_fill(fill)
    assert await rig.fills() == 0
    assert await other.apply_fill(fill)
    assert (await rig.order(intent)).state is OrderState.FILLED


async def test_a_process_that_has_the_account_again_counts_what_the_other_did(rig: Rig) -> None:
    await rig.clock.advance(61.0)
    other = rig.make("two")
    assert await other.start()
    bought = rig.intent("e9")
    await other.submit([bought])
    assert await other.apply_fill(rig.venue.fill(bought.client_id, "0.1"))
    await other.release()
    rig.desk.books["main"].reload(())  # what this process knew before
    assert await rig.gateway.start()
    assert rig.desk.books["main"].worst(BTC) == D("0.1") * rig.desk.books["main"].price_of(BTC)
    assert rig.desk.books["main"].reduces(rig.intent("e10", side="sell").terms)


async def test_a_fill_without_a_name_waits_for_the_order_in_doubt(rig: Rig) -> None:
    """Found by the deterministic simulation: booked as a stranger's, a fill could never become its order's own."""
    rig.venue.script, rig.venue.stale = ["lost_answer"], True
    intent = rig.intent()
    await rig.gateway.submit([intent])
    fill = msgspec.structs.replace(rig.venue.fill(intent.client_id, "0.1"), client_id="")
    rig.venue.fills[-1] = fill
    assert not await rig.gateway.apply_fill(fill)
    assert await rig.fills() == 0, "it is of the order in doubt or of a stranger's: that is not known yet"
    rig.venue.stale = False
    await rig.gateway.resolve()
    order = await rig.order(intent)
    assert (order.state, order.filled, await rig.fills()) == (OrderState.FILLED, D("0.1"), 1)


async def test_a_fill_that_waits_is_asked_for_again_after_a_restart(rig: Rig) -> None:
    rig.venue.script, rig.venue.stale = ["lost_answer"], True
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.fills[-1:] = [msgspec.structs.replace(rig.venue.fill(intent.client_id, "0.1"), client_id="")]
    for _ in range(5):
        await rig.clock.advance(50.0)
        await rig.gateway.extend()
        rig.gateway.resolver._scans.clear()
        await rig.gateway.reconcile(await rig.venue.snapshot())
    assert await rig.fills() == 0
    rig.venue.stale = False
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert ((await rig.order(intent)).filled, await rig.fills()) == (D("0.1"), 1)


async def test_a_cancel_of_an_order_that_ended_meanwhile_is_no_error(rig: Rig) -> None:
    """Found by the deterministic simulation: the order ended while the cancels before it were asked again."""
    intent = rig.intent("e1", type="limit", limit_price=D(49_000))
    await rig.gateway.submit([intent])
    (order,) = await rig.gateway._keeper.open()
    await rig.gateway.apply_fill(rig.venue.fill(intent.client_id, "0.1"))
    ended = await rig.gateway.resolver.cancel(order.order_id)
    assert ended.state is OrderState.FILLED
