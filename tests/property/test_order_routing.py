"""Routing by cost: the cheapest of those that can take it, whatever order they come in, and never a costlier one."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.execution_rig import RULES

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.services.execution.routing import (
    NO_QUOTE,
    UNKNOWN_FEE,
    Candidate,
    Offer,
    RouteWish,
    Touch,
    nothing_takes,
    rank,
    refusal,
    same_thing,
    sentence_of,
)

D = Decimal
LISTED = msgspec.structs.replace(
    RULES, tick_size=D("0.1"), lot_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5), status="trading"
)


def touch(bid: str = "99.9", ask: str = "100.1", size: str = "50") -> Touch:
    return Touch(bid=D(bid), ask=D(ask), bid_quantity=D(size), ask_quantity=D(size))


def candidate(name: str = "a", **changes: Any) -> Candidate:
    rules = LISTED if "rules" not in changes else changes.pop("rules")
    known: dict[str, Any] = {"free": D(1_000_000), "maker": D("0.0002"), "taker": D("0.0005"), "touch": touch(), "last": D(100)}
    return Candidate(account=name, instrument=rules, **(known | changes))


def wish(side: str = "buy", quantity: str = "1", **changes: Any) -> RouteWish:
    return RouteWish(side=side, quantity=D(quantity), **changes)  # type: ignore[arg-type]


prices = st.integers(900, 1_100).map(lambda ticks: D(ticks) / 10)
rates = st.none() | st.integers(-2, 30).map(lambda bps: D(bps) / 10_000)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Some accounts, of which little, much or all is known."""
    made = []
    for number in range(draw(st.integers(0, 6))):
        bid, spread, size = draw(prices), draw(st.integers(1, 20)), draw(st.integers(0, 5_000))
        quote = Touch(bid=bid, ask=bid + D(spread) / 10, bid_quantity=D(size) / 100, ask_quantity=D(size) / 50)
        made.append(
            candidate(
                f"account-{number}",
                enabled=draw(st.integers(0, 9)) > 0,
                ready=draw(st.integers(0, 9)) > 0,
                free=draw(st.none() | st.integers(0, 3_000).map(D)),
                maker=draw(rates),
                taker=draw(rates),
                touch=draw(st.none() | st.just(quote)),
                last=draw(st.none() | prices),
            )
        )
    return made


wishes = st.builds(
    RouteWish,
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.integers(0, 20_000).map(lambda lots: D(lots + 1) / 1_000),
    type=st.just("limit"),
    limit_price=prices,
    post_only=st.booleans(),
) | st.builds(RouteWish, side=st.sampled_from(["buy", "sell"]), quantity=st.integers(1, 20_000).map(lambda lots: D(lots) / 1_000))


@given(wishes, candidates(), st.randoms(use_true_random=False))
def test_the_choice_is_the_cheapest_and_does_not_hang_on_the_order(
    asked: RouteWish, found: list[Candidate], chance: random.Random
) -> None:
    offers = rank(asked, found)
    assert sorted(offer.account for offer in offers) == [item.account for item in found], "each is told of"
    able = [offer for offer in offers if offer.takes]
    assert offers[: len(able)] == able, "those that cannot take it come last"
    assert [offer.cost for offer in able] == sorted(offer.cost for offer in able)
    assert {offer.account for offer in able} == {item.account for item in found if not refusal(asked, item)}
    for offer in able:
        assert offer.cost == offer.price + offer.spread + offer.impact + offer.fee
        assert min(offer.price, offer.spread, offer.impact) >= 0
    again = list(found)
    chance.shuffle(again)
    assert rank(asked, again) == offers


@given(wishes, candidates())
def test_a_costlier_one_never_takes_the_place_of_the_first(asked: RouteWish, found: list[Candidate]) -> None:
    before = [offer for offer in rank(asked, found) if offer.takes]
    if not before:
        return
    best = next(item for item in found if item.account == before[0].account)
    worse = msgspec.structs.replace(best, account="0-first-by-name", **{
        name: (UNKNOWN_FEE if (rate := getattr(best, name)) is None else rate) + D("0.0001") for name in ("maker", "taker")
    })  # fmt: skip
    after = rank(asked, [*found, worse])
    assert after[0].account == best.account


@given(wishes, candidates())
def test_knowing_less_is_never_an_advantage(asked: RouteWish, found: list[Candidate]) -> None:
    for item in found:
        if item.maker is None or item.taker is None or refusal(asked, item):
            continue
        (known,) = rank(asked, [item])
        (unread,) = rank(asked, [msgspec.structs.replace(item, maker=None, taker=None, free=D(10**9))])
        if max(item.maker, item.taker) <= UNKNOWN_FEE:
            assert unread.cost >= known.cost


def only(asked: RouteWish, **changes: Any) -> Offer:
    (offer,) = rank(asked, [candidate(**changes)])
    return offer


def test_what_an_order_costs_and_why() -> None:
    offers = rank(wish(), [candidate("near"), candidate("far", taker=D("0.0001"), touch=touch("100.4", "100.6"))])
    assert [offer.account for offer in offers] == ["near", "far"]
    near, far = offers
    assert (near.fee, near.spread, near.impact, near.price) == (D("0.0005"), D("0.001"), D(0), D(0))
    assert (near.cost, near.amount, near.currency) == (D("0.0015"), D("0.15"), "USDT")
    assert (far.price, far.cost) == (D("0.005"), D("0.0061")), "the lower fee does not make up for the higher price"
    assert sentence_of(near) == "0.15 % in all (fee 0.05 %, half the spread 0.1 %)"
    assert sentence_of(far).endswith("a worse price 0.5 %)")
    sold = rank(wish("sell"), [candidate("near"), candidate("far", taker=D("0.0001"), touch=touch("100.4", "100.6"))])
    assert [offer.account for offer in sold] == ["far", "near"], "who sells looks for the higher price"


def test_a_large_order_pays_for_its_size() -> None:
    assert only(wish(quantity="50")).impact == 0
    assert only(wish(quantity="150")).impact == D("0.002"), "three times what rests: one spread further on average"
    uneven = Touch(bid=D("99.9"), ask=D("100.1"), bid_quantity=D(10), ask_quantity=D(50))
    bought, sold = only(wish(quantity="50"), touch=uneven), only(wish("sell", quantity="50"), touch=uneven)
    assert (bought.impact, sold.impact) == (D(0), D("0.004")), "who buys takes what is asked, who sells what is bid"
    assert only(wish(), touch=touch(size="0")).impact == D("0.001")
    assert "what rests at its best price is not known" in sentence_of(only(wish(), touch=touch(size="0")))


def test_what_rests_pays_the_makers_fee_alone_and_what_crosses_the_takers() -> None:
    rests, crosses = wish(type="limit", limit_price=D(99)), wish(type="limit", limit_price=D("100.1"))
    assert only(rests).cost == D("0.0002")
    assert only(crosses).cost == D("0.0015")
    assert only(wish("sell", type="limit", limit_price=D("99.9"))).fee == D("0.0005")
    assert not only(wish(type="limit", limit_price=D("100.1"), post_only=True)).takes
    assert only(wish(type="limit", limit_price=D(100), post_only=True)).cost == D("0.0002")


def test_what_is_not_known_is_assumed_to_its_disadvantage_and_said() -> None:
    offer = only(wish(), touch=None, maker=None, taker=None)
    assert (offer.spread, offer.fee) == (NO_QUOTE, UNKNOWN_FEE)
    assert "no quote came lately" in sentence_of(offer)
    assert "never read" in sentence_of(offer)


@pytest.mark.parametrize(
    ("asked", "changes", "why"),
    [
        (wish(), {"enabled": False}, "switched off"),
        (wish(), {"ready": False}, "not reconciled"),
        (wish(), {"touch": None, "last": None}, "no price"),
        (wish(quantity="0.0015"), {}, "no multiple of its lot, 0.001"),
        (wish(type="limit", limit_price=D("99.95")), {}, "no multiple of its tick, 0.1"),
        (wish(quantity="0.001"), {"rules": msgspec.structs.replace(LISTED, min_quantity=D("0.01"))}, "least quantity, 0.01"),
        (wish(quantity="0.049"), {}, "is less than its least, 5"),
        (wish(), {"free": None}, "is not known"),
        (wish(), {"free": D("100.1")}, "it has 100.1 USDT free and needs 100.15005, without leverage"),
        (wish(), {"rules": msgspec.structs.replace(LISTED, status="break")}, "is break there"),
    ],
)
def test_who_cannot_take_it_says_why(asked: RouteWish, changes: dict[str, Any], why: str) -> None:
    offer = only(asked, **changes)
    assert not offer.takes
    assert why in offer.refusal
    assert nothing_takes([offer]) == f"no account can take it: a: {offer.refusal}"


def test_a_spot_sale_needs_the_coin_and_a_purchase_the_money() -> None:
    spot = msgspec.structs.replace(LISTED, id=InstrumentId("binance", "spot", "BTC-USDT"))
    assert only(wish("sell"), rules=spot, free=D(1)).takes
    assert "needs 1, without" in only(wish("sell"), rules=spot, free=D("0.9")).refusal
    assert "100.15005" in only(wish("buy"), rules=spot, free=D(1)).refusal


def test_the_same_thing_at_another_venue() -> None:
    def other(**changes: Any) -> Instrument:
        return msgspec.structs.replace(LISTED, **changes)

    assert same_thing(LISTED, other(id=InstrumentId("okx", "um", "BTC-USDT-PERP"), lot_size=D("0.01")))
    for differing in (
        other(id=InstrumentId("okx", "spot", "BTC-USDT")),
        other(id=InstrumentId("okx", "um", "BTC-USDT-260925")),
        other(base="ETH"),
        other(quote="USDC"),
        other(settle="USDC"),
        other(contract_size=D(100)),
        other(inverse=True),
    ):
        assert not same_thing(LISTED, differing)
