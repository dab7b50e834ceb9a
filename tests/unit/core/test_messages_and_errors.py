"""What errors say, what messages carry, and the sealed figures of the vocabulary."""

from __future__ import annotations

import os

import msgspec
import pytest
from tests.support.market import batch, kline, kline_stream

from quantservice.core.errors import (
    InvalidValue,
    MalformedFrame,
    RateLimited,
    Refused,
    UnknownName,
    VenueUnreachable,
    nearest,
)
from quantservice.core.events import (
    BookDelta,
    BookSnapshot,
    FundingRate,
    Kind,
    Kline,
    MarkPrice,
    OpenInterest,
    Quote,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.messages import Command, Message, Topic, envelope, heal_command, new_event_id
from quantservice.core.periods import (
    DAY_MS,
    FIXED_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    WEEK_MS,
    ceil_open,
    count_opens,
    next_open,
    opens_between,
    period_ms,
)
from quantservice.core.spans import Span, intersect, merge, split, subtract

OPTIONAL = ("closed", "source", "synthetic", "event_time", "recv_ns")


class TestErrors:
    def test_a_near_miss_names_what_was_meant(self) -> None:
        error = UnknownName("period", "1M", ["1m", "5m", "1h"], hint="see the list")
        assert str(error) == "unknown period '1M'; did you mean: 1m. see the list"
        assert (error.field, error.value, error.valid, error.nearest) == ("period", "1M", ("1m", "5m", "1h"), ("1m",))

    def test_a_far_miss_lists_the_first_twenty(self) -> None:
        error = UnknownName("kind", "zzz", (f"name{number}" for number in range(30)))
        assert str(error).startswith("unknown kind 'zzz'; known are: name0, ")
        assert str(error).endswith(", name19")
        assert str(UnknownName("kind", "zzz", [])) == "unknown kind 'zzz'"

    def test_nearest_ignores_case_and_gives_at_most_three(self) -> None:
        names = ["BTCUSDT", "BTCUSDC", "BTCBUSD", "BTCUSD", "ETHUSDT"]
        found = nearest("btcusdt", names)
        assert found[0] == "BTCUSDT"
        assert len(found) == 3
        assert nearest("btcusdt", names, most=1) == ("BTCUSDT",)
        assert nearest("xyz", names) == ()

    def test_each_error_carries_what_its_handler_needs(self) -> None:
        limited = RateLimited("slow down", retry_at_ns=5, venue="binance", market="um")
        assert (limited.retry_at_ns, limited.banned, limited.venue, limited.market, str(limited)) == (
            5,
            False,
            "binance",
            "um",
            "slow down",
        )
        assert RateLimited("banned", retry_at_ns=5, banned=True).banned
        refused = Refused("no", code=-1121, status=400, venue="binance", market="cm")
        assert (refused.code, refused.status, refused.venue, refused.market) == (-1121, 400, "binance", "cm")
        away = VenueUnreachable("no route", cause="dns", venue="v", market="m")
        assert (away.cause, away.venue, away.market) == ("dns", "v", "m")
        frame = MalformedFrame("bad_json", venue="v", market="m")
        assert (frame.reason, str(frame), frame.venue, frame.market) == ("bad_json", "bad_json", "v", "m")
        bad = InvalidValue("limit", "must be positive")
        assert (bad.field, bad.reason, str(bad)) == ("limit", "must be positive", "limit: must be positive")


class TestMessages:
    def test_ids_grow_within_a_process(self) -> None:
        boot, first = new_event_id().split("-")
        again, second = new_event_id().split("-")
        assert boot == again
        assert len(boot) == 12
        assert int(second, 16) == int(first, 16) + 1

    def test_a_batch_weighs_its_events_and_anything_else_one(self) -> None:
        assert batch(kline(0), kline(1), kline(2)).weight == 3
        assert heal_command("x", Span(0, 1)).weight == 1

    def test_what_a_message_leads_to_carries_its_ids_on(self) -> None:
        first = Message(topic=Topic.COMMAND, data=None)
        second = first.caused(topic=Topic.GAP, data=None, event_type="gap.found", key="k")
        third = second.caused(topic=Topic.GAP, data=None, event_type="gap.healed")
        assert (second.correlation_id, second.causation_id, second.key) == (first.event_id, first.event_id, "k")
        assert (third.correlation_id, third.causation_id, third.key) == (first.event_id, second.event_id, "")
        assert (second.topic, second.event_type) == (Topic.GAP, "gap.found")

    def test_the_envelope_tells_milliseconds_and_its_version(self) -> None:
        sent = envelope(Message(topic="t", data=Command(id="c", name="n"), event_type="e", timestamp_ns=1_740_787_200_123_999_999))
        assert sent["timestamp"] == 1_740_787_200_123
        assert sent["version"] == 1
        assert sent["correlation_id"] == sent["event_id"]
        assert (sent["event_type"], sent["causation_id"], sent["data"]) == ("e", "", {"id": "c", "name": "n", "arguments": {}})

    def test_a_heal_command_names_its_range_and_keeps_a_given_id(self) -> None:
        message = heal_command("binance:um:X:kline:1m", Span(5, 9), command_id="mine")
        assert (message.topic, message.event_type, message.key) == (Topic.COMMAND, "gap.heal", "binance:um:X:kline:1m")
        assert message.data == Command(
            id="mine", name="gap.heal", arguments={"stream": "binance:um:X:kline:1m", "start_ms": 5, "end_ms": 9}
        )
        assert heal_command("x", Span(5, 9)).data.id


class TestStreams:
    def test_the_parts_of_a_name(self) -> None:
        stream = StreamId.parse("binance:um:BTC-USDT-PERP:kline:1m")
        assert (str(stream.instrument), stream.kind, stream.period) == ("binance:um:BTC-USDT-PERP", Kind.KLINE, "1m")
        assert kline(0).instrument == kline_stream().instrument

    def test_every_value_counts_in_the_comparison_of_klines(self) -> None:
        one = kline(0)
        assert one.values == (one.close_time, one.open, one.high, one.low, one.close, one.volume, one.quote_volume, one.count,
                              one.taker_buy_base_volume, one.taker_buy_quote_volume)  # fmt: skip

    def test_what_is_not_said_is_zero_false_or_none(self) -> None:
        price = kline(0).close
        trades, quotes, marks = (StreamId(kline_stream().instrument, kind) for kind in (Kind.TRADE, Kind.QUOTE, Kind.MARK_PRICE))
        trade = Trade(stream=trades, trade_id=1, price=price, quantity=price, time=1, buyer_is_maker=True)
        assert (trade.first_id, trade.last_id, trade.aggregate, trade.source, trade.event_time, trade.recv_ns) == (
            *(0, 0, False),
            *(Source.WS, 0, 0),
        )
        quote = Quote(stream=quotes, update_id=1, bid_price=price, bid_quantity=price, ask_price=price, ask_quantity=price)
        assert (quote.time, quote.source, quote.recv_ns) == (0, Source.WS, 0)
        mark = MarkPrice(stream=marks, time=1, mark_price=price)
        assert (mark.index_price, mark.funding_rate, mark.next_funding_time, mark.recv_ns) == (None, None, 0, 0)
        rate = FundingRate(stream=marks, time=1, rate=price)
        assert (rate.mark_price, rate.source, rate.recv_ns) == (None, Source.REST, 0)
        interest = OpenInterest(stream=marks, time=1, open_interest=price)
        assert (interest.source, interest.recv_ns) == (Source.REST, 0)
        ticker = Ticker(
            stream=marks,
            time=1,
            last_price=price,
            open_price=price,
            high_price=price,
            low_price=price,
            volume=price,
            quote_volume=price,
        )
        assert (ticker.count, ticker.source, ticker.recv_ns) == (0, Source.REST, 0)
        book = BookSnapshot(stream=quotes, update_id=1, bids=(), asks=())
        change = BookDelta(stream=quotes, first_id=1, last_id=1, bids=(), asks=())
        assert (book.time, book.source, book.recv_ns) == (0, Source.WS, 0)
        assert (change.prev_id, change.time, change.source, change.recv_ns) == (0, 0, Source.WS, 0)
        bar = msgspec.convert(
            {name: getattr(kline(0), name) for name in Kline.__struct_fields__ if name not in OPTIONAL}
            | {"stream": kline_stream()},
            Kline,
        )
        assert [getattr(bar, name) for name in OPTIONAL] == [True, Source.WS, False, 0, 0]
        assert all(hash(item) == hash(msgspec.structs.replace(item)) for item in (trade, quote, book, change))

    @pytest.mark.parametrize("text", ["a:b:c", "binance:um:X:trade:1m", "binance:um:X:nothing", "binance:um:X:kline:1m:x"])
    def test_what_is_no_stream(self, text: str) -> None:
        with pytest.raises((InvalidValue, UnknownName)):
            StreamId.parse(text)


class TestTimes:
    def test_lengths(self) -> None:
        assert (SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS, WEEK_MS) == (1_000, 60_000, 3_600_000, 86_400_000, 604_800_000)
        units = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
        assert {name: int(name[:-1]) * units[name[-1]] for name in FIXED_MS} == FIXED_MS
        assert period_ms("1mo") == 28 * DAY_MS

    def test_months_over_the_turn_of_the_year(self) -> None:
        november, december, january = 1_730_419_200_000, 1_733_011_200_000, 1_735_689_600_000
        assert next_open("1mo", november) == december
        assert next_open("1mo", december + 5) == january
        assert ceil_open("1mo", november + 1) == december
        assert opens_between("1mo", november, january) == [november, december]
        assert opens_between("1mo", november + 1, january + 1) == [december, january]
        assert count_opens("1mo", november, january) == 2

    def test_weeks_open_on_monday(self) -> None:
        monday = 1_740_960_000_000
        assert opens_between("1w", monday - 1, monday + WEEK_MS) == range(monday, monday + WEEK_MS, WEEK_MS)
        assert ceil_open("1w", monday + 1) == monday + WEEK_MS


class TestSpans:
    def test_borders_belong_to_the_later_span(self) -> None:
        span = Span(10, 20)
        assert [span.contains(at) for at in (9, 10, 19, 20)] == [False, True, True, False]
        assert not span.overlaps(Span(20, 30))
        assert not span.overlaps(Span(5, 10))
        assert span.overlaps(Span(19, 30))
        assert span.clip(Span(20, 30)) is None
        assert span.clip(Span(15, 30)) == Span(15, 20)
        assert span.length_ms == 10

    def test_results_hold_no_pieces_that_touch(self) -> None:
        assert merge([Span(5, 10), Span(0, 5), Span(11, 12)]) == [Span(0, 10), Span(11, 12)]
        assert subtract([Span(0, 10), Span(10, 20)], [Span(5, 15)]) == [Span(0, 5), Span(15, 20)]
        assert subtract([Span(0, 10)], []) == [Span(0, 10)]
        assert intersect([Span(0, 10), Span(20, 30)], [Span(5, 25)]) == [Span(5, 10), Span(20, 25)]

    def test_a_split_by_nothing_is_refused(self) -> None:
        assert split(Span(0, 7), 3) == [Span(0, 3), Span(3, 6), Span(6, 7)]
        assert split(Span(0, 2), 1) == [Span(0, 1), Span(1, 2)]
        with pytest.raises(InvalidValue, match="length_ms"):
            split(Span(0, 7), 0)


def test_a_forked_child_makes_ids_of_its_own() -> None:
    """It would write the same keys into the same outbox as its parent."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{new_event_id()} {new_event_id()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    of_the_child = os.read(reading, 1_000).decode().split()
    for end in (reading, writing):
        os.close(end)
    ids = [*of_the_child, new_event_id(), new_event_id()]
    assert len(set(ids)) == 4
    boots = [name.partition("-")[0] for name in ids]
    assert boots[0] == boots[1] != boots[2] == boots[3]
