"""What must be true in the end, whatever happened: the exchange's own books beside the store, invariant by invariant.

I1 an intent is durable before its order's first byte. I2 an intent has at most one order at the venue. I3 every order at the venue
is of an intent or marked external. I4 each fill is applied once. I5 no end without the venue's evidence. I6 exposure of what is
unknown stays reserved: the limit on the position holds. I7 positions and money equal the venue's to the last digit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from quantservice.core.orders import FINAL, Order, OrderState, VenueFill
from quantservice.services.portfolio.books import wallet_of
from quantservice.simulator.trading import FillEvent, SimOrder, Status
from tests.deterministic.venue import ACCOUNT, Exchange

#: How the client ids of orders begin that are not ours.
OUTSIDE = ("hand", "autoclose", "adl")
_ENDS = {Status.FILLED: OrderState.FILLED, Status.CANCELED: OrderState.CANCELLED, Status.EXPIRED: OrderState.EXPIRED}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says."""

    orders: dict[str, Order]
    fills: list[VenueFill]
    wallet: dict[str, Decimal]
    position: Decimal


async def kept(store: Any, exchange: Exchange) -> Kept:
    """Read the store."""
    async with store.transaction() as work:
        orders = await work.orders.list(account=ACCOUNT, limit=10_000)
        fills = [fill for fill, _, _ in await work.fills.list(account=ACCOUNT, limit=100_000)]
        wallet = wallet_of(await work.books.balances(account=ACCOUNT))
        held = await work.books.positions(account=ACCOUNT, deployment="")
    position = sum((item.position.quantity for item in held if item.position.instrument == exchange.instrument), Decimal(0))
    return Kept(orders={order.order_id: order for order in orders}, fills=fills, wallet=wallet, position=position)


def broken(exchange: Exchange, known: Kept, *, opened_ms: int) -> list[str]:
    """Return a sentence for everything that is not as it must be."""
    theirs = exchange.ours()
    fills = [event for event in exchange.engine.state.fills if event.account == ACCOUNT]
    return [
        *(f"I1: {client_id} came to the venue before its intent was durable" for client_id in exchange.undurable),
        *_orders(theirs, known),
        *_fills([event for event in fills if event.time_ms > opened_ms], known),
        *_ends(theirs, known),
        *_books(exchange, known),
        *exchange.engine.audit(),
    ]


def _orders(theirs: Sequence[SimOrder], known: Kept) -> Iterator[str]:
    """I2 and I3."""
    by_venue_id = {order.venue_order_id: order for order in known.orders.values() if order.venue_order_id}
    of_intent = Counter(order.ticket.client_id for order in theirs if order.ticket.client_id in known.orders)
    for client_id, count in of_intent.items():
        if count > 1 and not known.orders[client_id].external:
            yield f"I2: {client_id} is {count} orders at the venue"
    for order in theirs:
        mine = by_venue_id.get(str(order.order_id))
        if mine is None:
            yield f"I3: order {order.order_id} ({order.ticket.client_id}) of the venue is not known"
        elif not mine.external and not mine.intent_id:
            yield f"I3: order {order.order_id} is of no intent and not marked external"
        elif mine.external != order.ticket.client_id.startswith(OUTSIDE):
            yield f"I3: order {order.order_id} ({order.ticket.client_id}) is marked external: {mine.external}"


def _fills(theirs: Sequence[FillEvent], known: Kept) -> Iterator[str]:
    """I4."""
    booked, true = Counter(fill.trade_id for fill in known.fills), Counter(str(event.trade_id) for event in theirs)
    for trade_id in sorted((booked - true) | (true - booked)):
        yield f"I4: fill {trade_id} is booked {booked[trade_id]} times"
    for order in known.orders.values():
        filled = sum((event.quantity for event in theirs if str(event.order.order_id) == order.venue_order_id), Decimal(0))
        if order.filled != filled:
            yield f"I4: order {order.order_id} is filled {order.filled}, at the venue {filled}"


def _ends(theirs: Sequence[SimOrder], known: Kept) -> Iterator[str]:
    """I5: every end rests on evidence, and is the venue's own."""
    at_venue = {str(order.order_id): order for order in theirs}
    ids = {order.ticket.client_id for order in theirs}
    for order in known.orders.values():
        if order.state not in FINAL:
            yield f"I5: order {order.order_id} is {order.state} in the end"
            continue
        if order.evidence is None:
            yield f"I5: order {order.order_id} is {order.state} without evidence"
        true = at_venue.get(order.venue_order_id)
        if order.state in (OrderState.NOT_SENT, OrderState.REJECTED):
            if order.order_id in ids:
                yield f"I5: order {order.order_id} is {order.state}, and the venue has it"
        elif true is None:
            yield f"I5: order {order.order_id} is {order.state}, and the venue does not know it"
        elif order.state is not _ENDS.get(true.status):
            yield f"I5: order {order.order_id} is {order.state}, at the venue {true.status}"


def _books(exchange: Exchange, known: Kept) -> Iterator[str]:
    """I7."""
    account = exchange.engine.account(ACCOUNT)
    true = sum((held.quantity for held in account.positions.values()), Decimal(0))
    if known.position != true:
        yield f"I7: the books hold {known.position}, the venue {true}"
    for currency in sorted(set(known.wallet) | set(account.wallets)):
        if known.wallet.get(currency, Decimal(0)) != account.wallet(currency):
            yield f"I7: the books have {known.wallet.get(currency)} {currency}, the venue {account.wallet(currency)}"
