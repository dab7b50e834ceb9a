"""The filter's counters one by one, and how long its memory reaches."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.fakes import make_kline
from tests.support.market import START_MS, kline_stream

from quantservice.core.events import Kind, Kline, StreamId, Trade
from quantservice.core.spans import Span
from quantservice.services.collector.filter import REMEMBERED_BARS, FilterStats, StreamFilter

MINUTE = 60_000
STREAM = kline_stream()


def bar(index: int, *, closed: bool = True, **changes: Any) -> Kline:
    return make_kline(STREAM, START_MS + index * MINUTE, closed=closed, **changes)


def trade() -> Trade:
    one = Decimal(1)
    return Trade(stream=StreamId(STREAM.instrument, Kind.TRADE), trade_id=1, price=one, quantity=one, time=1, buyer_is_maker=True)


def test_each_event_is_counted_where_it_belongs() -> None:
    subject = StreamFilter()
    assert subject.stats == FilterStats(events=0, klines=0, closed_klines=0, duplicates=0, reopened=0, late_klines=0, gaps=0)
    subject.pass_on([trade(), bar(0, closed=False), bar(0), bar(0), bar(3), trade(), bar(3, closed=False)])
    subject.pass_on([bar(1), bar(1), bar(5)])
    assert subject.stats == FilterStats(events=10, klines=8, closed_klines=3, duplicates=2, reopened=1, late_klines=1, gaps=2)


def test_other_kinds_pass_untouched_between_dropped_bars() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0)])
    assert subject.pass_on([trade(), bar(0), trade(), bar(1)]) == [trade(), trade(), bar(1)]


def test_the_memory_reaches_back_so_many_bars_and_no_further() -> None:
    assert REMEMBERED_BARS == 8
    subject = StreamFilter()
    subject.pass_on([bar(index) for index in range(REMEMBERED_BARS + 1)])
    oldest = bar(1, close=Decimal(99), event_time=bar(1).event_time + 1)
    assert list(subject.pass_on([oldest])) == [oldest], "the oldest remembered bar may still be restated"
    forgotten = bar(0, close=Decimal(99), event_time=bar(0).event_time + 1)
    assert list(subject.pass_on([forgotten])) == []
    assert subject.stats.late_klines == 1


def test_a_restatement_of_the_same_instant_passes() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0)])
    restated = bar(0, close=Decimal(99))
    assert list(subject.pass_on([restated])) == [restated]
    assert subject.stats.closed_klines == 1
    assert list(subject.pass_on([restated])) == []


def test_bars_from_the_epoch_on_are_bars() -> None:
    subject = StreamFilter()
    first = make_kline(STREAM, 0)
    subject.pass_on([first, make_kline(STREAM, 2 * MINUTE)])
    assert subject.take_holes() == [(STREAM, Span(MINUTE, 2 * MINUTE))]
    only = StreamFilter()
    only.pass_on([first])
    assert only.last_closed(STREAM) == 0
    assert only.hole_until(STREAM, 3 * MINUTE) == Span(MINUTE, 3 * MINUTE)


def test_an_open_bar_says_nothing_of_what_closed() -> None:
    subject = StreamFilter()
    subject.pass_on([bar(0, closed=False)])
    assert subject.last_closed(STREAM) is None
    assert subject.hole_until(STREAM, START_MS + 9 * MINUTE) is None


def test_kept_streams_are_remembered() -> None:
    subject = StreamFilter()
    other = kline_stream("ETH")
    subject.pass_on([bar(0), make_kline(other, START_MS)])
    subject.forget(iter([STREAM]))
    assert (subject.last_closed(STREAM), subject.last_closed(other)) == (START_MS, None)
