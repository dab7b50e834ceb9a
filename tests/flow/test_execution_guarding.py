"""What is held is protected: stops rest reduce-only, follow what is held, are found again, and what cannot rest is watched."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, RULES, Crash, Rig

from quantservice.core.messages import Alert, PositionChanged
from quantservice.core.orders import Order, OrderState
from quantservice.ports import RiskState
from quantservice.ports.trading import OrderReport
from quantservice.quant.risk_rules import PositionRule, rule_of
from quantservice.services.execution import Guard

D = Decimal
STOP: PositionRule = rule_of("stop_loss", {"limit": "0.05"})  # type: ignore[assignment]  # it watches positions
PROFIT: PositionRule = rule_of("take_profit", {"limit": "0.1"})  # type: ignore[assignment]
TRAIL: PositionRule = rule_of("trailing_stop", {"limit": "0.02"})  # type: ignore[assignment]


class Watch:
    """A guard on a rig, as a process has it."""

    def __init__(self, rig: Rig, *rules: PositionRule, rests: bool = True) -> None:
        self.margin_ratio = D(0)
        self.rig, self.rules, self.rests, self.heard = rig, list(rules), rests, 0
        self.guard = self.make()

    def make(self) -> Guard:
        def rules_of(_deployment: str) -> Sequence[PositionRule]:
            return self.rules

        rig = self.rig
        return Guard(
            rig.gateway,
            rig.store,
            rig.clock,
            rules_of=rules_of,
            instrument_of={BTC: RULES}.get,
            rests=self.rests,
            margin_ratio=lambda: self.margin_ratio,
        )

    async def hold(self, quantity: str, price: str = "50000", side: str = "buy", deployment: str = "d1") -> None:
        """Buy or sell, and be filled."""
        self.rig.venue.script.insert(0, "")
        number = len(self.rig.venue.sent)
        intent = msgspec.structs.replace(self.rig.intent(f"h{number}", quantity, side=side), deployment=deployment)
        await self.rig.gateway.submit([intent])
        await self.rig.gateway.apply_fill(self.rig.venue.fill(intent.client_id, quantity, price))

    async def settle(self, looks: int = 4) -> None:
        """Let it look until nothing is left to do, with what changed told to it."""
        for _ in range(looks):
            fresh = self.rig.told[self.heard :]
            self.heard = len(self.rig.told)
            self.guard.touch(held=any(isinstance(item, PositionChanged) for item in fresh))
            await self.guard.look()

    def mark(self, price: str) -> None:
        self.guard.mark(BTC, D(price))

    async def open(self) -> list[Order]:
        return [order for order in await self.rig.gateway.open() if order.purpose in ("protective", "flatten")]

    async def resting(self) -> list[tuple[str, str, str, str]]:
        """Rule, side, quantity and price of what rests at the venue, which keeps its own list."""
        ours = {order.order_id: order for order in await self.open()}
        at_venue = [report for report in self.rig.venue.orders.values() if report.state is OrderState.OPEN]
        assert {report.client_id for report in at_venue} == set(ours)
        assert all(report.reduce_only for report in at_venue)
        return sorted((o.tag, o.terms.side, f"{o.terms.quantity}", f"{o.terms.stop_price}") for o in ours.values())


async def test_stops_rest_reduce_only_and_follow_what_is_held(rig: Rig) -> None:
    watch = Watch(rig, STOP, PROFIT)
    await watch.settle()
    assert await watch.resting() == [], "nothing is held"
    await watch.hold("0.1")
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0"), ("take_profit", "sell", "0.1", "55000.0")]
    sent = len(rig.venue.sent)
    await watch.settle()
    assert len(rig.venue.sent) == sent, "what rests as it should is left alone"
    await watch.hold("0.1", "60000")
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.2", "52250.0"), ("take_profit", "sell", "0.2", "60500.0")]
    await watch.hold("0.3", "55000", side="sell")
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "buy", "0.1", "57750.0"), ("take_profit", "buy", "0.1", "49500.0")]


async def test_a_stop_without_a_position_is_cancelled_and_a_new_position_gets_a_new_one(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    for _ in range(3):
        await watch.hold("0.1")
        await watch.settle()
        assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0")]
        await watch.hold("0.1", side="sell")
        await watch.settle()
        assert await watch.resting() == []
    assert len(set(rig.venue.sent)) == len(rig.venue.sent) == 9


async def test_a_stop_that_is_reached_is_left_to_its_end_and_no_other_takes_its_place(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    await watch.settle()
    (stop,) = await watch.open()
    part = rig.venue.fill(stop.order_id, "0.04", "47400")
    await rig.gateway.apply_report(rig.venue.orders[stop.order_id])  # told before its fill
    watch.mark("47000")
    await watch.settle()
    await rig.gateway.apply_fill(part)
    await watch.settle()
    rest = rig.venue.fill(stop.order_id, "0.06", "47400")
    await rig.gateway.apply_report(rig.venue.orders[stop.order_id])  # ended, its last fill not here yet
    await watch.settle()
    await rig.gateway.apply_fill(rest)
    await watch.settle()
    assert (len(rig.venue.sent), await watch.resting()) == (2, [])


@pytest.mark.parametrize("point", ["before", "after"])
async def test_after_a_kill_the_stop_is_found_again_and_not_doubled(rig: Rig, point: str) -> None:
    watch = Watch(rig, STOP, PROFIT)
    await watch.hold("0.1")
    original = rig.venue.submit

    async def killed(order: Any) -> OrderReport:
        if point == "after":
            await original(order)
        raise Crash

    rig.venue.submit = killed  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await watch.settle()
    rig.venue.submit = original  # type: ignore[method-assign]
    await rig.clock.advance(61.0)
    rig.gateway = rig.make("two")
    assert await rig.gateway.start()
    again = Watch(rig, STOP, PROFIT)
    await again.settle()
    if point == "before":
        assert [order.tag for order in await again.open() if order.state is OrderState.UNKNOWN] == ["stop_loss"]
        await rig.scans()
        await again.settle()
        await rig.clock.advance(2.0)
        await again.settle()
    wanted = [("stop_loss", "sell", "0.1", "47500.0"), ("take_profit", "sell", "0.1", "55000.0")]
    assert await again.resting() == wanted
    assert len(rig.venue.orders) == 3


async def test_a_restart_that_forgot_its_pointer_finds_the_order_by_its_id(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    keep = Guard._keep  # what a kill between the commit and this would leave out

    async def lost(_guard: Guard) -> None:
        """The process ends before it keeps what it sent."""

    monkeypatch.setattr(Guard, "_keep", lost)
    await watch.settle()
    monkeypatch.setattr(Guard, "_keep", keep)
    await watch.hold("0.1", side="sell")
    again = Watch(rig, STOP)
    await again.settle()
    assert await again.resting() == []
    await again.hold("0.1")
    await again.settle()
    await rig.clock.advance(2.0)
    await again.settle()
    assert await again.resting() == [("stop_loss", "sell", "0.1", "47500.0")]


async def test_a_lost_answer_places_no_second_stop(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    rig.venue.script = ["lost_answer"]
    await watch.settle()
    assert [order.state for order in await watch.open()] == [OrderState.UNKNOWN]
    await rig.gateway.resolve()
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0")]
    assert len(rig.venue.sent) == 2


async def test_a_stop_whose_cancel_is_lost_is_not_joined_by_another(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    await watch.settle()
    await watch.hold("0.1")

    asked = 0

    async def lost(*_: Any) -> None:
        nonlocal asked
        asked += 1
        rig.venue.away = True
        rig.venue._answer()  # as every request while the venue is away

    original, rig.venue.cancel = rig.venue.cancel, lost  # type: ignore[method-assign, assignment]
    await watch.settle()
    rig.venue.away = False
    assert asked == 1, "it is asked for again with pauses, by the gateway"
    assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0")]
    rig.venue.cancel = original  # type: ignore[method-assign]
    await rig.clock.advance(2.0)
    await rig.gateway.resolve()
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.2", "47500.0")]


async def test_a_trailing_stop_is_watched_and_its_best_price_survives_a_restart(rig: Rig) -> None:
    watch = Watch(rig, TRAIL)
    await watch.hold("0.1")
    for price in ("50000", "52000", "51500"):
        watch.mark(price)
        await rig.clock.advance(6.0)
        await watch.settle()
    assert await watch.open() == []
    again = Watch(rig, TRAIL)
    await again.settle()
    again.mark("50900")
    await again.settle()
    (out,) = await again.open()
    assert (out.purpose, out.tag, out.terms.type, out.terms.side, out.terms.quantity, out.terms.reduce_only, out.deployment) == (
        "flatten", "trailing_stop", "market", "sell", D("0.1"), True, "d1",
    )  # fmt: skip
    again.mark("50800")
    await again.settle()
    assert len(await again.open()) == 1, "one is under way"
    rig.venue.fill(out.order_id, "0.1", "50800")
    await rig.gateway.apply_report(rig.venue.orders[out.order_id])
    await again.settle()
    assert len(rig.venue.sent) == 2, "it ended, and its fill is not here yet"
    await rig.gateway.apply_fill(rig.venue.fills[-1])
    await again.settle()
    assert len(rig.venue.sent) == 2
    sentences = [item.sentence for item in rig.told if isinstance(item, Alert) and item.name == "position_exit"]
    assert len(sentences) == 1
    assert "off its best 52000" in sentences[0]


async def test_where_the_venue_holds_no_stops_they_are_watched(rig: Rig) -> None:
    watch = Watch(rig, STOP, rests=False)
    await watch.hold("0.1")
    watch.mark("47600")
    await watch.settle()
    assert await watch.open() == []
    watch.mark("47500")
    await watch.settle()
    (out,) = await watch.open()
    assert (out.purpose, out.tag, out.terms.side) == ("flatten", "stop_loss", "sell")


async def test_a_refused_stop_is_watched_tried_again_with_pauses_and_told_once(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    rig.venue.script = ["refused"] * 50
    for _ in range(6):
        await watch.settle()
        await rig.clock.advance(3.0)
    attempts = len(rig.venue.sent) - 1
    assert 2 < attempts < 7
    told = [item for item in rig.told if isinstance(item, Alert) and item.name == "stop_not_placed"]
    assert [item.cleared for item in told] == [False]
    rig.venue.script = []
    watch.mark("47000")
    await watch.settle()
    assert [order.purpose for order in await watch.open()] == ["flatten"], "what does not rest is watched here"


async def test_parts_that_hold_against_each_other_are_watched_and_told_of_until_their_stops_rest_again(rig: Rig) -> None:
    """The account holds less than the larger part, and nothing of the other's side: the venue would hold back what is more."""
    watch = Watch(rig, STOP)

    def told() -> list[tuple[str, bool]]:
        found = [item for item in rig.told if isinstance(item, Alert) and item.name == "stop_not_placed"]
        return [(item.deployment, item.cleared) for item in found]

    await watch.hold("0.3")
    await watch.settle()
    assert (await watch.resting(), told()) == ([("stop_loss", "sell", "0.3", "47500.0")], [])
    await watch.hold("0.2", side="sell", deployment="d2")
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0")], "what the account's own position covers rests"
    assert sorted(told()) == [("d1", False), ("d2", False)]
    watch.mark("47400")
    await watch.settle()
    (out,) = await watch.open()
    assert (out.deployment, out.terms.side, out.terms.quantity, out.terms.reduce_only) == ("d1", "sell", D("0.3"), False)
    await rig.gateway.apply_fill(rig.venue.fill(out.order_id, "0.3", "47400"))
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "buy", "0.2", "52500.0")], "the other part is the account's own now"
    assert sorted(told()[2:]) == [("d1", True), ("d2", True)]


async def test_the_stop_of_a_part_makes_way_for_the_order_that_closes_the_part(rig: Rig) -> None:
    """A plain order beside it could turn the part over: the stop is cancelled first, and the account keeps what the other holds."""
    watch = Watch(rig, STOP)
    await watch.hold("0.3")
    await watch.hold("0.2", side="sell", deployment="d2")
    await watch.settle()
    (stop,) = await watch.open()
    for item in rig.told:  # as the account's desk brings it
        if isinstance(item, PositionChanged):
            rig.desk.books["main"].apply_position(item.position, item.deployment)
    closing = rig.intent("close", "0.3", side="sell", reduce_only=True)
    await rig.gateway.submit([closing])
    assert (await rig.order(closing)).terms.reduce_only is False
    assert (await rig.gateway.find(stop.order_id)).state is OrderState.CANCELLED  # type: ignore[union-attr]  # it is there
    await rig.gateway.apply_fill(rig.venue.fill(closing.client_id, "0.3", "50000"))
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "buy", "0.2", "52500.0")]


@pytest.mark.parametrize(("held", "wanted"), [("0.1", "0.05"), ("0.001", "0.001"), ("0.003", "0.001")])
async def test_a_high_margin_ratio_lets_a_share_go_and_at_least_a_lot(rig: Rig, held: str, wanted: str) -> None:
    half: PositionRule = rule_of("forced_reduction", {"limit": "0.8", "share": "0.5"})  # type: ignore[assignment]
    watch = Watch(rig, half)
    await watch.hold(held)
    watch.mark("50000")
    watch.margin_ratio = D("0.79")
    await watch.settle()
    assert await watch.open() == []
    watch.margin_ratio = D("0.8")
    await watch.settle()
    (out,) = await watch.open()
    assert (out.purpose, out.tag, out.terms.quantity, out.terms.side) == ("flatten", "forced_reduction", D(wanted), "sell")


async def test_while_only_reductions_go_out_stops_do_and_halted_nothing_does(rig: Rig) -> None:
    watch = Watch(rig, STOP)
    await watch.hold("0.1")
    rig.desk.set_state(RiskState(scope="system", state="HALTED"))
    await watch.settle()
    assert len(rig.venue.sent) == 1
    rig.desk.set_state(RiskState(scope="system", state="REDUCING"))
    await rig.clock.advance(5.0)
    await watch.settle()
    assert await watch.resting() == [("stop_loss", "sell", "0.1", "47500.0")]


async def test_a_rule_that_is_turned_off_rests_no_more(rig: Rig) -> None:
    watch = Watch(rig, STOP, PROFIT)
    await watch.hold("0.1")
    await watch.settle()
    watch.rules = [PROFIT]
    await watch.settle()
    assert await watch.resting() == [("take_profit", "sell", "0.1", "55000.0")]
