"""Messages at rest: the outbox (written with the state they speak of) and the inbox (which events were applied)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.prepared import add, fetch, put
from quantservice.adapters.state_store.rows import Statements
from quantservice.core.errors import IntegrityError
from quantservice.core.messages import Message

_OUTBOX_LOCK = 0x5153_0002
_ADD = add(tables.outbox, without=("id", "published_ns"))
_PENDING = fetch(
    sa.select(tables.outbox)
    .where(tables.outbox.c.published_ns.is_(None))
    .order_by(tables.outbox.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_COLUMNS = tuple(column.name for column in tables.outbox.columns)
_APPLY = put(tables.event_applied, "consumer", "event_id")
_APPLIED = fetch(
    sa.select(tables.event_applied.c.applied_ns).where(
        tables.event_applied.c.consumer == sa.bindparam("of_consumer"), tables.event_applied.c.event_id == sa.bindparam("wanted")
    )
)


class SqlOutbox:
    """Table outbox. Row ids follow the order of commits: on PostgreSQL writers of the outbox take turns, SQLite has one writer."""

    def __init__(self, connection: Statements, payloads: Mapping[str, type[msgspec.Struct]]) -> None:
        self._connection = connection
        self._payloads = payloads
        self.added = 0

    async def add(self, message: Message) -> None:
        """Write the message in this transaction; it is published after the commit."""
        name = type(message.data).__name__
        if self._payloads.get(name) is not type(message.data):
            raise TypeError(f"{name} cannot rest in the outbox; known are {', '.join(sorted(self._payloads))}")
        if not self.added and self._connection.dialect.name == "postgresql":
            # Held until the commit: a lower id can then never become visible after a higher one.
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_OUTBOX_LOCK)))
        self.added += 1
        row = {
            "event_id": message.event_id,
            "topic": str(message.topic),
            "event_type": message.event_type,
            "key": message.key,
            "correlation_id": message.correlation_id,
            "causation_id": message.causation_id,
            "timestamp_ns": message.timestamp_ns,
            "version": message.version,
            "data_type": name,
            "data": msgspec.json.encode(message.data).decode(),
        }
        await self._connection.change(_ADD, row)

    async def pending(self, limit: int) -> list[Message]:
        """Return the oldest messages not yet published."""
        rows = await self._connection.fetch(_PENDING, {"most": limit})
        return [self._message(dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def mark(self, event_ids: Sequence[str], *, published_ns: int) -> None:
        """Say that these messages are on the bus."""
        table = tables.outbox
        await self._connection.execute(sa.update(table).where(table.c.event_id.in_(event_ids)).values(published_ns=published_ns))

    async def prune(self, *, before_ns: int) -> int:
        """Delete what was published before an instant; return how many."""
        table = tables.outbox
        return (await self._connection.execute(sa.delete(table).where(table.c.published_ns < before_ns))).rowcount

    def _message(self, row: Mapping[str, Any]) -> Message:
        payload = self._payloads.get(row["data_type"])
        if payload is None:
            raise IntegrityError(f"the outbox holds a {row['data_type']} that this version does not know: upgrade QuantService")
        return Message(
            topic=row["topic"],
            data=msgspec.json.decode(row["data"], type=payload),
            event_type=row["event_type"],
            key=row["key"],
            event_id=row["event_id"],
            correlation_id=row["correlation_id"],
            causation_id=row["causation_id"],
            timestamp_ns=row["timestamp_ns"],
            version=row["version"],
        )


class SqlInbox:
    """Table event_applied: a consumer asks in the transaction of its effect, so that an event counts once."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def first_time(self, consumer: str, event_id: str, *, now_ns: int) -> bool:
        """Note the event as applied by ``consumer``; False when it already was."""
        row = {"consumer": consumer, "event_id": event_id, "applied_ns": now_ns}
        return await self._connection.change(_APPLY, row) == 1

    async def applied(self, consumer: str, event_id: str) -> bool:
        """Tell whether the event was applied by ``consumer``; nothing is noted."""
        return bool(await self._connection.fetch(_APPLIED, {"of_consumer": consumer, "wanted": event_id}))

    async def prune(self, *, before_ns: int) -> int:
        """Forget events applied before an instant; return how many."""
        table = tables.event_applied
        return (await self._connection.execute(sa.delete(table).where(table.c.applied_ns < before_ns))).rowcount
