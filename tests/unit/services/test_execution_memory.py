"""What a process remembers of orders: the venue's ids, when an instrument was last touched, what has ended; and what it forgets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.execution_rig import BTC

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Order, OrderState
from quantservice.services.execution import remembering
from quantservice.services.execution.remembering import Memory

ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")


def order(number: int, instrument: InstrumentId = BTC, **more: Any) -> Order:
    terms = OrderTerms(account="main", instrument=instrument, side="buy", quantity=Decimal(1))
    return Order(order_id=f"o{number}", intent_id=f"i{number}", terms=terms, **({"created_ns": number} | more))


def kept(*orders: Order) -> Memory:
    memory = Memory()
    for item in orders:
        memory.put(item)
    memory.keep()
    return memory


def test_it_begins_with_nothing_and_says_so() -> None:
    memory = Memory()
    assert memory.loaded is False
    memory.load([])
    assert memory.loaded is True


def test_the_venue_s_id_finds_the_order_of_its_instrument_alone() -> None:
    memory = kept(order(1, venue_order_id="7"), order(2, ETH, venue_order_id="7"), order(3))
    found = memory.of_venue(BTC, "7"), memory.of_venue(ETH, "7")
    assert [item.order_id if item else "" for item in found] == ["o1", "o2"]
    assert memory.of_venue(BTC, "8") is None
    assert memory.of_venue(BTC, "") is None
    memory.put(order(4, ETH, venue_order_id="9"))
    assert memory.of_venue(BTC, "9") is None, "also of what the commit under way makes"
    fresh = memory.of_venue(ETH, "9")
    assert fresh is not None
    assert fresh.order_id == "o4"


def test_what_is_found_is_the_newest_known_of_it() -> None:
    memory = kept(order(1, venue_order_id="7"))
    memory.put(order(1, venue_order_id="7", filled=Decimal(1)))
    for found in (memory.order("o1"), memory.of_venue(BTC, "7")):
        assert found is not None
        assert found.filled == 1
    memory.lose()
    for found in (memory.order("o1"), memory.of_venue(BTC, "7")):
        assert found is not None
        assert found.filled == 0


def test_an_instrument_is_touched_by_the_latest_change_of_any_of_its_orders() -> None:
    memory = kept(order(1, updated_ns=50), order(2, updated_ns=30), order(3, ETH, updated_ns=0))
    assert memory.touched == {BTC: 50, ETH: 0}
    memory.put(order(2, updated_ns=60))
    assert memory.touched[BTC] == 50, "not before the commit"
    memory.keep()
    assert memory.touched[BTC] == 60
    assert kept(order(1, updated_ns=-5)).touched == {BTC: 0}


def test_fills_of_a_commit_that_failed_are_not_booked_by_the_next() -> None:
    memory = Memory()
    memory.book("lost")
    memory.lose()
    memory.book("kept")
    memory.keep()
    assert (memory.is_booked("lost"), memory.is_booked("kept")) == (False, True)
    memory.keep()
    assert memory.is_booked("kept")


def test_open_orders_are_the_oldest_first_and_an_end_takes_them_out() -> None:
    memory = kept(order(1, created_ns=9), order(2, created_ns=5), order(3, created_ns=7))
    assert [item.order_id for item in memory.open()] == ["o2", "o3", "o1"]
    memory.put(order(3, created_ns=7, state=OrderState.NOT_SENT))
    memory.keep()
    assert [item.order_id for item in memory.open()] == ["o2", "o1"]
    memory.put(order(3, created_ns=7, state=OrderState.OPEN))
    memory.keep()
    assert [item.order_id for item in memory.open()] == ["o2", "o3", "o1"], "one that was taken for absent turned up"


def test_a_new_beginning_forgets_everything_but_what_the_store_has() -> None:
    memory = kept(order(1, venue_order_id="7", updated_ns=5), order(2, state=OrderState.FILLED))
    memory.book("fill")
    memory.keep()
    memory.fills[BTC] = 3
    memory.load([order(4, ETH, venue_order_id="8")])
    assert [item.order_id for item in memory.open()] == ["o4"]
    assert (memory.order("o1"), memory.order("o2"), memory.of_venue(BTC, "7")) == (None, None, None)
    assert (memory.touched, memory.fills, memory.is_booked("fill")) == ({ETH: 0}, {}, False)
    assert memory.committed("o4")
    assert not memory.committed("o1")


def test_the_oldest_that_ended_goes_first_with_its_venue_s_id(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (remembering._ENDED, remembering._FILLS) == (4_096, 20_000), "what a process may need of memory"
    monkeypatch.setattr(remembering, "_ENDED", 2)
    memory = kept(order(1, venue_order_id="v1"))
    for number in (2, 3, 1):
        memory.put(order(number, venue_order_id=f"v{number}", state=OrderState.FILLED))
        memory.keep()
    assert memory.order("o2") is None
    assert memory.of_venue(BTC, "v2") is None
    assert sorted(memory._by_venue.values()) == ["o1", "o3"], "what is forgotten takes no room (I12)"
    assert [memory.of_venue(BTC, f"v{number}") is not None for number in (3, 1)] == [True, True]
    memory.put(order(3, venue_order_id="v3", state=OrderState.FILLED, filled=Decimal(1)))
    memory.put(order(5, state=OrderState.CANCELLED))
    memory.keep()
    assert [memory.order(f"o{number}") is not None for number in (1, 3, 5)] == [False, True, True], "told again: younger again"
    memory.put(order(6, state=OrderState.CANCELLED))
    memory.keep()
    memory.put(order(7, state=OrderState.CANCELLED))
    memory.keep()
    assert [memory.order(f"o{number}") is not None for number in (5, 6, 7)] == [False, True, True]


def test_one_that_lives_again_is_not_forgotten_with_those_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_ENDED", 1)
    memory = kept(order(1, state=OrderState.NOT_SENT))
    memory.put(order(1, state=OrderState.OPEN, revived=True))
    memory.keep()
    for number in (2, 3):
        memory.put(order(number, state=OrderState.FILLED))
        memory.keep()
    assert [item.order_id for item in memory.open()] == ["o1"]
    assert memory.order("o2") is None


def test_no_more_fills_are_remembered_than_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_FILLS", 2)
    memory = Memory()
    for number in range(4):
        memory.book(f"f{number}")
    memory.keep()
    assert [memory.is_booked(f"f{number}") for number in range(4)] == [False, False, True, True]
