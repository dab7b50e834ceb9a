"""The digest chain: proof that stored klines are those that were sealed. Pure.

A *seal* covers one stream's day: every stored row of it, revisions included, up to the newest ``first_seen``. It holds a
digest over the rows, a short hash per row (so that the first bad row can be named, not just the day), and a link that
covers the seal and the link before it. The link of the last seal, the *head*, is also kept outside the market store: a
cut tail of the log is seen there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.events import StreamId

GENESIS: Final = "0" * 64
ROW_HASH_BYTES: Final = 8
_SEPARATOR: Final = "\x1f"  # never part of a name or a number
#: The fields of a stored row that are sealed, in this order.
ROW_FIELDS: Final = (
    "open_time",
    "revision",
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
    "source",
    "first_seen_ns",
    "synthetic",
)
#: A stored row: times, count and revision as int, decimals as plain text, synthetic as bool.
Row = Mapping[str, Any]


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log: ``rows`` names each sealed row by (open_time, revision)."""

    sequence: int
    stream: StreamId
    day_ms: int
    through_ns: int
    sealed_ns: int
    open_times: tuple[int, ...]
    revisions: tuple[int, ...]
    row_hashes: bytes
    digest: str
    previous: str
    link: str

    @property
    def rows(self) -> list[tuple[int, int, bytes]]:
        """Open time, revision and short hash of each sealed row."""
        hashes = (self.row_hashes[at : at + ROW_HASH_BYTES] for at in range(0, len(self.row_hashes), ROW_HASH_BYTES))
        return list(zip(self.open_times, self.revisions, hashes, strict=True))


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the chain."""

    sequence: int = 0
    link: str = GENESIS


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """The first row that contradicts its seal. ``what``: edited, deleted, inserted, cut_tail, swapped."""

    open_time: int
    revision: int
    what: str


def row_bytes(stream: StreamId, row: Row) -> bytes:
    """Write a row in its one canonical form."""
    values = _SEPARATOR.join(str(int(value) if isinstance(value, bool) else value) for value in map(row.__getitem__, ROW_FIELDS))
    return f"{stream}{_SEPARATOR}{values}\n".encode()


def row_hash(canonical: bytes) -> bytes:
    """Return the short hash of a row's canonical bytes."""
    return hashlib.blake2b(canonical, digest_size=ROW_HASH_BYTES).digest()


def seal(head: Head, stream: StreamId, day_ms: int, rows: Sequence[Row], *, sealed_ns: int) -> Seal:
    """Seal ``rows`` (sorted by open time and revision, at least one) as the entry after ``head``."""
    if not rows:
        raise InvalidValue("rows", "a day without rows cannot be sealed")
    canonical = [row_bytes(stream, row) for row in rows]
    draft = Seal(
        sequence=head.sequence + 1,
        stream=stream,
        day_ms=day_ms,
        through_ns=max(row["first_seen_ns"] for row in rows),
        sealed_ns=sealed_ns,
        open_times=tuple(row["open_time"] for row in rows),
        revisions=tuple(row["revision"] for row in rows),
        row_hashes=b"".join(map(row_hash, canonical)),
        digest=hashlib.blake2b(b"".join(canonical), digest_size=32).hexdigest(),
        previous=head.link,
        link="",
    )
    return msgspec.structs.replace(draft, link=link_of(draft))


def link_of(entry: Seal) -> str:
    """Compute the link that covers all of ``entry`` and what came before it."""
    names = (entry.sequence, entry.stream, entry.day_ms, entry.through_ns, entry.sealed_ns, entry.digest, entry.previous)
    hasher = hashlib.blake2b(_SEPARATOR.join(map(str, names)).encode(), digest_size=32)
    count = len(entry.open_times)
    hasher.update(struct.pack(f"<Q{count}q", count, *entry.open_times))
    hasher.update(struct.pack(f"<Q{len(entry.revisions)}I", len(entry.revisions), *entry.revisions))
    hasher.update(entry.row_hashes)
    return hasher.hexdigest()


def head_of(entry: Seal) -> Head:
    """The head after ``entry``."""
    return Head(sequence=entry.sequence, link=entry.link)


def chain_fault(entry: Seal, before: Head) -> str | None:
    """Return why ``entry`` cannot follow ``before``, or None."""
    if entry.sequence != before.sequence + 1:
        return f"seal {before.sequence + 1} is missing: the log goes on with {entry.sequence}"
    if entry.previous != before.link:
        return f"seal {entry.sequence} does not follow seal {before.sequence}"
    if entry.link != link_of(entry):
        return f"seal {entry.sequence} was edited"
    return None


def first_bad_row(entry: Seal, rows: Iterable[Row]) -> BadRow | None:
    """Compare a day's rows (sorted by open time and revision) with its seal; rows first seen after it are not its business."""
    stored = [row for row in rows if row["first_seen_ns"] <= entry.through_ns]
    canonical = [row_bytes(entry.stream, row) for row in stored]
    found = [(row["open_time"], row["revision"], row_hash(data)) for row, data in zip(stored, canonical, strict=True)]
    sealed = entry.rows
    for index, (want, have) in enumerate(zip_longest(sealed, found)):
        if want == have:
            continue
        if have is None or (want is not None and want[:2] < have[:2]):
            tail = have is None and index + 1 <= len(sealed) and len(found) == index
            return BadRow(open_time=want[0], revision=want[1], what="cut_tail" if tail else "deleted")
        if want is None or want[:2] > have[:2]:
            return BadRow(open_time=have[0], revision=have[1], what="inserted")
        return BadRow(open_time=have[0], revision=have[1], what=_edited_or_swapped(entry, stored, index))
    if hashlib.blake2b(b"".join(canonical), digest_size=32).hexdigest() != entry.digest:
        # Every short hash agrees and the whole does not: someone found a 64-bit collision. The day is bad from its start.
        return BadRow(open_time=sealed[0][0], revision=sealed[0][1], what="edited")
    return None


def _edited_or_swapped(entry: Seal, stored: Sequence[Row], index: int) -> str:
    """Say ``swapped`` when the values that belong here are found at another open time of the day."""
    wanted = entry.rows[index][2]
    here = stored[index]
    for other in stored[index + 1 :]:
        moved = {**other, **{name: here[name] for name in ("open_time", "close_time", "revision")}}
        if wanted in (
            row_hash(row_bytes(entry.stream, {**moved, **kept})) for kept in ({}, {"first_seen_ns": here["first_seen_ns"]})
        ):
            return "swapped"
    return "edited"
