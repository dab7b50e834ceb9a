"""Work on the stores that a person asks for: import, backup, restore, prune, digest, schema check. Each tells its progress."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantservice.app import state_backup
from quantservice.core.errors import InvalidValue, UserError
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import check_period, count_opens, next_open
from quantservice.core.spans import Span

if TYPE_CHECKING:
    from quantservice.app.parts import Parts, Progress, Work

_IMPORT_BATCH = 20_000


class Maintenance:
    """The operations by name, for the API and the command line."""

    def __init__(self, platform: Parts) -> None:
        self._platform = platform
        self._busy = asyncio.Lock()

    def operations(self) -> dict[str, Work]:
        """Name -> operation."""
        return {
            "import": self._alone(self._import),
            "fetch": self._alone(self._fetch),
            "backup": self._alone(self._backup),
            "restore": self._alone(self._restore),
            "prune": self._alone(self._prune),
            "digest": self._alone(self._digest),
            "schema": self._schema,
            "gaps": self._gaps,
        }

    def _alone(self, work: Work) -> Work:
        async def run(body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
            if self._busy.locked():
                raise UserError("another maintenance operation is running; wait for it to end")
            async with self._busy:
                return await work(body, progress)

        return run

    async def _import(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        instrument = await self._instrument(body)
        return await self._store(_file(body), instrument.id, body, progress)

    async def _fetch(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        """Download the archive's files of a range, one after the other, and import each as soon as its checksum holds."""
        from quantservice.adapters.venues.binance.archive import archive_files
        from quantservice.adapters.venues.binance.archive_download import ArchiveDownload

        platform = self._platform
        instrument = await self._instrument(body)
        venue = platform.venues.get((instrument.id.venue, instrument.id.market))
        if venue is None:
            raise UserError(
                f"{instrument.id.venue} {instrument.id.market} is not enabled; set binance.{instrument.id.market}.enabled"
            )
        files = archive_files(
            platform.settings.binance.archive_url,
            _stream(instrument.id, body),
            instrument.venue_symbol,
            _span(body),
            today=dt.datetime.fromtimestamp(platform.clock.now_ms() / 1000, tz=dt.UTC).date(),
        )
        download = ArchiveDownload(venue.pool, instrument.id.market)
        reports: list[dict[str, Any]] = []
        absent: list[str] = []
        with tempfile.TemporaryDirectory(dir=platform.places.root, prefix="archive-") as folder:
            for number, file in enumerate(files):
                progress(number, len(files), file.name)
                path = await download.fetch(file, Path(folder))
                if path is None:
                    absent.append(file.name)
                    continue
                reports.append(await self._store(path, instrument.id, body, no_progress, checked=True))
                path.unlink()
                if not reports[-1]["accepted"]:
                    break
        progress(len(files), len(files), "")
        return {
            "accepted": all(report["accepted"] for report in reports),
            "files": len(reports),
            "absent": absent,
            "rows": sum(report["rows"] for report in reports),
            "stored": sum(report["stored"] for report in reports),
            "revised": sum(report["revised"] for report in reports),
            "reports": reports,
        }

    async def _instrument(self, body: Mapping[str, Any]) -> Instrument:
        platform = self._platform
        if not len(platform.book()) and platform.venues:
            await platform.load_instruments()
        return platform.book().resolve(str(body.get("symbol") or ""), market=body.get("market"), venue=body.get("venue"))

    async def _store(
        self, file: Path, instrument: InstrumentId, body: Mapping[str, Any], progress: Progress, *, checked: bool = False
    ) -> dict[str, Any]:
        platform = self._platform
        source = _Source(file, _stream(instrument, body), flag=bool(body.get("flag_bad_rows")), archive=checked)
        report = await asyncio.to_thread(source.check)
        stored = revised = done = 0
        if report["accepted"]:
            chunks = source.chunks()
            while chunk := await asyncio.to_thread(next, chunks, None):
                result = await platform.market_store.append(chunk)
                stored += result.rows
                revised += len(result.revised)
                done += len(chunk)
                progress(done, report["rows"], source.file.name)
            report["summary"] += (
                f"; {stored:,} rows stored, {revised:,} of them restated, {report['rows'] - stored:,} were there already"
            )
        return {**report, "stored": stored, "revised": revised}

    async def _gaps(self, body: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        platform = self._platform
        wanted = None
        if body.get("symbol"):
            wanted = platform.book().resolve(str(body["symbol"]), market=body.get("market"), venue=body.get("venue")).id
        rows = [
            row
            for row in await platform.market_store.streams()
            if row.stream.kind is Kind.KLINE
            and (wanted is None or row.stream.instrument == wanted)
            and (not body.get("period") or row.stream.period == body["period"])
        ]
        spans = [(row.stream, Span(row.first_ms, next_open(row.stream.period, row.last_ms))) for row in rows]
        missing = await platform.market_store.missing(spans)
        return {
            "data": [
                {
                    "stream": str(stream),
                    "period": stream.period,
                    "start_ms": span.start_ms,
                    "end_ms": span.end_ms,
                    "missing": count_opens(stream.period, span.start_ms, span.end_ms),
                }
                for stream, holes in missing.items()
                for span in holes
            ]
        }

    async def _backup(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        platform = self._platform
        folder = _new_folder(body)
        # State first: a day that is sealed meanwhile makes the log longer than the head, which is seen and mended below.
        state = await state_backup.read_state(platform.state_store, platform.sealer)
        result = dict(await platform.market_store.backup(folder, progress=progress))
        await asyncio.to_thread(
            state_backup.write_state, folder, state, head=str(result["head"]), key_file=platform.places.key_file
        )
        return {**result, **state.counts()}

    async def _restore(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        folder = _folder(body)
        if "collector" in self._platform.services:
            raise UserError("a restore needs the platform stopped: end qs up (or qs demo) and run qs restore again")
        platform = self._platform
        state = await asyncio.to_thread(state_backup.load_state, folder)
        await state_backup.check_empty(platform.state_store)
        result = dict(await platform.market_store.restore(folder, progress=progress))
        await state_backup.put_state(platform.state_store, state, folder)
        return {**result, **state.counts()}

    async def _prune(self, _body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        removed = await self._platform.market_store.prune(self._platform.retention_days())
        progress(1, 1, "")
        return {f"{kind}_rows": rows for kind, rows in removed.items()}

    async def _digest(self, _body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        from quantservice.services.ledger import commands

        return dict(
            await commands.seal(self._platform.market_store, self._platform.state_store, self._platform.clock, progress=progress)
        )

    async def _schema(self, _body: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        return {"differences": list(await self._platform.market_store.check_schema())}


class _Source:
    """A file to import: an archive file of the venue (by its name), or a file of a person's own."""

    def __init__(self, file: Path, stream: StreamId, *, flag: bool, archive: bool = False) -> None:
        from quantservice.adapters.files.klines import KlineFile
        from quantservice.adapters.venues.binance.archive import ArchiveReader

        self.file = file
        self._checksum = file.with_name(file.name + ".CHECKSUM")
        is_trades = "-aggTrades-" in file.name
        if is_trades:
            stream = StreamId(stream.instrument, Kind.TRADE)
        if archive or is_trades or (file.suffix == ".zip" and self._checksum.is_file()):
            self._reader: ArchiveReader | KlineFile = ArchiveReader(file, stream, flag_bad_rows=flag, recv_ns=time.time_ns())
        else:
            self._reader = KlineFile(file, stream, flag_bad_rows=flag)

    def check(self) -> dict[str, Any]:
        """Read the whole file and say what is in it; a stated checksum must hold."""
        from quantservice.adapters.venues.binance.archive import check_sha256

        if self._checksum.is_file():
            check_sha256(self.file, self._checksum.read_text(encoding="ascii", errors="replace").strip())
        report = self._reader.check()
        verdict = f"{report.rows:,} good rows, {report.refused:,} bad ones"
        if report.fault:
            summary = f"{self.file.name} is refused: {report.fault} ({verdict})"
        elif report.accepted:
            summary = f"{self.file.name}: {verdict}"
        else:
            summary = f"{self.file.name} is refused, nothing is stored: {verdict}; --flag takes the good ones"
        return {
            "file": str(self.file),
            "accepted": report.accepted,
            "rows": report.rows,
            "refused": report.refused,
            "refused_rows": [{"line": row.line, "reason": row.reason} for row in report.refused_rows],
            "summary": summary,
        }

    def chunks(self) -> Iterator[list[Any]]:
        """Yield the sound events."""
        return iter(self._reader.chunks(_IMPORT_BATCH))


def _stream(instrument: InstrumentId, body: Mapping[str, Any]) -> StreamId:
    if body.get("kind") == Kind.TRADE:
        return StreamId(instrument, Kind.TRADE)
    return StreamId.kline(instrument, check_period(str(body.get("period") or "1m")))


def _span(body: Mapping[str, Any]) -> Span:
    start_ms, end_ms = body.get("start_ms"), body.get("end_ms")
    if start_ms is None or end_ms is None:
        raise InvalidValue("start_ms" if start_ms is None else "end_ms", "say which range is wanted")
    if end_ms <= start_ms:
        raise InvalidValue("end_ms", f"{end_ms} must lie after start_ms {start_ms}")
    return Span(start_ms, end_ms)


def no_progress(_done: float, _total: float | None, _text: str) -> None:
    """Tell nobody."""


def _file(body: Mapping[str, Any]) -> Path:
    file = Path(str(body.get("file") or ""))
    if not file.is_file():
        raise InvalidValue("file", f"{file} is not a file")
    return file


def _folder(body: Mapping[str, Any]) -> Path:
    folder = Path(str(body.get("folder") or ""))
    if not body.get("folder") or not folder.is_dir():
        raise InvalidValue("folder", f"{folder} is not a folder")
    return folder


def _new_folder(body: Mapping[str, Any]) -> Path:
    folder = Path(str(body.get("folder") or ""))
    if not body.get("folder") or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise InvalidValue("folder", f"{folder} is not a new or empty folder")
    return folder
