"""Equity over time: when it is written, what a minute's lowest and highest are, and what a fall is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import InvalidValue, StoreUnavailable
from quantservice.ports import EquityPoint
from quantservice.services.portfolio.equity import EquityHistory, EquityLog, paid_in, steps_of

D = Decimal
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


async def minutes(store: SqlStateStore) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    async with store.transaction() as work:
        found = await work.equity.list("main", MINUTE, start_ms=0, end_ms=2**62)
    return [(item.time_ms, item.equity, item.low, item.high) for item in found]


async def at(clock: ManualClock, time_ms: int) -> None:
    await clock.advance((time_ms - clock.now_ms()) / 1_000)


async def test_it_is_written_at_a_minutes_first_figure_and_after_what_was_booked(store: SqlStateStore) -> None:
    clock = ManualClock()
    begin = clock.now_ms() - clock.now_ms() % MINUTE + MINUTE
    log = EquityLog("main", store, clock)
    await at(clock, begin)
    await log.take(D(100), D(100))
    assert await minutes(store) == [(begin, D(100), D(100), D(100))]
    for seconds, equity in ((1, 103), (2, 95), (3, 101)):
        await at(clock, begin + seconds * 1_000)
        await log.take(D(equity), D(100))
    assert await minutes(store) == [(begin, D(100), D(100), D(100))], "nothing was booked, and the minute has its figure"
    log.touch()
    await log.take(D(102), D(100))
    assert await minutes(store) == [(begin, D(102), D(95), D(103))]
    await at(clock, begin + 30_000)
    await log.take(D(90), D(100))
    await at(clock, begin + MINUTE)
    await log.take(D(99), D(100))
    assert (await minutes(store))[1] == (begin + MINUTE, D(99), D(90), D(99)), "the lowest since the last writing is not lost"


async def test_what_is_paid_in_or_out_between_two_writings_is_neither_a_gain_nor_a_fall(store: SqlStateStore) -> None:
    clock = ManualClock()
    log = EquityLog("main", store, clock)
    await log.take(D(100), D(100))
    for equity, paid in ((99, 100), (148, 150), (101, 100)):
        await log.take(D(equity), D(paid))
    log.touch()
    await log.take(D(0), D(0))
    assert [row[1:] for row in await minutes(store)] == [(D(0), D(-2), D(1))]


async def test_while_the_store_is_away_lowest_and_highest_wait(store: SqlStateStore) -> None:
    clock, away = ManualClock(), [True]

    class Away:
        def transaction(self) -> Any:
            return self.fail() if away[0] else store.transaction()

        @asynccontextmanager
        async def fail(self) -> AsyncIterator[Any]:
            raise StoreUnavailable("away")
            yield

    log = EquityLog("main", Away(), clock)  # type: ignore[arg-type]  # the part of the port that it uses
    await log.take(D(80), D(100))
    away[0] = False
    await log.take(D(100), D(100))
    assert [row[1:] for row in await minutes(store)] == [(D(100), D(80), D(100))]


async def test_a_range_is_read_as_fine_as_it_is_kept(store: SqlStateStore) -> None:
    clock = ManualClock()
    today = clock.now_ms()
    await at(clock, today + DAY // 2)
    history = EquityHistory(store, clock)
    assert (await history.curve("main")).steps == ()
    async with store.transaction() as work:
        for days, equity in ((40, "100"), (2, "120"), (1, "90"), (0, "110")):
            amounts = {"equity": D(equity), "low": D(equity), "high": D(equity), "paid_in": D(100)}
            await work.equity.record(EquityPoint(account="main", time_ms=today - days * DAY + HOUR, **amounts))
    read = {days: await history.curve("main", start_ms=clock.now_ms() - days * DAY) for days in (1, 2, 30, 89, 400)}
    assert {days: curve.step_ms for days, curve in read.items()} == {1: MINUTE, 2: MINUTE, 30: HOUR, 89: HOUR, 400: HOUR}
    assert [step.point.equity for step in read[400].steps] == [D(100), D(120), D(90), D(110)]
    assert read[400].deepest == D("0.25")
    with pytest.raises(InvalidValue, match="not before"):
        await history.curve("main", start_ms=5, end_ms=5)


def test_a_fall_is_from_the_highest_before_and_transfers_are_none() -> None:
    def point(equity: int, low: int, high: int, paid: int = 100) -> EquityPoint:
        return EquityPoint(account="main", time_ms=0, equity=D(equity), low=D(low), high=D(high), paid_in=D(paid))

    found = steps_of([point(100, 95, 110), point(105, 88, 120), point(60, 54, 60, paid=50), point(65, 60, 66, paid=50)])
    assert [step.fall for step in found] == [D("0.05"), D("0.2"), D("0.133333"), D("0.083333")]
    assert [step.profit for step in found] == [D(0), D(5), D(10), D(15)]


def test_what_was_paid_in_is_the_opening_and_transfers() -> None:
    sums = {
        ("main", "opening", "USDT"): D(-1000),
        ("main", "transfer", "USDT"): D(300),
        ("main", "transfer", "BTC"): D(-1),
        ("main", "wallet", "USDT"): D(750),
        ("main", "fee", "USDT"): D(-50),
    }
    assert paid_in(sums) == {"USDT": D(700), "BTC": D(1)}
