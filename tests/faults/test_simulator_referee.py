"""For each rule of the venue, a client that breaks it is stopped, caught and named; one that keeps it is not."""

from __future__ import annotations

import asyncio

import aiohttp
from tests.support.simulator import closes, receive, running, small, until

from quantservice.simulator.config import SimulatorConfig

#: one window that no test outlives
_ENDLESS = 1e9


async def test_a_client_over_its_weight_gets_429_then_418() -> None:
    limits = small("um", weight_per_minute=20, weight_window_s=_ENDLESS, ban_after_429=3)
    async with running(SimulatorConfig(limits=limits)) as client:
        seen = [await client.status("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=1500) for _ in range(6)]
        assert [status for status, _, _ in seen] == [200, 200, 429, 429, 418, 418]
        assert seen[1][2]["X-MBX-USED-WEIGHT-1M"] == "20"
        assert all(int(headers["Retry-After"]) > 0 for status, _, headers in seen if status != 200)
        assert seen[2][1]["code"] == -1003
        rules = client.violations
        assert rules["um.weight"]["count"] == 1
        assert rules["um.weight"]["first_offender"] == "127.0.0.1"
        assert rules["um.request_inside_retry_after"]["count"] == 3
        assert rules["um.banned"]["count"] == 1
        # the other markets have budgets of their own
        assert (await client.status("/api/v3/ping"))[0] == 200


async def test_too_many_raw_requests_are_refused() -> None:
    limits = small("spot", raw_requests_per_5m=3)
    async with running(SimulatorConfig(limits=limits)) as client:
        statuses = [(await client.status("/api/v3/ping"))[0] for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert client.violations["spot.raw_requests"]["count"] == 1


async def test_too_many_messages_a_second_end_the_connection() -> None:
    async with running() as client:
        for path, most in (("/spot/stream", 5), ("/um/market/stream", 10)):
            socket = await client.connect(path)
            for number in range(most + 1):
                await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            assert [(await receive(socket))["id"] for _ in range(most)] == list(range(most))
            await closes(socket)
        assert client.violations["spot.messages_per_second"]["first_offender"] == "spot-ws-1"
        assert client.violations["um.messages_per_second"]["count"] == 1


async def test_pings_count_as_messages() -> None:
    async with running() as client:
        socket = await client.connect("/spot/stream")
        for _ in range(6):
            await socket.ping()
        await closes(socket)
        assert client.violations["spot.messages_per_second"]["count"] == 1


async def test_too_many_streams_on_a_connection_are_refused() -> None:
    async with running(SimulatorConfig(limits=small("um", streams_per_connection=2))) as client:
        socket = await client.subscribe("/um/market/stream", "btcusdt@kline_1m", "ethusdt@kline_1m")
        await socket.send_json({"method": "SUBSCRIBE", "params": ["bnbusdt@kline_1m"], "id": 2})
        answer = await until(socket, lambda message: message.get("id") == 2)
        assert answer["error"]["msg"] == "Invalid request: too many streams"
        assert client.violations["um.streams_per_connection"]["first_offender"] == "um-ws-1"


async def test_too_many_connections_are_refused() -> None:
    async with running(SimulatorConfig(limits=small("cm", connections_per_5m=2))) as client:
        statuses = []
        for _ in range(3):
            try:
                await client.connect("/cm/stream")
                statuses.append(101)
            except aiohttp.WSServerHandshakeError as error:
                statuses.append(error.status)
        assert statuses == [101, 101, 429]
        assert client.violations["cm.connections_per_5m"]["first_offender"] == "127.0.0.1"


async def test_a_client_that_does_not_pong_is_cut() -> None:
    limits = small("spot", ping_every_s=0.1, pong_within_s=0.3, messages_per_second=1_000)
    async with running(SimulatorConfig(limits=limits)) as client:
        silent = await client.connect("/spot/stream", autoping=False)
        obedient = await client.subscribe("/spot/stream", "btcusdt@depth@100ms")
        # reading is what makes a client answer, so the obedient one reads on
        while "spot.pong_deadline" not in client.violations:
            assert (await receive(obedient))["stream"] == "btcusdt@depth@100ms"
        await closes(silent)
        assert client.violations["spot.pong_deadline"]["first_offender"] == "spot-ws-1"
        # deadlines later the one who answers is still served
        for _ in range(12):
            assert (await receive(obedient))["stream"] == "btcusdt@depth@100ms"
        assert client.violations["spot.pong_deadline"]["count"] == 1


async def test_a_pong_with_another_payload_does_not_count() -> None:
    limits = small("um", ping_every_s=0.1, pong_within_s=0.3, messages_per_second=1_000)
    async with running(SimulatorConfig(limits=limits)) as client:
        socket = await client.connect("/um/market/stream", autoping=False)
        answered = 0
        async with asyncio.timeout(10):
            while (await socket.receive()).type is aiohttp.WSMsgType.PING:
                await socket.pong(b"something else")
                answered += 1
        assert answered >= 2
        assert client.violations["um.pong_deadline"]["count"] == 1


async def test_a_connection_ends_with_its_life_and_spot_says_so_before() -> None:
    limits = small("spot", connection_life_s=0.6, shutdown_notice_s=0.3)
    async with running(SimulatorConfig(limits=limits)) as client:
        socket = await client.connect("/spot/stream")
        assert (await receive(socket))["e"] == "serverShutdown"
        await closes(socket)
        report = client.simulator.report()
        assert report["counts"]["spot.life_ended"] == 1
        assert report["total_violations"] == 0


async def test_a_stream_on_the_wrong_um_path_is_named_and_never_served() -> None:
    async with running() as client:
        socket = await client.subscribe("/um/public/stream", "btcusdt@kline_1m", "btcusdt@depth@100ms")
        for _ in range(10):
            assert (await receive(socket))["stream"] == "btcusdt@depth@100ms"
        wrong = client.violations["um.stream_on_wrong_path"]
        assert (wrong["count"], wrong["detail"]) == (1, "btcusdt@kline_1m on /um/public/stream")


async def test_the_referee_answers_over_http_and_can_be_reset() -> None:
    async with running(SimulatorConfig(limits=small("spot", raw_requests_per_5m=1))) as client:
        await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=3)
        await client.status("/api/v3/ping")
        report = await client.get("/_referee")
        assert report["violations"]["spot.raw_requests"]["count"] == report["total_violations"] == 1
        assert report["requests"] == {"spot.klines": 1, "spot.ping": 1}
        assert report["statuses"] == {"spot.200": 1, "spot.429": 1}
        rows = (await client.get("/_referee/access"))["rows"]
        assert [(row["via"], row["symbol"], row["interval"], row["count"]) for row in rows] == [("rest", "BTCUSDT", "1m", 3)]
        async with client.session.post(client.simulator.rest_url + "/_referee/reset") as response:
            assert response.status == 200
        assert (await client.get("/_referee"))["total_violations"] == 0
        assert (await client.status("/api/v3/ping"))[0] == 200


async def test_who_keeps_the_rules_is_held_against_nothing() -> None:
    async with running() as client:
        for path in ("/api/v3", "/fapi/v1"):
            await client.get(f"{path}/exchangeInfo")
            await client.get(f"{path}/klines", symbol="BTCUSDT", interval="1h")
        socket = await client.subscribe("/um/market/stream", "btcusdt@kline_1m", "测试usdt@kline_1m")
        assert (await receive(socket))["data"]["e"] == "kline"
        assert client.violations == {}
