"""Supervision: restart with back-off, parking of crash loops, order of start and stop, bounded drain."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import structlog
from tests.support.clock import ManualClock
from tests.support.fakes import Tap, until

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.app.runner import Runner, RunnerConfig
from quantservice.core.errors import StoreUnavailable
from quantservice.core.messages import Message, Overflow, Topic

Work = Callable[[], Awaitable[None]]


class Told:
    """A service that does what a test tells it to."""

    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()

    def __init__(self, name: str, work: Work | None = None, *, journal: list[str] | None = None) -> None:
        self.name = name
        self.runs = 0
        self._work = work
        self._journal = journal if journal is not None else []

    async def run(self) -> None:
        self.runs += 1
        self._journal.append(f"{self.name} up")
        try:
            if self._work is not None:
                await self._work()
            else:
                await asyncio.Event().wait()
        finally:
            self._journal.append(f"{self.name} down")

    def stats(self) -> Mapping[str, Any]:
        return {"runs": self.runs}


async def crash() -> None:
    raise StoreUnavailable("the store is away")


def make(*services: Told, config: RunnerConfig | None = None) -> tuple[Runner, ManualClock, MemoryBus]:
    clock, bus = ManualClock(), MemoryBus()
    return Runner(services, bus=bus, clock=clock, config=config), clock, bus


async def test_consumers_start_first_and_producers_stop_first() -> None:
    journal: list[str] = []
    runner, _, _ = make(Told("recorder", journal=journal), Told("collector", journal=journal))
    async with runner.running():
        assert [row.state for row in runner.snapshot()] == ["running", "running"]
        assert runner.healthy
    assert journal == ["recorder up", "collector up", "collector down", "recorder down"]
    assert [row.state for row in runner.snapshot()] == ["stopped", "stopped"]


async def test_a_crash_is_restarted_with_growing_waits_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[tuple[float, float]] = []

    def shortest(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    monkeypatch.setattr("quantservice.app.runner.random.uniform", shortest)
    crashed = Told("feed", crash)
    runner, clock, bus = make(crashed, Told("other"), config=RunnerConfig(initial_backoff_s=4, crash_limit=4))
    tap = Tap(bus, [Topic.SYSTEM])
    async with tap.listening(), runner.running():
        await until(lambda: runner.snapshot()[0].state == "backing_off")
        assert runner.snapshot()[0].detail == "the store is away"
        assert not runner.healthy
        await clock.advance(1.9)
        assert crashed.runs == 1, "never before half the back-off"
        await clock.advance(0.2)
        assert crashed.runs == 2
        await clock.advance(3.8)
        assert crashed.runs == 2, "the second wait is twice the first"
        await clock.advance(0.2)
        assert crashed.runs == 3
        assert set(bounds) == {(0.5, 1.0)}, "half of the wait is jitter"
        names = [(m.data.name, m.data.level) for m in tap.messages if m.key == "feed"]
        assert names[:2] == [("service.started", "info"), ("service.crashed", "warning")]
        assert runner.snapshot()[1].restarts == 0


async def test_a_crash_loop_is_parked_and_the_others_run_on() -> None:
    crashed, other = Told("feed", crash), Told("other")
    runner, clock, bus = make(crashed, other, config=RunnerConfig(initial_backoff_s=1))
    tap = Tap(bus, [Topic.SYSTEM])
    async with tap.listening(), runner.running():
        for _ in range(10):
            await clock.advance(10)
        assert crashed.runs == 5
        assert runner.snapshot()[0].state == "failed"
        assert runner.snapshot()[1].state == "running"
        critical = [m.data for m in tap.messages if m.data.level == "critical"]
        assert [(event.name, event.detail) for event in critical] == [("service.failed", "feed: the store is away")]
        assert runner.probe() == {"services": 2, "running": 1, "backing_off": 0, "failed": 1, "restarts": 4}


async def test_rare_crashes_never_park_a_service() -> None:
    clock, bus = ManualClock(), MemoryBus()

    async def live_then_crash() -> None:
        await clock.sleep(400)
        await crash()

    service = Told("feed", live_then_crash)
    runner = Runner([service], bus=bus, clock=clock)
    async with runner.running():
        for _ in range(8):
            await clock.advance(401)
            await clock.advance(5)
        assert service.runs >= 8
        assert runner.snapshot()[0].state == "running"


async def test_a_service_that_ends_by_itself_has_crashed() -> None:
    async def nothing() -> None: ...

    runner, _, _ = make(Told("feed", nothing))
    async with runner.running():
        await until(lambda: runner.snapshot()[0].state == "backing_off")
        assert "ended by itself" in runner.snapshot()[0].detail


async def test_a_service_that_will_not_drain_is_abandoned_in_time() -> None:
    stuck = asyncio.Event()

    async def stubborn() -> None:
        while not stuck.is_set():
            try:
                await stuck.wait()
            except asyncio.CancelledError:
                continue

    journal: list[str] = []
    runner, _, _ = make(
        Told("recorder", journal=journal), Told("stuck", stubborn), config=RunnerConfig(each_stop_s=0.05, stop_s=0.2)
    )
    await runner.start()
    await runner.stop()
    assert runner.snapshot()[1].state == "failed"
    assert journal == ["recorder up", "recorder down"], "the others are stopped all the same"
    stuck.set()
    await asyncio.sleep(0.01)


async def test_a_full_bus_does_not_hold_up_the_supervision() -> None:
    runner, _, bus = make(Told("a"), Told("b"), config=RunnerConfig(publish_s=0.02))
    async with bus.subscribe([Topic.SYSTEM], group="slow", overflow=Overflow.BLOCK, capacity=1), runner.running():
        await until(lambda: all(row.state == "running" for row in runner.snapshot()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_run_cleanly(number: signal.Signals) -> None:
    journal: list[str] = []
    runner, _, _ = make(Told("feed", journal=journal))
    task = asyncio.ensure_future(runner.run())
    await until(lambda: journal == ["feed up"])
    os.kill(os.getpid(), number)
    await task
    assert journal == ["feed up", "feed down"]


async def test_it_ends_by_its_own_event_or_after_its_time() -> None:
    runner, _, _ = make(Told("feed"))
    stop = asyncio.Event()
    task = asyncio.ensure_future(runner.run(stop))
    await until(lambda: runner.snapshot()[0].state == "running")
    stop.set()
    await task
    again, _, _ = make(Told("feed"))
    await again.run(seconds=0.01)
    assert again.snapshot()[0].state == "stopped"


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="share the name feed"):
        make(Told("feed"), Told("feed"))


async def test_states_carry_each_service_s_figures() -> None:
    runner, _, _ = make(Told("feed"))
    async with runner.running():
        await until(lambda: runner.states()[0]["stats"] == {"runs": 1})
        assert set(runner.states()[0]) == {"name", "consumes", "produces", "state", "restarts", "since_ms", "detail", "stats"}


async def test_the_next_service_starts_when_the_one_before_listens() -> None:
    """A bus in memory keeps nothing for late comers: a producer that started too early would lose its first messages."""
    runner_bus = MemoryBus()
    heard: list[str] = []

    async def listen() -> None:
        await asyncio.sleep(0.03)  # opening a file, say
        async with runner_bus.subscribe(["t"], group="reader", overflow=Overflow.BLOCK, capacity=10) as inbox:
            async for messages in inbox:
                heard.extend(message.key for message in messages)

    async def speak() -> None:
        await runner_bus.publish([Message(topic="t", data=None, key="first")])
        await asyncio.Event().wait()

    reader, writer = Told("reader", listen), Told("writer", speak)
    reader.consumes = ("t",)
    async with Runner([reader, writer], bus=runner_bus, clock=ManualClock()).running():
        await until(lambda: heard == ["first"])


async def test_our_own_errors_are_logged_without_a_stack() -> None:
    async def bug() -> None:
        raise KeyError("a bug")

    for work, has_stack in ((crash, False), (bug, True)):
        runner, _, _ = make(Told("one", work))
        with structlog.testing.capture_logs() as logs:
            await runner.start()
            await until(lambda: any(item["event"] == "runner.service_crashed" for item in logs))
            await runner.stop()
        crashed = next(item for item in logs if item["event"] == "runner.service_crashed")
        assert bool(crashed["exc_info"]) is has_stack
