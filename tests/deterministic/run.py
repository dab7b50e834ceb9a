"""One seed: five minutes of trading while everything goes wrong, then calm, then the judge."""

from __future__ import annotations

import asyncio
import functools
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.instruments import Side
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.simulator.trading import Kind, Reject, Ticket
from tests.deterministic.chance import Chance
from tests.deterministic.judge import OUTSIDE, broken, kept
from tests.deterministic.loop import LoopClock, SeededLoop
from tests.deterministic.process import MOST_VALUE, Process
from tests.deterministic.venue import ACCOUNT, VENUES, Exchange

D = Decimal
TROUBLE_S: Final = 240.0
CALM_MOST_S: Final = 3_000.0
_CAUSES: Final = 24  # about so often within the trouble


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a seed."""

    seed: int
    venue: str
    digest: str
    broken: tuple[str, ...]
    faults: dict[str, int]
    events: int
    orders: int
    fills: int
    processes: int
    calm_s: float
    states: dict[str, int]


class World:
    """Everything of a seed."""

    def __init__(self, chance: Chance, loop: SeededLoop, path: Path) -> None:
        self.chance, self.path = chance, path
        self.clock = LoopClock(loop)
        self._reader = sqlite3.connect(path)
        rules = VENUES[chance.seed % len(VENUES)]
        self.exchange = Exchange(rules, chance, self.clock, durable=self._durable)
        self.loop = loop
        self.file_lock = asyncio.Lock()
        self.processes: list[Process] = []
        self.causes: list[Intent] = []
        self.above_limit: list[str] = []
        self.opened_ms = 0

    def _durable(self, client_id: str) -> bool:
        """Whether an order and its intent are in the store, as another reader of the file sees it."""
        query = "SELECT count(*) FROM orders JOIN intent ON intent.intent_id = orders.intent_id WHERE orders.order_id = ?"
        return bool(self._reader.execute(query, (client_id,)).fetchone()[0])

    @property
    def process(self) -> Process:
        """The newest process."""
        return self.processes[-1]

    def trading(self) -> Process | None:
        """Return the process that has the account, if one has."""
        ready = [process for process in self.processes if not process.dead and not process.ended and process.gateway.ready]
        return ready[-1] if ready else None

    # --- life of the processes -----------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start a process."""
        process = Process(len(self.processes), self.exchange, self.chance, self.clock, self.path, self.file_lock)
        self.processes.append(process)
        await process.start()

    async def supervise(self) -> None:
        """Start again what ended, after a moment; kill and freeze at random."""
        while True:
            await asyncio.sleep(0.5)
            process = self.process
            if process.dead or process.ended:
                if not process.dead:
                    process.die()  # the runner would start it again: here as a new process
                await process.bury()
                await asyncio.sleep(self.chance.between(0.5, 8.0))
                await self.begin()
            elif self.chance.strikes("crash", 0.006):
                process.die()
            elif self.chance.strikes("freeze", 0.004):
                process.frozen_until_s = self.clock.monotonic() + self.chance.between(1.0, 25.0)
                if self.chance.dice.random() < 0.5:  # somebody starts a second one meanwhile
                    await self.begin()

    async def end(self) -> None:
        """End all processes."""
        for process in self.processes:
            if not process.dead:
                process.die()
            await process.bury()
        self._reader.close()

    # --- what happens --------------------------------------------------------------------------------------------------

    async def market(self) -> None:
        """The price walks."""
        while True:
            await asyncio.sleep(self.chance.between(0.2, 1.5))
            steps = self.chance.dice.choice((-30, -8, -3, -1, 0, 1, 3, 8, 30))
            self.exchange.move(D(steps) * D("0.5"))
            for process in self.processes:
                process.price()
            self._limit()

    def _limit(self) -> None:
        """I6: what is held by orders of ours never exceeds what risk control allows, in flight or not."""
        state = self.exchange.engine.state
        signed = (
            (event.quantity if event.order.side == "buy" else -event.quantity)
            for event in state.fills
            if event.account == ACCOUNT and not event.order.ticket.client_id.startswith(OUTSIDE)
        )
        mine = sum(signed, D(0))
        if abs(mine) * self.exchange.price > MOST_VALUE * D("1.05") and not self._interfered():
            self.above_limit.append(f"I6: a position of {mine} is worth more than {MOST_VALUE}")

    def _interfered(self) -> bool:
        """Whether somebody else traded on the account, so that the limit on the whole is not one on our own part."""
        return any(order.ticket.client_id.startswith(OUTSIDE) for order in self.exchange.ours())

    async def strategies(self) -> None:
        """Causes come, are delivered at least once, and open orders are cancelled now and then."""
        dice = self.chance.dice
        while True:
            await asyncio.sleep(self.chance.between(0.5, 2 * TROUBLE_S / _CAUSES))
            if self.chance.calm:
                return
            new = 0 if self.causes and dice.random() < 0.15 else dice.choice((1, 1, 1, 1, 1, 1, 4))  # a burst now and then
            self.causes += [self._cause(len(self.causes) + number) for number in range(new)]
            for intent in self.causes[-max(1, new) :] if dice.random() < 0.8 else self.causes[-max(3, new) :]:
                self._deliver(intent)
            if dice.random() < 0.35:
                self.process.spawn(self._cancel(self.process, dice.random()))

    def _cause(self, number: int) -> Intent:
        dice, price = self.chance.dice, self.exchange.price
        side = dice.choice(("buy", "sell"))
        kind = dice.choice(("market", "market", "limit", "limit", "limit", "stop"))
        away = D(dice.randrange(-20, 200)) * D("0.1")
        terms: dict[str, Any] = {"account": ACCOUNT, "instrument": self.exchange.instrument, "side": side, "type": kind}
        terms["quantity"] = D(dice.randrange(1, 60)) * D("0.001")
        if kind == "limit":
            terms["limit_price"] = price - away if side == "buy" else price + away
            terms["time_in_force"] = dice.choice(("GTC", "GTC", "GTC", "IOC", "FOK"))
            terms["post_only"] = terms["time_in_force"] == "GTC" and dice.random() < 0.3
        elif kind == "stop":
            terms["stop_price"] = price + 10 + abs(away) if side == "buy" else price - 10 - abs(away)
        if kind == "market" and dice.random() < 0.2:
            terms["reduce_only"] = True
        name = intent_id(ACCOUNT, "d1", f"cause-{number}")
        return Intent(intent_id=name, terms=OrderTerms(**terms), deployment="d1", created_ns=self.clock.now_ns())

    def _deliver(self, intent: Intent) -> None:
        for process in self.processes:  # a frozen one that was thought dead gets it too
            if not process.dead:
                process.spawn(self._submit(process, intent))

    async def _submit(self, process: Process, intent: Intent) -> None:
        """Deliver until it is taken, as a bus does; a process that dies meanwhile takes the delivery with it."""
        for _ in range(20):
            await process.gate()
            try:
                (outcome,) = await process.gateway.submit([intent])
                self.chance.note(self.clock.now_ns(), process.name, "outcome", intent.client_id, type(outcome).__name__)
                return
            except (VenueError, EnvironmentFault) as error:
                self.chance.note(self.clock.now_ns(), process.name, "not taken", intent.client_id, type(error).__name__)
                await process.sleep(3.0)

    async def _cancel(self, process: Process, place: float) -> None:
        try:
            waiting = [order for order in await process.gateway._keeper.open() if not order.external]
            if waiting:
                await process.gateway.cancel(waiting[int(place * len(waiting))].order_id)
        except (VenueError, EnvironmentFault) as error:
            self.chance.note(self.clock.now_ns(), process.name, "cancel", type(error).__name__)

    async def outside(self) -> None:
        """What others do: orders by hand, transfers, funding, the venue's own closing; and the venue is away for a while."""
        chance, engine = self.chance, self.exchange.engine
        while True:
            await asyncio.sleep(5.0)
            now_ms = self.clock.now_ms()
            if chance.strikes("manual_order", 0.02):
                side: Side = chance.dice.choice(("buy", "sell"))
                client_id = f"hand{now_ms}" if chance.dice.random() < 0.7 else f"hand-{now_ms}"
                ticket = Ticket(symbol="BTCUSDT", side=side, kind=Kind.MARKET, quantity=D("0.007"), client_id=client_id)
                self._try(functools.partial(engine.submit, ACCOUNT, ticket, now_ms))
            if chance.strikes("transfer", 0.02):
                engine.transfer(ACCOUNT, "USDT", D(chance.dice.randrange(-5_000, 5_000)) / 100, now_ms)
            if chance.strikes("funding", 0.02):
                engine.settle_funding("BTCUSDT", D(chance.dice.randrange(-30, 30)) / 100_000, now_ms)
            if chance.strikes("venue_close", 0.01):
                self._try(functools.partial(engine.close_by_venue, ACCOUNT, "BTCUSDT", now_ms))
            if chance.strikes("venue_away", 0.012):
                self.exchange.away_until_s = self.clock.monotonic() + chance.between(2.0, 45.0)

    @staticmethod
    def _try(act: Callable[[], Any]) -> None:
        try:
            act()
        except Reject:
            return

    # --- the end -------------------------------------------------------------------------------------------------------

    async def calm(self) -> float:
        """Nothing goes wrong any more: cancel everything, and wait until nothing is open. Return how long that took (s)."""
        self.chance.calm = True
        began_s = self.clock.monotonic()
        while self.clock.monotonic() - began_s < CALM_MOST_S:
            await asyncio.sleep(2.0)
            process = self.trading()
            if process is None:
                continue
            try:
                if not await process.gateway._keeper.open() and self.clock.monotonic() - began_s > 60.0:
                    await process.gateway.reconcile(await process.wire.snapshot())
                    if not await process.gateway._keeper.open():
                        return self.clock.monotonic() - began_s
                await process.gateway.cancel_all()
            except (VenueError, EnvironmentFault) as error:
                self.chance.note(self.clock.now_ns(), "calm", type(error).__name__)
        return self.clock.monotonic() - began_s


async def _live(world: World) -> Outcome:
    await world.begin()
    world.opened_ms = world.clock.now_ms()
    running = [asyncio.create_task(work) for work in (world.supervise(), world.market(), world.strategies(), world.outside())]
    await asyncio.sleep(TROUBLE_S)
    calm_s = await world.calm()
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    last = world.trading() or world.process
    async with world.file_lock:  # another process may be within a transaction, and nobody waits for SQLite's own lock here
        known = await kept(last.store, world.exchange)
    wrong = [*world.above_limit[:1], *broken(world.exchange, known, opened_ms=0)]
    statement = last.gateway.resolver.statement
    if statement is None or statement.positions or statement.unexplained:
        wrong.append(f"I7: the last comparison says {statement}")
    await world.end()
    wrong += [f"an error that nobody expects: {error!r}" for error in world.loop.failures[:3]]
    chance = world.chance
    return Outcome(
        seed=chance.seed,
        venue=world.exchange.rules.venue,
        digest=chance.digest,
        broken=tuple(wrong),
        faults=dict(chance.faults),
        events=chance.events,
        orders=len(world.exchange.ours()),
        fills=len(known.fills),
        processes=len(world.processes),
        calm_s=round(calm_s, 1),
        states=dict(Counter(order.state.value for order in known.orders.values())),
    )


def live(seed: int, template: Path, folder: Path, *, lines: list[str] | None = None) -> Outcome:
    """Live through a seed on a copy of ``template`` (an empty store) in ``folder``; ``lines`` takes the trace's text."""
    path = folder / f"seed-{seed}.db"
    shutil.copyfile(template, path)
    chance = Chance(seed, lines=lines is not None)
    try:
        with asyncio.Runner(loop_factory=SeededLoop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, SeededLoop)
            return runner.run(_live(World(chance, loop, path)))
    finally:
        if lines is not None:
            lines.extend(chance.lines or ())
        for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            name.unlink(missing_ok=True)


def empty_store(folder: Path) -> Path:
    """Make the store that every seed begins with."""
    from quantservice.adapters.state_store.sql import SqlStateStore
    from tests.deterministic.process import Sealed

    path = folder / "empty.db"

    async def make() -> None:
        store = SqlStateStore(f"sqlite:///{path}", Sealed())  # type: ignore[arg-type]
        await store.open()
        await store.close()

    asyncio.run(make())
    with sqlite3.connect(path) as connection:  # one file, no log beside it
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path
