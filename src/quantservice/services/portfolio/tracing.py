"""Reads what is kept of an order and has its chain put together; asked by a person, so nothing of it is on the trading line."""

from __future__ import annotations

from typing import Final

from quantservice.core.errors import UnknownName
from quantservice.core.orders import Order
from quantservice.ports import RunAsked, RunSized, RunTold, StateStore, UnitOfWork, fact_of
from quantservice.services.portfolio.chain import Chain, Kept, chain_of
from quantservice.services.portfolio.entries import entry_id_of

#: Fills of one order that are shown.
MOST_FILLS: Final = 500
#: How long after its intent the row of what was given may be written: they are one commit, or the row comes first.
_SLACK_NS: Final = 60_000_000_000


class Chains:
    """Answers for one order at a time."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    async def of(self, order_id: str) -> Chain:
        """Return an order's chain; UnknownName where there is no such order."""
        async with self._state.transaction() as work:
            order = await work.orders.get(order_id)
            if order is None:
                raise UnknownName("order", order_id[:80], (), hint="qs orders list shows the orders")
            kept = await _read(work, order)
        return chain_of(kept)


async def _read(work: UnitOfWork, order: Order) -> Kept:
    record = await work.intents.get(order.intent_id) if order.intent_id else None
    fills = (await work.fills.of_order(order.order_id))[:MOST_FILLS]
    cause = record.intent.causation_id if record is not None and record.intent.purpose in ("signal", "order") else ""
    asked: tuple[int, RunAsked] | None = None
    sized: RunSized | None = None
    if cause and order.deployment:
        asked = await _asked(work, order, cause)
        sized = await _sized(work, order, cause)
    deployment = await work.deployments.get(order.deployment) if order.deployment else None
    return Kept(
        order=order,
        record=record,
        deployment=order.deployment if deployment is None else deployment.name,
        asked=asked,
        sized=sized,
        told=await _told(work, order),
        fills=tuple(fills),
        entries=tuple(await work.books.entries([entry_id_of(fill) for fill in fills])),
        noted=tuple(await work.risk.decisions(intent_id=order.intent_id)) if order.intent_id else (),
    )


async def _asked(work: UnitOfWork, order: Order, cause: str) -> tuple[int, RunAsked] | None:
    until_ns = order.created_ns + _SLACK_NS
    found = await work.runs.mentioning(order.deployment, f'"{cause}"', kind="asked", until_ns=until_ns, newest=True, limit=1)
    for event in found:
        fact = fact_of(event.data)
        if isinstance(fact, RunAsked) and fact.signal == cause:
            return event.time_ns, fact
    return None


async def _sized(work: UnitOfWork, order: Order, cause: str) -> RunSized | None:
    for event in await work.runs.mentioning(
        order.deployment, f'"{cause}"', kind="sized", since_ns=order.created_ns - _SLACK_NS, limit=1
    ):
        fact = fact_of(event.data)
        if isinstance(fact, RunSized) and fact.signal == cause:
            return fact
    return None


async def _told(work: UnitOfWork, order: Order) -> tuple[tuple[int, RunTold], ...]:
    if not order.deployment:
        return ()
    events = await work.runs.mentioning(
        order.deployment, f'"{order.order_id}"', kind="told", since_ns=order.created_ns - _SLACK_NS, limit=MOST_FILLS * 2
    )
    facts = [(event.time_ns, fact_of(event.data)) for event in events]
    return tuple((at, fact) for at, fact in facts if isinstance(fact, RunTold) and fact.update.order_id == order.order_id)
