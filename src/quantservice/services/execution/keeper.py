"""What is known of an account's orders, kept true: every event of the venue is applied, booked and told in one commit.

An order of ours is found by its client id, and only where account, instrument and the venue's own id agree: venues let a client
id be used again, and another program may use the same. What nobody here asked for is adopted under the venue's id and marked
external (I3). A fill is seen, applied and booked in one commit (I4). Nothing ends without evidence (I5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from quantservice.core.errors import VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, OrderChanged, TradeCompleted
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill
from quantservice.ports import Clock, HeldPosition, StateStore, UnitOfWork
from quantservice.ports.trading import AccountMovement, OrderReport
from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.committing import Fence, GroupCommit, Write
from quantservice.services.execution.folding import adopted, adopted_fill, filled_by, kept_by, told_by
from quantservice.services.execution.remembering import Memory

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)
_UNSURE = (OrderState.UNKNOWN, OrderState.SUBMITTING)
_LATELY = 500  # of so many last orders it is seen at the start whether fills are missing


class OrderKeeper:
    """The one writer of an account's orders, fills and books."""

    def __init__(
        self, account: str, state: StateStore, clock: Clock, *, check: Check, books: Books, told: Told, fence: Fence
    ) -> None:
        self.account = account
        self.state, self.clock, self.check = state, clock, check
        self.books, self._told = books, told
        #: Open orders, with the instrument and the client id at the venue: a cancel needs no store.
        self.live: dict[str, tuple[InstrumentId, str]] = {}
        self.memory = Memory()
        self._group = GroupCommit(state, fence=fence, kept=self._kept, lost=self.memory.lose)
        self.changed: Callable[[], None] = lambda: None  # called after each commit
        self._opened_ms: int | None = None

    async def load(self) -> None:
        """Remember what the store has: at the start, and when the account came back from another process."""
        self._opened_ms = None

        async def read(work: UnitOfWork) -> tuple[list[Order], list[HeldPosition], Any]:
            orders, held = await work.orders.open(self.account), await work.books.positions(account=self.account)
            lately = await work.orders.list(account=self.account, limit=_LATELY)
            unbooked = [order for order in lately if order.final and order.unbooked > 0]
            return orders + unbooked, held, await self.check.recall(work, self.account, self.clock.now_ns())

        # as a change among the others: nothing is committed between the reading and the remembering
        orders, held, recalled = await self.commit(read)
        self.memory.load(orders)
        self.live.clear()
        self.check.reload(self.account, held)
        for order in orders:
            self._now(order)
        self.check.resume(self.account, held, recalled)

    @property
    def changes(self) -> int:
        """A number that is another one after each commit, and during it."""
        return self._group.changes

    def _kept(self) -> None:
        # risk control counts what is remembered, at the same instant: whoever looks an order up decides by both
        for order in self.memory.keep():
            self._now(order)
        self.changed()

    async def commit(self, write: Write[_T]) -> _T:
        """Return what ``write`` returned once that is durable, together with whatever else comes at the same time."""
        return await self._group(write)

    # --- events of the venue -------------------------------------------------------------------------------------------

    async def apply_report(self, report: OrderReport) -> Order:
        """Take what the venue says of an order, whoever made it."""
        known = self._recalled(report.client_id, report.venue_order_id, report.instrument)
        if known is not None and told_by(known, report) == known:
            return known  # told before: nothing to keep

        async def write(work: UnitOfWork) -> Order:
            before = await self._of(work, report.client_id, report.venue_order_id, report.instrument)
            after = told_by(before, report) if before is not None else await self._adopt(work, report)
            await self.keep(work, before, after)
            return after

        return await self.commit(write)

    async def apply_fill(self, fill: VenueFill) -> bool:
        """Take a fill once: seen, applied and booked in one commit; False where it was taken before, or is in the opening."""
        if self.memory.is_booked(fill.key):
            return False

        async def write(work: UnitOfWork) -> Order | None:
            opened_ms = await self.opened_ms(work)
            if opened_ms is None or fill.time_ms <= opened_ms:
                return None
            before = await self._of(work, fill.client_id, fill.venue_order_id, fill.instrument)
            known = before if before is not None else adopted_fill(fill, time_ns=self.clock.now_ns())
            new = await work.fills.add(fill, order_id=known.order_id, deployment=known.deployment)
            self.memory.book(fill.key)
            if not new:
                return None
            after = filled_by(known, fill, time_ns=self.clock.now_ns())
            await self.keep(work, before, after)
            for other in self._beside(after):
                await self.keep(work, other, msgspec.structs.replace(other, cancel_asked=True))
            changes = await self.books.book(work, fill, deployment=known.deployment)
            trade = TradeCompleted(fill=fill, order_id=known.order_id, deployment=known.deployment, order=after)
            await self.tell(work, trade, *changes)
            return after

        after = await self.commit(write)
        if after is None:
            return False
        self.memory.fills[fill.instrument] = self.memory.fills.get(fill.instrument, 0) + 1
        return True

    def _beside(self, order: Order) -> list[Order]:
        """Return the open orders that end because one of their group was filled: kept with the fill, no cancel is forgotten."""
        if not order.group:
            return []
        mine = (order.deployment, order.terms.instrument, order.group)
        return [
            other
            for other in self.memory.open()
            if (other.deployment, other.terms.instrument, other.group) == mine
            and other.order_id != order.order_id
            and not other.cancel_asked
        ]

    async def apply_movement(self, movement: AccountMovement) -> bool:
        """Take money that moved without a trade, once; False where it is booked already, or is in the opening."""
        key = f"movement|{movement.movement_id}"
        if self.memory.is_booked(key):
            return False

        async def write(work: UnitOfWork) -> bool:
            opened_ms = await self.opened_ms(work)
            if opened_ms is None or movement.time_ms <= opened_ms:
                return False
            changes = await self.books.move(work, movement)
            self.memory.book(key)
            await self.tell(work, *changes)
            return bool(changes)

        return await self.commit(write)

    async def opened_ms(self, work: UnitOfWork) -> int | None:
        """Return when the books were opened, or None; once they are, that stays."""
        if self._opened_ms is None:
            self._opened_ms = await self.books.opened_ms(work)
        return self._opened_ms

    # --- changes of our own --------------------------------------------------------------------------------------------

    async def change(self, order_id: str, change: Change, evidence: Evidence, *, reason: str = "") -> Order:
        """Apply a change that rests on ``evidence``."""
        event = OrderEvent(change=change, evidence=evidence, reason=reason, time_ns=self.clock.now_ns())
        return await self._edit(order_id, lambda before: before.apply(event))

    async def lose(self, order_id: str, deadline_ns: int, reason: str) -> Order:
        """Say that it is not known whether the venue has it; ``deadline_ns``: when it surely takes it no more (0: as it is)."""
        event = OrderEvent(change=Change.LOSE, reason=reason, time_ns=self.clock.now_ns())

        def edit(before: Order) -> Order:
            return msgspec.structs.replace(before.apply(event), deadline_ns=deadline_ns or before.deadline_ns)

        return await self._edit(order_id, edit)

    async def await_change(self, order_id: str, deadline_ns: int) -> Order:
        """Say that it is not known whether a change came about; ``deadline_ns``: when the venue takes it no more (0: as it is)."""

        def edit(before: Order) -> Order:
            asked = before.amendment
            if before.state is not OrderState.AMENDING or asked is None or not deadline_ns:
                return before
            return msgspec.structs.replace(before, amendment=msgspec.structs.replace(asked, deadline_ns=deadline_ns))

        return await self._edit(order_id, edit)

    async def keep_terms(self, order_id: str, evidence: Evidence, reason: str) -> Order:
        """Say that a change did not come about; nothing where it did, or the order ended meanwhile."""
        return await self._edit(order_id, lambda before: kept_by(before, evidence, reason, time_ns=self.clock.now_ns()))

    async def _edit(self, order_id: str, edit: Callable[[Order], Order]) -> Order:
        async def write(work: UnitOfWork) -> Order:
            before = await self.order(work, order_id)
            after = edit(before)
            await self.keep(work, before, after)
            return after

        return await self.commit(write)

    async def mark_cancel(self, order_id: str, *, lapsed: bool = False) -> Order:
        """Keep that a cancel is wanted: it is asked for until the order has ended; ``lapsed``: because its deadline passed."""

        def wanted(before: Order) -> Order:
            lapsed_ns = self.clock.now_ns() if lapsed and not before.cancel_asked else before.lapsed_ns
            return msgspec.structs.replace(before, cancel_asked=True, lapsed_ns=lapsed_ns)

        async def write(work: UnitOfWork) -> Order:
            before = await self.order(work, order_id)
            after = before if before.final else wanted(before)
            await self.keep(work, before, after)
            return after

        return await self.commit(write)

    async def alert(self, alert: Alert) -> None:
        """Tell a person."""

        async def write(work: UnitOfWork) -> None:
            await self.tell(work, alert)

        await self.commit(write)

    # --- reading -------------------------------------------------------------------------------------------------------

    async def open(self) -> list[Order]:
        """Return the account's orders that have not ended."""
        if not self.memory.loaded:
            await self.load()
        return self.memory.open()

    async def unresolved(self) -> list[Order]:
        """Return orders of which it is not known whether the venue has them."""
        return [order for order in await self.open() if order.state in _UNSURE]

    async def order(self, work: UnitOfWork, order_id: str) -> Order:
        """Return an order of this account; VenueError where there is none."""
        found = self.memory.order(order_id) or await work.orders.get(order_id)
        if found is None or found.terms.account != self.account:
            raise VenueError(f"order {order_id} is not known on account {self.account}")
        return found

    async def look_up(self, order_id: str) -> Order:
        """Return an order of this account as it is; VenueError where there is none."""
        known = self.memory.order(order_id)
        if known is not None:
            return known
        async with self.state.transaction() as work:
            return await self.order(work, order_id)

    async def knows(self, fill: VenueFill) -> bool:
        """Say whether the order of a fill is known."""
        if self._recalled(fill.client_id, fill.venue_order_id, fill.instrument) is not None:
            return True
        async with self.state.transaction() as work:
            return await self._of(work, fill.client_id, fill.venue_order_id, fill.instrument) is not None

    # --- within --------------------------------------------------------------------------------------------------------

    async def keep(self, work: UnitOfWork, before: Order | None, after: Order) -> None:
        """Write an order where it changed, and tell it."""
        if after == before:
            return
        await work.orders.put(after)
        self.memory.put(after)
        await self.tell(work, OrderChanged(order=after, before=before))
        if after.revived and (before is None or not before.revived):
            sentence = f"order {after.order_id} was taken for absent and is at the venue: it is followed again"
            await self.tell(work, self._alarm("order_revived", sentence, after.terms.instrument))

    async def tell(self, work: UnitOfWork, *payloads: object) -> None:
        """Tell others within the commit."""
        for payload in payloads:
            await self._told(work, payload)

    def _now(self, order: Order) -> None:
        self.check.apply_order(order)
        if order.final:
            self.live.pop(order.order_id, None)
        else:
            self.live[order.order_id] = (order.terms.instrument, order.tag if order.external else order.order_id)

    def _recalled(self, client_id: str, venue_order_id: str, instrument: InstrumentId) -> Order | None:
        """Return the order meant, where it is remembered."""
        if client_id:
            found = self.memory.order(client_id)
            if found is not None and _same(found, self.account, instrument, venue_order_id):
                return found
        return self.memory.of_venue(instrument, venue_order_id) if venue_order_id else None

    async def _of(self, work: UnitOfWork, client_id: str, venue_order_id: str, instrument: InstrumentId) -> Order | None:
        """Return the order meant: of our client id, or else of the venue's id."""
        known = self._recalled(client_id, venue_order_id, instrument)
        if known is not None:
            return known
        if client_id:
            found = await work.orders.get(client_id)
            if found is not None and _same(found, self.account, instrument, venue_order_id):
                return found
        return await work.orders.by_venue_id(self.account, instrument, venue_order_id) if venue_order_id else None

    async def _adopt(self, work: UnitOfWork, report: OrderReport) -> Order:
        ours = await work.orders.get(report.client_id) if report.client_id else None
        if ours is not None and ours.intent_id and ours.terms.account == self.account:
            sentence = f"the venue has a second order, {report.venue_order_id}, of our client id {report.client_id}"
            await self.tell(work, self._alarm("order_doubled", sentence, report.instrument, level="critical"))
        return adopted(report, time_ns=self.clock.now_ns())

    def _alarm(self, name: str, sentence: str, instrument: InstrumentId, *, level: str = "warning") -> Alert:
        _log.warning(f"execution.{name}", account=self.account, reason=sentence)
        now_ms = self.clock.now_ms()
        return Alert(name=name, level=level, account=self.account, instrument=str(instrument), sentence=sentence, time_ms=now_ms)


def _same(order: Order, account: str, instrument: InstrumentId, venue_order_id: str) -> bool:
    """Whether an order found by its client id is the one meant."""
    if order.terms.account != account or order.terms.instrument != instrument:
        return False
    return not order.venue_order_id or not venue_order_id or order.venue_order_id == venue_order_id


def instruments_of(orders: Sequence[Order]) -> set[InstrumentId]:
    """Return the instruments of orders."""
    return {order.terms.instrument for order in orders}
