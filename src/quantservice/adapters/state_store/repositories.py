"""The repositories of one transaction. Values travel as parameters; statements are built by SQLAlchemy only."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.deployments import SqlDeployments
from quantservice.adapters.state_store.jobs import SqlJobs, SqlStudies
from quantservice.adapters.state_store.messages import SqlInbox, SqlOutbox
from quantservice.adapters.state_store.prepared import change, fetch, put
from quantservice.adapters.state_store.results import SqlBacktests, SqlTrials
from quantservice.adapters.state_store.rows import Statements, insert_once
from quantservice.adapters.state_store.trading_books import SqlBooks, SqlQuotas
from quantservice.adapters.state_store.trading_equity import SqlEquity, SqlStatements
from quantservice.adapters.state_store.trading_keeping import SqlAccounts, SqlGateways, SqlRisk, SqlRunLog
from quantservice.adapters.state_store.trading_orders import SqlFills, SqlIntents, SqlOrders
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.ports import AccessKey, ProxyRecord, Sealer, TradingPair

_KEPT_WINDOWS = 16


class SqlUnitOfWork:
    """What one transaction offers; a repository is made when it is asked for, as a transaction needs few of them."""

    def __init__(self, connection: Statements, sealer: Sealer, payloads: Mapping[str, type[msgspec.Struct]]) -> None:
        self._connection, self._sealer, self._payloads = connection, sealer, payloads

    @property
    def announced(self) -> bool:
        """Whether something was added to the outbox."""
        return "outbox" in self.__dict__ and self.outbox.added > 0

    @cached_property
    def pairs(self) -> SqlPairs:
        """Table trading_pair_config."""
        return SqlPairs(self._connection)

    @cached_property
    def proxies(self) -> SqlProxies:
        """Table proxy_config."""
        return SqlProxies(self._connection, self._sealer)

    @cached_property
    def access_keys(self) -> SqlAccessKeys:
        """Table api_keys."""
        return SqlAccessKeys(self._connection)

    @cached_property
    def subscriptions(self) -> SqlSubscriptions:
        """Table subscriptions."""
        return SqlSubscriptions(self._connection)

    @cached_property
    def leases(self) -> SqlLeases:
        """Tables weight_lease and weight_block."""
        return SqlLeases(self._connection)

    @cached_property
    def values(self) -> SqlKeyValues:
        """Table key_value; values are JSON."""
        return SqlKeyValues(self._connection)

    @cached_property
    def accounts(self) -> SqlAccounts:
        """Tables accounts and venue_key."""
        return SqlAccounts(self._connection)

    @cached_property
    def intents(self) -> SqlIntents:
        """Table intent."""
        return SqlIntents(self._connection)

    @cached_property
    def orders(self) -> SqlOrders:
        """Table orders."""
        return SqlOrders(self._connection)

    @cached_property
    def fills(self) -> SqlFills:
        """Table fills."""
        return SqlFills(self._connection)

    @cached_property
    def books(self) -> SqlBooks:
        """Tables positions, journal and balances."""
        return SqlBooks(self._connection)

    @cached_property
    def quotas(self) -> SqlQuotas:
        """Table strategy_quotas."""
        return SqlQuotas(self._connection)

    @cached_property
    def equity(self) -> SqlEquity:
        """Table equity_point."""
        return SqlEquity(self._connection)

    @cached_property
    def statements(self) -> SqlStatements:
        """Table statements."""
        return SqlStatements(self._connection)

    @cached_property
    def risk(self) -> SqlRisk:
        """Tables risk_state and risk_decision."""
        return SqlRisk(self._connection)

    @cached_property
    def runs(self) -> SqlRunLog:
        """Table run_event."""
        return SqlRunLog(self._connection)

    @cached_property
    def gateways(self) -> SqlGateways:
        """Table gateway_lease."""
        return SqlGateways(self._connection)

    @cached_property
    def outbox(self) -> SqlOutbox:
        """Table outbox."""
        return SqlOutbox(self._connection, self._payloads)

    @cached_property
    def inbox(self) -> SqlInbox:
        """Table event_applied: a consumer asks in the transaction of its effect, so that an event counts once."""
        return SqlInbox(self._connection)

    @cached_property
    def jobs(self) -> SqlJobs:
        """Tables job and job_chunk."""
        return SqlJobs(self._connection)

    @cached_property
    def backtests(self) -> SqlBacktests:
        """Tables backtest_results and backtest_part."""
        return SqlBacktests(self._connection)

    @cached_property
    def trials(self) -> SqlTrials:
        """Table trial."""
        return SqlTrials(self._connection)

    @cached_property
    def deployments(self) -> SqlDeployments:
        """Tables deployment, deployment_history and deployment_state."""
        return SqlDeployments(self._connection)

    @cached_property
    def studies(self) -> SqlStudies:
        """Table study_journal."""
        return SqlStudies(self._connection)


class SqlPairs:
    """Table trading_pair_config."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.trading_pair_config

    async def list(self, *, enabled_only: bool = False) -> builtins.list[TradingPair]:
        """Return the registered pairs by venue, market and symbol."""
        table = self._table
        query = sa.select(table).order_by(table.c.venue, table.c.market, table.c.symbol)
        if enabled_only:
            query = query.where(table.c.enabled)
        return [_pair(row) for row in (await self._connection.execute(query)).mappings()]

    async def put(self, pair: TradingPair) -> TradingPair:
        """Add the pair, or replace the one of the same instrument; return it with its id."""
        values = {
            "venue_symbol": pair.venue_symbol,
            "periods": ",".join(pair.periods),
            "kinds": ",".join(pair.kinds),
            "enabled": pair.enabled,
            "history_start_ms": pair.history_start_ms,
        }
        statement = (
            insert_once(self._connection, self._table)
            .values(venue=pair.venue, market=pair.market, symbol=pair.symbol, **values)
            .on_conflict_do_update(index_elements=["venue", "market", "symbol"], set_=values)
            .returning(self._table.c.id)
        )
        row_id = (await self._connection.execute(statement)).scalar_one()
        return msgspec.structs.replace(pair, id=row_id)

    async def remove(self, instrument: InstrumentId) -> bool:
        """Forget a pair; say whether it was there."""
        table = self._table
        statement = sa.delete(table).where(
            table.c.venue == instrument.venue, table.c.market == instrument.market, table.c.symbol == instrument.symbol
        )
        return (await self._connection.execute(statement)).rowcount > 0


class SqlProxies:
    """Table proxy_config. The password is sealed with the address it belongs to: moved to another row it does not open."""

    def __init__(self, connection: Statements, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._table = tables.proxy_config

    async def list(self, *, enabled_only: bool = False) -> builtins.list[ProxyRecord]:
        """Return the proxies by id, passwords clear."""
        query = sa.select(self._table).order_by(self._table.c.id)
        if enabled_only:
            query = query.where(self._table.c.enabled)
        return [self._proxy(row) for row in (await self._connection.execute(query)).mappings()]

    async def put(self, proxy: ProxyRecord) -> ProxyRecord:
        """Add the proxy, or replace the one of its id or address; return it with its id."""
        address = {"scheme": proxy.scheme, "host": proxy.host, "port": proxy.port, "username": proxy.username}
        sealed = self._sealer.seal(proxy.password, context=_proxy_context(address)) if proxy.password else ""
        values = {
            "password_sealed": sealed,
            "enabled": proxy.enabled,
            "failures": proxy.failures,
            "cooldown_until_ms": proxy.cooldown_until_ms,
        }
        if proxy.id:
            changed = sa.update(self._table).where(self._table.c.id == proxy.id).values(**address, **values)
            if (await self._connection.execute(changed)).rowcount:
                return proxy
        statement = (
            insert_once(self._connection, self._table)
            .values(**address, **values)
            .on_conflict_do_update(index_elements=["scheme", "host", "port", "username"], set_=values)
            .returning(self._table.c.id)
        )
        row_id = (await self._connection.execute(statement)).scalar_one()
        return msgspec.structs.replace(proxy, id=row_id)

    async def remove(self, proxy_id: int) -> bool:
        """Forget a proxy; say whether it was there."""
        return (await self._connection.execute(sa.delete(self._table).where(self._table.c.id == proxy_id))).rowcount > 0

    def _proxy(self, row: sa.RowMapping) -> ProxyRecord:
        fields = dict(row)
        sealed = fields.pop("password_sealed")
        password = self._sealer.unseal(sealed, context=_proxy_context(fields)) if sealed else ""
        return ProxyRecord(**fields, password=password)


class SqlAccessKeys:
    """Table api_keys."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.api_keys

    async def list(self) -> builtins.list[AccessKey]:
        """Return the keys by id."""
        query = sa.select(self._table).order_by(self._table.c.id)
        return [AccessKey(**row) for row in (await self._connection.execute(query)).mappings()]

    async def put(self, key: AccessKey) -> AccessKey:
        """Add the key, or replace the one of the same hash; return it with its id."""
        values = {
            "name": key.name,
            "prefix": key.prefix,
            "qps_limit": key.qps_limit,
            "enabled": key.enabled,
            "created_ms": key.created_ms,
        }
        statement = (
            insert_once(self._connection, self._table)
            .values(key_hash=key.key_hash, **values)
            .on_conflict_do_update(index_elements=["key_hash"], set_=values)
            .returning(self._table.c.id)
        )
        row_id = (await self._connection.execute(statement)).scalar_one()
        return msgspec.structs.replace(key, id=row_id)

    async def find(self, key_hash: str) -> AccessKey | None:
        """Return the key of a hash."""
        query = sa.select(self._table).where(self._table.c.key_hash == key_hash)
        row = (await self._connection.execute(query)).mappings().first()
        return AccessKey(**row) if row is not None else None

    async def remove(self, key_id: int) -> bool:
        """Forget a key; say whether it was there."""
        return (await self._connection.execute(sa.delete(self._table).where(self._table.c.id == key_id))).rowcount > 0


class SqlSubscriptions:
    """Table subscriptions."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.subscriptions

    async def replace(self, venue: str, market: str, placed: Mapping[str, Sequence[StreamId]]) -> None:
        """Write down which streams run on which connection of one venue's market."""
        table = self._table
        await self._connection.execute(sa.delete(table).where(table.c.venue == venue, table.c.market == market))
        rows = [
            {"venue": venue, "market": market, "connection": connection, "position": position, "stream": str(stream)}
            for connection, streams in placed.items()
            for position, stream in enumerate(streams)
        ]
        if rows:
            await self._connection.execute(sa.insert(table), rows)

    async def list(self, venue: str, market: str) -> dict[str, builtins.list[StreamId]]:
        """Return connection -> streams."""
        table = self._table
        query = (
            sa.select(table.c.connection, table.c.stream)
            .where(table.c.venue == venue, table.c.market == market)
            .order_by(table.c.connection, table.c.position)
        )
        placed: dict[str, builtins.list[StreamId]] = {}
        for connection, stream in await self._connection.execute(query):
            placed.setdefault(connection, []).append(StreamId.parse(stream))
        return placed


_WEIGHTS: Final = tables.weight_lease.c
_THAT_WINDOW: Final = (_WEIGHTS.bucket == sa.bindparam("of_bucket"), _WEIGHTS.window == sa.bindparam("of_window"))
_USED: Final = fetch(sa.select(_WEIGHTS.used).where(*_THAT_WINDOW))
_LOCKED: Final = fetch(sa.select(_WEIGHTS.used).where(*_THAT_WINDOW).with_for_update())
_FIRST_WEIGHT: Final = put(tables.weight_lease, "bucket", "window")
_SET_USED: Final = change(sa.update(tables.weight_lease).where(*_THAT_WINDOW).values(used=sa.bindparam("new_used")))
_BLOCKED: Final = fetch(sa.select(tables.weight_block.c.until_ms).where(tables.weight_block.c.bucket == sa.bindparam("of_bucket")))


class SqlLeases:
    """Tables weight_lease and weight_block. A lease's row is locked from reading to writing, so nothing is granted twice."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.weight_lease

    async def take(self, bucket: str, window: int, weight: int, limit: int) -> int:
        """Lease up to ``weight`` of what is left of ``limit`` in ``window``; return what was granted."""
        used = await self._lock(bucket, window)
        granted = max(0, min(weight, limit - used))
        if granted:
            await self._set(bucket, window, used + granted)
        return granted

    async def used(self, bucket: str, window: int) -> int:
        """Return the weight leased so far in a window."""
        rows = await self._connection.fetch(_USED, {"of_bucket": bucket, "of_window": window})
        return int(rows[0][0] or 0) if rows else 0

    async def set_used(self, bucket: str, window: int, used: int) -> None:
        """Raise the used figure to what the venue's own header says; never lower it."""
        if used > await self._lock(bucket, window):
            await self._set(bucket, window, used)

    async def block(self, bucket: str, until_ms: int) -> None:
        """Forbid the bucket until an instant; an earlier, longer block stays."""
        table = tables.weight_block
        insert = insert_once(self._connection, table).values(bucket=bucket, until_ms=until_ms)
        longer = sa.case((table.c.until_ms > insert.excluded.until_ms, table.c.until_ms), else_=insert.excluded.until_ms)
        await self._connection.execute(insert.on_conflict_do_update(index_elements=["bucket"], set_={"until_ms": longer}))

    async def blocked_until(self, bucket: str) -> int:
        """Return the instant until which the bucket is forbidden; 0 when it never was."""
        rows = await self._connection.fetch(_BLOCKED, {"of_bucket": bucket})
        return int(rows[0][0] or 0) if rows else 0

    async def _lock(self, bucket: str, window: int) -> int:
        table = self._table
        if await self._connection.change(_FIRST_WEIGHT, {"bucket": bucket, "window": window, "used": 0}) == 1:
            old = sa.delete(table).where(table.c.bucket == bucket, table.c.window < window - _KEPT_WINDOWS)
            await self._connection.execute(old)
            return 0
        ((used,),) = await self._connection.fetch(_LOCKED, {"of_bucket": bucket, "of_window": window})
        return int(used)

    async def _set(self, bucket: str, window: int, used: int) -> None:
        await self._connection.change(_SET_USED, {"of_bucket": bucket, "of_window": window, "new_used": used})


class SqlKeyValues:
    """Table key_value; values are JSON."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.key_value

    async def get(self, scope: str, key: str) -> Any | None:
        """Return the value, or None."""
        table = self._table
        query = sa.select(table.c.value).where(table.c.scope == scope, table.c.key == key)
        text = (await self._connection.execute(query)).scalar()
        return None if text is None else msgspec.json.decode(text)

    async def put(self, scope: str, key: str, value: Any) -> None:
        """Set the value."""
        text = msgspec.json.encode(value).decode()
        insert = insert_once(self._connection, self._table).values(scope=scope, key=key, value=text)
        await self._connection.execute(insert.on_conflict_do_update(index_elements=["scope", "key"], set_={"value": text}))

    async def remove(self, scope: str, key: str) -> bool:
        """Forget the value; say whether it was there."""
        table = self._table
        return (await self._connection.execute(sa.delete(table).where(table.c.scope == scope, table.c.key == key))).rowcount > 0

    async def items(self, scope: str) -> dict[str, Any]:
        """Return every key of a scope with its value."""
        table = self._table
        query = sa.select(table.c.key, table.c.value).where(table.c.scope == scope).order_by(table.c.key)
        return {key: msgspec.json.decode(text) for key, text in await self._connection.execute(query)}


def _pair(row: sa.RowMapping) -> TradingPair:
    fields = dict(row)
    fields["periods"] = tuple(filter(None, fields["periods"].split(",")))
    fields["kinds"] = tuple(filter(None, fields["kinds"].split(",")))
    return TradingPair(**fields)


def _proxy_context(address: Mapping[str, Any]) -> str:
    return f"proxy_config:{address['scheme']}://{address['username']}@{address['host']}:{address['port']}"
