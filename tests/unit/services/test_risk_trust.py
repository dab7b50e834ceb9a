"""Which data is not to be trusted: the store is asked, a hole of history holds nobody back, and no denial outlives its cause."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec import structs
from tests.support.clock import ManualClock
from tests.support.market import instrument
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import StoreUnavailable
from quantservice.core.events import StreamId
from quantservice.core.spans import Span, intersect
from quantservice.ports import Deployment
from quantservice.services.risk.trust import WINDOW_BARS, DataTrust, Faults

BTC = instrument("BTC").id
MINUTE = 60_000


class Store:
    """Which klines are missing."""

    def __init__(self) -> None:
        self.holes: list[Span] = []
        self.away = False
        self.asked: list[tuple[StreamId, Span]] = []

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        if self.away:
            raise StoreUnavailable("it is away")
        self.asked = list(streams)
        return {stream: intersect(self.holes, [span]) for stream, span in streams}


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


def deployment(name: str = "d1", *, running: bool = True, period: str = "1m") -> Deployment:
    return Deployment(
        id=name,
        name=name,
        strategy="s",
        account="paper",
        instruments=(str(BTC),),
        period=period,
        state="running" if running else "paused",
        created_ms=0,
        updated_ms=0,
    )


class Rig:
    def __init__(self, state: SqlStateStore) -> None:
        self.clock, self.store, self.faults = ManualClock(), Store(), Faults()
        self.state = state
        self.trust = DataTrust(self.faults, self.store.missing, state, self.clock)

    def ago(self, first: int, last: int) -> Span:
        """Klines of so many minutes ago."""
        now = self.clock.now_ms() // MINUTE * MINUTE
        return Span(now - first * MINUTE, now - last * MINUTE)


async def test_an_open_gap_in_the_window_holds_its_deployment_back_until_the_store_has_it(state: SqlStateStore) -> None:
    rig = Rig(state)
    await rig.trust.look([deployment()])
    assert rig.faults == {}
    rig.store.holes = [rig.ago(20, 17)]
    await rig.trust.look([deployment(), deployment("d2", running=False)])
    assert rig.faults == {("d1", BTC): ("gap: 3 of the last 200 klines of 1m are missing",)}
    rig.store.holes = [rig.ago(20, 19)]  # healed in parts, and no message came
    await rig.trust.look([deployment()])
    assert rig.faults == {("d1", BTC): ("gap: 1 of the last 200 klines of 1m is missing",)}
    rig.store.holes = []
    await rig.trust.look([deployment()])
    assert rig.faults == {}


async def test_the_window_is_that_on_which_the_strategys_decisions_rest(state: SqlStateStore) -> None:
    rig = Rig(state)
    async with state.transaction() as work:
        await work.values.put("window_bars", "short", 15)
        await work.values.put("window_bars", "long", 400)
        await work.values.put("window_bars", "unsaid", 0)
    all_of_them = [deployment("short"), deployment("long"), deployment("unsaid"), deployment("new")]
    for ago, held_back in (
        (10, {"short": 15, "long": 400, "unsaid": 200, "new": 200}),
        (150, {"long": 400, "unsaid": 200, "new": 200}),
        (350, {"long": 400}),
        (450, {}),
    ):
        rig.store.holes = [rig.ago(ago, ago - 2)]
        await rig.trust.look(all_of_them)
        said = {(name, BTC): (f"gap: 2 of the last {bars} klines of 1m are missing",) for name, bars in held_back.items()}
        assert rig.faults == said
    assert len(rig.store.asked) == 1, "one question per stream, for the longest window"


async def test_history_that_is_still_fetched_or_that_is_not_there_holds_nobody_back(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(100_000, 30)]  # from long before the window into it
    await rig.trust.look([deployment()])
    assert rig.faults == {}
    rig.store.holes = [rig.ago(100_000, WINDOW_BARS + 10)]
    await rig.trust.look([deployment()])
    assert rig.faults == {}


async def test_a_kline_that_just_closed_has_its_time_to_be_stored_and_one_that_never_came_is_missed(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(1, 0)]
    await rig.trust.look([deployment()])
    assert rig.faults == {}
    rig.store.holes = [rig.ago(6, 0)]
    await rig.trust.look([deployment()])
    assert list(rig.faults) == [("d1", BTC)]


async def test_what_the_venue_was_proven_not_to_have_is_no_gap(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(20, 17)]
    (hole,) = rig.store.holes
    evidence = {"start_ms": hole.start_ms, "end_ms": hole.end_ms, "first_ms": 0, "last_ms": 0}
    for attempts, held_back in ((1, True), (2, False)):
        async with state.transaction() as work:
            await work.values.put("maintenance", str(StreamId.kline(BTC, "1m")), [{**evidence, "attempts": attempts}])
        await rig.trust.look([deployment()])
        assert bool(rig.faults) is held_back


async def test_an_answer_expires_where_the_store_is_not_asked_any_more(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(20, 17)]
    await rig.trust.look([deployment()])
    rig.store.away = True
    await rig.clock.advance(20.0)
    await rig.trust.look([deployment()])
    assert rig.faults, "it holds for a moment"
    await rig.clock.advance(20.0)
    await rig.trust.look([deployment()])
    assert rig.faults == {}


async def test_a_hole_at_the_first_bar_of_the_window_is_history_and_the_bar_after_it_is_missed(state: SqlStateStore) -> None:
    rig = Rig(state)
    await rig.trust.look([deployment()])
    ((_, window),) = rig.store.asked
    assert (window.end_ms - window.start_ms) == WINDOW_BARS * MINUTE == 200 * MINUTE
    rig.store.holes = [Span(window.start_ms, window.start_ms + MINUTE)]
    await rig.trust.look([deployment()])
    assert rig.faults == {}
    rig.store.holes = [Span(window.start_ms + MINUTE, window.start_ms + 2 * MINUTE)]
    await rig.trust.look([deployment()])
    assert rig.faults == {("d1", BTC): ("gap: 1 of the last 200 klines of 1m is missing",)}


@pytest.mark.parametrize(("seconds", "behind"), [(0.0, 2), (29.999, 2), (30.0, 1), (59.999, 1)])
async def test_a_bar_has_half_a_minute_beside_its_own_length_to_be_stored(
    state: SqlStateStore, seconds: float, behind: int
) -> None:
    rig = Rig(state)
    begin = rig.clock.now_ms() // MINUTE * MINUTE
    await rig.clock.advance(seconds)
    await rig.trust.look([deployment()])
    ((_, window),) = rig.store.asked
    assert window.end_ms == begin - behind * MINUTE


async def test_no_more_bars_are_asked_for_than_a_bound(state: SqlStateStore) -> None:
    rig = Rig(state)
    async with state.transaction() as work:
        await work.values.put("window_bars", "endless", 1_000_000)
    await rig.trust.look([deployment("endless")])
    ((_, window),) = rig.store.asked
    assert (window.end_ms - window.start_ms) == 10_000 * MINUTE


async def test_an_answer_holds_for_half_a_minute_and_not_a_nanosecond_more(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(20, 17)]
    await rig.clock.advance(3.0)
    await rig.trust.look([deployment()])
    rig.store.away = True
    await rig.clock.advance(30.0)
    for _ in range(2):
        await rig.trust.look([deployment()])
        assert rig.faults
    await rig.clock.advance(1e-9)
    await rig.trust.look([deployment()])
    assert rig.faults == {}


async def test_each_stream_of_a_deployment_is_looked_at_whatever_else_it_names(state: SqlStateStore) -> None:
    rig = Rig(state)
    eth = instrument("ETH").id
    two = structs.replace(deployment(), instruments=("nothing that has klines", str(BTC), str(eth)))
    quiet = structs.replace(deployment("quiet"), period="")
    rig.store.holes = [rig.ago(20, 18)]
    await rig.trust.look([quiet, two])
    fault = ("gap: 2 of the last 200 klines of 1m are missing",)
    assert rig.faults == {("d1", BTC): fault, ("d1", eth): fault}
    rig.store.asked = []
    await rig.trust.look([quiet, deployment(running=False)])
    assert (rig.faults, rig.store.asked) == ({}, []), "without a question nobody is asked"


async def test_holes_of_one_instrument_are_told_together(state: SqlStateStore) -> None:
    rig = Rig(state)
    rig.store.holes = [rig.ago(150, 140), rig.ago(20, 18)]
    await rig.trust.look([deployment()])
    assert rig.faults == {("d1", BTC): ("gap: 12 of the last 200 klines of 1m are missing",)}
