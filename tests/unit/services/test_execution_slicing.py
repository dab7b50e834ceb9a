"""Plans of parts: they add up, none is too small, and the same plan has the same ids."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.services.execution.slicing import chase, iceberg, twap, vwap

D = Decimal
BTC = Instrument(
    id=InstrumentId("binance", "um", "BTC-USDT-PERP"), venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT",
    tick_size=D("0.1"), lot_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(100),
)  # fmt: skip
PRICE = D(50_000)
HOUR = 3_600_000_000_000


def parent(quantity: str = "1", *, side: str = "buy", until: int = 0, post_only: bool = False) -> Intent:
    kind = {"type": "limit", "limit_price": PRICE, "post_only": True} if post_only else {}
    terms = OrderTerms(account="main", instrument=BTC.id, side=side, quantity=D(quantity), **kind)  # type: ignore[arg-type]
    return Intent(intent_id="p1", terms=terms, deployment="d1", valid_until_ns=until, tag="exit")


def test_twap_is_even_and_on_time() -> None:
    plan = twap(parent(), BTC, price=PRICE, slices=4, start_ns=100, duration_ns=HOUR)
    assert [part.intent.terms.quantity for part in plan] == [D("0.25")] * 4
    assert [part.due_ns for part in plan] == [100 + number * HOUR // 4 for number in range(4)]
    assert [part.intent.valid_until_ns for part in plan] == [100 + (number + 1) * HOUR // 4 for number in range(4)]
    assert {(part.intent.parent, part.intent.purpose, part.intent.tag) for part in plan} == {("p1", "algorithm", "exit")}
    assert len({part.intent.client_id for part in plan}) == 4
    assert plan == twap(parent(), BTC, price=PRICE, slices=4, start_ns=100, duration_ns=HOUR)


def test_a_part_ends_with_its_parent() -> None:
    plan = twap(parent(until=HOUR // 3), BTC, price=PRICE, slices=2, start_ns=0, duration_ns=HOUR)
    assert [part.intent.valid_until_ns for part in plan] == [HOUR // 3, HOUR // 3]


def test_vwap_follows_the_profile() -> None:
    plan = vwap(parent(), BTC, price=PRICE, profile=[1, 0, 3], start_ns=0, duration_ns=3)
    assert [(part.due_ns, part.intent.terms.quantity) for part in plan] == [(0, D("0.25")), (2, D("0.75"))]


def test_parts_that_would_be_too_small_go_with_the_next() -> None:
    plan = twap(parent("0.005"), BTC, price=PRICE, slices=5, start_ns=0, duration_ns=5)
    assert [part.intent.terms.quantity for part in plan] == [D("0.002"), D("0.003")], "100 USDT is 0.002 BTC"
    (one,) = twap(parent("0.001"), BTC, price=PRICE, slices=5, start_ns=0, duration_ns=5)
    assert one.intent.terms.quantity == D("0.001"), "what is too small as a whole is refused by others, not lost here"


@given(
    st.integers(1, 5_000),
    st.lists(st.floats(0, 10).map(lambda value: round(value, 3)), min_size=1, max_size=30),
    st.integers(1_000, 90_000),
)
def test_parts_add_up_and_none_is_too_small(lots: int, profile: list[float], price: int) -> None:
    if not any(profile):
        return
    whole = D(lots) / 1_000
    plan = vwap(parent(str(whole)), BTC, price=D(price), profile=profile, start_ns=0, duration_ns=HOUR)
    quantities = [part.intent.terms.quantity for part in plan]
    assert sum(quantities, D(0)) == whole
    assert all(quantity % BTC.lot_size == 0 for quantity in quantities)
    if len(plan) > 1:
        assert all(BTC.notional(D(price), quantity) >= BTC.min_notional for quantity in quantities)
    assert [part.due_ns for part in plan] == sorted(part.due_ns for part in plan)


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


@pytest.mark.parametrize("profile", [[], [0.0, 0.0], [1.0, -1.0], [float("nan")]])
def test_a_profile_that_says_nothing_is_refused(profile: list[float]) -> None:
    with pytest.raises(InvalidValue, match="profile"):
        vwap(parent(), BTC, price=PRICE, profile=profile, start_ns=0, duration_ns=1)
