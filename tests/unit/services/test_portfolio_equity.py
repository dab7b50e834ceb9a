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
from quantservice.services.portfolio import equity as curves
from quantservice.services.portfolio.equity import EquityCurve, EquityHistory, EquityLog, _step_for, paid_in, steps_of

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
    assert paid_in(sums, "USDT") == D(700)


@pytest.mark.parametrize(
    ("begin_ago", "length", "step"),
    [
        (2 * DAY, 2 * DAY, MINUTE),
        (2 * DAY + 1, 2 * DAY + 1, HOUR),
        (2 * DAY + 1, 1, HOUR),
        (90 * DAY, 90 * DAY, HOUR),
        (90 * DAY + 1, 1, DAY),
        (9_999 * DAY, 1, DAY),
    ],
)
def test_the_finest_step_that_is_kept_for_all_of_a_range(begin_ago: int, length: int, step: int) -> None:
    now = 20_000 * DAY
    assert _step_for(0, now - begin_ago, now - begin_ago + length, now) == step
    assert _step_for(now - DAY, now - begin_ago, now, now) == MINUTE, "nothing is older than the account"


@pytest.mark.parametrize(("points", "step"), [(3_000, MINUTE), (3_001, HOUR)])
def test_a_range_has_no_more_points_than_a_screen_has_columns_for(points: int, step: int) -> None:
    now = 20_000 * DAY
    assert _step_for(now, now, now + points * MINUTE, now) == step


async def test_a_curve_is_of_the_last_day_and_begins_at_a_whole_step(store: SqlStateStore) -> None:
    clock = ManualClock()
    await at(clock, clock.now_ms() + 5 * DAY + 30_000)
    now = clock.now_ms()
    minute = now - now % MINUTE
    async with store.transaction() as work:
        for time_ms in (minute - DAY - MINUTE, minute - DAY, minute - MINUTE, minute):
            figure = D(time_ms % 7 + 1)
            point = EquityPoint(account="main", time_ms=time_ms, equity=figure, low=figure, high=figure, paid_in=D(0))
            await work.equity.record(point)
    history = EquityHistory(store, clock)

    async def shown(**asked: int) -> list[int]:
        return [(step.point.time_ms - minute) // MINUTE for step in (await history.curve("main", **asked)).steps]

    assert await shown() == [-1_440, -1, 0]
    assert await shown(end_ms=minute) == [-1_440, -1]
    assert await shown(start_ms=minute - 1, end_ms=minute + 1) == [-1, 0]
    assert await shown(start_ms=minute, end_ms=minute + 1) == [0]
    assert await shown(end_ms=5) == []
    with pytest.raises(InvalidValue, match="5 is not before the end 4"):
        await history.curve("main", start_ms=5, end_ms=4)


async def test_no_more_than_the_newest_points_are_shown(store: SqlStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_MOST", 2)
    clock = ManualClock()
    begin = clock.now_ms()
    async with store.transaction() as work:
        for number in range(3):
            figure = D(number + 1)
            await work.equity.record(
                EquityPoint(account="main", time_ms=begin + number * DAY, equity=figure, low=figure, high=figure, paid_in=D(0))
            )
    await at(clock, begin + 2 * DAY)
    curve = await EquityHistory(store, clock).curve("main", start_ms=begin)
    assert [step.point.equity for step in curve.steps] == [D(2), D(3)]


def test_without_equity_there_is_no_fall_and_a_rise_is_none() -> None:
    def point(equity: str, low: str = "", high: str = "") -> EquityPoint:
        amounts = {"equity": D(equity), "low": D(low or equity), "high": D(high or equity), "paid_in": D(0)}
        return EquityPoint(account="main", time_ms=0, **amounts)

    assert [step.fall for step in steps_of([point("0"), point("-5"), point("0.5"), point("0.25")])] == [D(0), D(0), D(0), D("0.5")]
    assert [step.fall for step in steps_of([point("100", low="101", high="102")])] == [D(0)], "never less than nothing"
    assert [step.fall for step in steps_of([point("3"), point("2"), point("1")])] == [D(0), D("0.333333"), D("0.666667")]
    assert EquityCurve(step_ms=1, steps=()).deepest == 0


async def test_after_a_fault_it_is_written_with_the_next_figure(store: SqlStateStore) -> None:
    clock, away = ManualClock(), [False]

    class Away:
        def transaction(self) -> Any:
            return self.fail() if away[0] else store.transaction()

        @asynccontextmanager
        async def fail(self) -> AsyncIterator[Any]:
            raise StoreUnavailable("away")
            yield

    log = EquityLog("main", Away(), clock)  # type: ignore[arg-type]  # the part of the port that it uses
    await log.take(D(100), D(100))
    away[0] = True
    log.touch()
    await log.take(D(90), D(100))
    away[0] = False
    await log.take(D(95), D(100))
    assert [row[1:] for row in await minutes(store)] == [(D(95), D(90), D(100))], "in the same minute, and its lowest is not lost"
    await log.take(D(80), D(100))
    assert [row[1] for row in await minutes(store)] == [D(95)], "once it is written nothing is owed"
