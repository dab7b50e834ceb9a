"""The simulator's trading side, asked by a client with its own signing: keys, orders, streams, accounts, faults, the judge."""

from __future__ import annotations

import asyncio
import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support.simulator import eventually, receive, until
from tests.support.trader import API, PREFIX, QUANTITY, Trader, sign, trading

from quantservice.simulator.config import MarketName
from quantservice.simulator.private.config import READ_ONLY_KEY, WITHDRAWAL_KEY, OrderLimits, venue_order_limits

MARKETS: tuple[MarketName, ...] = ("spot", "um", "cm")
FUTURES: tuple[MarketName, ...] = ("um", "cm")


@pytest.mark.parametrize("market", MARKETS)
async def test_a_limit_order_lives_and_dies(market: MarketName) -> None:
    async with trading(market) as trader:
        placed = await trader.limit("first-1")
        assert (placed["status"], placed["clientOrderId"], placed["origQty"][:2]) == ("NEW", "first-1", QUANTITY[market][:2])
        (opened,) = await trader.good("GET", "openOrders", symbol=trader.symbol)
        asked = await trader.good("GET", "order", symbol=trader.symbol, origClientOrderId="first-1")
        assert opened == asked
        assert asked["orderId"] == placed["orderId"]
        duplicate = await trader.code("POST", "order", **await trader.limit_params("first-1"))
        assert duplicate == (400, -2010 if market == "spot" else -4116)
        cancelled = await trader.good("DELETE", "order", symbol=trader.symbol, orderId=placed["orderId"])
        assert cancelled["status"] == "CANCELED"
        assert await trader.code("DELETE", "order", symbol=trader.symbol, orderId=placed["orderId"]) == (400, -2011)
        assert await trader.code("GET", "order", symbol=trader.symbol, origClientOrderId="other") == (400, -2013)
        assert await trader.good("GET", "openOrders") == []
        (again,) = await trader.good("GET", "allOrders", symbol=trader.symbol)
        assert again["status"] == "CANCELED"
        # an id is free again once its order has ended
        assert (await trader.limit("first-1"))["orderId"] > placed["orderId"]
        orders = (await trader.ledger())["orders"]
        assert [order["client_id"] for order in orders] == ["first-1", "first-1"]


@pytest.mark.parametrize("market", MARKETS)
async def test_a_market_order_fills_and_the_money_agrees(market: MarketName) -> None:
    async with trading(market) as trader:
        answer = await trader.market_order("m-1", newOrderRespType="RESULT" if market != "spot" else "FULL")
        assert answer["status"] == "FILLED"
        fills = await trader.good("GET", "myTrades" if market == "spot" else "userTrades", symbol=trader.symbol)
        assert sum(Decimal(fill["qty"]) for fill in fills) == Decimal(QUANTITY[market])
        ledger = await trader.ledger()
        assert [fill["trade_id"] for fill in ledger["fills"]] == [fill["id"] for fill in fills]
        wallets = {currency: Decimal(amount) for currency, amount in ledger["wallets"]["main"].items()}
        if market == "spot":
            shown = {row["asset"]: Decimal(row["free"]) for row in (await trader.good("GET", "account"))["balances"]}
            assert shown == wallets
            fee = sum(Decimal(fill["commission"]) for fill in fills)
            assert shown["BTC"] == 1 + Decimal(QUANTITY["spot"]) - fee
            return
        balances = {row["asset"]: Decimal(row["balance"]) for row in await trader.good("GET", "balance")}
        assert balances == wallets
        (position,) = await trader.good("GET", "positionRisk", symbol=trader.symbol)
        assert Decimal(position["positionAmt"]) == Decimal(QUANTITY[market])
        incomes = await trader.good("GET", "income", limit=1000)
        start = {"um": {"USDT": Decimal(100_000)}, "cm": {"BTC": Decimal(2), "ETH": Decimal(30)}}[market]
        assert {row["asset"] for row in incomes} == set(start)
        for currency, wallet in wallets.items():
            assert sum(Decimal(row["income"]) for row in incomes if row["asset"] == currency) == wallet
        assert [row["incomeType"] for row in incomes if row["tradeId"]] == ["COMMISSION"] * len(fills)


async def test_an_acknowledgement_does_not_tell_the_fill() -> None:
    async with trading("um") as trader:
        answer = await trader.market_order("m-1")
        assert (answer["status"], Decimal(answer["executedQty"])) == ("NEW", Decimal(0))
        found = await trader.good("GET", "order", symbol=trader.symbol, origClientOrderId="m-1")
        assert found["status"] == "FILLED"
        assert Decimal(found["avgPrice"]) > 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": ""}, (401, -2014)),
        ({"key": "NoSuchKey" * 7}, (401, -2015)),
        ({"key": READ_ONLY_KEY}, (401, -2015)),
        ({"secret": "wrong"}, (400, -1022)),
        ({"timestamp": -10_000}, (400, -1021)),
        ({"timestamp": 5_000}, (400, -1021)),
        ({"recvWindow": 70_000}, (400, -1131)),
        ({"quantity": "0.0000001"}, (400, -1111)),
        ({"price": "90000.001"}, (400, -4014)),
        ({"quantity": "NaN"}, (400, -1100)),
        ({"symbol": "NOSUCH"}, (400, -1121)),
        ({"side": "HOLD"}, (400, -1117)),
        ({"type": "STOP_MARKET", "stopPrice": "95000"}, (400, -4120)),
        ({"quantity": "900"}, (400, -2019)),
        ({"reduceOnly": "true"}, (400, -2022)),
        ({"positionSide": "LONG"}, (400, -4061)),
        ({"newClientOrderId": "no spaces allowed"}, (400, -1100)),
    ],
)
async def test_a_bad_order_is_refused_with_the_venues_code(change: dict[str, Any], expected: tuple[int, int]) -> None:
    async with trading("um") as trader:
        params = await trader.limit_params("bad-1")
        trader.key, trader.secret = change.pop("key", trader.key), change.pop("secret", trader.secret)
        if "timestamp" in change:
            change["timestamp"] += trader.now_ms
        assert await trader.code("POST", "order", **params | change) == expected
        assert (await trader.ledger())["orders"] == []


@pytest.mark.parametrize(
    ("market", "ahead_ms", "code"), [("um", 600_000, -5040), ("um", 10**15, -5040), ("um", 660_000, None), ("cm", 660_000, -1115)]
)
async def test_an_order_with_an_end_lives_longer_than_ten_minutes(market: Any, ahead_ms: int, code: int | None) -> None:
    async with trading(market) as trader:
        params = await trader.limit_params("gtd-1") | {"timeInForce": "GTD", "goodTillDate": str(trader.now_ms + ahead_ms)}
        if code is None:
            assert (await trader.good("POST", "order", **params))["status"] == "NEW"
        else:
            assert await trader.code("POST", "order", **params) == (400, code)
            assert (await trader.ledger())["orders"] == []


async def test_the_right_to_withdraw_is_named() -> None:
    async with trading("spot") as trader:
        path = "/sapi/v1/account/apiRestrictions"
        assert (await trader.good("GET", path))["enableWithdrawals"] is False
        trader.key = WITHDRAWAL_KEY
        assert (await trader.good("GET", path))["enableWithdrawals"] is True


async def test_an_ed25519_key_signs_requests_and_logs_a_session_on() -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signed(text: str) -> str:
        return base64.b64encode(private.sign(text.encode())).decode()

    async with trading("um") as trader:
        await trader.outside("keys", without_market=True, key="Ed25519Key" * 4, public_key=public, account="second")
        trader.key = "Ed25519Key" * 4
        socket = await trader.client.connect(API["um"])

        async def call(method: str, **params: Any) -> Any:
            await socket.send_json({"id": method, "method": method, "params": params})
            return await until(socket, lambda message: message.get("id") == method)

        asked = {"apiKey": trader.key, "timestamp": trader.now_ms}
        text = "&".join(f"{name}={value}" for name, value in asked.items())
        assert (await call("session.logon", **asked, signature=signed(text + "0")))["error"]["code"] == -1022
        assert (await call("session.logon", **asked, signature=signed(text)))["result"]["apiKey"] == trader.key
        # a session that logged on signs no more
        placed = await call("order.place", **await trader.limit_params("ed-1"), timestamp=trader.now_ms)
        assert placed["result"]["clientOrderId"] == "ed-1"
        query = urlencode({"timestamp": trader.now_ms})
        status, body, _headers = await trader.ask(
            "GET", f"openOrders?{query}&{urlencode({'signature': signed(query)})}", plain=True
        )
        assert (status, [order["clientOrderId"] for order in body]) == (200, ["ed-1"])
        assert [order["account"] for order in (await trader.ledger())["orders"]] == ["second"]


async def test_too_many_orders_are_refused_without_a_time_to_wait() -> None:
    limits = venue_order_limits() | {"um": OrderLimits(per_10s=3)}
    async with trading("um", order_limits=limits) as trader:
        for number in range(3):
            await trader.limit(f"n-{number}")
        status, body, headers = await trader.ask("POST", "order", **await trader.limit_params("n-3"))
        assert (status, body["code"]) == (429, -1015)
        assert "Retry-After" not in headers
        assert headers["X-MBX-USED-WEIGHT-1M"]
        assert trader.client.violations["um.order_count"]["count"] == 1
        # cancels are not counted
        assert (await trader.good("DELETE", "allOpenOrders", symbol=trader.symbol))["code"] == 200


async def events(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> tuple[list[Any], Any]:
    """Read to the first event of a kind (``EVENT.EXECUTION``); return what came before it, and it."""
    before: list[Any] = []
    async with asyncio.timeout(10):
        while True:
            message = await receive(socket)
            event = message.get("event", message)
            name = f"{event['e']}.{event.get('x') or event.get('o', {}).get('x') or event.get('a', {}).get('m', '')}"
            if name == wanted:
                return before, event
            before.append(name)


@pytest.mark.parametrize("market", FUTURES)
async def test_the_futures_stream_tells_an_orders_life(market: MarketName) -> None:
    async with trading(market) as trader:
        socket = await trader.stream()
        await trader.limit("s-1")
        _before, new = await events(socket, "ORDER_TRADE_UPDATE.NEW")
        assert (new["o"]["c"], new["o"]["X"]) == ("s-1", "NEW")
        await trader.good("DELETE", "order", symbol=trader.symbol, origClientOrderId="s-1")
        _before, gone = await events(socket, "ORDER_TRADE_UPDATE.CANCELED")
        assert gone["o"]["i"] == new["o"]["i"]
        await trader.market_order("s-2")
        before, trade = await events(socket, "ORDER_TRADE_UPDATE.TRADE")
        assert before[:2] == ["ORDER_TRADE_UPDATE.NEW", "ACCOUNT_UPDATE.ORDER"]
        fills = await trader.good("GET", "userTrades", symbol=trader.symbol)
        assert (trade["o"]["t"], trade["o"]["L"], trade["o"]["n"]) == (fills[0]["id"], fills[0]["price"], fills[0]["commission"])
        await trader.outside("transfers", currency="USDT" if market == "um" else "BTC", amount="5")
        _before, money = await events(socket, "ACCOUNT_UPDATE.DEPOSIT")
        assert money["a"]["B"][0]["bc"] == "5.00000000"


async def test_the_spot_stream_tells_an_orders_life() -> None:
    async with trading("spot") as trader:
        socket = await trader.stream()
        await trader.limit("s-1")
        _before, new = await events(socket, "executionReport.NEW")
        assert (new["c"], new["X"]) == ("s-1", "NEW")
        _before, money = await events(socket, "outboundAccountPosition.")
        locked = {row["a"]: Decimal(row["l"]) for row in money["B"]}
        assert locked["USDT"] == Decimal(new["p"]) * Decimal(new["q"])
        await trader.good("DELETE", "order", symbol=trader.symbol, origClientOrderId="s-1", newClientOrderId="c-1")
        _before, gone = await events(socket, "executionReport.CANCELED")
        assert (gone["c"], gone["C"]) == ("c-1", "s-1")
        await trader.market_order("s-2")
        _before, trade = await events(socket, "executionReport.TRADE")
        assert trade["t"] == (await trader.good("GET", "myTrades", symbol=trader.symbol))[0]["id"]


@pytest.mark.parametrize("market", MARKETS)
async def test_the_ws_api_places_queries_and_cancels(market: MarketName) -> None:
    async with trading(market) as trader:
        socket = await trader.client.connect(API[market])

        async def call(method: str, **params: Any) -> Any:
            await socket.send_json({"id": method, "method": method, "params": trader.signed(params)})
            return await until(socket, lambda message: message.get("id") == method)

        placed = await call("order.place", **await trader.limit_params("w-1"))
        assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
        assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
        found = await call("order.status", symbol=trader.symbol, origClientOrderId="w-1")
        assert found["result"]["orderId"] == placed["result"]["orderId"]
        assert (await call("order.cancel", symbol=trader.symbol, origClientOrderId="w-1"))["result"]["status"] == "CANCELED"
        again = await call("order.cancel", symbol=trader.symbol, origClientOrderId="w-1")
        assert (again["status"], again["error"]["code"]) == (400, -2011)
        trader.secret = "wrong"
        assert (await call("order.place", **await trader.limit_params("w-2")))["error"]["code"] == -1022
        assert await trader.client.get(f"{PREFIX[market]}/ping") == {}


async def test_um_conditional_orders_go_to_the_algo_service() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        stop = await trader.price("0.97")
        asked = {"symbol": trader.symbol, "side": "SELL", "type": "STOP_MARKET", "triggerPrice": stop, "closePosition": "true"}
        placed = await trader.good("POST", "algoOrder", algoType="CONDITIONAL", clientAlgoId="stop-1", **asked)
        assert placed["algoStatus"] == "NEW"
        await trader.market_order("m-1")
        assert await trader.good("GET", "openOrders") == []
        (waiting,) = await trader.good("GET", "openAlgoOrders")
        assert waiting["clientAlgoId"] == "stop-1"
        await trader.outside("trades", symbol=trader.symbol, price=stop, quantity="0.001")
        _before, closing = await events(socket, "ORDER_TRADE_UPDATE.TRADE")
        while closing["o"]["c"] != "stop-1":
            _before, closing = await events(socket, "ORDER_TRADE_UPDATE.TRADE")
        done = await trader.good("GET", "algoOrder", clientAlgoId="stop-1")
        assert (done["algoStatus"], done["actualOrderId"]) == ("FINISHED", str(closing["o"]["i"]))
        assert await trader.good("GET", "/fapi/v3/positionRisk") == []


async def test_amending_batches_and_the_dead_man() -> None:
    async with trading("um") as trader:
        params = await trader.limit_params("b-1")
        del params["newClientOrderId"]
        items = [params | {"newClientOrderId": "b-1"}, params | {"newClientOrderId": "b-2", "side": "HOLD"}]
        first, second = await trader.good("POST", "batchOrders", batchOrders=json.dumps(items))
        assert (first["clientOrderId"], second["code"]) == ("b-1", -1117)
        lower = await trader.price("0.94")
        changed = await trader.good(
            "PUT", "order", symbol=trader.symbol, side="BUY", origClientOrderId="b-1", price=lower, quantity="0.020"
        )
        assert (Decimal(changed["price"]), changed["origQty"]) == (Decimal(lower), "0.020")
        socket = await trader.stream()
        timer = await trader.good("POST", "countdownCancelAll", symbol=trader.symbol, countdownTime=60)
        assert timer == {"symbol": trader.symbol, "countdownTime": "60"}
        await events(socket, "ORDER_TRADE_UPDATE.CANCELED")
        assert await trader.good("GET", "openOrders") == []
        assert (await trader.ledger())["orders"][0]["reason"] == "countdown"


async def test_spot_cancel_replace_tells_of_both_legs() -> None:
    async with trading("spot") as trader:
        await trader.limit("r-1")
        params = await trader.limit_params("r-2")
        replaced = await trader.good(
            "POST", "order/cancelReplace", cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="r-1", **params
        )
        assert replaced["newOrderResponse"]["clientOrderId"] == "r-2"
        status, body, _headers = await trader.ask(
            "POST",
            "order/cancelReplace",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrigClientOrderId="r-2",
            **params | {"newClientOrderId": "r-3", "quantity": "0.000001"},
        )
        assert (status, body["code"], body["data"]["cancelResult"]) == (409, -2021, "SUCCESS")
        assert (await trader.ledger())["orders"][-1]["status"] == "CANCELED"


async def test_spot_amend_makes_an_order_smaller_under_a_new_id() -> None:
    async with trading("spot") as trader:
        socket = await trader.stream()
        placed = await trader.limit("a-1")
        path, ids = "order/amend/keepPriority", {"symbol": trader.symbol, "orderId": placed["orderId"]}
        assert await trader.code("PUT", path, **ids, newQty="0.02") == (400, -2038)
        amended = (await trader.good("PUT", path, **ids, newQty="0.004", newClientOrderId="a-2"))["amendedOrder"]
        assert (amended["origClientOrderId"], amended["clientOrderId"], amended["qty"]) == ("a-1", "a-2", "0.00400000")
        _before, told = await events(socket, "executionReport.REPLACED")
        assert (told["c"], told["q"]) == ("a-2", "0.00400000")
        assert (await trader.good("GET", "order", symbol=trader.symbol, origClientOrderId="a-2"))["origQty"] == "0.00400000"


async def test_a_far_price_is_bound_on_the_side_that_would_trade_badly() -> None:
    async with trading("um") as trader:
        await trader.limit("far-1", factor="0.5")
        assert await trader.code("POST", "order", **await trader.limit_params("far-2", factor="1.3")) == (400, -4016)
        assert await trader.code("POST", "order", **await trader.limit_params("far-3", side="SELL", factor="0.7")) == (400, -4024)
        ask = await trader.limit_params("maker-1", factor="1.01") | {"timeInForce": "GTX"}
        assert await trader.code("POST", "order", **ask) == (400, -5022)
        assert [order["client_id"] for order in (await trader.ledger())["orders"]] == ["far-1"]


async def test_a_cancel_loses_the_race_against_a_fill() -> None:
    async with trading("um") as trader:
        placed = await trader.limit("race-1", factor="0.99")
        served = await trader.outside("trades", symbol=trader.symbol, price=placed["price"], quantity="5", buyer_is_maker=True)
        assert served == {"fills": 1}
        assert await trader.code("DELETE", "order", symbol=trader.symbol, origClientOrderId="race-1") == (400, -2011)
        (fill,) = await trader.good("GET", "userTrades", symbol=trader.symbol)
        assert (fill["maker"], fill["price"], fill["qty"]) == (True, placed["price"], QUANTITY["um"])


async def test_account_settings_are_kept_and_refused_when_nothing_changes() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        assert (await trader.good("POST", "leverage", symbol=trader.symbol, leverage=7))["leverage"] == 7
        assert (await receive(socket))["ac"] == {"s": trader.symbol, "l": 7}
        assert await trader.code("POST", "leverage", symbol=trader.symbol, leverage=500) == (400, -4028)
        await trader.good("POST", "marginType", symbol=trader.symbol, marginType="ISOLATED")
        assert await trader.code("POST", "marginType", symbol=trader.symbol, marginType="ISOLATED") == (400, -4046)
        await trader.good("POST", "positionSide/dual", dualSidePosition="true")
        assert await trader.code("POST", "positionSide/dual", dualSidePosition="true") == (400, -4059)
        await trader.market_order("h-1", side="SELL", positionSide="SHORT")
        legs = {row["positionSide"]: row for row in await trader.good("GET", "/fapi/v2/positionRisk", symbol=trader.symbol)}
        assert (legs["SHORT"]["positionAmt"], legs["SHORT"]["leverage"]) == ("-0.010", "7")
        assert await trader.code("POST", "positionSide/dual", dualSidePosition="false") == (400, -4068)


async def cut(trader: Trader, method: str, path: str, **params: Any) -> None:
    """Send a request whose connection is cut under it."""
    with pytest.raises(aiohttp.ClientError):
        await trader.ask(method, path, **params)


@pytest.mark.parametrize("market", MARKETS)
async def test_lost_requests_and_lost_answers(market: MarketName) -> None:
    async with trading(market) as trader:
        await trader.client.fault(kind="lost_request", market=market, method="POST", count=1)
        await cut(trader, "POST", "order", **await trader.limit_params("lost-1"))
        assert await trader.code("GET", "order", symbol=trader.symbol, origClientOrderId="lost-1") == (400, -2013)
        await trader.client.fault(kind="lost_answer", market=market, method="POST", count=1)
        await cut(trader, "POST", "order", **await trader.limit_params("lost-2"))
        assert (await trader.good("GET", "order", symbol=trader.symbol, origClientOrderId="lost-2"))["status"] == "NEW"


async def test_a_held_request_arrives_after_its_connection_is_gone() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        await trader.client.fault(kind="held_request", market="um", method="POST", path="order", delay_s=0.3, to="cut", count=1)
        await cut(trader, "POST", "order", **await trader.limit_params("held-1"))
        assert await trader.code("GET", "order", symbol=trader.symbol, origClientOrderId="held-1") == (400, -2013)
        _before, new = await events(socket, "ORDER_TRADE_UPDATE.NEW")
        assert new["o"]["c"] == "held-1"
        # held beyond its time window it is refused at the venue's door
        await trader.client.fault(kind="held_request", market="um", method="POST", path="order", delay_s=0.3, count=1)
        late = await trader.limit_params("held-2") | {"recvWindow": 100}
        assert await trader.code("POST", "order", **late) == (400, -1021)


@pytest.mark.parametrize(
    ("sort", "executed", "status", "code"),
    [
        ("timeout", True, 408, -1007),
        ("timeout", False, 408, -1007),
        ("unknown", True, 503, None),
        ("unavailable", False, 503, None),
        ("throttled", False, 503, -1008),
        ("too_many_orders", False, 429, -1015),
    ],
)
async def test_errors_of_an_order_say_or_hide_what_became_of_it(sort: str, executed: bool, status: int, code: int | None) -> None:
    async with trading("um") as trader:
        await trader.client.fault(kind="order_error", market="um", sort=sort, executed=executed, count=1)
        got, body, _headers = await trader.ask("POST", "order", **await trader.limit_params("e-1"))
        assert (got, body.get("code")) == (status, code)
        assert len((await trader.ledger())["orders"]) == int(executed)


async def test_stale_reads_show_the_past() -> None:
    async with trading("um") as trader:
        await trader.client.fault(kind="stale_reads", market="um", delay_s=60)
        await trader.limit("stale-1")
        assert await trader.code("GET", "order", symbol=trader.symbol, origClientOrderId="stale-1") == (400, -2013)
        assert await trader.good("GET", "openOrders") == []
        await trader.client.session.delete(trader.client.simulator.rest_url + "/_faults")
        assert len(await trader.good("GET", "openOrders")) == 1


async def test_events_are_dropped_doubled_late_and_out_of_order() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        await trader.client.fault(kind="drop_event", market="um", stream="ORDER_TRADE_UPDATE.NEW", count=1)
        await trader.limit("x-1")
        await trader.client.fault(kind="duplicate_event", market="um", stream="ORDER_TRADE_UPDATE.NEW", count=1)
        await trader.limit("x-2")
        names = []
        for _ in range(2):
            _before, event = await events(socket, "ORDER_TRADE_UPDATE.NEW")
            names.append(event["o"]["c"])
        assert names == ["x-2", "x-2"]
        await trader.client.fault(kind="reorder_event", market="um", stream="ORDER_TRADE_UPDATE.NEW", count=1)
        await trader.limit("x-3")
        await trader.limit("x-4")
        names = [(await events(socket, "ORDER_TRADE_UPDATE.NEW"))[1]["o"]["c"] for _ in range(2)]
        assert names == ["x-4", "x-3"]
        await trader.client.fault(kind="late_event", market="um", stream="ORDER_TRADE_UPDATE.NEW", delay_s=0.2, count=1)
        await trader.limit("x-5")
        await trader.limit("x-6")
        names = [(await events(socket, "ORDER_TRADE_UPDATE.NEW"))[1]["o"]["c"] for _ in range(2)]
        assert names == ["x-6", "x-5"]


@pytest.mark.parametrize("market", FUTURES)
async def test_a_listen_key_ends(market: MarketName) -> None:
    async with trading(market) as trader:
        socket = await trader.stream()
        await trader.client.fault(kind="expire_listen_key", market=market)
        assert (await receive(socket))["e"] == "listenKeyExpired"
        assert await trader.code("PUT", "listenKey", plain=True) == (400, -1125)
        again = await trader.stream()
        await trader.limit("k-1")
        _before, new = await events(again, "ORDER_TRADE_UPDATE.NEW")
        assert new["o"]["c"] == "k-1"


@pytest.mark.parametrize("market", FUTURES)
async def test_what_happens_from_outside_is_told(market: MarketName) -> None:
    async with trading(market) as trader:
        socket = await trader.stream()
        await trader.outside("orders", symbol=trader.symbol, side="buy", quantity=QUANTITY[market])
        _before, manual = await events(socket, "ORDER_TRADE_UPDATE.TRADE")
        assert manual["o"]["c"].startswith("web_")
        await trader.outside("liquidations", symbol=trader.symbol)
        _before, closed = await events(socket, "ORDER_TRADE_UPDATE.CALCULATED")
        assert closed["o"]["c"].startswith("autoclose-")
        await trader.outside("orders", symbol=trader.symbol, side="sell", quantity=QUANTITY[market])
        await trader.outside("adl", symbol=trader.symbol)
        forced = await trader.good("GET", "forceOrders")
        assert [order["clientOrderId"][:9] for order in forced] == ["autoclose", "adl_autoc"]


async def test_a_muted_stream_speaks_again_when_the_fault_is_lifted() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        (connection,) = trader.client.simulator.trading.hubs["um"].connections.values()  # type: ignore[union-attr]  # it trades
        number = await trader.client.fault(kind="mute", market="um", path="/um/private")
        await eventually(lambda: connection.muted)
        await trader.limit("mute-1")
        await trader.client.session.delete(f"{trader.client.simulator.rest_url}/_faults/{number}")
        await eventually(lambda: not connection.muted)
        await trader.limit("mute-2")
        _before, event = await events(socket, "ORDER_TRADE_UPDATE.NEW")
        assert event["o"]["c"] == "mute-2"


async def test_maintenance_a_dead_stream_and_a_skewed_clock() -> None:
    async with trading("um") as trader:
        socket = await trader.stream()
        await trader.client.fault(kind="dead_stream", market="um")
        await trader.limit("d-1")
        await trader.client.session.delete(trader.client.simulator.rest_url + "/_faults")
        await trader.limit("d-2")
        _before, event = await events(socket, "ORDER_TRADE_UPDATE.NEW")
        assert event["o"]["c"] == "d-2"
        await trader.client.fault(kind="clock_skew", skew_ms=8_000)
        stamp = trader.client.simulator.clock.now_ms()
        await eventually(lambda: trader.client.simulator.clock.skew_ms != 0)
        assert await trader.code("GET", "openOrders", timestamp=stamp) == (400, -1021)
        await trader.client.fault(kind="maintenance", market="um")
        status, _body, _headers = await trader.ask("GET", "openOrders")
        assert status == 503
        assert (await trader.client.get("/sapi/v1/system/status"))["status"] == 1
        async with asyncio.timeout(10):
            while not socket.closed:
                await socket.receive()


async def test_funding_is_paid_at_the_published_rate() -> None:
    from quantservice.simulator.config import SimulatorConfig

    eight_hours = 8 * 3_600_000
    border = 1_780_000_215_000 // eight_hours * eight_hours + eight_hours
    async with trading("um", SimulatorConfig(start_ms=border - 60_000, speed=60)) as trader:
        socket = await trader.stream()
        await trader.market_order("f-1")
        _before, told = await events(socket, "ACCOUNT_UPDATE.FUNDING_FEE")
        rows = await trader.good("GET", "income", incomeType="FUNDING_FEE")
        (rate,) = await trader.client.get("/fapi/v1/fundingRate", symbol=trader.symbol, startTime=border, limit=1)
        paid = -Decimal(rate["markPrice"]) * Decimal("0.010") * Decimal(rate["fundingRate"])
        assert Decimal(rows[0]["income"]) == round(paid, 8)
        assert (rows[0]["time"], told["a"]["B"][0]["bc"]) == (border, rows[0]["income"])


def test_the_recorded_signing_vectors(data_dir: Path) -> None:
    vectors = json.loads((data_dir / "rest_messages" / "binance_signing_vectors.json").read_text())
    assert [sign(vector["payload"], vector["secret"]) for vector in vectors] == [vector["signature"] for vector in vectors]
