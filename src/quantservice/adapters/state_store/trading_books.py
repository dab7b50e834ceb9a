"""Positions, the journal with its balances, quotas."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.prepared import Prepared, Row, change, fetch, put
from quantservice.adapters.state_store.rows import Statements, insert_once
from quantservice.core.ledger import Entry, Posting
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Position, PositionSide
from quantservice.ports import HeldPosition, JournalRow, StrategyQuota

_POSITION: Final = msgspec.json.Decoder(Position)
_POSTINGS: Final = msgspec.json.Decoder(tuple[Posting, ...])
_ENCODE: Final = msgspec.json.Encoder()
_OF_POSITIONS: Final = tables.positions.c
_PUT_POSITION: Final = put(
    tables.positions, "account", "deployment", "instrument", "side", changing=("quantity", "data", "updated_ms")
)
_HELD: Final = sa.select(_OF_POSITIONS.account, _OF_POSITIONS.deployment, _OF_POSITIONS.data, _OF_POSITIONS.updated_ms)
_ONE_POSITION: Final = fetch(
    _HELD.where(
        _OF_POSITIONS.account == sa.bindparam("of_account"),
        _OF_POSITIONS.instrument == sa.bindparam("of_instrument"),
        _OF_POSITIONS.side == sa.bindparam("of_side"),
        _OF_POSITIONS.deployment == sa.bindparam("of_deployment"),
    )
)
_ADD_ENTRY: Final = put(tables.journal, "entry_id", without=("sequence",))
_POSTED: Final = fetch(sa.select(tables.journal.c.sequence).where(tables.journal.c.entry_id == sa.bindparam("wanted")))
_OF_BALANCES: Final = tables.balances.c
_THAT_BALANCE: Final = (
    _OF_BALANCES.account == sa.bindparam("of_account"),
    _OF_BALANCES.deployment == sa.bindparam("of_deployment"),
    _OF_BALANCES.ledger_account == sa.bindparam("of_ledger_account"),
    _OF_BALANCES.currency == sa.bindparam("of_currency"),
)
_ADD_BALANCE: Final = put(tables.balances, "account", "deployment", "ledger_account", "currency")
_AMOUNT: Final = fetch(sa.select(_OF_BALANCES.amount).where(*_THAT_BALANCE).with_for_update())
_SET_AMOUNT: Final = change(sa.update(tables.balances).where(*_THAT_BALANCE).values(amount=sa.bindparam("new_amount")))


class SqlBooks:
    """Tables positions, journal and balances."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def put_position(self, held: HeldPosition) -> None:
        """Keep a position as it is now."""
        position = held.position
        row = {
            "account": held.account,
            "deployment": held.deployment,
            "instrument": str(position.instrument),
            "side": position.side,
            "quantity": format(position.quantity, "f"),
            "data": _ENCODE.encode(position).decode(),
            "updated_ms": held.updated_ms,
        }
        await self._connection.change(_PUT_POSITION, row)

    async def position(
        self, account: str, instrument: str, *, side: PositionSide = "both", deployment: str = ""
    ) -> HeldPosition | None:
        """Return one leg, or None where nothing was ever held."""
        wanted = {"of_account": account, "of_instrument": instrument, "of_side": side, "of_deployment": deployment}
        for row in await self._connection.fetch(_ONE_POSITION, wanted):
            return _held(row)
        return None

    async def positions(self, *, account: str | None = None, deployment: str | None = None) -> list[HeldPosition]:
        """Return positions, flat ones too."""
        wanted = {"of_account": account, "of_deployment": deployment}
        return [
            _held(row) for row in await self._connection.fetch(_positions_of(account is not None, deployment is not None), wanted)
        ]

    async def post(self, row: JournalRow) -> bool:
        """Add an entry to the journal and to the balances; False when an entry of this id is there already."""
        entry = row.entry
        made = {
            "entry_id": entry.entry_id,
            "account": row.account,
            "deployment": row.deployment,
            "reason": entry.reason,
            "time_ms": entry.time,
            "postings": _ENCODE.encode(entry.postings).decode(),
        }
        if await self._connection.change(_ADD_ENTRY, made) == 0:
            return False
        for posting in entry.postings:
            await self._move(row.account, row.deployment, posting)
        return True

    async def posted(self, entry_id: str) -> bool:
        """Say whether an entry of this id is in the journal."""
        return bool(await self._connection.fetch(_POSTED, {"wanted": entry_id}))

    async def journal(
        self, *, account: str | None = None, after: int = 0, limit: int = 200, newest: bool = False
    ) -> list[JournalRow]:
        """Return entries behind sequence ``after``, in order (``newest``: the last ones, newest first)."""
        table = tables.journal
        query = sa.select(table).where(table.c.sequence > after).limit(limit)
        query = query.order_by(table.c.sequence.desc() if newest else table.c.sequence)
        if account is not None:
            query = query.where(table.c.account == account)
        return [_journalled(row) for row in (await self._connection.execute(query)).mappings()]

    async def entries(self, entry_ids: Sequence[str]) -> list[JournalRow]:
        """Return the entries of these ids, in the journal's order."""
        table = tables.journal
        query = sa.select(table).where(table.c.entry_id.in_(entry_ids)).order_by(table.c.sequence)
        return [_journalled(row) for row in (await self._connection.execute(query)).mappings()]

    async def balances(self, *, account: str | None = None, deployment: str | None = None) -> dict[tuple[str, str, str], Decimal]:
        """Return (account, ledger account, currency) -> sum of the postings, over deployments unless one is named."""
        wanted = {"of_account": account, "of_deployment": deployment}
        sums: dict[tuple[str, str, str], Decimal] = {}
        for *names, amount in await self._connection.fetch(_balances_of(account is not None, deployment is not None), wanted):
            key = (names[0], names[1], names[2])
            sums[key] = _add(sums.get(key, ZERO), Decimal(amount))
        return sums

    async def _move(self, account: str, deployment: str, posting: Posting) -> None:
        key = {"account": account, "deployment": deployment, "ledger_account": posting.account, "currency": posting.currency}
        wanted = {f"of_{name}": value for name, value in key.items()}
        found = await self._connection.fetch(_AMOUNT, wanted)
        if not found:  # made first and then locked, so that two writers on PostgreSQL add one after the other
            await self._connection.change(_ADD_BALANCE, {**key, "amount": "0"})
            found = await self._connection.fetch(_AMOUNT, wanted)
        ((before,),) = found
        await self._connection.change(_SET_AMOUNT, {**wanted, "new_amount": format(_add(Decimal(before), posting.amount), "f")})


class SqlQuotas:
    """Table strategy_quotas."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._table = tables.strategy_quotas

    async def put(self, quota: StrategyQuota) -> None:
        """Set what a deployment may use."""
        changing = {
            "account": quota.account,
            "allocation": format(quota.allocation, "f"),
            "max_position": format(quota.max_position, "f"),
            "orders_per_day": quota.orders_per_day,
            "updated_ms": quota.updated_ms,
        }
        statement = insert_once(self._connection, self._table).values(deployment=quota.deployment, **changing)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=changing))

    async def get(self, deployment: str) -> StrategyQuota | None:
        """Return a deployment's quota."""
        query = sa.select(self._table).where(self._table.c.deployment == deployment)
        row = (await self._connection.execute(query)).mappings().first()
        return None if row is None else _quota(row)

    async def list(self) -> list[StrategyQuota]:
        """Return all quotas."""
        query = sa.select(self._table).order_by(self._table.c.deployment)
        return [_quota(row) for row in (await self._connection.execute(query)).mappings()]


@exact
def _add(before: Decimal, amount: Decimal) -> Decimal:
    return before + amount


@cache
def _positions_of(one_account: bool, one_deployment: bool) -> Prepared:
    query = _HELD.order_by(*(_OF_POSITIONS[name] for name in ("account", "deployment", "instrument", "side")))
    return fetch(_narrowed(query, _OF_POSITIONS, one_account, one_deployment))


@cache
def _balances_of(one_account: bool, one_deployment: bool) -> Prepared:
    columns = (_OF_BALANCES.account, _OF_BALANCES.ledger_account, _OF_BALANCES.currency, _OF_BALANCES.amount)
    return fetch(_narrowed(sa.select(*columns), _OF_BALANCES, one_account, one_deployment))


def _narrowed(query: sa.Select[Any], columns: Any, one_account: bool, one_deployment: bool) -> sa.Select[Any]:
    if one_account:
        query = query.where(columns.account == sa.bindparam("of_account"))
    return query.where(columns.deployment == sa.bindparam("of_deployment")) if one_deployment else query


def _held(row: Row) -> HeldPosition:
    account, deployment, data, updated_ms = row
    return HeldPosition(account=account, deployment=deployment, position=_POSITION.decode(data), updated_ms=updated_ms)


def _quota(row: sa.RowMapping) -> StrategyQuota:
    fields = dict(row)
    fields |= {name: Decimal(fields[name]) for name in ("allocation", "max_position")}
    return StrategyQuota(**fields)


def _journalled(row: sa.RowMapping) -> JournalRow:
    postings = _POSTINGS.decode(row["postings"])
    entry = Entry(entry_id=row["entry_id"], postings=postings, time=row["time_ms"], reason=row["reason"])
    return JournalRow(sequence=row["sequence"], account=row["account"], deployment=row["deployment"], entry=entry)
