"""What each kind of order does inside a bar, in prices a person can follow."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.small_market import FREE, HOUR, SPOT, START, UM, flat, market, order, rules, run_orders, table

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.signals import CancelOrders, OrderRequest, Signal
from quantservice.quant.backtest import FILL_REASONS, ORDER_REASONS, ORDER_STATES, Assumptions, RunResult, run_targets

TOUCH = FREE.replace(limit_fill="touch")


def fills(result: RunResult) -> list[tuple[int, float, float]]:
    return [(int(row["bar"]), float(row["side"] * row["quantity"]), float(row["price"])) for row in result.fills]


def ends(result: RunResult) -> list[tuple[str, str]]:
    return [(ORDER_STATES[row["state"]], ORDER_REASONS[row["reason"]]) for row in result.orders]


def reasons(result: RunResult) -> list[str]:
    return [FILL_REASONS[row["reason"]] for row in result.fills]


def test_a_market_order_fills_at_the_next_open() -> None:
    result = run_orders(market([(100, 101, 99, 100), (102, 103, 101, 102.5), (104, 104, 104, 104)]), (0, order("buy")))
    assert fills(result) == [(1, 1.0, 102.0)]
    assert result.equity.tolist() == [10_000.0, 10_000.5, 10_002.0]
    assert result.worst_equity.tolist() == [10_000.0, 9_999.0, 10_002.0]


def test_a_resting_limit_fills_at_its_price_when_the_price_passes_it() -> None:
    rows = [*flat(100.0), (100, 101, 98, 99), (99, 99, 97, 98)]
    assert fills(run_orders(market(rows), (0, order("buy", "limit", limit_price=98.0)))) == [(2, 1.0, 98.0)]
    touched = run_orders(market(rows), (0, order("buy", "limit", limit_price=98.0)), assumptions=TOUCH)
    assert fills(touched) == [(1, 1.0, 98.0)]
    assert bool(touched.fills["maker"][0])


def test_a_gap_over_a_resting_limit_gives_its_price_not_the_better_one() -> None:
    rows = [*flat(100.0, 100.0), (95, 96, 94, 95)]
    assert fills(run_orders(market(rows), (0, order("buy", "limit", limit_price=98.0)))) == [(2, 1.0, 98.0)]


def test_a_limit_that_crosses_on_arrival_takes_and_post_only_is_rejected() -> None:
    data = market([*flat(100.0), (97, 99, 96, 98)])
    taken = run_orders(data, (0, order("buy", "limit", limit_price=98.0)))
    assert fills(taken) == [(1, 1.0, 97.0)]
    assert not taken.fills["maker"][0]
    posted = run_orders(data, (0, order("buy", "limit", limit_price=98.0, post_only=True)))
    assert ends(posted) == [("rejected", "post-only order would take")]


def test_a_stop_fills_at_its_price_or_at_a_worse_open() -> None:
    stop = order("sell", "stop", stop_price=95.0, reduce_only=True)
    inside = run_orders(market([*flat(100.0, 100.0), (99, 99, 90, 91)]), (0, order("buy")), (1, stop))
    assert fills(inside)[1] == (2, -1.0, 95.0)
    gapped = run_orders(market([*flat(100.0, 100.0, 100.0), (92, 93, 90, 91)]), (0, order("buy")), (1, stop))
    assert fills(gapped)[1] == (3, -1.0, 92.0)


def test_of_stop_and_target_in_one_bar_the_worse_happens() -> None:
    """Both are inside the bar: the stop is taken, and the target of its group is cancelled."""
    rows = [*flat(100.0, 100.0, 100.0), (100, 110, 90, 105)]
    stop = order("sell", "stop", stop_price=95.0, reduce_only=True, group="exit")
    target = order("sell", "take_profit", stop_price=105.0, reduce_only=True, group="exit")
    for first, second in ((stop, target), (target, stop)):
        result = run_orders(market(rows), (0, order("buy")), (1, first), (1, second))
        assert fills(result)[1:] == [(3, -1.0, 95.0)]
        assert sorted(state for state, _why in ends(result)) == ["cancelled", "filled", "filled"]


def test_a_target_may_not_fill_in_the_bar_of_its_entry_but_a_stop_may() -> None:
    rows = [*flat(100.0, 100.0), (100, 106, 94, 100), (100, 106, 99, 105)]
    entry = order("buy", "limit", limit_price=98.0)
    target = order("sell", "limit", limit_price=105.0, reduce_only=True)
    assert fills(run_orders(market(rows), (0, entry), (0, target))) == [(2, 1.0, 98.0), (3, -1.0, 105.0)]
    stop = order("sell", "stop", stop_price=95.0, reduce_only=True)
    assert fills(run_orders(market(rows), (0, entry), (0, stop))) == [(2, 1.0, 98.0), (2, -1.0, 95.0)]


def test_take_profit_is_a_taker_at_its_price_or_a_better_open() -> None:
    target = order("sell", "take_profit", stop_price=105.0, reduce_only=True)
    inside = run_orders(market([*flat(100.0, 100.0), (101, 106, 101, 106)]), (0, order("buy")), (0, target))
    assert fills(inside)[1] == (2, -1.0, 105.0)
    gapped = run_orders(market([*flat(100.0, 100.0), (108, 109, 107, 108)]), (0, order("buy")), (0, target))
    assert fills(gapped)[1] == (2, -1.0, 108.0)
    assert not gapped.fills["maker"][1]


def test_stop_limit_rests_when_the_price_jumped_beyond_its_limit() -> None:
    ask = order("buy", "stop_limit", stop_price=102.0, limit_price=103.0)
    through = run_orders(market([*flat(100.0, 100.0), (101, 104, 101, 103)]), (0, ask))
    assert fills(through) == [(2, 1.0, 102.0)]
    jumped = run_orders(market([*flat(100.0, 100.0), (105, 106, 102, 104), (104, 104, 101, 102)]), (0, ask))
    assert fills(jumped) == [(3, 1.0, 103.0)]  # from the next row on, as a maker
    assert bool(jumped.fills["maker"][0])


def test_a_trailing_stop_follows_the_best_price() -> None:
    trailing = order("sell", "trailing_stop", trail=0.1, reduce_only=True)
    rows = [*flat(100.0, 100.0), (100, 120, 100, 119), (119, 119, 107, 110)]
    result = run_orders(market(rows), (0, order("buy")), (1, trailing))
    assert fills(result)[1] == (3, -1.0, 108.0)
    # In one bar up to 120 and closing under 108: it must have passed the level that the high set.
    within = run_orders(market([*flat(100.0, 100.0), (100, 120, 95, 106)]), (0, order("buy")), (1, trailing))
    assert fills(within)[1] == (2, -1.0, 108.0)


def test_times_in_force() -> None:
    data = market([*flat(100.0), (100, 101, 99, 100, 20), (100, 101, 97, 98, 20), (98, 99, 95, 96, 20)])
    capped = FREE.replace(volume_share_cap=0.1)
    some = run_orders(data, (0, order("buy", quantity=5.0, time_in_force="IOC")), assumptions=capped)
    assert fills(some) == [(1, 2.0, 100.0)]
    assert ends(some) == [("expired", "not filled at once")]
    none = run_orders(data, (0, order("buy", quantity=5.0, time_in_force="FOK")), assumptions=capped)
    assert fills(none) == []
    rest = run_orders(data, (0, order("buy", quantity=5.0)), assumptions=capped)
    assert fills(rest) == [(1, 2.0, 100.0), (2, 2.0, 100.0), (3, 1.0, 98.0)]
    away = order("buy", "limit", limit_price=96.0, time_in_force="GTD", expire_ms=START + 3 * HOUR)
    assert ends(run_orders(data, (0, away))) == [("expired", "its time ran out")]
    at_once = order("buy", "limit", limit_price=96.0, time_in_force="IOC")
    assert ends(run_orders(data, (0, at_once))) == [("expired", "not filled at once")]


def test_reduce_only_never_opens_and_ends_with_its_position() -> None:
    data = market([*flat(100.0, 100.0, 100.0, 100.0), (100, 120, 100, 110)])
    alone = run_orders(data, (0, order("sell", reduce_only=True)))
    assert ends(alone) == [("rejected", "nothing to reduce")]
    more = run_orders(data, (0, order("buy")), (1, order("sell", quantity=3.0, reduce_only=True)))
    assert fills(more) == [(1, 1.0, 100.0), (2, -1.0, 100.0)]
    target = order("sell", "limit", limit_price=115.0, reduce_only=True)
    left = run_orders(data, (0, order("buy")), (1, target), (2, order("sell")))
    assert ("cancelled", "the position was closed") in ends(left)
    assert len(left.fills) == 2


def test_cancelling_all_or_by_tag() -> None:
    data = market(flat(100.0, 100.0, 100.0, 100.0))
    low = order("buy", "limit", limit_price=90.0, tag="low")
    high = order("sell", "limit", limit_price=110.0, tag="high")
    one = run_orders(data, (0, low), (0, high), (1, CancelOrders(instrument=UM, tag="low")))
    assert sorted(ends(one)) == [("accepted", "end of the data"), ("cancelled", "cancelled by the strategy")]
    both = run_orders(data, (0, low), (0, high), (1, CancelOrders(instrument=UM)))
    assert ends(both) == [("cancelled", "cancelled by the strategy")] * 2


def test_latency_moves_the_fill_towards_the_worse_extreme() -> None:
    data = market([*flat(100.0), (100, 110, 80, 100), (101, 102, 100, 101)])
    for latency, price in ((0, 100.0), (HOUR // 4, 102.5), (HOUR // 2, 105.0), (HOUR, 101.0)):
        result = run_orders(data, (0, order("buy")), assumptions=FREE.replace(latency_ms=latency))
        assert result.fills["price"][0] == pytest.approx(price)
    sold = run_orders(data, (0, order("sell")), assumptions=FREE.replace(latency_ms=HOUR // 4))
    assert sold.fills["price"][0] == pytest.approx(95.0)


def test_rules_of_the_venue_are_kept() -> None:
    data = market(flat(100.0, 100.0, 100.0, 100.0), instruments=[rules(min_notional=50, min_quantity=1)])
    small = run_orders(data, (0, order("buy", quantity=0.4)))
    assert ends(small) == [("rejected", "less than the smallest quantity")]
    rounded = run_orders(data, (0, order("buy", "limit", quantity=1.23456, limit_price=100.06)))
    assert fills(rounded) == [(1, 1.234, 100.0)]
    assert rounded.orders["limit_price"][0] == 100.0
    free = run_orders(data, (0, order("buy", quantity=0.4)), assumptions=FREE.replace(enforce_rules=False))
    assert fills(free) == [(1, 0.4, 100.0)]


def test_rules_hold_from_their_date() -> None:
    later = rules(min_notional=500, valid_from_ms=START + 2 * HOUR)
    data = market(flat(100.0, 100.0, 100.0, 100.0, 100.0), instruments=[rules(min_notional=50), later])
    result = run_orders(data, (0, order("buy")), (3, order("buy")))
    assert ends(result) == [("filled", ""), ("rejected", "less than the smallest notional")]


def test_spot_is_long_and_paid_in_full() -> None:
    data = market(flat(100.0, 100.0, 100.0), SPOT)
    sold = run_orders(data, (0, order("sell", name=SPOT)))
    assert ends(sold) == [("rejected", "a spot account cannot sell what it does not hold")]
    dear = run_orders(data, (0, order("buy", name=SPOT, quantity=101.0)))
    assert ends(dear) == [("rejected", "margin is insufficient")]
    share = run_orders(data, (0, order("buy", name=SPOT, fraction=1.0)), assumptions=FREE.replace(fees="binance_spot:vip0"))
    assert share.fills["quantity"][0] == pytest.approx(100.0 / 1.001)
    assert share.cash[-1] == pytest.approx(0.0, abs=1e-9)
    short = run_targets(data, [-1.0, -1.0, -1.0], FREE)
    assert short.flag("short_on_spot") is not None
    assert len(short.fills) == 0


def test_orders_wait_on_synthetic_and_stale_klines_unless_asked() -> None:
    rows = [*flat(100.0), (100, 100, 100, 100, 0), (101, 102, 100, 101, 5), (101, 102, 100, 101, 5), (103, 104, 102, 103)]
    data = market(rows)
    assert {flag.name for flag in data.flags} == {"synthetic_klines", "stale_klines"}
    assert fills(run_orders(data, (0, order("buy")), (2, order("sell")))) == [(2, 1.0, 101.0), (4, -1.0, 103.0)]
    asked = FREE.replace(fill_on_synthetic=True, fill_on_stale=True)
    assert fills(run_orders(data, (0, order("buy")), (2, order("sell")), assumptions=asked)) == [(1, 1.0, 100.0), (3, -1.0, 101.0)]


def test_detail_decides_what_the_bar_alone_cannot() -> None:
    """The bar holds stop and target; its quarters say that the target came first."""
    rows = [*flat(100.0, 100.0), (100, 110, 90, 95), (95, 96, 94, 95)]
    quarters = [*flat(*[100.0] * 8), (100, 110, 100, 108), (108, 108, 100, 100), (100, 100, 90, 91), (91, 95, 91, 95)]
    quarters += flat(95.0, 95.0, 95.0, 95.0)
    stop = order("sell", "stop", stop_price=95.0, reduce_only=True, group="exit")
    target = order("sell", "take_profit", stop_price=105.0, reduce_only=True, group="exit")
    plain = run_orders(market(rows), (0, order("buy")), (1, stop), (1, target))
    assert fills(plain)[1] == (2, -1.0, 95.0)
    fine = market(rows, detail={str(UM): table(quarters, step=HOUR // 4)})
    result = run_orders(fine, (0, order("buy")), (1, stop), (1, target))
    assert fills(result)[1] == (2, -1.0, 105.0)
    assert len(result.equity) == 4
    assert result.worst_equity[2] == pytest.approx(10_000.0)


def test_a_hedged_account_holds_both_legs() -> None:
    data = market(flat(100.0, 100.0, 110.0, 110.0))
    hedged = FREE.replace(position_mode="hedge")
    placed = [(0, Signal(UM, 0.5, "long")), (0, Signal(UM, -0.25, "short")), (2, Signal(UM, 0.0, "long"))]
    result = run_orders(data, *placed, assumptions=hedged)
    assert fills(result) == [(1, 50.0, 100.0), (1, -25.0, 100.0), (3, -50.0, 110.0)]
    assert result.positions[-1].tolist() == [[0.0, -25.0]]
    assert result.gross_exposure[1] == 7_500.0
    assert result.net_exposure[1] == 2_500.0
    wrong = run_orders(data, (0, order("sell", position_side="long")), assumptions=hedged)
    assert ends(wrong) == [("rejected", "the wrong side of a hedged position")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"quantity": None}, "needs a quantity or a fraction"),
        ({"fraction": 0.5}, "needs a quantity or a fraction"),
        ({"quantity": -1.0}, "greater than zero"),
        ({"quantity": float("nan")}, "greater than zero"),
        ({"type": "limit"}, "limit_price"),
        ({"type": "trailing_stop", "trail": 2.0}, "a fraction of the price"),
        ({"time_in_force": "GTD"}, "expire_ms"),
        ({"post_only": True}, "only a limit order"),
        ({"position_side": "long"}, "hedge"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(words: dict[str, object], message: str) -> None:
    ask = OrderRequest(**{"instrument": UM, "side": "buy", "quantity": 1.0, **words})  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=message):
        run_orders(market(flat(100.0, 100.0)), (0, ask))


def test_an_unknown_instrument_or_bar_is_named() -> None:
    with pytest.raises(UnknownName, match="BTC-USDT"):
        run_orders(market(flat(100.0, 100.0)), (0, Signal(SPOT, 1.0)))
    with pytest.raises(InvalidValue, match="7 is not one of the 2 bars"):
        run_orders(market(flat(100.0, 100.0)), (7, Signal(UM, 1.0)))


def test_a_target_is_a_level_and_stating_it_again_changes_nothing() -> None:
    data = market([*flat(100.0, 100.0, 50.0, 50.0, 50.0)])
    targets = np.array([0.5, 0.5, 0.5, 0.5, 0.5])
    assert fills(run_targets(data, targets, FREE)) == [(1, 50.0, 100.0)]
    always = FREE.replace(rebalance="always")
    assert fills(run_targets(data, targets, always)) == [(1, 50.0, 100.0), (3, 25.0, 50.0)]
    lazy = always.replace(drift_tolerance=0.2)
    assert fills(run_targets(data, targets, lazy)) == [(1, 50.0, 100.0)]


def test_sizing_at_the_decision_or_at_the_fill_and_filling_at_the_close() -> None:
    data = market([*flat(100.0), (50, 50, 50, 50), (50, 50, 50, 50)])
    assert fills(run_targets(data, [0.5, 0.5, 0.5], FREE)) == [(1, 50.0, 50.0)]
    assert fills(run_targets(data, [0.5, 0.5, 0.5], FREE.replace(sizing="fill"))) == [(1, 100.0, 50.0)]
    assert fills(run_targets(data, [0.5, 0.5, 0.5], FREE.replace(fill="close"))) == [(0, 50.0, 100.0)]


def test_assumptions_are_checked() -> None:
    with pytest.raises(InvalidValue, match="leverage"):
        Assumptions(leverage=0.5)
    with pytest.raises(InvalidValue, match="latency_ms"):
        Assumptions(latency_ms=-1)
    with pytest.raises(UnknownName, match="leverage"):
        Assumptions().replace(levrage=3.0)
