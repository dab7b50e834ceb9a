"""The bulk archive over HTTP: from a server on loopback, whole files only, through the egresses."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.clock import ManualClock

from quantservice.adapters.venues.binance.archive import ArchiveReader, archive_files
from quantservice.adapters.venues.binance.archive_download import ArchiveDownload
from quantservice.adapters.venues.transport.proxies import ProxyPool
from quantservice.core.errors import IntegrityError, VenueUnreachable
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.spans import Span

STREAM = StreamId.kline(InstrumentId("binance", "um", "BTC-USDT-PERP"), "1h")
DAY_MS = 1_740_787_200_000  # 2025-03-01
HOUR_MS = 3_600_000


def day_zip(name: str, start_ms: int) -> bytes:
    rows = "".join(
        f"{at},100,110,90,105,1.5,{at + HOUR_MS - 1},150,3,0.5,50,0\n" for at in range(start_ms, start_ms + 24 * HOUR_MS, HOUR_MS)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name.replace(".zip", ".csv"), rows)
    return buffer.getvalue()


class Archive:
    """Serves one day, its checksum beside it; ``flaky`` answers 503 so many times first."""

    def __init__(self) -> None:
        self.base = ""
        self.flaky = 0
        self.damaged = False
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.flaky:
            self.flaky -= 1
            return web.Response(status=503)
        name = request.path.rpartition("/")[2]
        if "2025-03-01" not in name:
            return web.Response(status=404)
        content = day_zip(name.removesuffix(".CHECKSUM"), DAY_MS)
        if name.endswith(".CHECKSUM"):
            return web.Response(text=f"{hashlib.sha256(content).hexdigest()}  {name.removesuffix('.CHECKSUM')}\n")
        return web.Response(body=content[:-1] + b"x" if self.damaged else content)


@pytest.fixture
async def archive() -> AsyncIterator[Archive]:
    held = Archive()
    app = web.Application()
    app.router.add_get("/{path:.*}", held.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    held.base = f"http://127.0.0.1:{runner.addresses[0][1]}/data"
    yield held
    await runner.cleanup()


def files(archive: Archive, days: int = 1) -> list:  # type: ignore[type-arg]  # of ArchiveFile
    span = Span(DAY_MS, DAY_MS + days * 24 * HOUR_MS)
    return archive_files(archive.base, STREAM, "BTCUSDT", span, today=dt.date(2025, 4, 1))


def names(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir()]


def downloader() -> ArchiveDownload:
    return ArchiveDownload(ProxyPool(clock=ManualClock(), environment={}), "um")


async def test_a_day_is_fetched_and_read(archive: Archive, tmp_path: Path) -> None:
    (file,) = files(archive)
    path = await downloader().fetch(file, tmp_path)
    assert path == tmp_path / "BTCUSDT-1h-2025-03-01.zip"
    klines = [event for chunk in ArchiveReader(path, STREAM).chunks() for event in chunk if isinstance(event, Kline)]
    assert [kline.open_time for kline in klines] == list(range(DAY_MS, DAY_MS + 24 * HOUR_MS, HOUR_MS))
    assert {kline.source for kline in klines} == {Source.ARCHIVE}
    assert archive.asked[0] == "/data/futures/um/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-03-01.zip.CHECKSUM"


async def test_what_the_archive_has_not_is_none(archive: Archive, tmp_path: Path) -> None:
    absent = files(archive, days=2)[1]
    assert await downloader().fetch(absent, tmp_path) is None
    assert names(tmp_path) == []


async def test_a_damaged_file_is_not_kept(archive: Archive, tmp_path: Path) -> None:
    archive.damaged = True
    with pytest.raises(IntegrityError, match="sha256"):
        await downloader().fetch(files(archive)[0], tmp_path)
    assert names(tmp_path) == []
    assert len(archive.asked) == 6  # three tries of checksum and file


async def test_an_archive_in_maintenance_is_asked_again(archive: Archive, tmp_path: Path) -> None:
    archive.flaky = 2
    assert await downloader().fetch(files(archive)[0], tmp_path) is not None
    archive.flaky = 100
    with pytest.raises(VenueUnreachable, match="503"):
        await downloader().fetch(files(archive)[0], tmp_path)
