"""Deployments on live klines: real processes, a real state store; one that fails takes nobody along."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.support.fakes import until
from tests.support.hosting import MINUTE, WARM, bar, house
from tests.support.market import START_MS, instrument
from tests.support.state import sqlite_store

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.events import Source
from quantservice.core.messages import Message, StoredBatch, StrategySignal, Topic
from quantservice.core.signals import Signal
from quantservice.ports import (
    WINDOW_SCOPE,
    Deployment,
    RunAsked,
    RunBegan,
    RunFact,
    RunRebuilt,
    StateStore,
    fact_of,
    kind_of,
)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as store:
        yield store


def targets(found: list[StrategySignal]) -> list[float]:
    return [round(item.target * 1000) for signal in found for item in signal.decisions if isinstance(item, Signal)]


async def test_a_deployment_warms_up_from_the_store_and_signals_live_closes(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        async with state.transaction() as work:
            assert await work.values.get(WINDOW_SCOPE, deployed.id) == 5, "its average rests on so many bars"
        await made.live(WARM, "BTC")
        (found,) = await made.signals(1)
        assert (found.deployment, found.version, found.open_time) == (deployed.id, deployed.version, START_MS + WARM * MINUTE)
        assert targets([found]) == [WARM + 1]
        (decision,) = found.decisions
        assert isinstance(decision, Signal)
        assert decision.tag == f"{np.mean([100 + number % 7 for number in range(WARM - 4, WARM + 1)]):.6f}"


async def test_klines_that_close_together_are_given_together_or_after_a_wait(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC", "ETH")
        await made.warm(deployed)
        await made.live(WARM, "ETH", "BTC")
        (found,) = await made.signals(1)
        assert [item.instrument.symbol for item in found.decisions] == ["BTC-USDT-PERP", "ETH-USDT-PERP"]
        await made.live(WARM + 1, "BTC")  # the other's never comes
        (alone,) = await made.signals(1)
        assert [item.instrument.symbol for item in alone.decisions] == ["BTC-USDT-PERP"]


async def test_paused_it_follows_silently_and_resumed_it_goes_on(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        pid = made.service.running()[deployed.id]["pid"]
        await made.say(deployed.id, "pause")
        await until(lambda: made.service._hosted[deployed.id].paused)
        await made.live(WARM, "BTC")
        await until(lambda: made.service.stats()["klines"] == 1)
        await made.say(deployed.id, "resume")
        await until(lambda: not made.service._hosted[deployed.id].paused)
        await made.live(WARM + 1, "BTC")
        assert targets(await made.signals(1)) == [WARM + 2]
        assert made.service.running()[deployed.id]["pid"] == pid


async def test_stopped_and_started_it_goes_on_from_its_memory_and_the_store(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        await made.say(deployed.id, "stop")
        await until(lambda: not made.service._hosted)
        made.klines.add(bar(WARM + 1))  # it closed while the deployment was stopped
        await made.clock.advance(60)
        await made.say(deployed.id, "start")
        await until(lambda: bool(made.service._hosted) and made.service._hosted[deployed.id].warm, timeout_s=60)
        await made.live(WARM + 2, "BTC")
        assert targets(await made.signals(1)) == [WARM + 3]


async def test_a_revised_kline_makes_it_begin_again_silently(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        await made.signals(1)
        changed = bar(WARM, close="500", source=Source.REST)
        made.klines.add(changed)
        await made.bus.publish([Message(topic=Topic.MARKET_STORED, data=StoredBatch(revised=[(changed, 1)]))])
        for _ in range(100):
            await made.clock.advance(0.5)
            await asyncio.sleep(0.02)
            if made.service.stats()["rebuilds"]:
                break
        assert made.service.stats()["rebuilds"] == 1
        await made.live(WARM + 1, "BTC")
        (found,) = await made.signals(1)
        assert targets([found]) == [WARM + 2]
        prices = [100 + number % 7 for number in range(WARM - 3, WARM)] + [500, 100 + (WARM + 1) % 7]
        assert found.decisions[0].tag == f"{np.mean(prices):.6f}"


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        ("raising", "raised: ZeroDivisionError: the strategy's own mistake"),
        ("dividing", "raised: Dividing.on_bars: raised ZeroDivisionError in line"),
        ("blocking", "blocked"),
        ("leaking", "leaked"),
    ],
)
async def test_one_that_misbehaves_is_stopped_with_the_reason_and_the_rest_go_on(
    state: StateStore, strategy: str, reason: str
) -> None:
    async with house(state, answer_s=1.0 if strategy == "blocking" else 10.0) as made:
        good, bad = await made.deploy("counting", "BTC"), await made.deploy(strategy, "ETH")
        await made.warm(good, bad)
        for number in range(WARM, WARM + 3):
            await made.live(number, "BTC", "ETH")
            await until(lambda: made.service._hosted[good.id].figures["signals"] == number - WARM + 1)  # noqa: B023
        failed = await made.until_state(bad.id, "failed")
        assert failed.reason.startswith(reason)
        history = await made.deployments.history(bad.id)
        assert (history[0].what, history[0].who) == ("failed", "platform")
        number = (made.clock.now_ms() - START_MS) // MINUTE
        await made.live(number, "BTC", "ETH")
        await until(lambda: made.service._hosted[good.id].figures["signals"] == 4)
        found = [item for item in await made.signals(4) if item.deployment == good.id]
        assert targets(found) == [WARM + 1, WARM + 2, WARM + 3, WARM + 4]
        assert list(made.service._hosted) == [good.id]


async def test_a_killed_process_is_a_failure_with_the_signal_named(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        os.kill(made.service.running()[deployed.id]["pid"], signal.SIGKILL)
        await made.live(WARM, "BTC")
        assert (await made.until_state(deployed.id, "failed")).reason == "died: its process ended (signal 9)"


async def test_a_signal_to_the_whole_group_fails_no_strategy(state: StateStore) -> None:
    """As a service manager ends a platform: its owner ends strategies, after they were saved."""
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        child = psutil.Process(made.service.running()[deployed.id]["pid"])
        for process in (child, psutil.Process(child.ppid())):
            assert process.pid != os.getpid()
            process.terminate()
        await made.live(WARM, "BTC")
        await until(lambda: made.service._hosted[deployed.id].figures["signals"] == 1)
        assert child.is_running()


async def test_what_cannot_be_is_refused_in_a_sentence(state: StateStore) -> None:
    async with house(state) as made:
        with pytest.raises(UnknownName, match="did you mean: counting"):
            await made.deploy("countng", "BTC")
        with pytest.raises(UnknownName, match="stepp"):
            await made.deploy("counting", "BTC", stepp=1.0)
        deployed = await made.deploy("counting", "BTC")
        with pytest.raises(InvalidValue, match="is taken"):
            await made.deploy("counting", "BTC")
        with pytest.raises(UserError, match="is running; stop it before"):
            await made.deployments.configure(deployed.id, parameters={"step": 2.0})
        await made.say(deployed.id, "stop")
        with pytest.raises(UserError, match="can be said to resume only when paused"):
            await made.deployments.say(deployed.id, "resume")
        async with state.transaction() as work:
            await work.pairs.remove(instrument("ETH").id)
        with pytest.raises(UserError, match="1m is not collected"):
            await made.deploy("counting", "ETH")


async def test_an_earlier_version_comes_back_as_a_new_one(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC", step=0.5)
        await made.say(deployed.id, "stop")
        changed = await made.deployments.configure(deployed.id, parameters={"step": 0.25})
        assert changed.parameters["step"] == 0.25
        back = await made.deployments.roll_back(deployed.id, deployed.version)
        assert back.parameters["step"] == 0.5
        assert back.version == changed.version + 1
        assert [item.what for item in await made.deployments.history(deployed.id)] == [
            "rolled_back",
            "configured",
            "stopped",
            "started",
            "created",
        ]


async def written(state: StateStore, deployment: Deployment) -> list[RunFact]:
    async with state.transaction() as work:
        return [fact_of(event.data) for event in await work.runs.read(deployment.id)]


async def test_what_was_given_and_answered_is_written_down(state: StateStore) -> None:
    async with house(state) as made:
        deployed = await made.deploy("counting", "BTC")
        await made.warm(deployed)
        await made.live(WARM, "BTC")
        (signal,) = await made.signals(1)
        await made.say(deployed.id, "pause")
        await until(lambda: made.service._hosted[deployed.id].paused)
        await made.live(WARM + 1, "BTC")
        await until(lambda: made.service.stats()["klines"] == 2)
        changed = bar(3, close="500", source=Source.REST)
        made.klines.add(changed)
        await made.bus.publish([Message(topic=Topic.MARKET_STORED, data=StoredBatch(revised=((changed, 1),)))])
        while not made.service.stats()["rebuilds"]:
            await made.clock.advance(0.5)
            await asyncio.sleep(0.01)
        await made.say(deployed.id, "stop")
        await until(lambda: deployed.id not in made.service._tasks and not made.host._running)
    facts = await written(state, deployed)
    name, last = str(instrument("BTC").id), START_MS + (WARM - 1) * MINUTE
    assert [kind_of(fact) for fact in facts] == ["began", "asked", "asked", "rebuilt", "ended"]
    began, first, second, rebuilt = facts[:4]
    assert isinstance(began, RunBegan)
    assert isinstance(first, RunAsked)
    assert isinstance(second, RunAsked)
    assert isinstance(rebuilt, RunRebuilt)
    assert (began.resumed, began.first, began.last) == (False, {name: START_MS}, {name: last})
    assert (first.open_time, first.muted, first.decisions) == (last + MINUTE, "", signal.decisions)
    assert first.bars[0].close == float(bar(WARM).close)
    assert first.signal
    assert (second.muted, second.signal, len(second.decisions)) == ("paused", "", 1)
    assert (rebuilt.revised, rebuilt.healed) == ({name: START_MS + 3 * MINUTE}, {})
