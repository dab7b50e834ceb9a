"""The client protocol over real sockets, as a client program sees it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.clientserver import Running, ask, receive, running_server, until
from tests.support.clock import ManualClock
from tests.support.market import START_MS, batch, kline
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quantservice.adapters.clock.system import SystemClock
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.messages import Message, StoredBatch, Topic
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.web.clientserver.config import ClientServerConfig

ETH: dict[str, Any] = {"symbol": "ETHUSDT", "market": "um", "period": "1m"}
MINUTE = 60_000


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_server(tmp_path, klines=[kline(index, base="ETH") for index in range(1_440)]) as running:
        yield running


async def test_a_query_answers_in_the_documented_shape(served: Running) -> None:
    async with served.client() as client:
        answer = await ask(client, action="query", **ETH, start_ms=START_MS, end_ms=START_MS + 86_400_000, limit=1_000)
    assert list(answer) == ["action", "success", "data", "total", "has_more"]
    assert (answer["action"], answer["success"], answer["total"], answer["has_more"]) == ("query_response", True, 1_000, True)
    assert len(answer["data"]) == 1_000
    assert answer["data"][0] == {
        "open_time": START_MS,
        "close_time": START_MS + 59_999,
        "open": "100.10",
        "high": "110.00",
        "low": "90.00",
        "close": "100.5",
        "volume": "12.5",
        "quote_volume": "1255.25",
        "count": 89,
        "taker_buy_base_volume": "6.25",
        "taker_buy_quote_volume": "627.00",
    }
    assert [row["open_time"] for row in answer["data"]] == [START_MS + index * MINUTE for index in range(1_000)]


async def test_paging_reaches_every_row_once(served: Running) -> None:
    rows: list[int] = []
    start, more = START_MS, True
    async with served.client() as client:
        while more:
            answer = await ask(client, action="query", **ETH, start_ms=start, end_ms=START_MS + 86_400_000, limit=700)
            rows += [row["open_time"] for row in answer["data"]]
            start, more = rows[-1] + 1, answer["has_more"]
    assert rows == [START_MS + index * MINUTE for index in range(1_440)]


async def test_without_a_start_the_newest_come_and_the_id_is_echoed(served: Running) -> None:
    async with served.client() as client:
        answer = await ask(client, action="query", **ETH, limit=3, id="a-1")
        assert [row["open_time"] for row in answer["data"]] == [START_MS + index * MINUTE for index in (1_437, 1_438, 1_439)]
        assert (answer["has_more"], answer["id"]) == (True, "a-1")
        answer = await ask(client, action="query", **ETH, end_ms=START_MS + 2 * MINUTE, id=7)
        assert [row["open_time"] for row in answer["data"]] == [START_MS, START_MS + MINUTE]
        assert (answer["has_more"], answer["total"], answer["id"]) == (False, 2, 7)


async def test_the_default_limit_is_1000(served: Running) -> None:
    async with served.client() as client:
        answer = await ask(client, action="query", **ETH, start_ms=0)
    assert (answer["total"], answer["has_more"]) == (1_000, True)


async def test_an_answer_is_compressed_on_request(served: Running) -> None:
    async with served.client() as client:
        plain = await ask(client, action="query", **ETH, limit=50)
        await client.send(json.dumps({"action": "query", **ETH, "limit": 50, "compress": "gzip"}))
        packed = await asyncio.wait_for(client.recv(), 5)
        assert isinstance(packed, bytes)
        assert packed[:2] == b"\x1f\x8b"
        await client.send(json.dumps({"action": "query", **ETH, "limit": 50, "compress": "gzip"}))
        assert await receive(client) == plain


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"symbol": "ETHUSD"}, "unknown_symbol", "ETHUSDT"),
        ({"symbol": '"; DROP TABLE kline; --'}, "unknown_symbol", ""),
        ({"symbol": ""}, "bad_request", "symbol"),
        ({"symbol": "x" * 65}, "bad_request", "symbol"),
        ({"market": "futures"}, "unknown_market", "um"),
        ({"market": None}, "bad_request", "market"),
        ({"period": "2m"}, "invalid_period", "1m"),
        ({"period": ""}, "invalid_period", "1m"),
        ({"limit": 0}, "bad_request", "limit"),
        ({"limit": 5_001}, "bad_request", "5000"),
        ({"limit": "10"}, "bad_request", "limit"),
        ({"limit": 1e300}, "bad_request", "limit"),
        ({"start_ms": -1}, "bad_request", "start_ms"),
        ({"start_ms": 10**30}, "bad_request", "start_ms"),
        ({"start_ms": 5, "end_ms": 5}, "bad_request", "end_ms"),
        ({"poll_interval_ms": 1, "action": "subscribe_incremental"}, "bad_request", "poll_interval_ms"),
        ({"compress": "zip"}, "bad_request", "compress"),
        ({"colour": "red"}, "bad_request", "colour"),
        ({"action": "delete"}, "unknown_action", "query"),
        ({"action": "unsubscribe"}, "not_subscribed", "ETH-USDT-PERP"),
    ],
)
async def test_a_wrong_request_is_refused_with_a_stable_code(
    served: Running, change: dict[str, Any], code: str, names: str
) -> None:
    async with served.client() as client:
        answer = await ask(client, **{"action": "query", **ETH, **change})
        assert answer["success"] is False
        assert answer["error"]["code"] == code
        assert names in answer["error"]["message"]
        assert (await ask(client, action="ping"))["action"] == "pong", "the connection lives"


DEEP = "[" * 50_000
BAD_ID = '{"action":"query","id":' + DEEP
NO_REQUESTS = ["", "no json", "[]", "7", '{"action":', '{"symbol":"ETHUSDT"}', DEEP, BAD_ID, b"\xff\xfe\x00"]


@pytest.mark.parametrize("payload", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
async def test_what_is_no_request_is_refused_and_the_connection_lives(served: Running, payload: str | bytes) -> None:
    async with served.client() as client:
        await client.send(payload)
        answer = await receive(client)
        assert (answer["success"], answer["error"]["code"]) == (False, "bad_request")
        assert (await ask(client, action="ping", id="x"))["id"] == "x"


async def test_a_fragmented_message_is_put_together(served: Running) -> None:
    async with served.client() as client:
        await client.send(iter(['{"action":', '"ping",', '"id":1}']))
        assert (await receive(client))["id"] == 1


async def test_a_store_that_is_away_says_unavailable_and_no_more(served: Running) -> None:
    served.store.failure = StoreUnavailable("password=hunter2 at db.internal")
    async with served.client() as client:
        answer = await ask(client, action="query", **ETH, start_ms=0)
        assert answer["error"]["code"] == "unavailable"
        assert "hunter2" not in str(answer)
        served.store.failure = ZeroDivisionError("secret detail")
        answer = await ask(client, action="query", **ETH, start_ms=1)
        assert answer["error"]["code"] == "internal"
        assert "secret detail" not in str(answer)


async def test_a_subscription_pushes_every_update(served: Running) -> None:
    async with served.client() as client:
        answer = await ask(client, action="subscribe", **ETH, id=1)
        assert answer == {
            "action": "subscribe_response",
            "success": True,
            **ETH,
            "venue": "binance",
            "instrument": "binance:um:ETH-USDT-PERP",
            "id": 1,
        }
        for step in range(3):
            await served.bus.publish([batch(kline(0, base="ETH", closed=False, close=f"10{step}.5"), kline(0, base="BTC"))])
        await served.bus.publish([batch(kline(0, base="ETH", close="104"), kline(0, base="ETH", period="1h"))])
        pushes = [await receive(client) for _ in range(4)]
    assert {push["action"] for push in pushes} == {"kline_update"}
    assert [(push["data"][0]["close"], push["data"][0]["closed"]) for push in pushes] == [
        ("100.5", False),
        ("101.5", False),
        ("102.5", False),
        ("104", True),
    ]
    assert (pushes[0]["symbol"], pushes[0]["market"], pushes[0]["period"]) == ("ETHUSDT", "um", "1m")


async def test_an_incremental_subscription_sends_changes_once_per_interval(served: Running) -> None:
    async with served.client() as client:
        answer = await ask(client, action="subscribe_incremental", **ETH, poll_interval_ms=100)
        assert (answer["action"], answer["poll_interval_ms"]) == ("subscribe_incremental_response", 100)
        await served.bus.publish([batch(kline(0, base="ETH", closed=False), kline(0, base="ETH", close="101"))])
        await served.bus.publish([batch(kline(1, base="ETH", closed=False, close="102"))])
        push = await receive(client)
        assert push["action"] == "incremental_update"
        assert [(row["open_time"], row["close"], row["closed"]) for row in push["data"]] == [
            (START_MS, "101", True),
            (START_MS + MINUTE, "102", False),
        ]
        await served.bus.publish([batch(kline(1, base="ETH", closed=False, close="103"))])
        assert [row["close"] for row in (await receive(client))["data"]] == ["103"], "only what changed since"


async def test_pushes_are_compressed_on_request(served: Running) -> None:
    async with served.client() as packed, served.client() as plain:
        await ask(packed, action="subscribe", **ETH, compress="gzip")
        await ask(plain, action="subscribe", **ETH)
        await served.bus.publish([batch(kline(0, base="ETH"))])
        raw = await asyncio.wait_for(packed.recv(), 5)
        assert isinstance(raw, bytes)
        await served.bus.publish([batch(kline(0, base="ETH"))])
        assert await receive(packed) == await receive(plain)


async def test_unsubscribe_ends_one_or_all(served: Running) -> None:
    async with served.client() as client:
        await ask(client, action="subscribe", **ETH)
        await ask(client, action="subscribe_incremental", **{**ETH, "symbol": "BTCUSDT"})
        assert served.server.stats()["subscriptions"] == 2
        assert (await ask(client, action="unsubscribe", **ETH))["ended"] == 1
        assert served.server.stats()["subscriptions"] == 1
        assert (await ask(client, action="unsubscribe"))["ended"] == 1
        assert served.server.stats()["subscriptions"] == served.server.stats()["streams"] == 0
        await served.bus.publish([batch(kline(0, base="ETH"))])
        assert (await ask(client, action="ping"))["action"] == "pong"


async def test_subscribing_again_replaces(served: Running) -> None:
    async with served.client() as client:
        await ask(client, action="subscribe", **ETH)
        await ask(client, action="subscribe_incremental", **ETH)
        await ask(client, action="subscribe", **ETH)
        assert served.server.stats()["subscriptions"] == 1
        await served.bus.publish([batch(kline(0, base="ETH"))])
        assert (await receive(client))["action"] == "kline_update"


async def test_a_closed_connection_leaves_nothing_behind(served: Running) -> None:
    async with served.client() as client:
        await ask(client, action="subscribe", **ETH)
    await until(lambda: served.server.stats()["clients"] == 0)
    assert served.server.stats()["streams"] == 0


async def test_recent_klines_come_from_the_cache_until_something_new_is_stored(tmp_path: Path) -> None:
    clock = ManualClock(START_MS + 60 * MINUTE)
    stored = [kline(index, base="ETH") for index in range(60)]
    async with running_server(tmp_path, klines=stored, clock=clock) as served, served.client() as client:
        for start in (0, 10, 20):
            answer = await ask(client, action="query", **ETH, start_ms=START_MS + start * MINUTE)
            assert answer["total"] == 60 - start
        assert len(served.store.reads) == 1
        served.store.klines.append(kline(60, base="ETH"))
        message = Message(topic=Topic.MARKET_STORED, event_type="market.stored", data=StoredBatch(new=[kline(60, base="ETH")]))
        await served.bus.publish([message])
        await until(lambda: next(item for item in served.bus.stats() if item.group == "clientserver.cache").delivered == 1)
        await asyncio.sleep(0)
        assert (await ask(client, action="query", **ETH, start_ms=START_MS))["total"] == 61
        assert len(served.store.reads) == 2
        await clock.advance(6)
        await ask(client, action="query", **ETH, start_ms=START_MS)
        assert len(served.store.reads) == 3, "its time to live is over"
        await ask(client, action="query", **ETH, start_ms=START_MS - 6 * 60 * MINUTE)
        await ask(client, action="query", **ETH, start_ms=START_MS - 6 * 60 * MINUTE)
        assert len(served.store.reads) == 5, "older spans are read each time"


async def test_clients_that_ask_at_once_share_one_read(tmp_path: Path) -> None:
    clock = ManualClock(START_MS + 60 * MINUTE)
    async with running_server(tmp_path, klines=[kline(0, base="ETH")], clock=clock) as served:
        served.store.gate = asyncio.Event()
        async with served.client() as one, served.client() as two:
            asking = [asyncio.create_task(ask(client, action="query", **ETH, start_ms=START_MS)) for client in (one, two)]
            await until(lambda: served.server.stats()["queries"] == 2)
            served.store.gate.set()
            assert [answer["total"] for answer in await asyncio.gather(*asking)] == [1, 1]
        assert len(served.store.reads) == 1


async def test_over_the_limit_is_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    clock = ManualClock()
    config = ClientServerConfig(port=0, qps=5.0)
    async with running_server(tmp_path, config=config, clock=clock) as served, served.client() as client, served.client() as peer:
        for _ in range(5):
            assert (await ask(client, action="ping"))["action"] == "pong"
        answer = await ask(client, action="ping")
        assert answer["error"]["code"] == "rate_limited"
        assert answer["error"]["retry_after_ms"] == 200
        assert (await ask(peer, action="ping"))["action"] == "pong", "the limit is each client's own"
        await clock.advance(0.2)
        assert (await ask(client, action="ping"))["action"] == "pong"
        assert served.server.stats()["rate_limited"] == 1


async def test_a_key_brings_its_own_limit_shared_by_its_connections(tmp_path: Path) -> None:
    clock = ManualClock()
    config = ClientServerConfig(port=0, qps=2.0)
    async with running_server(tmp_path, config=config, clock=clock) as served:
        clear, _ = await AccessKeys(served.state_store, clock).create("bot", 10)
        async with served.client(f"?api_key={clear}") as one, served.client() as two:
            answer = await ask(two, action="auth", api_key=clear)
            assert (answer["action"], answer["name"], answer["qps_limit"]) == ("auth_response", "bot", 10)
            replies = [await ask(client, action="ping") for _ in range(5) for client in (one, two)]
            assert all(reply["success"] for reply in replies)
            assert (await ask(one, action="ping"))["error"]["code"] == "rate_limited"
            assert (await ask(two, action="ping"))["error"]["code"] == "rate_limited"


async def test_a_required_key_is_required(tmp_path: Path) -> None:
    config = ClientServerConfig(port=0, qps=1_000.0, require_key=True)
    async with running_server(tmp_path, config=config, klines=[kline(0, base="ETH")]) as served:
        clear, _ = await AccessKeys(served.state_store, SystemClock()).create("bot", 10)
        async with served.client() as client:
            assert (await ask(client, action="query", **ETH))["error"]["code"] == "unauthorized"
            assert (await ask(client, action="subscribe", **ETH))["error"]["code"] == "unauthorized"
            assert (await ask(client, action="auth"))["error"]["code"] == "unauthorized"
            assert (await ask(client, action="query", **ETH, api_key=clear))["total"] == 1
            assert (await ask(client, action="query", **ETH))["total"] == 1, "one key per connection is enough"


async def test_wrong_keys_end_the_connection(served: Running) -> None:
    async with served.client("?api_key=qs_wrong") as client:
        assert (await receive(client))["error"]["code"] == "unauthorized"
        with pytest.raises(ConnectionClosed) as caught:
            await receive(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1008
    async with served.client() as client:
        for number in range(5):
            assert (await ask(client, action="auth", api_key=f"qs_{number}"))["error"]["code"] == "unauthorized"
        with pytest.raises(ConnectionClosed):
            await receive(client)
    assert served.server.stats()["unauthorized"] == 6


async def test_a_revoked_key_ends_its_sessions(tmp_path: Path) -> None:
    config = ClientServerConfig(port=0, qps=1_000.0, key_check_s=0.02)
    async with running_server(tmp_path, config=config) as served:
        keys = AccessKeys(served.state_store, SystemClock())
        clear, key = await keys.create("bot", 10)
        async with served.client() as client, served.client() as other:
            await ask(client, action="auth", api_key=clear)
            await keys.remove(key.id)
            with pytest.raises(ConnectionClosed) as caught:
                await receive(client)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1008
            assert (await ask(other, action="ping"))["action"] == "pong"


def test_any_address_but_loopback_needs_keys() -> None:
    assert ClientServerConfig(host="0.0.0.0").needs_key
    assert ClientServerConfig(host="::").needs_key
    assert ClientServerConfig(host="quant.example").needs_key
    assert ClientServerConfig(host="0.0.0.0", require_key=False).needs_key
    assert not ClientServerConfig(host="0.0.0.0", allow_anonymous=True).needs_key
    assert ClientServerConfig(host="0.0.0.0", allow_anonymous=True, require_key=True).needs_key
    assert not any(ClientServerConfig(host=host).needs_key for host in ("127.0.0.1", "localhost", "::1", "127.5.5.5"))


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:3000", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("http://evil.example:8765", False),
        ("null", False),
    ],
)
async def test_pages_of_other_origins_may_not_connect(tmp_path: Path, origin: str, *, admitted: bool) -> None:
    config = ClientServerConfig(port=0, allowed_origins=("https://friend.example",))
    async with running_server(tmp_path, config=config) as served:
        connecting = served.client(additional_headers={"Origin": origin})
        if admitted:
            async with connecting as client:
                assert (await ask(client, action="ping"))["action"] == "pong"
        else:
            with pytest.raises(InvalidStatus) as caught:
                await connecting
            assert caught.value.response.status_code == 403


async def test_other_paths_and_too_many_clients_are_refused(tmp_path: Path) -> None:
    config = ClientServerConfig(port=0, max_clients=1)
    async with running_server(tmp_path, config=config) as served, served.client() as client:
        await ask(client, action="ping")
        with pytest.raises(InvalidStatus) as caught:
            await served.client()
        assert caught.value.response.status_code == 503
        with pytest.raises(InvalidStatus) as caught:
            await served.client("/admin")
        assert caught.value.response.status_code == 404
        assert served.server.stats()["refused_connections"] == 2


async def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = ClientServerConfig(port=taken.getsockname()[1])
        with pytest.raises(EnvironmentFault, match="is in use"):
            async with running_server(tmp_path, config=config):
                pass


async def test_stopping_says_goodbye(tmp_path: Path) -> None:
    async with running_server(tmp_path) as served:
        client = await served.client()
        await ask(client, action="ping")
    with pytest.raises(ConnectionClosed) as caught:
        await receive(client)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    await client.close()


async def test_the_newest_come_from_the_cache_when_it_holds_enough(tmp_path: Path) -> None:
    clock = ManualClock(START_MS + 200 * MINUTE)
    stored = [kline(index, base="ETH") for index in range(200)]
    async with running_server(tmp_path, klines=stored, clock=clock) as served, served.client() as client:
        for limit in (10, 50, 10):
            answer = await ask(client, action="query", **ETH, limit=limit)
            assert [row["open_time"] for row in answer["data"]] == [START_MS + index * MINUTE for index in range(200 - limit, 200)]
            assert answer["has_more"]
        assert len(served.store.reads) == 1
        answer = await ask(client, action="query", **ETH, limit=200)
        assert (answer["total"], answer["has_more"]) == (200, False)
        answer = await ask(client, action="query", **ETH, start_ms=START_MS + 500 * MINUTE)
        assert (answer["success"], answer["total"]) == (True, 0)
        answer = await ask(client, action="query", **ETH, end_ms=0)
        assert (answer["success"], answer["total"]) == (True, 0)


async def test_a_failed_read_is_not_kept(tmp_path: Path) -> None:
    clock = ManualClock(START_MS + 60 * MINUTE)
    async with running_server(tmp_path, klines=[kline(0, base="ETH")], clock=clock) as served, served.client() as client:
        served.store.failure = StoreUnavailable("away")
        assert (await ask(client, action="query", **ETH, start_ms=START_MS))["error"]["code"] == "unavailable"
        served.store.failure = None
        assert (await ask(client, action="query", **ETH, start_ms=START_MS))["total"] == 1


async def test_a_client_that_owes_a_key_for_too_long_is_sent_away(tmp_path: Path) -> None:
    config = ClientServerConfig(port=0, require_key=True, key_check_s=0.02, handshake_s=0.05)
    async with running_server(tmp_path, config=config) as served, served.client() as client:
        with pytest.raises(ConnectionClosed) as caught:
            await receive(client)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "an access key is needed")


async def test_a_burst_larger_than_a_flush_reaches_everyone(tmp_path: Path) -> None:
    async with running_server(tmp_path) as served:
        clients = [await served.client() for _ in range(20)]
        for client in clients:
            await ask(client, action="subscribe", **ETH)
        sent = [kline(index, base="ETH") for index in range(3_000)]
        publishing = asyncio.create_task(served.bus.publish([batch(*sent)]))

        async def opens(client: ClientConnection) -> list[int]:
            return [(await receive(client))["data"][0]["open_time"] for _ in range(3_000)]

        received = await asyncio.gather(*(opens(client) for client in clients))
        await publishing
        assert all(item == [event.open_time for event in sent] for item in received)
        assert served.server.stats()["delivered"] == 60_000
        for client in clients:
            await client.close()


async def test_the_service_runs_again_after_it_was_stopped(tmp_path: Path) -> None:
    async with running_server(tmp_path, klines=[kline(0, base="ETH")]) as served:
        async with served.client() as client:
            await ask(client, action="subscribe", **ETH)
            await served.restart()
            with pytest.raises(ConnectionClosed):
                await receive(client)
        async with served.client() as client:
            assert (await ask(client, action="query", **ETH))["total"] == 1
            await ask(client, action="subscribe", **ETH)
            await served.bus.publish([batch(kline(0, base="ETH"))])
            assert (await receive(client))["action"] == "kline_update"
            assert served.server.stats()["subscriptions"] == 1
