"""G11: ten hours of the venues' time in which their own counters see no request too many: Binance by weight, OKX, HTX by key."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from tests.soak.obedience import run

HOURS = 10.0


@pytest.fixture(scope="module")
def passed() -> Any:
    try:
        return run(HOURS, seed=20_260_601)
    finally:
        structlog.reset_defaults()


def test_g11_ten_hours_break_no_rule(passed: Any) -> None:
    assert passed["broken"] == {}
    assert passed["answers"]["200"] == passed["requests"] >= 1_000


def test_g11_the_load_would_have_broken_the_limits(passed: Any) -> None:
    for account, answers in passed["keys"].items():
        assert answers["200"] >= 2_000, account
        assert answers["turned back"] >= 1, f"{account} was never asked for more than it may"
        assert "429" not in answers, account
