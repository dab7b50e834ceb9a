"""The figures of large orders in parts: when a time begins and ends, how patient one is, what is kept, and where bounds lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_execution_algorithms import Desk
from tests.support.execution_rig import BTC, RULES, Rig
from tests.support.state import sqlite_store

from quantservice.core.errors import InvalidValue, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent
from quantservice.core.orders import OrderState
from quantservice.ports import RiskState
from quantservice.services.execution import algorithms
from quantservice.services.execution.algorithms import Algorithms, algorithms_of, check

D = Decimal
SECOND = 10**9
LIMIT = {"type": "limit", "limit_price": D(49_000)}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sqlite_store(tmp_path) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)
        yield Desk(rig)


async def parts(desk: Desk) -> list[Intent]:
    async with desk.rig.store.transaction() as work:
        found = [item.intent for item in await work.intents.list(account="main")]
    return sorted((item for item in found if item.purpose == "algorithm"), key=lambda item: item.created_ns)


def test_the_bounds_are_these() -> None:
    assert (algorithms.MOST_PARTS, algorithms.MOST_ACTIVE, algorithms.KEPT) == (500, 100, 500)


# --- times ----------------------------------------------------------------------------------------------------------------


async def test_in_which_part_of_its_time_an_instant_is(desk: Desk) -> None:
    made = desk.wanted("twap", minutes=1, slices=3)
    begin = made.start_ns
    at = {-1: 0, 0: 0, 20 * SECOND - 1: 0, 20 * SECOND: 1, 40 * SECOND - 1: 1, 40 * SECOND: 2, 60 * SECOND: 2, 99 * SECOND: 2}
    assert {after: made.slot(begin + after) for after in at} == at
    assert [made.slot_end_ns(slot) - begin for slot in range(3)] == [20 * SECOND, 40 * SECOND, 60 * SECOND]
    short = msgspec.structs.replace(made, end_ns=begin + 2)
    assert [short.slot(begin + after) for after in range(4)] == [0, 1, 2, 2], "a part lasts a nanosecond at least"


async def test_nothing_goes_before_its_time(desk: Desk) -> None:
    kinds: list[tuple[str, dict[str, Any]]] = [("twap", {}), ("limit", {"minutes": 0})]
    for number, (kind, more) in enumerate(kinds):
        wanted = desk.wanted(kind, cause=f"p{number}", **more)
        later = {"start_ns": wanted.start_ns + 10 * SECOND}
        later |= {"end_ns": wanted.end_ns + 10 * SECOND} if wanted.end_ns else {}
        await desk.algorithms.place(msgspec.structs.replace(wanted, **later))
        await desk.pass_by(9.5)
        assert len(desk.live) == number
        await desk.pass_by(0.5)
        assert len(desk.live) == number + 1


async def test_a_timed_part_ends_with_its_time(desk: Desk) -> None:
    await desk.algorithms.place(desk.wanted("twap", terms=LIMIT))
    await desk.algorithms.look()
    (first,) = await parts(desk)
    assert first.valid_until_ns == first.created_ns + 60 * SECOND
    await desk.pass_by(59.5)
    assert [order.state for order in desk.rig.venue.orders.values()] == [OrderState.OPEN]
    await desk.pass_by(0.5)
    assert [order.state for order in desk.rig.venue.orders.values()] == [OrderState.CANCELLED]
    await desk.algorithms.look()
    assert len(desk.live) == 1


async def test_an_end_is_over_at_its_instant(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=1, shown=D("0.4"), terms=LIMIT))
    await desk.algorithms.look()
    await desk.pass_by(59.5)
    assert len(desk.live) == 1
    await desk.pass_by(0.5)
    assert desk.live == []
    await desk.algorithms.look()
    ended = await desk.now(made)
    assert (ended.state, ended.ended_ns, ended.active) == ("expired", desk.rig.clock.now_ns(), False)
    assert ended.reason == "1 was not filled when its time ended"


async def test_a_part_may_be_sent_for_half_a_minute_and_follows_the_market_after_two_seconds(desk: Desk) -> None:
    await desk.algorithms.place(desk.wanted("limit", minutes=0))
    await desk.algorithms.look()
    (first,) = await parts(desk)
    assert first.valid_until_ns == first.created_ns + 30 * SECOND
    desk.touch = (D(50_001), D(50_002))
    await desk.pass_by(1.5)
    assert [order.limit_price for order in desk.live] == [D(50_000)]
    await desk.pass_by(0.5)
    await desk.algorithms.look()
    assert [order.limit_price for order in desk.live] == [D(50_001)]
    desk.touch = None
    await desk.pass_by(9.0, step=3.0)
    assert len(desk.live) == 1, "without a price it stays where it is"


async def test_a_sale_follows_the_best_ask_and_waits_where_its_limit_is_above(desk: Desk) -> None:
    opening = desk.rig.intent("open", "1")
    await desk.rig.gateway.submit([opening])
    made = desk.wanted("limit", minutes=0, terms={"type": "limit", "limit_price": D("50000.1")})
    sale = msgspec.structs.replace(made.parent, terms=msgspec.structs.replace(made.parent.terms, side="sell"))
    await desk.algorithms.place(msgspec.structs.replace(made, parent=sale))
    desk.touch = (D(49_999), D(50_000))
    await desk.algorithms.look()
    assert len(desk.live) == 1, "the order beside it"
    desk.touch = (D(50_004), D(50_005))
    await desk.algorithms.look()
    assert [order.limit_price for order in desk.live if order.side == "sell"] == [D(50_005)]


# --- patience -------------------------------------------------------------------------------------------------------------


async def test_pauses_grow_and_after_ten_parts_it_is_given_up(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=LIMIT))
    desk.rig.desk.set_state(RiskState(scope="system", state="HALTED"))
    begin = desk.rig.clock.now_ns()
    await desk.algorithms.look()
    for pause in (1.0, 2.0, 5.0, 10.0, 30.0, 30.0, 30.0, 30.0):
        count = len(await parts(desk))
        await desk.pass_by(pause - 0.5, step=20.0)
        assert len(await parts(desk)) == count
        await desk.pass_by(0.5)
        assert len(await parts(desk)) == count + 1
    assert (await desk.now(made)).state == "running"
    await desk.pass_by(30.0, step=20.0)
    ended = await desk.now(made)
    assert (ended.state, ended.sent, ended.ended_ns - begin) == ("failed", 10, 168 * SECOND)
    assert "system is HALTED" in ended.reason


async def test_a_part_that_came_about_lets_pauses_begin_anew(desk: Desk) -> None:
    desk.rig.venue.script = ["refused", "refused", "", "refused"]
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=LIMIT))
    await desk.algorithms.look()
    assert (await desk.now(made)).reason == "Account has insufficient balance"
    await desk.pass_by(3.0, step=1.0)
    assert (await desk.now(made)).reason == ""
    await desk.fill(desk.live[0])
    await desk.algorithms.look()
    assert len(desk.rig.venue.sent) == 4
    await desk.pass_by(1.0)
    assert len(desk.rig.venue.sent) == 5, "a second later, as after the first refusal"


async def test_a_part_that_ended_with_something_filled_is_no_failure(desk: Desk) -> None:
    original = desk.rig.venue.submit

    async def some(order: Any) -> Any:
        report = await original(order)
        desk.rig.venue.fill(report.client_id, "0.1")
        return desk.rig.venue.change(report.client_id, OrderState.EXPIRED)

    desk.rig.venue.submit = some  # type: ignore[method-assign]
    made = await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=LIMIT))
    await desk.algorithms.look()
    assert (await desk.now(made)).reason == ""
    assert desk.algorithms._pauses == {}


# --- what is kept ---------------------------------------------------------------------------------------------------------


async def test_no_more_are_worked_off_at_once_than_a_bound(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithms, "MOST_ACTIVE", 2)
    for number in range(2):
        await desk.algorithms.place(desk.wanted("twap", cause=f"p{number}"))
    with pytest.raises(InvalidValue, match="2 are active on account main; end one first"):
        await desk.algorithms.place(desk.wanted("twap", cause="p2"))
    await desk.algorithms.place(desk.wanted("twap", cause="p1"))
    await desk.algorithms.cancel(desk.wanted("twap", cause="p0").name)
    await desk.algorithms.place(desk.wanted("twap", cause="p2"))


async def test_the_same_name_is_another_order_where_kind_size_or_what_is_shown_differ(desk: Desk) -> None:
    await desk.algorithms.place(desk.wanted("iceberg", minutes=0, shown=D("0.4"), terms=LIMIT))
    for wanted in (
        desk.wanted("iceberg", minutes=0, shown=D("0.3"), terms=LIMIT),
        desk.wanted("limit", minutes=0, shown=D("0.4"), terms=LIMIT),
        desk.wanted("iceberg", "2", minutes=0, shown=D("0.4"), terms=LIMIT),
    ):
        with pytest.raises(InvalidValue, match="Idempotency-Key"):
            await desk.algorithms.place(wanted)


async def test_all_of_an_instrument_or_of_the_account_are_cancelled(desk: Desk) -> None:
    first = await desk.algorithms.place(desk.wanted("twap"))
    assert await desk.algorithms.cancel_all(InstrumentId("binance", "um", "ETH-USDT-PERP")) == []
    assert (await desk.now(first)).state == "running"
    assert [item.state for item in await desk.algorithms.cancel_all(BTC)] == ["cancelled"]
    await desk.algorithms.place(desk.wanted("twap", cause="q"))
    assert [item.state for item in await desk.algorithms.cancel_all()] == ["cancelled"]
    assert await desk.algorithms.cancel_all() == []


async def test_parents_are_those_of_an_account_newest_first(desk: Desk) -> None:
    made = []
    for number in range(3):
        made.append(await desk.algorithms.place(desk.wanted("twap", cause=f"p{number}")))
        await desk.rig.clock.advance(1.0)
    store = desk.rig.store
    names = [item.name for item in reversed(made)]
    assert [item.name for item in await algorithms_of(store)] == names
    assert [item.name for item in await algorithms_of(store, account="main", limit=2)] == names[:2]
    assert await algorithms_of(store, account="other") == []
    foreign = Algorithms(desk.rig.gateway, store, desk.rig.clock, instrument_of={BTC: RULES}.get, touch_of=lambda _: None)
    desk.rig.gateway.account = "other"
    assert await foreign._load() == {}
    assert await foreign.find(made[0].name) is None
    desk.rig.gateway.account = "main"
    assert list(await desk.make()._load()) == [item.name for item in made], "the oldest first"
    assert (await desk.make().find(made[0].name)) == await desk.now(made[0])


async def test_what_was_cancelled_stays_so_in_the_store(desk: Desk) -> None:
    made = await desk.algorithms.place(desk.wanted("twap", terms=LIMIT))
    await desk.algorithms.look()
    assert (await desk.algorithms.cancel(made.name)).state == "cancelling", "what came of its part is seen at the next look"
    (kept,) = await algorithms_of(desk.rig.store)
    assert (kept.state, kept.active, kept.sent) == ("cancelling", True, 1)
    await desk.algorithms.look()
    (kept,) = await algorithms_of(desk.rig.store)
    assert (kept.state, kept.reason, kept.filled) == ("cancelled", "", D(0))
    assert kept.average_price is None


# --- what makes no sense --------------------------------------------------------------------------------------------------


def refused(made: algorithms.Algorithm) -> str:
    try:
        check(made)
    except InvalidValue as error:
        return str(error).split(":")[0]
    return ""


async def test_both_sides_of_each_bound(desk: Desk) -> None:
    def of(kind: str, **more: Any) -> str:
        return refused(desk.wanted(kind, **more))

    twap = desk.wanted("twap")
    assert refused(msgspec.structs.replace(twap, end_ns=twap.start_ns + 1)) == ""
    assert refused(msgspec.structs.replace(twap, end_ns=twap.start_ns)) == "minutes"
    assert [of("twap", slices=number) for number in (0, 1, 500, 501)] == ["slices", "", "", "slices"]
    assert of("vwap", weights=(D(0), D(1))) == ""
    assert of("vwap", weights=(D(-1), D(2))) == "profile"
    assert of("vwap", weights=(D(1), D("Infinity"))) == "profile"
    for shown, said in (("1", ""), ("1.1", "shown"), ("0", "shown"), ("0.001", "")):
        assert of("iceberg", minutes=0, shown=D(shown), terms=LIMIT) == said
    assert of("iceberg", minutes=0, shown=D(1)) == "limit_price"
    post_only = LIMIT | {"post_only": True}
    assert [of(kind, terms=post_only) for kind in ("twap", "vwap", "limit")] == ["post_only", "post_only", ""]
    assert of("limit", minutes=0, terms={"type": "stop", "stop_price": D(1)}) == "type"


# --- the loop -------------------------------------------------------------------------------------------------------------


async def test_it_looks_four_times_a_second_while_the_account_is_ready_and_reads_anew_with_each_lease(desk: Desk) -> None:
    looked: list[bool] = []
    works = desk.algorithms

    async def look() -> None:
        looked.append(works._active is None)
        works._active = {}
        if len(looked) == 2:
            raise VenueError("away")

    works.look = look  # type: ignore[method-assign]
    desk.rig.gateway.ready = False
    task = asyncio.create_task(works.run())
    await desk.rig.clock.advance(0.75)
    assert looked == []
    desk.rig.gateway.ready = True
    await desk.rig.clock.advance(1.0)
    assert looked == [True, False, False, False], "a fault ends nothing"
    lease = desk.rig.gateway._lease
    assert lease is not None
    desk.rig.gateway._lease = msgspec.structs.replace(lease, token=lease.token + 1)
    await desk.rig.clock.advance(0.25)
    assert looked[4:] == [True]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_part_that_is_complete_is_asked_for_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.algorithms.place(desk.wanted("twap"))
    await desk.algorithms.look()
    (first,) = desk.live
    await desk.fill(first)
    await desk.algorithms.look()
    original, asked = desk.rig.gateway.find, list[str]()

    async def find(order_id: str) -> Any:
        asked.append(order_id)
        return await original(order_id)

    monkeypatch.setattr(desk.rig.gateway, "find", find)
    await desk.algorithms.look()
    assert (len(asked), first.client_id in asked) == (3, False)
