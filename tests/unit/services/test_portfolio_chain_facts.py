"""What stands beside the steps of an order's chain: facts, times, whose clock, and in which order things came to be known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from tests.unit.services.test_portfolio_chain import BTC, ETH, MS, T0, asked, ended, kept, named, with_

from quantservice.core.ledger import Entry, Posting
from quantservice.core.orders import Amendment, Change, Evidence, OrderEvent, VenueFill
from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate
from quantservice.ports import (
    HostedAccount,
    HostedPosition,
    HostedTicker,
    JournalRow,
    RunSized,
    RunTold,
)
from quantservice.ports.hosting import HostedOrder
from quantservice.services.portfolio.chain import Kept, chain_of
from quantservice.services.portfolio.entries import entry_id_of

D = Decimal


def fill(number: int, **more: Any) -> VenueFill:
    fields: dict[str, Any] = {
        "account": "paper",
        "instrument": BTC,
        "trade_id": f"t{number}",
        "side": "buy",
        "price": D("50000.50"),
    }
    fields |= {"quantity": D("0.10"), "time_ms": T0 // MS + number}
    return VenueFill(**(fields | more))


def names(found: Kept) -> list[str]:
    return [step.step for step in chain_of(found).steps]


# --- why it is there ------------------------------------------------------------------------------------------------------


def test_what_the_strategy_had_before_it() -> None:
    legs = tuple(HostedPosition(str(name), "both", quantity, 1.0) for name, quantity in ((BTC, 0.25), (ETH, 9.0), (BTC, 0.5)))
    working = (HostedOrder(str(BTC), "o1", "buy", "limit", 1.0),)
    account = HostedAccount(equity=10_000.5, cash=9_000.0, positions=legs, orders=working)
    chain = chain_of(with_(kept(number=1), asked=asked(account=account), deployment="trend"))
    shown = named(chain)
    assert (chain.strategy, chain.deployment, chain.origin, chain.missing) == ("ma_cross", "trend", "strategy", ("size",))
    assert dict(shown["decided"].facts) == {
        "equity": "10000.5",
        "cash": "9000",
        "position": "0.75",
        "working_orders": "1",
        "signal": "e1",
    }
    assert dict(shown["closed"].facts) == {
        "open_time": "0",
        "open": "1",
        "high": "3",
        "low": "0.5",
        "close": "0.0000001",
        "volume": "0",
    }
    assert [shown[name].clock for name in ("closed", "received", "decided")] == ["venue", "ours", "ours"]
    bare = named(chain_of(with_(kept(number=1), asked=asked(account=None))))
    assert dict(bare["decided"].facts) == {"signal": "e1"}


def test_a_frame_is_shown_where_its_time_was_noted() -> None:
    for received, there in (((T0 + 5, T0 + 7), True), ((T0 + 5, 0), False), ((T0 + 5,), False), ((), False)):
        assert ("received" in named(chain_of(with_(kept(number=1), asked=asked(received_ns=received))))) is there


def test_without_its_own_kline_the_first_one_is_shown() -> None:
    bars = asked()[1].bars
    shown = named(chain_of(with_(kept(number=1), asked=asked(bars=bars[:1], received_ns=(T0 + 5,)))))
    assert shown["closed"].sentence == f"the kline of {ETH} closed at 2"
    assert shown["received"].time_ns == T0 + 5
    assert "closed" not in named(chain_of(with_(kept(number=1), asked=asked(bars=(), received_ns=(T0,)))))


def test_the_market_between_klines_has_the_venues_time() -> None:
    ticker = HostedTicker(str(BTC), T0 // MS, 50_000.5)
    step = named(chain_of(with_(kept(), asked=asked(bars=(), ticker=ticker))))["closed"]
    assert (step.time_ns, step.clock, step.code) == (T0, "venue", "market")


def test_what_a_strategy_decided_is_said_in_its_own_terms() -> None:
    share = OrderRequest(instrument=BTC, side="sell", fraction=0.25, type="market", tag="out")
    decisions = (share, CancelOrders(instrument=BTC))
    said = {}
    for number in (0, 1, 2):
        step = named(chain_of(with_(kept(number=number), asked=asked(decisions=decisions))))["decided"]
        said[number] = step.sentence
    assert said == {
        0: f"the strategy asked to sell 0.25 of its equity of {BTC}, market (out)",
        1: f"the strategy cancelled its orders of {BTC}",
        2: "the strategy decided",
    }


def test_what_was_written_first_is_when_it_was_decided() -> None:
    known = kept(number=1)
    early = (T0 + MS, asked()[1])
    assert named(chain_of(with_(known, asked=early)))["decided"].time_ns == T0 + MS
    alone = named(chain_of(with_(known, record=None, asked=asked())))
    assert alone["decided"].time_ns == T0 + 4 * MS, "without an intent it is the writing"


def test_a_size_without_a_price_or_an_intent() -> None:
    fact = RunSized(signal="e1", equity={"USDT": D("1000.50"), "BTC": D(2)}, held={}, prices={})
    shown = named(chain_of(with_(kept(), sized=fact)))["sized"]
    assert shown.sentence == "with equity of 1000.5 USDT, 2 BTC and 0 held that is to buy 0.2"
    assert shown.facts == (("equity", "1000.5 USDT, 2 BTC"), ("price", ""), ("held", "0"))
    known = kept()
    larger = msgspec.structs.replace(known.order, terms=msgspec.structs.replace(known.order.terms, quantity=D("0.5")))
    amended = named(chain_of(with_(known, order=larger, sized=fact)))["sized"]
    assert amended.values["quantity"] == "0.2", "what was sized, and not what the order became"
    alone = named(chain_of(with_(known, order=larger, record=None, sized=fact)))["sized"]
    assert (alone.values["quantity"], alone.time_ns) == ("0.5", None)


def test_what_a_person_gave_with_an_order() -> None:
    known = kept(purpose="manual", correlation_id="key:abc", parent="P")
    terms = msgspec.structs.replace(known.order.terms, expire_ms=1_780_000_060_123)
    shown = named(chain_of(with_(known, order=msgspec.structs.replace(known.order, terms=terms))))["asked"]
    assert dict(shown.facts) == {"parent": "P", "deadline": "2026-05-28 20:27:40.123Z", "idempotency_key": "abc"}
    assert shown.time_ns == T0 + 2 * MS
    alone = named(chain_of(with_(known, record=None)))["asked"]
    assert (alone.time_ns, "deadline" in dict(alone.facts)) == (T0 + 3 * MS, False)


def test_an_order_that_was_not_sent_has_no_such_step() -> None:
    known = kept(purpose="manual")
    unsent = msgspec.structs.replace(known.order, sent_ns=0)
    assert names(with_(known, order=unsent)) == ["asked", "checked"]
    assert named(chain_of(known))["sent"].facts == ()
    timed = msgspec.structs.replace(known.order, deadline_ns=7)
    step = named(chain_of(with_(known, order=timed)))["sent"]
    assert (step.facts, step.time_ns) == ((("deadline_ns", "7"),), T0 + 3 * MS)


# --- what came of it ------------------------------------------------------------------------------------------------------


def told(state: Any, at_ns: int, **more: Any) -> tuple[int, RunTold]:
    return at_ns, RunTold(update=OrderUpdate(instrument=BTC, order_id="o", side="buy", state=state, **more))


def test_an_order_is_accepted_as_its_strategy_was_told_or_by_the_evidence_of_the_venue() -> None:
    known = kept(purpose="manual")
    shown = Evidence(source="answer", reference="7", time_ns=T0 + 5 * MS)
    resting = known.order.apply(OrderEvent(change=Change.ACCEPT, evidence=shown, venue_order_id="77"))
    step = named(chain_of(with_(known, order=resting)))["accepted"]
    assert (step.sentence, step.time_ns, step.facts) == (
        "the venue has it, by its answer",
        T0 + 5 * MS,
        (("venue_order_id", "77"),),
    )
    heard = with_(known, order=resting, told=(told("accepted", T0 + 6 * MS), told("partially_filled", T0 + 7 * MS)))
    assert [(step.step, step.time_ns) for step in chain_of(heard).steps if step.step == "accepted"] == [("accepted", T0 + 6 * MS)]
    timeless = known.order.apply(OrderEvent(change=Change.ACCEPT, evidence=Evidence(source="push")))
    step = named(chain_of(with_(known, order=timeless)))["accepted"]
    assert (step.time_ns, step.facts) == (None, ())
    over = ended(resting, time_ns=T0 + 8 * MS)
    assert "accepted" not in names(with_(known, order=over)), "its evidence is that of the end"
    after = named(chain_of(with_(known, order=over, told=(told("accepted", T0 + 6 * MS),))))["accepted"]
    assert after.sentence == "the venue has it"


def test_a_fill_with_its_fee_its_profit_and_its_entry() -> None:
    known = kept(purpose="manual")
    first = fill(4, fee=D("0.50"), fee_currency="USDT", realised=D("1.50"), maker=True)
    second = fill(6)
    postings = (
        Posting(account="wallet", currency="USDT", amount=D("1.0")),
        Posting(account="realised", currency="USDT", amount=D("-1.50")),
        Posting(account="fee", currency="USDT", amount=D("0.50")),
    )
    row = JournalRow(account="paper", sequence=42, entry=Entry(entry_id=entry_id_of(first), postings=postings, time=1))
    same = told("partially_filled", T0 + 9 * MS, time=first.time_ms, fill_price=50_000.5, fill_quantity=0.1)
    other = told("partially_filled", T0 + 8 * MS, time=first.time_ms, fill_price=50_000.5, fill_quantity=0.2)
    chain = chain_of(with_(known, fills=(first, second), entries=(row,), told=(other, same)))
    assert [step.step for step in chain.steps] == ["asked", "checked", "sent", "filled", "booked", "filled"]
    maker, booked, taker = chain.steps[3:]
    assert maker.sentence == "buy 0.1 at 50000.5, resting"
    assert maker.facts == (("trade", "t4"), ("fee", "0.5 USDT"), ("realised", "1.5"))
    assert (maker.time_ns, maker.clock) == (T0 + 4 * MS, "venue")
    assert (booked.sentence, booked.time_ns) == ("booked as entry 42 of the journal", T0 + 9 * MS)
    assert booked.facts == (("realised", "1.5 USDT"), ("fee", "-0.5 USDT"))
    assert (taker.sentence, taker.facts) == ("buy 0.1 at 50000.5, taking", (("trade", "t6"), ("fee", "0")))
    assert taker.gap_ns is None, "by the venue's clock it was before the entry was written"
    unheard = chain_of(with_(known, fills=(first,), entries=(row,)))
    assert (unheard.steps[-1].step, unheard.steps[-1].time_ns, unheard.steps[-1].gap_ns) == ("booked", None, None)


def test_an_end_and_a_deadline_stand_where_they_came_to_be_known() -> None:
    known = kept(purpose="manual")
    order = ended(known.order, time_ns=T0 + 5 * MS)
    lapsed = msgspec.structs.replace(order, lapsed_ns=T0 + 3 * MS, terms=msgspec.structs.replace(order.terms, expire_ms=1_000))
    for at, wanted in (
        (2, ["filled", "lapsed", "ended"]),
        (3, ["filled", "lapsed", "ended"]),  # of one instant the fill goes first
        (4, ["lapsed", "filled", "ended"]),
        (5, ["lapsed", "filled", "ended"]),
        (6, ["lapsed", "ended", "filled"]),
    ):
        assert names(with_(known, order=lapsed, fills=(fill(at),)))[3:] == wanted, at
    assert names(with_(known, order=lapsed, fills=(fill(6), fill(7))))[3:] == ["lapsed", "ended", "filled", "filled"]
    step = named(chain_of(with_(known, order=lapsed)))["lapsed"]
    assert (step.facts, step.time_ns) == ((("deadline", "1970-01-01 00:00:01.000Z"),), T0 + 3 * MS)
    bare = msgspec.structs.replace(order, lapsed_ns=T0 + 3 * MS)
    assert named(chain_of(with_(known, order=bare)))["lapsed"].facts == (("deadline", "1970-01-01 00:00:00.000Z"),)


def test_an_end_with_and_without_evidence() -> None:
    known = kept(purpose="manual")
    step = named(chain_of(with_(known, order=ended(known.order, time_ns=T0 + 5 * MS))))["ended"]
    assert step.facts == (("evidence", "push"), ("reference", "7"))
    assert step.time_ns == T0 + 5 * MS
    timeless = ended(known.order, time_ns=0)
    found = chain_of(with_(known, order=timeless, fills=(fill(6),)))
    assert [(step.step, step.time_ns) for step in found.steps[3:]] == [("filled", T0 + 6 * MS), ("ended", None)]
    silent = msgspec.structs.replace(timeless, evidence=None, reason="")
    step = named(chain_of(with_(known, order=silent)))["ended"]
    assert (step.sentence, step.facts, step.time_ns) == ("cancelled", (), None)


def test_a_gap_is_to_the_last_step_that_has_a_time() -> None:
    known = kept(purpose="manual")
    change = Amendment(intent_id="j", quantity=D("0.3"), limit_price=D(2), asked_ns=0, state="asked")
    order = msgspec.structs.replace(known.order, amendment=change)
    steps = chain_of(with_(known, order=order, fills=(fill(6),))).steps
    assert [(step.step, step.gap_ns) for step in steps] == [
        ("asked", None),
        ("checked", MS),
        ("sent", 0),
        ("amended", None),
        ("filled", 3 * MS),
    ]
