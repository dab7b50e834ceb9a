"""The book against the simplest one that could be right: a dictionary per side, rebuilt from the whole truth each time."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.models import profile

from quantservice.core.book import OrderBook, Step, SyncRule
from quantservice.core.events import BookDelta, BookSnapshot, Kind, Level, StreamId
from quantservice.core.instruments import InstrumentId

STREAM: Final = StreamId(InstrumentId("x", "spot", "A-B"), Kind.BOOK)
BIDS: Final = st.dictionaries(st.integers(1, 50), st.integers(0, 3), max_size=6)
ASKS: Final = st.dictionaries(st.integers(51, 100), st.integers(0, 3), max_size=6)


class Venue:
    """The truth: a book that changes, and the changes and snapshots a venue would send of it."""

    def __init__(self, rule_: SyncRule) -> None:
        self.rule = rule_
        self.id = 100
        self.sides: tuple[dict[int, int], dict[int, int]] = ({10: 1}, {90: 1})

    def change(self, bids: dict[int, int], asks: dict[int, int], width: int) -> BookDelta:
        before = self.id
        self.id += width
        for side, changes in zip(self.sides, (bids, asks), strict=True):
            for price, size in changes.items():
                side[price] = size
                if not size:
                    del side[price]
        return BookDelta(
            stream=STREAM,
            first_id=before + 1,
            last_id=self.id,
            prev_id=before if self.rule.by_previous else 0,
            bids=_levels(bids),
            asks=_levels(asks),
        )

    def snapshot(self) -> BookSnapshot:
        bids, asks = self.truth()
        return BookSnapshot(stream=STREAM, update_id=self.id, bids=bids, asks=asks)

    def truth(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        bids, asks = self.sides
        return _levels(dict(sorted(bids.items(), reverse=True))), _levels(dict(sorted(asks.items())))


def _levels(side: dict[int, int]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in side.items())


class BookMachine(RuleBasedStateMachine):
    """Changes arrive, are lost, come twice; snapshots come early, late or old. The book is right or not readable."""

    @initialize(rule_=st.sampled_from([SyncRule.SPOT, SyncRule.FUTURES]))
    def start(self, rule_: SyncRule) -> None:
        self.venue = Venue(rule_)
        self.book = OrderBook(STREAM, rule_, buffer=8)
        self.sent: list[BookDelta] = []
        self.old_snapshots = [self.venue.snapshot()]
        self.lost = False

    @rule(bids=BIDS, asks=ASKS, width=st.integers(1, 4))
    def change_arrives(self, bids: dict[int, int], asks: dict[int, int], width: int) -> None:
        was_valid = self.book.valid
        delta = self.venue.change(bids, asks, width)
        self.sent.append(delta)
        step = self.book.apply(delta)
        if not was_valid:
            assert step is Step.BUFFERED
        else:
            assert step is (Step.INVALIDATED if self.lost else Step.APPLIED)
        self.lost = False

    @precondition(lambda self: self.book.valid)
    @rule(bids=BIDS, asks=ASKS, width=st.integers(1, 4))
    def change_is_lost(self, bids: dict[int, int], asks: dict[int, int], width: int) -> None:
        self.sent.append(self.venue.change(bids, asks, width))
        self.lost = True

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(1, 5))
    def change_comes_again(self, back: int) -> None:
        delta = self.sent[-min(back, len(self.sent))]
        if self.book.valid and delta.last_id <= self.book.last_id:
            same = self.venue.rule.by_previous and delta.last_id == self.book.last_id
            assert self.book.apply(delta) is Step.STALE or same  # right after a snapshot it is what joins: it changes nothing

    @rule()
    def snapshot_arrives(self) -> None:
        self.old_snapshots.append(self.venue.snapshot())
        was_valid, at = self.book.valid, self.book.last_id
        step = self.book.apply(self.old_snapshots[-1])
        assert step is (Step.STALE if was_valid and at == self.venue.id else Step.APPLIED)
        assert self.book.valid
        self.lost = False

    @rule(data=st.data())
    def old_snapshot_arrives(self, data: st.DataObject) -> None:
        snapshot = data.draw(st.sampled_from(self.old_snapshots))
        was_valid, at = self.book.valid, self.book.last_id
        step = self.book.apply(snapshot)
        if was_valid and snapshot.update_id <= at:
            assert step is Step.STALE
        if self.book.valid:
            self.lost = self.book.last_id < self.venue.id

    @rule()
    def connection_is_lost(self) -> None:
        self.book.reset("link")
        assert not self.book.valid

    @invariant()
    def the_book_is_right_or_not_readable(self) -> None:
        if not hasattr(self, "book"):
            return
        if not self.book.valid:
            assert self.book.needs_snapshot
            assert self.book.top() is None
            assert self.book.snapshot() is None
            assert self.book.last_id == 0
            return
        shown = self.book.snapshot(200)
        assert shown is not None
        assert shown.update_id == self.book.last_id <= self.venue.id
        if self.book.last_id == self.venue.id:
            assert (shown.bids, shown.asks) == self.venue.truth()
        top = self.book.top()
        if top is not None:
            assert top == (shown.bids[0], shown.asks[0])
            assert top[0][0] < top[1][0]


TestBook = BookMachine.TestCase
TestBook.settings = profile(least=150)
