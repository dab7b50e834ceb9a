"""A key that does not open is a finding like any other: the report is made, and says why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from quantservice.app.preflight import Preflight
from quantservice.core.errors import EnvironmentFault, IntegrityError
from quantservice.ports import TradingAccount


@pytest.mark.parametrize("error", [IntegrityError("it does not open"), EnvironmentFault("the key file is missing")])
async def test_a_key_that_does_not_open_is_told_as_a_finding(error: Exception) -> None:
    account = TradingAccount(name="main", venue="binance", market="um", mode="live")
    nothing = AsyncMock(return_value=[])
    accounts: Any = SimpleNamespace(get=AsyncMock(return_value=account), secret_of=AsyncMock(side_effect=error))
    history = SimpleNamespace(tickers=nothing, instruments=nothing, server_time_ms=AsyncMock(return_value=0), offset_ms=0)
    venue: Any = SimpleNamespace(history=history)
    other: Any = SimpleNamespace(list=nothing, states=nothing)
    asked = Preflight(accounts, other, other, other, venue_of=lambda *_: venue, now_ms=lambda: 0, alerts=True)
    report = await asked.report("main")
    (found,) = [item for item in report["findings"] if item["check"] == "key"]
    assert (report["outcome"], found["outcome"]) == ("failed", "failed")
    assert str(error) in found["sentence"]
