"""The simulator's WebSocket paths and messages: both forms, the split um endpoint, and what is refused."""

from __future__ import annotations

import json
import socket as sockets

import aiohttp
import pytest
from tests.support.simulator import START_MS, collect, receive, running, until

from quantservice.core.errors import EnvironmentFault
from quantservice.simulator.config import FirehoseConfig, SimulatorConfig
from quantservice.simulator.markets.catalog import many_symbols
from quantservice.simulator.server import Simulator, SimulatorThread

FAST = SimulatorConfig(start_ms=START_MS, speed=120)


async def test_raw_and_combined_forms() -> None:
    async with running(FAST) as client:
        raw = await client.connect("/um/market/ws/btcusdt@kline_1m")
        assert (await receive(raw))["e"] == "kline"
        combined = await client.connect("/um/market/stream?streams=btcusdt@kline_1m/测试usdt@kline_1m")
        messages = await collect(combined, lambda got: len({message["stream"] for message in got}) == 2)
        assert {message["data"]["s"] for message in messages} == {"BTCUSDT", "测试USDT"}


async def test_subscribe_list_and_unsubscribe() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/cm/ws", "btcusd_perp@kline_1m", "btcusd_perp@aggTrade")
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": "mine"})
        listed = await until(socket, lambda message: message.get("id") == "mine")
        assert listed["result"] == ["btcusd_perp@kline_1m", "btcusd_perp@aggTrade"]
        await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusd_perp@aggTrade"], "id": 3})
        await until(socket, lambda message: message == {"result": None, "id": 3})
        messages = await collect(socket, lambda got: len(got) == 8)
        assert {message["e"] for message in messages} == {"kline"}


@pytest.mark.parametrize("path", ["/um/ws", "/um/stream", "/um/ws/btcusdt@kline_1m", "/nowhere/ws", "/um/secret/ws"])
async def test_retired_and_unknown_paths_are_404(path: str) -> None:
    async with running(FAST) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await client.connect(path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"method":"DANCE","id":1}',
        '{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}',
        '{"method":"SUBSCRIBE","params":["x@y"]}',
    ],
)
async def test_nonsense_is_answered_with_an_error_and_the_connection_lives(text: str) -> None:
    async with running(FAST) as client:
        socket = await client.connect("/um/market/stream")
        await socket.send_str(text)
        answer = await receive(socket)
        assert set(answer["error"]) == {"code", "msg"}
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 2})
        assert await receive(socket) == {"result": None, "id": 2}


async def test_marks_tickers_and_partial_books_stream() -> None:
    async with running(FAST) as client:
        market = await client.subscribe(
            "/um/market/stream", "btcusdt@markPrice@1s", "btcusdt@ticker", "btcusdt@miniTicker", "!markPrice@arr@1s"
        )
        messages = await collect(market, lambda got: len({message["stream"] for message in got}) == 4)
        everything = next(message for message in messages if message["stream"] == "!markPrice@arr@1s")
        assert everything["data"][0]["e"] == "markPriceUpdate"
        public = await client.subscribe("/um/public/stream", "btcusdt@depth5@100ms", "!bookTicker")
        messages = await collect(public, lambda got: len({message["stream"] for message in got}) == 2)
        partial = next(message["data"] for message in messages if message["stream"] == "btcusdt@depth5@100ms")
        assert (len(partial["b"]), len(partial["a"])) == (5, 5)


async def test_the_firehose_gives_each_stream_consecutive_bars() -> None:
    config = SimulatorConfig(symbols={"um": many_symbols(20)}, firehose=FirehoseConfig(rate=0, wait_streams=20, frames=30_000))
    async with running(config) as client:
        socket = await client.subscribe("/um/market/stream", *(f"load{index:04d}usdt@kline_1m" for index in range(20)))
        seen: dict[str, list[int]] = {}
        for _ in range(30_000):
            kline = json.loads((await socket.receive(timeout=10)).data)["data"]["k"]
            assert kline["x"] is True
            seen.setdefault(kline["s"], []).append(kline["t"])
        assert len(seen) == 20
        for times in seen.values():
            assert times == list(range(1_700_000_040_000, 1_700_000_040_000 + 1_500 * 60_000, 60_000))


async def test_a_port_in_use_is_one_clear_sentence() -> None:
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f"127.0.0.1:{port}.*choose another port"):
            await Simulator(SimulatorConfig(port=port)).start()


async def test_a_simulator_in_a_thread_serves_this_loop() -> None:
    thread = SimulatorThread(FAST)
    simulator = thread.start()
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{simulator.rest_url}/api/v3/ping") as response:
            assert response.status == 200
    finally:
        thread.stop()
