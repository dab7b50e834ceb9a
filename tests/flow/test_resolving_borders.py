"""When absence is believed, to the nanosecond, and which of the orders that the venue lists is the one in doubt."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.execution_rig import BTC, Rig

from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import OrderState
from quantservice.services.execution import resolving
from quantservice.services.execution.resolving import ResolvingConfig

#: When absence is believed (the venue rules ask for it), and how patient the loop is: changed on purpose only.
FIGURES = {
    "settle_s": 15.0,
    "scans": 2,
    "apart_s": 5.0,
    "no_deadline_s": 600.0,
    "no_deadline_scans": 5,
    "overlap_s": 60.0,
    "fills_within_s": 1.0,
}
ETH = InstrumentId("binance", "um", "ETH-USDT-PERP")


async def test_the_figures_are_these(rig: Rig) -> None:
    assert msgspec.to_builtins(ResolvingConfig()) == FIGURES
    assert (resolving._LATE_MS, resolving._TOLD_AFTER, resolving._BACK_OFF_S) == (5_000, 2, (1.0, 2.0, 4.0, 8.0, 15.0, 30.0))
    now_ms = rig.clock.now_ms()
    late = [rig.gateway.resolver._is_late(now_ms - age_ms) for age_ms in (0, 5_000, 5_001)]
    assert late == [False, False, True], "what is younger may still be on its way through the stream"


async def test_a_scan_counts_from_the_instant_on_and_the_next_five_seconds_later(rig: Rig) -> None:
    rig.venue.script = ["lost_request"]
    intent = rig.intent()
    await rig.gateway.submit([intent])
    await rig.clock.advance(20.0 - 1e-6)  # its deadline is 5 s after the send, and 15 s more are for the venue's own lag
    await rig.gateway.resolve()
    assert rig.gateway.resolver._scans == {}
    await rig.clock.advance(1e-6)
    await rig.gateway.resolve()
    assert rig.gateway.resolver._scans[intent.client_id] == (1, rig.clock.now_ns())
    await rig.clock.advance(5.0 - 1e-6)
    await rig.gateway.resolve()
    assert (await rig.order(intent)).state is OrderState.UNKNOWN
    await rig.clock.advance(1e-6)
    await rig.gateway.resolve()
    order = await rig.order(intent)
    assert order.state is OrderState.NOT_SENT
    assert order.evidence is not None
    assert (order.evidence.source, order.evidence.reference) == ("absence", "2 scans")
    assert rig.gateway.resolver._scans == {}


async def test_an_order_that_only_the_list_shows_is_found_among_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = rig.intent(type="limit", limit_price=rig.venue.wallet)
    await rig.gateway.submit([rig.intent("other", type="limit", limit_price=rig.venue.wallet)])
    rig.venue.script = ["lost_answer"]
    await rig.gateway.submit([intent])
    ours = rig.venue.orders.pop(intent.client_id)
    rig.venue.orders["elsewhere"] = msgspec.structs.replace(ours, instrument=ETH, venue_order_id="9")  # the id of ours, by chance
    rig.venue.orders[intent.client_id] = ours

    async def blind(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(rig.venue, "find", blind)
    await rig.clock.advance(25.0)
    await rig.gateway.resolve()
    order = await rig.order(intent)
    assert (order.state, order.venue_order_id, order.terms.instrument) == (OrderState.OPEN, ours.venue_order_id, BTC)
    assert len(rig.venue.sent) == 2
