"""The spill file at its exact bounds, its form on disk, and that what was written is really synced."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.support.market import kline, kline_stream

from quantservice.core.events import (
    BookSnapshot,
    FundingRate,
    Kind,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.services.recorder.spool import Spool, SpoolFull

D = Decimal
INSTRUMENT = kline_stream().instrument


def opened(directory: Path, *, limit: int = 1_000_000, segment: int = 8_000_000) -> Spool:
    spool = Spool(directory, limit_bytes=limit, segment_bytes=segment)
    spool.open()
    return spool


def frame_size(directory: Path, *events: MarketEvent) -> int:
    spool = opened(directory / "measure")
    size = spool.write(events or [kline(0)])
    spool.close()
    return size


def stream(kind: Kind) -> StreamId:
    return StreamId(INSTRUMENT, kind)


#: One event per number on disk; the numbers of earlier versions must keep their meaning.
TAGGED: dict[int, MarketEvent] = {
    1: kline(0),
    2: Trade(stream=stream(Kind.TRADE), trade_id=1, price=D(1), quantity=D(2), time=5, buyer_is_maker=True),
    3: Quote(stream=stream(Kind.QUOTE), update_id=1, bid_price=D(1), bid_quantity=D(1), ask_price=D(2), ask_quantity=D(1)),
    4: BookSnapshot(stream=stream(Kind.BOOK), update_id=1, bids=((D(1), D(2)),), asks=(), time=3),
    5: Ticker(
        stream=stream(Kind.TICKER),
        time=1,
        last_price=D(1),
        open_price=D(1),
        high_price=D(1),
        low_price=D(1),
        volume=D(1),
        quote_volume=D(1),
    ),
    6: FundingRate(stream=stream(Kind.FUNDING), time=1, rate=D("-0.0001")),
    7: MarkPrice(stream=stream(Kind.MARK_PRICE), time=1, mark_price=D(1)),
    8: OpenInterest(stream=stream(Kind.OPEN_INTEREST), time=1, open_interest=D(1)),
}


@pytest.mark.parametrize("tag", sorted(TAGGED))
def test_the_form_on_disk_is_fixed(tmp_path: Path, tag: int) -> None:
    spool = opened(tmp_path)
    spool.write([TAGGED[tag]])
    (file,) = tmp_path.iterdir()
    assert file.name == "spool-00000001.bin"
    data = file.read_bytes()
    length, checksum = struct.unpack("<II", data[:8])
    assert (length, checksum) == (len(data) - 8, zlib.crc32(data[8:]))
    ((written, raw),) = msgspec.msgpack.decode(data[8:], type=list[tuple[int, list[object]]])
    assert (written, len(raw)) == (tag, 1)
    assert spool.read(most_events=1)[0] == [TAGGED[tag]]


def test_kinds_are_kept_apart_in_one_frame_and_all_come_back(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    events = [*TAGGED.values(), kline(1)]
    spool.write(events)
    found, _ = spool.read(most_events=1)
    assert len(found) == len(events), "a frame is never cut in two"
    assert set(map(repr, found)) == set(map(repr, events))


def test_rows_are_synced_before_write_returns_and_a_new_file_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def noted(name: str, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            calls.append(name)
            real(descriptor)

        return call

    for name in ("fdatasync", "fsync"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    spool = opened(tmp_path)
    spool.write([kline(0)])
    assert calls == ["fsync", "fdatasync"]
    spool.write([kline(1)])
    assert calls == ["fsync", "fdatasync", "fdatasync"]
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "what is traded is nobody else's business"


def test_the_bound_may_be_met_and_not_passed(tmp_path: Path) -> None:
    size = frame_size(tmp_path)
    spool = opened(tmp_path / "exact", limit=2 * size)
    spool.write([kline(0)])
    spool.write([kline(1)])
    with pytest.raises(SpoolFull, match=f"bound of {2 * size} bytes"):
        spool.write([kline(2)])
    assert spool.size_bytes == 2 * size


def test_a_segment_may_be_filled_and_not_passed(tmp_path: Path) -> None:
    size = frame_size(tmp_path)
    folder = tmp_path / "exact"
    spool = opened(folder, segment=2 * size)
    for index in range(5):
        spool.write([kline(index)])
    assert sorted(file.stat().st_size for file in folder.iterdir()) == [size, 2 * size, 2 * size]
    assert spool.size_bytes == 5 * size


def test_a_frame_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment=10)
    spool.write([kline(0)])
    spool.write([kline(1)])
    assert len(list(tmp_path.iterdir())) == 2
    assert spool.read(most_events=9)[0] == [kline(0)]


def test_reading_stops_at_the_asked_number_and_says_how_far_it_came(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    size, *_ = (spool.write([kline(index)]) for index in range(3))
    assert spool.read(most_events=2) == ([kline(0), kline(1)], 2 * size)
    assert spool.read(most_events=1) == ([kline(0)], size)
    assert spool.read(most_events=3) == ([kline(0), kline(1), kline(2)], 3 * size)
    spool.done(size)
    assert spool.size_bytes == 2 * size
    assert spool.read(most_events=9) == ([kline(1), kline(2)], 3 * size)
    spool.done(0)
    assert spool.size_bytes == 2 * size
    spool.done(3 * size)
    assert (spool.size_bytes, spool.empty) == (0, True)
    assert spool.read(most_events=9) == ([], 0)
    assert list(tmp_path.iterdir()) == []
    spool.done(0)


def test_an_older_segment_goes_while_the_newest_is_still_written(tmp_path: Path) -> None:
    size = frame_size(tmp_path)
    folder = tmp_path / "two"
    spool = opened(folder, segment=size)
    for index in range(2):
        spool.write([kline(index)])
    events, token = spool.read(most_events=9)
    assert events == [kline(0)]
    spool.done(token)
    assert [file.name for file in folder.iterdir()] == ["spool-00000002.bin"]
    assert spool.size_bytes == size
    assert spool.read(most_events=9) == ([kline(1)], size)
    spool.write([kline(2)])
    assert sorted(file.name for file in folder.iterdir()) == ["spool-00000002.bin", "spool-00000003.bin"]


def test_opening_again_forgets_nothing_that_waits_and_counts_it_once(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    size = spool.write([kline(0)])
    spool.write([kline(1)])
    _, token = spool.read(most_events=1)
    spool.done(token)
    spool.open()
    assert spool.size_bytes == 2 * size, "what was handed over in part is handed over again"
    assert spool.read(most_events=9)[0] == [kline(0), kline(1)]
    spool.write([kline(2)])
    assert spool.size_bytes == 3 * size
    spool.close()
    spool.close()


def test_a_first_write_that_failed_leaves_no_file_and_no_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    small = frame_size(tmp_path)
    folder = tmp_path / "spill"
    spool = opened(folder, segment=small)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(SpoolFull):
            spool.write([kline(0)])
    assert list(folder.iterdir()) == []
    assert spool.empty
    spool.write([kline(0), kline(1), kline(2)])  # larger than a segment: it must not be looked for behind an empty one
    assert spool.read(most_events=9)[0] == [kline(0), kline(1), kline(2)]


def test_zeros_that_a_power_cut_left_are_a_torn_tail(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.write([kline(0)])
    spool.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + bytes(4_096))
    again = opened(tmp_path)
    assert again.torn_bytes == 4_096
    assert again.read(most_events=9)[0] == [kline(0)]


def test_damage_inside_counts_exactly_what_it_cost(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    size, *_ = (spool.write([kline(index)]) for index in range(3))
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[size + 20] ^= 0xFF
    file.write_bytes(data)
    events, token = spool.read(most_events=9)
    assert (events, token) == ([kline(0)], size)
    spool.done(token)
    assert spool.read(most_events=9) == ([], 3 * size)
    assert spool.torn_bytes == 2 * size
    spool.done(3 * size)
    assert spool.empty
