"""Scenarios of the fault list: OR5, OR12, OR13, OR14, CL2, ST2 (the others: tests/architecture/test_scenarios.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support.execution_rig import BTC, Rig, desk_of
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.trading_orders import SqlOrders
from quantservice.core.errors import EnvironmentFault
from quantservice.core.intents import Denied
from quantservice.core.orders import Order, OrderState
from quantservice.ports.trading import NotSent, OrderReport, Unknown
from quantservice.quant.risk_rules import rule_of
from quantservice.quant.risk_rules.base import RiskRule
from quantservice.services.execution import AccountTaken
from quantservice.services.risk import RuleSet

pytestmark = pytest.mark.asyncio
D = Decimal


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with sqlite_store(tmp_path) as store:
        made = Rig(store)
        assert await made.gateway.start()
        await made.clock.advance(1.0)
        yield made


async def test_or5_unknown_is_never_sent_again_and_all_failed_so_often_at_most(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception] = []
    sent: list[bool] = []

    async def submit(order: Any) -> OrderReport:
        sent.append(order.intent.terms.reduce_only)
        if answers:
            raise answers.pop(0)
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    answers[:] = [Unknown("Unknown error, please check your request or try again later.", deadline_ns=rig.clock.now_ns() + 10**10)]
    await rig.gateway.submit([rig.intent("a")])
    for _ in range(3):
        await rig.gateway.resolve()
    assert len(sent) == 1, "variant A may have been carried out"
    answers[:] = [NotSent("Service Unavailable.", code=503, retry=True) for _ in range(9)]
    (order,) = await rig.gateway.submit([rig.intent("b")])
    assert isinstance(order, Order)
    assert (order.state, len(sent)) == (OrderState.NOT_SENT, 1 + 5), "variants B and C: the first try and four more"
    answers.clear()
    await rig.gateway.submit([rig.intent("c"), rig.intent("d", side="sell", reduce_only=True)])
    assert sent[-2:] == [True, False], "what reduces goes first"


async def test_or12_a_strategy_that_loops_is_stopped_before_the_venue_stops_it(rig: Rig) -> None:
    rate = rule_of("order_rate", {"limit": 30, "window_s": 60, "deployment_limit": 0})
    assert isinstance(rate, RiskRule)
    rig.desk.rules = RuleSet(enforced=(rate,))
    denied = 0
    for second in range(4):
        for number in range(50):
            (answer,) = await rig.gateway.submit([rig.intent(f"{second}-{number}", quantity="0.001")])
            denied += isinstance(answer, Denied) and answer.rule == "order_rate"
        await rig.clock.advance(1.0)
    assert (len(rig.venue.sent), denied) == (30, 170)
    (answer,) = await rig.gateway.submit([rig.intent("out", side="sell", quantity="0.001", reduce_only=True)])
    assert isinstance(answer, Order), "what reduces gets out"
    await rig.gateway.extend()
    await rig.clock.advance(57.0)
    (answer,) = await rig.gateway.submit([rig.intent("later", quantity="0.001")])
    assert isinstance(answer, Order), "a window later it goes on"


async def test_or13_cancels_are_tried_until_confirmed_also_by_the_next_process(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intents = [rig.intent(f"e{number}", type="limit", limit_price=D(40_000)) for number in range(5)]
    await rig.gateway.submit(intents)
    original, asked = rig.venue.cancel, 0

    async def silent(*_: Any) -> Any:
        nonlocal asked
        asked += 1
        raise Unknown("no answer within 5 s")

    monkeypatch.setattr(rig.venue, "cancel", silent)
    await rig.gateway.cancel_all()
    for _ in range(3):
        await rig.clock.advance(3.0)
        await rig.gateway.extend()
        await rig.gateway.resolve()
    assert asked > len(intents), "asked again and again"
    assert {(await rig.order(intent)).state for intent in intents} == {OrderState.OPEN}
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert {(await rig.order(intent)).cancel_asked for intent in intents} == {True}
    monkeypatch.setattr(rig.venue, "cancel", original)
    await rig.gateway.resolve()
    assert {(await rig.order(intent)).state for intent in intents} == {OrderState.CANCELLED}


async def test_or14_after_three_minutes_without_a_turn_nothing_stale_is_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    resting = rig.intent("resting", type="limit", limit_price=D(40_000))
    await rig.gateway.submit([resting])
    first, waiting = rig.intent("first"), rig.intent("waiting")
    sent: list[str] = []

    async def submit(order: Any) -> OrderReport:
        sent.append(order.intent.client_id)
        await rig.clock.advance(180.0)  # SIGSTOP, and CONT three minutes later
        return rig.venue.take(order)

    monkeypatch.setattr(rig.venue, "submit", submit)
    with pytest.raises(EnvironmentFault, match=r"lease|another process|begins anew"):
        await rig.gateway.submit([first, waiting])
    assert sent == [first.client_id], "what waited is too old and the lease is gone"
    assert not rig.gateway.ready
    rig.venue.change(resting.client_id, OrderState.CANCELLED)  # the venue's dead-man timer did it meanwhile
    with pytest.raises(AccountTaken):
        await rig.gateway.extend()
    assert not rig.gateway.ready, "first it is reconciled"
    assert await rig.gateway.start()
    assert rig.gateway.ready
    assert (await rig.order(resting)).state is OrderState.CANCELLED
    assert (await rig.order(first)).state is OrderState.OPEN
    await rig.scans()
    assert (await rig.order(waiting)).state is OrderState.NOT_SENT


async def test_st2_a_full_disk_refuses_orders_cancels_go_and_room_heals(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    resting = rig.intent("resting", type="limit", limit_price=D(40_000))
    await rig.gateway.submit([resting])

    async def full(*_: Any) -> None:
        raise EnvironmentFault("no room is left for the state store")

    with monkeypatch.context() as patch:
        patch.setattr(SqlOrders, "put", full)
        with pytest.raises(EnvironmentFault, match="no room"):
            await rig.gateway.submit([rig.intent("new")])
        with pytest.raises(EnvironmentFault):
            await rig.gateway.cancel(resting.client_id)
    assert len(rig.venue.sent) == 1
    assert rig.venue.orders[resting.client_id].state is OrderState.CANCELLED
    assert not [item for item in rig.desk.books["main"].in_flight(BTC) if item.order_id != resting.client_id]
    await rig.gateway.reconcile(await rig.venue.snapshot())
    assert (await rig.order(resting)).state is OrderState.CANCELLED
    (answer,) = await rig.gateway.submit([rig.intent("new")])
    assert isinstance(answer, Order), "nobody had to do anything"


_TIMES = """
from datetime import datetime, UTC
from quantservice.adapters.clock.system import SystemClock
from quantservice.core.periods import close_of, period_ms
from quantservice.core.intents import OrderTerms
from tests.unit.quant.test_risk_rule_figures import DAY, HOUR, rule, view
last = 1_743_292_799_999  # 2025-03-29 23:59:59.999 UTC, the night of Europe's change of clocks
day = period_ms("1d")
opened = last // day * day
assert close_of("1d", opened) in (opened + day - 1, opened + day), close_of("1d", opened)
assert abs(SystemClock().now_ms() - int(datetime.now(UTC).timestamp() * 1_000)) < 60_000
hours = rule("trading_hours", from_hour=0, until_hour=1)
print([hours.check(view(now_ns=DAY + hour * HOUR)) is None for hour in range(24)].index(False), opened)
"""


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
async def test_cl2_the_machine_s_time_zone_changes_no_border(zone: str, project_dir: Path) -> None:
    command = [sys.executable, "-c", _TIMES]
    path = os.pathsep.join((str(project_dir / "src"), str(project_dir)))
    ended = subprocess.run(  # noqa: ASYNC221  # nothing else runs
        command,
        cwd=project_dir,
        env=os.environ | {"TZ": zone, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["1", "1743206400000"]
