"""G18 and OR14: a process that trades is stopped by SIGSTOP, another one takes its account, and the first goes on.

It sends nothing any more, wherever it stood: also between the look at its lease and the first byte, and also where the venue
refuses a stamp that grew old meanwhile. HTX is left out there: it names no window for what was signed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.trading_child import PAUSES
from tests.support.trading_kills import paused_and_fenced

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]


@pytest.mark.parametrize("point", PAUSES)
async def test_g18_stopped_at(point: str, tmp_path: Path) -> None:
    market = {"signed": "spot", "answered": "cm"}.get(point, "um")
    assert await paused_and_fenced(tmp_path, [(point, market)]) == 1


@pytest.mark.parametrize(("venue", "point"), [("okx", "intent_durable"), ("okx", "signed"), ("htx", "intent_durable")])
async def test_g18_stopped_under_another_venues_rules(venue: str, point: str, tmp_path: Path) -> None:
    assert await paused_and_fenced(tmp_path, [(point, "um")], of=venue) == 1
