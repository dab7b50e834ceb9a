"""The kill switch pulled while orders rest and others rush in, at a venue whose answers to cancels are lost (G17, OR13)."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.kill_switch import KillReport, KillSwitch
from quantservice.core.intents import Denied
from quantservice.core.orders import OrderState
from quantservice.ports import TradingAccount
from quantservice.services.execution.commands import Orders
from quantservice.services.risk.commands import RiskControl
from tests.support.state import sqlite_store
from tests.support.trading_desk import Desk, working

RUSHERS: Final = 10  # who place an order as soon as the one before is answered: as many as the machine and the venue take


class Pulled(msgspec.Struct, kw_only=True):
    """What a run showed. ``halted_s``: from the pull to the last order that got through; ``cleared_s``: to the last cancel."""

    report: KillReport
    resting: int
    rushed: int  # orders that got through before
    denied: int
    halted_s: float
    cleared_s: float


class _Accounts:
    """The list of accounts, as the switch asks for it."""

    def __init__(self, name: str) -> None:
        self._accounts = [TradingAccount(name=name, venue="binance", market="um")]

    async def list(self) -> list[TradingAccount]:
        return self._accounts


async def pulled_under_load(venue: Any, folder: Path, *, resting: int, lost: int = 0) -> Pulled:
    """Rest orders, let others rush in, pull; ``lost``: answers to cancels that get lost. Then a new process looks at the store."""
    async with sqlite_store(folder) as store:
        async with store.transaction() as work:
            await work.accounts.put(TradingAccount(name=venue.name, venue="binance", market="um"))
        desk = Desk(venue, store)
        async with working(desk):
            made = await _run(desk, venue, store, resting, lost)
        await _after_a_restart(venue, store, desk)
        return made


async def _run(desk: Desk, venue: Any, store: SqlStateStore, resting: int, lost: int) -> Pulled:
    price = await venue.price("0.95")
    intents = [desk.intent(type="limit", limit_price=price) for _ in range(resting)]
    for at in range(0, resting, 20):
        await desk.gateway.submit(intents[at : at + 20])
    for intent in intents:
        await desk.until(intent, OrderState.OPEN)
    risk = RiskControl(store, SystemClock())
    orders = Orders(store, desk.clock, lambda _name: desk.gateway)
    switch = KillSwitch(risk, orders, _Accounts(venue.name), lambda: risk.apply(desk.risk))  # type: ignore[arg-type]
    through: list[float] = []
    denied = 0
    over = asyncio.Event()

    async def rush() -> None:
        nonlocal denied
        while not over.is_set():
            (outcome,) = await desk.gateway.submit([desk.intent(type="limit", limit_price=price)])
            if isinstance(outcome, Denied):
                assert (outcome.rule, outcome.value) == ("state", "HALTED")
                denied += 1
            elif outcome.state is not OrderState.NOT_SENT:
                through.append(time.monotonic())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(RUSHERS):
            tasks.create_task(rush())
        await desk.eventually(lambda: len(through) >= RUSHERS * 2)
        if lost:
            await venue.fault("lost_answer", on="cancel", count=lost)
        began, before = time.monotonic(), len(through)
        report = await switch.pull(reason="the market is not what it was")
        sent = venue.received("submit")
        await desk.eventually(lambda: denied >= RUSHERS * 5)
        assert venue.received("submit") == sent, "an order was sent after the switch had said that it was pulled"
        await _until_cleared(desk)
        cleared_s = time.monotonic() - began
        over.set()
    truth = await venue.truth()
    live = [order["client_id"] for order in truth.orders if order["live"]]
    assert live == [], "orders rest at the venue"
    assert venue.received("submit") == sent
    await desk.agrees()
    return Pulled(
        report=report,
        resting=resting,
        rushed=before,
        denied=denied,
        halted_s=max(0.0, max(through) - began),
        cleared_s=cleared_s,
    )


async def _until_cleared(desk: Desk) -> None:
    """Wait until every order has ended: cancels without an answer are asked for again by the account's loop."""
    async with asyncio.timeout(60.0):
        while await desk.gateway.open():  # noqa: ASYNC110  # the service works meanwhile
            await asyncio.sleep(0.02)


async def _after_a_restart(venue: Any, store: SqlStateStore, before: Desk) -> None:
    """A new process on the same store sends nothing either."""
    again = Desk(venue, store)
    again.intents = before.intents
    await RiskControl(store, SystemClock()).apply(again.risk)
    assert await again.gateway.start()
    (outcome,) = await again.gateway.submit([again.intent()])
    assert isinstance(outcome, Denied), "the switch was forgotten"
    assert (outcome.rule, outcome.value, outcome.intent.terms.quantity) == ("state", "HALTED", Decimal(venue.quantity))
    await again.gateway.release()
