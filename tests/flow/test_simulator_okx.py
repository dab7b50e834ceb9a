"""The simulated OKX over its own protocol: orders, codes, keys, limits, channels; the ledger is the judge."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, get_args

import aiohttp
import pytest
from tests.support.okx_trader import KIND, SIZE, Market, OkxTrader, trading
from tests.support.simulator import closes, collect, receive, until

MARKETS = get_args(Market)
D = Decimal


# --- orders ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
async def test_an_order_lives_and_ends_as_the_venue_says(market: Market) -> None:
    async with trading(market) as trader:
        placed = await trader.resting("a1")
        assert (placed["sCode"], placed["clOrdId"]) == ("0", "a1")
        (found,) = await trader.good("GET", "trade/order", instId=trader.inst_id, clOrdId="a1")
        assert (found["ordId"], found["state"], found["sz"], found["accFillSz"]) == (placed["ordId"], "live", SIZE[market], "0")
        assert [row["ordId"] for row in await trader.good("GET", "trade/orders-pending", instType=KIND[market])] == [
            placed["ordId"]
        ]
        size = str(D(SIZE[market]) / 2)
        await trader.good("POST", "trade/amend-order", {"instId": trader.inst_id, "clOrdId": "a1", "newSz": size})
        (found,) = await trader.good("GET", "trade/order", instId=trader.inst_id, ordId=placed["ordId"])
        assert D(found["sz"]) == D(size)
        await trader.good("POST", "trade/cancel-order", {"instId": trader.inst_id, "ordId": placed["ordId"]})
        (found,) = await trader.good("GET", "trade/orders-history", instType=KIND[market])
        assert (found["state"], found["cancelSource"]) == ("canceled", "1")
        body = {"instId": trader.inst_id, "ordId": placed["ordId"]}
        assert await trader.code("POST", "trade/cancel-order", body) == "51400"
        assert await trader.code("POST", "trade/amend-order", body | {"newSz": size}) == "51509"
        assert await trader.code("GET", "trade/order", instId=trader.inst_id, clOrdId="nobody") == "51603"


@pytest.mark.parametrize("market", MARKETS)
async def test_sizes_are_contracts_on_swaps_and_the_ledger_counts_coins(market: Market) -> None:
    async with trading(market) as trader:
        await trader.place("b1")
        rows = await trader.good("GET", "trade/fills", instType=KIND[market])
        assert sum(D(row["fillSz"]) for row in rows) == D(SIZE[market])
        truth = await trader.ledger()
        assert sum(D(row["quantity"]) for row in truth["fills"]) == D("0.01")
        assert all(D(row["fee"]) < 0 for row in rows)
        if market == "um":
            (held,) = await trader.good("GET", "account/positions", instType="SWAP")
            assert (held["pos"], held["posSide"]) == ("1", "net")


@pytest.mark.parametrize("market", MARKETS)
async def test_a_client_id_is_unique_among_open_orders_only(market: Market) -> None:
    async with trading(market) as trader:
        await trader.resting("c1")
        price = await trader.price("0.95")
        assert await trader.code("POST", "trade/order", trader.order("c1", ordType="limit", px=price)) == "51016"
        await trader.good("POST", "trade/cancel-order", {"instId": trader.inst_id, "clOrdId": "c1"})
        again = await trader.resting("c1")
        (found,) = await trader.good("GET", "trade/order", instId=trader.inst_id, clOrdId="c1")
        assert found["ordId"] == again["ordId"], "of several it answers the latest"
        for bad in ("with-dash", "x" * 33):
            assert await trader.code("POST", "trade/order", trader.order(bad)) == "51000"


@pytest.mark.parametrize("market", MARKETS)
async def test_refusals_have_the_venues_codes(market: Market) -> None:
    async with trading(market) as trader:
        price = await trader.price("0.95")

        async def code(**terms: Any) -> str:
            return await trader.code("POST", "trade/order", trader.order("d1", **({"ordType": "limit", "px": price} | terms)))

        assert await code(px=price + ".001") == "51000"
        assert await code(sz="0.00000000001") in ("51121", "51020")
        assert await code(sz="900" if market == "spot" else "900000") == "51008"
        assert await code(px=await trader.price("9")) == "51006"
        assert await code(instId="NOPE-USDT") == "51001"
        assert await code(tdMode="cross" if market == "spot" else "cash") == "51000"
        if market == "um":
            assert await code(posSide="long") == "51000"
            assert await code(ordType="market", side="sell", reduceOnly=True) == "51169"
        assert (await trader.ledger())["orders"] == []


async def test_post_only_that_would_take_is_taken_in_and_cancelled() -> None:
    async with trading("spot") as trader:
        await trader.place("e1", ordType="post_only", px=await trader.price("1.02"))
        (found,) = await trader.good("GET", "trade/order", instId=trader.inst_id, clOrdId="e1")
        assert (found["state"], found["cancelSource"], found["accFillSz"]) == ("canceled", "31", "0")


@pytest.mark.parametrize("market", MARKETS)
async def test_a_conditional_order_waits_with_its_own_service(market: Market) -> None:
    async with trading(market) as trader:
        terms = {"ordType": "conditional", "slTriggerPx": await trader.price("0.9"), "slOrdPx": "-1", "algoClOrdId": "f1"}
        order = {name: value for name, value in trader.order("", side="sell", **terms).items() if name != "clOrdId"}
        (placed,) = await trader.good("POST", "trade/order-algo", order)
        assert await trader.good("GET", "trade/orders-pending") == []
        (waiting,) = await trader.good("GET", "trade/orders-algo-pending", ordType="conditional")
        assert (waiting["algoId"], waiting["state"], waiting["slTriggerPx"]) == (placed["algoId"], "live", terms["slTriggerPx"])
        reached = order | {"slTriggerPx": await trader.price("1.05"), "algoClOrdId": "f2"}
        assert await trader.code("POST", "trade/order-algo", reached) == "51280"
        await trader.good("POST", "trade/cancel-algos", [{"instId": trader.inst_id, "algoId": placed["algoId"]}])
        (found,) = await trader.good("GET", "trade/order-algo", algoClOrdId="f1")
        assert found["state"] == "canceled"


async def test_a_batch_is_answered_order_by_order() -> None:
    async with trading("um") as trader:
        price = await trader.price("0.95")
        orders = [trader.order("g1", ordType="limit", px=price), trader.order("g1", ordType="limit", px=price)]
        status, answer = await trader.ask("POST", "trade/batch-orders", orders)
        assert (status, answer["code"]) == (200, "2")
        assert [row["sCode"] for row in answer["data"]] == ["0", "51016"]
        cancels = [{"instId": trader.inst_id, "clOrdId": name} for name in ("g1", "g2")]
        _, answer = await trader.ask("POST", "trade/cancel-batch-orders", cancels)
        assert [row["sCode"] for row in answer["data"]] == ["0", "51400"]


async def test_cancel_all_after_ends_the_orders_and_has_its_bounds() -> None:
    async with trading("um") as trader:
        await trader.resting("h1")
        assert await trader.code("POST", "trade/cancel-all-after", {"timeOut": "9"}) == "51000"
        trader.exchange.limits.reset()
        await trader.good("POST", "trade/cancel-all-after", {"timeOut": "10"})
        trader.exchange.trade._countdowns["main"] = 0.0  # the ten seconds are over
        trader.exchange.trade.tick()
        (found,) = await trader.good("GET", "trade/order", instId=trader.inst_id, clOrdId="h1")
        assert (found["state"], found["cancelSource"]) == ("canceled", "20")


async def test_spot_and_swaps_share_one_account_and_its_bills_add_up() -> None:
    async with trading("um") as trader:
        await trader.place("i1")
        spot = OkxTrader(trader.client, "spot")
        await spot.place("i2")
        await trader.place("i3", side="sell")
        trader.exchange.engine.settle_funding(trader.inst_id, D("0.0001"), trader.exchange.clock.now_ms())
        bills = await trader.good("GET", "account/bills", begin="1")
        (balance,) = await trader.good("GET", "account/balance")
        cash = {row["ccy"]: D(row["cashBal"]) for row in balance["details"]}
        moved: dict[str, Decimal] = {}
        for bill in bills:
            moved[bill["ccy"]] = moved.get(bill["ccy"], D(0)) + D(bill["balChg"])
        assert moved == cash
        assert {bill["type"] for bill in bills} == {"1", "2"}
        assert len({bill["billId"] for bill in bills}) == len(bills)


# --- keys, time, limits ------------------------------------------------------------------------------------------------------


async def test_a_request_is_signed_by_key_passphrase_and_time() -> None:
    async with trading("spot") as trader:
        assert await trader.code("GET", "account/config", headers={"OK-ACCESS-SIGN": "x"}) == "50113"
        assert await trader.code("GET", "account/config", headers={"OK-ACCESS-PASSPHRASE": "x"}) == "50105"
        assert await trader.code("GET", "account/config", headers={"OK-ACCESS-KEY": "x"}) == "50119"
        assert await trader.code("GET", "account/config", headers={"OK-ACCESS-KEY": ""}) == "50103"
        assert await trader.code("GET", "account/config", headers={"OK-ACCESS-TIMESTAMP": "x"}) == "50112"
        assert await trader.code("GET", "account/config", off_ms=-31_000) == "50102"
        assert await trader.code("GET", "account/config", off_ms=31_000) == "50102"
        status, answer = await trader.ask("GET", "account/config", off_ms=-29_000)
        assert (status, answer["data"][0]["perm"]) == (200, "read_only,trade")
        assert trader.client.violations["okx.bad_key"]["count"] == 4


async def test_a_request_is_not_carried_out_after_its_expiry() -> None:
    async with trading("spot") as trader:
        late = {"expTime": str(trader.client.simulator.clock.server_ms() - 1)}
        assert await trader.code("POST", "trade/order", trader.order("j1"), headers=late) == "51149"
        assert (await trader.ledger())["orders"] == []


async def test_limits_are_per_endpoint_and_instrument() -> None:
    async with trading("um") as trader:
        codes = [(await trader.ask("GET", "account/config"))[1]["code"] for _ in range(6)]
        assert codes == ["0"] * 5 + ["50011"]
        assert trader.client.violations["okx.rate_limit"]["count"] == 1
        assert (await trader.ask("GET", "account/balance"))[1]["code"] == "0"


# --- market data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
async def test_candles_are_paged_and_closed_ones_confirmed(market: Market) -> None:
    async with trading(market) as trader:

        async def ask(**query: Any) -> list[list[str]]:
            return (await trader.client.get("/api/v5/market/candles", instId=trader.inst_id, **query))["data"]  # type: ignore[no-any-return]

        rows = await ask(bar="1m", limit=5)
        assert [row[8] for row in rows] == ["0", "1", "1", "1", "1"]
        older = await ask(bar="1m", limit=3, after=rows[-1][0])
        assert [int(row[0]) for row in older] == [int(rows[-1][0]) - 60_000 * step for step in (1, 2, 3)]
        newer = await ask(bar="1m", before=rows[2][0], limit=100)
        assert [row[0] for row in newer] == [row[0] for row in rows[:2]]
        day, utc = (await ask(bar="1D", limit=1))[0][0], (await ask(bar="1Dutc", limit=1))[0][0]
        assert (int(day) % 86_400_000, int(utc) % 86_400_000) == (57_600_000, 0)
        if market == "um":
            assert D(rows[1][5]) * D("0.01") == D(rows[1][6])


async def test_a_book_is_a_snapshot_and_changes_in_one_line() -> None:
    async with trading("um") as trader:
        socket = await trader.client.connect("/ws/v5/public")
        await socket.send_json({"op": "subscribe", "args": [{"channel": "books", "instId": trader.inst_id}]})
        messages = await collect(socket, lambda found: len(found) > 6)
        books = [message for message in messages if "action" in message]
        assert [message["action"] for message in books] == ["snapshot"] + ["update"] * (len(books) - 1)
        rows = [message["data"][0] for message in books]
        assert (rows[0]["prevSeqId"], rows[0]["checksum"]) == (-1, 0)
        assert [row["prevSeqId"] for row in rows[1:]] == [row["seqId"] for row in rows[:-1]]
        await trader.client.fault(kind="sequence_reset", market="okx-um", count=1)
        reset = await until(socket, lambda message: message["data"][0]["seqId"] < message["data"][0]["prevSeqId"])
        following = await receive(socket)
        assert following["data"][0]["prevSeqId"] == reset["data"][0]["seqId"]


async def test_channels_have_their_own_paths() -> None:
    async with trading("um") as trader:
        for section, channel, good in (("public", "candle1m", False), ("business", "candle1m", True), ("public", "trades", True)):
            socket = await trader.client.connect(f"/ws/v5/{section}")
            await socket.send_json({"op": "subscribe", "args": [{"channel": channel, "instId": trader.inst_id}]})
            answer = await receive(socket)
            assert (answer["event"], answer.get("code")) == (("subscribe", None) if good else ("error", "60018"))
            await socket.close()


async def test_a_silent_connection_is_cut_and_ping_keeps_it() -> None:
    async with trading("um", idle_s=0.3) as trader:
        spoken, silent = await trader.client.connect("/ws/v5/public"), await trader.client.connect("/ws/v5/public")
        ended = asyncio.create_task(closes(silent))
        while not ended.done():
            await spoken.send_str("ping")
            assert (await spoken.receive()).data == "pong"
            await asyncio.wait([ended], timeout=0.1)
        await spoken.send_str("ping")
        assert (await spoken.receive()).data == "pong"


# --- private channels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
async def test_the_orders_channel_begins_with_nothing_and_tells_what_happens(market: Market) -> None:
    async with trading(market) as trader:
        await trader.resting("k1")
        socket = await trader.private({"channel": "orders", "instType": "ANY"})
        await trader.place("k2")
        messages = await collect(socket, lambda found: any(_state(message) == "filled" for message in found))
        rows = [row for message in messages for row in message.get("data", ())]
        assert {row["clOrdId"] for row in rows} == {"k2"}
        assert rows[0]["state"] == "live"
        assert sum(D(row["fillSz"]) for row in rows) == D(SIZE[market])


def _state(message: dict[str, Any]) -> str:
    return str(message.get("data", [{}])[0].get("state", ""))


async def test_a_login_that_is_wrong_says_why() -> None:
    async with trading("um", limit_factor=10) as trader:
        for change, code in (({"sign": "x"}, "60007"), ({"passphrase": "x"}, "60024"), ({"apiKey": "x"}, "60005")):
            socket = await trader.client.connect("/ws/v5/private")
            await socket.send_json({"op": "login", "args": [trader.login() | change]})
            assert (await receive(socket))["code"] == code
            await socket.close()
        socket = await trader.client.connect("/ws/v5/private")
        await socket.send_json({"op": "login", "args": [trader.login(off_s=-40)]})
        assert (await receive(socket))["code"] == "60006"
        await socket.send_json({"op": "subscribe", "args": [{"channel": "account"}]})
        assert (await receive(socket))["code"] == "60011"


async def test_faults_reach_this_protocol() -> None:
    async with trading("um") as trader:
        socket = await trader.private({"channel": "orders", "instType": "SWAP"})
        await trader.client.fault(kind="lost_answer", market="okx-um", path="trade/order", method="POST", count=1)
        with pytest.raises(aiohttp.ClientError):
            await trader.resting("l1")
        await until(socket, lambda message: _state(message) == "live")
        await trader.client.fault(kind="lost_request", market="okx", path="trade/order", count=1)
        with pytest.raises(aiohttp.ClientError):
            await trader.resting("l2")
        await trader.client.fault(kind="order_error", market="okx-um", sort="timeout", executed=True, count=1)
        assert await trader.code("POST", "trade/order", trader.order("l3")) == "50004"
        await trader.client.fault(kind="stale_reads", market="okx-um", delay_s=60, count=1)
        assert await trader.code("GET", "trade/order", instId=trader.inst_id, clOrdId="l1") == "51603"
        await trader.client.fault(kind="maintenance", market="okx", count=1)
        assert (await trader.ask("GET", "account/balance"))[0] == 503
        assert {row["client_id"] for row in (await trader.ledger())["orders"]} == {"l1", "l3"}
