"""Protective stops at the simulator over real sockets: the venue's own ledger is the judge, also after a process died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.support.state import sqlite_store
from tests.support.trading_binance import Bench, BinanceHarness
from tests.support.trading_desk import Desk

from quantservice.core.messages import PositionChanged
from quantservice.core.orders import OrderState
from quantservice.quant.risk_rules import PositionRule, StopLoss, TakeProfit
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, Guard

pytestmark = pytest.mark.asyncio(loop_scope="module")
D = Decimal
RULES: tuple[PositionRule, ...] = (StopLoss(limit=D("0.05")), TakeProfit(limit=D("0.05")))


class Guarded(Desk):
    """A desk with a guard: as a process has both, so that a second one on the same store is the next process."""

    def __init__(self, venue: BinanceHarness, store: Any) -> None:
        super().__init__(venue, store)
        rules = {item.id: item for item in venue.bench.listed[venue.market].values()}

        async def told(_work: Any, payload: Any) -> None:
            self.guard.touch(held=isinstance(payload, PositionChanged))
            if isinstance(payload, PositionChanged):
                self.risk.books[venue.name].apply_position(payload.position, payload.deployment)

        self.gateway = Gateway(venue.trading, store, self.clock, check=self.risk, books=self.books, told=told, holder="one")
        config = ExecutionConfig(lease_every_s=1.0, resolve_every_s=0.1, reconcile_every_s=0.5, dead_man_s=0.0)
        self.service = ExecutionService(self.gateway, venue.trading, self.clock, config)
        self.guard = Guard(
            self.gateway, store, self.clock, rules_of=lambda _: RULES, instrument_of=rules.get, rests=venue.trading.stops
        )

    async def stops(self) -> list[tuple[str, Decimal]]:
        """Kind and quantity of the stops that the venue holds, by its own ledger."""
        rows = [row for row in (await self.venue.truth()).orders if row["live"]]
        assert all(row["reduce_only"] for row in rows), rows
        return sorted((str(row["type"]).lower(), D(row["quantity"])) for row in rows)

    async def until_stops(self, *wanted: tuple[str, Decimal]) -> None:
        """Wait until the venue holds exactly these."""
        found: list[tuple[str, Decimal]] = []
        try:
            async with asyncio.timeout(20.0):
                while (found := await self.stops()) != sorted(wanted):  # noqa: ASYNC110  # the guard works meanwhile
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the venue holds {found}, not {sorted(wanted)}") from None


@asynccontextmanager
async def running(venue: BinanceHarness, store: Any) -> AsyncIterator[Guarded]:
    desk = Guarded(venue, store)
    tasks = [asyncio.create_task(desk.service.run()), asyncio.create_task(desk.guard.run())]
    try:
        await desk.eventually(lambda: desk.gateway.ready and desk.service.stats()["stream"] == "live")
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest_asyncio.fixture(params=["um", "cm"], loop_scope="module")
async def venue(request: pytest.FixtureRequest, binance_bench: Bench) -> AsyncIterator[BinanceHarness]:
    made = BinanceHarness(binance_bench, request.param)
    try:
        await made.open()
        yield made
    finally:
        await made.close()


async def test_stops_rest_at_the_venue_follow_the_position_and_outlive_the_process(venue: BinanceHarness, tmp_path: Path) -> None:
    quantity = venue.quantity
    async with sqlite_store(tmp_path) as store:
        async with running(venue, store) as desk:
            await desk.gateway.submit([desk.intent()])
            await desk.until_stops(("stop_market", quantity), ("take_profit_market", quantity))
            await desk.gateway.submit([desk.intent()])
            await desk.until_stops(("stop_market", quantity * 2), ("take_profit_market", quantity * 2))
            intents = desk.intents
        before = {row["order_id"] for row in (await venue.truth()).orders}
        async with running(venue, store) as desk:
            desk.intents = intents
            for _ in range(3):
                desk.guard.touch(held=True)
                await asyncio.sleep(0.3)
            await desk.until_stops(("stop_market", quantity * 2), ("take_profit_market", quantity * 2))
            assert {row["order_id"] for row in (await venue.truth()).orders} == before, "they were found, not placed again"
            closing = desk.intent("sell", quantity=quantity * 2, reduce_only=True)
            await desk.gateway.submit([closing])
            await desk.until(closing, OrderState.FILLED)
            await desk.until_stops()


async def test_a_stop_that_is_reached_closes_the_position_and_nothing_is_left(venue: BinanceHarness, tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, running(venue, store) as desk:
        await desk.gateway.submit([desk.intent()])
        await desk.until_stops(("stop_market", venue.quantity), ("take_profit_market", venue.quantity))
        await venue.touch(await venue.price("0.94"))
        await desk.until_stops()
        truth = await venue.truth()
        assert not any(truth.positions.values()), "closed once, not turned round"


async def test_what_the_account_covers_of_a_part_rests_and_makes_way_for_what_closes_the_part(
    venue: BinanceHarness, tmp_path: Path
) -> None:
    lot = venue.quantity
    async with sqlite_store(tmp_path) as store, running(venue, store) as desk:
        await desk.gateway.submit([desk.intent(quantity=lot * 3)])
        against = msgspec.structs.replace(desk.intent("sell", quantity=lot * 2), deployment="d2")
        await desk.gateway.submit([against])
        await desk.until_stops(("stop_market", lot), ("take_profit_market", lot))
        closing = desk.intent("sell", quantity=lot * 3, reduce_only=True)
        await desk.gateway.submit([closing])
        await desk.until(closing, OrderState.FILLED)
        await desk.until_stops(("stop_market", lot * 2), ("take_profit_market", lot * 2))
        assert sum((await venue.truth()).positions.values()) == -lot * 2, "the other part is as it was"


async def test_a_lost_answer_is_one_stop(venue: BinanceHarness, tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store, running(venue, store) as desk:
        bought = desk.intent()
        await desk.gateway.submit([bought])
        await desk.until_stops(("stop_market", venue.quantity), ("take_profit_market", venue.quantity))
        await venue.fault("lost_answer", on="submit", count=3)
        await desk.gateway.submit([desk.intent()])
        await desk.until_stops(("stop_market", venue.quantity * 2), ("take_profit_market", venue.quantity * 2))
