"""Changing an open order: another quantity, another limit price, under the same client id.

It goes the way of an order. The wish, its approval and the order in state *amending* are one commit before the first byte leaves;
the same wish again finds what came of it. Risk control counts the larger of both versions until the venue shows which one it has.
An answer that is lost leaves the order amending; it is asked for, and only what the venue shows settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quantservice.core.errors import InvalidValue, Refused, VenueError
from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.messages import IntentDenied
from quantservice.core.money import ZERO
from quantservice.core.orders import Amendment, Change, Evidence, Order, OrderEvent, OrderState
from quantservice.ports import IntentRecord, UnitOfWork
from quantservice.ports.trading import NotSent, OrderReport, Trading, Unknown
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution.collaborators import Check
from quantservice.services.execution.keeper import OrderKeeper
from quantservice.services.execution.resolving import Resolver
from quantservice.services.execution.sending import GatewayConfig, Sender

_LATE: Final = "its time had passed before it could be sent"


class Amender:
    """Changes orders of one account."""

    def __init__(
        self,
        trading: Trading,
        keeper: OrderKeeper,
        resolver: Resolver,
        check: Check,
        *,
        config: GatewayConfig,
        sender: Sender,
    ) -> None:
        self._trading, self._keeper, self._resolver, self._check = trading, keeper, resolver, check
        self._config, self._sender = config, sender
        self._clock = keeper.clock

    async def amend(self, intent: Intent, *, also: Sequence[RiskRule] = ()) -> Order | Denied:
        """Change the order that ``intent`` amends to its terms; return it as it is then, or the denial.

        What the venue refused is in the order's ``amendment``. Raises InvalidValue for an order that cannot be changed.
        """
        name = intent.amends
        if name in self._resolver.sending:
            raise InvalidValue("order", f"{name} is being sent; change it once the venue has it")
        self._resolver.sending.add(name)  # nobody asks for it meanwhile
        try:
            made = await self._decide(intent, also)
            return made if not isinstance(made, tuple) else await self._send(*made)
        finally:
            self._resolver.sending.discard(name)

    async def _decide(self, intent: Intent, also: Sequence[RiskRule]) -> tuple[Order, Approved] | Order | Denied:
        reserved: list[Order] = []

        async def write(work: UnitOfWork) -> tuple[Order, Approved] | Order | Denied:
            self._free(reserved)
            order = await self._keeper.order(work, intent.amends)
            record = await work.intents.get(intent.intent_id)
            if record is not None:
                return _known(record, intent, order)
            check_change(order, intent)
            now_ns = self._clock.now_ns()
            verdict = self._check.check(intent, now_ns, also)
            for decision in verdict.decisions:
                await work.risk.note(decision)
            answer = verdict.answer
            grows = intent.terms.quantity > order.terms.quantity and not intent.terms.reduce_only
            if isinstance(answer, Approved) and grows and intent.terms.instrument in self._resolver.suspect:
                answer = suspected(intent, now_ns)
            await work.intents.add(record_of(intent, answer, now_ns))
            if isinstance(answer, Denied):
                await self._keeper.tell(work, IntentDenied(denied=answer))
                return answer
            after = order.apply(OrderEvent(change=Change.AMEND, amendment=self._asked(intent, now_ns), time_ns=now_ns))
            await self._keeper.keep(work, order, after)
            self._check.apply_order(after)
            reserved.append(order)
            return after, answer

        try:
            return await self._keeper.commit(write)
        except BaseException:
            self._free(reserved)
            raise

    def _free(self, reserved: list[Order]) -> None:
        """Count an order as it was, whose change is not durable."""
        for order in reserved:
            self._check.apply_order(order)
        reserved.clear()

    def _asked(self, intent: Intent, now_ns: int) -> Amendment:
        return Amendment(
            intent_id=intent.intent_id,
            quantity=intent.terms.quantity,
            limit_price=intent.terms.limit_price or ZERO,
            asked_ns=now_ns,
            deadline_ns=self._config.deadline_ns(now_ns, self._trading.window_ms),
        )

    async def _send(self, order: Order, approval: Approved) -> Order:
        asked = order.amendment
        if asked is None:  # pragma: no cover - it was put there just now
            raise VenueError(f"order {order.order_id} has no change to be sent")

        async def request() -> OrderReport:
            instrument, name = order.terms.instrument, order.order_id
            return await self._trading.amend(instrument, name, quantity=asked.quantity, limit_price=asked.limit_price)

        def over(at_ns: int) -> bool:
            return self._config.over(asked.asked_ns, approval.intent.valid_until_ns, at_ns)

        def late() -> str:
            return _LATE if over(self._clock.now_ns()) else self._check.barred(approval)

        try:
            report = await self._sender.send(request, late=late, over=over)
        except Refused as error:
            return await self._keep(order, self._evidence("answer", str(error.code), str(error)), str(error))
        except NotSent as error:
            return await self._keep(order, self._evidence("local", str(error.code), str(error)), str(error))
        except Unknown as error:
            return await self._keeper.await_change(order.order_id, error.deadline_ns)
        after = await self._keeper.apply_report(report)
        self._resolver.expect_fills(after)
        if after.state is OrderState.AMENDING:  # the answer shows something else than was asked: it is looked at again
            return await self._keeper.await_change(order.order_id, 0)
        return after

    async def _keep(self, order: Order, evidence: Evidence, reason: str) -> Order:
        """The venue refused, or got nothing. It may have ended meanwhile, which is asked for."""
        kept = await self._keeper.keep_terms(order.order_id, evidence, reason)
        self._resolver.sending.discard(order.order_id)
        return kept if kept.final else await self._resolver.ask(kept)

    def _evidence(self, source: str, reference: str, detail: str) -> Evidence:
        return Evidence(source=source, reference=reference, time_ns=self._clock.now_ns(), detail=detail[:500])


def check_change(order: Order, intent: Intent) -> None:
    """Raise InvalidValue for what cannot be changed, and for a change that is none."""
    terms = intent.terms
    if order.state is OrderState.AMENDING:
        raise InvalidValue("order", f"{order.order_id} is being changed; wait for its outcome")
    if order.external:
        raise InvalidValue("order", f"{order.order_id} is not ours; cancel it and place another")
    if order.state is not OrderState.OPEN or order.cancel_asked:
        said = "is to be cancelled" if order.cancel_asked and not order.final else f"is {order.state}"
        raise InvalidValue("order", f"{order.order_id} {said}; only open orders can be changed")
    if order.terms.type != "limit" or terms.limit_price is None:
        raise InvalidValue("order", f"{order.order_id} is a {order.terms.type} order; only limit orders can be changed")
    if terms.quantity <= max(order.filled, order.reported):
        raise InvalidValue("quantity", f"{terms.quantity} is not more than the {max(order.filled, order.reported)} already filled")
    if (terms.quantity, terms.limit_price) == (order.terms.quantity, order.terms.limit_price):
        raise InvalidValue("order", f"{order.order_id} is of this quantity and limit price already")


def record_of(intent: Intent, answer: Approved | Denied, now_ns: int) -> IntentRecord:
    """Return what is kept of a decision."""
    if isinstance(answer, Approved):
        return IntentRecord(intent=intent, state="approved", decided_ns=now_ns)
    return IntentRecord(
        intent=intent,
        state="denied",
        rule=answer.rule,
        limit=answer.limit,
        value=answer.value,
        sentence=answer.sentence,
        decided_ns=now_ns,
    )


def denied_by(record: IntentRecord, intent: Intent) -> Denied:
    """Return the denial that is kept."""
    return Denied(
        intent=intent,
        rule=record.rule,
        limit=record.limit,
        value=record.value,
        sentence=record.sentence,
        denied_ns=record.decided_ns,
    )


def suspected(intent: Intent, now_ns: int) -> Denied:
    """Return the denial of more of what the venue holds in another quantity than the books."""
    instrument = intent.terms.instrument
    sentence = f"the venue's position in {instrument} is not what the books say; only reductions are sent until it is explained"
    return Denied(intent=intent, rule="position_differs", limit="equal", value="different", sentence=sentence, denied_ns=now_ns)


def _known(record: IntentRecord, intent: Intent, order: Order) -> Order | Denied:
    """Return what came of the same wish before."""
    if record.intent.terms != intent.terms:
        raise InvalidValue("Idempotency-Key", "it was used for another change; take a new one")
    return denied_by(record, intent) if record.state == "denied" else order
