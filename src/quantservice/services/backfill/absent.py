"""What a venue does not have: maintenance windows and days before it kept records, proven by asking twice.

A range for which the venue returned nothing is asked for again after a while; empty again, it is explained and no longer a
gap. After a day it is asked for once more, because venues do fill holes late. Kept in the state store (scope
``maintenance``, key: the stream) with its evidence, so that a restart does not ask for everything anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from quantservice.core.events import StreamId
from quantservice.core.spans import Span, intersect, merge, subtract
from quantservice.ports import Clock, StateStore

SCOPE: Final = "maintenance"


class Evidence(msgspec.Struct, frozen=True):
    """A range the venue returned nothing for: how often it was asked, first and last time."""

    start_ms: int
    end_ms: int
    attempts: int
    first_ms: int
    last_ms: int

    @property
    def span(self) -> Span:
        """The range."""
        return Span(self.start_ms, self.end_ms)

    @property
    def confirmed(self) -> bool:
        """Say whether separate attempts agree."""
        return self.attempts >= 2


class AbsentRanges:
    """The evidence per stream."""

    def __init__(self, state: StateStore, clock: Clock, *, ask_again_s: float, reverify_s: float) -> None:
        self._state = state
        self._clock = clock
        self._ask_again_ms = int(ask_again_s * 1000)
        self._reverify_ms = int(reverify_s * 1000)
        self._by_stream: dict[StreamId, list[Evidence]] = {}

    async def load(self) -> None:
        """Read what was proven before."""
        async with self._state.transaction() as work:
            items: dict[str, Any] = await work.values.items(SCOPE)
        self._by_stream = {StreamId.parse(key): msgspec.convert(value, list[Evidence]) for key, value in items.items()}

    def resting(self, stream: StreamId) -> list[Span]:
        """Return the ranges that need not be asked for now: proven absent lately, or asked for a moment ago."""
        now_ms = self._clock.now_ms()
        return merge(
            item.span
            for item in self._by_stream.get(stream, ())
            if now_ms - item.last_ms < (self._reverify_ms if item.confirmed else self._ask_again_ms)
        )

    def confirmed(self, stream: StreamId) -> list[Span]:
        """Return the ranges that separate attempts agree on."""
        return merge(item.span for item in self._by_stream.get(stream, ()) if item.confirmed)

    async def note(self, stream: StreamId, empty: Sequence[Span], present: Sequence[Span]) -> None:
        """Take in one answer: ``empty`` came back without bars, ``present`` with."""
        before = self._by_stream.get(stream, [])
        if not empty and not before:
            return
        now_ms = self._clock.now_ms()
        after: list[Evidence] = []
        for item in before:
            left = subtract([item.span], present)
            again = intersect(left, empty) if now_ms - item.last_ms >= self._ask_again_ms else []
            after.extend(Evidence(part.start_ms, part.end_ms, item.attempts + 1, item.first_ms, now_ms) for part in again)
            after.extend(
                Evidence(part.start_ms, part.end_ms, item.attempts, item.first_ms, item.last_ms) for part in subtract(left, again)
            )
        fresh = subtract(empty, [item.span for item in before])
        after.extend(Evidence(part.start_ms, part.end_ms, 1, now_ms, now_ms) for part in fresh)
        after.sort(key=lambda item: item.start_ms)
        if after == before:
            return
        self._by_stream[stream] = after
        async with self._state.transaction() as work:
            if after:
                await work.values.put(SCOPE, str(stream), msgspec.to_builtins(after))
            else:
                await work.values.remove(SCOPE, str(stream))
