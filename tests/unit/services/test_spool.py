"""The recorder's spill file: torn tails, bounds, order."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.market import kline, kline_stream

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import BookSnapshot, FundingRate, Kind, MarketEvent, StreamId, Trade
from quantservice.services.recorder.spool import Spool, SpoolFull

D = Decimal


def opened(directory: Path, *, limit: int = 1_000_000, segment: int = 8_000_000) -> Spool:
    spool = Spool(directory, limit_bytes=limit, segment_bytes=segment)
    spool.open()
    return spool


def drain(spool: Spool, *, most: int = 1_000) -> list[MarketEvent]:
    found: list[MarketEvent] = []
    while not spool.empty:
        events, token = spool.read(most_events=most)
        found.extend(events)
        spool.done(token)
    return found


def test_every_kind_comes_back_as_it_was(tmp_path: Path) -> None:
    instrument = kline_stream().instrument
    events: list[MarketEvent] = [
        kline(0, close="0.000000000000000001"),
        Trade(stream=StreamId(instrument, Kind.TRADE), trade_id=1, price=D("1.50"), quantity=D(2), time=5, buyer_is_maker=True),
        BookSnapshot(stream=StreamId(instrument, Kind.BOOK), update_id=1, bids=((D(1), D(2)),), asks=(), time=3),
        FundingRate(stream=StreamId(instrument, Kind.FUNDING), time=1, rate=D("-0.0001")),
    ]
    spool = opened(tmp_path)
    spool.write(events)
    assert drain(spool) == events
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_waits_for_the_next_start_in_order(tmp_path: Path) -> None:
    first = opened(tmp_path, segment=2_000)
    for index in range(20):
        first.write([kline(index)])
    first.close()
    assert len(list(tmp_path.iterdir())) > 2
    assert drain(opened(tmp_path, segment=2_000), most=3) == [kline(index) for index in range(20)]


def test_a_tail_cut_at_every_byte_loses_only_the_torn_frame(tmp_path: Path) -> None:
    spool = opened(tmp_path / "whole")
    ends = [0]
    for index in range(3):
        ends.append(ends[-1] + spool.write([kline(index)]))
    spool.close()
    (file,) = (tmp_path / "whole").iterdir()
    data = file.read_bytes()
    assert len(data) == ends[-1]
    for cut in range(len(data) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / file.name).write_bytes(data[:cut])
        again = opened(folder)
        whole = sum(end <= cut for end in ends) - 1
        assert again.torn_bytes == cut - ends[whole]
        again.write([kline(9)])  # goes behind the last whole frame, not behind the torn one
        assert drain(again) == [kline(index) for index in range(whole)] + [kline(9)]
        again.close()


def test_a_flipped_byte_is_never_read_as_data(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.write([kline(0)])
    size = spool.write([kline(1)])
    spool.close()
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    for at in range(len(data) - size, len(data), 7):
        damaged = bytearray(data)
        damaged[at] ^= 0x40
        file.write_bytes(damaged)
        again = opened(tmp_path)
        events, _ = again.read(most_events=100)
        assert events == [kline(0)]
        again.close()


def test_at_its_bound_it_refuses_and_leaves_no_trace(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit=2_000)
    written = 0
    while spool.size_bytes + 500 < 2_000:
        spool.write([kline(written)])
        written += 1
    with pytest.raises(SpoolFull):
        spool.write([kline(written), kline(written + 1)])
    assert spool.size_bytes <= 2_000
    events, token = spool.read(most_events=1_000)
    assert events == [kline(index) for index in range(written)]
    spool.done(token)
    spool.write([kline(99)])
    assert drain(spool) == [kline(99)]


def test_a_failed_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)
    spool.write([kline(0)])
    real = os.write

    def half_then_full(descriptor: int, data: memoryview) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(SpoolFull, match="No space left"):
        spool.write([kline(1)])
    monkeypatch.setattr(os, "write", real)
    spool.write([kline(2)])
    spool.close()
    assert drain(opened(tmp_path)) == [kline(0), kline(2)]


def test_a_segment_that_was_not_fully_handed_over_is_handed_over_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for index in range(4):
        spool.write([kline(index)])
    _, token = spool.read(most_events=2)
    spool.done(token)
    assert drain(spool, most=10) == [kline(2), kline(3)]
    for index in range(2):
        spool.write([kline(index)])
    _, token = spool.read(most_events=1)
    spool.done(token)
    spool.close()
    assert drain(opened(tmp_path)) == [kline(0), kline(1)]


def test_damage_in_the_middle_is_skipped_and_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment=1_500)
    for index in range(12):
        spool.write([kline(index)])
    files = sorted(tmp_path.iterdir())
    assert len(files) > 2
    files[0].write_bytes(bytes(files[0].stat().st_size))
    found = drain(spool)
    assert spool.torn_bytes > 0
    assert found == [kline(index) for index in range(12 - len(found), 12)]
    assert found


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be used"):
        opened(tmp_path / "file" / "spill")
