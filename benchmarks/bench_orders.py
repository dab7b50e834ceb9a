"""Orders: the risk check alone, and intent -> risk -> durable record -> simulator -> fill -> books over real sockets.

    ./qs bench --only orders

The simulator's limits of orders and weight are lifted for this run. The account is on Binance um of the simulator; each order is a
market order of the smallest size, sides in turn; an order's time is from the call to the venue's answer being durable. The rate is
offered at even steps for so many seconds; an order that waits for the one before counts its waiting. There is no peer: no other
project of this field makes an order durable before it is sent.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tests.flow.test_trading_binance import Desk
from tests.support.execution_rig import BTC, RULES
from tests.support.state import sqlite_store
from tests.support.trading_binance import BinanceHarness, bench

from benchmarks.results import Plan, Result
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import Order
from quantservice.quant.risk_rules import DEFAULT_RULES
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


@asynccontextmanager
async def desk_at_simulator(folder: Path) -> AsyncIterator[Desk]:
    """An account at a simulator, traded by our gateway, with its loop running."""
    async with bench(start_ms=None) as made:
        venue = BinanceHarness(made, "um")
        try:
            await venue.open()
            async with sqlite_store(folder) as store:
                desk = Desk(venue, store)
                task = asyncio.create_task(desk.service.run())
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


async def orders(plan: Plan) -> list[Result]:
    """Sustained and burst, with the books compared at the end."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with desk_at_simulator(Path(folder)) as desk:
            for name, rate, seconds in (("sustained", 100.0, plan.seconds(20.0, 3.0)), ("burst", 300.0, 1.0)):
                took, reached = await offered(desk, rate, seconds)
                p50, p99 = _percentiles(took)
                ok = reached >= rate * 0.97 and (p99 < ASKED_P99_MS or name == "burst")
                figures: dict[str, Any] = {"p50_ms": p50, "p99_ms": p99, "reached_per_s": reached, "orders": len(took)}
                found.append(
                    Result(
                        what=f"orders through intent, risk, record, simulator, fill, books; {name} {rate:g}/s, SQLite",
                        asked=f"{rate:g}/s" + (f", p99 < {ASKED_P99_MS:g} ms" if name == "sustained" else ""),
                        measured=f"{reached:.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(took):,} orders",
                        ok=ok,
                        figures=figures,
                        note="the simulator's limits of orders and weight are lifted for this run",
                    )
                )
            await desk.agrees()
    return found


def _percentiles(took: list[float]) -> tuple[float, float]:
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


def results(plan: Plan) -> list[Result]:
    """The rows."""
    return [risk_check(2_000 if plan.quick else 10_000), *asyncio.run(orders(plan))]
