"""Intents, orders and fills."""

from __future__ import annotations

import builtins
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.prepared import Prepared, fetch, put
from quantservice.adapters.state_store.rows import Statements
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import Order, VenueFill
from quantservice.ports import IntentRecord

_INTENT: Final = msgspec.json.Decoder(IntentRecord)
_ORDER: Final = msgspec.json.Decoder(Order)
_FILL: Final = msgspec.json.Decoder(VenueFill)
_ENCODE: Final = msgspec.json.Encoder()
_ADD_INTENT: Final = put(tables.intent, "intent_id")
_ONE_INTENT: Final = fetch(
    sa.select(tables.intent.c.state, tables.intent.c.data).where(tables.intent.c.intent_id == sa.bindparam("wanted"))
)
_PUT_ORDER: Final = put(tables.orders, "order_id", changing=("venue_order_id", "state", "final", "data"))
_ORDER_TEXT: Final = sa.select(tables.orders.c.data)
_ONE_ORDER: Final = fetch(_ORDER_TEXT.where(tables.orders.c.order_id == sa.bindparam("wanted")))
_ORDER_OF_INTENT: Final = fetch(_ORDER_TEXT.where(tables.orders.c.intent_id == sa.bindparam("wanted")))
_ORDER_OF_VENUE: Final = fetch(
    _ORDER_TEXT.where(
        tables.orders.c.account == sa.bindparam("of_account"),
        tables.orders.c.instrument == sa.bindparam("of_instrument"),
        tables.orders.c.venue_order_id == sa.bindparam("wanted"),
    )
)
_OPEN: Final = _ORDER_TEXT.where(sa.not_(tables.orders.c.final)).order_by(tables.orders.c.created_ns)
_OPEN_OF_ALL: Final = fetch(_OPEN)
_OPEN_OF_ONE: Final = fetch(_OPEN.where(tables.orders.c.account == sa.bindparam("of_account")))
_ADD_FILL: Final = put(tables.fills, "key", without=("id",))
_FILLS_OF_ORDER: Final = fetch(
    sa.select(tables.fills.c.data).where(tables.fills.c.order_id == sa.bindparam("wanted")).order_by(tables.fills.c.id)
)


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
        return await self._connection.change(_ADD_INTENT, row) > 0

    async def get(self, intent_id: str) -> IntentRecord | None:
        """Return what became of an intent."""
        for state, text in await self._connection.fetch(_ONE_INTENT, {"wanted": intent_id}):
            return msgspec.structs.replace(_INTENT.decode(text), state=state)
        return None

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
        await self._connection.change(_PUT_ORDER, row)

    async def get(self, order_id: str) -> Order | None:
        """Return an order."""
        return await self._one(_ONE_ORDER, wanted=order_id)

    async def of_intent(self, intent_id: str) -> Order | None:
        """Return the order of an intent."""
        return await self._one(_ORDER_OF_INTENT, wanted=intent_id)

    async def by_venue_id(self, account: str, instrument: InstrumentId, venue_order_id: str) -> Order | None:
        """Return the order that the venue knows by an id, which is unique within an instrument only."""
        return await self._one(_ORDER_OF_VENUE, of_account=account, of_instrument=str(instrument), wanted=venue_order_id)

    async def open(self, account: str | None = None) -> list[Order]:
        """Return orders that have not ended, oldest first."""
        query, wanted = (_OPEN_OF_ALL, {}) if account is None else (_OPEN_OF_ONE, {"of_account": account})
        return [_ORDER.decode(text) for (text,) in await self._connection.fetch(query, wanted)]

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

    async def _one(self, prepared: Prepared, **wanted: str) -> Order | None:
        for (text,) in await self._connection.fetch(prepared, wanted):
            return _ORDER.decode(text)
        return None


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
        return await self._connection.change(_ADD_FILL, row) > 0

    async def of_order(self, order_id: str) -> list[VenueFill]:
        """Return an order's fills in the order in which they were kept."""
        return [_FILL.decode(text) for (text,) in await self._connection.fetch(_FILLS_OF_ORDER, {"wanted": order_id})]

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
