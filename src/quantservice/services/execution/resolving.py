"""Bringing what is known in line with what the venue says: the start path, the loop, and the answer to every doubt.

What the rules ask (see the room's page): an order is absent only if, after its deadline and the time the venue's own answers may
lag, the question by client id, the list of open orders and the fills all lack it, in scans some seconds apart on a working
connection. Fills are asked for from the last reconciled instant on, of everything held, open or traded. Positions equal the
venue's, or new exposure in them is barred and a person is told.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Final

import msgspec
import structlog

from quantservice.core.errors import Refused, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert
from quantservice.core.orders import Change, Evidence, Order, OrderState, VenueFill
from quantservice.ports import UnitOfWork
from quantservice.ports.trading import AccountSnapshot, NotSent, OrderReport, Trading, Unknown
from quantservice.services.execution.collaborators import Statement
from quantservice.services.execution.keeper import OrderKeeper, instruments_of

_log = structlog.get_logger(__name__)
_MS_NS: Final = 1_000_000
_S_NS: Final = 1_000_000_000
_SCOPE: Final = "reconciled"
_LATE_MS: Final = 5_000  # what is younger than this may still be on its way through the stream
_TOLD_AFTER: Final = 2
_MOST_ORPHANS: Final = 10_000
_BACK_OFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class ResolvingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When absence is believed.

    ``settle_s``: after the deadline, for the venue's own lag (10 s) and a margin (5 s). ``scans``: that must lack the order, at
    least ``apart_s`` apart. A venue that names no deadline: after ``no_deadline_s`` and ``no_deadline_scans``. ``overlap_s``: fills
    are asked for again so far back. ``fills_within_s``: the stream has so long to bring the fills that an order reports.
    """

    settle_s: float = 15.0
    scans: int = 2
    apart_s: float = 5.0
    no_deadline_s: float = 600.0
    no_deadline_scans: int = 5
    overlap_s: float = 60.0
    fills_within_s: float = 1.0


class Resolver:
    """Asks the venue. ``sending`` are the orders whose request is under way: they are left alone."""

    def __init__(self, trading: Trading, keeper: OrderKeeper, config: ResolvingConfig | None = None) -> None:
        self._trading, self._keeper = trading, keeper
        self._clock = keeper.clock
        self._config = config or ResolvingConfig()
        self._scans: dict[str, tuple[int, int]] = {}  # order -> scans that lacked it, and when the last was
        self._cancels: dict[str, tuple[int, int]] = {}  # order -> cancels asked, and when the next is due
        self._missing: dict[str, int] = {}  # order -> when its missing fills are to be asked for (ns); a start asks for all
        self._orphans: dict[str, VenueFill] = {}  # fills that wait until the order they may be of is no longer in doubt
        self._asked = False  # the first reconciliation looks at the store's orders, later ones at what is remembered
        self.sending: set[str] = set()
        self.suspect: frozenset[InstrumentId] = frozenset()  # the venue's position is another than the books'
        self.statement: Statement | None = None
        self._owed: dict[str, tuple[Decimal, int]] = {}  # currency -> what is not explained, and in how many comparisons

    def begin(self) -> None:
        """Forget what was under way: a start looks at the store's orders and asks for everything."""
        self._scans.clear()
        self._cancels.clear()
        self._missing.clear()
        self._orphans.clear()
        self._asked = False

    # --- reconciling -----------------------------------------------------------------------------------------------------

    async def reconcile(self, snapshot: AccountSnapshot) -> int:
        """Take orders, fills and movements from the venue and compare positions; return what the stream should have told."""
        await self._keeper.commit(lambda work: self._open_books(work, snapshot))
        known = {order.order_id: order for order in await self._keeper.open()}
        missed = 0
        listed = set()
        for report in snapshot.orders:
            after = await self._keeper.apply_report(report)
            listed.add(after.order_id)
            before = known.get(after.order_id)
            missed += before is not None and before.state is not after.state and self._is_late(report.time_ms)
        missed += await self._take_fills(snapshot, known)
        for order in known.values():
            if order.order_id not in listed:
                await self.ask(order)
        await self._compare(snapshot)
        return missed

    async def _open_books(self, work: UnitOfWork, snapshot: AccountSnapshot) -> None:
        await self._keeper.tell(work, *await self._keeper.books.open(work, snapshot))

    async def _take_fills(self, snapshot: AccountSnapshot, known: dict[str, Order]) -> int:
        memory, account = self._keeper.memory, self._keeper.account
        async with self._keeper.state.transaction() as work:
            opened_ms = await self._keeper.opened_ms(work)
            since_ms = int(await work.values.get(_SCOPE, account) or 0)
            held = await self._keeper.books.held(work)
            recent = [] if self._asked else await work.orders.list(account=account, limit=1_000)
        since_ms = max(since_ms - round(self._config.overlap_s * 1_000), opened_ms or 0)
        wanted = held | {item.instrument for item in snapshot.positions} | instruments_of(list(known.values()))
        wanted |= instruments_of([order for order in recent if order.updated_ns // _MS_NS >= since_ms])
        wanted |= {instrument for instrument, touched_ns in memory.touched.items() if touched_ns // _MS_NS >= since_ms}
        missed = 0
        for fill in await self._trading.fills_since(sorted(wanted, key=str), since_ms):
            missed += await self.apply_fill(fill) and self._is_late(fill.time_ms)
        for movement in await self._trading.movements_since(since_ms):
            missed += await self._keeper.apply_movement(movement) and self._is_late(movement.time_ms)
        until_ms = min([snapshot.time_ms, *(fill.time_ms for fill in self._orphans.values())])  # these are asked for again
        await self._keeper.commit(lambda work: work.values.put(_SCOPE, account, until_ms))
        self._asked = True
        return missed

    def _is_late(self, time_ms: int) -> bool:
        return time_ms < self._clock.now_ms() - _LATE_MS

    async def apply_fill(self, fill: VenueFill) -> bool:
        """Take a fill; False where it was taken before, or waits.

        One whose order nobody knows may be of an order whose answer was lost: that is asked for first. As long as that order is in
        doubt and the fill names no client id, it waits: booked as a stranger's it could never become the order's own.
        """
        if self._keeper.memory.is_booked(fill.key):
            return False
        if fill.venue_order_id and not await self._keeper.knows(fill):
            for order in await self._doubted(fill):
                report = await self._find(order)
                if report is not None:
                    await self._keeper.apply_report(report)
            if (
                not fill.client_id
                and len(self._orphans) < _MOST_ORPHANS
                and await self._doubted(fill)
                and not await self._keeper.knows(fill)
            ):
                self._orphans[fill.key] = fill
                return False
        self._orphans.pop(fill.key, None)
        return await self._keeper.apply_fill(fill)

    async def _doubted(self, fill: VenueFill) -> list[Order]:
        """Return orders that are in doubt, or being sent, and could be a fill's."""
        unresolved = await self._keeper.unresolved()
        found = [order for order in unresolved if (order.terms.instrument, order.terms.side) == (fill.instrument, fill.side)]
        return [order for order in found if order.created_ns // _MS_NS <= fill.time_ms + _LATE_MS]

    async def _compare(self, snapshot: AccountSnapshot) -> None:
        """Compare with the books; a difference is looked at twice, because a fill may come between the answers.

        Where fills came while the venue was asked, or orders are under way, nothing follows from a difference: it is looked at the
        next time.
        """
        statement, moved = await self._statement(snapshot), frozenset[InstrumentId]()
        if statement.positions or statement.unexplained:
            before = dict(self._keeper.memory.fills)
            again = await self._trading.snapshot()
            fills = {gap.instrument for gap in statement.positions} | {item.instrument for item in again.positions}
            for fill in await self._trading.fills_since(sorted(fills, key=str), snapshot.time_ms - _LATE_MS):
                await self.apply_fill(fill)
            for movement in await self._trading.movements_since(snapshot.time_ms - _LATE_MS):
                await self._keeper.apply_movement(movement)
            statement = await self._statement(again)
            moved = self._moved(before, since_ms=snapshot.time_ms)
        if not moved or self.statement is None:
            self.statement = statement
            await self._keeper.commit(lambda work: self._keeper.books.note(work, statement))
            await self._tell_money(statement)
        wrong = frozenset(gap.instrument for gap in statement.positions)
        for gap in statement.positions:
            if gap.instrument not in self.suspect and gap.instrument not in moved:
                sentence = f"{gap.instrument}: the venue holds {gap.venue}, the books {gap.booked}; only reductions are sent in it"
                await self._tell("position_differs", sentence, gap.instrument, level="critical")
        for instrument in self.suspect - wrong:
            await self._tell("position_differs", f"{instrument}: venue and books agree again", instrument, cleared=True)
        self.suspect = (wrong - moved) | (wrong & self.suspect)

    async def _tell_money(self, statement: Statement) -> None:
        """Say money that the books do not explain, once it is the same in two comparisons; and that it is explained again."""
        owed = dict(statement.unexplained)
        for currency, amount in owed.items():
            seen, times = self._owed.get(currency, (amount, 0))
            times = times + 1 if seen == amount else 1
            self._owed[currency] = (amount, times)
            if times == _TOLD_AFTER:
                sentence = f"the venue owes {amount:f} {currency} beyond the books; look at its statement for what is not booked"
                await self._tell("balance_differs", sentence, None, level="warning")
        for currency in [name for name in self._owed if name not in owed]:
            _, times = self._owed.pop(currency)
            if times >= _TOLD_AFTER:
                await self._tell("balance_differs", f"{currency}: venue and books agree again", None, cleared=True)

    def _moved(self, before: dict[InstrumentId, int], *, since_ms: int) -> frozenset[InstrumentId]:
        """Return the instruments in which something happened since: fills, changes of orders, orders under way."""
        memory = self._keeper.memory
        sending = (memory.order(name) for name in self.sending)
        moved = {order.terms.instrument for order in sending if order is not None}
        moved |= {fill.instrument for fill in self._orphans.values()}
        moved |= {instrument for instrument, touched_ns in memory.touched.items() if touched_ns // _MS_NS >= since_ms}
        return frozenset(moved | {name for name, count in memory.fills.items() if count != before.get(name, 0)})

    async def _statement(self, snapshot: AccountSnapshot) -> Statement:
        async with self._keeper.state.transaction() as work:
            return await self._keeper.books.compare(work, snapshot)

    async def _tell(
        self, name: str, sentence: str, instrument: InstrumentId | None, *, level: str = "info", cleared: bool = False
    ) -> None:
        _log.warning(f"execution.{name}", account=self._keeper.account, reason=sentence)
        alert = Alert(
            name=name,
            level=level,
            account=self._keeper.account,
            instrument="" if instrument is None else str(instrument),
            sentence=sentence,
            cleared=cleared,
            time_ms=self._clock.now_ms(),
        )
        await self._keeper.alert(alert)

    # --- doubts ------------------------------------------------------------------------------------------------------------

    async def resolve(self) -> bool:
        """Ask for orders that are not known, for fills that are missing, and again for cancels; True once nothing is unknown."""
        for order in await self._keeper.open():
            if order.order_id in self.sending:
                continue
            if order.state is not OrderState.OPEN:
                order = await self.ask(order)  # noqa: PLW2901  # as it is then
            if order.cancel_asked and order.state in (OrderState.OPEN, OrderState.AMENDING):
                await self.cancel_again(order)
        for fill in list(self._orphans.values()):
            await self.apply_fill(fill)
        now_ns = self._clock.now_ns()
        for name in [name for name, due_ns in sorted(self._missing.items()) if due_ns <= now_ns]:
            await self.complete(await self._keeper.look_up(name))
        return not [order for order in await self._keeper.unresolved() if order.order_id not in self.sending]

    async def ask(self, order: Order) -> Order:
        """Ask the venue for an order by its client id, and judge an answer that does not know it."""
        if order.order_id in self.sending:
            return order
        if order.state is OrderState.APPROVED:
            evidence = self._evidence("local", reference="restart", detail="approved, and the process ended before it was sent")
            return await self._keeper.change(order.order_id, Change.DISCARD, evidence, reason="it was never sent")
        try:
            report = await self._find(order)
            if report is not None:
                after = await self._keeper.apply_report(report)
                after = await self.complete(after)
                return await self._unchanged(after, report) if after.state is OrderState.AMENDING else after
            if order.state is OrderState.SUBMITTING:
                order = await self._keeper.lose(order.order_id, 0, "it was being sent when the process ended")
            if order.state is OrderState.UNKNOWN:
                return await self._scan(order)
        except VenueError as error:  # an outage says nothing about the order, and scans before it do not count
            self._scans.pop(order.order_id, None)
            _log.info("execution.ask_failed", account=self._keeper.account, order=order.order_id, reason=str(error))
        return order

    async def _find(self, order: Order) -> OrderReport | None:
        name = order.tag if order.external else order.order_id
        if not name:
            return None
        return await self._trading.find(order.terms.instrument, name, since_ms=order.created_ns // _MS_NS)

    def expect_fills(self, order: Order) -> None:
        """Note that fills are missing, which the stream will bring in a moment; where it does not they are asked for."""
        if order.fills_missing and not order.external:
            self._missing.setdefault(order.order_id, self._clock.now_ns() + round(self._config.fills_within_s * _S_NS))

    async def complete(self, order: Order) -> Order:
        """Fetch the fills that an order reports and that are not here; where the venue is away they are asked for again later."""
        if order.fills_missing and not order.external:
            since_ms = order.created_ns // _MS_NS - _LATE_MS
            try:
                fills = await self._trading.fills_since([order.terms.instrument], since_ms)
            except VenueError as error:
                self._missing[order.order_id] = self._clock.now_ns()
                _log.info("execution.fills_away", account=self._keeper.account, order=order.order_id, reason=str(error))
                return order
            for fill in fills:
                await self.apply_fill(fill)
            order = await self._keeper.look_up(order.order_id)
        if order.fills_missing and not order.external:
            self._missing[order.order_id] = self._clock.now_ns()
        else:
            self._missing.pop(order.order_id, None)
        return order

    async def _scan(self, order: Order) -> Order:
        """One scan that may show that the venue never got it; raises VenueError where the venue does not answer all of it."""
        count, needed = self._due(order.order_id, order.deadline_ns, max(order.sent_ns, order.created_ns))
        if not needed:
            return order
        now_ns = self._clock.now_ns()
        snapshot = await self._trading.snapshot()
        for report in snapshot.orders:
            if report.client_id == order.order_id and report.instrument == order.terms.instrument:
                return await self.complete(await self._keeper.apply_report(report))
        for fill in await self._trading.fills_since([order.terms.instrument], order.created_ns // _MS_NS - _LATE_MS):
            await self.apply_fill(fill)
        order = await self._keeper.look_up(order.order_id)
        if order.state is not OrderState.UNKNOWN:
            return order
        self._scans[order.order_id] = (count + 1, now_ns)
        if count + 1 < needed:
            return order
        self._scans.pop(order.order_id, None)
        detail = "after its deadline neither the query, the open orders nor the fills have it"
        evidence = self._evidence("absence", reference=f"{count + 1} scans", detail=detail)
        return await self._keeper.change(order.order_id, Change.ABSENT, evidence, reason="the venue never got it")

    async def _unchanged(self, order: Order, report: OrderReport) -> Order:
        """One look that may show that the venue never got a change: it has the order as it was, after the change's deadline."""
        asked = order.amendment
        if asked is None:
            return order
        count, needed = self._due(order.order_id, asked.deadline_ns, asked.asked_ns)
        if not needed:
            return order
        self._scans[order.order_id] = (count + 1, self._clock.now_ns())
        if count + 1 < needed:
            return order
        self._scans.pop(order.order_id, None)
        detail = "after the change's deadline the venue shows the order as it was"
        evidence = self._evidence("query", reference=report.venue_order_id, detail=detail)
        return await self._keeper.keep_terms(order.order_id, evidence, "the venue never got the change")

    def _due(self, order_id: str, deadline_ns: int, asked_ns: int) -> tuple[int, int]:
        """Return how many looks there were that lacked something, and how many are needed: 0 where none is due now."""
        config, now_ns = self._config, self._clock.now_ns()
        if deadline_ns:
            after_ns, needed = deadline_ns + round(config.settle_s * _S_NS), config.scans
        else:
            after_ns, needed = asked_ns + round(config.no_deadline_s * _S_NS), config.no_deadline_scans
        count, last_ns = self._scans.get(order_id, (0, 0))
        early = now_ns < after_ns or now_ns < last_ns + round(config.apart_s * _S_NS)
        return count, 0 if early else needed

    # --- cancels -------------------------------------------------------------------------------------------------------------

    async def cancel_again(self, order: Order) -> Order:
        """Ask once more for a cancel that is wanted, with growing pauses: until the order has ended."""
        count, due_ns = self._cancels.get(order.order_id, (0, 0))
        if self._clock.now_ns() < due_ns:
            return order
        return await self.cancel(order.order_id, count=count)

    async def cancel(self, order_id: str, *, count: int = 0) -> Order:
        """Ask for a cancel once, of an open order. Whatever the answer is, the venue's state of the order is the outcome."""
        found = self._keeper.live.get(order_id)
        if found is None:  # it ended while this cancel waited for its turn
            return await self._keeper.look_up(order_id)
        instrument, name = found
        pause_s = _BACK_OFF_S[min(count, len(_BACK_OFF_S) - 1)]
        self._cancels[order_id] = (count + 1, self._clock.now_ns() + round(pause_s * _S_NS))
        try:
            report = await self._trading.cancel(instrument, name)
        except (Refused, Unknown, NotSent) as error:
            _log.info("execution.cancel_unsure", account=self._keeper.account, order=order_id, reason=str(error))
            report = None
        if report is not None:
            order = await self.complete(await self._keeper.apply_report(report))
        else:
            order = await self.ask(await self._keeper.look_up(order_id))
        if order.final:
            self._cancels.pop(order_id, None)
        return order

    def forget(self, open_orders: Collection[str]) -> None:
        """Drop counts of orders that have ended."""
        for counts in (self._scans, self._cancels):
            for name in [name for name in counts if name not in open_orders]:
                del counts[name]

    def _evidence(self, source: str, *, reference: str, detail: str) -> Evidence:
        return Evidence(source=source, reference=reference, time_ns=self._clock.now_ns(), detail=detail[:500])
