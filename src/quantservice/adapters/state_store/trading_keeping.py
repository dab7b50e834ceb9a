"""Accounts and venue keys, risk states and denials, the run log, gateway leases."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.rows import Statements, insert_once, pack, unpack
from quantservice.ports import GatewayLease, RiskDecision, RiskState, RunEvent, TradingAccount, VenueKey


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
        await self._connection.execute(sa.insert(tables.risk_decision).values(**fields))

    async def decisions(self, *, account: str | None = None, limit: int = 200) -> list[RiskDecision]:
        """Return denials, newest first."""
        table = tables.risk_decision
        query = sa.select(table).order_by(table.c.time_ns.desc(), table.c.id.desc()).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        return [RiskDecision(**row) for row in (await self._connection.execute(query)).mappings()]


class SqlRunLog:
    """Table run_event."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.run_event

    async def append(self, events: Sequence[RunEvent]) -> None:
        """Add events; one that is there already stays as it is."""
        if not events:
            return
        rows = [pack(event, ("data",)) for event in events]
        statement = insert_once(self._connection, self._table).on_conflict_do_nothing(index_elements=["run", "sequence"])
        await self._connection.execute(statement, rows)

    async def read(self, run: str, *, after: int = 0, limit: int = 10_000) -> list[RunEvent]:
        """Return a run's events behind a sequence, in order."""
        table = self._table
        query = sa.select(table).where(table.c.run == run, table.c.sequence > after).order_by(table.c.sequence).limit(limit)
        return [unpack(RunEvent, row, ("data",)) for row in (await self._connection.execute(query)).mappings()]

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
        table = self._table
        first = insert_once(self._connection, table).values(account=account, holder="", token=0, until_ms=0)
        await self._connection.execute(first.on_conflict_do_nothing(index_elements=["account"]))
        query = sa.select(table).where(table.c.account == account).with_for_update()
        row = (await self._connection.execute(query)).mappings().one()
        if row["holder"] not in ("", holder) and row["until_ms"] > now_ms:
            return None
        # The same holder whose lease ran out was perhaps replaced in between: only an unbroken lease keeps its token.
        unbroken = row["holder"] == holder and row["until_ms"] > now_ms
        token = row["token"] if unbroken else row["token"] + 1
        until_ms = now_ms + lease_ms
        change = sa.update(table).where(table.c.account == account).values(holder=holder, token=token, until_ms=until_ms)
        await self._connection.execute(change)
        return GatewayLease(account=account, holder=holder, token=token, until_ms=until_ms)

    async def check(self, account: str, holder: str, token: int, *, now_ms: int) -> bool:
        """Say whether the lease is still this holder's."""
        table = self._table
        query = sa.select(table).where(table.c.account == account).with_for_update()
        row = (await self._connection.execute(query)).mappings().first()
        return row is not None and (row["holder"], row["token"]) == (holder, token) and row["until_ms"] > now_ms

    async def release(self, account: str, holder: str) -> None:
        """Give the lease up; its token stays, so that the next holder's is larger."""
        table = self._table
        mine = sa.and_(table.c.account == account, table.c.holder == holder)
        await self._connection.execute(sa.update(table).where(mine).values(holder="", until_ms=0))
