"""G1: a trading process is killed with SIGKILL from outside, at nine named points of an order's life; another one goes on.

No duplicate, no lost order, no wrong quantity, no external order that is not one, every end with evidence, books equal to the
venue's ledger to the last digit. ``python -m tests.soak.trading_kills --kills 2000`` does it for longer.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from tests.support.trading_child import POINTS
from tests.support.trading_kills import killed_and_recovered

from quantservice.simulator.config import MarketName

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]
ROUNDS = 6


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(point: str, tmp_path: Path) -> None:
    markets = get_args(MarketName)
    killed = await killed_and_recovered(tmp_path, [(point, markets[number % len(markets)]) for number in range(ROUNDS)])
    assert killed == ROUNDS


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_under_htxs_ids(point: str, tmp_path: Path) -> None:
    """Spot takes a client id twice, the swap knows integers; both name no deadline."""
    cases = [(point, market) for market in ("spot", "um")]
    assert await killed_and_recovered(tmp_path, cases, of="htx") == len(cases)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_under_okxs_ids(point: str, tmp_path: Path) -> None:
    """An id is unique among open orders only, and an answer says no more than that an order was taken in."""
    cases = [(point, market) for market in ("spot", "um")]
    assert await killed_and_recovered(tmp_path, cases, of="okx") == len(cases)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_by_ccxt(point: str, tmp_path: Path) -> None:
    """Nothing is pushed, and no deadline is named."""
    of, market = (("ccxt-binance", "um"), ("ccxt-okx", "spot"))[POINTS.index(point) % 2]
    assert await killed_and_recovered(tmp_path, [(point, market)], of=of) == 1
