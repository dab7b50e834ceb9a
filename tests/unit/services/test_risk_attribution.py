"""What an order earned with what it opened: openings that are nobody's, fees by their part, prices that are not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.market import instrument

from quantservice.core.instruments import Instrument
from quantservice.core.orders import VenueFill
from quantservice.services.risk.attribution import Lots, Outcome

D = Decimal
BTC = instrument("BTC")


def fill(number: int, side: str, quantity: str, price: str, *, rules: Instrument = BTC, **more: Any) -> VenueFill:
    return VenueFill(
        account="main", instrument=rules.id, trade_id=f"{number}", side=side, price=D(price), quantity=D(quantity), **more  # type: ignore[arg-type]
    )  # fmt: skip


def lots(**rates: str) -> Lots:
    return Lots(lambda currency, into: D(rates[currency]) if currency in rates and into == "USDT" else None)


def test_an_outcome_begins_with_nothing() -> None:
    bare = Outcome(currency="USDT")
    assert (bare.opened, bare.open, bare.realised, bare.marked, bare.fees, bare.unpriced, bare.profit) == (D(0),) * 5 + ({}, D(0))
    told = Outcome(currency="USDT", realised=D(5), marked=D(-2), fees=D(1))
    assert told.profit == D(2)


def test_what_was_held_before_is_closed_first_and_is_no_orders() -> None:
    made = lots()
    made.open_with(BTC, "both", "d", D(2), D(50))
    made.fill(BTC, fill(1, "buy", "1", "100"), "a", "d")
    made.fill(BTC, fill(2, "sell", "2.5", "110", fee=D(5)), "b", "d")
    found = made.outcomes({BTC.id: D(120)})
    assert set(found) == {"a"}
    assert (found["a"].realised, found["a"].open, found["a"].marked, found["a"].fees) == (D(5), D("0.5"), D(10), D(1))


def test_a_short_is_closed_by_buying_and_shares_and_legs_are_apart() -> None:
    made = lots()
    made.fill(BTC, fill(1, "sell", "3", "100"), "a", "d")
    made.fill(BTC, fill(2, "buy", "1", "90"), "b", "e")
    made.fill(BTC, fill(3, "buy", "1", "80", position_side="long"), "c", "d")
    made.fill(BTC, fill(4, "buy", "2", "90"), "x", "d")
    found = made.outcomes({})
    assert {name: (item.opened, item.open, item.realised) for name, item in found.items()} == {
        "a": (D(3), D(1), D(20)),
        "b": (D(1), D(1), D(0)),
        "c": (D(1), D(1), D(0)),
    }
    assert all(item.marked == 0 for item in found.values()), "without a price nothing is marked"
    assert found["a"].currency == "USDT"


def test_asking_twice_counts_what_is_open_once() -> None:
    made = lots()
    made.fill(BTC, fill(1, "buy", "2", "100"), "a", "d")
    made.fill(BTC, fill(2, "buy", "1", "100"), "a", "d")
    for _ in range(2):
        found = made.outcomes({BTC.id: D(101)})["a"]
        assert (found.opened, found.open, found.marked) == (D(3), D(3), D(3))


def test_fees_are_those_of_the_part_and_in_the_currency_of_the_settlement_where_none_is_named() -> None:
    made = lots(BNB="600")
    made.fill(BTC, fill(1, "buy", "2", "100", fee=D("0.4")), "a", "d")
    made.fill(BTC, fill(2, "sell", "3", "100", fee=D("0.003"), fee_currency="BNB"), "b", "d")
    made.fill(BTC, fill(3, "buy", "1", "100", fee=D("-0.1"), fee_currency="USDT"), "c", "d")
    found = made.outcomes({})
    assert (found["a"].fees, found["b"].fees) == (D("0.4") + D("0.002") * 600, D("0.001") * 600 - D("0.1"))


def test_fees_without_a_price_are_summed_by_currency() -> None:
    made = lots()
    made.fill(BTC, fill(1, "buy", "2", "100", fee=D(3), fee_currency="HT"), "a", "d")
    made.fill(BTC, fill(2, "sell", "1", "100", fee=D(4), fee_currency="HT"), "b", "d")
    made.fill(BTC, fill(3, "sell", "1", "100", fee=D(5), fee_currency="GT"), "c", "d")
    found = made.outcomes({})["a"]
    assert (found.unpriced, found.fees) == ({"HT": D(7), "GT": D(5)}, D(0))
    assert found.profit == 0


def test_a_fee_in_the_base_is_worth_the_fills_own_price() -> None:
    spot = instrument("BTC", market="spot")
    made = lots()
    made.fill(spot, fill(1, "buy", "2", "100", rules=spot, fee=D("0.01"), fee_currency="BTC"), "a", "")
    made.fill(spot, fill(2, "sell", "1", "120", rules=spot, fee=D("0.01"), fee_currency="BTC"), "b", "")
    assert made.outcomes({})["a"].fees == D("1.0") + D("1.2")
