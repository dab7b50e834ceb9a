"""Market data for workers: Arrow files that the store's owner writes once and any number of processes map into memory.

A file is named by the fingerprint of what it holds, so the same bars are written once; it appears whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from quantservice.core.errors import EnvironmentFault, UserError
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.margin_tiers import Tier, chosen_tiers, dated_tables
from quantservice.core.periods import check_period
from quantservice.core.spans import Span
from quantservice.ports import MarketStore
from quantservice.services.jobs.work import DataRequest

_END_MS: Final = 4_102_444_800_000  # 2100: later than anything that is stored
_FLOATS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)
_MANIFEST: Final = ".json"
_TABLE: Final = ".arrow"


#: Returns the stored margin tiers of those instruments that have any, by full name.
StoredTiers: TypeAlias = Callable[[Sequence[InstrumentId]], Awaitable[Mapping[str, tuple[Tier, ...]]]]


class ExportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """One exported table: ``kind`` is kline, detail or funding; ``fingerprint`` is of its values and their revisions."""

    kind: str
    instrument: InstrumentId
    period: str
    file: str
    rows: int
    first_ms: int = 0
    last_ms: int = 0
    revised: int = 0
    synthetic: int = 0
    fingerprint: str = ""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker reads: tables and the rules of their instruments as known at the end and, where they differed, before.

    ``margin_tiers`` are by full name, of those instruments of which they are known.
    """

    period: str
    tables: tuple[ExportedTable, ...]
    instruments: tuple[Instrument, ...]
    fingerprint: str
    start_ms: int
    end_ms: int
    margin_tiers: dict[str, tuple[Tier, ...]] = {}

    @property
    def rows(self) -> int:
        """Klines of all instruments."""
        return sum(table.rows for table in self.tables if table.kind == "kline")


class Exporter:
    """Writes exports into a folder and clears it of old ones."""

    def __init__(
        self,
        store: MarketStore,
        folder: Path,
        instruments: Callable[[], InstrumentBook],
        *,
        keep_s: float = 86_400.0,
        margin_tiers: StoredTiers | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._instruments = instruments
        self._keep_s = keep_s
        self._margin_tiers = margin_tiers

    async def export(self, request: DataRequest) -> tuple[Path, Export]:
        """Write what ``request`` names; return the manifest's path and what it says."""
        check_period(request.period)
        if not request.symbols:
            raise UserError("data.symbols: name at least one instrument")
        found = [self._instruments().resolve(name, market=request.market, venue=request.venue) for name in request.symbols]
        wanted = list({item.id: item for item in found}.values())
        span = Span(request.start_ms or 0, request.end_ms or _END_MS)
        tables: list[ExportedTable] = []
        for item in wanted:
            tables.append(await self._klines("kline", item.id, request.period, span))
            if request.detail_period:
                tables.append(await self._klines("detail", item.id, check_period(request.detail_period), span))
            if item.id.market in ("um", "cm"):
                tables.append(await self._funding(item.id, span))
        rules = await self._rules([item.id for item in wanted], tables)
        tiers = await self._tiers(request, wanted)
        return await asyncio.to_thread(self._write_manifest, request.period, tables, rules or wanted, tiers)

    async def clean(self, keep: Iterable[Path] = ()) -> int:
        """Remove what nobody has asked for in a while, except what the manifests ``keep`` name; return how many files went."""
        return await asyncio.to_thread(self._clean, tuple(keep))

    async def _tiers(self, request: DataRequest, wanted: Sequence[Instrument]) -> dict[str, tuple[Tier, ...]]:
        """Return the margin tiers of the futures: as the request says, else as they are stored."""
        futures = [item for item in wanted if item.id.market in ("um", "cm")]
        stored = await self._margin_tiers([item.id for item in futures]) if self._margin_tiers is not None else {}
        given = {str(item.id): tuple(chosen_tiers(request.margin_tiers, item.id, item.venue_symbol)) for item in futures}
        for name, rows in given.items():
            dated_tables(rows, name)
        return {**stored, **{name: rows for name, rows in given.items() if rows}}

    async def _klines(self, kind: str, instrument: InstrumentId, period: str, span: Span) -> ExportedTable:
        columns = await self._store.read(StreamId.kline(instrument, period), span, ledger=True)
        if not len(columns["open_time"]):
            raise UserError(
                f"no {period} klines of {instrument} are stored in this range; collect them with qs up, "
                "or import files with qs data import"
            )
        arrays = {"open_time": np.ascontiguousarray(columns["open_time"], dtype=np.int64)}
        arrays |= {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in _FLOATS}
        arrays["revision"] = np.ascontiguousarray(columns["revision"], dtype=np.int64)
        arrays["synthetic"] = np.ascontiguousarray(columns["synthetic"]).astype(np.uint8)
        return await asyncio.to_thread(self._write_table, kind, instrument, period, arrays)

    async def _funding(self, instrument: InstrumentId, span: Span) -> ExportedTable:
        rows = await self._store.read_rows(StreamId(instrument, Kind.FUNDING), span)
        arrays = {
            "open_time": np.array([int(row["time"]) for row in rows], dtype=np.int64),
            "rate": np.array([float(row["rate"]) for row in rows], dtype=np.float64),
            "mark_price": np.array([_number(row.get("mark_price")) for row in rows], dtype=np.float64),
        }
        return await asyncio.to_thread(self._write_table, "funding", instrument, "", arrays)

    async def _rules(self, wanted: Sequence[InstrumentId], tables: Sequence[ExportedTable]) -> list[Instrument]:
        """Return the rules as of the first and the last kline, oldest version first."""
        klines = [table for table in tables if table.kind == "kline"]
        moments = (min(table.first_ms for table in klines), max(table.last_ms for table in klines))
        versions: dict[tuple[InstrumentId, int], Instrument] = {}
        for moment in moments:
            for item in await self._store.instruments(as_of_ms=moment):
                if item.id in wanted:
                    versions[item.id, item.valid_from_ms] = item
        named = {instrument for instrument, _ in versions}
        book = self._instruments()
        for instrument in wanted:  # a kline may be older than the first list of instruments that was seen
            now = book.get(instrument)
            if instrument not in named and now is not None:
                versions[instrument, now.valid_from_ms] = now
        return [versions[key] for key in sorted(versions, key=lambda key: (str(key[0]), key[1]))]

    def _write_table(self, kind: str, instrument: InstrumentId, period: str, arrays: Mapping[str, Any]) -> ExportedTable:
        digest = hashlib.sha256(f"{kind} {instrument} {period}".encode())
        for name, values in arrays.items():
            digest.update(name.encode())
            digest.update(values.data)
        fingerprint = digest.hexdigest()
        path = self._folder / f"{fingerprint[:32]}{_TABLE}"
        batch = pa.record_batch(list(arrays.values()), names=list(arrays))

        def write(temporary: Path) -> None:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)

        self._put(path, write)
        times = arrays["open_time"]
        return ExportedTable(
            kind=kind,
            instrument=instrument,
            period=period,
            file=path.name,
            rows=len(times),
            first_ms=int(times[0]) if len(times) else 0,
            last_ms=int(times[-1]) if len(times) else 0,
            revised=int((arrays["revision"] > 0).sum()) if "revision" in arrays else 0,
            synthetic=int(arrays["synthetic"].sum()) if "synthetic" in arrays else 0,
            fingerprint=fingerprint,
        )

    def _write_manifest(
        self,
        period: str,
        tables: Sequence[ExportedTable],
        rules: Sequence[Instrument],
        tiers: Mapping[str, tuple[Tier, ...]],
    ) -> tuple[Path, Export]:
        klines = [table for table in tables if table.kind == "kline"]
        digest = hashlib.sha256("".join(table.fingerprint for table in tables).encode())
        digest.update(msgspec.json.encode(list(rules)))
        if tiers:  # data of which none are known keep the fingerprint that they had
            digest.update(msgspec.json.encode(sorted(tiers.items())))
        export = Export(
            period=period,
            tables=tuple(tables),
            instruments=tuple(rules),
            fingerprint=digest.hexdigest(),
            start_ms=min(table.first_ms for table in klines),
            end_ms=max(table.last_ms for table in klines) + 1,
            margin_tiers=dict(tiers),
        )
        path = self._folder / f"{export.fingerprint[:32]}{_MANIFEST}"
        self._put(path, lambda temporary: temporary.write_bytes(msgspec.json.encode(export)))
        return path, export

    def _put(self, path: Path, write: Callable[[Path], object]) -> None:
        """Make ``path`` by ``write``, whole or not at all; what is there already is only marked as asked for."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                os.utime(path)
                return
            write(temporary)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise EnvironmentFault(
                f"the data of the job cannot be written to {self._folder} ({error.strerror or error}); "
                "free disk space and submit the job again"
            ) from None

    def _clean(self, keep: Sequence[Path]) -> int:
        kept = {path.name for path in keep}
        for path in keep:
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                kept.update(table.file for table in read_manifest(path).tables)
        removed = 0
        before = time.time() - self._keep_s
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.name not in kept and path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
        return removed


def read_manifest(path: Path) -> Export:
    """Return what an export says of itself."""
    return msgspec.json.decode(path.read_bytes(), type=Export)


def map_table(folder: Path, table: ExportedTable) -> dict[str, Any]:
    """Return the columns of an exported table as read-only arrays over the mapped file: nothing is copied."""
    with pa.memory_map(str(folder / table.file)) as source:
        found = pa.ipc.open_file(source).read_all()
    return {name: _column(found[name]) for name in found.column_names}


def _column(column: Any) -> Any:
    if column.num_chunks != 1:
        return column.to_numpy()
    return column.chunk(0).to_numpy(zero_copy_only=True)


def _number(value: Any) -> float:
    return float("nan") if value in (None, "") else float(value)
