"""The ledger's loop around the sealing: which days it looks at, what it counts, and that trouble is told once."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from tests.support.clock import START_MS, ManualClock
from tests.support.fakes import FakeStateStore, Tap, until

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.core.errors import IntegrityError, StoreUnavailable
from quantservice.core.messages import Topic
from quantservice.core.periods import DAY_MS, HOUR_MS
from quantservice.services.ledger import LedgerConfig, LedgerService
from quantservice.services.ledger.sealing import SealResult


class Passes:
    """A ledger service whose sealing passes answer what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **config: Any) -> None:
        self.clock = ManualClock(START_MS + HOUR_MS)
        self.bus = MemoryBus()
        self.tap = Tap(self.bus, [Topic.SYSTEM])
        self.answers: list[SealResult | Exception] = []
        self.since: list[int] = []
        self.rules: list[tuple[float, float]] = []
        monkeypatch.setattr("quantservice.services.ledger.service.seal_days", self._seal)
        state = cast(Any, FakeStateStore())
        self.service = LedgerService(cast(Any, None), state, self.bus, self.clock, LedgerConfig(**config))

    async def _seal(self, _store: Any, _state: Any, _clock: Any, *, rules: Any, since_ms: int) -> SealResult:
        self.since.append(since_ms)
        self.rules.append((rules.settle_s, rules.quiet_s))
        answer = self.answers.pop(0) if self.answers else SealResult()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def once(self, answer: SealResult | Exception) -> dict[str, Any]:
        self.answers = [answer]
        await self.service.seal_once()
        return dict(self.service.stats())

    def told(self) -> list[tuple[str, str, str]]:
        return [(message.event_type, message.data.level, message.data.detail) for message in self.tap.messages]


def test_the_designs_figures() -> None:
    config = LedgerConfig()
    assert (config.seal_every_s, config.whole_every, config.settle_s, config.quiet_s) == (600, 12, 900, 3_600)


async def test_every_so_many_passes_all_days_are_looked_at_else_the_last_three(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Passes(monkeypatch, whole_every=3, settle_s=5, quiet_s=7)
    for _ in range(7):
        await passes.service.seal_once()
    recent = START_MS - 3 * DAY_MS
    assert passes.since == [0, recent, recent, 0, recent, recent, 0]
    assert set(passes.rules) == {(5, 7)}


async def test_a_pass_runs_at_once_and_then_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Passes(monkeypatch, seal_every_s=600)
    task = asyncio.ensure_future(passes.service.run())
    await until(lambda: len(passes.since) == 1)
    await passes.clock.advance(599)
    assert len(passes.since) == 1
    await passes.clock.advance(1)
    await until(lambda: len(passes.since) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_sealed_is_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Passes(monkeypatch)
    assert set(passes.service.stats().values()) == {0, ""}
    await passes.once(SealResult(sealed_days=2, sealed_rows=48, waiting_days=3, sequence=2))
    figures = await passes.once(SealResult(sealed_days=1, sealed_rows=24, waiting_days=1, sequence=3))
    assert figures == {
        "passes": 2,
        "sealed_days": 3,
        "sealed_rows": 72,
        "waiting_days": 1,
        "sequence": 3,
        "changed_days": 0,
        "trouble": "",
    }


async def test_a_day_that_was_changed_is_told_once_and_its_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Passes(monkeypatch)
    refused = SealResult(refused=["BTC 2025-03-01", "ETH 2025-03-01"])
    sentence = "2 sealed days were changed, first BTC 2025-03-01"
    with capture_logs() as logs:
        async with passes.tap.listening():
            for _ in range(3):
                figures = await passes.once(refused)
            assert (figures["trouble"], figures["changed_days"]) == (sentence, 2)
            assert (await passes.once(SealResult()))["trouble"] == ""
            await passes.once(SealResult())
            await passes.once(refused)
            await until(lambda: len(passes.tap.messages) == 2)
    assert passes.told() == [("system.ledger.trouble", "critical", sentence)] * 2
    assert [entry["event"] for entry in logs] == ["ledger.trouble", "ledger.recovered", "ledger.trouble"]


@pytest.mark.parametrize(
    ("error", "level", "detail"),
    [
        (IntegrityError("seal 4 was edited"), "critical", "seal 4 was edited"),
        (StoreUnavailable("no answer"), "warning", "days wait to be sealed: no answer"),
    ],
)
async def test_a_pass_that_failed_is_trouble_and_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, error: Exception, level: str, detail: str
) -> None:
    passes = Passes(monkeypatch)
    async with passes.tap.listening():
        figures = await passes.once(error)
        assert (figures["passes"], figures["trouble"]) == (0, detail)
        await until(lambda: bool(passes.tap.messages))
    assert passes.told() == [("system.ledger.trouble", level, detail)]
    assert (await passes.once(SealResult()))["trouble"] == ""
    assert passes.since == [0, 0], "the whole is looked at until a pass succeeds"
