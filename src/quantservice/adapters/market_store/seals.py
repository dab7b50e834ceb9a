"""The digest log as a table: append-only, in the order of its sequence."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from quantservice.adapters.market_store.schema import DIGEST_LOG
from quantservice.adapters.market_store.session import Session
from quantservice.core.digest import Seal
from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import DAY_MS
from quantservice.ports import UnsealedDay

_STREAM: Final = "venue, market, symbol, period"
_SCHEMA: Final = pa.schema(
    [
        ("sequence", pa.int64()),
        ("venue", pa.string()),
        ("market", pa.string()),
        ("symbol", pa.string()),
        ("period", pa.string()),
        ("day_ms", pa.int64()),
        ("through_ns", pa.int64()),
        ("sealed_ns", pa.int64()),
        ("open_times", pa.list_(pa.int64())),
        ("revisions", pa.list_(pa.uint32())),
        ("row_hashes", pa.string()),
        ("digest", pa.string()),
        ("previous", pa.string()),
        ("link", pa.string()),
    ]
)


class SealTable:
    """Reads and extends the log. Everything here runs in the store's one thread."""

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._database = database

    def append(self, seals: Sequence[Seal]) -> None:
        """Add entries; refused when the log no longer ends where they begin."""
        if seals:
            sql = f"SELECT max(sequence) AS newest FROM `{self._database}`.digest_log"
            if self._session.rows(sql)[0]["newest"] != seals[0].sequence - 1:
                raise EnvironmentFault("days are being sealed by someone else at this moment: try again")
            rows = [_row(entry) for entry in seals]
            self._session.insert(self._database, DIGEST_LOG.name, pa.Table.from_pylist(rows, schema=_SCHEMA))

    def read(self, *, after: int, limit: int, stream: StreamId | None) -> list[Seal]:
        """Entries above ``after`` in order."""
        parameters: dict[str, Any] = {"after": after, "limit": limit}
        of_stream = ""
        if stream is not None:
            instrument = stream.instrument
            parameters.update(venue=instrument.venue, market=instrument.market, symbol=instrument.symbol, period=stream.period)
            of_stream = (
                " AND venue = {venue:String} AND market = {market:String} AND symbol = {symbol:String} AND period = {period:String}"
            )
        names = ", ".join(field.name for field in _SCHEMA)
        sql = (
            f"SELECT {names} FROM `{self._database}`.digest_log WHERE sequence > {{after:Int64}}{of_stream} "
            "ORDER BY sequence LIMIT {limit:UInt64}"
        )
        return [_seal(row) for row in self._session.rows(sql, parameters)]

    def last(self) -> dict[tuple[StreamId, int], int]:
        """The newest entry of each stream's day."""
        sql = f"SELECT {_STREAM}, day_ms, max(sequence) AS newest FROM `{self._database}`.digest_log GROUP BY {_STREAM}, day_ms"
        return {(_stream(row), row["day_ms"]): row["newest"] for row in self._session.rows(sql)}

    def unsealed(self, *, since_ms: int, before_ms: int) -> list[UnsealedDay]:
        """Days with rows that no entry covers, oldest first."""
        sql = (
            f"SELECT {_STREAM}, day_ms, klines, newest_ns FROM ("
            f"SELECT {_STREAM}, intDiv(open_time, {DAY_MS}) * {DAY_MS} AS day_ms, countIf(revision = 0) AS klines, "
            f"max(first_seen_ns) AS newest_ns FROM `{self._database}`.kline "
            "WHERE open_time >= {since:Int64} AND open_time < {before:Int64} "
            f"GROUP BY {_STREAM}, day_ms) AS stored "
            f"LEFT JOIN (SELECT {_STREAM}, day_ms, max(through_ns) AS sealed_through FROM `{self._database}`.digest_log "
            f"GROUP BY {_STREAM}, day_ms) AS sealed USING ({_STREAM}, day_ms) "
            f"WHERE newest_ns > sealed_through ORDER BY day_ms, {_STREAM}"
        )
        return [
            UnsealedDay(stream=_stream(row), day_ms=row["day_ms"], klines=row["klines"], newest_ns=row["newest_ns"])
            for row in self._session.rows(sql, {"since": since_ms, "before": before_ms})
        ]


def _row(entry: Seal) -> dict[str, Any]:
    instrument = entry.stream.instrument
    return {
        "sequence": entry.sequence,
        "venue": instrument.venue,
        "market": instrument.market,
        "symbol": instrument.symbol,
        "period": entry.stream.period,
        "day_ms": entry.day_ms,
        "through_ns": entry.through_ns,
        "sealed_ns": entry.sealed_ns,
        "open_times": list(entry.open_times),
        "revisions": list(entry.revisions),
        "row_hashes": entry.row_hashes.hex(),
        "digest": entry.digest,
        "previous": entry.previous,
        "link": entry.link,
    }


def _seal(row: dict[str, Any]) -> Seal:
    stream = _stream(row)
    for name in ("venue", "market", "symbol", "period"):
        del row[name]
    row["row_hashes"] = _unhex(row["row_hashes"])
    row["open_times"] = tuple(row["open_times"])
    row["revisions"] = tuple(row["revisions"])
    return Seal(stream=stream, **row)


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""  # an edited log: the link over the empty hashes does not hold either


def _stream(row: dict[str, Any]) -> StreamId:
    return StreamId(InstrumentId(row["venue"], row["market"], row["symbol"]), Kind.KLINE, row["period"])
