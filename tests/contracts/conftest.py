"""The adapters that the trading suite runs over: add one Harness for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio
from tests.support.trading_binance import Bench, BinanceHarness, bench
from tests.support.trading_harness import Harness

from quantservice.simulator.config import MarketName

ADAPTERS: dict[str, MarketName] = {f"binance-{market}": market for market in get_args(MarketName)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue_bench() -> AsyncIterator[Bench]:
    """One simulated venue for all cases of a module."""
    async with bench() as made:
        yield made


@pytest_asyncio.fixture(params=list(ADAPTERS), loop_scope="module")
async def desk(request: pytest.FixtureRequest, venue_bench: Bench) -> AsyncIterator[Harness]:
    """One adapter on a new account."""
    made = BinanceHarness(venue_bench, ADAPTERS[request.param])
    try:
        yield await made.open()
    finally:
        await made.close()
