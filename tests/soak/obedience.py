"""Obedience over years of the venue's time (goal G11): ``python -m tests.soak.obedience --hours 10000 --seed N``.

The production weight budget and pacers run against the simulator's own gate on a clock that jumps from one event to the
next. Requests of all lanes are on their way for a random time, answers carry the used weight, and the venue turns the address
away now and then with ``Retry-After``. History is always hungry. The referee counts: nothing may be over the weight, inside a
``Retry-After``, or over the limits of messages and connections.
Accounts of OKX and HTX are in :mod:`tests.soak.obedience_keys`.
The limits are a twentieth of the venue's, so that a minute is full after a few requests; the arithmetic is that of the real ones.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import selectors
import sys
import time
from collections import Counter, deque
from typing import Any, Final

import msgspec
import structlog

from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules, Lane
from quantservice.adapters.venues.transport.pacing import Pacer
from quantservice.core.errors import RateLimited
from quantservice.simulator.config import venue_limits
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate
from tests.soak.obedience_keys import accounts, bursts, counts

ADDRESS: Final = "10.0.0.1"
SHARE: Final = 20
START_S: Final = 1_780_488_000.0
_WEIGHTS: Final = {Lane.CANCEL: (1, 1), Lane.ORDER: (1, 1, 2), Lane.LIVE: (2, 5, 10), Lane.HISTORY: (5, 10, 20)}
_PAUSES_S: Final = {Lane.CANCEL: 200.0, Lane.ORDER: 60.0, Lane.LIVE: 30.0}


class _Jump(selectors.DefaultSelector):
    """Waits for nothing: the time that would have passed is added to the loop's clock."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed_s += max(timeout or 0.0, 0.0)
        return super().select(0)


class JumpLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing that is due."""

    def __init__(self) -> None:
        self.jump = _Jump()
        super().__init__(self.jump)

    def time(self) -> float:
        """Seconds since the loop was made, as they pass in it."""
        return self.jump.passed_s


class LoopClock:
    """The Clock of a :class:`JumpLoop`."""

    def __init__(self, loop: JumpLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        return int((START_S + self._loop.time()) * 1e9)

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Strict:
    """Counts arrivals in a sliding window and how often there were more than allowed."""

    def __init__(self, most: int, window_s: float) -> None:
        self.most, self.window_s, self.broken = most, window_s, 0
        self._times: deque[float] = deque()

    def arrived(self, now: float) -> None:
        self._times.append(now)
        while self._times[0] <= now - self.window_s:
            self._times.popleft()
        self.broken += len(self._times) > self.most


class World:
    """One address, its budget and the venue."""

    def __init__(self, loop: JumpLoop, chance: random.Random) -> None:
        self.loop, self.chance, self.clock = loop, chance, LoopClock(loop)
        limits = venue_limits()["um"]
        self.limits = msgspec.structs.replace(limits, weight_per_minute=limits.weight_per_minute // SHARE)
        self.referee = Referee(log_size=1)
        self.gate = WeightGate("um", self.limits, self.referee, now_s=self.venue_s)
        rules = BudgetRules(limit=self.limits.weight_per_minute)
        self.budget = WeightBudget("um", rules, clock=self.clock, slice_s=3_600.0)  # no clock is stepped here
        self.asked: Counter[str] = Counter()
        self.history = 0

    def venue_s(self) -> float:
        """The venue's clock: a little off from ours, and drifting."""
        return START_S + self.loop.time() + 0.03

    async def travel(self) -> None:
        """One way through the network: mostly quick, at times slow."""
        await asyncio.sleep(self.chance.expovariate(20.0) if self.chance.random() < 0.99 else self.chance.uniform(0.5, 9.0))

    async def ask(self, lane: Lane, weight: int) -> None:
        """One request, there and back."""
        permit = await self.budget.acquire(lane, weight, deadline_s=3_600.0)
        try:
            await self.travel()
            verdict = self.gate.ask(ADDRESS, weight)
            self.asked[str(verdict.status)] += 1
            await self.travel()
            if verdict.status == 200:
                self.history += weight * (lane is Lane.HISTORY)
                await self.budget.venue_said(verdict.used, permit=permit)
                return
            await self.budget.rejected(verdict.status, retry_after_s=float(verdict.retry_after_s), lane=lane)
        finally:
            self.budget.finish(permit)

    async def client(self, lane: Lane) -> None:
        """Ask for ever; after a refusal come again when it says so."""
        pause_s = _PAUSES_S.get(lane)
        while True:
            if pause_s is not None:
                await asyncio.sleep(self.chance.expovariate(1 / pause_s))
            try:
                await self.ask(lane, self.chance.choice(_WEIGHTS[lane]))
            except RateLimited as error:
                await asyncio.sleep(max(0.0, (error.retry_at_ns - self.clock.now_ns()) / 1e9) + self.chance.random())

    async def moods(self) -> None:
        """Turn the address away every few hours, for seconds to hours, though no rule was broken.

        What is on its way at that moment cannot know, so nothing is: the budget is told to be silent for a while before.
        """
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / 20_000))
            self.budget.state.block(self.budget.now_ms() + 60_000)
            await asyncio.sleep(30.0)
            self.gate.block(ADDRESS, self.chance.choice((2, 40, 300, 7_200)), banned=self.chance.random() < 0.3)
            refusal = self.gate.ask(ADDRESS, 1)
            if self._only_this_refusal():
                self.referee.violations.clear()
            self.asked["turned_away"] += 1
            await self.budget.rejected(refusal.status, retry_after_s=float(refusal.retry_after_s), lane=Lane.LIVE)

    def _only_this_refusal(self) -> bool:
        found = self.referee.violations
        return set(found) == {"um.request_inside_retry_after"} and found["um.request_inside_retry_after"].count == 1


async def pace(world: World, most: int, margin: int, window_s: float, judge: Strict, rate: float) -> None:
    """Bursts of events through a production pacer, seen by the judge when they arrive."""
    pacer = Pacer(most - margin, window_s * 1.1 if margin else window_s, clock=world.clock)
    while True:
        await asyncio.sleep(world.chance.expovariate(rate))
        for _ in range(world.chance.choice((1, 1, 2, 30))):
            await pacer.wait()
            judge.arrived(world.loop.time())


def run(hours: float, seed: int) -> dict[str, Any]:
    """Let the hours pass; returns what was asked, and every broken rule."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    loop = JumpLoop()
    chance = random.Random(seed)
    world = World(loop, chance)
    keys = accounts(world.clock, chance, world.referee, world.travel)
    judges = {"spot_messages": Strict(5, 1.0), "um_messages": Strict(10, 1.0), "connections": Strict(300, 300.0)}

    async def all_of_it() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.client(lane)) for lane in (Lane.CANCEL, Lane.ORDER, Lane.LIVE, *[Lane.HISTORY] * 4)]
            tasks.append(group.create_task(world.moods()))
            tasks.append(group.create_task(pace(world, 5, 1, 1.0, judges["spot_messages"], 1 / 120)))
            tasks.append(group.create_task(pace(world, 10, 1, 1.0, judges["um_messages"], 1 / 120)))
            tasks.append(group.create_task(pace(world, 240, 0, 300.0, judges["connections"], 1 / 60)))
            tasks += [group.create_task(bursts(account, chance, world.clock)) for account in keys]
            await asyncio.sleep(hours * 3_600)
            for task in tasks:
                task.cancel()

    began = time.monotonic()
    try:
        loop.run_until_complete(all_of_it())
    finally:
        loop.close()
    broken = {rule: violation.count for rule, violation in world.referee.violations.items()}
    broken |= {name: judge.broken for name, judge in judges.items() if judge.broken}
    share = world.history / (hours * 60 * world.limits.weight_per_minute)
    return {
        "hours": hours,
        "requests": world.asked.total() - world.asked["turned_away"],
        "answers": dict(world.asked),
        "keys": counts(keys),
        "history_share": round(share, 3),
        "broken": broken,
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Read the flags, run, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.obedience", description=__doc__)
    parser.add_argument("--hours", type=float, default=10_000.0, help="hours of the venue's time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    flags = parser.parse_args()
    print(f"seed {flags.seed}", flush=True)
    answer = run(flags.hours, flags.seed)
    print(answer, flush=True)
    if answer["broken"]:
        sys.exit("a rule of the venue was broken")
    print("obeyed", flush=True)


if __name__ == "__main__":
    main()
