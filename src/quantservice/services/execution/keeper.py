"""What is known of an account's orders, kept true: every event of the venue is applied, booked and told in one commit.

An order of ours is found by its client id, and only where account, instrument and the venue's own id agree: venues let a client
id be used again, and another program may use the same. What nobody here asked for is adopted under the venue's id and marked
external (I3). A fill is seen, applied and booked in one commit (I4). Nothing ends without evidence (I5).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from quantservice.core.errors import VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, OrderChanged, TradeCompleted
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill
from quantservice.ports import Clock, StateStore, UnitOfWork
from quantservice.ports.trading import AccountMovement, OrderReport
from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.folding import adopted, adopted_fill, filled_by, told_by

_log = structlog.get_logger(__name__)
_UNSURE = (OrderState.UNKNOWN, OrderState.SUBMITTING)


class OrderKeeper:
    """The one writer of an account's orders, fills and books."""

    def __init__(self, account: str, state: StateStore, clock: Clock, *, check: Check, books: Books, told: Told) -> None:
        self.account = account
        self.state, self.clock, self.check = state, clock, check
        self.books, self._told = books, told
        #: Open orders, with the instrument and the client id at the venue: a cancel needs no store.
        self.live: dict[str, tuple[InstrumentId, str]] = {}

    # --- events of the venue -------------------------------------------------------------------------------------------

    async def apply_report(self, report: OrderReport) -> Order:
        """Take what the venue says of an order, whoever made it."""
        async with self.state.transaction() as work:
            before = await self._of_report(work, report)
            after = told_by(before, report) if before is not None else await self._adopt(work, report)
            await self.keep(work, before, after)
        self._now(after)
        return after

    async def apply_fill(self, fill: VenueFill) -> bool:
        """Take a fill once: seen, applied and booked in one commit; False where it was taken before, or is in the opening."""
        async with self.state.transaction() as work:
            opened_ms = await self.books.opened_ms(work)
            if opened_ms is None or fill.time_ms <= opened_ms:
                return False
            before = await self._of_fill(work, fill)
            known = before if before is not None else adopted_fill(fill, time_ns=self.clock.now_ns())
            if not await work.fills.add(fill, order_id=known.order_id, deployment=known.deployment):
                return False
            after = filled_by(known, fill, time_ns=self.clock.now_ns())
            await self.keep(work, before, after)
            changes = await self.books.book(work, fill, deployment=known.deployment)
            await self.tell(work, TradeCompleted(fill=fill, order_id=known.order_id, deployment=known.deployment), *changes)
        self._now(after)
        return True

    async def apply_movement(self, movement: AccountMovement) -> bool:
        """Take money that moved without a trade, once; False where it is booked already, or is in the opening."""
        async with self.state.transaction() as work:
            opened_ms = await self.books.opened_ms(work)
            if opened_ms is None or movement.time_ms <= opened_ms:
                return False
            changes = await self.books.move(work, movement)
            await self.tell(work, *changes)
        return bool(changes)

    # --- changes of our own --------------------------------------------------------------------------------------------

    async def change(self, order_id: str, change: Change, evidence: Evidence, *, reason: str = "") -> Order:
        """Apply a change that rests on ``evidence``."""
        async with self.state.transaction() as work:
            before = await self.order(work, order_id)
            event = OrderEvent(change=change, evidence=evidence, reason=reason, time_ns=self.clock.now_ns())
            after = before.apply(event)
            await self.keep(work, before, after)
        self._now(after)
        return after

    async def lose(self, order_id: str, deadline_ns: int, reason: str) -> Order:
        """Say that it is not known whether the venue has it; ``deadline_ns``: when it surely takes it no more (0: as it is)."""
        async with self.state.transaction() as work:
            before = await self.order(work, order_id)
            after = before.apply(OrderEvent(change=Change.LOSE, reason=reason, time_ns=self.clock.now_ns()))
            after = msgspec.structs.replace(after, deadline_ns=deadline_ns or after.deadline_ns)
            await self.keep(work, before, after)
        self._now(after)
        return after

    async def mark_cancel(self, order_id: str) -> Order:
        """Keep that a cancel is wanted: it is asked for until the order has ended."""
        async with self.state.transaction() as work:
            before = await self.order(work, order_id)
            after = before if before.final else msgspec.structs.replace(before, cancel_asked=True)
            await self.keep(work, before, after)
        return after

    async def alert(self, alert: Alert) -> None:
        """Tell a person."""
        async with self.state.transaction() as work:
            await self.tell(work, alert)

    # --- reading -------------------------------------------------------------------------------------------------------

    async def open(self) -> list[Order]:
        """Return the account's orders that have not ended; their exposure is reserved again."""
        async with self.state.transaction() as work:
            orders = await work.orders.open(self.account)
        for order in orders:
            self._now(order)
        return orders

    async def unresolved(self) -> list[Order]:
        """Return orders of which it is not known whether the venue has them."""
        return [order for order in await self.open() if order.state in _UNSURE]

    async def order(self, work: UnitOfWork, order_id: str) -> Order:
        """Return an order of this account; VenueError where there is none."""
        found = await work.orders.get(order_id)
        if found is None or found.terms.account != self.account:
            raise VenueError(f"order {order_id} is not known on account {self.account}")
        return found

    async def knows(self, fill: VenueFill) -> bool:
        """Say whether the order of a fill is known."""
        async with self.state.transaction() as work:
            return await self._of_fill(work, fill) is not None

    # --- within --------------------------------------------------------------------------------------------------------

    async def keep(self, work: UnitOfWork, before: Order | None, after: Order) -> None:
        """Write an order where it changed, and tell it."""
        if after == before:
            return
        await work.orders.put(after)
        await self.tell(work, OrderChanged(order=after))
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

    async def _of_report(self, work: UnitOfWork, report: OrderReport) -> Order | None:
        if report.client_id:
            found = await work.orders.get(report.client_id)
            if found is not None and _same(found, report.account, report.instrument, report.venue_order_id):
                return found
        return await work.orders.by_venue_id(self.account, report.instrument, report.venue_order_id)

    async def _of_fill(self, work: UnitOfWork, fill: VenueFill) -> Order | None:
        if fill.client_id:
            found = await work.orders.get(fill.client_id)
            if found is not None and _same(found, fill.account, fill.instrument, fill.venue_order_id):
                return found
        return await work.orders.by_venue_id(self.account, fill.instrument, fill.venue_order_id) if fill.venue_order_id else None

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
