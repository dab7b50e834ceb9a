"""The page's WebSocket over a real socket: topics, conflation, resume, bad words; and the server that carries it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from tests.support.market import START_MS, batch, kline, kline_stream
from tests.support.web import OWNER, MemoryMarketStore, page, serving, until, web_context
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from quantservice.adapters.clock.system import SystemClock
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.events import FeedStatus, Gap
from quantservice.core.messages import GapChange, Message, SystemEvent, Topic
from quantservice.core.spans import Span
from quantservice.ports import RiskState
from quantservice.services.risk.commands import RiskControl
from quantservice.web.context import TradingFace, WebConfig, WebContext
from quantservice.web.live import Client, LiveHub
from quantservice.web.models import LiveEvent, LiveStatus
from quantservice.web.models.live import LiveKline
from quantservice.web.server import WebServer, listen

BTC = "kline:binance:um:BTC-USDT-PERP:1m"
ETH = "kline:binance:um:ETH-USDT-PERP:1m"


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[WebContext]:
    async with web_context(tmp_path, config=WebConfig(port=0), store=MemoryMarketStore(), clock=SystemClock()) as made:
        yield made


async def test_a_page_gets_its_kline_and_no_other(context: WebContext) -> None:
    async with serving(context) as server, page(server) as one:
        assert (await one.hear(type="welcome"))["session"] == server.app.live.session
        await one.say(action="subscribe", topics=[BTC], id=7)
        assert (await one.hear(type="subscribed"))["id"] == 7
        await context.bus.publish([batch(kline(0, base="ETH", closed=False), kline(0, closed=False, close="101.25"))])
        event = await one.hear(type="event")
        LiveKline.model_validate(LiveEvent.model_validate(event).data)
        assert (event["topic"], event["data"]["close"], event["data"]["closed"]) == (BTC, "101.25", False)
        await context.bus.publish([batch(kline(0, close="102"), kline(1, closed=False, close="103"))])
        assert (await one.hear(topic=BTC))["data"]["close"] == "102"
        assert (await one.hear(topic=BTC))["data"]["close"] == "103"
        assert not [item for item in one.heard if item.get("topic") == ETH]


async def test_open_klines_are_conflated_and_closed_ones_are_not(context: WebContext) -> None:
    hub = LiveHub(context)
    client = Client(1_000)
    hub._clients.add(client)
    hub._add(client, [BTC])
    for price in range(50):
        context.projections.fold(batch(kline(0, closed=False, close=str(price + 1))))
    hub.flush()
    assert [json.loads(frame)["data"]["close"] for frame in client.waiting.values()] == ["50"]
    for index in range(5):
        context.projections.fold(batch(kline(index), kline(index + 1, closed=False)))
    hub.flush()
    frames = [json.loads(frame)["data"] for frame in client.waiting.values()]
    assert [(row["open_time"] - START_MS) // 60_000 for row in frames if row["closed"]] == [0, 1, 2, 3, 4]
    assert [row["closed"] for row in frames].count(False) == 1


async def test_a_slow_page_loses_its_oldest_and_the_loss_is_counted(context: WebContext) -> None:
    hub = LiveHub(context)
    slow, quick = Client(10), Client(1_000)
    hub._clients |= {slow, quick}
    for client in (slow, quick):
        hub._add(client, [BTC])
    for index in range(25):
        context.projections.fold(batch(kline(index)))
    hub.flush()
    assert (len(slow.waiting), slow.dropped, hub.stats()["dropped"]) == (10, 15, 15)
    assert (len(quick.waiting), quick.dropped) == (25, 0)
    assert json.loads(next(iter(slow.waiting.values())))["data"]["open_time"] == START_MS + 15 * 60_000


async def test_after_a_cut_what_was_missed_follows(context: WebContext) -> None:
    async with serving(context) as server:
        async with page(server) as before:
            welcome = await before.hear(type="welcome")
            await before.say(action="subscribe", topics=[BTC])
            await before.hear(type="subscribed")
            await context.bus.publish([batch(kline(0))])
            seen = (await before.hear(topic=BTC))["seq"]
        await context.bus.publish([batch(kline(1)), batch(kline(2))])
        await until(lambda: server.app.live.seq >= seen + 2)
        async with page(server) as after:
            await after.say(action="resume", session=welcome["session"], last_seq=seen, topics=[BTC])
            assert (await after.hear(type="resumed"))["topics"] == [BTC]
            times = [(await after.hear(type="event"))["data"]["open_time"] for _ in range(2)]
            assert times == [kline(1).open_time, kline(2).open_time]


@pytest.mark.parametrize("wrong", [{"session": "other"}, {"last_seq": 10_000_000}, {"topics": [ETH]}])
async def test_what_cannot_be_resumed_is_reset_with_the_state_as_it_stands(context: WebContext, wrong: dict[str, Any]) -> None:
    async with serving(context) as server, page(server) as one:
        welcome = await one.hear(type="welcome")
        await one.say(action="subscribe", topics=[BTC])
        await one.hear(type="subscribed")
        await context.bus.publish([batch(kline(0), kline(0, base="ETH"))])
        await one.hear(topic=BTC)
        ask = {"session": welcome["session"], "last_seq": 0, "topics": [BTC], **wrong}
        await one.say(action="resume", **ask)
        await one.hear(type="reset")
        assert (await one.hear(type="event"))["data"]["open_time"] == START_MS


async def test_figures_prices_feeds_gaps_and_system_events_arrive(context: WebContext) -> None:
    async with serving(context) as server, page(server) as one:
        await one.say(action="subscribe", topics=["status", "tickers", "feed", "gaps", "system"])
        await one.hear(type="subscribed")
        status = await one.hear(topic="status")
        LiveStatus.model_validate(status["data"])
        feed = FeedStatus(venue="binance", market="um", connection="c1", state="live", time_ns=1, streams=(kline_stream(),))
        gap = Gap(stream=kline_stream(), span=Span(START_MS, START_MS + 60_000), missing=1, found_ns=1)
        await context.bus.publish(
            [
                batch(kline(0, closed=False)),
                Message(topic=Topic.FEED_STATUS, data=feed),
                Message(topic=Topic.GAP, data=GapChange(gap=gap, state="found")),
                Message(topic=Topic.SYSTEM, data=SystemEvent(name="service.started")),
            ]
        )
        wanted = {"feed", "gaps", "system", "tickers"}
        found: dict[str, Any] = {}
        while wanted - set(found):
            event = await one.hear(type="event")
            found[event["topic"]] = event["data"]
        assert found["feed"]["state"] == "live"
        assert found["gaps"]["state"] == "found"
        assert found["system"]["name"] == "service.started"
        assert found["tickers"][0]["last_price"] == "100.5"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ('{"action":"subscribe","topics":["kline:binance:um:BTC-USDT-PERP:7m"]}', "unknown period"),
        ('{"action":"subscribe","topics":["kline:binance:um:NOPE:1m"]}', "unknown symbol"),
        ('{"action":"subscribe","topics":["weather"]}', "unknown topic"),
        ('{"action":"dance"}', "unknown action"),
        ('{"action":"subscribe","topic":["status"]}', "topic"),
        ("no json", "malformed"),
        ("[1,2]", "object"),
    ],
)
async def test_bad_words_get_a_sentence_and_the_connection_lives(context: WebContext, words: str, part: str) -> None:
    async with serving(context) as server, page(server) as one:
        await one.socket.send(words)
        assert part in (await one.hear(type="error"))["error"]["message"]
        await one.say(action="ping", id="x")
        assert (await one.hear(type="pong"))["id"] == "x"


async def test_a_foreign_origin_or_host_gets_no_socket(context: WebContext) -> None:
    async with serving(context) as server:
        address = server.url.replace("http", "ws", 1) + "/ws"
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            with pytest.raises(InvalidStatus):
                async with connect(address, additional_headers=headers):
                    pass


async def test_the_server_answers_over_its_socket_and_stops_clean(context: WebContext) -> None:
    async with serving(context) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert (await http.get("/health/live")).json()["status"] == "ok"
            made = await http.post("/api/v1/pairs", json={"symbol": "BTCUSDT", "market": "um"}, headers=OWNER)
            assert made.status_code == 201
        port = server.port
    listen("127.0.0.1", port).close()


async def test_a_port_in_use_is_one_sentence(context: WebContext) -> None:
    taken = listen("127.0.0.1", 0)
    try:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f"port {port} on 127.0.0.1 is in use.*--port"):
            listen("127.0.0.1", port)
    finally:
        taken.close()
    with pytest.raises(EnvironmentFault, match=r"192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", 0)


async def test_a_forgotten_topic_is_let_go_after_a_minute(context: WebContext) -> None:
    clock = context.clock
    hub = LiveHub(context)
    client = Client(100)
    hub._clients.add(client)
    hub._add(client, [BTC])
    hub._clients.clear()
    hub.flush_figures(clock.monotonic() + 59)
    assert hub.stats()["topics"] == 1
    hub.flush_figures(clock.monotonic() + 61)
    assert hub.stats()["topics"] == 0
    context.projections.fold(batch(kline(0)))
    hub.flush()
    assert hub.seq == 0


def test_the_address_to_open_is_one_that_a_browser_understands(context: WebContext) -> None:
    server = WebServer(context)
    assert server.url == f"http://127.0.0.1:{server.bind()}"
    listener = server._listener
    assert listener is not None
    listener.close()


async def test_who_may_not_trade_is_told_live_and_a_store_that_is_away_takes_nothing_back(context: WebContext) -> None:
    risk = RiskControl(context.state_store, context.clock)
    face = cast("TradingFace", SimpleNamespace(risk=risk))
    hub = LiveHub(dataclasses.replace(context, trading=face))
    client = Client(1_000)
    hub._clients.add(client)
    hub._add(client, ["status"])

    def told() -> list[tuple[str, str, str]]:
        hub.flush_figures(0.0)
        status = LiveStatus.model_validate(json.loads(client.waiting["status"])["data"])
        return [(state.scope, state.key, state.state) for state in status.held_back]

    running = asyncio.create_task(hub.run())
    try:
        await risk.set_state("system", "", "HALTED", reason="a look")
        await until(lambda: told() == [("system", "", "HALTED")])
        with pytest.MonkeyPatch.context() as patch:
            asked: list[int] = []

            async def away() -> list[RiskState]:
                asked.append(1)
                raise StoreUnavailable("the state store is away")

            patch.setattr(risk, "states", away)
            await until(lambda: len(asked) > 1)
            assert told() == [("system", "", "HALTED")], "what is not known anew holds"
        await risk.set_state("system", "", "ACTIVE")
        await until(lambda: told() == [])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
