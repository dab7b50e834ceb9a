"""The page's replica: what the bus said, folded."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.market import batch, kline, kline_stream

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.events import FeedStatus, Gap, Kind, Kline, StreamId, Ticker
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import GapChange, JobChange, Message, StoredBatch, SystemEvent, Topic, heal_command
from quantservice.core.spans import Span
from quantservice.web.projections import CommandLife, GapLife, Projections


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def replica(clock: ManualClock) -> Projections:
    return Projections(MemoryBus(), clock)


def gap_message(state: str, *, start_ms: int = START_MS, rows: int = 0, correlation_id: str = "") -> Message:
    gap = Gap(stream=kline_stream(), span=Span(start_ms, start_ms + 300_000), missing=5, found_ns=START_MS * 1_000_000)
    change = GapChange(gap=gap, state=state, rows=rows)
    return Message(topic=Topic.GAP, event_type=f"gap.{state}", data=change, correlation_id=correlation_id)


def test_the_newest_kline_wins_and_a_late_frame_never_turns_the_page_back(replica: Projections) -> None:
    replica.fold(batch(kline(1, closed=False, close="101"), kline(0, closed=True, close="99")))
    assert replica.latest[kline_stream()].close == Decimal("101")
    replica.fold(batch(kline(1, closed=True, close="102")))
    replica.fold(batch(kline(1, closed=False, close="103")))
    assert replica.latest[kline_stream()].closed
    assert replica.latest[kline_stream()].close == Decimal("102")


def test_events_are_counted_per_second_over_ten_seconds(replica: Projections, clock: ManualClock) -> None:
    second = int(clock.monotonic())  # of the machine, whatever the market's clock shows
    replica.fold(batch(*(kline(index, closed=False) for index in range(50))))
    replica.fold(batch(kline(1), topic=Topic.MARKET_HISTORY))
    assert replica.rates.per_second("live", second + 1) == 5.0
    assert replica.rates.per_second("live", second + 12) == 0.0
    assert replica.totals() == {"live": 50, "klines": 50, "history": 1, "stored": 0, "revised": 0}


def test_a_ticker_gives_the_change_of_the_day(replica: Projections) -> None:
    name = kline_stream().instrument
    ticker = Ticker(
        stream=StreamId(name, Kind.TICKER),
        time=START_MS,
        last_price=Decimal(110),
        open_price=Decimal(100),
        high_price=Decimal(120),
        low_price=Decimal(90),
        volume=Decimal(5),
        quote_volume=Decimal(500),
    )
    replica.fold(batch(ticker))  # type: ignore[arg-type] # the helper takes any event
    assert replica.prices[name].change_percent == 10.0
    later = msgspec.structs.replace(kline(0, close="90"), event_time=START_MS + 1)
    replica.fold(batch(later))
    assert replica.prices[name].change_percent == -10.0


def test_a_gap_lives_from_found_to_healed(replica: Projections) -> None:
    replica.fold(gap_message("found"))
    assert (replica.gaps_open(), replica.healed) == (1, 0)
    replica.fold(gap_message("healing"))
    replica.fold(gap_message("healed", rows=5))
    assert (replica.gaps_open(), replica.healed) == (0, 1)
    (gap,) = replica.gaps.values()
    assert (gap.change.state, gap.change.rows, gap.found_ms) == ("healed", 5, START_MS)


def test_old_gaps_go_first_when_there_are_too_many_and_open_ones_stay(replica: Projections) -> None:
    replica.fold(gap_message("failed", start_ms=START_MS))
    for index in range(1, 2_002):
        replica.fold(gap_message("healed", start_ms=START_MS + index * 600_000))
    assert len(replica.gaps) == 2_000
    assert replica.gaps_open() == 1


def test_a_command_is_answered_by_its_own_fact(replica: Projections) -> None:
    message = heal_command(str(kline_stream()), Span(START_MS, START_MS + 60_000), command_id="c1")
    life = CommandLife("c1", message.event_id, kline_stream(), Span(START_MS, START_MS + 60_000))
    replica.expect(life)
    replica.fold(gap_message("healed", start_ms=START_MS + 3_600_000, rows=9))
    assert life.state == "accepted"
    assert not life.done.is_set()
    replica.fold(gap_message("healing", correlation_id=message.event_id))
    assert life.state == "healing"
    assert not life.done.is_set()
    replica.fold(gap_message("healed", rows=5, correlation_id=message.event_id))
    assert (life.state, life.rows, life.done.is_set()) == ("healed", 5, True)


def test_connections_come_change_and_go(replica: Projections) -> None:
    def status(state: str, *streams: StreamId) -> Message:
        data = FeedStatus(venue="binance", market="um", connection="one", state=state, time_ns=1, streams=streams)
        return Message(topic=Topic.FEED_STATUS, data=data)

    both = (kline_stream("BTC"), kline_stream("ETH"))
    replica.fold(status("live", *both))
    assert replica.stream_states() == {"live": 2}
    replica.fold(status("stale", both[0]))
    assert replica.stream_states() == {"stale": 1, "live": 1}
    assert [feed.state for feed in replica.feeds.values()] == ["live"]
    replica.fold(status("down"))
    assert [(feed.state, len(feed.streams)) for feed in replica.feeds.values()] == [("down", 2)]
    assert replica.stream_states() == {"down": 2}
    replica.fold(status("stopped"))
    assert not replica.feeds


def test_revisions_and_system_events_are_remembered(replica: Projections) -> None:
    replica.fold(Message(topic=Topic.MARKET_STORED, data=StoredBatch(new=[kline(0)], revised=[(kline(1), 1)])))
    replica.fold(Message(topic=Topic.SYSTEM, data=SystemEvent(name="service.restarted", level="warning")))
    assert [(item.open_time, number) for item, number in replica.revisions] == [(kline(1).open_time, 1)]
    assert replica.totals()["stored"] == 2
    assert replica.events[0][1].name == "service.restarted"


def test_watchers_hear_every_change(replica: Projections) -> None:
    heard: list[str] = []

    class Ear:
        def kline_changed(self, kline: Kline) -> None:
            heard.append("kline")

        def price_changed(self, instrument: InstrumentId) -> None:
            heard.append("price")

        def feed_changed(self, status: FeedStatus) -> None:
            heard.append("feed")

        def gap_changed(self, gap: GapLife) -> None:
            heard.append("gap")

        def klines_revised(self, revised: Iterable[tuple[Kline, int]]) -> None:
            heard.append("revised")

        def system_changed(self, event: tuple[int, SystemEvent]) -> None:
            heard.append("system")

        def job_changed(self, change: JobChange) -> None:
            heard.append("job")

    replica.watch(Ear())
    replica.fold(batch(kline(0)))
    replica.fold(gap_message("found"))
    replica.fold(Message(topic=Topic.MARKET_STORED, data=StoredBatch(revised=[(kline(1), 1)])))
    replica.fold(Message(topic=Topic.SYSTEM, data=SystemEvent(name="started")))
    replica.fold(Message(topic=Topic.FEED_STATUS, data=FeedStatus(venue="b", market="um", connection="c", state="live", time_ns=1)))
    replica.fold(Message(topic=Topic.JOB, data=JobChange(job_id="j", kind="sweep", state="running")))
    assert heard == ["price", "kline", "gap", "revised", "system", "feed", "job"]
