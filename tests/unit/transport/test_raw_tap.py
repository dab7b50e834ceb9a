"""The recording: one line each, in the order of arrival, never slowing the feed."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from tests.support.feeds import venue_on
from tests.support.transport import Collected, fake_venue, kline_frame, um_stream, until

from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.core.errors import EnvironmentFault
from quantservice.core.spans import Span


def lines(path: Path) -> list[tuple[int, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [(int(line.split(" ", 1)[0]), json.loads(line.split(" ", 1)[1])) for line in file]


async def write(tap: RawTap) -> None:
    task = asyncio.create_task(tap.run())
    await asyncio.sleep(0)
    await until(lambda: tap.stats()["queued"] == 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_a_session_leaves(tmp_path: Path) -> None:
    tap = RawTap(tmp_path / "deep" / "um.gz", flush_s=0.01)
    async with fake_venue() as fake:
        async with venue_on(fake, tap=tap) as venue, Collected(venue.feed) as got:
            await venue.feed.update([um_stream("AAA")])
            await until(fake.names)
            frame = kline_frame("AAAUSDT", 1_700_000_040_000, closed=True)
            await fake.push(frame)
            await until(got.klines)
            now_ms = await venue.history.server_time_ms()
            assert [page async for page in venue.history.klines(um_stream("AAA"), Span(now_ms - 300_000, now_ms))]
        await write(tap)
    found = lines(tap.path)
    values = [value for _, value in found if isinstance(value, dict)]
    opened = next(value["connection"] for value in values if "connection" in value)
    assert (opened["name"], opened["streams"]) == ("market-0", ["aaausdt@kline_1m"])
    assert json.loads(frame) in values
    received = {kline.recv_ns for kline in got.klines()}
    assert received <= {at for at, _ in found}, "the same receive time as the event's"
    paths = [value["rest"]["path"] for value in values if "rest" in value]
    assert {"/fapi/v1/time", "/fapi/v1/exchangeInfo", "/fapi/v1/klines"} <= set(paths)
    answer = next(value["rest"] for value in values if "rest" in value and value["rest"]["path"].endswith("klines"))
    assert (answer["status"], answer["query"]["symbol"], len(answer["body"]) > 0) == (200, "AAAUSDT", True)


async def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    tap = RawTap(tmp_path / "x.gz", capacity=3, flush_s=0.01)
    for number in range(5):
        tap.frame(b"{}", number + 1)
    await write(tap)
    assert [at for at, _ in lines(tap.path)] == [1, 2, 3]
    assert tap.stats() == {"written": 3, "dropped": 2, "queued": 0}


async def test_a_malformed_frame_stays_one_line(tmp_path: Path) -> None:
    tap = RawTap(tmp_path / "x.gz", flush_s=0.01)
    tap.frame(b'{"a":\n\xff}', 7)
    tap.answer("/p", {}, 502, b"<html>\r\n", 8)
    tap.answer("/p", {}, 200, b'{"a":\r\n1}', 9)
    await write(tap)
    assert lines(tap.path) == [
        (7, {"malformed": '{"a":\n\\xff}'}),
        (8, {"rest": {"path": "/p", "query": {}, "status": 502, "body": "<html>\r\n"}}),
        (9, {"rest": {"path": "/p", "query": {}, "status": 200, "body": {"a": 1}}}),
    ]


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="cannot write the recording"):
        await RawTap(tmp_path / "file" / "x.gz").run()
