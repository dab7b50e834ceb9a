"""Keeping the store: retention, Parquet export, backup and restore, and the schema check."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from quantservice.adapters.market_store.schema import DIGEST_LOG, KLINE, TABLE_OF, TABLES, Column, Table
from quantservice.adapters.market_store.session import Session
from quantservice.core.errors import EnvironmentFault, IntegrityError, InvalidValue, UnknownName, UserError
from quantservice.core.events import Kind
from quantservice.core.periods import DAY_MS, floor_open

#: done, total (None: not known), text
Progress: TypeAlias = Callable[[float, float | None, str], None]
_MANIFEST: Final = "manifest.json"
_CHUNK_ROWS: Final = 500_000
_KEPT: Final = (Kind.KLINE, Kind.FUNDING)
FORMAT_VERSION: Final = 1


class BackupFile(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file of a backup."""

    name: str
    table: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; written last, so a folder without one is no backup. ``head`` is the digest chain's end in it."""

    version: int
    created_ms: int
    head_sequence: int
    head: str
    files: tuple[BackupFile, ...]


def no_progress(_done: float, _total: float | None, _text: str) -> None:
    """Tell nobody."""


class Keeper:
    """Everything here runs in the store's one thread, one bounded step per call."""

    def __init__(self, session: Session, database: str, cluster: str) -> None:
        self._session = session
        self._database = database
        self._cluster = cluster

    # --- retention ---------------------------------------------------------------------------------------------------

    def prune(self, kind: str, days: int, now_ms: int) -> int:
        """Delete rows of ``kind`` older than ``days``; returns how many went."""
        if kind not in TABLE_OF:
            raise UnknownName("kind", kind, [item.value for item in TABLE_OF])
        if Kind(kind) in _KEPT:
            raise InvalidValue("kind", f"{kind} is part of the ledger and is kept for ever")
        table = TABLE_OF[Kind(kind)]
        before = (now_ms - days * DAY_MS) // DAY_MS * DAY_MS
        where = f"`{table.time}` < {{before:Int64}}"
        parameters = {"before": before}
        rows = int(self._session.rows(f"SELECT count() AS rows FROM {self._name(table)} WHERE {where}", parameters)[0]["rows"])
        if not rows:
            return 0
        local = self._local(table)
        month = floor_open("1mo", before)
        sql = f"SELECT DISTINCT _partition_id AS id FROM {self._name(table)} WHERE `{table.time}` < {{before:Int64}}"
        for row in self._session.rows(sql, {"before": month}):
            self._session.command(f"ALTER TABLE {local} DROP PARTITION ID {{id:String}}", {"id": row["id"]})
        self._session.command(f"ALTER TABLE {local} DELETE WHERE {where} SETTINGS mutations_sync = 1", parameters)
        return rows

    # --- backup and restore ------------------------------------------------------------------------------------------

    def plan(self, now_ns: int) -> list[tuple[Table, str, dict[str, Any], int]]:
        """The steps of a backup: table, WHERE, parameters, rows. Klines up to now, so that the copy is of one instant."""
        steps: list[tuple[Table, str, dict[str, Any], int]] = []
        for table in TABLES:
            where, parameters = "1", {}
            if table is KLINE:
                where, parameters = "first_seen_ns <= {now:Int64}", {"now": now_ns}
            elif table is DIGEST_LOG:
                where, parameters = "sealed_ns <= {now:Int64}", {"now": now_ns}
            if not table.time:
                rows = self._count(table, where, parameters)
                if rows:
                    steps.append((table, where, parameters, rows))
                continue
            month = f"toYYYYMM(fromUnixTimestamp64Milli(`{table.time}`, 'UTC'))"
            sql = (
                f"SELECT {month} AS month, min(`{table.time}`) AS first, max(`{table.time}`) AS last, count() AS rows "
                f"FROM {self._name(table)} WHERE {where} GROUP BY month ORDER BY month"
            )
            for row in self._session.rows(sql, parameters):
                for first, last in _windows(row["first"], row["last"], row["rows"]):
                    part = f"{where} AND `{table.time}` >= {{first:Int64}} AND `{table.time}` <= {{last:Int64}}"
                    bounds = {**parameters, "first": first, "last": last}
                    rows = self._count(table, part, bounds)
                    if rows:
                        steps.append((table, part, bounds, rows))
        return steps

    def copy(self, step: tuple[Table, str, dict[str, Any], int], path: Path) -> BackupFile:
        """Write one step to one Parquet file."""
        table, where, parameters, _ = step
        order = ", ".join(f"`{name}`" for name in table.order_by)
        names = ", ".join(f"`{column.name}`" for column in table.stored)
        final = " FINAL" if table.replacing else ""
        sql = f"SELECT {names} FROM {self._name(table)}{final} WHERE {where} ORDER BY {order}"
        rows = self._session.table(sql, parameters)
        write_parquet(rows, path)
        return BackupFile(name=path.name, table=table.name, rows=rows.num_rows, sha256=_sha256(path))

    def head(self, now_ns: int) -> tuple[int, str]:
        """The end of the digest log at ``now_ns``."""
        sql = f"SELECT sequence, link FROM {self._name(DIGEST_LOG)} WHERE sealed_ns <= {{now:Int64}} ORDER BY sequence DESC LIMIT 1"
        found = self._session.rows(sql, {"now": now_ns})
        return (found[0]["sequence"], found[0]["link"]) if found else (0, "")

    def check_empty(self) -> None:
        """Refuse a store that holds rows."""
        full = [table.name for table in TABLES if self._count(table, "1", {})]
        if full:
            raise UserError(f"the store is not empty (it holds {', '.join(full)}): restore into a new data directory")

    def load(self, folder: Path, file: BackupFile) -> int:
        """Insert one file of a backup."""
        table = next(item for item in TABLES if item.name == file.table)
        rows = 0
        with pq.ParquetFile(folder / file.name) as source:
            for batch in source.iter_batches(batch_size=_CHUNK_ROWS):
                part = pa.Table.from_batches([batch])
                self._session.insert(self._database, table.name, part)
                rows += part.num_rows
        if rows != file.rows:
            raise IntegrityError(f"{file.name} holds {rows} rows, its manifest says {file.rows}")
        return rows

    def empty(self) -> None:
        """Take everything out again: a restore that failed leaves nothing half-written."""
        for table in TABLES:
            self._session.command(f"TRUNCATE TABLE {self._local(table)}")

    # --- the schema check --------------------------------------------------------------------------------------------

    def check_schema(self) -> list[str]:
        """Compare the live columns with those of this version: one sentence per difference."""
        sql = "SELECT table, name, type FROM system.columns WHERE database = {database:String}"
        live: dict[str, dict[str, str]] = {}
        for row in self._session.rows(sql, {"database": self._database}):
            live.setdefault(row["table"], {})[row["name"]] = row["type"]
        return [sentence for table in TABLES for sentence in _differences(table, live.get(table.name))]

    def _count(self, table: Table, where: str, parameters: Mapping[str, Any]) -> int:
        found = self._session.rows(f"SELECT count() AS rows FROM {self._name(table)} WHERE {where}", parameters)
        return int(found[0]["rows"])

    def _name(self, table: Table) -> str:
        return f"`{self._database}`.`{table.name}`"

    def _local(self, table: Table) -> str:
        if not self._cluster:
            return self._name(table)
        return f"`{self._database}`.`{table.name}_local` ON CLUSTER `{self._cluster}`"


def make_folder(folder: Path) -> None:
    """Make a backup's folder; it must be new or empty."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise EnvironmentFault(f"{folder} cannot be made: {error.strerror or error}") from error
    if used:
        raise UserError(f"{folder} is not empty: give a new folder for the backup")


def write_parquet(rows: pa.Table, path: Path) -> None:
    """Write ``rows`` to ``path`` whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        pq.write_table(rows, part, compression="zstd")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EnvironmentFault(f"the disk of {path.parent} is full: free some space and run it again") from error
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror or error}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: the last act of a backup."""
    path = folder / _MANIFEST
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    part.replace(path)


def read_manifest(folder: Path) -> Manifest:
    """Read and check a backup: every file there and as it was written."""
    path = folder / _MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is not a backup: it has no {_MANIFEST}")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if manifest.version != FORMAT_VERSION:
        raise UserError(f"{folder} is a backup of format {manifest.version}, this version reads format {FORMAT_VERSION}")
    known = {table.name for table in TABLES}
    for file in manifest.files:
        source = folder / file.name
        if file.table not in known or os.sep in file.name or not source.is_file():
            raise IntegrityError(f"{folder} lacks {file.name}: the backup is not whole, use another one")
        if _sha256(source) != file.sha256:
            raise IntegrityError(f"{source} is not what was written: the backup is damaged, use another one")
    return manifest


def _windows(first: int, last: int, rows: int) -> Iterator[tuple[int, int]]:
    """Cut a month's rows into time windows of about ``_CHUNK_ROWS`` rows."""
    parts = -(-rows // _CHUNK_ROWS)
    step = (last - first) // parts + 1
    for start in range(first, last + 1, step):
        yield start, min(start + step - 1, last)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differences(table: Table, live: Mapping[str, str] | None) -> Iterator[str]:
    if live is None:
        yield f"table {table.name} is missing"
        return
    expected: dict[str, Column] = {column.name: column for column in table.columns}
    for name, column in expected.items():
        if name not in live:
            yield f"column {table.name}.{name} is missing (expected {column.plain_type})"
        elif live[name] != column.plain_type:
            yield f"column {table.name}.{name} is {live[name]}, expected {column.plain_type}"
    for name in live.keys() - expected.keys():
        yield f"column {table.name}.{name} is not known to this version"
