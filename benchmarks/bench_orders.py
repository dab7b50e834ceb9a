"""Orders: the risk check alone, and intent -> risk -> durable record -> simulator -> fill -> books over real sockets.

    ./qs bench --only orders

The simulator's limits of orders and weight are lifted for this run. The account is on Binance um of the simulator; each order is a
market order of the smallest size, sides in turn; an order's time is from the call to the venue's answer being durable. The rate is
offered at even steps for so many seconds; an order that waits for the one before counts its waiting. The simulator runs in the same
process. There is no peer: no other project of this field makes an order durable before it is sent.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from tests.support.execution_rig import BTC, RULES
from tests.support.postgres import binaries, running_postgres
from tests.support.state import create_database, sqlite_store
from tests.support.trading_binance import BinanceHarness, bench
from tests.support.trading_desk import Desk

from benchmarks.results import Plan, Result
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import Order
from quantservice.quant.risk_rules import DEFAULT_RULES, RiskRule
from quantservice.services.execution import ExecutionConfig, ExecutionService
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASKED_CHECK_US = 15.0
ASKED_P99_MS = 100.0


def risk_check(rounds: int) -> Result:
    """Microseconds of one check with all default rules and orders in flight."""
    desk = RiskDesk(RuleSet(enforced=DEFAULT_RULES))
    book = desk.books["main"] = ExposureBook("main", {BTC: RULES}.get)
    now_ns = time.time_ns()
    book.set_equity(Decimal(1_000_000), now_ns, free_margin=Decimal(1_000_000))
    book.set_price(BTC, Decimal(50_000), now_ns)
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal("0.001"))
    for number in range(5):
        resting = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal("0.001"))
        book.apply_order(Order(order_id=f"o{number}", intent_id=f"i{number}", terms=resting))
    intent = Intent(intent_id="i", terms=terms, deployment="d1")
    answer = desk.check(intent, now_ns).answer
    best = []
    for _ in range(7):
        began = time.perf_counter()
        for step in range(rounds):
            desk.check(intent, now_ns + step * 1_000_000_000)
        best.append((time.perf_counter() - began) / rounds * 1e6)
    took = sorted(best)[len(best) // 2]
    return Result(
        what=f"risk check, {len(DEFAULT_RULES)} rules, 5 orders in flight",
        asked=f"< {ASKED_CHECK_US:g} us (20 rules)",
        measured=f"{took:.1f} us ({type(answer).__name__.lower()} at first)",
        ok=took < ASKED_CHECK_US,
        figures={"microseconds": best},
    )


def rules() -> tuple[RiskRule, ...]:
    """All default rules, those of rates and sizes so wide that the run's own orders pass."""
    wide: dict[str, dict[str, Any]] = {
        "order_rate": {"limit": 1_000_000, "deployment_limit": 1_000_000},
        "max_order_value": {"limit": Decimal(1_000_000)},
        "max_position": {"limit": Decimal(5_000_000)},  # in a burst fills are booked behind their orders, and count until then
        "max_open_orders": {"limit": 1_000},
        "abnormal_trading": {"limit": 1_000_000},
        "fresh_data": {"limit_ms": 3_600_000},
    }
    return tuple(msgspec.structs.replace(rule, **wide.get(rule.name, {})) for rule in DEFAULT_RULES)


class Load(NamedTuple):
    """So many orders a second for so long; ``p99``: the latency is asked too."""

    name: str
    rate: float
    seconds: float
    p99: bool = False


@asynccontextmanager
async def desk_at_simulator(opened: AbstractAsyncContextManager[SqlStateStore]) -> AsyncIterator[Desk]:
    """An account at a simulator, traded by our gateway, with its loop running."""
    async with bench(start_ms=None) as made:
        venue = BinanceHarness(made, "um")
        try:
            await venue.open()
            async with opened as store:
                desk = Desk(venue, store, enforced=rules())
                service = ExecutionService(desk.gateway, venue.trading, desk.clock, ExecutionConfig(dead_man_s=0.0))
                book, now_ns = desk.risk.books[venue.name], desk.clock.now_ns()
                book.set_equity(Decimal(10_000_000), now_ns, free_margin=Decimal(10_000_000))
                book.set_price(venue.instrument, await venue.price("1"), now_ns)
                task = asyncio.create_task(service.run())
                try:
                    await desk.eventually(lambda: desk.gateway.ready)
                    yield desk
                finally:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        finally:
            await venue.close()


async def offered(desk: Desk, rate: float, seconds: float) -> tuple[list[float], float]:
    """Offer orders at even steps; return each one's milliseconds and the rate that was reached."""
    count = round(rate * seconds)
    intents = [desk.intent("sell" if number % 2 else "buy") for number in range(count)]
    took: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        (outcome,) = await desk.gateway.submit([intents[number]])
        assert isinstance(outcome, Order), outcome
        took.append((time.perf_counter() - due) * 1_000)

    await asyncio.gather(*(one(number) for number in range(count)))
    return took, count / (time.perf_counter() - began)


async def orders(opened: AbstractAsyncContextManager[SqlStateStore], of: str, loads: list[Load]) -> list[Result]:
    """Offer each load on one store; the books are compared with the venue's at the end."""
    found = []
    async with desk_at_simulator(opened) as desk:
        for load in loads:
            took, reached = await offered(desk, load.rate, load.seconds)
            p50, p99 = _percentiles(took)
            figures: dict[str, Any] = {"p50_ms": p50, "p99_ms": p99, "reached_per_s": reached, "orders": len(took)}
            found.append(
                Result(
                    what=f"orders through intent, risk, record, simulator, fill, books; {load.name} {load.rate:g}/s, {of}",
                    asked=f"{load.rate:g}/s" + (f", p99 < {ASKED_P99_MS:g} ms" if load.p99 else ""),
                    measured=f"{reached:.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(took):,} orders",
                    ok=reached >= load.rate * 0.97 and (p99 < ASKED_P99_MS or not load.p99),
                    figures=figures,
                    note="the simulator's limits of orders and weight are lifted for this run",
                )
            )
        await desk.agrees()
    return found


async def on_sqlite(plan: Plan) -> list[Result]:
    """Sustained and burst on one file."""
    loads = [Load("sustained", 100.0, plan.seconds(20.0, 3.0), p99=True), Load("burst", 300.0, 1.0)]
    with tempfile.TemporaryDirectory() as folder:
        return await orders(sqlite_store(Path(folder)), "SQLite", loads)


def on_postgres(plan: Plan) -> list[Result]:
    """Sustained on a PostgreSQL of its own."""
    if binaries() is None:
        return []
    with running_postgres() as url:
        return asyncio.run(orders(postgres_store(url), "PostgreSQL", [Load("sustained", 150.0, plan.seconds(10.0, 2.0))]))


@asynccontextmanager
async def postgres_store(maintenance_url: str) -> AsyncIterator[SqlStateStore]:
    """An open store in a new database."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStateStore(await create_database(maintenance_url), AesGcmSealer.in_folder(Path(folder)))
        await store.open()
        try:
            yield store
        finally:
            await store.close()


def _percentiles(took: list[float]) -> tuple[float, float]:
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


def results(plan: Plan) -> list[Result]:
    """The rows."""
    return [risk_check(2_000 if plan.quick else 10_000), *asyncio.run(on_sqlite(plan)), *on_postgres(plan)]
