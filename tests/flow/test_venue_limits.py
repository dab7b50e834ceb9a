"""The venue's limits under load, with the simulator's referee as the judge: weight, lanes, Retry-After, several processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.support.feeds import QUICK, quick, simulated, venue_on
from tests.support.state import sqlite_store
from tests.support.transport import Collected, fake_venue, um_stream, until

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.core.errors import RateLimited
from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.simulator.server import Simulator

WINDOW_S = 1.0
LIMIT = 40
LIMITS = {"weight_per_minute": LIMIT, "weight_window_s": WINDOW_S}
SETTINGS: BinanceSettings = msgspec.structs.replace(QUICK, weight_window_ms=int(WINDOW_S * 1000))


async def load_history(venue: BinanceVenue, streams: list[StreamId]) -> None:
    """Ask for far more history than the lane allows, until cancelled."""
    end_ms = await venue.history.server_time_ms()
    async with asyncio.TaskGroup() as group:
        for stream in streams:
            group.create_task(drain(venue.history.klines(stream, Span(end_ms - 300 * 86_400_000, end_ms))))


async def drain(pages: AsyncIterator[object]) -> None:
    async for _ in pages:
        pass


async def um_streams(venue: BinanceVenue, count: int) -> list[StreamId]:
    return [StreamId.kline(item.id, "1m") for item in (await venue.history.instruments())[:count]]


async def whole_windows(simulator: Simulator, count: int, *, enough: float = 0.0) -> list[int]:
    """Weight that the venue counted in each of the next windows; more of them until one holds ``enough``."""
    used: list[int] = []
    await asyncio.sleep(WINDOW_S - time.time() % WINDOW_S)
    while len(used) < count or (max(used) < enough and len(used) < 20):
        before = simulator.report()["weights"]["um"]
        await asyncio.sleep(WINDOW_S - time.time() % WINDOW_S)
        used.append(simulator.report()["weights"]["um"] - before)
    return used


def unhurt(simulator: Simulator) -> None:
    report = simulator.report()
    assert report["violations"] == {}
    assert report["statuses"].get("um.429", 0) == 0


async def test_history_alone_uses_its_lane_and_no_more() -> None:
    async with simulated(speed=1.0, limits=LIMITS) as simulator, venue_on(simulator, settings=SETTINGS) as venue:
        streams = await um_streams(venue, 4)
        task = asyncio.create_task(load_history(venue, streams))
        used = await whole_windows(simulator, 2, enough=0.95 * 0.8 * LIMIT)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert all(weight <= 0.8 * LIMIT for weight in used)
        assert max(used) >= 0.95 * 0.8 * LIMIT
        unhurt(simulator)


class MarketTime(SystemClock):
    """A platform's clock that tells the simulated market's time, with the machine's durations."""

    def __init__(self, simulator: Simulator) -> None:
        self._market = simulator.clock

    def now_ns(self) -> int:
        return self._market.now_ms() * 1_000_000

    def now_ms(self) -> int:
        return self._market.now_ms()


async def test_a_market_that_runs_fast_is_still_asked_in_real_time() -> None:
    start_ms = 1_700_000_012_345  # no border of any window
    async with simulated(speed=600.0, limits=LIMITS, start_ms=start_ms) as simulator:
        async with venue_on(simulator, settings=SETTINGS, clock=MarketTime(simulator)) as venue:
            streams = await um_streams(venue, 4)
            task = asyncio.create_task(load_history(venue, streams))
            used = await whole_windows(simulator, 3, enough=0.9 * 0.8 * LIMIT)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert all(weight <= 0.8 * LIMIT for weight in used)
        assert max(used) >= 0.9 * 0.8 * LIMIT
        unhurt(simulator)


async def test_history_gives_way_while_live_asks_and_live_does_not_wait() -> None:
    async with simulated(speed=1.0, limits=LIMITS) as simulator, venue_on(simulator, settings=SETTINGS) as venue:
        streams = await um_streams(venue, 4)
        waits: list[float] = []

        async def live() -> None:
            while True:
                started = time.monotonic()
                await venue.history.server_time_ms()
                waits.append(time.monotonic() - started)
                await asyncio.sleep(0.2)

        tasks = [asyncio.create_task(live()), asyncio.create_task(load_history(venue, streams))]
        await whole_windows(simulator, 1)
        state = venue.budget_of(venue.pool.choose(simulator.rest_url)).state
        shares: list[int] = []
        while len(shares) < 2 or (max(shares) < 0.4 * LIMIT and len(shares) < 20):
            await whole_windows(simulator, 1)
            shares.append(state.previous.history)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(share <= 0.5 * LIMIT for share in shares)
        assert max(shares) >= 0.4 * LIMIT, "the half is used"
        assert len(waits) >= 4
        unhurt(simulator)


async def test_two_processes_behind_one_address_share_the_limit(tmp_path: Path) -> None:
    async with simulated(speed=1.0, limits=LIMITS) as simulator, sqlite_store(tmp_path) as store:
        async with (
            venue_on(simulator, settings=SETTINGS, state_store=store) as one,
            venue_on(simulator, settings=SETTINGS, state_store=store) as two,
        ):
            streams = await um_streams(one, 4)
            tasks = [asyncio.create_task(load_history(venue, streams)) for venue in (one, two)]
            used = await whole_windows(simulator, 2, enough=0.7 * 0.8 * LIMIT)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert all(weight <= 0.8 * LIMIT for weight in used)
        assert max(used) >= 0.7 * 0.8 * LIMIT  # what was leased ahead for other lanes stays unused
        unhurt(simulator)


async def test_retry_after_is_obeyed_by_all_lanes_and_processes(tmp_path: Path) -> None:
    async with simulated(speed=1.0) as simulator, sqlite_store(tmp_path) as store:
        async with venue_on(simulator, state_store=store) as one, venue_on(simulator, state_store=store) as two:
            await one.history.load()
            await two.history.load()
            simulator.add_fault({"kind": "rate_limit", "market": "um", "count": 1, "retry_after_s": 2, "status": 429})
            started = time.monotonic()
            assert await one.history.server_time_ms()  # is refused, waits, asks again
            elsewhere = [
                two.history.server_time_ms(),
                drain(two.history.klines((await um_streams(two, 1))[0], Span(1_700_000_000_000, 1_800_000_000_000))),
            ]
            tasks = [asyncio.ensure_future(item) for item in elsewhere]
            await asyncio.wait_for(tasks[0], 10)
            assert time.monotonic() - started >= 2.0
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert "um.request_inside_retry_after" not in simulator.report()["violations"]


async def test_a_ban_longer_than_anyone_waits_is_an_error_with_its_end(tmp_path: Path) -> None:
    async with simulated(speed=1.0) as simulator, sqlite_store(tmp_path) as store:
        async with venue_on(simulator, state_store=store) as venue:
            await venue.history.load()
            simulator.gates["um"].block("127.0.0.1", 3600, banned=True)
            with pytest.raises(RateLimited) as caught:
                await venue.history.server_time_ms()
            assert caught.value.banned
        asked = dict(simulator.report()["requests"])
        async with venue_on(simulator, state_store=store) as again:  # a restart does not forget the ban
            with pytest.raises(RateLimited):
                await again.history.server_time_ms()
        assert simulator.report()["requests"] == asked
        assert venue.budget_of(venue.pool.choose(simulator.rest_url)).stats()["blocked_ms"] > 3_000_000
        with pytest.raises(RateLimited):
            await again.budget_of(again.pool.choose(simulator.rest_url)).acquire(Lane.CANCEL, 1, deadline_s=1)


async def test_streams_spread_over_connections_within_the_limit_and_stay_where_they_were(tmp_path: Path) -> None:
    symbols = tuple(f"S{number}" for number in range(23))
    streams = [um_stream(symbol) for symbol in symbols]
    settings = quick(feed={"streams_per_connection": 10}, ws={"names_per_message": 4})
    async with fake_venue(symbols=symbols) as fake, sqlite_store(tmp_path) as store:
        async with venue_on(fake, settings=settings, state_store=store) as venue, Collected(venue.feed):
            await venue.feed.update(streams)
            await until(lambda: len(fake.names()) == 23)
            assert sorted(len(peer.names) for peer in fake.open_peers) == [3, 10, 10]
            assert all(message.count("@kline") <= 4 for peer in fake.open_peers for _, message in peer.messages)
        async with store.transaction() as unit:
            first = await unit.subscriptions.list("binance", "um")
        await until(lambda: not fake.open_peers)
        async with venue_on(fake, settings=settings, state_store=store) as venue, Collected(venue.feed):
            await venue.feed.update(list(reversed(streams)))
            await until(lambda: len(fake.names()) == 23)
        async with store.transaction() as unit:
            second = await unit.subscriptions.list("binance", "um")
        assert {name: sorted(items) for name, items in first.items()} == {name: sorted(items) for name, items in second.items()}


@pytest.mark.parametrize(("market", "cap"), [("spot", 5), ("um", 10)])
async def test_message_rate_stays_below_the_venues_cap_with_its_pings(market: str, cap: int) -> None:
    settings = quick(ws={"names_per_message": 1, "messages_per_second": 10})
    limits = {"ping_every_s": 0.4, "pong_within_s": 2.0}
    async with (
        simulated(limits=limits) as simulator,
        venue_on(simulator, market, settings=settings) as venue,
        Collected(venue.feed),
    ):
        instruments = (await venue.history.instruments())[:6]
        wishes = [StreamId.kline(item.id, period) for item in instruments for period in ("1m", "5m", "1h")]
        await venue.feed.update(wishes[:9])
        await until(lambda: venue.feed.stats()["connections"][0]["state"] == "live", timeout_s=20)
        await venue.feed.update(wishes[9:])
        await until(lambda: sum(simulator.report()["connections"][market].values()) == 9, timeout_s=20, what="all changed")
        assert simulator.report()["violations"] == {}
        assert simulator.config.limits[market].messages_per_second == cap  # type: ignore[index]  # a market's name
