"""Random trading under random losses and crashes: at the end the venue's own list and the books agree, whatever happened."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.execution_rig import BTC, Crash, Rig, desk_of
from tests.support.state import sqlite_store

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.orders import FINAL, Order, OrderState
from quantservice.ports.trading import OrderReport

D = Decimal
SEEDS = range(40)
STEPS = 25
FAULTS = ("", "", "", "lost_request", "lost_answer", "held", "refused", "not_sent", "not_sent_retry")


class Storm:
    """One seed's weather."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.random, self.happened = rig, random.Random(seed), Counter[str]()
        self.causes: list[str] = []

    async def step(self, number: int) -> None:
        rig, chance = self.rig, self.random
        rig.venue.stale = chance.random() < 0.15
        rig.venue.away = chance.random() < 0.1
        await rig.clock.advance(chance.choice((0.1, 1.0, 7.0)))
        await rig.gateway.extend()
        action = chance.choices(
            ("submit", "again", "fill", "late", "cancel", "report", "crash", "resolve"), (6, 1, 6, 2, 2, 2, 1, 4)
        )[0]
        self.happened[action] += 1
        try:
            await getattr(self, action)(number)
        except (VenueError, EnvironmentFault):
            self.happened["refused to act"] += 1

    async def submit(self, number: int) -> None:
        cause = f"e{number}"
        self.causes.append(cause)
        fault = self.random.choice(FAULTS)
        self.rig.venue.script = [fault] if fault else []
        self.happened[fault or "sent"] += 1
        await self.rig.gateway.submit([self.rig.intent(cause, quantity=f"0.{self.random.randrange(1, 9)}")])

    async def again(self, _number: int) -> None:
        if self.causes:
            cause = self.random.choice(self.causes)
            async with self.rig.store.transaction() as work:
                known = await work.intents.get(self.rig.intent(cause).intent_id)
            if known is not None:
                await self.rig.gateway.submit([known.intent])

    async def fill(self, _number: int) -> None:
        live = [name for name, report in self.rig.venue.orders.items() if report.state is OrderState.OPEN]
        if not live:
            return
        name = self.random.choice(live)
        left = self.rig.venue.orders[name].quantity - self.rig.venue.orders[name].filled
        quantity = left if self.random.random() < 0.5 else min(left, D("0.1"))
        made = self.rig.venue.fill(name, str(quantity), str(self.random.randrange(49_000, 51_000)))
        for _ in range(self.random.choice((0, 1, 2))):  # lost, told, told twice
            await self.rig.gateway.apply_fill(made)

    async def late(self, _number: int) -> None:
        if self.rig.venue.held:
            self.rig.venue.take(self.rig.venue.held.pop(0))

    async def cancel(self, _number: int) -> None:
        if self.rig.venue.orders:
            await self.rig.gateway.cancel(self.random.choice(list(self.rig.venue.orders)))

    async def report(self, _number: int) -> None:
        if self.rig.venue.orders:
            await self.rig.gateway.apply_report(self.random.choice(list(self.rig.venue.orders.values())))

    async def crash(self, number: int) -> None:
        """The process dies between the send and whatever it would have done next; another one starts."""
        original = self.rig.venue.submit

        async def killed(order: Any) -> OrderReport:
            try:
                await original(order)
            finally:
                raise Crash

        if self.rig.gateway.ready and self.random.random() < 0.7:
            self.rig.venue.submit = killed  # type: ignore[method-assign]
            self.rig.venue.script = [self.random.choice(("", "lost_request", "lost_answer", "held"))]
            self.causes.append(f"e{number}")
            with pytest.raises(Crash):
                await self.rig.gateway.submit([self.rig.intent(f"e{number}")])
            self.rig.venue.submit = original  # type: ignore[method-assign]
        self.rig.venue.script = []
        self.rig.desk = desk_of()
        self.rig.gateway = self.rig.make()
        await self.rig.gateway.start()

    async def resolve(self, _number: int) -> None:
        await self.rig.gateway.resolve()

    async def calm(self) -> None:
        """The venue answers again; what is in the air has come down."""
        venue = self.rig.venue
        venue.stale = venue.away = False
        venue.script = []
        for held in venue.held:
            venue.take(held)
        venue.held.clear()
        await self.rig.clock.advance(120.0)
        self.rig.desk = desk_of()
        self.rig.gateway = self.rig.make()
        assert await self.rig.gateway.start()
        for report in venue.orders.values():  # what was taken for absent and turned up is listed by the venue
            await self.rig.gateway.apply_report(report)
        await self.rig.scans(4)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_known_at_the_end_is_what_the_venue_has(tmp_path: Path, seed: int) -> None:
    async with sqlite_store(tmp_path) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)
        storm = Storm(rig, seed)
        for number in range(STEPS):
            await storm.step(number)
        await storm.calm()
        assert rig.gateway.ready, storm.happened
        assert not await rig.gateway.unresolved()
        async with store.transaction() as work:
            orders = {order.order_id: order for order in await work.orders.list(account="main", limit=1_000)}
            fills = [fill for fill, _, _ in await work.fills.list(account="main", limit=1_000)]
            held = await work.books.position("main", str(BTC))
        check_orders(rig, orders)
        assert Counter(fill.trade_id for fill in fills) == Counter(fill.trade_id for fill in rig.venue.fills), "each fill once"
        signed = sum((fill.quantity for fill in rig.venue.fills), D(0))
        assert (held.position.quantity if held is not None else D(0)) == signed


def check_orders(rig: Rig, orders: dict[str, Order]) -> None:
    """At most one venue order per intent, none lost, none ended without evidence, quantities as the venue has them."""
    assert set(rig.venue.orders) <= set(orders)
    for name, order in orders.items():
        report = rig.venue.orders.get(name)
        if report is None:
            assert order.state in (OrderState.REJECTED, OrderState.NOT_SENT), order
        else:
            assert (order.state, order.filled) == (report.state, report.filled), name
        if order.state in FINAL:
            assert order.evidence is not None
    intents = Counter(order.intent_id for order in orders.values())
    assert set(intents.values()) <= {1}
