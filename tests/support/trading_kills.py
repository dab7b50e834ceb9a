"""Kill a trading process at a point, let another one go on, and compare what it knows with the venue's ledger."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.simulator.config import MarketName
from tests.support.trading_binance import BinanceHarness, bench
from tests.support.trading_child import Result, Task

WAIT_S = 60.0


async def killed_and_recovered(folder: Path, cases: Sequence[tuple[str, MarketName]]) -> int:
    """Run each case on an account of its own; return how many processes were killed at their point."""
    killed = 0
    async with bench(start_ms=None) as made:
        for number, (point, market) in enumerate(cases):
            venue = BinanceHarness(made, market)
            try:
                await venue.open()
                where = folder / f"case{number}"
                where.mkdir()
                killed += await _one(venue, where, point)
            finally:
                await venue.close()
    return killed


async def _one(venue: BinanceHarness, folder: Path, point: str) -> bool:
    simulator = venue.bench.simulator
    task = Task(
        folder=str(folder),
        rest_url=simulator.rest_url,
        ws_urls={str(market): url for market, url in simulator.ws_urls.items()},
        market=venue.market,
        account=venue.name,
        key=venue.keys["trade"],
        secret=venue.secret,
        symbol=venue.symbol,
        quantity=venue.quantity,
        limit_price=await venue.price("0.9"),
        point=point,
    )
    if point == "answer_lost":
        await venue.fault("lost_answer", on="submit")
    said = await _told(task)
    assert said == f"AT {point}", said
    said = await _told(msgspec.structs.replace(task, point=""))
    assert said.startswith("DONE "), said
    await _agrees(venue, msgspec.json.decode(said[5:], type=Result))
    return True


async def _told(task: Task) -> str:
    """Run a process until it says AT or DONE, then kill it; return the line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.trading_child", msgspec.json.encode(task).decode(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    try:
        async with asyncio.timeout(WAIT_S):
            async for raw in process.stdout:
                line = raw.decode().strip()
                if line.startswith(("AT ", "DONE ")):
                    return line
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        text = (await errors).decode()[-3_000:]
    return f"it ended without a word: {text}"


async def _agrees(venue: BinanceHarness, known: Result) -> None:
    truth = await venue.truth()
    ours = {_client_id(venue, cause) for cause in ("bought", "resting")}
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


def _client_id(venue: BinanceHarness, cause: str) -> str:
    terms = OrderTerms(account=venue.name, instrument=venue.instrument, side="buy", quantity=venue.quantity)
    return Intent(intent_id=intent_id(venue.name, "d1", cause), terms=terms, deployment="d1").client_id
