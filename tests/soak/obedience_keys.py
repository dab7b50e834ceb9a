"""Obedience to the limits of OKX and HTX, which count requests per key, path and instrument (goal G11).

The production callers send through a network that takes a random time, and the simulator's own counters judge what arrives, with
the venue's own figures. The load is what breaks limits: long pauses, then bursts of hundreds of requests of every lane at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from quantservice.adapters.venues.htx.access import Access
from quantservice.adapters.venues.htx.spec import PER_MINUTE, HtxEndpoints
from quantservice.adapters.venues.htx.trading import caller as htx_caller
from quantservice.adapters.venues.htx.trading import signer as htx_signer
from quantservice.adapters.venues.htx.trading import table as htx_table
from quantservice.adapters.venues.okx.spec import OkxEndpoints
from quantservice.adapters.venues.okx.trading import caller as okx_caller
from quantservice.adapters.venues.okx.trading import signer as okx_signer
from quantservice.adapters.venues.okx.trading import table as okx_table
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.once import Reply
from quantservice.adapters.venues.transport.proxies import ProxyPool, ProxySettings
from quantservice.core.errors import VenueError
from quantservice.ports import Clock
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.htx.config import HtxConfig
from quantservice.simulator.htx.requests import Paces
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.okx.counter import Limits
from quantservice.simulator.okx.exchange import OkxExchange
from quantservice.simulator.rules.referee import Referee

_OKX: Final = ("submit", "cancel", "amend", "order", "open", "fills", "balance", "bills", "dead_man", "algo_submit")
_HTX: Final = {"spot": ("submit", "cancel", "order", "cancel_all"), "um": ("submit", "cancel", "order", "positions")}
_PAUSE_S: Final = 900.0  # between two bursts, on average
_INSTRUMENTS: Final = ("BTC-USDT-SWAP", "ETH-USDT-SWAP")
Travel = Callable[[], Awaitable[None]]


class OkxAccount:
    """One key at OKX: our caller, the network, and the venue's counter."""

    name = "okx"

    def __init__(self, clock: Clock, chance: random.Random, referee: Referee, travel: Travel) -> None:
        self.asked = Counter[str]()
        self._chance, self._travel = chance, travel
        self._limits = Limits(referee, 1.0, clock.monotonic)
        exchange = OkxExchange(OkxConfig(), SimulatorClock(), FaultScript(), Referee(log_size=1), seed=1, first_ms=0)
        self._endpoints = exchange.counter.endpoints
        signer = okx_signer.Signer(okx_signer.OkxCredentials("k" * 32, "s" * 32, "p"), VenueClock(clock))
        signer.time.set(clock.now_ns() // 1_000_000, asked=clock.monotonic())
        pool = ProxyPool((), clock=clock, settings=ProxySettings(), environment={})
        self.caller = okx_caller.Caller("um", OkxEndpoints(), signer, pool=pool, clock=clock)
        self.caller._client.send = self._send  # type: ignore[method-assign]  # the network of this world

    async def ask(self) -> None:
        """Ask for something."""
        name = self._chance.choice(_OKX)
        fields = {"instId": self._chance.choice(_INSTRUMENTS)} if okx_table.CALLS[name].by_instrument else {}
        await self.caller.ask(name, fields)

    async def _send(self, method: str, url: Any, *, body: bytes | None = None, **_: Any) -> Reply:
        await self._travel()
        endpoint = self._endpoints[method, url.path]
        who: tuple[str, ...] = ("account", method, url.path)
        if endpoint.by_instrument:
            who += (next(name for name in _INSTRUMENTS if name in (body or b"").decode() + str(url)),)
        fine = self._limits.ask("rate_limit", who, endpoint.most, endpoint.span_s)
        if fine and endpoint.orders:
            fine = self._limits.ask("order_rate_limit", ("account",), okx_table.ORDERS_MOST, okx_table.ORDERS_SPAN_S)
        await self._travel()
        self.asked[str(200 if fine else 429)] += 1
        answer = b'{"code":"0","msg":"","data":[]}' if fine else b'{"code":"50011","msg":"Too Many Requests","data":[]}'
        return Reply(200 if fine else 429, answer, {})


class HtxAccount:
    """One key at a market of HTX."""

    def __init__(self, market: str, clock: Clock, chance: random.Random, referee: Referee, travel: Travel) -> None:
        self.name = f"htx-{market}"
        self.asked = Counter[str]()
        self._market, self._chance, self._travel, self._referee = market, chance, travel, referee
        self._paces = Paces(HtxConfig(), wall_s=clock.monotonic)
        self._row = htx_table.ROWS[market]
        access = Access(market, clock=clock, environment={})
        budget = WeightBudget(self.name, BudgetRules(limit=PER_MINUTE), clock=clock, slice_s=3_600.0)  # no clock is stepped here
        signer = htx_signer.Signer(htx_signer.HtxCredentials("k" * 32, "s" * 32), VenueClock(clock))
        signer.time.set(clock.now_ns() // 1_000_000, asked=clock.monotonic())
        self.caller = htx_caller.Caller(
            self._row, HtxEndpoints(), signer, pool=access.pool, budget_of=lambda _egress: budget, clock=clock
        )
        self.caller._client.send = self._send  # type: ignore[method-assign]  # as above

    async def ask(self) -> None:
        """Ask for something."""
        await self.caller.ask(self._chance.choice(_HTX[self._market]))

    async def _send(self, method: str, url: Any, **_: Any) -> Reply:
        await self._travel()
        pace = next(call.pace for call in self._row.calls.values() if (call.method, call.path) == (method, url.path))
        left, _ends_s = self._paces.ask("user", pace)
        if left < 0:
            self._referee.broke(f"{self.name}.pace", "user", pace)
        await self._travel()
        self.asked[str(429 if left < 0 else 200)] += 1
        good = b'{"status":"ok","data":[]}'
        refused = b'{"status":"error","err-code":"rate-too-many-requests","err-msg":"exceeded rate limit"}'
        return Reply(429 if left < 0 else 200, refused if left < 0 else good, {})


async def bursts(account: OkxAccount | HtxAccount, chance: random.Random, clock: Clock) -> None:
    """Pause, then ask for hundreds of things at once and soon after each other, for ever."""
    while True:
        await clock.sleep(chance.expovariate(1 / _PAUSE_S))
        async with asyncio.TaskGroup() as group:
            for _ in range(chance.choice((20, 150, 400))):
                group.create_task(_asked(account))
                if chance.random() < 0.05:
                    await clock.sleep(chance.expovariate(1.0))


async def _asked(account: OkxAccount | HtxAccount) -> None:
    try:
        await account.ask()
    except VenueError:
        account.asked["turned back"] += 1  # by our own counter, or by the venue: the referee says which


def accounts(clock: Clock, chance: random.Random, referee: Referee, travel: Travel) -> list[OkxAccount | HtxAccount]:
    """Return one account of each venue and market."""
    made: list[OkxAccount | HtxAccount] = [OkxAccount(clock, chance, referee, travel)]
    return made + [HtxAccount(market, clock, chance, referee, travel) for market in _HTX]


def counts(made: list[OkxAccount | HtxAccount]) -> Mapping[str, Mapping[str, int]]:
    """Return what became of the requests."""
    return {account.name: dict(account.asked) for account in made}
