"""Sliding limits, stable placement, liveness with patience, quarantine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.support.clock import ManualClock

from quantservice.adapters.venues.transport.liveness import StreamLife
from quantservice.adapters.venues.transport.pacing import Pacer, SlidingLimit
from quantservice.adapters.venues.transport.placement import place, route_of_connection
from quantservice.adapters.venues.transport.quarantine import MAX_REASONS, Quarantine
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import InstrumentId


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 6), st.floats(0.5, 5))
def test_no_window_holds_more_than_the_limit(gaps: list[float], most: int, window: float) -> None:
    limit = SlidingLimit(most, window)
    now, times = 0.0, []
    for gap in gaps:
        now += gap
        now += limit.delay(now) + 1e-9
        limit.note(now)
        times.append(now)
    for start in times:
        assert sum(start <= item < start + window - 1e-6 for item in times) <= most


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 9), st.floats(0, 1)), max_size=60), st.integers(1, 6), st.floats(0.5, 5))
def test_no_window_holds_more_arrivals_whatever_each_takes(
    requests: list[tuple[float, float, float]], most: int, window: float
) -> None:
    """Each request leaves a while after the one before, is answered after its own time, and arrived somewhere in between."""
    limit = SlidingLimit(most, window)
    now, arrivals = 0.0, list[float]()
    answers: list[float] = []  # of those that are on their way
    for pause, takes, share in requests:
        now += pause
        while True:
            for answered in [item for item in answers if item <= now]:
                limit.arrived(answered)
                answers.remove(answered)
            delay = limit.delay(now)
            if not delay:
                break
            now += delay + 1e-9
        limit.leave()
        answers.append(now + takes)
        answers.sort()
        arrivals.append(now + takes * share)
    for start in arrivals:
        assert sum(start <= item < start + window - 1e-6 for item in arrivals) <= most


async def test_a_pacer_waits_for_the_window() -> None:
    clock = ManualClock()
    pacer = Pacer(2, 1.0, clock=clock)
    assert pacer.take() == 0
    await pacer.wait()
    assert pacer.used() == 2
    import asyncio

    third = asyncio.ensure_future(pacer.wait())
    await clock.advance(0.9)
    assert not third.done()
    await clock.advance(0.2)
    assert third.done()
    pacer.block(5)
    fourth = asyncio.ensure_future(pacer.wait())
    await clock.advance(4.8)
    assert not fourth.done()
    await clock.advance(0.3)
    assert fourth.done()


def stream(number: int, kind: Kind = Kind.KLINE) -> StreamId:
    instrument = InstrumentId("v", "um", f"S{number}")
    return StreamId.kline(instrument, "1m") if kind is Kind.KLINE else StreamId(instrument, kind)


def route(item: StreamId) -> str:
    return "market" if item.kind is Kind.KLINE else "public"


kinds = st.sampled_from([Kind.KLINE, Kind.QUOTE])
wishes = st.lists(st.builds(stream, st.integers(0, 40), kinds), max_size=60)


@given(st.lists(wishes, min_size=1, max_size=5), st.integers(1, 7))
def test_placement_is_whole_within_limits_and_stable(history: list[list[StreamId]], most: int) -> None:
    placed: dict[str, list[StreamId]] = {}
    for wanted in history:
        before = {item: name for name, members in placed.items() for item in members}
        placed = place(wanted, placed, route_of=route, most=most)
        members = [item for group in placed.values() for item in group]
        assert sorted(members) == sorted(set(wanted))
        for name, group in placed.items():
            assert 0 < len(group) <= most
            assert {route(item) for item in group} == {route_of_connection(name)}
            assert all(before.get(item, name) == name for item in group), "a running stream moved"


def test_a_market_without_routes_uses_one_name() -> None:
    placed = place([stream(1), stream(2)], {}, route_of=lambda _: "", most=1)
    assert set(placed) == {"main-0", "main-1"}
    assert {route_of_connection(name) for name in placed} == {""}


def test_a_lowered_limit_moves_only_the_surplus() -> None:
    streams = [stream(number) for number in range(4)]
    placed = place(streams, {}, route_of=route, most=4)
    again = place(streams, placed, route_of=route, most=3)
    assert again["market-0"] == streams[:3]
    assert again["market-1"] == streams[3:]


def test_silence_makes_stale_once_per_patience_and_an_event_makes_live() -> None:
    life = StreamLife(stream(1), "s1@kline_1m", "market-0", patience_s=8, now=100.0)
    assert life.check(107.9, 120) == ""
    assert life.check(108.0, 120) == "stale"
    assert life.check(109.0, 120) == ""
    assert life.check(123.9, 120) == ""
    assert life.check(124.0, 120) == "stale"  # the patience doubled
    life.seen = 125.0
    assert life.check(125.5, 120) == "live"
    assert life.check(126.0, 120) == ""


def test_patience_is_bounded_and_comes_back_with_frequent_events() -> None:
    life = StreamLife(stream(1), "x", "l", patience_s=8, now=0.0)
    now = 0.0
    for _ in range(10):
        now += life.patience_s
        assert life.check(now, 120) == "stale"
    assert life.patience_s == 120
    for _ in range(300):
        now += 1
        life.seen = now
        life.check(now, 120)
    assert life.patience_s == 8


def test_quarantine_counts_all_keeps_the_newest_and_bounds_the_reasons() -> None:
    clock = ManualClock()
    quarantine = Quarantine("v:um", clock=clock, kept=3, head_bytes=4)
    for number in range(200):
        quarantine.add(f"reason_{number}", b"\xff12345678", number)
    assert quarantine.total == 200
    assert len(quarantine.reasons) <= MAX_REASONS + 1
    assert [frame.recv_ns for frame in quarantine.frames] == [197, 198, 199]
    assert quarantine.frames[0].head == "\\xff123"
    assert quarantine.frames[0].size == 9
