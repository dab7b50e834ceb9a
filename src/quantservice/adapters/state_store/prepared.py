"""Statements that are compiled once.

SQLAlchemy takes longer to make a statement and to find its compiled form again than SQLite takes to run it, and a trading event is
a dozen of them. What trades is therefore prepared: written once with named parameters, compiled at its first use for the database
that is spoken, and handed to SQLite's driver as it is. PostgreSQL, where the way to the server takes longest, runs the same
statements through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

Row: TypeAlias = Sequence[Any]
_DIALECTS: Final[Mapping[str, Callable[[], Dialect]]] = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}
_Process: TypeAlias = Callable[[Any], Any]


class Compiled(NamedTuple):
    """SQL with the names of its positional parameters, fixed values among them, and what turns columns into Python's values."""

    text: str
    names: tuple[str, ...]
    fixed: dict[str, Any]
    processes: tuple[tuple[int, _Process], ...]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the text; KeyError where one is missing."""
        if not self.fixed:
            return [parameters[name] for name in self.names]
        return [parameters[name] if name in parameters else self.fixed[name] for name in self.names]

    def rows(self, found: list[Row]) -> list[Row]:
        """Return rows with Python's values."""
        if not self.processes:
            return found
        made: list[Row] = []
        for row in found:
            values = list(row)
            for place, process in self.processes:
                values[place] = process(values[place])
            made.append(values)
        return made


class Prepared:
    """One statement. ``columns`` are those that an INSERT is given."""

    def __init__(self, make: Callable[[str], sa.Executable], columns: Sequence[str] | None = None) -> None:
        self._make, self._columns = make, None if columns is None else list(columns)
        self._statements: dict[str, sa.Executable] = {}
        self._compiled: dict[str, Compiled] = {}

    def statement(self, dialect: str) -> sa.Executable:
        """Return it as SQLAlchemy has it."""
        if dialect not in self._statements:
            self._statements[dialect] = self._make(dialect)
        return self._statements[dialect]

    def compiled(self, dialect: Dialect) -> Compiled:
        """Return it as the driver takes it."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> Compiled:
        statement = self.statement(dialect.name)
        made: Any = statement.compile(dialect=dialect, column_keys=self._columns)  # type: ignore[attr-defined]
        names = tuple(made.positiontup or ())
        fixed = {name: value for name, value in made.params.items() if name in names and not made.binds[name].required}
        columns = [column.type for column in getattr(statement, "selected_columns", ())]
        processes = [(place, kind.dialect_impl(dialect).result_processor(dialect, None)) for place, kind in enumerate(columns)]
        known = tuple((place, process) for place, process in processes if process is not None)
        return Compiled(str(made), names, fixed, known)


def fetch(query: sa.Executable) -> Prepared:
    """Prepare a SELECT with ``bindparam`` s."""
    return Prepared(lambda _dialect: query)


def change(statement: sa.Executable) -> Prepared:
    """Prepare an UPDATE or DELETE with ``bindparam`` s."""
    return Prepared(lambda _dialect: statement)


def add(table: sa.Table, *, without: Sequence[str] = ()) -> Prepared:
    """Prepare an INSERT of all columns but ``without``."""
    return Prepared(lambda _dialect: sa.insert(table), [column.name for column in table.columns if column.name not in without])


def put(table: sa.Table, *keys: str, changing: Sequence[str] = (), without: Sequence[str] = ()) -> Prepared:
    """Prepare an INSERT: where ``keys`` are there, ``changing`` is taken from the row, or nothing is done."""

    def make(dialect: str) -> sa.Executable:
        statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
        if not changing:
            return statement.on_conflict_do_nothing(index_elements=keys)
        taken = {name: statement.excluded[name] for name in changing}
        return statement.on_conflict_do_update(index_elements=keys, set_=taken)

    return Prepared(make, [column.name for column in table.columns if column.name not in without])
