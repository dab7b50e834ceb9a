"""A trading process as the simulation runs it: the real gateway, books, risk desk and SQLite store, between seams that can fail.

Killing it means that its seams are dead and its tasks cancelled: whatever a ``finally`` still tries reaches nothing. Freezing it
means that no seam lets it go on; when it goes on it finds what has become of its lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.state_store.sqlite import SqliteEngine
from quantservice.core.errors import EnvironmentFault, StoreUnavailable
from quantservice.core.messages import Alert, PositionChanged
from quantservice.ports import TradingAccount
from quantservice.quant.risk_rules.exposure import MaxPosition
from quantservice.quant.risk_rules.orders import MaxOpenOrders
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from tests.deterministic.chance import Chance
from tests.deterministic.loop import OWNER, InPlace, LoopClock, SeededLoop
from tests.deterministic.venue import ACCOUNT, Exchange, Wire

#: Value that no position may exceed, in USDT: counted with everything in flight.
MOST_VALUE: Final = Decimal(6_000)
EQUITY: Final = Decimal(1_000_000)
_BUSY_S: Final = 30.0


class Sealed:
    """A sealer for a store that keeps no secrets."""

    def seal(self, clear: bytes, *, name: str) -> bytes:
        """Nothing is sealed here."""
        raise EnvironmentFault("no secret is kept in the simulation")

    def unseal(self, sealed: bytes, *, name: str) -> bytes:
        """Nothing was sealed here."""
        raise EnvironmentFault("no secret is kept in the simulation")


class Store(SqlStateStore):
    """The real store on a file whose schema is there already."""

    async def open(self) -> None:
        """Connect; no migration."""
        if self._engine is None:
            self._engine = SqliteEngine(self._url, InPlace())


class Process:
    """One process. ``number`` counts them within a seed."""

    def __init__(
        self, number: int, exchange: Exchange, chance: Chance, clock: LoopClock, path: Path, file_lock: asyncio.Lock
    ) -> None:
        self.name, self.dead, self.frozen_until_s = f"p{number}", False, 0.0
        self.chance, self.clock, self.exchange = chance, clock, exchange
        self.file_lock = file_lock
        self.alerts: list[Alert] = []
        self.store = Store(f"sqlite:///{path}", Sealed())  # type: ignore[arg-type]
        self.wire = Wire(exchange, self.gate)
        self.desk = RiskDesk(RuleSet(enforced=(MaxPosition(limit=MOST_VALUE), MaxOpenOrders(limit=12))))
        self.desk.books[ACCOUNT] = ExposureBook(ACCOUNT, self._listed)
        account = TradingAccount(name=ACCOUNT, venue=exchange.rules.venue, market="um")
        self.gateway = Gateway(
            self.wire,  # type: ignore[arg-type]  # the part of the port that a gateway uses
            self,  # type: ignore[arg-type]  # its store is this process's
            self,  # and so is its clock
            check=self.desk,
            books=Bookkeeper(account, self._listed, clock),
            told=self._tell,
            holder=self.name,
            config=GatewayConfig(lease_ms=6_000),
        )
        self.service = ExecutionService(self.gateway, self.wire, self, ExecutionConfig(dead_man_s=0.0))  # type: ignore[arg-type]
        self._running: asyncio.Task[Any] | None = None

    def _listed(self, instrument: Any) -> Any:
        return self.exchange.listed if instrument == self.exchange.instrument else None

    async def _tell(self, _work: Any, payload: Any) -> None:
        if isinstance(payload, PositionChanged):
            self.desk.books[ACCOUNT].apply_position(payload.position, payload.deployment)
        elif isinstance(payload, Alert):
            self.alerts.append(payload)
            self.chance.note(self.clock.now_ns(), self.name, "alert", payload.name, payload.cleared)

    # --- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store and run the service, as a process of its own."""
        await self.store.open()
        self.price()
        self.exchange.wires.append(self.wire)
        self._running = self.spawn(self.service.run())

    def price(self) -> None:
        """Tell risk control the market's price."""
        book, now_ns = self.desk.books[ACCOUNT], self.clock.now_ns()
        book.set_price(self.exchange.instrument, self.exchange.price, now_ns)
        book.set_equity(EQUITY, now_ns, free_margin=EQUITY)

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Run something within this process."""
        token = OWNER.set(self.name)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            OWNER.reset(token)

    @property
    def ended(self) -> bool:
        """Whether the service stopped by itself: what the runner would start again."""
        return self._running is not None and self._running.done()

    def die(self) -> None:
        """The process ends here: nothing that it does from now on reaches anything."""
        self.dead = self.wire.dead = True
        if self.wire in self.exchange.wires:
            self.exchange.wires.remove(self.wire)
        self.chance.note(self.clock.now_ns(), self.name, "dead")
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        for task in list(loop.tasks.get(self.name, ())):
            task.cancel()

    async def bury(self) -> None:
        """Wait until nothing of it is left."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        for _ in range(1_000):
            left = list(loop.tasks.get(self.name, ()))
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        else:
            raise AssertionError(f"{self.name} does not end: {left}")
        await self.store.close()

    # --- seams ---------------------------------------------------------------------------------------------------------

    async def gate(self) -> None:
        """Let nothing of a dead process through, and nothing of a frozen one until it goes on."""
        while not self.dead and self.clock.monotonic() < self.frozen_until_s:  # noqa: ASYNC110  # it may be frozen anew
            await asyncio.sleep(self.frozen_until_s - self.clock.monotonic())  # it may be frozen anew
        if self.dead:
            raise asyncio.CancelledError

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return self.clock.now_ns()

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return self.clock.now_ms()

    def monotonic(self) -> float:
        """Seconds."""
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.clock.sleep(seconds)
        await self.gate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """One transaction of the real store, which may be away, and around whose commit the process may end."""
        await self.gate()
        chance = self.chance
        if chance.strikes("store_away", 0.002):
            raise StoreUnavailable("the state store does not answer")
        try:  # the file has one writer, across processes too: SQLite's own lock would block the one thread that all share here
            async with asyncio.timeout(_BUSY_S):
                await self.file_lock.acquire()
        except TimeoutError:
            raise StoreUnavailable("the state store is locked") from None
        try:
            async with self._commit() as work:
                yield work
        finally:
            self.file_lock.release()

    @asynccontextmanager
    async def _commit(self) -> AsyncIterator[Any]:
        chance = self.chance
        before, after = chance.strikes("crash_before_commit", 0.0015), chance.strikes("crash_after_commit", 0.0015)
        async with self.store.transaction() as work:
            await asyncio.sleep(chance.between(0.0001, 0.002))
            yield work
            if before:
                self.die()
            await self.gate()
        if after:
            self.die()
        await self.gate()

    def foreign_version(self) -> int | None:
        """Say that it is not known: the processes of a seed share their store."""
        return None

    async def wait_outbox(self, timeout_s: float) -> None:
        """Nobody relays here."""
        await self.sleep(timeout_s)
