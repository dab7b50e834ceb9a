"""One gateway per account: the only way to the venue.

The order of things is the whole point. An intent, its approval and the order in state *submitting* are one commit, made before
the first byte leaves (I1); the order's client id is a function of the intent, so a redelivered cause finds the order that is
there, and a denied intent stays denied (I2). Whatever the venue does not answer makes the order *unknown*: it is asked for, never
sent again, and its exposure stays reserved (I6). Before each send, also a repeated one, the lease, the order's time and the risk
state are looked at again. Cancels need none of that: they go out while the store cannot write and without a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, QuantServiceError, Refused, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.messages import Alert, IntentDenied
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of
from quantservice.ports import Clock, GatewayLease, StateStore, UnitOfWork
from quantservice.ports.trading import AccountMovement, AccountSnapshot, NotSent, OrderReport, Trading, Unknown
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution.amending import Amender, denied_by, record_of, suspected
from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.committing import Write
from quantservice.services.execution.keeper import OrderKeeper
from quantservice.services.execution.resolving import Resolver
from quantservice.services.execution.sending import GatewayConfig, Sender
from quantservice.services.execution.way import Way

_log = structlog.get_logger(__name__)
_LATE: Final = "its time had passed before it could be sent"
_CANCELS_AT_ONCE: Final = 16
_MS_NS: Final = 1_000_000
Outcome: TypeAlias = Order | Denied


class AccountTaken(QuantServiceError):
    """The lease ran out: another process may have traded the account since, so everything is looked at anew."""


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
        self.reconciled: Callable[[AccountSnapshot], None] = lambda _snapshot: None  # called after each comparison with the venue
        self._trading, self._state, self._clock, self._check = trading, state, clock, check
        self._holder, self._config = holder, config or GatewayConfig()
        self._keeper = OrderKeeper(trading.account, state, clock, check=check, books=books, told=told, fence=self._hold)
        self.resolver = Resolver(trading, self._keeper, self._config.resolving)
        self.led: Callable[[], Awaitable[None]] = _nothing  # called when the lease was taken, before anything is sent
        self._lease: GatewayLease | None = None
        self._leader = ""  # who has the lease in this process's place
        self._reconciling = asyncio.Lock()
        self._sender = Sender(clock, self._config, self._need_lease)
        self.way = Way(self._keeper, clock, uncovered=check.uncovered, cancel=self.cancel)
        self._amender = Amender(trading, self._keeper, self.resolver, check, config=self._config, sender=self._sender)

    # --- start -------------------------------------------------------------------------------------------------------

    async def start(self) -> bool:
        """Take the lease, reconcile with the venue, and open the way; False while another process holds the account."""
        self.ready = False
        self._lease = await self._take()
        if self._lease is None:
            return False
        await self.led()
        self.resolver.begin()
        await self._keeper.load()
        await self.reconcile(await self._trading.snapshot())
        return True

    async def extend(self) -> None:
        """Extend the lease. Raises AccountTaken where it ran out: then :meth:`start` is the way back."""
        before, now = self._lease, await self._take()
        if before is None or now is None or now.token != before.token:
            self.ready, self._lease = False, None
            again = f"the lease of account {self.account} ran out: another process may have traded it meanwhile"
            raise AccountTaken(self.elsewhere or again)
        self._lease = now

    async def _take(self) -> GatewayLease | None:
        async with self._state.transaction() as work:
            taken = await work.gateways.take(
                self.account, self._holder, now_ms=self._clock.now_ms(), lease_ms=self._config.lease_ms
            )
            other = await work.gateways.of(self.account) if taken is None else None
        self._leader = "" if other is None else other.holder
        return taken

    @property
    def elsewhere(self) -> str:
        """Say in a sentence that another process leads the account; empty where none is known to."""
        if not self._leader:
            return ""
        what = "this one sends nothing and takes over once that one is gone"
        return f"account {self.account} is led by another process ({self._leader}); {what}"

    @property
    def closed(self) -> str:
        """Say in a sentence why nothing is sent; empty where the way is open."""
        if self.ready:
            return ""
        return self.elsewhere or f"account {self.account} is not reconciled with its venue yet; nothing is sent before that"

    async def release(self) -> None:
        """Give the lease up, so that the next process need not wait for its end."""
        self.ready, self._lease = False, None
        async with self._state.transaction() as work:
            await work.gateways.release(self.account, self._holder)

    async def reconcile(self, snapshot: AccountSnapshot) -> int:
        """Bring what is known in line with the venue and open the way; return how much the stream should have told and did not.

        Orders that are unknown meanwhile do not close it: each blocks its own intent, and its exposure is reserved.
        """
        async with self._reconciling:
            lease = self._lease
            missed = await self.resolver.reconcile(snapshot)
            self.resolver.forget(self._keeper.live)
            self.reconciled(snapshot)
        now = self._lease
        if lease is not None and now is not None and lease.token == now.token and self.holds():
            self.ready = True
        return missed

    @property
    def changes(self) -> int:
        """A number that is another one after each commit of the account, and during it."""
        return self._keeper.changes

    def watch(self, changed: Callable[[], None]) -> None:
        """Have ``changed`` called after each commit of the account."""
        self._keeper.changed = changed

    @property
    def token(self) -> int:
        """Number of the account's lease, 0 without one: with another number, others may have written what is remembered here."""
        return 0 if self._lease is None else self._lease.token

    def holds(self) -> bool:
        """Say whether the account is surely this process's now: nobody else can take it before the lease ends."""
        return self._clock.now_ms() < self._surely_until_ms()

    def _surely_until_ms(self) -> int:
        return 0 if self._lease is None else self._lease.until_ms - self._config.lease_margin_ms

    # --- sending -----------------------------------------------------------------------------------------------------

    async def submit(
        self,
        intents: Sequence[Intent],
        *,
        also: Sequence[RiskRule] = (),
        within: Write[None] | None = None,
        decided: Callable[[], None] = lambda: None,
    ) -> list[Outcome]:
        """Check, commit, send. Reductions are sent first. Returns each order as it is then, or the denial, in the given order.

        ``also``: rules asked of these orders besides those in force. ``within``: what else is made durable with the intents (it may
        run twice); ``decided`` is called when that is done, before the first order is sent.
        """
        self._need_ready()
        outcomes: dict[str, Outcome] = {}
        async with self.way.made(intents):
            approved = await self._decide(intents, outcomes, also, within)
        decided()
        self.resolver.sending.update(order.order_id for order, _ in approved)
        try:
            for order, approval in sorted(approved, key=lambda pair: not (pair[0].terms.reduce_only or pair[1].closes)):
                outcomes[order.intent_id] = await self._send(order, approval)
                self.resolver.sending.discard(order.order_id)
        finally:
            self.resolver.sending.difference_update(order.order_id for order, _ in approved)
        return [outcomes[intent.intent_id] for intent in intents]

    async def _decide(
        self, intents: Sequence[Intent], outcomes: dict[str, Outcome], also: Sequence[RiskRule], within: Write[None] | None
    ) -> list[tuple[Order, Approved]]:
        """Ask risk control, each order counting those before it, and make the answers durable in one commit."""
        approved: list[tuple[Order, Approved]] = []
        now_ns = self._clock.now_ns()

        async def write(work: UnitOfWork) -> None:
            self._undo(approved)
            outcomes.clear()
            if within is not None:
                await within(work)
            for intent in intents:
                known = await self._known(work, intent)
                made = known if known is not None else await self._commit(work, intent, now_ns, also)
                if isinstance(made, tuple):
                    approved.append(made)
                    self._check.apply_order(made[0])
                    self._keeper.live[made[0].order_id] = (intent.terms.instrument, intent.client_id)
                else:
                    outcomes[intent.intent_id] = made

        try:
            await self._keeper.commit(write)
        except BaseException:
            self._undo(approved)
            raise
        return approved

    def _undo(self, approved: list[tuple[Order, Approved]]) -> None:
        """Free what was reserved for orders that are not durable."""
        for order, _ in approved:
            if not self._keeper.memory.committed(order.order_id):
                self._keeper.live.pop(order.order_id, None)
                self._check.apply_order(msgspec.structs.replace(order, state=OrderState.NOT_SENT))
        approved.clear()

    async def _known(self, work: UnitOfWork, intent: Intent) -> Outcome | None:
        """Return what came of the intent before: nothing is decided or sent twice."""
        order = self._keeper.memory.order(intent.client_id)
        if order is not None:
            return order
        record = await work.intents.get(intent.intent_id)
        if record is None:
            return None
        order = await work.orders.of_intent(intent.intent_id)
        if order is not None:
            return order
        return denied_by(record, intent)

    async def _commit(
        self, work: UnitOfWork, intent: Intent, now_ns: int, also: Sequence[RiskRule]
    ) -> tuple[Order, Approved] | Denied:
        verdict = self._check.check(intent, now_ns, also)
        for decision in verdict.decisions:
            await work.risk.note(decision)
        answer = verdict.answer
        if isinstance(answer, Approved) and intent.terms.instrument in self.resolver.suspect and not _reduces(answer.intent):
            answer = suspected(intent, now_ns)
        await work.intents.add(record_of(intent, answer, now_ns))
        if isinstance(answer, Denied):
            await self._keeper.tell(work, IntentDenied(denied=answer))
            return answer
        order = order_of(answer.intent, created_ns=now_ns).apply(OrderEvent(change=Change.SUBMIT, time_ns=now_ns))
        order = msgspec.structs.replace(order, deadline_ns=self._config.deadline_ns(now_ns, self._trading.window_ms))
        await self._keeper.keep(work, None, order)
        return order, answer

    async def _send(self, order: Order, approval: Approved) -> Order:
        """Send once; what is surely not taken is tried again within its time, what is not known never."""

        def over(at_ns: int) -> bool:
            return self._config.over(order.sent_ns, approval.intent.valid_until_ns, at_ns)

        def late() -> str:
            return _LATE if over(self._clock.now_ns()) else self._check.barred(approval)

        try:
            report = await self._sender.send(lambda: self._trading.submit(approval), late=late, over=over)
        except Refused as error:
            evidence = self._evidence("answer", reference=str(error.code), detail=str(error))
            return await self._keeper.change(order.order_id, Change.REFUSE, evidence, reason=str(error))
        except NotSent as error:
            return await self._discard(order, "local", str(error.code), str(error))
        except Unknown as error:
            return await self._keeper.lose(order.order_id, error.deadline_ns, str(error))
        return await self.apply_report(report)

    def _need_lease(self) -> int:
        """Return until when (ns) the lease holds. Without it nothing is sent: what is under way the next holder finds out."""
        if not self.holds():
            self.ready = False
            raise EnvironmentFault(f"the lease of account {self.account} ran out; this process sends nothing more")
        return self._surely_until_ms() * _MS_NS

    async def _discard(self, order: Order, source: str, reference: str, reason: str) -> Order:
        evidence = self._evidence(source, reference=reference, detail=reason)
        return await self._keeper.change(order.order_id, Change.DISCARD, evidence, reason=reason)

    async def amend(self, intent: Intent, *, also: Sequence[RiskRule] = ()) -> Outcome:
        """Change the open limit order that ``intent`` amends; return it as it is then, or the denial."""
        self._need_ready()
        return await self._amender.amend(intent, also=also)

    # --- cancelling --------------------------------------------------------------------------------------------------

    async def cancel(self, order_id: str, *, lapsed: bool = False) -> Order:
        """Ask for a cancel, and again until the order has ended; one that raced a fill ends as the venue says.

        ``lapsed``: because the order's deadline passed, which is kept with it.
        A store that cannot write does not hold it back: the cancel goes out, and then the fault is told.
        """
        fault: EnvironmentFault | None = None
        try:
            order = await self._keeper.mark_cancel(order_id, lapsed=lapsed)
            if order.final:
                return order
            self._keeper.live.setdefault(order_id, (order.terms.instrument, order.tag if order.external else order_id))
        except EnvironmentFault as error:
            if order_id not in self._keeper.live:
                raise
            fault = error
        try:
            return await self.resolver.cancel(order_id)
        except EnvironmentFault:
            raise fault or EnvironmentFault(f"the cancel of {order_id} was sent, and what came of it cannot be kept") from None

    async def cancel_all(self, instrument: InstrumentId | None = None, *, deployment: str | None = None) -> list[Order]:
        """Ask for the cancel of every open order, of one instrument or deployment only where given; each until it has ended."""
        wanted = [
            order.order_id
            for order in await self._keeper.open()
            if instrument in {None, order.terms.instrument} and deployment in {None, order.deployment}
        ]
        at_once = asyncio.Semaphore(_CANCELS_AT_ONCE)

        async def one(order_id: str) -> Order:
            async with at_once:
                return await self.cancel(order_id)

        ended = await asyncio.gather(*map(one, wanted), return_exceptions=True)
        for item in ended:
            if isinstance(item, BaseException):
                raise item
        return [item for item in ended if isinstance(item, Order)]

    # --- what the venue tells ----------------------------------------------------------------------------------------

    async def apply_report(self, report: OrderReport) -> Order:
        """Take what the venue says of an order, whoever made it."""
        after = await self._keeper.apply_report(report)
        self.resolver.expect_fills(after)
        return after

    async def apply_fill(self, fill: VenueFill) -> bool:
        """Take a fill once; False where it was taken before."""
        return await self.resolver.apply_fill(fill)

    async def apply_movement(self, movement: AccountMovement) -> bool:
        """Take money that moved without a trade, once; False where it is booked already."""
        return await self._keeper.apply_movement(movement)

    async def traded(self) -> list[InstrumentId]:
        """Return the instruments with open orders."""
        return sorted({order.terms.instrument for order in await self._keeper.open()}, key=str)

    async def open(self) -> list[Order]:
        """Return the account's orders that have not ended, oldest first."""
        return await self._keeper.open()

    def unbooked(self) -> list[Order]:
        """Return the account's orders that have ended and whose fills are not all booked."""
        return self._keeper.memory.unbooked()

    async def find(self, order_id: str) -> Order | None:
        """Return an order as it is known; None where there is none."""
        try:
            return await self._keeper.look_up(order_id)
        except VenueError:
            return None

    async def alert(self, alert: Alert) -> None:
        """Tell a person."""
        await self._keeper.alert(alert)

    async def unresolved(self) -> list[Order]:
        """Return orders of which it is not known whether the venue has them."""
        return await self._keeper.unresolved()

    async def resolve(self) -> bool:
        """Ask for what is not known, and again for cancels; True once nothing is unknown."""
        return await self.resolver.resolve()

    # --- within ------------------------------------------------------------------------------------------------------

    async def _hold(self, work: UnitOfWork) -> None:
        """Refuse what is to be written by a process that has the account no more: it knows nothing of what the other one wrote."""
        lease = self._lease
        held = lease is not None and await work.gateways.check(self.account, self._holder, lease.token, now_ms=self._clock.now_ms())
        if not held or not self.holds():
            self.ready = False
            now = await work.gateways.of(self.account)
            if lease is None or now is None or now.token == lease.token:  # given up, or run out: nobody else had it
                raise EnvironmentFault(f"account {self.account} begins anew; nothing was sent, ask again in a moment")
            raise EnvironmentFault(f"account {self.account} is traded by another process now; this one sends nothing")

    def _need_ready(self) -> None:
        if self.closed:
            raise EnvironmentFault(self.closed)

    def _evidence(self, source: str, *, reference: str, detail: str) -> Evidence:
        return Evidence(source=source, reference=reference, time_ns=self._clock.now_ns(), detail=detail[:500])


async def _nothing() -> None:
    """Do nothing."""


def _reduces(intent: Intent) -> bool:
    return intent.terms.reduce_only or intent.purpose == "flatten"
