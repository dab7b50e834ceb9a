"""Laws of the shared words: periods, spans, instruments, stream names, envelopes."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.market import instrument

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.events import Gap, Kind, StreamId
from quantservice.core.instruments import MARKETS, InstrumentId
from quantservice.core.messages import GapChange, Message, envelope, heal_command
from quantservice.core.periods import (
    FIXED_MS,
    PERIODS,
    ceil_open,
    check_period,
    close_of,
    count_opens,
    floor_open,
    next_open,
    opens_between,
    period_ms,
)
from quantservice.core.spans import Span, intersect, merge, split, subtract, total_ms

periods = st.sampled_from(PERIODS)
times = st.integers(0, 4_102_444_800_000)  # 1970 to 2100
edges = st.integers(0, 200)
spans = st.builds(lambda start, length: Span(start, start + length), edges, st.integers(1, 60))
span_lists = st.lists(spans, max_size=12)


def points(items: list[Span]) -> set[int]:
    return {point for span in items for point in range(span.start_ms, span.end_ms)}


class TestPeriods:
    @given(periods, times)
    def test_a_time_lies_in_its_bar(self, period: str, time_ms: int) -> None:
        start = floor_open(period, time_ms)
        assert start <= time_ms < next_open(period, start)
        assert close_of(period, start) == next_open(period, start) - 1
        assert floor_open(period, start) == start

    @given(periods, times)
    def test_bars_follow_each_other_without_overlap(self, period: str, time_ms: int) -> None:
        start = floor_open(period, time_ms)
        after = next_open(period, start)
        assert floor_open(period, after - 1) == start
        assert floor_open(period, after) == after
        assert after - start >= period_ms(period)
        assert next_open(period, time_ms) == after

    @given(periods, times)
    def test_ceil_is_the_first_border_at_or_after(self, period: str, time_ms: int) -> None:
        border = ceil_open(period, time_ms)
        assert border >= time_ms
        assert floor_open(period, border) == border
        assert border == time_ms or floor_open(period, border - 1) < time_ms

    @given(st.sampled_from(["1d", "3d", "1w", "1mo"]), times)
    def test_borders_are_utc_midnights_in_summer_and_winter(self, period: str, time_ms: int) -> None:
        moment = dt.datetime.fromtimestamp(floor_open(period, time_ms) / 1000, tz=dt.UTC)
        assert (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
        if period == "1w":
            assert moment.weekday() == 0
        if period == "1mo":
            assert moment.day == 1

    @given(periods, times, st.integers(0, 400))
    def test_counting_is_listing(self, period: str, start: int, bars: int) -> None:
        end = start + bars * min(period_ms(period), 86_400_000)
        opens = list(opens_between(period, start, end))
        assert len(opens) == count_opens(period, start, end)
        assert all(start <= at < end and floor_open(period, at) == at for at in opens)
        assert all(next_open(period, left) == right for left, right in itertools.pairwise(opens))

    @given(st.sampled_from([("1m", "1h"), ("1h", "1d"), ("5m", "4h"), ("1d", "1w"), ("1d", "1mo"), ("1s", "1m")]), times)
    def test_long_bars_begin_and_end_with_short_ones(self, pair: tuple[str, str], time_ms: int) -> None:
        short, long = pair
        start = floor_open(long, time_ms)
        assert floor_open(short, start) == start
        assert close_of(short, next_open(long, start) - 1) == close_of(long, start)

    @given(st.text(max_size=5))
    def test_other_names_are_refused(self, name: str) -> None:
        assume(name not in PERIODS)
        with pytest.raises(UnknownName):
            check_period(name)

    def test_the_list_is_complete(self) -> None:
        assert PERIODS == ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1mo")
        assert list(FIXED_MS.values()) == sorted(FIXED_MS.values())


class TestSpans:
    @given(span_lists, span_lists)
    def test_they_are_sets(self, left: list[Span], right: list[Span]) -> None:
        assert points(merge(left)) == points(left)
        assert points(subtract(left, right)) == points(left) - points(right)
        assert points(intersect(left, right)) == points(left) & points(right)

    @given(span_lists, span_lists)
    def test_results_are_sorted_disjoint_and_apart(self, left: list[Span], right: list[Span]) -> None:
        for result in (merge(left), subtract(left, right), intersect(left, right)):
            assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(result))
            assert total_ms(result) == len(points(result))
        merged = merge(left)
        assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(merged))

    @given(span_lists, span_lists)
    def test_what_is_wanted_is_either_had_or_missing(self, wanted: list[Span], have: list[Span]) -> None:
        assert merge([*subtract(wanted, have), *intersect(wanted, have)]) == merge(wanted)
        assert intersect(subtract(wanted, have), have) == []

    @given(span_lists, st.randoms())
    def test_order_does_not_matter(self, items: list[Span], random: object) -> None:
        shuffled = items[:]
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
        assert merge(shuffled) == merge(items)

    @given(spans, st.integers(1, 70))
    def test_pieces_make_the_whole(self, span: Span, length: int) -> None:
        pieces = split(span, length)
        assert merge(pieces) == [span]
        assert all(piece.length_ms == length for piece in pieces[:-1])
        assert 0 < pieces[-1].length_ms <= length

    @given(spans, spans)
    def test_overlap_and_clip_agree(self, one: Span, other: Span) -> None:
        assert one.overlaps(other) == (one.clip(other) is not None) == bool(points([one]) & points([other]))

    @given(st.integers(0, 10), st.integers(0, 10))
    def test_empty_spans_cannot_be_made(self, end: int, more: int) -> None:
        with pytest.raises(InvalidValue):
            Span(end + more, end)


symbols = st.text("ABCXYZ0123456789测试-_", min_size=1, max_size=20)
names = st.builds(InstrumentId, st.sampled_from(["binance", "okx"]), st.sampled_from(MARKETS), symbols)
streams = st.one_of(
    st.builds(StreamId.kline, names, periods), st.builds(StreamId, names, st.sampled_from([k for k in Kind if k is not Kind.KLINE]))
)


class TestNames:
    @given(streams)
    def test_a_stream_s_name_reads_back(self, stream: StreamId) -> None:
        assert StreamId.parse(str(stream)) == stream
        assert InstrumentId.parse(str(stream.instrument)) == stream.instrument

    @given(streams, streams)
    def test_different_streams_have_different_names(self, one: StreamId, other: StreamId) -> None:
        assert (str(one) == str(other)) == (one == other)

    @given(st.text(max_size=60))
    def test_anything_else_is_refused_in_a_sentence(self, text: str) -> None:
        assume(text.count(":") < 2)
        for parse in (StreamId.parse, InstrumentId.parse):
            with pytest.raises(UserError, match=r".{20,}"):
                parse(text)

    @pytest.mark.parametrize(
        "text", ["binance:um:BTC:trade:1m", "binance:um:BTC:kline", "binance:um:BTC:kline:1x", "a:b:c:kline:1m"]
    )
    def test_nearly_right_is_wrong(self, text: str) -> None:
        with pytest.raises(UserError):
            StreamId.parse(text)


finite = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=9)
positive = st.decimals(min_value="1e-8", max_value=10**9, allow_nan=False, allow_infinity=False, places=8)
steps = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.001", "0.01", "0.25", "1", "5", "1000")])


class TestRounding:
    @given(finite, steps)
    def test_a_rounded_quantity_never_exposes_more(self, quantity: Decimal, lot: Decimal) -> None:
        rules = msgspec.structs.replace(instrument(), lot_size=lot)
        rounded = rules.round_quantity(quantity)
        assert abs(rounded) <= abs(quantity)
        assert abs(quantity) - abs(rounded) < lot
        assert rounded % lot == 0
        assert rounded == 0 or (rounded > 0) == (quantity > 0)
        assert rules.round_quantity(rounded) == rounded

    @given(positive, steps)
    def test_a_rounded_price_is_never_worse_for_its_side(self, price: Decimal, tick: Decimal) -> None:
        rules = msgspec.structs.replace(instrument(), tick_size=tick)
        buy, sell, near = rules.round_price(price, "buy"), rules.round_price(price, "sell"), rules.round_price(price)
        assert buy <= price <= sell
        assert sell - buy in (0, tick)
        assert near in (buy, sell)
        assert abs(near - price) <= tick / 2

    @given(st.floats(min_value=1e-6, max_value=1e9))
    def test_a_float_means_what_it_prints(self, price: float) -> None:
        assert instrument().round_price(price) == instrument().round_price(Decimal(repr(price)))

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), Decimal("-Infinity"), "NaN"])
    def test_what_is_no_number_is_refused(self, bad: float | Decimal | str) -> None:
        with pytest.raises(InvalidValue):
            instrument().round_quantity(bad)


class TestEnvelope:
    @given(streams.filter(lambda stream: bool(stream.period)), spans, st.text(max_size=30))
    def test_every_envelope_is_json_and_keeps_its_ids(self, stream: StreamId, span: Span, detail: str) -> None:
        gap = Gap(stream=stream, span=span, missing=1, found_ns=1)
        first = heal_command(str(stream), span)
        second = first.caused(topic="gap", data=GapChange(gap=gap, state="found", detail=detail), event_type="gap.found")
        third = second.caused(topic="gap", data=GapChange(gap=gap, state="healed"), event_type="gap.healed")
        sent = json.loads(msgspec.json.encode(envelope(third)))
        assert set(sent) == {"event_id", "event_type", "timestamp", "correlation_id", "causation_id", "version", "data"}
        assert sent["correlation_id"] == first.event_id
        assert sent["causation_id"] == second.event_id
        assert sent["data"]["gap"]["span"] == {"start_ms": span.start_ms, "end_ms": span.end_ms}
        assert isinstance(sent["timestamp"], int)

    @given(st.integers(2, 50))
    def test_ids_are_never_given_twice(self, count: int) -> None:
        assert len({Message(topic="t", data=None).event_id for _ in range(count)}) == count
