"""MD1, MD2, MD10, MD12: connections that go silent, are cut, are announced to end, or cannot be made."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from aiohttp import web
from tests.support.feeds import quick, simulated, venue_on
from tests.support.transport import Collected, fake_venue, kline_frame, um_stream, until

from quantservice.core.events import Kind, StreamId
from quantservice.simulator.server import Simulator

MINUTE_MS = 60_000


async def listed(venue: object, count: int, *, period: str = "1m") -> list[StreamId]:
    instruments = await venue.history.instruments()  # type: ignore[attr-defined]  # a BinanceVenue
    return [StreamId.kline(item.id, period) for item in instruments[:count]]


def missing_closes(collected: Collected, streams: list[StreamId]) -> int:
    """Closed klines that should lie between the first and the last of each stream and do not."""
    missing = 0
    for stream in streams:
        opens = {kline.open_time for kline in collected.klines(closed=True) if kline.stream == stream}
        assert opens, f"no closed kline of {stream}"
        missing += (max(opens) - min(opens)) // MINUTE_MS + 1 - len(opens)
    return missing


def is_back(got: Collected, lost: int) -> bool:
    return got.states().count("down") > lost and got.states()[-1] == "live"


def obeyed(simulator: Simulator) -> None:
    assert simulator.report()["violations"] == {}


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
async def test_md1_a_mute_socket_is_found_and_replaced(market: str) -> None:
    async with simulated() as simulator, venue_on(simulator, market) as venue, Collected(venue.feed) as got:
        streams = await listed(venue, 4)
        await venue.feed.update(streams)
        await until(lambda: len({kline.stream for kline in got.klines()}) == 4, what="all streams speak")
        simulator.add_fault({"kind": "mute", "market": market})
        began = time.monotonic()
        await until(lambda: "stale" in got.states(), what="the silence is seen")
        await until(lambda: got.states()[-1] == "live", what="the connection is back")
        back = time.monotonic() - began
        before = len(got.klines())
        await until(lambda: len(got.klines()) > before + 4, what="klines flow again")
        stale = next(status for status in got.statuses if status.state == "stale")
        assert set(stale.streams) == set(streams), "everyone on the connection is told"
        assert "no frame for" in stale.detail
        assert back < 10.0
        assert [state for state in got.states() if state != "connecting"] == ["live", "stale", "down", "live"]
        obeyed(simulator)


async def test_md2_an_announced_shutdown_loses_no_bar_and_doubles_are_absorbed() -> None:
    notice = {"shutdown_notice_s": 1.5}
    async with simulated(limits=notice) as simulator, venue_on(simulator) as venue, Collected(venue.feed) as got:
        instruments = await venue.history.instruments()
        streams = [StreamId.kline(item.id, "1m") for item in instruments[:5]]
        trades = [StreamId(item.id, Kind.TRADE) for item in instruments[:2]]
        await venue.feed.update([*streams, *trades])
        await until(lambda: len({kline.stream for kline in got.klines(closed=True)}) == 5, what="a bar of each closed")
        simulator.add_fault({"kind": "shutdown", "market": "um"})
        await until(lambda: venue.feed.stats()["connections"][0]["rotations"] == 1, what="the second connection took over")
        closes = len(got.klines(closed=True))
        await until(lambda: len(got.klines(closed=True)) >= closes + 10, what="two more bars of each")
        assert missing_closes(got, streams) == 0
        assert "down" not in got.states(), "the second connection must be live before the first dies"
        ids = [event.trade_id for event in got.events if event.kind is Kind.TRADE and event.stream == trades[0]]
        assert len(ids) == len(set(ids)), "a trade came twice"
        obeyed(simulator)


async def test_md2_a_connection_is_replaced_before_its_24_hours_are_over() -> None:
    settings = quick(ws={"life_s": 1.5, "lead_s": 0.5})
    async with simulated() as simulator, venue_on(simulator, settings=settings) as venue, Collected(venue.feed) as got:
        streams = await listed(venue, 5)
        await venue.feed.update(streams)
        await until(lambda: venue.feed.stats()["connections"][0]["rotations"] >= 3, what="three changes")
        assert missing_closes(got, streams) == 0
        assert {"down", "stale"} & set(got.states()) == set()
        obeyed(simulator)


async def test_a_cut_is_followed_by_a_reconnect_of_all_streams() -> None:
    async with simulated() as simulator, venue_on(simulator) as venue, Collected(venue.feed) as got:
        streams = await listed(venue, 6)
        await venue.feed.update(streams)
        await until(got.klines, what="it speaks")
        for _ in range(3):
            lost = got.states().count("down")
            simulator.add_fault({"kind": "cut", "market": "um", "count": 1})
            await until(partial(is_back, got, lost), what="it is back")
        before = len(got.events)
        await until(lambda: len({event.stream for event in got.events[before:]}) == 6, what="every stream is back")
        obeyed(simulator)


async def test_md10_one_silent_stream_is_found_and_only_it_is_asked_for_again() -> None:
    symbols = tuple(f"S{number}" for number in range(12))
    async with fake_venue(symbols=symbols) as fake, venue_on(fake) as venue, Collected(venue.feed) as got:
        lost = "s7usdt@kline_1m"
        fake.ignore_names = {lost}
        await venue.feed.update([um_stream(symbol) for symbol in symbols])
        await until(lambda: len(fake.names()) == 11, what="all but one run")
        first = fake.open_peers[0]

        async def speak() -> None:
            number = 0
            while True:
                number += 1
                for symbol in symbols:
                    await fake.push(kline_frame(f"{symbol}USDT", 1_700_000_040_000, closed=False, event_ms=number))
                await asyncio.sleep(0.05)

        speaking = asyncio.create_task(speak())
        try:
            await until(lambda: lost in fake.names(), what="it was asked for again")
            await until(lambda: got.states()[-1] == "live" and got.statuses[-1].streams == (um_stream("S7"),), what="said live")
        finally:
            speaking.cancel()
        stale = [status for status in got.statuses if status.state == "stale"]
        assert [status.streams for status in stale] == [(um_stream("S7"),)]
        assert len(fake.connects) == 1, "the connection stayed"
        asked = [message for _, message in first.messages[1:]]
        assert all(lost in message and message.count("@kline") == 1 for message in asked), asked
        assert len(asked) == 2, "one UNSUBSCRIBE and one SUBSCRIBE"


async def test_md12_a_retired_url_names_its_cause_and_the_next_host_is_tried() -> None:
    async with fake_venue() as gone, fake_venue() as fake:
        gone.refuse_ws = lambda: web.Response(status=404, text="not found")
        endpoints = fake.endpoints
        ws = {**endpoints.ws, "um": (f"ws://127.0.0.1:{gone.port}", *endpoints.ws["um"])}
        fake_two = type("Two", (), {"endpoints": type(endpoints)(rest=endpoints.rest, ws=ws)})()
        async with venue_on(fake_two) as venue, Collected(venue.feed) as got:
            await venue.feed.update([um_stream("AAA")])
            await until(lambda: "live" in got.states(), what="the second host serves")
            detail = next(status.detail for status in got.statuses if status.state == "down")
            assert "does not exist (HTTP 404)" in detail
            assert "ws_url" in detail


@pytest.mark.parametrize(
    ("url", "words"),
    [("ws://no-such-host.invalid", "cannot be resolved"), ("ws://127.0.0.1:9", "refuses connections")],
)
async def test_md12_no_connection_is_said_once_with_its_cause(url: str, words: str) -> None:
    async with fake_venue() as fake:
        endpoints = fake.endpoints.with_urls("um", ws_url=url)
        nowhere = type("Nowhere", (), {"endpoints": endpoints})()
        settings = quick(ws={"back_off_s": 0.01, "back_off_most_s": 0.05})
        async with venue_on(nowhere, settings=settings) as venue, Collected(venue.feed) as got:
            await venue.feed.update([um_stream("AAA")])
            await until(lambda: venue.usage()["connect_attempts"] >= 5, what="it goes on trying")
            down = [status for status in got.statuses if status.state == "down"]
            assert len(down) == 1, "a loss is said once, not once per try"
            assert words in down[0].detail


async def test_md12_attempts_stay_below_the_venues_limit() -> None:
    async with fake_venue() as fake:
        fake.refuse_ws = lambda: web.Response(status=503)
        settings = quick(ws={"back_off_s": 0.001, "back_off_most_s": 0.002, "connects": 6, "connect_window_s": 1.0})
        async with venue_on(fake, settings=settings) as venue:
            await venue.feed.update([um_stream("AAA"), um_stream("BBB")])
            await until(lambda: len(fake.connects) >= 14, what="it goes on trying")
        for start in fake.connects:
            # a connect is booked before it leaves; on a busy machine its way takes a while
            assert sum(start <= at < start + 0.6 for at in fake.connects) <= 6


async def test_a_429_on_connect_is_obeyed() -> None:
    async with fake_venue() as fake:
        answers = [web.Response(status=429, headers={"Retry-After": "2"})]
        fake.refuse_ws = lambda: answers.pop() if answers else None
        async with venue_on(fake) as venue, Collected(venue.feed) as got:
            await venue.feed.update([um_stream("AAA")])
            await until(lambda: "live" in got.states(), what="connected in the end")
        assert fake.connects[1] - fake.connects[0] >= 2.0
        assert len(fake.connects) == 2


async def test_a_venue_that_answers_no_subscription_is_left() -> None:
    settings = quick(ws={"acknowledge_timeout_s": 0.3})
    async with fake_venue() as fake, venue_on(fake, settings=settings) as venue, Collected(venue.feed) as got:
        await venue.feed.update([um_stream("AAA")])
        await until(lambda: "live" in got.states())
        fake.open_peers[0].answers = False
        await venue.feed.update([um_stream("AAA"), um_stream("BBB")])
        await until(lambda: len(fake.connects) == 2 and len(fake.names()) == 2, what="a new connection has both")
