"""What a reconciliation says the stream missed, what it asks the venue for, and which fills wait for an order in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Rig

from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert
from quantservice.core.orders import Evidence, Order, OrderState, VenueFill
from quantservice.ports.trading import AccountMovement, NotSent, OrderReport
from quantservice.services.execution import resolving

D = Decimal
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")
Asked = list[tuple[tuple[str, ...], int]]


def watched(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Note what fills the venue is asked for: of which instruments, and since when (ms from now)."""
    asked: Asked = []
    original = rig.venue.fills_since

    async def fills_since(instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        asked.append((tuple(str(item) for item in instruments), since_ms - rig.clock.now_ms()))
        return await original(instruments, since_ms)

    monkeypatch.setattr(rig.venue, "fills_since", fills_since)
    return asked


async def later(rig: Rig, seconds: float) -> None:
    """Let time pass, and hold the account meanwhile."""
    while seconds > 0:
        await rig.clock.advance(min(seconds, 20.0))
        await rig.gateway.extend()
        seconds = round(seconds - 20.0, 6)


async def reconcile(rig: Rig) -> int:
    return await rig.gateway.reconcile(await rig.venue.snapshot())


def strangers(rig: Rig, **changes: Any) -> VenueFill:
    """A fill of an order that nobody here made, as the venue tells it."""
    made = VenueFill(
        account="main",
        instrument=BTC,
        trade_id=str(len(rig.venue.fills) + 1),
        side="buy",
        price=D(50_000),
        quantity=D("0.01"),
        venue_order_id=f"v{len(rig.venue.fills)}",
        time_ms=rig.clock.now_ms(),
    )
    rig.venue.fills.append(msgspec.structs.replace(made, **changes))
    return rig.venue.fills[-1]


def alerts(rig: Rig) -> list[tuple[str, bool]]:
    return [(item.name, item.cleared) for item in rig.told if isinstance(item, Alert)]


# --- what the stream missed --------------------------------------------------------------------------------------------------


async def test_states_count_that_the_stream_should_have_told_five_seconds_ago(rig: Rig) -> None:
    async def lost(*causes: str) -> None:
        rig.venue.script = ["lost_answer"] * len(causes)
        await rig.gateway.submit([rig.intent(cause) for cause in causes])

    await lost("e1", "e2")
    await rig.clock.advance(5.001)
    assert await reconcile(rig) == 2
    assert await reconcile(rig) == 0, "told once"
    await lost("e3")
    await rig.clock.advance(5.0)
    assert await reconcile(rig) == 0, "it may still be on its way"
    external = msgspec.structs.replace(rig.venue.orders[rig.intent("e1").client_id], client_id="web", venue_order_id="w1")
    rig.venue.orders["web"] = external
    await later(rig, 60.0)
    assert await reconcile(rig) == 0, "an order of somebody else's is new to us, no change that was missed"


async def test_fills_and_movements_count_that_the_stream_should_have_told(rig: Rig) -> None:
    def moved(name: str) -> None:
        rig.venue.movements.append(
            AccountMovement(
                account="main", movement_id=name, kind="funding", currency="USDT", amount=D(1), time_ms=rig.clock.now_ms()
            )
        )

    intents = [rig.intent(cause, type="limit", limit_price=D(50_000)) for cause in ("e1", "e2", "e3")]
    await rig.gateway.submit(intents)
    for name, intent in zip(("m1", "m2", "m3"), intents, strict=True):
        rig.venue.fill(intent.client_id, "0.05")
        moved(name)
        if name == "m2":
            await rig.clock.advance(2.0)
    await rig.clock.advance(4.0)
    assert await reconcile(rig) == 4, "two fills and two movements are six seconds old; the others only four"
    assert await rig.fills() == 3
    await rig.clock.advance(6.0)
    assert await reconcile(rig) == 0, "what is booked counts no more"


# --- what is asked for -------------------------------------------------------------------------------------------------------


async def test_fills_are_asked_for_a_minute_back_and_never_from_before_the_opening(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watched(rig, monkeypatch)
    await rig.gateway.submit([rig.intent(type="limit", limit_price=D(50_000))])
    await reconcile(rig)
    assert asked == [((str(BTC),), -1_000)], "the books were opened a second ago"
    asked.clear()
    await later(rig, 300.0)
    await reconcile(rig)
    assert asked == [((str(BTC),), -301_000)], "since the last reconciliation and a minute more, which is before the opening"
    asked.clear()
    await rig.clock.advance(10.0)
    await reconcile(rig)
    assert asked == [((str(BTC),), -70_000)]


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize(("since_s", "wanted"), [(60.0, [(str(BTC),)]), (60.001, [()])])
async def test_late_fills_of_what_ended_are_asked_for_as_long_as_they_may_come(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, restart: bool, since_s: float, wanted: list[tuple[str, ...]]
) -> None:
    """An order that ended, and nothing is held: its instrument is asked for until a minute before the last reconciliation."""
    await later(rig, 100.0)
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    await rig.gateway.cancel(intent.client_id)
    await later(rig, since_s)
    await reconcile(rig)  # the last one: from now on fills are wanted that are a minute older
    asked = watched(rig, monkeypatch)
    if restart:
        rig.gateway = rig.make()
        assert await rig.gateway.start()
    else:
        await reconcile(rig)
    assert [instruments for instruments, _ in asked] == wanted


async def test_what_only_the_books_hold_is_asked_for(rig: Rig) -> None:
    """It was closed by hand, or liquidated, long after our last order in it."""
    intent = rig.intent()
    await rig.gateway.submit([intent])
    assert await rig.gateway.apply_fill(rig.venue.fill(intent.client_id, "0.1"))
    for _ in range(2):
        await later(rig, 100.0)
        await reconcile(rig)
    strangers(rig, side="sell", quantity=D("0.1"))
    rig.venue.held_quantity.clear()
    await later(rig, 30.0)
    await reconcile(rig)
    assert await rig.fills() == 2
    assert "position_differs" not in [name for name, _ in alerts(rig)]


async def test_what_the_venue_says_is_held_is_asked_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = watched(rig, monkeypatch)
    rig.venue.held_quantity[ETH, "both"] = D(2)
    await reconcile(rig)
    assert (str(ETH),) in [instruments for instruments, _ in asked]


async def test_missing_fills_of_an_order_are_asked_for_from_five_seconds_before_it_and_after_one_second(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    await rig.clock.advance(20.0)
    rig.venue.fill(intent.client_id, "0.05")
    asked = watched(rig, monkeypatch)
    await rig.gateway.apply_report(rig.venue.orders[intent.client_id])
    await rig.clock.advance(1.0 - 1e-6)
    await rig.gateway.resolve()
    assert asked == [], "the stream has a second to bring it"
    await rig.clock.advance(1e-6)
    await rig.gateway.resolve()
    assert asked == [((str(BTC),), -26_000)]
    assert ((await rig.order(intent)).filled, await rig.fills()) == (D("0.05"), 1)
    await rig.clock.advance(10.0)
    await rig.gateway.resolve()
    assert len(asked) == 1, "nothing is missing any more"


async def test_missing_fills_are_asked_for_until_they_come(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    rig.venue.fill(intent.client_id, "0.05")
    late = rig.venue.fills.pop()
    asked = watched(rig, monkeypatch)
    await rig.gateway.apply_report(rig.venue.orders[intent.client_id])
    await rig.clock.advance(1.0)
    await rig.gateway.resolve()
    await rig.gateway.resolve()
    assert (len(asked), await rig.fills()) == (2, 0)
    rig.venue.fills.append(late)
    await rig.gateway.resolve()
    assert (len(asked), await rig.fills()) == (3, 1)


async def test_missing_fills_of_somebody_elses_order_are_not_asked_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.gateway.submit([rig.intent()])
    ours = rig.venue.orders[rig.intent().client_id]
    other = msgspec.structs.replace(ours, client_id="web", venue_order_id="w1", filled=D("0.02"), quantity=D("0.5"))
    asked = watched(rig, monkeypatch)
    order = await rig.gateway.apply_report(other)
    assert (order.external, order.fills_missing) == (True, True)
    await rig.gateway.resolver.complete(order)
    await rig.clock.advance(5.0)
    await rig.gateway.resolve()
    assert asked == []


async def test_only_orders_that_the_list_lacks_are_asked_for_one_by_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intents = [rig.intent(cause, type="limit", limit_price=D(50_000)) for cause in ("e1", "e2")]
    await rig.gateway.submit(intents)
    original, asked = rig.venue.find, list[str]()

    async def find(instrument: InstrumentId, name: str, *, since_ms: int) -> OrderReport | None:
        asked.append(name)
        return await original(instrument, name, since_ms=since_ms)

    monkeypatch.setattr(rig.venue, "find", find)
    await rig.clock.advance(1.0)
    await reconcile(rig)
    assert asked == []
    rig.venue.change(intents[1].client_id, OrderState.CANCELLED)
    await reconcile(rig)
    assert asked == [intents[1].client_id]
    assert (await rig.order(intents[1])).state is OrderState.CANCELLED


async def test_a_cancel_is_told_where_its_fills_cannot_be_fetched_yet(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    rig.venue.fill(intent.client_id, "0.05")

    async def away(*_: Any) -> list[VenueFill]:
        raise NotSent("the venue cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(rig.venue, "fills_since", away)
        order = await rig.gateway.cancel(intent.client_id)
    assert (order.state, order.fills_missing) == (OrderState.CANCELLED, True)
    await rig.gateway.resolve()
    assert ((await rig.order(intent)).filled, await rig.fills()) == (D("0.05"), 1)


async def test_whoever_reads_twice_sees_that_something_was_committed_between(rig: Rig) -> None:
    before, during, seen = rig.gateway.changes, list[int](), list[int]()
    rig.gateway.watch(lambda: seen.append(rig.gateway.changes))

    async def within(_work: Any) -> None:
        during.append(rig.gateway.changes)

    await rig.gateway.submit([rig.intent()], within=within)
    after = rig.gateway.changes
    assert len({before, during[0], after}) == 3
    assert seen
    assert await rig.gateway.open()
    assert rig.gateway.changes == after, "reading changes nothing"


# --- fills that wait ---------------------------------------------------------------------------------------------------------


async def doubt(rig: Rig, cause: str = "e1") -> Order:
    """An order whose answer was lost, and which the venue does not show."""
    rig.venue.script, rig.venue.stale = ["lost_answer"], True
    (order,) = await rig.gateway.submit([rig.intent(cause)])
    assert isinstance(order, Order)
    assert order.state is OrderState.UNKNOWN
    return order


@pytest.mark.parametrize(
    ("changes", "older_ms", "waits"),
    [
        ({}, 0, True),
        ({}, 5_000, True),
        ({}, 5_001, False),  # older than any order in doubt could have made it
        ({"side": "sell"}, 0, False),
        ({"client_id": "web"}, 0, False),  # it names whose it is
        ({"venue_order_id": ""}, 0, False),  # an adjustment: of no order
    ],
)
async def test_only_a_fill_that_may_be_of_an_order_in_doubt_waits(
    rig: Rig, changes: dict[str, str], older_ms: int, waits: bool
) -> None:
    await later(rig, 60.0)
    await doubt(rig)
    fill = strangers(rig, time_ms=rig.clock.now_ms() - older_ms, **changes)
    assert await rig.gateway.apply_fill(fill) is not waits
    assert await rig.fills() == (0 if waits else 1)


async def test_a_fill_that_waits_is_asked_for_again_and_booked_once_the_doubt_is_over(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It turns out to be a stranger's: the order in doubt is at the venue, under another id."""
    order = await doubt(rig)
    fill = strangers(rig)
    assert not await rig.gateway.apply_fill(fill)
    await later(rig, 200.0)
    rig.gateway.resolver._scans.clear()
    await reconcile(rig)
    asked = watched(rig, monkeypatch)
    rig.venue.stale = False
    await rig.gateway.resolve()
    assert ((await rig.gateway.find(order.order_id) or order).state, await rig.fills()) == (OrderState.OPEN, 1)
    await reconcile(rig)
    assert -200_000 - 60_000 <= asked[0][1] <= -200_000, "as long as it waited, the time before it was not taken for reconciled"
    asked.clear()
    await later(rig, 10.0)
    await reconcile(rig)
    assert asked[0][1] == -70_000, "now it waits no more"
    await later(rig, 10.0)
    rig.venue.held_quantity[BTC, "both"] = D(5)
    await reconcile(rig)
    assert ("position_differs", False) in alerts(rig), "and excuses no difference"


async def test_more_fills_than_may_wait_are_booked_as_somebody_elses(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "_MOST_ORPHANS", 2)
    await doubt(rig)
    assert [await rig.gateway.apply_fill(strangers(rig)) for _ in range(3)] == [False, False, True]


# --- positions and money that differ -----------------------------------------------------------------------------------------


async def test_a_difference_says_nothing_while_an_order_is_on_its_way(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[frozenset[InstrumentId]] = []
    original = rig.venue.submit

    async def submit(order: Any) -> OrderReport:
        await rig.clock.advance(1.0)
        rig.venue.held_quantity[BTC, "both"] = D("0.1")  # filled there, and nothing was told yet
        await reconcile(rig)
        seen.append(rig.gateway.resolver.suspect)
        return await original(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    await rig.gateway.submit([rig.intent()])
    assert (seen, alerts(rig)) == ([frozenset()], [])
    await rig.clock.advance(1.0)
    await reconcile(rig)
    assert alerts(rig) == [("position_differs", False)], "once nothing is under way, it does"


async def test_a_difference_says_nothing_while_a_fill_waits(rig: Rig) -> None:
    await doubt(rig)
    await rig.gateway.apply_fill(strangers(rig))
    rig.venue.held_quantity[BTC, "both"] = D("0.01")
    await rig.clock.advance(1.0)
    await reconcile(rig)
    assert (rig.gateway.resolver.suspect, alerts(rig)) == (frozenset(), [])


@pytest.mark.parametrize(("later_s", "told"), [(0.0, []), (0.001, [("position_differs", False)])])
async def test_a_difference_says_nothing_where_an_order_just_changed(
    rig: Rig, later_s: float, told: list[tuple[str, bool]]
) -> None:
    await rig.gateway.submit([rig.intent(type="limit", limit_price=D(50_000))])
    rig.venue.held_quantity[BTC, "both"] = D("0.1")
    await rig.clock.advance(later_s)
    await reconcile(rig)
    assert alerts(rig) == told


async def test_a_difference_in_one_instrument_says_nothing_of_another(rig: Rig) -> None:
    """What moved in one does not excuse the other; and a bar stays while its difference does."""
    rig.venue.held_quantity[ETH, "both"] = D(2)
    await rig.gateway.submit([rig.intent(type="limit", limit_price=D(50_000))])
    rig.venue.held_quantity[BTC, "both"] = D("0.1")
    await reconcile(rig)
    assert rig.gateway.resolver.suspect == {ETH}
    await rig.clock.advance(1.0)
    await reconcile(rig)
    assert rig.gateway.resolver.suspect == {ETH, BTC}
    await rig.gateway.cancel(rig.intent().client_id)
    await reconcile(rig)
    assert rig.gateway.resolver.suspect == {ETH, BTC}, "an order that changed now ends no bar"
    assert alerts(rig) == [("position_differs", False)] * 2, "each is told once"
    rig.venue.held_quantity.clear()
    await rig.clock.advance(1.0)
    await reconcile(rig)
    assert rig.gateway.resolver.suspect == frozenset()
    assert alerts(rig)[2:] == [("position_differs", True)] * 2


async def test_a_fill_that_came_between_two_answers_is_no_difference(rig: Rig) -> None:
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    await rig.clock.advance(1.0)
    before = await rig.venue.snapshot()
    fill = rig.venue.fill(intent.client_id, "0.1")
    await rig.gateway.apply_fill(fill)  # told by the stream before the older answer was looked at
    await rig.gateway.reconcile(before)
    assert [item for item in alerts(rig) if item[0] == "position_differs"] == []
    statement = rig.gateway.resolver.statement
    assert statement is not None
    assert statement.positions == ()


async def test_a_difference_says_nothing_while_the_venue_s_list_of_fills_lags(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look brings the first of two fills, some seconds old: the other is on its way as well."""
    intent = rig.intent(type="limit", limit_price=D(50_000))
    await rig.gateway.submit([intent])
    await rig.clock.advance(10.0)
    rig.venue.fill(intent.client_id, "0.05")
    rig.venue.fill(intent.client_id, "0.02")
    await rig.clock.advance(3.0)
    original, asked = rig.venue.fills_since, 0

    async def lagging(instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        nonlocal asked
        asked += 1
        return (await original(instruments, since_ms))[: asked - 1]

    with monkeypatch.context() as patch:
        patch.setattr(rig.venue, "fills_since", lagging)
        await reconcile(rig)
    assert (asked, await rig.fills()) == (2, 1)
    assert ("position_differs", False) not in alerts(rig)
    assert rig.gateway.resolver.suspect == frozenset()
    rig.venue.fills.pop()
    await later(rig, 80.0)
    await reconcile(rig)
    assert ("position_differs", False) in alerts(rig), "it never came"


async def test_money_is_told_when_it_is_the_same_twice_in_a_row(rig: Rig) -> None:
    async def off_by(amount: str) -> list[tuple[str, bool]]:
        rig.told.clear()
        rig.venue.wallet = D(10_000) + D(amount)
        await rig.clock.advance(1.0)
        await reconcile(rig)
        return alerts(rig)

    assert await off_by("1") == []
    assert await off_by("2") == [], "another amount: money on its way"
    assert await off_by("0") == [], "explained before it was told: nothing is told of it"
    assert await off_by("2") == [], "counted anew"
    assert await off_by("2") == [("balance_differs", False)]
    assert await off_by("2") == [], "told once"
    assert await off_by("3") == []
    assert await off_by("3") == [("balance_differs", False)], "another amount is another thing to look at"
    assert await off_by("0") == [("balance_differs", True)]
    assert await off_by("0") == []


# --- doubts ------------------------------------------------------------------------------------------------------------------


async def test_resolve_says_whether_anything_is_unknown(rig: Rig) -> None:
    assert await rig.gateway.resolve()
    await rig.gateway.submit([rig.intent("known")])
    assert await rig.gateway.resolve()
    order = await doubt(rig)
    assert not await rig.gateway.resolve()
    rig.gateway.resolver.sending.add(order.order_id)
    assert await rig.gateway.resolve(), "one that is being sent is no doubt yet"
    rig.gateway.resolver.sending.clear()
    rig.venue.stale = False
    assert await rig.gateway.resolve()


async def test_scans_before_an_outage_do_not_count(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.scans(1)
    rig.venue.away = True
    await rig.clock.advance(6.0)
    await rig.gateway.resolve()
    rig.venue.away = False
    await rig.scans(1)
    assert (await rig.order(intent)).state is OrderState.UNKNOWN
    await rig.scans(1)
    assert (await rig.order(intent)).state is OrderState.NOT_SENT


async def test_somebody_elses_order_is_asked_for_by_the_name_they_gave_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    async def find(_instrument: InstrumentId, name: str, *, since_ms: int) -> None:
        asked.append((name, rig.clock.now_ms() - since_ms))

    report = OrderReport(
        account="main",
        instrument=BTC,
        client_id="web",
        venue_order_id="w1",
        side="buy",
        type="limit",
        limit_price=D(40_000),
        quantity=D("0.2"),
        state=OrderState.OPEN,
        evidence=Evidence(source="push", reference="w1"),
    )
    named = await rig.gateway.apply_report(report)
    nameless = await rig.gateway.apply_report(msgspec.structs.replace(report, client_id="", venue_order_id="w2"))
    monkeypatch.setattr(rig.venue, "find", find)
    await rig.clock.advance(3.0)
    for order in (named, nameless):
        assert await rig.gateway.resolver.ask(order) == order
    assert asked == [("web", 3_000)], "a venue cannot be asked for an order without a name"
