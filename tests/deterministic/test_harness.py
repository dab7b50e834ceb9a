"""G3: a seed tells its history again, to the last event. And the harness sees what it is there for: bugs planted on purpose."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from quantservice.core.orders import IN_FLIGHT, OrderState
from quantservice.ports.trading import NotSent, Unknown
from quantservice.services.execution.gateway import Gateway
from quantservice.services.execution.keeper import OrderKeeper
from quantservice.services.execution.remembering import Memory
from quantservice.services.execution.resolving import Resolver, ResolvingConfig
from quantservice.services.risk import exposure
from tests.deterministic.many import live_all, report_of
from tests.deterministic.venue import Wire


async def test_the_same_seed_tells_the_same_history() -> None:
    """G3, in two processes whose strings hash differently: no order of a set may leak into what happens."""

    async def hashes(salt: str) -> str:
        arguments = ("-m", "tests.deterministic", "--seeds", "50", "--hashes")
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=environment)
        async with asyncio.timeout(300):
            said, _ = await child.communicate()
        assert child.returncode == 0
        return said.decode()

    first, second = await asyncio.gather(hashes("1"), hashes("2"))
    assert first == second
    assert len(set(first.split()[1::2])) == 50, "every seed is a history of its own"


# --- the harness is worth nothing if it does not see what it is there for -----------------------------------------------------


def _fence_off(patch: pytest.MonkeyPatch) -> None:
    async def may(_self: Gateway, _work: Any) -> None:
        """Everybody may write."""

    patch.setattr(Gateway, "_hold", may)


def _orphans_adopted(patch: pytest.MonkeyPatch) -> None:
    async def nobody(_self: Resolver, _fill: Any) -> list[Any]:
        return []

    patch.setattr(Resolver, "_doubted", nobody)


def _timeout_is_failure(patch: pytest.MonkeyPatch) -> None:
    submit = Wire.submit

    async def again(self: Wire, order: Any) -> Any:
        try:
            return await submit(self, order)
        except Unknown as error:
            raise NotSent(str(error), retry=True) from None

    patch.setattr(Wire, "submit", again)


def _absence_at_once(patch: pytest.MonkeyPatch) -> None:
    hasty = ResolvingConfig(settle_s=0.0, scans=1, no_deadline_s=0.0, no_deadline_scans=1)
    start = Resolver.__init__

    def made(self: Resolver, trading: Any, keeper: Any, config: Any = None) -> None:
        start(self, trading, keeper, hasty)

    async def lose(self: OrderKeeper, order_id: str, deadline_ns: int, reason: str) -> Any:
        return await _lose(self, order_id, 1, reason)

    _lose = OrderKeeper.lose
    patch.setattr(Resolver, "__init__", made)
    patch.setattr(OrderKeeper, "lose", lose)


def _fills_twice(patch: pytest.MonkeyPatch) -> None:
    from quantservice.adapters.state_store.trading_orders import SqlFills

    add = SqlFills.add

    async def always_new(self: Any, fill: Any, **known: Any) -> bool:
        await add(self, fill, **known)
        return True

    patch.setattr(SqlFills, "add", always_new)
    patch.setattr(Memory, "is_booked", lambda _self, _key: False)


def _unknown_is_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exposure, "IN_FLIGHT", IN_FLIGHT - {OrderState.UNKNOWN, OrderState.SUBMITTING})


@pytest.mark.parametrize(
    ("planted", "invariant"),
    [
        (_fence_off, "I4"),
        (_orphans_adopted, "I4"),
        (_timeout_is_failure, "I2"),
        (_absence_at_once, "I5"),
        (_fills_twice, "I4"),
        (_unknown_is_free, "I6"),
    ],
)
def test_a_planted_bug_is_seen(planted: Callable[[pytest.MonkeyPatch], None], invariant: str, monkeypatch: Any) -> None:
    planted(monkeypatch)
    seen: set[str] = set()
    for first in range(0, 400, 10):
        report = report_of(live_all(range(first, first + 10)))
        seen |= {sentence.split(":")[0] for sentences in report.broken.values() for sentence in sentences}
        if invariant in seen:
            return
    pytest.fail(f"no seed of 400 broke {invariant}; broken were {sorted(seen)}")
