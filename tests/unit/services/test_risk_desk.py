"""The desk: states, worst case with everything in flight, rates, shadow rules; and that Approved is made nowhere else."""

from __future__ import annotations

import ast
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.market import book, instrument

from quantservice.core.intents import Approved, Denied, Intent, OrderTerms, intent_id
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, VenueFill, order_of
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition, RiskState, StrategyQuota
from quantservice.quant.risk_rules import rule_of
from quantservice.quant.risk_rules.positions import StopLoss, TakeProfit
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet, Verdict
from quantservice.services.risk.desk import rehearse
from quantservice.services.risk.exposure import Used

D = Decimal
BTC, ETH = instrument("BTC").id, instrument("ETH").id
NOON = 1_740_830_400 * 1_000_000_000
SHOWN = Evidence(source="push", reference="1")


def desk(*rules: Any, shadow: tuple[Any, ...] = ()) -> RiskDesk:
    made = RiskDesk(RuleSet(enforced=tuple(rules), shadow=shadow))
    known = book("BTC", "ETH", markets=("um",))
    exposure = made.books["main"] = ExposureBook("main", known.get)
    exposure.set_equity(D(10_000), NOON, free_margin=D(10_000))
    exposure.set_price(BTC, D(100), NOON)
    exposure.set_price(ETH, D(10), NOON)
    return made


def want(number: int, side: str = "buy", quantity: str = "10", name: Any = BTC, **more: Any) -> Intent:
    terms = OrderTerms(account=more.pop("account", "main"), instrument=name, side=side, quantity=D(quantity), **more)  # type: ignore[arg-type]
    return Intent(intent_id=intent_id("main", "d", f"c{number}"), terms=terms, deployment="d", valid_until_ns=NOON + 10**10)


def approved(verdict: Verdict) -> Order:
    assert isinstance(verdict.answer, Approved), verdict.answer
    return order_of(verdict.answer.intent, created_ns=NOON)


def denied(verdict: Verdict) -> Denied:
    assert isinstance(verdict.answer, Denied)
    return verdict.answer


EXPOSURE = rule_of("max_exposure", {"limit": "0.3"})


def test_what_is_in_flight_counts_from_the_moment_it_is_approved_until_it_has_ended() -> None:
    made = desk(EXPOSURE)
    flying = []
    for number in range(3):
        order = approved(made.check(want(number), NOON))
        made.books["main"].apply_order(order)
        flying.append(order)
    refused = denied(made.check(want(4), NOON))
    assert (refused.rule, refused.limit, refused.value) == ("max_exposure", "30 %", "40 %")
    lost = flying[0].apply(OrderEvent(change=Change.SUBMIT, time_ns=1)).apply(OrderEvent(change=Change.LOSE, time_ns=2))
    made.books["main"].apply_order(lost)  # unknown: it may be live
    denied(made.check(want(5), NOON))
    made.books["main"].apply_order(lost.apply(OrderEvent(change=Change.ABSENT, evidence=SHOWN, time_ns=3)))
    approved(made.check(want(6), NOON))


def test_values_are_in_the_currency_of_the_equity() -> None:
    """A pair that is quoted in bitcoin is worth its price in bitcoin: beside an equity in dollars that was next to nothing."""
    rules = instrument("ETH")
    cross = msgspec.structs.replace(rules, id=msgspec.structs.replace(rules.id, market="spot", symbol="ETH-BTC"), quote="BTC")
    coin = msgspec.structs.replace(rules, base="BTC", quote="USD", settle="BTC", contract_size=D(100), inverse=True)
    for traded, currency, quantity, share in ((cross, "USDT", "2", "50 %"), (coin, "BTC", "400", "40 %")):
        made = desk(rule_of("trusted_data"), rule_of("max_order_share", {"limit": "0.3"}))
        known = {traded.id: traded, BTC: instrument("BTC")}
        exposure = made.books["main"] = ExposureBook("main", known.get, currency)
        equity = D(10_000) if currency == "USDT" else D(1)
        exposure.set_equity(equity, NOON, free_margin=equity)
        if traded is cross:
            exposure.set_price(cross.id, D("0.025"), NOON)
            refused = denied(made.check(want(1, quantity="1", name=cross.id), NOON))
            assert "what one BTC is worth in USD is not known: its price is not collected" in refused.sentence
        exposure.set_price(BTC if traded is cross else coin.id, D(100_000), NOON)
        refused = denied(made.check(want(2, quantity=quantity, name=traded.id), NOON))
        assert (refused.rule, refused.value) == ("max_order_share", share)
        order = approved(made.check(want(3, quantity=f"{D(quantity) / 2}", name=traded.id), NOON))
        exposure.apply_order(order)
        assert exposure.gross() == equity * D(share.split()[0]) / 200


def test_a_word_that_spot_does_not_know_lets_nothing_pass() -> None:
    """Rules let reductions pass; at spot nobody holds a reduce-only order back from opening something."""
    spot = instrument("BTC", market="spot")
    made = desk(rule_of("max_order_value", {"limit": "500"}))
    exposure = made.books["main"] = ExposureBook("main", {spot.id: spot}.get)
    exposure.set_price(spot.id, D(100), NOON)
    exposure.apply_position(Position(instrument=spot.id, quantity=D(10)))
    for number, (side, quantity) in enumerate((("buy", "1"), ("sell", "11"))):
        refused = denied(made.check(want(number, side, quantity, name=spot.id, reduce_only=True), NOON))
        assert (refused.rule, refused.value) == ("reduce_only", quantity)
        assert refused.sentence.startswith("spot knows no orders that only reduce, and this one could do more")
    exposure.apply_order(approved(made.check(want(3, "sell", "6", name=spot.id, reduce_only=True), NOON)))
    denied(made.check(want(4, "sell", "6", name=spot.id, reduce_only=True), NOON))
    approved(made.check(want(5, "sell", "4", name=spot.id, reduce_only=True), NOON))


def test_buys_and_sells_do_not_cancel_out_in_the_worst_case() -> None:
    made = desk(EXPOSURE)
    exposure = made.books["main"]
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)))
    exposure.apply_order(approved(made.check(want(1, "buy", "10"), NOON)))
    exposure.apply_order(approved(made.check(want(2, "sell", "10"), NOON)))  # reduces what is held: the buys may not fill
    assert exposure.worst(BTC) == D(2_000)
    denied(made.check(want(3, "buy", "11"), NOON))
    assert made.books["main"].worst(ETH) == 0


def test_hedged_legs_add_up() -> None:
    made = desk(EXPOSURE)
    exposure = made.books["main"]
    exposure.apply_position(Position(instrument=BTC, side="long", quantity=D(10)))
    exposure.apply_position(Position(instrument=BTC, side="short", quantity=D(-10)))
    assert exposure.worst(BTC) == D(2_000)
    approved(made.check(want(1, "buy", "10", position_side="long"), NOON))
    denied(made.check(want(2, "buy", "11", position_side="long"), NOON))


def test_only_what_truly_reduces_is_taken_for_reducing() -> None:
    exposure = desk().books["main"]
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)))
    assert exposure.reduces(want(1, "sell", "10").terms)
    assert not exposure.reduces(want(1, "sell", "10.1").terms)
    assert not exposure.reduces(want(1, "buy", "1").terms)
    exposure.apply_order(order_of(want(2, "sell", "6"), created_ns=1))
    assert not exposure.reduces(want(3, "sell", "5").terms)  # together they would turn the position
    assert exposure.reduces(want(3, "sell", "50", reduce_only=True).terms)


def shared(mine: str, others: str) -> RiskDesk:
    """An account in one-way mode where another deployment holds too."""
    made = desk()
    made.books["main"].apply_position(Position(instrument=BTC, quantity=D(mine) + D(others)))
    made.books["main"].apply_position(Position(instrument=BTC, quantity=D(mine)), "d")
    made.books["main"].apply_position(Position(instrument=BTC, quantity=D(others)), "other")
    return made


@pytest.mark.parametrize(
    ("mine", "others", "more", "only"),
    [
        ("10", "5", {}, True),  # the account's position covers it
        ("10", "0", {}, True),
        ("10", "-5", {}, False),  # the account holds 5: the venue would refuse 10
        ("10", "-10", {}, False),
        ("10", "-25", {}, False),
        ("9", "-9", {}, True),  # more than its own part: the venue holds it back
        ("10", "-10", {"type": "limit", "limit_price": D(101)}, True),  # it would be left behind
        ("10", "-10", {"type": "limit", "limit_price": D(99), "time_in_force": "IOC"}, False),
    ],
)
def test_an_order_may_only_reduce_at_the_venue_where_the_accounts_position_covers_it(
    mine: str, others: str, more: dict[str, Any], only: bool
) -> None:
    order = approved(shared(mine, others).check(want(1, "sell", "10", reduce_only=True, **more), NOON))
    assert order.terms.reduce_only is only
    person = msgspec.structs.replace(want(2, "sell", "10", reduce_only=True), deployment="")
    assert approved(shared(mine, others).check(person, NOON)).terms.reduce_only, "as it was typed"


def test_what_is_in_flight_takes_of_what_the_accounts_position_covers() -> None:
    made = shared("10", "5")
    of_other = msgspec.structs.replace(want(1, "sell", "6"), deployment="other")
    made.books["main"].apply_order(order_of(of_other, created_ns=1))
    assert not approved(made.check(want(2, "sell", "10", reduce_only=True), NOON)).terms.reduce_only
    made = shared("10", "5")
    for number, deployment in enumerate(("d", "d", "other", "other")):  # stop and target of each part
        stop = want(number, "sell", "10" if deployment == "d" else "5", type="stop", stop_price=D(90), reduce_only=True)
        made.books["main"].apply_order(order_of(msgspec.structs.replace(stop, deployment=deployment), created_ns=1))
    assert approved(made.check(want(5, "sell", "10", reduce_only=True), NOON)).terms.reduce_only, "a part is closed once"


def test_two_closings_of_one_part_are_not_both_plain() -> None:
    made = shared("10", "-10")
    first = approved(made.check(want(1, "sell", "10", reduce_only=True), NOON))
    made.books["main"].apply_order(first)
    assert not first.terms.reduce_only
    assert approved(made.check(want(2, "sell", "10", reduce_only=True), NOON)).terms.reduce_only, "it would turn the part over"


@pytest.mark.parametrize(
    ("others", "scope", "sent"),
    [
        ("-25", "deployment", True),  # the account comes to hold more, the deployment leaves all the same
        ("-25", "account", False),  # 15 short before, 25 short after
        ("-5", "account", True),  # 5 long before, 5 short after
        ("-5", "system", True),
        ("-6", "system", False),
    ],
)
def test_a_part_is_closed_while_only_reductions_go_out(others: str, scope: str, sent: bool) -> None:
    made = shared("10", others)
    key = {"deployment": "d", "account": "main", "system": ""}[scope]
    made.set_state(RiskState(scope=scope, key=key, state="REDUCING"))  # type: ignore[arg-type]
    closing = made.check(want(1, "sell", "10", reduce_only=True), NOON)
    assert isinstance(closing.answer, Approved) is sent
    if isinstance(closing.answer, Approved):
        assert made.barred(closing.answer) == ""
    made.set_state(RiskState(scope="system", state="HALTED"))
    assert denied(made.check(want(2, "sell", "10", reduce_only=True), NOON)).rule == "state"


def test_a_deployments_own_rules_let_it_leave_its_part() -> None:
    made = shared("10", "-25")
    made.books["main"].apply_trade_result("d", D(-1), NOON)
    own: Any = (rule_of("consecutive_losses", {"limit": "1"}), rule_of("cooldown", {}), rule_of("strategy_quota", {}))
    made.rules = RuleSet(enforced=own)
    made.books["main"].quotas = {"d": StrategyQuota(deployment="d", account="main", max_position=D(1))}
    approved(made.check(want(1, "sell", "10", reduce_only=True), NOON))
    assert denied(made.check(want(2, "sell", "11"), NOON)).rule == "consecutive_losses"


def test_states_bar_orders_and_the_strictest_counts() -> None:
    made = desk()
    exposure = made.books["main"]
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)))
    made.set_state(RiskState(scope="account", key="main", state="REDUCING", reason="drawdown"))
    refused = denied(made.check(want(1), NOON))
    assert (refused.rule, refused.value) == ("state", "REDUCING")
    assert "account main is REDUCING: drawdown; only reducing orders are sent" in refused.sentence
    approved(made.check(want(2, "sell", "5"), NOON))
    made.set_state(RiskState(scope="deployment", key="other", state="HALTED"))
    approved(made.check(want(3, "sell", "1"), NOON))
    made.set_state(RiskState(scope="system", state="HALTED", reason="kill switch"))
    assert denied(made.check(want(4, "sell", "1"), NOON)).value == "HALTED"
    made.load_states([RiskState(scope="system"), RiskState(scope="account", key="main")])
    approved(made.check(want(5), NOON))


def test_a_state_that_was_set_after_the_approval_says_why_it_holds_an_order_back() -> None:
    made = desk()
    verdict = made.check(want(1), NOON)
    assert isinstance(verdict.answer, Approved)
    assert made.barred(verdict.answer) == ""
    made.set_state(RiskState(scope="deployment", key="other", state="HALTED"))
    assert made.barred(verdict.answer) == ""
    made.set_state(RiskState(scope="deployment", key="d", state="REDUCING", reason="loss"))
    assert made.barred(verdict.answer) == "deployment d is REDUCING: loss"
    assert denied(made.check(want(2), NOON)).rule == "state"
    assert made.state_of("main").state == "ACTIVE", "the account's other deployments go on"
    made.set_state(RiskState(scope="system", state="HALTED"))
    assert made.barred(verdict.answer) == "system is HALTED"


def test_a_late_or_foreign_intent_is_denied() -> None:
    made = desk()
    late = denied(made.check(want(1), NOON + 10**10 + 1_500_000_000))
    assert (late.rule, late.value) == ("deadline", "1.5 s")
    barely = denied(made.check(want(1), NOON + 10**10 + 1))
    assert (barely.limit, barely.value) == ("0 s", "0.000000001 s"), "too late is more than no time"
    approved(made.check(want(2), NOON + 10**10))
    assert denied(made.check(want(1, account="other"), NOON)).rule == "account"


def test_orders_and_positions_count_in_their_own_account_only() -> None:
    made = desk()
    order = approved(made.check(want(1), NOON))
    made.apply_order(order)
    made.apply_order(msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, account="other")))
    assert made.books["main"].worst(BTC) == D(1_000)
    held = HeldPosition(account="main", deployment="", position=Position(instrument=ETH, quantity=D(7)), updated_ms=0)
    made.reload("other", [held])
    assert (made.books["main"].worst(BTC), made.books["main"].worst(ETH)) == (D(1_000), D(0))
    made.reload("main", [held])
    assert (made.books["main"].worst(BTC), made.books["main"].worst(ETH)) == (D(0), D(70))


def test_a_position_is_watched_by_the_nearest_rule_of_each_name() -> None:
    made = desk()
    wide, narrow = StopLoss(limit=D("0.1")), StopLoss(limit=D("0.02"))
    made.protection = {
        ("system", ""): {"stop_loss": wide, "take_profit": TakeProfit(limit=D("0.5"))},
        ("account", "main"): {"take_profit": None},
        ("deployment", "d"): {"stop_loss": narrow},
    }
    assert made.position_rules("main") == (wide,)
    assert made.position_rules("main", "d") == (narrow,)
    assert made.position_rules("other", "other") == (wide, TakeProfit(limit=D("0.5")))


def test_rates_losses_and_quotas_are_counted_here() -> None:
    made = desk(rule_of("order_rate", {"limit": 2}), rule_of("strategy_quota"), rule_of("consecutive_losses", {"limit": 2}))
    exposure = made.books["main"]
    approved(made.check(want(1), NOON))
    approved(made.check(want(2), NOON + 1))
    assert denied(made.check(want(3), NOON + 2)).rule == "order_rate"
    made = desk(rule_of("strategy_quota"), rule_of("consecutive_losses", {"limit": 2}))
    exposure = made.books["main"]
    exposure.quotas["d"] = StrategyQuota(deployment="d", account="main", max_position=D(1_500), orders_per_day=1)
    exposure.apply_position(Position(instrument=BTC, quantity=D(6)), deployment="d")
    assert denied(made.check(want(1), NOON)).sentence == "the deployment would hold 1600; its quota is 1500"
    approved(made.check(want(2, quantity="9"), NOON))
    assert denied(made.check(want(3, quantity="1"), NOON)).value == "2"
    exposure.quotas.clear()
    for _ in range(2):
        exposure.apply_trade_result("d", D(-1), NOON)
    assert denied(made.check(want(4), NOON)).rule == "consecutive_losses"
    exposure.apply_trade_result("d", D(1), NOON)
    approved(made.check(want(5), NOON))


def test_refusals_in_a_row_are_counted_and_forgotten_after_an_acceptance() -> None:
    made = desk(rule_of("rejects_in_row", {"limit": 1}))
    sent = order_of(want(1), created_ns=1).apply(OrderEvent(change=Change.SUBMIT, time_ns=1))
    made.books["main"].apply_order(sent.apply(OrderEvent(change=Change.REFUSE, evidence=SHOWN, time_ns=2)))
    denied(made.check(want(2), NOON))
    made.books["main"].apply_order(sent.apply(OrderEvent(change=Change.ACCEPT, evidence=SHOWN, time_ns=2)))
    approved(made.check(want(3, quantity="1"), NOON))


def test_the_day_and_the_peak_are_what_losses_are_measured_against() -> None:
    exposure = desk().books["main"]
    exposure.set_equity(D(12_000), NOON + 1, free_margin=D(1))
    exposure.set_equity(D(9_000), NOON + 2, free_margin=D(1))
    assert (exposure.equity.peak, exposure.equity.day_start) == (D(12_000), D(10_000))
    exposure.set_equity(D(9_500), NOON + 86_400 * 10**9, free_margin=D(1))
    assert exposure.equity.day_start == D(9_000)


def test_a_quota_counts_the_deployments_own_share_with_what_is_in_flight() -> None:
    made = desk(rule_of("strategy_quota"))
    exposure = made.books["main"]
    exposure.quotas["d"] = StrategyQuota(deployment="d", account="main", max_position=D(2_500))
    exposure.apply_position(Position(instrument=BTC, quantity=D(90)))  # another's: the account's is not the deployment's
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)), "d")
    exposure.apply_position(Position(instrument=ETH, quantity=D(-300)), "d")
    flying = approved(made.check(want(1), NOON))  # 10 held + 10
    exposure.apply_order(flying)
    assert denied(made.check(want(2), NOON)).value == "3000"
    approved(made.check(want(3, quantity="5"), NOON))
    approved(made.check(msgspec.structs.replace(want(4), deployment="other"), NOON))
    assert exposure.used(NOON)["d"] == Used(gross=D(5_000), largest=D(3_000), orders_today=2)
    assert exposure.gross() == D(10_000), "90 held and 10 in flight; what shares hold is in the account already"
    exposure.apply_order(flying.apply(OrderEvent(change=Change.SUBMIT)).apply(OrderEvent(change=Change.CANCEL, evidence=SHOWN)))
    approved(made.check(want(5), NOON))


def test_both_legs_of_a_hedged_share_count_against_its_quota() -> None:
    made = desk(rule_of("strategy_quota"))
    exposure = made.books["main"]
    exposure.quotas["d"] = StrategyQuota(deployment="d", account="main", max_position=D(2_500))
    for side, quantity in (("long", 10), ("short", -10)):
        exposure.apply_position(Position(instrument=BTC, side=side, quantity=D(quantity)), "d")  # type: ignore[arg-type]
    assert denied(made.check(want(1, position_side="long"), NOON)).value == "3000"
    approved(made.check(want(2, quantity="5", position_side="long"), NOON))


def test_the_orders_of_the_day_that_the_store_has_are_counted_after_a_start() -> None:
    made = desk(rule_of("strategy_quota"))
    exposure = made.books["main"]
    exposure.quotas["d"] = StrategyQuota(deployment="d", account="main", orders_per_day=3)
    exposure.count_orders(NOON, {"d": 2, "": 9})
    approved(made.check(want(1), NOON))
    assert denied(made.check(want(2), NOON)).value == "4"
    assert exposure.used(NOON)["d"].orders_today == 3
    assert exposure.used(NOON + 86_400 * 10**9) == {}
    tomorrow = msgspec.structs.replace(want(3), valid_until_ns=0)
    approved(made.check(tomorrow, NOON + 86_400 * 10**9))


def test_a_share_that_became_flat_or_turned_over_is_a_trade_won_or_lost() -> None:
    rule = rule_of("consecutive_losses", {"limit": 2})
    made = desk(rule)
    exposure = made.books["main"]

    def share(quantity: int, realised: int, name: str = "d", now_ns: int = NOON) -> None:
        exposure.apply_position(Position(instrument=BTC, quantity=D(quantity), realised=D(realised)), name, now_ns)

    share(5, -3)  # what was realised before it was opened is not its own
    share(2, -4)
    share(0, -5)  # lost 2: one trade, though it was closed in two parts
    share(4, -5)
    approved(made.check(want(1), NOON))
    share(-1, -6)  # turned over: lost again
    denied(made.check(want(2), NOON))
    share(0, -6, "other")
    approved(made.check(msgspec.structs.replace(want(3), deployment="other"), NOON))
    share(0, -5)  # won
    approved(made.check(want(4), NOON))
    share(3, -5)
    share(0, -9, now_ns=0)  # only read
    share(3, -9)
    share(0, -10)
    approved(made.check(want(5), NOON))


def test_a_rule_on_trial_is_noted_and_does_not_deny() -> None:
    made = desk(shadow=(rule_of("max_order_value", {"limit": 10}),))
    verdict = made.check(want(1), NOON)
    approved(verdict)
    (noted,) = verdict.decisions
    assert (noted.rule, noted.shadow, noted.value) == ("max_order_value", True, "1000")


def test_a_past_stream_says_what_each_rule_would_have_denied() -> None:
    exposure = desk().books["main"]
    views = [(want(n, quantity=str(n)), exposure.view(want(n, quantity=str(n)), NOON)) for n in range(1, 6)]
    rules = [rule_of("max_order_value", {"limit": 300}), rule_of("max_exposure", {"limit": "0.05"})]
    found = rehearse(rules, views)  # type: ignore[arg-type]
    assert [len(found[name]) for name in ("max_order_value", "max_exposure")] == [2, 0]


ENDED = Change.COMPLETE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 20),
            st.sampled_from(["fly", "fill", "cancel", "lose", "told"]),
            st.booleans(),
        ),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_the_worst_case_is_never_below_any_outcome(orders: list[tuple[str, int, str, bool]], chance: random.Random) -> None:
    """``told``: the venue said that it is filled, and its fills have not come: they may be booked at any moment."""
    exposure = desk().books["main"]
    position, flying = Position(instrument=BTC), []
    for number, (side, quantity, what, reduces) in enumerate(orders):
        order = order_of(want(number, side, str(quantity), reduce_only=reduces), created_ns=number)
        order = order.apply(OrderEvent(change=Change.SUBMIT, time_ns=1))
        if what == "fill":
            fill = VenueFill(
                account="main", instrument=BTC, trade_id=str(number), side=side, price=D(100), quantity=D(quantity)  # type: ignore[arg-type]
            )  # fmt: skip
            order = order.add_fill(fill).apply(OrderEvent(change=ENDED, evidence=SHOWN, time_ns=2))
            position = position.apply(fill.as_fill())
            exposure.apply_position(position)
        elif what == "cancel":
            order = order.apply(OrderEvent(change=Change.CANCEL, evidence=SHOWN, time_ns=2))
        elif what == "lose":
            order = order.apply(OrderEvent(change=Change.LOSE, time_ns=2))
        elif what == "told":
            order = order.apply(OrderEvent(change=ENDED, evidence=SHOWN, filled=D(quantity), time_ns=2))
        if what in ("fly", "lose", "told"):
            flying.append((quantity if side == "buy" else -quantity, reduces))
        exposure.apply_order(order)
    worst = exposure.worst(BTC)
    for _ in range(20):  # any of them may be filled, in any order
        held = int(position.quantity)
        for signed, reduces in chance.sample(flying, chance.randint(0, len(flying))):
            if not reduces:
                held += signed
            elif held * signed < 0:
                held += max(signed, -held) if signed < 0 else min(signed, -held)
            assert worst >= abs(held) * 100


def told(number: int, side: str, quantity: str, filled: str) -> Order:
    """An order that ended as the venue says, and whose fills have not come."""
    order = order_of(want(number, side, quantity), created_ns=number).apply(OrderEvent(change=Change.SUBMIT, time_ns=1))
    return order.apply(OrderEvent(change=ENDED, evidence=SHOWN, filled=D(filled), time_ns=2))


def test_what_the_venue_says_is_filled_counts_until_its_fills_are_booked() -> None:
    exposure = desk().books["main"]
    order = told(1, "buy", "10", "10")
    exposure.apply_order(order)
    view = exposure.view(want(2, "buy", "5"), NOON)
    assert (view.after_position_value, view.open_orders) == (D(1_500), 0), "it has ended, and is counted all the same"
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)))
    fill = VenueFill(account="main", instrument=BTC, trade_id="1", side="buy", price=D(100), quantity=D(10))
    exposure.apply_order(order.add_fill(fill))
    assert exposure.view(want(2, "buy", "5"), NOON).after_position_value == D(1_500)
    assert not exposure.in_flight()


def test_an_order_of_others_counts_as_what_may_still_be_filled() -> None:
    """What of it was filled before the books were opened is in the opening, and no fill of it ever comes."""
    exposure = desk().books["main"]
    order = order_of(want(1, "buy", "10"), created_ns=1).apply(OrderEvent(change=Change.SUBMIT, time_ns=1))
    order = msgspec.structs.replace(order, external=True, reported=D(4))
    exposure.apply_order(order)
    assert exposure.worst(BTC) == D(600)
    exposure.apply_order(order.apply(OrderEvent(change=Change.CANCEL, evidence=SHOWN, time_ns=2)))
    assert exposure.worst(BTC) == 0


def test_what_may_only_reduce_may_be_filled_before_what_turns_the_position_over() -> None:
    exposure = desk().books["main"]
    exposure.apply_position(Position(instrument=BTC, quantity=D(10)))
    exposure.apply_order(order_of(want(1, "sell", "6", reduce_only=True), created_ns=1))
    assert exposure.worst(BTC) == D(1_000)
    assert exposure.view(want(2, "sell", "15"), NOON).after_position_value == D(1_100), "4 are left, and 15 are sold"
    exposure.apply_order(order_of(want(2, "sell", "15"), created_ns=2))
    exit_ = exposure.view(want(3, "sell", "50", reduce_only=True), NOON)
    assert (exit_.after_position_value, exit_.reduces) == (D(1_500), True), "an exit is not refused for what is sold beside it"


def test_approved_is_made_in_risk_control_alone(project_dir: Path) -> None:
    makers = set()
    for path in (project_dir / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Approved":
                makers.add(path.parent.name)
    assert makers == {"risk"}
    assert msgspec.structs.fields(Approved)[0].name == "intent"
