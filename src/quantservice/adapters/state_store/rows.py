"""Records to rows and back: fields named as JSON travel as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Dialect

from quantservice.adapters.state_store.prepared import Prepared, Row

_S = TypeVar("_S", bound=msgspec.Struct)


class Statements(Protocol):
    """A connection within a transaction, as repositories use it."""

    @property
    def dialect(self) -> Dialect:
        """The SQL that is spoken."""
        ...

    async def execute(self, statement: sa.Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement; with several rows of parameters once for each."""
        ...

    async def fetch(self, prepared: Prepared, parameters: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a prepared SELECT."""
        ...

    async def change(self, prepared: Prepared, parameters: Mapping[str, Any]) -> int:
        """Execute a prepared statement that writes; return how many rows it wrote."""
        ...


def insert_once(connection: Statements, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that knows ON CONFLICT in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def pack(record: msgspec.Struct, json: Sequence[str], *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the columns of a record."""
    fields = {name: value for name, value in msgspec.structs.asdict(record).items() if name not in without}
    return fields | {name: msgspec.json.encode(fields[name]).decode() for name in json}


def unpack(kind: type[_S], row: sa.RowMapping, json: Sequence[str]) -> _S:
    """Return the record of a row."""
    fields = dict(row)
    fields |= {name: msgspec.json.decode(fields[name]) for name in json}
    return kind(**fields)
