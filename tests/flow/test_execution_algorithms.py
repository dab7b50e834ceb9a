"""Large orders in parts: on time, never more than the parent, never a part twice, and on where they were after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.execution_rig import BTC, RULES, Crash, Rig
from tests.support.state import sqlite_store

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import OrderState
from quantservice.ports import RiskState
from quantservice.ports.trading import OrderReport
from quantservice.services.execution import algorithms
from quantservice.services.execution.algorithms import Algorithm, Algorithms, algorithms_of

D = Decimal
MINUTE_NS = 60 * 1_000_000_000


class Desk:
    """The algorithms of a rig, as a process has them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.touch: tuple[Decimal, Decimal] | None = (D(50_000), D("50000.1"))
        self.algorithms = self.make()

    def make(self) -> Algorithms:
        return Algorithms(
            self.rig.gateway, self.rig.store, self.rig.clock, instrument_of={BTC: RULES}.get, touch_of=lambda _: self.touch
        )

    def wanted(
        self, kind: str, quantity: str = "1", *, minutes: float = 4, slices: int = 4, cause: str = "p", **more: Any
    ) -> Algorithm:
        now_ns = self.rig.clock.now_ns()
        terms: dict[str, Any] = more.pop("terms", {})
        parent = Intent(
            intent_id=intent_id("main", "", f"algorithm:{cause}"),
            terms=OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(quantity), **terms),
            purpose="algorithm",
            created_ns=now_ns,
        )
        weights = (D(1),) * slices if kind in ("twap", "vwap") else ()
        fields: dict[str, Any] = {"weights": weights, "end_ns": now_ns + round(minutes * MINUTE_NS) if minutes else 0}
        return Algorithm(parent=parent, kind=kind, start_ns=now_ns, **(fields | more))  # type: ignore[arg-type]

    async def pass_by(self, seconds: float, step: float = 30.0) -> None:
        """Let time pass, with the lease held and a look at each step."""
        while seconds > 0:
            await self.rig.clock.advance(min(step, seconds))
            await self.rig.gateway.extend()
            await self.algorithms.look()
            seconds -= step

    async def fill(self, order: OrderReport, quantity: str = "", price: str = "50000") -> None:
        left = order.quantity - order.filled
        made = self.rig.venue.fill(order.client_id, quantity or str(left), price)
        await self.rig.gateway.apply_fill(made)

    @property
    def live(self) -> list[OrderReport]:
        return [report for report in self.rig.venue.orders.values() if report.state is OrderState.OPEN]

    @property
    def quantities(self) -> list[str]:
        return [f"{report.quantity}" for report in self.rig.venue.orders.values()]

    async def now(self, made: Algorithm) -> Algorithm:
        found = await self.algorithms.find(made.name)
        assert found is not None
        return found

    async def restart(self) -> None:
        await self.rig.clock.advance(61.0)
        self.rig.gateway = self.rig.make("two")
        assert await self.rig.gateway.start()
        self.algorithms = self.make()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sqlite_store(tmp_path) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)  # what is of the opening's instant is in the opening
        yield Desk(rig)


async def test_a_twap_sends_even_parts_on_time_and_ends_whole(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    times = []
    for _ in range(9):
        await desk.algorithms.look()
        for order in desk.live:
            times.append((order.time_ms - made.start_ns // 1_000_000) // 1_000)
            await desk.fill(order)
        await desk.pass_by(30.0)
    assert (times, desk.quantities) == ([0, 60, 120, 180], ["0.25", "0.25", "0.25", "0.25"])
    ended = await desk.now(made)
    assert (ended.state, ended.filled, ended.average_price) == ("done", D(1), D(50_000))
    async with desk.rig.store.transaction() as work:
        assert {order.parent for order in await work.orders.list(account="main")} == {made.name}


async def test_what_one_time_did_not_fill_is_spread_over_those_that_are_left(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(50_000)}
    made = await desk.algorithms.place(desk.wanted("twap", terms=terms))
    await desk.algorithms.look()
    await desk.fill(desk.live[0], "0.1")
    await desk.pass_by(61.0, step=30.5)
    await desk.algorithms.look()
    (second,) = desk.live
    assert second.quantity == D("0.3"), "0.9 over three times"
    await desk.pass_by(240.0)
    ended = await desk.now(made)
    assert (ended.state, ended.filled, desk.live) == ("expired", D("0.1"), [])
    assert "0.9 was not filled" in ended.reason


async def test_a_vwap_follows_its_profile(desk: Desk) -> None:
    await desk.algorithms.place(desk.wanted("vwap", weights=(D(1), D(0), D(3), D(1))))
    for _ in range(9):
        await desk.algorithms.look()
        for order in desk.live:
            await desk.fill(order)
        await desk.pass_by(30.0)
    assert desk.quantities == ["0.2", "0.6", "0.2"]


async def test_an_iceberg_shows_a_part_at_a_time(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(49_000)}
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=terms))
    for _ in range(6):
        await desk.algorithms.look()
        assert len(desk.live) <= 1
        for order in desk.live:
            await desk.fill(order)
    assert desk.quantities == ["0.4", "0.4", "0.2"]
    assert (await desk.now(made)).state == "done"


async def test_a_limit_follows_the_touch_and_never_beyond_its_limit(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(50_005)}
    made = await desk.algorithms.place(desk.wanted("limit", minutes=0, post_only=True, terms=terms))
    await desk.algorithms.look()
    (first,) = desk.live
    assert first.limit_price == D(50_000)
    await desk.fill(first, "0.3")
    desk.touch = (D(50_004), D("50004.1"))
    await desk.algorithms.look()
    assert [order.limit_price for order in desk.live] == [D(50_000)], "it rests for a moment at least"
    await desk.pass_by(3.0, step=1.0)
    assert [(order.limit_price, order.quantity) for order in desk.live] == [(D(50_004), D("0.7"))]
    desk.touch = (D(50_010), D("50010.1"))
    await desk.pass_by(9.0, step=1.0)
    assert [order.limit_price for order in desk.live] == [D(50_004)], "it stays where it is rather than go beyond"
    await desk.fill(desk.live[0])
    await desk.pass_by(2.0, step=1.0)
    assert (await desk.now(made)).state == "done"
    async with desk.rig.store.transaction() as work:
        assert all(order.terms.post_only for order in await work.orders.list(account="main"))


async def test_its_deadline_ends_what_is_open(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("limit", minutes=1))
    await desk.algorithms.look()
    assert len(desk.live) == 1
    await desk.pass_by(61.0, step=30.5)
    await desk.algorithms.look()
    assert desk.live == []
    assert (await desk.now(made)).state == "expired"


async def test_a_cancel_of_the_parent_cancels_the_rest(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    await desk.algorithms.look()
    await desk.fill(desk.live[0], "0.1")
    await desk.algorithms.cancel(made.name)
    await desk.pass_by(240.0)
    ended = await desk.now(made)
    assert (ended.state, ended.filled, len(desk.rig.venue.orders), desk.live) == ("cancelled", D("0.1"), 1, [])
    assert (await desk.algorithms.cancel(made.name)).state == "cancelled"
    with pytest.raises(UnknownName):
        await desk.algorithms.cancel("NOSUCH")


async def test_a_cancel_that_could_not_be_carried_out_yet_holds_over_a_restart(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    await desk.algorithms.look()
    desk.rig.gateway.ready = False
    assert (await desk.algorithms.cancel(made.name)).state == "cancelling"
    await desk.restart()
    await desk.algorithms.look()
    await desk.algorithms.look()
    assert ((await desk.now(made)).state, desk.live, len(desk.rig.venue.orders)) == ("cancelled", [], 1)


async def test_old_parents_that_have_ended_are_forgotten_and_active_ones_never(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithms, "KEPT", 2)
    ended = []
    for number in range(4):
        made = await desk.algorithms.place(desk.wanted("twap", cause=f"p{number}"))
        await desk.algorithms.cancel(made.name)
        await desk.rig.clock.advance(1.0)
        ended.append(made.name)
    active = await desk.algorithms.place(desk.wanted("twap", cause="active"))
    desk.algorithms = desk.make()
    await desk.algorithms.look()
    assert {item.name for item in await algorithms_of(desk.rig.store)} == {*ended[2:], active.name}


@pytest.mark.parametrize("point", ["before", "after", "noted"])
async def test_a_restart_goes_on_where_it_was_and_sends_no_part_twice(desk: Desk, point: str) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    original = desk.rig.venue.submit

    async def killed(order: Any) -> OrderReport:
        if point == "after":
            await original(order)
        raise Crash

    if point == "noted":
        await desk.algorithms.look()
    else:
        desk.rig.venue.submit = killed  # type: ignore[method-assign]
        with pytest.raises(Crash):
            await desk.algorithms.look()
        desk.rig.venue.submit = original  # type: ignore[method-assign]
    for order in desk.live:
        desk.rig.venue.fill(order.client_id, str(order.quantity))  # while nobody listens
    await desk.restart()
    for _ in range(8):
        await desk.rig.gateway.resolve()
        await desk.algorithms.look()
        for order in desk.live:
            await desk.fill(order)
        await desk.pass_by(30.0)
    ended = await desk.now(made)
    assert (ended.state, ended.filled) == ("done", D(1))
    assert len(set(desk.rig.venue.sent)) == len(desk.rig.venue.sent)
    assert sum(fill.quantity for fill in desk.rig.venue.fills) == D(1)
    if point != "before":
        assert desk.quantities == ["0.25"] * 4


async def test_a_part_of_which_nothing_is_known_holds_the_next_back(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(49_000)}
    await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=terms))
    desk.rig.venue.script = ["lost_request"]
    await desk.algorithms.look()
    await desk.pass_by(9.0, step=3.0)
    assert len(desk.rig.venue.sent) == 1
    await desk.rig.scans()
    await desk.pass_by(3.0, step=1.0)
    assert len(desk.rig.venue.sent) == 2, "it was proven absent"


async def test_a_part_whose_fills_are_not_all_here_holds_the_next_back(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(49_000)}
    await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=terms))
    await desk.algorithms.look()
    fill = desk.rig.venue.fill(desk.live[0].client_id, "0.4")
    await desk.rig.gateway.apply_report(next(iter(desk.rig.venue.orders.values())))  # filled, it says
    await desk.algorithms.look()
    assert desk.quantities == ["0.4"]
    await desk.rig.gateway.apply_fill(fill)
    await desk.algorithms.look()
    assert desk.quantities == ["0.4", "0.4"]


async def test_parts_that_come_to_nothing_are_tried_with_pauses_and_then_given_up(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(49_000)}
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=terms))
    desk.rig.desk.set_state(RiskState(scope="system", state="HALTED", reason="looked at"))
    await desk.pass_by(10.0, step=0.5)
    assert (await desk.now(made)).active
    await desk.pass_by(400.0, step=5.0)
    ended = await desk.now(made)
    assert (ended.state, ended.sent) == ("failed", 10)
    assert "HALTED" in ended.reason
    assert desk.rig.venue.sent == []


async def test_parts_that_the_venue_refuses_come_to_nothing_too(desk: Desk) -> None:
    terms = {"type": "limit", "limit_price": D(49_000)}
    desk.rig.venue.script = ["refused"] * 10
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=terms))
    await desk.pass_by(400.0, step=5.0)
    ended = await desk.now(made)
    assert (ended.state, ended.sent, len(desk.rig.venue.sent)) == ("failed", 10, 10)
    assert "insufficient balance" in ended.reason


async def test_the_same_key_is_one_parent_and_another_order_of_it_is_refused(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    assert await desk.algorithms.place(desk.wanted("twap")) == made
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await desk.algorithms.place(desk.wanted("twap", "2"))
    assert [item.name for item in await algorithms_of(desk.rig.store)] == [made.name]


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("twap", {"minutes": 0}, "minutes"),
        ("twap", {"slices": 0}, "slices"),
        ("twap", {"slices": 501}, "slices"),
        ("vwap", {"weights": (D(0), D(0))}, "profile"),
        ("vwap", {"weights": (D(1), D("NaN"))}, "profile"),
        ("iceberg", {"shown": D("0.1")}, "limit"),
        ("iceberg", {"terms": {"type": "limit", "limit_price": D(1)}}, "shown"),
        ("iceberg", {"shown": D(2), "terms": {"type": "limit", "limit_price": D(1)}}, "shown"),
        ("limit", {"terms": {"type": "stop", "stop_price": D(1)}}, "type"),
    ],
)
async def test_what_makes_no_sense_is_refused(desk: Desk, kind: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        await desk.algorithms.place(desk.wanted(kind, **more))
    assert await algorithms_of(desk.rig.store) == []


async def test_without_a_price_nothing_is_sent(desk: Desk) -> None:
    desk.touch = None
    await desk.algorithms.place(desk.wanted("twap"))
    await desk.algorithms.place(desk.wanted("limit", cause="l"))
    await desk.algorithms.look()
    assert desk.rig.venue.sent == []


async def test_a_cancel_waits_for_the_part_that_is_being_sent(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap"))
    original, leaving, go = desk.rig.venue.submit, asyncio.Event(), asyncio.Event()

    async def slow(order: Any) -> OrderReport:
        leaving.set()
        await go.wait()
        return await original(order)

    desk.rig.venue.submit = slow  # type: ignore[method-assign]
    looking = asyncio.create_task(desk.algorithms.look())
    await leaving.wait()
    cancelling = asyncio.create_task(desk.algorithms.cancel(made.name))
    await asyncio.sleep(0)
    go.set()
    await looking
    await cancelling
    await desk.algorithms.look()
    assert ((await desk.now(made)).state, desk.live) == ("cancelled", [])
