"""ccxt, a client that knows nothing of this project, works against the simulator unchanged but for its URLs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.simulator import Client, running

from quantservice.simulator.config import SimulatorConfig

ccxtpro = pytest.importorskip("ccxt.pro")

MARKETS = [
    ("binance", "BTC/USDT", "spot", "/api/v3"),
    ("binanceusdm", "BTC/USDT:USDT", "um", "/fapi/v1"),
    ("binancecoinm", "BTC/USD:BTC", "cm", "/dapi/v1"),
]


def point_at(client: Client, name: str, market: str) -> Any:
    """Return a ccxt exchange whose public URLs are the simulator's."""
    kinds = {"spot": ["spot"], "um": ["linear"], "cm": ["inverse"]}[market]
    exchange = getattr(ccxtpro, name)(
        {"options": {"fetchMarkets": {"types": kinds}, "fetchCurrencies": False, "fetchMargins": False}}
    )
    rest, port = client.simulator.rest_url, client.simulator.port
    api = exchange.urls["api"]
    api |= {
        "public": f"{rest}/api/v3",
        "fapiPublic": f"{rest}/fapi/v1",
        "fapiPublicV2": f"{rest}/fapi/v2",
        "fapiData": f"{rest}/futures/data",
        "dapiPublic": f"{rest}/dapi/v1",
        "dapiData": f"{rest}/futures/data",
    }
    base = f"ws://127.0.0.1:{port}"
    # ccxt itself puts the /market of the split um endpoint between host and /ws
    api["ws"] |= {"spot": f"{base}/spot/ws", "future": f"{base}/um/ws", "delivery": f"{base}/cm/ws"}
    return exchange


@pytest.mark.parametrize(("name", "symbol", "market", "rest"), MARKETS)
async def test_ccxt_loads_fetches_and_watches(name: str, symbol: str, market: str, rest: str) -> None:
    async with running(SimulatorConfig(speed=20)) as client:
        exchange = point_at(client, name, market)
        try:
            async with asyncio.timeout(30):
                markets = await exchange.load_markets()
                assert symbol in markets
                candles = await exchange.fetch_ohlcv(symbol, "1m", limit=50)
                venue = await client.get(
                    f"{rest}/klines", symbol=markets[symbol]["id"], interval="1m", startTime=candles[0][0], limit=49
                )
                # ccxt shows a coin-margined candle's volume in coins, which is the venue's eighth value
                volume = 7 if market == "cm" else 5
                expected = [[row[0], *map(float, (*row[1:5], row[volume]))] for row in venue]
                assert expected == [list(map(float, candle)) for candle in candles[:49]]
                watched = await exchange.watch_ohlcv(symbol, "1m")
                assert len(watched[-1]) == 6
                first = watched[-1][0]
                while watched[-1][0] == first:
                    watched = await exchange.watch_ohlcv(symbol, "1m")
                assert watched[-1][0] == first + 60_000
        finally:
            await exchange.close()
        assert client.violations == {}
