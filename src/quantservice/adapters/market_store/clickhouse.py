"""ClickHouseStore: the market store on ClickHouse, embedded (``chdb:///dir``) or a server (``clickhouse://…``).

The class is the port and nothing more; what it does is in the neighbours: schema (tables), session (the client and its
thread), appending, reading, gaps, instruments, keeping (prune, export, backup).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from quantservice.adapters.market_store.appending import Appender
from quantservice.adapters.market_store.gaps import GapFinder
from quantservice.adapters.market_store.indicators import IndicatorTable
from quantservice.adapters.market_store.instruments import InstrumentTable
from quantservice.adapters.market_store.keeping import (
    FORMAT_VERSION,
    BackupFile,
    Keeper,
    Manifest,
    Progress,
    make_folder,
    no_progress,
    read_manifest,
    write_manifest,
    write_parquet,
)
from quantservice.adapters.market_store.owner import DirectoryOwner
from quantservice.adapters.market_store.reading import Question, Reader
from quantservice.adapters.market_store.schema import (
    TABLES,
    check_identifier,
    create_statements,
    moving_average_view,
    view_name,
    view_statement,
)
from quantservice.adapters.market_store.seals import SealTable
from quantservice.adapters.market_store.session import Session
from quantservice.core.digest import Seal
from quantservice.core.errors import EnvironmentFault, InvalidValue, QuantServiceError, SettingsError
from quantservice.core.events import Kind, Kline, MarketEvent, StreamId
from quantservice.core.instruments import Instrument
from quantservice.core.spans import Span
from quantservice.ports import AppendResult, Clock, Columns, IndicatorExtent, IndicatorValues, StreamCoverage, UnsealedDay

_log = structlog.get_logger(__name__)
_SCHEMES: Final = ("chdb", "clickhouse", "clickhouses", "http", "https")


class ClickHouseStore:
    """MarketStore on ClickHouse. Decimals are exact; as arrays they are float64, correctly rounded.

    ``dsn``: ``chdb:///absolute/dir`` (one owner process per directory) or ``clickhouse://user:password@host:port/``.
    With ``cluster`` the tables are replicated and distributed over it.
    """

    def __init__(self, dsn: str, *, clock: Clock, database: str = "quantservice", cluster: str = "") -> None:
        scheme = urlsplit(dsn).scheme
        if scheme not in _SCHEMES:
            raise SettingsError("the market store's URL must start with chdb:/// (embedded) or clickhouse:// (server)")
        self._clock = clock
        self._database = check_identifier(database, field="database")
        self._cluster = check_identifier(cluster, field="cluster") if cluster else ""
        self._owner = DirectoryOwner(_directory(dsn)) if scheme == "chdb" else None
        self._session = Session(f"chdb://{self._owner.data_path.resolve()}" if self._owner else dsn)
        self._appender = Appender(self._session, self._database)
        self._reader = Reader(self._session, self._database)
        self._gaps = GapFinder(self._session, self._database)
        self._instruments = InstrumentTable(self._session, self._database)
        self._seals = SealTable(self._session, self._database)
        self._indicators = IndicatorTable(self._session, self._database)
        self._keeper = Keeper(self._session, self._database, self._cluster)
        self._writing = asyncio.Lock()

    @property
    def session(self) -> Session:
        """The seam below, for this room's own tools (bench, schema check)."""
        return self._session

    @property
    def database(self) -> str:
        """Name of the database that holds the tables."""
        return self._database

    async def open(self) -> None:
        """Connect, create the schema, learn what is stored."""
        if self._owner is not None:
            await asyncio.to_thread(self._owner.take, started_ns=self._clock.now_ns())
        try:
            await self._session.open()
            await self._session.run(self._prepare)
        except BaseException:
            await self.close()
            raise
        _log.info("store.opened", embedded=self._session.embedded, database=self._database)

    async def close(self) -> None:
        """Release the store."""
        await self._session.close()
        if self._owner is not None:
            self._owner.release()

    def announce(self, url: str) -> None:
        """Say where this owner's API answers, so that a second process can ask it (embedded only)."""
        if self._owner is not None:
            self._owner.announce(url)

    def _prepare(self) -> None:
        on_cluster = f" ON CLUSTER `{self._cluster}`" if self._cluster else ""
        self._session.command(f"CREATE DATABASE IF NOT EXISTS `{self._database}`{on_cluster}")
        for table in TABLES:
            for statement in create_statements(table, database=self._database, cluster=self._cluster):
                self._session.command(statement)
        differences = self._keeper.check_schema()
        if differences:
            raise EnvironmentFault(
                f"the market store's tables are not those of this version ({differences[0]}): use the version that made them, "
                "or back up with it and restore into a new data directory"
            )
        self._session.command(moving_average_view(database=self._database, cluster=self._cluster))
        self._appender.load()

    # --- writing -----------------------------------------------------------------------------------------------------

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        """Write closed klines and other events; what cannot be stored exactly comes back in ``refused``."""
        if not events:
            return AppendResult()
        async with self._writing:
            return await self._session.run(lambda: self._appender.append(events, self._clock.now_ns()))

    async def put_instruments(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int) -> int:
        """Replace the whole list of a venue's market; returns the number of changes."""
        now_ns = self._clock.now_ns()
        async with self._writing:
            return await self._session.run(
                lambda: self._instruments.put(venue, market, instruments, seen_ms=seen_ms, now_ns=now_ns)
            )

    async def register_pair(self, instrument: Instrument, periods: Sequence[str]) -> None:
        """Create the views ``kline_{symbol}_{market}_{period}`` of a registered pair."""
        statements = [view_statement(instrument, period, database=self._database, cluster=self._cluster) for period in periods]

        def create() -> None:
            for statement in statements:
                self._session.command(statement)

        await self._session.run(create)

    @staticmethod
    def view_name(instrument: Instrument, period: str) -> str:
        """Name of a pair's view."""
        return view_name(instrument, period)

    # --- reading -----------------------------------------------------------------------------------------------------

    async def read(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        ledger: bool = False,
        newest: bool = False,
    ) -> Columns:
        """Current rows as numpy arrays."""
        ask = _question(stream, span, limit, as_known_at_ns, newest)
        return await self._session.run(lambda: self._reader.columns(ask, ledger=ledger, revised=self._revised(ask)))

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        """Current klines with exact decimals."""
        _check_kline(stream)
        ask = _question(stream, span, limit, as_known_at_ns, newest)
        return await self._session.run(lambda: self._reader.klines(ask, revised=self._revised(ask)))

    async def read_rows(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[dict[str, Any]]:
        """Rows as JSON-ready dicts: decimals in plain notation without trailing zeros ("3800.5")."""
        ask = _question(stream, span, limit, as_known_at_ns, newest)
        return await self._session.run(lambda: self._reader.rows(ask, revised=self._revised(ask)))

    async def read_arrow(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """Rows as one ``pyarrow.Table``, decimals exact: all columns, or those named, in that order."""
        ask = _question(stream, span, limit, as_known_at_ns, newest=False)
        return await self._session.run(lambda: self._reader.arrow(ask, revised=self._revised(ask), columns=columns))

    async def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        """Every stored revision, oldest first; decimals as text, with first_seen_ns and first_seen_ms."""
        _check_kline(stream)
        return await self._session.run(lambda: self._reader.revisions(stream, span))

    async def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        """Spans of ``span`` for which klines are stored, merged."""
        _check_kline(stream)
        return await self._session.run(lambda: self._gaps.coverage(stream, span))

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        """The parts of each span without klines, for the streams that lack any."""
        for stream, _ in streams:
            _check_kline(stream)
        if not streams:
            return {}
        return await self._session.run(lambda: self._gaps.missing(streams))

    async def streams(self) -> list[StreamCoverage]:
        """Every stored stream with its extent."""
        return await self._session.run(self._reader.streams)

    async def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        """Rows per UTC day (key: day start ms)."""
        return await self._session.run(lambda: self._reader.day_counts(stream, span))

    async def instruments(
        self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None
    ) -> list[Instrument]:
        """The instruments known now, or as of an instant."""
        return await self._session.run(lambda: self._instruments.get(venue, market, as_of_ms=as_of_ms))

    # --- the digest log ----------------------------------------------------------------------------------------------

    async def append_seals(self, seals: Sequence[Seal]) -> None:
        """Add entries to the digest log."""
        async with self._writing:
            await self._session.run(lambda: self._seals.append(seals))

    async def read_seals(self, *, after: int = 0, limit: int = 200, stream: StreamId | None = None) -> list[Seal]:
        """Entries with a sequence above ``after``, in order."""
        return await self._session.run(lambda: self._seals.read(after=after, limit=limit, stream=stream))

    async def last_seals(self) -> dict[tuple[StreamId, int], int]:
        """The sequence of the newest entry of each (stream, day)."""
        return await self._session.run(self._seals.last)

    async def unsealed_days(self, *, since_ms: int, before_ms: int) -> list[UnsealedDay]:
        """Days with rows that no entry covers, oldest first."""
        return await self._session.run(lambda: self._seals.unsealed(since_ms=since_ms, before_ms=before_ms))

    # --- indicators --------------------------------------------------------------------------------------------------

    async def put_indicators(self, rows: Sequence[IndicatorValues]) -> int:
        """Write computed values; a later value of one key replaces the earlier. Returns the rows written."""
        if not rows:
            return 0
        now_ns = self._clock.now_ns()
        async with self._writing:
            return await self._session.run(lambda: self._indicators.put(rows, now_ns))

    async def read_indicator(
        self, stream: StreamId, indicator: str, span: Span, *, limit: int | None = None, newest: bool = False
    ) -> Columns:
        """Stored values: ``open_time`` (int64 ms) and one float64 column per output, by time."""
        _check_kline(stream)
        return await self._session.run(lambda: self._indicators.read(stream, indicator, span, limit=limit, newest=newest))

    async def indicator_extents(self, stream: StreamId) -> dict[str, IndicatorExtent]:
        """What is stored of a stream, by the indicator's key."""
        _check_kline(stream)
        return await self._session.run(lambda: self._indicators.extents(stream))

    # --- keeping -----------------------------------------------------------------------------------------------------

    async def prune(self, retention: Mapping[str, int]) -> dict[str, int]:
        """Delete rows older than ``retention`` days per kind; returns how many went per kind. Klines are never pruned."""
        removed: dict[str, int] = {}
        for kind, days in retention.items():
            if days > 0:
                removed[kind] = await self._session.run(lambda k=kind, d=days: self._keeper.prune(k, d, self._clock.now_ms()))  # type: ignore[misc] # bound early
        return removed

    async def export(self, path: Path, stream: StreamId, span: Span, *, as_known_at_ns: int | None = None) -> int:
        """Write a stream's current rows in ``span`` to one Parquet file, decimals exact; returns the rows."""
        rows = await self.read_arrow(stream, span, as_known_at_ns=as_known_at_ns)
        await asyncio.to_thread(write_parquet, rows, path)
        return int(rows.num_rows)

    async def backup(self, folder: Path, *, progress: Progress = no_progress) -> dict[str, Any]:
        """Copy everything to Parquet files in a new or empty ``folder``, the manifest last."""
        await asyncio.to_thread(make_folder, folder)
        now_ns = max(self._clock.now_ns(), self._appender.last_seen_ns)
        steps = await self._session.run(lambda: self._keeper.plan(now_ns))
        total, done = sum(step[3] for step in steps), 0
        files: list[BackupFile] = []
        for number, step in enumerate(steps):
            progress(done, total, step[0].name)
            path = folder / f"{step[0].name}-{number:05d}.parquet"
            files.append(await self._session.run(lambda s=step, p=path: self._keeper.copy(s, p)))  # type: ignore[misc] # bound early
            done += step[3]
        sequence, head = await self._session.run(lambda: self._keeper.head(now_ns))
        manifest = Manifest(
            version=FORMAT_VERSION, created_ms=now_ns // 1_000_000, head_sequence=sequence, head=head, files=tuple(files)
        )
        await asyncio.to_thread(write_manifest, folder, manifest)
        progress(total, total, "")
        return {"folder": str(folder), "files": len(files), "rows": sum(file.rows for file in files), "head": head}

    async def restore(self, folder: Path, *, progress: Progress = no_progress) -> dict[str, Any]:
        """Fill this empty store from a backup; what cannot be restored whole is not restored at all."""
        manifest = await asyncio.to_thread(read_manifest, folder)
        total, done = sum(file.rows for file in manifest.files), 0
        async with self._writing:
            await self._session.run(self._keeper.check_empty)
            try:
                for file in manifest.files:
                    progress(done, total, file.name)
                    done += await self._session.run(lambda f=file: self._keeper.load(folder, f))  # type: ignore[misc] # bound early
            except QuantServiceError:
                await self._session.run(self._keeper.empty)
                raise
            await self._session.run(self._appender.load)
        progress(total, total, "")
        return {"folder": str(folder), "files": len(manifest.files), "rows": done, "head": manifest.head}

    async def check_schema(self) -> list[str]:
        """Compare the live tables with those of this version: one sentence per difference."""
        return await self._session.run(self._keeper.check_schema)

    async def statistics(self) -> Mapping[str, Any]:
        """Rows, bytes and parts per table, and the write path's counters."""
        return await self._session.run(self._figures)

    def _figures(self) -> dict[str, Any]:
        sql = (
            "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts "
            "WHERE active AND database = {database:String} GROUP BY table ORDER BY table"
        )
        tables = {row.pop("table"): row for row in self._session.rows(sql, {"database": self._database})}
        figures = self._appender.figures
        counters = {name: getattr(figures, name) for name in figures.__slots__}
        total = {f"total_{name}": sum(row[name] for row in tables.values()) for name in ("rows", "bytes", "parts")}
        return {"tables": tables, **total, **{f"appended_{name}": value for name, value in counters.items()}}

    def _revised(self, ask: Question) -> bool:
        if ask.stream.kind is not Kind.KLINE or not self._appender.may_hold_revisions(ask.stream):
            return False
        return self._reader.highest_revision(ask.stream, ask.span) > 0


def _question(stream: StreamId, span: Span, limit: int | None, known_ns: int | None, newest: bool) -> Question:
    if limit is not None and limit < 1:
        raise InvalidValue("limit", "must be at least 1")
    return Question(stream, span, limit, known_ns, newest)


def _check_kline(stream: StreamId) -> None:
    if stream.kind is not Kind.KLINE:
        raise InvalidValue("stream", f"{stream} is not a stream of klines")


def _directory(dsn: str) -> Path:
    parts = urlsplit(dsn)
    if parts.netloc or not parts.path.strip("/"):
        raise SettingsError("an embedded market store needs an absolute directory: chdb:///path/to/directory")
    return Path(parts.path)
