"""ST1: PostgreSQL's postmaster is killed under a process that trades. Nothing is sent meanwhile; it goes on without hands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support import trading_binance
from tests.support.postgres import postgres_server
from tests.support.state import create_database
from tests.support.trading_desk import Desk, working

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import QuantServiceError
from quantservice.core.intents import Intent
from quantservice.core.orders import Order, OrderState

pytestmark = [pytest.mark.server, pytest.mark.asyncio, pytest.mark.timeout(120)]
ROUNDS = 3


async def test_st1_a_killed_postmaster_holds_orders_back_and_loses_none(tmp_path: Path) -> None:
    with postgres_server() as server:
        store = SqlStateStore(await create_database(server.url), AesGcmSealer.in_folder(tmp_path))
        await store.open()
        try:
            async with trading_binance.bench(start_ms=None) as made:
                venue: Any = trading_binance.BinanceHarness(made, "um")
                try:
                    await venue.open()
                    async with working(Desk(venue, store)) as desk:
                        for _ in range(ROUNDS):
                            await _killed(desk, server)
                        await desk.agrees()
                finally:
                    await venue.close()
        finally:
            await store.close()


async def _killed(desk: Desk, server: Any) -> None:
    """Kill it while orders are placed; look, start it again, and see that all goes on."""
    stop = asyncio.Event()
    acknowledged: list[Order] = []
    refused: list[str] = []

    async def places() -> None:
        while not stop.is_set():
            intent = desk.intent()
            try:
                (order,) = await desk.gateway.submit([intent])
            except QuantServiceError as fault:
                refused.append(str(fault))
                await asyncio.sleep(0.01)
            else:
                assert isinstance(order, Order)
                acknowledged.append(order)

    async with asyncio.TaskGroup() as group:
        group.create_task(places())
        await desk.eventually(lambda: len(acknowledged) >= 5)
        await asyncio.to_thread(server.kill)
        await desk.eventually(lambda: len(refused) >= 3)
        sent = desk.venue.received("submit")
        before = len(refused)
        await desk.eventually(lambda: len(refused) >= before + 3)
        assert desk.venue.received("submit") == sent, "an order was sent that could not be kept"
        assert all("Traceback" not in sentence for sentence in refused)
        await asyncio.to_thread(server.start)
        count = len(acknowledged)
        await desk.eventually(lambda: len(acknowledged) >= count + 3)
        stop.set()
    for order in acknowledged:
        await _filled(desk, order)


async def _filled(desk: Desk, order: Order) -> None:
    """Wait until an order that was acknowledged is known to be filled."""
    intent = next(item for item in desk.intents if item.client_id == order.order_id)
    assert isinstance(intent, Intent)
    await desk.until(intent, OrderState.FILLED)
