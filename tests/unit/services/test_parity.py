"""Parity's comparison: what is the same is counted, and each planted cause is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.execution_rig import BTC, RULES

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import Order, OrderState, VenueFill
from quantservice.core.signals import CancelOrders, OrderUpdate, Signal
from quantservice.ports import (
    HostedAccount,
    HostedBar,
    HostedFill,
    HostedRate,
    HostedReplayed,
    HostedTicker,
    IntentRecord,
    RunAsked,
    RunBegan,
    RunEnded,
    RunFact,
    RunRebuilt,
    RunSilent,
    RunSized,
    fact_of,
)
from quantservice.services.parity import Outcomes, ParityReport, compare, memories_of
from quantservice.services.parity.comparing import row_of

D = Decimal
MINUTE = 60_000
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")
NAMES = (str(BTC), str(ETH))


def bar(minute: int, name: str = NAMES[0], close: float = 100.0) -> HostedBar:
    time = minute * MINUTE
    return HostedBar(name, time, time + MINUTE - 1, 100.0, 101.0, 99.0, close, 5.0, 500.0, 7, 2.0, 200.0)


def began(*, last: int = -1, resumed: bool = False, names: Sequence[str] = NAMES[:1], code: str = "c1") -> RunBegan:
    return RunBegan(
        version=1,
        strategy="s",
        parameters={},
        code_hash=code,
        instruments=tuple(names),
        period="1m",
        account="paper",
        resumed=resumed,
        first=dict.fromkeys(names, -10 * MINUTE),
        last=dict.fromkeys(names, last * MINUTE),
    )


def decided(minute: int, target: float | None = None) -> tuple[Signal, ...]:
    return (Signal(BTC, float(minute % 3) if target is None else target),)


def asked(minute: int, *bars: HostedBar, target: float | None = None, **changes: Any) -> RunAsked:
    fact = RunAsked(
        open_time=minute * MINUTE,
        close_time=minute * MINUTE + MINUTE - 1,
        bars=bars or (bar(minute),),
        decisions=decided(minute, target),
        signal=f"e{minute}",
    )
    return msgspec.structs.replace(fact, **changes)


def update(tag: str) -> OrderUpdate:
    return OrderUpdate(instrument=BTC, order_id=tag, side="buy", state="filled", tag=tag)


def stored(minutes: int, names: Sequence[str] = NAMES[:1]) -> dict[str, dict[int, tuple[float, ...]]]:
    return {name: {minute * MINUTE: row_of(bar(minute, name)) for minute in range(-10, minutes)} for name in names}


def report_of(
    facts: Sequence[RunFact],
    *,
    minutes: int,
    truth: Mapping[str, Any] | None = None,
    names: Sequence[str] = NAMES[:1],
    replies: Mapping[int, float] | None = None,
    fills: Sequence[HostedFill] = (),
    outcomes: Outcomes | None = None,
    code: str = "c1",
    rates: Sequence[HostedRate] = (),
) -> ParityReport:
    """Compare; the backtester states what :func:`decided` says, but for ``replies``."""
    memories = memories_of(facts)
    said = [(minute * MINUTE, decided(minute, (replies or {}).get(minute))[0]) for minute in range(-10, minutes)]
    replays = [HostedReplayed(list(said), list(fills)) for _ in memories]
    rows = [truth if truth is not None else stored(minutes, names) for _ in memories]
    given = outcomes or Outcomes(memories, [RunSized(signal=f"e{n}", equity={}) for n in range(minutes)], [], [], [], {})
    return compare(memories, replays, rows, given, rates=[rates] * len(memories), code_hash=code)


# --- decisions -------------------------------------------------------------------------------------------------------


def test_the_same_decisions_are_all_identical_over_a_restart() -> None:
    facts: list[RunFact] = [
        began(),
        *(asked(n) for n in range(5)),
        RunEnded(),
        began(last=4, resumed=True),
        *(asked(n) for n in range(5, 9)),
    ]
    report = report_of(facts, minutes=9)
    assert (report.closes, report.decisions, report.identical, report.share) == (9, 9, 9, 1.0)
    assert (report.restarts, report.memories, report.missed, report.first, report.causes) == (1, 1, 0, None, {})
    assert (report.first_open, report.last_open) == (0, 8 * MINUTE)


def test_a_close_at_which_nobody_said_anything_is_no_decision() -> None:
    report = report_of([began(), asked(0, decisions=(), signal="")], minutes=-9, truth=stored(1))
    assert (report.closes, report.decisions, report.share) == (1, 0, None)


def test_a_kline_that_is_about_to_be_stored_is_left_for_the_next_look() -> None:
    truth = {NAMES[0]: {time: row for time, row in stored(3)[NAMES[0]].items() if time < 2 * MINUTE}}
    report = report_of([began(), asked(0), asked(1), asked(2)], minutes=2, truth=truth)
    assert (report.closes, report.decisions, report.share, report.causes) == (2, 2, 1.0, {})


def test_a_revised_kline_is_named_with_what_changed() -> None:
    truth = stored(6)
    truth[NAMES[0]][2 * MINUTE] = row_of(bar(2, close=90.5))
    report = report_of([began(), *(asked(n) for n in range(6))], minutes=6, truth=truth, replies={4: 9.0})
    assert (report.identical, report.decisions, report.causes) == (5, 6, {"revised_kline": 1})
    assert report.first is not None
    assert (report.first.open_time, report.first.live, report.first.backtest) == (4 * MINUTE, f"{BTC.symbol} 1", f"{BTC.symbol} 9")
    assert "close was 100 and is 90.5" in report.first.detail


def test_a_revision_that_was_taken_in_before_explains_nothing() -> None:
    truth = stored(6)
    truth[NAMES[0]][2 * MINUTE] = row_of(bar(2, close=90.5))
    rebuilt = RunRebuilt(last={NAMES[0]: 3 * MINUTE}, revised={NAMES[0]: 2 * MINUTE})
    facts: list[RunFact] = [began(), *(asked(n) for n in range(4)), rebuilt, asked(4), asked(5)]
    assert report_of(facts, minutes=6, truth=truth, replies={3: 9.0}).causes == {"revised_kline": 1}
    assert report_of(facts, minutes=6, truth=truth, replies={4: 9.0}).causes == {"unexplained": 1}


@pytest.mark.parametrize("cause", ["healed", "revised"])
def test_what_a_strategy_rested_on_and_was_mended_later_is_found(cause: str) -> None:
    rebuilt = RunRebuilt(last={NAMES[0]: 1 * MINUTE}, **{cause: {NAMES[0]: -5 * MINUTE}})
    facts: list[RunFact] = [began(), asked(0), asked(1), rebuilt, asked(2)]
    report = report_of(facts, minutes=3, replies={1: 9.0})
    assert report.causes == {"late_kline" if cause == "healed" else "revised_kline": 1}
    assert report.first is not None
    assert f"{-5 * MINUTE} was {cause} after" in report.first.detail


@pytest.mark.parametrize(("minute", "cause"), [(1, "late_kline"), (2, "unexplained")])
def test_only_what_was_mended_before_a_close_explains_it(minute: int, cause: str) -> None:
    rebuilt = RunRebuilt(last={NAMES[0]: 2 * MINUTE}, healed={NAMES[0]: minute * MINUTE})
    facts: list[RunFact] = [began(), asked(0), asked(1), asked(2), rebuilt, asked(3)]
    assert report_of(facts, minutes=4, replies={1: 9.0}).causes == {cause: 1}


def test_a_kline_that_was_not_stored_yet_at_the_start_is_late() -> None:
    report = report_of([began(last=-3), asked(0), asked(1)], minutes=2, replies={0: 9.0})
    assert report.causes == {"late_kline": 1}
    assert report.first is not None
    assert f"opened at {-2 * MINUTE} was not stored yet" in report.first.detail


def test_an_instrument_that_came_late_is_named() -> None:
    whole = [bar(0), bar(0, NAMES[1])]
    facts: list[RunFact] = [
        began(names=NAMES),
        asked(0, *whole),
        asked(1, bar(1)),
        asked(1, bar(1, NAMES[1]), decisions=()),
        asked(2, bar(2)),
    ]
    report = report_of(facts, minutes=3, names=NAMES, replies={1: 9.0, 2: 9.0})
    assert (report.closes, report.identical, report.causes) == (3, 1, {"late_kline": 2})
    assert "came apart and were answered 2 times" in report.divergences[0].detail
    assert f"{NAMES[1]} was not there" in report.divergences[1].detail


def test_a_close_that_only_the_store_knew_was_late() -> None:
    facts: list[RunFact] = [began(), asked(0), RunSilent(last={NAMES[0]: MINUTE}), asked(2)]
    report = report_of(facts, minutes=3)
    assert (report.missed, report.decisions, report.identical, report.causes) == (1, 3, 2, {"late_kline": 1})
    assert report.first is not None
    assert report.first.live == "not asked"


def test_closes_while_the_process_was_away_are_downtime() -> None:
    facts: list[RunFact] = [
        began(),
        asked(0),
        RunEnded(),
        began(last=1, resumed=True),
        RunSilent(last={NAMES[0]: 2 * MINUTE}),
        asked(3),
        asked(4),
    ]
    report = report_of(facts, minutes=5, replies={4: 9.0})
    assert (report.missed, report.identical, report.causes) == (2, 2, {"downtime": 3})
    assert (report.share, report.restarts) == (2 / 5, 1)


def test_downtime_that_ended_the_memory_counts_too() -> None:
    facts: list[RunFact] = [began(), asked(0), began(last=2), asked(3)]
    report = report_of(facts, minutes=4)
    assert (report.memories, report.missed, report.causes) == (2, 2, {"downtime": 2})


def test_other_code_is_said_and_what_nothing_explains_too() -> None:
    facts: list[RunFact] = [began(), asked(0)]
    changed = report_of(facts, minutes=1, replies={0: 9.0}, code="c2")
    assert (changed.causes, changed.code_changed) == ({"code_changed": 1}, True)
    assert report_of(facts, minutes=1, replies={0: 9.0}).causes == {"unexplained": 1}


def test_a_run_starts_anew_where_the_deployment_was_changed() -> None:
    other = msgspec.structs.replace(began(last=1, resumed=True), parameters={"fast": 3})
    memories = memories_of([asked(9), began(), asked(0), asked(1), other, asked(2), began(last=5)])
    assert [len(memory.asked) for memory in memories] == [2, 1]
    assert memories[1].began.parameters == {"fast": 3}


def test_the_account_is_given_as_it_was_and_a_new_process_knows_none() -> None:
    rich = HostedAccount(equity=5.0)
    (memory,) = memories_of([began(), asked(0, account=rich), asked(1, account=rich), began(last=2, resumed=True), asked(3)])
    assert memory.accounts() == [(0, rich), (MINUTE, rich), (MINUTE + 1, None), (3 * MINUTE, None)]
    (none,) = memories_of([began(), asked(0)])
    assert none.accounts() == []


def test_updates_are_given_where_they_were_heard_and_tickers_after_their_kline() -> None:
    told = [(3, update("a")), (5, update("b")), (6, update("c")), (9, update("d"))]
    ticker = HostedTicker(NAMES[0], 7, 1.0)
    account = HostedAccount(equity=5.0)
    facts: list[RunFact] = [
        msgspec.structs.replace(began(), heard=3),
        asked(0, heard=5),
        asked(0, ticker=ticker, account=account, heard=5),
        asked(1, heard=9),
        asked(2, heard=9),
    ]
    (memory,) = memories_of(facts)
    found = [msgspec.structs.replace(item, account=None) for item in memory.given(told)]
    assert [[item.tag for item in given.updates] for given in found] == [["b"], ["c", "d"], []]
    assert [given.tickers for given in found] == [((ticker, account),), (), ()]
    assert [time for time, _ in memory.accounts()] == [0, MINUTE, 2 * MINUTE] or memory.accounts() == []


@pytest.mark.parametrize(
    ("facts", "acts_from"),
    [
        ([began(), asked(0), asked(1)], None),
        ([began(), asked(0), asked(1, decisions=(CancelOrders(instrument=BTC),)), asked(2)], 1 * MINUTE + 1),
        ([began(), asked(0), RunSilent(last={}, acts=True), asked(2)], 1),
        ([began(), asked(0), msgspec.structs.replace(began(last=0, resumed=True), acts=True), asked(2)], 1),
        ([msgspec.structs.replace(began(), acts=True), asked(0)], 0),
    ],
)
def test_from_its_first_act_on_a_strategy_is_asked_about_live_klines_alone(facts: list[RunFact], acts_from: int | None) -> None:
    (memory,) = memories_of(facts)
    assert memory.acts_from() == acts_from


def test_a_funding_rate_that_was_stored_late_is_the_cause() -> None:
    start = msgspec.structs.replace(began(), funding=NAMES[:1])
    rate = HostedRate(NAMES[0], 2 * MINUTE, 0.0001)
    truth = [HostedRate(NAMES[0], -5 * MINUTE, 0.0002), rate]
    late: list[RunFact] = [start, asked(0), asked(1), asked(2, target=7.0), asked(3, rates=(rate,))]
    report = report_of(late, minutes=4, rates=truth)
    assert (report.identical, report.causes) == (3, {"late_funding": 1})
    assert str(2 * MINUTE) in report.divergences[0].detail
    in_time: list[RunFact] = [start, asked(0), asked(1), asked(2, rates=(rate,), target=7.0), asked(3)]
    assert report_of(in_time, minutes=4, rates=truth).causes == {"unexplained": 1}


def test_facts_survive_being_kept() -> None:
    sized = RunSized(signal="e", equity={"USDT": D("10.5")}, held={f"{BTC}|both": D("-0.1")}, nothing=((0, "no price"),))
    for fact in (began(), asked(1, account=HostedAccount(equity=2.0)), RunEnded(), sized):
        assert fact_of(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(fact)))) == fact


@given(st.lists(st.sampled_from(["same", "revised", "absent", "wrong"]), min_size=2, max_size=40))
def test_every_close_is_identical_or_has_a_cause(plan: list[str]) -> None:
    plan = ["same", *plan, "same"]
    truth, replies = stored(len(plan)), dict[int, float]()
    facts: list[RunFact] = [began()]
    for minute, kind in enumerate(plan):
        if kind == "absent":
            facts.append(RunSilent(last={NAMES[0]: minute * MINUTE}))
            continue
        facts.append(asked(minute))
        if kind == "revised":
            truth[NAMES[0]][minute * MINUTE] = row_of(bar(minute, close=50.0))
        if kind in ("revised", "wrong"):
            replies[minute] = 9.0
    report = report_of(facts, minutes=len(plan), truth=truth, replies=replies)
    assert report.decisions == len(plan) == report.identical + sum(report.causes.values())
    assert report.missed == plan.count("absent")
    assert report.identical == plan.count("same")
    assert report.causes.get("revised_kline", 0) >= plan.count("revised")
    if "absent" not in plan and "revised" not in plan:
        assert report.causes.get("unexplained", 0) == plan.count("wrong")


# --- outcomes --------------------------------------------------------------------------------------------------------


def intent(minute: int) -> Intent:
    terms = OrderTerms(account="paper", instrument=BTC, side="buy", quantity=D("0.5"))
    return Intent(intent_id=f"i{minute}", terms=terms, deployment="d", causation_id=f"e{minute}", correlation_id=f"e{minute}")


def order_of(minute: int, state: OrderState = OrderState.FILLED, *, price: str = "100", reason: str = "") -> Order:
    made, filled = intent(minute), D("0.5") if state is OrderState.FILLED else D(0)
    return Order(
        order_id=made.client_id,
        intent_id=made.intent_id,
        terms=made.terms,
        state=state,
        filled=filled,
        cost=filled * D(price),
        reason=reason,
    )


def fill_of(order: Order, fee: str = "0.025") -> tuple[VenueFill, str]:
    fill = VenueFill(
        account="paper", instrument=BTC, trade_id=order.order_id, side="buy", price=order.cost / order.filled,
        quantity=order.filled, fee=D(fee), fee_currency="USDT", time_ms=1,
    )  # fmt: skip
    return fill, order.order_id


def outcome_of(
    facts: Sequence[RunFact], orders: Sequence[Order], *, records: Sequence[IntentRecord] | None = None, **given: Any
) -> ParityReport:
    sized = (
        [RunSized(signal=f"e{order.intent_id[1:]}", equity={}, intents=(order.intent_id,)) for order in orders]
        if given.get("sized") is None
        else given["sized"]
    )
    records = (
        [IntentRecord(intent=intent(int(order.intent_id[1:])), state="approved") for order in orders]
        if records is None
        else records
    )
    fills = [fill_of(order) for order in orders if order.filled]
    made = Outcomes(memories_of(facts), sized, records, orders, fills, {str(BTC): RULES})
    return report_of(facts, minutes=3, outcomes=made, fills=given.get("fills", ()))


FACTS: list[RunFact] = [began(), asked(0), asked(1, decisions=decided(1)), asked(2, decisions=decided(2))]
QUIET = [RunSized(signal=f"e{n}", equity={}) for n in (1, 2)]


def test_a_fill_off_the_model_is_slippage_and_in_the_error() -> None:
    order = order_of(0, price="100.05")
    model = HostedFill(order.order_id, 100.0, 0.5, 0.025, "filled")
    sized = [RunSized(signal="e0", equity={}, intents=("i0",)), *QUIET]
    report = outcome_of(FACTS, [order], sized=sized, fills=[model])
    assert (report.share, report.causes, report.orders, report.fills) == (1.0, {"slippage": 1}, 1, 1)
    assert report.first is not None
    assert (report.first.kind, report.first.order_id) == ("outcome", order.order_id)
    assert "5.00 basis points worse" in report.first.detail
    assert report.first_decision is None
    assert report.fill_error.mean_bps == pytest.approx(5.0)
    assert report.fill_error.fee_mean_bps == pytest.approx(0.025 / 50.025 * 1e4 - 5.0)
    within = outcome_of(FACTS, [order_of(0, price="100.005")], sized=sized, fills=[model])
    assert within.causes == {}
    assert within.fill_error.mean_bps == pytest.approx(0.5)


def test_a_fill_without_a_modelled_one_is_counted_apart() -> None:
    order = order_of(0)
    sized = [RunSized(signal="e0", equity={}, intents=("i0",)), *QUIET]
    for fills in ([], [HostedFill(order.order_id, float("nan"), 0.0, 0.0, "rejected")]):
        report = outcome_of(FACTS, [order], sized=sized, fills=fills)
        assert (report.fill_error.compared, report.fill_error.unmodelled, report.causes) == (0, 1, {})
    resting = outcome_of(FACTS, [order], sized=sized, fills=[HostedFill(order.order_id, float("nan"), 0.0, 0.0, "cancelled")])
    assert (resting.causes, resting.fill_error.unmodelled) == ({"slippage": 1}, 1)


@pytest.mark.parametrize(
    ("state", "words"), [(OrderState.REJECTED, "the venue refused it: margin"), (OrderState.NOT_SENT, "it was not sent: margin")]
)
def test_an_order_that_the_venue_never_had_is_a_reject(state: OrderState, words: str) -> None:
    sized = [RunSized(signal="e0", equity={}, intents=("i0",)), *QUIET]
    report = outcome_of(FACTS, [order_of(0, state, reason="margin")], sized=sized)
    assert (report.share, report.causes) == (1.0, {"reject": 1})
    assert report.first is not None
    assert report.first.detail == words


def test_a_denial_is_a_reject_with_its_rule() -> None:
    record = IntentRecord(intent=intent(0), state="denied", rule="max_exposure", sentence="too much")
    sized = [RunSized(signal="e0", equity={}, intents=("i0",)), *QUIET]
    report = outcome_of(FACTS, [], records=[record], sized=sized)
    assert report.causes == {"reject": 1}
    assert report.first is not None
    assert report.first.detail == "risk control denied it (max_exposure): too much"


def test_nobody_who_traded_is_downtime_and_the_newest_may_be_under_way() -> None:
    report = outcome_of(FACTS, [], sized=[])
    assert report.causes == {"downtime": 2}  # of three: the last was announced just now
    unsent = outcome_of(FACTS, [], sized=[RunSized(signal="e0", equity={}, intents=("i0",)), *QUIET])
    assert unsent.causes == {"downtime": 1}
    assert unsent.first is not None
    assert "could not send" in unsent.first.detail


@pytest.mark.parametrize(("muted", "cause"), [("paused", "paused"), ("stale", "late_kline")])
def test_what_was_kept_back_is_said(muted: str, cause: str) -> None:
    report = outcome_of([began(), asked(0, muted=muted, signal=""), asked(1), asked(2)], [], sized=QUIET)
    assert (report.share, report.causes) == (1.0, {cause: 1})


def test_a_deployment_without_an_account_has_no_outcomes() -> None:
    facts: list[RunFact] = [msgspec.structs.replace(began(), account=""), asked(0), asked(1)]
    assert outcome_of(facts, [], sized=[]).causes == {}
