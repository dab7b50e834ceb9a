"""Intents, orders and fills."""

from __future__ import annotations

import builtins
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.rows import Statements, put_once
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import Order, VenueFill
from quantservice.ports import IntentRecord

_INTENT: Final = msgspec.json.Decoder(IntentRecord)
_ORDER: Final = msgspec.json.Decoder(Order)
_FILL: Final = msgspec.json.Decoder(VenueFill)
_ENCODE: Final = msgspec.json.Encoder()
#: What of an order's row changes.
_CHANGING: Final = ("venue_order_id", "state", "final", "data")
_ONE_INTENT: Final = sa.select(tables.intent.c.state, tables.intent.c.data).where(
    tables.intent.c.intent_id == sa.bindparam("wanted")
)
_ONE_ORDER: Final = sa.select(tables.orders.c.data).where(tables.orders.c.order_id == sa.bindparam("wanted"))


class SqlIntents:
    """Table intent."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.intent

    async def add(self, record: IntentRecord) -> bool:
        """Keep it; False when an intent of this id is there already."""
        intent = record.intent
        row = {
            "intent_id": intent.intent_id,
            "account": intent.terms.account,
            "deployment": intent.deployment,
            "state": record.state,
            "decided_ns": record.decided_ns,
            "data": _ENCODE.encode(record).decode(),
        }
        statement = put_once(self._connection, self._table, "intent_id")
        return (await self._connection.execute(statement, row)).rowcount > 0

    async def get(self, intent_id: str) -> IntentRecord | None:
        """Return what became of an intent."""
        row = (await self._connection.execute(_ONE_INTENT, {"wanted": intent_id})).first()
        return None if row is None else msgspec.structs.replace(_INTENT.decode(row.data), state=row.state)

    async def set_state(self, intent_id: str, state: str) -> None:
        """Note what became of it later."""
        await self._connection.execute(sa.update(self._table).where(self._table.c.intent_id == intent_id).values(state=state))

    async def list(self, *, account: str | None = None, deployment: str | None = None, limit: int = 200) -> list[IntentRecord]:
        """Return intents, newest first."""
        table = self._table
        query = sa.select(table.c.state, table.c.data).order_by(table.c.decided_ns.desc()).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        if deployment is not None:
            query = query.where(table.c.deployment == deployment)
        rows = await self._connection.execute(query)
        return [msgspec.structs.replace(_INTENT.decode(row.data), state=row.state) for row in rows]


class SqlOrders:
    """Table orders."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.orders

    async def put(self, order: Order) -> None:
        """Keep the order as it is now."""
        row = {
            "order_id": order.order_id,
            "intent_id": order.intent_id,
            "account": order.terms.account,
            "deployment": order.deployment,
            "instrument": str(order.terms.instrument),
            "created_ns": order.created_ns,
            "venue_order_id": order.venue_order_id,
            "state": order.state.value,
            "final": order.final,
            "data": _ENCODE.encode(order).decode(),
        }
        await self._connection.execute(put_once(self._connection, self._table, "order_id", changing=_CHANGING), row)

    async def get(self, order_id: str) -> Order | None:
        """Return an order."""
        text = (await self._connection.execute(_ONE_ORDER, {"wanted": order_id})).scalars().first()
        return None if text is None else _ORDER.decode(text)

    async def of_intent(self, intent_id: str) -> Order | None:
        """Return the order of an intent."""
        return await self._one(self._table.c.intent_id == intent_id)

    async def by_venue_id(self, account: str, instrument: InstrumentId, venue_order_id: str) -> Order | None:
        """Return the order that the venue knows by an id, which is unique within an instrument only."""
        columns = self._table.c
        mine = sa.and_(columns.account == account, columns.instrument == str(instrument), columns.venue_order_id == venue_order_id)
        return await self._one(mine)

    async def open(self, account: str | None = None) -> list[Order]:
        """Return orders that have not ended, oldest first."""
        table = self._table
        query = sa.select(table.c.data).where(sa.not_(table.c.final)).order_by(table.c.created_ns)
        if account is not None:
            query = query.where(table.c.account == account)
        return [_ORDER.decode(text) for text in (await self._connection.execute(query)).scalars()]

    async def counts(self, account: str, *, since_ns: int) -> dict[str, int]:
        """Return how many orders each deployment made on an account since an instant."""
        table = self._table
        query = sa.select(table.c.deployment, sa.func.count()).where(table.c.account == account, table.c.created_ns >= since_ns)
        return {str(name): int(count) for name, count in await self._connection.execute(query.group_by(table.c.deployment))}

    async def list(
        self,
        *,
        account: str | None = None,
        deployment: str | None = None,
        instrument: str | None = None,
        limit: int = 200,
        before_ns: int | None = None,
    ) -> builtins.list[Order]:
        """Return orders, newest first."""
        table = self._table
        query = sa.select(table.c.data).order_by(table.c.created_ns.desc()).limit(limit)
        for column, value in ((table.c.account, account), (table.c.deployment, deployment), (table.c.instrument, instrument)):
            if value is not None:
                query = query.where(column == value)
        if before_ns is not None:
            query = query.where(table.c.created_ns < before_ns)
        return [_ORDER.decode(text) for text in (await self._connection.execute(query)).scalars()]

    async def _one(self, condition: sa.ColumnElement[bool]) -> Order | None:
        text = (await self._connection.execute(sa.select(self._table.c.data).where(condition))).scalars().first()
        return None if text is None else _ORDER.decode(text)


class SqlFills:
    """Table fills."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.fills

    async def add(self, fill: VenueFill, *, order_id: str, deployment: str) -> bool:
        """Keep it; False when it is there already."""
        row = {
            "key": fill.key,
            "order_id": order_id,
            "account": fill.account,
            "deployment": deployment,
            "instrument": str(fill.instrument),
            "time_ms": fill.time_ms,
            "data": _ENCODE.encode(fill).decode(),
        }
        return (await self._connection.execute(put_once(self._connection, self._table, "key"), row)).rowcount > 0

    async def of_order(self, order_id: str) -> list[VenueFill]:
        """Return an order's fills in the order in which they were kept."""
        query = sa.select(self._table.c.data).where(self._table.c.order_id == order_id).order_by(self._table.c.id)
        return [_FILL.decode(text) for text in (await self._connection.execute(query)).scalars()]

    async def list(
        self,
        *,
        account: str | None = None,
        deployment: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 200,
        newest: bool = True,
    ) -> builtins.list[tuple[VenueFill, str, str]]:
        """Return fills with order id and deployment."""
        table = self._table
        query: Any = sa.select(table.c.data, table.c.order_id, table.c.deployment).limit(limit)
        query = query.order_by(table.c.time_ms.desc(), table.c.id.desc()) if newest else query.order_by(table.c.time_ms, table.c.id)
        for column, value in ((table.c.account, account), (table.c.deployment, deployment)):
            if value is not None:
                query = query.where(column == value)
        if since_ms is not None:
            query = query.where(table.c.time_ms >= since_ms)
        if until_ms is not None:
            query = query.where(table.c.time_ms < until_ms)
        return [(_FILL.decode(row.data), row.order_id, row.deployment) for row in await self._connection.execute(query)]
