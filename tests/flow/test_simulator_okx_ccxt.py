"""ccxt, a client that knows nothing of this project, trades at the simulated OKX unchanged but for its URLs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.okx_trader import Market, OkxTrader, trading

from quantservice.simulator.config import SimulatorConfig

ccxtpro = pytest.importorskip("ccxt.pro")

MARKETS: list[tuple[str, Market, float, float]] = [("BTC/USDT", "spot", 0.01, 0.01), ("BTC/USDT:USDT", "um", 1.0, 0.01)]


def point_at(trader: OkxTrader) -> Any:
    """Return a ccxt exchange whose URLs and key are the simulator's."""
    exchange = ccxtpro.okx(
        {
            "apiKey": trader.key,
            "secret": trader.secret,
            "password": trader.passphrase,
            "options": {
                "fetchMarkets": {"types": ["spot", "swap"]},
                "adjustForTimeDifference": True,
                "createMarketBuyOrderRequiresPrice": False,
                "tgtCcy": "base_ccy",
                # its answer may come after the test has closed everything
                "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
            },
        }
    )
    exchange.has["fetchCurrencies"] = False
    exchange.urls["api"]["rest"] = trader.client.simulator.rest_url
    exchange.urls["api"]["ws"] = f"ws://127.0.0.1:{trader.client.simulator.port}/ws/v5"
    return exchange


@pytest.mark.parametrize(("symbol", "market", "amount", "coins"), MARKETS)
async def test_ccxt_places_queries_and_cancels(symbol: str, market: Market, amount: float, coins: float) -> None:
    async with trading(market) as trader:
        exchange = point_at(trader)
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                price = float(await trader.price("0.95"))
                placed = await exchange.create_order(symbol, "limit", "buy", amount, price)
                found = await exchange.fetch_order(placed["id"], symbol)
                assert (found["status"], found["price"], found["amount"]) == ("open", price, amount)
                assert [order["id"] for order in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
                await exchange.cancel_order(placed["id"], symbol)
                assert (await exchange.fetch_order(placed["id"], symbol))["status"] == "canceled"
                bought = await exchange.create_order(symbol, "market", "buy", amount, None, {"tgtCcy": "base_ccy"})
                done = await exchange.fetch_order(bought["id"], symbol)
                assert (done["status"], done["filled"]) == ("closed", amount)
                trades = await exchange.fetch_my_trades(symbol)
                assert sum(trade["amount"] for trade in trades) == pytest.approx(amount)
                truth = await trader.ledger()
                assert sum(float(fill["quantity"]) for fill in truth["fills"]) == pytest.approx(coins)
                balance = await exchange.fetch_balance()
                assert balance["USDT"]["total"] > 0
                if market == "um":
                    (held,) = await exchange.fetch_positions([symbol])
                    assert (held["contracts"], held["contractSize"]) == (amount, coins)
                    assert (await exchange.fetch_funding_rate(symbol))["symbol"] == symbol
                with pytest.raises(ccxtpro.OrderNotFound):
                    await exchange.cancel_order(placed["id"], symbol)
                with pytest.raises(ccxtpro.InsufficientFunds):
                    await exchange.create_order(symbol, "limit", "buy", amount * 5_000, price)
                rows = await exchange.fetch_ohlcv(symbol, "1m", limit=10)
                assert len(rows) == 10
        finally:
            await exchange.close()
        assert trader.client.violations == {}


@pytest.mark.parametrize(("symbol", "market", "amount", "coins"), MARKETS)
async def test_ccxt_watches_orders_and_candles(symbol: str, market: Market, amount: float, coins: float) -> None:
    # its login is signed by this machine's clock
    async with trading(market, config=SimulatorConfig(symbols={})) as trader:
        exchange = point_at(trader)
        try:
            async with asyncio.timeout(60):
                await exchange.load_markets()
                assert await exchange.watch_ohlcv(symbol, "1m")
                assert (await exchange.watch_order_book(symbol))["bids"]
                watching = asyncio.create_task(exchange.watch_orders(symbol))
                while not (watching.done() or trader.exchange.sockets.listeners("orders", "main")):  # noqa: ASYNC110  # nothing sets an event for a client's arrival
                    await asyncio.sleep(0.02)
                await exchange.create_order(symbol, "limit", "buy", amount, float(await trader.price("0.95")))
                orders = await watching
                assert {order["symbol"] for order in orders} == {symbol}
        finally:
            await exchange.close()
        assert coins > 0
