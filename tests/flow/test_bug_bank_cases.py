"""Cases that known bugs of other trading programs fail: tests/mutation/bugs.py plants each and looks (bug bank 3, 5, 6, 8, 9)."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from structlog.testing import capture_logs
from tests.support.clock import ManualClock
from tests.support.execution_rig import BTC, Rig, desk_of
from tests.support.state import sqlite_store
from tests.support.trading_binance import BinanceHarness, bench

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.state_store import tables
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import QuantServiceError
from quantservice.core.messages import Command, Message, Topic
from quantservice.core.orders import OrderState
from quantservice.services.outbox.relay import OutboxRelay

D = Decimal


async def test_a_not_found_is_no_cancel_however_young_or_old_the_order(rig: Rig) -> None:
    """Bug bank 3: "older than 5 days" the wrong way round made every order that a lagging read lacks a cancelled one."""
    young = rig.intent(type="limit", limit_price=D(40_000))
    await rig.gateway.submit([young])
    rig.venue.stale = True
    for age_s in (10.0, 6 * 86_400.0):
        await rig.clock.advance(age_s)
        assert await rig.gateway.start()
        assert (await rig.order(young)).state is OrderState.OPEN
        assert rig.desk.books["main"].in_flight(BTC), "its exposure stays reserved"
    rig.venue.stale = False
    rig.venue.fill(young.client_id, "0.1", "40000")
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert ((await rig.order(young)).state, await rig.fills()) == (OrderState.FILLED, 1)


async def test_an_outage_fails_no_order_and_its_fills_count_afterwards(rig: Rig) -> None:
    """Bug bank 5: three questions that an outage did not answer made an order failed, and its fills were then ignored."""
    rig.venue.script = ["lost_answer"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    rig.venue.away = True
    for _ in range(4):
        await rig.clock.advance(10.0)
        await rig.gateway.extend()
        assert not await rig.gateway.resolve()
        assert (await rig.order(intent)).state is OrderState.UNKNOWN
    rig.venue.away = False
    rig.venue.fill(intent.client_id, "0.1")
    await rig.gateway.resolve()
    order = await rig.order(intent)
    assert (order.state, order.filled, await rig.fills()) == (OrderState.FILLED, D("0.1"), 1)


async def test_a_fill_told_again_after_a_restart_is_booked_once(rig: Rig) -> None:
    """Bug bank 6: what was booked was known to the process alone, and the next one booked it again."""
    intent = rig.intent(quantity="0.3")
    await rig.gateway.submit([intent])
    fill = rig.venue.fill(intent.client_id, "0.1")
    assert await rig.gateway.apply_fill(fill)
    for _ in range(2):
        rig.desk = desk_of()
        rig.gateway = rig.make()
        assert await rig.gateway.start(), "it asks for the fills of the last minute again"
        assert not await rig.gateway.apply_fill(fill)
    async with rig.store.transaction() as work:
        held = await work.books.position("main", str(BTC))
        balances = await work.books.balances(account="main")
    assert held is not None
    assert ((await rig.order(intent)).filled, held.position.quantity, await rig.fills()) == (D("0.1"), D("0.1"), 1)
    assert balances["main", "fee", "USDT"] == D("0.5")


async def test_a_commit_that_becomes_visible_late_is_relayed_all_the_same(tmp_path: Path) -> None:
    """Bug bank 8 (BU3): a reader that asks for ``id > last`` never sees a row whose lower id was committed after a higher one."""
    async with sqlite_store(tmp_path) as store:
        relay, ids = OutboxRelay(store, MemoryBus(), ManualClock()), [f"event{number}" for number in range(3)]
        for number in (0, 2):
            await _commit(store, ids[number], row=number + 1)
        assert await relay.publish_pending() == 2
        await _commit(store, ids[1], row=2)
        async with store.transaction() as work:
            assert [message.event_id for message in await work.outbox.pending(10)] == [ids[1]]
        assert await relay.publish_pending() == 1
        assert await relay.publish_pending() == 0


async def _commit(store: SqlStateStore, event_id: str, *, row: int) -> None:
    """Commit a message whose row was numbered when its transaction began."""
    made = Message(topic=Topic.COMMAND, event_id=event_id, event_type="a.thing", key="k", data=Command(id=event_id, name="a.thing"))
    async with store.transaction() as work:
        await work.outbox.add(made)
        change = sa.update(tables.outbox).where(tables.outbox.c.event_id == event_id).values(id=row)
        await work.outbox._connection.execute(change)


async def test_no_venue_key_is_in_what_an_error_says_or_a_log_keeps(tmp_path: Path) -> None:
    """Bug bank 9: the text of an exception carried the key, and whoever logged it kept it."""
    async with bench() as made, _opened(BinanceHarness(made, "um")) as venue:
        texts: list[str] = []
        with capture_logs() as logs:
            for fault in ({"kind": "order_error", "sort": "unavailable"}, {"kind": "http_error", "status": 502}):
                for act in (lambda: venue.trading.submit(venue.order()), venue.trading.snapshot):
                    await venue.fault(**fault, count=1)
                    try:
                        await act()
                    except QuantServiceError as error:
                        texts += [str(error), *traceback.format_exception(error)]
                    await venue.calm()
        assert texts
        _nowhere(venue.secrets, [*texts, str(logs)])


def _nowhere(secrets: Sequence[str], texts: Sequence[str]) -> None:
    for text in texts:
        for secret in secrets:
            assert secret not in text


@asynccontextmanager
async def _opened(venue: BinanceHarness) -> Any:
    try:
        yield await venue.open()
    finally:
        await venue.close()
