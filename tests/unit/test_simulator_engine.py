"""The venue's matching engine: priority, time in force, stops, self-trades, money that is neither made nor lost, liquidation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantservice.core.margin import Bracket, BracketTable, maintenance_amounts
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.trading import (
    AccountEvent,
    Engine,
    FillEvent,
    Kind,
    OrderEvent,
    Reject,
    SimOrder,
    Status,
    Symbol,
    Ticket,
)

D = Decimal
_TIERS = [(D(0), D("0.004")), (D(50_000), D("0.005")), (D(250_000), D("0.01"))]
_CUMS = maintenance_amounts(_TIERS)
BRACKETS = BracketTable(
    tuple(
        Bracket(floor=floor, cap=cap, maintenance_rate=rate, max_leverage=D(50), cum=cum)
        for (floor, rate), cap, cum in zip(_TIERS, (D(50_000), D(250_000), D(10**9)), _CUMS, strict=True)
    )
)
UM = Symbol(
    name="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick=D("0.1"), lot=D("0.001"), min_notional=D(5), brackets=BRACKETS
)
SPOT = Symbol(
    name="ETHUSDT", base="ETH", quote="USDT", settle="USDT", tick=D("0.01"), lot=D("0.0001"), min_notional=D(5), spot=True,
    maker_fee=D("0.001"), taker_fee=D("0.001"),
)  # fmt: skip
CM = Symbol(
    name="BTCUSD_PERP", base="BTC", quote="USD", settle="BTC", tick=D("0.1"), lot=D(1), contract_size=D(100), inverse=True,
    brackets=BracketTable((Bracket(floor=D(0), cap=D(10**9), maintenance_rate=D("0.004"), max_leverage=D(50), cum=D(0)),)),
)  # fmt: skip


class Venue:
    def __init__(self) -> None:
        self.engine, self.now, self.events = Engine(), 1_000, list[AccountEvent]()
        for symbol in (UM, SPOT, CM):
            self.engine.list_symbol(symbol)
        self.engine.listen(self.events.append)
        for name in ("a", "b"):
            self.engine.transfer(name, "USDT", D(100_000), self.now)
            self.engine.transfer(name, "ETH", D(10), self.now)
            self.engine.transfer(name, "BTC", D(10), self.now)
        self.show()
        self.engine.show("ETHUSDT", [(D("1999.00"), D(5))], [(D("2001.00"), D(5))], self.now)
        self.engine.show("BTCUSD_PERP", [(D("49999"), D(100))], [(D("50001"), D(100))], self.now)

    def show(self, bid: str = "49999", ask: str = "50001", size: str = "1") -> None:
        self.engine.show(
            "BTCUSDT",
            [(D(bid), D(size)), (D(bid) - 10, D(size))],
            [(D(ask), D(size)), (D(ask) + 10, D(size))],
            self.now,
        )

    def order(self, account: str, side: str, quantity: str, price: str | None = None, **more: Any) -> SimOrder:
        self.now += 1
        kind = more.pop("kind", Kind.MARKET if price is None else Kind.LIMIT)
        ticket = Ticket(
            symbol=more.pop("symbol", "BTCUSDT"),
            side=side,  # type: ignore[arg-type]
            kind=kind,
            quantity=D(quantity),
            price=None if price is None else D(price),
            **more,
        )
        return self.engine.submit(account, ticket, self.now)

    def fills(self, order: SimOrder) -> list[tuple[Decimal, Decimal, bool]]:
        return [(f.price, f.quantity, f.maker) for f in self.engine.state.fills if f.order.order_id == order.order_id]


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_a_market_order_walks_the_levels_and_ends_when_they_are_gone(venue: Venue) -> None:
    order = venue.order("a", "buy", "2.5")
    assert venue.fills(order) == [(D(50001), D(1), False), (D(50011), D(1), False)]
    assert (order.status, order.reason) == (Status.EXPIRED, "no_liquidity")
    again = venue.order("a", "buy", "0.1", "50001")
    assert again.status is Status.NEW  # what was taken is gone until the market shows it anew


def test_price_goes_before_time_and_time_before_size(venue: Venue) -> None:
    early = venue.order("a", "sell", "1", "50000.5")
    late = venue.order("a", "sell", "5", "50000.5")
    better = venue.order("a", "sell", "1", "50000")
    taker = venue.order("b", "buy", "2.5", "50001")
    assert [price for price, _, _ in venue.fills(taker)] == [D(50000), D("50000.5"), D("50000.5")]
    assert (better.status, early.status) == (Status.FILLED, Status.FILLED)
    assert late.filled == D("0.5")


def test_resting_orders_wait_behind_what_stood_there_before(venue: Venue) -> None:
    order = venue.order("a", "buy", "1", "49999")
    venue.engine.trade("BTCUSDT", D(49999), D("0.8"), buyer_is_maker=True, now_ms=venue.now)
    assert order.filled == 0
    venue.engine.trade("BTCUSDT", D(49999), D("0.5"), buyer_is_maker=True, now_ms=venue.now)
    assert order.filled == D("0.3")
    venue.engine.trade("BTCUSDT", D("49998.9"), D("0.001"), buyer_is_maker=True, now_ms=venue.now)
    assert order.status is Status.FILLED
    assert all(maker for _, _, maker in venue.fills(order))


@pytest.mark.parametrize(
    ("more", "price", "quantity", "status", "filled"),
    [
        ({"tif": "IOC"}, "50001", "3", Status.EXPIRED, "1"),
        ({"tif": "FOK"}, "50001", "3", Status.EXPIRED, "0"),
        ({"tif": "FOK"}, "50011", "2", Status.FILLED, "2"),
        ({"tif": "GTX", "post_only": True}, "50001", "1", Status.EXPIRED, "0"),
        ({"tif": "GTX", "post_only": True}, "50000", "1", Status.NEW, "0"),
        ({}, "50001", "3", Status.PARTIALLY_FILLED, "1"),
    ],
)
def test_time_in_force(venue: Venue, more: dict[str, Any], price: str, quantity: str, status: Status, filled: str) -> None:
    order = venue.order("a", "buy", quantity, price, **more)
    assert (order.status, order.filled) == (status, D(filled))


def test_gtd_ends_at_its_time(venue: Venue) -> None:
    order = venue.order("a", "buy", "1", "49000", tif="GTD", expire_ms=5_000)
    venue.engine.expire_due(4_999)
    assert order.live
    venue.engine.expire_due(5_000)
    assert (order.status, order.reason) == (Status.EXPIRED, "gtd")


@pytest.mark.parametrize(
    ("rule", "maker", "taker"),
    [
        ("EXPIRE_MAKER", Status.EXPIRED, Status.NEW),
        ("EXPIRE_TAKER", Status.NEW, Status.EXPIRED),
        ("EXPIRE_BOTH", Status.EXPIRED, Status.EXPIRED),
        ("NONE", Status.FILLED, Status.FILLED),
    ],
)
def test_an_account_does_not_trade_with_itself(venue: Venue, rule: str, maker: Status, taker: Status) -> None:
    mine = venue.order("a", "sell", "1", "50000")
    other = venue.order("a", "buy", "1", "50000", self_trade=rule)
    assert (mine.status, other.status) == (maker, taker)


def test_stops_trigger_by_the_last_trade_and_trailing_ones_follow_it(venue: Venue) -> None:
    venue.order("a", "buy", "1")
    stop = venue.order("a", "sell", "0.4", kind=Kind.STOP_MARKET, stop_price=D(49500), reduce_only=True)
    trail = venue.order("a", "sell", "0.3", kind=Kind.TRAILING_STOP_MARKET, callback=D("0.01"), reduce_only=True)
    profit = venue.order("a", "sell", "0.3", kind=Kind.TAKE_PROFIT_MARKET, stop_price=D(51000), reduce_only=True)
    venue.show("50999", "51001")
    venue.engine.trade("BTCUSDT", D(51000), D("0.1"), buyer_is_maker=False, now_ms=venue.now)
    assert (profit.status, trail.status, stop.status) == (Status.FILLED, Status.WAITING, Status.WAITING)
    venue.show("50400", "50402")
    venue.engine.trade("BTCUSDT", D(50490), D("0.1"), buyer_is_maker=True, now_ms=venue.now)
    assert (trail.status, stop.status) == (Status.FILLED, Status.WAITING)
    venue.engine.trade("BTCUSDT", D(49500), D("0.1"), buyer_is_maker=True, now_ms=venue.now)
    assert stop.status is Status.FILLED
    assert venue.engine.account("a").position(UM).quantity == 0
    with pytest.raises(Reject, match="would_trigger"):
        venue.order("a", "buy", "0.1", kind=Kind.STOP_MARKET, stop_price=D(40000))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": D("50000.05")}, "price_tick"),
        ({"quantity": D("0.0005")}, "quantity_lot"),
        ({"quantity": D("0.001"), "price": D("1000")}, "price_band"),
        ({"quantity": D(100)}, "insufficient_margin"),
        ({"price": None}, "missing_parameter"),
        ({"symbol": "NOPE"}, "unknown_symbol"),
        ({"position_side": "long"}, "position_side_mismatch"),
        ({"reduce_only": True}, "reduce_only_rejected"),
        ({"client_id": "taken"}, "duplicate_client_id"),
        ({"tif": "GTD"}, "missing_parameter"),
    ],
)
def test_refusals_change_nothing(venue: Venue, change: dict[str, Any], reason: str) -> None:
    venue.order("a", "buy", "0.1", "49000", client_id="taken")
    events, wallets = len(venue.events), dict(venue.engine.account("a").wallets)
    terms: dict[str, Any] = {"symbol": "BTCUSDT", "side": "buy", "kind": Kind.LIMIT, "quantity": D("0.1"), "price": D(49000)}
    with pytest.raises(Reject) as refused:
        venue.engine.submit("a", Ticket(**terms | change), venue.now)
    assert refused.value.reason == reason
    assert len(venue.events) == events
    assert dict(venue.engine.account("a").wallets) == wallets


def test_a_client_id_is_free_again_once_its_order_has_ended(venue: Venue) -> None:
    first = venue.order("a", "buy", "0.1", client_id="same")
    second = venue.order("a", "buy", "0.1", client_id="same")  # the venue's own rule: an id is no idempotency key
    assert first.status is second.status is Status.FILLED
    assert venue.engine.find("a", client_id="same") is second
    strict = Engine(client_ids="unique_ever")
    strict.list_symbol(UM)
    strict.transfer("a", "USDT", D(10_000), 1)
    strict.show("BTCUSDT", [(D(1), D(1))], [(D(50001), D(5))], 1)
    ticket = Ticket(symbol="BTCUSDT", side="buy", kind=Kind.MARKET, quantity=D("0.1"), client_id="same")
    strict.submit("a", ticket, 2)
    with pytest.raises(Reject, match="duplicate_client_id"):
        strict.submit("a", ticket, 3)


def test_amending_loses_the_place_and_keeps_what_is_filled(venue: Venue) -> None:
    first, second = venue.order("a", "sell", "1", "50000.5"), venue.order("a", "sell", "1", "50000.5")
    venue.engine.amend("a", first.order_id, venue.now, price=D("50000.5"), quantity=D("0.6"))
    venue.order("b", "buy", "1", "50000.5")
    assert (second.status, first.status) == (Status.FILLED, Status.NEW)
    venue.order("b", "buy", "0.2", "50000.5")
    venue.engine.amend("a", first.order_id, venue.now, price=D("50000.5"), quantity=D("0.2"))
    assert (first.status, first.filled) == (Status.CANCELED, D("0.2"))


def test_spot_exchanges_both_currencies_and_takes_its_fee_of_what_is_received(venue: Venue) -> None:
    venue.order("a", "buy", "2", symbol="ETHUSDT")
    wallets = venue.engine.account("a").wallets
    assert wallets["ETH"] == D(12) - D(2) * D("0.001")
    assert wallets["USDT"] == D(100_000) - D(2) * D(2001)
    with pytest.raises(Reject, match="insufficient_balance"):
        venue.order("a", "sell", "12", "1999", symbol="ETHUSDT")
    venue.order("a", "sell", "11", "2500", symbol="ETHUSDT")
    with pytest.raises(Reject, match="insufficient_balance"):
        venue.order("a", "sell", "1", "2500", symbol="ETHUSDT")  # held back by the order before


def test_profit_fees_and_funding_of_a_linear_position(venue: Venue) -> None:
    venue.order("a", "buy", "1", "50001")
    venue.show("50500", "50502")
    venue.engine.settle_funding("BTCUSDT", D("0.0001"), venue.now)
    venue.order("a", "sell", "1", "50500")
    fees = (D(50001) + D(50500)) * D("0.0005")
    funding = D("0.0001") * D(50001)  # at the last trade: no mark was set
    assert venue.engine.account("a").wallet("USDT") == D(100_000) + D(499) - fees - funding


def test_profit_of_an_inverse_position_is_in_coin(venue: Venue) -> None:
    venue.order("a", "buy", "10", symbol="BTCUSD_PERP")
    venue.engine.show("BTCUSD_PERP", [(D(60000), D(100))], [(D(60001), D(100))], venue.now)
    venue.order("a", "sell", "10", symbol="BTCUSD_PERP")
    profit = D(1000) / D(50001) - D(1000) / D(60000)
    fees = D("0.0005") * (D(1000) / D(50001) + D(1000) / D(60000))
    assert abs(venue.engine.account("a").wallet("BTC") - (D(10) + profit - fees)) <= D("2e-8")


def test_liquidation_at_the_price_that_core_computes(venue: Venue) -> None:
    poor = venue.engine
    poor.transfer("c", "USDT", D(2_600), venue.now)
    poor.account("c").leverages["BTCUSDT"] = 20
    venue.order("c", "buy", "1", "50001")
    open_order = venue.order("c", "buy", "0.001", "49000")
    wallet = poor.account("c").wallet("USDT")
    # wallet + (p - 50001) = 0.004 p (first tier, cum 0) -> p
    price = (D(50001) - wallet) / (D(1) - D("0.004"))
    poor.set_mark("BTCUSDT", (price + 1).quantize(D("0.1")), venue.now)
    assert poor.account("c").position(UM).quantity == 1
    poor.set_mark("BTCUSDT", (price - 1).quantize(D("0.1")), venue.now)
    assert poor.account("c").position(UM).quantity == 0
    assert open_order.status is Status.CANCELED
    closing = poor.state.fills[-1]
    assert (closing.kind, closing.order.ticket.client_id.startswith("autoclose-")) == ("liquidation", True)
    assert poor.audit() == []


def test_hedge_mode_keeps_two_legs(venue: Venue) -> None:
    venue.engine.account("a").hedge = True
    venue.order("a", "buy", "0.5", position_side="long")
    venue.order("a", "sell", "0.3", position_side="short")
    account = venue.engine.account("a")
    assert (account.position(UM, "long").quantity, account.position(UM, "short").quantity) == (D("0.5"), D("-0.3"))
    with pytest.raises(Reject, match="reduce_only_rejected"):
        venue.order("a", "sell", "0.6", position_side="long")


_ACTION = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["limit", "market", "stop", "cancel", "cancel_all", "trade", "show", "mark", "funding", "amend"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 3_000),
    st.integers(-400, 400),
    st.sampled_from(["BTCUSDT", "ETHUSDT", "BTCUSD_PERP"]),
    st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ACTION, min_size=20, max_size=120))
def test_whatever_happens_the_books_hold(actions: list[Any]) -> None:
    venue = Venue()
    brought = {currency: D(amount) * 2 for currency, amount in (("USDT", 100_000), ("ETH", 10), ("BTC", 10))}
    for action in actions:
        _do(venue, *action)
    engine = venue.engine
    assert engine.audit() == []
    for order in engine.state.orders.values():
        assert D(0) <= order.filled <= order.quantity
        assert (order.status is Status.FILLED) == (order.filled == order.quantity)
    at_venue = dict.fromkeys(brought, D(0))
    for account in engine.state.accounts.values():
        for entry in account.journal:
            for posting in entry.postings:
                if posting.account != "wallet" and not posting.account.startswith("outside"):
                    at_venue[posting.currency] += posting.amount
    for currency, amount in brought.items():
        held = sum((account.wallet(currency) for account in engine.state.accounts.values()), D(0))
        assert held + at_venue[currency] == amount
    numbers = [event.sequence for event in venue.events]
    assert numbers == sorted(set(numbers))
    told = {event.order.order_id for event in venue.events if isinstance(event, OrderEvent | FillEvent)}
    assert told == set(engine.state.orders)


def _do(venue: Venue, account: str, what: str, side: str, size: int, offset: int, name: str, tif: str) -> None:
    engine, state = venue.engine, venue.engine.state
    symbol, middle = state.symbols[name], {"BTCUSDT": 50_000, "ETHUSDT": 2_000, "BTCUSD_PERP": 50_000}[name]
    price = (D(middle) * (1 + D(offset) / 2_000) / symbol.tick).to_integral_value() * symbol.tick
    quantity = symbol.lot * size
    venue.now += 7
    mine = list(state.live(account))
    acts: dict[str, Callable[[], object]] = {
        "limit": lambda: venue.order(account, side, str(quantity), str(price), symbol=name, tif=tif, post_only=tif == "GTX"),
        "market": lambda: venue.order(account, side, str(quantity), symbol=name),
        "stop": lambda: venue.order(account, side, str(quantity), symbol=name, kind=Kind.STOP_MARKET, stop_price=price),
        "cancel": lambda: engine.cancel(account, venue.now, order_id=mine[size % len(mine)].order_id) if mine else None,
        "cancel_all": lambda: engine.cancel_all(account, venue.now, symbol=name),
        "amend": lambda: (
            engine.amend(account, mine[size % len(mine)].order_id, venue.now, price=price, quantity=quantity) if mine else None
        ),
        "trade": lambda: engine.trade(name, price, quantity, buyer_is_maker=side == "buy", now_ms=venue.now),
        "show": lambda: engine.show(name, [(price - symbol.tick, quantity)], [(price + symbol.tick, quantity)], venue.now),
        "mark": lambda: engine.set_mark(name, price, venue.now),
        "funding": lambda: None if symbol.spot else engine.settle_funding(name, D(offset) / 100_000, venue.now),
    }
    try:
        acts[what]()
    except Reject:
        return


def test_a_fault_that_is_looked_at_is_not_used_up() -> None:
    script = FaultScript()
    script.add(Fault(kind="maintenance", market="um", count=1))
    assert [script.stands("maintenance", market) for market in ("um", "um", "cm")] == [True, True, False]
    assert script.find("maintenance", "um") is not None
    assert not script.stands("maintenance", "um"), "a request met it"
