"""What a person's order must be before it is taken: each refusal names the limit and what was asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import RULES

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.ports import TradingAccount
from quantservice.services.execution.fitting import check_account, check_prices, check_resting, check_steps, out_of_reach

D = Decimal
NAME = "binance:um:BTC-USDT-PERP"


def rules(**changes: Any) -> Instrument:
    return msgspec.structs.replace(RULES, **({"min_quantity": D("0.002"), "min_notional": D(5)} | changes))


@pytest.mark.parametrize(
    ("amounts", "sentence"),
    [
        ({"quantity": D("0.0009")}, f"quantity: 0.0009 is less than one lot of {NAME}, 0.001"),
        ({"quantity": D("0.0105555")}, f"quantity: 0.0105555 is no multiple of the lot of {NAME}, 0.001"),
        ({"quantity": D("0.001")}, f"quantity: 0.001 is less than the least of {NAME}, 0.002"),
        ({"limit_price": D("93000.12")}, f"limit_price: 93000.12 is no multiple of the tick of {NAME}, 0.1"),
        ({"stop_price": D("0.01")}, f"stop_price: 0.01 is no multiple of the tick of {NAME}, 0.1"),
    ],
)
def test_an_amount_between_two_steps_is_refused_and_not_rounded(amounts: dict[str, Decimal], sentence: str) -> None:
    with pytest.raises(InvalidValue) as told:
        check_steps(rules(), **amounts)
    assert str(told.value) == sentence


def test_amounts_on_the_steps_pass() -> None:
    check_steps(rules(), quantity=D("0.0020"), limit_price=D("93000.10"), stop_price=D(93_000))
    check_steps(rules(), quantity=D(999_999_999), limit_price=None)


@pytest.mark.parametrize(
    ("type_", "limit", "stop", "sentence"),
    [
        ("market", "95000", None, "limit_price: a market order has none (95000 was given); it is for limit, stop_limit"),
        ("stop", "95000", "94000", "limit_price: a stop order has none (95000 was given); it is for limit, stop_limit"),
        (
            "limit",
            "95000",
            "93000",
            "stop_price: a limit order has none (93000 was given); it is for stop, stop_limit, take_profit",
        ),
    ],
)
def test_a_price_that_would_be_left_out_is_refused(type_: Any, limit: str | None, stop: str | None, sentence: str) -> None:
    with pytest.raises(InvalidValue) as told:
        check_prices(type_, D(limit) if limit else None, D(stop) if stop else None)
    assert str(told.value) == sentence


def test_prices_that_a_type_has_pass() -> None:
    check_prices("market", None, None)
    check_prices("limit", D(1), None)
    check_prices("stop_limit", D(1), D(1))
    check_prices("take_profit", None, D(1))


@pytest.mark.parametrize("force", ["IOC", "FOK"])
def test_what_may_only_rest_may_not_end_at_once(force: Any) -> None:
    with pytest.raises(InvalidValue, match=f"post_only: an order that is {force} never rests"):
        check_resting(post_only=True, time_in_force=force)
    check_resting(post_only=False, time_in_force=force)
    check_resting(post_only=True, time_in_force="GTC")


def test_an_account_trades_its_own_venue_and_market_only() -> None:
    mine = TradingAccount(name="main", venue="binance", market="um")
    check_account(mine, rules())
    for venue, market in (("okx", "um"), ("binance", "spot")):
        other = rules(id=InstrumentId(venue, market, "BTC-USDT"))
        with pytest.raises(
            InvalidValue, match=f"symbol: account main trades binance um, and {venue}:{market}:BTC-USDT is not of it"
        ):
            check_account(mine, other)


def test_an_order_below_the_least_value_or_in_a_closed_market_is_out_of_reach() -> None:
    least = f"0.001 at 4999.9 is worth 4.9999, less than the least that {NAME} takes, 5"
    low = out_of_reach(rules(), D("0.001"), D("4999.9"), reduce_only=False)
    assert low is not None
    assert (low.field, low.reason, low.values["least"]) == ("quantity", least, "5")
    assert out_of_reach(rules(), D("0.001"), D(5_000), reduce_only=False) is None
    assert out_of_reach(rules(), D("0.001"), None, reduce_only=False) is None, "no price is known: other rules say so"
    closed = rules(status="break")
    shut = out_of_reach(closed, D(1), D(5_000), reduce_only=False)
    assert shut is not None
    assert (shut.field, shut.reason) == ("symbol", f"{NAME} is not trading now, it is break")
    assert out_of_reach(closed, D("0.001"), D(1), reduce_only=True) is None, "what only reduces is the venue's to refuse"
