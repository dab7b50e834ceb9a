"""Every way to tamper with sealed rows is found, with the first bad row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.market import START_MS, kline_stream

from quantservice.core.digest import GENESIS, Head, Row, Seal, chain_fault, first_bad_row, head_of, link_of, row_bytes, seal
from quantservice.core.errors import InvalidValue
from quantservice.core.periods import DAY_MS, MINUTE_MS

STREAM = kline_stream()


def row(index: int, *, revision: int = 0, close: str = "1.5", seen: int = 100) -> dict[str, Any]:
    numbers = dict.fromkeys(("open", "high", "low", "volume", "quote_volume"), str(index + 1))
    taker = dict.fromkeys(("taker_buy_base_volume", "taker_buy_quote_volume"), "0")
    open_time = START_MS + index * MINUTE_MS
    return {
        "open_time": open_time,
        "close_time": open_time + MINUTE_MS - 1,
        **numbers,
        **taker,
        "close": close,
        "count": index,
        "source": "ws",
        "revision": revision,
        "first_seen_ns": seen,
        "synthetic": False,
    }


def day(count: int) -> list[dict[str, Any]]:
    return [row(index) for index in range(count)]


def sealed(rows: Sequence[Row], head: Head | None = None) -> Seal:
    return seal(head or Head(), STREAM, START_MS, rows, sealed_ns=1)


indices = st.integers(0, 19)


@given(st.integers(1, 30))
def test_untouched_rows_agree_with_their_seal(count: int) -> None:
    assert first_bad_row(sealed(day(count)), day(count)) is None


@given(indices, st.sampled_from(["open", "close", "volume", "count", "source", "close_time", "synthetic"]))
def test_an_edit_is_found_at_its_row(index: int, field: str) -> None:
    rows = day(20)
    rows[index][field] = True if field == "synthetic" else 77 if field in ("count", "close_time") else "77"
    bad = first_bad_row(sealed(day(20)), rows)
    assert bad is not None
    assert (bad.open_time, bad.what) == (rows[index]["open_time"], "edited")


@given(indices, st.integers(1, 20))
def test_deletion_is_found_at_its_first_row(first: int, count: int) -> None:
    rows = day(20)
    del rows[first : first + count]
    bad = first_bad_row(sealed(day(20)), rows)
    assert bad is not None
    assert bad.open_time == day(20)[first]["open_time"]
    assert bad.what == ("cut_tail" if first + count >= 20 else "deleted")


@given(indices, indices)
def test_a_swap_is_found_at_the_earlier_row(left: int, right: int) -> None:
    assume(left < right)
    rows = day(20)
    kept = ("open_time", "close_time")
    swapped = {**rows[right], **{name: rows[left][name] for name in kept}}, {**rows[left], **{n: rows[right][n] for n in kept}}
    rows[left], rows[right] = swapped
    bad = first_bad_row(sealed(day(20)), rows)
    assert bad is not None
    assert (bad.open_time, bad.what) == (day(20)[left]["open_time"], "swapped")


@given(indices)
def test_a_row_slipped_in_is_found(index: int) -> None:
    rows = day(20)
    rows.insert(index + 1, row(index, revision=1))
    bad = first_bad_row(sealed(day(20)), rows)
    assert bad is not None
    assert (bad.open_time, bad.revision, bad.what) == (rows[index]["open_time"], 1, "inserted")


@given(indices)
def test_a_restatement_after_the_seal_is_not_its_business(index: int) -> None:
    rows = day(20)
    rows.insert(index + 1, row(index, revision=1, close="9", seen=101))
    assert first_bad_row(sealed(day(20)), rows) is None


def test_a_forged_first_seen_does_not_hide_a_row() -> None:
    rows = day(3)
    rows[1]["first_seen_ns"] = 10**15
    bad = first_bad_row(sealed(day(3)), rows)
    assert bad is not None
    assert bad.what == "deleted"


def chain(count: int) -> list[Seal]:
    entries: list[Seal] = []
    head = Head()
    for index in range(count):
        entries.append(seal(head, STREAM, START_MS + index * DAY_MS, day(3), sealed_ns=index))
        head = head_of(entries[-1])
    return entries


def faults(entries: list[Seal]) -> list[int]:
    head, bad = Head(), []
    for position, entry in enumerate(entries):
        if chain_fault(entry, head):
            bad.append(position)
        head = head_of(entry)
    return bad


def test_a_sound_chain_has_no_fault_and_begins_at_genesis() -> None:
    entries = chain(5)
    assert faults(entries) == []
    assert entries[0].previous == GENESIS


@given(st.integers(0, 4))
def test_a_missing_or_moved_seal_breaks_the_chain_where_it_was(index: int) -> None:
    entries = chain(6)
    del entries[index]
    assert faults(entries)[0] == index
    entries = chain(6)
    entries[index], entries[index + 1] = entries[index + 1], entries[index]
    assert faults(entries)[0] == index


@given(st.integers(0, 5), st.sampled_from(["digest", "day_ms", "through_ns", "row_hashes", "open_times", "revisions"]))
def test_an_edited_seal_is_found(index: int, field: str) -> None:
    entries = chain(6)
    values: dict[str, Any] = {
        "digest": "0" * 64,
        "day_ms": 1,
        "through_ns": 5,
        "row_hashes": bytes(24),
        "open_times": (1, 2, 3),
        "revisions": (0, 0, 1),
    }
    entries[index] = msgspec.structs.replace(entries[index], **{field: values[field]})
    assert faults(entries)[0] == index
    forged = msgspec.structs.replace(entries[index], link=link_of(entries[index]))
    entries[index] = forged
    assert faults(entries) == ([index + 1] if index < 5 else [])


def test_the_canonical_form_is_fixed() -> None:
    expected = (
        "binance:um:BTC-USDT-PERP:kline:1m\x1f1740787200000\x1f0\x1f1740787259999\x1f1\x1f1\x1f1\x1f1.5\x1f1\x1f1\x1f0\x1f0\x1f0"
        "\x1fws\x1f100\x1f0\n"
    )
    assert row_bytes(STREAM, row(0)) == expected.encode()


def test_an_empty_day_is_not_sealed() -> None:
    with pytest.raises(InvalidValue):
        sealed([])
