"""Order books of a feed: changes from the stream, snapshots over REST, and nothing shown from a book that missed a change."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from quantservice.core.book import OrderBook, Step, SyncRule
from quantservice.core.errors import QuantServiceError
from quantservice.core.events import BookDelta, BookSnapshot, StreamId
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_SNAPSHOT_TASKS: Final = 2


class _Kept:
    """One stream's book and what is under way for it."""

    __slots__ = ("book", "dirty", "queued", "shown", "tries")

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.queued = False
        self.dirty = False
        self.shown = float("-inf")
        self.tries = 0


class BookKeeper:
    """The books of one feed.

    ``fetch`` gets a snapshot; ``emit`` takes a readable book's top; ``tell`` hears when a book becomes unreadable
    ("stale") and readable again ("live").
    """

    def __init__(
        self,
        rule: SyncRule,
        *,
        fetch: Callable[[StreamId], Awaitable[BookSnapshot]],
        emit: Callable[[BookSnapshot], None],
        tell: Callable[[StreamId, str, str], None],
        clock: Clock,
        levels: int = 20,
        interval_s: float = 1.0,
        retry_s: float = 1.0,
    ) -> None:
        self.snapshots = 0
        self.invalidated = 0
        self._rule = rule
        self._fetch = fetch
        self._emit = emit
        self._tell = tell
        self._clock = clock
        self._levels = levels
        self._interval_s = interval_s
        self._retry_s = retry_s
        self._books: dict[StreamId, _Kept] = {}
        self._wanted: asyncio.Queue[StreamId] = asyncio.Queue()  # bounded by the books: each is queued at most once

    def keep(self, streams: set[StreamId]) -> None:
        """Set which books are kept."""
        for stream in set(self._books) - streams:
            del self._books[stream]
        for stream in streams - set(self._books):
            self._books[stream] = _Kept(OrderBook(stream, self._rule))

    def apply(self, delta: BookDelta, now: float) -> None:
        """Take a change from the stream."""
        kept = self._books.get(delta.stream)
        if kept is None:
            return
        step = kept.book.apply(delta)
        if step is Step.APPLIED:
            kept.dirty = True
            if now - kept.shown >= self._interval_s:
                self._show(kept, now)
        elif step is Step.INVALIDATED:
            self.invalidated += 1
            self._tell(delta.stream, "stale", f"the book is unreadable ({kept.book.last_fault}); a snapshot is fetched")
        if kept.book.needs_snapshot:
            self._ask(kept)

    def take(self, snapshot: BookSnapshot, now: float) -> None:
        """Take a snapshot that the stream itself brought: it begins the book anew."""
        kept = self._books.get(snapshot.stream)
        if kept is None:
            return
        kept.book.reset("a new snapshot")
        kept.book.apply(snapshot)
        kept.tries = 0
        self.snapshots += 1
        self._tell(snapshot.stream, "live", "the book is readable")
        self._show(kept, now)

    def reset(self, streams: set[StreamId], reason: str) -> None:
        """Forget what the books held: their connection was lost."""
        for stream in streams & set(self._books):
            self._books[stream].book.reset(reason)

    def show_pending(self, now: float) -> None:
        """Emit books that changed since they were last shown and have been quiet since."""
        for kept in self._books.values():
            if kept.dirty and now - kept.shown >= self._interval_s:
                self._show(kept, now)

    def valid_books(self) -> int:
        """How many books may be read now."""
        return sum(kept.book.valid for kept in self._books.values())

    async def run(self) -> None:
        """Fetch snapshots for the books that need one, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_SNAPSHOT_TASKS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            stream = await self._wanted.get()
            kept = self._books.get(stream)
            if kept is None:
                continue
            kept.queued = False
            if not kept.book.needs_snapshot:
                continue
            await self._mend(stream, kept)

    async def _mend(self, stream: StreamId, kept: _Kept) -> None:
        if kept.tries:
            bound = min(30.0, self._retry_s * 2 ** min(kept.tries - 1, 8))
            await self._clock.sleep(random.uniform(bound / 2, bound))  # noqa: S311  jitter, no secret
        kept.tries += 1
        try:
            snapshot = await self._fetch(stream)
        except QuantServiceError as error:
            log.warning("book.snapshot_failed", stream=str(stream), tries=kept.tries, error=str(error))
            self._ask(kept)
            return
        if not kept.book.needs_snapshot:
            return  # the stream brought it
        self.snapshots += 1
        kept.book.apply(snapshot)
        if kept.book.needs_snapshot:
            self._ask(kept)  # the snapshot was older than the changes that wait, or did not join
            return
        kept.tries = 0
        self._tell(stream, "live", "the book is readable")
        self._show(kept, self._clock.monotonic())

    def _ask(self, kept: _Kept) -> None:
        if not kept.queued:
            kept.queued = True
            self._wanted.put_nowait(kept.book.stream)

    def _show(self, kept: _Kept, now: float) -> None:
        top = kept.book.snapshot(self._levels)
        if top is not None:
            kept.shown = now
            kept.dirty = False
            self._emit(top)
