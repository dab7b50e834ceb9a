"""What a seal finds beyond the plain edit: forged short hashes, earlier revisions slipped in, values moved between rows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.market import START_MS, kline_stream

from quantservice.core.digest import (
    ROW_FIELDS,
    ROW_HASH_BYTES,
    BadRow,
    Head,
    chain_fault,
    first_bad_row,
    head_of,
    row_bytes,
    row_hash,
    seal,
)
from quantservice.core.periods import MINUTE_MS

STREAM = kline_stream()
DIGEST = "19f280361394b373629126aee5eff13ad2e69f974a7e8954552d6a1c2cf979e3"
LINK = "9308baba599213604a55ce4208d0175b62fe47a11be7d4a3604ec80a7b046149"


def row(index: int, **changes: Any) -> dict[str, Any]:
    open_time = START_MS + index * MINUTE_MS
    values = dict.fromkeys(ROW_FIELDS, str(index + 1))
    times = {"open_time": open_time, "close_time": open_time + MINUTE_MS - 1}
    return {**values, **times, "count": index, "revision": 0, "first_seen_ns": 100 + index, "synthetic": False, **changes}


def day(count: int = 4) -> list[dict[str, Any]]:
    return [row(index) for index in range(count)]


def test_rows_whose_short_hashes_were_forged_are_found_by_the_whole_digest() -> None:
    entry = seal(Head(), STREAM, START_MS, day(), sealed_ns=1)
    tampered = day()
    tampered[2]["close"] = "999"
    hashes = b"".join(row_hash(row_bytes(STREAM, item)) for item in tampered)
    forged = msgspec.structs.replace(entry, row_hashes=hashes)
    assert first_bad_row(forged, tampered) == BadRow(open_time=START_MS, revision=0, what="edited")


def test_an_earlier_revision_slipped_in_is_an_insertion() -> None:
    rows = [row(0), row(1, revision=1), row(2)]
    entry = seal(Head(), STREAM, START_MS, rows, sealed_ns=1)
    with_more = [rows[0], row(1, revision=0), *rows[1:]]
    assert first_bad_row(entry, with_more) == BadRow(open_time=rows[1]["open_time"], revision=0, what="inserted")


def test_a_row_behind_the_last_sealed_one_is_an_insertion() -> None:
    entry = seal(Head(), STREAM, START_MS, day(3), sealed_ns=1)
    late = row(3, first_seen_ns=50)
    assert first_bad_row(entry, [*day(3), late]) == BadRow(open_time=late["open_time"], revision=0, what="inserted")


def test_a_later_revision_that_was_deleted_is_named_with_its_revision() -> None:
    rows = [row(0), row(0, revision=1, close="7"), row(1)]
    entry = seal(Head(), STREAM, START_MS, rows, sealed_ns=1)
    assert first_bad_row(entry, [rows[0], rows[2]]) == BadRow(open_time=START_MS, revision=1, what="deleted")
    cut = seal(Head(), STREAM, START_MS, rows[:2], sealed_ns=1)
    assert first_bad_row(cut, rows[:1]) == BadRow(open_time=START_MS, revision=1, what="cut_tail")


@pytest.mark.parametrize("with_first_seen", [True, False])
def test_values_moved_between_two_rows_are_a_swap_whether_or_not_their_first_seen_went_along(with_first_seen: bool) -> None:
    rows = day()
    kept = {"open_time", "close_time", "revision"} | (set() if with_first_seen else {"first_seen_ns"})
    one, other = rows[0], rows[2]
    rows[0] = {name: one[name] if name in kept else other[name] for name in one}
    rows[2] = {name: other[name] if name in kept else one[name] for name in other}
    entry = seal(Head(), STREAM, START_MS, day(), sealed_ns=1)
    assert first_bad_row(entry, rows) == BadRow(open_time=START_MS, revision=0, what="swapped")


def test_values_of_an_earlier_row_are_no_swap() -> None:
    rows = day()
    rows[2] = {**rows[1], **{name: rows[2][name] for name in ("open_time", "close_time", "revision", "first_seen_ns")}}
    entry = seal(Head(), STREAM, START_MS, day(), sealed_ns=1)
    assert first_bad_row(entry, rows) == BadRow(open_time=rows[2]["open_time"], revision=0, what="edited")


def test_a_seal_reaches_to_the_newest_first_seen_and_counts_on() -> None:
    rows = [row(0, first_seen_ns=500), row(1, first_seen_ns=300)]
    entry = seal(Head(sequence=7, link="ab"), STREAM, START_MS, rows, sealed_ns=9)
    assert (entry.sequence, entry.previous, entry.through_ns, entry.sealed_ns) == (8, "ab", 500, 9)
    assert len(entry.row_hashes) == 2 * ROW_HASH_BYTES == 16
    assert [(open_time, revision) for open_time, revision, _ in entry.rows] == [(item["open_time"], 0) for item in rows]
    assert head_of(entry) == Head(sequence=8, link=entry.link)


def test_the_links_of_a_fixed_seal_are_fixed() -> None:
    """Stored chains of earlier versions must stay valid: the link's recipe may not change."""
    entry = seal(Head(), STREAM, START_MS, day(2), sealed_ns=1)
    assert entry.digest == DIGEST
    assert entry.link == LINK


def test_each_fault_of_a_chain_is_told_apart() -> None:
    first = seal(Head(), STREAM, START_MS, day(2), sealed_ns=1)
    second = seal(head_of(first), STREAM, START_MS, day(2), sealed_ns=2)
    assert chain_fault(second, head_of(first)) is None
    assert chain_fault(second, Head()) == "seal 1 is missing: the log goes on with 2"
    assert chain_fault(second, Head(sequence=1, link="0")) == "seal 2 does not follow seal 1"
    edited = msgspec.structs.replace(second, sealed_ns=3)
    assert chain_fault(edited, head_of(first)) == "seal 2 was edited"
