"""G17 and OR13: the switch is pulled under load with two hundred orders at rest, where the venue answers and where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.kill_switch_load import RUSHERS, pulled_under_load
from tests.support.trading_desk import HARNESSES
from tests.support.trading_kills import BENCHES

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]
RESTING = 200


@pytest.mark.parametrize(
    ("of", "market", "lost"),
    [("binance", "um", 0), ("binance", "um", 40), ("binance", "cm", 40), ("okx", "um", 40), ("htx", "um", 40)],
)
async def test_g17_nothing_is_sent_and_all_is_cancelled(of: str, market: str, lost: int, tmp_path: Path) -> None:
    bench, _ = BENCHES[of]
    async with bench(start_ms=None) as made:
        venue = HARNESSES[of](made, market)
        try:
            await venue.open()
            pulled = await pulled_under_load(venue, tmp_path, resting=RESTING, lost=lost)
        finally:
            await venue.close()
    assert pulled.denied >= RUSHERS * 5
    assert pulled.report.state == "HALTED"
    assert pulled.report.cancelled >= (RESTING - lost), "what was answered is cancelled when the switch says so"
