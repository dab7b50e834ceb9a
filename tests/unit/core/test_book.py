"""The order book's rules one by one; the model test has their combinations."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest

from quantservice.core.book import OrderBook, Step, SyncRule
from quantservice.core.errors import InvalidValue
from quantservice.core.events import BookDelta, BookSnapshot, Kind, Level, Source, StreamId
from quantservice.core.instruments import InstrumentId

STREAM: Final = StreamId(InstrumentId("x", "spot", "A-B"), Kind.BOOK)


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def snapshot(update_id: int = 100) -> BookSnapshot:
    return BookSnapshot(stream=STREAM, update_id=update_id, bids=levels((9, 1), (8, 2)), asks=levels((11, 1), (12, 2)), time=5)


def delta(first: int, last: int, prev: int = 0, bids: tuple[Level, ...] = (), asks: tuple[Level, ...] = ()) -> BookDelta:
    return BookDelta(stream=STREAM, first_id=first, last_id=last, prev_id=prev, bids=bids, asks=asks, time=7, recv_ns=8)


@pytest.mark.parametrize(
    ("rule", "first", "last", "prev", "step"),
    [
        (SyncRule.SPOT, 98, 100, 0, Step.STALE),
        (SyncRule.SPOT, 98, 101, 0, Step.APPLIED),
        (SyncRule.SPOT, 101, 101, 0, Step.APPLIED),
        (SyncRule.SPOT, 102, 105, 0, Step.INVALIDATED),
        (SyncRule.FUTURES, 90, 99, 80, Step.STALE),
        (SyncRule.FUTURES, 90, 100, 80, Step.APPLIED),
        (SyncRule.FUTURES, 100, 130, 80, Step.APPLIED),
        (SyncRule.FUTURES, 101, 130, 99, Step.INVALIDATED),
        (SyncRule.FUTURES, 101, 130, 100, Step.APPLIED),
    ],
)
def test_which_change_joins_a_snapshot(rule: SyncRule, first: int, last: int, prev: int, step: Step) -> None:
    book = OrderBook(STREAM, rule)
    assert book.apply(snapshot()) is Step.APPLIED
    assert book.apply(delta(first, last, prev)) is step
    assert book.valid == (step is not Step.INVALIDATED)
    assert book.gaps == (step is Step.INVALIDATED)


@pytest.mark.parametrize(
    ("rule", "first", "last", "prev", "step"),
    [
        (SyncRule.SPOT, 106, 110, 0, Step.APPLIED),
        (SyncRule.SPOT, 104, 110, 0, Step.APPLIED),
        (SyncRule.SPOT, 107, 110, 0, Step.INVALIDATED),
        (SyncRule.SPOT, 101, 105, 0, Step.STALE),
        (SyncRule.FUTURES, 130, 150, 105, Step.APPLIED),
        (SyncRule.FUTURES, 106, 150, 104, Step.INVALIDATED),
        (SyncRule.FUTURES, 95, 105, 90, Step.STALE),
    ],
)
def test_which_change_follows_another(rule: SyncRule, first: int, last: int, prev: int, step: Step) -> None:
    book = OrderBook(STREAM, rule)
    book.apply(snapshot())
    assert book.apply(delta(95, 105, 90)) is Step.APPLIED
    assert book.apply(delta(first, last, prev)) is step


def test_levels_are_set_replaced_and_removed() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    book.apply(snapshot())
    book.apply(delta(101, 101, bids=levels((10, 5), (8, 0), (7, 0)), asks=levels((11, 4), (13, 9))))
    shown = book.snapshot(10)
    assert shown == BookSnapshot(
        stream=STREAM,
        update_id=101,
        bids=levels((10, 5), (9, 1)),
        asks=levels((11, 4), (12, 2), (13, 9)),
        time=7,
        source=Source.WS,
        recv_ns=8,
    )
    assert book.top() == (levels((10, 5))[0], levels((11, 4))[0])
    less = book.snapshot(1)
    assert less is not None
    assert (less.bids, less.asks) == (levels((10, 5)), levels((11, 4)))
    none = book.snapshot(0)
    assert none is not None
    assert (none.bids, none.asks) == ((), ())


def test_an_empty_side_has_no_top_but_is_valid() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    book.apply(snapshot())
    book.apply(delta(101, 101, bids=levels((9, 0), (8, 0))))
    assert book.valid
    assert book.top() is None


def test_a_book_that_would_cross_is_not_readable() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    book.apply(snapshot())
    assert book.apply(delta(101, 101, bids=levels((11, 1)))) is Step.INVALIDATED
    assert book.last_fault == "crossed"
    assert book.top() is None
    crossed = BookSnapshot(stream=STREAM, update_id=1, bids=levels((9, 1)), asks=levels((9, 1)))
    assert book.apply(crossed) is Step.INVALIDATED
    assert book.snapshot() is None


def test_changes_wait_for_the_snapshot_in_a_bounded_buffer() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT, buffer=3)
    for number in range(95, 105):
        assert book.apply(delta(number, number, bids=levels((number - 94, 1)))) is Step.BUFFERED
    assert book.apply(snapshot(100)) is Step.INVALIDATED  # only 102..104 were kept: 101 is missing
    assert book.last_fault == "missed_change"
    assert book.apply(snapshot(101)) is Step.INVALIDATED or book.valid
    fresh = OrderBook(STREAM, SyncRule.SPOT, buffer=3)
    for number in (101, 102):
        fresh.apply(delta(number, number, asks=levels((20 + number, 1))))
    assert fresh.apply(snapshot(100)) is Step.APPLIED
    assert fresh.last_id == 102


def test_a_snapshot_older_than_the_gap_keeps_what_waits_for_the_next() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    for number in (104, 105, 106):
        book.apply(delta(number, number))
    assert book.apply(snapshot(100)) is Step.INVALIDATED
    assert book.apply(snapshot(104)) is Step.APPLIED
    assert book.last_id == 106


def test_an_old_snapshot_does_not_turn_a_valid_book_back() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    book.apply(snapshot(100))
    book.apply(delta(101, 105))
    assert book.apply(snapshot(105)) is Step.STALE
    assert book.apply(snapshot(106)) is Step.APPLIED
    assert book.last_id == 106


def test_a_lost_connection_empties_the_buffer_too() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT)
    book.apply(delta(101, 101))
    book.reset("link lost")
    assert book.last_fault == "link lost"
    assert book.gaps == 0
    assert book.apply(snapshot(100)) is Step.APPLIED
    assert book.last_id == 100
    book.reset("again")
    assert book.gaps == 1


def test_the_worst_levels_go_first_when_there_are_too_many() -> None:
    book = OrderBook(STREAM, SyncRule.SPOT, max_levels=3)
    book.apply(snapshot())
    book.apply(delta(101, 101, bids=levels((1, 1), (2, 1), (3, 1)), asks=levels((20, 1), (21, 1))))
    shown = book.snapshot(10)
    assert shown is not None
    assert shown.bids == levels((9, 1), (8, 2), (3, 1))
    assert shown.asks == levels((11, 1), (12, 2), (20, 1))
    book.apply(delta(102, 102, bids=levels((1, 0), (3, 0))))
    again = book.snapshot(10)
    assert again is not None
    assert again.bids == levels((9, 1), (8, 2))


def test_nonsense_sizes_are_refused() -> None:
    with pytest.raises(InvalidValue, match="buffer"):
        OrderBook(STREAM, SyncRule.SPOT, buffer=0)
    with pytest.raises(InvalidValue, match="max_levels"):
        OrderBook(STREAM, SyncRule.SPOT, max_levels=0)
    smallest = OrderBook(STREAM, SyncRule.SPOT, buffer=1, max_levels=1)
    smallest.apply(delta(101, 101))
    assert smallest.apply(snapshot(100)) is Step.APPLIED
    shown = smallest.snapshot()
    assert shown is not None
    assert (len(shown.bids), len(shown.asks)) == (1, 1)
