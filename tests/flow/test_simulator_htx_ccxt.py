"""ccxt, a client that knows nothing of this project, trades at the simulator's HTX unchanged but for its URLs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.trader import Trader, trading

ccxtpro = pytest.importorskip("ccxt.pro")

MARKETS: list[tuple[str, str]] = [("htx.spot", "BTC/USDT"), ("htx.um", "BTC/USDT:USDT")]


def point_at(trader: Trader, market: str) -> Any:
    """Return ccxt's HTX whose hosts and key are the simulator's."""
    kind = {"spot": market == "htx.spot", "linear": market == "htx.um", "inverse": False}
    exchange = ccxtpro.htx(
        {
            "apiKey": trader.key,
            "secret": trader.secret,
            "options": {
                "fetchMarkets": {"types": kind},
                "fetchCurrencies": False,
                "adjustForTimeDifference": True,
                "defaultType": "spot" if market == "htx.spot" else "swap",
                "fetchOHLCV": {"useHistoricalEndpointForSpot": False},
            },
        }
    )
    host = f"127.0.0.1:{trader.client.simulator.port}"
    exchange.hostname = host
    exchange.has["fetchCurrencies"] = False
    hosts = exchange.urls["hostnames"]
    for name in hosts:
        hosts[name] = host
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            api[name] = url.replace("https://", "http://")
    _point_sockets(exchange.urls["api"]["ws"], host)
    return exchange


def _point_sockets(urls: dict[str, Any], host: str) -> None:
    for name, url in urls.items():
        if isinstance(url, dict):
            _point_sockets(url, host)
        else:
            urls[name] = url.replace("wss://", "ws://").replace("api.hbdm.vn", host)


async def test_ccxt_places_queries_and_cancels_at_spot() -> None:
    symbol, amount = "BTC/USDT", 0.01
    async with trading("spot") as trader:
        exchange = point_at(trader, "htx.spot")
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                price = float(await trader.price("0.95"))
                placed = await exchange.create_order(symbol, "limit", "buy", amount, price)
                found = await exchange.fetch_order(placed["id"], symbol)
                assert (found["id"], found["price"], found["amount"], found["status"]) == (placed["id"], price, amount, "open")
                assert [order["id"] for order in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
                await exchange.cancel_order(placed["id"], symbol)
                assert (await exchange.fetch_order(placed["id"], symbol))["status"] == "canceled"
                bought = await exchange.create_order(symbol, "limit", "buy", amount, round(price * 1.1))
                done = await exchange.fetch_order(bought["id"], symbol)
                assert (done["status"], done["filled"]) == ("closed", amount)
                trades = await exchange.fetch_my_trades(symbol)
                assert sum(trade["amount"] for trade in trades) == pytest.approx(amount)
                own = await ledger(trader, "htx.spot")
                assert {order["order_id"] for order in own["orders"]} == {int(placed["id"]), int(bought["id"])}
                balance = await exchange.fetch_balance()
                assert balance["BTC"]["total"] == pytest.approx(float(own["wallets"]["main"]["BTC"]))
                with pytest.raises(ccxtpro.OrderNotFound):
                    await exchange.cancel_order(placed["id"], symbol)
                with pytest.raises(ccxtpro.InsufficientFunds):
                    await exchange.create_order(symbol, "limit", "buy", amount * 5_000, price)
                assert len(await exchange.fetch_ohlcv(symbol, "1m", limit=5)) == 5
        finally:
            await exchange.close()
        assert trader.client.violations == {}


async def test_ccxt_places_queries_and_cancels_swaps() -> None:
    """By the calls of the swap's first version: those that ccxt's own words make for it are of a newer one."""
    symbol = "BTC/USDT:USDT"
    async with trading("um") as trader:
        exchange = point_at(trader, "htx.um")
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                base = {"contract_code": "BTC-USDT", "volume": 10, "direction": "buy", "lever_rate": 20, "client_order_id": 77}
                priced = {"price": await trader.price("0.95"), "order_price_type": "limit"}
                placed = (await post(exchange, "swap_cross_order", base | priced))["data"]
                named = {"contract_code": "BTC-USDT", "client_order_id": "77"}
                [found] = (await post(exchange, "swap_cross_order_info", named))["data"]
                assert (found["order_id_str"], found["volume"], found["status"]) == (placed["order_id_str"], "10", "3")
                done = await post(exchange, "swap_cross_cancel", named)
                assert done["data"]["successes"] == "77"
                unknown = {"contract_code": "BTC-USDT", "client_order_id": "78"}
                with pytest.raises(ccxtpro.OrderNotFound):
                    await post(exchange, "swap_cross_order_info", unknown)
                market = {"order_price_type": "optimal_20_ioc", "client_order_id": 79}
                bought = (await post(exchange, "swap_cross_order", base | market))["data"]
                own = await ledger(trader, "htx.um")
                assert [order["order_id"] for order in own["orders"]] == [int(placed["order_id"]), int(bought["order_id"])]
                [held] = own["positions"]["main"]
                assert float(held["quantity"]) == 0.010
                with pytest.raises(ccxtpro.ExchangeError, match="1050"):
                    await post(exchange, "swap_cross_order", base | market)
                much = base | priced | {"volume": 1_000_000, "client_order_id": 80}
                with pytest.raises(ccxtpro.InsufficientFunds):
                    await post(exchange, "swap_cross_order", much)
                asked = {"contract_code": "BTC-USDT"}
                rate = await exchange.request("linear-swap-api/v1/swap_funding_rate", ["contract", "public"], "GET", asked)
                assert float(rate["data"]["funding_rate"])
                assert len(await exchange.fetch_ohlcv(symbol, "1m", limit=5)) == 5
        finally:
            await exchange.close()
        assert trader.client.violations == {}


async def post(exchange: Any, call: str, asked: dict[str, Any]) -> Any:
    """Send one signed call of the swap's first version, signed and read by ccxt."""
    return await exchange.request(f"linear-swap-api/v1/{call}", ["contract", "private"], "POST", dict(asked))


async def ledger(trader: Trader, market: str) -> dict[str, Any]:
    """The venue's own book of the market; its audit must be clean."""
    found = await trader.client.get("/_referee/ledger", market=market)
    assert found["audit"] == []
    return dict(found["markets"][market])


@pytest.mark.parametrize(("market", "symbol"), MARKETS)
async def test_ccxt_watches_trades_and_klines(market: str, symbol: str) -> None:
    async with trading("um" if market == "htx.um" else "spot") as trader:
        exchange = point_at(trader, market)
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                trades = await exchange.watch_trades(symbol)
                assert trades[0]["amount"] > 0
                assert trades[0]["symbol"] == symbol
                klines = await exchange.watch_ohlcv(symbol, "1m")
                assert klines[0][4] > 0
        finally:
            await exchange.close()
        assert trader.client.violations == {}
