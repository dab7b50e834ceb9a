"""Instruments as versioned rows: a changed rule closes the old version and opens a new one."""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from quantservice.adapters.market_store.schema import INSTRUMENT
from quantservice.adapters.market_store.session import Session
from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId

_OPEN = 0  # valid_to_ms of a version that still holds


class InstrumentTable:
    """Reads and replaces instrument lists. Everything here runs in the store's one thread."""

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._database = database

    def put(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int, now_ns: int) -> int:
        """Replace the whole list of a venue's market; returns how many instruments changed."""
        if not instruments:
            raise InvalidValue("instruments", "an empty list would close every instrument of the market")
        wrong = next((item for item in instruments if (item.id.venue, item.id.market) != (venue, market)), None)
        if wrong is not None:
            raise InvalidValue("instruments", f"{wrong.id} is not of {venue}:{market}")
        held = {item.id: item for item in self.get(venue, market)}
        rows: list[dict[str, Any]] = []
        changes = 0
        for item in instruments:
            old = held.pop(item.id, None)
            if old is not None and _rules(old) == _rules(item):
                continue
            changes += 1
            # A list that was seen before the stored version began cannot end it earlier than it began.
            start_ms = max(seen_ms, old.valid_from_ms + 1) if old is not None else seen_ms
            if old is not None:
                rows.append(_row(old, valid_to_ms=start_ms, written_ns=now_ns))
            rows.append(_row(msgspec.structs.replace(item, valid_from_ms=start_ms), valid_to_ms=_OPEN, written_ns=now_ns))
        for gone in held.values():
            changes += 1
            rows.append(_row(gone, valid_to_ms=max(seen_ms, gone.valid_from_ms + 1), written_ns=now_ns))
        if rows:
            self._session.insert(self._database, INSTRUMENT.name, pa.Table.from_pylist(rows, schema=_SCHEMA))
        return changes

    def get(self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None) -> list[Instrument]:
        """The versions that hold now, or held at an instant."""
        parameters: dict[str, Any] = {}
        if as_of_ms is None:
            where = ["valid_to_ms = 0"]
        else:
            where = ["valid_from_ms <= {as_of:Int64}", "(valid_to_ms = 0 OR valid_to_ms > {as_of:Int64})"]
            parameters["as_of"] = as_of_ms
        for name, value in (("venue", venue), ("market", market)):
            if value is not None:
                where.append(f"{name} = {{{name}:String}}")
                parameters[name] = value
        sql = f"SELECT rules FROM `{self._database}`.instrument FINAL WHERE {' AND '.join(where)} ORDER BY venue, market, symbol"
        return [msgspec.json.decode(row["rules"], type=Instrument) for row in self._session.rows(sql, parameters)]


def _rules(item: Instrument) -> Instrument:
    return msgspec.structs.replace(item, valid_from_ms=0)


def _row(item: Instrument, *, valid_to_ms: int, written_ns: int) -> dict[str, Any]:
    identity: InstrumentId = item.id
    return {
        "venue": identity.venue,
        "market": identity.market,
        "symbol": identity.symbol,
        "venue_symbol": item.venue_symbol,
        "valid_from_ms": item.valid_from_ms,
        "valid_to_ms": valid_to_ms,
        "rules": msgspec.json.encode(item).decode(),
        "written_ns": written_ns,
    }


_SCHEMA = pa.schema(
    [
        ("venue", pa.string()),
        ("market", pa.string()),
        ("symbol", pa.string()),
        ("venue_symbol", pa.string()),
        ("valid_from_ms", pa.int64()),
        ("valid_to_ms", pa.int64()),
        ("rules", pa.string()),
        ("written_ns", pa.int64()),
    ]
)
