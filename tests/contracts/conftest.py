"""The adapters that the trading suite runs over: add one Harness for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, get_args

import pytest
import pytest_asyncio
from tests.support import trading_binance, trading_ccxt, trading_htx, trading_okx
from tests.support.trading_harness import Harness

from quantservice.simulator.config import MarketName
from quantservice.simulator.okx.config import OkxMarketName

ADAPTERS: dict[str, tuple[str, str]] = {
    **{f"binance-{market}": ("binance", market) for market in get_args(MarketName)},
    **{f"okx-{market}": ("okx", market) for market in get_args(OkxMarketName)},
    **{f"htx-{market}": ("htx", market) for market in trading_htx.MEANS},
    **{f"ccxt-binance-{market}": ("ccxt-binance", market) for market in get_args(MarketName)},
    **{f"ccxt-okx-{market}": ("ccxt-okx", market) for market in get_args(OkxMarketName)},
    "ccxt-htx-spot": ("ccxt-htx", "spot"),  # its swap is asked by ccxt in words newer than the simulator speaks
}
HARNESSES: Mapping[str, Callable[..., Any]] = {
    "binance": trading_binance.BinanceHarness,
    "okx": trading_okx.OkxHarness,
    "htx": trading_htx.HtxHarness,
    "ccxt-binance": trading_ccxt.BinanceByCcxt,
    "ccxt-okx": trading_ccxt.OkxByCcxt,
    "ccxt-htx": trading_ccxt.HtxByCcxt,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue_benches() -> AsyncIterator[dict[str, Any]]:
    """One simulated venue of each kind for all cases of a module."""
    async with AsyncExitStack() as stack:
        yield {
            "binance": await stack.enter_async_context(trading_binance.bench()),
            "okx": await stack.enter_async_context(trading_okx.bench()),
            "htx": await stack.enter_async_context(trading_htx.bench()),
        }


@pytest_asyncio.fixture(params=list(ADAPTERS), loop_scope="module")
async def desk(request: pytest.FixtureRequest, venue_benches: dict[str, Any]) -> AsyncIterator[Harness]:
    """One adapter on a new account."""
    venue, market = ADAPTERS[request.param]
    made = HARNESSES[venue](venue_benches[venue.removeprefix("ccxt-")], market)
    try:
        yield await made.open()
    finally:
        await made.close()
