"""CL1: the machine's clock is stepped under a process that trades: it asks the venue's at most once a step, and trades on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.trading_desk import HARNESSES, trading
from tests.support.trading_kills import BENCHES

from quantservice.adapters.clock.system import SystemClock
from quantservice.core.errors import QuantServiceError
from quantservice.core.intents import Intent
from quantservice.core.orders import OrderState

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
#: seconds; the last two also end a lease, or make it last too long
STEPS = (0.5, -0.5, 2.0, -2.0, 5.0, -5.0, 60.0, -60.0, -3_600.0, 3_600.0)


class SteppedClock(SystemClock):
    """A wall clock that somebody sets; what is monotonic stays so."""

    def __init__(self) -> None:
        super().__init__()
        self.off_ns = 0

    def now_ns(self) -> int:
        """UTC in nanoseconds as this machine has it."""
        return super().now_ns() + self.off_ns

    def now_ms(self) -> int:
        """The same in milliseconds."""
        return self.now_ns() // 1_000_000


@pytest.mark.parametrize(("of", "market"), [("binance", "um"), ("binance", "spot"), ("okx", "um"), ("htx", "um")])
async def test_cl1_a_stepped_clock_stops_no_order_and_ages_none(of: str, market: str, tmp_path: Path) -> None:
    bench, _ = BENCHES[of]
    async with bench(start_ms=None) as made:
        made.clock = clock = SteppedClock()
        venue: Any = HARNESSES[of](made, market)
        try:
            await venue.open()
            async with trading(venue, tmp_path) as desk:
                for number, step_s in enumerate(STEPS):
                    clock.off_ns += round(step_s * 1e9)
                    asked = venue.received("submit")
                    intent = desk.intent("sell" if number % 2 else "buy")
                    await _placed(desk, intent)
                    await desk.until(intent, OrderState.FILLED)
                    assert venue.received("submit") - asked <= 2, "one refusal for the stamp at most"
                    assert len((await venue.truth()).all(intent.client_id)) == 1
                await desk.agrees()
        finally:
            await venue.close()


async def _placed(desk: Any, intent: Intent) -> None:
    """Place an order; where the step ended the lease, as soon as the account's loop has it again."""
    while True:
        await desk.eventually(lambda: desk.gateway.ready)
        try:
            await desk.gateway.submit([intent])
        except QuantServiceError:
            continue
        return
