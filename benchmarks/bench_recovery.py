"""G5: from the start of a killed trader's successor to the moment at which strategies may trade, with 1,000 orders open.

    ./qs bench --only recovery

The orders rest on 50 symbols of Binance um at the simulator. The first gateway is left as a killed process leaves it: no release,
no clean end. Each round a new gateway begins with nothing in memory: lease, open orders, fills, positions, balances; its time ends
when it is ready. The wait for a foreign lease (6 s at most) is not in it: here the lease has ended.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.state import sqlite_store
from tests.support.trading_binance import BinanceHarness, bench

from benchmarks.results import Plan, Result
from quantservice.core.instruments import Instrument
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.orders import Order, OrderState
from quantservice.ports import TradingAccount
from quantservice.services.execution import Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet
from quantservice.simulator.config import SymbolSpec

ASKED_S = 10.0
SYMBOLS = 50


def listed() -> dict[Any, tuple[SymbolSpec, ...]]:
    """Fifty symbols of um, BTCUSDT first; one each of the other markets."""
    names = ["BTC", *(f"C{number:02d}" for number in range(1, SYMBOLS))]
    um = tuple(SymbolSpec(symbol=f"{name}USDT", base=name, quote="USDT", level=100.0, minute_trades=4) for name in names)
    spot = SymbolSpec(symbol="BTCUSDT", base="BTC", quote="USDT", level=100.0, minute_trades=4)
    cm = SymbolSpec(symbol="BTCUSD_PERP", base="BTC", quote="USD", price_decimals=1, lot_decimals=0, level=100.0, minute_trades=4)
    return {"spot": (spot,), "um": um, "cm": (cm,)}


def gateway_of(venue: BinanceHarness, store: Any, rules: dict[Any, Instrument], holder: str) -> Gateway:
    """A gateway as a new process has it."""
    risk = RiskDesk(RuleSet(enforced=()))
    risk.books[venue.name] = ExposureBook(venue.name, rules.get)
    account = TradingAccount(name=venue.name, venue="binance", market="um")
    clock = venue.bench.clock

    async def told(_work: Any, _payload: Any) -> None:
        """Nobody listens."""

    return Gateway(
        venue.trading,
        store,
        clock,
        check=risk,
        books=Bookkeeper(account, rules.get, clock),
        told=told,
        holder=holder,
        config=GatewayConfig(lease_ms=3_000),
    )


async def place(gateway: Gateway, rules: dict[Any, Instrument], account: str, count: int) -> None:
    """Let so many orders rest, spread over the symbols, twenty at a time."""
    instruments = sorted((item for item in rules.values()), key=lambda item: str(item.id))
    wanted = []
    for number in range(count):
        instrument = instruments[number % len(instruments)]
        price = instrument.round_price(Decimal(20) + Decimal(number % 7), "buy")
        terms = OrderTerms(
            account=account, instrument=instrument.id, side="buy", quantity=Decimal("0.5"), type="limit", limit_price=price
        )
        wanted.append(Intent(intent_id=intent_id(account, "d1", f"e{number}"), terms=terms, deployment="d1"))
    for low in range(0, count, 20):
        await gateway.extend()
        for made in await gateway.submit(wanted[low : low + 20]):
            assert isinstance(made, Order), made
            assert made.state is OrderState.OPEN, (made.state, made.evidence)


async def recovered(rounds: int, count: int) -> list[float]:
    """Seconds of each start."""
    took: list[float] = []
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(bench(start_ms=None, symbols=listed()))
        venue = BinanceHarness(made, "um")
        stack.push_async_callback(venue.close)
        await venue.open()
        rules = {item.id: item for item in made.listed["um"].values()}
        store = await stack.enter_async_context(sqlite_store(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        first = gateway_of(venue, store, rules, "killed")
        assert await first.start()
        await place(first, rules, venue.name, count)
        for number in range(rounds):
            await asyncio.sleep(3.1)  # the lease of the one before has ended
            began = time.perf_counter()
            gateway = gateway_of(venue, store, rules, f"successor{number}")
            assert await gateway.start()
            assert gateway.ready
            took.append(time.perf_counter() - began)
            assert len(await gateway.unresolved()) == 0
            assert len(gateway._keeper.memory.open()) == count
    return took


def results(plan: Plan) -> list[Result]:
    """The row."""
    count = 200 if plan.quick else 1_000
    took = asyncio.run(recovered(plan.rounds(6), count))
    worst = max(took)
    return [
        Result(
            what=f"kill to strategies allowed, {count:,} open orders on {SYMBOLS} symbols",
            asked=f"p99 <= {ASKED_S:g} s",
            measured=f"worst of {len(took)}: {worst:.2f} s, median {sorted(took)[len(took) // 2]:.2f} s",
            ok=worst <= ASKED_S,
            figures={"seconds": took},
            note="without the wait for a foreign lease, 6 s at most; the simulator's limits of orders and weight are lifted",
        )
    ]
