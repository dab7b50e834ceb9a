"""The bookkeeper of one account. It is called inside the transaction that applies an event, so that both happen or neither.

Positions are kept twice: the account's own, which the venue shows too, and one per deployment, so that several deployments can
share an account. What belongs to no deployment (orders of a person, of others, liquidations) is in the account's position only;
the sum of the deployments and that rest is always the account's position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from quantservice.core.errors import IntegrityError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.ledger import FEE, WALLET
from quantservice.core.messages import BalanceChanged, PositionChanged
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import VenueFill
from quantservice.core.positions import Position, PositionSide
from quantservice.ports import Clock, HeldPosition, JournalRow, TradingAccount, UnitOfWork
from quantservice.ports.trading import AccountMovement, AccountSnapshot, VenuePosition
from quantservice.services.portfolio.entries import booked, entry_id_of, fill_entry, movement_entry, opening_entry
from quantservice.services.portfolio.statement import Statement, compare

#: The rules of an instrument, or None where it is not known.
InstrumentOf: TypeAlias = Callable[[InstrumentId], Instrument | None]
_SCOPE: Final = "books"
BookChange: TypeAlias = PositionChanged | BalanceChanged


class Bookkeeper:
    """Keeps journal, positions and balances of one account. Every method is idempotent: told twice, it books once."""

    def __init__(self, account: TradingAccount, instrument_of: InstrumentOf, clock: Clock) -> None:
        self._account = account
        self._instrument_of = instrument_of
        self._clock = clock

    async def open(self, work: UnitOfWork, snapshot: AccountSnapshot) -> list[BookChange]:
        """Open the books with what the venue shows; nothing where they are open already."""
        if await self.opened_ms(work) is not None:
            return []
        await work.values.put(_SCOPE, self._account.name, {"opened_ms": snapshot.time_ms})
        entry = opening_entry(self._account.name, snapshot.balances, time_ms=snapshot.time_ms)
        if entry.postings:  # an empty account opens with an empty book
            await work.books.post(JournalRow(account=self._account.name, entry=entry))
        changes: list[BookChange] = []
        for found in snapshot.positions:
            position = _opened(found, self._known(found.instrument))
            await self._keep(work, "", position)
            changes.append(PositionChanged(account=self._account.name, position=position))
        return [*changes, await self._balance(work)]

    async def opened_ms(self, work: UnitOfWork) -> int | None:
        """Return when the books were opened, or None: what happened before is in the opening and is never booked."""
        found = await work.values.get(_SCOPE, self._account.name)
        return None if found is None else int(found["opened_ms"])

    async def book(self, work: UnitOfWork, fill: VenueFill, *, deployment: str = "") -> list[BookChange]:
        """Book a fill: entry, the account's position, the deployment's. The profit is the venue's own figure where it tells one."""
        instrument = self._known(fill.instrument)
        if await work.books.posted(entry_id_of(fill)):
            return []
        before = await self._position(work, fill.instrument, fill.position_side, "")
        after = before.apply(fill.as_fill())
        realised = booked(after.realised - before.realised) if fill.realised is None else fill.realised
        entry = fill_entry(fill, instrument, realised=realised)
        await work.books.post(JournalRow(account=self._account.name, deployment=deployment, entry=entry))
        positions = [("", after)]
        if deployment:
            own = await self._position(work, fill.instrument, fill.position_side, deployment)
            positions.append((deployment, own.apply(fill.as_fill())))
        changes: list[BookChange] = []
        for name, position in positions:
            await self._keep(work, name, position)
            changes.append(PositionChanged(account=self._account.name, deployment=name, position=position))
        return [*changes, await self._balance(work)]

    async def move(self, work: UnitOfWork, movement: AccountMovement) -> list[BookChange]:
        """Book funding, transfers, rebates and whatever else moved without a trade."""
        entry = movement_entry(movement)
        if not entry.postings or not await work.books.post(JournalRow(account=self._account.name, entry=entry)):
            return []
        return [await self._balance(work)]

    async def held(self, work: UnitOfWork) -> set[InstrumentId]:
        """Return the instruments that the account holds."""
        positions = await work.books.positions(account=self._account.name, deployment="")
        return {item.position.instrument for item in positions if item.position.quantity}

    async def compare(self, work: UnitOfWork, snapshot: AccountSnapshot) -> Statement:
        """Compare the books with what the venue shows."""
        balances = await work.books.balances(account=self._account.name)
        positions = await work.books.positions(account=self._account.name, deployment="")
        return compare(snapshot, wallet_of(balances), positions)

    async def note(self, work: UnitOfWork, statement: Statement) -> None:
        """Keep a comparison as its day's last."""
        await work.statements.record(statement.kept())

    async def unassigned(self, work: UnitOfWork) -> dict[tuple[InstrumentId, PositionSide], Decimal]:
        """Return per leg what of the account's position belongs to no deployment."""
        return unassigned(await work.books.positions(account=self._account.name))

    def _known(self, instrument: InstrumentId) -> Instrument:
        found = self._instrument_of(instrument)
        if found is None:
            raise IntegrityError(f"{self._account.name}: {instrument} has no known rules, so its fills cannot be booked")
        return found

    async def _position(self, work: UnitOfWork, instrument: InstrumentId, side: PositionSide, deployment: str) -> Position:
        held = await work.books.position(self._account.name, str(instrument), side=side, deployment=deployment)
        return held.position if held is not None else _flat(self._known(instrument), side)

    async def _keep(self, work: UnitOfWork, deployment: str, position: Position) -> None:
        await work.books.put_position(
            HeldPosition(account=self._account.name, deployment=deployment, position=position, updated_ms=self._clock.now_ms())
        )

    async def _balance(self, work: UnitOfWork) -> BalanceChanged:
        balances = await work.books.balances(account=self._account.name)
        return BalanceChanged(account=self._account.name, wallet=wallet_of(balances), time_ms=self._clock.now_ms())


def wallet_of(balances: Mapping[tuple[str, str, str], Decimal]) -> dict[str, Decimal]:
    """Return the wallet per currency from the sums of the journal."""
    return {currency: amount for (_, account, currency), amount in balances.items() if account == WALLET and amount}


def fees_of(balances: Mapping[tuple[str, str, str], Decimal]) -> dict[str, Decimal]:
    """Return the fees that were paid, per currency, from the sums of the journal."""
    return {currency: amount for (_, account, currency), amount in balances.items() if account == FEE and amount}


@exact
def unassigned(positions: list[HeldPosition]) -> dict[tuple[InstrumentId, PositionSide], Decimal]:
    """Return per leg the account's quantity minus the sum of its deployments'; legs that match are left out."""
    rest: dict[tuple[InstrumentId, PositionSide], Decimal] = {}
    for held in positions:
        leg = (held.position.instrument, held.position.side)
        part = -held.position.quantity if held.deployment else held.position.quantity
        rest[leg] = rest.get(leg, ZERO) + part
    return {leg: quantity for leg, quantity in rest.items() if quantity}


def _flat(instrument: Instrument, side: PositionSide) -> Position:
    return Position(instrument=instrument.id, side=side, contract_size=instrument.contract_size, inverse=instrument.inverse)


@exact
def _opened(found: VenuePosition, instrument: Instrument) -> Position:
    size = found.quantity * instrument.contract_size
    cost = size / found.entry_price if instrument.inverse else size * found.entry_price
    return Position(
        instrument=instrument.id,
        side=found.side,
        quantity=found.quantity,
        cost=cost,
        contract_size=instrument.contract_size,
        inverse=instrument.inverse,
    )
