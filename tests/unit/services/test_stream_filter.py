"""What the collector lets pass: each closed bar once, none reopened, every skipped bar noticed."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from tests.support.fakes import make_kline
from tests.support.market import START_MS, kline_stream

from quantservice.core.events import Kline, StreamId
from quantservice.core.periods import next_open
from quantservice.core.spans import Span
from quantservice.services.collector.filter import REMEMBERED_BARS, StreamFilter

MINUTE = 60_000
STREAM = kline_stream()


def bar(index: int, *, closed: bool = True, **changes: Any) -> Kline:
    return make_kline(STREAM, START_MS + index * MINUTE, closed=closed, **changes)


def test_untouched_batches_are_passed_on_as_they_are() -> None:
    batch = (bar(0, closed=False), bar(0), bar(1, closed=False))
    assert StreamFilter().pass_on(batch) is batch


def test_a_closed_bar_that_comes_again_is_absorbed_and_counted() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0)])
    assert subject.pass_on([bar(0), bar(1)]) == [bar(1)]
    assert subject.stats.duplicates == 1
    assert subject.stats.closed_klines == 2


def test_bars_beside_one_that_came_late_stay_known() -> None:
    subject = StreamFilter()
    early = [0, 1, 3, 2, *range(4, REMEMBERED_BARS + 3)]  # 2 came late; the oldest are forgotten, whichever came first
    subject.pass_on([bar(index) for index in early])
    assert list(subject.pass_on([bar(index) for index in (2, 3, 4)])) == []


def test_a_closed_bar_is_never_reopened() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(1)])
    late = [bar(1, closed=False), bar(0, closed=False), bar(2, closed=False)]
    assert subject.pass_on(late) == [bar(2, closed=False)]
    assert subject.stats.reopened == 2


def test_a_restated_bar_passes_and_a_replay_of_the_old_word_does_not() -> None:
    subject = StreamFilter()
    first = bar(0, event_time=1_000)
    restated = bar(0, event_time=2_000, close=Decimal("99.5"))
    subject.pass_on([first])
    assert list(subject.pass_on([restated])) == [restated]
    assert list(subject.pass_on([first])) == []
    assert subject.stats.duplicates == 1


def test_a_skipped_bar_is_reported_once_and_exactly() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0), bar(3)])
    assert subject.take_holes() == [(STREAM, Span(START_MS + MINUTE, START_MS + 3 * MINUTE))]
    assert subject.take_holes() == []
    assert subject.stats.gaps == 1


def test_the_first_bar_of_a_stream_skips_nothing() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(100)])
    assert subject.take_holes() == []


def test_a_bar_that_fills_the_hole_late_passes_but_an_ancient_one_does_not() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0), bar(2)])
    assert list(subject.pass_on([bar(1)])) == [bar(1)]
    subject.pass_on([bar(index) for index in range(3, 3 + REMEMBERED_BARS)])
    assert list(subject.pass_on([bar(0)])) == []
    assert subject.stats.late_klines == 2


@pytest.mark.parametrize("period", ["1w", "1mo"])
def test_calendar_periods_know_their_next_bar(period: str) -> None:
    stream = StreamId.kline(STREAM.instrument, period)
    subject = StreamFilter()
    first = 1_740_787_200_000 if period == "1mo" else 1_740_960_000_000  # 1 March 2025; Monday 3 March 2025
    second = next_open(period, first)
    subject.pass_on([make_kline(stream, first), make_kline(stream, second)])
    assert subject.take_holes() == []
    skipped = next_open(period, second)
    subject.pass_on([make_kline(stream, next_open(period, skipped))])
    assert subject.take_holes() == [(stream, Span(skipped, next_open(period, skipped)))]


def test_what_a_lost_connection_may_have_missed() -> None:
    subject = StreamFilter()
    assert subject.hole_until(STREAM, START_MS) is None
    subject.pass_on([bar(0)])
    assert subject.hole_until(STREAM, START_MS + 2 * MINUTE - 1) is None
    assert subject.hole_until(STREAM, START_MS + 3 * MINUTE + 5) == Span(START_MS + MINUTE, START_MS + 3 * MINUTE)


def test_streams_no_longer_wanted_are_forgotten() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0)])
    subject.forget([])
    assert subject.last_closed(STREAM) is None
    subject.pass_on([bar(9)])
    assert subject.take_holes() == []


def test_replayed_and_swapped_frames_leave_the_same_closed_bars() -> None:
    """MD5: the last frames twice, adjacent ones swapped, an open state after its close."""
    clean = [frame for index in range(200) for frame in (bar(index, closed=False, count=3), bar(index))]
    dirty: list[Kline] = []
    rng = random.Random(7)
    for index in range(0, len(clean), 2):
        pair = clean[index : index + 2]
        if rng.random() < 0.3:
            pair.reverse()
        dirty.extend(pair)
        if rng.random() < 0.2:
            dirty.extend(dirty[-10:])
    dirty.extend(dirty[-1000:] * 2)
    subject = StreamFilter()
    passed = subject.pass_on(dirty)
    closed = [event for event in passed if isinstance(event, Kline) and event.closed]
    assert closed == [frame for frame in clean if frame.closed]
    newest = -1
    for event in passed:
        assert isinstance(event, Kline)
        assert event.open_time > newest if not event.closed else event.open_time >= newest
        newest = max(newest, event.open_time if event.closed else -1)
