"""Stored backtests with their tables, and the lifetime ledger of trials."""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.rows import Statements, insert_once, pack, unpack
from quantservice.ports import BacktestRecord, Trial, TrialSummary

_JSON: Final = ("parameters", "data", "assumptions", "metrics", "gates", "versions")
_FIGURES: Final = ("sharpe_daily", "skew", "kurtosis")
_INSERT_ROWS: Final = 500


class SqlBacktests:
    """Tables backtest_results and backtest_part."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.backtest_results

    async def add(self, record: BacktestRecord, parts: Mapping[str, bytes]) -> None:
        """Keep a result with its tables."""
        await self._connection.execute(sa.insert(self._table).values(**pack(record, _JSON)))
        rows = [{"result_id": record.id, "name": name, "content": content} for name, content in parts.items()]
        if rows:
            await self._connection.execute(sa.insert(tables.backtest_part), rows)

    async def get(self, result_id: str) -> BacktestRecord | None:
        """Return a result by its id."""
        query = sa.select(self._table).where(self._table.c.id == result_id)
        row = (await self._connection.execute(query)).mappings().first()
        return unpack(BacktestRecord, row, _JSON) if row is not None else None

    async def list(
        self, *, strategy: str | None = None, family: str | None = None, job_id: str | None = None, limit: int = 200
    ) -> builtins.list[BacktestRecord]:
        """Return records, newest first."""
        table = self._table
        query = sa.select(table).order_by(table.c.created_ms.desc(), table.c.id.desc()).limit(limit)
        for column, value in ((table.c.strategy, strategy), (table.c.family, family), (table.c.job_id, job_id)):
            if value is not None:
                query = query.where(column == value)
        return [unpack(BacktestRecord, row, _JSON) for row in (await self._connection.execute(query)).mappings()]

    async def part(self, result_id: str, name: str) -> bytes | None:
        """Return one table of a result as Arrow bytes."""
        table = tables.backtest_part
        query = sa.select(table.c.content).where(table.c.result_id == result_id, table.c.name == name)
        content = (await self._connection.execute(query)).scalar()
        return None if content is None else bytes(content)

    async def part_names(self, result_id: str) -> builtins.list[str]:
        """Return which tables a result has."""
        query = sa.select(tables.backtest_part.c.name).where(tables.backtest_part.c.result_id == result_id)
        return sorted((await self._connection.execute(query)).scalars())

    async def remove(self, result_id: str) -> bool:
        """Forget a result and its tables; say whether it was there."""
        await self._connection.execute(sa.delete(tables.backtest_part).where(tables.backtest_part.c.result_id == result_id))
        return (await self._connection.execute(sa.delete(self._table).where(self._table.c.id == result_id))).rowcount > 0


class SqlTrials:
    """Table trial. There is no way to remove a row."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.trial

    async def add(self, trials: Sequence[Trial]) -> int:
        """Count trials; one that is there already (run and number) is not counted twice. Returns how many were new."""
        before = await self._rows_of(trials)
        statement = insert_once(self._connection, self._table).on_conflict_do_nothing(index_elements=["run_id", "number"])
        rows = [_trial_row(item) for item in trials]
        for start in range(0, len(rows), _INSERT_ROWS):
            await self._connection.execute(statement, rows[start : start + _INSERT_ROWS])
        return await self._rows_of(trials) - before

    async def summary(self, family: str) -> TrialSummary:
        """Return a family's life so far."""
        found = await self._summaries(family)
        return found[0] if found else TrialSummary(family=family)

    async def families(self) -> builtins.list[TrialSummary]:
        """Return every family's life so far, the one tried last first."""
        return sorted(await self._summaries(None), key=lambda item: item.last_ms, reverse=True)

    async def list(self, family: str, *, limit: int = 1_000) -> builtins.list[Trial]:
        """Return a family's trials, newest first."""
        table = self._table
        query = sa.select(table).where(table.c.family == family).order_by(table.c.id.desc()).limit(limit)
        return [unpack(Trial, row, ("parameters",)) for row in (await self._connection.execute(query)).mappings()]

    async def bury(self, *, now_ms: int, run_id: str | None = None, result_id: str | None = None) -> int:
        """Leave a tombstone for the trials of a deleted job or result: parameters go, the count and the figures stay."""
        table = self._table
        buried = sa.update(table).where(table.c.deleted_ms.is_(None))
        if run_id is None and result_id is None:
            return 0
        if run_id is not None:
            buried = buried.where(table.c.run_id == run_id)
        if result_id is not None:
            buried = buried.where(table.c.result_id == result_id)
        return (await self._connection.execute(buried.values(deleted_ms=now_ms, parameters="{}"))).rowcount

    async def _rows_of(self, trials: Sequence[Trial]) -> int:
        runs = {item.run_id for item in trials}
        query = sa.select(sa.func.count()).select_from(self._table).where(self._table.c.run_id.in_(runs))
        return int((await self._connection.execute(query)).scalar_one())

    async def _summaries(self, family: str | None) -> builtins.list[TrialSummary]:
        table = self._table
        # A parameter set that ran ten times is one trial of the family, by the mean of its Sharpes.
        per_set = sa.select(
            table.c.family,
            sa.func.count().label("runs"),
            sa.func.count(table.c.deleted_ms).label("deleted"),
            sa.func.avg(table.c.sharpe_daily).label("sharpe"),
            sa.func.min(table.c.created_ms).label("first_ms"),
            sa.func.max(table.c.created_ms).label("last_ms"),
        ).group_by(table.c.family, table.c.parameter_hash)
        if family is not None:
            per_set = per_set.where(table.c.family == family)
        sets = per_set.subquery()
        query = sa.select(
            sets.c.family,
            sa.func.sum(sets.c.runs).label("runs"),
            sa.func.count().label("distinct"),
            sa.func.sum(sets.c.deleted).label("deleted"),
            sa.func.count(sets.c.sharpe).label("known"),
            sa.func.avg(sets.c.sharpe).label("sharpe_mean"),
            sa.func.avg(sets.c.sharpe * sets.c.sharpe).label("square"),
            sa.func.max(sets.c.sharpe).label("sharpe_best"),
            sa.func.min(sets.c.first_ms).label("first_ms"),
            sa.func.max(sets.c.last_ms).label("last_ms"),
        ).group_by(sets.c.family)
        return [_summary(row) for row in (await self._connection.execute(query)).mappings()]


def _summary(row: sa.RowMapping) -> TrialSummary:
    fields = dict(row)
    known, square, mean = fields.pop("known"), fields.pop("square"), fields["sharpe_mean"]
    variance = max(square - mean * mean, 0.0) * known / (known - 1) if known > 1 else None
    return TrialSummary(**{**fields, "runs": int(fields["runs"]), "deleted": int(fields["deleted"])}, sharpe_variance=variance)


def _trial_row(trial: Trial) -> dict[str, Any]:
    fields = pack(trial, ("parameters",), without=("id",))
    # NaN is a value to PostgreSQL and would make every mean of the family NaN.
    return fields | {name: _finite(fields[name]) for name in _FIGURES}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
