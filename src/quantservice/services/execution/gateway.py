"""One gateway per account: the only way to the venue.

A draft, wired to nothing: **not for live keys**. Known to be wrong: an order that is being sent is also asked for as if it
were lost; the lease is checked at the commit and not again before each send; absence is believed earlier than the venues'
rules allow, and a duplicate's refusal is taken for an end; fills are not asked for where neither an order nor a position is
left, nor again after an outage; positions are not compared with the books; orders of one batch do not see each other at the
risk check; a cancel that is lost is not tried again, and none goes out while the store cannot write. What follows is what it
is to keep.

The order of things is the whole point. An intent, its approval and the order in state *submitting* are one commit, made before
the first byte leaves (I1); the order's client id is a function of the intent, so a redelivered cause finds the order that is
there (I2). Whatever the venue does not answer makes the order *unknown*: it is asked for by its client id, never sent again, and
its exposure stays reserved (I6). A fill is applied, booked and marked seen in one commit (I4). Nothing ends without the venue's
evidence (I5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, Refused, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.messages import IntentDenied, OrderChanged, TradeCompleted
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of
from quantservice.ports import Clock, GatewayLease, IntentRecord, StateStore, UnitOfWork
from quantservice.ports.trading import AccountMovement, AccountSnapshot, NotSent, OrderReport, Trading, Unknown
from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.folding import adopted, adopted_fill, filled_by, told_by

_log = structlog.get_logger(__name__)
_MS_NS = 1_000_000
Outcome: TypeAlias = Order | Denied


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How patient a gateway is.

    ``retries``: of what the venue surely did not take; ``settle_ms``: how long after an order's deadline absence may be believed;
    ``not_founds``: how many answers in a row must not know it; ``look_back_ms``: fills asked for at a start at least.
    """

    lease_ms: int = 10_000
    retries: int = 4
    back_off_s: float = 0.25
    settle_ms: int = 10_000
    not_founds: int = 3
    ask_every_s: float = 1.0
    look_back_ms: int = 86_400_000


class Gateway:
    """Sends approved orders of one account and keeps what is known of them true."""

    def __init__(
        self,
        trading: Trading,
        state: StateStore,
        clock: Clock,
        *,
        check: Check,
        books: Books,
        told: Told,
        holder: str,
        config: GatewayConfig | None = None,
    ) -> None:
        self.account = trading.account
        self.ready = False
        self.opened_ms = clock.now_ms()  # of the books: movements before that are in the opening balances
        self._trading, self._state, self._clock = trading, state, clock
        self._check, self._books, self._told = check, books, told
        self._holder, self._config = holder, config or GatewayConfig()
        self._lease: GatewayLease | None = None
        self._reconciled = False  # since this lease was taken
        self._not_found: dict[str, int] = {}  # client id -> answers in a row that did not know it

    # --- start -------------------------------------------------------------------------------------------------------

    async def start(self) -> bool:
        """Take the lease, reconcile with the venue, and open the way; False while another process holds the account."""
        self.ready = False
        if not await self.extend():
            return False
        await self.reconcile(await self._trading.snapshot())
        return True

    async def extend(self) -> bool:
        """Take or extend the lease; without it nothing is sent, and with a new one nothing before the next reconciliation."""
        before = self._lease
        async with self._state.transaction() as work:
            self._lease = await work.gateways.take(
                self.account, self._holder, now_ms=self._clock.now_ms(), lease_ms=self._config.lease_ms
            )
        if self._lease is None or before is None or self._lease.token != before.token:
            self.ready = self._reconciled = False
        return self._lease is not None

    async def reconcile(self, snapshot: AccountSnapshot) -> None:
        """Bring what is known in line with what the venue says: open orders, fills, and orders that it no longer lists."""
        async with self._state.transaction() as work:
            for payload in await self._books.open(work, snapshot):
                await self._told(work, payload)
            for row in await work.books.journal(account=self.account, limit=1):
                self.opened_ms = row.entry.time
            known = {order.order_id: order for order in await work.orders.open(self.account)}
        listed = {report.client_id or f"venue-{report.venue_order_id}" for report in snapshot.orders}
        for report in snapshot.orders:
            await self.apply_report(report)
        since_ms = min(
            (order.created_ns // _MS_NS for order in known.values()), default=self._clock.now_ms() - self._config.look_back_ms
        )
        instruments = sorted(
            {order.terms.instrument for order in known.values()} | {item.instrument for item in snapshot.positions}
        )
        for fill in await self._trading.fills_since(instruments, since_ms):
            await self.apply_fill(fill)
        for order in known.values():
            if order.order_id not in listed:
                await self.ask(order)
        self._reconciled = True
        await self._open_way()

    async def _open_way(self) -> bool:
        """Open the way once nothing of the time before the start is unknown; what is lost later blocks its own intent only."""
        rest = await self.unresolved()
        if self._reconciled and self._lease is not None and not rest:
            self.ready = True
        return not rest

    # --- sending -----------------------------------------------------------------------------------------------------

    async def submit(self, intents: Sequence[Intent]) -> list[Outcome]:
        """Check, commit, send. Reductions are sent first. Returns each order as it is then, or the denial, in the given order."""
        if not self.ready:
            raise VenueError(f"account {self.account} is not reconciled with its venue yet; nothing is sent before that")
        now_ns = self._clock.now_ns()
        approved: list[tuple[Order, Approved]] = []
        outcomes: dict[str, Outcome] = {}
        async with self._state.transaction() as work:
            await self._hold(work)
            for intent in intents:
                existing = await work.orders.of_intent(intent.intent_id)
                if existing is not None:  # the same cause again: nothing is sent twice
                    outcomes[intent.intent_id] = existing
                    continue
                made = await self._commit(work, intent, now_ns)
                if isinstance(made, Denied):
                    outcomes[intent.intent_id] = made
                else:
                    approved.append(made)
        for order, _ in approved:
            self._check.apply_order(order)
        for order, approval in sorted(approved, key=lambda pair: not pair[0].terms.reduce_only):
            outcomes[order.intent_id] = await self._send(order, approval)
        return [outcomes[intent.intent_id] for intent in intents if intent.intent_id in outcomes]

    async def _commit(self, work: UnitOfWork, intent: Intent, now_ns: int) -> tuple[Order, Approved] | Denied:
        verdict = self._check.check(intent, now_ns)
        for decision in verdict.decisions:
            await work.risk.note(decision)
        answer = verdict.answer
        if isinstance(answer, Denied):
            record = IntentRecord(
                intent=intent,
                state="denied",
                rule=answer.rule,
                limit=answer.limit,
                value=answer.value,
                sentence=answer.sentence,
                decided_ns=now_ns,
            )
            await work.intents.add(record)
            await self._told(work, IntentDenied(denied=answer))
            return answer
        await work.intents.add(IntentRecord(intent=intent, state="approved", decided_ns=now_ns))
        order = order_of(intent, created_ns=now_ns).apply(OrderEvent(change=Change.SUBMIT, time_ns=now_ns))
        await work.orders.put(order)
        await self._told(work, OrderChanged(order=order))
        return order, answer

    async def _send(self, order: Order, approval: Approved) -> Order:
        """Send once; what is surely not taken is tried again within the intent's time, what is not known never."""
        for number in range(self._config.retries + 1):
            try:
                report = await self._trading.submit(approval)
            except Refused as error:
                evidence = self._evidence("answer", reference=str(error.code), detail=str(error))
                return await self._change(order.order_id, Change.REFUSE, evidence, reason=str(error))
            except NotSent as error:
                until = approval.intent.valid_until_ns
                late = bool(until) and self._clock.now_ns() >= until
                if not error.retry or late or number == self._config.retries:
                    evidence = self._evidence("local", reference=str(error.code), detail=str(error))
                    return await self._change(order.order_id, Change.DISCARD, evidence, reason=str(error))
                await self._clock.sleep(self._config.back_off_s * 2**number)
            except Unknown as error:
                return await self._lose(order.order_id, error.deadline_ns, str(error))
            else:
                return await self.apply_report(report)
        raise AssertionError("unreachable")  # pragma: no cover

    async def cancel(self, order_id: str) -> Order:
        """Ask for a cancel. An order that ended stays as it is; the answer to one that raced a fill is the venue's final state."""
        async with self._state.transaction() as work:
            order = await self._order(work, order_id)
            if order.final:
                return order
            await work.orders.put(msgspec.structs.replace(order, cancel_asked=True))
        try:
            report = await self._trading.cancel(order.terms.instrument, order_id)
        except (Refused, Unknown, NotSent):
            return await self.ask(order)
        return await self.apply_report(report) if report is not None else order

    # --- what the venue tells ----------------------------------------------------------------------------------------

    async def apply_report(self, report: OrderReport) -> Order:
        """Take what the venue says of an order, whoever made it."""
        async with self._state.transaction() as work:
            name = report.client_id or f"venue-{report.venue_order_id}"
            before = await work.orders.get(name) or await work.orders.by_venue_id(self.account, report.venue_order_id)
            after = told_by(before, report) if before is not None else adopted(report, time_ns=self._clock.now_ns())
            await self._keep(work, before, after)
        self._not_found.pop(after.order_id, None)
        self._check.apply_order(after)
        if after.fills_missing:
            await self._fetch_fills(after)
        return after

    async def apply_fill(self, fill: VenueFill) -> bool:
        """Take a fill once: seen, applied and booked in one commit; False where it was taken before."""
        async with self._state.transaction() as work:
            before = await self._of_fill(work, fill)
            known = before if before is not None else adopted_fill(fill, time_ns=self._clock.now_ns())
            if not await work.fills.add(fill, order_id=known.order_id, deployment=known.deployment):
                return False
            after = filled_by(known, fill, time_ns=self._clock.now_ns())
            await self._keep(work, before, after)
            changes = await self._books.book(work, fill, deployment=known.deployment)
            await self._told(work, TradeCompleted(fill=fill, order_id=known.order_id, deployment=known.deployment))
            for payload in changes:
                await self._told(work, payload)
        self._check.apply_order(after)
        return True

    async def apply_movement(self, movement: AccountMovement) -> bool:
        """Take money that moved without a trade, once; False where it is booked already."""
        async with self._state.transaction() as work:
            changes = await self._books.move(work, movement)
            for payload in changes:
                await self._told(work, payload)
        return bool(changes)

    async def known(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What is known now, to be compared: the last fill, and the open orders with their states."""
        async with self._state.transaction() as work:
            orders = await work.orders.open(self.account)
            fills = await work.fills.list(account=self.account, limit=1)
        return fills[0][0].key if fills else "", tuple((order.order_id, order.state.value) for order in orders)

    async def traded(self) -> list[InstrumentId]:
        """Instruments with open orders."""
        async with self._state.transaction() as work:
            return sorted({order.terms.instrument for order in await work.orders.open(self.account)})

    async def ask(self, order: Order) -> Order:
        """Ask the venue for an order by its client id. Only repeated answers, after its deadline, show that it never arrived."""
        try:
            report = await self._trading.find(order.terms.instrument, order.order_id, since_ms=order.created_ns // _MS_NS)
        except VenueError as error:  # an outage says nothing about the order
            _log.info("execution.ask_failed", account=self.account, order=order.order_id, reason=str(error))
            return order
        if report is not None:
            return await self.apply_report(report)
        if order.state is OrderState.SUBMITTING:
            order = await self._lose(order.order_id, order.deadline_ns, "the venue does not know it yet")
        if order.state is not OrderState.UNKNOWN:
            return order
        count = self._not_found[order.order_id] = self._not_found.get(order.order_id, 0) + 1
        after_ns = max(order.deadline_ns, order.sent_ns) + self._config.settle_ms * _MS_NS
        if count < self._config.not_founds or self._clock.now_ns() < after_ns:
            return order
        evidence = self._evidence("absence", reference=f"{count} answers", detail="not found after its deadline")
        return await self._change(order.order_id, Change.ABSENT, evidence, reason="the venue never got it")

    async def unresolved(self) -> list[Order]:
        """Orders of which it is not known whether the venue has them."""
        async with self._state.transaction() as work:
            orders = await work.orders.open(self.account)
        return [order for order in orders if order.state in (OrderState.UNKNOWN, OrderState.SUBMITTING)]

    async def resolve(self) -> bool:
        """Ask for every order that is not known; True once there is none."""
        for order in await self.unresolved():
            await self.ask(order)
        return await self._open_way()

    # --- within ------------------------------------------------------------------------------------------------------

    async def _fetch_fills(self, order: Order) -> None:
        since_ms = order.created_ns // _MS_NS
        try:
            fills = await self._trading.fills_since([order.terms.instrument], since_ms)
        except VenueError as error:
            _log.info("execution.fills_away", account=self.account, order=order.order_id, reason=str(error))
            return
        for fill in fills:
            await self.apply_fill(fill)

    async def _of_fill(self, work: UnitOfWork, fill: VenueFill) -> Order | None:
        if fill.client_id:
            found = await work.orders.get(fill.client_id)
            if found is not None:
                return found
        return await work.orders.by_venue_id(self.account, fill.venue_order_id) if fill.venue_order_id else None

    async def _change(self, order_id: str, change: Change, evidence: Evidence, *, reason: str = "") -> Order:
        async with self._state.transaction() as work:
            before = await self._order(work, order_id)
            event = OrderEvent(change=change, evidence=evidence, reason=reason, time_ns=self._clock.now_ns())
            after = before.apply(event)
            await self._keep(work, before, after)
        self._check.apply_order(after)
        return after

    async def _lose(self, order_id: str, deadline_ns: int, reason: str) -> Order:
        async with self._state.transaction() as work:
            before = await self._order(work, order_id)
            after = before.apply(OrderEvent(change=Change.LOSE, reason=reason, time_ns=self._clock.now_ns()))
            after = msgspec.structs.replace(after, deadline_ns=max(after.deadline_ns, deadline_ns))
            await self._keep(work, before, after)
        self._check.apply_order(after)
        return after

    async def _keep(self, work: UnitOfWork, before: Order | None, after: Order) -> None:
        if after == before:
            return
        await work.orders.put(after)
        await self._told(work, OrderChanged(order=after))

    async def _hold(self, work: UnitOfWork) -> None:
        lease = self._lease
        held = lease is not None and await work.gateways.check(self.account, self._holder, lease.token, now_ms=self._clock.now_ms())
        if not held:
            self.ready = self._reconciled = False
            raise EnvironmentFault(f"account {self.account} is traded by another process now; this one sends nothing")

    async def _order(self, work: UnitOfWork, order_id: str) -> Order:
        found = await work.orders.get(order_id)
        if found is None:
            raise VenueError(f"order {order_id} is not known on account {self.account}")
        return found

    def _evidence(self, source: str, *, reference: str, detail: str) -> Evidence:
        return Evidence(source=source, reference=reference, time_ns=self._clock.now_ns(), detail=detail[:500])
