"""Rules asked of the past: which instant counts first, how long a close holds, what is out of the range or not known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.unit.services.test_risk_rehearsal import ACCOUNT, BTC, COIN, KNOWN, NOON_MS, SECOND, Story, blocked, fill_of, money

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Evidence, Order, OrderState, VenueFill
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition
from quantservice.quant.risk_rules import RiskRule, RiskView, rule_of
from quantservice.services.risk.attribution import Outcome
from quantservice.services.risk.rehearsing import Mark, Money, Past, RuleRehearsal, _Replay, rehearse_orders

D = Decimal
MS = 1_000_000


def order(number: int, at_ms: int, *, quantity: str = "1", side: str = "buy", rules: Any = BTC, **more: Any) -> Order:
    terms = OrderTerms(account="main", instrument=rules.id, side=side, quantity=D(quantity))  # type: ignore[arg-type]
    fields: dict[str, Any] = {"order_id": f"o{number}", "intent_id": f"o{number}", "terms": terms, "state": OrderState.OPEN}
    return Order(**(fields | {"created_ns": at_ms * MS, "updated_ns": at_ms * MS, "evidence": Evidence(source="push")} | more))


def views(past: Past, *, deployment: str | None = None) -> dict[str, RiskView]:
    """The surroundings in which each order is judged."""
    replay = _Replay(past, KNOWN.get, range(2**62), deployment)
    return {intent.intent_id: msgspec.structs.replace(view) for intent, view in replay.views()}


def past_of(orders: list[Order], fills: Sequence[tuple[VenueFill, str, str]] = (), **more: Any) -> Past:
    sums: dict[tuple[str, InstrumentId], Decimal] = {}
    for made, _, deployment in fills:
        for name in {"", deployment}:
            sums[name, made.instrument] = sums.get((name, made.instrument), D(0)) + made.as_fill().signed
    now = [
        HeldPosition(account="main", deployment=name, position=Position(instrument=of, quantity=quantity))
        for (name, of), quantity in sums.items()
    ]
    return Past(account=ACCOUNT, orders=orders, fills=fills, **({"held": now} | more))


def priced(price: str, at_ms: int, rules: Any = BTC) -> Mark:
    return Mark(rules.id, at_ms, D(price))


# --- prices ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after_ms", "price"), [(120_000, "100"), (120_001, "200")])
def test_a_close_holds_for_two_minutes_then_fills_tell_the_price(after_ms: int, price: str) -> None:
    orders = [order(1, 10), order(2, 300_000)]
    fills = [(fill_of(1, "buy", "1", "200", 1_000 + after_ms), "o1", "d")]
    found = views(past_of(orders, fills, marks=[priced("100", 1_000)]))
    assert found["o2"].reference_price == D(price)
    assert found["o1"].reference_price == 0
    assert views(past_of(orders, fills))["o2"].reference_price == D(200), "without any close"


def test_of_one_instant_the_price_goes_before_the_order() -> None:
    found = views(past_of([order(1, 1_000)], marks=[priced("100", 1_000)]))
    assert (found["o1"].reference_price, found["o1"].data_age_ms) == (D(100), 0)
    assert views(past_of([order(1, 1_000)], marks=[priced("100", 1_001)]))["o1"].reference_price == 0


def test_what_nobody_knows_the_rules_of_is_left_out() -> None:
    strange = msgspec.structs.replace(BTC, id=InstrumentId("binance", "um", "XYZ-USDT-PERP"))
    orders = [order(1, 1_000, rules=strange), order(2, 2_000), order(3, 3_000, external=True)]
    fills = [(fill_of(1, "buy", "1", "200", 1_500, strange), "o1", "d")]
    past = past_of(orders, fills, marks=[priced("7", 1_200, strange), priced("100", 1_200)])
    made = rehearse_orders(past, [_rule("max_order_value")], KNOWN.get, start_ms=0, end_ms=10_000)
    assert (made.judged, made.left_out, made.without_price) == (1, 2, 0)
    elsewhere = rehearse_orders(past, [_rule("max_order_value")], KNOWN.get, start_ms=1_001, end_ms=2_000)
    assert (elsewhere.judged, elsewhere.left_out) == (0, 0), "what is out of the range is not left out of it"


def _rule(name: str, **parameters: Any) -> RiskRule:
    made = rule_of(name, parameters)
    assert isinstance(made, RiskRule)
    return made


@pytest.mark.parametrize(("start", "end", "judged"), [(1_000, 1_001, 1), (1_001, 2_000, 0), (0, 1_000, 0), (0, 1_001, 1)])
def test_a_range_has_its_first_instant_and_not_its_last(start: int, end: int, judged: int) -> None:
    made = rehearse_orders(past_of([order(1, 1_000)]), [_rule("max_order_value")], KNOWN.get, start_ms=start, end_ms=end)
    assert (made.judged, made.without_price) == (judged, judged)


def test_orders_of_one_deployment_or_of_people_alone() -> None:
    past = past_of([order(1, 1_000, deployment="a"), order(2, 2_000, deployment="b"), order(3, 3_000)])
    assert list(views(past)) == ["o1", "o2", "o3"]
    assert list(views(past, deployment="b")) == ["o2"]
    assert list(views(past, deployment="")) == ["o3"]


# --- orders, fills, ends --------------------------------------------------------------------------------------------------


def test_a_fill_that_the_venue_dates_before_its_order_comes_after_it() -> None:
    orders = [order(1, 1_000, quantity="3"), order(2, 2_000)]
    fills = [(fill_of(1, "buy", "3", "100", 900), "o1", "")]
    found = views(past_of(orders, fills, marks=[priced("100", 500)]))
    assert (found["o2"].position_value, found["o2"].open_orders) == (D(300), 0)
    early = views(past_of([order(1, 1_000, quantity="3"), order(2, 1_000)], fills, marks=[priced("100", 500)]))
    assert (early["o2"].position_value, early["o2"].open_orders) == (D(300), 1), "in flight until then"


def test_an_end_counts_from_when_it_was_known_and_never_before_the_order() -> None:
    def resting(updated_ms: int) -> int:
        ended = order(1, 1_000, state=OrderState.CANCELLED, updated_ns=updated_ms * MS)
        return views(past_of([ended, order(2, 2_000)], marks=[priced("100", 500)]))["o2"].open_orders

    assert [resting(at) for at in (900, 1_000, 1_999, 2_000, 2_001)] == [0, 0, 0, 0, 1]


def test_an_order_flies_as_it_was_when_it_was_made() -> None:
    """What is kept of it is its end: filled, reported and changed are of later."""
    late = order(1, 1_000, quantity="3", filled=D(3), reported=D(3), cost=D(300), state=OrderState.FILLED, updated_ns=9_000 * MS)
    found = views(past_of([late, order(2, 2_000)], marks=[priced("100", 500)]))
    assert (found["o2"].position_value, found["o2"].open_orders) == (D(300), 1)
    part = [(fill_of(1, "buy", "1", "100", 1_500), "o1", "")]
    found = views(past_of([late, order(2, 2_000)], part, marks=[priced("100", 500)]))
    assert found["o2"].position_value == D(300), "one held, two in flight"


def test_fills_of_a_deployment_count_for_it_and_for_the_account() -> None:
    past = past_of(
        [order(1, 1_000, deployment="d"), order(2, 4_000, side="sell", deployment="d"), order(3, 6_000, deployment="d")],
        [(fill_of(1, "buy", "1", "100", 2_000), "o1", "d"), (fill_of(2, "sell", "1", "90", 5_000), "o2", "d")],
        marks=[priced("100", 500)],
    )
    found = views(past)
    assert (found["o2"].position_value, found["o2"].reduces, found["o2"].closes) == (D(100), True, True)
    assert (found["o3"].position_value, found["o3"].losses_in_row, found["o3"].last_loss_ns) == (D(0), 1, 5_000 * MS)
    assert found["o3"].deployment_orders_today == 2


# --- what was held before -------------------------------------------------------------------------------------------------


def held(quantity: str, deployment: str = "", rules: Any = BTC) -> HeldPosition:
    return HeldPosition(
        account="main", deployment=deployment, position=Position(instrument=rules.id, quantity=D(quantity)), updated_ms=0
    )


def test_what_was_held_before_the_first_fill_is_what_is_held_now_less_all_fills() -> None:
    fills = [(fill_of(1, "buy", "2", "100", 2_000), "o1", "d"), (fill_of(2, "sell", "1", "100", 3_000), "", "")]
    past = past_of(
        [order(1, 1_000, deployment="d"), order(2, 9_000)], fills, held=[held("6"), held("2", "d")], marks=[priced("100", 500)]
    )
    found = views(past)
    assert found["o1"].position_value == D(500), "five: six now, two bought and one sold"
    assert found["o2"].position_value == D(600)
    both = [held("2"), held("2", "d")]
    shares = views(past_of([order(1, 1_000, deployment="d", side="sell")], held=both, marks=[priced("100", 500)]))
    assert (shares["o1"].closes, shares["o1"].position_value) == (True, D(200))


def test_an_opening_costs_the_first_price_that_is_known() -> None:
    for rules, quantity, price in ((BTC, "2", "100"), (COIN, "10", "50000")):
        replay = _Replay(
            past_of([], held=[held(quantity, rules=rules)], marks=[priced(price, 500, rules)]), KNOWN.get, range(1), None
        )
        assert list(replay.views()) == []
        (position,) = replay._positions.values()
        assert (position.quantity, position.average_entry, position.unrealised(D(price))) == (D(quantity), D(price), D(0))
    replay = _Replay(past_of([], held=[held("2")], marks=[priced("5", 500), priced("6", 600)]), KNOWN.get, range(1), None)
    list(replay.views())
    (position,) = replay._positions.values()
    assert position.average_entry == D(5), "once"


# --- equity ---------------------------------------------------------------------------------------------------------------


def test_equity_is_known_from_the_first_money_on() -> None:
    story = Story()
    story.orders.append(order(9, NOON_MS - 20 * SECOND))
    story.order("buy", "1", "100")
    found = views(past_of(story.orders, story.fills, entries=story.entries, held=story.held(), marks=[priced("100", NOON_MS)]))
    assert (found["o9"].equity, found["o9"].day_start_equity) == (D(0), D(0))
    mine = next(view for name, view in found.items() if name != "o9")
    assert (mine.equity, mine.peak_equity, mine.day_start_equity) == (D(10_000), D(10_000), D(10_000))
    assert mine.free_margin == D(10_000) - mine.position_value


# --- the answer -----------------------------------------------------------------------------------------------------------


def test_nothing_won_is_saved_and_costs_nothing() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "20", "100")
    story.order("sell", "20", "100")
    made = story.ask(("max_order_value", {"limit": "1000"}))
    assert (blocked(made), money(made)) == ([("o1", "2000")], [("USDT", D(0), D(0))])
    assert made.sentence == "would have blocked 1 of 2 orders: saved 0.00, cost 0.00 USDT"


def test_together_the_first_rule_that_blocks_an_order_has_it_and_orders_stand_by_their_time() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "6", "100")
    story.order("buy", "20", "100")
    made = story.ask(("max_order_value", {"limit": "1000"}), ("max_position", {"limit": "500"}))
    assert [(item.order.order_id, item.denied.rule) for item in made.together.blocked] == [
        ("o1", "max_position"),
        ("o2", "max_order_value"),
    ]
    assert (made.together.name, [rule.name for rule in made.rules]) == ("", ["max_order_value", "max_position"])
    assert made.rules[0].parameters["limit"] == "1000"


def test_one_order_is_one() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "6", "100")
    assert story.ask(("max_order_value", {"limit": "1000"})).sentence == "would have blocked 0 of 1 order"
    assert (Money(currency="X").saved, Money(currency="X").cost) == (D(0), D(0))
    assert RuleRehearsal(name="x").closing == 0
    assert Outcome(currency="X").opened == 0
