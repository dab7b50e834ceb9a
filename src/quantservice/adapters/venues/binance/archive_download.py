"""Fetches files of the bulk archive: through the egresses, streamed to disk, kept only when their checksum holds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from quantservice.adapters.venues.binance.archive import ArchiveFile, check_sha256
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.transport.diagnosis import NETWORK_ERRORS, diagnose, unreachable_status
from quantservice.adapters.venues.transport.http import make_connector
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import EnvironmentFault, IntegrityError, VenueUnreachable

_CHUNK: Final = 1 << 18
_MAX_CHECKSUM: Final = 1_024


class DownloadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one download. ``idle_s``: how long nothing may arrive."""

    connect_timeout_s: float = 10.0
    idle_s: float = 30.0
    total_timeout_s: float = 3_600.0
    tries: int = 3
    max_bytes: int = 8 << 30


class ArchiveDownload:
    """Downloads archive files of one market."""

    def __init__(self, pool: ProxyPool, market: str, settings: DownloadSettings | None = None) -> None:
        self._pool = pool
        self._market = market
        self._settings = settings or DownloadSettings()

    async def fetch(self, file: ArchiveFile, folder: Path) -> Path | None:
        """Put ``file`` into ``folder``, checked; None when the archive does not have it."""
        failed: list[Egress] = []
        for attempt in range(1, self._settings.tries + 1):
            egress = self._pool.choose(file.url, avoid=failed)
            try:
                found = await self._fetch_through(egress, file, folder)
            except (VenueUnreachable, IntegrityError) as error:
                if isinstance(error, VenueUnreachable):
                    self._pool.failed(egress, error.cause)
                    failed.append(egress)
                if attempt == self._settings.tries:
                    raise
            else:
                self._pool.succeeded(egress)
                return found
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _fetch_through(self, egress: Egress, file: ArchiveFile, folder: Path) -> Path | None:
        limits = self._settings
        timeout = aiohttp.ClientTimeout(
            total=limits.total_timeout_s, sock_connect=limits.connect_timeout_s, sock_read=limits.idle_s
        )
        path = folder / file.name
        try:
            async with aiohttp.ClientSession(connector=make_connector(egress, limit=2), timeout=timeout) as session:
                checksum = await self._checksum(session, file, egress)
                if checksum is None or not await self._save(session, file, path, egress):
                    return None
        except NETWORK_ERRORS as error:
            raise diagnose(error, file.url, egress=egress, venue=VENUE, market=self._market) from error
        try:
            check_sha256(path, checksum, name=file.name)
        except IntegrityError:
            path.unlink()
            raise
        return path

    async def _checksum(self, session: aiohttp.ClientSession, file: ArchiveFile, egress: Egress) -> str | None:
        async with session.get(file.checksum_url) as response:
            if not self._is_there(response, egress):
                return None
            body = await response.content.read(_MAX_CHECKSUM)
        return body.decode("ascii", "replace").strip()

    async def _save(self, session: aiohttp.ClientSession, file: ArchiveFile, path: Path, egress: Egress) -> bool:
        async with session.get(file.url) as response:
            if not self._is_there(response, egress):
                return False
            size = 0
            try:
                with path.open("wb") as target:
                    async for part in response.content.iter_chunked(_CHUNK):
                        size += len(part)
                        if size > self._settings.max_bytes:
                            raise IntegrityError(f"{file.name} is larger than {self._settings.max_bytes} bytes")
                        target.write(part)
            except aiohttp.ClientError:
                raise
            except OSError as error:
                if error.errno is None or isinstance(error, TimeoutError | ConnectionError):
                    raise
                raise EnvironmentFault(f"{path} cannot be written: {error.strerror}; free some space") from error
        return True

    def _is_there(self, response: aiohttp.ClientResponse, egress: Egress) -> bool:
        if response.status == 404:
            return False
        if response.status == 200:
            return True
        url = str(response.url)
        raise unreachable_status(response.status, url, egress=egress, venue=VENUE, market=self._market) or VenueUnreachable(
            f"{url} answers with HTTP {response.status}", cause="server", venue=VENUE, market=self._market
        )
