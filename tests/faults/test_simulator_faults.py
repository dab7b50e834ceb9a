"""Every fault of the script does what it says, to whom it says, and ends when it says."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import aiohttp
import pytest
from tests.support.simulator import START_MS, closes, collect, eventually, receive, running, small, until

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.faults.malformed import SORTS

#: a minute of the market passes in a third of a second
FAST = SimulatorConfig(start_ms=START_MS, speed=180)
KLINE = "btcusdt@kline_1m"


def closed(messages: list[Any]) -> list[int]:
    """Return the open times of the closed klines among messages."""
    return [message["data"]["k"]["t"] for message in messages if message["data"]["k"]["x"]]


async def drain(socket: aiohttp.ClientWebSocketResponse) -> int:
    """Read until nothing comes for a while (nine ticks); return how many messages came."""
    count = 0
    while True:
        try:
            await receive(socket, wait_s=0.45)
        except TimeoutError:
            return count
        count += 1


async def test_a_muted_connection_stays_open_and_silent_and_new_ones_speak() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE)
        await receive(socket)
        number = await client.fault(kind="mute", market="um")
        muted = client.simulator.hubs["um"].connections[1]
        await eventually(lambda: muted.muted)
        # what was on its way may still arrive; then nothing does, while another connection is served
        other = await client.subscribe("/um/market/stream", KLINE)
        for _ in range(8):
            await receive(other)
        drained = await drain(socket)
        assert drained < 4
        assert not socket.closed
        client.simulator.faults.lift(number)
        assert (await receive(socket))["stream"] == KLINE


async def test_a_cut_ends_connections_without_a_word() -> None:
    async with running(FAST) as client:
        first = await client.subscribe("/um/market/stream", KLINE)
        other = await client.subscribe("/spot/stream", KLINE)
        await client.fault(kind="cut", market="um")
        kind = await closes(first)
        assert kind is not aiohttp.WSMsgType.CLOSE
        again = await client.subscribe("/um/market/stream", KLINE)
        await receive(again)
        await receive(other)


async def test_refused_connects_hit_rest_and_sockets_until_lifted() -> None:
    async with running(FAST) as client:
        await client.fault(kind="refuse_connect", market="um")
        with pytest.raises(aiohttp.ClientError):
            await client.connect("/um/market/stream")
        with pytest.raises(aiohttp.ClientError):
            await client.get("/fapi/v1/ping")
        assert client.simulator.faults.faults[1].fired >= 2
        client.simulator.faults.clear()
        assert await client.get("/fapi/v1/ping") == {}


async def test_http_errors_slow_answers_and_retired_urls() -> None:
    async with running(FAST) as client:
        await client.fault(kind="http_error", market="spot", status=502, count=2)
        assert [(await client.status("/api/v3/time"))[0] for _ in range(3)] == [502, 502, 200]
        await client.fault(kind="not_found", market="um", path="/um/market")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await client.connect("/um/market/stream")
        assert (await client.status("/fapi/v1/time"))[0] == 200
        await client.fault(kind="slow", market="cm", delay_s=0.4, count=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.get("/dapi/v1/time")
        assert (await client.status("/dapi/v1/time"))[0] == 200


@pytest.mark.parametrize("status", [429, 418])
async def test_a_forced_rate_limit_holds_for_its_retry_after(status: int) -> None:
    async with running(FAST) as client:
        await client.fault(kind="rate_limit", market="um", status=status, retry_after_s=60, count=1)
        answers = [await client.status("/fapi/v1/ping") for _ in range(2)]
        assert [answer[0] for answer in answers] == [status, status]
        assert answers[0][2]["Retry-After"] == "60"
        assert client.violations["um.request_inside_retry_after"]["count"] == 1


@pytest.mark.parametrize("sort", sorted(SORTS))
async def test_malformed_frames_come_beside_the_good_ones(sort: str) -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/ws", KLINE)
        await client.fault(kind="malformed", market="um", sort=sort, count=1)
        bad: list[str] = []
        good = 0
        async with asyncio.timeout(10):
            while not (bad and good > 2):
                message = await socket.receive()
                assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
                text = message.data if isinstance(message.data, str) else repr(message.data)
                try:
                    kline = json.loads(text, parse_constant=_refuse)["k"]
                    assert kline["s"] == "BTCUSDT"
                    assert float(kline["h"]) >= float(kline["l"])
                    assert text.count('"E":') == 1
                    assert float(json.loads(text)["E"]) < 1e300
                    good += 1
                except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
                    bad.append(text)
        assert len(bad) == 1


def _refuse(text: str) -> float:
    raise ValueError(text)


async def test_duplicated_reordered_and_late_frames() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE)
        number = await client.fault(kind="duplicate", market="um", stream=KLINE)
        await until(socket, lambda message: message["data"]["k"]["x"])
        assert (await receive(socket))["data"]["k"]["x"]
        client.simulator.faults.lift(number)
        number = await client.fault(kind="reorder", market="um", stream=KLINE)
        times = [message["data"]["E"] for message in await collect(socket, lambda got: len(got) == 16)]
        assert times != sorted(times)
        client.simulator.faults.lift(number)
        await client.fault(kind="late", market="um", stream=KLINE, delay_s=0.6, count=3)
        messages = await collect(socket, lambda got: len(got) == 16)
        times = [message["data"]["E"] for message in messages]
        assert max(later - earlier for later, earlier in itertools.pairwise(times)) > 30_000


async def test_a_missing_closed_kline_is_missing_on_the_stream_alone() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE, "ethusdt@kline_1m")
        await client.fault(kind="drop_closed", market="um", symbol="BTCUSDT", interval="1m", count=2)
        messages = await collect(socket, lambda got: sum(message["data"]["k"]["x"] for message in got) >= 8)
        bitcoin = closed([message for message in messages if message["stream"] == KLINE])
        ether = closed([message for message in messages if message["stream"] != KLINE])
        assert len(ether) - len(bitcoin) == 2
        assert ether == list(range(ether[0], ether[-1] + 1, 60_000))
        rows = await client.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=ether[0], endTime=ether[-1])
        assert [row[0] for row in rows] == ether


async def test_a_restated_kline_differs_by_rest_from_then_on() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE)
        await client.fault(kind="restate", market="um", symbol="BTCUSDT", interval="1m", ticks=5, count=1)
        messages = await collect(socket, lambda got: len(closed(got)) == 2)
        shown = {message["data"]["k"]["t"]: message["data"]["k"] for message in messages if message["data"]["k"]["x"]}
        first, second = sorted(shown)
        rows = await client.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=first, endTime=second)
        by_rest = {row[0]: row for row in rows}
        assert round(float(by_rest[first][4]) - float(shown[first]["c"]), 2) == 0.05
        assert by_rest[second][4] == shown[second]["c"]
        again = await client.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=first, endTime=first)
        assert again == [by_rest[first]]


async def test_a_rest_hole_withholds_until_lifted() -> None:
    async with running() as client:
        asked = {"symbol": "BTCUSDT", "interval": "1m", "startTime": START_MS - 600_000, "limit": 5}
        whole = await client.get("/fapi/v1/klines", **asked)
        number = await client.fault(
            kind="rest_hole", market="um", symbol="BTCUSDT", interval="1m", start_ms=whole[1][0], end_ms=whole[3][0]
        )
        assert await client.get("/fapi/v1/klines", **asked) == [whole[0], *whole[3:]]
        async with client.session.delete(f"{client.simulator.rest_url}/_faults/{number}") as response:
            assert response.status == 200
        assert await client.get("/fapi/v1/klines", **asked) == whole


async def test_clock_skew_moves_the_servers_time() -> None:
    async with running(SimulatorConfig(start_ms=START_MS)) as client:
        before = (await client.get("/fapi/v1/time"))["serverTime"]
        await client.fault(kind="clock_skew", skew_ms=-3_600_000)
        await eventually(lambda: client.simulator.clock.skew_ms != 0)
        assert (await client.get("/fapi/v1/time"))["serverTime"] < before - 3_500_000


async def test_a_silent_subscription_is_acknowledged_and_never_served_until_made_again() -> None:
    async with running(FAST) as client:
        await client.fault(kind="silent_stream", market="um", stream=KLINE)
        socket = await client.subscribe("/um/market/stream", KLINE, "ethusdt@kline_1m")
        messages = await collect(socket, lambda got: len(got) == 10)
        assert {message["stream"] for message in messages} == {"ethusdt@kline_1m"}
        await socket.send_json({"method": "UNSUBSCRIBE", "params": [KLINE], "id": 2})
        await socket.send_json({"method": "SUBSCRIBE", "params": [KLINE], "id": 3})
        await until(socket, lambda message: message.get("stream") == KLINE)


async def test_an_existing_subscription_can_fall_silent() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE, "ethusdt@kline_1m")
        await until(socket, lambda message: message["stream"] == KLINE)
        await client.fault(kind="silent_stream", market="um", stream=KLINE)
        await collect(socket, lambda got: sum(message["stream"] != KLINE for message in got) == 3)
        messages = await collect(socket, lambda got: len(got) == 8)
        assert {message["stream"] for message in messages} == {"ethusdt@kline_1m"}


async def test_a_dropped_depth_difference_breaks_the_chain_once() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/public/stream", "btcusdt@depth@100ms")
        before = await collect(socket, lambda got: len(got) == 3)
        await client.fault(kind="drop_depth", market="um", symbol="BTCUSDT", count=1)
        messages = before + await collect(socket, lambda got: len(got) == 6)
        breaks = [
            later["data"]["U"] for earlier, later in itertools.pairwise(messages) if later["data"]["pu"] != earlier["data"]["u"]
        ]
        assert len(breaks) == 1


async def test_new_renamed_and_delisted_symbols() -> None:
    async with running(FAST) as client:
        waiting = await client.subscribe("/um/market/stream", "新币usdt@kline_1m", KLINE)
        spec = {"symbol": "新币USDT", "base": "新币", "quote": "USDT", "level": 2.0, "price_decimals": 4}
        await client.fault(kind="new_symbol", market="um", spec=spec)
        kline = await until(waiting, lambda message: message["stream"] == "新币usdt@kline_1m")
        assert kline["data"]["s"] == "新币USDT"
        await client.fault(kind="rename", market="um", symbol="新币USDT", to="旧币USDT")
        names = {symbol["symbol"] for symbol in (await client.get("/fapi/v1/exchangeInfo"))["symbols"]}
        assert "旧币USDT" in names
        assert "新币USDT" not in names
        await client.fault(kind="delist", market="um", symbol="旧币USDT")
        assert (await client.status("/fapi/v1/klines", symbol="旧币USDT", interval="1m"))[1]["code"] == -1121
        # the others go on
        await until(waiting, lambda message: message["stream"] == KLINE)


async def test_status_and_tick_size_changes_show_in_the_exchange_info() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE, "ethusdt@kline_1m")
        await client.fault(kind="status", market="um", symbol="BTCUSDT", to="BREAK")
        await client.fault(kind="tick_size", market="um", symbol="BTCUSDT", ticks=1)
        symbol = (await client.get("/fapi/v1/exchangeInfo", symbol="BTCUSDT"))["symbols"][0]
        assert symbol["status"] == "BREAK"
        assert symbol["filters"][0]["tickSize"] == "0.01"
        await collect(socket, lambda got: sum(message["stream"] != KLINE for message in got) == 3)
        messages = await collect(socket, lambda got: len(got) == 6)
        assert {message["stream"] for message in messages} == {"ethusdt@kline_1m"}
        await client.fault(kind="status", market="um", symbol="BTCUSDT", to="TRADING")
        await until(socket, lambda message: message["stream"] == KLINE)


async def test_a_burst_multiplies_messages_for_its_time() -> None:
    async with running(FAST) as client:
        socket = await client.subscribe("/um/market/stream", KLINE)
        await client.fault(kind="burst", market="um", stream=KLINE, factor=50, count=1)
        messages = await collect(socket, lambda got: len(got) == 52)
        texts = [json.dumps(message) for message in messages]
        assert max(texts.count(text) for text in set(texts)) == 50


async def test_a_client_that_does_not_read_is_dropped_and_counted() -> None:
    config = SimulatorConfig(start_ms=START_MS, speed=180, limits=small("um", outbound_buffer_bytes=10_000))
    async with running(config) as client:
        slow = await client.subscribe("/um/market/stream", KLINE)
        await client.fault(kind="burst", market="um", stream=KLINE, factor=10_000)
        await eventually(lambda: client.simulator.referee.counts["um.slow_reader_dropped"] == 1)
        await eventually(lambda: not client.simulator.hubs["um"].connections)
        client.simulator.faults.clear()
        await closes(slow)


async def test_a_shutdown_is_announced_to_spot_clients() -> None:
    async with running(FAST) as client:
        socket = await client.connect("/spot/stream")
        await client.fault(kind="shutdown", market="spot")
        assert (await receive(socket))["e"] == "serverShutdown"


async def test_timed_faults_begin_and_end_by_themselves() -> None:
    async with running(FAST) as client:
        await client.fault(kind="http_error", market="spot", after_s=0.3, for_s=0.3)
        assert (await client.status("/api/v3/ping"))[0] == 200
        statuses: list[int] = []
        async with asyncio.timeout(5):
            while statuses.count(503) == 0 or statuses[-1] == 503:
                statuses.append((await client.status("/api/v3/ping"))[0])
                await asyncio.sleep(0.01)
        assert statuses[-1] == 200


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "earthquake"}, "earthquake"),
        ({"kind": "cut", "colour": "red"}, "colour"),
        ({"kind": "malformed", "sort": "pink"}, "pink"),
        ({"kind": "delist", "market": "um", "symbol": "NOPE"}, "NOPE"),
        ({"kind": "delist", "market": "moon", "symbol": "BTCUSDT"}, "moon"),
        ({"kind": "new_symbol", "market": "um"}, "spec"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_with_a_sentence(fault: dict[str, object], says: str) -> None:
    async with running(FAST) as client, client.session.post(client.simulator.rest_url + "/_faults", json=fault) as response:
        assert response.status == 400
        assert says in (await response.json())["error"]
