"""Plans of parts: they add up, none is too small, and the same plan has the same ids."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.services.execution.slicing import _least, chase, child, iceberg, part_now, quantities

D = Decimal
BTC = Instrument(
    id=InstrumentId("binance", "um", "BTC-USDT-PERP"), venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT",
    tick_size=D("0.1"), lot_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(100),
)  # fmt: skip
PRICE = D(50_000)


def parent(quantity: str = "1", *, side: str = "buy", until: int = 0, post_only: bool = False) -> Intent:
    kind = {"type": "limit", "limit_price": PRICE, "post_only": True} if post_only else {}
    terms = OrderTerms(account="main", instrument=BTC.id, side=side, quantity=D(quantity), **kind)  # type: ignore[arg-type]
    return Intent(intent_id="p1", terms=terms, deployment="d1", valid_until_ns=until, tag="exit")


def spread(total: str, *weights: float, price: Decimal = PRICE) -> list[tuple[int, Decimal]]:
    return quantities(D(total), BTC, price=price, weights=[D(str(weight)) for weight in weights])


def test_equal_weights_make_equal_parts_and_the_last_takes_what_rounding_left() -> None:
    assert spread("1", 1, 1, 1, 1) == [(place, D("0.25")) for place in range(4)]
    assert spread("1", 1, 1, 1) == [(0, D("0.333")), (1, D("0.333")), (2, D("0.334"))]
    assert spread("1", 1, 0, 3) == [(0, D("0.25")), (2, D("0.75"))]


def test_parts_that_would_be_too_small_go_with_the_next() -> None:
    assert spread("0.005", 1, 1, 1, 1, 1) == [(1, D("0.002")), (4, D("0.003"))], "100 USDT is 0.002 BTC"
    assert spread("0.001", 1, 1, 1, 1, 1) == [(4, D("0.001"))], "what is too small as a whole is refused by others, not lost here"


@given(
    st.integers(1, 5_000),
    st.lists(st.floats(0, 10).map(lambda value: round(value, 3)), min_size=1, max_size=30),
    st.integers(1_000, 90_000),
)
def test_parts_add_up_and_none_is_too_small(lots: int, profile: list[float], price: int) -> None:
    if not any(profile):
        return
    whole = D(lots) / 1_000
    plan = spread(str(whole), *profile, price=D(price))
    parts = [quantity for _, quantity in plan]
    assert sum(parts, D(0)) == whole
    assert all(quantity % BTC.lot_size == 0 for quantity in parts)
    if len(plan) > 1:
        assert all(BTC.notional(D(price), quantity) >= BTC.min_notional for quantity in parts)
    assert [place for place, _ in plan] == sorted({place for place, _ in plan})


def test_an_iceberg_shows_no_more_than_asked_until_it_is_whole() -> None:
    order, filled, shown = parent("1"), D(0), list[Decimal]()
    while (part := iceberg(order, shown=D("0.3"), filled=filled, number=len(shown), now_ns=1)) is not None:
        shown.append(part.terms.quantity)
        filled += part.terms.quantity
    assert shown == [D("0.3"), D("0.3"), D("0.3"), D("0.1")]
    with pytest.raises(InvalidValue, match="shown"):
        iceberg(order, shown=D(0), filled=D(0), number=0, now_ns=1)


@pytest.mark.parametrize(
    ("side", "touch", "limit", "price"),
    [
        ("buy", "49990.07", "50000", "49990.0"),
        ("buy", "50000.1", "50000", None),
        ("sell", "50010.02", "50000", "50010.1"),
        ("sell", "49999.9", "50000", None),
    ],
)
def test_a_chase_follows_the_touch_and_never_goes_beyond(side: str, touch: str, limit: str, price: str | None) -> None:
    made = chase(parent(side=side, post_only=True), BTC, touch=D(touch), limit=D(limit), number=2, left=D("0.4"), now_ns=1)
    if price is None:
        assert made is None
    else:
        assert made is not None
        assert (made.terms.limit_price, made.terms.quantity, made.terms.post_only) == (D(price), D("0.4"), True)


def test_the_figures_of_a_part() -> None:
    whole = parent(until=50)
    made = child(whole, 3, D("0.2"), now_ns=7, until_ns=40)
    assert (made.created_ns, made.valid_until_ns, made.terms.quantity) == (7, 40, D("0.2"))
    assert (made.parent, made.causation_id, made.purpose) == ("p1", "p1", "algorithm")
    assert child(whole, 3, D("0.2"), now_ns=7, until_ns=60).valid_until_ns == 50
    assert child(parent(), 3, D("0.2"), now_ns=7, until_ns=60).valid_until_ns == 60
    assert (
        made.intent_id
        == child(whole, 3, D("0.3"), now_ns=9, until_ns=1).intent_id
        != child(whole, 4, D(1), now_ns=7, until_ns=40).intent_id
    )


def test_what_is_left_is_spread_over_the_times_that_are_left() -> None:
    def now(left: str, *weights: int) -> Decimal:
        return part_now(D(left), BTC, price=PRICE, weights=[D(weight) for weight in weights])

    assert now("0.9", 1, 1, 1) == D("0.3")
    assert now("0.9", 0, 1, 1) == 0, "nothing goes in this one"
    assert now("0.9", 0, 0) == D("0.9"), "no time is left that has a share: all of it goes"
    assert now("0.003", 1, 1, 1) == 0, "0.001 is 50 USDT, of which the venue takes none"
    assert now("0.004", 1, 1) == D("0.002")
    assert now("0.003", 1) == D("0.003")


def test_no_part_leaves_less_than_the_venue_takes() -> None:
    assert spread("0.004", 1, 1) == [(0, D("0.002")), (1, D("0.002"))], "the least is 0.002"
    assert spread("0.005", 4, 1) == [(1, D("0.005"))], "0.004 would leave 0.001"
    assert spread("0.006", 2, 1) == [(0, D("0.004")), (1, D("0.002"))]
    assert spread("0.001", 1, 1) == [(1, D("0.001"))]
    assert spread("0.010", 1, 0, 1) == [(0, D("0.005")), (2, D("0.005"))]


def test_the_least_is_by_value_by_quantity_and_by_step() -> None:
    def least(price: str, **changes: Decimal) -> Decimal:
        return _least(structs.replace(BTC, **changes), D(price))

    assert least("50000") == D("0.002")
    assert least("49999") == D("0.003"), "0.002 would be worth less than 100"
    assert least("50000", min_quantity=D(1)) == D(1)
    assert least("50000", min_quantity=D(0), min_notional=D(0)) == D("0.001")


@pytest.mark.parametrize("left", ["0", "-0.1"])
def test_of_what_is_whole_nothing_more_goes(left: str) -> None:
    assert chase(parent(), BTC, touch=PRICE, limit=PRICE, number=0, left=D(left), now_ns=1) is None
    assert iceberg(parent(), shown=D("0.3"), filled=1 - D(left), number=4, now_ns=1) is None


@pytest.mark.parametrize("shown", ["0", "-1"])
def test_an_iceberg_shows_something(shown: str) -> None:
    with pytest.raises(InvalidValue, match="shown"):
        iceberg(parent(), shown=D(shown), filled=D(0), number=0, now_ns=1)
    part = iceberg(parent(until=9), shown=D("0.0005"), filled=D(0), number=2, now_ns=1)
    assert part is not None
    assert (part.terms.quantity, part.created_ns, part.valid_until_ns) == (D("0.0005"), 1, 9)
