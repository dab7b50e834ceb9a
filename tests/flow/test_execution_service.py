"""The loop around a gateway: what the stream tells is taken, and what it does not tell is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.execution_rig import BTC, Rig
from tests.support.state import sqlite_store

from quantservice.core.errors import EnvironmentFault
from quantservice.core.orders import Evidence, OrderState
from quantservice.ports.trading import AccountMovement, OrderReport, StreamState
from quantservice.services.execution import AccountTaken, ExecutionConfig, ExecutionService

D = Decimal
STEPS = 400


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with sqlite_store(tmp_path) as store:
        yield Rig(store)


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[ExecutionService]:
    service = ExecutionService(rig.gateway, rig.venue, rig.clock, ExecutionConfig())  # type: ignore[arg-type]
    task = asyncio.ensure_future(service.run())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(rig: Rig, there: Callable[[], bool], what: str, *, step_s: float = 0.0) -> None:
    """Let the loop work, a little of its own time at once, until something is so."""
    for _ in range(STEPS):
        if there():
            return
        if step_s:
            await rig.clock.advance(step_s)
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


async def test_reports_and_fills_of_the_stream_are_taken(rig: Rig) -> None:
    async with running(rig) as service:
        await until(rig, lambda: rig.gateway.ready, "the account is ready")
        await rig.clock.advance(1.0)
        intent = rig.intent()
        await rig.gateway.submit([intent])
        fill = rig.venue.fill(intent.client_id, "0.1")
        await rig.venue.stream.put([StreamState(account="main", state="live")])
        await rig.venue.stream.put([fill, rig.venue.orders[intent.client_id], fill])
        await until(rig, lambda: service.stats()["heard"] == 4, "four events")
        await asyncio.sleep(0.05)
        assert (await rig.order(intent)).state is OrderState.FILLED
        assert await rig.fills() == 1
        assert service.stats() == {"ready": 1, "stream": "live", "heard": 4, "missed": 0}


async def test_or9_a_silent_stream_is_found_by_what_it_did_not_tell(rig: Rig) -> None:
    async with running(rig) as service:
        await until(rig, lambda: rig.gateway.ready, "the account is ready")
        await rig.venue.stream.put([StreamState(account="main", state="live")])
        await until(rig, lambda: service.stats()["stream"] == "live", "the stream is live")
        await rig.clock.advance(1.0)
        intent = rig.intent()
        await rig.gateway.submit([intent])
        rig.venue.fill(intent.client_id, "0.1")
        rig.venue.movements.append(
            AccountMovement(
                account="main", movement_id="f1", kind="funding", currency="USDT", amount=D("-0.25"), time_ms=rig.clock.now_ms()
            )
        )
        started = rig.clock.monotonic()
        await until(rig, lambda: service.stats()["missed"] >= 1, "what was missed", step_s=1.0)
        assert rig.clock.monotonic() - started <= 30.0
        assert ((await rig.order(intent)).filled, await rig.fills()) == (D("0.1"), 1)
        async with rig.store.transaction() as work:
            assert [row.entry.reason for row in await work.books.journal(account="main")] == ["opening", "trade", "funding"]


async def test_an_order_made_by_hand_is_seen_at_the_next_look(rig: Rig) -> None:
    async with running(rig):
        await until(rig, lambda: rig.gateway.ready, "the account is ready")
        rig.venue.orders["web_1"] = OrderReport(
            account="main", instrument=BTC, client_id="web_1", venue_order_id="5", side="sell", type="limit", quantity=D("0.3"),
            limit_price=D(60_000), state=OrderState.OPEN, evidence=Evidence(source="open_orders", reference="5"),
        )  # fmt: skip
        await until(rig, lambda: bool(rig.desk.books["main"].in_flight(BTC)), "its exposure counts", step_s=1.0)
        (order,) = rig.desk.books["main"].in_flight(BTC)
        assert (order.tag, order.external) == ("web_1", True)


async def test_the_venue_cancels_if_we_are_gone_while_orders_are_open(rig: Rig) -> None:
    async with running(rig):
        await until(rig, lambda: rig.gateway.ready, "the account is ready")
        for _ in range(5):
            await rig.clock.advance(20.0)
            await asyncio.sleep(0.02)
        assert rig.venue.armed == [], "nothing is open"
        await rig.gateway.extend()
        await rig.gateway.submit([rig.intent()])
        await until(rig, lambda: len(rig.venue.armed) >= 2, "armed again and again", step_s=5.0)
        assert rig.venue.armed[0] == ((BTC,), 60.0)


async def test_a_venue_that_is_away_at_the_start_only_delays(rig: Rig) -> None:
    rig.venue.away = True
    async with running(rig):
        for _ in range(3):
            await rig.clock.advance(2.0)
            await asyncio.sleep(0.02)
        assert not rig.gateway.ready
        rig.venue.away = False
        await until(rig, lambda: rig.gateway.ready, "the account is ready", step_s=1.0)


async def test_an_account_that_another_process_holds_is_waited_for(rig: Rig) -> None:
    other = rig.make("two")
    assert await other.start()
    async with running(rig):
        for _ in range(3):
            await rig.clock.advance(2.0)
            await asyncio.sleep(0.02)
        assert not rig.gateway.ready
        await until(rig, lambda: rig.gateway.ready, "the other's lease has ended", step_s=10.0)
        with pytest.raises(AccountTaken):
            await other.extend()


@pytest.mark.parametrize("where", ["lease", "stream"])
async def test_a_cancel_in_the_moment_of_a_failure_ends_the_loop(rig: Rig, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A group that fails while it is cancelled tells only of the failure; the loop would go on for ever."""
    failed = asyncio.Event()

    async def fails(*_: object) -> None:
        failed.set()
        task.cancel()
        if where == "lease":
            raise AccountTaken("taken")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise EnvironmentFault("the store was closed under it") from None

    monkeypatch.setattr(rig.gateway, "extend" if where == "lease" else "apply_movement", fails)
    service = ExecutionService(rig.gateway, rig.venue, rig.clock, ExecutionConfig())  # type: ignore[arg-type]
    task = asyncio.ensure_future(service.run())
    try:
        await until(rig, lambda: rig.gateway.ready, "the account is ready")
        if where == "stream":
            moved = AccountMovement(
                account="main", movement_id="m1", kind="transfer", currency="USDT", amount=D(1), time_ms=rig.clock.now_ms()
            )
            await rig.venue.stream.put([moved])
        await until(rig, failed.is_set, "the failure", step_s=1.0)
        await until(rig, task.done, "the end of the loop", step_s=1.0)
        assert task.cancelled()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
