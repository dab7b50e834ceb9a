"""What every venue adapter must do, run over each of them against the exchange simulator with its referee as the judge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.support.feeds import ccxt_on, htx_on, okx_on, simulated, venue_on
from tests.support.transport import Collected, until

from quantservice.core.errors import QuantServiceError, UnknownName
from quantservice.core.events import FeedStatus, Kind, Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import HOUR_MS, MINUTE_MS
from quantservice.core.spans import Span
from quantservice.core.validation import kline_fault
from quantservice.ports import Venue
from quantservice.simulator.htx.config import HtxConfig
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.server import Simulator


@dataclass
class Subject:
    """One adapter under test, and the venue it talks to."""

    venue: Venue
    simulator: Simulator

    async def kline_streams(self, count: int, period: str = "1m") -> list[StreamId]:
        listed = [item for item in await self.venue.history.instruments() if item.status == "trading"]
        return [StreamId.kline(item.id, period) for item in listed[:count]]


Make = Callable[[], AbstractAsyncContextManager[Subject]]


def binance(market: str) -> Make:
    @asynccontextmanager
    async def make() -> AsyncIterator[Subject]:
        async with simulated() as simulator, venue_on(simulator, market) as venue:
            yield Subject(venue, simulator)

    return make


def okx(market: str) -> Make:
    @asynccontextmanager
    async def make() -> AsyncIterator[Subject]:
        async with simulated(symbols={}, okx=OkxConfig(kline_ms=100)) as simulator, okx_on(simulator, market) as venue:
            yield Subject(venue, simulator)

    return make


def htx(market: str) -> Make:
    @asynccontextmanager
    async def make() -> AsyncIterator[Subject]:
        async with simulated(htx=HtxConfig(kline_ms=100)) as simulator, htx_on(simulator, market) as venue:
            yield Subject(venue, simulator)

    return make


def ccxt(exchange: str, market: str) -> Make:
    @asynccontextmanager
    async def make() -> AsyncIterator[Subject]:
        okx = OkxConfig(kline_ms=100) if exchange == "okx" else None
        async with simulated(okx=okx) as simulator, ccxt_on(simulator, exchange, market) as venue:
            yield Subject(venue, simulator)

    return make


ADAPTERS: dict[str, Make] = {
    **{f"binance-{market}": binance(market) for market in ("spot", "um", "cm")},
    **{f"okx-{market}": okx(market) for market in ("spot", "um")},
    **{f"htx-{market}": htx(market) for market in ("spot", "um")},
    "ccxt-binance-spot": ccxt("binance", "spot"),
    "ccxt-binance-um": ccxt("binanceusdm", "um"),
    "ccxt-okx-um": ccxt("okx", "um"),
}


@pytest.fixture(params=list(ADAPTERS))
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with ADAPTERS[request.param]() as made:
        yield made
        report = made.simulator.report()
        assert report["violations"] == {}
        assert not any(status.endswith((".429", ".418")) for status in report["statuses"])


async def test_instruments_carry_full_names_and_sound_rules(subject: Subject) -> None:
    instruments = await subject.venue.history.instruments()
    assert instruments
    assert len({item.id for item in instruments}) == len(instruments)
    for item in instruments:
        assert (item.id.venue, item.id.market) == (subject.venue.name, subject.venue.market)
        assert InstrumentId.parse(str(item.id)) == item.id
        assert item.tick_size > 0
        assert item.lot_size > 0
        assert item.contract_size > 0


async def test_the_venues_clock(subject: Subject) -> None:
    told = await subject.venue.history.server_time_ms()
    assert abs(told - subject.simulator.clock.now_ms()) < 2 * MINUTE_MS


@pytest.mark.parametrize(("period", "count"), [("1m", 1_700), ("1h", 600)])
async def test_klines_come_newest_page_first_closed_whole_and_once(subject: Subject, period: str, count: int) -> None:
    [stream] = await subject.kline_streams(1, period)
    length = MINUTE_MS if period == "1m" else HOUR_MS
    end_ms = subject.simulator.clock.now_ms() // length * length
    span = Span(end_ms - count * length, end_ms)
    pages = [page async for page in subject.venue.history.klines(stream, span)]
    firsts = [page[0].open_time for page in pages]
    assert firsts == sorted(firsts, reverse=True)
    klines = [kline for page in reversed(pages) for kline in page]
    assert [kline.open_time for kline in klines] == list(range(span.start_ms, span.end_ms, length))
    for kline in klines:
        assert kline.closed
        assert kline.stream == stream
        assert kline.source is Source.REST
        assert kline_fault(kline) is None
        assert isinstance(kline.open, Decimal)


async def test_the_bar_that_still_runs_is_not_history(subject: Subject) -> None:
    [stream] = await subject.kline_streams(1, "1h")
    now_ms = await subject.venue.history.server_time_ms()
    pages = [page async for page in subject.venue.history.klines(stream, Span(now_ms - 3 * HOUR_MS, now_ms + HOUR_MS))]
    klines = [kline for page in pages for kline in page]
    assert klines
    assert all(kline.close_time < subject.simulator.clock.now_ms() for kline in klines)


async def test_before_the_listing_there_is_nothing_and_little_is_asked(subject: Subject) -> None:
    [stream] = await subject.kline_streams(1, "1h")
    first_ms = await subject.venue.history.first_kline_ms(stream)
    assert first_ms is not None
    before = sum(subject.simulator.report()["requests"].values())
    span = Span(first_ms - 30_000 * HOUR_MS, first_ms + 2 * HOUR_MS)
    klines = [kline async for page in subject.venue.history.klines(stream, span) for kline in page]
    assert [kline.open_time for kline in klines] == [first_ms, first_ms + HOUR_MS]
    assert sum(subject.simulator.report()["requests"].values()) - before < 12


async def test_other_kinds_as_supported(subject: Subject) -> None:
    history = subject.venue.history
    instrument = (await history.instruments())[0].id
    end_ms = subject.simulator.clock.now_ms()
    tickers = await history.tickers()
    assert {ticker.stream.kind for ticker in tickers} == {Kind.TICKER}
    assert instrument in {ticker.stream.instrument for ticker in tickers}
    if history.supports(Kind.FUNDING):
        span = Span(end_ms - 10 * 24 * HOUR_MS, end_ms)
        rates = await history.funding(instrument, span)
        assert len(rates) >= 28
        assert [rate.time for rate in rates] == sorted({rate.time for rate in rates})
        assert all(span.contains(rate.time) for rate in rates)
    if history.supports(Kind.OPEN_INTEREST):
        interest = await history.open_interest(instrument)
        assert interest is not None
        assert interest.open_interest > 0
    else:
        assert await history.open_interest(instrument) is None


async def test_an_unknown_symbol_is_named_with_the_nearest(subject: Subject) -> None:
    gone = InstrumentId(subject.venue.name, subject.venue.market, "NOPE-USDT")
    with pytest.raises(UnknownName) as caught:
        await subject.venue.history.first_kline_ms(StreamId.kline(gone, "1m"))
    assert caught.value.field == "symbol"


async def test_a_foreign_instrument_is_refused(subject: Subject) -> None:
    with pytest.raises(QuantServiceError):
        await subject.venue.history.first_kline_ms(StreamId.kline(InstrumentId("other", "spot", "BTC-USDT"), "1m"))


async def test_the_feed_brings_closed_bars_that_equal_history(subject: Subject) -> None:
    streams = await subject.kline_streams(3)
    async with Collected(subject.venue.feed) as got:
        await subject.venue.feed.update(streams)
        await until(lambda: len({kline.stream for kline in got.klines(closed=True)}) == 3, what="a bar of each closed")
        live = {(kline.stream, kline.open_time): kline for kline in got.klines(closed=True)}
        for (stream, open_ms), kline in live.items():
            assert kline.source is Source.WS
            assert kline.recv_ns > 0
            span = Span(open_ms, open_ms + MINUTE_MS)
            await subject.venue.history.server_time_ms()
            past = [item async for page in subject.venue.history.klines(stream, span) for item in page]
            assert [item.values for item in past] == [kline.values]


async def test_the_feeds_state_comes_in_line_and_can_travel(subject: Subject) -> None:
    streams = await subject.kline_streams(2)
    async with Collected(subject.venue.feed) as got:
        await subject.venue.feed.update(streams)
        await until(lambda: "live" in got.states())
        status = next(item for item in got.statuses if item.state == "live")
        assert isinstance(status, FeedStatus)
        assert (status.venue, status.market) == (subject.venue.name, subject.venue.market)
        assert set(status.streams) == set(streams)
        assert status.time_ns > 0


async def test_closing_ends_the_iteration_and_is_safe_twice(subject: Subject) -> None:
    await subject.venue.feed.update(await subject.kline_streams(1))
    ended: list[bool] = []

    async def drain() -> None:
        async for _ in subject.venue.feed.events():
            pass
        ended.append(True)

    import asyncio

    task = asyncio.create_task(drain())
    await asyncio.sleep(0)
    await subject.venue.close()
    await asyncio.wait_for(task, 5)
    assert ended == [True]
    await subject.venue.close()


async def test_usage_is_ready_for_json_and_holds_no_secret(subject: Subject) -> None:
    import json

    await subject.venue.history.server_time_ms()
    usage = subject.venue.usage()
    assert "weight" in json.dumps(usage)
