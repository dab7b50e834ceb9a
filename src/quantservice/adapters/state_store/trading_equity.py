"""What is kept per account and time: equity, coarser the older it is, and how each day's books compared with the venue."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.prepared import fetch, put
from quantservice.adapters.state_store.rows import Statements, insert_once
from quantservice.core.money import exact
from quantservice.core.periods import DAY_MS
from quantservice.ports import EQUITY_STEPS, DayComparison, EquityPoint

_COMPARISON: Final = msgspec.json.Decoder(DayComparison)
_ENCODE: Final = msgspec.json.Encoder()
_OF_STATEMENTS: Final = tables.statements.c
_PUT_STATEMENT: Final = put(tables.statements, "account", "day_ms", changing=("differed_ms", "data"))
_DIFFERED: Final = fetch(
    sa.select(_OF_STATEMENTS.differed_ms).where(
        _OF_STATEMENTS.account == sa.bindparam("of_account"), _OF_STATEMENTS.day_ms == sa.bindparam("of_day_ms")
    )
)
_STATEMENTS: Final = fetch(
    sa.select(_OF_STATEMENTS.data)
    .where(_OF_STATEMENTS.account == sa.bindparam("of_account"), _OF_STATEMENTS.day_ms >= sa.bindparam("start_ms"))
    .order_by(_OF_STATEMENTS.day_ms)
)


class SqlEquity:
    """Table equity_point. An account has one writer, so what is read here is still there when it is written."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.equity_point

    async def record(self, point: EquityPoint) -> None:
        """Merge a figure into the bucket of every step; a bucket that begins lets those go that are too old."""
        for step_ms, kept_ms in EQUITY_STEPS.items():
            bucket_ms = point.time_ms - point.time_ms % step_ms
            before = await self._one(point.account, step_ms, bucket_ms)
            merged = point if before is None else _merged(before, point)
            changing = {name: format(getattr(merged, name), "f") for name in ("equity", "low", "high", "paid_in")}
            key = {"account": point.account, "step_ms": step_ms, "time_ms": bucket_ms}
            statement = insert_once(self._connection, self._table).values(**key, **changing)
            await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changing))
            if before is None:
                old = sa.and_(*self._of(point.account, step_ms), self._table.c.time_ms < bucket_ms - kept_ms)
                await self._connection.execute(sa.delete(self._table).where(old))

    async def list(self, account: str, step_ms: int, *, start_ms: int, end_ms: int) -> list[EquityPoint]:
        """Return the buckets of a step that begin in ``[start_ms, end_ms)``, oldest first."""
        table = self._table
        within = (table.c.time_ms >= start_ms, table.c.time_ms < end_ms)
        query = sa.select(table).where(*self._of(account, step_ms), *within).order_by(table.c.time_ms)
        return [_point(row) for row in (await self._connection.execute(query)).mappings()]

    async def first_ms(self, account: str, step_ms: int) -> int | None:
        """Return when the oldest bucket of a step begins, or None."""
        query = sa.select(sa.func.min(self._table.c.time_ms)).where(*self._of(account, step_ms))
        found = (await self._connection.execute(query)).scalar()
        return None if found is None else int(found)

    async def _one(self, account: str, step_ms: int, time_ms: int) -> EquityPoint | None:
        query = sa.select(self._table).where(*self._of(account, step_ms), self._table.c.time_ms == time_ms)
        row = (await self._connection.execute(query)).mappings().first()
        return None if row is None else _point(row)

    def _of(self, account: str, step_ms: int) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._table.c.account == account, self._table.c.step_ms == step_ms)


class SqlStatements:
    """Table statements. An account has one writer, so what is read here is still there when it is written."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def record(self, comparison: DayComparison) -> None:
        """Keep it as its day's last."""
        day_ms = comparison.time_ms - comparison.time_ms % DAY_MS
        for (before,) in await self._connection.fetch(_DIFFERED, {"of_account": comparison.account, "of_day_ms": day_ms}):
            comparison = msgspec.structs.replace(comparison, differed_ms=max(comparison.differed_ms, before))
        row = {
            "account": comparison.account,
            "day_ms": day_ms,
            "differed_ms": comparison.differed_ms,
            "data": _ENCODE.encode(comparison).decode(),
        }
        await self._connection.change(_PUT_STATEMENT, row)

    async def list(self, account: str, *, start_ms: int = 0) -> list[DayComparison]:
        """Return those of the days that begin at ``start_ms`` or later, oldest first."""
        rows = await self._connection.fetch(_STATEMENTS, {"of_account": account, "start_ms": start_ms})
        return [_COMPARISON.decode(data) for (data,) in rows]


@exact
def _merged(before: EquityPoint, point: EquityPoint) -> EquityPoint:
    """Return a bucket with one more figure: what was paid in or out since moves its lowest and highest, and is no fall."""
    moved = point.paid_in - before.paid_in
    return msgspec.structs.replace(point, low=min(before.low + moved, point.low), high=max(before.high + moved, point.high))


def _point(row: sa.RowMapping) -> EquityPoint:
    amounts = {name: Decimal(row[name]) for name in ("equity", "low", "high", "paid_in")}
    return EquityPoint(account=row["account"], time_ms=row["time_ms"], **amounts)
