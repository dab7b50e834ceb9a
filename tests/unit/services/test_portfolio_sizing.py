"""Decisions become intents: sized like the backtest, never rounded up, told where nothing comes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.messages import StrategySignal
from quantservice.core.orders import Order, OrderState, order_of
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, Signal
from quantservice.quant.backtest import Assumptions, MarketData, run_targets
from quantservice.services.portfolio.sizing import Holdings, Sizer, Sizing, size_target, wanted_quantity

D = Decimal
UM = Instrument(
    id=InstrumentId("binance", "um", "BTC-USDT-PERP"), venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT",
    tick_size=D("0.1"), lot_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(100),
)  # fmt: skip
SPOT = Instrument(
    id=InstrumentId("binance", "spot", "ETH-USDT"), venue_symbol="ETHUSDT", base="ETH", quote="USDT", settle="USDT",
    tick_size=D("0.01"), lot_size=D("0.0001"), min_quantity=D("0.0001"), min_notional=D(5),
)  # fmt: skip
CM = Instrument(
    id=InstrumentId("binance", "cm", "BTC-USD-PERP"), venue_symbol="BTCUSD_PERP", base="BTC", quote="USD", settle="BTC",
    tick_size=D("0.1"), lot_size=D(1), min_quantity=D(1), contract_size=D(100), inverse=True,
)  # fmt: skip
BOOK = {item.id: item for item in (UM, SPOT, CM)}
SIZER = Sizer("main", BOOK.get, valid_ns=1_000_000_000)
HELD = Holdings(equity={"USDT": D(10_000), "BTC": D(1)}, prices={UM.id: D(50_000), SPOT.id: D(2_000), CM.id: D(50_000)})


def size(*decisions: Decision, holdings: Holdings = HELD, cause: str = "e1") -> Sizing:
    signal = StrategySignal(
        deployment="d1", name="one", strategy="ma_cross", version=1, account="main", open_time=0, close_time=59_999,
        decisions=decisions,
    )  # fmt: skip
    return SIZER.size(signal, cause, holdings, 5_000)


def holding(**legs: str) -> Holdings:
    names = {"um": UM.id, "spot": SPOT.id, "cm": CM.id}
    return msgspec.structs.replace(HELD, positions={(names[name], "both"): D(quantity) for name, quantity in legs.items()})


def order(
    quantity: str, *, side: str = "buy", tag: str = "", purpose: Any = "signal", state: OrderState = OrderState.OPEN
) -> Order:
    terms = OrderTerms(account="main", instrument=UM.id, side=side, quantity=D(quantity))  # type: ignore[arg-type]
    made = order_of(Intent(intent_id=f"i{quantity}{tag}", terms=terms, tag=tag, purpose=purpose), created_ns=1)
    return msgspec.structs.replace(made, state=state)


@pytest.mark.parametrize(
    ("instrument", "target", "side", "quantity"),
    [
        (UM, 0.5, "buy", "0.1"),
        (UM, -0.33333, "sell", "0.066"),
        (UM, 0.9999, "buy", "0.199"),
        (SPOT, 0.12345, "buy", "0.6172"),
        (CM, 1.0, "buy", "500"),
        (CM, -0.0021, "sell", "1"),
    ],
)
def test_a_target_is_rounded_down_to_the_step(instrument: Instrument, target: float, side: str, quantity: str) -> None:
    (intent,) = size(Signal(instrument.id, target, tag="cross")).intents
    assert (intent.terms.side, intent.terms.quantity, intent.terms.type) == (side, D(quantity), "market")
    assert (intent.purpose, intent.tag, intent.deployment, intent.strategy) == ("signal", "cross", "d1", "ma_cross")
    assert (intent.created_ns, intent.valid_until_ns, intent.correlation_id) == (5_000, 1_000_005_000, "e1")
    assert not intent.terms.reduce_only


def test_what_is_held_and_what_works_count() -> None:
    holdings = msgspec.structs.replace(holding(um="0.05"), orders=(order("0.03"), order("0.5", purpose="order")))
    (intent,) = size(Signal(UM.id, 0.5), holdings=holdings).intents
    assert intent.terms.quantity == D("0.02")
    ended = msgspec.structs.replace(holdings, orders=(order("0.03", state=OrderState.CANCELLED),))
    assert size(Signal(UM.id, 0.5), holdings=ended).intents[0].terms.quantity == D("0.05")


@pytest.mark.parametrize(
    ("held", "target", "side", "quantity", "reduces"),
    [
        ("0.1", 0.0, "sell", "0.1", True),
        ("0.1", 0.2, "sell", "0.06", True),
        ("0.1", -0.5, "sell", "0.2", False),
        ("-0.1", 0.0, "buy", "0.1", True),
    ],
)
def test_closing_only_reduces_and_a_flip_does_not(held: str, target: float, side: str, quantity: str, *, reduces: bool) -> None:
    (intent,) = size(Signal(UM.id, target), holdings=holding(um=held)).intents
    assert (intent.terms.side, intent.terms.quantity, intent.terms.reduce_only) == (side, D(quantity), reduces)


def test_what_is_closed_may_be_smaller_than_the_least_notional() -> None:
    (intent,) = size(Signal(UM.id, 0.0), holdings=holding(um="0.001")).intents
    assert (intent.terms.quantity, intent.terms.reduce_only) == (D("0.001"), True)


@pytest.mark.parametrize(
    ("decision", "holdings", "reason"),
    [
        (Signal(UM.id, 0.005), HELD, "its value 50 is less than the venue's least, 100"),
        (Signal(UM.id, 0.5), holding(um="0.1"), "the target is what is held already"),
        (Signal(SPOT.id, -0.5), HELD, "it cannot be sold short"),
        (Signal(UM.id, -0.5, side="long"), HELD, "it cannot be sold short"),
        (Signal(UM.id, 0.5, side="short"), HELD, "a short leg cannot be bought beyond zero"),
        (Signal(InstrumentId("binance", "um", "XYZ-USDT-PERP"), 0.5), HELD, "the instrument's rules are not known"),
        (Signal(UM.id, 0.5), msgspec.structs.replace(HELD, prices={}), "no price of it is known"),
        (Signal(CM.id, 0.5), msgspec.structs.replace(HELD, equity={"USDT": D(1)}), "no BTC is allotted to it"),
        (OrderRequest(instrument=UM.id, side="buy", quantity=0.0004), HELD, "its quantity is less than one step"),
        (OrderRequest(instrument=UM.id, side="buy", quantity=1.0, type="limit"), HELD, "limit_price: a limit order needs it"),
    ],
)
def test_why_no_trade(decision: Signal | OrderRequest, holdings: Holdings, reason: str) -> None:
    found = size(decision, holdings=holdings)
    assert (found.intents, [item.reason for item in found.nothing]) == ((), [reason])


def test_a_decision_of_which_nothing_comes_holds_no_other_back() -> None:
    found = size(Signal(SPOT.id, -0.5), Signal(UM.id, 0.5))
    assert [item.instrument for item in found.nothing] == [SPOT.id]
    assert [intent.terms.instrument for intent in found.intents] == [UM.id]


def test_prices_of_orders_are_never_worse_than_asked() -> None:
    found = size(
        OrderRequest(instrument=UM.id, side="buy", quantity=0.0129, type="limit", limit_price=49_999.97, post_only=True),
        OrderRequest(instrument=UM.id, side="sell", fraction=0.1, type="limit", limit_price=50_000.01, tag="exit", group="o"),
    )
    first, second = (intent.terms for intent in found.intents)
    assert (first.limit_price, first.quantity, first.post_only) == (D("49999.9"), D("0.012"), True)
    assert (second.limit_price, second.quantity) == (D("50000.1"), D("0.019"))
    assert [(intent.purpose, intent.tag, intent.group) for intent in found.intents] == [("order", "", ""), ("order", "exit", "o")]


def test_reductions_go_first_and_ids_depend_on_the_cause_alone() -> None:
    holdings = holding(um="0.1")
    found = size(Signal(CM.id, 0.5), Signal(UM.id, 0.0), holdings=holdings)
    assert [intent.terms.instrument for intent in found.intents] == [UM.id, CM.id]
    again = size(Signal(CM.id, 0.5), Signal(UM.id, 0.0), holdings=holdings)
    assert [intent.intent_id for intent in found.intents] == [intent.intent_id for intent in again.intents]
    other = size(Signal(CM.id, 0.5), Signal(UM.id, 0.0), holdings=holdings, cause="e2")
    assert not {intent.intent_id for intent in found.intents} & {intent.intent_id for intent in other.intents}


def test_cancels_name_the_open_orders_of_a_tag() -> None:
    holdings = msgspec.structs.replace(
        HELD, orders=(order("0.1", tag="a"), order("0.2", tag="b"), order("0.3", tag="a", state=OrderState.FILLED))
    )
    assert size(CancelOrders(instrument=UM.id, tag="a"), holdings=holdings).cancels == (holdings.orders[0].order_id,)
    assert len(size(CancelOrders(instrument=UM.id), holdings=holdings).cancels) == 2
    assert size(CancelOrders(instrument=CM.id), holdings=holdings).cancels == ()


@settings(max_examples=40)
@example(UM, 1.0, 10.0, 956_865.75)  # 95,686,575 lots: a float of that size is off by more than a fixed noise
@given(
    st.sampled_from([UM, SPOT]),
    st.floats(0.02, 1.0).map(lambda value: round(value, 4)),
    st.floats(10.0, 90_000.0).map(lambda value: round(value, 1)),
    st.floats(1_000.0, 1e6).map(lambda value: round(value, 2)),
)
def test_the_backtest_sizes_the_same(instrument: Instrument, target: float, price: float, equity: float) -> None:
    rows = 4
    flat = np.full(rows, price)
    wide = {"high": flat * 1.01, "low": flat * 0.99}
    names = ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume")
    table = {"open_time": np.arange(rows, dtype=np.int64) * 60_000, "open": flat, "close": flat, **wide}
    table |= {name: np.full(rows, 1e9) for name in names}
    market = MarketData.of({str(instrument.id): table}, instruments=[instrument], period="1m")
    assumed = Assumptions(fees="none", initial_equity=equity, fill_on_stale=True)
    result = run_targets(market, np.array([0.0, target, target, target]), assumed)
    change = size_target(target, equity=D(str(equity)), price=D(str(price)), held=D(0), working=D(0), instrument=instrument)
    if change < instrument.min_quantity or instrument.notional(D(str(price)), change) < instrument.min_notional:
        assert not len(result.fills)
    else:
        assert result.fills["quantity"].tolist() == [pytest.approx(float(change), rel=1e-12)]


# --- both sides of each border --------------------------------------------------------------------------------------------


def change(target: float, *, equity: str = "10000", held: str = "0", working: str = "0", instrument: Instrument = UM) -> Decimal:
    return size_target(target, equity=D(equity), price=D(50_000), held=D(held), working=D(working), instrument=instrument)


def test_less_than_half_a_step_away_is_there_already() -> None:
    assert change(0.5, held="0.0996") == 0
    assert change(0.5, held="0.0995") == D("0.0005")
    assert change(0.5, held="0.1004") == 0
    assert change(-0.5, held="-0.1005") == D("0.0005")
    assert change(0.5, held="0.05", working="0.03") == D("0.02")
    assert change(0.0, held="0.05", working="-0.03") == D("-0.02")
    assert change(0.0, held="0.0001") == D("-0.0001"), "what is to be nothing is closed whole"


def test_without_equity_nothing_is_bought() -> None:
    for equity in ("0", "-5"):
        assert wanted_quantity(0.5, equity=D(equity), price=D(100), instrument=UM) == 0
    assert wanted_quantity(0.5, equity=D("0.5"), price=D(100), instrument=UM) == D("0.002")
    assert wanted_quantity(0.0, equity=D(5), price=D(100), instrument=UM) == 0
    assert wanted_quantity(-0.5, equity=D(1), price=D(100), instrument=UM) == D("0.005"), "unsigned"
    assert wanted_quantity(1.0, equity=D(1), price=D(50_000), instrument=CM) == D(500)


@pytest.mark.parametrize(
    ("changes", "quantity", "reason"),
    [
        ({"min_quantity": D("0.012")}, 0.012, ""),
        ({"min_quantity": D("0.013")}, 0.012, "0.012 is less than the venue's least quantity, 0.013"),
        ({"min_notional": D(600)}, 0.012, ""),
        ({"min_notional": D("600.01")}, 0.012, "its value 600 is less than the venue's least, 600.01"),
        ({}, 0.0009, "its quantity is less than one step"),
    ],
)
def test_the_least_that_a_venue_takes_is_taken(changes: dict[str, Decimal], quantity: float, reason: str) -> None:
    sizer = Sizer("main", {UM.id: msgspec.structs.replace(UM, **changes)}.get, valid_ns=1)
    signal = StrategySignal(
        deployment="d1", name="one", strategy="s", version=1, account="main", open_time=0, close_time=1,
        decisions=(OrderRequest(instrument=UM.id, side="buy", quantity=quantity),),
    )  # fmt: skip
    found = sizer.size(signal, "e1", HELD, 5)
    assert [item.reason for item in found.nothing] == ([reason] if reason else [])
    assert len(found.intents) == (0 if reason else 1)


def test_an_order_is_worth_its_limit_its_stop_or_the_market() -> None:
    """A fraction of ten thousand, at the price at which it would be filled."""
    sizes = {}
    for kind, prices in (
        ("market", {}),
        ("limit", {"limit_price": 25_000.0}),
        ("stop", {"stop_price": 100_000.0}),
        ("stop_limit", {"stop_price": 100_000.0, "limit_price": 25_000.0}),
    ):
        request = OrderRequest(instrument=UM.id, side="buy", fraction=0.5, type=kind, **prices)  # type: ignore[arg-type]
        (intent,) = size(request).intents
        sizes[kind] = intent.terms.quantity
        assert (intent.terms.limit_price is not None, intent.terms.stop_price is not None) == (
            "limit_price" in prices,
            "stop_price" in prices,
        )
    assert sizes == {"market": D("0.1"), "limit": D("0.2"), "stop": D("0.05"), "stop_limit": D("0.2")}


def test_every_word_of_a_request_is_kept() -> None:
    request = OrderRequest(
        instrument=UM.id, side="sell", quantity=0.1, type="trailing_stop", trail=0.02, reduce_only=True, position_side="both",
        time_in_force="GTC", expire_ms=77,
    )  # fmt: skip
    terms = size(request).intents[0].terms
    assert (terms.trail, terms.reduce_only, terms.expire_ms, terms.type) == (D("0.02"), True, 77, "trailing_stop")
    spot = size(OrderRequest(instrument=SPOT.id, side="sell", quantity=1.0, reduce_only=True)).intents[0].terms
    assert (spot.reduce_only, spot.trail) == (False, None)
    small = size(OrderRequest(instrument=UM.id, side="sell", quantity=0.001, reduce_only=True))
    assert len(small.intents) == 1, "a venue always takes what only reduces"
    nothing = size(OrderRequest(instrument=UM.id, side="buy", fraction=0.0))
    assert [item.reason for item in nothing.nothing] == ["its quantity is less than one step"]


def test_spot_is_paid_in_the_quote_and_contracts_in_the_settlement() -> None:
    cross = msgspec.structs.replace(SPOT, settle="XYZ")
    sizer = Sizer("main", {SPOT.id: cross}.get, valid_ns=1)
    signal = StrategySignal(
        deployment="d1", name="one", strategy="s", version=1, account="main", open_time=0, close_time=1,
        decisions=(Signal(SPOT.id, 0.5),),
    )  # fmt: skip
    assert len(sizer.size(signal, "e1", HELD, 5).intents) == 1


def test_a_leg_of_one_side_is_taken_no_further_than_to_nothing() -> None:
    for side, held, target, wanted in (
        ("long", "0.1", 0.0, "sell"),
        ("short", "-0.1", 0.0, "buy"),
        ("short", "-0.1", -1.0, "sell"),
    ):
        holdings = msgspec.structs.replace(HELD, positions={(UM.id, side): D(held)})
        (intent,) = size(Signal(UM.id, target, side=side), holdings=holdings).intents  # type: ignore[arg-type]
        assert (intent.terms.side, intent.terms.position_side, intent.terms.quantity) == (wanted, side, D("0.1"))
        assert intent.terms.reduce_only is (target == 0)


def test_only_what_turns_no_position_over_is_a_reduction() -> None:
    (whole,) = size(
        Signal(UM.id, 0.0), holdings=msgspec.structs.replace(holding(um="0.1"), orders=(order("0.03", side="sell"),))
    ).intents
    assert (whole.terms.quantity, whole.terms.reduce_only) == (D("0.07"), True)
    working = msgspec.structs.replace(holding(um="0.1"), orders=(order("0.03"),))
    (more,) = size(Signal(UM.id, 0.0), holdings=working).intents
    assert (more.terms.quantity, more.terms.reduce_only) == (D("0.13"), False), "more than is held: what works may not be filled"
    (spot,) = size(Signal(SPOT.id, 0.0), holdings=holding(spot="1")).intents
    assert (spot.terms.quantity, spot.terms.reduce_only) == (D(1), False), "spot knows no such orders"


def test_only_its_own_orders_are_the_strategys_to_cancel() -> None:
    mine = [
        order(f"0.{number}", purpose=purpose)
        for number, purpose in enumerate(("signal", "order", "protective", "flatten", "manual"), 1)
    ]
    holdings = msgspec.structs.replace(HELD, orders=tuple(mine))
    assert size(CancelOrders(instrument=UM.id), holdings=holdings).cancels == tuple(item.order_id for item in mine[:2])


def test_what_became_nothing_is_told_by_its_place() -> None:
    found = size(Signal(SPOT.id, -0.5), CancelOrders(instrument=UM.id), Signal(UM.id, 0.5), Signal(UM.id, 0.5, side="short"))
    assert [(item.number, item.instrument) for item in found.nothing] == [(0, SPOT.id), (3, UM.id)]
    assert [intent.intent_id for intent in found.intents] == [intent_id("main", "d1", "e1", 2)]
    assert found.intents[0].causation_id == "e1"
