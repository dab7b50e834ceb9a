"""Positions, the journal with its balances, quotas."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
import sqlalchemy as sa

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.adapters.state_store.rows import Statements, insert_once
from quantservice.core.ledger import Entry, Posting
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Position, PositionSide
from quantservice.ports import HeldPosition, JournalRow, StrategyQuota

_POSITION: Final = msgspec.json.Decoder(Position)
_POSTINGS: Final = msgspec.json.Decoder(tuple[Posting, ...])
_ENCODE: Final = msgspec.json.Encoder()


class SqlBooks:
    """Tables positions, journal and balances."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection

    async def put_position(self, held: HeldPosition) -> None:
        """Keep a position as it is now."""
        position, table = held.position, tables.positions
        changing = {
            "quantity": format(position.quantity, "f"),
            "data": _ENCODE.encode(position).decode(),
            "updated_ms": held.updated_ms,
        }
        statement = insert_once(self._connection, table).values(
            account=held.account, deployment=held.deployment, instrument=str(position.instrument), side=position.side, **changing
        )
        key = ["account", "deployment", "instrument", "side"]
        await self._connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changing))

    async def position(
        self, account: str, instrument: str, *, side: PositionSide = "both", deployment: str = ""
    ) -> HeldPosition | None:
        """Return one leg, or None where nothing was ever held."""
        table = tables.positions
        query = sa.select(table).where(
            table.c.account == account,
            table.c.instrument == instrument,
            table.c.side == side,
            table.c.deployment == deployment,
        )
        row = (await self._connection.execute(query)).mappings().first()
        return None if row is None else _held(row)

    async def positions(self, *, account: str | None = None, deployment: str | None = None) -> list[HeldPosition]:
        """Return positions, flat ones too."""
        table = tables.positions
        query = sa.select(table).order_by(table.c.account, table.c.deployment, table.c.instrument, table.c.side)
        if account is not None:
            query = query.where(table.c.account == account)
        if deployment is not None:
            query = query.where(table.c.deployment == deployment)
        return [_held(row) for row in (await self._connection.execute(query)).mappings()]

    async def post(self, row: JournalRow) -> bool:
        """Add an entry to the journal and to the balances; False when an entry of this id is there already."""
        entry, table = row.entry, tables.journal
        statement = (
            insert_once(self._connection, table)
            .values(
                entry_id=entry.entry_id,
                account=row.account,
                deployment=row.deployment,
                reason=entry.reason,
                time_ms=entry.time,
                postings=_ENCODE.encode(entry.postings).decode(),
            )
            .on_conflict_do_nothing(index_elements=["entry_id"])
        )
        if (await self._connection.execute(statement)).rowcount == 0:
            return False
        for posting in entry.postings:
            await self._move(row.account, row.deployment, posting)
        return True

    async def posted(self, entry_id: str) -> bool:
        """Say whether an entry of this id is in the journal."""
        query = sa.select(sa.literal(1)).where(tables.journal.c.entry_id == entry_id)
        return (await self._connection.execute(query)).first() is not None

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
        table = tables.balances
        query = sa.select(table)
        if account is not None:
            query = query.where(table.c.account == account)
        if deployment is not None:
            query = query.where(table.c.deployment == deployment)
        sums: dict[tuple[str, str, str], Decimal] = {}
        for row in (await self._connection.execute(query)).mappings():
            key = (row["account"], row["ledger_account"], row["currency"])
            sums[key] = _add(sums.get(key, ZERO), Decimal(row["amount"]))
        return sums

    async def _move(self, account: str, deployment: str, posting: Posting) -> None:
        table = tables.balances
        key = {
            "account": account,
            "deployment": deployment,
            "ledger_account": posting.account,
            "currency": posting.currency,
        }
        # The row is made first and then locked, so that two writers on PostgreSQL add one after the other.
        made = insert_once(self._connection, table).values(**key, amount="0").on_conflict_do_nothing(index_elements=list(key))
        await self._connection.execute(made)
        where = [table.c[name] == value for name, value in key.items()]
        query = sa.select(table.c.amount).where(*where).with_for_update()
        before = Decimal((await self._connection.execute(query)).scalar_one())
        after = format(_add(before, posting.amount), "f")
        await self._connection.execute(sa.update(table).where(*where).values(amount=after))


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


def _held(row: sa.RowMapping) -> HeldPosition:
    return HeldPosition(
        account=row["account"],
        deployment=row["deployment"],
        position=_POSITION.decode(row["data"]),
        updated_ms=row["updated_ms"],
    )


def _quota(row: sa.RowMapping) -> StrategyQuota:
    fields = dict(row)
    fields |= {name: Decimal(fields[name]) for name in ("allocation", "max_position")}
    return StrategyQuota(**fields)


def _journalled(row: sa.RowMapping) -> JournalRow:
    postings = _POSTINGS.decode(row["postings"])
    entry = Entry(entry_id=row["entry_id"], postings=postings, time=row["time_ms"], reason=row["reason"])
    return JournalRow(sequence=row["sequence"], account=row["account"], deployment=row["deployment"], entry=entry)
