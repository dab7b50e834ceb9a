"""The deadline of one order: what is left is cancelled by the platform, that order alone, over restarts and lost answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.execution_rig import BTC, RULES, Rig
from tests.support.state import sqlite_store

from quantservice.core.errors import InvalidNumber, InvalidValue
from quantservice.core.intents import Intent
from quantservice.core.orders import Order, OrderState
from quantservice.ports.trading import Unknown
from quantservice.services.execution import Deadlines
from quantservice.services.execution.commands import AlgorithmFields, Orders, OrderWish
from quantservice.services.portfolio.tracing import Chains

D = Decimal


class Desk:
    """A rig with what watches its deadlines, as a process has it."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.deadlines = rig, Deadlines(rig.gateway, rig.clock)

    def resting(self, cause: str, *, seconds: float | None = None, quantity: str = "0.1") -> Intent:
        expire_ms = None if seconds is None else self.rig.clock.now_ms() + round(seconds * 1_000)
        return self.rig.intent(cause, quantity, type="limit", limit_price=D(49_000), expire_ms=expire_ms)

    async def send(self, intent: Intent) -> Order:
        (made,) = await self.rig.gateway.submit([intent])
        assert isinstance(made, Order)
        assert made.state is OrderState.OPEN
        return made

    async def pass_by(self, seconds: float) -> None:
        await self.rig.clock.advance(seconds)
        await self.rig.gateway.extend()
        await self.deadlines.look()

    async def restart(self) -> None:
        await self.rig.clock.advance(61.0)
        self.rig.gateway = self.rig.make("two")
        assert await self.rig.gateway.start()
        self.deadlines = Deadlines(self.rig.gateway, self.rig.clock)

    def states(self) -> list[OrderState]:
        return [report.state for report in self.rig.venue.orders.values()]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sqlite_store(tmp_path) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)  # what is of the opening's instant is in the opening
        yield Desk(rig)


async def test_gtd_has_the_platforms_end_whatever_the_venue_made_of_it(desk: Desk) -> None:
    intent = desk.rig.intent(
        "gtd", type="limit", limit_price=D(49_000), time_in_force="GTD", expire_ms=desk.rig.clock.now_ms() + 10_000
    )
    await desk.send(intent)
    await desk.pass_by(9.9)
    assert desk.states() == [OrderState.OPEN]
    await desk.pass_by(0.1)
    assert desk.states() == [OrderState.CANCELLED]
    assert (await desk.rig.order(intent)).reason == "its deadline passed"


async def test_what_is_left_is_cancelled_and_nothing_else(desk: Desk) -> None:
    timed, later, free = desk.resting("timed", seconds=10), desk.resting("later", seconds=11), desk.resting("free")
    for intent in (timed, later, free):
        await desk.send(intent)
    await desk.pass_by(5.0)
    await desk.rig.gateway.apply_fill(desk.rig.venue.fill(timed.client_id, "0.04", "49000"))
    await desk.pass_by(4.999)
    assert desk.states() == [OrderState.OPEN] * 3, "its time is not over"
    await desk.pass_by(0.001)
    assert desk.states() == [OrderState.CANCELLED, OrderState.OPEN, OrderState.OPEN]
    order = await desk.rig.order(timed)
    assert (order.state, order.filled, order.reason) == (OrderState.CANCELLED, D("0.04"), "its deadline passed")
    assert order.lapsed_ns == (timed.terms.expire_ms or 0) * 1_000_000
    await desk.pass_by(1.0)
    assert desk.states() == [OrderState.CANCELLED, OrderState.CANCELLED, OrderState.OPEN]


async def test_the_chain_shows_the_deadline_between_what_came_before_and_the_end(desk: Desk) -> None:
    intent = desk.resting("timed", seconds=10)
    await desk.send(intent)
    await desk.pass_by(5.0)
    await desk.rig.gateway.apply_fill(desk.rig.venue.fill(intent.client_id, "0.04", "49000"))
    await desk.pass_by(6.0)
    steps = (await Chains(desk.rig.store).of(intent.client_id)).steps
    assert [step.step for step in steps][-4:] == ["filled", "booked", "lapsed", "ended"]
    assert steps[-2].sentence == "its deadline passed: the platform asked for the cancel of what was left"
    assert dict(steps[-2].facts)["deadline"] == "2025-03-01 00:00:11.000Z"
    assert steps[-1].sentence.endswith("its deadline passed")


async def test_a_deadline_that_passed_while_nobody_ran_is_kept_after_the_restart(desk: Desk) -> None:
    timed, free = desk.resting("timed", seconds=10), desk.resting("free")
    await desk.send(timed)
    await desk.send(free)
    await desk.restart()
    assert desk.states() == [OrderState.OPEN, OrderState.OPEN]
    await desk.deadlines.look()
    assert desk.states() == [OrderState.CANCELLED, OrderState.OPEN]
    assert (await desk.rig.order(timed)).lapsed_ns


async def test_a_cancel_that_is_lost_is_asked_for_again_after_a_restart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = desk.resting("timed", seconds=10)
    await desk.send(intent)
    desk.rig.venue.away = True
    monkeypatch.setattr(desk.rig.venue, "cancel", _lost)
    await desk.pass_by(10.0)
    order = await desk.rig.order(intent)
    assert (order.state, order.cancel_asked, bool(order.lapsed_ns)) == (OrderState.OPEN, True, True)
    monkeypatch.undo()
    desk.rig.venue.away = False
    await desk.restart()
    await desk.rig.gateway.resolve()
    assert (await desk.rig.order(intent)).state is OrderState.CANCELLED, "the wish is durable: the resolver asks, without a look"


async def test_one_that_is_filled_in_time_or_cancelled_by_a_person_has_no_deadline_any_more(desk: Desk) -> None:
    filled, cancelled = desk.resting("filled", seconds=10), desk.resting("cancelled", seconds=10)
    await desk.send(filled)
    await desk.send(cancelled)
    await desk.rig.gateway.apply_fill(desk.rig.venue.fill(filled.client_id, "0.1", "49000"))
    await desk.rig.gateway.cancel(cancelled.client_id)
    await desk.pass_by(11.0)
    for intent, state in ((filled, OrderState.FILLED), (cancelled, OrderState.CANCELLED)):
        order = await desk.rig.order(intent)
        assert (order.state, order.lapsed_ns, order.reason) == (state, 0, "")


def orders_of(desk: Desk) -> Orders:
    return Orders(desk.rig.store, desk.rig.clock, lambda _: desk.rig.gateway)


def wish(**fields: Any) -> OrderWish:
    terms: dict[str, Any] = {"type": "limit", "limit_price": D(49_000), "deadline_s": 60.0} | fields
    return OrderWish(account="main", instrument=RULES, side="buy", quantity=D("0.1"), **terms)


async def test_a_person_says_seconds_and_the_same_key_later_is_the_same_order(desk: Desk) -> None:
    orders, now_ms = orders_of(desk), desk.rig.clock.now_ms()
    made = await orders.place(wish(), idempotency_key="k")
    assert isinstance(made, Order)
    assert made.terms.expire_ms == now_ms + 60_000
    await desk.rig.clock.advance(7.0)
    again = await orders.place(wish(), idempotency_key="k")
    assert again == made
    for other in (wish(deadline_s=61.0), wish(deadline_s=None), wish(limit_price=D(48_000))):
        with pytest.raises(InvalidValue, match="Idempotency-Key"):
            await orders.place(other, idempotency_key="k")
    assert len(desk.rig.venue.orders) == 1
    assert made.terms.instrument == BTC


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"deadline_s": float("nan")}, "deadline_s must be a number of seconds above 0 and at most 2592000, not NaN"),
        ({"deadline_s": 0.0}, "deadline_s must be a number of seconds above 0 and at most 2592000, not 0.0"),
        ({"deadline_s": float("inf")}, "deadline_s must be a number of seconds above 0 and at most 2592000, not Infinity"),
        ({"type": "market", "limit_price": None}, "deadline_s: a market order ends at once; a deadline is for what rests"),
        ({"time_in_force": "IOC"}, "deadline_s: an order that is IOC ends at once; a deadline is for what rests"),
    ],
)
async def test_a_deadline_that_makes_no_sense_is_a_sentence(desk: Desk, fields: dict[str, Any], error: str) -> None:
    with pytest.raises((InvalidNumber, InvalidValue)) as caught:
        await orders_of(desk).place(wish(**fields))
    assert str(caught.value) == error
    assert desk.rig.venue.sent == []


async def test_parts_have_minutes_and_no_deadline(desk: Desk) -> None:
    orders = Orders(desk.rig.store, desk.rig.clock, lambda _: desk.rig.gateway, lambda _: pytest.fail("nothing is placed"))
    with pytest.raises(InvalidValue, match="minutes"):
        await orders.start_algorithm(wish(), AlgorithmFields(algorithm="twap", minutes=5))


async def _lost(*_: Any) -> None:
    raise Unknown("no answer within 5 s")
