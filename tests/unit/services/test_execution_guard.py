"""The guard alone: what it sends and tells, what is left to the venue, and which position goes first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock
from tests.support.market import instrument

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Denied, Intent, OrderTerms, intent_id
from quantservice.core.messages import Alert
from quantservice.core.orders import Order, OrderState, order_of
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition
from quantservice.quant.risk_rules import ForcedReduction, PositionRule, StopLoss, TakeProfit, TrailingStop
from quantservice.services.execution import Guard

D = Decimal
BTC, ETH, SPOT = instrument("BTC"), instrument("ETH"), instrument("BTC", market="spot")
COIN = msgspec.structs.replace(
    BTC,
    id=InstrumentId("binance", "cm", "BTC-USD-PERP"),
    quote="USD",
    settle="BTC",
    contract_size=D(100),
    inverse=True,
    lot_size=D(1),
)
KNOWN = {rules.id: rules for rules in (BTC, ETH, SPOT, COIN)}
STOP, PROFIT, TRAIL, HALF = StopLoss(limit=D("0.05")), TakeProfit(limit=D("0.1")), TrailingStop(limit=D("0.02")), ForcedReduction()
SECOND = 10**9


def holds(quantity: str, entry: str = "100", *, rules: Instrument = BTC, deployment: str = "d", side: Any = "both") -> HeldPosition:
    size = D(quantity) * rules.contract_size
    cost = size / D(entry) if rules.inverse else size * D(entry)
    position = Position(
        instrument=rules.id, side=side, quantity=D(quantity), cost=cost, contract_size=rules.contract_size, inverse=rules.inverse
    )
    return HeldPosition(account="main", deployment=deployment, position=position, updated_ms=0)


class Gate:
    """What a guard uses of a gateway: every order is taken and rests, unless ``answers`` says otherwise."""

    account = "main"

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.ready, self.token, self.closing = clock, True, 1, False
        self.orders: dict[str, Order] = {}
        self.sent: list[Intent] = []
        self.cancelled: list[str] = []
        self.told: list[Alert] = []
        self.answers: list[Any] = []
        self.way = SimpleNamespace(closing=lambda _deployment, _instrument: self.closing)

    async def open(self) -> list[Order]:
        return [order for order in self.orders.values() if not order.final]

    async def submit(self, intents: Sequence[Intent]) -> list[Any]:
        (intent,) = intents
        self.sent.append(intent)
        answer = self.answers.pop(0) if self.answers else OrderState.OPEN
        if answer == "denied":
            return [Denied(intent=intent, rule="r", limit="1", value="2", sentence="it is not allowed")]
        order = order_of(intent, created_ns=self.clock.now_ns())
        order = msgspec.structs.replace(order, state=answer, reason="no room" if answer is OrderState.REJECTED else "")
        self.orders[order.order_id] = order
        return [order]

    async def find(self, order_id: str) -> Order | None:
        return self.orders.get(order_id)

    async def cancel(self, order_id: str) -> Order:
        self.cancelled.append(order_id)
        self.change(order_id, state=OrderState.CANCELLED)
        return self.orders[order_id]

    async def alert(self, alert: Alert) -> None:
        self.told.append(alert)

    def change(self, order_id: str, **changes: Any) -> None:
        self.orders[order_id] = msgspec.structs.replace(self.orders[order_id], **changes)


class Rig:
    def __init__(self, *rules: PositionRule, rests: bool = True) -> None:
        self.clock = ManualClock()
        self.gate = Gate(self.clock)
        self.held: list[HeldPosition] = []
        self.values: dict[tuple[str, str], Any] = {}
        self.written: list[str] = []
        self.rules, self.rests, self.ratio = list(rules), rests, D(0)
        self.guard = self.make()

    def make(self) -> Guard:
        return Guard(
            self.gate,  # type: ignore[arg-type]  # the part that a guard uses
            self,  # type: ignore[arg-type]
            self.clock,
            rules_of=lambda _deployment: self.rules,
            instrument_of=KNOWN.get,
            rests=self.rests,
            margin_ratio=lambda: self.ratio,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async def positions(*, account: str) -> list[HeldPosition]:
            assert account == "main"
            return self.held

        async def get(scope: str, name: str) -> Any:
            return self.values.get((scope, name))

        async def put(scope: str, name: str, value: Any) -> None:
            self.values[scope, name] = value
            self.written.append(value)

        yield SimpleNamespace(books=SimpleNamespace(positions=positions), values=SimpleNamespace(get=get, put=put))

    async def hold(self, *held: HeldPosition) -> None:
        """Hold these from now on, and look."""
        self.held = list(held)
        self.guard.touch(held=True)
        await self.guard.look()

    def terms(self) -> list[tuple[str, str, str, str]]:
        return [(item.tag, item.terms.side, f"{item.terms.quantity}", str(item.terms.instrument.symbol)) for item in self.gate.sent]


# --- what is sent ---------------------------------------------------------------------------------------------------------


async def test_a_stop_is_of_its_deployment_and_named_by_the_one_before_it() -> None:
    rig = Rig(STOP)
    await rig.hold(holds("2"))
    (intent,) = rig.gate.sent
    key = f"stop_loss|{BTC.id}|both|long|d"
    assert intent.correlation_id == f"protective:{key}:"
    assert intent.intent_id == intent_id("main", "d", intent.correlation_id)
    assert (intent.purpose, intent.tag, intent.deployment) == ("protective", "stop_loss", "d")
    assert (intent.created_ns, intent.valid_until_ns) == (rig.clock.now_ns(), rig.clock.now_ns() + 30 * SECOND)
    terms = intent.terms
    assert (terms.type, terms.side, terms.quantity, terms.stop_price, terms.reduce_only) == ("stop", "sell", D(2), D(95), True)
    await rig.hold(holds("3"))
    assert rig.gate.cancelled == [intent.client_id]
    assert rig.gate.sent[1].correlation_id == f"protective:{key}:{intent.intent_id}"
    assert msgspec.json.decode(rig.values["guard", "main"])["last"] == {key: rig.gate.sent[1].intent_id}


async def test_what_is_held_changed_meanwhile_is_looked_at_again_first() -> None:
    rig = Rig(STOP)
    rig.held = [holds("2")]
    rig.guard.touch(held=True)
    original = rig.gate.open

    async def changed() -> list[Order]:
        rig.guard.touch(held=True)
        return await original()

    rig.gate.open = changed  # type: ignore[method-assign]
    await rig.guard.look()
    assert rig.gate.sent == []
    rig.gate.open = original  # type: ignore[method-assign]
    rig.guard.touch()
    await rig.guard.look()
    assert len(rig.gate.sent) == 1


async def test_a_second_order_for_one_thing_is_cancelled_and_one_whose_cancel_is_asked_for_is_left() -> None:
    rig = Rig(STOP)
    await rig.hold(holds("2"))
    (first,) = rig.gate.orders.values()
    rig.gate.orders["twice"] = msgspec.structs.replace(first, order_id="twice")
    rig.gate.orders["asked"] = msgspec.structs.replace(first, order_id="asked", cancel_asked=True)
    rig.gate.orders["manual"] = msgspec.structs.replace(first, order_id="manual", purpose="manual")
    await rig.guard.look()
    assert rig.gate.cancelled == ["twice"]
    assert len(rig.gate.sent) == 1


@pytest.mark.parametrize(("changes", "left"), [({"filled": D("0.1")}, True), ({"reported": D("0.1")}, True), ({}, False)])
async def test_a_stop_that_was_reached_is_left_to_its_end(changes: dict[str, Any], left: bool) -> None:
    rig = Rig(STOP)
    await rig.hold(holds("2"))
    rig.gate.change(rig.gate.sent[0].client_id, **changes)
    await rig.hold(holds("1.9"))
    assert (rig.gate.cancelled == []) is left
    assert len(rig.gate.sent) == (1 if left else 2)


# --- what does not rest ---------------------------------------------------------------------------------------------------


async def test_what_is_refused_is_tried_again_after_growing_pauses_and_told_after_the_second_time() -> None:
    rig = Rig(STOP)
    rig.gate.answers = [OrderState.REJECTED] * 9
    began, tried = rig.clock.now_ns(), list[float]()
    await rig.hold(holds("2"))
    assert rig.gate.told == []
    for pause in (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0):
        for step in (pause - 0.5, 0.5):
            tried.append(len(rig.gate.sent))
            await rig.clock.advance(step)
            await rig.guard.look()
    assert tried == [number for number in range(1, 8) for _ in range(2)]
    assert len(rig.gate.sent) == 8
    (alert,) = rig.gate.told
    assert (alert.name, alert.level, alert.account, alert.deployment) == ("stop_not_placed", "warning", "main", "d")
    assert (alert.instrument, alert.cleared, alert.time_ms) == (str(BTC.id), False, began // 10**6 + 1_000)
    assert alert.sentence == f"stop_loss of {BTC.id} at 95.00 does not rest: no room; it is watched here"
    rig.gate.answers = []
    await rig.clock.advance(60.0)
    await rig.guard.look()
    over = rig.gate.told[1]
    assert (over.cleared, over.level, over.sentence) == (True, "info", f"a stop of {BTC.id} rests again")
    await rig.hold(holds("3"))
    assert len(rig.gate.told) == 2
    rig.gate.answers = [OrderState.REJECTED]
    await rig.hold(holds("4"))
    await rig.clock.advance(1.0)
    await rig.guard.look()
    assert len(rig.gate.sent) == 12, "pauses begin anew"


@pytest.mark.parametrize(
    ("answer", "why"), [("denied", "it is not allowed"), (OrderState.EXPIRED, "expired"), (OrderState.REJECTED, "no room")]
)
async def test_why_it_does_not_rest_is_said(answer: Any, why: str) -> None:
    rig = Rig(STOP)
    rig.gate.answers = [answer] * 2
    await rig.hold(holds("2"))
    await rig.clock.advance(1.0)
    await rig.guard.look()
    (alert,) = rig.gate.told
    assert f"does not rest: {why}; it is watched here" in alert.sentence


async def test_a_stop_that_is_needed_no_more_ends_its_alarm() -> None:
    rig = Rig(STOP)
    rig.gate.answers = [OrderState.REJECTED] * 2
    await rig.hold(holds("2"))
    await rig.clock.advance(1.0)
    await rig.guard.look()
    await rig.hold()
    assert [(item.cleared, item.deployment) for item in rig.gate.told] == [(False, "d"), (True, "d")]
    assert rig.gate.told[1].sentence == f"a stop of {BTC.id} is not needed any more"
    await rig.hold()
    assert len(rig.gate.told) == 2


# --- what is watched here -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "goes"), [(OrderState.OPEN, False), (OrderState.UNKNOWN, True), (OrderState.AMENDING, True)])
async def test_only_what_surely_rests_is_left_to_the_venue(state: OrderState, goes: bool) -> None:
    rig = Rig(STOP)
    await rig.hold(holds("2"))
    rig.gate.change(rig.gate.sent[0].client_id, state=state)
    rig.guard.mark(BTC.id, D(95))
    await rig.guard.look()
    assert [item.purpose for item in rig.gate.sent[1:]] == ["flatten"] * goes


async def test_an_exit_is_told_and_the_first_rule_that_says_so_closes() -> None:
    rig = Rig(TRAIL, STOP, rests=False)
    rig.guard.mark(BTC.id, D(90))
    await rig.hold(holds("-2"), holds("3", rules=ETH, deployment=""))
    assert rig.gate.sent == [], "the price of one is not known, and the other gains"
    rig.guard.mark(BTC.id, D(106))
    await rig.guard.look()
    (intent,) = rig.gate.sent
    assert (intent.purpose, intent.tag, intent.terms.type, intent.terms.side, intent.terms.quantity) == (
        "flatten",
        "trailing_stop",
        "market",
        "buy",
        D(2),
    )
    assert intent.terms.reduce_only
    (alert,) = rig.gate.told
    assert (alert.name, alert.level, alert.deployment, alert.instrument) == ("position_exit", "warning", "d", str(BTC.id))
    assert alert.sentence.endswith("off its best 90: 2 is closed at the market by trailing_stop")


async def test_an_exit_that_is_denied_says_so() -> None:
    rig = Rig(STOP, rests=False)
    rig.gate.answers = ["denied"]
    rig.guard.mark(BTC.id, D(94))
    await rig.hold(holds("2"))
    (alert,) = rig.gate.told
    assert alert.sentence.endswith("is closed at the market by stop_loss; but it was denied: it is not allowed")
    await rig.guard.look()
    assert len(rig.gate.told) == 1, "and not again before its pause is over"


@pytest.mark.parametrize("part", [{"side": "long"}, {"rules": SPOT}])
async def test_a_leg_of_its_own_and_spot_know_no_word_for_reducing(part: dict[str, Any]) -> None:
    rig = Rig(STOP, rests=False)
    held = holds("2", **part)
    rig.guard.mark(held.position.instrument, D(94))
    await rig.hold(held)
    (intent,) = rig.gate.sent
    assert (intent.terms.reduce_only, intent.terms.position_side) == (False, held.position.side)


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"state": OrderState.OPEN}, True),
        ({"state": OrderState.FILLED, "reported": D(2)}, True),  # its fills are not here yet
        ({"state": OrderState.FILLED, "reported": D(2), "filled": D(2)}, False),
    ],
)
async def test_nothing_more_is_closed_while_an_exit_is_not_booked_whole(changes: dict[str, Any], waits: bool) -> None:
    rig = Rig(STOP, rests=False)
    rig.guard.mark(BTC.id, D(94))
    await rig.hold(holds("2"))
    rig.gate.change(rig.gate.sent[0].client_id, **changes)
    await rig.hold(holds("2"))
    assert len(rig.gate.sent) == (1 if waits else 2)


async def test_nothing_is_placed_while_something_else_reduces_the_share() -> None:
    rig = Rig(STOP)
    rig.gate.closing = True
    await rig.hold(holds("2"))
    assert rig.gate.sent == [], "an order that closes the part is on its way"
    rig.gate.closing = False
    terms = OrderTerms(account="main", instrument=BTC.id, side="sell", quantity=D(1))
    out = msgspec.structs.replace(
        order_of(Intent(intent_id="x", terms=terms, purpose="flatten"), created_ns=1), state=OrderState.OPEN
    )
    for foreign in ({}, {"deployment": "e"}, {"deployment": "d", "purpose": "manual"}):
        rig.gate.orders = {"x": msgspec.structs.replace(out, **foreign)}
        rig.gate.sent.clear()
        rig.guard = rig.make()
        rig.values.clear()
        await rig.hold(holds("2"))
        assert len(rig.gate.sent) == 1, foreign
    rig.gate.orders = {"x": msgspec.structs.replace(out, deployment="d")}
    rig.gate.sent.clear()
    rig.guard = rig.make()
    rig.values.clear()
    await rig.hold(holds("2"))
    assert rig.gate.sent == []


# --- a margin ratio that is too high --------------------------------------------------------------------------------------


async def test_the_largest_position_goes_first_and_one_at_a_time() -> None:
    rig = Rig(HALF)
    for rules, price in ((BTC, 100), (ETH, 10), (COIN, 100), (SPOT, 100)):
        rig.guard.mark(rules.id, D(price))
    rig.ratio = D("0.79")
    held = (holds("2"), holds("-30", "10", rules=ETH), holds("4", rules=COIN), holds("99", rules=SPOT))
    await rig.hold(*held)
    assert (rig.gate.sent, rig.gate.told) == ([], [])
    rig.ratio = D("0.8")
    await rig.hold(*held)
    assert rig.terms() == [("forced_reduction", "sell", "2", "BTC-USD-PERP")], (
        "four contracts of a hundred dollars; spot has no margin"
    )
    (alert,) = rig.gate.told
    assert (alert.name, alert.level, alert.deployment, alert.instrument) == ("margin_reduction", "critical", "", "")
    assert alert.sentence.endswith("2 is closed at the market by forced_reduction")
    await rig.guard.look()
    assert len(rig.gate.sent) == 1
    rig.gate.change(rig.gate.sent[0].client_id, state=OrderState.FILLED, filled=D(2), reported=D(2))
    await rig.hold(holds("2"), holds("-30", "10", rules=ETH), holds("2", rules=COIN))
    assert rig.terms()[1:] == [("forced_reduction", "buy", "15.0", "ETH-USDT-PERP")]
    rig.gate.change(rig.gate.sent[1].client_id, state=OrderState.FILLED, filled=D(15), reported=D(15))
    rig.ratio = D("0.5")
    for _ in range(2):
        await rig.hold(holds("2"), holds("-15", "10", rules=ETH), holds("2", rules=COIN))
    last = rig.gate.told[-1]
    assert (len(rig.gate.told), last.cleared, last.level) == (3, True, "info")
    assert last.sentence == "the margin ratio of account main is 50 % again"


async def test_where_the_largest_cannot_be_reduced_the_next_one_is() -> None:
    rig = Rig(HALF)
    rig.guard.mark(BTC.id, D(100))
    rig.guard.mark(ETH.id, D(10))
    rig.ratio = D("0.9")
    rig.gate.answers = ["denied"]
    await rig.hold(holds("4"), holds("30", "10", rules=ETH))
    assert [item[3] for item in rig.terms()] == ["BTC-USDT-PERP", "ETH-USDT-PERP"]


async def test_no_ratio_reduces_nothing_whatever_the_limit_is() -> None:
    rig = Rig(ForcedReduction(limit=D(0)))
    rig.guard.mark(BTC.id, D(100))
    await rig.hold(holds("2"))
    assert rig.gate.sent == []
    rig.ratio = D("0.001")
    await rig.guard.look()
    assert len(rig.gate.sent) == 1


async def test_a_share_whose_rules_are_not_known_holds_no_other_back() -> None:
    strange = msgspec.structs.replace(BTC, id=InstrumentId("binance", "um", "XYZ-USDT-PERP"))
    rig = Rig(STOP)
    await rig.hold(holds("1", rules=strange), holds("2"))
    assert [intent.terms.instrument for intent in rig.gate.sent] == [BTC.id]
