"""What a venue does not have: only separate attempts prove it, and bars that appear take the proof back."""

from __future__ import annotations

from tests.support.clock import ManualClock
from tests.support.fakes import FakeStateStore
from tests.support.market import kline_stream

from quantservice.core.spans import Span
from quantservice.services.backfill.absent import AbsentRanges

STREAM = kline_stream()


def make(clock: ManualClock, state: FakeStateStore) -> AbsentRanges:
    return AbsentRanges(state, clock, ask_again_s=60, reverify_s=86_400)


async def test_two_answers_in_one_breath_prove_nothing() -> None:
    clock = ManualClock()
    ranges = make(clock, FakeStateStore())
    await ranges.note(STREAM, [Span(0, 100)], [])
    await ranges.note(STREAM, [Span(0, 100)], [])
    assert ranges.confirmed(STREAM) == []
    await clock.advance(60)
    await ranges.note(STREAM, [Span(0, 100)], [])
    assert ranges.confirmed(STREAM) == [Span(0, 100)]


async def test_only_the_common_part_of_two_answers_is_proven() -> None:
    clock = ManualClock()
    ranges = make(clock, FakeStateStore())
    await ranges.note(STREAM, [Span(0, 100)], [])
    await clock.advance(61)
    await ranges.note(STREAM, [Span(50, 150)], [])
    assert ranges.confirmed(STREAM) == [Span(50, 100)]
    assert ranges.resting(STREAM) == [Span(50, 150)], "the rest of the first answer may be asked for again"


async def test_bars_that_appear_take_the_proof_back_for_good() -> None:
    clock, state = ManualClock(), FakeStateStore()
    ranges = make(clock, state)
    for _ in range(2):
        await ranges.note(STREAM, [Span(0, 100)], [])
        await clock.advance(61)
    await ranges.note(STREAM, [], [Span(20, 30)])
    assert ranges.confirmed(STREAM) == [Span(0, 20), Span(30, 100)]
    again = make(clock, state)
    await again.load()
    assert again.confirmed(STREAM) == ranges.confirmed(STREAM)
    await ranges.note(STREAM, [], [Span(0, 100)])
    assert state.value_rows == {}


async def test_a_proof_is_doubted_after_a_day() -> None:
    clock = ManualClock()
    ranges = make(clock, FakeStateStore())
    for _ in range(2):
        await ranges.note(STREAM, [Span(0, 100)], [])
        await clock.advance(61)
    assert ranges.resting(STREAM) == [Span(0, 100)]
    await clock.advance(86_400)
    assert ranges.resting(STREAM) == []
    await ranges.note(STREAM, [Span(0, 100)], [])
    assert ranges.resting(STREAM) == [Span(0, 100)]
