"""Records to rows and back: fields named as JSON travel as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

_S = TypeVar("_S", bound=msgspec.Struct)


def insert_once(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
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
