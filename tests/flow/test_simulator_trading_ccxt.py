"""ccxt, a client that knows nothing of this project, trades at the simulator unchanged but for its URLs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.trader import Trader, trading

from quantservice.simulator.config import MarketName

ccxtpro = pytest.importorskip("ccxt.pro")

MARKETS: list[tuple[str, str, MarketName, float]] = [
    ("binance", "BTC/USDT", "spot", 0.01),
    ("binanceusdm", "BTC/USDT:USDT", "um", 0.01),
    ("binancecoinm", "BTC/USD:BTC", "cm", 10.0),
]


def point_at(trader: Trader, name: str) -> Any:
    """Return a ccxt exchange whose URLs and key are the simulator's."""
    kinds = {"spot": ["spot"], "um": ["linear"], "cm": ["inverse"]}[trader.market]
    exchange = getattr(ccxtpro, name)(
        {
            "apiKey": trader.key,
            "secret": trader.secret,
            "options": {
                "fetchMarkets": {"types": kinds},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": True,
                # their answers may come after the test has closed everything
                "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
                "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
            },
        }
    )
    rest, port = trader.client.simulator.rest_url, trader.client.simulator.port
    api = exchange.urls["api"]
    for section in ("public", "private"):
        api[section] = f"{rest}/api/v3"
    for market in ("fapi", "dapi"):
        for section in ("Public", "Private"):
            for version in ("", "V2", "V3"):
                api[f"{market}{section}{version}"] = f"{rest}/{market}/{version.lower() or 'v1'}"
    api["sapi"] = f"{rest}/sapi/v1"
    base = f"ws://127.0.0.1:{port}"
    api["ws"] |= {"spot": f"{base}/spot/ws", "future": f"{base}/um/ws", "delivery": f"{base}/cm/ws"}
    api["ws"]["ws-api"] = {"spot": f"{base}/ws-api/v3", "future": f"{base}/ws-fapi/v1", "delivery": f"{base}/ws-dapi/v1"}
    return exchange


@pytest.mark.parametrize(("name", "symbol", "market", "amount"), MARKETS)
async def test_ccxt_places_queries_and_cancels(name: str, symbol: str, market: MarketName, amount: float) -> None:
    async with trading(market) as trader:
        exchange = point_at(trader, name)
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                price = float(await trader.price("0.95"))
                placed = await exchange.create_order(symbol, "limit", "buy", amount, price)
                assert placed["status"] == "open"
                found = await exchange.fetch_order(placed["id"], symbol)
                assert (found["id"], found["price"], found["amount"]) == (placed["id"], price, amount)
                assert [order["id"] for order in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
                assert (await exchange.cancel_order(placed["id"], symbol))["status"] == "canceled"
                bought = await exchange.create_order(symbol, "market", "buy", amount)
                trades = await exchange.fetch_my_trades(symbol)
                assert sum(trade["amount"] for trade in trades) == pytest.approx(amount)
                done = await exchange.fetch_order(bought["id"], symbol)
                assert (done["status"], done["filled"]) == ("closed", amount)
                balance = await exchange.fetch_balance()
                wallets = (await trader.ledger())["wallets"]["main"]
                currency = {"spot": "BTC", "um": "USDT", "cm": "BTC"}[market]
                if market == "spot":
                    assert balance[currency]["total"] == pytest.approx(float(wallets[currency]))
                else:
                    positions = await exchange.fetch_positions([symbol])
                    assert [position["contracts"] for position in positions] == [amount]
                    assert (await exchange.fetch_funding_rate(symbol))["symbol"] == symbol
                with pytest.raises(ccxtpro.OrderNotFound):
                    await exchange.cancel_order(placed["id"], symbol)
                # ccxt knows a futures market's own codes by its host name only, which is not ours here
                with pytest.raises(ccxtpro.ExchangeError, match=r"insufficient|-2019"):
                    await exchange.create_order(symbol, "limit", "buy", amount * 5_000, price)
        finally:
            await exchange.close()
        assert trader.client.violations == {}


@pytest.mark.parametrize(("name", "symbol", "market", "amount"), MARKETS)
async def test_ccxt_watches_its_orders(name: str, symbol: str, market: MarketName, amount: float) -> None:
    async with trading(market) as trader:
        exchange = point_at(trader, name)
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                watching = asyncio.create_task(exchange.watch_orders(symbol))
                while not any(hub.connections for hub in trader.client.simulator.trading.hubs.values()):  # type: ignore[union-attr]  # noqa: ASYNC110  # nothing sets an event for a client's arrival
                    await asyncio.sleep(0.02)
                placed = None
                while not watching.done():
                    placed = await exchange.create_order(symbol, "limit", "buy", amount, float(await trader.price("0.95")))
                    await asyncio.wait([watching], timeout=1)
                assert placed is not None
                assert {order["symbol"] for order in watching.result()} == {symbol}
        finally:
            await exchange.close()
