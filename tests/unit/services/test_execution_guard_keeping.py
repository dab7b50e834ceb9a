"""How often the guard looks, what it keeps over a restart, and the figures of a stop."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from tests.unit.services.test_execution_guard import BTC, PROFIT, STOP, TRAIL, Rig, holds

from quantservice.core.errors import EnvironmentFault
from quantservice.core.ids import client_order_id
from quantservice.core.positions import Position
from quantservice.quant.risk_rules import PositionRule, StopLoss
from quantservice.services.execution.guarding import _part, _stop_of, _Wanted

D = Decimal

# --- how often, and what is kept ------------------------------------------------------------------------------------------


async def looks_of(rig: Rig, seconds: float, step: float = 0.25) -> list[float]:
    """When it looks within some seconds."""
    seen: list[float] = []

    async def look() -> None:
        rig.guard._dirty = rig.guard._moved = False
        seen.append(round(rig.clock.monotonic(), 3))

    rig.guard.look = look  # type: ignore[method-assign]
    task = asyncio.create_task(rig.guard.run())
    for _ in range(round(seconds / step)):
        await rig.clock.advance(step)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return seen


async def test_without_a_change_it_looks_every_two_seconds() -> None:
    assert await looks_of(Rig(STOP), 4.25) == [0.0, 2.0, 4.0]


async def test_it_looks_again_once_the_account_came_back_and_not_while_it_is_away() -> None:
    rig = Rig(STOP)
    rig.gate.ready = False
    assert await looks_of(rig, 3.0) == []
    rig.gate.ready = True
    assert await looks_of(rig, 0.5) == [3.0]


async def test_after_a_fault_what_is_kept_is_read_again() -> None:
    rig = Rig(STOP)
    reads: list[str] = []
    original = rig.guard._load

    async def load() -> None:
        reads.append("read")
        await original()
        if len(reads) < 3:
            raise EnvironmentFault("away")

    rig.guard._load = load  # type: ignore[method-assign]
    task = asyncio.create_task(rig.guard.run())
    for _ in range(4 * 10):
        await rig.clock.advance(0.25)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert reads == ["read"] * 3, "every two seconds, until it could be read"


async def test_the_best_price_is_kept_every_five_seconds_and_an_order_at_once() -> None:
    rig = Rig(TRAIL)
    rig.guard.mark(BTC.id, D(100))
    await rig.hold(holds("2"))
    key = f"|{BTC.id}|both|long|d"
    assert [msgspec.json.decode(item)["best"] for item in rig.written] == [{key: "100"}]
    for price, seconds in ((101, 4.5), (102, 0.0)):
        await rig.clock.advance(seconds)
        rig.guard.mark(BTC.id, D(price))
        await rig.guard.look()
        assert len(rig.written) == 1
    await rig.clock.advance(0.5)
    await rig.guard.look()
    assert msgspec.json.decode(rig.written[-1])["best"] == {key: "102"}
    await rig.clock.advance(60.0)
    await rig.guard.look()
    assert len(rig.written) == 2, "what did not change is not written"
    rig.guard.mark(BTC.id, D(99))
    await rig.guard.look()
    assert list(msgspec.json.decode(rig.written[-1])["last"]) == [f"exit|{key}"]
    assert len(rig.written) == 3
    await rig.clock.advance(5.0)
    await rig.hold()
    assert msgspec.json.decode(rig.written[-1])["best"] == {}, "of what is gone nothing is kept"


async def test_the_best_of_a_short_is_the_lowest_and_only_a_trailing_stop_needs_it() -> None:
    rig = Rig(TRAIL)
    rig.guard.mark(BTC.id, D(97))
    await rig.hold(holds("-2"))
    assert msgspec.json.decode(rig.written[-1])["best"] == {f"|{BTC.id}|both|short|d": "97"}
    plain = Rig(STOP)
    plain.guard.mark(BTC.id, D(105))
    await plain.hold(holds("2"))
    assert msgspec.json.decode(plain.written[-1])["best"] == {}


# --- figures of a stop ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "quantity", "wanted"),
    [
        (STOP, "2", _Wanted("stop", D(2), D(95))),
        (STOP, "-2", _Wanted("stop", D(2), D(105))),
        (PROFIT, "2", _Wanted("take_profit", D(2), D(110))),
        (PROFIT, "-2", _Wanted("take_profit", D(2), D(90))),
        (TRAIL, "2", None),
        (StopLoss(limit=D(1)), "2", None),  # no price is as low as nothing
        (StopLoss(limit=D("0.9999")), "2", _Wanted("stop", D(2), D("0.01"))),
        (STOP, "0.0004", None),  # less than a lot
    ],
)
def test_the_figures_of_a_stop(rule: PositionRule, quantity: str, wanted: _Wanted | None) -> None:
    assert _stop_of(rule, holds(quantity), BTC, abs(D(quantity))) == wanted


def test_a_part_of_a_share_rests_where_the_venue_takes_so_little() -> None:
    rules = msgspec.structs.replace(BTC, min_quantity=D(1))
    assert _stop_of(STOP, holds("2"), rules, D(1)) == _Wanted("stop", D(1), D(95))
    assert _stop_of(STOP, holds("2"), rules, D("0.9")) is None
    assert _stop_of(STOP, holds("0.9"), rules, D("0.9")) == _Wanted("stop", D("0.9"), D(95)), "a whole share may always be closed"
    flat = msgspec.structs.replace(holds("2"), position=Position(instrument=BTC.id))
    assert _stop_of(STOP, flat, BTC, D(1)) is None


@pytest.mark.parametrize(
    ("quantity", "part", "wanted"),
    [
        ("2", "0.5", "1"),
        ("-2", "0.5", "1"),
        ("0.003", "0.5", "0.001"),
        ("0.001", "0.5", "0.001"),
        ("0.0004", "0.5", "0.0004"),
        ("2", "1", "2"),
        ("0.0004", "1", "0"),
        ("2", "0.9999", "1.999"),
    ],
)
def test_the_part_that_goes(quantity: str, part: str, wanted: str) -> None:
    assert _part(D(quantity), D(part), BTC) == D(wanted)


async def test_it_takes_the_order_by_the_name_of_its_intent() -> None:
    rig = Rig(STOP)
    await rig.hold(holds("2"))
    assert list(rig.gate.orders) == [client_order_id("main", rig.gate.sent[0].intent_id)]
