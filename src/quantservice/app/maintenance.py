"""Work on the stores that a person asks for: import, backup, restore, prune, digest, schema check. Each tells its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from quantservice.app.roles import retention_days
from quantservice.core.errors import InvalidValue, UserError
from quantservice.core.events import StreamId
from quantservice.core.periods import check_period

if TYPE_CHECKING:
    from quantservice.app.platform import Platform

#: done, total (None: not known), text
Progress: TypeAlias = Callable[[float, float | None, str], None]
Work: TypeAlias = Callable[[Mapping[str, Any], Progress], Awaitable[dict[str, Any]]]

_IMPORT_BATCH = 20_000


class Maintenance:
    """The operations by name, for the API and the command line."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._busy = asyncio.Lock()

    def operations(self) -> dict[str, Work]:
        """Name -> operation."""
        return {
            "import": self._alone(self._import),
            "backup": self._alone(self._backup),
            "restore": self._alone(self._restore),
            "prune": self._alone(self._prune),
            "digest": self._alone(self._digest),
            "schema": self._schema,
        }

    def _alone(self, work: Work) -> Work:
        async def run(body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
            if self._busy.locked():
                raise UserError("another maintenance operation is running; wait for it to end")
            async with self._busy:
                return await work(body, progress)

        return run

    async def _import(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        from quantservice.adapters.files import read_klines

        platform = self._platform
        period = check_period(str(body.get("period") or "1m"))
        if not len(platform.book()) and platform.venues:
            await platform.load_instruments()
        instrument = platform.book().resolve(str(body.get("symbol") or ""), market=body.get("market"), venue=body.get("venue"))
        stream = StreamId.kline(instrument.id, period)
        file = _file(body)
        flagging = bool(body.get("flag_bad_rows"))
        report = await asyncio.to_thread(read_klines, file, stream)
        accepted = flagging or not report.refused
        stored = revised = 0
        if accepted:
            for start in range(0, len(report.klines), _IMPORT_BATCH):
                result = await platform.market_store.append(report.klines[start : start + _IMPORT_BATCH])
                stored += len(result.new)
                revised += len(result.revised)
                progress(min(start + _IMPORT_BATCH, len(report.klines)), len(report.klines), file.name)
        refused = [{"line": row.line, "reason": row.reason} for row in report.refused]
        verdict = f"{stored:,} new klines, {revised:,} restated" if accepted else "refused, nothing stored"
        bad = f"; {len(refused):,} bad rows" if refused else ""
        return {
            "file": str(file),
            "stream": str(stream),
            "accepted": accepted,
            "stored": stored,
            "revised": revised,
            "refused": len(refused),
            "refused_rows": refused[:100],
            "summary": f"{file.name}: {verdict}{bad}",
        }

    async def _backup(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        return dict(await self._platform.market_store.backup(_new_folder(body), progress=progress))

    async def _restore(self, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        folder = _folder(body)
        if "collector" in self._platform.services:
            raise UserError("a restore needs the platform stopped: end qs up (or qs demo) and run qs restore again")
        return dict(await self._platform.market_store.restore(folder, progress=progress))

    async def _prune(self, _body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        removed = await self._platform.market_store.prune(retention_days(self._platform))
        progress(1, 1, "")
        return {f"{kind}_rows": rows for kind, rows in removed.items()}

    async def _digest(self, _body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        from quantservice.services.ledger import commands

        return dict(
            await commands.seal(self._platform.market_store, self._platform.state_store, self._platform.clock, progress=progress)
        )

    async def _schema(self, _body: Mapping[str, Any], _progress: Progress) -> dict[str, Any]:
        return {"differences": list(await self._platform.market_store.check_schema())}


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
