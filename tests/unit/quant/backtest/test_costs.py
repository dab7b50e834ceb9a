"""Fees, slippage, funding, margin and liquidation, against the venues' worked examples and by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.support.random_backtests import brackets
from tests.support.small_market import CM, FREE, HOUR, SPOT, START, UM, flat, market, order, rules, run_orders, table

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.margin import Bracket, BracketTable, liquidation_price
from quantservice.core.signals import Signal
from quantservice.quant.backtest import (
    Assumptions,
    BookSnapshots,
    FeeRates,
    MarketData,
    OrderTable,
    RunResult,
    Slippage,
    run_targets,
)

DAY = 24 * HOUR
ONE_TIER = BracketTable(
    (Bracket(floor=Decimal(0), cap=Decimal(10**9), maintenance_rate=Decimal("0.01"), max_leverage=Decimal(100), cum=Decimal(0)),)
)


def test_binances_fee_example() -> None:
    """Binance, "How to calculate futures trading fees": 1 BTC at 10,104 as a taker at 0.04 % pays 4.0416 USDT."""
    rates = FREE.replace(fees=FeeRates(maker=0.0002, taker=0.0004), initial_equity=100_000.0)
    result = run_orders(market(flat(10_104.0, 10_104.0)), (0, order("buy")), assumptions=rates)
    assert result.fills["fee"][0] == pytest.approx(4.0416, rel=1e-12)
    assert result.final_equity == pytest.approx(100_000.0 - 4.0416, rel=1e-12)


@pytest.mark.parametrize(
    ("maker", "taker", "said"),
    [
        (0.0002, -0.0001, "fees.taker: -0.0001 is below 0: a taker's fee is never below zero"),
        (-0.1, -0.1, "fees.maker: -0.1 is below -0.01: a rebate is at most 1%"),
        (0.0002, 0.11, "fees.taker: 0.11 is not a fraction of the notional"),
        (0.2, 0.0005, "fees.maker: 0.2 is not a fraction of the notional"),
        (float("nan"), 0.0005, "fees.maker: nan is not a fraction"),
    ],
)
def test_fees_that_no_venue_has_are_refused(maker: float, taker: float, said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        FeeRates(maker=maker, taker=taker)
    assert str(refused.value).startswith(said)
    assert FeeRates(maker=-0.01, taker=0.1).taker == 0.1


def test_maker_and_taker_pay_their_own_rate_and_a_rebate_is_received() -> None:
    rates = FREE.replace(fees=FeeRates(maker=-0.0001, taker=0.001))
    rows = [*flat(100.0, 100.0), (100, 101, 97, 99)]
    result = run_orders(market(rows), (0, order("buy")), (0, order("buy", "limit", limit_price=98.0)), assumptions=rates)
    assert result.fills["fee"].tolist() == pytest.approx([0.1, -0.0098])


def test_named_tiers_and_tiers_by_volume() -> None:
    data = market(flat(*[100.0] * 60))
    at_first = run_orders(data, (0, order("buy")), assumptions=Assumptions(fees="binance_um:vip3", funding=False))
    assert at_first.fills["fee"][0] == pytest.approx(100.0 * 0.00032)
    ladder = (FeeRates(maker=0.0, taker=0.001), FeeRates(maker=0.0, taker=0.0005, min_volume=900.0))
    climbing = FREE.replace(fees=ladder)
    placed = [(0, order("buy", quantity=10.0)), (1, order("sell", quantity=1.0)), (30, order("sell", quantity=1.0))]
    result = run_orders(data, *placed, assumptions=climbing)
    assert result.fills["fee"].tolist() == pytest.approx([1.0, 0.1, 0.05])  # the tier counts from the next day on
    dated = FREE.replace(fees=(FeeRates(maker=0.0, taker=0.001), FeeRates(maker=0.0, taker=0.002, from_ms=START + 10 * HOUR)))
    changed = run_orders(data, (0, order("buy")), (12, order("buy")), assumptions=dated)
    assert changed.fills["fee"].tolist() == pytest.approx([0.1, 0.2])
    with pytest.raises(UnknownName, match="vip0"):
        run_orders(data, (0, order("buy")), assumptions=Assumptions(fees="binance_um:vip10"))


def test_an_unknown_venue_pays_a_guess_that_is_flagged() -> None:
    name = InstrumentId("nowhere", "um", "X-USDT")
    result = run_orders(market(flat(100.0, 100.0), name), (0, order("buy", name=name)), assumptions=Assumptions())
    assert result.fills["fee"][0] == pytest.approx(0.1)
    assert result.flag("fees_guessed") is not None


def slipped(slippage: Slippage, quantity: float = 10.0, **words: Any) -> RunResult:
    rows = [*flat(100.0), (100, 101, 99, 100, 50)]
    return run_orders(market(rows, **words), (0, order("buy", quantity=quantity)), assumptions=FREE.replace(slippage=slippage))


def test_slippage_models() -> None:
    assert slipped(Slippage(model="fixed", bps=10)).fills["price"][0] == pytest.approx(100.1)
    assert slipped(Slippage(model="spread", bps=10)).fills["price"][0] == pytest.approx(100.05)
    recorded = slipped(Slippage(model="spread", bps=10), spread=np.array([0.001, 0.004]))
    assert recorded.fills["price"][0] == pytest.approx(100.2)
    shared = slipped(Slippage(model="volume_share", coefficient=0.1))
    assert shared.fills["price"][0] == pytest.approx(100.0 * (1 + 0.1 * 0.2**2))
    assert shared.fills["slippage"][0] == pytest.approx(10.0 * 0.4)
    levels = BookSnapshots.of(
        [(START, [(100.5, 4.0), (101.5, 4.0)], [(99.5, 4.0)]), (START + 9 * HOUR, [(200.0, 1.0)], [(1.0, 1.0)])]
    )
    booked = slipped(Slippage(model="book", bps=100), books={str(UM): levels})
    average = (4 * 0.005 + 4 * 0.015 + 2 * (0.015 + 0.01)) / 10
    assert booked.fills["price"][0] == pytest.approx(100.0 * (1 + average))


def test_square_root_impact_knows_only_the_days_before() -> None:
    generator = np.random.default_rng(3)
    close = np.round(100 * np.exp(np.cumsum(generator.normal(0, 0.01, 96))), 2)
    rows = [(price, price, price, price, 10.0) for price in close]
    impact = FREE.replace(slippage=Slippage(model="sqrt_impact", coefficient=1.0), fill_on_synthetic=True, enforce_rules=False)
    result = run_orders(market(rows), (75, order("buy", quantity=5.0)), assumptions=impact)
    daily = close[23::24]
    moves = np.diff(np.log(daily[:3]), prepend=np.log(close[0]))
    share = np.sqrt(np.mean(moves**2)) * np.sqrt(5.0 / 240.0)
    assert result.fills["price"][0] == pytest.approx(close[76] * (1 + share))
    rows[90] = (*rows[90][:4], 9_999.0)  # what comes later changes nothing
    assert (
        run_orders(market(rows), (75, order("buy", quantity=5.0)), assumptions=impact).fills["price"][0] == result.fills["price"][0]
    )


def test_slippage_of_a_taker_goes_to_the_worse_tick() -> None:
    result = slipped(Slippage(model="fixed", bps=3), instruments=[rules()])
    assert result.fills["price"][0] == 100.1


def test_binances_funding_rule_on_real_arithmetic() -> None:
    """Longs pay shorts a positive rate on the notional at the mark: 2 BTC at 10,000 and 0.01 % pay 2 USDT."""
    paid = (np.array([START + 2 * HOUR + 7]), np.array([0.0001]), np.array([10_000.0]))
    data = market(flat(*[9_990.0] * 5), funding={str(UM): paid})
    result = run_orders(data, (0, order("buy", quantity=2.0)), assumptions=FREE.replace(funding=True, initial_equity=1e5))
    assert result.funding["amount"].tolist() == pytest.approx([-2.0])
    assert result.funding["time"].tolist() == [START + 2 * HOUR]
    assert result.equity.tolist() == pytest.approx([1e5, 1e5, 1e5 - 2, 1e5 - 2, 1e5 - 2])
    short = run_orders(data, (0, order("sell", quantity=2.0)), assumptions=FREE.replace(funding=True, initial_equity=1e5))
    assert short.funding["amount"].tolist() == pytest.approx([2.0])


def test_an_order_that_fills_at_the_settlement_does_not_pay_it() -> None:
    paid = (np.array([START + HOUR]), np.array([0.001]))
    data = market(flat(100.0, 100.0, 100.0), funding={str(UM): paid})
    result = run_orders(data, (0, order("buy")), assumptions=FREE.replace(funding=True))
    assert len(result.funding) == 0


def test_missing_funding_is_flagged_and_never_zero() -> None:
    times = START + 8 * HOUR * np.arange(1, 9)
    keep = np.ones(8, dtype=bool)
    keep[3:5] = False
    data = market(flat(*[100.0] * 72), funding={str(UM): (times[keep], np.full(6, 0.0001))})
    flagged = FREE.replace(funding=True)
    result = run_orders(data, (0, order("buy")), assumptions=flagged)
    assert result.funding["missing"].tolist() == [False, False, False, True, True, False, False, False]
    flag = result.flag("funding_missing")
    assert flag is not None
    assert flag.count == 2
    assert (flag.first_time, flag.last_time) == (START + 32 * HOUR, START + 40 * HOUR)
    flat_then = run_orders(data, (0, order("buy")), (2, order("sell")), assumptions=flagged)
    assert flat_then.flag("funding_missing") is None
    with pytest.raises(InvalidValue, match="2 funding settlements"):
        run_orders(data, (0, order("buy")), assumptions=flagged.replace(missing_funding="refuse"))
    none_known = run_orders(market(flat(*[100.0] * 24)), (0, order("buy")), assumptions=flagged)
    flag = none_known.flag("funding_missing")
    assert flag is not None
    assert flag.count == 2


@pytest.mark.parametrize("direction", [1, -1])
def test_an_isolated_position_is_liquidated_at_the_cores_price(direction: int) -> None:
    rows = [*flat(100.0, 100.0), (100, 125, 75, 100)]
    data = market(rows, brackets=ONE_TIER)
    tenfold = FREE.replace(leverage=10.0, liquidation_fee=0.001)
    result = run_orders(data, (0, order("buy" if direction > 0 else "sell", quantity=10.0)), assumptions=tenfold)
    wanted = liquidation_price(Decimal(100), Decimal(10 * direction), Decimal(100), ONE_TIER)
    assert result.liquidations["price"][0] == pytest.approx(float(wanted or 0))
    row = result.liquidations[0]
    assert row["loss"] == pytest.approx(abs(row["price"] - 100.0) * 10 + row["price"] * 10 * 0.001)
    assert result.trades["exit_reason"][0] == 7
    assert result.flag("liquidations") is not None


def test_a_gap_beyond_bankruptcy_loses_the_margin_and_no_more() -> None:
    data = market([*flat(100.0, 100.0), *flat(50.0, 50.0)], brackets=ONE_TIER)
    result = run_orders(data, (0, order("buy", quantity=10.0)), assumptions=FREE.replace(leverage=10.0))
    assert result.final_equity == pytest.approx(9_900.0)
    assert result.liquidations["insured"][0] == pytest.approx(400.0 + 50.0 * 10 * 0.0125)


def test_a_cross_account_backs_its_position_with_everything() -> None:
    rows = [*flat(100.0, 100.0), (100, 100, 50, 60), (60, 60, 1, 2)]
    data = market(rows, brackets=ONE_TIER)
    crossed = FREE.replace(leverage=10.0, margin_mode="cross", initial_equity=6_000.0, liquidation_fee=0.0)
    result = run_orders(data, (0, order("buy", quantity=100.0)), assumptions=crossed)
    wanted = liquidation_price(Decimal(100), Decimal(100), Decimal(6_000), ONE_TIER)
    assert result.liquidations["price"].tolist() == pytest.approx([float(wanted or 0)])
    assert result.liquidations["bar"][0] == 3
    assert result.final_equity == pytest.approx(6_000.0 - 100 * (100 - float(wanted or 0)))


def test_tiers_of_the_date_and_the_largest_position_at_a_leverage() -> None:
    tight = BracketTable(
        (Bracket(floor=Decimal(0), cap=Decimal(500), maintenance_rate=Decimal("0.08"), max_leverage=Decimal(10), cum=Decimal(0)),)
    )
    dated = {str(UM): [(0, ONE_TIER), (START + 3 * HOUR, tight)]}
    rows = [*flat(100.0, 100.0, 100.0, 100.0), (100, 100, 97, 98)]
    tenfold = FREE.replace(leverage=10.0)
    result = run_orders(market(rows, brackets=dated), (0, order("buy", quantity=10.0)), assumptions=tenfold)
    assert result.liquidations["price"][0] == pytest.approx(90.0 / 0.92)  # 8 % from its date on: (margin - cost) / (q * (0.08 - 1))
    clipped = run_targets(market(flat(100.0, 100.0), brackets=tight), [1.0, 1.0], tenfold)
    assert clipped.fills["quantity"][0] == pytest.approx(5.0)
    refused = run_orders(market(flat(100.0, 100.0), brackets=tight), (0, order("buy", quantity=6.0)), assumptions=tenfold)
    assert refused.orders["reason"][0] == 15


def test_unknown_tiers_are_guessed_and_flagged() -> None:
    assert run_orders(market(flat(100.0, 100.0)), (0, order("buy"))).flag("margin_tiers_guessed") is not None


def test_coin_margined_profit_is_in_coin_and_reported_in_dollars() -> None:
    """Binance, "How to calculate PNL in Coin-M futures": contracts x multiplier x (1/entry - 1/exit)."""
    data = market(flat(100.0, 100.0, 125.0, 125.0), CM, instruments=[rules(CM)])
    result = run_orders(data, (0, order("buy", name=CM, quantity=50.0)), (1, order("sell", name=CM, quantity=50.0)))
    coin = 50 * 100 * (1 / 100.0 - 1 / 125.0)
    assert result.fills["realised"][1] == pytest.approx(coin)
    assert result.currency == "USD"
    assert result.final_equity == pytest.approx((10_000.0 / 100.0 + coin) * 125.0)
    assert result.trades["gross"][0] == pytest.approx(coin * 125.0)
    assert result.equity[0] == pytest.approx(10_000.0)


def test_wallets_of_two_currencies_and_a_rate_for_one() -> None:
    other = InstrumentId("binance", "spot", "ETH-BTC")
    tables = {str(SPOT): table(flat(100.0, 110.0, 120.0)), str(other): table(flat(0.5, 0.5, 0.5))}
    data = MarketData.of(tables, period="1h")
    result = run_targets(data, np.zeros((3, 2)), FREE)
    assert result.equity.tolist() == pytest.approx([10_000.0, 10_500.0, 11_000.0])  # half of it is held in BTC
    shares = FREE.replace(wallets={"USDT": 1.0, "BTC": 0.0})
    assert run_targets(data, np.zeros((3, 2)), shares).equity.tolist() == pytest.approx([10_000.0] * 3)
    alone = MarketData.of({str(other): table(flat(0.5, 0.5, 0.5))}, period="1h")
    with pytest.raises(InvalidValue, match="convert BTC into USDT"):
        run_targets(alone, np.zeros(3), FREE.replace(currency="USDT"))
    rated = MarketData.of({str(other): table(flat(0.5, 0.5, 0.5))}, period="1h", fx={"BTC": table(flat(10.0, 20.0, 30.0))})
    moved = run_targets(rated, np.zeros(3), FREE.replace(currency="USDT"))
    assert moved.equity.tolist() == pytest.approx([10_000.0, 20_000.0, 30_000.0])


def test_an_instrument_that_leaves_is_closed_at_its_last_price() -> None:
    stays = InstrumentId("binance", "um", "ETH-USDT-PERP")
    tables = {str(UM): table(flat(100.0, 100.0, 90.0)), str(stays): table(flat(50.0, 50.0, 50.0, 50.0, 50.0))}
    data = MarketData.of(tables, period="1h")
    orders = OrderTable()
    orders.add(0, order("buy"), order("buy", "limit", limit_price=50.0), Signal(stays, 0.1))
    orders.add(3, Signal(UM, 1.0))
    result = run_targets(data, orders=orders, assumptions=FREE)
    assert result.final_equity == pytest.approx(9_990.0)
    assert result.flag("delisted") is not None
    assert result.flag("not_trading") is not None
    assert [int(row["bar"]) for row in result.fills] == [1, 1, 2]
    listed = market(flat(100.0, 100.0, 100.0, 100.0), instruments=[rules(delisted_ms=START + 2 * HOUR)])
    bought = run_orders(listed, (0, order("buy")))
    assert bought.trades["exit_bar"].tolist() == [1]


def test_brackets_of_the_support_are_continuous() -> None:
    tiers = brackets(1.0)
    for low, high in zip(tiers.brackets, tiers.brackets[1:], strict=False):
        at_border = low.cap * low.maintenance_rate - low.cum
        assert at_border == high.floor * high.maintenance_rate - high.cum
