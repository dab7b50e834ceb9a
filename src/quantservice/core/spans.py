"""Half-open time ranges and their set arithmetic: what coverage, gaps and windows are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from quantservice.core.errors import InvalidValue


class Span(msgspec.Struct, frozen=True, order=True):
    """``[start_ms, end_ms)`` in UTC milliseconds. Empty spans are not constructed; see :func:`span`."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms <= self.start_ms:
            raise InvalidValue("span", f"end {self.end_ms} must lie after start {self.start_ms}")

    @property
    def length_ms(self) -> int:
        """Length in milliseconds."""
        return self.end_ms - self.start_ms

    def contains(self, time_ms: int) -> bool:
        """Say whether ``time_ms`` lies inside."""
        return self.start_ms <= time_ms < self.end_ms

    def overlaps(self, other: Span) -> bool:
        """Say whether the two share at least one millisecond."""
        return self.start_ms < other.end_ms and other.start_ms < self.end_ms

    def clip(self, other: Span) -> Span | None:
        """Return the common part, or None."""
        start, end = max(self.start_ms, other.start_ms), min(self.end_ms, other.end_ms)
        return Span(start, end) if start < end else None


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return the union as sorted, disjoint, non-touching spans."""
    merged: list[Span] = []
    for item in sorted(spans):
        if merged and item.start_ms <= merged[-1].end_ms:
            if item.end_ms > merged[-1].end_ms:
                merged[-1] = Span(merged[-1].start_ms, item.end_ms)
        else:
            merged.append(item)
    return merged


def subtract(wanted: Iterable[Span], have: Iterable[Span]) -> list[Span]:
    """Return the parts of ``wanted`` that no span of ``have`` covers, sorted and disjoint."""
    holes: list[Span] = []
    taken = merge(have)
    for want in merge(wanted):
        start = want.start_ms
        for span in taken:
            if span.end_ms <= start:
                continue
            if span.start_ms >= want.end_ms:
                break
            if span.start_ms > start:
                holes.append(Span(start, span.start_ms))
            start = max(start, span.end_ms)
        if start < want.end_ms:
            holes.append(Span(start, want.end_ms))
    return holes


def intersect(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """Return what both cover, sorted and disjoint."""
    ours, theirs = merge(left), merge(right)
    common: list[Span] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        part = ours[i].clip(theirs[j])
        if part is not None:
            common.append(part)
        if ours[i].end_ms < theirs[j].end_ms:
            i += 1
        else:
            j += 1
    return common


def split(span: Span, length_ms: int) -> list[Span]:
    """Cut ``span`` into consecutive windows of at most ``length_ms``."""
    if length_ms <= 0:
        raise InvalidValue("length_ms", "must be positive")
    return [Span(start, min(start + length_ms, span.end_ms)) for start in range(span.start_ms, span.end_ms, length_ms)]


def total_ms(spans: Sequence[Span]) -> int:
    """Return the summed length of disjoint spans."""
    return sum(span.length_ms for span in spans)
