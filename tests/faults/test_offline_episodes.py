"""G6: whatever happens at the venue while nobody listens is known after one reconciliation; the next two tell nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.offline import episodes

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]
EPISODES = 50


async def test_g6_fifty_episodes_without_us_are_known_to_the_last_lot(tmp_path: Path) -> None:
    happened = await episodes(tmp_path, EPISODES, seed=20_260_601)
    assert min(happened[kind] for kind in ("by_hand", "partial_fill", "whole_fill", "liquidation", "adl", "transfer")) >= 5, (
        happened
    )
