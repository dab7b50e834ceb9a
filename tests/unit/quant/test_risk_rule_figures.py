"""The figures of the rules: what holds where nothing is configured, both sides of every border, what is said of an odd account."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.market import instrument

from quantservice.core.errors import InvalidValue
from quantservice.core.intents import OrderTerms
from quantservice.quant.risk_rules import (
    POSITION_RULES,
    RULES,
    PositionRule,
    RiskRule,
    RiskView,
    WatchedPosition,
    describe_rules,
    rule_of,
)

D = Decimal
BTC = instrument("BTC").id
TERMS = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(1))
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY = 20_148 * 24 * HOUR  # 2025-03-01 00:00 UTC

#: What a person gets who configures nothing. A change here is a change of what is sent with real money: it is made on purpose.
DEFAULTS: dict[str, dict[str, Any]] = {
    "max_order_value": {"limit": "100000"},
    "max_order_share": {"limit": "0.5"},
    "price_band": {"limit": "0.1"},
    "order_rate": {"limit": 30, "window_s": 60, "deployment_limit": 20},
    "max_open_orders": {"limit": 20},
    "free_margin": {"reserve": "0.02"},
    "rejects_in_row": {"limit": 5},
    "abnormal_trading": {"limit": 6, "window_s": 60},
    "max_position": {"limit": "250000"},
    "max_exposure": {"limit": "0.8"},
    "concentration": {"limit": "0.5"},
    "max_leverage": {"limit": "3"},
    "margin_ratio": {"limit": "0.5"},
    "max_drawdown": {"limit": "0.2"},
    "daily_loss": {"limit": "0.05"},
    "consecutive_losses": {"limit": 8},
    "cooldown": {"seconds": 60},
    "strategy_quota": {},
    "fresh_data": {"limit_ms": 60_000},
    "trusted_data": {},
    "blocked_venues": {"venues": ()},
    "blocked_instruments": {"instruments": ()},
    "trading_hours": {"from_hour": 0, "until_hour": 24},
    "stop_loss": {"limit": "0.05"},
    "take_profit": {"limit": "0.1"},
    "trailing_stop": {"limit": "0.05"},
    "forced_reduction": {"limit": "0.8", "share": "0.5"},
}


def view(**changes: Any) -> RiskView:
    fields: dict[str, Any] = {"terms": TERMS, "venue": "binance", "market": "um", "now_ns": DAY + 12 * HOUR}
    fields |= {"reference_price": D(100), "order_price": D(100), "order_value": D(100), "equity": D(1_000), "free_margin": D(900)}
    return RiskView(**(fields | changes))


def rule(name: str, **parameters: Any) -> RiskRule:
    made = rule_of(name, parameters)
    assert isinstance(made, RiskRule)
    return made


def denied(name: str, given: RiskView, **parameters: Any) -> tuple[str, str]:
    breach = rule(name, **parameters).check(given)
    assert breach is not None
    return breach.limit, breach.value


@pytest.mark.parametrize("name", [*RULES, *POSITION_RULES])
def test_the_defaults_are_these(name: str) -> None:
    shown = next(row for row in describe_rules() if row["name"] == name)
    assert {field: value["default"] for field, value in shown["parameters"].items()} == DEFAULTS[name]


def test_every_share_and_amount_says_what_it_is_counted_in() -> None:
    docs = {(row["name"], field): value["doc"] for row in describe_rules() for field, value in row["parameters"].items()}
    assert docs["max_exposure", "limit"] == "a fraction: 0.05 is 5 %"
    assert docs["max_order_value", "limit"] == "in the account's currency"
    assert docs["max_leverage", "limit"] == "a multiple of equity"
    assert docs["order_rate", "limit"] == ""


def test_a_view_or_position_that_says_nothing_has_nothing() -> None:
    bare = RiskView(terms=TERMS, venue="binance", market="um")
    for name in RiskView.__struct_fields__:
        if name not in ("terms", "venue", "market"):
            assert not getattr(bare, name), name
    held = WatchedPosition(
        account="a", instrument=BTC, side="both", quantity=D(1), entry_price=D(1), mark_price=D(1), best_price=D(1)
    )
    assert not held.opened_ns
    assert not held.margin_ratio


def test_a_rule_that_asks_nothing_is_none() -> None:
    with pytest.raises(TypeError, match="asks nothing"):
        RiskRule().check(view())
    with pytest.raises(TypeError, match="watches nothing"):
        PositionRule().watch(held())


# --- equity ---------------------------------------------------------------------------------------------------------------

SHARES = {
    "max_order_share": "order_value",
    "max_exposure": "after_gross_exposure",
    "concentration": "after_position_value",
    "max_leverage": "after_gross_exposure",
}


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize(
    ("equity", "value"), [("0", ""), ("-0.5", ""), ("0.5", "200"), ("1", "100")], ids=["none", "negative", "half", "one"]
)
def test_an_account_without_equity_adds_nothing(name: str, equity: str, value: str) -> None:
    shown = denied(name, view(equity=D(equity), **{SHARES[name]: D(100)}))[1]
    assert shown == ("no equity" if not value else value if name == "max_leverage" else f"{D(value) * 100:f} %")


@pytest.mark.parametrize(
    ("name", "field", "share"), [("max_drawdown", "peak_equity", "0.2"), ("daily_loss", "day_start_equity", "0.05")]
)
def test_falls_are_counted_from_any_equity_above_nothing(name: str, field: str, share: str) -> None:
    for begin in ("0.5", "1", "1000"):
        border = D(begin) * (1 - D(share))
        assert rule(name).check(view(equity=border, **{field: D(begin)})) is None
        below = border - D("0.0001")
        breach = rule(name).check(view(equity=below, **{field: D(begin)}))
        assert breach is not None
    assert rule(name).check(view(equity=D(-1), **{field: D(0)})) is None, "nothing was there to fall from"
    assert rule(name).check(view(equity=D(-9), **{field: D(-1)})) is None


# --- orders ---------------------------------------------------------------------------------------------------------------


def test_a_price_is_compared_however_small_and_only_with_a_price() -> None:
    for reference in ("0.5", "1", "60000"):
        border = D(reference) * D("1.1")
        assert rule("price_band").check(view(reference_price=D(reference), order_price=border)) is None
        assert denied("price_band", view(reference_price=D(reference), order_price=D(reference) * D("1.2"))) == ("10 %", "20 %")
    assert denied("price_band", view(reference_price=D(0))) == ("10 %", "no price")
    assert denied("price_band", view(reference_price=D(-1))) == ("10 %", "no price")


@pytest.mark.parametrize(
    ("leverage", "needs"),
    [("0", 100), ("-1", 100), ("0.5", 200), ("1", 100), ("4", 25)],
    ids=["unknown", "odd", "half", "one", "four"],
)
def test_an_order_needs_its_value_over_the_leverage(leverage: str, needs: int) -> None:
    enough = view(leverage=D(leverage), free_margin=D(needs + 20))  # 2 % of 1,000 stay free
    assert rule("free_margin").check(enough) is None
    short = view(leverage=D(leverage), free_margin=D(needs + 20) - D("0.5"))
    assert denied("free_margin", short) == (f"{D(needs) - D('0.5'):f}", str(needs))


def test_what_is_free_is_never_said_to_be_less_than_nothing() -> None:
    breach = rule("free_margin").check(view(leverage=D(1), free_margin=D(-50)))
    assert breach is not None
    assert (breach.limit, breach.value) == ("0", "100")
    assert breach.sentence == "the order needs 100; 0 are free"
    said = rule("free_margin").check(view(leverage=D(1), free_margin=D(60)))
    assert said is not None
    assert said.sentence == "the order needs 100; 40 are free"


def test_a_deployment_without_a_limit_of_its_own_has_the_accounts() -> None:
    now = DAY + 12 * HOUR
    many = view(deployment="d1", deployment_order_times_ns=[now] * 25, order_times_ns=[now] * 25)
    assert denied("order_rate", many) == ("20", "26")
    assert rule("order_rate", deployment_limit=0).check(many) is None
    assert denied("order_rate", many, deployment_limit=0, limit=25) == ("25", "26")


@pytest.mark.parametrize(
    ("kind", "needed"),
    [("stop", "stop_price"), ("take_profit", "stop_price"), ("trailing_stop", "trail"), ("limit", "limit_price")],
)
@pytest.mark.parametrize("reduce_only", [True, False])
def test_only_a_stop_that_reduces_may_wait_far_from_the_market(kind: str, needed: str, reduce_only: bool) -> None:
    terms = msgspec.structs.replace(TERMS, type=kind, reduce_only=reduce_only, **{needed: D("0.5")})
    breach = rule("price_band").check(view(terms=terms, reference_price=D(100), order_price=D(50)))
    assert (breach is None) is (reduce_only and kind != "limit")


def test_an_order_as_old_as_the_window_no_longer_counts() -> None:
    now = DAY + 12 * HOUR
    ages = {0: True, 60 * SECOND - 1: True, 60 * SECOND: False, 60 * SECOND + 1: False}
    for age, counts in ages.items():
        breach = rule("order_rate", limit=2).check(view(order_times_ns=[now - age, now]))
        own = rule("order_rate", deployment_limit=2).check(view(deployment="d1", deployment_order_times_ns=[now - age, now]))
        assert (own is None) == (breach is None)
        assert (breach is not None) == counts, age
        sides = [(now - age, "buy"), (now, "sell"), (now, "buy"), (now, "sell")]  # and this order's buy: three turns, or four
        assert denied("abnormal_trading", view(sides_lately=sides), limit=2)[1] == ("4" if counts else "3"), age


def test_turns_are_counted_up_to_the_limit() -> None:
    sides = [(DAY + 12 * HOUR, side) for side in ("sell", "buy", "sell")]  # and this order's buy: three turns
    assert rule("abnormal_trading", limit=3).check(view(sides_lately=sides)) is None
    assert denied("abnormal_trading", view(sides_lately=sides), limit=2) == ("2", "3")


@pytest.mark.parametrize(
    ("name", "field", "border"),
    [("max_order_value", "order_value", D(100_000)), ("max_position", "after_position_value", D(250_000))],
)
def test_amounts_pass_at_the_limit_and_not_a_cent_above(name: str, field: str, border: Decimal) -> None:
    rich = {"equity": D(10**9), "free_margin": D(10**9)}
    assert rule(name).check(view(**rich, **{field: border})) is None
    assert denied(name, view(**rich, **{field: border + D("0.01")}))[1] == f"{border + D('0.01'):f}"


HAIR = D("0.0000000001")
A_HAIR_BEYOND: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("max_order_value", {}, {"order_value": D(100_000) + HAIR, "equity": D(10**9), "free_margin": D(10**9)}),
    ("max_order_share", {}, {"order_value": D(500) + HAIR}),
    ("price_band", {}, {"reference_price": D(100), "order_price": D(110) + HAIR}),
    ("free_margin", {}, {"order_value": D(980) + HAIR, "free_margin": D(1_000)}),
    ("max_position", {}, {"after_position_value": D(250_000) + HAIR}),
    ("max_exposure", {}, {"after_gross_exposure": D(800) + HAIR}),
    ("concentration", {}, {"after_position_value": D(500) + HAIR}),
    ("max_leverage", {}, {"after_gross_exposure": D(3_000) + HAIR}),
    ("margin_ratio", {}, {"margin_ratio": D("0.5") + HAIR}),
    ("max_drawdown", {}, {"peak_equity": D(1_000), "equity": D(800) - HAIR}),
    ("daily_loss", {}, {"day_start_equity": D(1_000), "equity": D(950) - HAIR}),
    ("strategy_quota", {}, {"quota_position": D(50), "deployment_position_value": D(50) + HAIR}),
    ("fresh_data", {"limit_ms": 120_000}, {"data_age_ms": 120_001}),
    ("price_band", {"limit": "0.123456"}, {"reference_price": D(100), "order_price": D("112.34561")}),
]


@pytest.mark.parametrize(("name", "parameters", "odd"), A_HAIR_BEYOND)
def test_what_is_a_hair_beyond_a_limit_is_shown_beyond_it(name: str, parameters: Any, odd: Any) -> None:
    breach = rule(name, **parameters).check(view(**odd))
    assert breach is not None
    limit, value = (D(text.partition(" ")[0]) for text in (breach.limit, breach.value))
    assert value > limit, "a reader must see which of the two is the larger"
    if name != "fresh_data":
        assert {breach.limit, breach.value} <= set(re.findall(r"[\d.]+(?: %)?", breach.sentence))


def test_every_rule_with_a_share_or_an_amount_is_tried_a_hair_beyond() -> None:
    counted = {
        item["name"] for item in describe_rules() if item["kind"] == "order" and any(f["doc"] for f in item["parameters"].values())
    }
    assert counted | {"strategy_quota"} <= {name for name, _, _ in A_HAIR_BEYOND}


# --- conditions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "open_hours"),
    [(0, 24, range(24)), (8, 16, range(8, 16)), (22, 4, (22, 23, 0, 1, 2, 3)), (9, 9, range(24)), (0, 1, (0,)), (23, 24, (23,))],
)
def test_hours_open_at_their_first_instant_and_close_at_their_last(begin: int, end: int, open_hours: Any) -> None:
    hours = rule("trading_hours", from_hour=begin, until_hour=end)
    for hour in range(24):
        for instant in (DAY + hour * HOUR, DAY + (hour + 1) * HOUR - 1):
            assert (hours.check(view(now_ns=instant)) is None) == (hour in open_hours), hour


@pytest.mark.parametrize(("field", "value"), [("from_hour", -1), ("from_hour", 24), ("until_hour", 0), ("until_hour", 25)])
def test_hours_that_no_day_has_are_refused(field: str, value: int) -> None:
    with pytest.raises(InvalidValue, match="trading_hours"):
        rule_of("trading_hours", {field: value})


def test_the_age_of_a_price_is_said_in_seconds() -> None:
    breach = rule("fresh_data").check(view(data_age_ms=61_500))
    assert breach is not None
    assert breach.sentence == "the last price of BTC-USDT-PERP is 61.5 s old; 60 s are allowed"
    older = rule("fresh_data").check(view(data_age_ms=60_001 + 3_600_000))
    assert older is not None
    assert "is 3,660.001 s old" in older.sentence, "no digit is rounded away, and none is written with an exponent"
    never = rule("fresh_data").check(view(data_age_ms=2**31, reference_price=D(0)))
    assert never is not None
    advice = "where it is not collected, add it: qs pairs add binance:um:BTC-USDT-PERP"
    assert (never.limit, never.value) == ("60000 ms", "none")
    assert never.sentence == f"no price of BTC-USDT-PERP is known yet; {advice}"


def test_a_cooldown_is_over_to_the_nanosecond() -> None:
    now = DAY + 12 * HOUR
    assert rule("cooldown").check(view(last_loss_ns=now - 60 * SECOND)) is None
    assert denied("cooldown", view(last_loss_ns=now - 60 * SECOND + 1)) == ("60 s", "59 s")
    assert rule("cooldown").check(view(now_ns=10 * SECOND, last_loss_ns=0)) is None, "nothing was lost yet"


def test_a_quota_counts_from_any_amount_above_nothing() -> None:
    assert denied("strategy_quota", view(quota_position=D("0.5"), deployment_position_value=D(1))) == ("0.5", "1")
    assert denied("strategy_quota", view(quota_position=D(1), deployment_position_value=D(2))) == ("1", "2")
    assert rule("strategy_quota").check(view(quota_position=D(0), deployment_position_value=D(10))) is None
    assert rule("strategy_quota").check(view(quota_orders_per_day=0, deployment_orders_today=99)) is None


# --- positions --------------------------------------------------------------------------------------------------------------


def held(**changes: Any) -> WatchedPosition:
    fields: dict[str, Any] = {"account": "main", "instrument": BTC, "side": "both", "quantity": D(2), "entry_price": D(100)}
    return WatchedPosition(**(fields | {"mark_price": D(100), "best_price": D(100)} | changes))


@pytest.mark.parametrize("name", ["stop_loss", "take_profit", "trailing_stop"])
@pytest.mark.parametrize("size", ["0.001", "1", "1000"])
@pytest.mark.parametrize("price", ["0.5", "1", "60000"])
def test_small_positions_and_small_prices_are_watched_like_others(name: str, size: str, price: str) -> None:
    against = name != "take_profit"
    for sign in (1, -1):
        away = D("0.8") if (sign > 0) == against else D("1.2")
        watched = held(quantity=sign * D(size), entry_price=D(price), best_price=D(price), mark_price=D(price) * away)
        made = rule_of(name)
        assert isinstance(made, PositionRule)
        out = made.watch(watched)
        assert out is not None
        assert (out.share, out.value) == (D(1), "20 %")
        other = held(quantity=-sign * D(size), entry_price=D(price), best_price=D(price), mark_price=D(price) * away)
        assert made.watch(other) is None


def test_nothing_held_and_no_entry_are_left_alone() -> None:
    stop = rule_of("stop_loss", {"limit": "0.05"})
    assert isinstance(stop, PositionRule)
    assert stop.watch(held(entry_price=D(0), mark_price=D(1))) is None
    assert stop.watch(held(entry_price=D(-1), mark_price=D(1))) is None
    assert stop.watch(held(quantity=D(0), mark_price=D(150))) is None


# --- reading ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["-0.01", "-1", "NaN", "Infinity", "-Infinity"])
def test_a_limit_that_is_no_number_from_nothing_on_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match=r"max_exposure\.limit"):
        rule_of("max_exposure", {"limit": D(value)})


def test_a_limit_of_nothing_lets_nothing_pass() -> None:
    assert denied("max_exposure", view(after_gross_exposure=D("0.01")), limit="0")[0] == "0 %"


def test_figures_are_read_from_texts_too() -> None:
    made = rule("order_rate", limit="7", window_s="20")
    assert msgspec.to_builtins(made) == {"type": "order_rate", "limit": 7, "window_s": 20, "deployment_limit": 20}
