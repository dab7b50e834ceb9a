"""ST2: the disk under the trading store is really full. Orders are refused in a sentence, cancels go, room heals without hands."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import trading_binance
from tests.support.trading_desk import Desk, trading

from quantservice.core.errors import EnvironmentFault
from quantservice.core.orders import Order, OrderState

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
SIZE = "6m"
MOST = 400  # orders after which the store's own spare pages are surely used up


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount a file system: a full disk cannot be made here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write until not one byte more goes."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


async def refused(desk: Desk) -> tuple[str, list[Order]]:
    """Place orders until one is refused; return why, and those that were taken before."""
    taken: list[Order] = []
    for _ in range(MOST):
        intent = desk.intent(type="limit", limit_price=await desk.venue.price("0.9"))
        sent = desk.venue.received("submit")
        try:
            (order,) = await desk.gateway.submit([intent])
        except EnvironmentFault as fault:
            assert desk.venue.received("submit") == sent, "it was sent though it could not be kept"
            desk.intents.remove(intent)
            return str(fault), taken
        assert isinstance(order, Order)
        taken.append(order)
    raise AssertionError("the disk was never full")


async def test_st2_a_full_disk_refuses_orders_lets_cancels_go_and_heals(small_disk: Path) -> None:
    async with trading_binance.bench(start_ms=None) as made:
        venue: Any = trading_binance.BinanceHarness(made, "um")
        try:
            await venue.open()
            async with trading(venue, small_disk) as desk:
                resting = desk.intent(type="limit", limit_price=await venue.price("0.95"))
                await desk.gateway.submit([resting])
                await desk.until(resting, OrderState.OPEN)
                filler = fill(small_disk)
                sentence, taken = await refused(desk)
                assert "full" in sentence or "room" in sentence, sentence
                assert "Traceback" not in sentence
                with pytest.raises(EnvironmentFault):
                    await desk.gateway.cancel(resting.client_id)
                assert (await venue.truth()).order(resting.client_id)["live"] is False, "a cancel waits for no disk"
                again, _ = await refused(desk)
                assert again
                filler.unlink()
                await desk.eventually(lambda: desk.gateway.ready)
                await desk.until(resting, OrderState.CANCELLED)
                bought = desk.intent()
                await _placed(desk, bought)
                await desk.until(bought, OrderState.FILLED)
                for order in taken:
                    assert (await desk.gateway.find(order.order_id)) is not None, "what was acknowledged is there"
                await desk.agrees()
            with sqlite3.connect(small_disk / "state.db") as store:
                assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        finally:
            await venue.close()


async def _placed(desk: Desk, intent: Any) -> None:
    """Place an order as soon as the account is ready again: the loop sees by itself that there is room."""
    async with asyncio.timeout(30.0):
        while True:
            try:
                await desk.gateway.submit([intent])
            except EnvironmentFault:
                await asyncio.sleep(0.05)
            else:
                return
