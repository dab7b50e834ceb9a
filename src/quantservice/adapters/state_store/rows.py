"""Records to rows and back: fields named as JSON travel as text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Dialect

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


def insert_once(connection: Statements, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that knows ON CONFLICT in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def put_once(connection: Statements, table: sa.Table, *keys: str, changing: tuple[str, ...] = ()) -> sa.Executable:
    """Return an INSERT to execute with the row: where ``keys`` are there, ``changing`` is taken from the row, or nothing is done.

    Made once: to build such a statement takes longer than to run it.
    """
    return _put_once(connection.dialect.name, table, keys, changing)


@cache
def _put_once(dialect: str, table: sa.Table, keys: tuple[str, ...], changing: tuple[str, ...]) -> sa.Executable:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    if not changing:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in changing})


def pack(record: msgspec.Struct, json: Sequence[str], *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the columns of a record."""
    fields = {name: value for name, value in msgspec.structs.asdict(record).items() if name not in without}
    return fields | {name: msgspec.json.encode(fields[name]).decode() for name in json}


def unpack(kind: type[_S], row: sa.RowMapping, json: Sequence[str]) -> _S:
    """Return the record of a row."""
    fields = dict(row)
    fields |= {name: msgspec.json.decode(fields[name]) for name in json}
    return kind(**fields)
