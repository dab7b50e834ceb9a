"""An order book kept from a snapshot and the changes after it. A book that missed a change is not readable until mended.

The venue's rule of how changes join is data (:class:`SyncRule`):

```
contiguous ids (Binance spot)          previous ids (Binance um, cm)
drop  u <= L                           drop  u < L
first U <= L + 1 <= u                  first U <= L <= u, or pu == L
then  U <= last + 1  (else a gap)      then  pu == last  (else a gap)
```

``U``, ``u``, ``pu`` are a change's first, last and previous id, ``L`` the snapshot's id, ``last`` the id the book stands at.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.events import BookDelta, BookSnapshot, Level, Source, StreamId


class SyncRule(msgspec.Struct, frozen=True):
    """How a venue's book changes join its snapshot and each other; the two known rules are ``SPOT`` and ``FUTURES``.

    ``bridge_offset`` is added to the snapshot's id before it must lie within the first change; ``by_previous`` says that
    changes are chained by their ``prev_id`` and not by their ``first_id``.
    """

    bridge_offset: int
    by_previous: bool

    SPOT: ClassVar[SyncRule]
    FUTURES: ClassVar[SyncRule]

    def is_stale(self, delta: BookDelta, snapshot_id: int) -> bool:
        """Say whether ``delta`` ended before the snapshot."""
        return delta.last_id < snapshot_id + self.bridge_offset

    def bridges(self, delta: BookDelta, snapshot_id: int) -> bool:
        """Say whether ``delta`` may be the first after the snapshot."""
        if self.by_previous and delta.prev_id == snapshot_id:
            return True  # it starts exactly where the snapshot stands
        return delta.first_id <= snapshot_id + self.bridge_offset <= delta.last_id

    def follows(self, delta: BookDelta, last_id: int) -> bool:
        """Say whether ``delta`` may come after a change that ended at ``last_id``."""
        return delta.prev_id == last_id if self.by_previous else delta.first_id <= last_id + 1


SyncRule.SPOT = SyncRule(bridge_offset=1, by_previous=False)
SyncRule.FUTURES = SyncRule(bridge_offset=0, by_previous=True)


class Step(StrEnum):
    """What became of an event given to a book."""

    APPLIED = "applied"
    BUFFERED = "buffered"  # waits for a snapshot
    STALE = "stale"  # older than the book: ignored
    INVALIDATED = "invalidated"  # a gap or nonsense: the book is unreadable from this very event on


class OrderBook:
    """The book of one stream.

    Give it every snapshot and change with :meth:`apply`; while :attr:`needs_snapshot` is true fetch a snapshot and give
    it too. Changes that arrive meanwhile wait in a bounded buffer (the oldest goes first).
    """

    def __init__(self, stream: StreamId, rule: SyncRule, *, buffer: int = 2_000, max_levels: int = 10_000) -> None:
        if buffer < 1 or max_levels < 1:
            raise InvalidValue("buffer" if buffer < 1 else "max_levels", "must be positive")
        self.stream: Final = stream
        self._rule: Final = rule
        self._max_levels: Final = max_levels
        self._buffer: Final[deque[BookDelta]] = deque(maxlen=buffer)
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._valid = False
        self._bridged = False
        self._last_id = 0
        self._time = 0
        self._recv_ns = 0
        self.gaps = 0
        self.last_fault = ""

    @property
    def valid(self) -> bool:
        """Whether the book may be read."""
        return self._valid

    @property
    def needs_snapshot(self) -> bool:
        """Whether the owner should fetch a snapshot."""
        return not self._valid

    @property
    def last_id(self) -> int:
        """The id the book stands at (0 while invalid)."""
        return self._last_id if self._valid else 0

    def top(self) -> tuple[Level, Level] | None:
        """Return (best bid, best ask), or None while the book is invalid or a side is empty."""
        if not self._valid or not self._bids.prices or not self._asks.prices:
            return None
        bid, ask = self._bids.prices[-1], self._asks.prices[0]
        return (bid, self._bids.sizes[bid]), (ask, self._asks.sizes[ask])

    def snapshot(self, depth: int = 20) -> BookSnapshot | None:
        """Return the best ``depth`` levels of both sides, or None while the book is invalid."""
        if not self._valid:
            return None
        bids, asks = self._bids, self._asks
        best_bids = bids.prices[-depth:][::-1] if depth > 0 else []
        return BookSnapshot(
            stream=self.stream,
            update_id=self._last_id,
            bids=tuple((price, bids.sizes[price]) for price in best_bids),
            asks=tuple((price, asks.sizes[price]) for price in asks.prices[: max(depth, 0)]),
            time=self._time,
            source=Source.WS,
            recv_ns=self._recv_ns,
        )

    def apply(self, event: BookSnapshot | BookDelta) -> Step:
        """Take one event in; the answer says what became of it."""
        if isinstance(event, BookSnapshot):
            return self._apply_snapshot(event)
        return self._apply_delta(event)

    def invalidate(self, reason: str) -> None:
        """Make the book unreadable now (a lost connection); the next snapshot mends it."""
        if self._valid:
            self.gaps += 1
        self.last_fault = reason
        self._valid = False
        self._bridged = False
        self._bids = _Ladder()
        self._asks = _Ladder()

    def reset(self, reason: str) -> None:
        """Invalidate and forget the waiting changes too: after a reconnect they no longer join."""
        self._buffer.clear()
        self.invalidate(reason)

    def _apply_snapshot(self, snapshot: BookSnapshot) -> Step:
        if self._valid and snapshot.update_id <= self._last_id:
            return Step.STALE
        self._bids = _Ladder(snapshot.bids)
        self._asks = _Ladder(snapshot.asks)
        self._valid, self._bridged = True, False
        self._last_id = snapshot.update_id
        self._time, self._recv_ns = snapshot.time, snapshot.recv_ns
        if self._is_crossed():
            self.invalidate("crossed_snapshot")
            return Step.INVALIDATED
        waiting = list(self._buffer)
        self._buffer.clear()
        for index, delta in enumerate(waiting):
            if self._apply_delta(delta) is Step.INVALIDATED:
                # The failed change was put back by _apply_delta; the ones behind it still wait for a newer snapshot.
                self._buffer.extend(waiting[index + 1 :])
                return Step.INVALIDATED
        return Step.APPLIED

    def _apply_delta(self, delta: BookDelta) -> Step:
        if not self._valid:
            self._buffer.append(delta)
            return Step.BUFFERED
        if self._bridged:
            if delta.last_id <= self._last_id:
                return Step.STALE
            joins = self._rule.follows(delta, self._last_id)
        else:
            if self._rule.is_stale(delta, self._last_id):
                return Step.STALE
            joins = self._rule.bridges(delta, self._last_id)
        if not joins:
            self.invalidate("missed_change")
            self._buffer.append(delta)
            return Step.INVALIDATED
        self._bridged = True
        self._bids.change(delta.bids)
        self._asks.change(delta.asks)
        self._bids.trim(self._max_levels, worst_first=True)
        self._asks.trim(self._max_levels, worst_first=False)
        self._last_id = delta.last_id
        self._time, self._recv_ns = delta.time, delta.recv_ns
        if self._is_crossed():
            self.invalidate("crossed")
            return Step.INVALIDATED
        return Step.APPLIED

    def _is_crossed(self) -> bool:
        return bool(self._bids.prices and self._asks.prices and self._bids.prices[-1] >= self._asks.prices[0])


class _Ladder:
    """One side: sizes by price, and the prices in rising order."""

    __slots__ = ("prices", "sizes")

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self.sizes: dict[Decimal, Decimal] = {price: size for price, size in levels if size}
        self.prices: list[Decimal] = sorted(self.sizes)

    def change(self, levels: Iterable[Level]) -> None:
        sizes, prices = self.sizes, self.prices
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]

    def trim(self, most: int, *, worst_first: bool) -> None:
        surplus = len(self.prices) - most
        if surplus <= 0:
            return
        gone = self.prices[:surplus] if worst_first else self.prices[-surplus:]
        if worst_first:
            del self.prices[:surplus]
        else:
            del self.prices[-surplus:]
        for price in gone:
            del self.sizes[price]
