"""Deployments, who changed what, and what their strategies remember."""

from __future__ import annotations

import builtins
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.rows import Statements, insert_once, pack, unpack
from quantservice.ports import Deployment, DeploymentChange, DeploymentSnapshot

_JSON: Final = ("parameters", "instruments", "settings")


class SqlDeployments:
    """Tables deployment, deployment_history and deployment_state."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.deployment

    async def put(self, deployment: Deployment, *, who: str, what: str, note: str = "") -> Deployment:
        """Add or change; the version grows by one and the history gains a row, in this transaction."""
        last = await self._last_version(deployment.id)
        kept = msgspec.structs.replace(deployment, version=last + 1)
        fields = pack(kept, _JSON)
        changes = {name: value for name, value in fields.items() if name not in ("id", "created_ms")}
        statement = insert_once(self._connection, self._table).values(**fields)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes))
        await self._note(kept.id, kept.version, kept.updated_ms, who, what, note, msgspec.to_builtins(kept))
        return kept

    async def get(self, deployment_id: str) -> Deployment | None:
        """Return a deployment by its id."""
        return await self._one(self._table.c.id == deployment_id)

    async def find(self, name: str) -> Deployment | None:
        """Return a deployment by its name."""
        return await self._one(self._table.c.name == name)

    async def list(self) -> builtins.list[Deployment]:
        """Return all deployments by name."""
        query = sa.select(self._table).order_by(self._table.c.name)
        return [_deployment(row) for row in (await self._connection.execute(query)).mappings()]

    async def remove(self, deployment_id: str, *, who: str, now_ms: int) -> bool:
        """Forget a deployment and its state; its history stays and says who removed it."""
        gone = sa.delete(self._table).where(self._table.c.id == deployment_id)
        if (await self._connection.execute(gone)).rowcount == 0:
            return False
        state = tables.deployment_state
        await self._connection.execute(sa.delete(state).where(state.c.deployment_id == deployment_id))
        await self._note(deployment_id, await self._last_version(deployment_id) + 1, now_ms, who, "removed", "", {})
        return True

    async def history(self, deployment_id: str, *, limit: int = 200) -> builtins.list[DeploymentChange]:
        """Return its changes, newest first."""
        table = tables.deployment_history
        query = sa.select(table).where(table.c.deployment_id == deployment_id).order_by(table.c.version.desc()).limit(limit)
        return [unpack(DeploymentChange, row, ("after",)) for row in (await self._connection.execute(query)).mappings()]

    async def save_state(self, snapshot: DeploymentSnapshot, *, keep: int = 20) -> None:
        """Keep a snapshot and the ``keep - 1`` before it."""
        table = tables.deployment_state
        fields = pack(snapshot, ("state",))
        changes = {"code_hash": fields["code_hash"], "state": fields["state"]}
        statement = insert_once(self._connection, table).values(**fields)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["deployment_id", "saved_ms"], set_=changes))
        mine = table.c.deployment_id == snapshot.deployment_id
        newest = sa.select(table.c.saved_ms).where(mine).order_by(table.c.saved_ms.desc()).limit(keep)
        await self._connection.execute(sa.delete(table).where(mine, table.c.saved_ms.not_in(newest)))

    async def last_state(self, deployment_id: str, *, before_ms: int | None = None) -> DeploymentSnapshot | None:
        """Return the newest snapshot, or the newest before an instant."""
        table = tables.deployment_state
        query = sa.select(table).where(table.c.deployment_id == deployment_id).order_by(table.c.saved_ms.desc()).limit(1)
        if before_ms is not None:
            query = query.where(table.c.saved_ms < before_ms)
        row = (await self._connection.execute(query)).mappings().first()
        return unpack(DeploymentSnapshot, row, ("state",)) if row is not None else None

    async def _one(self, condition: sa.ColumnElement[bool]) -> Deployment | None:
        row = (await self._connection.execute(sa.select(self._table).where(condition))).mappings().first()
        return _deployment(row) if row is not None else None

    async def _last_version(self, deployment_id: str) -> int:
        table = tables.deployment_history
        query = sa.select(sa.func.coalesce(sa.func.max(table.c.version), 0)).where(table.c.deployment_id == deployment_id)
        return int((await self._connection.execute(query)).scalar_one())

    async def _note(
        self, deployment_id: str, version: int, at_ms: int, who: str, what: str, note: str, after: dict[str, Any]
    ) -> None:
        change = DeploymentChange(
            deployment_id=deployment_id, version=version, at_ms=at_ms, who=who, what=what, note=note, after=after
        )
        await self._connection.execute(sa.insert(tables.deployment_history).values(**pack(change, ("after",))))


def _deployment(row: sa.RowMapping) -> Deployment:
    found = unpack(Deployment, row, _JSON)
    return msgspec.structs.replace(found, instruments=tuple(found.instruments))
