"""Which order is meant, remembered or from the store; what counts once and from the opening on; cancels that nobody answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Rig

from quantservice.core.errors import VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, BalanceChanged
from quantservice.core.orders import Change, Evidence, OrderState
from quantservice.ports.trading import AccountMovement, Unknown

D = Decimal
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")


@pytest.mark.parametrize("by", ["client_id", "venue_order_id"])
async def test_a_late_fill_of_an_order_that_was_forgotten_is_its_own(rig: Rig, by: str) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.gateway.cancel(intent.client_id)
    fill = rig.venue.fill(intent.client_id, "0.05")
    fill = msgspec.structs.replace(fill, **{"venue_order_id" if by == "client_id" else "client_id": ""})
    rig.gateway._keeper.memory.load([])
    assert rig.gateway._keeper.memory.order(intent.client_id) is None
    assert await rig.gateway.apply_fill(fill)
    order = await rig.order(intent)
    assert (order.state, order.filled) == (OrderState.CANCELLED, D("0.05"))
    async with rig.store.transaction() as work:
        assert len(await work.orders.list(account="main", limit=10)) == 1, "nothing was adopted"


@pytest.mark.parametrize("forgotten", [True, False])
async def test_a_report_of_our_client_id_under_another_venue_s_id_is_another_order(rig: Rig, forgotten: bool) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    report = rig.venue.orders[intent.client_id]
    if forgotten:
        rig.gateway._keeper.memory.load([])
    unnamed = await rig.gateway.apply_report(msgspec.structs.replace(report, venue_order_id="", filled=D("0.01")))
    assert (unnamed.order_id, unnamed.external) == (intent.client_id, False), "an answer that names no id of the venue's is of ours"
    other = await rig.gateway.apply_report(msgspec.structs.replace(report, venue_order_id="other"))
    assert (other.order_id, other.external) == (f"main|{BTC}|other", True)
    assert [item.name for item in rig.told if hasattr(item, "sentence")] == ["order_doubled"]


async def test_a_report_of_our_client_id_in_another_instrument_is_another_order(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    elsewhere = msgspec.structs.replace(rig.venue.orders[intent.client_id], instrument=ETH, venue_order_id="")
    other = await rig.gateway.apply_report(msgspec.structs.replace(elsewhere, state=OrderState.CANCELLED))
    assert (other.external, other.terms.instrument) == (True, ETH)
    assert (await rig.order(intent)).state is OrderState.OPEN


async def test_what_is_remembered_needs_no_store(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue repeats itself, and names orders by its own id only: neither waits for the disk."""
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    report = rig.venue.orders[intent.client_id]
    fill = msgspec.structs.replace(rig.venue.fill(intent.client_id, "0.05"), client_id="")
    assert await rig.gateway.apply_fill(fill)

    def away() -> Any:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(rig.store, "transaction", away)
    known = await rig.gateway.apply_report(msgspec.structs.replace(report, client_id=""))
    assert (known.order_id, known.filled) == (intent.client_id, D("0.05"))
    assert not await rig.gateway.apply_fill(fill)
    assert await rig.gateway._keeper.knows(fill)
    assert await rig.gateway.find(intent.client_id) == known


async def test_risk_control_counts_what_is_remembered_from_the_same_instant_on(rig: Rig) -> None:
    """Who saw a stop end and sent the order that it stood in the way of had it counted beside it: the venue refused the exit."""
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    keeper, seen = rig.gateway._keeper, list[tuple[bool, bool]]()

    def look() -> None:
        order = keeper.memory.order(intent.client_id)
        assert order is not None
        seen.append((order.final, bool(rig.desk.books["main"].in_flight(BTC))))

    keeper.changed = look
    await rig.gateway.cancel(intent.client_id)
    assert seen == [(False, True), (True, False)]


async def test_money_that_moved_is_booked_once_and_from_the_opening_on(rig: Rig) -> None:
    def moved(name: str, age_s: float = 0.0) -> AccountMovement:
        time_ms = rig.clock.now_ms() - round(age_s * 1_000)
        return AccountMovement(account="main", movement_id=name, kind="funding", currency="USDT", amount=D(1), time_ms=time_ms)

    assert not await rig.gateway.apply_movement(moved("opening", 1.0)), "what is of that instant is in the opening"
    assert await rig.gateway.apply_movement(moved("m1", 0.999))
    assert not await rig.gateway.apply_movement(moved("m1", 0.999))
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert not await rig.gateway.apply_movement(moved("m1", 0.999)), "the store knows it too"
    assert [item.wallet for item in rig.told if isinstance(item, BalanceChanged)][-1] == {"USDT": D(10_001)}


async def test_fills_of_the_opening_s_instant_are_in_the_opening(rig: Rig) -> None:
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    fill = rig.venue.fill(intent.client_id, "0.05")
    assert not await rig.gateway.apply_fill(msgspec.structs.replace(fill, time_ms=fill.time_ms - 1_000))
    assert await rig.gateway.apply_fill(msgspec.structs.replace(fill, time_ms=fill.time_ms - 999))
    assert await rig.fills() == 1


async def test_an_order_of_another_account_is_none_of_ours(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.account = "second"
    second = rig.make("two")
    for keeper, name in ((rig.gateway._keeper, "nobody's"), (second._keeper, intent.client_id)):
        with pytest.raises(VenueError, match="is not known on account"):
            await keeper.look_up(name)


async def test_a_cancel_is_wanted_of_what_has_not_ended(rig: Rig) -> None:
    first, second = rig.intent("e1"), rig.intent("e2")
    await rig.gateway.submit([first, second])
    await rig.gateway.apply_fill(rig.venue.fill(first.client_id, "0.1"))
    for intent, wanted in ((first, False), (second, True)):
        marked = await rig.gateway._keeper.mark_cancel(intent.client_id)
        assert marked == await rig.order(intent)
        assert marked.cancel_asked is wanted


async def test_the_alarms_say_what_how_bad_and_where(rig: Rig) -> None:
    intent = rig.intent()
    await rig.gateway.submit([intent])
    report = msgspec.structs.replace(rig.venue.orders[intent.client_id], venue_order_id="second")
    await rig.gateway.apply_report(report)
    (alert,) = [item for item in rig.told if isinstance(item, Alert)]
    assert (alert.name, alert.level, alert.account, alert.instrument) == ("order_doubled", "critical", "main", str(BTC))
    assert (alert.time_ms, alert.cleared) == (rig.clock.now_ms(), False)
    web = msgspec.structs.replace(report, client_id="web", venue_order_id="w1")
    await rig.gateway.apply_report(web)
    await rig.gateway.apply_report(msgspec.structs.replace(web, venue_order_id="w2"))
    assert len([item for item in rig.told if isinstance(item, Alert)]) == 1, "somebody else may use a name twice"


async def test_a_cancel_that_is_not_answered_is_asked_with_growing_pauses(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent(type="limit", limit_price=D(40_000))
    await rig.gateway.submit([intent])
    began, asked = rig.clock.monotonic(), list[float]()

    async def silent(*_: Any) -> Any:
        asked.append(round(rig.clock.monotonic() - began, 1))
        raise Unknown("no answer within 5 s")

    monkeypatch.setattr(rig.venue, "cancel", silent)
    await rig.gateway.cancel(intent.client_id)
    for _ in range(200):
        await rig.clock.advance(0.5)
        await rig.gateway.resolve()
    assert asked == [0.0, 1.0, 3.0, 7.0, 15.0, 30.0, 60.0, 90.0]


async def test_a_process_that_stood_still_learns_that_it_sent_nothing_after_another_one_has_asked(rig: Rig) -> None:
    keeper, late = rig.gateway._keeper, Evidence(source="local", reference="late", time_ns=rig.clock.now_ns(), detail="")
    rig.venue.script = ["held", "held"]
    doubted, absent = rig.intent("doubted"), rig.intent("absent")
    await rig.gateway.submit([doubted])
    before = await rig.order(doubted)
    assert before.state is OrderState.UNKNOWN
    after = await keeper.change(doubted.client_id, Change.DISCARD, late, reason="late")
    assert after.state is OrderState.UNKNOWN, "what is in doubt is resolved by what the venue says"
    await rig.gateway.submit([absent])
    await rig.scans()
    found = await rig.order(absent)
    assert found.state is OrderState.NOT_SENT
    after = await keeper.change(absent.client_id, Change.DISCARD, late, reason="late")
    assert (after.state, after.evidence) == (OrderState.NOT_SENT, found.evidence), "the venue's word is the better evidence"
    assert (await rig.order(absent)).state is OrderState.NOT_SENT
