"""Kill a trading process at a point, let another one go on, and compare what it knows with the venue's ledger."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantservice.core.intents import Intent, OrderTerms, intent_id
from tests.support import trading_binance, trading_ccxt, trading_htx, trading_okx
from tests.support.forked import Forked, ForkServer
from tests.support.trading_child import Result, Task

WAIT_S = 60.0
_AT_ONCE = 3  # cases: most of their time they wait for a lease to run out
_MOST_SAID = 2**22  # bytes of a line, and of what may wait to be read: nobody reads its log while it works

_CHILDREN = ForkServer("tests.support.trading_child")

#: how a venue is put on the bench
BENCHES: dict[str, tuple[Any, Any]] = {
    "binance": (trading_binance.bench, trading_binance.BinanceHarness),
    "htx": (trading_htx.bench, trading_htx.HtxHarness),
    "okx": (trading_okx.bench, trading_okx.OkxHarness),
    "ccxt-binance": (trading_binance.bench, trading_ccxt.BinanceByCcxt),
    "ccxt-okx": (trading_okx.bench, trading_ccxt.OkxByCcxt),
}


async def killed_and_recovered(folder: Path, cases: Sequence[tuple[str, str]], *, of: str = "binance") -> int:
    """Run each case on an account of its own; return how many processes were killed at their point. ``of``: the venue."""
    bench, harness = BENCHES[of]
    turn = asyncio.Semaphore(_AT_ONCE)
    alone = asyncio.Lock()  # a fault is the venue's: it would meet an order of another account

    async def case(number: int, point: str, market: str) -> bool:
        async with turn, alone if point == "answer_lost" else contextlib.nullcontext():
            venue = harness(made, market)
            try:
                await venue.open()
                where = folder / f"case{number}"
                where.mkdir()
                return await _one(venue, where, point)
            finally:
                await venue.close()

    async with bench(start_ms=None) as made, asyncio.TaskGroup() as group:
        running = [group.create_task(case(number, *what)) for number, what in enumerate(cases)]
    return sum(task.result() for task in running)


async def paused_and_fenced(folder: Path, cases: Sequence[tuple[str, str]], *, of: str = "binance") -> int:
    """Stop a process at its point with SIGSTOP, let another one take over and end, let the first go on; return how many.

    What the second one knows stays true: the first sends nothing any more.
    """
    bench, harness = BENCHES[of]
    async with bench(start_ms=None) as made:
        for number, (point, market) in enumerate(cases):
            venue = harness(made, market)
            try:
                await venue.open()
                where = folder / f"pause{number}"
                where.mkdir()
                await _fenced(venue, where, point)
            finally:
                await venue.close()
    return len(cases)


async def _fenced(venue: Any, folder: Path, point: str) -> None:
    task = await _task(venue, folder, point, pauses=True)
    first = await _process(task)
    try:
        said = await _line(first)
        assert said == f"AT {point}", said
        said = await _told(msgspec.structs.replace(task, point="", pauses=False))
        assert said.startswith("DONE "), said
        known = msgspec.json.decode(said[5:], type=Result)
        before = [order["order_id"] for order in (await venue.truth()).orders]
        first.send_signal(signal.SIGCONT)
        said = await _line(first)
        assert said.startswith("DONE ") or "EnvironmentFault" in said, said
        after = [order["order_id"] for order in (await venue.truth()).orders]
        assert after == before, "a process that had lost the account placed an order"
        await _agrees(venue, known)
    finally:
        await first.end()


async def _one(venue: Any, folder: Path, point: str) -> bool:
    task = await _task(venue, folder, point)
    if point == "answer_lost":
        await venue.fault("lost_answer", on="submit")
    said = await _told(task)
    assert said == f"AT {point}", said
    said = await _told(msgspec.structs.replace(task, point=""))
    assert said.startswith("DONE "), said
    await _agrees(venue, msgspec.json.decode(said[5:], type=Result))
    return True


async def _task(venue: Any, folder: Path, point: str, **more: Any) -> Task:
    simulator = venue.bench.simulator
    return Task(
        folder=str(folder),
        rest_url=simulator.rest_url,
        ws_urls={str(market): url for market, url in simulator.ws_urls.items()},
        market=venue.market,
        account=venue.name,
        key=venue.keys["trade"],
        secret=venue.secret,
        instrument=str(venue.instrument),
        venue=venue.trading.venue,
        passphrase=getattr(venue, "passphrase", ""),
        quantity=venue.quantity,
        limit_price=await venue.price("0.9"),
        point=point,
        **more,
    )


async def _told(task: Task) -> str:
    """Run a process until it says AT or DONE, then kill it; return the line."""
    process = await _process(task)
    try:
        return await _line(process)
    finally:
        await process.end()


async def _process(task: Task) -> Forked:
    return await _CHILDREN.fork(msgspec.json.encode(task).decode(), limit=_MOST_SAID)


async def _line(process: Forked) -> str:
    """Wait until a process says AT or DONE; return the line, or its last words where it ended without."""
    async with asyncio.timeout(WAIT_S):
        async for raw in process.stdout:
            line = raw.decode().strip()
            if line.startswith(("AT ", "DONE ")):
                return line
        text = (await process.stderr.read()).decode()
    return f"it ended without a word: {text[-3_000:]}"


async def _agrees(venue: Any, known: Result) -> None:
    ours = {_client_id(venue, cause) for cause in ("bought", "resting")}
    for name in ours:
        venue.note(name)
    truth = await venue.truth()
    for name in ours:
        assert len(truth.all(name)) <= 1, f"{name} is twice at the venue"
        state, filled, _, evidence = known.orders[name]
        assert filled == truth.filled(name), f"{name} is filled {filled}, the venue says {truth.filled(name)}"
        assert evidence, f"{name} is {state} without evidence"
        assert (state == "not_sent") == (truth.all(name) == []), f"{name} is {state}, the venue has {truth.all(name)}"
    assert known.trades == sorted(str(fill["trade_id"]) for fill in truth.fills)
    assert {name for name, (_, _, external, _) in known.orders.items() if external} == set()
    assert {str(order["client_id"]) for order in truth.orders} <= ours
    assert known.wallet == {currency: amount for currency, amount in truth.wallets.items() if amount}
    if venue.means.positions:
        assert known.positions == {side: quantity for side, quantity in truth.positions.items() if quantity}
    assert (known.differing, known.unexplained) == ([], dict[str, Decimal]())


def _client_id(venue: Any, cause: str) -> str:
    terms = OrderTerms(account=venue.name, instrument=venue.instrument, side="buy", quantity=venue.quantity)
    return Intent(intent_id=intent_id(venue.name, "d1", cause), terms=terms, deployment="d1").client_id
