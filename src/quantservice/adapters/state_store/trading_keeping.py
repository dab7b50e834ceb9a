"""Accounts and venue keys, risk states and denials, the run log, gateway leases."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.prepared import add, change, fetch, put
from quantservice.adapters.state_store.rows import Statements, insert_once, pack, unpack
from quantservice.ports import KEPT_EVENTS, GatewayLease, RiskDecision, RiskState, RunEvent, TradingAccount, VenueKey

_PRUNE_EVERY: Final = 256  # events between two looks for what is too old


class SqlAccounts:
    """Tables accounts and venue_key."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def put(self, account: TradingAccount) -> None:
        """Add or change an account."""
        fields = pack(account, ("settings",))
        changing = {name: value for name, value in fields.items() if name not in ("name", "created_ms")}
        statement = insert_once(self._connection, tables.accounts).values(**fields)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changing))

    async def get(self, name: str) -> TradingAccount | None:
        """Return an account."""
        query = sa.select(tables.accounts).where(tables.accounts.c.name == name)
        row = (await self._connection.execute(query)).mappings().first()
        return None if row is None else unpack(TradingAccount, row, ("settings",))

    async def list(self) -> list[TradingAccount]:
        """Return all accounts by name."""
        query = sa.select(tables.accounts).order_by(tables.accounts.c.name)
        return [unpack(TradingAccount, row, ("settings",)) for row in (await self._connection.execute(query)).mappings()]

    async def remove(self, name: str) -> bool:
        """Forget an account and its keys; what it traded stays."""
        await self._connection.execute(sa.delete(tables.venue_key).where(tables.venue_key.c.account == name))
        return (await self._connection.execute(sa.delete(tables.accounts).where(tables.accounts.c.name == name))).rowcount > 0

    async def put_key(self, key: VenueKey) -> VenueKey:
        """Add a key, or change the one of its id; return it with its id."""
        table = tables.venue_key
        fields = pack(key, ("permissions",), without=("id",))
        if key.id:
            await self._connection.execute(sa.update(table).where(table.c.id == key.id).values(**fields))
            return key
        made = await self._connection.execute(sa.insert(table).values(**fields).returning(table.c.id))
        return msgspec.structs.replace(key, id=made.scalar_one())

    async def keys(self, account: str | None = None) -> builtins.list[VenueKey]:
        """Return keys, sealed as they are."""
        table = tables.venue_key
        query = sa.select(table).order_by(table.c.id)
        if account is not None:
            query = query.where(table.c.account == account)
        return [unpack(VenueKey, row, ("permissions",)) for row in (await self._connection.execute(query)).mappings()]

    async def rewrap_key(self, key_id: int, *, before: str, sealed: str, version: int) -> bool:
        """Put a key's envelope in the place of the one it was made of."""
        table = tables.venue_key
        same = sa.and_(table.c.id == key_id, table.c.sealed == before)
        changed = await self._connection.execute(sa.update(table).where(same).values(sealed=sealed, version=version))
        return changed.rowcount == 1

    async def remove_key(self, key_id: int) -> bool:
        """Forget a key."""
        table = tables.venue_key
        return (await self._connection.execute(sa.delete(table).where(table.c.id == key_id))).rowcount > 0


class SqlRisk:
    """Tables risk_state and risk_decision."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def set_state(self, state: RiskState) -> None:
        """Set the state of a scope."""
        fields = msgspec.structs.asdict(state)
        changing = {name: value for name, value in fields.items() if name not in ("scope", "key")}
        statement = insert_once(self._connection, tables.risk_state).values(**fields)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["scope", "key"], set_=changing))

    async def states(self) -> list[RiskState]:
        """Return every state that was ever set."""
        query = sa.select(tables.risk_state).order_by(tables.risk_state.c.scope, tables.risk_state.c.key)
        return [RiskState(**row) for row in (await self._connection.execute(query)).mappings()]

    async def note(self, decision: RiskDecision) -> None:
        """Keep a denial."""
        fields = {name: value for name, value in msgspec.structs.asdict(decision).items() if name != "id"}
        await self._connection.change(_NOTE, fields)

    async def decisions(self, *, account: str | None = None, intent_id: str | None = None, limit: int = 200) -> list[RiskDecision]:
        """Return denials, newest first."""
        table = tables.risk_decision
        query = sa.select(table).order_by(table.c.time_ns.desc(), table.c.id.desc()).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        if intent_id is not None:
            query = query.where(table.c.intent_id == intent_id)
        return [RiskDecision(**row) for row in (await self._connection.execute(query)).mappings()]

    async def counts(self, since_ns: int) -> dict[tuple[str, bool], int]:
        """Return how many denials there were since an instant, by rule and whether they were only noted."""
        table = tables.risk_decision
        query = sa.select(table.c.rule, table.c.shadow, sa.func.count()).where(table.c.time_ns >= since_ns)
        rows = await self._connection.execute(query.group_by(table.c.rule, table.c.shadow))
        return {(rule, bool(shadow)): count for rule, shadow, count in rows}


_ADD_EVENT: Final = add(tables.run_event)
_LAST_EVENT: Final = fetch(
    sa.select(sa.func.coalesce(sa.func.max(tables.run_event.c.sequence), 0)).where(tables.run_event.c.run == sa.bindparam("wanted"))
)
_LEASES: Final = tables.gateway_lease.c
_LEASE: Final = fetch(
    sa.select(_LEASES.holder, _LEASES.token, _LEASES.until_ms).where(_LEASES.account == sa.bindparam("wanted")).with_for_update()
)
_FIRST_LEASE: Final = put(tables.gateway_lease, "account")
_SET_LEASE: Final = change(
    sa.update(tables.gateway_lease)
    .where(_LEASES.account == sa.bindparam("wanted"))
    .values(holder=sa.bindparam("by"), token=sa.bindparam("new_token"), until_ms=sa.bindparam("until"))
)
_NOTE: Final = add(tables.risk_decision, without=("id",))


class SqlRunLog:
    """Table run_event."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.run_event

    async def append(self, run: str, kind: str, data: Mapping[str, Any], *, time_ns: int, keep: int = KEPT_EVENTS) -> int:
        """Add an event behind the last one and return its place; of those before the newest ``keep`` only ``began`` stays."""
        table = self._table
        if self._connection.dialect.name == "postgresql":  # SQLite has one writer; here those of one run take turns
            turn = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(run, 0))
            await self._connection.execute(sa.select(turn))
        sequence = await self.last(run) + 1
        event = RunEvent(run=run, sequence=sequence, kind=kind, time_ns=time_ns, data=dict(data))
        await self._connection.change(_ADD_EVENT, pack(event, ("data",)))
        if sequence % _PRUNE_EVERY == 0:
            old = sa.and_(table.c.run == run, table.c.sequence <= sequence - keep, table.c.kind != "began")
            await self._connection.execute(sa.delete(table).where(old))
        return sequence

    async def read(self, run: str, *, after: int = 0, kind: str | None = None, limit: int = 10_000) -> list[RunEvent]:
        """Return a run's events behind a sequence, in order; those of one ``kind``, or all."""
        table = self._table
        query = sa.select(table).where(table.c.run == run, table.c.sequence > after).order_by(table.c.sequence).limit(limit)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        return [unpack(RunEvent, row, ("data",)) for row in (await self._connection.execute(query)).mappings()]

    async def mentioning(
        self,
        run: str,
        text: str,
        *,
        kind: str,
        since_ns: int = 0,
        until_ns: int | None = None,
        newest: bool = False,
        limit: int = 100,
    ) -> list[RunEvent]:
        """Return a run's events of a kind whose data holds a text."""
        table = self._table
        order = table.c.sequence.desc() if newest else table.c.sequence
        query = sa.select(table).where(table.c.run == run, table.c.kind == kind, table.c.time_ns >= since_ns).order_by(order)
        if until_ns is not None:
            query = query.where(table.c.time_ns <= until_ns)
        query = query.where(table.c.data.contains(text, autoescape=True)).limit(limit)
        return [unpack(RunEvent, row, ("data",)) for row in (await self._connection.execute(query)).mappings()]

    async def last(self, run: str) -> int:
        """Return the place of a run's last event; 0 where there is none."""
        ((last,),) = await self._connection.fetch(_LAST_EVENT, {"wanted": run})
        return int(last)

    async def runs(self) -> Mapping[str, int]:
        """Return run -> number of its events."""
        query = sa.select(self._table.c.run, sa.func.count()).group_by(self._table.c.run)
        return {row[0]: int(row[1]) for row in await self._connection.execute(query)}


class SqlGateways:
    """Table gateway_lease."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.gateway_lease

    async def take(self, account: str, holder: str, *, now_ms: int, lease_ms: int) -> GatewayLease | None:
        """Take or extend the lease; None while another holds it. A new holder gets a larger token."""
        await self._connection.change(_FIRST_LEASE, {"account": account, "holder": "", "token": 0, "until_ms": 0})
        ((holds, before, until),) = await self._connection.fetch(_LEASE, {"wanted": account})
        if holds not in ("", holder) and until > now_ms:
            return None
        # The same holder whose lease ran out was perhaps replaced in between: only an unbroken lease keeps its token.
        token = before if holds == holder and until > now_ms else before + 1
        lease = {"wanted": account, "by": holder, "new_token": token, "until": now_ms + lease_ms}
        await self._connection.change(_SET_LEASE, lease)
        return GatewayLease(account=account, holder=holder, token=token, until_ms=now_ms + lease_ms)

    async def of(self, account: str) -> GatewayLease | None:
        """Return the lease as it was taken last."""
        rows = await self._connection.fetch(_LEASE, {"wanted": account})
        found = [GatewayLease(account=account, holder=holds, token=token, until_ms=until) for holds, token, until in rows]
        return found[0] if found else None

    async def check(self, account: str, holder: str, token: int, *, now_ms: int) -> bool:
        """Say whether the lease is still this holder's."""
        rows = await self._connection.fetch(_LEASE, {"wanted": account})
        return any((holds, of) == (holder, token) and until > now_ms for holds, of, until in rows)

    async def release(self, account: str, holder: str) -> None:
        """Give the lease up; its token stays, so that the next holder's is larger."""
        table = self._table
        mine = sa.and_(table.c.account == account, table.c.holder == holder)
        await self._connection.execute(sa.update(table).where(mine).values(holder="", until_ms=0))
