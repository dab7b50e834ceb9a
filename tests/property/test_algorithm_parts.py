"""Whatever is filled, cancelled, refused, lost or restarted: the parts of an algorithm add up to its parent and never to more."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_execution_algorithms import Desk
from tests.support.execution_rig import Crash, Rig
from tests.support.state import sqlite_store

from quantservice.core.errors import VenueError
from quantservice.core.orders import OrderState
from quantservice.ports.trading import OrderReport

D = Decimal
SEEDS = range(16)
STEPS = 40
FAULTS = ("", "", "", "lost_request", "lost_answer", "held", "refused", "not_sent", "not_sent_retry")
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("twap", {"minutes": 20, "slices": 10}),
    ("vwap", {"minutes": 20, "weights": (D(1), D(0), D(4), D(2), D(3))}),
    ("iceberg", {"minutes": 0, "shown": D("0.3"), "terms": {"type": "limit", "limit_price": D(50_000)}}),
    ("limit", {"minutes": 0, "post_only": True}),
)


class Weather:
    """One seed: a parent, and what happens to it."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.rig, self.random, self.happened = desk, desk.rig, random.Random(seed), Counter[str]()
        kind, fields = KINDS[seed % len(KINDS)]
        self.quantity = D(self.random.randrange(100, 2_000)) / 1_000
        self.wanted = desk.wanted(kind, str(self.quantity), **fields)
        if self.wanted.shown is not None and self.wanted.shown > self.quantity:
            self.wanted = desk.wanted(kind, str(self.quantity), **(fields | {"shown": self.quantity}))

    def check(self) -> None:
        """What the venue filled and may still fill is never more than the parent."""
        orders = [*self.rig.venue.orders.values()]
        open_left = sum((o.quantity - o.filled for o in orders if o.state is OrderState.OPEN), D(0))
        held = sum((item.intent.terms.quantity for item in self.rig.venue.held), D(0))
        filled = sum((fill.quantity for fill in self.rig.venue.fills), D(0))
        assert filled + open_left + held <= self.quantity, (filled, open_left, held, self.quantity)
        assert len(set(self.rig.venue.orders)) == len(orders)

    async def step(self) -> None:
        rig, chance = self.rig, self.random
        rig.venue.away = chance.random() < 0.1
        rig.venue.stale = chance.random() < 0.1
        await rig.clock.advance(chance.choice((0.5, 5.0, 20.0)))
        window_ns = rig.venue.window_ms * 1_000_000  # what is later than that the venue takes no more
        rig.venue.held = [item for item in rig.venue.held if item.approved_ns + window_ns > rig.clock.now_ns()]
        self.desk.touch = (D(chance.randrange(49_990, 50_010)), D(50_011))
        action = chance.choices(("look", "fill", "cancel", "crash", "resolve", "late"), (8, 8, 2, 1, 4, 2))[0]
        self.happened[action] += 1
        try:
            await rig.gateway.extend()
            await getattr(self, action)()
        except VenueError:
            self.happened["refused to act"] += 1
        self.check()

    async def look(self) -> None:
        fault = self.random.choice(FAULTS)
        self.rig.venue.script = [fault] if fault else []
        self.happened[fault or "sent"] += 1
        await self.desk.algorithms.look()
        self.rig.venue.script = []

    async def fill(self) -> None:
        if not self.desk.live:
            return
        order = self.random.choice(self.desk.live)
        left = order.quantity - order.filled
        made = self.rig.venue.fill(order.client_id, str(left if self.random.random() < 0.5 else min(left, D("0.05"))))
        for _ in range(self.random.choice((0, 1, 2))):  # lost, told, told twice
            await self.rig.gateway.apply_fill(made)

    async def cancel(self) -> None:
        """Somebody cancels a part."""
        if self.desk.live:
            await self.rig.gateway.cancel(self.random.choice(self.desk.live).client_id)

    async def late(self) -> None:
        if self.rig.venue.held:
            self.rig.venue.take(self.rig.venue.held.pop(0))

    async def resolve(self) -> None:
        await self.rig.gateway.resolve()

    async def crash(self) -> None:
        original, after = self.rig.venue.submit, self.random.random() < 0.5

        async def killed(order: Any) -> OrderReport:
            if after:
                await original(order)
            raise Crash

        self.rig.venue.submit = killed  # type: ignore[method-assign]
        try:
            await self.desk.algorithms.look()
        except Crash:
            self.happened["killed while sending"] += 1
        finally:
            self.rig.venue.submit = original  # type: ignore[method-assign]
        self.rig.venue.away = self.rig.venue.stale = False
        await self.desk.restart()

    async def calm(self) -> None:
        """The weather clears: everything that rests is filled, until nothing is left to do."""
        rig = self.rig
        rig.venue.away = rig.venue.stale = False
        rig.venue.script = []
        rig.venue.held.clear()
        for _ in range(60):
            await rig.clock.advance(20.0)
            await rig.gateway.extend()
            await rig.gateway.reconcile(await rig.venue.snapshot())
            await rig.gateway.resolve()
            await self.desk.algorithms.look()
            self.check()
            for order in self.desk.live:
                await self.desk.fill(order)


async def storm(folder: Path, seed: int) -> Counter[str]:
    async with sqlite_store(folder) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)
        weather = Weather(Desk(rig), seed)
        made = await weather.desk.algorithms.place(weather.wanted)
        for _ in range(STEPS):
            await weather.step()
        await weather.calm()
        ended = await weather.desk.now(made)
        filled = sum((fill.quantity for fill in rig.venue.fills), D(0))
        assert ended.filled == filled, "what it says is what the venue filled"
        assert not ended.active
        assert weather.desk.live == []
        assert filled == weather.quantity if ended.state == "done" else filled < weather.quantity
        weather.happened[ended.state] += 1
        return weather.happened


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_parts_are_the_parent_and_never_more(tmp_path: Path, seed: int) -> None:
    await storm(tmp_path, seed)


async def test_the_weather_is_bad(tmp_path: Path) -> None:
    happened = Counter[str]()
    for seed in SEEDS:
        (tmp_path / str(seed)).mkdir()
        happened += await storm(tmp_path / str(seed), seed)
    assert happened["done"] >= 2
    kinds = ("crash", "killed while sending", "cancel", "fill", "lost_answer", "lost_request", "held")
    assert all(happened[name] for name in kinds), happened
