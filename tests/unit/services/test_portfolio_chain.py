"""An order's chain is put together from what was kept: who wanted it, what is missing, whose clock a time is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import Amendment, Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of
from quantservice.core.signals import OrderRequest, Signal
from quantservice.ports import HostedAccount, HostedBar, HostedTicker, IntentRecord, RiskDecision, RunAsked, RunSized
from quantservice.services.portfolio.chain import Chain, Kept, Step, chain_of

D = Decimal
BTC, ETH = InstrumentId("binance", "um", "BTC-USDT-PERP"), InstrumentId("binance", "um", "ETH-USDT-PERP")
MS = 1_000_000
T0 = 1_780_000_000_000 * MS


def kept(*, number: int = 0, deployment: str = "d1", **changes: Any) -> Kept:
    """What is kept of an order of decision ``number`` of the signal ``e1``, sent at T0 + 3 ms."""
    terms = OrderTerms(account="paper", instrument=BTC, side="buy", quantity=D("0.20"))
    intent = Intent(
        intent_id=intent_id("paper", deployment, "e1", number),
        terms=terms,
        deployment=deployment,
        created_ns=T0 + 2 * MS,
        causation_id="e1",
        **{"strategy": "ma_cross", **changes},
    )
    order = order_of(intent, created_ns=T0 + 3 * MS).apply(OrderEvent(change=Change.SUBMIT, time_ns=T0 + 3 * MS))
    return Kept(order=order, record=IntentRecord(intent=intent, state="approved", decided_ns=T0 + 3 * MS))


def asked(**changes: Any) -> tuple[int, RunAsked]:
    bars = tuple(
        HostedBar(str(name), 0, 59_999, 1.0, 3.0, 0.5, close, 0.0, 0.0, 0, 0.0, 0.0) for name, close in ((ETH, 2.0), (BTC, 1e-7))
    )
    fields: dict[str, Any] = {
        "open_time": 0,
        "close_time": T0 // MS - 1,
        "bars": bars,
        "received_ns": (T0 + 5, T0 + 7),
        "account": HostedAccount(equity=0.1 + 0.2),
        "decisions": (Signal(ETH, 0.5), Signal(BTC, -1.0, tag="down")),
        "signal": "e1",
    }
    return T0 + 4 * MS, RunAsked(**(fields | changes))


def named(chain: Chain) -> dict[str, Step]:
    return {step.step: step for step in chain.steps}


def with_(known: Kept, **changes: Any) -> Kept:
    return msgspec.structs.replace(known, **changes)


def ended(order: Order, *, time_ns: int) -> Order:
    shown = Evidence(source="push", reference="7", time_ns=time_ns)
    return order.apply(OrderEvent(change=Change.CANCEL, evidence=shown, reason="by hand", time_ns=time_ns))


def test_the_decision_the_kline_and_the_frame_of_its_own_instrument_are_shown() -> None:
    shown = named(chain_of(with_(kept(number=1), asked=asked())))
    assert shown["closed"].sentence == f"the kline of {BTC} closed at 0.0000001"
    assert (shown["closed"].time_ns, shown["received"].time_ns) == (T0, T0 + 7)
    assert shown["decided"].sentence == f"the strategy wanted -1 of its equity in {BTC} (down)"
    assert dict(shown["decided"].facts)["equity"] == "0.3"
    assert shown["decided"].time_ns == T0 + 2 * MS, "it was written later, and had been decided when it was sized"
    assert shown["checked"].gap_ns == MS


def test_a_request_and_the_market_between_klines() -> None:
    request = OrderRequest(instrument=BTC, side="buy", quantity=0.2, tag="grid")
    ticker = HostedTicker(str(BTC), T0 // MS, 50_000.5)
    shown = named(chain_of(with_(kept(), asked=asked(decisions=(request,), bars=(), ticker=ticker))))
    assert shown["closed"].sentence == f"the market between klines: {BTC} at 50000.5"
    assert shown["decided"].sentence == f"the strategy asked to buy 0.2 of {BTC}, market (grid)"
    assert "received" not in shown


def test_what_it_was_sized_by() -> None:
    fact = RunSized(signal="e1", equity={"USDT": D("1000.50")}, held={f"{BTC}|both": D("-0.1")}, prices={str(BTC): D("50000.0")})
    shown = named(chain_of(with_(kept(), sized=fact)))
    assert shown["sized"].sentence == "with equity of 1000.5 USDT at 50000 and -0.1 held that is to buy 0.2"
    assert shown["sized"].time_ns == T0 + 2 * MS


@pytest.mark.parametrize(
    ("changes", "origin", "sentence"),
    [
        ({"purpose": "manual"}, "person", f"a person or a program asked to buy 0.2 of {BTC}"),
        ({"purpose": "flatten"}, "person", f"a person closed what was held: buy 0.2 of {BTC}"),
        ({"purpose": "flatten", "tag": "stop_loss"}, "protection", "the rule stop_loss asked for an order that closes"),
        ({"purpose": "protective", "tag": "stop_loss"}, "protection", "the rule stop_loss asked for a stop that rests"),
        ({"purpose": "algorithm", "parent": "P"}, "algorithm", "a part of an order that is worked off in parts"),
    ],
)
def test_who_wanted_what_no_strategy_decided(changes: dict[str, Any], origin: str, sentence: str) -> None:
    chain = chain_of(kept(**changes))
    assert (chain.origin, chain.missing) == (origin, ())
    assert [step.step for step in chain.steps] == ["asked", "checked", "sent"]
    assert chain.steps[0].sentence.startswith(sentence)
    assert dict(chain.steps[0].facts) == ({"parent": "P"} if "parent" in changes else {})


def test_what_is_not_ours_was_adopted() -> None:
    known = kept()
    order = msgspec.structs.replace(known.order, external=True, intent_id="", sent_ns=0)
    chain = chain_of(Kept(order=order))
    assert (chain.origin, [step.step for step in chain.steps], chain.missing) == ("outside", ["asked"], ())


def test_what_is_missing_is_said() -> None:
    chain = chain_of(with_(kept(), record=None))
    assert [step.step for step in chain.steps] == ["sent"]
    assert chain.missing == ("decision", "intent")


def test_a_denial_and_what_rules_on_trial_noted() -> None:
    known = kept()
    assert known.record is not None
    no = msgspec.structs.replace(known.record, state="denied", rule="max_order", limit="1", value="2", sentence="too large")
    trial = RiskDecision(
        intent_id="i", account="a", instrument="x", rule="r", limit="", value="", sentence="hm", shadow=True, time_ns=1
    )
    enforced = msgspec.structs.replace(trial, rule="other", shadow=False)
    step = named(chain_of(with_(known, record=no, noted=(trial, enforced))))["checked"]
    assert step.sentence == "risk control denied it: too large (rule max_order, limit 1, value 2)"
    assert step.facts == (("trial:r", "hm"),)


def test_steps_stand_as_they_came_to_be_known_and_contradicting_clocks_have_no_gap() -> None:
    known = kept(purpose="manual")
    fills = tuple(
        VenueFill(
            account="paper", instrument=BTC, trade_id=str(at), side="buy", price=D(1), quantity=D("0.05"), time_ms=T0 // MS + at
        )
        for at in (2, 9)
    )
    order = ended(known.order, time_ns=T0 + 5 * MS)
    chain = chain_of(with_(known, order=order, fills=fills))
    assert [step.step for step in chain.steps] == ["asked", "checked", "sent", "filled", "ended", "filled"]
    assert chain.steps[3].clock == "venue"
    assert chain.steps[3].gap_ns is None, "by the venue's clock it was filled before it was sent"
    assert chain.steps[4].sentence == "cancelled, by its push: by hand"
    assert (chain.steps[4].gap_ns, chain.steps[5].gap_ns) == (3 * MS, 4 * MS)


def test_a_change_that_was_refused_is_a_step() -> None:
    known = kept(purpose="manual")
    change = Amendment(intent_id="j", quantity=D("0.3"), limit_price=D(2), asked_ns=T0 + 9 * MS, state="refused", reason="too late")
    order = msgspec.structs.replace(known.order, state=OrderState.OPEN, amendment=change)
    (step,) = [step for step in chain_of(with_(known, order=order)).steps if step.step == "amended"]
    assert (step.sentence, step.time_ns) == ("a change to 0.3 at 2 was refused: too late", T0 + 9 * MS)
