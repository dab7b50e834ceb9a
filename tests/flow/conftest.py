"""Fixtures of the flow tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.execution_rig import Rig
from tests.support.state import sqlite_store
from tests.support.trading_binance import Bench, bench


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that is reconciled and may send."""
    async with sqlite_store(tmp_path) as store:
        made = Rig(store)
        assert await made.gateway.start()
        await made.clock.advance(1.0)  # what happens at the instant of the opening is in the opening
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def binance_bench() -> AsyncIterator[Bench]:
    """A simulator of Binance whose clock is the real one."""
    async with bench(start_ms=None) as made:
        yield made
