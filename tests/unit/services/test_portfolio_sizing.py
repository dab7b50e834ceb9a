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
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.messages import StrategySignal
from quantservice.core.orders import Order, OrderState, order_of
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, Signal
from quantservice.quant.backtest import Assumptions, MarketData, run_targets
from quantservice.services.portfolio.sizing import Holdings, Sizer, Sizing, size_target

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
