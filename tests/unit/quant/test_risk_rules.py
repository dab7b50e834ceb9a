"""Each rule: what it lets pass, what it denies, with the limit, the value and a sentence; reducing orders get out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.market import instrument

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.intents import OrderTerms
from quantservice.quant.risk_rules import (
    DEFAULT_RULES,
    POSITION_RULES,
    RULES,
    Exit,
    PositionRule,
    RiskRule,
    RiskView,
    WatchedPosition,
    describe_rules,
    rule_of,
)

D = Decimal
BTC = instrument("BTC").id
SECOND = 1_000_000_000
NOON = 1_740_787_200 * SECOND + 12 * 3_600 * SECOND


def view(**changes: Any) -> RiskView:
    """An order that every rule lets pass."""
    fields: dict[str, Any] = {
        "terms": OrderTerms(account="main", instrument=BTC, side="buy", quantity=D(1)),
        "venue": "binance",
        "market": "um",
        "now_ns": NOON,
        "reference_price": D(100),
        "order_price": D(100),
        "order_value": D(100),
        "equity": D(1_000),
        "peak_equity": D(1_000),
        "day_start_equity": D(1_000),
        "free_margin": D(900),
        "after_position_value": D(100),
        "after_gross_exposure": D(200),
        "leverage": D(1),
    }
    return RiskView(**(fields | changes))


def rule(name: str, **parameters: Any) -> RiskRule:
    made = rule_of(name, parameters)
    assert isinstance(made, RiskRule)
    return made


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_sound_order_passes_every_rule(name: str) -> None:
    assert rule(name).check(view()) is None


#: rule, its parameters, the view at the limit (passes), the view beyond it (denied), limit and value shown
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = [
    ("max_order_value", {"limit": "150"}, {"order_value": D(150)}, {"order_value": D("150.01")}, "150", "150.01"),
    ("max_order_share", {"limit": "0.2"}, {"order_value": D(200)}, {"order_value": D(201)}, "20 %", "20.1 %"),
    ("price_band", {"limit": "0.1"}, {"order_price": D(110)}, {"order_price": D(111)}, "10 %", "11 %"),
    ("price_band", {"limit": "0.1"}, {"order_price": D(90)}, {"reference_price": D(0)}, "10 %", "no price"),
    (
        "order_rate",
        {"limit": 3, "window_s": 10},
        {"order_times_ns": [NOON - 11 * SECOND, NOON - 2 * SECOND, NOON]},
        {"order_times_ns": [NOON - 9 * SECOND, NOON - 2 * SECOND, NOON]},
        "3",
        "4",
    ),
    ("max_open_orders", {"limit": 2}, {"open_orders": 1}, {"open_orders": 2}, "2", "3"),
    ("free_margin", {"reserve": "0.1"}, {"free_margin": D(200)}, {"free_margin": D(199)}, "99", "100"),
    ("rejects_in_row", {"limit": 2}, {"rejects_in_row": 1}, {"rejects_in_row": 2}, "2", "2"),
    (
        "abnormal_trading",
        {"limit": 2, "window_s": 10},
        {"sides_lately": [(NOON - 20 * SECOND, "sell"), (NOON - 5 * SECOND, "sell"), (NOON, "buy")]},
        {"sides_lately": [(NOON - 5 * SECOND, "buy"), (NOON - 4 * SECOND, "sell"), (NOON, "buy"), (NOON, "sell")]},
        "2",
        "4",
    ),
    ("max_position", {"limit": "300"}, {"after_position_value": D(300)}, {"after_position_value": D(301)}, "300", "301"),
    ("max_exposure", {"limit": "0.8"}, {"after_gross_exposure": D(800)}, {"after_gross_exposure": D(801)}, "80 %", "80.1 %"),
    ("concentration", {"limit": "0.5"}, {"after_position_value": D(500)}, {"after_position_value": D(505)}, "50 %", "50.5 %"),
    ("max_leverage", {"limit": "2"}, {"after_gross_exposure": D(2000)}, {"after_gross_exposure": D(2100)}, "2", "2.1"),
    ("margin_ratio", {"limit": "0.5"}, {"margin_ratio": D("0.5")}, {"margin_ratio": D("0.51")}, "50 %", "51 %"),
    ("max_drawdown", {"limit": "0.2"}, {"peak_equity": D(1250)}, {"peak_equity": D(2000)}, "20 %", "50 %"),
    ("daily_loss", {"limit": "0.05"}, {"equity": D(950)}, {"equity": D(940)}, "5 %", "6 %"),
    ("consecutive_losses", {"limit": 3}, {"losses_in_row": 2}, {"losses_in_row": 3}, "3", "3"),
    ("cooldown", {"seconds": 60}, {"last_loss_ns": NOON - 60 * SECOND}, {"last_loss_ns": NOON - 59 * SECOND}, "60 s", "59 s"),
    (
        "strategy_quota",
        {},
        {"quota_position": D(50), "deployment_position_value": D(50)},
        {"quota_position": D(50), "deployment_position_value": D(51)},
        "50",
        "51",
    ),
    (
        "strategy_quota",
        {},
        {"quota_orders_per_day": 5, "deployment_orders_today": 4},
        {"quota_orders_per_day": 5, "deployment_orders_today": 5},
        "5",
        "6",
    ),
    ("fresh_data", {"limit_ms": 500}, {"data_age_ms": 500}, {"data_age_ms": 501}, "500 ms", "501 ms"),
    ("trusted_data", {}, {}, {"data_faults": ["gap", "stale"]}, "none", "gap, stale"),
    ("blocked_venues", {"venues": ["okx", "binance:cm"]}, {}, {"market": "cm"}, "okx, binance:cm", "binance:cm"),
    (
        "blocked_instruments",
        {"instruments": ["binance:um:ETH-USDT-PERP"]},
        {},
        {"terms": OrderTerms(account="a", instrument=instrument("ETH").id, side="buy", quantity=D(1))},
        "blocked",
        "binance:um:ETH-USDT-PERP",
    ),
    ("trading_hours", {"from_hour": 12, "until_hour": 13}, {}, {"now_ns": NOON + 3_600 * SECOND}, "12:00 to 13:00 UTC", "13:00"),
    ("trading_hours", {"from_hour": 22, "until_hour": 13}, {}, {"now_ns": NOON + 3_600 * SECOND}, "22:00 to 13:00 UTC", "13:00"),
]


@pytest.mark.parametrize(("name", "parameters", "passes", "denied", "limit", "value"), CASES)
def test_the_limit_itself_passes_and_beyond_it_is_denied_with_its_figures(
    name: str, parameters: dict[str, Any], passes: dict[str, Any], denied: dict[str, Any], limit: str, value: str
) -> None:
    made = rule(name, **parameters)
    assert made.check(view(**passes)) is None
    breach = made.check(view(**denied))
    assert breach is not None
    assert (breach.limit, breach.value) == (limit, value)
    assert breach.sentence
    assert "E+" not in breach.sentence


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(RULES)


ALWAYS = {"blocked_venues", "price_band"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_what_only_reduces_gets_out_of_all_that_bounds_exposure(case: Any) -> None:
    name, parameters, _, denied, *_ = case
    breach = rule(name, **parameters).check(view(**denied, reduces=True))
    assert (breach is not None) == (name in ALWAYS)


def held(**changes: Any) -> WatchedPosition:
    fields: dict[str, Any] = {"account": "main", "instrument": BTC, "side": "both", "quantity": D(2), "entry_price": D(100)}
    return WatchedPosition(**(fields | {"mark_price": D(100), "best_price": D(100)} | changes))


@pytest.mark.parametrize(
    ("name", "parameters", "stays", "leaves", "share"),
    [
        ("stop_loss", {"limit": "0.05"}, {"mark_price": D("95.01")}, {"mark_price": D(95)}, D(1)),
        (
            "stop_loss",
            {"limit": "0.05"},
            {"quantity": D(-2), "mark_price": D(104)},
            {"quantity": D(-2), "mark_price": D(105)},
            D(1),
        ),
        ("take_profit", {"limit": "0.1"}, {"mark_price": D(109)}, {"mark_price": D(110)}, D(1)),
        (
            "trailing_stop",
            {"limit": "0.05"},
            {"best_price": D(200), "mark_price": D(191)},
            {"best_price": D(200), "mark_price": D(190)},
            D(1),
        ),
        ("forced_reduction", {"limit": "0.8", "share": "0.25"}, {"margin_ratio": D("0.79")}, {"margin_ratio": D("0.8")}, D("0.25")),
    ],
)
def test_positions_are_left_at_their_limits(
    name: str, parameters: dict[str, Any], stays: dict[str, Any], leaves: dict[str, Any], share: Decimal
) -> None:
    made = rule_of(name, parameters)
    assert isinstance(made, PositionRule)
    assert made.watch(held(**stays)) is None
    way_out = made.watch(held(**leaves))
    assert isinstance(way_out, Exit)
    assert way_out.share == share
    assert made.watch(held(quantity=D(0), mark_price=D(1))) is None or name == "forced_reduction"


def test_rules_are_read_by_name_and_say_what_is_wrong() -> None:
    assert rule("max_exposure", limit=0.6) == rule("max_exposure", limit="0.6")
    with pytest.raises(UnknownName, match="did you mean: max_exposure"):
        rule_of("max_exposur")
    with pytest.raises(UnknownName, match="did you mean: limit"):
        rule_of("max_exposure", {"limt": 1})
    with pytest.raises(InvalidValue, match="order_rate"):
        rule_of("order_rate", {"limit": 0})


def test_all_are_described_and_go_through_json() -> None:
    described = {row["name"]: row for row in describe_rules()}
    assert set(described) == set(RULES) | set(POSITION_RULES)
    assert described["max_exposure"]["parameters"]["limit"]["default"] == "0.8"
    assert len(DEFAULT_RULES) == 20
    for made in DEFAULT_RULES:
        parameters = {field: value for field, value in msgspec.to_builtins(made).items() if field != "type"}
        assert rule_of(made.name, parameters) == made
        assert made.doc
